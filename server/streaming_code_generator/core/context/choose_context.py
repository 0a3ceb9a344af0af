"""Chooses what a model is shown, within a budget of tokens."""

import functools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice

from streaming_code_generator.core.context.around import around
from streaming_code_generator.core.context.definitions import EVERYWHERE, words
from streaming_code_generator.core.context.file_pieces import (
    CountTokens,
    FilePiece,
    FileSnapshot,
    fit,
    merged,
)
from streaming_code_generator.core.context.related import related_pieces

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
    left = room - _tokens(mine)

    whole_files = [
        FilePiece(file=each, first=0, end=len(each.lines), why="named in the request")
        for each in query.named
    ]
    shown = fit(whole_files, min(left, int(room * _SHARE_OF_NAMED)), count)
    shown_uris = {piece.file.uri for piece in shown}
    # Of a named file that is too large, the stretch that is most alike.
    rest = [each for each in query.named if each.uri not in shown_uris]
    shown += fit(similar_windows(file, rest), left - _tokens(shown), count)

    related = related_pieces(file, near, query.instruction, others)
    fresh = list(islice((piece for piece in related if not _is_in(piece, shown)), _MOST_RELATED))
    shown += _by_beginnings(fresh, left - _tokens(shown), count)
    windows = similar_windows(file, query.opened)[:_MOST_WINDOWS]
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
    compared, not what is near the place: so requests at two places are shown the same, and an
    endpoint's prompt cache holds it.
    """
    mine = words("\n".join(file.lines)) - EVERYWHERE
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
