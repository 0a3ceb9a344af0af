"""What a client's change notification comes to in the server's copy of the document."""

from collections.abc import Sequence

from streaming_code_generator.editing.exchange import ReportedChange
from streaming_code_generator.editing.regions.region import ForeignChange
from streaming_code_generator.editing.text.diff import single_edit
from streaming_code_generator.editing.text.lines import Point
from streaming_code_generator.editing.text.mirror import Mirror, Splice


def located(mirror: Mirror, change: ReportedChange) -> ForeignChange:
    """Return one reported change with points instead of the client's positions."""
    if change.range is None:
        return ForeignChange(Point(0, 0), mirror.end, change.text)
    start, end = sorted(mirror.point(*position) for position in change.range)
    return ForeignChange(start, end, change.text)


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
    after = _After(mirror)
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
    after = _After(mirror)
    for reported in changes:
        change, _ = after.make(reported)
        totals.append(after.difference() if totals else change)
    return totals


class _After:
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
