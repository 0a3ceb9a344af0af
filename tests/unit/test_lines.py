"""Lines end where LSP says, and columns are counted in units of the encoding."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streaming_code_generator.editing.mirror import (
    PositionEncoding,
    character_to_column,
    column_to_character,
    content_length,
    dominant_line_ending,
    line_endings,
    split_lines,
    with_line_ending,
)
from support.texts import ENCODINGS, TRAPS, point_of, texts

CODECS: dict[PositionEncoding, tuple[str, int]] = {
    "utf-8": ("utf-8", 1),
    "utf-16": ("utf-16-le", 2),
    "utf-32": ("utf-32-le", 4),
}
encodings = st.sampled_from(ENCODINGS)
lines = st.lists(st.sampled_from([t for t in TRAPS if t.strip("\r\n")])).map("".join)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [""]),
        ("a", ["a"]),
        ("a\n", ["a\n", ""]),
        ("a\r\nb", ["a\r\n", "b"]),
        ("a\rb\r", ["a\r", "b\r", ""]),
        ("\n\r", ["\n", "\r", ""]),
        ("a\fb\x85c\u2028d\x1ce", ["a\fb\x85c\u2028d\x1ce"]),
    ],
)
def test_only_lf_crlf_and_cr_end_a_line(text: str, expected: list[str]) -> None:
    assert split_lines(text) == expected


@given(texts, st.sampled_from(["", "\f", "\x85", "\u2028", "\x1c"]))
def test_a_long_text_has_the_lines_of_its_parts(part: str, other: str) -> None:
    part += f"x{other}\n"
    often = 20_000 // len(part)

    assert split_lines(part * often) == split_lines(part)[:-1] * often + [""]


@given(texts)
def test_lines_make_up_the_text_and_only_the_last_has_no_ending(text: str) -> None:
    split = split_lines(text)

    assert "".join(split) == text
    assert len(split) == point_of(text, len(text)).line + 1
    assert all(content_length(line) < len(line) for line in split[:-1])
    assert content_length(split[-1]) == len(split[-1])


@given(lines, encodings, st.data())
def test_a_column_is_counted_in_units_of_the_encoding(
    line: str, encoding: PositionEncoding, data: st.DataObject
) -> None:
    column = data.draw(st.integers(0, len(line)))
    codec, unit_bytes = CODECS[encoding]
    character = len(line[:column].encode(codec)) // unit_bytes

    assert column_to_character(line, column, encoding) == character
    assert character_to_column(line + "\r\n", character, encoding) == column


@given(lines, encodings, st.integers(0, 80))
@example("\U0001f600", "utf-16", 1)
@example("\U0001f600", "utf-8", 3)
def test_a_column_inside_a_character_is_its_start_and_one_past_the_end_the_end(
    line: str, encoding: PositionEncoding, character: int
) -> None:
    codec, unit_bytes = CODECS[encoding]
    expected = len(line.encode(codec)[: character * unit_bytes].decode(codec, "ignore"))

    assert character_to_column(line + "\n", character, encoding) == expected


def test_a_negative_column_is_the_start() -> None:
    assert character_to_column("é", -1, "utf-8") == 0


@pytest.mark.parametrize(
    ("text", "ending"),
    [("", "\n"), ("a\r\nb\r\nc\n", "\r\n"), ("a\rb", "\r"), ("a\nb\r\n", "\n")],
)
def test_the_dominant_line_ending_is_the_most_frequent_one(text: str, ending: str) -> None:
    assert dominant_line_ending(split_lines(text)) == ending


def test_every_line_ending_is_replaced_once() -> None:
    assert with_line_ending("a\r\nb\rc\nd", "\r\n") == "a\r\nb\r\nc\r\nd"


def test_line_endings_of_a_text_are_told_apart() -> None:
    assert line_endings("a\r\nb\f\u2028") == {"\r\n"}
    assert line_endings("a\rb\n") == {"\r", "\n"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_half_of_a_surrogate_pair_is_a_character_like_another(encoding: PositionEncoding) -> None:
    line = "a\ud800é\U0001f600b"
    for column in range(len(line) + 1):
        character = column_to_character(line, column, encoding)
        assert character_to_column(line, character, encoding) == column
