"""Everything the server says to its client on its own account."""

import logging
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from streaming_code_generator.editing.exchange import OutgoingEdit
from streaming_code_generator.lsp.capabilities import ClientFacts
from streaming_code_generator.lsp.documents.edit_delivery import ClientEdits, EditForm
from streaming_code_generator.lsp.protocol import StreamingProtocol
from streaming_code_generator.lsp.wire import DID_UPDATE_GENERATION, Token, lsp_range

logger = logging.getLogger(__name__)


class Outgoing:
    """Notifications and requests to the client, by what it can take."""

    def __init__(
        self, ls: LanguageServer, facts: ClientFacts, *, redact: Callable[[str], str]
    ) -> None:
        self._ls = ls
        self._redact = redact
        self.facts = facts
        self.client_edits = ClientEdits()

    @property
    def is_congested(self) -> bool:
        """Whether the client has stopped reading; what is only informative may be left out."""
        protocol = self._ls.protocol
        return isinstance(protocol, StreamingProtocol) and protocol.is_congested

    async def until_read(self) -> None:
        """Wait until a client that has stopped reading goes on, so that nothing piles up.

        Cancellation: at once.
        """
        protocol = self._ls.protocol
        if isinstance(protocol, StreamingProtocol):
            await protocol.until_read()

    def take_client(self, facts: ClientFacts) -> None:
        """Take note of what the client announces."""
        self.facts = facts
        self.client_edits = ClientEdits(takes_versions=facts.document_changes)

    def log(self, message: str, kind: types.MessageType = types.MessageType.Info) -> None:
        """Write a line to the client's log."""
        self._ls.window_log_message(types.LogMessageParams(kind, self._redact(message)))

    def show(self, message: str, kind: types.MessageType = types.MessageType.Error) -> None:
        """Show a line to the person."""
        self._ls.window_show_message(types.ShowMessageParams(kind, self._redact(message)))

    def progress(self, token: Token, value: object) -> None:
        """Send a progress value, of the protocol's own kinds or another."""
        self._ls.progress(types.ProgressParams(token=token, value=value))

    def create_progress(self, token: Token) -> "Future[Any]":
        """Ask the client to show progress under a new token."""
        return self._ls.protocol.send_request(
            types.WINDOW_WORK_DONE_PROGRESS_CREATE, types.WorkDoneProgressCreateParams(token)
        )

    def update_generation(self, update: dict[str, object]) -> None:
        """Tell a client that asked for it where a generation stands."""
        if self.facts.generation_updates and not self._ls.protocol._shutdown:  # noqa: SLF001
            self._ls.protocol.notify(DID_UPDATE_GENERATION, update)

    def refresh_lenses(self) -> None:
        """Ask the client to ask for code lenses again."""
        if self.facts.code_lens_refresh:
            self._ls.protocol.send_request(types.WORKSPACE_CODE_LENS_REFRESH)

    def send_edit(
        self, uri: str, edit: OutgoingEdit, form: EditForm, label: str | None
    ) -> "Future[Any]":
        """Ask the client to change a document, in the form it takes."""
        edits = [
            types.TextEdit(lsp_range(replacement.start, replacement.end), replacement.text)
            for replacement in edit.replacements
        ]
        if form.is_versioned:
            version = form.version(edit.version)
            document = types.OptionalVersionedTextDocumentIdentifier(uri=uri, version=version)
            change = types.TextDocumentEdit(text_document=document, edits=list(edits))
            workspace_edit = types.WorkspaceEdit(document_changes=[change])
        else:
            workspace_edit = types.WorkspaceEdit(changes={uri: edits})
        return self._ls.protocol.send_request(
            types.WORKSPACE_APPLY_EDIT,
            types.ApplyWorkspaceEditParams(edit=workspace_edit, label=label),
        )
