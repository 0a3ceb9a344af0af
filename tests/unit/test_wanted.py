"""A selection is rewritten line by line, and what stays the same is never taken out."""

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming_code_generator.editing.mirror import split_lines
from streaming_code_generator.editing.wanted import SelectionRewrite, WantedText, paced
from streaming_code_generator.settings.declarations import EditPace

LINES = st.sampled_from(
    ["def f(x):", "    return x", "    y = x + 1", "", "}", "  ", "import os", "import sys", "end"]
)
WORDS = [
    "alpha(1)",
    "beckon[22]",
    "crumb = 333",
    "dwelling()",
    "evict:",
    "fjord, 6",
    "gymnast",
    "hulk",
]
NEW_WORDS = ["Quartz?", "RUNIC@@", "STEPPE~~~", "TUXEDO!!", "VOWEL||||", "WRYNECK++"]


def shown(original: str, *targets: str) -> list[str]:
    rewrite = SelectionRewrite(original)
    return [rewrite.desired(target) for target in targets]


def every_beginning(target: str) -> Iterator[str]:
    return (target[:end] for end in range(len(target) + 1))


def contents(text: str) -> list[str]:
    return [line.rstrip("\r\n") for line in split_lines(text) if line]


@given(
    old=st.lists(LINES),
    new=st.lists(LINES),
    line_ending=st.sampled_from(["\n", "\r\n", "\r"]),
    ends=st.booleans(),
)
def test_the_selection_holds_new_lines_and_behind_them_the_last_of_the_old_ones(
    *, old: list[str], new: list[str], line_ending: str, ends: bool
) -> None:
    original = "".join(line + line_ending for line in old)
    original = original if ends else original.removesuffix(line_ending)
    target = "".join(line + line_ending for line in new)
    rewrite = SelectionRewrite(original)
    left = len(contents(original))
    for beginning in every_beginning(target):
        result = rewrite.desired(beginning)
        left = min(left, _old_lines_left(result, beginning, original, at_most=left))


def _old_lines_left(result: str, beginning: str, original: str, *, at_most: int) -> int:
    """Return how many of the old lines the result ends with, having checked that it is legal."""
    old = [line for line in split_lines(original) if line]
    complete = [line for line in split_lines(beginning) if line.endswith(("\n", "\r"))]
    ending = old[0][len(contents(old[0])[0]) :] if old else ""
    heads = {"".join(complete), "".join(complete[:-1]), beginning}
    heads |= {beginning.rstrip("\r") + ending}
    for left in range(at_most, -1, -1):
        tail = "".join(old[len(old) - left :])
        if result.endswith(tail) and result.removesuffix(tail) in heads:
            return left
    raise AssertionError(f"{result!r} is no beginning of {beginning!r} with an end of {original!r}")


@st.composite
def rewrites_of_distinct_lines(draw: st.DrawFn) -> tuple[list[str], list[str], set[str]]:
    """Return old lines, new lines, and those that are in both."""
    old = WORDS[: draw(st.integers(1, len(WORDS)))]
    fresh = iter(NEW_WORDS)
    new: list[str] = []
    kept: set[str] = set()
    for line in old:
        fate = draw(st.sampled_from(["keep", "keep", "delete", "replace", "insert"]))
        if fate in {"replace", "insert"}:
            new += [line for line in [next(fresh, "")] if line]
        if fate in {"keep", "insert"}:
            new.append(line)
            kept.add(line)
    return old, new, kept


@given(rewrites_of_distinct_lines(), st.sampled_from(["", "\n"]))
def test_a_line_that_stays_the_same_is_never_missing(
    case: tuple[list[str], list[str], set[str]], last: str
) -> None:
    old, new, kept = case
    if len(old) == 1 and not last:
        kept = set()
    rewrite = SelectionRewrite("\n".join(old) + last)
    for beginning in every_beginning("\n".join(new) + last):
        assert kept <= set(contents(rewrite.desired(beginning)))


def test_nothing_changes_before_anything_has_arrived() -> None:
    assert shown("a = 1\nb = 2", "", "   ") == ["a = 1\nb = 2"] * 2


