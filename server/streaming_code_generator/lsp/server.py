"""The language server: all parts wired together."""

import asyncio
import functools
import logging
from collections.abc import Callable, Coroutine
from importlib.metadata import version
from typing import Any

from lsprotocol import types
from pygls.exceptions import FeatureRequestError
from pygls.lsp.server import LanguageServer

from streaming_code_generator.editing.text.lines import PositionEncoding
from streaming_code_generator.editing.writer import DocumentWriter
from streaming_code_generator.logs import LogSink, redacted
from streaming_code_generator.lsp.backend import Backend
from streaming_code_generator.lsp.capabilities import Capabilities, resolve_capabilities
from streaming_code_generator.lsp.client import Client
from streaming_code_generator.lsp.documents.context_files import WorkspaceReader
from streaming_code_generator.lsp.documents.edit_delivery import EditDelivery, EditForm
from streaming_code_generator.lsp.documents.open_documents import Documents
from streaming_code_generator.lsp.failures import CommandHandler, translating
from streaming_code_generator.lsp.features import commands, configuration
from streaming_code_generator.lsp.features.code_actions import KIND, code_actions, code_lenses
from streaming_code_generator.lsp.generations.registry import Generations
from streaming_code_generator.lsp.generations.reporter import Reporter
from streaming_code_generator.lsp.protocol import StreamingProtocol
from streaming_code_generator.lsp.state import ServerState
from streaming_code_generator.lsp.wire import (
    ACCEPT,
    CANCEL,
    COMMANDS,
    DID_UNDO,
    GENERATE,
    REMOVE,
    RETRY,
    SERVER_NAME,
    STATUS,
    parse_undo,
)
from streaming_code_generator.settings import ResolvedSettings, SettingsSources

logger = logging.getLogger(__name__)

SHUTDOWN_TIMEOUT_S = 1.5
"""Longest time for ending generations and child processes once the client is gone."""

_COMMANDS: dict[str, Callable[[ServerState, object], Coroutine[Any, Any, object]]] = {
    CANCEL: commands.cancel,
    REMOVE: commands.remove,
    ACCEPT: commands.accept,
    RETRY: commands.retry,
    STATUS: commands.status,
}
_ENCODINGS: dict[object, PositionEncoding] = {
    types.PositionEncodingKind.Utf8: "utf-8",
    types.PositionEncodingKind.Utf16: "utf-16",
    types.PositionEncodingKind.Utf32: "utf-32",
}
_ALL_FILES = types.FileOperationRegistrationOptions(
    filters=[types.FileOperationFilter(types.FileOperationPattern(glob="**/*"))]
)


