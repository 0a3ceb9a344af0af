"""The cases of this folder, as data."""

from dataclasses import dataclass
from pathlib import Path

from support.entries import Entry, Position, read_entries, read_place

FOLDER = Path(__file__).parent
_FIELDS = {"language", "prompt", "nothing", "warns", "comment"}
_TEXTS = {"document", "answer", "right"}
_SIGNS = {"␍": "\r", "⍽": "\u00a0", "⟪BOM⟫": "\ufeff"}
"""What stands in an answer for a character that an editor would not show, or would change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A document, an answer, and what the document is to become."""

    name: str
    language_id: str
    prompt: str | None
    """None: the comment at the cursor."""
    document: str
    start: Position
    end: Position
    answer: str
    right: str
    """The document that is right; the one there was, if nothing is to be inserted."""
    warning: str | None
    is_nothing: bool

    def __str__(self) -> str:
        """Return what names the case in a report."""
        return self.name


def cases() -> list[Case]:
    """Return all cases, in the order of their files."""
    return [
        _case(f"{path.stem}: {entry.name}", entry)
        for path in sorted(FOLDER.glob("*.txt"))
        for entry in read_entries(path, fields=_FIELDS, texts=_TEXTS)
    ]


def cases_by_kind() -> dict[str, list[Case]]:
    """Return all cases by the names of their files."""
    kinds: dict[str, list[Case]] = {}
    for case in cases():
        kinds.setdefault(case.name.partition(": ")[0], []).append(case)
    return kinds


def chunkings(answer: str) -> dict[str, list[str]]:
    """Return an answer cut into chunks in several ways."""
    words: list[str] = []
    for char in answer:
        if words and (char.isalnum() == words[-1][-1].isalnum() or char == "\n"):
            words[-1] += char
        else:
            words.append(char)
    return {
        "whole": [answer],
        "lines": answer.splitlines(keepends=True),
        "words": words,
        "threes": [answer[start : start + 3] for start in range(0, len(answer), 3)],
        "characters": list(answer),
    }


def _case(name: str, entry: Entry) -> Case:
    fields, texts = entry.fields, entry.texts
    place = read_place(texts["document"])
    answer = texts["answer"]
    for sign, char in _SIGNS.items():
        answer = answer.replace(sign, char)
    return Case(
        name=name,
        language_id=fields["language"],
        prompt=None if "comment" in fields else fields.get("prompt", "x"),
        document=place.text,
        start=place.start,
        end=place.end,
        answer=answer,
        right=place.text if "nothing" in fields else texts["right"],
        warning=fields.get("nothing", fields.get("warns")),
        is_nothing="nothing" in fields,
    )
