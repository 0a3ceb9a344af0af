"""Fences: the lines that open and close a block of code, by character and length.

Source: CommonMark 0.31, section 4.5, with one difference: a fence may open at any indentation, as
models put blocks into lists.
"""

import re
from dataclasses import dataclass

from streaming_code_generator.core.extract.response_lines import BLANK

MAY_OPEN = re.compile(r"[ \t]*(?:`{0,2}|~{0,2}|`{3,}[^`]*|~{3,}.*)", re.DOTALL)
"""Matches a line, or its beginning, that is or may become the opening of a fence."""

_MAY_BE_FENCE = {
    "`": re.compile(r"[ \t]*(?:`{0,2}|`{3,}[^`]*)", re.DOTALL),
    "~": re.compile(r"[ \t]*(?:~{0,2}|~{3,}.*)", re.DOTALL),
    "'": re.compile(r"[ \t]*'{0,3}"),
    '"': re.compile(r"[ \t]*\"{0,3}"),
}
_OPENING = re.compile(r"([ \t]*)(`{3,}|~{3,})(.*)", re.DOTALL)
_BEHIND_TEXT = re.compile(r"(.*?\S)[ \t]*(?<!`)(`{3,})([\w+#.-]*)[ \t]*")
_TAB_COLUMNS = 4
_CLOSING_INDENT_COLUMNS = 3
"""How much deeper than its opening a fence may close; deeper ones belong to the code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """A fence that opens a block, or looks so."""

    character: str
    length: int
    indent_columns: int
    info: str
    """Language tag and attributes."""

    @property
    def tag(self) -> str:
        """The language tag alone: `python` of `python title="a.py"`, `r` of `{r}`."""
        word = self.info.partition(" ")[0].partition(":")[0]
        return word.strip("{}.").partition("=")[0].partition(",")[0].lower()

    @property
    def may_be_fence(self) -> re.Pattern[str]:
        """What matches a line, or its beginning, that may close this block or open another."""
        return _MAY_BE_FENCE[self.character]

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


_OF_QUOTES = re.compile(r"('''|\"\"\")([a-z+#]+)[ \t]*")


def fence_of_quotes(line: str) -> Fence | None:
    """Read a whole line as a fence that small models make of three quotation marks and a tag."""
    match = _OF_QUOTES.fullmatch(line)
    if match is None:
        return None
    return Fence(character=match[1][0], length=3, indent_columns=0, info=match[2])


def fence_behind(line: str) -> tuple[str, Fence] | None:
    """Return the text and the fence of a line that opens a block behind a sentence."""
    # "Here is the function: ```python" is how some models begin a block.
    match = _BEHIND_TEXT.fullmatch(line)
    if match is None or "```" in match[1]:
        return None
    return match[1], Fence(character="`", length=len(match[2]), indent_columns=0, info=match[3])


def _columns(indent: str) -> int:
    return len(indent.expandtabs(_TAB_COLUMNS))


_NOT_CODE = re.compile(r"[ \t]*(?://|#|\*|--|;|%|\"\"\"|'''|<!--)")


class ClosingBehindCode:
    """Finds a fence at the end of a line of code: "return x```".

    Only backticks at the end of what has come are held back: most code has none.
    """

    def __init__(self) -> None:
        self.held = ""

    def feed(self, text: str, length: int, written: list[str]) -> tuple[str, str]:
        """Read on in a line that does not begin with a fence.

        Args:
            text: What comes, at most to the line's end.
            length: How many backticks opened the block.
            written: The code so far, up to what is held back.

        Returns:
            The code to hand on, and the fence if it has turned out to be one.
        """
        text = self.held + text
        line = text.removesuffix("\n")
        kept = line.rstrip("`")
        run = line[len(kept) :]
        self.held = ""
        if len(line) == len(text):
            # What is longer than the fence that opened the block closes it no more.
            self.held = run if len(run) <= length else ""
            return line.removesuffix(self.held), ""
        before = _line_so_far(written) + kept
        is_behind_text = before.strip(BLANK) != ""
        if (
            is_behind_text
            and len(run) == length
            and "```" not in before
            and not _NOT_CODE.match(before)
        ):
            return kept + "\n", run
        return text, ""

    def finish(self, length: int, written: list[str]) -> tuple[str, str]:
        """Decide on what is held back at the end of the response."""
        code, fence = self.feed("\n", length, written)
        return code.removesuffix("\n"), fence


def _line_so_far(written: list[str]) -> str:
    line = ""
    for text in reversed(written):
        line = text + line
        if "\n" in text:
            break
    return line.rpartition("\n")[2]
