"""Takes the marks and decorations off a comment, so that what it says remains."""

import re
import textwrap

from streaming_code_generator.core.placement.comment_scan import Found
from streaming_code_generator.core.placement.languages import Comments

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
"""What speaks to a tool, not to a reader."""

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
        return [_without_line_mark(raw)]
    if found.kind == "docstring":
        return _aligned(_DOCSTRING_EDGE.sub("", raw).split("\n"))
    return _aligned(_without_stars(_without_block_marks(raw, comments)))


def _without_line_mark(raw: str) -> str:
    return "" if raw.startswith("#!") else _LINE_MARKS.sub("", raw, count=1)


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
