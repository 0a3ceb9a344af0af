"""The model's side of a conversation with the language server: an endpoint that a test scripts."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from streaming_code_generator.testing.openai_replies import (
    DONE,
    Hold,
    Reply,
    answer,
    chunk,
    finish,
    usage,
)
from streaming_code_generator.testing.openai_server import OpenAIServer, RecordedRequest

MODEL = "loopback-model"


class GatedAnswer:
    """A stream whose pieces come one by one, as the test lets them; the first comes at once."""

    def __init__(self, *pieces: str) -> None:
        self._gates = [asyncio.Event() for _ in pieces]
        self._gates[0].set()
        self._opened = 1
        steps = [
            step
            for piece, gate in zip(pieces, self._gates, strict=True)
            for step in (Hold(gate), chunk(piece, model=MODEL))
        ]
        # The end is held back with the last piece only: a test that wants it later adds a piece.
        tokens = len(pieces)
        self.reply = Reply(
            steps=(chunk(role="assistant", content=None), *steps, finish(), usage(10, tokens), DONE)
        )

    def release(self, count: int = 1) -> None:
        """Let the next pieces come."""
        for gate in self._gates[self._opened : self._opened + count]:
            gate.set()
        self._opened += count

    def release_all(self) -> None:
        """Let everything come that is left."""
        self.release(len(self._gates))


def silence() -> Reply:
    """Return a stream that begins and never says anything."""
    return Reply(steps=(chunk(role="assistant", content=None), Hold(asyncio.Event())))


class ScriptedEndpoint:
    """A loopback server whose next replies each test sets; the last one answers all that follow."""

    def __init__(self) -> None:
        self.server = OpenAIServer(reply_to=self._next)
        self._replies: deque[Reply] = deque()
        self._first_of_test = 0
        self.asked = asyncio.Event()
        """Set by the first request since the last `will`."""

    @property
    def base_url(self) -> str:
        """What to set as base URL."""
        return self.server.base_url

    @property
    def requests(self) -> list[RecordedRequest]:
        """The requests since the last `will`."""
        return self.server.requests[self._first_of_test :]

    def will(self, *replies: Reply | GatedAnswer) -> None:
        """Set the replies from now on, and forget the requests so far."""
        self._replies = deque(r.reply if isinstance(r, GatedAnswer) else r for r in replies)
        self._first_of_test = len(self.server.requests)
        self.asked.clear()

    def _next(self, _request: RecordedRequest) -> Reply:
        self.asked.set()
        if not self._replies:
            return answer("unscripted")
        return self._replies.popleft() if len(self._replies) > 1 else self._replies[0]


@asynccontextmanager
async def scripted_endpoint() -> AsyncIterator[ScriptedEndpoint]:
    """Serve until the block is left."""
    endpoint = ScriptedEndpoint()
    async with endpoint.server:
        yield endpoint
