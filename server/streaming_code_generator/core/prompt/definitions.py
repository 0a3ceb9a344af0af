"""What files define and import, and which of other files' definitions a request needs.

It reads any language whose code is indented as usual, and better those that there are grammars for.
What is used, imported, or named in the request's words is needed.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from streaming_code_generator.core.prompt.file_pieces import (
    MOST_LINES_READ,
    FilePiece,
    FileSnapshot,
)
from streaming_code_generator.core.syntax import MarkedDefinition, syntax_tree

LONGEST_DEFINITION = 40
"""Most lines shown of one definition."""
FILES_REMEMBERED = 500
"""Files whose definitions need not be found again: not the one that code goes to, which changes."""
MOST_LINES_BESIDE = 1_000
"""Lines of the file itself, before the place and behind it, whose definitions and words are read:
all of 100,000 would take seconds, each time."""

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
def definitions_in(lines: tuple[str, ...], language_id: str = "") -> tuple[Definition, ...]:
    """Return the definitions in a file, which is remembered with them: see `find_definitions`."""
    return find_definitions(lines, language_id)


def find_definitions(lines: Sequence[str], language_id: str = "") -> tuple[Definition, ...]:
    """Return the definitions in a file; a type and its `impl` or `extension` are two of one name.

    What is indented without standing in a definition has `?` for its owner. Where there is a
    grammar for the language, it finds more, knows where each ends whatever its indentation, and
    what only looks like one, in a comment or a string.
    """
    tree = syntax_tree(lines, language_id)
    marked = [*tree.definitions()] if tree else []
    around = _Around(marked)
    found: dict[tuple[int, str], Definition] = {}
    scopes: list[tuple[int, str]] = []
    for number, line in enumerate(lines):
        match = _DEFINITION.match(line[:400])
        if match is None or match.lastgroup is None:
            continue
        if tree and not tree.is_code(number, len(line) - len(line.lstrip())):
            continue
        depth, name = depth_of(line), match[match.lastgroup]
        while scopes and scopes[-1][0] >= depth:
            scopes.pop()
        inside = scopes[-1][1] if scopes else around.name_at(number) or ("?" if depth else "")
        first = _first(lines, number)
        end = _end(lines, number, first + LONGEST_DEFINITION)
        found[number, name] = Definition(name, first, end, match["receiver"] or inside)
        scopes.append((depth, name))
    for each in marked:
        known = found.get((each.line, each.name))
        first = _first(lines, each.line)
        end = min(each.end, first + LONGEST_DEFINITION)
        owner = (known.owner if known else "") or each.owner
        found[each.line, each.name] = Definition(each.name, first, end, owner)
    return tuple(found[key] for key in sorted(found))


class _Around:
    """The definitions that a line stands in, whatever its depth, for one line after the other."""

    def __init__(self, marked: Sequence[MarkedDefinition]) -> None:
        self._to_come = [*reversed(marked)]
        self._open: list[MarkedDefinition] = []

    def name_at(self, number: int) -> str:
        """Return the name of the innermost one; no line before the last one asked for."""
        while self._to_come and self._to_come[-1].line < number:
            self._open.append(self._to_come.pop())
        while self._open and self._open[-1].end <= number:
            self._open.pop()
        return self._open[-1].name if self._open else ""


def _first(lines: Sequence[str], number: int) -> int:
    """Return the first of the decorators and comments right above a definition."""
    first = number
    while first > 0 and number - first < 5 and _ABOVE.match(lines[first - 1]):  # noqa: PLR2004
        first -= 1
    return first


def _end(lines: Sequence[str], number: int, most: int) -> int:
    # What is indented deeper than the first line belongs to it, and a line that closes it:
    #
    #     def area(w, h):
    #         return w * h         deeper
    #                              blank lines in between, not at the end
    #     def other(): ...         not deeper: the end
    depth, end = depth_of(lines[number]), number + 1
    for index in range(number + 1, min(len(lines), most)):
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
    return end


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


@lru_cache(maxsize=4)  # what looks for a prompt's pieces asks three times
def import_lines(lines: tuple[str, ...]) -> tuple[int, ...]:
    """Return the numbers of the lines of a file that import something; of a long one, at first."""
    beginning = lines[:MOST_LINES_READ]
    return tuple(number for number, line in enumerate(beginning) if _IMPORT.match(line[:400]))


MOST_FILES_READ = 40
MOST_PLACES = 3
"""A name that is defined in more files, such as `main`, says nothing of which is meant."""
SMALL_FILE_LINES = 60
"""A file that is imported and no longer than this is shown whole."""
_MOST_PER_FILE = 3
"""Definitions shown of one file because the request has words of theirs."""
_HEADING_LINES = 3
"""Of a definition, the lines that say what it is about: the header and the docstring's first."""

