"""The limits of generations: their deadlines, retries, and how many run at once at an endpoint."""

import asyncio
import random
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any, TypeVar, cast

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_exponential
from tenacity.stop import stop_after_attempt, stop_base
from tenacity.wait import wait_base

from streaming_code_generator.errors import (
    APIError,
    ConfigurationError,
    StreamingError,
    StreamProcessError,
)

_MAY_BE_0 = frozenset(
    {
        *("max_retries", "backoff_s", "backoff_max_s", "replacement_s"),
        *("continues_interrupted", "max_continuations", "masks_keys"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationPolicy:
    """Deadlines, retries and chunk size of a generation; one policy may serve many.

    The deadline for connecting is the provider's own, since only it knows when it has connected.

    Raises:
        ConfigurationError: A value is out of its range.
    """

    timeout_s: float = 60.0
    """Longest time for the whole generation, retries and their waits included."""
    first_chunk_timeout_s: float = 60.0
    """Longest silence before the first text; a chunk that reports prompt progress breaks it."""
    stall_timeout_s: float = 20.0
    """Longest silence between chunks after that; keep-alives and empty chunks do not break it."""
    finish_timeout_s: float = 2.0
    """Longest silence after the finish reason, before usage or the end: then it is the end."""
    max_retries: int = 3
    """Retries after the first attempt, made only while no text has been handed on."""
    continues_interrupted: bool = False
    """Whether the rest of a response that breaks off after text is requested, at most `max_retries`
    times without anything new."""
    max_continuations: int = 0
    """How often the rest of a response that was cut off at the token limit is requested."""
    masks_keys: bool = True
    """Whether keys are masked in what is sent."""
    chunk_size: int = 1524
    """Most characters in one event; a longer delta is split."""
    backoff_s: float = 0.5
    """Wait before the first retry; it doubles with each further one, give or take a quarter."""
    backoff_max_s: float = 8.0
    """Longest wait that is chosen here."""
    replacement_s: float = 0.0
    """How long an endpoint that has worked before may be gone: what replaces it needs that long,
    and the waits of all retries together come to it."""
    retry_after_max_s: float = 30.0
    """Longest wait that a server may ask for; one that asks for more gets no further request."""

    def __post_init__(self) -> None:
        """Refuse values that could not be waited for or counted."""
        for each in fields(self):
            least = 0 if each.name in _MAY_BE_0 else 1e-3
            value = getattr(self, each.name)
            if not value >= least:
                raise ConfigurationError(
                    f"`{each.name}` is {value}: set it to {'0 or more' if not least else 'more'}"
                    f"{'' if not least else ' than 0'}."
                )


T = TypeVar("T")


class Phase(Enum):
    """What is being waited for."""

    ROOM = "room at the endpoint"
    FIRST_TEXT = "the first text"
    NEXT_CHUNK = "the next chunk"
    END = "the end of the stream"


class Deadlines:
    """Watches one generation's waiting; its clock starts when it is made, inside a running loop.

    Only waiting for the provider counts against a silence; what a consumer takes for an event
    counts against the whole time alone.
    """

    def __init__(self, policy: GenerationPolicy, endpoint: str) -> None:
        self._policy = policy
        self.endpoint = endpoint
        """Where it waits for something, for messages."""
        self._loop = asyncio.get_running_loop()
        self._ends_at = self._loop.time() + policy.timeout_s
        self._silence_s = {
            Phase.ROOM: policy.timeout_s,
            Phase.FIRST_TEXT: policy.first_chunk_timeout_s,
            Phase.NEXT_CHUNK: policy.stall_timeout_s,
            Phase.END: policy.finish_timeout_s,
        }
        self._silent_s = 0.0
        self._due_at = self._ends_at
        """When to give up what is being waited for."""
        self._waiting: asyncio.Task[Any] | None = None
        self._has_expired = False
        self._timer: asyncio.TimerHandle | None = None

    def heard(self) -> None:
        """Let a new silence begin: an attempt has started, or something was said."""
        self._silent_s = 0.0

    @property
    def remaining_s(self) -> float:
        """Seconds until the whole generation's deadline."""
        return self._ends_at - self._loop.time()

    async def wait(self, awaitable: Awaitable[T], phase: Phase) -> T:
        """Await something from the provider, no longer than `phase` and the whole time allow.

        Cancellation: passed on to the awaitable.

        Raises:
            APIError: The deadline passed before the first text.
            StreamProcessError: It passed afterwards.
        """
        # Two clocks: silence begins anew when something is `heard`, the whole time never does.
        # Keep-alive comments in the stream, and chunks that say nothing, are no reason to go on
        # waiting.
        began_at = self._loop.time()
        silence_ends_at = began_at + self._silence_s[phase] - self._silent_s
        self._due_at = min(silence_ends_at, self._ends_at)
        self._waiting = task = cast("asyncio.Task[Any]", asyncio.current_task())
        cancels_before, self._has_expired = task.cancelling(), False
        # One timer serves many waits: a deadline is put off with every chunk, and one that rings
        # too early is set anew.
        if self._timer is None or self._timer.when() > self._due_at:
            self._set_timer()
        try:
            return await awaitable
        except asyncio.CancelledError:
            # Another one may have cancelled the task at the same time: then it stays cancelled.
            if not self._has_expired or task.uncancel() > cancels_before:
                raise
            raise self._expired(phase) from None
        finally:
            self._waiting = None
            self._silent_s += self._loop.time() - began_at

    def close(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _set_timer(self) -> None:
        self.close()
        self._timer = self._loop.call_at(self._due_at, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._waiting is None:
            return
        if self._loop.time() < self._due_at:
            self._set_timer()
        else:
            self._has_expired = True
            self._waiting.cancel()

    def _expired(self, phase: Phase) -> StreamingError:
        if self.remaining_s <= 0:
            cause = (
                f"`{self.endpoint}` had not finished after {self._policy.timeout_s:g} s, the time "
                "set for a whole generation. Ask for less, or raise the timeout."
            )
        elif phase is Phase.FIRST_TEXT:
            cause = (
                f"`{self.endpoint}` sent nothing for {self._silence_s[phase]:g} s, the time set "
                "for the first chunk. Is the model still loading, or the prompt very long? Then "
                "raise `firstChunkTimeoutSeconds`."
            )
        else:
            cause = (
                f"The stream from `{self.endpoint}` stalled: no chunk for "
                f"{self._silence_s[phase]:g} s."
            )
        # Not repeated: a model that is loading, or reading a long prompt, would begin anew.
        if phase is Phase.FIRST_TEXT:
            return APIError(cause, kind="timeout")
        return StreamProcessError(cause, kind="timeout")


JITTER = 0.25
"""Waits differ by this part either way, so that many clients do not come back at once."""


def attempts(policy: GenerationPolicy, deadlines: Deadlines) -> AsyncRetrying:
    """Return the attempts of one generation, to be iterated over.

    The caller sets a failed attempt's exception on its `retry_state`. The iteration then
    ends by raising it, or goes on with an attempt whose `upcoming_sleep` is left to be waited by
    the caller: so the wait can be announced before it begins.
    """
    return AsyncRetrying(
        retry=retry_if_exception(may_be_repeated),
        wait=BackoffOrRetryAfter(policy),
        stop=stop_after_attempt(policy.max_retries + 1) | WaitTooLong(policy, deadlines),
        sleep=_left_to_the_caller,
        reraise=True,
    )


async def _left_to_the_caller(_delay_s: float) -> None:
    """Do not wait here: the caller announces the wait first."""


def may_be_repeated(error: BaseException) -> bool:
    """Whether another request may help, as far as what raised the error knows."""
    return isinstance(error, APIError | StreamProcessError) and error.retryable


REPLACEMENT_GROWTH = 4
"""Each wait for a replacement is so many times the one before it."""

MOST_OF_TIMEOUT = 2 / 3
"""No more of the whole time is waited for a replacement: the rest is for its answer."""


class BackoffOrRetryAfter(wait_base):
    """The wait that the server asked for, else exponential backoff with jitter.

    An endpoint that has broken down is given the time that its replacement takes. Of 40 s, with
    three retries, the waits are 40/21, 160/21 and 640/21: 1.9, 7.6 and 30.5 s.
    """

    def __init__(self, policy: GenerationPolicy) -> None:
        total_s = min(policy.replacement_s, policy.timeout_s * MOST_OF_TIMEOUT)
        shares = sum(REPLACEMENT_GROWTH**retry for retry in range(policy.max_retries))
        self._first_wait_s = total_s / max(shares, 1)
        self._backoff = wait_exponential(multiplier=policy.backoff_s, max=policy.backoff_max_s)

    def __call__(self, retry_state: RetryCallState) -> float:
        """Return the seconds to wait after the attempt that has just failed."""
        # Waits of 0.5, 1, 2, 4 and then 8 seconds, each a quarter more or less.
        jitter = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - spreads load, no secret
        wait_s = self._backoff(retry_state)
        error = retry_state.outcome.exception() if retry_state.outcome else None
        if isinstance(error, APIError) and error.kind in {"server", "connection"}:
            growth = REPLACEMENT_GROWTH ** (retry_state.attempt_number - 1)
            wait_s = max(wait_s, self._first_wait_s * growth)
        return _asked_to_wait_s(retry_state) or wait_s * jitter


class WaitTooLong(stop_base):
    """Gives up at once where the next wait would be pointless."""

    def __init__(self, policy: GenerationPolicy, deadlines: Deadlines) -> None:
        self._policy = policy
        self._deadlines = deadlines

    def __call__(self, retry_state: RetryCallState) -> bool:
        """Whether the server asks for too long a wait, or the whole time would end during it."""
        return (
            _asked_to_wait_s(retry_state) > self._policy.retry_after_max_s
            or retry_state.upcoming_sleep >= self._deadlines.remaining_s
        )


def _asked_to_wait_s(retry_state: RetryCallState) -> float:
    error = retry_state.outcome.exception() if retry_state.outcome else None
    return error.retry_after_s or 0.0 if isinstance(error, APIError) else 0.0


OnPlace = Callable[[int], None]
"""Called with the place in the queue, from 1, when it is taken and after it has changed."""

PLACES_INTERVAL_S = 0.1
"""Each change of a queue is reported to all who wait: those of so long, together."""


@dataclass(slots=True, eq=False)
class _Waiting:
    admitted: "asyncio.Future[None]"
    on_place: OnPlace


@dataclass(slots=True)
class _Endpoint:
    running: int = 0
    queue: deque[_Waiting] = field(default_factory=deque)
    reporting: asyncio.TimerHandle | None = None

    def moved(self) -> None:
        """Report its places to all who wait, shortly and once for all that happens until then."""
        if self.queue and self.reporting is None:
            loop = asyncio.get_running_loop()
            self.reporting = loop.call_later(PLACES_INTERVAL_S, self._report_places)

    def _report_places(self) -> None:
        self.reporting = None
        for place, waiting in enumerate(self.queue, start=1):
            waiting.on_place(place)


class ConcurrencyLimit:
    """Limits how many generations run at each endpoint at once, first come, first served."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._endpoints: defaultdict[str, _Endpoint] = defaultdict(_Endpoint)

    def set_limit(self, limit: int) -> None:
        """Change the limit: a higher one admits who waits, a lower one stops no generation."""
        self._limit = limit
        for endpoint in self._endpoints.values():
            self._admit(endpoint)

    @asynccontextmanager
    async def slot(self, on_place: OnPlace) -> AsyncIterator["Slot"]:
        """Yield what holds a slot at one endpoint at a time, until the block is left."""
        slot = Slot(self, on_place)
        try:
            yield slot
        finally:
            slot.release()

    async def acquire(self, endpoint: str, on_place: OnPlace) -> None:
        """Wait for a slot at an endpoint.

        Cancellation: at once; a slot that was just given goes to the next in the queue.
        """
        state = self._endpoints[endpoint]
        # First come, first served: who comes while others wait goes behind them.
        if state.running < self._limit and not state.queue:
            state.running += 1
            return
        waiting = _Waiting(asyncio.get_running_loop().create_future(), on_place)
        state.queue.append(waiting)
        on_place(len(state.queue))
        try:
            await waiting.admitted
        except asyncio.CancelledError:
            if waiting in state.queue:
                state.queue.remove(waiting)
                state.moved()
            elif waiting.admitted.done() and not waiting.admitted.cancelled():
                # Admitted and cancelled in the same turn of the event loop.
                self.release(endpoint)
            raise

    def release(self, endpoint: str) -> None:
        """Give a slot at an endpoint to the next one who waits for it."""
        state = self._endpoints[endpoint]
        state.running -= 1
        self._admit(state)

    def _admit(self, endpoint: _Endpoint) -> None:
        # Limit 2, a and b run, c and d wait: a ends, c runs, and d hears that it is first now.
        while endpoint.queue and endpoint.running < self._limit:
            waiting = endpoint.queue.popleft()
            if not waiting.admitted.done():
                endpoint.running += 1
                waiting.admitted.set_result(None)
                endpoint.moved()


class Slot:
    """One generation's slot, at the endpoint of its request."""

    def __init__(self, limit: ConcurrencyLimit, on_place: OnPlace) -> None:
        self._limit = limit
        self._on_place = on_place
        self._endpoint: str | None = None

    async def move_to(self, endpoint: str) -> None:
        """Wait for a slot at an endpoint; one that is held at another is given up first.

        Cancellation: at once.
        """
        if endpoint == self._endpoint:
            return
        self.release()
        await self._limit.acquire(endpoint, self._on_place)
        self._endpoint = endpoint

    def release(self) -> None:
        """Give up the slot that is held, if any."""
        if self._endpoint is not None:
            self._limit.release(self._endpoint)
            self._endpoint = None
