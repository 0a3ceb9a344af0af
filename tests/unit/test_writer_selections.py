"""Generations in each other's ranges, and what was typed over their text."""

import pytest

from streaming_code_generator.editing.exchange import (
    Deleted,
    RangeTaken,
    ReportedChange,
)
from streaming_code_generator.editing.in_flight import DOUBT_S
from streaming_code_generator.editing.mirror import Point
from streaming_code_generator.editing.writer import DocumentWriter
from support.writing import Desk, opened


def test_a_range_that_another_generation_writes_in_is_refused() -> None:
    """Two that replace the same text could not both be taken back."""
    desk = Desk("abcdef")
    desk.open("0", 1, 5)
    with pytest.raises(RangeTaken):
        desk.open("1", 2, 6)

    desk.finish("0", "X")
    desk.land()
    desk.open("1", 1, 3)
    assert "1" in desk.writer.document


def test_a_place_in_a_selection_that_is_being_replaced_is_refused() -> None:
    """What is written there would count as a part of the selection once that is undone."""
    desk = Desk("abcdef")
    desk.open("0", 1, 5)
    with pytest.raises(RangeTaken):
        desk.open("1", 3)
    for index, offset in enumerate((1, 5)):
        desk.open(f"border {index}", offset)

    desk.finish("0", "X")
    desk.land()
    desk.open("1", 1)
    assert "1" in desk.writer.document


def test_a_place_in_code_that_is_being_inserted_is_free() -> None:
    desk = Desk("a\n")
    desk.open("0", 2)
    desk.writer.want("0", "one\ntwo\n")
    desk.land()
    desk.open("1", 6)
    desk.finish("1", "inner\n")
    desk.finish("0", "one\ntwo\nthree\n")
    desk.land_all()
    assert desk.mirrored == "a\none\ninner\ntwo\nthree\n"

    for region_id in ("0", "1"):
        desk.outcomes += desk.writer.put_back(region_id)
        desk.land_all()
    assert desk.mirrored == "a\n"


def test_generated_text_is_its_own_again_once_what_replaced_it_is_removed() -> None:
    desk = Desk("a\nb\nc\n")
    desk.open("0", 2, 3)
    desk.finish("0", "new")
    desk.land()
    desk.open("1", 0, 5)
    desk.finish("1", "newer")
    desk.land()
    assert desk.mirrored == "newer\nc\n"
    assert desk.writer.document.laid_over("0") == ["1"]

    desk.finish("1", "a\nnew")
    desk.land()
    assert desk.writer.region("0").is_untouched
    desk.finish("0", "b")
    desk.land()
    assert desk.mirrored == "a\nb\nc\n"


def test_selection_deleted_before_any_text_arrived_ends_its_generation() -> None:
    writer = DocumentWriter("one\ntwo\nthree\n", version=1, encoding="utf-8")
    writer.open_region("g", Point(1, 0), Point(1, 3))

    outcomes = writer.changed(2, [ReportedChange(((0, 0), (2, 0)), "")], now_s=0.0)

    assert outcomes == [Deleted("g")]
    assert writer.finish("g", "new") == [Deleted("g")]
    assert writer.next_edit(0.0) is None


def test_generated_text_within_what_was_typed_in_a_selection_is_not_covered_by_it() -> None:
    """Once, putting the selection back made that generation forget its text."""
    desk = Desk("ab")
    desk.open("0", 0, 2)
    desk.user_types(0, 1, "typed()")
    desk.outcomes += desk.writer.put_back("0")
    desk.open("1", 7)
    desk.finish("1", "generated()")
    desk.land()
    desk.writer.hand_over("0", "2")
    desk.finish("2", "")
    desk.land()
    desk.outcomes += desk.writer.put_back("2")
    desk.land()
    desk.outcomes += desk.writer.put_back("1")
    desk.land_all()

    assert "generated" not in desk.mirrored
    assert desk.mirrored.replace("typed()", "") == "ab"


@pytest.mark.parametrize("is_removed", [True, False])
def test_a_selection_is_put_back_though_what_took_its_place_was_overwritten_at_once(
    *, is_removed: bool
) -> None:
    """Once, what the edit had replaced of it counted as removed by the user."""
    desk = Desk("keep\nold_line\nend\n")
    desk.open("0", 0, 13)
    desk.writer.want("0", "keep\nshiny()")
    desk.reply(desk.sent())
    desk.report((None, "keep\ntyped\nend\n"))
    desk.wait(DOUBT_S)
    if not is_removed:
        desk.finish("0", "keep\nshiny()\nmore()")
        desk.land()
        assert "shiny()\nmore()" in desk.mirrored
    desk.outcomes += desk.writer.put_back("0")
    desk.land_all()

    assert desk.mirrored.replace("typed", "") == "keep\nold_line\nend\n"


def test_generated_text_is_its_own_again_though_text_before_it_was_removed_meanwhile() -> None:
    desk = opened()
    desk.finish("0", "one two three")
    desk.land()
    desk.open("1", 6, 9)
    desk.finish("1", "2222")
    desk.land()
    desk.report((((1, 3), (1, 4)), ""))
    for region_id in ("1", "0"):
        desk.outcomes += desk.writer.put_back(region_id)
        desk.land_all()

    assert desk.mirrored == "a\nb\n"


def test_generated_text_is_its_own_again_though_the_user_typed_in_what_replaced_it() -> None:
    """Once, what had been replaced counted as undone then, and was not put back."""
    desk = opened()
    desk.finish("0", "one two\nthree")
    desk.land()
    desk.open("1", 6, 10)
    desk.finish("1", "2222\n")
    desk.land()
    desk.user_types(1, 6, "X")
    desk.outcomes += desk.writer.put_back("1")
    desk.land_all()
    assert desk.mirrored == "a\none twoX\nthreeb\n"
    desk.outcomes += desk.writer.put_back("0")
    desk.land_all()

    assert desk.mirrored == "a\nXb\n"


def test_what_a_user_removed_of_a_selection_is_not_put_back_while_the_first_edit_lands() -> None:
    desk = Desk("abc\n")
    desk.open("0", 0, 3)
    desk.report((((0, 0), (0, 1)), ""))
    desk.writer.want("0", "x")
    edit = desk.sent()
    desk.outcomes += desk.writer.put_back("0")
    desk.reply(edit)
    desk.echo(edit)
    desk.land_all()

    assert desk.mirrored == "bc\n"
