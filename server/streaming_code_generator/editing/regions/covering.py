r"""A region opened over the text of others, and what they get back when its original returns.

The region that is opened first in brackets, the one over it in braces:

    [a = 1\nb = 2]\nc = 3      the first stands there whole
    [a = 1\n{b = 2]\nc = 3}    the other is opened over `b = 2\nc = 3`
    [a = 1\n]{x()}             and puts `x()` there: of the first, `b = 2` is deleted
    [a = 1\n{b = 2]\nc = 3}    the other is removed: the first is whole again

Without that, removing the first would now leave `b = 2`.
"""

from dataclasses import dataclass, replace

from streaming_code_generator.editing.regions.pieces import (
    Pieces,
    document_length,
    own_in_document,
    put_back,
    span_of,
    within,
)
from streaming_code_generator.editing.regions.region import Region
from streaming_code_generator.editing.text.lines import Point
from streaming_code_generator.editing.text.mirror import Mirror


@dataclass(frozen=True, slots=True)
class CoveredPart:
    """The part of a region that another one was opened over."""

    original: str
    """The whole text that the other one was opened over."""
    offset: int
    """Where the part begins in that, in code points."""
    own_text: str
    """The whole text of the region's generation then."""
    own_before: int
    """How much of that lies before the part."""
    pieces: Pieces
    has_start: bool
    """Whether the region begins in it."""
    has_end: bool
    """Whether the region ends in it."""


def covered_part(mirror: Mirror, region: Region, start: Point, end: Point) -> CoveredPart:
    """Return the part of a region that lies in a range; they share some text."""
    low, high = max(start, region.start), min(end, region.end)
    own_before, pieces = within(
        region.pieces, mirror.distance(region.start, low), mirror.distance(region.start, high)
    )
    return CoveredPart(
        original=mirror.slice(start, end),
        offset=mirror.distance(start, low),
        own_text=region.own_text,
        own_before=own_before,
        pieces=pieces,
        has_start=start <= region.start,
        has_end=region.end <= end,
    )


def uncovered(mirror: Mirror, region: Region, part: CoveredPart, covering: Region) -> Region:
    """Return a region as it is now that the covering one holds its original.

    It is left as it is if something else was done to that place meanwhile.
    """
    own_end = part.own_before + sum(piece.in_own for piece in part.pieces)
    # The user may have undone it: then it is no part of the generation's text any more.
    without = part.own_text[: part.own_before] + part.own_text[own_end:]
    length = document_length(part.pieces)
    span = span_of(covering.pieces, part.offset, part.offset + length)
    if span is None or region.own_text not in {part.own_text, without}:
        return region
    low = mirror.advance(covering.start, span[0])
    high = mirror.advance(low, length)
    start = low if part.has_start else region.start
    end = high if part.has_end else region.end
    if not start <= low <= high <= end:
        return region
    pieces = put_back(
        region.pieces,
        (part.own_before, own_end if region.own_text == part.own_text else part.own_before),
        part.pieces,
        before=mirror.distance(start, low),
        behind=mirror.distance(high, end),
    )
    if pieces is None:
        return region
    return replace(
        region,
        start=start,
        end=end,
        own_text=part.own_text,
        pieces=pieces,
        deleted=region.deleted and not own_in_document(pieces),
    )
