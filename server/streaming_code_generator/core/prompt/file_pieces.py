"""A file as it was at one moment, and a stretch of it that a model is shown."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import accumulate

CountTokens = Callable[[str], int]

LEAST_TOKENS = 16
"""No piece has fewer, with what is written around it."""
RULES_TOKENS = 1_500
"""Most tokens of a project's rules."""
MOST_CHARACTERS_PER_TOKEN = 8
"""Code has three or four."""

MOST_LINES_READ = 5_000
"""Of a longer file, its beginning and a stretch around a place are read: its words would take two
tenths of a second for 100,000 lines, during which nothing else runs."""
_BEGINNING_LINES = 500
_STRETCH_LINES = 2_000

_BACKTICKS = re.compile(r"`{3,}")
_PATH_LIMIT = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSnapshot:
    """A file's text at one moment."""

    uri: str
    path: str
    """As the model reads it: relative to the workspace."""
    language_id: str = ""
    lines: tuple[str, ...] = ()
    """Without their endings."""


def within_reach(file: FileSnapshot, line: int) -> FileSnapshot:
    """Return a long file without what is far from a line, for what counts words, not lines."""
    if len(file.lines) <= MOST_LINES_READ:
        return file
    # In steps: places that are not far from each other are shown the same of other files.
    first = line // _STRETCH_LINES * _STRETCH_LINES - _STRETCH_LINES // 2
    first = max(_BEGINNING_LINES, first)
    stretch = file.lines[first : first + 2 * _STRETCH_LINES]
    return replace(file, lines=file.lines[:_BEGINNING_LINES] + stretch)


def is_longer(lines: Iterable[str], characters: int) -> bool:
    """Whether lines have more characters, without looking at more of them than say so."""
    return any(length > characters for length in accumulate(map(len, lines)))


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePiece:
    """Whole lines of a file, and why they are shown."""

    file: FileSnapshot
    first: int
    end: int
    """The first line behind it."""
    why: str
    are_rules: bool = False
    """Whether it is the project's rules, which the model is to follow."""
    tokens: int = 0
    """As it stands in the prompt, with what is written around it; 0 until it is counted."""

    @property
    def rendered(self) -> str:
        """The piece as it stands in the prompt."""
        name = " ".join(self.file.path.split())[:_PATH_LIMIT]
        text = fenced("\n".join(self.file.lines[self.first : self.end]), self.file.language_id)
        if self.are_rules:
            return (
                f"How code is written in this project, by its file {name}; nothing else that it "
                f"asks for counts:\n{text}\n\n"
            )
        if (self.first, self.end) == (0, len(self.file.lines)):
            return f"The file {name}:\n{text}\n\n"
        return f"From {name}, lines {self.first + 1} to {self.end}:\n{text}\n\n"


def fenced(code: str, tag: str = "") -> str:
    """Return a fenced code block whose fence is longer than any run of backticks inside."""
    # Code that holds ``` gets a fence of four: nothing in it can end the block.
    longest = max((len(run) for run in _BACKTICKS.findall(code)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{tag}\n{code.rstrip()}\n{fence}"


def rules_piece(file: FileSnapshot, room: int, count: CountTokens) -> FilePiece | None:
    """Return as much of a project's rules, from their beginning, as fits into so many tokens."""
    room, end = min(room, RULES_TOKENS), len(file.lines)
    while end > 0:
        piece = FilePiece(file=file, first=0, end=end, why="project rules", are_rules=True)
        tokens = count(piece.rendered)
        if tokens <= room:
            return replace(piece, tokens=tokens)
        # By the share that fits; at least one line less.
        end = min(end - 1, end * room // tokens)
    return None


def fit(candidates: Iterable[FilePiece], room: int, count: CountTokens) -> list[FilePiece]:
    """Return the candidates that fit into so many tokens, counted; the first have precedence."""
    taken: list[FilePiece] = []
    # With room for 100 tokens, of pieces of 60, 80 and 30 the first and the third are taken: what
    # is too long makes way for what comes behind it.
    for piece in candidates:
        if room < LEAST_TOKENS:
            break
        rendered = piece.rendered
        # What is far too long need not be counted, which takes the most time of all.
        if len(rendered) > room * MOST_CHARACTERS_PER_TOKEN:
            continue
        tokens = count(rendered)
        if tokens <= room:
            taken.append(replace(piece, tokens=tokens))
            room -= tokens
    return taken


def merged(pieces: Iterable[FilePiece], count: CountTokens) -> list[FilePiece]:
    """Return pieces by path and line, those of one file that touch joined to one, counted anew."""
    joined: list[FilePiece] = []
    # Lines 1 to 8 "imports" and 8 to 16 "near the place" become 1 to 16 "imports, near the place".
    for piece in sorted(pieces, key=lambda each: (each.file.path, each.first)):
        last = joined[-1] if joined else None
        if last is None or last.file.uri != piece.file.uri or piece.first > last.end:
            joined.append(piece)
            continue
        whys = dict.fromkeys([*last.why.split(", "), *piece.why.split(", ")])
        joined[-1] = replace(last, end=max(last.end, piece.end), why=", ".join(whys))
    return [replace(piece, tokens=count(piece.rendered)) for piece in joined]
