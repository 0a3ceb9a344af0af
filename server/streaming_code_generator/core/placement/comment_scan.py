"""Finds the comments in a stretch of source text, telling them from quotations."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple

from streaming_code_generator.core.placement.languages import Comments

LINE_LIMIT = 2_000
"""Most characters looked at in one line; minified code has lines of megabytes."""

CommentKind = Literal["line", "block", "docstring"]

_BEFORE_LINE_MARK = r"(?<![^\s;,{}()\[\]])(?<!\$\{)"
"""A line mark follows white space or punctuation: not so in `http://`, `$#`, `${#` or `\\%`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One comment with its marks; lines count from the first one scanned."""

    kind: CommentKind
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
    starts = [0]
    for line in texts:
        starts.append(starts[-1] + len(line) + 1)
    text = "\n".join(texts)
    for kind, start, end in _spans(text, comments):
        first = bisect_right(starts, start) - 1
        last = bisect_right(starts, end - 1) - 1
        yield Found(
            kind=kind,
            raw=text[start:end],
            first_line=first,
            last_line=last,
            before=text[starts[first] : start],
            after=text[end : starts[last] + len(texts[last])],
        )


class _Span(NamedTuple):
    kind: CommentKind
    start: int
    end: int


def _spans(text: str, comments: Comments) -> Iterator[_Span]:
    """Yield where comments are, in time proportional to the text's length."""
    pattern = _pattern(comments)
    closings = dict(comments.block)
    never_closed: set[str] = set()
    position = 0
    while (match := pattern.search(text, position)) is not None:
        position = match.end()
        if match.lastgroup == "line":
            yield _Span("line", match.start(), position)
        elif match.lastgroup is not None:
            mark = match[match.lastgroup]
            # A mark that is never closed is looked for once, or text full of them would take a time
            # that grows with its square.
            end = None if mark in never_closed else _closed(text, position, mark, closings)
            if end is None:
                never_closed.add(mark)
                continue
            position = end
            if match.lastgroup == "block" or comments.docstrings:
                kind: CommentKind = "block" if match.lastgroup == "block" else "docstring"
                yield _Span(kind, match.start(), end)


def _closed(text: str, position: int, mark: str, closings: dict[str, str]) -> int | None:
    """Return the end of the comment or quotation that a mark opens before a position."""
    if mark in closings:
        end = text.find(closings[mark], position)
        return None if end < 0 else end + len(closings[mark])
    closing = re.compile(rf"\\[\s\S]|({re.escape(mark)})")
    return next((match.end() for match in closing.finditer(text, position) if match[1]), None)


@cache
def _pattern(comments: Comments) -> re.Pattern[str]:
    """Return what matches the next mark, or quotation within a line, whichever begins first."""
    before = r"(?<![^\n])[ \t]*" if comments.at_line_start_only else _BEFORE_LINE_MARK
    prefix = r"(?:(?<!\w)[rRuU])?" if comments.docstrings else ""
    blocks = _any_of([opening for opening, _ in comments.block])
    quotes = _any_of(comments.long_quotes)
    marks = _any_of(comments.line)
    # One alternation, tried from left to right at each position: what begins first wins, so a
    # `#` inside quotes is part of the quotation, and a quote inside a comment part of the comment.
    # For Python: a docstring's quotes, then "#…" to the line's end, then "…" and '…' strings.
    ways = [
        f"(?P<block>{blocks})" if blocks else "",
        f"{prefix}(?P<quote>{quotes})" if quotes else "",
        rf"(?P<line>{before}(?:{marks})[^\n]*)" if marks else "",
        *comments.strings,
    ]
    return re.compile("|".join(way for way in ways if way))


def _any_of(marks: Sequence[str]) -> str:
    return "|".join(map(re.escape, marks))