_WHOLE_FOLDER = frozenset({"__init__", "index", "mod", "lib"})
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+")
_OF_SOMETHING = re.compile(r"(?:\.|->|::)([^\W\d]\w+)")
_STEM_CHARACTERS = 4
_COMMON_WORDS = frozenset(
    """
    and are for from has have into its not one than that the their them then there this with
    add all any call class code const create def each elif else func function get given impl import
    int let list make method name new none number pub public return returns self set str string
    static take type use using value void what when which write
    """.split()  # noqa: SIM905 - a list of so many literals is not readable
)
"""Words that say nothing of what a request or a definition is about."""


def likely_files(file: FileSnapshot, instruction: str, paths: Iterable[str]) -> list[str]:
    """Return which of a workspace's files may define what a file uses, the likeliest first.

    What it imports; what is named like something it uses, `user_store.py` for `UserStore`; what
    stands for a whole folder, `shop/__init__.py`, that it imports; its neighbours, and those of
    what it imports; and what is named like words of the request. No more than `MOST_FILES_READ`,
    however large the workspace is; the files of a smaller one all are likely.
    """
    imported = _plain_words(_imports_of(file))
    used = _plain_words("\n".join(file.lines)) | _plain_words(instruction)
    asked = _stems(instruction)
    own_folder = file.path.rpartition("/")[0]
    ranked: list[tuple[int, str]] = []
    others: list[tuple[int, str]] = []
    for path in paths:
        folder, _, name = path.rpartition("/")
        stem = name.split(".")[0]
        in_folder = _plain(folder.rpartition("/")[2])
        stands_for_folder = stem in _WHOLE_FOLDER
        plain = in_folder if stands_for_folder else _plain(stem)
        # In a file with `from shop.user_store import UserStore`: 0 `shop/user_store.py`, 1
        # `shop/__init__.py`, 2 `lib/user_store.py` if it only uses the name, 3 its neighbours, 4
        # `shop/prices.py`, 5 `tools/refunds.py` where the request speaks of a refund.
        if plain in imported:
            ranked.append((1 if stands_for_folder else 0, path))
        elif plain in used and not stands_for_folder:
            ranked.append((2, path))
        elif folder == own_folder:
            ranked.append((3, path))
        elif in_folder in imported:
            ranked.append((4, path))
        elif asked & _stems(stem):
            ranked.append((5, path))
        else:
            others.append((6, path))
    if len(ranked) + len(others) <= MOST_FILES_READ:
        ranked += others
    return [path for _, path in sorted(ranked)[:MOST_FILES_READ]]


@dataclass(frozen=True, slots=True)
class _Located:
    """A definition in a file."""

    file: FileSnapshot
    definition: Definition

    @property
    def text(self) -> str:
        return "\n".join(self.file.lines[self.definition.first : self.definition.end])

    @property
    def piece(self) -> FilePiece:
        """What a model is shown of it."""
        return FilePiece(
            file=self.file,
            first=self.definition.first,
            end=self.definition.end,
            why=f"definition of `{self.definition.name}`",
        )


@dataclass(slots=True)
class _Index:
    """The definitions of several files, by name and by what they stand in."""

    by_name: dict[str, list[_Located]] = field(default_factory=lambda: defaultdict(list))
    by_owner: dict[str, list[_Located]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, files: Iterable[FileSnapshot]) -> "_Index":
        index = cls()
        for file in files:
            for definition in definitions_in(file.lines, file.language_id):
                found = _Located(file, definition)
                index.by_name[definition.name].append(found)
                index.by_owner[definition.owner].append(found)
        return index


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """The names and words of a request, of the code around its place, and of its whole file."""

    asked: set[str]
    asked_stems: frozenset[str]
    close: set[str]
    """The words near the place."""
    uses: "Counter[str]"
    """How often the file has each word."""
    of_something: set[str]
    """What is called on, or read from, something: `cart.total`, `cart->total`."""
    own: set[str]
    """What the file itself defines."""
    imports: set[str]

    @classmethod
    def of(cls, file: FileSnapshot, near: tuple[int, int], instruction: str) -> "_Request":
        lines = file.lines[max(0, near[0] - MOST_LINES_BESIDE) : near[1] + MOST_LINES_BESIDE]
        return cls(
            asked=words(instruction),
            asked_stems=_stems(instruction),
            close=words("\n".join(file.lines[near[0] : near[1]])),
            uses=Counter(all_words(lines)),
            of_something={match[1] for line in lines for match in _OF_SOMETHING.finditer(line)},
            own={definition.name for definition in find_definitions(lines, file.language_id)},
            imports=words(_imports_of(file)),
        )

    @property
    def used(self) -> set[str]:
        """The names whose definitions may be needed."""
        return (self.asked | self.close | self.uses.keys()) - self.own - EVERYWHERE

    def rank(self, found: _Located) -> tuple[object, ...]:
        """Return where a definition that is used stands among such; the least comes first."""
        name = found.definition.name
        # What is imported and not used yet is probably meant for the code to come.
        nearness = (
            name in self.asked,
            name in self.imports and self.uses[name] == 1,
            name in self.close,
            name in self.imports,
            True,
        ).index(True)
        return (
            found.definition.is_member,
            nearness,
            -len(_stems(name) & self.asked_stems),
            not _is_imported(found, self.imports),
            found.file.path,
            found.definition.first,
        )


