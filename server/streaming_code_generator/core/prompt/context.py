"""What a model is shown of a document: a bounded stretch around the place that code goes to."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from streaming_code_generator.core.placement.languages import content, indent_of
from streaming_code_generator.core.placement.target import Placement, selected_text

CHARACTERS_BEFORE = 1_200
"""About 300 to 400 tokens of code. On a processor a small model reads some 250 tokens a second, and
nothing is written until it has read them all."""
CHARACTERS_AFTER = 400
LINES_PER_STEP = 8
"""The stretch begins at a multiple of so many lines, so that requests for neighbouring places
share their beginning, which servers with a prompt cache then need not read again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    r"""Text around a place, its lines joined by `\n`."""

    before: str = ""
    after: str = ""
    selection: str = ""
    """What is to be replaced, whole, its common indentation taken away."""


def context_around(
    lines: Sequence[str],
    placement: Placement,
    *,
    characters_before: int = CHARACTERS_BEFORE,
    characters_after: int = CHARACTERS_AFTER,
) -> Context:
    """Return whole lines around a placement, but never more than so many characters.

    Args:
        lines: The document's lines, with their endings.
        placement: Where code goes.
        characters_before: Most characters before it; a longer line is cut at its beginning.
        characters_after: Most characters after it; a longer line is cut at its end.
    """
    if not lines:
        return Context()
    selection = selected_text(lines, placement).replace("\r\n", "\n").replace("\r", "\n")
    if selection:
        lead = indent_of(lines[placement.line])[: placement.column]
        selection = textwrap.dedent(lead + selection)
    return Context(
        before=_before(lines, placement, characters_before),
        after=_after(lines, placement, characters_after),
        selection=selection,
    )


def _before(lines: Sequence[str], placement: Placement, limit: int) -> str:
    # The line of the cursor comes first of all; the lines above take what it leaves of the limit.
    last = content(lines[placement.line])[: placement.column]
    if len(last) >= limit:
        return last[len(last) - limit :]
    first = _first_line(lines, placement.line, limit - len(last))
    above = [content(line) + "\n" for line in lines[first : placement.line]]
    return ("".join(above) + last).lstrip("\n")


def _first_line(lines: Sequence[str], line: int, limit: int) -> int:
    """Return the first of the lines above that fit, preferably at a step's beginning."""
    first = line
    while first > 0 and len(content(lines[first - 1])) < limit:
        first -= 1
        limit -= len(content(lines[first])) + 1
    # Lines 13 to 40 fit; the context starts at 16, and does so for a cursor some lines further
    # down as well: the prompt's beginning is the same, and a server's prompt cache holds it.
    stepped = -(-first // LINES_PER_STEP) * LINES_PER_STEP
    return stepped if stepped < line else first


def _after(lines: Sequence[str], placement: Placement, limit: int) -> str:
    shown = content(lines[placement.end_line])[placement.end_column :][:limit]
    following = placement.end_line + 1
    for line in lines[following : following + limit]:
        if len(shown) + 1 + len(content(line)) > limit:
            break
        shown += "\n" + content(line)
    return shown.rstrip()
