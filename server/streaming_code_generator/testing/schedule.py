"""One schedule: a document writer, a user and a client, moved step by step in virtual time.

Whoever drives it (a property test, the seeded driver in `schedules`, a regression test) says what
happens next, and `schedules` has what must hold then.

No character but line endings is ever used twice in a schedule (`ScheduleTexts`), so one that is
lost, doubled or in the wrong place is seen without knowing how it got there. What was asked to go
away is followed from outside (`UserModel`), by the buffer's characters before and after each of the
user's actions, undo and redo like any other.
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby

from streaming_code_generator.editing.exchange import (
    Deleted,
    Outcome,
    OutgoingEdit,
    RangeTaken,
    ReportedChange,
    Settled,
    Undeliverable,
    Undone,
)
from streaming_code_generator.editing.mirror import Point, split_lines
from streaming_code_generator.editing.wanted import SelectionRewrite
from streaming_code_generator.editing.writer import DocumentWriter, WriterCounts
from streaming_code_generator.testing.editor import (
    Cell,
    DidUndo,
    EditorHabits,
    Message,
    Reply,
    SimulatedEditor,
    difference,
)

_GENERATED_START = 0xAC00
_GENERATED_END = 0xD7A4
_NARROW_START, _WIDE_START = 0x4E00, 0x20000
_LAST_BMP = "\uffff"
ENDINGS = "\r\n"


class ScheduleTexts:
    """Turns plain texts into those of one schedule."""

    def __init__(self, habits: EditorHabits) -> None:
        self._line_ending = habits.line_ending
        self._fresh = itertools.count()

    def foreign(self, text: str) -> str:
        """Return a text that the user types, or that a document begins with.

        A client that has line endings of its own has no others in its documents.
        """
        if self._line_ending:
            text = self.ended(text.replace("\r\n", "\n").replace("\r", "\n"))
        return "".join(c if c in ENDINGS else self._fresh_like(c) for c in text)

    def generated(self, text: str, *, original: str) -> str:
        """Return text of a generation.

        Its line endings are the client's only if it replaces some: that much a server knows.
        """
        letters = _GENERATED_END - _GENERATED_START
        text = "".join(
            c if c in ENDINGS else chr(_GENERATED_START + next(self._fresh) % letters) for c in text
        )
        return self.ended(text) if "\r\n" in original else text

    def ended(self, text: str) -> str:
        """Return a text with the line endings that the client gives it."""
        ending = self._line_ending
        return text.replace("\r\n", "\n").replace("\n", ending) if ending else text

    def _fresh_like(self, character: str) -> str:
        """Return a code point that was not used yet and is as wide as another one."""
        block = _WIDE_START if character > _LAST_BMP else _NARROW_START
        return chr(block + next(self._fresh))


class UserModel:
    """The document that the user alone would have made of the one at the start."""

    def __init__(self, editor: SimulatedEditor) -> None:
        self.alone: list[Cell] = list(editor.cells)
        """The user's document without any generation, what generations replaced included."""
        self.generated: set[str] = set()
        """The characters that generations have written, since the document was opened."""
        self.inside: set[str] = set()
        """Characters that were typed in or next to generated or selected text."""
        self.deleted: set[str] = set()
        """Generated characters that the user has ever removed, other than by undo."""
        self.removed: set[str] = set()
        """The user's own or the document's characters that the user has ever removed."""
        self.unknowable: set[str] = set()
        """Generated characters that no server can tell from typed ones, as they were reported."""
        self.has_undone = False
        self.is_certain = True
        """Whether it can be told of each line ending who wrote it and on which side it stands."""
        self._editor = editor

    @property
    def certain_text(self) -> str:
        """The user's document without line endings and without what was typed in regions."""
        return "".join(c.character for c in self.alone if self.is_told_apart(c.character))

    def is_told_apart(self, character: str) -> bool:
        """Whether a character's place is certain once all generations are removed."""
        return character not in ENDINGS and character not in self.inside

    @contextmanager
    def at_work(self, *, undoing: bool = False) -> Iterator[set[Cell]]:
        """Follow what the user does inside the block.

        Yields:
            A set for what an undo takes out, also if a generation had replaced it meanwhile.
        """
        before = list(self._editor.cells)
        taken_out: set[Cell] = set()
        yield taken_out
        self.has_undone |= undoing
        cells = self._editor.cells
        taken_out.update(set(before).difference(cells))
        self._remove(taken_out, undoing=undoing)
        self._insert(before, cells)

    def keep_only(self, text: str) -> None:
        """Take for removed what a text lacks, also what a generation has replaced meanwhile."""
        self._remove({cell for cell in self.alone if cell.character not in text}, undoing=True)

    def lose_places(self, kept: set[Cell]) -> None:
        """Take the places of typed text for uncertain that one reported difference cannot tell.

        Where it stands between the same two kept characters as text that a generation has replaced,
        it may be on either side of that.
        """
        cells, present = self._editor.cells, set(self._editor.text)
        places = {_key(cell): place for place, cell in enumerate(self.alone)}
        low: int | None = 0
        typed: set[str] = set()
        for cell in cells:
            if cell not in kept or cell.character in ENDINGS:
                typed |= {cell.character} if _key(cell) in places else set()
                continue
            high = places.get(_key(cell))
            if low is not None and high is not None:
                self._lose_places(typed, {c.character for c in self.alone[low:high]} - present)
            low, typed = None if high is None else high + 1, set()
        if low is not None:
            self._lose_places(typed, {c.character for c in self.alone[low:]} - present)

    def _lose_places(self, typed: set[str], replaced: set[str]) -> None:
        if typed and replaced:
            self.inside |= typed
            self.is_certain &= typed.isdisjoint(ENDINGS)

    def _remove(self, removed: set[Cell], *, undoing: bool) -> None:
        characters = {cell.character for cell in removed} - set(ENDINGS)
        if not undoing:
            self.deleted |= {c for c in characters if c in self.generated}
        self.removed |= {c for c in characters if c not in self.generated}
        self.is_certain &= not any(cell.character in ENDINGS for cell in removed)
        self.alone = [c for c in self.alone if c not in removed and c.character not in characters]

    def _insert(self, before: list[Cell], cells: list[Cell]) -> None:
        known, standing = set(before), {_key(cell) for cell in self.alone}
        is_new = [
            cell not in known
            and _key(cell) not in standing
            and cell.character not in self.generated
            for cell in cells
        ]
        start = 0
        for new, run in groupby(is_new):
            end = start + len(list(run))
            if new:
                self._insert_run(cells, start, end)
            start = end

    def _insert_run(self, cells: list[Cell], start: int, end: int) -> None:
        left, right = cells[max(0, start - 1) : start], cells[end : end + 1]
        beside = {cell.character for cell in [*left, *right]}
        place = self._place(cells, start, end)
        # What stood there before may be replaced now, and come back on either side. So may what an
        # undo brings back together with selected text.
        replaced = self.alone[max(0, place - 1) : place + 1]
        new = cells[start:end]
        if any(map(self._is_of_server, (left, right, replaced, new))) or beside & self.inside:
            self.inside |= {cell.character for cell in cells[start:end]}
            self.is_certain &= self.inside.isdisjoint(ENDINGS)
        # Whoever types just a line ending where one is generated cannot be told from that.
        self.is_certain &= any(cell.character not in ENDINGS for cell in cells[start:end])
        self.alone[place:place] = cells[start:end]

    def _place(self, cells: list[Cell], start: int, end: int) -> int:
        """Return where new cells go: beside the nearest one that the user's document has."""
        places = {_key(cell): place for place, cell in enumerate(self.alone)}
        left = (places[_key(cell)] for cell in reversed(cells[:start]) if _key(cell) in places)
        right = (places[_key(cell)] for cell in cells[end:] if _key(cell) in places)
        if self._is_of_server(cells[max(0, start - 1) : start]) and not self._is_of_server(
            cells[end : end + 1]
        ):
            return next(right, len(self.alone))
        return next(left, -1) + 1

    def _is_of_server(self, cells: list[Cell]) -> bool:
        # An undo brings back other cells than those that were selected, of the same characters.
        given = self._editor.given - set(ENDINGS)
        return any(c.author in {"server", "selected"} or c.character in given for c in cells)


