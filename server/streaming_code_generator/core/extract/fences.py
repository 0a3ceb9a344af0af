"""Fenced code blocks: opened and closed by character and length.

Source: CommonMark 0.31, section 4.5, with one difference: a fence may open at any indentation, as
models put blocks into lists.
"""

import re
from dataclasses import dataclass

from streaming_code_generator.core.extract.parts import FilteredText, FilterStep
from streaming_code_generator.core.extract.prose import reads_like_prose
from streaming_code_generator.core.extract.response_lines import BLANK, LINE_LIMIT, LineHead

MAY_OPEN = re.compile(r"[ \t]*(?:`{0,2}|~{0,2}|`{3,}[^`]*|~{3,}.*)", re.DOTALL)
"""Matches a line, or its beginning, that is or may become the opening of a fence."""

_MAY_CLOSE = {
    "`": re.compile(r"[ \t]*`*[ \t]*"),
    "~": re.compile(r"[ \t]*~*[ \t]*"),
}
_OPENING = re.compile(r"([ \t]*)(`{3,}|~{3,})(.*)", re.DOTALL)
_TAB_COLUMNS = 4
_CLOSING_INDENT_COLUMNS = 3
"""How much deeper than its opening a fence may close; deeper ones belong to the code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """An opening fence."""

    character: str
    length: int
    indent_columns: int
    info: str
    """Language tag and attributes."""

    @property
    def may_close(self) -> re.Pattern[str]:
        """What matches a line, or its beginning, that may close this block."""
        return _MAY_CLOSE[self.character]

    def is_closed_by(self, line: str) -> bool:
        """Whether the line closes the block: nothing but a fence at least as long."""
        run = line.strip(BLANK)
        return (
            len(run) >= self.length
            and run == self.character * len(run)
            and _columns(line[: -len(line.lstrip(BLANK))])
            <= self.indent_columns + _CLOSING_INDENT_COLUMNS
        )


def opening_fence(line: str) -> Fence | None:
    """Read a whole line, without its end, as the opening of a fence."""
    match = _OPENING.fullmatch(line)
    if match is None or not MAY_OPEN.fullmatch(line):
        return None
    indent, run, info = match.groups()
    return Fence(
        character=run[0], length=len(run), indent_columns=_columns(indent), info=info.strip(BLANK)
    )


def _columns(indent: str) -> int:
    return len(indent.expandtabs(_TAB_COLUMNS))


class FencedCode:
    """Inside the first fenced block, up to the line that closes it or the end of the response.

    The block's own indentation, in a list say, needs no care here: the layout counts from the
    first line.
    """

    def __init__(self, fence: Fence) -> None:
        self._fence = fence
        self._head = LineHead()

    @property
    def held_back(self) -> int:
        """Characters of a line that may close the block."""
        return len(self._head.held)

    def feed(self, segment: str) -> FilterStep:
        """Pass on everything but the closing line."""
        text, line = self._head.feed(segment, self._fence.may_close)
        if line is None:
            return _code(text)
        if self._fence.is_closed_by(line):
            return FilterStep(following=Remainder())
        return _code(line + "\n")

    def finish(self) -> FilterStep:
        """Drop a closing fence that no line end followed; anything else is code."""
        line, self._head.held = self._head.held, ""
        return FilterStep() if self._fence.is_closed_by(line) else _code(line)


class LeadIn:
    """Prose before the first fence, passed on as it comes."""

    def __init__(self) -> None:
        self._head = LineHead()

    @property
    def held_back(self) -> int:
        """Characters of a line that may open a block."""
        return len(self._head.held)

    def feed(self, segment: str) -> FilterStep:
        """Pass on everything up to the opening line."""
        text, line = self._head.feed(segment, MAY_OPEN)
        if line is None:
            return _explanation(text)
        fence = opening_fence(line)
        return enter(fence) if fence else _explanation(line + "\n")

    def finish(self) -> FilterStep:
        """Pass on what turned out to be no fence."""
        line, self._head.held = self._head.held, ""
        return FilterStep() if opening_fence(line) else _explanation(line)


class Remainder:
    """What follows the code: explanation as it stands, further blocks and their fences included."""

    held_back = 0

    def feed(self, segment: str) -> FilterStep:
        """Pass on everything."""
        return _explanation(segment)

    def finish(self) -> FilterStep:
        """Nothing is ever held back."""
        return FilterStep()


_STATEMENT = re.compile(
    r"(?:async )?def \w|(?:from|import|class|const|let|var|function|func|fn|public|return) \w"
    r"|#include|[A-Za-z_][\w.]*\("
)


def enter(fence: Fence) -> FilterStep:
    """Go into the block behind a fence.

    The info string is dropped, unless the model forgot to begin a new line behind the backticks,
    so that it is the code's first line.
    """
    rest = fence.info + "\n" if _STATEMENT.match(fence.info) else ""
    return FilterStep(following=FencedCode(fence), rest=rest)


def _code(text: str) -> FilterStep:
    return FilterStep(pieces=[FilteredText(part="code", text=text)] if text else [])


def _explanation(text: str) -> FilterStep:
    return FilterStep(pieces=[FilteredText(part="explanation", text=text)] if text else [])


class BareCode:
    """All of it is code, fences too, since no fence was opened that one of them could close.

    One exception: a fence without a language tag, at the end of the response or with prose behind
    it, closes a block that the model only thought it had opened. It is dropped.
    """

    def __init__(self, *, inner: Fence | None = None) -> None:
        self._head = LineHead()
        self._inner = inner
        """The fence that the code itself has opened."""
        self._suspect: Fence | None = None
        """A fence that may be the end of the code."""
        self._held = ""
        """The suspect's line and the blank ones behind it."""
        self._next_line = ""

    @property
    def held_back(self) -> int:
        """Characters of a fence that may be the end, and of the line behind it."""
        return len(self._head.held) + len(self._held) + len(self._next_line)

    def feed(self, segment: str) -> FilterStep:
        """Pass on everything but a closing fence that may belong to no opening one."""
        if self._suspect is not None:
            return self._behind(self._suspect, segment)
        # Code without a fence of its own around it may hold fences: a README, a docstring.
        #
        #     Usage               code
        #     ```sh               an inner fence opens: it has a language tag
        #     make                code
        #     ```                 it closes
        #     ```                 bare, and none is open: the suspect, held back
        #     This runs make.     prose behind it: the suspect was the end, this is explanation
        kind = MAY_OPEN if self._inner is None else self._inner.may_close
        text, line = self._head.feed(segment, kind)
        if line is None:
            return _code(text)
        if self._inner is None:
            return self._outside(line)
        if self._inner.is_closed_by(line):
            self._inner = None
        return _code(line + "\n")

    def finish(self) -> FilterStep:
        """Drop a fence that ends the response."""
        if self._suspect is not None:
            return self._resolve(self._suspect) if self._next_line.strip(BLANK) else FilterStep()
        line, self._head.held = self._head.held, ""
        if self._inner is None and _is_bare(opening_fence(line)):
            return FilterStep()
        return _code(line)

    def _outside(self, line: str) -> FilterStep:
        fence = opening_fence(line)
        if _is_bare(fence):
            self._suspect, self._held = fence, line + "\n"
            return FilterStep()
        self._inner = fence
        return _code(line + "\n")

    def _behind(self, suspect: Fence, segment: str) -> FilterStep:
        self._next_line += segment
        line = self._next_line.removesuffix("\n")
        # A line of prose behind the suspect ends the code; code behind it makes the suspect the
        # opening of an inner block. Blank lines decide nothing and are held with it.
        if len(self._held) + len(line) > LINE_LIMIT:
            return self._keep(suspect)
        if len(line) == len(self._next_line):
            return FilterStep()
        if line.strip(BLANK):
            return self._resolve(suspect)
        self._held += self._next_line
        self._next_line = ""
        return FilterStep()

    def _resolve(self, suspect: Fence) -> FilterStep:
        if reads_like_prose(self._next_line):
            return FilterStep(following=Remainder(), rest=self._next_line)
        return self._keep(suspect)

    def _keep(self, suspect: Fence) -> FilterStep:
        code = FilteredText(part="code", text=self._held)
        return FilterStep(pieces=[code], following=BareCode(inner=suspect), rest=self._next_line)


def _is_bare(fence: Fence | None) -> bool:
    return fence is not None and not fence.info
