r"""A region opened over the text of others, and what they get back when its original returns.

The region that is opened first in brackets, the one over it in braces:

    [a = 1\nb = 2]\nc = 3      the first stands there whole
    [a = 1\n{b = 2]\nc = 3}    the other is opened over `b = 2\nc = 3`
    [a = 1\n]{x()}             and puts `x()` there: of the first, `b = 2` is deleted
    [a = 1\n{b = 2]\nc = 3}    the other is removed: the first is whole again

Without that, removing the first would now leave `b = 2`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from streaming_code_generator.editing.diff import single_edit
from streaming_code_generator.editing.mirror import Mirror
from streaming_code_generator.editing.region import (
    Kind,
    Pieces,
    Region,
    absorb,
    as_it_stands,
    document_length,
    own_in_document,
    put_back,
    standing_part,
    within,
)


@dataclass(frozen=True, slots=True)
class CoveredPart:
    """The part of a region that another one was opened over."""

    offset: int
    """Where the part begins in what stood there of the other one's original, in code points."""
    own_text: str
    """The whole text of the region's generation then."""
    own_before: int
    """How much of that lies before the part."""
    pieces: Pieces
    has_start: bool
    """Whether the region begins in it."""
    has_end: bool
    """Whether the region ends in it."""

    def places(self) -> Iterator[int]:
        """Yield where the generation's text of the part stands in the other one's original."""
        place = self.offset
        for piece in self.pieces:
            if piece.kind is Kind.OWN:
                yield from range(place, place + piece.length)
            place += piece.in_document

    def own_range(self, region: Region) -> tuple[int, int] | None:
        """Return which of the region's text the part is now; None if it was changed in it."""
        start = self.own_before
        end = start + sum(piece.in_own for piece in self.pieces)
        edit = single_edit(self.own_text, region.own_text)
        if edit is None or edit.start >= end:
            return start, end
        if edit.end <= start:
            return start + edit.growth, end + edit.growth
        return None

    def is_left_out(self, region: Region) -> bool:
        """Whether the region's text is what it was, without the part.

        It seems to have been undone: it stands where the other one keeps it.
        """
        end = self.own_before + sum(piece.in_own for piece in self.pieces)
        return region.own_text == self.own_text[: self.own_before] + self.own_text[end:]

    def fits(self, region: Region) -> bool:
        """Whether the region can have the part again."""
        return self.is_left_out(region) or self.own_range(region) is not None


def covered_part(mirror: Mirror, region: Region, covering: Region) -> CoveredPart:
    """Return the part of a region that lies in a covering one, before that is replaced.

    They share some text. What the user has typed in the covering one is not replaced with it, and
    is no part.
    """
    low, high = max(covering.start, region.start), min(covering.end, region.end)
    own_before, pieces = within(
        region.pieces, mirror.distance(region.start, low), mirror.distance(region.start, high)
    )
    first, last = mirror.distance(covering.start, low), mirror.distance(covering.start, high)
    for typed_start, typed_end in reversed([*covering.ranges(Kind.FOREIGN)]):
        start, end = max(typed_start, first), min(typed_end, last)
        if start < end:
            pieces = absorb(pieces, start - first, end - first, 0)
    _, before = within(covering.pieces, 0, first)
    return CoveredPart(
        offset=own_in_document(before),
        own_text=region.own_text,
        own_before=own_before,
        pieces=pieces,
        has_start=covering.start <= region.start,
        has_end=region.end <= covering.end,
    )


def uncovered(mirror: Mirror, region: Region, part: CoveredPart, covering: Region) -> Region:
    """Return a region as it is now that the covering one holds its original.

    It is left as it is if something else was done to that place meanwhile.
    """
    own_text, own_range = region.own_text, part.own_range(region)
    if part.is_left_out(region):
        own_text, own_range = part.own_text, (part.own_before, part.own_before)
    part_end = part.offset + document_length(part.pieces)
    offset, standing = standing_part(covering.pieces, part.offset, part_end)
    if own_range is None:
        return region
    inside = as_it_stands(part.pieces, standing)
    low = mirror.advance(covering.start, offset)
    high = mirror.advance(low, document_length(inside))
    # What the user typed in a covered region may be all that is left of it, before or behind.
    has_typed = not region.is_empty
    start = min(low, region.start) if has_typed else low if part.has_start else region.start
    end = max(high, region.end) if has_typed else high if part.has_end else region.end
    if not start <= low <= high <= end:
        return region
    pieces = put_back(
        region.pieces,
        own_range,
        inside,
        before=mirror.distance(start, low),
        behind=mirror.distance(high, end),
    )
    if pieces is None:
        return region
    return replace(
        region,
        start=start,
        end=end,
        own_text=own_text,
        pieces=pieces,
        deleted=region.deleted and not own_in_document(pieces),
    )
