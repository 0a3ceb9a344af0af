r"""Lines of a response: `\n`, `\r\n` and `\r` end one, and nothing else does."""

import re
from collections.abc import Iterator

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
        self._passing = False

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
        if self._passing:
            self._passing = not segment.endswith("\n")
            return segment, None
        # Most lines begin with a character that no such line has.
        if not self.held:
            start = segment.lstrip(BLANK)
            if start and start[0] not in first:
                self._passing = not segment.endswith("\n")
                return segment, None
        # With `kind` matching fences: "``" is held, "``x" is let go at once, and the rest of that
        # line passes unseen; "``" and then "`py" and a line end make a line that is returned.
        self.held += segment
        line = self.held.removesuffix("\n")
        if len(line) > LINE_LIMIT or not kind.fullmatch(line):
            text, self.held = self.held, ""
            self._passing = not text.endswith("\n")
            return text, None
        if len(line) == len(self.held):
            return "", None
        self.held = ""
        return "", line
