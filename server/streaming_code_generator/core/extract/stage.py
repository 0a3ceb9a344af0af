"""How the parts of the filter hand a response on to one another."""

from dataclasses import dataclass, field
from typing import Protocol

from streaming_code_generator.core.extract.pieces import Piece


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a stage makes of some text."""

    pieces: list[Piece] = field(default_factory=list)
    following: "Stage | None" = None
    """The stage that takes over from here, or None while this one goes on."""
    rest: str = ""
    """What the following stage has to read first."""


class Stage(Protocol):
    r"""Reads the response for as long as it is in one state: reasoning, a fenced block, prose...

    What a stage gives away depends on the characters alone, never on how they were cut: each
    decision is made on a prefix of the text that no later character can change.
    """

    @property
    def held_back(self) -> int:
        """Characters read and not yet handed on."""
        ...

    def feed(self, segment: str) -> Step:
        r"""Read at most one line's worth: a `\n` may only be the segment's last character."""
        ...

    def finish(self) -> Step:
        """Let go of what was held back, since nothing follows."""
        ...
