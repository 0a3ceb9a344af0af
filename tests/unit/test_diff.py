"""Edits between two texts give the second one, touch little, and are found in bounded time."""

import time
from collections.abc import Callable, Iterable
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streaming_code_generator.editing.diff import (
    Edit,
    anchored_edits,
    apply_edits,
    common_prefix,
    common_suffix,
    fine_edits,
    line_edits,
    single_edit,
)
from support.texts import texts

Differ = Callable[[str, str], list[Edit]]
differs = pytest.mark.parametrize("differ", [line_edits, fine_edits])
different_lines = st.permutations(["a\n", "b\n", "c d\n", "e\r\n", "f\r", "\fg\n"])


@differs
@given(texts, texts)
def test_applied_to_the_old_text_they_give_the_new_one(differ: Differ, old: str, new: str) -> None:
    edits = differ(old, new)

    assert apply_edits(old, edits) == new
    assert all(0 <= edit.start <= edit.end <= len(old) for edit in edits)
    assert all(a.end <= b.start for a, b in pairwise(edits))
    assert (edits == []) == (old == new)


@differs
@given(different_lines, st.data())
def test_lines_that_stay_are_not_touched(
    differ: Differ, kept: list[str], data: st.DataObject
) -> None:
    """Each line that was inserted costs no more than itself."""
    inserted = data.draw(st.lists(st.tuples(st.integers(0, len(kept)), st.just("XYZ\n"))))
    new = list(kept)
    for index, line in inserted:
        new.insert(index, line)

    edits = differ("".join(kept), "".join(new))
    assert cost(edits) == sum(len(line) for _, line in inserted)
    assert not any(edit.end > edit.start for edit in edits)


def cost(edits: Iterable[Edit]) -> int:
    """Return how many code points are removed and inserted."""
    return sum(len(edit.text) + edit.end - edit.start for edit in edits)


def test_unchanged_lines_between_two_changed_ones_are_not_touched() -> None:
    assert line_edits("a1\nb\nc1\n", "a2\nb\nc2\n") == [Edit(1, 2, "2"), Edit(6, 7, "2")]


def test_what_repeats_within_a_changed_line_is_not_touched() -> None:
    assert fine_edits("xx 1 yy 2 zz", "xx 3 yy 4 zz") == [Edit(3, 4, "3"), Edit(8, 9, "4")]


@given(texts, texts)
@example("aba", "a")
def test_a_single_edit_keeps_the_longest_beginning_and_then_the_longest_end(
    old: str, new: str
) -> None:
    edit = single_edit(old, new)

    if edit is None:
        assert old == new
        return
    assert apply_edits(old, [edit]) == new
    assert old[: edit.start] == new[: edit.start]
    assert old[edit.start : edit.start + 1] != new[edit.start : edit.start + 1]
    if edit.end > edit.start and edit.text:
        assert old[edit.end - 1] != edit.text[-1]


@given(st.text("ab", max_size=30), st.text("ab", max_size=30))
def test_common_ends_are_as_long_as_comparing_one_by_one_says(a: str, b: str) -> None:
    limit = min(len(a), len(b))
    assert common_prefix(a, b) == max(n for n in range(limit + 1) if a[:n] == b[:n])
    longest = max(n for n in range(limit + 1) if a[len(a) - n :] == b[len(b) - n :])
    assert common_suffix(a, b, limit=limit) == longest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (" " * 1900, " x" * 950),
        (" \n" * 1900, " \nx\n" * 950),
        ("ab" * 900, "ba" * 900),
        ("x\n" * 50_000, "y\n" * 50_000),
    ],
    ids=["spaces", "equal lines", "repeated pair", "long"],
)
def test_texts_that_repeat_themselves_are_compared_in_bounded_time(old: str, new: str) -> None:
    began_s = time.perf_counter()
    edits = fine_edits(old, new)

    assert apply_edits(old, edits) == new
    assert time.perf_counter() - began_s < 5  # it took a minute without a bound


def test_letters_that_any_two_texts_share_are_not_kept() -> None:
    """Once, generated lines that a reload had replaced by other text seemed to be there still."""
    (edit,) = fine_edits("line 0\nline 1\nline 2\nbelow\n", "text\n")

    assert edit == Edit(0, 26, "text")


def test_a_large_change_is_anchored_at_lines_that_occur_once() -> None:
    """Once, a text of a thousand lines, a third of them blank, counted as replaced as a whole."""
    kept = [f"line {number}\n" if number % 3 else "\n" for number in range(1_000)]

    edits = fine_edits("".join(["first\n", *kept, "last\n"]), "".join(["1st\n", *kept, "end\n"]))
    assert cost(edits) < len("first1stlastend")


def test_a_part_that_begins_within_its_like_is_no_anchor() -> None:
    text = "\n}\n}\n"

    assert anchored_edits(text, text, [(2, 5)]) == []
