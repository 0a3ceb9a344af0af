"""Who may generate now: so many at once for each endpoint, the others in the order they came."""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

OnPlace = Callable[[int], None]
"""Told one's place in the queue, from 1, whenever it changes."""


@dataclass(slots=True, eq=False)
class _Waiting:
    turn: "asyncio.Future[None]"
    on_place: OnPlace


@dataclass(slots=True)
class _Endpoint:
    running: int = 0
    queue: deque[_Waiting] = field(default_factory=deque)


class Turns:
    """A fair limit on how many generations run at each endpoint."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._endpoints: defaultdict[str, _Endpoint] = defaultdict(_Endpoint)

    def set_limit(self, limit: int) -> None:
        """Change the limit; whoever may go on now does, and nobody is stopped."""
        self._limit = limit
        for state in self._endpoints.values():
            self._admit(state)

    @asynccontextmanager
    async def turn(self, endpoint: str, on_place: OnPlace) -> AsyncIterator[None]:
        """Wait for one's turn at an endpoint and hold it inside the block.

        Cancellation: at once; a turn that was just given goes to the next.
        """
        state = self._endpoints[endpoint]
        if state.running >= self._limit or state.queue:
            await self._wait(state, on_place)
        else:
            state.running += 1
        try:
            yield
        finally:
            state.running -= 1
            self._admit(state)

    async def _wait(self, state: _Endpoint, on_place: OnPlace) -> None:
        waiting = _Waiting(asyncio.get_running_loop().create_future(), on_place)
        state.queue.append(waiting)
        on_place(len(state.queue))
        try:
            await waiting.turn
        except asyncio.CancelledError:
            if waiting in state.queue:
                state.queue.remove(waiting)
                self._tell_places(state)
            elif waiting.turn.done() and not waiting.turn.cancelled():
                state.running -= 1
                self._admit(state)
            raise

    def _admit(self, state: _Endpoint) -> None:
        moved = False
        while state.queue and state.running < self._limit:
            waiting = state.queue.popleft()
            if not waiting.turn.done():
                state.running += 1
                waiting.turn.set_result(None)
                moved = True
        if moved:
            self._tell_places(state)

    @staticmethod
    def _tell_places(state: _Endpoint) -> None:
        for place, waiting in enumerate(state.queue, start=1):
            waiting.on_place(place)
