"""Finds stretches of other files that are about the same things as a stretch of this one."""

from collections.abc import Iterable
from functools import lru_cache

from streaming_code_generator.core.context.definitions import EVERYWHERE, words
from streaming_code_generator.core.context.file_pieces import FilePiece, FileSnapshot

WINDOW_LINES = 60
"""As long as those of GitHub Copilot; longer ones dilute what they have in common."""
_STEP = 30
_LEAST_COMMON = 3
_FILES_REMEMBERED = 200


@lru_cache(maxsize=_FILES_REMEMBERED)
def _windows(lines: tuple[str, ...]) -> tuple[tuple[int, int, frozenset[str]], ...]:
    """Return overlapping windows of a file: first line, first line behind, identifiers."""
    last = max(0, len(lines) - _STEP)
    return tuple(
        (
            first,
            min(first + WINDOW_LINES, len(lines)),
            frozenset(words("\n".join(lines[first : first + WINDOW_LINES])) - EVERYWHERE),
        )
        for first in range(0, last + 1, _STEP)
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
            if common >= _LEAST_COMMON:
                alike = common / (len(mine) + len(theirs) - common)
                best = max(best, (alike, -first, end))
        if best[0] > 0:
            piece = FilePiece(file=other, first=-best[1], end=best[2], why="open, alike")
            rated.append((best[0], piece))
    return [piece for _, piece in sorted(rated, key=lambda item: (-item[0], item[1].file.path))]
