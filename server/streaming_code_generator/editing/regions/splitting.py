"""What a user's change really did where it reaches into regions.

Editors report more than was changed, and other places than those where it was changed: a formatter
names the whole file, and of a difference of two texts there is often more than one reading.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence

from streaming_code_generator.editing.regions.pieces import Kind
from streaming_code_generator.editing.regions.region import ForeignChange, Region, overlaps
from streaming_code_generator.editing.text.diff import (
    SCRAP_BITS,
    Edit,
    anchored_edits,
    apply_edits,
    bits,
    fine_edits,
)
from streaming_code_generator.editing.text.lines import split_lines
from streaming_code_generator.editing.text.mirror import Mirror


def same_insertions(
    mirror: Mirror, regions: Iterable[Region], change: ForeignChange
) -> Iterator[ForeignChange]:
    r"""Yield insertions at regions' borders that come to the same text as an insertion near them.

    An editor that reports differences may name another place than the one where text came back:

        before       x[]\ny           after    x\nfoo()\ny, the undo of removing `\nfoo()`
        reported     x\n|foo()\n|y    the same     x|\nfoo()|\ny
    """
    text = change.text
    if change.start != change.end or not text.strip():
        return
    most_lines = len(split_lines(text))
    for region in regions:
        if 0 <= change.start.line - region.end.line <= most_lines and region.end < change.start:
            between = mirror.slice(region.end, change.start)
            if text.endswith(between):
                moved = between + text.removesuffix(between)
                yield ForeignChange(region.end, region.end, moved)
        elif 0 <= region.start.line - change.end.line <= most_lines:
            between = mirror.slice(change.end, max(change.end, region.start))
            if between and text.startswith(between):
                moved = text.removeprefix(between) + between
                yield ForeignChange(region.start, region.start, moved)


def edits_of(mirror: Mirror, regions: Iterable[Region], change: ForeignChange) -> list[Edit]:
    """Return the edits, by offsets from its start, that a change comes to.

    Text that it only repeats is no part of them; regions' own texts are looked for first.
    """
    spans = sorted(
        (mirror.distance(change.start, r.start), mirror.distance(change.start, r.end))
        for r in regions
        if change.start <= r.start < r.end <= change.end
    )
    return anchored_edits(mirror.slice(change.start, change.end), change.text, spans)


def swept(
    mirror: Mirror, regions: Iterable[Region], change: ForeignChange, edits: Sequence[Edit]
) -> list[tuple[int, int]]:
    r"""Return where a region's text stands that a change may have removed wholly.

    What edits leave of it is a line ending or a letter, and just such a one goes next to it.

        before    x = 1[\nfoo()]\ny = 2     after    x = 1\ny = 2
        edits     x = 1\n------y = 2       swept    x = 1------\ny = 2
    """
    before = mirror.slice(change.start, change.end)
    for region in regions:
        if not overlaps(region, change):
            continue
        offset = mirror.distance(change.start, region.start)
        own = [(offset + low, offset + high) for low, high in region.ranges(Kind.OWN)]
        if not own or own[0][0] < 0 or own[-1][1] > len(before):
            continue
        if 0 < bits(_left(before, own, edits)) < SCRAP_BITS:
            others = apply_edits(before, [Edit(low, high, "") for low, high in own])
            if _inserted(fine_edits(others, change.text)) <= _inserted(edits):
                return own
    return []


def is_rewriting(region: Region, changes: Iterable[ForeignChange]) -> bool:
    """Whether changes put text in place of a region's, or into it in several places at once."""
    inside = [change for change in changes if change.text and overlaps(region, change)]
    return len(inside) > 1 or any(change.start != change.end for change in inside)


def _left(text: str, ranges: Collection[tuple[int, int]], edits: Sequence[Edit]) -> str:
    """Return what edits of a text leave of ranges of it."""
    parts = []
    for low, high in ranges:
        for edit in edits:
            parts.append(text[low : max(low, min(high, edit.start))])
            low = max(low, edit.end)  # noqa: PLW2901 - what is left begins there
        parts.append(text[low : max(low, high)])
    return "".join(parts)


def _inserted(edits: Iterable[Edit]) -> float:
    return sum(bits(edit.text) for edit in edits)
