r"""Lines of a response: `\n`, `\r\n` and `\r` end one, and nothing else does."""

import re
from collections.abc import Iterator

LINE_LIMIT = 256
"""Most characters of a line held back to tell what the line is; a longer one is ordinary text."""

BLANK = " \t"
"""What indents a line or leaves it blank; a form feed, say, is an ordinary character."""

TAB_COLUMNS = 4

END_TOKENS = (
    "<|im_end|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end|>",
    "<end_of_turn>",
    "<\uff5cend\u2581of\u2581sentence\uff5c>",
    "</s>",
)
"""What ends a response in the chat templates of Qwen, Llama, Phi, Gemma, DeepSeek and Mistral. A
server with another template than the model's lets it through as text."""
END_TOKENS_LIMIT = 64
"""Most characters at the end of a response that are looked at for such tokens."""


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


_END = re.compile(rf"(?:(?:{'|'.join(map(re.escape, END_TOKENS))})\s*)+")
_BEGUN = frozenset(token[:length] for token in END_TOKENS for length in range(1, len(token)))


class EndTokens:
    """Leaves out tokens at the very end of a response that the server took for text.

    Anywhere else they are text: a chat template, as code, is full of them.
    """

    def __init__(self) -> None:
        self._held = ""
        self._seen = ""
        self._is_struck = False
        """Whether there was an `<s>`, which HTML ends with `</s>`."""

    @property
    def held_back(self) -> int:
        """Characters that are no text if the response ends there."""
        return len(self._held)

    def feed(self, text: str) -> str:
        """Return what is text whatever comes behind it."""
        seen = self._seen + text
        self._seen = seen[-2:]
        if not self._held and "<" not in seen:
            return text
        self._is_struck |= "<s>" in seen
        text = self._held + text
        start = self._start(text)
        self._held = text[start:]
        return text[:start]

    def finish(self) -> tuple[str, str]:
        """Return the rest of the text, and the tokens that end the response."""
        end = self._held
        if not _END.fullmatch(end) or (self._is_struck and "</s>" in end):
            return end, ""
        return "", end

    @staticmethod
    def _start(text: str) -> int:
        # "x = 1\n<|im_end|>\n<|im" is held from the first "<": a token, and what may become one.
        # Once ">" is followed by anything else, all of it is text.
        start = text.find("<", max(0, len(text) - END_TOKENS_LIMIT))
        while start >= 0:
            ends = _END.match(text, start)
            rest = text[ends.end() if ends else start :]
            if not rest or rest in _BEGUN:
                return start
            start = text.find("<", start + 1)
        return len(text)


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
