"""The account of one generation: every chunk goes in, events and figures come out. No I/O."""

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, Protocol

from streaming_code_generator.core.attempts import AttemptMeter, reported_usage, token_figures
from streaming_code_generator.core.engine.limits import GenerationPolicy, Phase
from streaming_code_generator.core.engine.recovery import Routes, Seam
from streaming_code_generator.core.extract.parts import Extraction
from streaming_code_generator.core.masking import KeyMasking
from streaming_code_generator.core.messages import (
    Delta,
    Message,
    PromptProgress,
    ProviderDescription,
    Usage,
)
from streaming_code_generator.core.results import (
    Cost,
    GenerationFinished,
    GenerationResult,
    RetryScheduled,
    StreamStats,
    StreamStatus,
)
from streaming_code_generator.core.tokens import LocalCount
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
        return list(_cut(text, self._limit))

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


def _cut(text: str, limit: int) -> Iterator[str]:
    start = 0
    while start < len(text):
        end = min(start + limit, len(text))
        # A CRLF that is torn apart would be two line endings where the pieces are shown.
        if end - start > 1 and text[end - 1 : end + 1] == "\r\n":
            end -= 1
        yield text[start:end]
        start = end


LONG_CHARACTERS = 64 * 1024
"""A chunk's text that is longer is cut into pieces as they are taken: 4 MB at once take 10 ms."""


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
class TextPiece:
    """Text of the response, at most `chunk_size` characters."""

    text: str
    part: Literal["content", "reasoning"]
    kind: Literal["text"] = "text"


@dataclass(frozen=True, slots=True)
class EmptyChunk:
    """A chunk without text."""

    prompt_progress: PromptProgress | None = None
    kind: Literal["empty"] = "empty"


Piece = TextPiece | EmptyChunk


