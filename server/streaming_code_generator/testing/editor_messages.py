"""What a simulated editor and a server say to each other about one document."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from streaming_code_generator.testing.editor_positions import Position


@dataclass(frozen=True, slots=True)
class Reply:
    """The client's answer to an edit."""

    edit_id: int
    applied: bool


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of a `didChange`; without a range it is the whole text."""

    range: tuple[Position, Position] | None
    text: str


@dataclass(frozen=True, slots=True)
class DidChange:
    """A change notification."""

    version: int
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class DidUndo:
    """A notification that an undo or a redo led to a version."""

    version: int


Message = Reply | DidChange | DidUndo


class Replacement(Protocol):
    """One replacement of an edit, in the client's positions."""

    @property
    def start(self) -> Position: ...  # noqa: D102 - named by the field
    @property
    def end(self) -> Position: ...  # noqa: D102 - named by the field
    @property
    def text(self) -> str: ...  # noqa: D102 - named by the field


class ServerEdit(Protocol):
    """An edit as a server sends it; its replacements are in order and do not overlap."""

    @property
    def edit_id(self) -> int: ...  # noqa: D102 - named by the field
    @property
    def version(self) -> int | None: ...  # noqa: D102 - named by the field
    @property
    def replacements(self) -> Sequence[Replacement]: ...  # noqa: D102 - named by the field
