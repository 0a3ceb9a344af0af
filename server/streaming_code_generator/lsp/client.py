"""The client: what it announced in its `initialize` request, and what is sent to it."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from lsprotocol import types
from pygls.capabilities import get_capability
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from streaming_code_generator.lsp.output import encoded, is_long
from streaming_code_generator.lsp.protocol import StreamingProtocol
from streaming_code_generator.lsp.wire.document_messages import EditReply, edit_reply
from streaming_code_generator.lsp.wire.names import DID_UPDATE_GENERATION, JsonObject, Token
from streaming_code_generator.settings.sources import GENERATION_UPDATES, UNDO_NOTIFICATIONS

logger = logging.getLogger(__name__)

CREATE_FILE_TIMEOUT_S = 10.0
"""As long as an edit may go unanswered."""

SHOW_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """The capabilities that matter here, as plain values."""

    edits: bool = False
    """Whether it takes `workspace/applyEdit` requests. Every known editor that does says so."""
    work_done_progress: bool = False
    code_lens_refresh: bool = False
    configuration: bool = False
    configuration_changes: bool = False
    """Whether it lets the server register for `didChangeConfiguration` notifications."""
    code_action_literals: bool = False
    document_changes: bool = False
    creates_files: bool = False
    """Whether it takes `CreateFile` in an edit."""
    show_document: bool = False
    generation_updates: bool = False
    undo_notifications: bool = False
    roots: tuple[Path, ...] = ()
    initialization_options: object = None


def resolve_capabilities(params: types.InitializeParams) -> Capabilities:
    """Resolve the nested, mostly optional client capabilities."""

    def can(path: str) -> bool:
        return bool(get_capability(params.capabilities, path, default=False))

    options = params.initialization_options
    operations: Sequence[str] = get_capability(
        params.capabilities, "workspace.workspace_edit.resource_operations", default=()
    )

    def announces(name: str) -> bool:
        return isinstance(options, Mapping) and options.get(name) is True

    # Newest first: `workspaceFolders`, then `rootUri`, then `rootPath`, which LSP deprecates.
    uris = [folder.uri for folder in params.workspace_folders or []]
    if not uris and params.root_uri:
        uris = [params.root_uri]
    paths = [path for uri in uris if (path := to_fs_path(uri))]
    if not paths and params.root_path:
        paths = [params.root_path]
    return Capabilities(
        edits=can("workspace.apply_edit"),
        work_done_progress=can("window.work_done_progress"),
        code_lens_refresh=can("workspace.code_lens.refresh_support"),
        configuration=can("workspace.configuration"),
        configuration_changes=can("workspace.did_change_configuration.dynamic_registration"),
        code_action_literals=can("text_document.code_action.code_action_literal_support"),
        document_changes=can("workspace.workspace_edit.document_changes"),
        creates_files=types.ResourceOperationKind.Create in operations,
        show_document=can("window.show_document.support"),
        generation_updates=announces(GENERATION_UPDATES),
        undo_notifications=announces(UNDO_NOTIFICATIONS),
        roots=tuple(Path(path) for path in paths if "\0" not in path),
        initialization_options=options,
    )


class Client:
    """Sends the client what it can take, in the form in which it takes it."""

    def __init__(
        self, ls: LanguageServer, capabilities: Capabilities, *, redact: Callable[[str], str]
    ) -> None:
        self._ls = ls
        self._protocol = cast("StreamingProtocol", ls.protocol)  # typed by its base class only
        self._redact = redact
        self.capabilities = capabilities
        self._logged_once: set[str] = set()
        # Called for every chunk: without anything in between.
        self.until_read = self._protocol.until_read

    # Congestion

    @property
    def is_congested(self) -> bool:
        """Whether the client has stopped reading; what is only informative may be left out."""
        return self._protocol.is_congested

    # Sending

    def send_edit(
        self, edit: JsonObject, label: str | None, replied: Callable[[EditReply], None]
    ) -> None:
        """Send an edit; `replied` is called with the client's response."""
        self._protocol.send_edit_request(
            edit, label, lambda response: replied(edit_reply(response))
        )

    def log(self, message: str, kind: types.MessageType = types.MessageType.Info) -> None:
        """Write a line to the client's log."""
        self._ls.window_log_message(types.LogMessageParams(kind, self._redact(message)))

    async def log_long(self, message: str) -> None:
        """Write a text of any length to the client's log; a thread makes a long one ready.

        Cancellation: at once; it is not written then.
        """
        if not is_long(message):
            self.log(message)
            return

        def params() -> bytes:
            return encoded({"type": types.MessageType.Info.value, "message": self._redact(message)})

        made = await asyncio.to_thread(params)
        self._protocol.send_encoded({"method": types.WINDOW_LOG_MESSAGE}, "params", made)

    def log_problem(self, problem: str) -> None:
        """Write a problem of the settings to the client's log, and to our own, the first time."""
        if problem not in self._logged_once:
            logger.warning("settings: %s", problem)
        self.log_once(problem)

    def log_once(self, message: str) -> None:
        """Write a warning to the client's log, unless it has it already."""
        if message not in self._logged_once:
            self._logged_once.add(message)
            self.log(message, types.MessageType.Warning)

    def show(self, message: str, kind: types.MessageType = types.MessageType.Error) -> None:
        """Show a line to the user."""
        self._ls.window_show_message(types.ShowMessageParams(kind, self._redact(message)))

    async def ask(self, question: str, answers: Sequence[str], *, timeout_s: float) -> str | None:
        """Ask the user, and return the answer; None if there is none in time, or no way to ask.

        Cancellation: at once.
        """
        actions = [types.MessageActionItem(title=answer) for answer in answers]
        params = types.ShowMessageRequestParams(
            types.MessageType.Warning, self._redact(question), actions
        )
        request = self._protocol.send_request(types.WINDOW_SHOW_MESSAGE_REQUEST, params)
        try:
            chosen = await asyncio.wait_for(asyncio.wrap_future(request), timeout_s)
        except (TimeoutError, JsonRpcException):
            return None
        return getattr(chosen, "title", None)

    async def configuration(self, section: str) -> object:
        """Request a section of the client's configuration; None if it does not know it.

        Cancellation: at once.
        """
        params = types.ConfigurationParams([types.ConfigurationItem(section=section)])
        answer = await self._ls.workspace_configuration_async(params)
        return answer[0] if answer else None

    def register_for_configuration(self, section: str) -> None:
        """Request notifications of changes of the client's configuration."""
        registration = types.Registration(
            id="configuration",
            method=types.WORKSPACE_DID_CHANGE_CONFIGURATION,
            register_options=types.DidChangeConfigurationRegistrationOptions(section=section),
        )
        self._ls.client_register_capability(types.RegistrationParams([registration]))

    def progress(self, token: Token, value: object) -> None:
        """Send a progress value, of the protocol's own kinds or another."""
        self._ls.progress(types.ProgressParams(token=token, value=value))

    def create_progress(self, token: Token) -> "Future[Any]":
        """Ask the client to show progress under a new token."""
        return self._protocol.send_request(
            types.WINDOW_WORK_DONE_PROGRESS_CREATE, types.WorkDoneProgressCreateParams(token)
        )

    def update_generation(self, update: dict[str, object]) -> None:
        """Notify a client that announced `generationUpdates` of a generation's state."""
        # After the response to `shutdown` a client expects nothing more.
        if self.capabilities.generation_updates and not self._protocol._shutdown:  # noqa: SLF001
            self._protocol.notify(DID_UPDATE_GENERATION, update)

    def refresh_lenses(self) -> None:
        """Request that the client requests code lenses again."""
        if self.capabilities.code_lens_refresh:
            self._protocol.send_request(types.WORKSPACE_CODE_LENS_REFRESH)

    async def create_file(self, uri: str) -> str | None:
        """Request an empty file, and that it be shown where the client can.

        Cancellation: at once.

        Returns:
            None once it exists, else what the client says against it.
        """
        edit = {"documentChanges": [{"kind": "create", "uri": uri}]}
        replied: asyncio.Future[EditReply] = asyncio.get_running_loop().create_future()

        def take(reply: EditReply) -> None:
            if not replied.done():
                replied.set_result(reply)

        self.send_edit(edit, "Create file", take)
        try:
            reply = await asyncio.wait_for(replied, CREATE_FILE_TIMEOUT_S)
        except TimeoutError:
            return "no answer"
        if not reply.applied:
            return reply.reason
        if self.capabilities.show_document:
            # Most clients open a document that they show; its edits are then followed exactly.
            with contextlib.suppress(TimeoutError, JsonRpcException):
                async with asyncio.timeout(SHOW_TIMEOUT_S):
                    params = types.ShowDocumentParams(uri=uri, take_focus=True)
                    shown = self._protocol.send_request(types.WINDOW_SHOW_DOCUMENT, params)
                    await asyncio.wrap_future(shown)
        return None
