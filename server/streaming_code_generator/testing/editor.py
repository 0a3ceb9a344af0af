r"""A simulated editor: a real text buffer with the habits, good and bad, of real language clients.

It stands where a client stands: it takes edits, answers them, and reports its changes. It knows
nothing of the server's machinery, and computes positions in its own, independent way. Time is
virtual; nothing here sleeps.

    editor = SimulatedEditor("a = 1\n", habits=EditorHabits(changes="diff", change_delay_s=0.15))
    editor.replace(0, 0, "# typed by a person\n")
    editor.receive(edit, now_s=0.0)
    for message in editor.outbox(now_s=0.2): ...

Every code point in the buffer remembers who wrote it, so that a test can tell exactly whether a
person's text was lost, moved or overwritten.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Author = Literal["base", "selected", "person", "server"]
"""`base` stood there at the start; `selected` is given to a server to replace."""
Encoding = Literal["utf-8", "utf-16", "utf-32"]
Position = tuple[int, int]
_ENCODER: dict[Encoding, tuple[str, int]] = {
    "utf-8": ("utf-8", 1),
    "utf-16": ("utf-16-le", 2),
    "utf-32": ("utf-32-le", 4),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EditorHabits:
    """How a client behaves; the defaults are a client without faults."""

    encoding: Encoding = "utf-16"
    stale_edits: Literal["refuse", "pretend", "apply"] = "refuse"
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


Message = Reply | DidChange


class Replacement(Protocol):
    """One replacement of an edit, in the client's positions."""

    @property
    def start(self) -> Position: ...  # noqa: D102 - named by the field
    @property
    def end(self) -> Position: ...  # noqa: D102 - named by the field
    @property
    def text(self) -> str: ...  # noqa: D102 - named by the field


class Edit(Protocol):
    """An edit as a server sends it."""

    @property
    def edit_id(self) -> int: ...  # noqa: D102 - named by the field
    @property
    def version(self) -> int | None: ...  # noqa: D102 - named by the field
    @property
    def replacements(self) -> Sequence[Replacement]: ...  # noqa: D102 - named by the field


