"""The cases of this folder, as data."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
MARK = "%%%%"

Place = tuple[int, int]
"""A line and a column, in code points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A document, an answer, and what the document is to become."""

    name: str
    language_id: str
    prompt: str | None
    """None: the comment at the cursor."""
    document: str
    start: Place
    end: Place
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
    return [case for path in sorted(FOLDER.glob("*.txt")) for case in _cases_of(path)]


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


def offset(text: str, line: int, column: int) -> int:
    """Return where a place is, in code points from the beginning."""
    return sum(len(each) + 1 for each in text.split("\n")[:line]) + column


def _cases_of(path: Path) -> Iterator[Case]:
    name, fields, texts = "", dict[str, str](), dict[str, list[str]]()
    reading: list[str] | None = None
    for line in [
        *path.read_text(encoding="utf-8").removesuffix("\n").split("\n"),
        f"{MARK} end of the file",
    ]:
        if not line.startswith(MARK):
            if reading is not None:
                reading.append(line)
            continue
        word, colon, value = line.removeprefix(MARK).strip().partition(":")
        if word in {"document", "answer", "right"}:
            reading = texts[word] = []
        elif colon and word in {"language", "prompt", "nothing", "warns", "comment"}:
            fields[word], reading = value.strip(), None
        else:
            if name:
                joined = {key: "\n".join(lines) for key, lines in texts.items()}
                yield _case(f"{path.stem}: {name}", fields, joined)
            name, fields, texts, reading = line.removeprefix(MARK).strip(), {}, {}, None


def _case(name: str, fields: dict[str, str], texts: dict[str, str]) -> Case:
    marked = texts["document"]
    document = marked.replace("▮", "").replace("«", "").replace("»", "")
    start = marked.partition("▮" if "▮" in marked else "«")[0]
    end = marked.partition("»")[0].replace("«", "") if "»" in marked else start
    return Case(
        name=name,
        language_id=fields["language"],
        prompt=None if "comment" in fields else fields.get("prompt", "x"),
        document=document,
        start=_place(start),
        end=_place(end),
        answer=texts["answer"],
        right=document if "nothing" in fields else texts["right"],
        warning=fields.get("nothing", fields.get("warns")),
        is_nothing="nothing" in fields,
    )


def _place(before: str) -> Place:
    return before.count("\n"), len(before) - before.rfind("\n") - 1
