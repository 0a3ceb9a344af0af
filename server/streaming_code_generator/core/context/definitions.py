"""Finds where names are defined, in any language whose code is indented as usual."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from streaming_code_generator.core.context.file_pieces import FilePiece, FileSnapshot

LONGEST_DEFINITION = 40
"""Most lines shown of one definition."""
FILES_REMEMBERED = 500
"""Files whose definitions need not be found again."""
MOST_PLACES = 3
"""A name that is defined in more files, such as `main`, says nothing of which is meant."""

MOST_FILES_READ = 40
_WHOLE_FOLDER = frozenset({"__init__", "index", "mod", "lib"})

_WORD = re.compile(r"[^\W\d]\w{2,}")
_DEFINITION = re.compile(
    r"""
    ^[ \t]*(?:@\w+\s+)?(?:(?:export|default|declare|public|private|protected|internal|static|final
        |abstract|async|override|open|sealed|data|pub(?:\([^)]*\))?|unsafe|extern|inline|local
        |virtual|partial|readonly|const(?=\s+(?:fn|enum)))\s+)*
    (?:
        (?:def|class|func|fun|fn|function\*?|sub|struct|enum|interface|trait|type|module|namespace
           |record|protocol|object|union|proc|defmodule|defp|newtype|typealias|macro_rules!|mod)
        \s+(?:\([^)]*\)\s*)?(?:[\w]+[.:])*(?P<keyword>[^\W\d][\w]*[?!]?)
      | (?:const|let|var|val|static)\s+(?:mut\s+)?(?P<value>[^\W\d]\w*)\s*[:=]
      | \#\s*define\s+(?P<macro>\w+)
      | (?i:create\s+(?:or\s+replace\s+)?(?:temp(?:orary)?\s+)?
        (?:table|view|function|procedure|type)
        \s+(?:if\s+not\s+exists\s+)?)["`]?(?:\w+\.)?(?P<sql>\w+)
      | (?P<shell>[^\W\d][\w-]*)\s*\(\)\s*\{
      | (?=\w)(?!(?:return|else|new|throw|await|delete|case|goto|if|for|while|switch|catch)\b)
        [\w:<>,*&\[\]?. ]+[\s*&](?P<typed>[^\W\d]\w*)\s*\([^;={}]*\)?[\w\s]*\{?\s*$
    )
    | ^(?P<assigned>[^\W\d]\w*)\s*(?::[^=]+)?=(?![=>])
    """,
    re.VERBOSE,
)
_IMPORT = re.compile(
    r"\s*(?:from\b.*\bimport\b|import\b|use\s|using\s|#\s*include\b|require\b|package\s"
    r"|(?:const|let|var)\b.*\brequire\(|export\b.*\bfrom\b)"
)
_CLOSING = re.compile(r"\s*(?:[}\])]|end\b)")
_ABOVE = re.compile(r"\s*(?:@|#\[|//|#|\*|/\*|--)")


@dataclass(frozen=True, slots=True)
class Definition:
    """Where a name is defined in a file."""

    name: str
    first: int
    end: int
    """The first line behind it."""
    is_member: bool
    """Whether it stands inside something else."""


@lru_cache(maxsize=FILES_REMEMBERED)
def definitions_in(lines: tuple[str, ...]) -> dict[str, Definition]:
    """Return the definitions in a file by their names; the first of each name counts."""
    found: dict[str, Definition] = {}
    for number, line in enumerate(lines):
        match = _DEFINITION.match(line[:400])
        if match is None or match.lastgroup is None:
            continue
        name = match[match.lastgroup]
        known = found.get(name)
        is_member = line[:1] in {" ", "\t"}
        if known is None or (known.is_member and not is_member):
            first, end = _extent(lines, number)
            found[name] = Definition(name, first, end, is_member)
    return found


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
    opens = lines[number].rstrip().endswith(("(", "{", "[", ","))
    for index in range(number + 1, min(len(lines), first + LONGEST_DEFINITION)):
        line = lines[index]
        if not line.strip():
            continue
        if depth_of(line) > depth or (opens and line.strip() == "{"):
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


def words(text: str) -> set[str]:
    """Return the identifiers and words of a text, from three characters on."""
    return set(_WORD.findall(text))


@lru_cache(maxsize=FILES_REMEMBERED)
def import_lines(lines: tuple[str, ...]) -> tuple[int, ...]:
    """Return the numbers of the lines of a file that import something."""
    return tuple(number for number, line in enumerate(lines) if _IMPORT.match(line[:400]))


def likely_files(file: FileSnapshot, instruction: str, paths: Iterable[str]) -> list[str]:
    """Return which of a workspace's files may define what a file uses, the likeliest first.

    Those that are named like something it uses, `user_store.py` for `UserStore`; what stands for a
    whole folder, `shop/__init__.py`, that it imports; and its neighbours. No more than
    `MOST_FILES_READ`, however large the workspace is.
    """
    imported = _plain_words("\n".join(file.lines[number] for number in import_lines(file.lines)))
    used = _plain_words("\n".join(file.lines)) | _plain_words(instruction)
    own_folder = file.path.rpartition("/")[0]
    ranked: list[tuple[int, str]] = []
    for path in paths:
        folder, _, name = path.rpartition("/")
        stem = name.split(".")[0]
        stands_for_folder = stem in _WHOLE_FOLDER
        plain = _plain(folder.rpartition("/")[2] if stands_for_folder else stem)
        if plain in imported:
            ranked.append((1 if stands_for_folder else 0, path))
        elif plain in used and not stands_for_folder:
            ranked.append((2, path))
        elif folder == own_folder:
            ranked.append((3, path))
    return [path for _, path in sorted(ranked)[:MOST_FILES_READ]]


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _plain_words(text: str) -> set[str]:
    return set(map(_plain, words(text)))


def definitions_used(
    file: FileSnapshot, near: tuple[int, int], instruction: str, others: Iterable[FileSnapshot]
) -> list[FilePiece]:
    """Return the definitions, in other files, of names that a file uses; those that matter first.

    Args:
        file: The file that code goes to.
        near: The first line that is near the place, and the first behind.
        instruction: What is asked for.
        others: Where definitions are looked for.
    """
    asked = words(instruction)
    close = words("\n".join(file.lines[near[0] : near[1]]))
    imports = words("\n".join(file.lines[number] for number in import_lines(file.lines)))
    wanted = (asked | close | words("\n".join(file.lines))) - definitions_in(file.lines).keys()
    found: list[tuple[str, FileSnapshot, Definition]] = []
    for other in others:
        if other.uri != file.uri:
            known = definitions_in(other.lines)
            found += [(name, other, known[name]) for name in wanted & known.keys()]

    def rank(item: tuple[str, FileSnapshot, Definition]) -> tuple[object, ...]:
        name, other, definition = item
        stem = re.split(r"[/\\]", other.path)[-1].split(".")[0]
        is_imported = name in imports or stem in imports
        nearness = 0 if name in asked else 1 if name in close else 2 if name in imports else 3
        # Small places first among equals, so that the order is the same for every request.
        return definition.is_member, nearness, not is_imported, other.path, definition.first

    by_name: dict[str, list[tuple[str, FileSnapshot, Definition]]] = {}
    for item in sorted(found, key=rank):
        by_name.setdefault(item[0], []).append(item)
    unambiguous = [item for items in by_name.values() for item in _meant(items, imports)]
    return [
        FilePiece(
            file=other,
            first=definition.first,
            end=definition.end,
            why=f"definition of `{name}`",
        )
        for name, other, definition in sorted(unambiguous, key=rank)
    ]


def _meant(
    items: list[tuple[str, FileSnapshot, Definition]], imports: set[str]
) -> Iterator[tuple[str, FileSnapshot, Definition]]:
    """Yield which of a name's definitions may be meant: of imported files, else if few."""
    imported = [
        item for item in items if re.split(r"[/\\]", item[1].path)[-1].split(".")[0] in imports
    ]
    if imported:
        yield imported[0]
    elif len(items) <= MOST_PLACES:
        yield from items[:2]
