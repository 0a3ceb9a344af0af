"""Plans are the smallest steps towards the wanted texts, and land as they say."""

from copy import deepcopy
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streaming_code_generator.editing.diff import Edit
from streaming_code_generator.editing.history import RegionHistory
from streaming_code_generator.editing.region import ForeignChange, without_deleted
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


def test_text_that_grows_at_its_end_takes_the_short_way() -> None:
    document = tracked("x[ab]y")
    land(document, plan := plan_towards(document, {"0": "cd"}), frozenset(plan))

    step = Step("0", Edit(2, 2, "ef"))
    assert document.growth("0", "cdef") == (step, ForeignChange(at(0, 3), at(0, 3), "ef"))


EXAMPLES = max(200, settings().max_examples)
"""Of five conditions taken from the short way, each showed within 62."""


@st.composite
def documents_and_wanted_texts(draw: st.DrawFn) -> tuple[TrackedDocument, str]:
    """Draw a document in which something landed and may have been changed, and a wanted text."""
    document = tracked(draw(st.sampled_from(["a[]\nc", "a[b]\nc", "a[bcc]\nc", "a[b]d[]"])))
    landed = draw(st.sampled_from(["bc", "b\r", "e\n"]))
    plan = plan_towards(document, {"0": landed})
    land(document, plan, frozenset(plan))
    wanted = own(document) + draw(st.sampled_from(["", "c", "\n", "\r\n", "f\r"]))
    match draw(st.sampled_from(["nothing", "typing", "undo", "deletion", "another text"])):
        case "typing":
            low, length = draw(st.integers(0, 4)), draw(st.integers(0, 2))
            end = len(document.mirror.text)
            text = draw(st.sampled_from(["", "x", "\n"]))
            change(document, min(low, end), min(low + length, end), text)
        case "undo":
            change(document, 2, 1 + len(landed), "")
            region = document.region("0")
            own_text, pieces = region.standing_text(), without_deleted(region.pieces)
            document.replace_region("0", replace(region, own_text=own_text, pieces=pieces))
        case "deletion":
            document.replace_region("0", replace(document.region("0"), deleted=True))
        case "another text":
            wanted = "q" + wanted
    document.mark_read()
    document.take_touched()
    return document, wanted


def known(history: RegionHistory) -> dict[str, object]:
    """Return what a history knows, however it keeps what its region was."""
    past = [
        (replace(step, before=None), before and (before.start, before.end, before.was_seen))
        for step in history._steps
        for before in [step.before]
    ]
    return {**vars(history), "_steps": past, "_grown": None}


@given(documents_and_wanted_texts())
@settings(max_examples=EXAMPLES)
def test_the_short_way_plans_what_the_general_way_does(case: tuple[TrackedDocument, str]) -> None:
    document, wanted = case

    growth = document.growth("0", wanted)
    if growth:
        plan = plan_towards(document, {"0": wanted})
        assert ((growth[0],), [growth[1]]) == (plan, document_changes(document, plan))


@given(documents_and_wanted_texts())
@settings(max_examples=EXAMPLES)
def test_the_short_way_lands_as_the_general_way_does(case: tuple[TrackedDocument, str]) -> None:
    document, wanted = case
    other, growth = deepcopy(document), document.growth("0", wanted)
    plan = (growth[0],) if growth else plan_towards(document, {"0": wanted})

    if document.grow(plan):
        land(other, plan, frozenset(plan))
        assert other.take_touched() == []
        other.mark_read()
        assert document.mirror.lines == other.mirror.lines
        for region_id in other.region_ids():
            assert document.region(region_id) == other.region(region_id)
            history, its_history = document.history(region_id), other.history(region_id)
            assert [*history.regions()] == [*its_history.regions()]
            assert known(history) == known(its_history)


@pytest.mark.parametrize("before", ["x[ab]y", "x[ab]y[]z"])
def test_the_past_of_a_text_that_grows_is_kept_once(before: str) -> None:
    document = tracked(before)
    land(document, plan := plan_towards(document, {"0": "cd"}), frozenset(plan))
    texts = ["cd" + "e" * length for length in range(1, 5)]
    for text in texts:
        growth = document.growth("0", text)
        assert growth is not None
        if not document.grow((growth[0],)):
            land(document, (growth[0],), frozenset({growth[0]}))

    past = [step.before for step in document.history("0")._steps if step.before is not None]

    assert [each.region.own_text for each in past] == ["ab", "cd", *texts[:-1]]
    assert len({id(each.grown) for each in past[1:]}) == 1


def test_the_short_way_is_open_only_while_nothing_else_has_changed() -> None:
    document = tracked("x[ab]y")
    land(document, plan := plan_towards(document, {"0": "cd"}), frozenset(plan))
    growth = document.growth("0", "cdef")
    assert growth is not None
    change(document, 4, 4, "z")

    assert not document.grow((growth[0],))
    growth = document.growth("0", "cdef")
    assert growth is not None
    assert document.grow((growth[0],))


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
