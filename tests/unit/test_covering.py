"""A region that is put back gives the regions under it their text again."""

import pytest

from streaming_code_generator.editing.diff import Edit
from streaming_code_generator.editing.mirror import Point
from streaming_code_generator.editing.tracked_document import TrackedDocument
from streaming_code_generator.editing.undo import UndoWatch
from support.documents import change, tracked
from support.texts import point_of


def cover(document: TrackedDocument, start: int, end: int) -> str:
    """Open another region over a range, put `X` there, and return what stood there."""
    text = document.mirror.text
    document.open_region("over", point_of(text, start), point_of(text, end))
    document.land("over", Edit(0, end - start, "X"))
    return text[start:end]


def put_back(document: TrackedDocument, original: str) -> None:
    document.land("over", Edit(0, 1, original))


@pytest.mark.parametrize(
    ("start", "end"),
    [
        pytest.param(0, 3, id="the start"),
        pytest.param(4, 8, id="the end"),
        pytest.param(3, 5, id="the middle"),
        pytest.param(0, 8, id="all and more"),
        pytest.param(2, 6, id="just all"),
    ],
)
@pytest.mark.parametrize("typed", ["", "t", "u\n"])
def test_covered_text_is_the_generations_again(start: int, end: int, typed: str) -> None:
    document = tracked("ab[cdef]gh")
    original = cover(document, start, end)
    assert not document.region("0").is_untouched

    change(document, start + 1, start + 1, typed)
    put_back(document, original)

    assert document.text_of_others(*_whole(document), ["0"]).replace(typed, "") == "abgh"
    assert document.mirror.text.replace(typed, "") == "abcdefgh"


def _whole(document: TrackedDocument) -> tuple[Point, Point]:
    return Point(0, 0), document.mirror.end


def test_covered_text_that_was_undone_meanwhile_is_the_generations_again() -> None:
    document = tracked("ab[cdef]gh")
    original = cover(document, 4, 8)
    watch = UndoWatch(document)
    watch.tells = True
    watch.settle("0")
    watch.look_up(["0"], is_undo=True)
    put_back(document, original)

    assert document.region("0").own_text == "cdef"
    assert document.region("0").is_untouched


def test_text_that_the_user_put_in_the_place_of_covered_text_stays_the_users() -> None:
    document = tracked("ab[cdef]gh")
    original = cover(document, 3, 5)
    change(document, 2, 3, "")
    change(document, 3, 4, "")
    put_back(document, original)

    assert document.mirror.text == "abdegh"


def test_covered_text_is_the_generations_again_around_what_was_typed_in_it() -> None:
    """Once, it was the user's if anything stood in it."""
    document = tracked("ab[cdef]gh")
    document.open_region("over", Point(0, 3), Point(0, 5))
    document.land("over", Edit(0, 1, "X"))
    change(document, 4, 4, "t")
    document.land("over", Edit(0, 1, "d"))

    assert document.mirror.text == "abcdtefgh"
    assert document.text_of_others(*_whole(document), ["0"]) == "abtgh"
