"""The account of one generation: every chunk goes in, events and figures come out. No I/O."""

import re
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

from streaming_code_generator.core.attempts import AttemptMeter, TokenAccount
from streaming_code_generator.core.engine.continuation import Seam
from streaming_code_generator.core.engine.limits import Phase
from streaming_code_generator.core.engine.routes import Routes
from streaming_code_generator.core.extract.filter import extract
from streaming_code_generator.core.masking import KeyMasking
from streaming_code_generator.core.messages import Delta, ProviderDescription
from streaming_code_generator.core.results import (
    Cost,
    EmptyChunkArrived,
    GenerationFinished,
    GenerationResult,
    RetryScheduled,
    StreamStats,
    StreamStatus,
    TextArrived,
)
from streaming_code_generator.errors import StreamProcessError

_SURROGATE = re.compile("[\ud800-\udfff]")
_HIGH_SURROGATES = range(0xD800, 0xDC00)


class ChunkSplitter:
    """Hands on text in pieces of at most `limit` characters.

    A character beyond U+FFFF may come as two lone surrogates, one at the end of a delta and one at
    the start of the next (JSON escapes torn apart by a server): they are joined again. A surrogate
    that never finds its other half becomes U+FFFD. CRLF is not split unless `limit` is 1.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._high_surrogate = ""

    def feed(self, text: str) -> list[str]:
        """Return the pieces that `text` completes; empty when a half character is held back."""
        # A server that cuts JSON escapes may send the two halves of an emoji in two chunks: the
        # first half is held back, and both go out as one character.
        if self._high_surrogate or not text.isascii():
            text = self._whole_characters(self._high_surrogate + text)
        if len(text) <= self._limit:
            return [text] if text else []
        pieces, start = [], 0
        while start < len(text):
            end = min(start + self._limit, len(text))
            # A CRLF that is torn apart would be two line endings where the pieces are shown.
            if end - start > 1 and text[end - 1 : end + 1] == "\r\n":
                end -= 1
            pieces.append(text[start:end])
            start = end
        return pieces

    def finish(self) -> list[str]:
        """Return what is still held back."""
        held, self._high_surrogate = self._high_surrogate, ""
        return ["\ufffd"] if held else []

    def _whole_characters(self, text: str) -> str:
        self._high_surrogate = ""
        if text and ord(text[-1]) in _HIGH_SURROGATES:
            text, self._high_surrogate = text[:-1], text[-1]
        if _SURROGATE.search(text) is None:
            return text
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _is_plain_text(delta: Delta) -> bool:
    says_more = delta.reasoning or delta.finish_reason or delta.usage or delta.prompt_progress
    return bool(delta.text) and not says_more


class Wants(Protocol):
    """What a consumer of the text still wants."""

    @property
    def is_over(self) -> bool:
        """Whether it wants nothing more."""
        ...

    @property
    def may_be_over(self) -> bool:
        """Whether what it has is whole, unless more comes soon."""
        ...

    @property
    def is_loop(self) -> bool:
        """Whether it wants nothing more because the model repeats itself."""
        ...


INCOMPLETE = {
    "length": "incomplete: the response was cut off at the token limit; raise the limit or ask "
    "for less",
    "content_filter": "incomplete: the provider's content filter cut the response off",
    "repetition": "incomplete: the model wrote the same over and over, and was stopped; ask again, "
    "or otherwise",
}


@dataclass(frozen=True, slots=True)
class _Clock:
    """When a generation began, on the wall and on the monotonic clock."""

    wall_s: float
    monotonic_s: float

    def elapsed_s(self) -> float:
        return time.monotonic() - self.monotonic_s


class GenerationRun:
    """Counts, splits and collects what one generation receives over all its attempts."""

    def __init__(  # noqa: PLR0913 - each is a separate fact about a generation
        self,
        description: ProviderDescription,
        chunk_size: int,
        tokens: TokenAccount,
        *,
        is_filtered: bool = False,
        every_chunk: bool = True,
        masking: KeyMasking | None = None,
    ) -> None:
        self._description = description
        self._is_filtered = is_filtered
        self._every_chunk = every_chunk
        self.masking = masking or KeyMasking(is_off=True)
        """What was masked in what is sent, and is put back in the response."""
        self._tokens = tokens
        self._clock = _Clock(time.time(), time.monotonic())
        self._content_splitter = ChunkSplitter(chunk_size)
        self._reasoning_splitter = ChunkSplitter(chunk_size)
        self._content: list[str] = []
        self._reasoning: list[str] = []
        self._chunks = 0
        self._empty_chunks = 0
        self._first_text_s: float | None = None
        self._ended_s: float | None = None
        self._finish_reason: str | None = None
        self._model = description.model
        self._seam = Seam("")
        self._shown_before = 0
        self._continuations: list[str] = []
        self._fallback: str | None = None
        self.fell_back: list[str] = []
        """Providers whose requests failed before, a clause for each."""
        self.attempts = 0
        """Requests made so far."""
        self.meter = AttemptMeter(description, "generate", ())
        """Of the attempt that runs."""
        self.costs: list[Future[Cost | None]] = []
        """What each attempt that has ended cost, once that is known."""
        self._cost: Cost | None = None
        self.may_be_over = False
        """Whether a silence now would be the end."""

    @property
    def text(self) -> str:
        """The response text handed on so far."""
        return "".join(self._content)

    @property
    def response(self) -> tuple[str, str]:
        """The response text and the reasoning, for their tokens to be counted."""
        return self.text, "".join(self._reasoning)

    @property
    def has_shown_text(self) -> bool:
        """Whether anything was handed on, reasoning included: then nothing may be repeated."""
        return bool(self._content or self._reasoning)

    @property
    def has_new_text(self) -> bool:
        """Whether anything was handed on since the response was last asked to go on."""
        return len(self._content) + len(self._reasoning) > self._shown_before

    @property
    def is_cut_off(self) -> bool:
        """Whether the response ended at the token limit, with something to go on from."""
        return self._finish_reason == "length" and bool(self.text.strip())

    @property
    def has_finish_reason(self) -> bool:
        """Whether the model said that it has ended."""
        return self._finish_reason is not None

    @property
    def phase(self) -> Phase:
        """What the stream is waited for now."""
        if self.has_finish_reason or self.may_be_over:
            return Phase.END
        return Phase.NEXT_CHUNK if self.has_new_text else Phase.FIRST_TEXT

    def stats(self, status: StreamStatus = StreamStatus.PROCESSING) -> StreamStats:
        """Return the figures as they are now."""
        tokens, usage = self._tokens.figures(), self._tokens.usage
        return StreamStats(
            status=status,
            start_time=self._clock.wall_s,
            elapsed=self._ended_s or self._clock.elapsed_s(),
            time_to_first_chunk=self._first_text_s,
            chunks_processed=self._chunks,
            empty_chunks=self._empty_chunks,
            prompt_tokens=tokens.prompt,
            completion_tokens=tokens.completion,
            total_tokens=tokens.total,
            cached_tokens=usage.cached_tokens if usage else 0,
            reasoning_tokens=usage.reasoning_tokens if usage else 0,
            token_source=tokens.source,
            attempts=max(self.attempts, 1),
            cost=self._cost,
        )

    def add_all(self, deltas: Sequence[Delta]) -> list[TextArrived | EmptyChunkArrived]:
        """Add chunks that arrived at once and return their events, as few as say the same."""
        self.meter.add(deltas)
        # One read may bring dozens of chunks: joined, they cost the filter and the editor once.
        if self._every_chunk or len(deltas) == 1:
            return [event for delta in deltas for event in self.add(delta)]
        events: list[TextArrived | EmptyChunkArrived] = []
        for is_plain, run in groupby(deltas, key=_is_plain_text):
            each = list(run)
            if is_plain:
                text = "".join([delta.text for delta in each])
                events += self.add(Delta(text=text, model=each[-1].model), count=len(each))
            else:
                events += [event for delta in each for event in self.add(delta)]
        return events

    def add(self, delta: Delta, *, count: int = 1) -> list[TextArrived | EmptyChunkArrived]:
        """Add one chunk, or `count` joined to one, and return the events it makes: one or more."""
        self._chunks += count
        self._tokens.add(delta)
        if delta.is_empty:
            self._empty_chunks += 1
        elif self._first_text_s is None:
            self._first_text_s = self._clock.elapsed_s()
        self._finish_reason = delta.finish_reason or self._finish_reason
        self._model = delta.model or self._model
        reasoning = self._reasoning_splitter.feed(delta.reasoning) if delta.reasoning else []
        # Where the response goes on from an earlier part of it, it first repeats some of that.
        text = self._seam.feed(self.masking.feed(delta.text))
        if delta.finish_reason:
            text += self._seam.feed(self.masking.finish()) + self._seam.finish()
        content = self._content_splitter.feed(text) if text else []
        return self._text_events(reasoning, content) or [
            EmptyChunkArrived(stats=self.stats(), prompt_progress=delta.prompt_progress)
        ]

    def begin(self, meter: AttemptMeter) -> None:
        """Expect another attempt, which has a meter of its own."""
        self.attempts += 1
        self.meter = meter

    def take_costs(self, costs: Sequence[Cost]) -> None:
        """Take what the attempts cost, those whose price is known."""
        if costs:
            usd = sum(cost.usd for cost in costs)
            # A sum is only as certain as its least certain part.
            is_reported = all(cost.source == "provider" for cost in costs)
            self._cost = Cost(usd, "provider" if is_reported else "genai-prices")

    def go_on(self, why: str) -> None:
        """Expect the rest of the response: what it repeats at its beginning is dropped."""
        self._continuations.append(why)
        self._finish_reason = self._ended_s = None
        self._shown_before = len(self._content) + len(self._reasoning)
        self.masking.finish()
        self._seam = Seam(self.text)
        self._tokens.go_on()

    def fall_back(self, routes: Routes, why: str) -> None:
        """Expect the response from the provider that gets the request now."""
        self.fell_back.append(f"`{self._description.endpoint}` was not used: {why}")
        self._description = routes.provider.description
        self._model = self._description.model
        self._fallback = routes.fallback.name if routes.fallback else None

    def begin_again(self) -> None:
        """Expect the rest once more: of the attempt before, nothing was handed on."""
        self.masking.finish()
        if self._continuations:
            self._seam = Seam(self.text)

    def note(self, wants: Wants) -> None:
        """Take note of what is still wanted; once that is nothing, the response has ended."""
        self.may_be_over = wants.may_be_over
        if wants.is_over:
            self.end("repetition" if wants.is_loop else "stop")

    def end(self, reason: str = "stop") -> None:
        """End the response here, if the model has not."""
        self._finish_reason = self._finish_reason or reason

    def finish(self) -> list[TextArrived | EmptyChunkArrived]:
        """Stop the clock and return the events of what is still held back.

        Raises:
            StreamProcessError: The stream ended without saying that the response is complete.
        """
        # Without it a broken connection would pass for a short response.
        if not self.has_finish_reason:
            endpoint = self._description.endpoint
            ended = "ended early: no finish reason came" if self._chunks else "held nothing at all"
            raise StreamProcessError(
                f"The stream from `{endpoint}` {ended}.", retryable=not self.has_new_text
            )
        self._ended_s = self._clock.elapsed_s()
        return self._text_events(self._reasoning_splitter.finish(), self._content_splitter.finish())

    def retry_event(self, reason: str, delay_s: float) -> RetryScheduled:
        """Return the event that announces the next attempt."""
        return RetryScheduled(
            delay_s=delay_s,
            reason=reason,
            attempt=self.attempts + 1,
            stats=self.stats(StreamStatus.INITIALIZING),
        )

    def result(self) -> GenerationFinished:
        """Return the last event."""
        text = self.text
        extraction = extract("" if self._is_filtered else text)
        reason = self._finish_reason or ""
        warnings: tuple[str, ...] = ()
        if reason in INCOMPLETE:
            warnings = (INCOMPLETE[reason],)
        elif not text.strip():
            warnings = (f"the model answered with no text (it ended with `{reason}`)",)
        elif reason != "stop":
            warnings = (f"the response ended with `{reason}`",)
        warnings += tuple(self._continuations)
        if self._fallback is not None:
            warnings += (*self.fell_back, f"answered by the fallback `{self._fallback}`")
        stats = self.stats(StreamStatus.COMPLETED)
        result = GenerationResult(
            text=text,
            code=extraction.code,
            explanation=extraction.explanation,
            reasoning="".join(self._reasoning) + extraction.reasoning,
            stats=stats,
            completion_time=stats.elapsed,
            model=self._model,
            provider=f"{self._description.name}: {self._description.reason}",
            fallback=self._fallback,
            masked_keys=self.masking.count,
            finish_reason=self._finish_reason,
            warnings=warnings,
        )
        return GenerationFinished(result=result)

    def _text_events(
        self, reasoning: list[str], content: list[str]
    ) -> list[TextArrived | EmptyChunkArrived]:
        if not reasoning and not content:
            return []
        self._reasoning += reasoning
        self._content += content
        stats = self.stats()
        return [
            *(TextArrived(text=piece, part="reasoning", stats=stats) for piece in reasoning),
            *(TextArrived(text=piece, part="content", stats=stats) for piece in content),
        ]
