"""From our errors to the protocol's: a code, a sentence a user can act on, and no traceback."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NoReturn

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from streaming_code_generator.errors import StreamingError
from streaming_code_generator.logs import redacted

logger = logging.getLogger(__name__)

CommandHandler = Callable[[object, ExitStack], Coroutine[Any, Any, object]]
"""The handler of a command: gets its arguments, and what to close when its request has ended.

What it does before it returns comes before the next message; only its coroutine waits."""

INTERNAL = "Internal error; the server's log has the details."


def request_failed(error: StreamingError) -> JsonRpcException:
    """Return the error response to a request that failed."""
    data: dict[str, Any] = {"kind": error.kind, "attempts": error.attempts}
    if error.partial_text:
        data["partialText"] = error.partial_text
    return JsonRpcException(
        redacted(error.message), code=int(types.LSPErrorCodes.RequestFailed), data=data
    )


def internal_error() -> JsonRpcException:
    """Return the error response to a request that failed by a fault of ours."""
    return JsonRpcException(
        INTERNAL, code=int(types.LSPErrorCodes.RequestFailed), data={"kind": "internal"}
    )


def request_cancelled(reason: str, partial_text: str) -> JsonRpcException:
    """Return the error response to a request whose generation was cancelled by another request."""
    data = {"kind": "cancelled", **({"partialText": partial_text} if partial_text else {})}
    return JsonRpcException(reason, code=int(types.LSPErrorCodes.RequestCancelled), data=data)


def content_modified(message: str) -> JsonRpcException:
    """Return the error response to a request for an older version of its document."""
    return JsonRpcException(message, code=int(types.LSPErrorCodes.ContentModified))


@contextmanager
def translated() -> Iterator[None]:
    """Turn whatever a handler raises into an error response that says no more than it should."""
    try:
        yield
    except (JsonRpcException, asyncio.CancelledError):
        raise
    except StreamingError as error:
        raise request_failed(error) from error
    except Exception as error:
        logger.exception("a request failed by a fault of our own")
        raise internal_error() from error


def translating(handler: CommandHandler) -> CommandHandler:
    """Decorate a command's handler with `translated`: its coroutine, and what comes before it."""

    def begin(arguments: object, ended: ExitStack) -> Coroutine[Any, Any, object]:
        try:
            with translated():
                begun = handler(arguments, ended)
        except JsonRpcException as refusal:
            return _raise(refusal)
        # One that is cancelled before it has begun would be missed by the interpreter.
        ended.callback(begun.close)
        return _finish(begun)

    return begin


async def _finish(begun: Coroutine[Any, Any, object]) -> object:
    with translated():
        return await begun


async def _raise(error: JsonRpcException) -> NoReturn:
    raise error
