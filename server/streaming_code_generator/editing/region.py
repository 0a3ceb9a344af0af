r"""Ranges of a document that move with every change, each holding one generation's text.

Stickiness: text typed exactly at a region's start or end stays outside it. Text typed inside it
stays where it was typed and belongs to the user. A region without text yet goes behind what is
typed at it.

A region's document text and the text its generation has put there drift apart when a user edits
inside it. The pieces relate the two:

    OWN      stands in the document and in the generation's text
    FOREIGN  stands only in the document: typed by a user, never removed by us
    DELETED  stands only in the generation's text: removed by a user, never written again

Reconciling works on the generation's text; the pieces say where in the document that is.

What a user's change really did to regions is found out here too: editors report more than was
changed, and other places than those where it was changed. A formatter names the whole file, and of
a difference of two texts there is often more than one reading.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import groupby
from math import inf
from typing import Literal

from streaming_code_generator.editing.diff import (
    RARE_BITS,
    SCRAP_BITS,
    Edit,
    anchored_edits,
    apply_edits,
    bits,
    fine_edits,
    line_edits,
)
from streaming_code_generator.editing.mirror import Mirror, Point, Splice, split_lines


class Kind(Enum):
    """Where a piece stands."""

    OWN = "own"
    FOREIGN = "foreign"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of code points of one kind."""

    kind: Kind
    length: int

    @property
    def in_document(self) -> int:
        """Its length in the document."""
        return 0 if self.kind is Kind.DELETED else self.length

    @property
    def in_own(self) -> int:
        """Its length in the generation's text."""
        return 0 if self.kind is Kind.FOREIGN else self.length


Pieces = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class PlacedEdit:
    """An edit of the document, by offsets from the region's start, in order."""

    start: int
    end: int
    text: str


def document_length(pieces: Pieces) -> int:
    """Return the region's length in the document, in code points."""
    return sum(piece.in_document for piece in pieces)


def own_in_document(pieces: Pieces) -> int:
    """Return how much of the generation's text stands in the document, in code points."""
    return sum(piece.length for piece in pieces if piece.kind is Kind.OWN)


def is_untouched(pieces: Pieces) -> bool:
    """Whether the document holds exactly the generation's text."""
    return all(piece.kind is Kind.OWN for piece in pieces)


def without_deleted(pieces: Pieces, own_start: int = 0, own_end: float = inf) -> Pieces:
    """Return the pieces without those of a part of the own text that a user has removed."""
    kept, offset = [], 0
    for piece in pieces:
        if piece.kind is not Kind.DELETED or not own_start <= offset < own_end:
            kept.append(piece)
        offset += piece.in_own
    return _joined(kept)


def removed_runs(pieces: Pieces) -> Iterator[tuple[int, int]]:
    """Yield which runs of the own text a user has removed, whatever was typed there."""
    offset = 0
    own = (piece for piece in pieces if piece.kind is not Kind.FOREIGN)
    for kind, run in groupby(own, key=lambda piece: piece.kind):
        end = offset + sum(piece.length for piece in run)
        if kind is Kind.DELETED:
            yield offset, end
        offset = end


def place(pieces: Pieces, edit: Edit) -> list[PlacedEdit]:
    """Say what an edit of the generation's text does to the document.

    A user's text inside the range stays, so one edit may become several; one that only removes
    what the user removed already becomes none. Text appended at the very end goes behind
    whatever was typed there.
    """
    # Own text "abcd", in which the user has put XY; "bc" is to become "?":
    #
    #     own text    a[bc]d        a?d
    #     document    a[b]XY[c]d    a?XYd    "b" becomes "?", and "c" goes
    before, middle, _ = _around(pieces, edit)
    offset = insertion = document_length(before)
    removals: list[PlacedEdit] = []
    for piece in middle:
        end = offset + piece.in_document
        if piece.kind is Kind.OWN:
            # Where the user took out what lay between two of them, they are one: of a CRLF, each
            # half would be no place of its own.
            start = removals.pop().start if removals and removals[-1].end == offset else offset
            removals.append(PlacedEdit(start, end, ""))
        offset = end
    if not edit.text:
        return removals
    if removals and removals[0].start == insertion:
        return [replace(removals[0], text=edit.text), *removals[1:]]
    return [PlacedEdit(insertion, insertion, edit.text), *removals]


