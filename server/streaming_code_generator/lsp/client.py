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

from streaming_code_generator.editing.exchange import OutgoingEdit
from streaming_code_generator.lsp.protocol import (
    EditReply,
    JsonObject,
    StreamingProtocol,
)
from streaming_code_generator.lsp.wire import DID_UPDATE_GENERATION, Token
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
        roots=_roots(params),
        initialization_options=options,
    )


def _roots(params: types.InitializeParams) -> tuple[Path, ...]:
    # Newest first: `workspaceFolders`, then `rootUri`, then `rootPath`, which LSP deprecates.
    uris = [folder.uri for folder in params.workspace_folders or []]
    if not uris and params.root_uri:
        uris = [params.root_uri]
    paths = [path for uri in uris if (path := to_fs_path(uri))]
    if not paths and params.root_path:
        paths = [params.root_path]
    return tuple(Path(path) for path in paths if "\0" not in path)


REFUSALS_BEFORE_UNVERSIONED = 2


@dataclass(slots=True, kw_only=True)
class AppliedEdits:
    """What is known of how one client takes edits, by what it announced and what it applied.

    A refusal says nothing of the client: the buffer may just be read-only.
    """

    takes_versions: bool = False
    """Whether it announced versioned edits, or has applied one."""
    checks_zero: bool = False
    """Whether it refused version 1 for a document at version 0, and then took 0."""


class EditForm:
    """The form of one document's edits, chosen by the client's responses to earlier ones.

    Versioned edits go to every client: one that lets the user type in between must be able to
    refuse, and those that do not announce `documentChanges` (Neovim 0.11) take them too. Only one
    that announces nothing, never took one, and refuses two of a document although it did not
    change, is sent the older `changes` for that document, which carry no version.

    Version 0 is sent as 1 until the client refuses that: to some clients (Neovim 0.11,
    vscode-languageclient 9) 0 means "unchecked", so that an edit that typing has overtaken would
    land in the wrong place. To them 1 is as good, since a buffer that has changed is beyond it. A
    client that compares for equality refuses once and then gets the true 0.
    """

    def __init__(self, client: AppliedEdits) -> None:
        self._client = client
        self._refusals = 0
        self._tries_zero = False
        self._sent: int | None = None
        self._sent_one_for_zero = False

    @property
    def is_versioned(self) -> bool:
        """Whether to send `documentChanges`."""
        return self._client.takes_versions or self._refusals < REFUSALS_BEFORE_UNVERSIONED

    def version(self, version: int | None) -> int | None:
        """Return the version to send for a document's true one."""
        tells_zero = self._client.checks_zero or self._tries_zero
        self._sent = version
        self._sent_one_for_zero = version == 0 and not tells_zero
        return 1 if self._sent_one_for_zero else version

    def answered(self, *, applied: bool) -> None:
        """Handle the response to the last edit, of a document that did not change meanwhile."""
        if applied:
            self._client.takes_versions |= self.is_versioned
            self._client.checks_zero |= self._tries_zero and self._sent == 0
        elif self._sent_one_for_zero:
            self._tries_zero = True
        else:
            self._refusals += 1


def text_edits(replacements: Sequence[tuple[tuple[int, int], tuple[int, int], str]]) -> list[Any]:
    """Return `TextEdit`s: of each the start, the end and the new text."""
    return [
        {"range": {"start": _position(*start), "end": _position(*end)}, "newText": text}
        for start, end, text in replacements
    ]


def _position(line: int, character: int) -> JsonObject:
    return {"line": line, "character": character}


def versioned_edit(uri: str, version: int | None, edits: list[Any]) -> JsonObject:
    """Return a `WorkspaceEdit` of one document that is refused where its version is outdated."""
    document = {"uri": uri, "version": version}
    return {"documentChanges": [{"textDocument": document, "edits": edits}]}


def unversioned_edit(uri: str, edits: list[Any]) -> JsonObject:
    """Return a `WorkspaceEdit` of one document in the older form."""
    return {"changes": {uri: edits}}


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
        self.applied_edits = AppliedEdits(takes_versions=capabilities.document_changes)

    # Congestion

    @property
    def is_congested(self) -> bool:
        """Whether the client has stopped reading; what is only informative may be left out."""
        return self._protocol.is_congested

    async def until_read(self) -> None:
        """Wait until a client that has stopped reading goes on, so that nothing piles up.

        Cancellation: at once.
        """
        await self._protocol.until_read()

    # Sending

    def log(self, message: str, kind: types.MessageType = types.MessageType.Info) -> None:
        """Write a line to the client's log."""
        self._ls.window_log_message(types.LogMessageParams(kind, self._redact(message)))

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

        self._protocol.send_edit_request(edit, "Create file", take)
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

    def send_edit(
        self,
        uri: str,
        edit: OutgoingEdit,
        form: EditForm,
        replied: Callable[[EditReply], None],
    ) -> None:
        """Send `workspace/applyEdit`, in the form that the client takes for this document."""
        edits = text_edits([(each.start, each.end, each.text) for each in edit.replacements])
        # Versioned, so that an edit which typing has overtaken is refused and not misplaced. The
        # older form is only for a client that takes no other.
        workspace_edit = (
            versioned_edit(uri, form.version(edit.version), edits)
            if form.is_versioned
            else unversioned_edit(uri, edits)
        )
        # Neovim prints an edit's label each time: only the first edit of a document has one.
        label = "Generate code" if edit.edit_id == 1 else None
        self._protocol.send_edit_request(workspace_edit, label, replied)
