"""One document: its writer's edits go out to the client from here, and responses and changes in.

A reserved range is a place in it that a request waits with.
"""

import asyncio
import itertools
import logging
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from streaming_code_generator.editing.exchange import Outcome, OutgoingEdit, ReportedChange
from streaming_code_generator.editing.mirror import Mirror, Point
from streaming_code_generator.editing.wanted import WantedText
from streaming_code_generator.editing.writer import DocumentWriter
from streaming_code_generator.lsp.documents.change_history import ChangeHistory
from streaming_code_generator.lsp.documents.sync import OpenedDocument
from streaming_code_generator.lsp.documents.workspace_files import path_of
from streaming_code_generator.lsp.transport.edit_messages import EditForm, EditReply

logger = logging.getLogger(__name__)


class RegionListener(Protocol):
    """Handles what happens to the regions of a document."""

    def take_outcome(self, outcome: Outcome) -> None:
        """Handle the outcome of a region's edits."""

    def document_moved(self, uri: str) -> None:
        """Handle a change of the document, with which its regions moved."""


SendEdit = Callable[[str, OutgoingEdit, EditForm, Callable[[EditReply], None]], None]
"""Sends one edit to a URI; what the client answers goes to the last argument."""


class OpenDocument:
    """One document, which drives its writer: no task, only callbacks and one timer.

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
        self.language_id = ""
        self.is_open = True
        """Whether the client has it open; else it was read from disk."""
        self.history = ChangeHistory(writer.mirror.encoding)
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

    @property
    def mirror(self) -> Mirror:
        """The text as the client last reported it."""
        return self.writer.mirror

    @property
    def path(self) -> Path | None:
        """Where it lies on disk, or None if it is no file."""
        return path_of(self.uri)

    @property
    def is_idle(self) -> bool:
        """Whether no generation and no request has a place in it."""
        return not self.writer.document.region_ids()

    # Edits

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
        """Send nothing until `go_on`."""
        self.is_paused = True

    def go_on(self, item: OpenedDocument) -> None:
        """Go on as a document that the client has opened anew, with the text it has now."""
        self.uri, self.language_id, self.is_open = item.uri, item.language_id, True
        self.history.clear()
        # Handled as a change even if nothing differs: an edit on its way may have been dropped.
        self.is_paused = False
        self._changes += 1
        self._pass_on(self.writer.loaded(item.version, item.text, now_s=self._loop.time()))
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
    document: weakref.ref[OpenDocument], edit_id: int, changes_before: int, reply: EditReply
) -> None:
    alive = document()
    if alive is not None:
        alive.replied(edit_id, changes_before, reply)


_reservations = itertools.count(1)


class ReservedRange:
    """A range of a document that moves with every change until it is released.

    It is tracked as a region that never wants any text. Before a generation can start there may be
    something to wait for, such as settings that the client was asked for; the document goes on
    changing meanwhile.
    """

    def __init__(self, document: OpenDocument, start: Point, end: Point) -> None:
        self.document = document
        self._is_selection = start != end
        self._region_id = f"claim-{next(_reservations)}"
        self._writer = document.writer
        self._writer.document.open_region(self._region_id, start, end)

    @property
    def points(self) -> tuple[Point, Point]:
        """Where the range is now."""
        region = self._writer.region(self._region_id)
        return region.start, region.end

    @property
    def is_lost(self) -> bool:
        """Whether what was selected has been deleted meanwhile."""
        start, end = self.points
        return self._is_selection and start == end

    def release(self) -> None:
        """Stop tracking the range. Safe to call twice."""
        self._writer.forget(self._region_id)
