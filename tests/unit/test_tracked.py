"""Regions move with every change: the user's, other generations' and their own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming_code_generator.editing.diff import Edit
from streaming_code_generator.editing.history import STEPS_KEPT, were_removed
from streaming_code_generator.editing.region import ForeignChange, Kind, document_length
from streaming_code_generator.editing.tracked_document import TrackedDocument
from support.documents import at, change, marked, own, tracked
from support.texts import point_of, texts


@pytest.mark.parametrize(
    ("before", "start", "end", "text", "after"),
    [
        pytest.param("ab[cd]ef", 0, 0, "X", "Xab[cd]ef", id="typed before"),
        pytest.param("ab[cd]ef", 0, 0, "X\nY", "X\nYab[cd]ef", id="a line typed before"),
        pytest.param("ab[cd]ef", 6, 6, "X", "ab[cd]efX", id="typed behind"),
        pytest.param("ab[cd]ef", 2, 2, "X", "abX[cd]ef", id="typed at the start"),
        pytest.param("ab[cd]ef", 4, 4, "X", "ab[cd]Xef", id="typed at the end"),
        pytest.param("ab[cd]ef", 3, 3, "X", "ab[cXd]ef", id="typed inside"),
        pytest.param("ab[]ef", 2, 2, "X", "abX[]ef", id="typed at an empty one"),
        pytest.param("ab[cd]ef", 0, 2, "", "[cd]ef", id="removed up to the start"),
        pytest.param("ab[cd]ef", 4, 6, "", "ab[cd]", id="removed from the end"),
        pytest.param("ab[cd]ef", 1, 3, "X", "aX[d]ef", id="replaced across the start"),
        pytest.param("ab[cd]ef", 3, 5, "X", "ab[c]Xf", id="replaced across the end"),
        pytest.param("ab[cd]ef", 1, 5, "", "a[]f", id="removed with its surroundings"),
        pytest.param("a\nb[c\nd]e", 0, 2, "", "b[c\nd]e", id="a line removed before"),
        pytest.param("a\r[b]", 2, 2, "\n", "a\r\n[b]", id="a line feed joins a carriage return"),
    ],
)
def test_a_users_change_moves_a_region(
    before: str, start: int, end: int, text: str, after: str
) -> None:
    document = tracked(before)
    change(document, start, end, text)

    assert marked(document) == after


def test_only_what_really_changed_counts_as_the_users() -> None:
    """A formatter that writes the whole buffer anew leaves generated text generated."""
    document = tracked("a\n[bb\ncc\n]d\n")
    change(document, 0, 10, "A\nbb\ncc\nD\n")

    assert marked(document) == "A\n[bb\ncc\n]D\n"
    assert document.region("0").is_untouched


def test_a_line_ending_that_is_left_is_rather_a_neighbours() -> None:
    document = tracked("x[bb\ncc]\nQy\n")
    change(document, 0, 10, "x\ny\n")

    assert document.region("0").deleted
    assert marked(document) == "x[]\ny\n"


def test_removing_all_of_a_text_deletes_its_region_and_undoing_that_brings_it_back() -> None:
    document = tracked("a[bcd]e")
    change(document, 1, 4, "")
    assert document.region("0").deleted

    change(document, 1, 1, "bcd")
    assert not document.region("0").deleted
    assert marked(document) == "a[bcd]e"
    assert document.region("0").is_untouched


def test_removing_a_part_does_not_delete_a_region() -> None:
    document = tracked("a[bcd]e")
    change(document, 1, 3, "")

    assert not document.region("0").deleted
    assert [piece.kind for piece in document.region("0").pieces] == [Kind.DELETED, Kind.OWN]


def test_text_that_lands_in_a_deleted_region_makes_it_live_again() -> None:
    """Removals that belong to an edit may be reported before its new text."""
    document = tracked("a[b]c")
    change(document, 1, 2, "")
    document.land("0", Edit(0, 1, "new"))

    assert not document.region("0").deleted
    assert marked(document) == "a[new]c"


def test_text_lands_where_its_region_has_moved_to() -> None:
    document = tracked("a[bc]d")
    change(document, 0, 0, "\n")
    change(document, 3, 3, "X")
    document.land("0", Edit(0, 2, "new"))

    assert marked(document) == "\na[newX]d"
    assert own(document) == "new"


def test_neighbours_keep_their_order_whoever_writes_first() -> None:
    for first, second in (("0", "1"), ("1", "0")):
        document = tracked("a[][]b")
        document.land(first, Edit(0, 0, first))
        document.land(second, Edit(0, 0, second))

        assert marked(document) == "a[0][1]b"


def test_a_region_inside_another_writes_there() -> None:
    document = tracked("a[b[]c]d")
    document.land("1", Edit(0, 0, "XY"))

    assert marked(document, "0") == "a[bXYc]d"
    assert marked(document, "1") == "ab[XY]cd"
    assert own(document, "0") == "bc"


def test_regions_pushed_to_one_place_take_the_order_of_their_texts() -> None:
    """Once, the one that had lain inside the other was still taken for the later one."""
    document = tracked("a[b[]c]d")
    change(document, 1, 2, "")
    assert document.region_ids() == ["1", "0"]

    document.land("1", Edit(0, 0, "X"))
    assert marked(document) == "a[X][c]d"


def test_a_forgotten_region_is_followed_no_more() -> None:
    document = tracked("a[b]c")
    document.forget("0")
    change(document, 1, 2, "X")

    assert "0" not in document
    assert document.mirror.text == "aXc"


spots = st.tuples(st.floats(0, 1), st.floats(0, 1), texts)


def spot(document: TrackedDocument, fractions: tuple[float, float, str]) -> tuple[int, int, str]:
    length = len(document.mirror.text)
    start, end = sorted(round(fraction * length) for fraction in fractions[:2])
    return start, end, fractions[2]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 2), spots), max_size=8))
def test_regions_always_fit_their_text(
    changes: list[tuple[bool, int, tuple[float, float, str]]],
) -> None:
    document = tracked("ab[cd\nef]g\n[]h[i[j]]")
    for by_user, which, where in changes:
        start, end, text = spot(document, where)
        if by_user:
            expected = document.mirror.text
            expected = expected[:start] + text + expected[end:]
            change(document, start, end, text)
            assert document.mirror.text == expected
        else:
            length = len(own(document, str(which)))
            document.land(str(which), Edit(min(start, length), length, text))
        for region_id in document.region_ids():
            region = document.region(region_id)
            assert region.start <= region.end
            distance = document.mirror.distance(region.start, region.end)
            assert document_length(region.pieces) == distance
            if region.is_untouched:
                assert document.mirror.slice(region.start, region.end) == region.own_text


@pytest.mark.parametrize(
    ("start", "end", "others"),
    [(0, 9, "ab\nP\ng"), (4, 7, "P"), (0, 4, "ab\n"), (6, 9, "\ng"), (4, 5, "P")],
)
def test_a_generations_own_text_is_told_from_that_of_others(
    start: int, end: int, others: str
) -> None:
    document = tracked("ab\n[cd\ne]\ng")
    change(document, 4, 6, "P\n")  # "d\n" was replaced, of which the line feed stays
    text = document.mirror.text
    assert text == "ab\ncP\ne\ng"

    found = document.text_of_others(point_of(text, start), point_of(text, end), ["0"])
    assert found == others


def test_a_long_past_is_kept_short_and_leads_back_to_its_beginning() -> None:
    document = tracked("a[]b")
    for number in range(2 * STEPS_KEPT + 5):
        document.land("0", Edit(number, number, "x"))
    assert len([*document.history("0").regions()]) < 2 * STEPS_KEPT

    change(document, 1, 1 + len(own(document)), "")
    past = next(document.history("0").found(document.mirror))
    assert past.region.own_text == ""


def test_thinking_of_a_change_takes_in_nothing_that_was_changed_before() -> None:
    """Once, the field reached over text then that had changed while it was beside the field."""
    document = tracked("a[b]c\nd\n")
    document.land("0", Edit(0, 1, "X"))
    change(document, 4, 5, "")
    back = ForeignChange(at(0, 1), at(0, 2), "b")
    assert document.was_before(back)
    assert not document.was_before(ForeignChange(at(0, 1), at(1, 0), "e"))

    assert document.was_before(back)
    whole = ForeignChange(at(0, 0), document.mirror.end, "abc\nd\n")
    assert document.was_before_in_part(whole)


def test_lines_of_several_generations_are_known_to_have_been_removed() -> None:
    document = tracked("a[]b\nc[]d")
    for region_id, text in (("0", "first_name\nlast"), ("1", "other_name")):
        document.land(region_id, Edit(0, 0, text))
    change(document, 1, 16, "")
    change(document, 4, 14, "")
    histories = [document.history("0"), document.history("1")]

    assert document.mirror.text == "ab\ncd"
    assert were_removed(("first", "_name\nlast", "other_name"), histories)
    assert not were_removed(("first", "_name\nlast", "other_names"), histories)
    assert not were_removed(("first_name", "other_name"), histories[:1])
