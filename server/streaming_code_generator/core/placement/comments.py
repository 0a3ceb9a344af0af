"""Finds the comment that serves as a prompt: at a line, or above it."""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from streaming_code_generator.core.placement.comment_scan import LINE_LIMIT, Found, scan
from streaming_code_generator.core.placement.languages import Comments, language

LINES_ABOVE = 600
"""How far above the line a comment, or a quotation that hides one, may begin."""
LINES_BELOW = 200
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
    above = _within_bounds(lines[max(0, line - LINES_ABOVE) : line][::-1])
    below = _within_bounds(lines[line + 1 : line + LINES_BELOW])
    first = line - above
    window = lines[first : line + 1 + below]
    comments = language(language_id).comments
    found = [one for one in scan(window, comments) if one.stands_alone or one.kind != "docstring"]
    runs: list[list[Found]] = []
    for one in found:
        if runs and _continues(runs[-1][-1], one, window):
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


def _within_bounds(lines: Sequence[str]) -> int:
    """Return how many of the lines are to be read."""
    sizes = accumulate(min(len(line), LINE_LIMIT) for line in lines)
    return sum(size <= WINDOW_CHARACTERS for size in sizes)


def _continues(previous: Found, following: Found, window: Sequence[str]) -> bool:
    """Whether two comments are lines of one: neighbours of one kind and one indentation."""
    return (
        previous.stands_alone
        and following.stands_alone
        and previous.last_line + 1 == following.first_line == following.last_line
        and previous.kind == following.kind != "docstring"
        and previous.first_line == previous.last_line
        and _indent(window[previous.first_line]) == _indent(window[following.first_line])
    )


def _chosen(runs: list[list[Found]], window: Sequence[str], line: int) -> list[Found]:
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


def wording(found: list[Found], comments: Comments) -> str:
    """Return what a run of comments says, its lines joined by line feeds; empty if nothing."""
    lines = [line for one in found for line in _undressed(one, comments)]
    kept = [line for line in lines if not _TOOL_LINE.match(line.lstrip())]
    said = ["" if _RULE.fullmatch(line.strip()) else line.rstrip() for line in kept]
    return textwrap.dedent("\n".join(said)).strip("\n").strip(" \t")


def _undressed(found: Found, comments: Comments) -> list[str]:
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
