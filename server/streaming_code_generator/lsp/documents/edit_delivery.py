"""Carries a document writer's edits to the client and the client's answers back."""

import asyncio
import logging
import weakref
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, Protocol

from streaming_code_generator.editing.exchange import Outcome, OutgoingEdit, ReportedChange
from streaming_code_generator.editing.writer import DocumentWriter
from streaming_code_generator.lsp.documents.edit_form import EditForm

logger = logging.getLogger(__name__)


class DeliveryEnds(Protocol):
    """Where a delivery's edits go, and who hears what came of them."""

    def send_edit(self, uri: str, edit: OutgoingEdit, form: EditForm) -> "Future[Any]":
        """Send one edit; the future holds `ApplyWorkspaceEditResult` or the client's error."""

    def take_outcome(self, outcome: Outcome) -> None:
        """Take note of what became of a region's text."""

    def document_moved(self, uri: str) -> None:
        """Take note that a document changed, and its regions with it."""


class Delivery:
    """Drives the writer of one document: no task, only callbacks and one timer.

    Everything here runs on the event loop and returns at once.
    """

    def __init__(
        self,
        uri: str,
        writer: DocumentWriter,
        ends: DeliveryEnds,
        *,
        edit_form: EditForm,
    ) -> None:
        self.uri = uri
        """The client's own spelling, under which edits go out."""
        self.writer = writer
        self._ends = ends
        self._edit_form = edit_form
        self.is_paused = False
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self.is_closed = False
        self._changes = 0

    def pump(self) -> None:
        """Send the next edit, if one is due."""
        if self.is_closed or self.is_paused:
            return
        edit = self.writer.next_edit(self._loop.time())
        if edit is not None:
            # Weakly: a client that never answers must not keep the document's text alive.
            replied = partial(_pass_on, weakref.ref(self), edit.edit_id, self._changes)
            self._ends.send_edit(self.uri, edit, self._edit_form).add_done_callback(replied)
        self._set_timer()

    def want(self, region_id: str, text: str) -> None:
        """Say which text a region should hold now, and see to it."""
        self.writer.want(region_id, text)
        self.pump()

    def finish(self, region_id: str, text: str) -> None:
        """Say which text a region should hold for good, and see to it."""
        self._tell(self.writer.finish(region_id, text))

    def changed(self, version: int | None, changes: Sequence[ReportedChange]) -> None:
        """Take a change that the client reports."""
        self._changes += 1
        self._tell(self.writer.changed(version, changes, now_s=self._loop.time()))
        self._ends.document_moved(self.uri)

    def pause(self) -> None:
        """Send nothing until `resume`."""
        self.is_paused = True

    def resume(self, version: int | None, changes: Sequence[ReportedChange]) -> None:
        """Take a change, and send again from now on."""
        self.is_paused = False
        self.changed(version, changes)

    def undone(self, version: int) -> None:
        """Take note that an undo or a redo led to a version of the document."""
        self._tell(self.writer.undone(version, now_s=self._loop.time()))
        self._ends.document_moved(self.uri)

    def close(self) -> None:
        """Send nothing any more."""
        self.is_closed = True
        if self._timer:
            self._timer.cancel()

    def replied(self, edit_id: int, changes_before: int, answer: "Future[Any]") -> None:
        """Take the client's answer to an edit."""
        if self.is_closed or answer.cancelled():
            return
        error = answer.exception()
        applied = error is None and getattr(answer.result(), "applied", False) is True
        if not applied:
            reason = error or getattr(answer.result(), "failure_reason", None) or "no reason given"
            logger.debug("edit refused edit=%d: %s", edit_id, reason)
        if applied or changes_before == self._changes:
            self._edit_form.answered(applied=applied)
        self._tell(self.writer.replied(edit_id, applied=applied, now_s=self._loop.time()))
        if not applied:
            self._ends.document_moved(self.uri)  # text that was on its way is not any more

    def _tick(self) -> None:
        self._tell(self.writer.tick(self._loop.time()))

    def _tell(self, outcomes: Sequence[Outcome]) -> None:
        self.pump()
        for outcome in outcomes:
            self._ends.take_outcome(outcome)

    def _set_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
        deadline_s = self.writer.deadline_s
        self._timer = None if deadline_s is None else self._loop.call_at(deadline_s, self._tick)


def _pass_on(
    delivery: weakref.ref[Delivery], edit_id: int, changes_before: int, answer: "Future[Any]"
) -> None:
    alive = delivery()
    if alive is not None:
        alive.replied(edit_id, changes_before, answer)
