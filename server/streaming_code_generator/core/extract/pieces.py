"""What goes into the output filter besides text, and what comes out of it."""

from dataclasses import dataclass
from typing import Literal

Part = Literal["code", "explanation", "reasoning"]
"""The three streams a response is taken apart into."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
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