class StreamingServer(LanguageServer):
    """One language server for one client."""

    protocol: StreamingProtocol

    def __init__(self, sources: SettingsSources, sink: LogSink | None = None) -> None:
        super().__init__(
            SERVER_NAME, version("streaming-code-generator"), protocol_cls=StreamingProtocol
        )
        self._sink = sink
        client = Client(self, Capabilities(), redact=sink.redaction.redact if sink else redacted)
        backend = Backend(
            sources, on_problem=client.log_problem, on_resolved=self._apply_log_settings
        )
        generations = Generations(backend.concurrency, Reporter(client))
        self.state = ServerState(
            backend=backend,
            documents=Documents(self._new_delivery, generations.document_closed),
            generations=generations,
            client=client,
            workspace_reader=WorkspaceReader(),
            reading_settings=asyncio.Lock(),
        )
        self.exit_code: asyncio.Future[int] | None = None
        self._beginning: asyncio.Task[None] | None = None
        self.protocol.listener = self
        self.protocol.documents = self.state.documents
        # Commands do not go through pygls, which starts their handlers too late: see `protocol`.
        self.protocol.command_handlers = {name: self._handler(name) for name in COMMANDS}
        _register(self)
        _register_renames(self)

    def _handler(self, name: str) -> CommandHandler:
        if name == GENERATE:
            return translating(functools.partial(commands.generate, self.state))
        command = _COMMANDS[name]
        return translating(lambda arguments, _: command(self.state, arguments))

    def _new_delivery(self, uri: str, writer: DocumentWriter) -> EditDelivery:
        client = self.state.client
        form = EditForm(client.applied_edits)
        return EditDelivery(uri, writer, client.send_edit, self.state.generations, edit_form=form)

    # Logging

    def _apply_log_settings(self, resolved: ResolvedSettings) -> None:
        if self._sink is None:
            return
        for secret in resolved.secrets:
            self._sink.redaction.hide(secret.reveal())
        self._sink.set_level(resolved.settings.log_level)

    def report_server_error(self, error: Exception, source: object) -> None:
        """Keep failures in the log: pygls would show each of them to the user."""
        if source is FeatureRequestError:
            return  # answered, and logged where it was answered
        logger.error("%s: %s", getattr(source, "__name__", source), error)

    # Lifecycle

    def client_ready(self) -> None:
        """Handle `initialized`: request the settings, load what the first generation needs."""
        begin = configuration.begin(self, self.state)
        self._beginning = asyncio.create_task(begin, name="beginning")

    def progress_cancelled(self, token: str | int) -> None:
        """Handle `window/workDoneProgress/cancel`: cancel the generation under that token."""
        self.state.generations.cancel_by_token(token)

    def exit_requested(self, exit_code: int) -> None:
        """Handle `exit`: end serving."""
        if self.exit_code is not None and not self.exit_code.done():
            self.exit_code.set_result(exit_code)

    async def close(self) -> None:
        """End every generation and child process, within bounded time."""
        if self._beginning is not None:
            self._beginning.cancel()
        try:
            async with asyncio.timeout(SHUTDOWN_TIMEOUT_S):
                await self.state.generations.aclose()
                await self.state.backend.aclose()
        except TimeoutError:
            logger.warning("some generations did not end in time")


def build_server(
    sources: SettingsSources | None = None, sink: LogSink | None = None
) -> StreamingServer:
    """Return a wired server for one client. Call it on the event loop that is going to serve.

    Args:
        sources: Where its settings stand, apart from what the client adds.
        sink: Where this process logs; its level and what it masks then follow the settings.
    """
    return StreamingServer(sources or SettingsSources.of_process(), sink)


def _register(server: StreamingServer) -> None:
    """Register features, whose options pygls concurrency into capabilities."""
    state = server.state
    for name in COMMANDS:
        # Only the name counts: the protocol runs the command itself, see its module.
        server.command(name)(lambda *_: None)

    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        capabilities = resolve_capabilities(params)
        state.client.take_capabilities(capabilities)
        state.documents.encoding = _ENCODINGS[server.workspace.position_encoding]
        state.documents.roots = capabilities.roots
        state.documents.client_reports_undo = capabilities.undo_notifications
        configuration.take_client(state, capabilities)

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def did_change_configuration(params: types.DidChangeConfigurationParams) -> None:
        await configuration.changed(server, state, params.settings)

    @server.feature(DID_UNDO)
    def did_undo(params: Any) -> None:  # of `object` pygls thinks that the server is wanted first
        state.documents.undone(parse_undo(params))

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(code_action_kinds=[KIND])
    )
    def code_action(params: types.CodeActionParams) -> list[types.CodeAction | types.Command]:
        document = state.documents.get(params.text_document.uri)
        if document is None or not state.client.capabilities.edits:
            return []
        literals = state.client.capabilities.code_action_literals
        return code_actions(document, state.generations, params, as_literals=literals)

    @server.feature(types.TEXT_DOCUMENT_CODE_LENS, types.CodeLensOptions())
    def code_lens(params: types.CodeLensParams) -> list[types.CodeLens]:
        return code_lenses(state.generations, params.text_document.uri)


def _register_renames(server: StreamingServer) -> None:
    def take(params: types.RenameFilesParams) -> None:
        for file in params.files:
            server.state.documents.renamed(file.old_uri, file.new_uri)

    @server.feature(types.WORKSPACE_WILL_RENAME_FILES, _ALL_FILES)
    def will_rename(params: types.RenameFilesParams) -> None:
        take(params)  # a client may close the document before it notifies of the rename

    @server.feature(types.WORKSPACE_DID_RENAME_FILES, _ALL_FILES)
    def did_rename(params: types.RenameFilesParams) -> None:
        take(params)
