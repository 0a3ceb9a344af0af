"""The scripted provider plays what it is given, faults included."""

import asyncio
from contextlib import aclosing

import pytest

from streaming_code_generator.core.messages import Delta
from streaming_code_generator.errors import APIError, StreamProcessError
from streaming_code_generator.testing.scripted import (
    Disconnect,
    Refuse,
    ScriptedProvider,
    WaitFor,
    Yield,
    text_script,
)
from support.generations import request_for

REFUSAL = APIError("no", kind="server", retryable=True)


async def play(provider: ScriptedProvider) -> list[Delta]:
    async with provider.open(request_for()) as deltas:
        return [delta async for delta in deltas]


async def test_a_text_script_has_what_real_streams_have() -> None:
    first, *texts, finish, usage = await play(ScriptedProvider(text_script("a", "b")))
    assert first.is_empty
    assert [delta.text for delta in texts] == ["a", "b"]
    assert finish.finish_reason == "stop"
    assert usage.usage is not None
    assert usage.usage.completion_tokens == 2


async def test_each_attempt_takes_the_next_script_and_the_last_one_stays() -> None:
    provider = ScriptedProvider([Refuse(error=REFUSAL)], [Delta(text="b")])
    with pytest.raises(APIError):
        await play(provider)
    assert await play(provider) == await play(provider) == [Delta(text="b")]
    assert len(provider.requests) == 3


async def test_a_fault_comes_after_what_stands_before_it() -> None:
    provider = ScriptedProvider([Delta(text="a"), Yield(), Disconnect()])
    async with provider.open(request_for()) as deltas:
        assert await anext(deltas) == Delta(text="a")
        with pytest.raises(StreamProcessError):
            await anext(deltas)


async def test_it_waits_for_an_event_and_closes_when_it_is_left() -> None:
    gate = asyncio.Event()
    provider = ScriptedProvider([WaitFor(event=gate), Delta(text="a")])
    async with provider.open(request_for()) as deltas:
        waiting = asyncio.ensure_future(anext(deltas))
        await asyncio.sleep(0)
        assert not waiting.done()
        assert provider.open_streams == 1
        gate.set()
        assert await waiting == Delta(text="a")
    assert provider.open_streams == 0


async def test_closing_is_noted() -> None:
    async with aclosing(ScriptedProvider()) as provider:
        assert not provider.is_closed
    assert provider.is_closed
