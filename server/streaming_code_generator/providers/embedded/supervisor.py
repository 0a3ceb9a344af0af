"""Keeps one child process running for all requests, and ends it with its owner."""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from streaming_code_generator.errors import APIError
from streaming_code_generator.providers.embedded.child import ServerConfig
from streaming_code_generator.providers.embedded.process import ChildServer

logger = logging.getLogger(__name__)

STABLE_AFTER_S = 30.0
"""A process that lived this long did not end because of how it was started."""


@dataclass(slots=True, kw_only=True)
class RestartBackoff:
    """Counts early ends in a row; times are seconds of one monotonic clock.

    The first restart comes at once, so that a single crash costs nothing but the reload.
    """

    first_delay_s: float = 1.0
    longest_delay_s: float = 30.0
    early_ends: int = 0
    _started_at_s: float = 0.0
    _ended_at_s: float = 0.0

    def note_start(self, now_s: float) -> None:
        """Remember when the process was started."""
        self._started_at_s = now_s

    def note_end(self, now_s: float) -> None:
        """Count an end; after a stable life the count begins anew."""
        lived_s = now_s - self._started_at_s
        self.early_ends = 1 if lived_s >= STABLE_AFTER_S else self.early_ends + 1
        self._ended_at_s = now_s

    def remaining_s(self, now_s: float) -> float:
        """Return the seconds until the next start is allowed; 0 when it is."""
        if self.early_ends <= 1:
            return 0.0
        # The exponent is bounded before the power is taken: ends may go on for days.
        doublings = min(self.early_ends - 2, 10)
        delay_s = min(self.first_delay_s * 2.0**doublings, self.longest_delay_s)
        return max(0.0, self._ended_at_s + delay_s - now_s)


class ChildSupervisor:
    """Starts the child on first use and again when it ended; one at a time."""

    def __init__(self, config_with_key: Callable[[str], ServerConfig]) -> None:
        """Start nothing yet.

        Args:
            config_with_key: Makes a child's configuration; every child gets a key of its own.
        """
        self._config_with_key = config_with_key
        self._backoff = RestartBackoff()
        self._child: ChildServer | None = None
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = asyncio.Lock()

    @property
    def child(self) -> ChildServer | None:
        """The child, be it loading, running or ended; None before the first use."""
        return self._child

    async def ensure_running(self) -> ChildServer:
        """Return a child that listens; concurrent callers share one start.

        Cancellation: ends a child that is still loading for this caller; the next one starts anew.

        Raises:
            ConfigurationError: The model file cannot be loaded.
            APIError: The child did not come up, ends again and again, or was shut down.
        """
        async with self._lock_of_this_loop():
            if self._closed:
                raise APIError("The embedded model was shut down.", kind="connection")
            if self._child is not None and self._child.has_ended:
                await self._bury(self._child)
            if self._child is None:
                self._refuse_too_early()
                return await self._start()
            return self._child

    async def aclose(self) -> None:
        """End the child and refuse to start another. Safe to call twice."""
        self._closed = True
        if self._child is not None:
            self._child.kill()  # so that a load in progress fails now and gives the lock back
        async with self._lock_of_this_loop():
            if self._child is not None:
                await self._child.stop()
                self._child = None

    async def _start(self) -> ChildServer:
        self._backoff.note_start(time.monotonic())
        child = ChildServer(self._config_with_key(secrets.token_urlsafe(32)))
        self._child = child
        try:
            await child.wait_ready()
        # The process failed: that counts, so that one that cannot live is not started again and
        # again.
        except APIError:
            await self._bury(child)
            raise
        except BaseException:
            # The user's file or the user's cancel: nothing that waiting would mend.
            self._child = None
            await child.stop()
            raise
        return child

    async def _bury(self, child: ChildServer) -> None:
        """Release what is left of an ended child and count its end."""
        self._child = None
        self._backoff.note_end(time.monotonic())
        await child.stop()
        logger.warning("embedded model's process %s pid=%d", child.describe_end(), child.pid)

    def _refuse_too_early(self) -> None:
        """Leave the wait to the engine's retry: there it is seen and can be cancelled."""
        wait_s = self._backoff.remaining_s(time.monotonic())
        if wait_s > 0:
            raise APIError(
                f"The embedded model's process ended {self._backoff.early_ends} times in a row; "
                f"it is started again in {wait_s:.0f} s at the earliest. Another model may do "
                "better: `streaming-code-generator model list`.",
                kind="connection",
                retryable=True,
                retry_after_s=wait_s,
            )

    def _lock_of_this_loop(self) -> asyncio.Lock:
        """Return the lock; the child may outlive an event loop, a lock may not."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._lock = loop, asyncio.Lock()
        return self._lock
