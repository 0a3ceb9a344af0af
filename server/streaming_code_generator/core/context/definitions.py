"""Finds what a file defines and imports, in any language whose code is indented as usual."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

LONGEST_DEFINITION = 40
"""Most lines shown of one definition."""
FILES_REMEMBERED = 500
"""Files whose definitions need not be found again."""

_WORD = re.compile(r"[^\W\d]\w{2,}")
_DEFINITION = re.compile(
    r"""
    ^[ \t]*(?:@\w+\s+)?(?:(?:export|default|declare|public|private|protected|internal|static|final
        |abstract|async|override|open|sealed|data|pub(?:\([^)]*\))?|unsafe|extern|inline|local
        |virtual|partial|readonly|case|implicit|const(?=\s+(?:fn|enum)))\s+)*
    (?:
        (?:def|class|func|fun|fn|function\*?|sub|struct|enum|interface|trait|type|module|namespace
           |record|protocol|object|union|proc|defmodule|defp|newtype|typealias|macro_rules!|mod)
        \s+(?:\((?:\w+\s+)?\*?(?P<receiver>\w+)[^)]*\)\s*)?(?:[\w]+[.:])*(?P<keyword>[^\W\d][\w]*[?!]?)
      | (?:const|let|var|val|static)\s+(?:mut\s+)?(?P<value>[^\W\d]\w*)\s*[:=]
      | (?:impl(?:<[^>]*>)?\s+(?:[\w:]+(?:<[^>]*>)?\s+for\s+)?|extension\s+)(?P<extended>\w+)
      | \#\s*define\s+(?P<macro>\w+)
      | (?i:create\s+(?:or\s+replace\s+)?(?:temp(?:orary)?\s+)?
        (?:table|view|function|procedure|type)
        \s+(?:if\s+not\s+exists\s+)?)["`]?(?:\w+\.)?(?P<sql>\w+)
      | (?P<shell>[^\W\d][\w-]*)\s*\(\)\s*\{
      | (?=\w)(?!(?:return|else|new|throw|await|delete|case|goto|if|for|while|switch|catch)\b)
        [\w:<>,*&\[\]?. ]+[\s*&](?P<typed>[^\W\d]\w*)\s*\([^;={}]*\)?[\w\s]*\{?\s*$
    )
    | ^(?=\w)(?!(?:return|new|throw|await|delete|using|typedef)\b)
        [\w:<>,*&\[\]? ]+[\s*&](?P<declared>[^\W\d]\w*)\s*\([^;={}]*\)[\w\s]*;\s*$
    | ^(?P<assigned>[^\W\d]\w*)\s*(?::[^=]+)?=(?![=>])
    """,
    re.VERBOSE,
)
_IMPORT = re.compile(
    r"\s*(?:from\b.*\bimport\b|import\b|use\s|using\s|#\s*include\b|require(?:_relative|_once)?\b"
    r"|package\s|mod\s+\w+;|(?:source|\.)\s+[\"'$\w./~]"
    r"|(?:const|let|var)\b.*\brequire\(|export\b.*\bfrom\b)"
)
_CLOSING = re.compile(r"\s*(?:[}\])]|end\b)")
_ABOVE = re.compile(r"\s*(?:@|#\[|//|#|\*|/\*|--)")


EVERYWHERE = frozenset(
    """
    and any are bool break case catch class const continue def default del elif else elseif end enum
    except export extends false final finally float for from func function get global goto has
    import int interface lambda let new nil none None not null number object package pass private
    protected public raise return self set static str string struct super switch the then this
    throw throws true True False try type typeof undefined use using var void while with yield
    """.split()  # noqa: SIM905 - a list of so many literals is not readable
)
"""Words that two files in one language always have in common."""


@dataclass(frozen=True, slots=True)
class Definition:
    """Where a name is defined in a file."""

    name: str
    first: int
    end: int
    """The first line behind it, or behind what is shown of it."""
    owner: str
    """What it stands in, or is a method of; empty for what stands alone."""

    @property
    def is_member(self) -> bool:
        """Whether it stands inside something else, or belongs to it."""
        return bool(self.owner)


@lru_cache(maxsize=FILES_REMEMBERED)
def definitions_in(lines: tuple[str, ...]) -> tuple[Definition, ...]:
    """Return the definitions in a file; a type and its `impl` or `extension` are two of one name.

    What is indented without standing in a definition has `?` for its owner.
    """
    found: list[Definition] = []
    scopes: list[tuple[int, str]] = []
    for number, line in enumerate(lines):
        match = _DEFINITION.match(line[:400])
        if match is None or match.lastgroup is None:
            continue
        depth, name = depth_of(line), match[match.lastgroup]
        while scopes and scopes[-1][0] >= depth:
            scopes.pop()
        inside = scopes[-1][1] if scopes else "?" if depth else ""
        found.append(Definition(name, *_extent(lines, number), match["receiver"] or inside))
        scopes.append((depth, name))
    return tuple(found)


def _extent(lines: Sequence[str], number: int) -> tuple[int, int]:
    # What is indented deeper than the first line belongs to it, and a line that closes it:
    #
    #     @cached                  decorators and comments right above
    #     def area(w, h):
    #         return w * h         deeper
    #                              blank lines in between, not at the end
    #     def other(): ...         not deeper: the end
    first = number
    while first > 0 and number - first < 5 and _ABOVE.match(lines[first - 1]):  # noqa: PLR2004
        first -= 1
    depth, end = depth_of(lines[number]), number + 1
    for index in range(number + 1, min(len(lines), first + LONGEST_DEFINITION)):
        line = lines[index]
        if not line.strip():
            continue
        if depth_of(line) > depth or (index == number + 1 and line.strip() == "{"):
            end = index + 1
        elif depth_of(line) == depth and _CLOSING.match(line):
            end = index + 1
            # `) -> int:` and `} else {` go on.
            if not line.rstrip().endswith((":", "{")):
                break
        else:
            break
    return first, end


def depth_of(line: str) -> int:
    """Return the column at which a line's text begins, with tabs of four."""
    expanded = line.expandtabs(4)
    return len(expanded) - len(expanded.lstrip())


def all_words(lines: Sequence[str]) -> list[str]:
    """Return the identifiers and words of a text, from three characters on, in their order."""
    return _WORD.findall("\n".join(lines))


def words(text: str) -> set[str]:
    """Return the identifiers and words of a text, from three characters on."""
    return set(_WORD.findall(text))


@lru_cache(maxsize=FILES_REMEMBERED)
def import_lines(lines: tuple[str, ...]) -> tuple[int, ...]:
    """Return the numbers of the lines of a file that import something."""
    return tuple(number for number, line in enumerate(lines) if _IMPORT.match(line[:400]))