def _key(cell: Cell) -> object:
    """Return what a cell is known by: its character, which no other has but for line endings."""
    return cell if cell.character in ENDINGS else cell.character


PATIENCE_S = 4.0
"""How long a schedule lets a client rest, if it is not blocked."""
_ROUNDS_TO_REST = 200


class ScheduleBroken(AssertionError):  # noqa: N818 - an assertion, named for what happened
    """Something was lost, moved, doubled, overwritten or left over."""


@dataclass(slots=True)
class ScheduledGeneration:
    """What one generation has asked for so far."""

    region_id: str
    original: str
    rewrite: SelectionRewrite | None
    """Set if it replaces its selection line by line, as text arrives."""
    target: str = ""
    state: str = "running"
    """Then `finishing`, until its text stands there: `finished`. Or `stopped`; `failed`, if the
    client took no edit; `deleted`. `removing` and `removed`, also when it was undone; `forgotten`,
    once it is accepted, or retried."""
    was_undone: bool = False

    @property
    def has_ended(self) -> bool:
        """Whether it can be removed, accepted and retried."""
        return self.state in {"finished", "stopped", "failed"}


@dataclass(slots=True, kw_only=True)
class Schedule:
    """One document, some generations, one user, one client with its habits."""

    habits: EditorHabits
    text: str
    texts: ScheduleTexts = field(init=False)
    editor: SimulatedEditor = field(init=False)
    writer: DocumentWriter = field(init=False)
    user: UserModel = field(init=False)
    generations: list[ScheduledGeneration] = field(init=False, default_factory=list)
    outcomes: list[Outcome] = field(init=False, default_factory=list)
    counts: list[WriterCounts] = field(init=False, default_factory=list)
    """One entry for each time the document was opened."""
    now_s: float = field(init=False, default=0.0)
    blocked_until_s: float = field(init=False, default=0.0)
    """Until when the client does nothing, as in a prompt."""
    was_blocked: bool = field(init=False, default=False)
    has_accepted: bool = field(init=False, default=False)
    saved_text: str = field(init=False, default="")
    _last_round_s: float = field(init=False, default=0.0)
    _to_client: deque[OutgoingEdit] = field(init=False, default_factory=deque)
    _reported: list[Cell] = field(init=False, default_factory=list)
    """The buffer as it was reported last."""
    _undone: set[Cell] = field(init=False, default_factory=set)
    """What undo or redo took out since then."""
    _removed: set[Cell] = field(init=False, default_factory=set)
    """What the user removed by hand since then."""
    _came: dict[Cell, tuple[int, int]] = field(init=False, default_factory=dict)
    """What came of generated text since then, and between which offsets of what was reported."""
    _has_typed_ending: bool = field(init=False, default=False)
    """Whether the user has typed a line ending of which the server has not heard."""

    def __post_init__(self) -> None:
        self.texts = ScheduleTexts(self.habits)
        self._open(self.texts.foreign(self.text))

    def _open(self, text: str) -> None:
        self.editor = SimulatedEditor(text, habits=self.habits)
        # One line ending is like another: the user may have typed the one that a server removes.
        self.editor.mistakable = ENDINGS
        self.writer = DocumentWriter(text, version=1, encoding=self.habits.encoding)
        self.writer.undo.tells = self.habits.tells_undo
        self.user = UserModel(self.editor)
        self.counts.append(self.writer.counts)
        self.saved_text = text
        self.generations.clear()
        self.outcomes.clear()
        self._to_client.clear()
        self._begin_report()
        self.was_blocked = self.has_accepted = self._has_typed_ending = False

    # The server's side

    def start_generation(self, start: float, length: int, *, rewriting: bool) -> None:
        """Begin to replace `length` code points, at a fraction of the document.

        The selection may hold generated text, or what the user typed. Where another generation is
        still writing in it, this one is refused.
        """
        self.catch_up()
        text = self.writer.mirror.text
        low = self._whole(round(start * len(text)))
        high = self._whole(min(len(text), low + length))
        region_id = str(len(self.generations))
        try:
            self.writer.open_region(region_id, point_at(text, low), point_at(text, high))
        except RangeTaken:
            return
        self.editor.select(low, high)
        self._add_generation(region_id, text[low:high], rewriting=rewriting)

    def _add_generation(self, region_id: str, original: str, *, rewriting: bool) -> None:
        rewrite = SelectionRewrite(original) if rewriting else None
        self.generations.append(ScheduledGeneration(region_id, original, rewrite))

    def retry(self, generation: ScheduledGeneration) -> None:
        """Put back what stood there, and generate anew in the same place."""
        self.remove(generation)
        self.settle()
        if generation.state == "removed":
            generation.state = "forgotten"
            region_id = str(len(self.generations))
            self.writer.hand_over(generation.region_id, region_id)
            self._add_generation(region_id, generation.original, rewriting=False)

    def of_state(self, *states: str) -> list[ScheduledGeneration]:
        """Return the generations in one of these states."""
        return [generation for generation in self.generations if generation.state in states]

    @property
    def ended(self) -> list[ScheduledGeneration]:
        """The generations that can be removed: none has another one's text over its own."""
        return [g for g in self.generations if g.has_ended and not self._is_covered(g)]

    def _is_covered(self, generation: ScheduledGeneration) -> bool:
        over = self.writer.document.laid_over(generation.region_id)
        return any(g.region_id in over and g.state != "removed" for g in self.generations)

    def text_arrives(self, generation: ScheduledGeneration, text: str) -> None:
        """Let a generation want some more text."""
        text = self.texts.generated(text, original=generation.original)
        generation.target += text
        self.user.generated |= set(text) - set(ENDINGS)
        wanted = generation.target
        if generation.rewrite:
            wanted = generation.rewrite.desired(wanted)
        self.writer.want(generation.region_id, wanted)
        self.server_sends()

    def finish(self, generation: ScheduledGeneration) -> None:
        """End a generation; its text is to stand there for good."""
        generation.state = "finishing"
        self._hear(self.writer.finish(generation.region_id, generation.target))

    def stop(self, generation: ScheduledGeneration) -> None:
        """Cancel a generation: what has arrived stays, nothing more is wanted."""
        generation.state = "stopped"
        self.writer.stop(generation.region_id)

    def remove(self, generation: ScheduledGeneration) -> None:
        """Put back what stood there before, unless that would leave fragments."""
        if self.writer.region(generation.region_id).is_rewritten:
            generation.state = "stopped"
        else:
            self._put_back(generation)

    def _put_back(self, generation: ScheduledGeneration) -> None:
        generation.state = "removing"
        self._hear(self.writer.put_back(generation.region_id))

    def accept(self, generation: ScheduledGeneration) -> None:
        """Accept a generation's text: it is followed no more."""
        generation.state = "forgotten"
        self.has_accepted = True
        self.writer.forget(generation.region_id)

    def server_sends(self) -> None:
        """Let the next edit go out, if there is one."""
        edit = self.writer.next_edit(self.now_s)
        if edit:
            self._to_client.append(edit)
            self._tell_endings_apart()

    def server_reads(self) -> None:
        """Let the server take one message of the client."""
        message = None if self.is_blocked else self.editor.next_message(self.now_s)
        if message:
            self._note_unknowable()
            self._hear(self._read(message))
        self._has_typed_ending &= self.editor.has_mail or self.editor.flush_at_s is not None

    def _read(self, message: Message) -> list[Outcome]:
        if isinstance(message, Reply):
            return self.writer.replied(message.edit_id, applied=message.applied, now_s=self.now_s)
        if isinstance(message, DidUndo):
            return self.writer.undone(message.version, now_s=self.now_s)
        changes = [ReportedChange(change.range, change.text) for change in message.changes]
        return self.writer.changed(message.version, changes, now_s=self.now_s)

    def _hear(self, outcomes: list[Outcome]) -> None:
        """Do with outcomes what a language server does."""
        for outcome in outcomes:
            self.outcomes.append(outcome)
            (generation,) = (g for g in self.generations if g.region_id == outcome.region_id)
            match outcome:
                case Settled():
                    # An edit that is applied late is taken out again, and that is told again.
                    if generation.state != "removed":
                        is_back = self.writer.region(generation.region_id).is_original
                        late = "removed" if is_back else "finished"
                        ended = {"finishing": "finished", "removing": "removed", "failed": late}
                        generation.state = ended.get(generation.state, generation.state)
                    self.check_settled(generation)
                case Undone():
                    generation.was_undone = True
                    self._put_back(generation)
                case Deleted():
                    if generation.state not in {"removed", "forgotten"}:
                        generation.state = "deleted"
                    self.check_gone(generation)
                case Undeliverable(reason=reason):
                    if not self.was_blocked:
                        raise ScheduleBroken(f"the writer gave up: {reason}")
                    generation.state = "failed"

    def check_settled(self, generation: ScheduledGeneration) -> None:
        """Check, when a generation's text is said to stand there, or to be gone, that it is so."""
        if generation.state == "removed":
            self.check_gone(generation)
            return
        mirrored = self.writer.mirror.text
        target = self.texts.ended(generation.target)
        wanted = [c for c in target if c not in ENDINGS]
        present = set(mirrored)
        missing = [c for c in wanted if c not in present and c not in self.user.deleted]
        if missing:
            raise ScheduleBroken(f"completed with a hole: {missing} of {generation.target!r}")

    def check_gone(self, generation: ScheduledGeneration) -> None:
        """Check that nothing of a generation's text is left."""
        left = set(self.writer.mirror.text) & set(generation.target) - set(ENDINGS)
        if left := left - self.user.unknowable:
            raise ScheduleBroken(f"removed, deleted or undone, but {left} is left")

    # The client's and the user's side

    @property
    def is_blocked(self) -> bool:
        """Whether the client does nothing for now."""
        return self.now_s < self.blocked_until_s

    def client_reads(self) -> None:
        """Let the client take one edit."""
        if self._to_client and not self.is_blocked:
            self._note_reported()
            self.editor.receive(self._to_client.popleft(), now_s=self.now_s)
            self._note_came()

    def user_edits(self, start: int, end: int, text: str) -> None:
        """Let the user replace a range of the buffer."""
        start, end = self._whole(start), self._whole(end)
        text = self.texts.foreign(text)
        self._has_typed_ending |= _has_ending(text)
        self._tell_endings_apart()
        self._act(lambda: self.editor.replace(start, end, text, now_s=self.now_s))

    def _tell_endings_apart(self) -> None:
        # Whoever types a line ending while a generated one is on its way there: which is whose?
        on_its_way = (r.text for edit in self._to_client for r in edit.replacements)
        self.user.is_certain &= not (self._has_typed_ending and any(map(_has_ending, on_its_way)))

    def user_repeats(self, start: int, end: int) -> None:
        """Let the user paste over a range what stands there already."""
        start, end = self._whole(start), self._whole(end)
        self._act(lambda: self.editor.repeat(start, end, now_s=self.now_s))

    def user_formats(self, step: int, *, generated_too: bool) -> None:
        """Rewrite the whole buffer at once, changing a few places, as a formatter does."""
        chosen = {
            cell.character
            for cell in self.editor.cells[::step]
            if cell.character not in "\r\n" and (generated_too or cell.author in {"base", "user"})
        }
        added = {character: self.texts.foreign("+") for character in sorted(chosen)[::2]}

        def reformatted(text: str) -> str:
            return "".join(added.get(c, "") if c in chosen else c for c in text)

        self._rewrite(reformatted)

    def user_reloads(self) -> None:
        """Bring the buffer back to what was saved last: nothing else is the user's any more."""
        self._rewrite(lambda _: self.saved_text)
        self.user.keep_only(self.saved_text)

    def _rewrite(self, function: Callable[[str], str]) -> None:
        def rewrite() -> None:
            self.editor.rewrite(function, now_s=self.now_s)
            # What comes back is whose it was, and the server's to replace or not.
            originals = {c for g in self.generations for c in g.original} - set(ENDINGS)
            for cell in self.editor.cells:
                if cell.character in originals | self.user.generated:
                    cell.author = "selected"

        self._act(rewrite)

    def user_saves(self) -> None:
        """Save the buffer."""
        self.saved_text = self.editor.text

    def user_undoes(self) -> None:
        """Take back whatever was done last."""
        if self.habits.stale_edits != "apply":
            self._undo_or_redo(self.editor.undo)

    def user_redoes(self) -> None:
        """Do again what was undone."""
        self._undo_or_redo(self.editor.redo)

    def user_pauses(self) -> None:
        """End the step that the next undo takes back."""
        self.editor.pause()

    def user_reopens(self) -> None:
        """Close the document and open it again: what was under way has ended."""
        self.editor.close()
        self._open(self.editor.text)

    def client_blocks(self, seconds: float) -> None:
        """Let the client do nothing for a while, as in a prompt."""
        self.blocked_until_s = self.now_s + seconds
        self.was_blocked = True
        while self.is_blocked:
            self._pass(0.5)

    def _undo_or_redo(self, function: Callable[..., set[Cell]]) -> None:
        self._note_reported()
        with self.user.at_work(undoing=True) as taken_out:
            taken_out.update(function(now_s=self.now_s))
        self._undone |= taken_out
        self._note_came()
        self._count_as_deleted()

    def _act(self, action: Callable[[], None]) -> None:
        self._note_reported()
        with self.user.at_work() as taken_out:
            action()
        self._removed |= taken_out
        self._note_came()
        self._count_as_deleted()

    def _note_reported(self) -> None:
        if self.editor.flush_at_s is None:
            self._note_unknowable()
            self._begin_report()

    def _begin_report(self) -> None:
        self._reported = list(self.editor.cells)
        self._undone.clear()
        self._removed.clear()
        self._came.clear()

    def _note_came(self) -> None:
        """Note between which offsets of the reported text generated text has come."""
        places = {cell: place for place, cell in enumerate(self._reported)}
        came: dict[Cell, int] = {}
        low = 0
        for cell in self.editor.cells:
            low = places.get(cell, low - 1) + 1
            if cell not in places and cell not in self._came and self._is_generated(cell):
                came[cell] = low
        high = len(self._reported)
        for cell in reversed(self.editor.cells if came else ()):
            high = places.get(cell, high)
            if cell in came:
                self._came[cell] = came[cell], high

    def _is_generated(self, cell: Cell) -> bool:
        return cell.author == "server" or cell.character in self.user.generated

    def _note_unknowable(self) -> None:
        """Take note of generated text that no server can know in the one difference reported.

        Line endings are one like another. So text may have come, together with what was removed,
        in a place that the difference does not name; or all that is left of what came may be a
        line ending, which is taken for the document's, so that an undo brings the rest back in
        another place.
        """
        if self.habits.changes == "exact":
            return
        present = set(self.editor.cells)
        if not present.issubset(self._reported):
            self.user.lose_places(present.intersection(self._reported))
        gone = (self._removed | self._undone).difference(present)
        if not self._came or not gone:
            return
        reported = "".join(cell.character for cell in self._reported)
        start, end, _ = difference(reported, self.editor.text)
        elsewhere = {cell for cell, (low, high) in self._came.items() if high < start or end < low}
        left = present.intersection(self._came)
        if left and all(cell.character in ENDINGS for cell in left):
            elsewhere |= gone.intersection(self._came)
        self.user.unknowable |= {cell.character for cell in elsewhere} - set(ENDINGS)

    def _count_as_deleted(self) -> None:
        """Take generated text for deleted that was undone, if no server can know that it was.

        A client that reports one difference for an undo and for what was removed by hand right next
        to it, and does not tell of undo, reports just what it would of a user who removed all that
        by hand. Line endings keep nothing apart: one is like another.
        """
        if self.habits.changes == "exact" or self.habits.tells_undo:
            return
        present = set(self.editor.cells)
        for is_gone, run in groupby(
            (
                cell
                for cell in self._reported
                if cell not in present or cell.character not in ENDINGS
            ),
            key=lambda cell: cell not in present,
        ):
            gone = set(run)
            if is_gone and not gone.isdisjoint(self._removed):
                undone = {cell.character for cell in gone & self._undone}
                self.user.deleted |= undone & self.user.generated

    def place(self, near: str, which: int, fraction: float) -> int:
        """Return an offset of the buffer at, in or away from a region, as far as one can tell."""
        cells = self.editor.cells
        tracked = [g for g in self.generations if g.region_id in self.writer.document]
        if near == "anywhere" or not tracked:
            return round(fraction * len(cells))
        region = self.writer.region(tracked[which % len(tracked)].region_id)
        mirror = self.writer.mirror
        start = mirror.distance(Point(0, 0), region.start)
        length = mirror.distance(region.start, region.end)
        within = {"start": 0, "end": length}.get(near, round(fraction * length))
        return min(start + within, len(cells))

    # Time

    def time_passes(self, seconds: float) -> None:
        """Let time pass, as far as the client's patience goes."""
        if self.now_s - self._last_round_s < PATIENCE_S:
            self._pass(seconds)

    def _pass(self, seconds: float) -> None:
        self.now_s += seconds
        self._hear(self.writer.tick(self.now_s))

    def messages_go_round(self) -> None:
        """Let an edit reach the client, and what it says to that the server."""
        self.server_sends()
        self.client_reads()
        self.server_reads()
        self.server_reads()
        self._last_round_s = self.now_s

    def catch_up(self) -> None:
        """Let the server read everything the client has to say, as before any request."""
        self.now_s += self.habits.change_delay_s
        while self.editor.flush_at_s is not None or self.editor.has_mail:
            self.server_reads()

    def settle(self) -> None:
        """Let everybody do what is left to do, without the user."""
        for _ in range(_ROUNDS_TO_REST):
            self.server_sends()
            self.client_reads()
            self.catch_up()
            if self.writer.is_idle and not self._to_client:
                return
            deadline_s = self.writer.deadline_s
            if deadline_s is not None and not self._to_client:
                self.now_s = max(self.now_s, deadline_s)
                self._hear(self.writer.tick(self.now_s))
        raise ScheduleBroken("the writer does not come to rest")

    def _whole(self, offset: int) -> int:
        """Return the offset, or the one before where it would divide a CRLF."""
        around = self.editor.text[max(0, offset - 1) : offset + 1]
        return offset - 1 if around == "\r\n" else offset


def _has_ending(text: str) -> bool:
    return not set(ENDINGS).isdisjoint(text)


def point_at(text: str, offset: int) -> Point:
    """Return the point of an offset."""
    lines = split_lines(text[:offset])
    return Point(len(lines) - 1, len(lines[-1]))
