"""Own edits are recognised in a client's report by the text that results, and nothing else is."""

import time

import pytest

from streaming_code_generator.editing.diff import Edit
from streaming_code_generator.editing.echo import (
    Echo,
    find_echo,
    grouped,
    net_change,
    without_detours,
)
from streaming_code_generator.editing.exchange import ReportedChange
from streaming_code_generator.editing.mirror import Mirror, Point
from streaming_code_generator.editing.region import ForeignChange
from streaming_code_generator.editing.tracked_document import Plan, Step, TrackedDocument
from support.documents import at, tracked


def reported(document: TrackedDocument, start: Point, end: Point, text: str, plan: Plan) -> Echo:
    echo = find_echo(document, plan, ForeignChange(start, end, text))
    assert echo is not None
    return echo


def reported_in_full(document: TrackedDocument, text: str, plan: Plan) -> Echo | None:
    return find_echo(document, plan, ForeignChange(at(0, 0), document.mirror.end, text))


def insert(text: str, region_id: str = "0", offset: int = 0) -> Step:
    return Step(region_id, Edit(offset, offset, text))


def test_an_edit_reported_as_it_was_sent_is_recognised() -> None:
    document, plan = tracked("a\n[]b"), (insert("x\n"),)

    echo = reported(document, at(1, 0), at(1, 0), "x\n", plan)
    assert echo.landed == frozenset(plan)
    assert (echo.cost, echo.line_ending) == (0, None)


def test_an_edit_reported_with_the_whole_line_is_recognised() -> None:
    document, plan = tracked("ab[]cd"), (insert("x"),)

    assert reported(document, at(0, 0), at(0, 4), "abxcd", plan).cost == 0


def test_an_edit_reported_as_the_whole_text_is_recognised() -> None:
    document, plan = tracked("ab[]cd\nef"), (insert("x"),)

    echo = reported_in_full(document, "abxcd\nef", plan)
    assert echo is not None
    assert echo.landed == frozenset(plan)


def test_an_edit_that_slid_over_equal_text_is_recognised() -> None:
    """A comparison of texts names the last of several equal lines."""
    document, plan = tracked("a\n[]a\n"), (insert("a\n"),)

    assert reported(document, at(2, 0), at(2, 0), "a\n", plan).cost == 0


def test_an_edit_reported_together_with_typing_is_recognised() -> None:
    document, plan = tracked("top\n[]end\n"), (insert("new\n"),)

    echo = reported(document, at(0, 0), at(2, 0), "TOP\nnew\nend\n", plan)
    assert echo.landed == frozenset(plan)
    assert 0 < echo.cost < 40


def test_each_of_several_steps_is_recognised_by_itself() -> None:
    document = tracked("[]a\n[]b\n[]c")
    plan = (insert("x", "0"), insert("y", "1"), insert("z", "2"))

    echo = reported(document, at(1, 0), at(1, 0), "y", plan)
    assert echo.landed == {plan[1]}


def test_several_steps_in_one_report_are_recognised_together() -> None:
    document = tracked("[]a\n[]b\n[]c")
    plan = (insert("x", "0"), insert("y", "1"), insert("z", "2"))

    echo = reported_in_full(document, "xa\nyb\nzc", plan)
    assert echo is not None
    assert echo.landed == frozenset(plan)


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_an_edit_whose_line_endings_the_client_changed_is_recognised(ending: str) -> None:
    document, plan = tracked("a[]b"), (insert("x\ny\n"),)

    echo = reported(document, at(0, 1), at(0, 1), f"x{ending}y{ending}", plan)
    assert (echo.line_ending, echo.cost) == (ending, 0)


def test_a_changed_line_ending_is_recognised_where_the_report_leaves_it_out() -> None:
    """A client that replaces a CRLF by a CRLF reports only what follows."""
    document, plan = tracked("a[\r\nb]"), (Step("0", Edit(0, 3, "\nc")),)

    echo = reported(document, at(1, 0), at(1, 1), "c", plan)
    assert (echo.line_ending, echo.cost) == ("\r\n", 0)


def test_an_edit_of_which_the_user_removed_some_at_once_keeps_its_crlf_whole() -> None:
    """Once, half of a CRLF was taken for the user's, and the writer filled the file with CRs."""
    document, plan = tracked("a[bcd]"), (Step("0", Edit(0, 3, "\nVWXYZ\n\n")),)

    echo = reported_in_full(document, "a\r\nVWXYZ\r\nk", plan)
    assert echo is not None
    assert echo.line_ending == "\r\n"


def test_typing_elsewhere_is_the_users() -> None:
    document, plan = tracked("a\n[]b"), (insert("x"),)

    assert find_echo(document, plan, ForeignChange(at(0, 0), at(0, 0), "y")) is None


@pytest.mark.parametrize("whole_text", [False, True])
def test_text_like_some_of_an_edit_that_is_pasted_nearby_is_the_users(*, whole_text: bool) -> None:
    """Once, the rest of the edit counted as removed by the user at once, and never came."""
    document = tracked("aa\n//[]\na")
    plan = (insert(" x\nx = 1\nreturn x\na\n"),)

    if whole_text:
        assert reported_in_full(document, "areturn xa\n//\na", plan) is None
    else:
        change = ForeignChange(at(0, 1), at(0, 1), "return x")
        assert find_echo(document, plan, change) is None


