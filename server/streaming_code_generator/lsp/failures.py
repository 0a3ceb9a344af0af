"""From our errors to the protocol's: a code, a sentence a person can act on, and no traceback."""

import asyncio
import functools
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, ParamSpec, TypeVar

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from streaming_code_generator.errors import StreamingError
from streaming_code_generator.logs import redacted

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

INTERNAL = "Internal error; the server's log has the details."


def request_failed(error: StreamingError) -> JsonRpcException:
    """Return the response to a request that failed."""
    data: dict[str, Any] = {"kind": error.kind, "attempts": error.attempts}
    if error.partial_text:
        data["partialText"] = error.partial_text
    return JsonRpcException(
        redacted(error.message), code=int(types.LSPErrorCodes.RequestFailed), data=data
    )


def internal_error() -> JsonRpcException:
    """Return the response to a request that failed by a fault of ours."""
    return JsonRpcException(
        INTERNAL, code=int(types.LSPErrorCodes.RequestFailed), data={"kind": "internal"}
    )


def request_cancelled(reason: str, partial_text: str) -> JsonRpcException:
    """Return the response to a request that was cancelled by another road than its own."""
    data = {"kind": "cancelled", **({"partialText": partial_text} if partial_text else {})}
    return JsonRpcException(reason, code=int(types.LSPErrorCodes.RequestCancelled), data=data)


def content_modified(message: str) -> JsonRpcException:
    """Return the response to a request for a version that is no more."""
    return JsonRpcException(message, code=int(types.LSPErrorCodes.ContentModified))


@contextmanager
def translated() -> Iterator[None]:
    """Turn whatever a handler raises into a response that says no more than it should."""
    try:
        yield
    except (JsonRpcException, asyncio.CancelledError):
        raise
    except StreamingError as error:
        raise request_failed(error) from error
    except Exception as error:
        logger.exception("a request failed by a fault of our own")
        raise internal_error() from error


def translating(
    handler: Callable[P, Coroutine[Any, Any, R]],
) -> Callable[P, Coroutine[Any, Any, R]]:
    """Decorate a handler with `translated`, its coroutine and what it does before it."""

    @functools.wraps(handler)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        try:
            with translated():
                begun = handler(*args, **kwargs)
        except JsonRpcException as refusal:
            return _raise(refusal)
        return _finish(begun)

    return wrapper


async def _finish(begun: Coroutine[Any, Any, R]) -> R:
    with translated():
        return await begun


async def _raise(error: JsonRpcException) -> NoReturn:
    raise error
