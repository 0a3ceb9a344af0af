"""Reads a document's indentation: its unit, and how deep a new line belongs."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

SAMPLE_LINES = 400
"""Most lines looked at on either side of a place."""
BLANK = " \t"

_DEEPEST_STEP = 8
_OPENERS = (":", "{", "[", "(")
_CLOSERS = ("}", "]", ")", "end")


def content(line: str) -> str:
    """Return a line without its ending."""
    return line.rstrip("\r\n")


def indent_of(line: str) -> str:
    """Return the white space that a line begins with."""
    text = content(line)
    return text[: len(text) - len(text.lstrip(BLANK))]


def is_blank(line: str) -> bool:
    """Whether a line holds nothing but white space."""
    return not line.strip()


def indent_unit(lines: Sequence[str], line: int, *, default: str) -> str:
    """Return one level of indentation, as most lines around a place have it.

    Args:
        lines: The document's lines.
        line: Where to look around.
        default: The answer where no line is indented.
    """
    sample = lines[max(0, line - SAMPLE_LINES) : line + SAMPLE_LINES]
    indents = [indent_of(text) for text in sample if not is_blank(text)]
    tabs = sum(indent.startswith("\t") for indent in indents)
    spaces = sum(indent.startswith(" ") for indent in indents)
    if tabs > spaces:
        return "\t"
    steps = Counter(_steps(indents))
    return " " * steps.most_common(1)[0][0] if steps else default


def _steps(indents: list[str]) -> list[int]:
    """Return by how many spaces lines are deeper than the one before them.

    One space is the star of a comment, and more than a level is alignment.
    """
    widths = [len(indent) for indent in indents if "\t" not in indent]
    differences = [after - before for before, after in pairwise(widths)]
    return [difference for difference in differences if 1 < difference <= _DEEPEST_STEP]


def opens_block(code: str) -> bool:
    """Whether the line after this one belongs a level deeper."""
    return code.rstrip().endswith(_OPENERS)


def indent_of_new_line(lines: Sequence[str], line: int, unit: str) -> str:
    """Return the indentation that fits a line without any: that of its neighbourhood.

    That is the indentation of the line above, a level deeper if that opens a block. Behind blank
    lines, a shallower line below has its say, too, and so has the end of the document.
    """
    above = _nearest(lines, line, step=-1)
    if above is None:
        return ""
    indent = indent_of(lines[above])
    if opens_block(lines[above]):
        return indent + unit
    if above == line - 1:
        return indent
    below = _nearest(lines, line, step=1)
    return min(indent, _indent_before(lines[below], unit) if below is not None else "", key=len)


def _indent_before(line: str, unit: str) -> str:
    """Return how deep a statement before this line is: deeper, if the line closes a block."""
    deeper = unit if content(line).strip(BLANK).startswith(_CLOSERS) else ""
    return indent_of(line) + deeper


def _nearest(lines: Sequence[str], line: int, *, step: int) -> int | None:
    for distance in range(1, SAMPLE_LINES):
        index = line + step * distance
        if not 0 <= index < len(lines):
            return None
        if not is_blank(lines[index]):
            return index
    return None
