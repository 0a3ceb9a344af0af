"""Positions as a language client computes them: by encoding and decoding lines.

Written apart from the server's own rules, as a model to check them against.
"""

import re
from bisect import bisect_right
from typing import Literal

Encoding = Literal["utf-8", "utf-16", "utf-32"]
Position = tuple[int, int]
_ENCODER: dict[Encoding, tuple[str, int]] = {
    "utf-8": ("utf-8", 1),
    "utf-16": ("utf-16-le", 2),
    "utf-32": ("utf-32-le", 4),
}
_ENDING = re.compile(r"\r\n?|\n")


def position_in(text: str, offset: int, encoding: Encoding) -> Position:
    """Return the position of an offset in code points, by encoding the line up to it."""
    starts = _line_starts(text)
    line = bisect_right(starts, offset) - 1
    codec, unit_bytes = _ENCODER[encoding]
    before = text[starts[line] : offset]
    return line, len(before.encode(codec, "surrogatepass")) // unit_bytes


def offset_in(text: str, position: Position, encoding: Encoding) -> int:
    """Return the offset of a position, by decoding the line up to it.

    A column past the end of a line is that end; a line past the end is the text's end.
    """
    starts = _line_starts(text)
    line, character = position
    if line >= len(starts):
        return len(text)
    content = text[starts[line] : line_end(text, starts[line])]
    codec, unit_bytes = _ENCODER[encoding]
    encoded = content.encode(codec, "surrogatepass")[: character * unit_bytes]
    return starts[line] + len(encoded.decode(codec, "ignore"))


def line_end(text: str, offset: int) -> int:
    """Return the offset at which the line that holds an offset ends, before its line ending."""
    ending = _ENDING.search(text, offset)
    return ending.start() if ending else len(text)


def difference(old: str, new: str) -> tuple[int, int, int]:
    """Return where two texts differ: start, end in the old and end in the new one.

    No end lies between the two characters of a CRLF, for which clients have no position.
    """
    limit = min(len(old), len(new))
    start = 0
    while start < limit and old[start] == new[start]:
        start += 1
    if start and "\r\n" in (old[start - 1 : start + 1], new[start - 1 : start + 1]):
        start -= 1
    tail = 0
    while tail < limit - start and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    while tail and "\r\n" in (_around(old, len(old) - tail), _around(new, len(new) - tail)):
        tail -= 1
    return start, len(old) - tail, len(new) - tail


def _around(text: str, offset: int) -> str:
    return text[max(0, offset - 1) : offset + 1]


def _line_starts(text: str) -> list[int]:
    return [0, *(ending.end() for ending in _ENDING.finditer(text))]
