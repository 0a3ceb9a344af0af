"""What is streamed, and into which document."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from io import StringIO
from typing import Literal, Self

TextKind = Literal["ascii", "emoji"]
Place = Literal["blank", "around", "selection"]
PIECE_CHARACTERS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """An answer: so many chunks of code in a fence, at full rate or so many a second."""

    chunks: int = 5_000
    rate: int = 0
    text: TextKind = "ascii"
    characters: int = PIECE_CHARACTERS
    """Length of a chunk."""

    @property
    def name(self) -> str:
        """The name by which the endpoint is asked for it."""
        return ",".join(f"{field.name}={getattr(self, field.name)}" for field in fields(self))

    @classmethod
    def parse(cls, name: str) -> Self:
        """Return the stream of a name."""
        values = dict(part.split("=") for part in name.split(","))
        kind: TextKind = "emoji" if values["text"] == "emoji" else "ascii"
        return cls(
            chunks=int(values["chunks"]),
            rate=int(values["rate"]),
            text=kind,
            characters=int(values["characters"]),
        )

    def pieces(self) -> Iterator[str]:
        """Yield the chunks' texts."""
        yield "```python\n"
        code, line = StringIO(), 0
        mark = "🦀é" if self.text == "emoji" else "abc"
        while code.tell() < self.characters * (self.chunks - 2):
            code.write(f"value_{line} = compute({line}, '{mark}')\n")
            line += 1
        code.seek(0)
        for _ in range(self.chunks - 2):
            yield code.read(self.characters)
        yield "\n```\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A document and the place in it at which code is asked for."""

    lines: int = 100
    place: Place = "blank"
    text: TextKind = "ascii"

    @property
    def document(self) -> str:
        """The document's text; its middle line is the place."""
        mark = "🦀" if self.text == "emoji" else "x"
        numbered = [f"line_{number} = '{mark}'\n" for number in range(self.lines)]
        middle = {"blank": "\n", "around": "result = [before, ]\n", "selection": "old = 1\n"}
        numbered[self.lines // 2] = middle[self.place]
        return "".join(numbered)

    @property
    def range(self) -> dict[str, dict[str, int]]:
        """The range to send with the request, in the client's positions."""
        line = self.lines // 2
        start, end = {"blank": (0, 0), "around": (17, 17), "selection": (0, 7)}[self.place]
        return {
            "start": {"line": line, "character": start},
            "end": {"line": line + (10 if self.place == "selection" else 0), "character": end},
        }
