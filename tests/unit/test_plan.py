"""Plans are the smallest steps towards the wanted texts, and land as they say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming_code_generator.editing.diff import Edit
from streaming_code_generator.editing.tracked_document import (
    Step,
    TrackedDocument,
    document_changes,
    land,
    plan_towards,
    with_endings,
)
from support.documents import at, change, marked, own, tracked
from support.texts import texts


def after(document: TrackedDocument, plan: tuple[Step, ...]) -> str:
    """Return the text a client would have after taking a plan as an edit."""
    text = document.mirror
    parts, done = [], at(0, 0)
    for made in document_changes(document, plan):
        assert done <= made.start <= made.end
        parts += [text.slice(done, made.start), made.text]
        done = made.end
    return "".join([*parts, text.slice(done, text.end)])


def test_appended_text_is_one_insertion() -> None:
    document = tracked("x[ab]y")

    assert plan_towards(document, {"0": "abcd"}) == (Step("0", Edit(2, 2, "cd")),)


def test_lines_that_stay_are_not_sent() -> None:
    document = tracked("[a\nb\nc\n]")

    plan = plan_towards(document, {"0": "A\nb\nC\n"})
    assert [step.edit for step in plan] == [Edit(0, 1, "A"), Edit(4, 5, "C")]


def test_a_region_with_its_text_or_a_deleted_one_needs_nothing() -> None:
    document = tracked("[a][b]")
    change(document, 1, 2, "")

    assert plan_towards(document, {"0": "a", "1": "c"}) == ()


def test_no_edit_begins_or_ends_between_the_characters_of_a_crlf() -> None:
    document = tracked("[a\r\nb]")

    for wanted in ("a\nb", "a\rb", "a\r\r\nb", "a\n\r\nb", "ab", "\nb"):
        for made in document_changes(document, plan_towards(document, {"0": wanted})):
            assert document.mirror.position(made.start)[1] <= 1
            assert made.start != at(0, 2)
            assert made.end != at(0, 2)


def test_of_nested_regions_one_is_brought_on_at_a_time() -> None:
    document = tracked("[a[b]c]")

    assert {step.region_id for step in plan_towards(document, {"0": "", "1": "X"})} == {"0"}
    assert {step.region_id for step in plan_towards(document, {"0": "abcd", "1": "X"})} == {
        "0",
        "1",
    }


def test_changes_that_touch_are_joined() -> None:
    document = tracked("a[][]b")

    changes = document_changes(document, plan_towards(document, {"0": "X", "1": "Y"}))
    assert [(made.start, made.end, made.text) for made in changes] == [(at(0, 1), at(0, 1), "XY")]


def test_what_is_inserted_where_something_is_replaced_goes_before_it() -> None:
    """Both the changes and the landing have it so, or the mirror would not be the document."""
    document = tracked("ab[][cde]f")
    plan = plan_towards(document, {"0": "N", "1": "X"})
    expected = after(document, plan)

    land(document, plan, frozenset(plan))
    assert document.mirror.text == expected == "abNXf"


def test_of_regions_that_share_text_only_one_is_changed_at_a_place() -> None:
    document = tracked("ab[cde]f")
    change(document, 2, 3, "WXYZ")
    document.open_region("1", at(0, 2), at(0, 6))

    plan = plan_towards(document, {"0": "N", "1": "c"})
    assert len({step.region_id for step in plan}) == 1


def test_a_plan_follows_regions_that_have_changed_places() -> None:
    document = tracked("a[b[]c]d")
    plan = plan_towards(document, {"0": "Zbc", "1": "Y"})
    change(document, 1, 2, "")
    expected = after(document, plan)

    land(document, plan, frozenset(plan))
    assert document.mirror.text == expected == "aYZcd"


@given(
    st.sampled_from(["a[b\nc]d[][e]f", "[ab[]c]d", "[][]", "a[b[cd]][e]", "[a\nb\n]c[d\n]"]),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3), texts), max_size=3),
    st.lists(texts, min_size=3, max_size=3),
)
def test_landing_a_plan_gives_the_text_that_its_changes_give(
    start: str, changes: list[tuple[int, int, str]], wanted: list[str]
) -> None:
    """Whatever the user did before: typed inside, removed, pushed regions together."""
    document = tracked(start)
    for offset, length, text in changes:
        low = min(offset, len(document.mirror.text))
        change(document, low, min(low + length, len(document.mirror.text)), text)
    desired = {key: wanted[int(key)] for key in document.region_ids()}
    plan = plan_towards(document, desired)
    expected = after(document, plan)

    assert land(document, plan, frozenset(plan)) == ()
    assert document.mirror.text == expected
    for region_id in {step.region_id for step in plan}:
        assert own(document, region_id) == desired[region_id]


@given(st.data())
def test_steps_that_have_not_landed_are_moved_by_those_that_have(data: st.DataObject) -> None:
    document = tracked("x[a\nb\nc\nd\n]y")
    plan = plan_towards(document, {"0": "A1\nb\nC23\nd\nE\n"})
    first = data.draw(st.sets(st.sampled_from(plan)))

    rest = land(document, plan, frozenset(first))
    assert land(document, rest, frozenset(rest)) == ()
    assert marked(document) == "x[A1\nb\nC23\nd\nE\n]y"


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_a_plan_can_take_another_line_ending(ending: str) -> None:
    (step,) = with_endings((Step("0", Edit(0, 0, "a\nb\r\n")),), ending)  # type: ignore[arg-type]  # a parameter

    assert step.edit.text == f"a{ending}b{ending}"
