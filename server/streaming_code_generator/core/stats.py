"""Live figures of one generation."""

from dataclasses import dataclass
from enum import Enum
from typing import Literal

TokenSource = Literal["provider", "tiktoken", "estimate"]
"""Who counted: the endpoint itself, tiktoken, or a rule of thumb."""


class StreamStatus(Enum):
    """Where a generation stands."""

    INITIALIZING = "initializing"
    PROCESSING = "processing"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStats:
    """A snapshot of one generation's figures; a new one is made for every chunk."""

    status: StreamStatus = StreamStatus.INITIALIZING
    start_time: float = 0.0
    """Wall-clock seconds since the epoch at which the generation began."""
    elapsed: float = 0.0
    """Seconds since the start."""
    time_to_first_chunk: float | None = None
    """Seconds until the first non-empty chunk, or None before it."""
    chunks_processed: int = 0
    """Every chunk the provider sent, empty ones included."""
    empty_chunks: int = 0
    """Chunks without text: role-only, usage-only, prompt progress."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    token_source: TokenSource = "estimate"
    attempts: int = 1
    """Requests made so far; 1 without retries."""

    @property
    def tokens_per_second(self) -> float:
        """Completion tokens per second since the first chunk of text; 0 before there are two."""
        if self.time_to_first_chunk is None:
            return 0.0
        streaming_s = self.elapsed - self.time_to_first_chunk
        return self.completion_tokens / streaming_s if streaming_s > 0 else 0.0
