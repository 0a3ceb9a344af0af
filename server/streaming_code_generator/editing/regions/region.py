"""Ranges of a document that move with every change, each holding one generation's text.

Stickiness: text typed exactly at a region's start or end stays outside it. Text typed inside it
stays where it was typed and belongs to the user. A region without text yet goes behind what is
typed at it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from streaming_code_generator.editing.regions.pieces import (
    Kind,
    Piece,
    Pieces,
    PlacedEdit,
    absorb,
    is_untouched,
    own_in_document,
    place,
    removed_runs,
    revive,
    rewrite,
    take_over,
    without_deleted,
)
from streaming_code_generator.editing.text.diff import Edit
from streaming_code_generator.editing.text.lines import Point
from streaming_code_generator.editing.text.mirror import Mirror, Splice


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A tracked range: where it stands, and what in it is whose."""

    start: Point
    end: Point
    own_text: str
    """What the generation has put there, as far as the document has confirmed it."""
    pieces: Pieces
    original: str
    """What stood there before the generation wrote anything, and is put back when it is removed."""
    deleted: bool = False
    """Whether a user removed all of the generation's text."""
    landed_text: str
    """The generation's text as of the latest edit that landed: more than `own_text` where the user
    has undone some of it."""
    rewritten: bool = False
    """Whether other text was ever put in place of the generation's, or into it in several places
    at once."""

    @classmethod
    def around(cls, mirror: Mirror, start: Point, end: Point) -> "Region":
        """Track a range; what stands in it counts as the generation's, to be replaced."""
        text = mirror.slice(start, end)
        return cls(
            start=start,
            end=end,
            own_text=text,
            landed_text=text,
            original=text,
            pieces=(Piece(Kind.OWN, len(text)),) if text else (),
        )

    @property
    def is_empty(self) -> bool:
        """Whether nothing stands in the range."""
        return self.start == self.end

    @property
    def is_untouched(self) -> bool:
        """Whether no other author wrote or removed anything inside."""
        return is_untouched(self.pieces)

    @property
    def is_rewritten(self) -> bool:
        """Whether removing the generation's text would leave fragments of what was made of it.

        A formatter, or the user, has put text in place of it, or into it in several places at once.
        """
        return self.rewritten and any(piece.kind is Kind.FOREIGN for piece in self.pieces)

    @property
    def is_undone(self) -> bool:
        """Whether the user has undone text that had landed, and may still redo it."""
        return self.own_text != self.landed_text

    @property
    def is_original(self) -> bool:
        """Whether the generation has written nothing yet, or was taken out again."""
        return self.own_text == self.original

    @property
    def is_whole(self) -> bool:
        """Whether all that has landed stands there, and no other author wrote in it."""
        return self.is_untouched and not self.is_undone and not self.deleted

    def ranges(self, kind: Kind) -> Iterator[tuple[int, int]]:
        """Yield where text of a kind stands, by offsets from the region's start."""
        offset = 0
        for piece in self.pieces:
            if piece.kind is kind:
                yield offset, offset + piece.in_document
            offset += piece.in_document

    def standing_text(self) -> str:
        """Return what of the generation's text stands in the document."""
        parts, offset = [], 0
        for piece in self.pieces:
            if piece.kind is Kind.OWN:
                parts.append(self.own_text[offset : offset + piece.length])
            offset += piece.in_own
        return "".join(parts)

    def without_latest(self, earlier_texts: Iterable[str]) -> "Region":
        """Return the region without what landed last, if just that was removed in one piece.

        What else was removed, elsewhere in the region, stays removed by the user.

            landed    foo() then bar()    removed    bar() and the f    left    oo() of foo()

        Args:
            earlier_texts: The texts that had landed, the latest first.
        """
        own, removed = self.own_text, [*removed_runs(self.pieces)]
        for text in earlier_texts:
            for low, high in removed:
                is_long_enough = high - low == len(own) - len(text) and own[low:high].strip()
                if is_long_enough and own[:low] + own[high:] == text:
                    pieces = without_deleted(self.pieces, low, high)
                    return replace(self, own_text=text, pieces=pieces, deleted=False)
        return self

    def place(self, edit: Edit) -> list[PlacedEdit]:
        """Say what an edit of the generation's text does to the document."""
        return place(self.pieces, edit)

    def land(self, edit: Edit) -> "Region":
        """Return the region after an edit of the generation's text reached the document.

        Its place is moved by `grown`, once for each change of the document.
        """
        pieces = rewrite(self.pieces, edit)
        # What stands in the document beside the own text, the user's, is in the pieces alone.
        text = self.own_text[: edit.start] + edit.text + self.own_text[edit.end :]
        return replace(
            self,
            own_text=text,
            landed_text=text,
            pieces=pieces,
            # Removals that belong to the edit may have been reported before its new text.
            deleted=self.deleted and own_in_document(pieces) == 0,
        )

    def taking_in(self, start: int, text: str) -> "Region":
        """Return a region that holds its original, with text inside counted as a part of it.

        Args:
            start: Offset of the text in the region's document text, in code points.
            text: The text, which is another author's so far.
        """
        before, pieces = take_over(self.pieces, start, len(text))
        own_text = self.own_text[:before] + text + self.own_text[before:]
        return replace(
            self, own_text=own_text, landed_text=own_text, original=own_text, pieces=pieces
        )

    def pushed(self, splice: Splice, *, by_earlier: bool) -> "Region":
        """Return the region moved by a change outside it.

        Args:
            splice: The change.
            by_earlier: Where both touch at one place, whether the change comes first there.
        """
        return self._at(
            splice.move(self.start, sticks_right=by_earlier or not self.is_empty),
            splice.move(self.end, sticks_right=by_earlier and self.is_empty),
        )

    def grown(self, splice: Splice) -> "Region":
        """Return the region moved by a change inside it, which stays inside."""
        return self._at(
            splice.move(self.start, sticks_right=False),
            splice.move(self.end, sticks_right=True),
        )

    def _at(self, start: Point, end: Point) -> "Region":
        # Every region is moved by every change: `replace` would take four times as long.
        return Region(
            start=start,
            end=end,
            own_text=self.own_text,
            pieces=self.pieces,
            original=self.original,
            deleted=self.deleted,
            landed_text=self.landed_text,
            rewritten=self.rewritten,
        )


