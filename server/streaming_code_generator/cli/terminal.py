"""Output of the command line: results on standard output, all else on standard error."""

import sys
from dataclasses import dataclass
from enum import Enum

from streaming_code_generator.logs import redacted


def use_utf8() -> None:
    """Write UTF-8 whatever the locale; what UTF-8 has no form for is written as an escape."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:  # a test's replacement may have none
            reconfigure(encoding="utf-8", errors="backslashreplace")


def show(text: str) -> None:
    """Write a piece of the result at once, as it is.

    Raises:
        BrokenPipeError: The reader of standard output has gone away.
    """
    sys.stdout.write(text)
    sys.stdout.flush()


def notify(line: str) -> None:
    """Write one line for the user, without keys."""
    sys.stderr.write(redacted(line) + "\n")
    sys.stderr.flush()


def one_line(text: str) -> str:
    """Return the text with every run of white space made one blank."""
    return " ".join(text.split())


class State(Enum):
    """How a thing is that was looked at; the value is what its line begins with."""

    OK = "ok"
    NOTE = "note"
    """Not as it could be; nothing that is needed depends on it."""
    BROKEN = "FAIL"
    """Needed, and does not work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of what `doctor` found."""

    state: State
    text: str
