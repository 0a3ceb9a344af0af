"""Pieces relate a region's document text to its generation's, as a per-character model does."""

from dataclasses import dataclass, field
from itertools import count, groupby

from hypothesis import given
from hypothesis import strategies as st

from streaming_code_generator.editing.diff import Edit
from streaming_code_generator.editing.region import (
    Kind,
    Piece,
    Pieces,
    PlacedEdit,
    absorb,
    document_length,
    is_untouched,
    own_in_document,
    place,
    revive,
    rewrite,
)

OWN, FOREIGN, DELETED = Kind.OWN, Kind.FOREIGN, Kind.DELETED


@dataclass
class Model:
    """One entry for each character: who wrote it, and whether it still stands."""

    characters: list[tuple[Kind, str]] = field(default_factory=list)
    pieces: Pieces = ()
    fresh: "count[int]" = field(default_factory=lambda: count(0x4E00))

    @property
    def document(self) -> str:
        return "".join(c for kind, c in self.characters if kind is not DELETED)

    @property
    def own(self) -> str:
        return "".join(c for kind, c in self.characters if kind is not FOREIGN)

    @property
    def own_standing(self) -> str:
        return "".join(c for kind, c in self.characters if kind is OWN)

    @property
    def foreign(self) -> str:
        return "".join(c for kind, c in self.characters if kind is FOREIGN)

    def text(self, length: int) -> str:
        return "".join(chr(next(self.fresh)) for _ in range(length))

    def type(self, start: int, end: int, length: int) -> None:
        """Let a user replace a range of the document."""
        text, standing = self.text(length), [i for i, (k, _) in self.numbered() if k is not DELETED]
        at = standing[start - 1] + 1 if start else 0  # before what was removed there
        if start < end:
            at = standing[start]
        for index in standing[start:end]:
            kind, character = self.characters[index]
            self.characters[index] = (DELETED if kind is OWN else FOREIGN, character)
        gone = {i for i in standing[start:end] if self.characters[i][0] is FOREIGN}
        inserted = [(FOREIGN, character) for character in text]
        before = [c for i, c in self.numbered() if i < at and i not in gone]
        after = [c for i, c in self.numbered() if i >= at and i not in gone]
        self.characters = [*before, *inserted, *after]
        self.pieces = absorb(self.pieces, start, end, length)

    def numbered(self) -> list[tuple[int, tuple[Kind, str]]]:
        return list(enumerate(self.characters))

    def land(self, start: int, end: int, length: int) -> tuple[str, str]:
        """Bring a range of the generation's text to a new one, in the document by its placing."""
        text, document, own = self.text(length), self.document, self.own
        edit = Edit(start, end, text)
        for placed in reversed(place(self.pieces, edit)):
            document = document[: placed.start] + placed.text + document[placed.end :]
        self.pieces = rewrite(self.pieces, edit)
        return document, own[:start] + text + own[end:]


ranges = st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(0, 3))
typing = st.lists(ranges, max_size=6)


def span(fractions: tuple[float, float, int], length: int) -> tuple[int, int, int]:
    start, end = sorted(round(fraction * length) for fraction in fractions[:2])
    return start, end, fractions[2]


def touched(length: int, changes: list[tuple[float, float, int]]) -> Model:
    model = Model()
    model.characters = [(OWN, character) for character in model.text(length)]
    model.pieces = (Piece(OWN, length),) if length else ()
    for change in changes:
        model.type(*span(change, len(model.document)))
    return model


def in_document(pieces: Pieces, kind: Kind) -> int:
    return sum(piece.length for piece in pieces if piece.kind is kind)


@given(st.integers(0, 8), typing)
def test_what_a_user_types_is_foreign_and_what_a_user_removes_deleted(
    length: int, changes: list[tuple[float, float, int]]
) -> None:
    model = touched(length, changes)

    assert document_length(model.pieces) == len(model.document)
    assert own_in_document(model.pieces) == len(model.own_standing)
    runs = [(k, len(list(g))) for k, g in groupby(kind for kind, _ in model.characters)]
    assert [(piece.kind, piece.length) for piece in model.pieces] == runs
    assert is_untouched(model.pieces) == all(kind is OWN for kind, _ in model.characters)


@given(st.integers(0, 8), typing, ranges)
def test_an_edit_of_the_generations_text_takes_nothing_of_the_users(
    length: int, changes: list[tuple[float, float, int]], edited: tuple[float, float, int]
) -> None:
    model = touched(length, changes)
    foreign = set(model.foreign)
    start, end, inserted = span(edited, len(model.own))
    removed = set(model.own[start:end])

    standing_before = model.own_standing
    document, own = model.land(start, end, inserted)
    assert [c for c in document if c in foreign] == list(model.foreign)
    standing = [c for c in document if c not in foreign]
    left = [c for c in standing_before if c not in removed]
    new = set(own[start : start + inserted])
    assert [c for c in standing if c not in new] == left
    assert "".join(c for c in standing if c in new) == own[start : start + inserted]
    assert document_length(model.pieces) == len(document)
    assert own_in_document(model.pieces) == len(standing)
    assert in_document(model.pieces, OWN) + in_document(model.pieces, DELETED) == len(own)


@given(st.integers(1, 8), st.data())
def test_undoing_a_removal_makes_the_text_the_generations_again(
    length: int, data: st.DataObject
) -> None:
    model = touched(length, [])
    start = data.draw(st.integers(0, length - 1))
    end = data.draw(st.integers(start + 1, length))
    pieces, own = model.pieces, model.own
    removed = absorb(pieces, start, end, 0)

    assert revive(removed, own, start, own[start:end]) == pieces
    assert revive(removed, own, start, "another") is None
    assert revive(pieces, own, start, own[start:end]) is None


def test_part_of_what_was_removed_can_come_back() -> None:
    removed = (Piece(OWN, 1), Piece(DELETED, 3), Piece(OWN, 1))

    assert revive(removed, "abcde", 1, "c") == (
        Piece(OWN, 1),
        Piece(DELETED, 1),
        Piece(OWN, 1),
        Piece(DELETED, 1),
        Piece(OWN, 1),
    )


def test_spaces_are_not_taken_for_some_of_those_that_were_removed() -> None:
    removed = (Piece(OWN, 1), Piece(DELETED, 5))

    assert revive(removed, "a    b", 1, "  ") is None


def test_text_appended_goes_behind_what_was_typed_at_the_end() -> None:
    pieces = (Piece(OWN, 2), Piece(FOREIGN, 3))

    (placed,) = place(pieces, Edit(2, 2, "x"))
    assert (placed.start, placed.end) == (5, 5)
    assert rewrite(pieces, Edit(2, 2, "x")) == (*pieces, Piece(OWN, 1))


def test_removing_what_the_user_removed_already_does_nothing() -> None:
    assert place((Piece(OWN, 1), Piece(DELETED, 2)), Edit(1, 3, "")) == []


def test_what_stands_side_by_side_is_replaced_as_one() -> None:
    r"""The user took out the first line feed of `\r\n\n`: half of a CRLF is no place."""
    pieces = (Piece(OWN, 2), Piece(DELETED, 1), Piece(OWN, 1))

    assert place(pieces, Edit(0, 4, "new")) == [PlacedEdit(0, 3, "new")]


def test_what_takes_a_users_texts_place_stands_between_the_same_removed_texts() -> None:
    pieces = (Piece(DELETED, 2), Piece(FOREIGN, 1), Piece(DELETED, 3), Piece(OWN, 1))

    assert absorb(pieces, 0, 1, 4) == (pieces[0], Piece(FOREIGN, 4), *pieces[2:])
