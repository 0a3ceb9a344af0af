"""The text around a cursor: what a model is shown, and by what a suggestion is found again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from streaming_code_generator.core.complete.fill import Window
from streaming_code_generator.core.placement.languages import content
from streaming_code_generator.core.tokens import CHARS_PER_TOKEN

TOKENS_BEFORE = 256
"""Fewer than a generation gets: a suggestion that comes late is none. On a processor a small model
reads some 250 tokens a second, but those that it has read before cost nothing."""
TOKENS_AFTER = 64
LINES_PER_STEP = 8
"""The stretch begins at a multiple of so many lines, so that what a server has read stays valid
while lines are added below."""


def window_at(
    lines: Sequence[str],
    line: int,
    column: int,
    *,
    tokens_before: int = TOKENS_BEFORE,
    tokens_after: int = TOKENS_AFTER,
) -> Window:
    """Return the window around a cursor: whole lines, as many as so many tokens hold.

    Args:
        lines: The document's lines, with or without their endings.
        line: The cursor's line, from 0.
        column: How many code points of it stand before the cursor.
        tokens_before: Most tokens before the cursor, by a rule of thumb of characters a token.
        tokens_after: Most tokens after it.
    """
    here = content(lines[line])
    room_before = tokens_before * CHARS_PER_TOKEN
    middle = here[max(0, column - room_before) : column]
    room_before -= len(middle)
    first = line
    while first > 0 and (room_before := room_before - len(content(lines[first - 1])) - 1) >= 0:
        first -= 1
    # Lines 13 on fit: the stretch begins at 16, and still does with the cursor a few lines below.
    stepped = -(-first // LINES_PER_STEP) * LINES_PER_STEP
    above = lines[stepped if stepped < line else first : line]
    room_after = tokens_after * CHARS_PER_TOKEN
    rest = here[column : column + room_after]
    room_after -= len(rest)
    last = line + 1
    while last < len(lines) and (room_after := room_after - len(content(lines[last])) - 1) >= 0:
        last += 1
    return Window(
        prefix="".join(content(each) + "\n" for each in above),
        middle=middle,
        rest=rest,
        below="".join("\n" + content(each) for each in lines[line + 1 : last]),
    )


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
