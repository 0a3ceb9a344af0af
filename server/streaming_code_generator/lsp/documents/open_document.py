"""One document: its writer's edits go out to the client from here, and responses and changes in.

A reserved range is a place in it that a request waits with; and the history of its changes is
enough to carry a range of an older version to the present. A code action's command may run long
after it was offered. Its range is in the client's positions of that time, and so are the changes
that came since.

    offered at version 7:  lines 3 to 5
    version 8:             two lines typed above        lines 5 to 7
    version 9:             a line deleted below         lines 5 to 7
"""

import asyncio
import itertools
import logging
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from streaming_code_generator.editing.exchange import Outcome, OutgoingEdit, ReportedChange
from streaming_code_generator.editing.mirror import (
    Mirror,
    Point,
    PositionEncoding,
    column_to_character,
    split_lines,
)
from streaming_code_generator.editing.wanted import WantedText
from streaming_code_generator.editing.writer import DocumentWriter
from streaming_code_generator.lsp.documents.files import path_of
from streaming_code_generator.lsp.wire.document_messages import EditReply, OpenedDocument
from streaming_code_generator.lsp.wire.names import ClientPosition, ClientRange, JsonObject

logger = logging.getLogger(__name__)

MOST_VERSIONS = 200
"""So many versions are remembered: minutes of typing, in a few kilobytes."""


class RegionListener(Protocol):
    """Handles what happens to the regions of a document."""

    def take_outcome(self, outcome: Outcome) -> None:
        """Handle the outcome of a region's edits."""

    def document_moved(self, document: "OpenDocument") -> None:
        """Handle a change of the document, with which its regions moved."""


REFUSALS_BEFORE_UNVERSIONED = 2

SendEdit = Callable[[JsonObject, str | None, Callable[[EditReply], None]], None]
"""Sends a `WorkspaceEdit` under a label; what the client answers goes to the last argument."""


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
        self._is_versioned = True
        self._sent: int | None = None
        self._sent_one_for_zero = False

    def workspace_edit(self, uri: str, edit: OutgoingEdit) -> JsonObject:
        """Return an edit in the form in which it is sent."""
        # Without lsprotocol's objects: this is made for every edit.
        edits = [
            {
                "range": {
                    "start": {"line": each.start[0], "character": each.start[1]},
                    "end": {"line": each.end[0], "character": each.end[1]},
                },
                "newText": each.text,
            }
            for each in edit.replacements
        ]
        client, self._sent = self._client, edit.version
        self._is_versioned = client.takes_versions or self._refusals < REFUSALS_BEFORE_UNVERSIONED
        if not self._is_versioned:
            return {"changes": {uri: edits}}
        knows_zero = client.checks_zero or self._tries_zero
        self._sent_one_for_zero = edit.version == 0 and not knows_zero
        document = {"uri": uri, "version": 1 if self._sent_one_for_zero else edit.version}
        return {"documentChanges": [{"textDocument": document, "edits": edits}]}

    def answered(self, *, applied: bool) -> None:
        """Handle the response to the last edit, of a document that did not change meanwhile."""
        if applied:
            self._client.takes_versions |= self._is_versioned
            self._client.checks_zero |= self._tries_zero and self._sent == 0
        elif self._sent_one_for_zero:
            self._tries_zero = True
        else:
            self._refusals += 1


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
                # Neovim prints an edit's label each time: only a document's first one has it.
                label = "Generate code" if edit.edit_id == 1 else None
                self._send_edit(self._edit_form.workspace_edit(self.uri, edit), label, replied)
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
        self._listener.document_moved(self)

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
        self._listener.document_moved(self)

    def undone(self, version: int | None) -> None:
        """Handle the notification that an undo or a redo led to a version of the document."""
        self._pass_on(self.writer.undone(version, now_s=self._loop.time()))
        self._listener.document_moved(self)

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
            self._listener.document_moved(self)  # text that was on its way is not any more

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


@dataclass(frozen=True, slots=True)
class _Move:
    """What one change does to positions: `[start, end)` became `[start, new_end)`."""

    start: ClientPosition
    end: ClientPosition
    new_end: ClientPosition

    def apply(self, position: ClientPosition, *, sticks_right: bool) -> ClientPosition | None:
        """Return where a position went; None if what stood around it is gone."""
        # Text typed on line 2 moves a range on lines 3 to 5 down by as many lines as it has. On
        # line 3 itself, before the range, it moves the character of the range's start. Inside what
        # a change removed there is no place to go to.
        takes = sticks_right and self.start == self.end
        if position < self.start or (position == self.start and not takes):
            return position
        if position < self.end and position != self.start:
            return None
        if position[0] > self.end[0]:
            return position[0] - self.end[0] + self.new_end[0], position[1]
        return self.new_end[0], position[1] - self.end[1] + self.new_end[1]


@dataclass(frozen=True, slots=True)
class _Revision:
    before: int
    moves: tuple[_Move, ...] | None
    """None where the whole text was replaced: nothing is known of what went where."""


class ChangeHistory:
    """What happened to one open document lately."""

    def __init__(self, encoding: PositionEncoding) -> None:
        self._encoding: PositionEncoding = encoding
        self._versions: deque[_Revision] = deque(maxlen=MOST_VERSIONS)

    def clear(self) -> None:
        """Forget everything: the document was opened anew."""
        self._versions.clear()

    def note(self, before: int | None, changes: Sequence[ReportedChange]) -> None:
        """Remember the changes that came after a version."""
        if before is None:
            self.clear()
            return
        moves = [self._move(change) for change in changes]
        known = None if None in moves else tuple(move for move in moves if move)
        self._versions.append(_Revision(before, known))

    def carried(self, where: ClientRange, version: int) -> ClientRange | None:
        """Return where a range of an older version is now; None if that is not known."""
        since = list(self._versions)
        while since and since[0].before != version:
            since.pop(0)
        if not since:
            return None
        start, end = where
        is_selection = start != end
        for change in since:
            if change.moves is None:
                return None
            for move in change.moves:
                # What is typed at an end of a selection stays outside it.
                moved_start = move.apply(start, sticks_right=True)
                moved_end = move.apply(end, sticks_right=not is_selection)
                if moved_start is None or moved_end is None:
                    return None
                start, end = moved_start, moved_end
        return None if is_selection and start >= end else (start, end)

    def _move(self, change: ReportedChange) -> _Move | None:
        if change.range is None:
            return None
        # "b" on line 4 from 2 to 3 replaced by "x\nyz": what stood behind it on that line stands on
        # line 5 now, from character 2 on.
        start, end = change.range
        *before, last = split_lines(change.text)
        characters = column_to_character(last, len(last), self._encoding)
        if before:
            return _Move(start, end, (start[0] + len(before), characters))
        return _Move(start, end, (start[0], start[1] + characters))
