"""What a document writer and its driver say to each other, and what reported changes come to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from streaming_code_generator.editing.diff import single_edit
from streaming_code_generator.editing.mirror import Mirror, Point, Splice
from streaming_code_generator.editing.region import ForeignChange


@dataclass(frozen=True, slots=True)
class ReportedChange:
    """One entry of a `didChange`: positions are the client's; None stands for the whole text."""

    range: tuple[tuple[int, int], tuple[int, int]] | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TextReplacement:
    """One replacement to send, in the client's positions."""

    start: tuple[int, int]
    end: tuple[int, int]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingEdit:
    """One edit to send; its replacements do not overlap and are in order."""

    edit_id: int
    version: int | None
    """None for a document that the client does not have open."""
    replacements: tuple[TextReplacement, ...]


class RangeTaken(ValueError):  # noqa: N818 - named for what happened
    """A generation that is still running writes in the range that another one was to replace."""

    def __init__(self, region_id: str) -> None:
        super().__init__(f"region {region_id} is still being written in that range")
        self.region_id = region_id


UndeliverableReason = Literal["refused", "no_reply", "no_change"]


@dataclass(frozen=True, slots=True)
class Settled:
    """A finished region's text stands in the document as wanted."""

    region_id: str


@dataclass(frozen=True, slots=True)
class Deleted:
    """A user removed all of a region's text."""

    region_id: str


@dataclass(frozen=True, slots=True)
class Undone:
    """The user has undone text of a region and not redone it: the rest is to be taken out."""

    region_id: str


@dataclass(frozen=True, slots=True)
class Undeliverable:
    """The client does not take edits; the region stays as it is."""

    region_id: str
    reason: UndeliverableReason


Outcome = Settled | Deleted | Undone | Undeliverable


@dataclass(slots=True)
class WriterCounts:
    """What happened so far, for the log and for figures."""

    sent: int = 0
    landed: int = 0
    refused: int = 0
    rebased: int = 0
    """Edits that had to be made anew because the document changed under them."""
    repaired: int = 0
    """Edits that a client applied in the wrong place and that were taken back."""


def located(mirror: Mirror, change: ReportedChange) -> ForeignChange:
    """Return one reported change with points instead of the client's positions."""
    if change.range is None:
        return ForeignChange(Point(0, 0), mirror.end, change.text)
    start, end = sorted(mirror.point(*position) for position in change.range)
    return ForeignChange(start, end, change.text)


def replacement(mirror: Mirror, change: ForeignChange) -> TextReplacement:
    """Return a change with the client's positions, as it is sent."""
    start = mirror.position(change.start)
    end = start if change.end == change.start else mirror.position(change.end)
    return TextReplacement(start=start, end=end, text=change.text)


def smallest(mirror: Mirror, change: ForeignChange) -> ForeignChange | None:
    """Return a change without what it leaves as it is at its ends, such as the rest of a line.

    Returns:
        The change; None if it leaves everything as it is.
    """
    edit = single_edit(mirror.slice(change.start, change.end), change.text)
    if edit is None:
        return None
    start = mirror.advance(change.start, edit.start)
    return ForeignChange(start, mirror.advance(start, edit.end - edit.start), edit.text)


def net_change(mirror: Mirror, changes: Sequence[ReportedChange]) -> ForeignChange | None:
    """Return what a notification's changes come to if they build on one another.

    An undo of several steps is often reported so: text goes and, in the next change, comes back
    with something else beside it. One by one, the text that only went to and fro would be lost.

    Returns:
        One change of whole lines; None if each change is on its own, or there is only one.
    """
    if len(changes) <= 1:
        return None
    after = After(mirror)
    results: list[tuple[Point, Point]] = []
    builds_on_another = False
    for reported in changes:
        change, splice = after.make(reported)
        builds_on_another |= any(
            change.start <= end and start <= change.end for start, end in results
        )
        results = [
            (splice.move(start, sticks_right=True), splice.move(end, sticks_right=False))
            for start, end in results
        ]
        start = splice.move(change.start, sticks_right=False)
        results.append((start, after.mirror.advance(start, len(change.text))))
    return after.difference() if builds_on_another else None


def running_totals(mirror: Mirror, changes: Sequence[ReportedChange]) -> list[ForeignChange]:
    """Return what the first change comes to, the first two together, and so on."""
    totals: list[ForeignChange] = []
    after = After(mirror)
    for reported in changes:
        change, _ = after.make(reported)
        totals.append(after.difference() if totals else change)
    return totals


class After:
    """A document as changes leave it, and in which lines it may differ from what it was."""

    def __init__(self, before: Mirror) -> None:
        self.mirror = Mirror("", encoding=before.encoding)
        self.mirror.lines = list(before.lines)
        self._before = before
        self._first = self._same_behind = len(before.lines)

    def make(self, reported: ReportedChange) -> tuple[ForeignChange, Splice]:
        """Make a change and return it, with what it does to points."""
        change = located(self.mirror, reported)
        splice = self.mirror.splice(change.start, change.end, change.text)
        behind = len(self.mirror.lines) - splice.first_line - len(splice.new_lengths)
        self._first = min(self._first, splice.first_line)
        self._same_behind = min(self._same_behind, behind)
        return change, splice

    def difference(self) -> ForeignChange:
        """Return the lines that differ, as one change."""
        old, new = self._before.lines, self.mirror.lines
        shorter = min(len(old), len(new))
        first, same_behind = self._first, self._same_behind
        while first + same_behind < shorter and old[first] == new[first]:
            first += 1
        while first + same_behind < shorter and old[-1 - same_behind] == new[-1 - same_behind]:
            same_behind += 1
        last_old, last_new = len(old) - same_behind, len(new) - same_behind
        end = Point(last_old, 0) if last_old < len(old) else self._before.end
        start = Point(first, 0) if first < len(old) else self._before.end
        return ForeignChange(start, end, "".join(new[first:last_new]))