def test_the_beginning_of_a_line_that_stays_does_not_show() -> None:
    assert shown("first()\nsecond()", "fir", "first()\nsec") == ["first()\nsecond()"] * 2


def test_the_beginning_of_a_line_further_down_does_not_show() -> None:
    assert shown("one()\ntwo()\nthree()", "thr") == ["one()\ntwo()\nthree()"]


def test_an_inserted_line_stands_above_what_is_left() -> None:
    assert (
        shown("one()\ntwo()", "brand_new = 5", "brand_new = 5\n")
        == ["brand_new = 5\none()\ntwo()"] * 2
    )


def test_a_line_found_further_down_takes_out_what_is_above_it() -> None:
    assert shown("one()\ntwo()\nthree()", "three()\n") == ["three()\n"]


def test_a_bracket_further_down_takes_out_nothing() -> None:
    assert shown("one()\n}\nthree()", "}\n") == ["}\none()\n}\nthree()"]


def test_a_new_form_of_a_line_replaces_it_once_it_is_no_insertion() -> None:
    old = "def add(a, b):\n    return a + b\n"
    new = "def add(a: int, b: int) -> int:\n"
    assert shown(old, new, new + '    "', new + '    """Add."""\n') == [
        new + old,
        new + '    "\n    return a + b\n',
        new + '    """Add."""\n    return a + b\n',
    ]


def test_a_line_inserted_before_a_similar_one_leaves_it_alone() -> None:
    assert shown("import sys\nrun()", "import os\n", "import os\nimport sys\n") == [
        "import os\nimport sys\nrun()",
        "import os\nimport sys\nrun()",
    ]


def test_a_line_with_another_indentation_is_the_same_line() -> None:
    assert shown("x = 1\ny = 2\n", "    x = 1\n    y") == ["    x = 1\n    y\ny = 2\n"]


def test_a_single_line_goes_when_something_else_arrives() -> None:
    assert shown("value", "val", "vast", "vast_area") == ["value", "vast", "vast_area"]


def test_a_single_line_goes_when_a_whole_other_line_arrives_at_once() -> None:
    assert shown("value", "other\n", "other\nlines") == ["other\n", "other\nlines"]


def test_line_endings_of_the_document_close_an_unfinished_line() -> None:
    assert shown("one()\r\ntwo()", "brand_new\r") == ["brand_new\r\none()\r\ntwo()"]


@pytest.mark.parametrize("original", ["", "\n"])
def test_an_empty_selection_holds_what_arrives(original: str) -> None:
    assert shown(original, "text") == ["text" + original]


def test_two_thousand_lines_by_pieces_cost_little() -> None:
    old = "".join(f"    value_{number} = compute({number * 7})\n" for number in range(2_000))
    new = old.replace("compute(", "calculate(")
    rewrite = SelectionRewrite(old)
    started = time.process_time()
    for end in range(0, len(new), 8):
        rewrite.desired(new[:end])
    assert time.process_time() - started < 20


@pytest.mark.parametrize(
    ("pace", "text", "due"),
    [
        ("live", "a\nb", "a\nb"),
        ("lines", "a\nb", "a\n"),
        ("lines", "ab", ""),
        ("lines", "a\r\nb", "a\r\n"),
        ("lines", "a\rb\r", "a\r"),
        ("once", "a\nb\n", ""),
    ],
)
def test_a_growing_text_is_due_as_the_pace_says(pace: EditPace, text: str, due: str) -> None:
    assert paced(text, pace) == due


def test_nothing_is_wanted_before_code_is_due() -> None:
    wanted = WantedText("", prefix="\n", pace="lines")
    wanted.grow("a")
    assert wanted.text() is None
    wanted.grow("\nb")
    assert wanted.text() == "\na\n"


def test_code_at_a_place_stands_between_prefix_and_suffix() -> None:
    wanted = WantedText("", prefix="\n", suffix=")")
    wanted.grow("a")
    wanted.grow("b")
    assert wanted.text() == "\nab)"


def test_over_a_selection_the_old_lines_stay_behind_the_new_ones() -> None:
    wanted = WantedText("a = 1\nb = 2\nc = 3")
    wanted.grow("a = 1\n")
    wanted.grow("b = 20\nc")
    assert wanted.text() == "a = 1\nb = 20\nc = 3"
