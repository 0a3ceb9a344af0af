"""The language server as its client sees it: what it announces, and where each message goes.

What documents, generations and settings need is imported once `initialize` has been answered, by
`state` and by the handlers: a third of the start, in which an editor would wait.
"""

import asyncio
import functools
import logging
from collections.abc import Callable, Coroutine, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.exceptions import FeatureRequestError
from pygls.lsp.server import LanguageServer

from streaming_code_generator import __version__
from streaming_code_generator.logs import LogSink
from streaming_code_generator.lsp.protocol import StreamingProtocol, translating
from streaming_code_generator.lsp.wire.names import CODE_ACTION_KIND, COMMANDS, SERVER_NAME

if TYPE_CHECKING:  # see the module's docstring
    from streaming_code_generator.editing.mirror import PositionEncoding
    from streaming_code_generator.lsp.commands import Commands
    from streaming_code_generator.lsp.completions.inline_completion import GhostText
    from streaming_code_generator.lsp.documents.documents import Documents
    from streaming_code_generator.lsp.state import ServerState
    from streaming_code_generator.settings import SettingsSources

logger = logging.getLogger(__name__)

SHUTDOWN_TIMEOUT_S = 1.5
"""Longest time for ending generations and child processes once the client is gone."""

_ENCODINGS: "dict[object, PositionEncoding]" = {
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

    introduction: types.InitializeParams
    """The client's, once it has introduced itself."""

    def __init__(
        self, read_sources: "Callable[[], SettingsSources]", sink: LogSink | None = None
    ) -> None:
        super().__init__(SERVER_NAME, __version__, protocol_cls=StreamingProtocol)
        self._read_sources = read_sources
        self._sink = sink
        self.exit_code: asyncio.Future[int] | None = None
        self._beginning: asyncio.Task[None] | None = None
        self.protocol.listener = self
        # Commands do not go through pygls, which starts their handlers too late: see `protocol`.
        self.protocol.command_handlers = {
            name: translating(functools.partial(self._run_command, name)) for name in COMMANDS
        }
        self.protocol.request_handlers = {
            types.TEXT_DOCUMENT_INLINE_COMPLETION: translating(
                lambda params, _: self.ghost_text.begin(params)
            )
        }
        _register(self)
        _register_renames(self)

    @functools.cached_property
    def state(self) -> "ServerState":
        """What the server holds, from the moment on that it knows its client."""
        from streaming_code_generator.lsp.state import new_state  # noqa: PLC0415 - see above

        encoding = _ENCODINGS[self.workspace.position_encoding]
        return new_state(self, self._read_sources(), self._sink, self.introduction, encoding)

    @property
    def documents(self) -> "Documents":
        """The client's documents."""
        return self.state.documents

    @functools.cached_property
    def commands(self) -> "Commands":
        """The handlers of commands."""
        from streaming_code_generator.lsp.commands import Commands  # noqa: PLC0415 - see above

        state = self.state
        return Commands(
            backend=state.backend,
            documents=state.documents,
            generations=state.generations,
            client=state.client,
            budget=state.budget,
            prompts=state.prompts,
            suggestions=lambda: state.completions,
        )

    @functools.cached_property
    def ghost_text(self) -> "GhostText":
        """The handler of requests for ghost text."""
        from streaming_code_generator.lsp.completions.inline_completion import (  # noqa: PLC0415 - see above
            GhostText,
        )

        state = self.state
        handler = GhostText(
            state.documents, state.generations, state.backend, state.budget, state.client.log_once
        )
        state.completions = handler.completions
        return handler

    def _run_command(
        self, name: str, arguments: object, ended: ExitStack
    ) -> Coroutine[Any, Any, object]:
        return self.commands.begin(name, arguments, ended)

    # Logging

    def report_server_error(self, error: Exception, source: object) -> None:
        """Keep failures in the log: pygls would show each of them to the user."""
        if source is FeatureRequestError:
            return  # answered, and logged where it was answered
        logger.error("%s: %s", getattr(source, "__name__", source), error)

    # Lifecycle

    def client_ready(self) -> None:
        """Handle `initialized`: request the settings, load what the first generation needs."""
        begin = self.state.backend.begin(self.state.client)
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
        if "state" not in vars(self):
            return  # the client left before it introduced itself
        try:
            async with asyncio.timeout(SHUTDOWN_TIMEOUT_S):
                if "ghost_text" in vars(self):
                    await self.ghost_text.aclose()
                await self.state.generations.aclose()
                await self.state.rules_consent.aclose()
                await self.state.backend.aclose()
        except TimeoutError:
            logger.warning("some generations did not end in time")


def build_server(
    sources: "SettingsSources | None" = None,
    sink: LogSink | None = None,
    *,
    command_line: Mapping[str, object] | None = None,
) -> StreamingServer:
    """Return a wired server for one client. Call it on the event loop that is going to serve.

    Args:
        sources: Where its settings stand, apart from what the client adds; if none are given, this
            process's own.
        sink: Where this process logs; its level and what it masks then follow the settings.
        command_line: Settings that were given to this process, by the fields' names.
    """

    def of_process() -> "SettingsSources":
        from streaming_code_generator.settings import SettingsSources  # noqa: PLC0415 - see above

        return sources or SettingsSources.of_process(command_line=command_line)

    return StreamingServer(of_process, sink)


def _register(server: StreamingServer) -> None:
    """Register features, whose options pygls turns into capabilities."""
    for name in COMMANDS:
        # Only the name counts: the protocol runs the command itself, see its module.
        server.command(name)(lambda *_: None)

    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        server.introduction = params
        # Once this is answered, and before `initialized` is read.
        asyncio.get_running_loop().call_soon(lambda: server.state)

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def did_change_configuration(params: types.DidChangeConfigurationParams) -> None:
        await server.state.backend.configuration_changed(server.state.client, params.settings)

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        types.CodeActionOptions(code_action_kinds=[CODE_ACTION_KIND]),
    )
    def code_action(params: types.CodeActionParams) -> list[types.CodeAction | types.Command]:
        from streaming_code_generator.lsp.code_actions import code_actions  # noqa: PLC0415 - see above

        state = server.state
        document = state.documents.get(params.text_document.uri)
        if document is None or not state.client.capabilities.edits:
            return []
        literals = state.client.capabilities.code_action_literals
        profiles = tuple(state.backend.resolved.profiles)
        return code_actions(
            document, state.generations, params, profiles=profiles, as_literals=literals
        )

    # Only the options count, as with commands.
    server.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, types.InlineCompletionOptions())(
        lambda *_: None
    )

    @server.feature(types.TEXT_DOCUMENT_CODE_LENS, types.CodeLensOptions())
    def code_lens(params: types.CodeLensParams) -> list[types.CodeLens]:
        from streaming_code_generator.lsp.code_actions import code_lenses  # noqa: PLC0415 - see above

        return code_lenses(server.state.generations, params.text_document.uri)


def _register_renames(server: StreamingServer) -> None:
    def take(params: types.RenameFilesParams) -> None:
        for file in params.files:
            server.documents.renamed(file.old_uri, file.new_uri)

    @server.feature(types.WORKSPACE_WILL_RENAME_FILES, _ALL_FILES)
    def will_rename(params: types.RenameFilesParams) -> None:
        take(params)  # a client may close the document before it notifies of the rename

    @server.feature(types.WORKSPACE_DID_RENAME_FILES, _ALL_FILES)
    def did_rename(params: types.RenameFilesParams) -> None:
        take(params)
