"""Reasoning that a model writes into its answer, between `<think>` and `</think>`.

It is looked for at the very start only: anywhere else the tags belong to the answer, which may be
code that handles them. A closing tag without an opening one is `opening`'s business.
"""

import re

from streaming_code_generator.core.extract.lines import BLANK, LINE_LIMIT
from streaming_code_generator.core.extract.opening import CLOSING_TAG, Opening
from streaming_code_generator.core.extract.pieces import Piece
from streaming_code_generator.core.extract.stage import Stage, Step

OPENING_TAG = "<think>"

_BLANK_LINES = re.compile(rf"\A(?:[ \t]{{0,{LINE_LIMIT}}}\n)+")


class BeforeAnswer:
    """The first non-blank characters of the response, which may be the opening tag."""

    def __init__(self, *, bare_code: bool) -> None:
        self._bare_code = bare_code
        self._held = ""

    @property
    def held_back(self) -> int:
        """Characters of what may become the opening tag, with the blanks before it."""
        return len(self._held)

    def feed(self, segment: str) -> Step:
        """Wait until the tag is there or can no longer come."""
        self._held = _BLANK_LINES.sub("", self._held + segment, count=1)
        word = self._held.lstrip(BLANK)
        if len(self._held) - len(word) > LINE_LIMIT:
            return self.finish()
        if word.startswith(OPENING_TAG):
            rest = word.removeprefix(OPENING_TAG)
            return Step(following=Reasoning(bare_code=self._bare_code), rest=rest)
        return Step() if OPENING_TAG.startswith(word) else self.finish()

    def finish(self) -> Step:
        """Leave it to the answer: there is no opening tag."""
        answer = Opening(bare_code=self._bare_code, may_end_reasoning=True)
        return Step(following=answer, rest=self._held)


class Reasoning:
    """Between the tags."""

    def __init__(self, *, bare_code: bool) -> None:
        self._bare_code = bare_code
        self._held = ""

    @property
    def held_back(self) -> int:
        """Characters of what may become the closing tag."""
        return len(self._held)

    def feed(self, segment: str) -> Step:
        """Pass on everything up to the closing tag."""
        text, tag, rest = (self._held + segment).partition(CLOSING_TAG)
        if tag:
            answer = Opening(bare_code=self._bare_code, may_end_reasoning=False)
            return _reasoning(text, following=answer, rest=rest)
        self._held = _beginning_of_tag(text)
        return _reasoning(text[: len(text) - len(self._held)])

    def finish(self) -> Step:
        """Pass on the beginning of a tag that never came."""
        text, self._held = self._held, ""
        return _reasoning(text)


def _beginning_of_tag(text: str) -> str:
    start = text.rfind("<", max(0, len(text) - len(CLOSING_TAG)))
    tail = text[start:] if start >= 0 else ""
    return tail if CLOSING_TAG.startswith(tail) else ""


def _reasoning(text: str, *, following: Stage | None = None, rest: str = "") -> Step:
    pieces = [Piece(part="reasoning", text=text)] if text else []
    return Step(pieces=pieces, following=following, rest=rest)
