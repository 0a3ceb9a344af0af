"""Chunks that arrive at once make one event where every chunk need not be shown by itself."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager

import pytest

from streaming_code_generator.core.engine.generator import FilteredEvent, GenerationEngine, filtered
from streaming_code_generator.core.messages import (
    CompletionRequest,
    Delta,
    ProviderDescription,
    Usage,
)
from streaming_code_generator.core.results import GenerationFinished, GenerationResult
from support.generations import DEADLINE_S, request_for

USAGE = Usage(prompt_tokens=3, completion_tokens=4, total_tokens=7)
RESPONSE = [
    Delta(model="m"),
    Delta(reasoning="Hm"),
    Delta(reasoning="m."),
    Delta(text="```python\n"),
    Delta(text="a = 1\n"),
    Delta(text="b = 2\n"),
    Delta(text="```\n", finish_reason="stop"),
    Delta(usage=USAGE),
]


class Deltas:
    """Chunks that all arrived in one read."""

    def __init__(self, deltas: Iterable[Delta]) -> None:
        self._deltas = [*deltas][::-1]

    def __aiter__(self) -> AsyncIterator[Delta]:
        return self

    async def __anext__(self) -> Delta:
        if not self._deltas:
            raise StopAsyncIteration
        return self._deltas.pop()

    def take_received(self) -> list[Delta]:
        taken, self._deltas = self._deltas[::-1], []
        return taken


class AtOnce:
    """A provider whose whole response arrives at once."""

    description = ProviderDescription(name="at once", model="m", endpoint="e", reason="it is")

    @asynccontextmanager
    async def open(self, _request: CompletionRequest) -> AsyncIterator[AsyncIterator[Delta]]:
        yield Deltas(RESPONSE)

    async def warm_up(self) -> None: ...

    async def aclose(self) -> None: ...


class OneByOne(AtOnce):
    """The same, of which each chunk is waited for."""

    @asynccontextmanager
    async def open(self, _request: CompletionRequest) -> AsyncIterator[AsyncIterator[Delta]]:
        async def one_by_one() -> AsyncIterator[Delta]:
            for delta in RESPONSE:
                await asyncio.sleep(0)
                yield delta

        yield one_by_one()


async def run(provider: AtOnce, *, every_chunk: bool = False) -> list[FilteredEvent]:
    stream = filtered(GenerationEngine(provider), request_for(), every_chunk=every_chunk)
    async with asyncio.timeout(DEADLINE_S), aclosing(stream) as events:
        return [event async for event in events]


def result_of(events: list[FilteredEvent]) -> GenerationResult:
    last = events[-1].event
    assert isinstance(last, GenerationFinished)
    return last.result


def content_of(events: list[FilteredEvent]) -> list[str]:
    return [
        each.event.text
        for each in events
        if each.event.kind == "text" and each.event.part == "content"
    ]


async def test_text_that_arrived_at_once_is_one_event() -> None:
    assert content_of(await run(AtOnce())) == ["```python\na = 1\nb = 2\n", "```\n"]


async def test_every_chunk_is_an_event_where_that_was_asked_for() -> None:
    events = await run(AtOnce(), every_chunk=True)
    assert content_of(events) == ["```python\n", "a = 1\n", "b = 2\n", "```\n"]


@pytest.mark.parametrize("every_chunk", [True, False])
@pytest.mark.parametrize("provider", [AtOnce(), OneByOne()], ids=["at once", "one by one"])
async def test_the_result_and_its_figures_are_the_same(
    provider: AtOnce, *, every_chunk: bool
) -> None:
    result = result_of(await run(provider, every_chunk=every_chunk))
    assert (result.code, result.reasoning) == ("a = 1\nb = 2", "Hmm.")
    stats = result.stats
    assert (stats.chunks_processed, stats.empty_chunks, stats.total_tokens) == (8, 2, 7)


async def test_other_tasks_run_while_a_stream_is_faster_than_its_reader() -> None:
    endless = Deltas([])
    endless._deltas = [Delta(text="x\n")] * 200_000
    endless.take_received = list  # type: ignore[method-assign]  # one by one, at full rate

    class Endless(AtOnce):
        @asynccontextmanager
        async def open(self, _request: CompletionRequest) -> AsyncIterator[AsyncIterator[Delta]]:
            yield endless

    others = 0

    async def count() -> None:
        nonlocal others
        while True:
            await asyncio.sleep(0)
            others += 1

    counting = asyncio.create_task(count())
    async with aclosing(GenerationEngine(Endless()).stream(request_for())) as events:
        async for _ in events:
            if others > 2:
                break
    counting.cancel()
    assert others > 2
