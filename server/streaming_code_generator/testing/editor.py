r"""A simulated editor: a real text buffer with the habits, good and bad, of real language clients.

It stands where a client stands: it takes edits, answers them, and reports its changes. It knows
nothing of the server's machinery, and computes positions in its own, independent way. Time is
virtual; nothing here sleeps.

    editor = SimulatedEditor("a = 1\n", habits=EditorHabits(changes="diff", change_delay_s=0.15))
    editor.replace(0, 0, "# typed by a user\n")
    editor.receive(edit, now_s=0.0)
    for message in editor.outbox(now_s=0.2): ...

Positions are computed by encoding and decoding lines, apart from the server's own rules, as a model
to check those against.

Every code point in the buffer remembers who wrote it, so that a test can tell exactly whether a
user's text was lost, moved or overwritten.
"""

import re
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal, Protocol

Encoding = Literal["utf-8", "utf-16", "utf-32"]
Position = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Reply:
    """The client's answer to an edit."""

    edit_id: int
    applied: bool


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of a `didChange`; without a range it is the whole text."""

    range: tuple[Position, Position] | None
    text: str


@dataclass(frozen=True, slots=True)
class DidChange:
    """A change notification."""

    version: int
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class DidUndo:
    """A notification that an undo or a redo led to a version."""

    version: int


Message = Reply | DidChange | DidUndo


class Replacement(Protocol):
    """One replacement of an edit, in the client's positions."""

    @property
    def start(self) -> Position: ...  # noqa: D102 - named by the field
    @property
    def end(self) -> Position: ...  # noqa: D102 - named by the field
    @property
    def text(self) -> str: ...  # noqa: D102 - named by the field


class ServerEdit(Protocol):
    """An edit as a server sends it; its replacements are in order and do not overlap."""

    @property
    def edit_id(self) -> int: ...  # noqa: D102 - named by the field
    @property
    def version(self) -> int | None: ...  # noqa: D102 - named by the field
    @property
    def replacements(self) -> Sequence[Replacement]: ...  # noqa: D102 - named by the field


CellAuthor = Literal["base", "selected", "user", "server"]
"""`base` stood there at the start; `selected` is given to a server to replace."""