def related_pieces(
    file: FileSnapshot, near: tuple[int, int], instruction: str, others: Iterable[FileSnapshot]
) -> Iterator[FilePiece]:
    """Yield what of other files a request may need; what matters most comes first.

    Definitions of the names that are used; of their methods, those that the request has words of;
    files that are imported; what the definitions use themselves; what the request has words of.

    Args:
        file: The file that code goes to.
        near: The first line that is near the place, and the first behind.
        instruction: What is asked for.
        others: Where definitions are looked for.
    """
    files = [other for other in others if other.uri != file.uri]
    if not files:
        return
    index, request = _Index.of(files), _Request.of(file, near, instruction)
    imports, used, stems = request.imports, request.used, request.asked_stems
    may_be_members = request.of_something | request.asked
    direct = sorted(
        (
            found
            for found in _meant(index, used, imports)
            if not found.definition.is_member or found.definition.name in may_be_members
        ),
        key=request.rank,
    )
    yield from (found.piece for found in direct)

    close_stems = stems | _stems(" ".join(request.close & used))
    for found in direct:
        members = [
            each
            for each in index.by_owner[found.definition.name]
            if each.file != found.file or each.definition.end > found.definition.end
        ]
        yield from _best(members, close_stems, least=1)

    yield from _imported_files(files, imports, stems)

    shown = {found.definition.name for found in direct}
    behind = words("\n".join(found.text for found in direct)) - shown - request.own - EVERYWHERE
    for found in _meant(index, behind, imports):
        if not found.definition.is_member:
            yield found.piece

    spoken_of = [
        each
        for name, founds in index.by_name.items()
        if name not in shown and 1 < len(_stems(name)) == len(_stems(name) & stems)
        for each in founds[:MOST_PLACES]
    ]
    yield from _best(spoken_of, stems, least=2)


def _imported_files(
    files: Iterable[FileSnapshot], imports: set[str], asked: frozenset[str]
) -> Iterator[FilePiece]:
    """Yield imported files, if they are small; of others, what the request has words of."""
    imported = [each for each in files if _stem(each) in imports]
    for each in sorted(imported, key=lambda each: each.path):
        if len(each.lines) <= SMALL_FILE_LINES:
            yield FilePiece(file=each, first=0, end=len(each.lines), why="imported")
        else:
            inside = [
                _Located(each, definition)
                for definition in definitions_in(each.lines, each.language_id)
            ]
            yield from _best(inside, asked, least=1)


def _meant(index: _Index, names: set[str], imports: set[str]) -> Iterator[_Located]:
    """Yield which definitions of some names may be meant: of imported files, else if few."""
    for name in sorted(names & index.by_name.keys()):
        every = sorted(index.by_name[name], key=lambda each: each.file.path)
        # What stands alone is meant before what stands inside something else.
        alone = [each for each in every if not each.definition.is_member] or every
        imported = [each for each in alone if _is_imported(each, imports)]
        if imported:
            # A type, and what is added to it elsewhere in its file.
            yield from (each for each in imported if each.file == imported[0].file)
        elif len({each.file.uri for each in alone}) <= MOST_PLACES:
            yield from alone[:MOST_PLACES]


def _best(
    candidates: list[_Located], request: frozenset[str], *, least: int
) -> Iterator[FilePiece]:
    """Yield the few definitions that have the most words in common with a request."""

    def in_common(found: _Located) -> int:
        first, end = found.definition.first, found.definition.end
        heading = "\n".join(found.file.lines[first : min(end, first + _HEADING_LINES)])
        return len(_stems(heading) & request)

    rated = sorted(
        ((in_common(each), each) for each in candidates),
        key=lambda item: (-item[0], item[1].file.path, item[1].definition.first),
    )
    for common, found in rated[:_MOST_PER_FILE]:
        if common >= least:
            yield found.piece


def _is_imported(found: _Located, imports: set[str]) -> bool:
    return _stem(found.file) in imports or found.definition.name in imports


def _stem(file: FileSnapshot) -> str:
    return re.split(r"[/\\]", file.path)[-1].split(".")[0]


@lru_cache(maxsize=4 * FILES_REMEMBERED)
def _stems(text: str) -> frozenset[str]:
    """Return the beginnings of a text's words, by which they are alike: `config`, `configuration`.

    Example: `parseConfigFile`, "parse the configuration file": `pars`, `conf`, `file`.
    """
    parts = {part.lower() for part in _PART.findall(text)}
    return frozenset(
        part[:_STEM_CHARACTERS]
        for part in parts - _COMMON_WORDS
        if len(part) > 2  # noqa: PLR2004
    )


def _imports_of(file: FileSnapshot) -> str:
    return "\n".join(file.lines[number] for number in import_lines(file.lines))


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _plain_words(text: str) -> set[str]:
    return set(map(_plain, words(text)))
