"""Text goes into the document as it comes, by lines, or at once."""

import pytest

from streaming_code_generator.editing.pace import Pace, paced


@pytest.mark.parametrize(
    ("mode", "text", "due"),
    [
        ("live", "a\nb", "a\nb"),
        ("lines", "a\nb", "a\n"),
        ("lines", "ab", ""),
        ("lines", "a\r\nb", "a\r\n"),
        ("lines", "a\rb\r", "a\r"),
        ("once", "a\nb\n", ""),
    ],
)
def test_an_unfinished_text_is_due_as_the_pace_says(mode: Pace, text: str, due: str) -> None:
    assert paced(text, mode, finished=False) == due


@pytest.mark.parametrize("mode", ["live", "lines", "once"])
def test_a_finished_text_is_due_as_a_whole(mode: Pace) -> None:
    assert paced("a\nb", mode, finished=True) == "a\nb"
