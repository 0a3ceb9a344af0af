r"""LSP's line rules: what ends a line, and what a character is in each position encoding.

Source: LSP 3.18, "Text Documents": only `\n`, `\r\n` and `\r` end a line. Python's
`str.splitlines` also splits at form feed, NEL, U+2028 and others, and so cannot be used here.
"""

import re
from collections import Counter
from typing import Literal, NamedTuple

PositionEncoding = Literal["utf-8", "utf-16", "utf-32"]
LineEnding = Literal["\n", "\r\n", "\r"]

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
_LINE_ENDING = re.compile(r"\r\n|\r|\n")
_CODECS: dict[PositionEncoding, tuple[str, int]] = {
    "utf-8": ("utf-8", 1),
    "utf-16": ("utf-16-le", 2),
    "utf-32": ("utf-32-le", 4),
}
"""How each encoding is written, and the bytes of a unit."""
_LAST_ASCII = 0x7F
_LAST_TWO_BYTE = 0x7FF
_LAST_BMP = 0xFFFF


class Point(NamedTuple):
    """A place in a text: zero-based line, and column in code points (not in client units)."""

    line: int
    column: int


def split_lines(text: str) -> list[str]:
    """Split a text into lines that keep their endings; the last one, often empty, has none."""
    lines: list[str] = _LINE.findall(text)
    if not lines or lines[-1].endswith(("\n", "\r")):
        lines.append("")
    return lines


def content_length(line: str) -> int:
    """Return the length of a line without its ending, in code points."""
    if line.endswith("\r\n"):
        return len(line) - 2
    return len(line) - line.endswith(("\n", "\r"))


def width(character: str, encoding: PositionEncoding) -> int:
    """Return how many units of the encoding one code point takes."""
    if encoding == "utf-32":
        return 1
    code_point = ord(character)
    if encoding == "utf-16":
        return 1 + (code_point > _LAST_BMP)
    return 1 + (code_point > _LAST_ASCII) + (code_point > _LAST_TWO_BYTE) + (code_point > _LAST_BMP)


def column_to_character(line: str, column: int, encoding: PositionEncoding) -> int:
    """Translate a column in code points to one in units of the encoding."""
    if encoding == "utf-32" or line.isascii():
        return column
    codec, unit_bytes = _CODECS[encoding]
    return len(line[:column].encode(codec, "surrogatepass")) // unit_bytes


def character_to_column(line: str, character: int, encoding: PositionEncoding) -> int:
    """Translate a column in units of the encoding to one in code points.

    A column past the end of the line is the end of its content; one inside a character is that
    character's start.
    """
    length = content_length(line)
    if character <= 0:
        return 0
    if encoding == "utf-32" or line.isascii():
        return min(character, length)
    codec, unit_bytes = _CODECS[encoding]
    content = line[: min(character, length)]  # no code point takes less than a unit
    try:
        encoded = content.encode(codec)
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can carry
        return _column_by_counting(content, character, encoding)
    return len(encoded[: character * unit_bytes].decode(codec, "ignore"))


def _column_by_counting(content: str, character: int, encoding: PositionEncoding) -> int:
    units = 0
    for column, each in enumerate(content):
        units += width(each, encoding)
        if units > character:
            return column
    return len(content)


def dominant_line_ending(lines: list[str], *, sample: int = 1000) -> LineEnding:
    r"""Return the ending most of the first `sample` lines have; `\n` for a text without any."""
    counts = Counter(line[content_length(line) :] for line in lines[:sample])
    endings: tuple[LineEnding, ...] = ("\n", "\r\n", "\r")
    return max(endings, key=lambda ending: counts[ending])


def line_endings(text: str) -> set[str]:
    """Return the line endings that occur in a text."""
    return set(_LINE_ENDING.findall(text))


def with_line_ending(text: str, ending: LineEnding) -> str:
    """Return the text with every line ending replaced by the given one."""
    if ending == "\n" and "\r" not in text:
        return text
    return _LINE_ENDING.sub(ending, text)
