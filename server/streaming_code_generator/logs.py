"""Logging set-up: one handler that keeps keys and request bodies out of what it writes."""

import contextlib
import logging
import logging.handlers
import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

PACKAGE = "streaming_code_generator"


@dataclass(frozen=True, slots=True)
class _KeyShape:
    """What a key looks like, or what stands before one."""

    beginnings: tuple[str, ...]
    """What every match begins with: they are found a hundred times faster than by the pattern."""
    pattern: re.Pattern[str]
    """Its first group, if it has one, is what stands before the key, and stays."""
    ignores_case: bool = False

    def masked(self, text: str) -> str:
        """Return the text with each match masked."""
        searched = _lower(text) if self.ignores_case else text
        parts, done = [], 0
        for start in sorted(_found(searched, self.beginnings)):
            if start >= done and (match := self.pattern.match(text, start)):
                kept = match[1] if self.pattern.groups else ""
                parts += [text[done:start], kept, _MASK]
                done = match.end()
        return "".join([*parts, text[done:]])


def _found(text: str, beginnings: Iterable[str]) -> Iterator[int]:
    for beginning in beginnings:
        start = text.find(beginning)
        while start >= 0:
            yield start
            start = text.find(beginning, start + 1)


def _lower(text: str) -> str:
    """Return the text in lower case, each character at its place."""
    lower = text.lower()
    # A dotted capital I becomes two characters.
    return lower if len(lower) == len(text) else "".join(c.lower()[:1] for c in text)


_KEY_SHAPES = (
    # What OpenAI and those who copied its format hand out: sk-…, sk-proj-…, sk-or-v1-…
    _KeyShape(("sk-", "pk-", "rk-"), re.compile(r"\b(?:sk|pk|rk)-[A-Za-z0-9_\-]{6,}")),
    # Other providers' and hosts' keys by their documented prefixes.
    _KeyShape(
        ("gsk_", "hf_", "ghp_", "gho_", "github_pat_", "xai-", "AIza"),
        re.compile(r"\b(?:gsk_|hf_|ghp_|gho_|github_pat_|xai-|AIza)[A-Za-z0-9_\-]{10,}"),
    ),
    _KeyShape(
        ("bearer", "basic"),
        re.compile(r"(?i)(\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=\-]{6,}"),
        ignores_case=True,
    ),
    _KeyShape(
        # `x-api-key` holds another of them.
        ("authorization", "api-key", "api_key", "apikey"),
        re.compile(
            r"""(?ix) (\b(?:authorization|api-key|api_key|apikey)\b["']?\s*[:=]\s*["']?)
            (?!bearer|basic) [^\s"',;}]{6,}"""
        ),
        ignores_case=True,
    ),
    # The password in a URL.
    _KeyShape(
        ("http",), re.compile(r"(?i)(\bhttps?://[^\s/:@]*:)[^\s/@]+(?=@)"), ignores_case=True
    ),
)
_MASK = "***"

_CAPS = {
    # At INFO it logs every message it sends in full: document text, prompts, responses.
    "pygls": logging.WARNING,
    # At DEBUG they log request bodies and headers; at INFO one line for each request.
    "openai": logging.WARNING,
    "httpx2": logging.WARNING,
    "httpcore": logging.WARNING,
    "httpcore2": logging.WARNING,
    "asyncio": logging.WARNING,
}
"""The least serious level at which foreign loggers are heard, whatever our own level is."""


LEAST_KEY_CHARACTERS = 8
"""A shorter key is a placeholder for a server that wants none (`x`, `test`, `ollama`): masking it
everywhere would tear ordinary words apart, and hide nothing."""


def redacted(text: str, keys: Iterable[str] = ()) -> str:
    """Return the text with the given keys, and whatever looks like one, masked."""
    for key in keys:
        if len(key) >= LEAST_KEY_CHARACTERS:
            text = text.replace(key, _MASK)
    for shape in _KEY_SHAPES:
        text = shape.masked(text)
    return text


class Redaction:
    """The keys in use, and the masking of them."""

    def __init__(self) -> None:
        self._keys: tuple[str, ...] = ()

    def hide(self, key: str) -> None:
        """Mask this key from now on, whatever it looks like."""
        if key and key not in self._keys:
            # The longest first: a key may be the beginning of another.
            self._keys = tuple(sorted((*self._keys, key), key=len, reverse=True))

    def redact(self, text: str) -> str:
        """Return the text with every hidden key, and whatever looks like one, masked."""
        return redacted(text, self._keys)


class RedactingFormatter(logging.Formatter):
    """Masks keys in the finished lines: message, arguments and traceback alike."""

    def __init__(self, redaction: Redaction) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._redaction = redaction

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as masked text."""
        return self._redaction.redact(super().format(record))


class _QuietHandler(logging.Handler):
    """Reports once that it cannot write; the default would print every record, keys and all."""

    _has_failed = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the base class names it
        """Say on standard error what hinders it, and nothing of the record."""
        error = sys.exc_info()[1]
        if self._has_failed or sys.stderr is None:
            return
        self._has_failed = True
        reason = error.strerror if isinstance(error, OSError) else type(error).__name__
        with contextlib.suppress(OSError, ValueError):  # that one is full or closed as well
            sys.stderr.write(f"The log cannot be written ({reason}); {record.name} goes on.\n")


class _StreamLog(_QuietHandler, logging.StreamHandler[TextIO]):
    """Logs to a stream."""


MOST_FILE_BYTES = 10_000_000
"""The size at which a log file is put aside, as `NAME.1`, and begun anew."""


class _FileLog(_QuietHandler, logging.handlers.RotatingFileHandler):
    """Logs to a file that only its user can read, and keeps the one before it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=MOST_FILE_BYTES, backupCount=1, encoding="utf-8")

    def _open(self) -> TextIOWrapper:
        # Document text stands in it at the level of debugging.
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return open(descriptor, "a", encoding="utf-8")  # noqa: PTH123 - of a descriptor

    def rotate(self, source: str, dest: str) -> None:
        """Put the full file aside; where another process has it open, go on in it."""
        with contextlib.suppress(OSError):
            super().rotate(source, dest)


class CapFilter(logging.Filter):
    """Drops what foreign loggers say below their cap, whatever level they are set to."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record's logger may say this."""
        package = record.name.partition(".")[0]
        return record.levelno >= _CAPS.get(package, logging.NOTSET)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSink:
    """The handler that was installed, and what masks keys in it."""

    handler: logging.Handler
    redaction: Redaction

    def set_level(self, level: str) -> None:
        """Log our own loggers from this level on: `debug`, `info`, `warning` or `error`."""
        logging.getLogger(PACKAGE).setLevel(level.upper())

    def close(self) -> None:
        """Remove the handler again and release its file."""
        logging.getLogger().removeHandler(self.handler)
        self.handler.close()


def install(target: TextIO | Path, *, level: str = "info") -> LogSink:
    """Send all logging to a stream (never standard output: it is the protocol) or a file.

    Raises:
        OSError: The file cannot be written.
    """
    handler = _FileLog(target) if isinstance(target, Path) else _StreamLog(target)
    redaction = Redaction()
    handler.addFilter(CapFilter())
    handler.setFormatter(RedactingFormatter(redaction))
    logging.getLogger().addHandler(handler)
    sink = LogSink(handler=handler, redaction=redaction)
    sink.set_level(level)
    return sink