Author = Literal["user", "earlier", "later"]
"""Who changed the document: a user, or a generation whose region comes earlier or later."""


@dataclass(frozen=True, slots=True)
class ForeignChange:
    """A change of the document that no generation made: `[start, end)` became `text`."""

    start: Point
    end: Point
    text: str


def overlaps(region: Region, change: ForeignChange) -> bool:
    """Whether a change reaches inside a region, not only up to one of its ends."""
    if change.start == change.end:
        return region.start < change.start < region.end
    return change.start < region.end and change.end > region.start


def absorb_change(
    region: Region, mirror: Mirror, change: ForeignChange, splice: Splice, *, author: Author
) -> Region:
    """Return the region after a change that its own generation did not make.

    Args:
        region: The region before.
        mirror: The document before the change.
        change: What changed.
        splice: What the change does to points.
        author: Who made it.
    """
    if author == "user":
        # Redo reports an insertion: of text that is known to have been here, it is no new one.
        revived = _revived(region, mirror, change)
        if revived is not None:
            return replace(revived.grown(splice), deleted=False)
    if not overlaps(region, change):
        return region.pushed(splice, by_earlier=author != "later")
    return _overlapped(region, mirror, change, splice)


def _revived(region: Region, mirror: Mirror, change: ForeignChange) -> Region | None:
    if change.start != change.end or not region.start <= change.start <= region.end:
        return None
    offset = mirror.distance(region.start, change.start)
    pieces = revive(region.pieces, region.own_text, offset, change.text)
    return None if pieces is None else replace(region, pieces=pieces)


def _overlapped(region: Region, mirror: Mirror, change: ForeignChange, splice: Splice) -> Region:
    inside = change.start >= region.start and change.end <= region.end
    covers = change.start < region.start and change.end > region.end
    start = max(change.start, region.start)
    end = min(change.end, region.end)
    # Only the part inside changes the region. New text that reaches across a border stays outside:
    #
    #     region [ab|cd], the user writes XY over "cd" and what follows: [ab]XY
    pieces = absorb(
        region.pieces,
        mirror.distance(region.start, start),
        mirror.distance(region.start, end),
        len(change.text) if inside else 0,
    )
    # A region that never held anything cannot have been deleted.
    lost_all = own_in_document(region.pieces) > 0 and own_in_document(pieces) == 0
    return replace(
        region,
        start=splice.move(region.start, sticks_right=not inside),
        end=splice.move(region.end, sticks_right=inside or covers),
        pieces=pieces,
        deleted=region.deleted or lost_all,
    )
