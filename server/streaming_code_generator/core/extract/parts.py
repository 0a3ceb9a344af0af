"""What goes into the output filter, what comes out, and how its stages follow one another."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Part = Literal["code", "explanation", "reasoning"]
"""The three streams a response is taken apart into."""

Rule = Literal[
    "fence",
    "think tag",
    "wrapper",
    "end token",
    "mark",
    "quotation",
    "escape",
    "repetition",
    "line number",
    "console prompt",
    "placeholder",
    "diff",
    "corrected",
    "refused",
]
"""Why text of a response is in none of the three streams:

- `fence`: the lines, or backticks, around a block of code
- `think tag`: `<think>` and `</think>`, and what other models have for them
- `wrapper`: tags around the answer, `<code>` and `</code>`, and what a template left there
- `end token`: `<|im_end|>` and its like, at the end, and what begins another file
- `mark`: `<|cursor|>`, and a byte order mark in front of the answer
- `quotation`: `> ` in front of every line
- `escape`: `&lt;` and its like, in code that was escaped for HTML
- `repetition`: it stands in the document, before or behind the code
- `line number`: numbers in front of every line
- `console prompt`: `>>> ` or `$ ` in front of what is typed, and what was printed
- `placeholder`: "... existing code ...", whether it could be filled in or not
- `diff`: a diff, of which only what it comes to is code
- `corrected`: code that the model took back, and wrote anew
- `refused`: code that cannot be brought into the document
"""


DIFF_TAGS = {"diff", "udiff", "patch"}
"""What a block, or a document, is called that holds a diff."""
OLD_TEXT = ("old_string", "old_str", "old_code", "old_text", "search", "original")
"""Tags around the text that an edit is to find, in the tools of several agents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilteredText:
    """The next few characters of one of the three streams."""

    part: Part
    text: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """Text that goes into none of the three streams."""

    rule: Rule
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    r"""The document around the code, as lines without their endings."""

    above: tuple[str, ...] = ()
    """The last lines above the first line of the code."""
    selected: tuple[str, ...] = ()
    """What the code replaces."""
    below: tuple[str, ...] = ()
    """The first lines below the code."""


NOWHERE = Surroundings()


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeTarget:
    """Where the code is going to stand."""

    language_id: str = ""
    """The document's language by its LSP identifier; empty if there is no document."""
    base_indent: str = ""
    """The leading white space of every non-blank line. The first line gets only what
    `text_before` does not already have of it."""
    indent_unit: str = "    "
    """One level of indentation in the document, a tab or spaces; empty: as the model has it."""
    line_ending: str = "\n"
    r"""How lines end in the document: `\n`, `\r\n` or `\r`."""
    text_before: str = ""
    """What stands on the line before the insertion point."""
    text_after: str = ""
    """What stands after the insertion point; only its first line is looked at."""
    surroundings: Surroundings = NOWHERE
    is_prose: bool = False
    """Whether text is what is wanted: in a Markdown document, or inside a comment."""
    ends_with_code: bool = False
    """Whether what follows the code is not wanted: then its end ends the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """A whole response, taken apart."""

    code: str
    explanation: str
    reasoning: str
    dropped: Mapping[Rule, int] = field(default_factory=dict, compare=False)
    """Characters other than white space that are in none of the parts, by the rule."""
    added: int = field(default=0, compare=False)
    """Characters of the code, other than white space, that the answer does not have like this: what
    placeholders and diffs stand for in the document, and `<` for `&lt;`."""
    problem: str | None = field(default=None, compare=False)
    """Why there is no code, or why it is not whole."""


LOOKED_AT = "\r\n<&`\u00a0"
"""What anything in the filter looks at within a line that has begun, and is code: the line's end;
tags, and tokens of a template; what is escaped; a fence behind the code; no-break spaces."""


@dataclass(slots=True, kw_only=True, eq=False)
class FilterStep:
    """What a stage makes of some text. Not frozen, as one is made for every chunk."""

    pieces: Sequence[FilteredText | Dropped] = ()
    following: "FilterStage | None" = None
    """The stage that takes over from here, or None while this one goes on."""
    rest: str = ""
    """What the following stage has to read first."""
    is_diff: bool = False
    """Whether the block that begins is said to hold a diff."""
    corrects: Callable[[str], bool] | None = None
    """Whether code has all of that before the block that begins, whose place it is to take."""
    is_end: bool = False
    """Whether nothing that follows is wanted."""


def code(text: str) -> FilterStep:
    """Return a step that hands on code."""
    return FilterStep(pieces=[FilteredText(part="code", text=text)] if text else [])


def explanation(text: str) -> FilterStep:
    """Return a step that hands on explanation."""
    return FilterStep(pieces=[FilteredText(part="explanation", text=text)] if text else [])


class FilterStage(ABC):
    r"""Reads the response for as long as it is in one state: reasoning, a fenced block, prose...

    What a stage gives away depends on the characters alone, never on how they were cut: each
    decision is made on a prefix of the text that no later character can change.
    """

    may_be_over = False
    """Whether the answer is whole if nothing more comes for a while."""

    @property
    @abstractmethod
    def held_back(self) -> int:
        """Characters read and not yet handed on."""

    @property
    def passes_line(self) -> bool:
        """Whether the current line's rest is code, as it comes, but for `LOOKED_AT`."""
        return False

    @abstractmethod
    def feed(self, segment: str) -> FilterStep:
        r"""Read at most one line's worth: a `\n` may only be the segment's last character."""

    @abstractmethod
    def finish(self) -> FilterStep:
        """Let go of what was held back, since nothing follows."""


def weight(text: str) -> int:
    """Return how many characters of a text are no white space, which the layout alters freely."""
    return sum(map(len, text.split()))


_SHOWN = 80
"""So much is shown of a line that was left out."""


class Tally:
    """Counts what is dropped and added, and keeps why code cannot be used."""

    def __init__(self) -> None:
        self.dropped: Counter[Rule] = Counter()
        self.added = 0
        self.refusal: str | None = None
        """Why what there is of code must not go into the document."""
        self.left_out: str | None = None
        """What of the answer belongs elsewhere in the document, which stays as it is."""

    def drop(self, rule: Rule, text: str) -> None:
        """Count text that goes nowhere."""
        if count := weight(text):
            self.dropped[rule] += count

    def unwrap(self, rule: Rule, text: str, code: str) -> None:
        """Count what of a text goes nowhere if the code in it is all that stays."""
        if count := weight(text) - weight(code):
            self.dropped[rule] += count

    def add(self, text: str) -> None:
        """Count text that comes from the document."""
        self.added += weight(text)

    def leave_out(self, text: str) -> None:
        """Count text that repeats the document around the place, but with changes."""
        self.drop("repetition", text)
        first = next((line.strip() for line in text.split("\n") if line.strip()), "")
        self.left_out = self.left_out or first[:_SHOWN]

    def refuse(self, reason: str) -> None:
        """Keep the first reason."""
        self.refusal = self.refusal or reason
