"""The text next to a cursor: by it a suggestion is known to fit, and found again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from streaming_code_generator.core.placement.languages import content

LINES_BEFORE = 32
LINES_AFTER = 8
"""So many lines besides the cursor's own have to be the same for a suggestion to fit."""
MOST_OF_A_LINE = 500
"""Characters: what lies further off in a very long line is not looked at."""

MOST_LINES_BEYOND = 3
"""So many lines may be typed beyond what is known of a suggestion."""

PAIRS = {"(": ")", "[": "]", "{": "}", '"': '"', "'": "'", "`": "`"}
"""What editors type by themselves behind what the user has typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    r"""A cursor by the text around it, its lines joined by `\n`."""

    before: str
    after: str


def place_at(lines: Sequence[str], line: int, column: int) -> Place:
    """Return the place of a cursor.

    Args:
        lines: The document's lines, with or without their endings.
        line: The cursor's line, from 0.
        column: How many code points of it stand before the cursor.
    """
    here = content(lines[line])
    above = [content(each)[:MOST_OF_A_LINE] for each in lines[max(0, line - LINES_BEFORE) : line]]
    below = [content(each)[:MOST_OF_A_LINE] for each in lines[line + 1 : line + 1 + LINES_AFTER]]
    return Place(
        before="\n".join([*above, here[max(0, column - MOST_OF_A_LINE) : column]]),
        after="\n".join([here[column : column + MOST_OF_A_LINE], *below]),
    )


def afters(place: Place) -> Iterator[str]:
    """Yield what may have stood behind the cursor before something was typed at it.

    Editors close what the user opens: of `f|` with "(a)" to come, typing `(` makes `f(|)`.
    """
    yield place.after
    closer = place.after[:1]
    if closer and any(pair == closer and opener in place.before for opener, pair in PAIRS.items()):
        yield place.after[1:]


def typed_since(
    origin: Place, expected: str, lines: Sequence[str], anchor: tuple[int, int]
) -> str | None:
    r"""Return what has been typed at an anchor of what was expected there; None for other changes.

    Args:
        origin: The place of the anchor when the text was expected.
        expected: What was expected to be typed, as far as it is known.
        lines: The document's lines now.
        anchor: Line and column (in code points) where the expected text begins.
    """
    # Expected "foo(a)\n" at the end of "x = |\ny": "x = fo\ny" is 2 characters of it, and so is
    # the longest stretch of it that has what stood behind the anchor behind it. "x = fa\ny" is
    # none: there the longest is "f", and behind that stands "a\ny" instead of "\ny".
    for length, point in reversed(_points_along(origin, expected, lines, anchor)):
        if origin.after in afters(place_at(lines, *point)):
            return expected[:length]
    return None


def typed_beyond(
    origin: Place, expected: str, lines: Sequence[str], anchor: tuple[int, int]
) -> Iterator[str]:
    r"""Yield what may have been typed at an anchor that begins with all that is expected there.

    That is for what is still being written: the rest of it may turn out to be what was typed.

    Args:
        origin: The place of the anchor when the text was expected.
        expected: What was expected to be typed, as far as it is known.
        lines: The document's lines now.
        anchor: Line and column (in code points) where the expected text begins.
    """
    # Expected "f" at the end of "x = |\ny": "x = foo()\ny" is "foo()", or it is "foo(" and the
    # editor has closed it, because "\ny" stands behind both.
    points = _points_along(origin, expected, lines, anchor)
    if len(points) <= len(expected):
        return
    _, (line, column) = points[-1]
    typed, behind = expected, len(origin.after.partition("\n")[0])
    for row in range(line, min(line + MOST_LINES_BEYOND, len(lines))):
        here = content(lines[row])
        for end in (len(here) - behind, len(here) - behind - 1):
            if end >= column and origin.after in afters(place_at(lines, row, end)):
                yield typed + here[column:end]
        typed, column = f"{typed}{here[column:]}\n", 0


def _points_along(
    origin: Place, expected: str, lines: Sequence[str], anchor: tuple[int, int]
) -> list[tuple[int, tuple[int, int]]]:
    """Return how far a text agrees with what is expected there, and each point on the way.

    There is none, not even the anchor, once other text stands before it.
    """
    line, column = anchor
    if line >= len(lines) or column > len(content(lines[line])):
        return []
    if place_at(lines, line, column).before != origin.before:
        return []
    points = [(0, (line, column))]
    for length, character in enumerate(expected, 1):
        here = content(lines[line])
        if character == "\n" and column == len(here) and line + 1 < len(lines):
            line, column = line + 1, 0
        elif column < len(here) and here[column] == character:
            column += 1
        else:
            break
        points.append((length, (line, column)))
    return points
