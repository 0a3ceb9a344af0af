"""Messages between a simulated editor and a server, and positions as clients compute them.

Positions are computed by encoding and decoding lines, apart from the server's own rules, as a model
to check those against.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

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
    # Cutting the encoded line may leave half a character, which decoding drops: a position inside
    # a surrogate pair is the start of its character.
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


@dataclass(frozen=True, slots=True)
class Reply:
    """The client's answer to an edit."""

    edit_id: int
    applied: bool


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of a `didChange`; without a range it is the whole text."""

    range: tuple[Position, Position] | None
    text: str


@dataclass(frozen=True, slots=True)
class DidChange:
    """A change notification."""

    version: int
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class DidUndo:
    """A notification that an undo or a redo led to a version."""

    version: int


Message = Reply | DidChange | DidUndo


class Replacement(Protocol):
    """One replacement of an edit, in the client's positions."""

    @property
    def start(self) -> Position: ...  # noqa: D102 - named by the field
    @property
    def end(self) -> Position: ...  # noqa: D102 - named by the field
    @property
    def text(self) -> str: ...  # noqa: D102 - named by the field


class ServerEdit(Protocol):
    """An edit as a server sends it; its replacements are in order and do not overlap."""

    @property
    def edit_id(self) -> int: ...  # noqa: D102 - named by the field
    @property
    def version(self) -> int | None: ...  # noqa: D102 - named by the field
    @property
    def replacements(self) -> Sequence[Replacement]: ...  # noqa: D102 - named by the field
