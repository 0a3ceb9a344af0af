"""Code that came without a fence around it."""

import re

from streaming_code_generator.core.extract.fences import (
    MAY_OPEN,
    Fence,
    Remainder,
    opening_fence,
)
from streaming_code_generator.core.extract.lines import BLANK, LINE_LIMIT, LineHead
from streaming_code_generator.core.extract.pieces import Piece
from streaming_code_generator.core.extract.prose import reads_like_prose
from streaming_code_generator.core.extract.stage import Step


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

    def feed(self, segment: str) -> Step:
        """Pass on everything but a closing fence that may belong to no opening one."""
        if self._suspect is not None:
            return self._behind(self._suspect, segment)
        text, line = self._head.feed(segment, self._kind())
        if line is None:
            return _code(text)
        if self._inner is None:
            return self._outside(line)
        if self._inner.is_closed_by(line):
            self._inner = None
        return _code(line + "\n")

    def finish(self) -> Step:
        """Drop a fence that ends the response."""
        if self._suspect is not None:
            return self._resolve(self._suspect) if self._next_line.strip(BLANK) else Step()
        line, self._head.held = self._head.held, ""
        if self._inner is None and _is_bare(opening_fence(line)):
            return Step()
        return _code(line)

    def _kind(self) -> re.Pattern[str]:
        return MAY_OPEN if self._inner is None else self._inner.may_close

    def _outside(self, line: str) -> Step:
        fence = opening_fence(line)
        if _is_bare(fence):
            self._suspect, self._held = fence, line + "\n"
            return Step()
        self._inner = fence
        return _code(line + "\n")

    def _behind(self, suspect: Fence, segment: str) -> Step:
        self._next_line += segment
        line = self._next_line.removesuffix("\n")
        if len(self._held) + len(line) > LINE_LIMIT:
            return self._keep(suspect)
        if len(line) == len(self._next_line):
            return Step()
        if line.strip(BLANK):
            return self._resolve(suspect)
        self._held += self._next_line
        self._next_line = ""
        return Step()

    def _resolve(self, suspect: Fence) -> Step:
        if reads_like_prose(self._next_line):
            return Step(following=Remainder(), rest=self._next_line)
        return self._keep(suspect)

    def _keep(self, suspect: Fence) -> Step:
        code = Piece(part="code", text=self._held)
        return Step(pieces=[code], following=BareCode(inner=suspect), rest=self._next_line)


def _is_bare(fence: Fence | None) -> bool:
    return fence is not None and not fence.info


def _code(text: str) -> Step:
    return Step(pieces=[Piece(part="code", text=text)] if text else [])
