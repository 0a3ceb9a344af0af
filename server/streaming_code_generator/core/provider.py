"""What a generation needs from whoever streams text: the one seam between core and backends."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from streaming_code_generator.core.messages import CompletionRequest, Delta


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderDescription:
    """Which provider was taken and why, for logs, results and `doctor`."""

    name: str
    """`openai`, `embedded` or `scripted`."""
    model: str
    endpoint: str
    """Where requests go, without credentials; generations are limited per endpoint."""
    reason: str
    """Why this provider was taken, as one clause: "a base URL is set (environment)"."""


class Provider(Protocol):
    """Streams completions. One provider serves many concurrent generations.

    `open` makes exactly one attempt: it does not retry. It raises `ConfigurationError`, `APIError`
    (with `retryable` and `retry_after_s` set) or `StreamProcessError`, also while iterating.

    Cancellation: leaving the context, or cancelling the task inside it, closes the connection.
    """

    @property
    def description(self) -> ProviderDescription:
        """Which provider this is and why it was taken."""
        ...

    def open(self, request: CompletionRequest) -> AbstractAsyncContextManager[AsyncIterator[Delta]]:
        """Send the request and yield its chunks, empty ones too, until the stream ends."""
        ...

    async def warm_up(self) -> None:
        """Load what the first request would otherwise wait for; starts nothing, never fails."""
        ...

    async def aclose(self) -> None:
        """Release connections and child processes. Safe to call twice."""
        ...
