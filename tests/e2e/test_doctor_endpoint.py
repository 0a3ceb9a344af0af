"""`doctor --endpoint` has an endpoint write a little, and says what it can and cannot do."""

import asyncio
from pathlib import Path

import pytest

from streaming_code_generator.testing.openai_replies import (
    DONE,
    Hold,
    Reply,
    Step,
    answer,
    chunk,
    finish,
    usage,
)
from streaming_code_generator.testing.openai_server import OpenAIServer, RecordedRequest
from support.command_line import CommandLine

PAUSE_S = 0.3
"""Between two chunks: far more than a burst."""


@pytest.fixture
def command_line(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path)


def pause() -> Hold:
    over = asyncio.Event()
    asyncio.get_running_loop().call_later(PAUSE_S, over.set)
    return Hold(over)


def engine(*, stops: bool, counts: bool = True) -> OpenAIServer:
    """Make an endpoint whose first response ends and whose second one never does."""
    never = Hold(asyncio.Event())

    def reply_to(request: RecordedRequest) -> Reply:
        if request.path == "/slots":
            runs = not (stops and server.requests[1].disconnected.is_set())
            return Reply.json([{"is_processing": runs}, {"is_processing": False}])
        if request is server.requests[0]:
            counted: tuple[Step, ...] = (usage(20, 2),) if counts else ()
            return Reply(steps=(chunk("1 "), pause(), chunk("2"), finish(), *counted, DONE))
        return Reply(steps=(chunk("1 "), never))

    server = OpenAIServer(reply_to=reply_to)
    return server


async def test_an_endpoint_at_its_best_is_up_streams_counts_and_cancels(
    command_line: CommandLine,
) -> None:
    async with engine(stops=True) as server:
        ended = await command_line.call("doctor", "--endpoint", server.base_url)
        sessions = {request.headers["x-session-id"] for request in server.requests}

    assert ended.exit_code == 0, ended.out + ended.err
    assert "is up and lists loopback-model" in ended.out
    assert "ok    endpoint: streams, first text after" in ended.out
    assert "counts tokens: 20 of the prompt, 2 of the response" in ended.out
    assert "cancels: the engine stopped within" in ended.out
    assert len(sessions) == 1


async def test_an_engine_that_works_on_for_a_client_that_left_is_noted(
    command_line: CommandLine,
) -> None:
    async with engine(stops=False, counts=False) as server:
        ended = await command_line.call("doctor", "--endpoint", server.base_url)

    assert ended.exit_code == 0
    assert "note  endpoint: counts no tokens" in ended.out
    assert "note  endpoint: does not cancel: the connection was closed in" in ended.out


async def test_an_endpoint_that_sends_all_at_once_is_noted(command_line: CommandLine) -> None:
    async with OpenAIServer(answer("1 2 3")) as server:
        ended = await command_line.call("doctor", "--endpoint", server.base_url)

    assert "note  endpoint: does not stream: all text came at once" in ended.out
    assert "whether the engine stops cannot be seen here" in ended.out


async def test_an_endpoint_that_is_down_fails(command_line: CommandLine) -> None:
    async with OpenAIServer() as server:
        gone = server.base_url
    ended = await command_line.call("doctor", "--endpoint", gone)

    assert ended.exit_code == 1
    assert f"FAIL  endpoint: {gone} cannot be reached" in ended.out


async def test_an_endpoint_that_refuses_to_write_fails(command_line: CommandLine) -> None:
    async with OpenAIServer(Reply.error(400, "the model is not loaded")) as server:
        ended = await command_line.call("doctor", "--endpoint", server.base_url)

    assert ended.exit_code == 1
    assert "FAIL  endpoint: wrote nothing:" in ended.out
    assert "the model is not loaded" in ended.out
