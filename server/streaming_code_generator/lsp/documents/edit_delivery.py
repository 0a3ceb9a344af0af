"""Carries a document writer's edits to the client, and the client's answers back."""

import asyncio
import logging
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from streaming_code_generator.editing.exchange import Outcome, OutgoingEdit, ReportedChange
from streaming_code_generator.editing.wanted import WantedText
from streaming_code_generator.editing.writer import DocumentWriter
from streaming_code_generator.lsp.transport.edit_messages import EditReply

logger = logging.getLogger(__name__)

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


class RegionListener(Protocol):
    """Handles what happens to the regions of a document."""

    def take_outcome(self, outcome: Outcome) -> None:
        """Handle the outcome of a region's edits."""

    def document_moved(self, uri: str) -> None:
        """Handle a change of the document, with which its regions moved."""


SendEdit = Callable[[str, OutgoingEdit, EditForm, Callable[[EditReply], None]], None]
"""Sends one edit to a URI; what the client answers goes to the last argument."""


class EditDelivery:
    """Drives the writer of one document: no task, only callbacks and one timer.

    Everything here runs on the event loop and returns at once.
    """

    def __init__(
        self,
        uri: str,
        writer: DocumentWriter,
        send_edit: SendEdit,
        listener: RegionListener,
        *,
        edit_form: EditForm,
    ) -> None:
        self.uri = uri
        """The client's own spelling, under which edits go out."""
        self.writer = writer
        self._send_edit = send_edit
        self._listener = listener
        self._edit_form = edit_form
        self.is_paused = False
        self._growing: dict[str, WantedText] = {}
        """By region, the texts that have grown since an edit last could go out."""
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self.is_closed = False
        self._changes = 0

    def pump(self) -> None:
        """Send the next edit, if one is due."""
        if self.is_closed or self.is_paused:
            return
        now_s = self._loop.time()
        if self.writer.is_ready(now_s):
            for region_id, wanted in self._growing.items():
                if (text := wanted.text()) is not None:
                    self.writer.want(region_id, text)
            self._growing.clear()
            edit = self.writer.next_edit(now_s)
            if edit is not None:
                # Weakly: a client that never answers must not keep the document's text alive.
                replied = partial(_handle_reply, weakref.ref(self), edit.edit_id, self._changes)
                self._send_edit(self.uri, edit, self._edit_form, replied)
        self._set_timer()

    def grow(self, region_id: str, wanted: WantedText) -> None:
        """Note that a region's wanted text has grown, and send the edit if it can go out.

        What comes while an edit is in flight costs nothing: one text is built when it has landed.
        """
        self._growing[region_id] = wanted
        if self.writer.is_ready(self._loop.time()):
            self.pump()

    def finish(self, region_id: str, text: str) -> None:
        """Set the text that a region should hold for good, and send the edit if it can go out."""
        self._growing.pop(region_id, None)
        self._pass_on(self.writer.finish(region_id, text))

    def put_back(self, region_id: str) -> None:
        """Bring back what stood in a region before; see `DocumentWriter.put_back`."""
        self._growing.pop(region_id, None)
        self._pass_on(self.writer.put_back(region_id))

    def stop(self, region_id: str) -> None:
        """Send nothing more for a region: it keeps what it holds."""
        self._growing.pop(region_id, None)
        self.writer.stop(region_id)

    def changed(self, version: int | None, changes: Sequence[ReportedChange]) -> None:
        """Handle a `didChange` notification."""
        self._changes += 1
        self._pass_on(self.writer.changed(version, changes, now_s=self._loop.time()))
        self._listener.document_moved(self.uri)

    def pause(self) -> None:
        """Send nothing until `resume`."""
        self.is_paused = True

    def resume(self, version: int | None, text: str) -> None:
        """Handle the text of the document, which was loaded anew, and send again from now on."""
        self.is_paused = False
        self._changes += 1
        self._pass_on(self.writer.loaded(version, text, now_s=self._loop.time()))
        self._listener.document_moved(self.uri)

    def undone(self, version: int | None) -> None:
        """Handle the notification that an undo or a redo led to a version of the document."""
        self._pass_on(self.writer.undone(version, now_s=self._loop.time()))
        self._listener.document_moved(self.uri)

    def close(self) -> None:
        """Send nothing any more."""
        self.is_closed = True
        if self._timer:
            self._timer.cancel()

    def replied(self, edit_id: int, changes_before: int, reply: EditReply) -> None:
        """Handle the client's response to an edit."""
        if self.is_closed:
            return
        applied = reply.applied
        if not applied:
            logger.debug("edit refused edit=%d: %s", edit_id, reply.reason)
        # A refusal of an edit that typing has overtaken says nothing about the form: any client
        # that checks versions refuses it. Without a change in between, the form is the reason.
        if applied or changes_before == self._changes:
            self._edit_form.answered(applied=applied)
        self._pass_on(self.writer.replied(edit_id, applied=applied, now_s=self._loop.time()))
        if not applied:
            self._listener.document_moved(self.uri)  # text that was on its way is not any more

    def _tick(self) -> None:
        self._timer = None
        self._pass_on(self.writer.tick(self._loop.time()))

    def _pass_on(self, outcomes: Sequence[Outcome]) -> None:
        # First the next edit, then the outcomes: a listener may take a region away.
        self.pump()
        for outcome in outcomes:
            self._listener.take_outcome(outcome)

    def _set_timer(self) -> None:
        # The writer has no clock: it names the time at which it wants to be called again. That is
        # put off with every edit; a timer that is early finds nothing to do and is set anew.
        deadline_s = self.writer.deadline_s
        if deadline_s is None or (self._timer and self._timer.when() <= deadline_s):
            return
        if self._timer:
            self._timer.cancel()
        self._timer = self._loop.call_at(deadline_s, self._tick)


def _handle_reply(
    delivery: weakref.ref[EditDelivery], edit_id: int, changes_before: int, reply: EditReply
) -> None:
    alive = delivery()
    if alive is not None:
        alive.replied(edit_id, changes_before, reply)
