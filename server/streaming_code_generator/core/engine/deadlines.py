"""The deadlines of one generation, each with its own message."""

import asyncio
from collections.abc import Awaitable
from enum import Enum
from typing import TypeVar

from streaming_code_generator.core.engine.policy import GenerationPolicy
from streaming_code_generator.errors import APIError, StreamingError, StreamProcessError

T = TypeVar("T")


class Phase(Enum):
    """What is being waited for."""

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
        self._endpoint = endpoint
        self._loop = asyncio.get_running_loop()
        self._ends_at = self._loop.time() + policy.timeout_s
        self._silence_s = {
            Phase.FIRST_TEXT: policy.first_chunk_timeout_s,
            Phase.NEXT_CHUNK: policy.stall_timeout_s,
            Phase.END: policy.finish_timeout_s,
        }

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
        silence_ends_at = self._loop.time() + self._silence_s[phase]
        timer = asyncio.timeout_at(min(silence_ends_at, self._ends_at))
        try:
            async with timer:
                return await awaitable
        except TimeoutError:
            if not timer.expired():
                raise
            raise self._expired(phase) from None

    def _expired(self, phase: Phase) -> StreamingError:
        if self.remaining_s <= 0:
            cause = (
                f"`{self._endpoint}` had not finished after {self._policy.timeout_s:g} s, the time "
                "set for a whole generation. Ask for less, or raise the timeout."
            )
        elif phase is Phase.FIRST_TEXT:
            cause = (
                f"`{self._endpoint}` sent nothing for {self._silence_s[phase]:g} s, the time set "
                "for the first chunk. Is the model still loading, or the prompt very long?"
            )
        else:
            cause = (
                f"The stream from `{self._endpoint}` stalled: no chunk for "
                f"{self._silence_s[phase]:g} s."
            )
        if phase is Phase.FIRST_TEXT:
            return APIError(cause, kind="timeout", retryable=self.remaining_s > 0)
        return StreamProcessError(cause, kind="timeout")
