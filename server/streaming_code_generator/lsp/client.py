"""Notifications and requests from the server to its client."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, cast

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from streaming_code_generator.editing.exchange import OutgoingEdit
from streaming_code_generator.lsp.capabilities import Capabilities
from streaming_code_generator.lsp.protocol import StreamingProtocol
from streaming_code_generator.lsp.transport.edit_messages import (
    AppliedEdits,
    EditForm,
    EditReply,
    text_edits,
    unversioned_edit,
    versioned_edit,
)
from streaming_code_generator.lsp.wire import DID_UPDATE_GENERATION, Token

logger = logging.getLogger(__name__)

CREATE_FILE_TIMEOUT_S = 10.0
"""As long as an edit may go unanswered."""
SHOW_TIMEOUT_S = 2.0


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
