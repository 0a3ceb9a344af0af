"""What of a file itself is shown: all of it where it fits, else what is around the place."""

import re
from collections.abc import Iterator, Sequence

from streaming_code_generator.core.context.definitions import depth_of, import_lines
from streaming_code_generator.core.context.file_pieces import (
    CountTokens,
    FilePiece,
    FileSnapshot,
    fit,
)
from streaming_code_generator.core.placement.languages import opens_block

BLOCK_LINES = 16
"""The file is shown in blocks that begin at multiples of so many lines: requests at neighbouring
places are then shown the same, and a prompt cache holds it."""
STRETCH_LINES = 64
"""Requests within a stretch of so many lines are shown the same of a file that is not shown whole,
as far as it fits."""
_MIDDLE = 2
"""The block in the middle of a stretch, or just behind."""
_MOST_BLOCKS = 60
_MOST_HEADERS = 6
_REMARK = re.compile(r"[ \t]*[#/*\-'\"]")
_HEADER = re.compile(r"[ \t]*(?:def|class|function|module|do)\b")
"""A line that opens a block which nothing at its end shows."""


def scope_headers(lines: Sequence[str], line: int) -> list[int]:
    """Return the numbers of the lines that open the scopes around a line, the outermost first.

    Example: for the body of a method, the lines `class Store:` and `def save(self):`.
    """
    depth = depth_of(lines[line]) if line < len(lines) and lines[line].strip() else None
    headers: list[int] = []
    for number in range(min(line, len(lines)) - 1, -1, -1):
        text = lines[number]
        if not text.strip():
            continue
        if depth is None:
            # On a blank line, the line above says how deep the place is.
            depth = depth_of(text) + (1 if _opens(text) else 0)
        if depth_of(text) < depth:
            depth = depth_of(text)
            if _opens(text):
                headers.append(number)
        if depth == 0:
            break
    return headers[::-1][-_MOST_HEADERS:]


def _opens(line: str) -> bool:
    is_header = opens_block(line) or _HEADER.match(line) is not None
    return is_header and not _REMARK.match(line)


def around(
    file: FileSnapshot, place: tuple[int, int], room: int, count: CountTokens
) -> list[FilePiece]:
    """Return what of a file fits into so many tokens, not yet joined where it touches.

    That is the whole file; else the enclosing headers and the imports, and then the nearest lines.

    Args:
        file: The file.
        place: The first and the last line of the place.
        room: Most tokens.
        count: Counts a text's tokens.
    """
    whole = FilePiece(file=file, first=0, end=len(file.lines), why="this file")
    # A token is at least one byte, and code has three or more characters to each.
    if sum(map(len, file.lines)) <= room * 8 and (fitting := fit([whole], room, count)):
        return fitting
    return fit(_by_worth(file, *place), room, count)


def _by_worth(file: FileSnapshot, line: int, end_line: int) -> Iterator[FilePiece]:
    stretch = line // STRETCH_LINES * STRETCH_LINES
    for header in scope_headers(file.lines, line):
        # What is near is shown anyway, with its block; counted apart, it would take the room of
        # another block for some places and not for others.
        if stretch <= header and line - header <= BLOCK_LINES:
            continue
        yield FilePiece(file=file, first=header, end=header + 1, why="encloses the place")
    for first, end in _runs(import_lines(file.lines)):
        yield FilePiece(file=file, first=first, end=min(end, first + 40), why="imports")
    last = (len(file.lines) - 1) // BLOCK_LINES
    # The blocks of the place; then, as nearby requests have it as well, from the middle of the
    # stretch that it is in, two above for each one below.
    order = [line // BLOCK_LINES, end_line // BLOCK_LINES]
    above = min(stretch // BLOCK_LINES + _MIDDLE, last)
    below = above + 1
    order.append(above)
    while len(order) < _MOST_BLOCKS and (above > 0 or below <= last):
        order += [block for block in (above - 1, above - 2) if block >= 0]
        order += [below] if below <= last else []
        above, below = above - 2, below + 1
    for block in dict.fromkeys(order):
        first = block * BLOCK_LINES
        end = min(first + BLOCK_LINES, len(file.lines))
        yield FilePiece(file=file, first=first, end=end, why="near the place")


def _runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Return runs of consecutive numbers, each with the first behind; one missing is bridged."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and number <= runs[-1][1] + 1:
            runs[-1] = runs[-1][0], number + 1
        else:
            runs.append((number, number + 1))
    return runs
