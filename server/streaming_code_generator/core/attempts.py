"""What requests to a model came to: their tokens, their time, how they ended, what they cost."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Literal, NamedTuple

from streaming_code_generator.core.messages import Delta, Message, ProviderDescription, Usage
from streaming_code_generator.core.results import Cost, TokenSource, shown_usd
from streaming_code_generator.core.tokens import (
    LocalCount,
    estimated_prompt_tokens,
    estimated_tokens,
)

AttemptPurpose = Literal["generate", "complete"]
AttemptStatus = Literal["completed", "cancelled", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One request that has ended, without any of its text."""

    began_at_s: float
    """Seconds since the epoch."""
    seconds: float
    purpose: AttemptPurpose
    provider: str
    model: str
    """As the endpoint calls it, else as the request does."""
    endpoint: str
    """Where the request went, without credentials."""
    status: AttemptStatus
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    """Those of the prompt that the provider had read before."""
    reasoning_tokens: int
    """Those of the completion that were thought and not shown."""
    token_source: TokenSource
    cost: Cost | None = None
    """None where no price is known, which is not the same as nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageSums:
    """What several attempts come to."""

    attempts: int = 0
    completed: int = 0
    cancelled: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: int = 0
    """Attempts with tokens that the provider has not reported."""
    unpriced: int = 0
    """Attempts with tokens whose price is not known."""
    cost_usd: float | None = None
    """Of the attempts whose price is known; None where none is."""
    token_sources: tuple[str, ...] = ()
    """Who counted the tokens, in alphabetical order."""
    cost_sources: tuple[str, ...] = ()
    """Who said what they cost, in alphabetical order; nothing where no price is known."""

    def plus(self, attempt: Attempt) -> "UsageSums":
        """Return the sums with one attempt more."""
        has_tokens = attempt.prompt_tokens + attempt.completion_tokens > 0
        usd = self.cost_usd
        return UsageSums(
            attempts=self.attempts + 1,
            completed=self.completed + (attempt.status == "completed"),
            cancelled=self.cancelled + (attempt.status == "cancelled"),
            failed=self.failed + (attempt.status == "failed"),
            prompt_tokens=self.prompt_tokens + attempt.prompt_tokens,
            completion_tokens=self.completion_tokens + attempt.completion_tokens,
            cached_tokens=self.cached_tokens + attempt.cached_tokens,
            reasoning_tokens=self.reasoning_tokens + attempt.reasoning_tokens,
            estimated=self.estimated + (has_tokens and attempt.token_source != "provider"),
            unpriced=self.unpriced + (has_tokens and attempt.cost is None),
            cost_usd=(usd or 0) + attempt.cost.usd if attempt.cost else usd,
            token_sources=_with(self.token_sources, attempt.token_source if has_tokens else None),
            cost_sources=_with(self.cost_sources, attempt.cost.source if attempt.cost else None),
        )

    @property
    def cost(self) -> str:
        """What is known of the cost, in words: "$0.14 and 2 without a price"."""
        if self.cost_usd is None:
            return "no price known"
        rest = f" and {self.unpriced} without a price" if self.unpriced else ""
        return f"{shown_usd(self.cost_usd)}{rest}"

    def tokens(self, count: int) -> str:
        """Return one of the counts as it is shown: marked where some of it is an estimate."""
        return f"≈{count}" if self.estimated and count else str(count)

    def __str__(self) -> str:
        if not self.attempts:
            return "nothing asked for"
        requests = "1 request" if self.attempts == 1 else f"{self.attempts} requests"
        prompt, completion = self.tokens(self.prompt_tokens), self.tokens(self.completion_tokens)
        return f"{requests}, {prompt} prompt + {completion} completion tokens, {self.cost}"


def _with(sources: tuple[str, ...], source: str | None) -> tuple[str, ...]:
    return tuple(sorted({*sources, source})) if source else sources


RecordAttempt = Callable[[Attempt], "Future[Cost | None]"]
"""Takes note of an attempt at once; what it returns comes to hold the cost, however it is known."""


def unrecorded(attempt: Attempt) -> "Future[Cost | None]":
    """Take note of nothing; the cost is what the provider said."""
    cost: Future[Cost | None] = Future()
    cost.set_result(attempt.cost)
    return cost


class TokenFigures(NamedTuple):
    """A generation's tokens at one moment."""

    prompt: int
    completion: int
    """Of the response so far, reasoning included."""
    total: int
    """Prompt and completion, or what the provider calls its total."""
    source: TokenSource
    """Who counted the completion."""


