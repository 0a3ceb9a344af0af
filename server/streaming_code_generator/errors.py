"""The errors that users and programs meet, as one tree.

    StreamingError
    |- ConfigurationError    the user must set or install something; the message says what and where
    |- APIError              the request failed, after its retries
    |- StreamProcessError    the stream broke, stalled or could not be used

A message says what happened, to what, and the next step. It never holds a key or the prompt.
"""

from typing import Literal

ErrorKind = Literal[
    "configuration",
    "authentication",
    "not_found",
    "rate_limit",
    "context_length",
    "bad_request",
    "server",
    "connection",
    "timeout",
    "stream",
    "callback",
    "document",
    "internal",
]
"""What went wrong, for programs: the `kind` in an error response's `data`."""


class StreamingError(Exception):
    """The base of all errors this package raises on purpose."""

    def __init__(
        self, message: str, *, kind: ErrorKind, attempts: int = 0, partial_text: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.kind: ErrorKind = kind
        self.attempts = attempts
        """Requests made before giving up; 0 when none was made."""
        self.partial_text = partial_text
        """The response text that had arrived before the failure."""


class ConfigurationError(StreamingError):
    """Something must be set or installed first; the message says what and where."""

    def __init__(self, message: str) -> None:
        super().__init__(message, kind="configuration")


class APIError(StreamingError):
    """The request failed before any text arrived.

    A provider raises it with what it knows; the generator decides by `retryable` whether to ask
    again, and raises it once more with the number of attempts in its message.
    """

    def __init__(  # noqa: PLR0913 - each is a separate fact about one failed request
        self,
        message: str,
        *,
        kind: ErrorKind,
        status_code: int | None = None,
        retryable: bool = False,
        retry_after_s: float | None = None,
        attempts: int = 0,
        partial_text: str = "",
    ) -> None:
        super().__init__(message, kind=kind, attempts=attempts, partial_text=partial_text)
        self.status_code = status_code
        """The HTTP status, or None when no response came."""
        self.retryable = retryable
        self.retry_after_s = retry_after_s
        """Seconds the server asked to wait (`Retry-After`), or None."""


class StreamProcessError(StreamingError):
    """The stream broke, stalled or could not be used; `partial_text` holds what had arrived."""

    def __init__(
        self,
        message: str,
        *,
        kind: ErrorKind = "stream",
        attempts: int = 0,
        partial_text: str = "",
        retryable: bool = False,
    ) -> None:
        super().__init__(message, kind=kind, attempts=attempts, partial_text=partial_text)
        self.retryable = retryable
        """Whether asking again may help, as long as no text was shown."""
