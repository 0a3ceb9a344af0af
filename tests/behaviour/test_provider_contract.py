"""What every provider promises, held against the scripted one and against real HTTP."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from streaming_code_generator.core.engine.generator import GenerationEngine, GenerationPolicy
from streaming_code_generator.core.messages import Delta, Provider, Usage
from streaming_code_generator.core.results import RetryScheduled, TextArrived
from streaming_code_generator.errors import APIError, StreamProcessError
from streaming_code_generator.providers.openai.openai_provider import OpenAIProvider
from streaming_code_generator.testing import openai_replies as replies
from streaming_code_generator.testing import scripted
from streaming_code_generator.testing.openai_server import OpenAIServer
from support.generations import DEADLINE_S, QUICK, events_of, request_for, result_of, texts

REFUSAL = APIError("busy", kind="server", status_code=503, retryable=True)

# One step in neither provider's words: text, and then some of these.
DROP, HANG, REFUSE = "drop", "hang", "refuse"
Play = Sequence[str | Delta]
Setting = Callable[..., AbstractAsyncContextManager[Provider]]


@asynccontextmanager
async def scripted_provider(*plays: Play) -> AsyncIterator[Provider]:
    yield scripted.ScriptedProvider(*([_scripted_step(step) for step in play] for play in plays))


def _scripted_step(step: str | Delta) -> scripted.ScriptStep:
    match step:
        case Delta():
            return step
        case "drop":
            return scripted.Disconnect()
        case "hang":
            return scripted.WaitFor(event=asyncio.Event())
        case _:
            return scripted.Refuse(error=REFUSAL)


@asynccontextmanager
async def openai_provider(*plays: Play) -> AsyncIterator[Provider]:
    async with OpenAIServer(*map(_reply, plays)) as server:
        provider = OpenAIProvider(api_key="k", base_url=server.base_url, model="scripted")
        try:
            yield provider
        finally:
            await provider.aclose()


def _reply(play: Play) -> replies.Reply:
    if REFUSE in play:
        return replies.Reply.error(503, "busy")
    return replies.Reply(steps=[_http_step(step) for step in play])


def _http_step(step: str | Delta) -> replies.Step:
    match step:
        case Delta(usage=Usage() as usage):
            return replies.usage(usage.prompt_tokens, usage.completion_tokens)
        case Delta(finish_reason=str() as reason):
            return replies.finish(reason)
        case Delta():
            extra = {"reasoning_content": step.reasoning} if step.reasoning else {}
            return replies.chunk(step.text, model="scripted", **extra)
        case "drop":
            return replies.Drop()
        case _:
            return replies.Hold(asyncio.Event())


@pytest.fixture(params=[scripted_provider, openai_provider], ids=["scripted", "openai"])
def setting(request: pytest.FixtureRequest) -> Setting:
    chosen: Setting = request.param
    return chosen


STOP = Delta(finish_reason="stop")
USAGE = Delta(usage=Usage(prompt_tokens=7, completion_tokens=5, total_tokens=12))
HEALTHY: Play = (Delta(), Delta(text="Hello"), Delta(text=" 😀\r\n"), STOP, USAGE)


async def test_a_healthy_stream_gives_its_text_and_figures(setting: Setting) -> None:
    async with setting(HEALTHY) as provider:
        result = await result_of(provider)
    assert result.text == "Hello 😀\r\n"
    assert result.finish_reason == "stop"
    assert (result.stats.chunks_processed, result.stats.empty_chunks) == (5, 3)
    assert (result.stats.prompt_tokens, result.stats.completion_tokens) == (7, 5)
    assert result.model == "scripted"


async def test_reasoning_comes_apart(setting: Setting) -> None:
    async with setting([Delta(reasoning="hm"), Delta(text="x"), STOP]) as provider:
        events = await events_of(provider)
    parts = [(event.part, event.text) for event in events if isinstance(event, TextArrived)]
    assert parts == [("reasoning", "hm"), ("content", "x")]


async def test_a_refused_attempt_is_repeated(setting: Setting) -> None:
    async with setting([REFUSE], HEALTHY) as provider:
        events = await events_of(provider)
    assert isinstance(events[0], RetryScheduled)
    assert texts(events) == ["Hello", " 😀\r\n"]


async def test_a_provider_that_refuses_for_good_gives_up(setting: Setting) -> None:
    async with setting([REFUSE]) as provider:
        with pytest.raises(APIError, match="Gave up after 4 attempts") as caught:
            await events_of(provider)
    assert (caught.value.attempts, caught.value.status_code) == (4, 503)


async def test_a_connection_lost_before_text_is_made_again(setting: Setting) -> None:
    async with setting([Delta(), DROP], HEALTHY) as provider:
        result = await result_of(provider)
    assert (result.text, result.stats.attempts) == ("Hello 😀\r\n", 2)


async def test_a_connection_lost_after_text_keeps_the_text(setting: Setting) -> None:
    async with setting([Delta(text="half"), DROP]) as provider:
        with pytest.raises(StreamProcessError, match="broke off") as caught:
            await events_of(provider)
    assert (caught.value.kind, caught.value.partial_text) == ("connection", "half")
    assert caught.value.attempts == 1


async def test_an_end_without_finish_reason_is_an_error(setting: Setting) -> None:
    async with setting([Delta(text="half")]) as provider:
        with pytest.raises(StreamProcessError, match="ended early") as caught:
            await events_of(provider)
    assert caught.value.partial_text == "half"


async def test_a_stream_without_chunks_is_an_error(setting: Setting) -> None:
    async with setting([]) as provider:
        with pytest.raises(StreamProcessError, match="held nothing"):
            await events_of(provider)


async def test_a_hanging_stream_stalls(setting: Setting) -> None:
    policy = GenerationPolicy(stall_timeout_s=0.05)
    async with setting([Delta(text="half"), HANG]) as provider:
        with pytest.raises(StreamProcessError, match="stalled") as caught:
            await events_of(provider, policy)
    assert caught.value.partial_text == "half"


async def test_cancelling_while_it_hangs_ends_at_once(setting: Setting) -> None:
    arrived = asyncio.Event()

    async def generate(provider: Provider) -> None:
        async for event in GenerationEngine(provider, QUICK).stream(request_for()):
            if isinstance(event, TextArrived):
                arrived.set()

    async with setting([Delta(text="half"), HANG]) as provider:
        task = asyncio.create_task(generate(provider))
        await asyncio.wait_for(arrived.wait(), DEADLINE_S)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, DEADLINE_S)


async def test_one_provider_serves_generations_at_the_same_time(setting: Setting) -> None:
    async with setting(HEALTHY) as provider:
        results = await asyncio.gather(*(result_of(provider) for _ in range(10)))
    assert {result.text for result in results} == {"Hello 😀\r\n"}


async def test_closing_twice_is_no_harm(setting: Setting) -> None:
    async with setting(HEALTHY) as provider:
        await result_of(provider)
        await provider.aclose()
        await provider.aclose()