StaleEdits = Literal["refuse", "pretend", "apply"]
"""What a client does with an edit for another version: see `EditorHabits`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EditorHabits:
    """How a client behaves; the defaults are a client without faults."""

    encoding: Encoding = "utf-16"
    stale_edits: StaleEdits = "refuse"
    """An edit for another version than the buffer's: refused without a reason (VS Code), dropped
    and answered `applied: true` (Neovim), or applied where it says."""
    reply: Literal["first", "last", "never"] = "first"
    """Whether an edit is answered before or after its change is reported."""
    change_delay_s: float = 0.0
    """How long changes are collected before they are reported together."""
    changes: Literal["exact", "diff", "lines", "full"] = "exact"
    """As they were made; as one range that a comparison of texts finds; as whole lines; as the
    whole text."""
    line_ending: Literal["\n", "\r\n"] | None = None
    """What the client turns the line endings of edits into, or None to keep them."""
    version_step: int = 1
    """By how much the version grows with a change."""
    read_only: bool = False
    """Whether edits are refused altogether."""
    undo_step: Literal["edit", "writer", "pause"] = "edit"
    """What one undo takes back: one change; a run of changes by the same writer, the user or the
    server; or whatever was done since the user last paused."""
    tells_undo: bool = False
    """Whether a notification says that a change was undo or redo, before it is reported."""


@dataclass(slots=True, eq=False)
class Cell:
    """One code point and who wrote it; it stays the same one through undo and redo."""

    character: str
    author: CellAuthor


@dataclass(frozen=True, slots=True)
class _Done:
    offset: int
    removed: tuple[Cell, ...]
    inserted: tuple[Cell, ...]

    def inverse(self) -> "_Done":
        return _Done(self.offset, self.inserted, self.removed)


class ForeignTextRemoved(AssertionError):  # noqa: N818 - an assertion, named for what happened
    """An edit of the server removed text that is neither its own nor given to it."""


class SimulatedEditor:
    """One buffer and the client that reports it."""

    def __init__(self, text: str, *, habits: EditorHabits | None = None) -> None:
        self.habits = habits or EditorHabits()
        self.version = 1
        self.cells: list[Cell] = [Cell(character, "base") for character in text]
        self.reported_text = text
        """What the server knows once it has read all messages sent so far."""
        self.open = True
        # Which of two equal neighbours a difference of texts names is a matter of chance.
        self.mistakable = "" if self.habits.changes == "exact" else "\r\n"
        """Characters that a server may take for its own, because the two look the same."""
        self.given: set[str] = set()
        """What was selected once; an undo may bring it back as it was before."""
        self._pending: list[Change] = []
        self._flush_at_s: float | None = None
        self._outbox: deque[Message] = deque()
        self._undo: list[list[_Done]] = []
        self._redo: list[list[_Done]] = []
        self._last_writer: CellAuthor | None = None
        """Who made the step that an undo would take back; None if the next change begins one."""
        self._undid = False
        """Whether what is to be reported holds an undo or a redo."""
        self._undid_once = False

    @property
    def text(self) -> str:
        """The buffer's text."""
        return "".join(cell.character for cell in self.cells)

    def written_by(self, *authors: CellAuthor) -> str:
        """Return the text these authors have in the buffer, in order."""
        return "".join(cell.character for cell in self.cells if cell.author in authors)

    def select(self, start: int, end: int) -> None:
        """Give `[start, end)` to the server: from now on its edits may remove that text."""
        for cell in self.cells[start:end]:
            cell.author = "selected"
            self.given.add(cell.character)

    # The user's side

    def replace(self, start: int, end: int, text: str, *, now_s: float = 0.0) -> None:
        """Let the user replace `[start, end)`, offsets in code points, by a text."""
        if start < end or text:
            self._type(start, end, _cells(text, "user"), now_s=now_s)

    def repeat(self, start: int, end: int, *, now_s: float = 0.0) -> None:
        """Replace `[start, end)` by the same text, as a formatter with nothing to change does."""
        if start < end:
            self._type(start, end, tuple(self.cells[start:end]), now_s=now_s)

    def rewrite(self, function: Callable[[str], str], *, now_s: float = 0.0) -> None:
        """Replace the whole buffer at once, as a formatter or a reload does.

        What a comparison of the texts finds unchanged keeps its author.
        """
        old, new = self.text, function(self.text)
        cells: list[Cell] = []
        for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            kept = tag == "equal"
            cells += self.cells[i1:i2] if kept else _cells(new[j1:j2], "user")
        self._type(0, len(old), tuple(cells), now_s=now_s)

    def undo(self, *, now_s: float = 0.0) -> set[Cell]:
        """Take back the last step, of the user or the server, and return what it had put there."""
        if not self._undo:
            return set()
        steps = self._undo.pop()
        self._redo.append(steps)
        return self._undo_or_redo([step.inverse() for step in reversed(steps)], now_s=now_s)

    def redo(self, *, now_s: float = 0.0) -> set[Cell]:
        """Make again what was undone last, and return what that takes out."""
        if not self._redo:
            return set()
        steps = self._redo.pop()
        self._undo.append(steps)
        return self._undo_or_redo(steps, now_s=now_s)

    def _undo_or_redo(self, steps: Sequence[_Done], *, now_s: float) -> set[Cell]:
        self.pause()
        self._undid = self._undid_once = True
        self._make(steps, now_s=now_s)
        return {cell for step in steps for cell in step.removed}.difference(self.cells)

    def pause(self) -> None:
        """End the step that an undo would take back: the next change begins another."""
        self._last_writer = None

    def close(self) -> None:
        """Close the buffer: nothing is answered or reported any more."""
        self.open = False
        self._outbox.clear()

    def _type(self, start: int, end: int, cells: tuple[Cell, ...], *, now_s: float) -> None:
        steps = [_Done(start, tuple(self.cells[start:end]), cells)]
        self._do(steps, writer="user", now_s=now_s)

    # The client's side

    def receive(self, edit: ServerEdit, *, now_s: float = 0.0) -> None:
        """Take an edit from the server, apply it or not, and answer by habit.

        Raises:
            ForeignTextRemoved: The edit removes text that is not the server's to remove.
        """
        if not self.open:
            return
        stale = edit.version is not None and edit.version != self.version
        refused = self.habits.read_only or (stale and self.habits.stale_edits == "refuse")
        dropped = refused or (stale and self.habits.stale_edits == "pretend")
        if self.habits.reply == "first":
            self._outbox.append(Reply(edit.edit_id, applied=not refused))
        if not dropped:
            self._apply(edit, now_s=now_s)
        if self.habits.reply == "last":
            self._outbox.append(Reply(edit.edit_id, applied=not refused))

    def outbox(self, now_s: float) -> list[Message]:
        """Return the messages that are ready to be sent."""
        self._flush_if_due(now_s)
        messages = list(self._outbox)
        self._outbox.clear()
        return messages

    def next_message(self, now_s: float) -> Message | None:
        """Return the next message that is ready, or None."""
        self._flush_if_due(now_s)
        return self._outbox.popleft() if self._outbox else None

    @property
    def has_mail(self) -> bool:
        """Whether messages wait to be read."""
        return bool(self._outbox)

    @property
    def flush_at_s(self) -> float | None:
        """When collected changes are going to be reported; None if there are none."""
        return self._flush_at_s

    def position(self, offset: int) -> Position:
        """Return the client's position of an offset in code points."""
        return position_in(self.text, offset, self.habits.encoding)

    def offset(self, position: Position) -> int:
        """Return the offset of a client's position; past the end of a line is its end."""
        return offset_in(self.text, position, self.habits.encoding)

    # Applying and reporting

    def _apply(self, edit: ServerEdit, *, now_s: float) -> None:
        steps: list[_Done] = []
        for replacement in reversed(edit.replacements):
            start, end = self.offset(replacement.start), self.offset(replacement.end)
            removed = tuple(self.cells[start:end])
            foreign = [cell for cell in removed if cell.author in {"base", "user"}]
            # A client that applies stale edits overwrites by itself; that is to be repaired.
            not_foreign = {*self.mistakable, *(self.given if self._undid_once else ())}
            if self.habits.stale_edits != "apply" and any(
                cell.character not in not_foreign for cell in foreign
            ):
                raise ForeignTextRemoved("".join(cell.character for cell in removed))
            text = replacement.text
            if self.habits.line_ending is not None:
                text = text.replace("\r\n", "\n").replace("\n", self.habits.line_ending)
            steps.append(_Done(start, removed, _cells(text, "server")))
        self._do(steps, writer="server", now_s=now_s)

    def _do(self, steps: list[_Done], *, writer: CellAuthor, now_s: float) -> None:
        joins = {"edit": False, "writer": self._last_writer == writer, "pause": True}
        if self._last_writer and joins[self.habits.undo_step] and self._undo:
            self._undo[-1] = [*self._undo[-1], *steps]
        else:
            self._undo.append(steps)
        self._last_writer = writer
        self._redo.clear()
        self._make(steps, now_s=now_s)

    def _make(self, steps: Sequence[_Done], *, now_s: float) -> None:
        # Changes are collected from the first one on, and reported together.
        if self._flush_at_s is None:
            self._flush_at_s = now_s + self.habits.change_delay_s
        for step in steps:
            start, end = step.offset, step.offset + len(step.removed)
            text = "".join(cell.character for cell in step.inserted)
            self._pending.append(self._change(start, end, text))
            self.cells[start:end] = step.inserted
        self.version += self.habits.version_step
        self._flush_if_due(now_s)

    def _change(self, start: int, end: int, text: str) -> Change:
        """Return a change as it is reported: no position lies in the middle of a CRLF."""
        before = self.text
        if before[max(0, start - 1) : start + 1] == "\r\n":
            start, text = start - 1, "\r" + text
        if before[max(0, end - 1) : end + 1] == "\r\n":
            end, text = end + 1, text + "\n"
        return Change((self.position(start), self.position(end)), text)

    def _flush_if_due(self, now_s: float) -> None:
        if self._flush_at_s is not None and now_s >= self._flush_at_s and self.open:
            if self._undid and self.habits.tells_undo:
                self._outbox.append(DidUndo(self.version))
            self._undid = False
            self._outbox.append(DidChange(self.version, self._reported()))
            self.reported_text = self.text
            self._pending.clear()
            self._flush_at_s = None

    def _reported(self) -> tuple[Change, ...]:
        if self.habits.changes == "exact":
            return tuple(self._pending)
        old, new = self.reported_text, self.text
        if self.habits.changes == "full":
            return (Change(None, new),)
        start, old_end, new_end = difference(old, new)
        if self.habits.changes == "lines":
            start = old.rfind("\n", 0, start) + 1
            tail = line_end(old, old_end) - old_end
            old_end, new_end = old_end + tail, new_end + tail
        encoding = self.habits.encoding
        positions = position_in(old, start, encoding), position_in(old, old_end, encoding)
        return (Change(positions, new[start:new_end]),)


