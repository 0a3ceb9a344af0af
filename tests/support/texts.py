"""Texts in which line rules and encodings differ, and independent ways to compute with them."""

from hypothesis import strategies as st

from streaming_code_generator.editing.mirror import Point, PositionEncoding

ENCODINGS: tuple[PositionEncoding, ...] = ("utf-8", "utf-16", "utf-32")
TRAPS = [
    *["\n", "\r", "\r\n", "\n\n", "\r\r"],
    *["\f", "\v", "\x1c", "\x85", "\u2028", "\u2029"],
    *["a", "bc", " ", "\t", "é", "ß", "\u4e2d", "\U0001f600", "e\u0301", "\ufffd", "\uffff"],
]
texts = st.lists(st.sampled_from(TRAPS), max_size=14).map("".join)


def point_of(text: str, offset: int) -> Point:
    """Return the point of an offset, by looking at one character after the other."""
    line, start = 0, 0
    for index in range(offset):
        ends = text[index] == "\n" or (text[index] == "\r" and text[index + 1 : index + 2] != "\n")
        if ends:
            line, start = line + 1, index + 1
    return Point(line, offset - start)


def offset_of(lines: list[str], point: Point) -> int:
    """Return the offset of a point in a text given by its lines."""
    return sum(map(len, lines[: point.line])) + point.column
