"""Finds the comment that serves as a prompt: at a line, or above it."""

import re
import textwrap
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from streaming_code_generator.core.placement.languages import Comments, language
from streaming_code_generator.core.syntax import CommentSpan, comment_spans, reads_better_inside

LINE_LIMIT = 2_000
"""Most characters looked at in one line; minified code has lines of megabytes."""
LINES_ABOVE = 300
"""How far above the line a comment, or a quotation that hides one, may begin."""
LINES_BELOW = 100
LINES_PER_STEP = 50
"""The stretch that is read begins and ends at multiples of so many lines: as the cursor moves, it
is mostly the same, and was read before."""
WINDOW_CHARACTERS = 100_000
"""Most characters read on either side of the line, whatever the number of lines."""
BLANK_LINES = 3
"""Most blank lines between a comment and the line it is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """A comment, or a run of them, in a document."""

    text: str
    """What it says, without marks and decorations, its lines joined by line feeds."""
    first_line: int
    last_line: int
    """Zero-based, inclusive."""
    indent: str
    """The white space its first line begins with."""
    code_before: str = ""
    """The code on its line, if it is a trailing comment, with the indentation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _RawComment:
    """One comment with its marks; lines count from the first one read."""

    kind: Literal["line", "block", "docstring"]
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

    def continues(self, previous: "_RawComment", window: Sequence[str]) -> bool:
        """Whether both are lines of one comment: neighbours of one kind and one indentation."""
        return (
            previous.stands_alone
            and self.stands_alone
            and previous.last_line + 1 == self.first_line == self.last_line
            and previous.kind == self.kind != "docstring"
            and previous.first_line == previous.last_line
            and _indent(window[previous.first_line]) == _indent(window[self.first_line])
        )


def comment_at_or_above(lines: Sequence[str], line: int, language_id: str) -> Comment | None:
    """Return the comment at a line, or above it with at most a few blank lines in between.

    A run of line comments is one comment. Code before a comment is allowed on the line itself, not
    above. Comments for tools (`# noqa`) do not count.

    Args:
        lines: The document's lines, with or without their endings.
        line: Zero-based; one past the end is the last.
        language_id: The language by its LSP identifier.
    """
    if not lines:
        return None
    line = max(0, min(line, len(lines) - 1))
    # Far enough up to see a quotation or a block comment open, and no further: a file may have
    # megabytes, and this runs at every code action request.
    start = max(0, line - LINES_ABOVE) // LINES_PER_STEP * LINES_PER_STEP
    end = (line + LINES_BELOW) // LINES_PER_STEP * LINES_PER_STEP
    above = _within_bounds(lines[start:line][::-1])
    below = _within_bounds(lines[line + 1 : end])
    first = line - above
    window = lines[first : line + 1 + below]
    comments = language(language_id).comments
    scanned = _scan(window, language_id, is_whole=first == 0)
    found = [one for one in scanned if one.stands_alone or one.kind != "docstring"]
    runs: list[list[_RawComment]] = []
    for one in found:
        if runs and one.continues(runs[-1][-1], window):
            runs[-1].append(one)
        else:
            runs.append([one])
    run = _chosen(runs, window, line - first)
    text = wording(run, comments) if run else ""
    if not text:
        return None
    before = run[0].before
    return Comment(
        text=text,
        first_line=first + run[0].first_line,
        last_line=first + run[-1].last_line,
        indent=_indent(window[run[0].first_line]),
        code_before=before if before.strip() else "",
    )


def _scan(lines: Sequence[str], language_id: str, *, is_whole: bool) -> Iterator[_RawComment]:
    """Yield the comments in order, given lines with or without their endings."""
    texts = [line[:LINE_LIMIT].rstrip("\r\n") for line in lines]
    starts = [0]
    for line in texts:
        starts.append(starts[-1] + len(line) + 1)
    text = "\n".join(texts)
    # A window that begins inside a docstring would be read inside out.
    inside = "" if is_whole else reads_better_inside(text, language_id)
    for span in comment_spans(inside + text, language_id):
        shifted = CommentSpan(span.is_docstring, span.start - len(inside), span.end - len(inside))
        if shifted.start >= 0:
            yield from _found_in(text, texts, starts, shifted, language(language_id).comments)


def _found_in(
    text: str, texts: Sequence[str], starts: Sequence[int], span: CommentSpan, comments: Comments
) -> Iterator[_RawComment]:
    raw = text[span.start : span.end].rstrip()
    start = span.start + len(raw) - len(raw.lstrip())
    raw = raw.lstrip()
    kind: Literal["line", "block", "docstring"] = "line"
    if span.is_docstring and not raw.startswith(comments.line):
        kind = "docstring"
    if any(
        raw.startswith(opening) for opening, _ in comments.block if opening not in comments.line
    ):
        kind = "block"
    # Some lexers take a run of line comments for one, with the line ends between.
    pieces = raw.split("\n") if kind == "line" else [raw]
    for piece in pieces:
        end = start + len(piece)
        if piece.strip():
            first = bisect_right(starts, start) - 1
            last = bisect_right(starts, end - 1) - 1
            before, after = text[starts[first] : start], text[end : starts[last] + len(texts[last])]
            # In JSX the braces around a comment belong to it.
            is_braced = before.rstrip().endswith("{") and after.lstrip().startswith("}")
            yield _RawComment(
                kind=kind,
                raw=piece,
                first_line=first,
                last_line=last,
                before=before.rstrip()[:-1] if is_braced else before,
                after=after.lstrip()[1:] if is_braced else after,
            )
        start = end + 1


