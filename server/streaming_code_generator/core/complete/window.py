"""What a model is shown of a document when it completes: a small stretch around the cursor."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from streaming_code_generator.core.placement.languages import content
from streaming_code_generator.core.tokens import CHARS_PER_TOKEN

TOKENS_BEFORE = 256
"""Fewer than a generation gets: a suggestion that comes late is none. On a processor a small model
reads some 250 tokens a second, but those that it has read before cost nothing."""
TOKENS_AFTER = 64
LINES_PER_STEP = 8
"""The stretch begins at a multiple of so many lines, so that what a server has read stays valid
while lines are added below."""

_CLOSING = re.compile(r"[\s)\]}>\"'`;:,]*")
"""What may stand right of a cursor at which something is still to be typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    r"""The text around a cursor as a model sees it, its lines joined by `\n`."""

    prefix: str
    """The lines above the cursor's own, each with its ending."""
    middle: str
    """The cursor's line before the cursor; models read it last, so that it may grow cheaply."""
    rest: str
    """The cursor's line behind the cursor."""
    below: str
    r"""The lines below: empty, or begun with the `\n` that ends the cursor's line."""

    @property
    def suffix(self) -> str:
        """All that follows the cursor."""
        return self.rest + self.below

    @property
    def is_open(self) -> bool:
        """Whether something may be suggested: nothing but closing characters is to the right."""
        return _CLOSING.fullmatch(self.rest) is not None

    @property
    def line_above(self) -> str:
        """The last line above that is not blank, or ""."""
        return next((line for line in reversed(self.prefix.split("\n")) if line.strip()), "")

    @property
    def line_below(self) -> str:
        """The first line below that is not blank, or ""."""
        return next((line for line in self.below.split("\n") if line.strip()), "")


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
