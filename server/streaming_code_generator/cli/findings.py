"""What `doctor` found: one line each."""

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """How a thing is; the value is what the line begins with."""

    OK = "ok"
    NOTE = "note"
    """Not as it could be; nothing that is needed depends on it."""
    BROKEN = "FAIL"
    """Needed, and does not work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    state: State
    text: str