def test_an_edit_that_the_client_names_beside_a_line_typed_next_to_it_is_recognised() -> None:
    document, plan = tracked("a\n[]\n\nb"), (insert("  c"),)

    echo = reported(document, at(2, 0), at(2, 0), "  c\n", plan)
    assert echo.landed == frozenset(plan)


def test_a_report_that_changes_nothing_contains_nothing() -> None:
    document, plan = tracked("a[]b"), (insert("x"),)

    assert find_echo(document, plan, ForeignChange(at(0, 0), at(0, 2), "ab")) is None


@pytest.mark.parametrize(("place", "change"), [(0, 900), (900, 0)], ids=["below", "above"])
def test_a_change_far_away_contains_nothing(place: int, change: int) -> None:
    """Not even the same line, among lines that are all the same."""
    document = tracked("b\n" * place + "[]" + "b\n" * (1000 - place))
    found = find_echo(
        document, (insert("b\n"),), ForeignChange(at(change, 0), at(change, 0), "b\n")
    )

    assert found is None


def test_an_edit_between_two_places_that_a_formatter_changed_is_recognised() -> None:
    document, plan = tracked("a\n[bbbbbbbb]\nc\n"), (Step("0", Edit(0, 8, "xyz")),)

    echo = reported_in_full(document, "A\nxyz\nC\n", plan)
    assert echo is not None
    assert 0 < echo.cost < 40


def test_a_formatter_at_both_ends_does_not_look_like_an_edit_between_them() -> None:
    """One edit that spans all would cost less with the edit than without it."""
    document, plan = tracked("a\n[bbbbbbbb]\nc\n"), (Step("0", Edit(0, 8, "x")),)

    assert reported_in_full(document, "A\nbbbbbbbb\nC\n", plan) is None


def test_a_removal_alone_does_not_speak_for_an_edit_that_would_insert() -> None:
    """The user typed over the very selection that the edit was to replace."""
    document, plan = tracked("a[klmno]b\n"), (Step("0", Edit(0, 5, "XY")),)

    assert reported_in_full(document, "atyped b\n", plan) is None


def test_recognising_takes_no_longer_in_a_text_that_repeats_itself() -> None:
    document, plan = tracked("[" + " " * 1900 + "]"), (Step("0", Edit(0, 1900, "x")),)
    began_s = time.perf_counter()

    reported_in_full(document, " y" * 950, plan)
    assert time.perf_counter() - began_s < 5


def test_an_edit_is_known_though_the_user_put_a_line_before_it_and_changed_another_below() -> None:
    document, plan = tracked("a[]\nb\nc\n"), (insert("foo(123)"),)

    echo = reported(document, at(1, 0), at(3, 0), "x = foo(123)\nb\nC\n", plan)
    assert echo.landed == frozenset(plan)


def test_an_edit_is_known_though_spaces_were_removed_before_it_and_typed_behind_it() -> None:
    document, plan = tracked("a\n    []"), (insert("return one(two)"),)

    echo = reported(document, at(1, 3), at(1, 3), "xreturn one(two) ", plan)
    assert echo.landed == frozenset(plan)


def test_changes_of_which_nothing_comes_back_are_not_joined() -> None:
    """Each shows where it was made; of what they come to, there is more than one reading."""
    mirror = Mirror("one\ntwo three\n", encoding="utf-16")
    typed_over = ReportedChange(((1, 4), (1, 7)), "other")
    removed = ReportedChange(((0, 3), (1, 4)), "")

    assert grouped(mirror, [typed_over, removed]) == [[typed_over], [removed]]


def test_changes_are_joined_that_bring_text_back() -> None:
    mirror = Mirror("one\ntwo three\n", encoding="utf-16")
    removed = ReportedChange(((1, 3), (1, 9)), "")
    back = ReportedChange(((1, 3), (1, 3)), ", three")

    whole = ForeignChange(at(1, 0), at(2, 0), "two, three\n")
    assert grouped(mirror, [removed, back]) == [[removed, back]]
    assert net_change(mirror, [removed, back]) == whole


def test_changes_that_lead_back_to_a_text_before_them_are_left_out() -> None:
    mirror = Mirror("a\nb\n", encoding="utf-8")
    removed = ReportedChange(((1, 0), (1, 1)), "")
    reloaded = ReportedChange(None, "a\nb\n")
    undone = ReportedChange(((0, 0), (2, 0)), "a\n\n")
    typed = ReportedChange(((1, 0), (1, 0)), "c")
    deleted = ReportedChange(((1, 0), (1, 1)), "")

    assert without_detours(mirror, [removed, reloaded]) == []
    assert without_detours(mirror, [removed, reloaded, undone]) == [undone]
    assert without_detours(mirror, [removed, typed, deleted]) == [removed]
    assert without_detours(mirror, [reloaded, removed, typed]) == [removed, typed]
