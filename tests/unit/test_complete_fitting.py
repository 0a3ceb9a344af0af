"""What is shown of a suggestion: nothing that the document has already."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming_code_generator.core.complete.fill import Window
from streaming_code_generator.core.complete.fitting import fitting
from streaming_code_generator.core.complete.window import window_at


def window_in(marked: str) -> Window:
    before, after = marked.split("|")
    line = before.count("\n")
    return window_at((before + after).split("\n"), line, len(before.split("\n")[-1]))


_BELOW = ["return total", "}", "for each in items:", "def g():", "end"]
_REPEATS = [
    (f"a = 1\n{indent}|\n{indent}{below}\nlast", text)
    for below, indent in itertools.product(_BELOW, ["", "    "])
    for text in (
        below,
        f"{below}\n{indent}",
        f"{below}\nlast",
        f"{below}\nlast\n{indent}more",
    )
]


def test_there_are_forty_cases_of_repetition() -> None:
    assert len(_REPEATS) == 40


@pytest.mark.parametrize(("marked", "text"), _REPEATS)
def test_nothing_is_shown_that_repeats_what_follows(marked: str, text: str) -> None:
    assert fitting(text, window_in(marked)) == ""


@pytest.mark.parametrize(
    ("marked", "text", "shown"),
    [
        pytest.param("x = |", "f(1)  \n", "f(1)", id="blanks at the end"),
        pytest.param("x = f(|)", "a, b)", "a, b", id="a bracket that is closed"),
        pytest.param("def f(|):", "a):", "a", id="two closing characters"),
        pytest.param("x = |y", "f(1)", "", id="code to the right"),
        pytest.param("    return |\n\nf(2)", "f(2)", "", id="the line below, as an expression"),
        pytest.param("    |\n    z()", "b()\n    z()", "b()", id="its end is below"),
        pytest.param("ab()\n|", "ab()", "", id="the line above again"),
        pytest.param("a = 1\nb = 2\n|", "a = 1\nb = 2", "", id="the lines above again"),
        pytest.param("    }\n    |", "}", "}", id="a closing bracket may be the same"),
        pytest.param("x = f|\nz()", "(1)", "(1)", id="below is something else"),
        pytest.param("|", "   \n\n", "", id="nothing"),
    ],
)
def test_what_is_shown(marked: str, text: str, shown: str) -> None:
    assert fitting(text, window_in(marked)) == shown


@given(
    st.text("ab)\n ", max_size=20), st.text("ab)\n ", max_size=20), st.text("ab)\n ", max_size=20)
)
def test_what_is_shown_is_a_beginning_of_the_text(before: str, after: str, text: str) -> None:
    shown = fitting(text, window_in(f"{before}|{after}"))
    assert text.startswith(shown)
    assert shown == shown.rstrip()
