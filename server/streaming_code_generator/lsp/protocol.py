"""pygls' protocol with the parts replaced that do not hold here.

- Document synchronisation goes to our own mirror: pygls splits lines by other rules than LSP's,
  and pays for each change by the document's length.
- A cancelled request stops its command's handler: pygls responds and lets the handler run on.
- A command's handler starts before the next message is read: pygls starts it some messages later.
  The same holds for requests whose place in the document the next message may change.
- Every request gets a response, the untimely and the unreadable too, and none ends the server.
- What a failing handler raised stays in the log: pygls sends its traceback to the client. A request
  that a handler refuses is no failure, and is not logged as one.
- The messages of documents and of every edit, `workspace/applyEdit` and its response, go through as
  they are: as lsprotocol's objects, made by cattrs, each would cost a millisecond.
- Messages are queued for a client that does not read (see `output`), and generations wait while
  the queue is full: pygls writes with a blocking call, which would hold up cancel requests too.
"""

import asyncio
import itertools
import json
import logging
from collections.abc import Callable, Coroutine, Generator, Iterator, Mapping
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from typing import Any, NoReturn, Protocol

from attrs import evolve
from lsprotocol import types
from pygls.exceptions import (
    JsonRpcException,
    JsonRpcInvalidParams,
    JsonRpcInvalidRequest,
    JsonRpcRequestCancelled,
)
from pygls.protocol import LanguageServerProtocol, lsp_method
from pygls.protocol.json_rpc import (
    JsonRPCNotification,
    JsonRPCRequestMessage,
    JsonRPCResponseMessage,
    MsgId,
    RPCMessage,
)

from streaming_code_generator.errors import StreamingError
from streaming_code_generator.lsp.output import MessageWriter, encoded, framed, header, is_long
from streaming_code_generator.lsp.wire.error_responses import (
    internal_error,
    request_failed,
    unfit_parameters,
)
from streaming_code_generator.lsp.wire.names import DID_UNDO, JsonObject, Token
from streaming_code_generator.lsp.wire.uris import is_uri

logger = logging.getLogger(__name__)

SERVER_NOT_INITIALIZED = -32002
"""Source: LSP 3.17, Base Protocol, ErrorCodes."""

_ENVELOPE = frozenset({"jsonrpc", "id", "method", "params", "result", "error"})
"""What a message may hold; whatever else stands there is left out."""


_OF_DOCUMENTS = frozenset(
    {
        types.TEXT_DOCUMENT_DID_OPEN,
        types.TEXT_DOCUMENT_DID_CHANGE,
        types.TEXT_DOCUMENT_DID_CLOSE,
        DID_UNDO,
    }
)
"""The notifications that go to the listener as they came."""


class DocumentListener(Protocol):
    """Handles the notifications of documents."""

    def notified(self, method: str, params: object) -> None:
        """Handle a notification.

        Raises:
            JsonRpcInvalidParams: Its parameters cannot be used.
        """


class Listener(Protocol):
    """Handles the messages that are no features or commands."""

    @property
    def documents(self) -> DocumentListener: ...  # noqa: D102

    def client_ready(self) -> None: ...  # noqa: D102

    def progress_cancelled(self, token: str | int) -> None: ...  # noqa: D102

    async def close(self) -> None: ...  # noqa: D102

    def exit_requested(self, exit_code: int) -> None: ...  # noqa: D102


CommandHandler = Callable[[object, ExitStack], Coroutine[Any, Any, object]]
"""The handler of a command: gets its arguments, and what to close when its request has ended.

What it does before it returns comes before the next message; only its coroutine waits."""


def _unknown(command: str) -> CommandHandler:
    async def refuse(_arguments: object, _ended: ExitStack) -> object:
        raise JsonRpcInvalidParams(f"`{command}` is not a command of this server.")

    return refuse


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