def rewrite(pieces: Pieces, edit: Edit) -> Pieces:
    """Return the pieces after an edit of the generation's text has landed in the document."""
    before, middle, after = _around(pieces, edit)
    # What the user typed inside stays, behind the new text; what the user removed there is
    # nothing any more.
    foreign = [piece for piece in middle if piece.kind is Kind.FOREIGN]
    return _joined([*before, Piece(Kind.OWN, len(edit.text)), *foreign, *after])


def absorb(pieces: Pieces, start: int, end: int, inserted: int) -> Pieces:
    """Return the pieces after another author replaced `[start, end)` of the region's document text.

    Args:
        pieces: The pieces before.
        start: Offset in the region's document text, in code points.
        end: The same, behind the last code point removed.
        inserted: How many code points of new text stand there now; they are foreign.
    """
    before, rest = _split(pieces, start, _in_document)
    # What was removed before the replaced text stays before what takes its place.
    while start < end and rest and rest[0].kind is Kind.DELETED:
        before, rest = (*before, rest[0]), rest[1:]
    middle, after = _split(rest, end - start, _in_document)
    # The user writes X over "bc" of "abcd": own a, foreign X, deleted bc, own d. The generation's
    # text is still "abcd", or the next edit of it would bring "bc" back.
    removed = [Piece(Kind.DELETED, piece.in_own) for piece in middle]
    return _joined([*before, Piece(Kind.FOREIGN, inserted), *removed, *after])


def take_over(pieces: Pieces, start: int, length: int) -> tuple[int, Pieces]:
    """Return the pieces with a stretch that is foreign counted as own, and the own text before it.

    Args:
        pieces: The pieces before.
        start: Where the stretch begins in the region's document text, in code points.
        length: Its length.
    """
    before, rest = _split(pieces, start, _in_document)
    while rest and rest[0].kind is Kind.DELETED:
        before, rest = (*before, rest[0]), rest[1:]
    _, after = _split(rest, length, _in_document)
    taken = _joined([*before, Piece(Kind.OWN, length), *after])
    return sum(piece.in_own for piece in before), taken


def within(pieces: Pieces, start: int, end: int) -> tuple[int, Pieces]:
    """Return the pieces of a part of the region, and how much own text lies before it.

    Args:
        pieces: The region's pieces.
        start: Offset in the region's document text, in code points.
        end: The same, behind the part.
    """
    before, rest = _split(pieces, start, _in_document)
    inside, _ = _split(rest, end - start, _in_document)
    return sum(piece.in_own for piece in before), inside


def standing_part(pieces: Pieces, own_start: int, own_end: int) -> tuple[int, Pieces]:
    """Return where a part of the own text begins in the document, and its pieces there.

    Offsets are in code points: of the own text, and from the region's start in the document. What
    was typed right before the part is not in it.
    """
    before, rest = _split(pieces, own_start, _in_own)
    while rest and rest[0].kind is Kind.FOREIGN:
        before, rest = (*before, rest[0]), rest[1:]
    inside, _ = _split(rest, own_end - own_start, _in_own)
    return document_length(before), inside


def as_it_stands(part: Pieces, standing: Pieces) -> Pieces:
    """Return the pieces of a part whose document text is another region's own text.

    Args:
        part: The pieces of the part.
        standing: What stands of it there now: with what was typed in it, and without what was
            removed of it.
    """
    now: list[Piece] = []
    for piece in standing:
        if piece.kind is Kind.FOREIGN:
            now.append(piece)
            continue
        pieces, part = _split(part, piece.length, _in_document)
        is_gone = piece.kind is Kind.DELETED
        now += [Piece(Kind.DELETED, each.in_own) for each in pieces] if is_gone else pieces
    return _joined([*now, *part])


def put_back(
    pieces: Pieces, own_range: tuple[int, int], inside: Pieces, *, before: int, behind: int
) -> Pieces | None:
    """Return the pieces after a part of the region that was replaced stands there again.

    Args:
        pieces: The pieces before, in which some of the part may be left.
        own_range: Which of the own text the part is; empty if it is none of it any more.
        inside: The pieces of the part.
        before: How much of the region's document text lies before the part now.
        behind: How much lies behind it.

    Returns:
        The pieces; None if something else was done to that place meanwhile.
    """
    first, rest = _split(pieces, own_range[0], _in_own)
    _, last = _split(rest, own_range[1] - own_range[0], _in_own)
    # Foreign text at that place was typed next to the part, or is the covering region's.
    first = _without_foreign_end(first)
    last = _without_foreign_end(last[::-1])[::-1]
    typed_before = before - document_length(first)
    typed_behind = behind - document_length(last)
    if typed_before < 0 or typed_behind < 0:
        return None
    typed = (Piece(Kind.FOREIGN, typed_before), Piece(Kind.FOREIGN, typed_behind))
    return _joined([*first, typed[0], *inside, typed[1], *last])


