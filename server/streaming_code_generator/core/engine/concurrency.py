"""FIFO concurrency limit per endpoint."""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

OnPlace = Callable[[int], None]
"""Called with the place in the queue, from 1, whenever it changes."""


@dataclass(slots=True, eq=False)
class _Waiting:
    admitted: "asyncio.Future[None]"
    on_place: OnPlace


@dataclass(slots=True)
class _Endpoint:
    running: int = 0
    queue: deque[_Waiting] = field(default_factory=deque)


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
        if state.running >= self._limit or state.queue:
            await self._wait(state, on_place)
        else:
            state.running += 1

    def release(self, endpoint: str) -> None:
        """Give a slot at an endpoint to the next one who waits for it."""
        state = self._endpoints[endpoint]
        state.running -= 1
        self._admit(state)

    async def _wait(self, endpoint: _Endpoint, on_place: OnPlace) -> None:
        waiting = _Waiting(asyncio.get_running_loop().create_future(), on_place)
        endpoint.queue.append(waiting)
        on_place(len(endpoint.queue))
        try:
            await waiting.admitted
        except asyncio.CancelledError:
            if waiting in endpoint.queue:
                endpoint.queue.remove(waiting)
                self._report_places(endpoint)
            elif waiting.admitted.done() and not waiting.admitted.cancelled():
                # Admitted and cancelled in the same turn of the event loop.
                endpoint.running -= 1
                self._admit(endpoint)
            raise

    def _admit(self, endpoint: _Endpoint) -> None:
        moved = False
        # Limit 2, a and b run, c and d wait: a ends, c runs, and d hears that it is first now.
        while endpoint.queue and endpoint.running < self._limit:
            waiting = endpoint.queue.popleft()
            if not waiting.admitted.done():
                endpoint.running += 1
                waiting.admitted.set_result(None)
                moved = True
        if moved:
            self._report_places(endpoint)

    @staticmethod
    def _report_places(endpoint: _Endpoint) -> None:
        for place, waiting in enumerate(endpoint.queue, start=1):
            waiting.on_place(place)


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
