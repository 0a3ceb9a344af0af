r"""An exact copy of one open document, and LSP's line rules, by which its places are counted.

The text is kept as a list of lines; a change touches only the lines it names (and the list's own
block of pointers), so its cost does not grow with the document. Everything that has to follow a
change, such as a tracked range, moves by the `Splice` that the change returns.

Source: LSP 3.18, "Text Documents": only `\n`, `\r\n` and `\r` end a line. Python's
`str.splitlines` also splits at form feed, NEL, U+2028 and others, and so cannot be used here.
"""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Literal, NamedTuple

PositionEncoding = Literal["utf-8", "utf-16", "utf-32"]
LineEnding = Literal["\n", "\r\n", "\r"]

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
_LINE_ENDING = re.compile(r"\r\n|\r|\n")
_ENDINGS_TO_PYTHON = "\v\f\x1c\x1d\x1e\x85\u2028\u2029"
"""What ends a line for `str.splitlines`, and not in LSP."""
_LONG_CHARACTERS = 10_000
_CODECS: dict[PositionEncoding, tuple[str, int]] = {
    "utf-8": ("utf-8", 1),
    "utf-16": ("utf-16-le", 2),
    "utf-32": ("utf-32-le", 4),
}
"""How each encoding is written, and the bytes of a unit."""
LONGEST_LINE_COMPARED = 1_000
LINES_BESIDE = 50
"""So many lines around a place say what is usual there."""
_LAST_ASCII = 0x7F
_LAST_TWO_BYTE = 0x7FF
_LAST_BMP = 0xFFFF


class Point(NamedTuple):
    """A place in a text: zero-based line, and column in code points (not in client units)."""

    line: int
    column: int


def split_lines(text: str) -> list[str]:
    """Split a text into lines that keep their endings; the last one, often empty, has none."""
    # Of a whole document, the pattern's time would be felt.
    if len(text) < _LONG_CHARACTERS or any(other in text for other in _ENDINGS_TO_PYTHON):
        lines: list[str] = _LINE.findall(text)
    else:
        lines = text.splitlines(keepends=True)
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


@dataclass(frozen=True, slots=True)
class Splice:
    """One change that was made, in a form that moves points from the old text to the new.

    The seam is the run of whole lines that the change rewrote. A point before it stays, a point
    after it moves by whole lines, a point inside it moves by offset.
    """

    first_line: int
    old_lengths: tuple[int, ...]
    new_lengths: tuple[int, ...]
    start: int
    """Offset of the change in the seam, in code points."""
    removed: int
    inserted: int

    def move(self, point: Point, *, sticks_right: bool) -> Point:
        """Return where a point of the old text stands in the new one.

        Args:
            point: A place in the text before the change.
            sticks_right: Whether a point at an insertion, or inside what was replaced, goes
                behind the new text; else it stays before it.
        """
        line = point.line - self.first_line
        if line < 0:
            return point
        if line >= len(self.old_lengths):
            return Point(point.line - len(self.old_lengths) + len(self.new_lengths), point.column)
        offset = sum(self.old_lengths[:line]) + point.column
        end = self.start + self.removed
        if offset > end or (offset == end and self.removed):
            offset += self.inserted - self.removed
        elif offset > self.start or (offset == self.start and not self.removed):
            offset = self.start + (self.inserted if sticks_right else 0)
        last = len(self.new_lengths) - 1
        for index, length in enumerate(self.new_lengths):
            if offset < length or index == last:
                return Point(self.first_line + index, offset)
            offset -= length
        return Point(self.first_line, offset)


@dataclass(frozen=True, slots=True)
class StagedChange:
    """A change that has been worked out and not yet been made."""

    splice: Splice
    lines: list[str]
    """The seam's new lines."""


