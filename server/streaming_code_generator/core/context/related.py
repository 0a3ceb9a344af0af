"""Finds what of other files a request needs: what is used, imported, or named in its words."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from streaming_code_generator.core.context.definitions import (
    EVERYWHERE,
    FILES_REMEMBERED,
    Definition,
    all_words,
    definitions_in,
    import_lines,
    words,
)
from streaming_code_generator.core.context.file_pieces import FilePiece, FileSnapshot

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
class _Found:
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

    by_name: dict[str, list[_Found]] = field(default_factory=lambda: defaultdict(list))
    by_owner: dict[str, list[_Found]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, files: Iterable[FileSnapshot]) -> "_Index":
        index = cls()
        for file in files:
            for definition in definitions_in(file.lines):
                found = _Found(file, definition)
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
        return cls(
            asked=words(instruction),
            asked_stems=_stems(instruction),
            close=words("\n".join(file.lines[near[0] : near[1]])),
            uses=Counter(all_words(file.lines)),
            of_something={
                match[1] for line in file.lines for match in _OF_SOMETHING.finditer(line)
            },
            own={definition.name for definition in definitions_in(file.lines)},
            imports=words(_imports_of(file)),
        )

    @property
    def used(self) -> set[str]:
        """The names whose definitions may be needed."""
        return (self.asked | self.close | self.uses.keys()) - self.own - EVERYWHERE

    def rank(self, found: _Found) -> tuple[object, ...]:
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
            inside = [_Found(each, definition) for definition in definitions_in(each.lines)]
            yield from _best(inside, asked, least=1)


def _meant(index: _Index, names: set[str], imports: set[str]) -> Iterator[_Found]:
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


def _best(candidates: list[_Found], request: frozenset[str], *, least: int) -> Iterator[FilePiece]:
    """Yield the few definitions that have the most words in common with a request."""

    def in_common(found: _Found) -> int:
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


def _is_imported(found: _Found, imports: set[str]) -> bool:
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