class GenerationRun:
    """Counts, splits and collects what one generation receives over all its attempts.

    Args:
        policy: The size of a piece, and whether keys are masked.
    """

    def __init__(self, policy: GenerationPolicy) -> None:
        self.masking = KeyMasking(is_off=not policy.masks_keys)
        """What was masked in what is sent, and is put back in the response."""
        self._content_splitter = ChunkSplitter(policy.chunk_size)
        self._reasoning_splitter = ChunkSplitter(policy.chunk_size)
        self.content: list[str] = []
        """The pieces of the response text that were handed on."""
        self._reasoning: list[str] = []
        self.has_new_text = False
        """Whether anything was handed on since the response was last asked to go on."""
        self.says_something = False
        """Whether the newest chunks show that the model is at work: text, progress, or its end."""
        self._chunks = 0
        self._empty_chunks = 0
        self._start_time_s = self._started_s = self._newest_s = 0.0
        self._first_text_s: float | None = None
        self._finish_reason: str | None = None
        self._seam = Seam("")
        self._is_amended = False
        """Whether the text is not handed on as it comes: keys are put back, a seam is closed."""
        self._continuations: list[str] = []
        self._fallback: str | None = None
        self.fell_back: list[str] = []
        """Providers whose requests failed before, a clause for each."""
        self.attempts = 0
        """Requests made so far."""
        self._meters: list[AttemptMeter] = []
        """Of the attempts that the response is made of, and the one that runs."""
        self._vain_meters: list[AttemptMeter] = []
        """Of attempts that brought nothing: what they are reported to have used is paid for."""
        self._is_continued = False
        """Whether the next attempt goes on with what the last one brought."""
        self._counted: LocalCount | None = None
        self.costs: list[Future[Cost | None]] = []
        """What each attempt that has ended cost, once that is known."""
        self._cost: Cost | None = None
        self.may_be_over = False
        """Whether a silence now would be the end."""

    def start(self, description: ProviderDescription, messages: Sequence[Message]) -> None:
        """Start the clock: the first request is about to be sent."""
        self._start_time_s, self._started_s = time.time(), time.monotonic()
        self._newest_s = self._started_s
        self._description = description
        self.meter = AttemptMeter(description, "generate", messages)
        self._meters = [self.meter]

    @property
    def text(self) -> str:
        """The response text handed on so far."""
        return "".join(self.content)

    @property
    def response(self) -> tuple[str, str]:
        """The response text and the reasoning, for their tokens to be counted."""
        return self.text, "".join(self._reasoning)

    @property
    def has_shown_text(self) -> bool:
        """Whether anything was handed on, reasoning included: then nothing may be repeated."""
        return bool(self.content or self._reasoning)

    @property
    def is_cut_off(self) -> bool:
        """Whether the response ended at the token limit, with something to go on from."""
        return self._finish_reason == "length" and bool(self.text.strip())

    @property
    def has_finish_reason(self) -> bool:
        """Whether the model said that it has ended."""
        return self._finish_reason is not None

    @property
    def needs_count(self) -> bool:
        """Whether the provider's reports do not say all."""
        return not all(meter.is_reported for meter in self._meters)

    @property
    def phase(self) -> Phase:
        """What the stream is waited for now."""
        if self._finish_reason is not None or self.may_be_over:
            return Phase.END
        return Phase.NEXT_CHUNK if self.has_new_text else Phase.FIRST_TEXT

    def stats(self, status: StreamStatus = StreamStatus.PROCESSING) -> StreamStats:
        """Return the figures as they were when the newest chunk came, or the stream ended."""
        tokens = token_figures(self._meters, self._counted)
        usage = reported_usage([*self._vain_meters, *self._meters])
        lost = reported_usage(self._vain_meters) or Usage()
        return StreamStats(
            status=status,
            start_time=self._start_time_s,
            elapsed=self._newest_s - self._started_s,
            time_to_first_chunk=self._first_text_s,
            chunks_processed=self._chunks,
            empty_chunks=self._empty_chunks,
            prompt_tokens=tokens.prompt + lost.prompt_tokens,
            completion_tokens=tokens.completion + lost.completion_tokens,
            total_tokens=tokens.total + lost.total_tokens,
            cached_tokens=usage.cached_tokens if usage else 0,
            reasoning_tokens=usage.reasoning_tokens if usage else 0,
            token_source=tokens.source,
            attempts=max(self.attempts, 1),
            cost=self._cost,
        )

    def add_all(self, deltas: Sequence[Delta]) -> list[Piece]:
        """Add chunks that arrived at once and return their pieces, as few as say the same."""
        # One read may bring dozens of chunks: joined, they cost the filter and the editor once.
        pieces: list[Piece] = []
        says_something = False
        for is_plain, group in groupby(deltas, key=_is_plain_text):
            each = list(group)
            if is_plain:
                text = "".join([delta.text for delta in each])
                pieces += self.add(Delta(text=text, model=each[-1].model), count=len(each))
                says_something = True
            else:
                for delta in each:
                    pieces += self.add(delta)
                    says_something |= self.says_something
        self.says_something = says_something
        return pieces

    def add(self, delta: Delta, *, count: int = 1) -> Iterable[Piece]:
        """Add one chunk, or `count` joined to one, and return the pieces it makes: one or more.

        Take all of them before another chunk is added: they count as handed on as they are taken.
        """
        self.meter.add(delta)
        self._newest_s = time.monotonic()
        self._chunks += count
        has_text = bool(delta.text or delta.reasoning)
        if not has_text:
            self._empty_chunks += 1
        elif self._first_text_s is None:
            self._first_text_s = self._newest_s - self._started_s
        self._finish_reason = delta.finish_reason or self._finish_reason
        self.says_something = bool(has_text or delta.prompt_progress or delta.finish_reason)
        text = delta.text
        if self._is_amended:
            # Where the response goes on from an earlier part of it, it first repeats some of that.
            text = self._seam.feed(self.masking.feed(text))
            if delta.finish_reason:
                text += self._seam.feed(self.masking.finish()) + self._seam.finish()
        if len(text) > LONG_CHARACTERS or len(delta.reasoning) > LONG_CHARACTERS:
            return self._stretches(delta.reasoning, text)
        reasoning = self._reasoning_splitter.feed(delta.reasoning) if delta.reasoning else []
        content = self._content_splitter.feed(text) if text else []
        return self._handed_on(reasoning, content) or [EmptyChunk(delta.prompt_progress)]

    def _stretches(self, reasoning: str, text: str) -> Iterator[Piece]:
        """Yield the pieces of a long chunk, and cut off no more of it than is taken."""
        for stretch in _cut(reasoning, LONG_CHARACTERS):
            yield from self._handed_on(self._reasoning_splitter.feed(stretch), [])
        for stretch in _cut(text, LONG_CHARACTERS):
            yield from self._handed_on([], self._content_splitter.feed(stretch))

    def _handed_on(self, reasoning: list[str], content: list[str]) -> list[Piece]:
        pieces: list[Piece] = []
        if reasoning:
            self._reasoning += reasoning
            pieces += [TextPiece(text, "reasoning") for text in reasoning]
        if content:
            self.content += content
            pieces += [TextPiece(text, "content") for text in content]
        self.has_new_text = self.has_new_text or bool(pieces)
        return pieces

    def begin(self, meter: AttemptMeter) -> None:
        """Expect another attempt, which has a meter of its own; what it is sent is masked."""
        self.attempts += 1
        if not self._is_continued:
            self._vain_meters.append(self._meters.pop())
        self.meter = meter
        """Of the attempt that runs."""
        self._meters.append(meter)
        self._is_continued = False
        self._is_amended = bool(self.masking.count or self._continuations)

    def take_count(self, counted: LocalCount) -> None:
        """Take what was counted of the whole response."""
        self._counted = counted

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
        self._finish_reason = None
        self.has_new_text = False
        self._is_continued = True
        self.masking.finish()
        self._seam = Seam(self.text)

    def fall_back(self, routes: Routes, why: str) -> None:
        """Expect the response from the provider that gets the request now."""
        self.fell_back.append(f"`{self._description.endpoint}` was not used: {why}")
        self._description = routes.provider.description
        self._fallback = routes.fallback.name if routes.fallback else None

    def begin_again(self) -> None:
        """Expect the rest once more: of the attempt before, nothing was handed on."""
        self.masking.finish()
        if self._continuations:
            self._seam = Seam(self.text)

    def is_enough(self, wants: Wants) -> bool:
        """Whether nothing more is wanted; then the response has ended."""
        self.may_be_over = wants.may_be_over
        if not wants.is_over:
            return False
        self.end("repetition" if wants.is_loop else "stop")
        return True

    def end(self, reason: str = "stop") -> None:
        """End the response here, if the model has not."""
        self._finish_reason = self._finish_reason or reason

    def finish(self) -> list[Piece]:
        """Stop the clock and return the pieces of what is still held back.

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
        self._newest_s = time.monotonic()
        return self._handed_on(self._reasoning_splitter.finish(), self._content_splitter.finish())

    def retry_event(self, reason: str, delay_s: float) -> RetryScheduled:
        """Return the event that announces the next attempt."""
        self._newest_s = time.monotonic()
        return RetryScheduled(
            delay_s=delay_s,
            reason=reason,
            attempt=self.attempts + 1,
            stats=self.stats(StreamStatus.INITIALIZING),
        )

    def result(self, extraction: Extraction) -> GenerationFinished:
        """Return the last event, with the parts that were found in the text."""
        text = self.text
        reason = self._finish_reason or ""
        warnings: tuple[str, ...] = ()
        if reason in INCOMPLETE:
            warnings = (INCOMPLETE[reason],)
        elif not text or text.isspace():
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
            model=self.meter.model or self._description.model,
            provider=f"{self._description.name}: {self._description.reason}",
            fallback=self._fallback,
            masked_keys=self.masking.count,
            finish_reason=self._finish_reason,
            warnings=warnings,
        )
        return GenerationFinished(result=result)