class StreamingProtocol(LanguageServerProtocol):
    """The server's side of JSON-RPC and LSP."""

    listener: Listener
    command_handlers: dict[str, CommandHandler]
    request_handlers: dict[str, CommandHandler]
    """Of requests that must begin before the next message is read, by method."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Wait for nothing yet; the arguments are pygls' own."""
        super().__init__(*arguments, **options)
        self._edit_numbers = itertools.count(1)
        self._edits_sent: dict[object, Callable[[JsonObject], None]] = {}
        """Who waits for the response to each edit, by its id."""
        self._long_sent: asyncio.Future[None] | None = None
        """The latest that went over a web socket, which nothing else holds."""

    # Receiving

    def receive(self, message: object) -> None:
        """Handle one decoded message: a request, a notification or a response. Never raises."""
        if not isinstance(message, dict) or message.get("jsonrpc") != self.VERSION:
            self.refuse_unreadable(JsonRpcInvalidRequest("This is not a JSON-RPC 2.0 message."))
            return
        if self._receive_of_document(message):
            return
        message = {name: value for name, value in message.items() if name in _ENVELOPE}
        if "method" in message:
            self._receive_call(message)
        elif isinstance(message.get("id"), str | int):
            self._receive_response(message)
        else:
            logger.warning("received a message that is neither a request nor a response")

    def _receive_of_document(self, message: JsonObject) -> bool:
        """Handle what comes with every edit, its change and its response, the shortest way."""
        method, message_id = message.get("method"), message.get("id")
        try:
            if method is None and isinstance(message_id, str):
                replied = self._edits_sent.pop(message_id, None)
                if replied is not None:
                    replied(message)
                    return True
            elif message_id is None and self._untimely(method) is None and method in _OF_DOCUMENTS:
                self.listener.documents.notified(method, message.get("params"))
                return True
        except JsonRpcException as error:
            logger.warning("cannot handle a `%s` message: %s", method, error.message)
            return True
        except Exception:
            logger.exception("an edit was not followed by a fault of our own")
            return True
        return False

    def _receive_call(self, message: dict[str, Any]) -> None:
        message_id, method = message.get("id"), message["method"]
        refusal = self._untimely(method)
        if refusal is None:
            try:
                # JSON-RPC 2.0 lets a message without parameters leave them out.
                self.handle_message(self.structure_message({"params": None, **message}))
            except JsonRpcException as error:
                logger.warning("cannot handle a `%s` message: %s", method, error.message)
                refusal = error
        if refusal is not None and isinstance(message_id, str | int):
            self._send_response(message_id, error=refusal.to_response_error())

    def _untimely(self, method: object) -> JsonRpcException | None:
        """Return why a request or notification cannot be handled now; None if it can."""
        if not isinstance(method, str):
            return JsonRpcInvalidRequest("`method` must be a string.")
        if method == types.EXIT:
            return None
        if self._shutdown:
            return JsonRpcInvalidRequest(f"`{method}` came after `shutdown`.")
        if self._workspace is None and method != types.INITIALIZE:
            return JsonRpcException(
                f"`{method}` came before `initialize`.", code=SERVER_NOT_INITIALIZED
            )
        if self._workspace is not None and method == types.INITIALIZE:
            return JsonRpcInvalidRequest("`initialize` came twice.")
        return None

    def _receive_response(self, message: dict[str, Any]) -> None:
        # Some clients send `"error": null` beside a result; JSON-RPC 2.0 has one or the other.
        if message.get("error") is None:
            message = {name: value for name, value in message.items() if name != "error"}
        try:
            self.handle_message(self.structure_message({"result": None, **message}))
        except JsonRpcException as error:
            # Such as null where a result is wanted: to the waiting request, a refusal.
            self._handle_response(message["id"], error=error.to_response_error())

    def structure_message(self, data: dict[str, Any]) -> RPCMessage:
        """Give a message its type.

        Raises:
            JsonRpcInvalidParams: It does not fit it.
        """
        try:
            message: RPCMessage = self._converter.structure(data, self._type_of(data))
        except Exception as error:
            # cattrs raises whatever a field's type does; its text may hold the document's.
            if method := data.get("method"):
                raise unfit_parameters(method) from error
            raise JsonRpcInvalidParams("The answer does not fit the protocol.") from error
        return message

    def _type_of(self, data: dict[str, Any]) -> Any:
        if "method" in data:
            untyped = JsonRPCRequestMessage if "id" in data else JsonRPCNotification
            return self.get_message_type(data["method"]) or untyped
        if "error" in data:
            return types.ResponseErrorMessage
        return self._result_types.pop(data["id"], None) or JsonRPCResponseMessage

    def _handle_cancel_notification(self, msg_id: MsgId) -> None:
        # cattrs lets anything pass for an id, and pygls looks it up in a dictionary.
        if isinstance(msg_id, str | int):
            super()._handle_cancel_notification(msg_id)

    def _handle_request(self, msg_id: MsgId, method_name: str, params: Any) -> None:
        ended = ExitStack()
        if method_name == types.WORKSPACE_EXECUTE_COMMAND:
            self._ctx_msg_id.set(msg_id)
            arguments = with_work_done_token(params.arguments, params.work_done_token)
            handler = self.command_handlers.get(params.command, _unknown(params.command))
            command = handler(arguments, ended)
        elif method_name in self.request_handlers:
            command = self.request_handlers[method_name](params, ended)
        else:
            super()._handle_request(msg_id, method_name, params)
            return

        def answer(future: "Future[Any]") -> None:
            ended.close()
            self._send_handler_result(future, msg_id=msg_id)

        # pygls would await the handler in a task of its own and leave that running when the client
        # cancels; and it would start it after messages that came later, such as a `didChange` that
        # moves the very place the request names.
        # Inside the request's own task, so that cancelling one cancels both.
        task = asyncio.ensure_future(self._encoded_if_long(command))
        ended.callback(command.close)  # as in `translating`
        self._request_futures[msg_id] = task  # type: ignore[assignment]  # pygls does the same
        task.add_done_callback(answer)  # type: ignore[arg-type]

    async def _encoded_if_long(self, command: Coroutine[Any, Any, object]) -> object:
        result = await command
        if not is_long(result):
            return result
        return await asyncio.to_thread(encoded, result, self._serialize_message)

    def _handle_response(
        self, msg_id: MsgId, result: object = None, error: types.ResponseError | None = None
    ) -> None:
        waiting = self._request_futures.get(msg_id)
        if waiting is not None and waiting.done():
            # The response came after its request was given up.
            del self._request_futures[msg_id]
            return
        super()._handle_response(msg_id, result, error)

    # Sending

    def refuse_unreadable(self, error: JsonRpcException) -> None:
        """Answer a message whose id cannot be read (JSON-RPC 2.0, section 5: `id` is null)."""
        self._send_data(
            {
                "jsonrpc": self.VERSION,
                "id": None,
                "error": {"code": error.code, "message": str(error)},
            }
        )

    def send_edit_request(
        self, edit: JsonObject, label: str | None, replied: Callable[[JsonObject], None]
    ) -> None:
        """Send `workspace/applyEdit`; `replied` is called with the client's response."""
        message_id = f"edit-{next(self._edit_numbers)}"
        self._edits_sent[message_id] = replied
        message = {
            "id": message_id,
            "params": {"edit": edit, **({"label": label} if label else {})},
            "method": types.WORKSPACE_APPLY_EDIT,
            "jsonrpc": self.VERSION,
        }
        if isinstance(self.writer, MessageWriter):
            self.writer.write(framed(message))
        else:
            self._send_data(message)

    def send_encoded(self, head: JsonObject, name: str, value: bytes) -> None:
        """Send a message whose result or parameters, under their name, are JSON already."""
        beginning = f'{json.dumps({"jsonrpc": self.VERSION, **head})[:-1]}, "{name}": '.encode()
        if isinstance(self.writer, MessageWriter):
            # By parts: joining what is long would copy it once more.
            self.writer.write(header(len(beginning) + len(value) + 1) + beginning)
            self.writer.write(value)
            self.writer.write(b"}")
        elif self.writer is not None:
            sent = self.writer.write(beginning + value + b"}")
            self._long_sent = asyncio.ensure_future(sent) if sent else None

    def _send_handler_result(self, future: "Future[Any]", *, msg_id: MsgId) -> None:
        self._request_futures.pop(msg_id, None)
        error = JsonRpcRequestCancelled("Cancelled.") if future.cancelled() else future.exception()
        if error is None:
            result = future.result()
            if isinstance(result, bytes):
                self._result_types.pop(msg_id, None)
                self.send_encoded({"id": msg_id}, "result", result)
            else:
                self._send_response(msg_id, result=result)
            return
        if not isinstance(error, JsonRpcException):
            logger.error("a request failed by a fault of our own", exc_info=error)
            error = internal_error()
        self._send_response(msg_id, error=error.to_response_error())

    @property
    def is_congested(self) -> bool:
        """Whether the client has stopped reading; over web sockets no count is kept."""
        return isinstance(self.writer, MessageWriter) and self.writer.is_congested

    async def until_read(self) -> None:
        """Wait until a client that has stopped reading goes on.

        Cancellation: at once.
        """
        if isinstance(self.writer, MessageWriter) and self.writer.is_congested:
            await self.writer.until_read()

    # Handlers that replace those of pygls

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(
        self, params: types.InitializeParams
    ) -> Generator[Any, Any, types.InitializeResult]:
        """Introduce the server; roots that cannot be read are no reason to fail."""
        return (yield from super().lsp_initialize(with_readable_roots(params)))

    @lsp_method(types.INITIALIZED)
    def lsp_initialized(self, *_: object) -> None:
        """Handle `initialized`: from now on the server may send requests."""
        self.listener.client_ready()

    @lsp_method(types.WINDOW_WORK_DONE_PROGRESS_CANCEL)
    def lsp_work_done_progress_cancel(self, params: types.WorkDoneProgressCancelParams) -> None:
        """Handle the notification: cancel what runs under the token."""
        self.listener.progress_cancelled(params.token)

    @lsp_method(types.SHUTDOWN)
    async def lsp_shutdown(self, *_: object) -> None:  # type: ignore[override]  # as above
        """Handle the request: end what runs; from then on nothing but `exit` is taken."""
        await self.listener.close()
        # Every request that is still open gets a response before `shutdown` gets its own.
        own_id = self.msg_id
        for message_id, future in list(self._request_futures.items()):
            if message_id != own_id:
                future.cancel()
        self._edits_sent.clear()
        self._shutdown = True

    @lsp_method(types.EXIT)
    def lsp_exit(self, *_: object) -> None:  # type: ignore[override]  # as above
        """Handle the notification: end the server, with success if `shutdown` came first."""
        self.listener.exit_requested(0 if self._shutdown else 1)


def with_work_done_token(arguments: object, token: Token | None) -> object:
    """Return a command's arguments with the token that stands beside them, if they have none."""
    if token is None or not isinstance(arguments, list | tuple) or len(arguments) > 1:
        return arguments
    argument = arguments[0] if arguments else {}
    if not isinstance(argument, Mapping) or argument.get("workDoneToken") is not None:
        return arguments
    return [{**argument, "workDoneToken": token}]


def with_readable_roots(params: types.InitializeParams) -> types.InitializeParams:
    """Leave out roots that are no URIs, such as `file://[`: the server works without a root."""
    folders = [folder for folder in params.workspace_folders or () if is_uri(folder.uri)]
    root_uri = params.root_uri if params.root_uri and is_uri(params.root_uri) else None
    return evolve(params, root_uri=root_uri, workspace_folders=folders)
