"""Requests to a provider, and what it hands back, chunk by chunk."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a chat."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionRequest:
    """A chat completion to stream, in no provider's own words."""

    messages: tuple[Message, ...]
    max_output_tokens: int | None = None
    """Most tokens to generate; None leaves it to the provider."""
    temperature: float | None = None
    """Sampling temperature, 0 to 2; None leaves it to the provider."""
    reasoning_effort: str | None = None
    """How much to think before the answer, in the provider's word; None leaves it to the model."""
    session_id: str = ""
    """The same for requests whose prompts begin alike, so that they may go to the same replica."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Token counts as the provider itself reports them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    cached_tokens: int = 0
    """Those of the prompt that the provider had read before."""
    reasoning_tokens: int = 0
    """Those of the completion that were thought and not shown."""
    cost_usd: float = 0.0
    """What it cost in US dollars; 0 where the provider does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptProgress:
    """How much of the prompt the model has read, in tokens."""

    processed: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """One chunk of a stream as it came; any of its fields may be empty."""

    text: str = ""
    reasoning: str = ""
    finish_reason: str | None = None
    usage: Usage | None = None
    model: str | None = None
    """The model the server says it used."""
    prompt_progress: PromptProgress | None = None

    @property
    def is_empty(self) -> bool:
        """Whether the chunk carries neither answer nor reasoning text."""
        return not self.text and not self.reasoning


@runtime_checkable
class Paced(Protocol):
    """What a provider may be besides: one that knows when its endpoint has room again."""

    async def pause_s(self) -> float:
        """Return the seconds until a request should be sent; 0 if it may be now."""
        ...


@runtime_checkable
class BufferedDeltas(Protocol):
    """What a provider's chunks may be besides an asynchronous iterator: received ahead."""

    def take_received(self) -> Sequence[Delta]:
        """Take the chunks that have arrived behind the one last given, without waiting."""
        ...


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
