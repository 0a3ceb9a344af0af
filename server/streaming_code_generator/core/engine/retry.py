"""When to ask again, and after how long: tenacity's decisions, our rules."""

import random

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_exponential
from tenacity.stop import stop_after_attempt, stop_base
from tenacity.wait import wait_base

from streaming_code_generator.core.engine.deadlines import Deadlines
from streaming_code_generator.core.engine.policy import GenerationPolicy
from streaming_code_generator.errors import APIError, StreamProcessError

JITTER = 0.25
"""Waits differ by this part either way, so that many clients do not come back at once."""


def attempts(policy: GenerationPolicy, deadlines: Deadlines) -> AsyncRetrying:
    """Return the attempts of one generation, to be iterated over.

    Whoever iterates sets a failed attempt's exception on its `retry_state`. The iteration then
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
    """Whether asking again may help, as far as the one who failed knows."""
    return isinstance(error, APIError | StreamProcessError) and error.retryable


class BackoffOrRetryAfter(wait_base):
    """The wait that the server asked for, else exponential backoff with jitter."""

    def __init__(self, policy: GenerationPolicy) -> None:
        self._backoff = wait_exponential(multiplier=policy.backoff_s, max=policy.backoff_max_s)

    def __call__(self, retry_state: RetryCallState) -> float:
        """Return the seconds to wait after the attempt that has just failed."""
        jitter = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - spreads load, no secret
        return _asked_to_wait_s(retry_state) or self._backoff(retry_state) * jitter


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