def _within_bounds(lines: Sequence[str]) -> int:
    """Return how many of the lines are to be read."""
    sizes = accumulate(min(len(line), LINE_LIMIT) for line in lines)
    return sum(size <= WINDOW_CHARACTERS for size in sizes)


def _chosen(runs: list[list[_RawComment]], window: Sequence[str], line: int) -> list[_RawComment]:
    # The comment for line 3 is the run of two lines, over a blank one:
    #
    #     1  # Sort by name,
    #     2  # ignoring case.
    #     3
    #     4  def other(): ...  # no
    #
    # A comment behind code counts on its own line only: "x = 1  # one" asks for nothing below.
    for run in reversed(runs):
        if run[0].first_line <= line <= run[-1].last_line and not run[-1].after.strip():
            return run
    above = line - 1
    while above >= max(0, line - BLANK_LINES) and not window[above].strip():
        above -= 1
    for run in runs:
        if run[-1].last_line == above and run[0].stands_alone:
            return run
    return []


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


_LINE_MARKS = re.compile(
    r"(?://[/!<]*|\#['!|:\#]*|--(?:-*(?:[ ]?[|^](?=\s))?)|;+|%[%!]*"
    r"|![<>!]*|'+|\"+|::+|(?i:rem)\b)[ ]?"
)
"""A line mark with what may belong to it: `///`, `//!`, `#'`, `-- |`, `;;;`, `!>` and so on."""

_TOOL_LINE = re.compile(
    r"""
    -\*-.*-\*- | vim?:\s | coding\s*[:=] | SPDX- | \#\s*sourceMappingURL
    | type:\s | noqa\b | nosec\b | pylint: | mypy: | pyright: | ruff: | flake8: | fmt: | isort:
    | pragma[:\s] | cython: | doctest:
    | eslint(?:-|\s+\S+:) | tslint: | @ts- | prettier-ignore | biome-ignore | deno-lint
    | js[hl]int\s | (?:istanbul|c8|v8)\signore | @jsx | @flow\b | @format\b | @formatter:
    | go:\w | \+build\s | nolint | NOLINT | clang-format\so | cppcheck-suppress | IWYU\spragma
    | rubocop: | frozen_string_literal: | typed:\s | shellcheck\s+\w+= | swiftlint: | ktlint-
    | noinspection\s | language= | phpcs: | @phpstan | @psalm | markdownlint- | yamllint\s
    | hadolint\signore | cspell: | spell-?checker: | codespell: | dprint-ignore | stylelint-
    | tflint-ignore | \#?endregion\b | \#region\b
    """,
    re.VERBOSE,
)
"""Lines for tools, not for readers."""

_STAR = re.compile(r"[ \t]*\*+(?: |$|(?=[^\s*]))")
_RULE = re.compile(r"[^\w\s]{3,}|")
_DOCSTRING_EDGE = re.compile(r"^[rRuU]?(?:\"\"\"|''')|(?:\"\"\"|''')$")


def wording(found: list[_RawComment], comments: Comments) -> str:
    """Return what a run of comments says, its lines joined by line feeds; empty if nothing."""
    lines = [line for one in found for line in _undressed(one, comments)]
    kept = [line for line in lines if not _TOOL_LINE.match(line.lstrip())]
    said = ["" if _RULE.fullmatch(line.strip()) else line.rstrip() for line in kept]
    return textwrap.dedent("\n".join(said)).strip("\n").strip(" \t")


def _undressed(found: _RawComment, comments: Comments) -> list[str]:
    raw = found.raw.strip(" \t")
    if found.kind == "line":
        return ["" if raw.startswith("#!") else _LINE_MARKS.sub("", raw, count=1)]
    if found.kind == "docstring":
        return _aligned(_DOCSTRING_EDGE.sub("", raw).split("\n"))
    return _aligned(_without_stars(_without_block_marks(raw, comments)))


def _without_block_marks(raw: str, comments: Comments) -> list[str]:
    for opening, closing in comments.block:
        if raw.startswith(opening) and raw.endswith(closing):
            inside = raw[len(opening) : len(raw) - len(closing)]
            return inside.lstrip("*!#-|").rstrip("*-#").split("\n")
    return raw.split("\n")


def _without_stars(lines: list[str]) -> list[str]:
    """Take off the stars of a comment all of whose further lines begin with one."""
    further = [line for line in lines[1:] if line.strip()]
    if not further or not all(_STAR.match(line) for line in further):
        return lines
    return [lines[0], *(_STAR.sub("", line, count=1) for line in lines[1:])]


def _aligned(lines: list[str]) -> list[str]:
    """Give the first line, which stands behind a mark, the indentation of the rest."""
    rest = textwrap.dedent("\n".join(lines[1:])).split("\n") if lines[1:] else []
    return [lines[0].strip(), *rest]
