"""Who wrote what inside a tracked region, as a list of pieces.

A region's document text and the text its generation has put there drift apart when a user edits
inside it. The pieces relate the two:

    OWN      stands in the document and in the generation's text
    FOREIGN  stands only in the document: typed by a user, never removed by us
    DELETED  stands only in the generation's text: removed by a user, never written again

Reconciling works on the generation's text; the pieces say where in the document that is.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from itertools import groupby
from math import inf

from streaming_code_generator.editing.text.diff import Edit


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
        if piece.kind is Kind.OWN:
            removals.append(PlacedEdit(offset, offset + piece.length, ""))
        offset += piece.in_document
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


def span_of(pieces: Pieces, own_start: int, own_end: int) -> tuple[int, int] | None:
    """Return where a part of the own text stands in the document; None if not in one piece.

    Offsets are in code points: of the own text, and from the region's start in the document.
    """
    before, rest = _split(pieces, own_start, _in_own)
    # What was typed right before the part is not in it.
    while rest and rest[0].kind is Kind.FOREIGN:
        before, rest = (*before, rest[0]), rest[1:]
    inside, _ = _split(rest, own_end - own_start, _in_own)
    if any(piece.kind is not Kind.OWN for piece in inside):
        return None
    start = document_length(before)
    return start, start + document_length(inside)


def put_back(
    pieces: Pieces, own_range: tuple[int, int], inside: Pieces, *, before: int, behind: int
) -> Pieces | None:
    """Return the pieces after a part of the region that was replaced stands there again.

    Args:
        pieces: The pieces before, in which none of the part is left.
        own_range: Which of the own text the part is; empty if it is none of it any more.
        inside: The pieces of the part.
        before: How much of the region's document text lies before the part now.
        behind: How much lies behind it.

    Returns:
        The pieces; None if something else was done to that place meanwhile.
    """
    first, rest = _split(pieces, own_range[0], _in_own)
    gone, last = _split(rest, own_range[1] - own_range[0], _in_own)
    # What lies there beyond what is known was typed meanwhile, next to the part.
    typed_before = before - document_length(first)
    typed_behind = behind - document_length(last)
    if any(p.kind is Kind.OWN for p in gone) or typed_before < 0 or typed_behind < 0:
        return None
    typed = (Piece(Kind.FOREIGN, typed_before), Piece(Kind.FOREIGN, typed_behind))
    return _joined([*first, typed[0], *inside, typed[1], *last])


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
    if not text or at < 0:
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
