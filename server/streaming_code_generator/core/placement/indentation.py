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
    # By how many spaces lines are deeper than the one before them. One space is the star of a
    # comment, and more than a level is alignment.
    widths = [len(indent) for indent in indents if "\t" not in indent]
    differences = [after - before for before, after in pairwise(widths)]
    steps = Counter(each for each in differences if 1 < each <= _DEEPEST_STEP)
    return " " * steps.most_common(1)[0][0] if steps else default


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
    if below is None:
        return ""
    # A statement before a line that closes a block is a level deeper than that line.
    closes = content(lines[below]).strip(BLANK).startswith(_CLOSERS)
    return min(indent, indent_of(lines[below]) + (unit if closes else ""), key=len)


def _nearest(lines: Sequence[str], line: int, *, step: int) -> int | None:
    for distance in range(1, SAMPLE_LINES):
        index = line + step * distance
        if not 0 <= index < len(lines):
            return None
        if not is_blank(lines[index]):
            return index
    return None