@dataclass(slots=True, eq=False)
class Cell:
    """One code point and who wrote it; it stays the same one through undo and redo."""

    character: str
    author: Author


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
        self.removed_by_person: list[Cell] = []
        self.open = True
        self._pending: list[Change] = []
        self._flush_at_s: float | None = None
        self._outbox: deque[Message] = deque()
        self._undo: list[list[_Done]] = []
        self._redo: list[list[_Done]] = []

    @property
    def text(self) -> str:
        """The buffer's text."""
        return "".join(cell.character for cell in self.cells)

    def written_by(self, author: Author) -> str:
        """Return the text one author has in the buffer, in order."""
        return "".join(cell.character for cell in self.cells if cell.author == author)

    def select(self, start: int, end: int) -> None:
        """Give `[start, end)` to the server: from now on its edits may remove that text."""
        for cell in self.cells[start:end]:
            cell.author = "selected"

    # A person's side

    def replace(self, start: int, end: int, text: str, *, now_s: float = 0.0) -> None:
        """Let the person replace `[start, end)`, offsets in code points, by a text."""
        if start == end and not text:
            return
        done = _Done(start, tuple(self.cells[start:end]), _cells(text, "person"))
        self._remember(done)
        self._make([done], now_s=now_s)

    def repeat(self, start: int, end: int, *, now_s: float = 0.0) -> None:
        """Replace `[start, end)` by the same text, as a formatter with little to change does."""
        cells = tuple(self.cells[start:end])
        done = _Done(start, cells, cells)
        self._remember(done)
        self._make([done], now_s=now_s, by_person=False)

    def undo(self, *, now_s: float = 0.0) -> None:
        """Take back the last change, whoever made it."""
        if self._undo:
            steps = self._undo.pop()
            self._redo.append(steps)
            self._make([step.inverse() for step in reversed(steps)], now_s=now_s)

    def redo(self, *, now_s: float = 0.0) -> None:
        """Make again what was undone last."""
        if self._redo:
            steps = self._redo.pop()
            self._undo.append(steps)
            self._make(steps, now_s=now_s)

    def rewrite(self, function: Callable[[str], str], *, now_s: float = 0.0) -> None:
        """Replace the whole buffer at once, as a formatter or a reload does."""
        self.replace(0, len(self.cells), function(self.text), now_s=now_s)

    def close(self) -> None:
        """Close the buffer: nothing is answered or reported any more."""
        self.open = False
        self._outbox.clear()

    # The client's side

    def receive(self, edit: Edit, *, now_s: float = 0.0) -> None:
        """Take an edit from the server, apply it or not, and answer by habit."""
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

    # Inside

    def _apply(self, edit: Edit, *, now_s: float) -> None:
        steps: list[_Done] = []
        for replacement in reversed(edit.replacements):
            start, end = self.offset(replacement.start), self.offset(replacement.end)
            removed = tuple(self.cells[start:end])
            self._check_removal(removed)
            steps.append(_Done(start, removed, _cells(self._ended(replacement.text), "server")))
        self._undo.append(steps)
        self._redo.clear()
        self._make(steps, now_s=now_s, by_person=False)

    def _check_removal(self, removed: Sequence[Cell]) -> None:
        if self.habits.stale_edits == "apply":
            return  # such a client overwrites by itself; what counts is that it is repaired
        # Which of two equal neighbours a difference of texts names is a matter of chance.
        vague = "" if self.habits.changes == "exact" else "\n"
        foreign = [cell for cell in removed if cell.author in {"base", "person"}]
        if any(cell.character not in vague for cell in foreign):
            raise ForeignTextRemoved("".join(cell.character for cell in removed))

    def _ended(self, text: str) -> str:
        if self.habits.line_ending is None:
            return text
        return text.replace("\r\n", "\n").replace("\n", self.habits.line_ending)

    def _remember(self, done: _Done) -> None:
        self._undo.append([done])
        self._redo.clear()

    def _make(self, steps: Sequence[_Done], *, now_s: float, by_person: bool = True) -> None:
        if self._flush_at_s is None:
            self._flush_at_s = now_s + self.habits.change_delay_s
        for step in steps:
            start, end = step.offset, step.offset + len(step.removed)
            text = "".join(cell.character for cell in step.inserted)
            self._pending.append(Change((self.position(start), self.position(end)), text))
            self.cells[start:end] = step.inserted
            if by_person:
                self.removed_by_person += step.removed
        self.version += self.habits.version_step
        self._flush_if_due(now_s)

    def _flush_if_due(self, now_s: float) -> None:
        if self._flush_at_s is not None and now_s >= self._flush_at_s and self.open:
            self._outbox.append(DidChange(self.version, self._reported()))
            self.reported_text = self.text
            self._pending.clear()
            self._flush_at_s = None

    def _reported(self) -> tuple[Change, ...]:
        old, new = self.reported_text, self.text
        if self.habits.changes == "exact":
            return tuple(self._pending)
        if self.habits.changes == "full":
            return (Change(None, new),)
        start, old_end, new_end = _difference(old, new)
        if self.habits.changes == "lines":
            start = old.rfind("\n", 0, start) + 1
            tail = _line_end(old, old_end) - old_end
            old_end, new_end = old_end + tail, new_end + tail
        positions = (
            position_in(old, start, self.habits.encoding),
            position_in(old, old_end, self.habits.encoding),
        )
        return (Change(positions, new[start:new_end]),)

    def position(self, offset: int) -> Position:
        """Return the client's position of an offset in code points."""
        return position_in(self.text, offset, self.habits.encoding)

    def offset(self, position: Position) -> int:
        """Return the offset of a client's position; past the end of a line is its end."""
        return offset_in(self.text, position, self.habits.encoding)


def _cells(text: str, author: Author) -> tuple[Cell, ...]:
    return tuple(Cell(character, author) for character in text)


def _difference(old: str, new: str) -> tuple[int, int, int]:
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    if start > 0 and old[start - 1 : start + 1] == "\r\n":
        start -= 1
    tail = 0
    while tail < min(len(old), len(new)) - start and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    while tail and "\r\n" in (
        old[len(old) - tail - 1 : len(old) - tail + 1],
        new[len(new) - tail - 1 : len(new) - tail + 1],
    ):
        tail -= 1
    return start, len(old) - tail, len(new) - tail


def _line_end(text: str, offset: int) -> int:
    while offset < len(text) and text[offset] not in "\r\n":
        offset += 1
    return offset


def _line_starts(text: str) -> list[int]:
    # Written apart from the server's own rules, as a model to check them against.
    starts = [0]
    for index, character in enumerate(text):
        if character == "\n" or (character == "\r" and text[index + 1 : index + 2] != "\n"):
            starts.append(index + 1)
    return starts


def position_in(text: str, offset: int, encoding: Encoding) -> Position:
    """Return the position of an offset, by encoding the line up to it."""
    starts = _line_starts(text)
    line = max(index for index, start in enumerate(starts) if start <= offset)
    codec, unit_bytes = _ENCODER[encoding]
    before = text[starts[line] : offset]
    return line, len(before.encode(codec, "surrogatepass")) // unit_bytes


def offset_in(text: str, position: Position, encoding: Encoding) -> int:
    """Return the offset of a position, by decoding the line up to it."""
    starts = _line_starts(text)
    line, character = position
    if line >= len(starts):
        return len(text)
    content = text[starts[line] : _line_end(text, starts[line])]
    codec, unit_bytes = _ENCODER[encoding]
    encoded = content.encode(codec, "surrogatepass")[: character * unit_bytes]
    return starts[line] + len(encoded.decode(codec, "ignore"))
