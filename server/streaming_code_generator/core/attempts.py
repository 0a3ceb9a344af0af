"""What each request to a model came to: its tokens, its time, how it ended, and what it cost."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Literal, NamedTuple

from streaming_code_generator.core.messages import Delta, Message, ProviderDescription, Usage
from streaming_code_generator.core.results import Cost, TokenSource
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


class TokenAccount:
    """The tokens of one generation, as well as they are known at any moment.

    Until the provider reports them, or they are counted at the end, they are estimated. A usage
    report of zeros says nothing. One that is older than the newest text still holds for the
    prompt, but only as a lower bound for the completion.
    """

    def __init__(self, messages: tuple[Message, ...]) -> None:
        self._prompt = estimated_prompt_tokens(messages)
        self._response_chars = 0
        self._counted: LocalCount | None = None
        self._usage: Usage | None = None
        self._usage_is_newest = False
        self._reported_before: list[Usage] = []
        """The usage of each response that was cut off and went on."""
        self._lacks_reports = False
        """Whether one of them broke off before it was reported."""

    def add(self, delta: Delta) -> None:
        """Take one chunk's text and usage into account."""
        if not delta.is_empty:
            self._usage_is_newest = False
            self._response_chars += len(delta.text) + len(delta.reasoning)
        # Some servers send usage with every chunk, counted before that chunk's text, or as zeros
        # until the end; the newest usage stands until text comes that it cannot know of.
        usage = delta.usage
        if usage is not None and (usage.completion_tokens or usage.prompt_tokens):
            self._usage = usage
            self._usage_is_newest = usage.completion_tokens > 0 or not self._response_chars

    def go_on(self) -> None:
        """Expect another response to a longer prompt: what was reported is no report of all."""
        self._lacks_reports |= not self._usage_is_newest
        self._usage_is_newest = False
        if self._usage is not None:
            self._reported_before.append(self._usage)
            self._usage = None

    @property
    def needs_count(self) -> bool:
        """Whether the provider's reports do not say all."""
        return self._lacks_reports or not self._usage_is_newest

    def take_count(self, counted: LocalCount) -> None:
        """Take what was counted of the whole response."""
        self._counted = counted

    def figures(self) -> TokenFigures:
        """Return the counts as they are now."""
        prompt, completion = self._prompt, estimated_tokens(self._response_chars)
        source: TokenSource = "estimate"
        if self._counted is not None:
            prompt, completion = self._counted.prompt, self._counted.completion
            source = self._counted.source
        usage = self.usage
        if usage is None:
            return TokenFigures(prompt, completion, prompt + completion, source)
        prompt = usage.prompt_tokens or prompt
        if not self.needs_count:
            completion = usage.completion_tokens
            total = usage.total_tokens or prompt + completion
            return TokenFigures(prompt, completion, total, "provider")
        completion = max(usage.completion_tokens, completion)
        return TokenFigures(prompt, completion, prompt + completion, source)

    @property
    def usage(self) -> Usage | None:
        """What the provider reported last, with what it reported of the responses before."""
        reported = [*self._reported_before, *([self._usage] if self._usage else [])]
        if len(reported) < 2:  # noqa: PLR2004 - nothing to add up
            return reported[0] if reported else None
        return Usage(
            **{each.name: sum(getattr(u, each.name) for u in reported) for each in fields(Usage)}
        )


class AttemptMeter:
    """Measures one request from the moment at which it is sent."""

    def __init__(
        self, description: ProviderDescription, purpose: AttemptPurpose, messages: Sequence[Message]
    ) -> None:
        self._description = description
        self._purpose: AttemptPurpose = purpose
        self._began_at_s = time.time()
        self._began_monotonic_s = time.monotonic()
        self._model = description.model
        self._tokens = TokenAccount(tuple(messages))
        self._is_accepted = False
        self.is_abandoned = False
        """Whether the one who sent it has lost interest, although the stream went on."""

    def accepted(self) -> None:
        """Note that the endpoint answers: one that refuses has not read the prompt."""
        self._is_accepted = True

    def add(self, deltas: Sequence[Delta]) -> None:
        """Count chunks."""
        for delta in deltas:
            self._tokens.add(delta)
            if delta.model:
                self._model = delta.model

    def attempt(self, status: AttemptStatus) -> Attempt:
        """Return what it came to."""
        tokens, usage = self._tokens.figures(), self._tokens.usage
        is_accepted = self._is_accepted
        return Attempt(
            began_at_s=self._began_at_s,
            seconds=time.monotonic() - self._began_monotonic_s,
            purpose=self._purpose,
            provider=self._description.name,
            model=self._model,
            endpoint=self._description.endpoint,
            status="cancelled" if self.is_abandoned else status,
            prompt_tokens=tokens.prompt if is_accepted else 0,
            completion_tokens=tokens.completion,
            cached_tokens=usage.cached_tokens if usage else 0,
            reasoning_tokens=usage.reasoning_tokens if usage else 0,
            token_source=tokens.source,
            cost=Cost(usage.cost_usd, "provider") if usage and usage.cost_usd else None,
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
