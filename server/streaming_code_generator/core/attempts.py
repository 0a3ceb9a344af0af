"""What each request to a model came to: its tokens, its time, how it ended, and what it cost."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from streaming_code_generator.core.messages import Delta, Message, ProviderDescription
from streaming_code_generator.core.results import Cost, TokenSource
from streaming_code_generator.core.tokens import TokenAccount

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
