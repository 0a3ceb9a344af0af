"""Notices an answer whose first line has lost the indentation that the other lines have."""

import re

from streaming_code_generator.core.extract.code.layout import Indentation
from streaming_code_generator.core.extract.parts import CodeTarget
from streaming_code_generator.core.extract.response_lines import BLANK, columns

_HELD_LIMIT = 4_096

_GOES_DEEPER = re.compile(
    r"(?:[:{(\[,\\=+*/|&-]|=>|->|\b(?:do|then|else|begin|and|or))\s*$"
    r"|^\s*(?:def|class|module|if|unless|while|until|for|case|begin|function|local function|sub"
    r"|proc|switch|else|elsif|try|with|match|loop)\b(?!.*[;:].*\S)"
)
_CONTINUES = re.compile(r"[.?|&+*/<>=]|:[^:]|(?:and|or)\b")


class FlushFirstLine:
    """Passes code on, and tells the layout from which column to count once the second line shows.

    The code goes on where the cursor is, behind the indentation of its line. Some models leave out
    what stands there already, and indent the other lines as in the file.
    """

    def __init__(self, target: CodeTarget, indentation: Indentation) -> None:
        self._base = columns(target.base_indent)
        self._indentation = indentation
        self.is_passing = not self._base
        self._first = ""
        """The first line that is not blank."""
        self._has_first = False
        self._held = ""
        """The second one, and those behind it, as long as they may mean both."""
        self._depth = -1

    @property
    def held_back(self) -> int:
        """Characters behind the first line."""
        return len(self._held)

    def feed(self, segment: str) -> str:
        """Return what can be laid out."""
        if self.is_passing:
            return segment
        if not self._has_first:
            self._first += segment
            if not self._first.strip():
                self._first = "" if segment.endswith("\n") else self._first
                return segment
            if self._first[0] in BLANK:
                self.is_passing = True
            self._has_first = segment.endswith("\n")
            return segment
        self._held += segment
        line = self._held.rpartition("\n")[2] or self._held.split("\n")[-2]
        if not line.strip() or len(self._held) > _HELD_LIMIT:
            return self._pass() if len(self._held) > _HELD_LIMIT else ""
        return self._judge(line)

    def finish(self) -> str:
        """Return what was held back."""
        return self._pass()

    def _judge(self, line: str) -> str:
        # The place is 4 columns deep; the first line has none:
        #
        #     "x = 1", then column 4      as deep as the place: as in the file
        #     "if x:", then column 4      a level deeper than the first line: counted from that
        #     "if x:", then column 8      a level deeper than the place: as in the file
        #
        # Where it is 2 columns deep, "if x {" and column 4 may be both: a later line that is less
        # deep, "}", is at 0 or at 2.
        start = line.lstrip(BLANK)
        depth = columns(line[: len(line) - len(start)])
        if self._depth >= 0:
            if depth >= self._depth:
                return ""
            return self._pass(is_in_file=depth >= self._base)
        goes_deeper = (
            _GOES_DEEPER.search(self._first)
            or _CONTINUES.match(start)
            or any(self._first.count(a) > self._first.count(b) for a, b in ("()", "[]", "{}"))
        )
        over = depth - self._base
        if not goes_deeper:
            return self._pass(is_in_file=over >= 0)
        if over > 0 and depth in {2, 4}:
            self._depth = depth
            return ""
        return self._pass(is_in_file=0 < over <= 8)  # noqa: PLR2004 - two levels of four

    def _pass(self, *, is_in_file: bool = False) -> str:
        self.is_passing = True
        if is_in_file:
            self._indentation.count_from(self._base)
        text, self._held = self._held, ""
        return text
