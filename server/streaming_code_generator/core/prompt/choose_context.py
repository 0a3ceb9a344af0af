"""Chooses what a model is shown of which file, within a budget of tokens.

Of the file itself all of it, where it fits, else what is around the place.
"""

import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice

from streaming_code_generator.core.placement.languages import opens_block
from streaming_code_generator.core.prompt.definitions import (
    EVERYWHERE,
    depth_of,
    import_lines,
    related_pieces,
    words,
)
from streaming_code_generator.core.prompt.file_pieces import (
    CountTokens,
    FilePiece,
    FileSnapshot,
    fit,
    is_longer,
    merged,
    within_reach,
)

NEAR_LINES = 40
_SHARE_OF_FILE = 0.5
"""What the file itself gets at first; it also gets what others leave."""
_SHARE_OF_NAMED = 0.6
_MOST_RELATED = 40
_BEGINNING_LINES = 5
"""Of a definition, what is shown at least: its header, what it takes, what it is for."""
_MOST_WINDOWS = 8
WINDOW_LINES = 60
"""As long as those of GitHub Copilot; longer ones dilute what they have in common."""
_WINDOW_STEP = 30
_LEAST_COMMON_NAMES = 3
_WINDOWS_REMEMBERED = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextQuery:
    """A request and its place, and the files that may be shown."""

    file: FileSnapshot
    """The file that code goes to."""
    first_line: int
    last_line: int
    """Of the place, or of the selection."""
    instruction: str = ""
    rules: FileSnapshot | None = None
    """The project's own rules, if the user has allowed them."""
    named: tuple[FileSnapshot, ...] = ()
    """Files that the request names."""
    opened: tuple[FileSnapshot, ...] = ()
    """Other open documents."""
    workspace: tuple[FileSnapshot, ...] = ()
    """Further files of the workspace, for definitions alone."""


def choose_context(query: ContextQuery, room: int, count: CountTokens) -> list[FilePiece]:
    """Return the pieces that fit into so many tokens: others by path, then the file's own.

    Args:
        query: What is asked for.
        room: Most tokens; a little more where text has more tokens than its parts had.
        count: Counts a text's tokens.
    """
    # Stretches of the file are tried twice, and counting takes the most time of all.
    room, count = max(room, 0), functools.cache(count)
    file, place = query.file, (query.first_line, query.last_line)
    others = [*query.named, *query.opened, *query.workspace]
    # In steps, so that requests at neighbouring places find the same.
    near_first = max(0, query.first_line // NEAR_LINES * NEAR_LINES - NEAR_LINES)
    near = near_first, query.last_line // NEAR_LINES * NEAR_LINES + 2 * NEAR_LINES
    mine = around(file, place, int(room * _SHARE_OF_FILE), count)
    read = within_reach(file, query.first_line)
    left = room - _tokens(mine)

    whole_files = [
        FilePiece(file=each, first=0, end=len(each.lines), why="named in the request")
        for each in query.named
    ]
    shown = fit(whole_files, min(left, int(room * _SHARE_OF_NAMED)), count)
    shown_uris = {piece.file.uri for piece in shown}
    # Of a named file that is too large, the stretch that is most alike.
    rest = [each for each in query.named if each.uri not in shown_uris]
    shown += fit(similar_windows(read, rest), left - _tokens(shown), count)

    related = related_pieces(file, near, query.instruction, others)
    fresh = list(islice((piece for piece in related if not _is_in(piece, shown)), _MOST_RELATED))
    shown += _by_beginnings(fresh, left - _tokens(shown), count)
    windows = similar_windows(read, query.opened)[:_MOST_WINDOWS]
    fresh = [piece for piece in windows if not _is_in(piece, shown)]
    shown += fit(fresh, left - _tokens(shown), count)

    shown = merged(shown, count)
    mine = merged(around(file, place, max(room - _tokens(shown), 0), count), count)
    return [*shown, *mine]


def _by_beginnings(pieces: list[FilePiece], room: int, count: CountTokens) -> list[FilePiece]:
    """Return the pieces that fit into so many tokens, cut before one of them is left out."""
    cut = [replace(piece, end=min(piece.end, piece.first + _BEGINNING_LINES)) for piece in pieces]
    whole = dict(zip(((piece.file.uri, piece.first) for piece in cut), pieces, strict=True))
    taken = fit(cut, room, count)
    room -= _tokens(taken)
    for number, piece in enumerate(taken):
        longer = fit([whole[piece.file.uri, piece.first]], room + piece.tokens, count)
        if longer:
            room += piece.tokens - longer[0].tokens
            taken[number] = longer[0]
    return taken


def _tokens(pieces: list[FilePiece]) -> int:
    return sum(piece.tokens for piece in pieces)


def _is_in(piece: FilePiece, shown: list[FilePiece]) -> bool:
    return any(
        other.file.uri == piece.file.uri and other.first <= piece.first and piece.end <= other.end
        for other in shown
    )


@lru_cache(maxsize=_WINDOWS_REMEMBERED)
def _windows(lines: tuple[str, ...]) -> tuple[tuple[int, int, frozenset[str]], ...]:
    """Return overlapping windows of a file: first line, first line behind, identifiers."""
    last = max(0, len(lines) - _WINDOW_STEP)
    return tuple(
        (
            first,
            min(first + WINDOW_LINES, len(lines)),
            frozenset(words("\n".join(lines[first : first + WINDOW_LINES])) - EVERYWHERE),
        )
        for first in range(0, last + 1, _WINDOW_STEP)
    )


def similar_windows(file: FileSnapshot, others: Iterable[FileSnapshot]) -> list[FilePiece]:
    """Return the window of each other file that is most like a file, by the identifiers shared.

    The measure is Jaccard's, shared identifiers by all identifiers of both. The whole file is
    compared, unless it is very long, not what is near the place: so requests at two places are
    shown the same, and an endpoint's prompt cache holds it.
    """
    others = list(others)
    mine = words("\n".join(file.lines)) - EVERYWHERE if others else set()
    rated: list[tuple[float, FilePiece]] = []
    for other in others:
        if other.uri == file.uri:
            continue
        # Of windows that are equally alike the first: hence its first line with a minus.
        best = (0.0, 0, 0)
        for first, end, theirs in _windows(other.lines):
            common = len(mine & theirs)
            if common >= _LEAST_COMMON_NAMES:
                alike = common / (len(mine) + len(theirs) - common)
                best = max(best, (alike, -first, end))
        if best[0] > 0:
            piece = FilePiece(file=other, first=-best[1], end=best[2], why="open, alike")
            rated.append((best[0], piece))
    return [piece for _, piece in sorted(rated, key=lambda item: (-item[0], item[1].file.path))]


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
    if not is_longer(file.lines, room * 8) and (fitting := fit([whole], room, count)):
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
