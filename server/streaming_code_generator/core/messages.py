"""What a provider is asked for and what it hands back, chunk by chunk."""

from dataclasses import dataclass
from typing import Literal

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Token counts as the provider itself reports them."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


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
