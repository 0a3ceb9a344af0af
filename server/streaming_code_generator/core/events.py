"""The events of a running generation: a closed union, matched by `kind`."""

from dataclasses import dataclass
from typing import Literal

from streaming_code_generator.core.messages import PromptProgress
from streaming_code_generator.core.results import GenerationResult, StreamStats


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
