"""Reads entries of texts from a file, in which no text has to be quoted or indented.

Example:
    %%%% the entry's name
    %%%% prompt: a field, on one line
    %%%% document
    a text,
    up to the next line that begins with %%%%
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

MARK = "%%%%"

Position = tuple[int, int]
"""A line and a column, in code points."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a file."""

    name: str
    fields: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    """Each without the end of its last line: an empty line there is a final newline."""


def read_entries(path: Path, *, fields: set[str], texts: set[str]) -> Iterator[Entry]:
    """Yield the entries of a file.

    Args:
        path: The file.
        fields: Names of what is on one line, behind a colon.
        texts: Names of what is on the lines below.
    """
    # Every line from the first mark on belongs to a mark: the file is cut at the marks.
    entry: Entry | None = None
    content = path.read_text(encoding="utf-8").removesuffix("\n")
    for part in f"\n{content}".split(f"\n{MARK}")[1:]:
        head, _, text = part.partition("\n")
        name, colon, value = head.strip().partition(":")
        if entry is not None and not colon and name in texts:
            entry.texts[name] = text
        elif entry is not None and colon and name in fields:
            entry.fields[name] = value.strip()
        else:
            if entry is not None:
                yield entry
            entry = Entry(head.strip())
    if entry is not None:
        yield entry


@dataclass(frozen=True, slots=True)
class Place:
    """A document, and the place in it that was marked: `▮` a cursor, `«` and `»` a selection."""

    text: str
    start: Position
    end: Position


def read_place(marked: str) -> Place:
    """Return a document without its marks, and where they were."""
    start = marked.partition("▮" if "▮" in marked else "«")[0]
    end = marked.partition("»")[0].replace("«", "") if "»" in marked else start
    text = marked.replace("▮", "").replace("«", "").replace("»", "")
    return Place(text, _position_behind(start), _position_behind(end))


def offset(text: str, position: Position) -> int:
    """Return where a position is, in code points from the beginning."""
    line, column = position
    return sum(len(each) + 1 for each in text.split("\n")[:line]) + column


def _position_behind(before: str) -> Position:
    return before.count("\n"), len(before) - before.rfind("\n") - 1
