"""Many generations at once: each has its own text and figures, and none waits for another."""

import asyncio

import pytest

from streaming_code_generator import StreamingCodeGenerator, StreamStats
from streaming_code_generator.core.engine.limits import ConcurrencyLimit
from streaming_code_generator.core.messages import Delta
from streaming_code_generator.core.results import GenerationResult
from streaming_code_generator.testing.openai_replies import DONE, Reply, chunk, finish, usage
from streaming_code_generator.testing.openai_server import OpenAIServer, RecordedRequest
from streaming_code_generator.testing.scripted import (
    Script,
    ScriptedProvider,
    WaitFor,
    Yield,
    text_script,
)
from support.generations import DEADLINE_S

GENERATIONS = 200
PATIENCE_S = 300.0


def pieces_for(prompt: str) -> list[str]:
    number = int(prompt)
    return [f"{prompt}:{n} " for n in range(number % 7 + 1)]


def reply_to(request: RecordedRequest) -> Reply:
    """Answer with what belongs to the prompt alone; every third one is refused at first."""
    pieces = pieces_for(request.prompt)
    counts = usage(int(request.prompt), len(pieces))
    return Reply(steps=(*map(chunk, pieces), finish(), counts, DONE))


class RefusingOnce:
    """Refuses every third prompt the first time it is asked."""

    def __init__(self) -> None:
        self._asked: set[str] = set()

    def __call__(self, request: RecordedRequest) -> Reply:
        is_first = request.prompt not in self._asked
        self._asked.add(request.prompt)
        if is_first and int(request.prompt) % 3 == 0:
            return Reply.error(503, "busy", headers={"retry-after-ms": "1"})
        return reply_to(request)


async def test_two_hundred_generations_each_get_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    # On a busy machine so many take their time, which is to be no further attempt.
    monkeypatch.setenv("STREAMING_CODE_GENERATOR_CONNECT_TIMEOUT_SECONDS", str(PATIENCE_S))

    async def generate(prompt: str) -> tuple[str, list[str], list[StreamStats], GenerationResult]:
        heard: list[str] = []
        progress: list[StreamStats] = []
        result = await generator.generate_code_with_explanation(
            prompt, heard.append, progress.append
        )
        return prompt, heard, progress, result

    async with (
        OpenAIServer(reply_to=RefusingOnce()) as server,
        StreamingCodeGenerator(
            "k",
            "m",
            PATIENCE_S,
            base_url=server.base_url,
            first_chunk_timeout=PATIENCE_S,
            stall_timeout=PATIENCE_S,
        ) as generator,
        asyncio.timeout(PATIENCE_S),
    ):
        prompts = [str(number) for number in range(1, GENERATIONS + 1)]
        outcomes = await asyncio.gather(*map(generate, prompts))

    for prompt, heard, progress, result in outcomes:
        pieces = pieces_for(prompt)
        assert heard == pieces
        assert result.text == "".join(pieces)
        assert result.stats.prompt_tokens == int(prompt)
        assert result.stats.completion_tokens == len(pieces)
        assert result.stats.chunks_processed == len(pieces) + 2
        assert result.stats.attempts == (2 if int(prompt) % 3 == 0 else 1)
        counted = [stats.chunks_processed for stats in progress]
        assert counted == [*range(1, len(pieces) + 3), len(pieces) + 2]


async def test_a_hanging_generation_holds_up_no_other() -> None:
    hanging = WaitFor(event=asyncio.Event())
    provider = ScriptedProvider([Delta(text="a"), hanging], text_script("b"))
    arrived = asyncio.Event()
    async with StreamingCodeGenerator(provider=provider) as generator:
        stuck = asyncio.create_task(
            generator.generate_code_with_explanation("1", lambda _: arrived.set())
        )
        await asyncio.wait_for(arrived.wait(), DEADLINE_S)
        async with asyncio.timeout(DEADLINE_S):
            other = await generator.generate_code_with_explanation("2", None)
        assert other.text == "b"
        assert not stuck.done()
        stuck.cancel()
        await asyncio.wait({stuck}, timeout=DEADLINE_S)
    assert stuck.cancelled()


async def test_generations_take_turns() -> None:
    yielding: Script = [Delta(text="x"), Yield(), Delta(text="x"), Yield()]
    script: Script = [*yielding, Delta(finish_reason="stop")]
    order: list[str] = []
    async with StreamingCodeGenerator(provider=ScriptedProvider(script)) as generator:

        async def generate(name: str) -> None:
            await generator.generate_code_with_explanation("x", lambda _: order.append(name))

        async with asyncio.timeout(DEADLINE_S):
            await asyncio.gather(generate("a"), generate("b"))
    assert order == ["a", "b", "a", "b"]


async def test_queue_that_moves_a_hundred_places_at_once_is_reported_once() -> None:
    limit = ConcurrencyLimit(limit=1)
    reported: list[int] = []
    moved_up = asyncio.Event()

    def note(place: int) -> None:
        reported.append(place)
        if place == 1:
            moved_up.set()

    async with asyncio.timeout(DEADLINE_S):
        await limit.acquire("endpoint", lambda _: None)
        waiting = [asyncio.create_task(limit.acquire("endpoint", note)) for _ in range(110)]
        await asyncio.sleep(0)
        taken, moved_up = reported[:], asyncio.Event()
        for _ in range(100):
            limit.release("endpoint")
        await moved_up.wait()
    for task in waiting:
        task.cancel()

    assert taken == [*range(1, 111)]
    assert reported[110:] == [*range(1, 11)]


async def test_no_task_is_left_over() -> None:
    before = asyncio.all_tasks()
    async with StreamingCodeGenerator(provider=ScriptedProvider(text_script("a"))) as generator:
        await asyncio.gather(
            *(generator.generate_code_with_explanation("x", None) for _ in range(20))
        )
    assert asyncio.all_tasks() == before
