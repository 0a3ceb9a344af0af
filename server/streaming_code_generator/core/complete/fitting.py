"""Where a suggestion ends, and what of it may be shown.

A model would go on for as long as it may, and writes what the document has already.
"""

from collections.abc import Sequence

from streaming_code_generator.core.complete.fill import Window
from streaming_code_generator.core.placement.languages import indent_of, opens_block

MOST_LINES = 16
MOST_OF_A_LINE = 240
"""Characters: a longer line is no suggestion that anybody reads."""

_CLOSERS = ("}", ")", "]", "end")


class CompletionText:
    r"""Reads a model's text and keeps what belongs to the suggestion.

    One line, where the cursor's line goes on; the block's body too, where the line opens one; where
    the cursor stands on a blank line, lines down to a dedent. It ends early at the line that
    follows in the document, and at lines that are repeated over and over.

        cursor's line       text                                       kept
        "x = "              "f(1)\ny = 2\n"                            "f(1)"
        "def f("            "a):\n    return a\n\ndef g():\n"          "a):\n    return a"
        "    " (blank)      "a = 1\n    b = 2\nreturn"                 "a = 1\n    b = 2"
    """

    def __init__(self, window: Window) -> None:
        self._window = window
        self._lines: list[str] = []
        """Those that belong to it, whole, blank ones at the end left out."""
        self._blank = 0
        """Blank lines behind them, kept if another follows."""
        self._partial = ""
        self._indent = len(indent_of(window.middle))
        self._starts_blank = not window.middle.strip()
        self._in_body = False
        self.is_over = False
        """Whether nothing that follows can belong to it."""

    @property
    def whole(self) -> str:
        """The lines that are whole, without the last one's ending."""
        return "\n".join(self._lines)

    @property
    def so_far(self) -> str:
        """All that may belong to it, the line that is being written too."""
        if self.is_over:
            return self.whole
        return "\n".join([*self._lines, *[""] * self._blank, self._partial])

    def feed(self, text: str) -> None:
        """Read on."""
        self._partial += text.replace("\r\n", "\n")
        while not self.is_over and "\n" in self._partial:
            line, _, self._partial = self._partial.partition("\n")
            self._take(line)
        if len(self._partial) > MOST_OF_A_LINE:
            self.is_over = True

    def finish(self, *, is_cut: bool) -> None:
        """Handle the text's end; where it was cut off, its last line is not whole."""
        if not self.is_over and not is_cut:
            self._take(self._partial)
        self.is_over = True

    def _take(self, line: str) -> None:
        if not self._lines:
            self._lines = [line]
            self._in_body = not self._starts_blank and opens_block(self._window.middle + line)
            # With something to the right of the cursor, a second line would tear that away.
            goes_on = self._starts_blank or self._in_body
            self.is_over = bool(self._window.rest.strip()) or not goes_on
        elif not line.strip():
            self._blank += 1
            # Between functions there is one blank line, or two: what follows is something else.
            self.is_over = self._indent == 0 or self._blank > 1
        elif not self._belongs(line):
            self.is_over = True
        else:
            self._lines += [*[""] * self._blank, line]
            self._blank = 0
            closes = self._in_body and len(indent_of(line)) <= self._indent
            self.is_over = closes or len(self._lines) >= MOST_LINES
            self._cut_repetition()

    def _belongs(self, line: str) -> bool:
        if line.rstrip() == self._window.line_below.rstrip():
            return False
        depth = len(indent_of(line))
        if self._in_body:
            is_closer = depth == self._indent and line.strip().startswith(_CLOSERS)
            return depth > self._indent or is_closer
        return depth >= self._indent

    def _cut_repetition(self) -> None:
        # Of "a b a b a b" the first "a b" is kept.
        lines = [self._window.middle + self._lines[0], *self._lines[1:]]
        for period in range(1, len(lines) // 3 + 1):
            if lines[-3 * period :] == lines[-period:] * 3:
                del self._lines[-2 * period :]
                self.is_over = True
                return


MOST_REPEATED_LINES = 16


def fitting(text: str, window: Window) -> str:
    """Return what of a text is fit to be shown at a window's cursor, or "".

    Nothing that the lines above or below say already; nothing at all where code stands to the
    right of the cursor; what closes there already is not closed again.
    """
    text = text.rstrip()
    if not window.is_open or not text:
        return ""
    # A model that does not see where the cursor is writes the line below as if it came here.
    if text.split("\n")[0].strip() == window.line_below.strip() != "":
        return ""
    text = _without_closers(text, window.rest.rstrip())
    lines = (window.middle + text).split("\n")
    kept = lines[: len(lines) - _overlap_below(lines, _lines_of(window.below))]
    # A text whose lines are just those above says nothing new.
    written, above = _lines_of("\n".join(kept)), _lines_of(window.prefix)
    says_something = any(character.isalnum() for line in written for character in line)
    if not kept or (says_something and written == above[len(above) - len(written) :]):
        return ""
    shown = "\n".join(kept)
    # Where all that is left is what the user has typed already, there is nothing to show.
    return shown[len(window.middle) :].rstrip()


def _lines_of(text: str) -> list[str]:
    return [line.rstrip() for line in text.split("\n") if line.strip()]


def _without_closers(text: str, rest: str) -> str:
    """Return a text without what stands behind the cursor: of "a, b)" before `)` it is "a, b"."""
    for length in range(min(len(rest), len(text)), 0, -1):
        if text.endswith(rest[:length]):
            return text[:-length]
    return text


def _overlap_below(lines: Sequence[str], below: Sequence[str]) -> int:
    """Return how many lines at a text's end are those below.

    A single closing line such as `}` is too common to say anything, unless it is all there is.
    """
    written = [(index, line.rstrip()) for index, line in enumerate(lines) if line.strip()]
    # From the text's first line that is the one below, all the rest has to be there as well; the
    # text may go on behind what the window shows, or end before it.
    for number, (index, line) in enumerate(written):
        if not below or line != below[0]:
            continue
        rest = [each for _, each in written[number:]]
        shared = min(len(rest), len(below), MOST_REPEATED_LINES)
        if rest[:shared] == below[:shared]:
            return len(lines) - index
    return 0