class Mirror:
    """The text of one document as its client last reported it."""

    def __init__(
        self, text: str, *, version: int | None = 0, encoding: PositionEncoding = "utf-16"
    ) -> None:
        self.lines = split_lines(text)
        self.version = version
        self.encoding: PositionEncoding = encoding

    @property
    def text(self) -> str:
        """The whole text; joined anew at every call."""
        return "".join(self.lines)

    @property
    def end(self) -> Point:
        """The place behind the last character."""
        return Point(len(self.lines) - 1, len(self.lines[-1]))

    def point(self, line: int, character: int) -> Point:
        """Translate a client's position; a line past the end is the end of the document."""
        if line < 0:
            return Point(0, 0)
        if line >= len(self.lines):
            return self.end
        return Point(line, character_to_column(self.lines[line], character, self.encoding))

    def position(self, point: Point) -> tuple[int, int]:
        """Translate a point to the client's line and character."""
        text = self.lines[point.line]
        return point.line, column_to_character(text, point.column, self.encoding)

    def slice(self, start: Point, end: Point) -> str:
        """Return the text between two points, the first not behind the second."""
        # The usual case, without building a list.
        if start.line == end.line:
            return self.lines[start.line][start.column : end.column]
        middle = self.lines[start.line + 1 : end.line]
        return "".join(
            (self.lines[start.line][start.column :], *middle, self.lines[end.line][: end.column])
        )

    def distance(self, start: Point, end: Point) -> int:
        """Return how many code points one point lies behind another; negative if before it."""
        if start.line == end.line:
            return end.column - start.column
        if end < start:
            return -self.distance(end, start)
        between = sum(len(line) for line in self.lines[start.line + 1 : end.line])
        return len(self.lines[start.line]) - start.column + between + end.column

    def advance(self, start: Point, count: int) -> Point:
        """Return the point `count` code points behind another one, at most the end."""
        line, column = start.line, start.column + count
        while line < len(self.lines) - 1 and column >= len(self.lines[line]):
            column -= len(self.lines[line])
            line += 1
        return Point(line, min(column, len(self.lines[line])))

    def retreat(self, end: Point, count: int) -> Point:
        """Return the point `count` code points before another one, at least the beginning.

        Of two points at one place, the end of a line and the start of the next, it is the second.
        """
        line, column = end.line, end.column - count
        while line and column < 0:
            line -= 1
            column += len(self.lines[line])
        return Point(line, max(column, 0))

    def lines_around(self, start: Point, end: Point) -> tuple[Point, Point]:
        r"""Return the lines of a range, with the line ending before them, as a range.

        Of lines that are alike, a client may name any part that comes to the same text. Which lines
        were removed and put in is seen only of whole ones:

            before      x_1\nx_2\n
            reported    1\nx_ was removed, which is x_1\n

        Returns:
            Where they begin and end; the range itself if they are long.
        """
        first, last = max(0, start.line - 1), end.line
        before, behind = self.lines[first], self.lines[last]
        if max(len(before), len(self.lines[start.line]), len(behind)) > LONGEST_LINE_COMPARED:
            return start, end
        begin = Point(first, content_length(before)) if start.line else Point(0, 0)
        return begin, max(end, Point(last, content_length(behind)))

    def splice(self, start: Point, end: Point, text: str) -> Splice:
        """Replace the text between two points and say how points move.

        Cost: proportional to the lines touched, not to the document.
        """
        staged = self.stage(start, end, text)
        self.make(staged)
        return staged.splice

    def make(self, staged: StagedChange) -> None:
        """Make a change that was staged, and that nothing has come before since."""
        first = staged.splice.first_line
        self.lines[first : first + len(staged.splice.old_lengths)] = staged.lines

    def stage(self, start: Point, end: Point, text: str) -> StagedChange:
        """Say what a change would do, without making it: what moves by it is measured before."""
        first, prefix = start.line, self.lines[start.line][: start.column]
        if not prefix and first > 0 and self.lines[first - 1].endswith("\r"):
            # A line feed arriving behind a lone carriage return joins it to one line ending.
            first -= 1
            prefix = self.lines[first]
        new = _spliced_lines(prefix, text, self.lines[end.line][end.column :])
        if end.line + 1 < len(self.lines):
            # The empty line behind the seam's own last ending is the next line of the document.
            new.pop()
        splice = Splice(
            first_line=first,
            old_lengths=tuple(map(len, self.lines[first : end.line + 1])),
            new_lengths=tuple(map(len, new)),
            start=len(prefix),
            removed=self.distance(start, end),
            inserted=len(text),
        )
        return StagedChange(splice, new)


def _spliced_lines(prefix: str, text: str, suffix: str) -> list[str]:
    """Return the lines of a text between the beginning of a line and the end of one.

    Only the text itself is looked through: the lines around it may be very long.
    """
    if prefix.endswith("\r") or (text.endswith("\r") and suffix.startswith("\n")):
        return split_lines(prefix + text + suffix)  # two characters become one line ending
    lines = split_lines(text)
    lines[0] = prefix + lines[0]
    lines[-1] += suffix
    if lines[-1].endswith(("\n", "\r")):
        lines.append("")
    return lines
