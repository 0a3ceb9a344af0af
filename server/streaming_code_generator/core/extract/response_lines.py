r"""Lines of a response: what ends one, and which are fences.

`\n`, `\r\n` and `\r` end a line, and nothing else does. Fences are read as in CommonMark 0.31,
section 4.5, with one difference: a fence may open at any indentation, as models put blocks into
lists.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

LINE_LIMIT = 256
"""Most characters of a line held back to tell what the line is; a longer one is ordinary text."""

BLANK = " \t"
"""What indents a line or leaves it blank; a form feed, say, is an ordinary character."""

TAB_COLUMNS = 4


def columns(blanks: str, *, start: int = 0) -> int:
    """Return the column behind blanks that begin at column `start`; tabs go to the next stop."""
    for blank in blanks:
        start += TAB_COLUMNS - start % TAB_COLUMNS if blank == "\t" else 1
    return start


def depth_of(line: str) -> int:
    """Return the column at which a line's text begins."""
    return columns(line[: len(line) - len(line.lstrip(BLANK))])


CLOSES_BY_WORD = re.compile(r"(?:end|fi|done|esac)|</[\w.:-]+>")
_OPENS = {"fi": "if", "done": "for|while|until|select", "esac": "case"}
_IN_BETWEEN = re.compile(r"\s*(?:else|elsif|elseif|elif|when|in|rescue|ensure|after|catch)\b")
"""What has a block below it, but none that needs a closing line of its own."""


def has_opened(code: str, closing: str, base: int) -> bool:
    """Whether code whose first line is at column `base` opens what `end`, or a tag, closes."""
    if closing.startswith("<"):
        return code.count(closing) < len(re.findall(rf"<{closing[2:-1]}\b", code))
    if closing in _OPENS:
        opening = rf"^\s*(?:{_OPENS[closing]})\b"
        closings = re.findall(rf"^\s*{closing}\b", code, re.MULTILINE)
        return len(closings) < len(re.findall(opening, code, re.MULTILINE))
    #     each do        a deeper line follows: opened
    #       if x
    #     end            closed
    #     end            closes what stands above the place
    first, *others = [line for line in code.split("\n") if line.strip()] or [""]
    lines = [(base, first), *((depth_of(line), line) for line in others)]
    opened = sum(
        depth == base < below and not _IN_BETWEEN.match(line)
        for (depth, line), (below, _) in pairwise(lines)
    )
    closed = sum(
        depth == base and CLOSES_BY_WORD.fullmatch(line.strip()) is not None
        for depth, line in lines
    )
    return opened > closed


def segments(text: str) -> Iterator[str]:
    r"""Cut text that knows only `\n` behind each line end."""
    *lines, tail = text.split("\n")
    for line in lines:
        yield line + "\n"
    if tail:
        yield tail


class LineEndings:
    r"""Turns every line ending into `\n`, holding nothing back."""

    def __init__(self) -> None:
        self._after_carriage_return = False

    def feed(self, text: str) -> str:
        r"""Return the text with `\n` for every `\r\n` and `\r`, also where a chunk ends between."""
        if not text:
            return ""
        # A CRLF may be torn apart by the end of a chunk: the CR has ended its line already.
        if self._after_carriage_return:
            text = text.removeprefix("\n")
        self._after_carriage_return = text.endswith("\r")
        return text.replace("\r\n", "\n").replace("\r", "\n")


class LineSoFar:
    """The line that is being read, kept until it is taken."""

    def __init__(self) -> None:
        self.text = ""

    def add(self, segment: str) -> tuple[str, bool]:
        """Read on, at most to the line's end; return the line without that, and whether it came."""
        self.text += segment
        line = self.text.removesuffix("\n")
        return line, len(line) < len(self.text)

    def take(self) -> str:
        """Return the line, with its end if that has come, and begin another one."""
        text, self.text = self.text, ""
        return text


class LineHead:
    """Holds back a line for as long as it may be a line of a certain kind: a fence, of any sort."""

    def __init__(self) -> None:
        self.held = ""
        """The line so far, while it is undecided."""
        self.is_passing = False
        """Whether the line has begun, and is of another kind."""

    def feed(
        self, segment: str, kind: re.Pattern[str], first: str = "`~\n"
    ) -> tuple[str, str | None]:
        """Read on in a line that `kind` matches in full for as long as it may be of that kind.

        Args:
            segment: What comes, at most to the line's end.
            kind: Matches such a line, and each of its beginnings.
            first: The characters that such a line may begin with, or end at.

        Returns:
            Ordinary text to hand on, and the line that was completed, without its end, if it may
            still be of that kind.
        """
        if self.is_passing:
            self.is_passing = not segment.endswith("\n")
            return segment, None
        # Most lines begin with a character that no such line has.
        if not self.held:
            start = segment.lstrip(BLANK)
            if start and start[0] not in first:
                self.is_passing = not segment.endswith("\n")
                return segment, None
        # With `kind` matching fences: "``" is held, "``x" is let go at once, and the rest of that
        # line passes unseen; "``" and then "`py" and a line end make a line that is returned.
        self.held += segment
        line = self.held.removesuffix("\n")
        if len(line) > LINE_LIMIT or not kind.fullmatch(line):
            text, self.held = self.held, ""
            self.is_passing = not text.endswith("\n")
            return text, None
        if len(line) == len(self.held):
            return "", None
        self.held = ""
        return "", line


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
            and columns(line[: -len(line.lstrip(BLANK))])
            <= self.indent_columns + _CLOSING_INDENT_COLUMNS
        )


def opening_fence(line: str) -> Fence | None:
    """Read a whole line, without its end, as the opening of a fence."""
    match = _OPENING.fullmatch(line)
    if match is None or not MAY_OPEN.fullmatch(line):
        return None
    indent, run, info = match.groups()
    return Fence(
        character=run[0], length=len(run), indent_columns=columns(indent), info=info.strip(BLANK)
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
        stripped = line.rstrip(BLANK)
        kept = stripped.rstrip("`")
        # White space may come behind the fence, but not any amount of it.
        is_run = kept != stripped and len(line) - len(kept) <= LINE_LIMIT
        run = line[len(kept) :] if is_run else ""
        ticks = len(run.rstrip(BLANK))
        self.held = ""
        if len(line) == len(text):
            # What is longer than the fence that opened the block closes it no more.
            self.held = run if ticks <= length else ""
            return line.removesuffix(self.held), ""
        before = _line_so_far(written) + kept
        is_behind_text = before.strip(BLANK) != ""
        if (
            is_behind_text
            and ticks == length
            and "```" not in before
            and not _NOT_CODE.match(before)
        ):
            return kept + "\n", run
        return text, ""

    def finish(self, length: int, written: list[str]) -> tuple[str, str]:
        """Decide on what is held back at the end of the response, behind a comment, too."""
        run, self.held = self.held, ""
        before = _line_so_far(written)
        is_fence = (
            len(run.rstrip(BLANK)) == length and before.strip(BLANK) != "" and "```" not in before
        )
        return ("", run) if is_fence else (run, "")


def _line_so_far(written: list[str]) -> str:
    line = ""
    for text in reversed(written):
        line = text + line
        if "\n" in text:
            break
    return line.rpartition("\n")[2]
