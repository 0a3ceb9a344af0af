"""What a document writer and its driver say to each other."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class ReportedChange:
    """One entry of a `didChange`: positions are the client's; None stands for the whole text."""

    range: tuple[tuple[int, int], tuple[int, int]] | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TextReplacement:
    """One replacement to send, in the client's positions."""

    start: tuple[int, int]
    end: tuple[int, int]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingEdit:
    """One edit to send; its replacements do not overlap and are in order."""

    edit_id: int
    version: int | None
    """None for a document that the client does not have open."""
    replacements: tuple[TextReplacement, ...]


class RangeTaken(ValueError):  # noqa: N818 - named for what happened
    """A generation that is still running writes in the range that another one was to replace."""

    def __init__(self, region_id: str) -> None:
        super().__init__(f"region {region_id} is still being written in that range")
        self.region_id = region_id


UndeliverableReason = Literal["refused", "no_reply", "no_change"]


@dataclass(frozen=True, slots=True)
class Settled:
    """A finished region's text stands in the document as wanted."""

    region_id: str


@dataclass(frozen=True, slots=True)
class Deleted:
    """A user removed all of a region's text."""

    region_id: str


@dataclass(frozen=True, slots=True)
class Undone:
    """The user has undone text of a region and not redone it: the rest is to be taken out."""

    region_id: str


@dataclass(frozen=True, slots=True)
class Undeliverable:
    """The client does not take edits; the region stays as it is."""

    region_id: str
    reason: UndeliverableReason


Outcome = Settled | Deleted | Undone | Undeliverable
