"""What goes into the output filter, what comes out, and how its stages follow one another."""

from dataclasses import dataclass, field
from typing import Literal, Protocol

Part = Literal["code", "explanation", "reasoning"]
"""The three streams a response is taken apart into."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilteredText:
    """The next few characters of one of the three streams."""

    part: Part
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeTarget:
    """Where the code is going to stand."""

    base_indent: str = ""
    """The leading white space of every non-blank line. The first line gets only what
    `text_before` does not already have of it."""
    indent_unit: str = "    "
    """One level of indentation in the document: a tab or some spaces."""
    line_ending: str = "\n"
    r"""How lines end in the document: `\n`, `\r\n` or `\r`."""
    text_before: str = ""
    """What stands on the line before the insertion point."""
    text_after: str = ""
    """What stands after the insertion point; only its first line is looked at."""
    bare_code: bool = True
    """Whether the request asked for code and nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """A whole response, taken apart."""

    code: str
    explanation: str
    reasoning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterStep:
    """What a stage makes of some text."""

    pieces: list[FilteredText] = field(default_factory=list)
    following: "FilterStage | None" = None
    """The stage that takes over from here, or None while this one goes on."""
    rest: str = ""
    """What the following stage has to read first."""


class FilterStage(Protocol):
    r"""Reads the response for as long as it is in one state: reasoning, a fenced block, prose...

    What a stage gives away depends on the characters alone, never on how they were cut: each
    decision is made on a prefix of the text that no later character can change.
    """

    @property
    def held_back(self) -> int:
        """Characters read and not yet handed on."""
        ...

    def feed(self, segment: str) -> FilterStep:
        r"""Read at most one line's worth: a `\n` may only be the segment's last character."""
        ...

    def finish(self) -> FilterStep:
        """Let go of what was held back, since nothing follows."""
        ...
