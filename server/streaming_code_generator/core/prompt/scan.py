"""Finds the comments in a stretch of source text, telling them from quotations."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from streaming_code_generator.core.prompt.languages import (
    TRIPLE,
    TRIPLE_SINGLE,
    Comments,
)

LINE_LIMIT = 4_000
"""Most characters looked at in one line; minified code has lines of megabytes."""

Kind = Literal["line", "block", "docstring"]

_KINDS: dict[str, Kind] = {"line": "line", "block": "block", "docstring": "docstring"}
_BEFORE_LINE_MARK = r"(?<![^\s;,{}()\[\]])(?<!\$\{)"
"""A line mark follows white space or punctuation: not so in `http://`, `$#`, `${#` or `\\%`."""
_DOCSTRING = rf"(?<![^\s])[rRuU]?(?:{TRIPLE}|{TRIPLE_SINGLE})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One comment with its marks; lines count from the first one scanned."""

    kind: Kind
    raw: str
    first_line: int
    last_line: int
    before: str
    """What stands before it on its first line."""
    after: str
    """What stands after it on its last line."""

    @property
    def stands_alone(self) -> bool:
        """Whether there is nothing but the comment on its lines."""
        return not self.before.strip() and not self.after.strip()


def scan(lines: Sequence[str], comments: Comments) -> Iterator[Found]:
    """Yield the comments in order, given lines with or without their endings."""
    texts = [line[:LINE_LIMIT].rstrip("\r\n") for line in lines]
    starts = _starts(texts)
    text = "\n".join(texts)
    for match in _pattern(comments).finditer(text):
        kind = _KINDS.get(match.lastgroup or "")
        if kind is None:
            continue
        first = bisect_right(starts, match.start()) - 1
        last = bisect_right(starts, match.end() - 1) - 1
        yield Found(
            kind=kind,
            raw=match.group(),
            first_line=first,
            last_line=last,
            before=text[starts[first] : match.start()],
            after=text[match.end() : starts[last] + len(texts[last])],
        )


def _starts(texts: list[str]) -> list[int]:
    starts = [0]
    for text in texts:
        starts.append(starts[-1] + len(text) + 1)
    return starts


@cache
def _pattern(comments: Comments) -> re.Pattern[str]:
    """Return what matches the next comment, or the next quotation, whichever begins first."""
    blocks = "|".join(
        rf"{re.escape(opening)}[\s\S]*?{re.escape(closing)}" for opening, closing in comments.block
    )
    before = r"(?<![^\n])[ \t]*" if comments.at_line_start_only else _BEFORE_LINE_MARK
    marks = "|".join(map(re.escape, comments.line))
    ways = [
        rf"(?P<docstring>{_DOCSTRING})" if comments.docstrings else "",
        rf"(?P<block>{blocks})" if blocks else "",
        rf"(?P<line>{before}(?:{marks})[^\n]*)" if marks else "",
        *comments.strings,
    ]
    return re.compile("|".join(way for way in ways if way))