def _without_foreign_end(pieces: Pieces) -> Pieces:
    end = max((n for n, piece in enumerate(pieces, start=1) if piece.kind is Kind.OWN), default=0)
    return (*pieces[:end], *(piece for piece in pieces[end:] if piece.kind is Kind.DELETED))


def revive(pieces: Pieces, own_text: str, offset: int, text: str) -> Pieces | None:
    """Return the pieces after text that a user had removed came back where it stood.

    That is what undoing a deletion, or redoing our own insertion, looks like: the text is ours
    again. None if it is something else.

    Args:
        pieces: The pieces before.
        own_text: The generation's text.
        offset: Where the text was inserted, from the region's start in the document.
        text: What was inserted.
    """
    before, rest = _split(pieces, offset, _in_document)
    if not rest or rest[0].kind is not Kind.DELETED:
        return None
    # Of a deleted "foo()" the user brings back "foo": own foo, deleted ().
    own_offset = sum(piece.in_own for piece in before)
    removed = own_text[own_offset : own_offset + rest[0].length]
    at = removed.find(text)
    # White space comes anywhere: only all that was removed is known by it.
    if not text or at < 0 or not (text.strip() or text == removed):
        return None
    left, right = at, rest[0].length - at - len(text)
    return _joined(
        [
            *before,
            Piece(Kind.DELETED, left),
            Piece(Kind.OWN, len(text)),
            Piece(Kind.DELETED, right),
            *rest[1:],
        ]
    )


def _around(pieces: Pieces, edit: Edit) -> tuple[Pieces, Pieces, Pieces]:
    # At the very end everything lies before it, also what was typed behind the last own text.
    if edit.start == sum(piece.in_own for piece in pieces):
        return pieces, (), ()
    before, rest = _split(pieces, edit.start, _in_own)
    middle, after = _split(rest, edit.end - edit.start, _in_own)
    return before, middle, after


def _in_document(piece: Piece) -> int:
    return piece.in_document


def _in_own(piece: Piece) -> int:
    return piece.in_own


def _split(pieces: Pieces, offset: int, measure: Callable[[Piece], int]) -> tuple[Pieces, Pieces]:
    """Cut pieces at an offset; those without length at the cut belong to the second part."""
    for index, piece in enumerate(pieces):
        length = measure(piece)
        if offset < length or not offset:
            first = (Piece(piece.kind, offset),) if offset else ()
            second = Piece(piece.kind, piece.length - offset)
            return (*pieces[:index], *first), (second, *pieces[index + 1 :])
        offset -= length
    return pieces, ()


def _joined(pieces: Iterable[Piece]) -> Pieces:
    result: list[Piece] = []
    for piece in pieces:
        if not piece.length:
            continue
        if result and result[-1].kind is piece.kind:
            result[-1] = Piece(piece.kind, result[-1].length + piece.length)
        else:
            result.append(piece)
    return tuple(result)


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
    def lacks_text(self) -> bool:
        """Whether something to be seen of the generation's text seems to be removed by the user."""
        return any(self.own_text[low:high].strip() for low, high in removed_runs(self.pieces))

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

    @property
    def is_gone(self) -> bool:
        r"""Whether nothing to be seen is left of what the generation has put there.

        So it is where `foo()\nb = 2` was put in place of `a = 1\nb = 2`, and `\nb = 2` is left.
        """
        shown, growth, written = self.own_text, 0, ""
        for low, high in removed_runs(self.pieces):
            shown = shown[:low] + " " * (high - low) + shown[high:]
        for edit in line_edits(self.original, self.own_text):
            start = edit.start + growth
            if shown[start : start + len(edit.text)].strip():
                return False
            growth += edit.growth
            written += edit.text
        return bits(written) >= RARE_BITS

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
    is_insertion = change.start == change.end
    if author == "user" and is_insertion and region.start <= change.start <= region.end:
        # Redo reports an insertion: of text that is known to have been here, it is no new one.
        offset = mirror.distance(region.start, change.start)
        pieces = revive(region.pieces, region.own_text, offset, change.text)
        if pieces is not None:
            return replace(region.grown(splice), pieces=pieces, deleted=False)
    if not overlaps(region, change):
        return region.pushed(splice, by_earlier=author != "later")
    return _overlapped(region, mirror, change, splice)


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
