"""What a client's change notification comes to in the server's copy of the document."""

from collections.abc import Sequence

from streaming_code_generator.editing.exchange import ReportedChange
from streaming_code_generator.editing.regions.region import ForeignChange
from streaming_code_generator.editing.text.lines import Point
from streaming_code_generator.editing.text.mirror import Mirror


def located(mirror: Mirror, change: ReportedChange) -> ForeignChange:
    """Return one reported change with points instead of the client's positions."""
    if change.range is None:
        return ForeignChange(Point(0, 0), mirror.end, change.text)
    start, end = sorted(mirror.point(*position) for position in change.range)
    return ForeignChange(start, end, change.text)


def net_change(mirror: Mirror, changes: Sequence[ReportedChange]) -> ForeignChange | None:
    """Return what a notification's changes come to if they build on one another.

    An undo of several steps is often reported so: text goes and, in the next change, comes back
    with something else beside it. One by one, the text that only went to and fro would be lost.

    Returns:
        One change of whole lines; None if each change is on its own, or there is only one.
    """
    if len(changes) <= 1:
        return None
    after = Mirror("", encoding=mirror.encoding)
    after.lines = list(mirror.lines)
    results: list[tuple[Point, Point]] = []
    builds_on_another = False
    for reported in changes:
        change = located(after, reported)
        builds_on_another |= any(
            change.start <= end and start <= change.end for start, end in results
        )
        splice = after.splice(change.start, change.end, change.text)
        results = [
            (splice.move(start, sticks_right=True), splice.move(end, sticks_right=False))
            for start, end in results
        ]
        start = splice.move(change.start, sticks_right=False)
        results.append((start, after.advance(start, len(change.text))))
    return _difference(mirror, after) if builds_on_another else None


def _difference(before: Mirror, after: Mirror) -> ForeignChange:
    """Return the lines that differ between two texts, as one change."""
    old, new = before.lines, after.lines
    shorter = min(len(old), len(new))
    first = next((i for i in range(shorter) if old[i] != new[i]), shorter)
    same_behind = next(
        (i for i in range(shorter - first) if old[-1 - i] != new[-1 - i]), shorter - first
    )
    last_old, last_new = len(old) - same_behind, len(new) - same_behind
    end = Point(last_old, 0) if last_old < len(old) else before.end
    start = Point(first, 0) if first < len(old) else before.end
    return ForeignChange(start, end, "".join(new[first:last_new]))
