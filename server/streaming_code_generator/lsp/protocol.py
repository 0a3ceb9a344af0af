"""pygls' protocol with the parts replaced that do not hold here.

- Document synchronisation goes to our own mirror: pygls splits lines by other rules than LSP's,
  and pays for each change by the document's length.
- A cancelled command stops: pygls answers the request and lets the command run on.
- A message that cannot be understood is answered, and never ends the server.
- What a failing handler raised stays in the log: pygls sends its traceback to the client.
"""

import logging
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from lsprotocol import types
from pygls.exceptions import (
    JsonRpcException,
    JsonRpcInvalidParams,
    JsonRpcInvalidRequest,
)
from pygls.protocol import LanguageServerProtocol, lsp_method
from pygls.protocol.json_rpc import JsonRPCNotification, RPCMessage

from streaming_code_generator.lsp.connection import StreamWriter

logger = logging.getLogger(__name__)

_ANSWERED = "$/streamingCodeGenerator/answered"
"""Stands for a request that was refused while it was read."""

CommandHandler = Callable[[object], Coroutine[Any, Any, object]]


class Listener(Protocol):
    """What the protocol tells the server, besides features and commands."""

    def document_opened(self, document: types.TextDocumentItem) -> None: ...  # noqa: D102

    def document_changed(self, params: types.DidChangeTextDocumentParams) -> None: ...  # noqa: D102

    def document_closed(self, uri: str) -> None: ...  # noqa: D102

    def progress_cancelled(self, token: str | int) -> None: ...  # noqa: D102

    def exit_requested(self, exit_code: int) -> None: ...  # noqa: D102


class StreamingProtocol(LanguageServerProtocol):
    """The server's end of the conversation."""

    listener: Listener
    command_handlers: dict[str, CommandHandler]

    def receive(self, message: object) -> None:
        """Handle one decoded message; nothing in it makes this raise."""
        if not isinstance(message, dict) or message.get("jsonrpc") != self.VERSION:
            self.refuse_unreadable(JsonRpcInvalidRequest("This is not a JSON-RPC 2.0 message."))
            return
        try:
            self.handle_message(self.structure_message(message))
        except JsonRpcException as error:
            logger.warning("cannot handle a message: %s", error.message)

    def refuse_unreadable(self, error: JsonRpcException) -> None:
        """Answer a message whose id cannot be told (JSON-RPC 2.0, section 5: `id` is null)."""
        self._send_data(
            {
                "jsonrpc": self.VERSION,
                "id": None,
                "error": {"code": error.code, "message": str(error)},
            }
        )

    def structure_message(self, data: dict[str, Any]) -> RPCMessage:
        """Give a message its type; a request that does not fit its type is answered here."""
        message_id, method = data.get("id"), data.get("method")
        if isinstance(method, str) and "params" not in data:
            data = {**data, "params": None}
        try:
            message: RPCMessage = super().structure_message(data)
        except JsonRpcException:
            if message_id is None or method is None:
                raise
            refusal = JsonRpcInvalidParams(f"The parameters of `{method}` do not fit the protocol.")
            self._send_response(message_id, error=refusal.to_response_error())
            return JsonRPCNotification(method=_ANSWERED, jsonrpc=self.VERSION, params=None)
        return message

    @property
    def is_congested(self) -> bool:
        """Whether the client has stopped reading."""
        return isinstance(self.writer, StreamWriter) and self.writer.is_congested

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        """Keep an exact copy of the document from now on."""
        self.listener.document_opened(params.text_document)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        """Follow a change of the document."""
        self.listener.document_changed(params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        """Forget the document."""
        self.listener.document_closed(params.text_document.uri)

    @lsp_method(types.WINDOW_WORK_DONE_PROGRESS_CANCEL)
    def lsp_work_done_progress_cancel(self, params: types.WorkDoneProgressCancelParams) -> None:
        """Cancel what runs under the token."""
        self.listener.progress_cancelled(params.token)

    @lsp_method(types.WORKSPACE_EXECUTE_COMMAND)
    async def lsp_workspace__execute_command(  # type: ignore[override]  # pygls has a generator
        self, params: types.ExecuteCommandParams
    ) -> object:
        """Run a command inside the request's own task, so that cancelling one cancels both."""
        handler = self.command_handlers.get(params.command)
        if handler is None:
            raise JsonRpcInvalidParams(f"`{params.command}` is not a command of this server.")
        return await handler(params.arguments)

    @lsp_method(types.EXIT)
    def lsp_exit(self, *_: object) -> None:  # type: ignore[override]  # pygls has a generator
        """End the server: with success if `shutdown` came first."""
        self.listener.exit_requested(0 if self._shutdown else 1)
