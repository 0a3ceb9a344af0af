"""Logging set-up: one handler that keeps keys and request bodies out of what it writes."""

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

PACKAGE = "streaming_code_generator"

_KEY_SHAPES = (
    # What OpenAI and those who copied its format hand out: sk-…, sk-proj-…, sk-or-v1-…
    re.compile(r"\b(?:sk|pk|rk)-[A-Za-z0-9_\-]{6,}"),
    # Other providers' and hosts' keys by their documented prefixes.
    re.compile(r"\b(?:gsk_|hf_|ghp_|gho_|github_pat_|xai-|AIza)[A-Za-z0-9_\-]{10,}"),
)
_KEY_PLACES = (
    re.compile(r"(?i)(\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=\-]{6,}"),
    re.compile(
        r"""(?ix) (\b(?:authorization|x-api-key|api-key|api_key|apikey)\b["']?\s*[:=]\s*["']?)
        (?!bearer|basic) [^\s"',;}]{6,}"""
    ),
    # The password in a URL.
    re.compile(r"(?i)(\bhttps?://[^\s/:@]*:)[^\s/@]+(?=@)"),
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


def redacted(text: str, keys: Iterable[str] = ()) -> str:
    """Return the text with the given keys, and whatever looks like one, masked."""
    for key in keys:
        text = text.replace(key, _MASK)
    for shape in _KEY_SHAPES:
        text = shape.sub(_MASK, text)
    for place in _KEY_PLACES:
        text = place.sub(rf"\g<1>{_MASK}", text)
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
    handler: logging.Handler = (
        logging.FileHandler(target, encoding="utf-8")
        if isinstance(target, Path)
        else logging.StreamHandler(target)
    )
    redaction = Redaction()
    handler.addFilter(CapFilter())
    handler.setFormatter(RedactingFormatter(redaction))
    logging.getLogger().addHandler(handler)
    sink = LogSink(handler=handler, redaction=redaction)
    sink.set_level(level)
    return sink
