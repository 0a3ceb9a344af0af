"""What a generation gives out: its events, its figures, its result; and both in words and as JSON.

The events are a closed union, matched by `kind`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any, Literal

from streaming_code_generator.core.messages import PromptProgress

TokenSource = Literal["provider", "tiktoken", "estimate"]
"""Who counted: the endpoint itself, tiktoken, or a rule of thumb."""


CostSource = Literal["provider", "genai-prices"]
"""Who said what it costs: the endpoint itself, or the price list that can be installed."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What was spent, as far as it is known."""

    usd: float
    """US dollars."""
    source: CostSource


BURST_S = 0.05
"""A model writes more slowly: all text within less time came from a proxy or server that had it."""


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
    cached_tokens: int = 0
    """Prompt tokens that the provider had read before; 0 where it does not say."""
    reasoning_tokens: int = 0
    """Completion tokens spent on thinking; 0 where the provider does not say."""
    token_source: TokenSource = "estimate"
    attempts: int = 1
    """Requests made so far; 1 without retries."""
    cost: Cost | None = None
    """What all attempts cost, once that is known; None where no price is."""

    @property
    def tokens_per_second(self) -> float:
        """Completion tokens per second since the first chunk of text; 0 before there is one.

        A response that came at once was not written at once: then the whole time counts.
        """
        if self.time_to_first_chunk is None:
            return 0.0
        seconds = self.elapsed - self.time_to_first_chunk
        if self.chunks_processed - self.empty_chunks <= 1 or seconds < BURST_S:
            seconds = self.elapsed
        return self.completion_tokens / seconds if seconds > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationResult:
    """The whole response and its figures; `result["text"]` works as `result.text` does."""

    text: str
    """The response as it came: prose, fences and all."""
    code: str
    explanation: str
    reasoning: str = ""
    """What the model thought aloud, from its own field or a leading `<think>` block."""
    stats: StreamStats
    completion_time: float
    """Seconds from start to end."""
    model: str
    provider: str = ""
    """Which provider answered, and why it was taken."""
    fallback: str | None = None
    """Which of the fallbacks answered, by its name; None where the first provider did."""
    masked_keys: int = 0
    """How many keys were masked in what was sent."""
    finish_reason: str | None
    """As the provider says it: `stop`, `length`, `content_filter`, ..."""
    warnings: tuple[str, ...] = field(default=())
    """What a user should know of the result, such as "cut off at the token limit"."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Characters of `text`, white space aside, that are in none of the parts, by the reason."""

    @property
    def is_complete(self) -> bool:
        """Whether the model came to its own end (`length` and `content_filter` did not)."""
        return self.finish_reason == "stop"

    @property
    def lacks_code(self) -> str | None:
        """Why there is no code in the answer, where it was to hold some."""
        return next((text for text in self.warnings if text.startswith("no code")), None)

    def __getitem__(self, name: str) -> Any:
        """Return a field by name, for callers that read the result as a mapping.

        Raises:
            KeyError: No field is called `name`.
        """
        if name not in {f.name for f in fields(self)}:
            raise KeyError(name)
        return getattr(self, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextArrived:
    """A piece of the response, at most `chunk_size` characters long."""

    text: str
    part: Literal["content", "reasoning"]
    """`reasoning` comes from the provider's own reasoning field; `content` may still hold a
    `<think>` block, prose and fences: see `core.extract`."""
    stats: StreamStats
    kind: Literal["text"] = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyChunkArrived:
    """A chunk without text: a role, usage, or how much of the prompt has been read."""

    stats: StreamStats
    prompt_progress: PromptProgress | None = None
    kind: Literal["empty"] = "empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryScheduled:
    """An attempt failed, or would; another follows after `delay_s`.

    Either no text had arrived, or the other one goes on from it.
    """

    delay_s: float
    reason: str
    """The failed attempt's message, fit to be shown, or why there is none yet."""
    attempt: int = 2
    """The number of the attempt that follows."""
    stats: StreamStats
    kind: Literal["retry"] = "retry"


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationFinished:
    """The stream ended as it should; always the last event."""

    result: GenerationResult
    kind: Literal["finished"] = "finished"

    @property
    def stats(self) -> StreamStats:
        """The final figures."""
        return self.result.stats


GenerationEvent = TextArrived | EmptyChunkArrived | RetryScheduled | GenerationFinished


def summary_line(result: GenerationResult, *, has_price: bool = False) -> str:
    """Return time, tokens and cost in one line, and what is wrong with the response.

    Args:
        result: What was generated.
        has_price: Whether it must have cost something, so that an unknown price is named as such.
    """
    stats = result.stats
    line = (
        f"Generated {stats.total_tokens} tokens ({stats.prompt_tokens} prompt + "
        f"{stats.completion_tokens} completion) in {result.completion_time:.2f} s, "
        f"{stats.tokens_per_second:.1f} tokens/s, {stats.chunks_processed} chunks, {result.model}"
    )
    if stats.cost is not None:
        line += f", {shown_usd(stats.cost.usd)}"
    elif has_price:
        line += ", no price known"
    return "; ".join([line, *result.warnings])


def shown_usd(usd: float) -> str:
    """Return a sum as it is read: cents, and of less than a dollar two digits that say something.

    12.3 is "$12.30", 0.0123 is "$0.012", 0.00000123 is "$0.0000012".
    """
    if usd >= 1 or usd <= 0:
        return f"${usd:.2f}"
    return f"${usd:.{1 - math.floor(math.log10(usd))}f}"


def result_object(result: GenerationResult) -> dict[str, object]:
    """Return the result under the names it has over LSP."""
    return {
        "status": result.stats.status.value,
        "text": result.text,
        "code": result.code,
        "explanation": result.explanation,
        "reasoning": result.reasoning,
        "model": result.model,
        "provider": result.provider,
        "fallback": result.fallback,
        "maskedKeys": result.masked_keys,
        "finishReason": result.finish_reason,
        "completionTime": result.completion_time,
        "warnings": list(result.warnings),
        "dropped": dict(result.dropped),
        "stats": stats_object(result.stats),
    }


def stats_object(stats: StreamStats) -> dict[str, object]:
    """Return the figures under the names they have over LSP."""
    return {
        "chunks": stats.chunks_processed,
        "emptyChunks": stats.empty_chunks,
        "promptTokens": stats.prompt_tokens,
        "completionTokens": stats.completion_tokens,
        "totalTokens": stats.total_tokens,
        "cachedTokens": stats.cached_tokens,
        "reasoningTokens": stats.reasoning_tokens,
        "tokenSource": stats.token_source,
        "elapsedSeconds": stats.elapsed,
        "timeToFirstChunkSeconds": stats.time_to_first_chunk,
        "tokensPerSecond": stats.tokens_per_second,
        "attempts": stats.attempts,
        "costUsd": stats.cost.usd if stats.cost else None,
        "costSource": stats.cost.source if stats.cost else None,
    }