def _cells(text: str, author: CellAuthor) -> tuple[Cell, ...]:
    return tuple(Cell(character, author) for character in text)


_ENCODER: dict[Encoding, tuple[str, int]] = {
    "utf-8": ("utf-8", 1),
    "utf-16": ("utf-16-le", 2),
    "utf-32": ("utf-32-le", 4),
}
_ENDING = re.compile(r"\r\n?|\n")


def position_in(text: str, offset: int, encoding: Encoding) -> Position:
    """Return the position of an offset in code points, by encoding the line up to it."""
    starts = _line_starts(text)
    line = bisect_right(starts, offset) - 1
    codec, unit_bytes = _ENCODER[encoding]
    before = text[starts[line] : offset]
    return line, len(before.encode(codec, "surrogatepass")) // unit_bytes


def offset_in(text: str, position: Position, encoding: Encoding) -> int:
    """Return the offset of a position, by decoding the line up to it.

    A column past the end of a line is that end; a line past the end is the text's end.
    """
    starts = _line_starts(text)
    line, character = position
    if line >= len(starts):
        return len(text)
    # Cutting the encoded line may leave half a character, which decoding drops: a position inside
    # a surrogate pair is the start of its character.
    content = text[starts[line] : line_end(text, starts[line])]
    codec, unit_bytes = _ENCODER[encoding]
    encoded = content.encode(codec, "surrogatepass")[: character * unit_bytes]
    return starts[line] + len(encoded.decode(codec, "ignore"))


def line_end(text: str, offset: int) -> int:
    """Return the offset at which the line that holds an offset ends, before its line ending."""
    ending = _ENDING.search(text, offset)
    return ending.start() if ending else len(text)


def difference(old: str, new: str) -> tuple[int, int, int]:
    """Return where two texts differ: start, end in the old and end in the new one.

    No end lies between the two characters of a CRLF, for which clients have no position.
    """
    limit = min(len(old), len(new))
    start = 0
    while start < limit and old[start] == new[start]:
        start += 1
    if start and "\r\n" in (old[start - 1 : start + 1], new[start - 1 : start + 1]):
        start -= 1
    tail = 0
    while tail < limit - start and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    while tail and "\r\n" in (_around(old, len(old) - tail), _around(new, len(new) - tail)):
        tail -= 1
    return start, len(old) - tail, len(new) - tail


def _around(text: str, offset: int) -> str:
    return text[max(0, offset - 1) : offset + 1]


def _line_starts(text: str) -> list[int]:
    return [0, *(ending.end() for ending in _ENDING.finditer(text))]