class AttemptMeter:
    """Measures one request from the moment at which it is sent: its time, and its tokens.

    Until the provider reports the tokens, they are estimated. A usage report of zeros says nothing.
    One that is older than the newest text still holds for the prompt, but only as a lower bound for
    the completion.
    """

    def __init__(
        self, description: ProviderDescription, purpose: AttemptPurpose, messages: Sequence[Message]
    ) -> None:
        self._description = description
        self._purpose: AttemptPurpose = purpose
        self._began_at_s = time.time()
        self._began_monotonic_s = time.monotonic()
        self._is_accepted = False
        self.prompt_estimate = estimated_prompt_tokens(tuple(messages))
        """Tokens of the prompt, by its characters."""
        self.response_chars = 0
        self.usage: Usage | None = None
        """What the provider reported last."""
        self.is_reported = False
        """Whether that report knows of all text that has come."""
        self.model: str | None = None
        """As the endpoint calls it, if it does."""
        self.is_abandoned = False
        """Whether the one who sent it has lost interest, although the stream went on."""

    def accepted(self) -> None:
        """Note that the endpoint answers: one that refuses has not read the prompt."""
        self._is_accepted = True

    def add(self, delta: Delta) -> None:
        """Count a chunk."""
        if delta.text or delta.reasoning:
            self.is_reported = False
            self.response_chars += len(delta.text) + len(delta.reasoning)
        if delta.model:
            self.model = delta.model
        # Some servers send usage with every chunk, counted before that chunk's text, or as zeros
        # until the end; the newest usage stands until text comes that it cannot know of.
        usage = delta.usage
        if usage is not None and (usage.completion_tokens or usage.prompt_tokens):
            self.usage = usage
            self.is_reported = usage.completion_tokens > 0 or not self.response_chars

    def attempt(self, status: AttemptStatus) -> Attempt:
        """Return what it came to."""
        tokens, usage = token_figures([self]), self.usage
        return Attempt(
            began_at_s=self._began_at_s,
            seconds=time.monotonic() - self._began_monotonic_s,
            purpose=self._purpose,
            provider=self._description.name,
            model=self.model or self._description.model,
            endpoint=self._description.endpoint,
            status="cancelled" if self.is_abandoned else status,
            prompt_tokens=tokens.prompt if self._is_accepted else 0,
            completion_tokens=tokens.completion,
            cached_tokens=usage.cached_tokens if usage else 0,
            reasoning_tokens=usage.reasoning_tokens if usage else 0,
            token_source=tokens.source,
            cost=Cost(usage.cost_usd, "provider") if usage and usage.cost_usd else None,
        )


def token_figures(
    meters: Sequence[AttemptMeter], counted: LocalCount | None = None
) -> TokenFigures:
    """Return the tokens of a response that was written in one attempt, or goes on over several.

    Args:
        meters: Of the attempts, in their order, one at least.
        counted: What was counted of the whole response, where the provider did not.
    """
    prompt = meters[0].prompt_estimate
    completion = estimated_tokens(sum(meter.response_chars for meter in meters))
    source: TokenSource = "estimate"
    if counted is not None:
        prompt, completion, source = counted.prompt, counted.completion, counted.source
    usage = reported_usage(meters)
    if usage is None:
        return TokenFigures(prompt, completion, prompt + completion, source)
    prompt = usage.prompt_tokens or prompt
    if all(meter.is_reported for meter in meters):
        completion = usage.completion_tokens
        total = usage.total_tokens or prompt + completion
        return TokenFigures(prompt, completion, total, "provider")
    completion = max(usage.completion_tokens, completion)
    return TokenFigures(prompt, completion, prompt + completion, source)


def reported_usage(meters: Sequence[AttemptMeter]) -> Usage | None:
    """Return what the provider reported of these attempts together."""
    reported = [meter.usage for meter in meters if meter.usage is not None]
    if len(reported) < 2:  # noqa: PLR2004 - nothing to add up
        return reported[0] if reported else None
    return Usage(
        **{each.name: sum(getattr(u, each.name) for u in reported) for each in fields(Usage)}
    )


@contextmanager
def metered(meter: AttemptMeter, ended: Callable[[Attempt], object]) -> Iterator[None]:
    """Call `ended` once with what was measured, however the block is left."""
    # Stays where the task is cancelled, or the generator that streams is closed.
    status: AttemptStatus = "cancelled"
    try:
        yield
        status = "completed"
    except Exception:
        status = "failed"
        raise
    finally:
        ended(meter.attempt(status))
