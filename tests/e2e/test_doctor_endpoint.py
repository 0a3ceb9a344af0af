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
    assert "its ways, all understood: reports usage in a chunk of its own" in ended.out
    assert "ok    cancel: the engine stopped within" in ended.out
    assert len(sessions) == 1


async def test_an_engine_that_works_on_for_a_client_that_left_is_noted(
    command_line: CommandLine,
) -> None:
    async with engine(stops=False, counts=False) as server:
        ended = await command_line.call("doctor", "--endpoint", server.base_url)

    assert ended.exit_code == 0
    assert "note  endpoint: counts no tokens" in ended.out
    assert "note  cancel: the engine does not stop: the connection was closed in" in ended.out


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


WRITES_ON = Reply(steps=(chunk("1 "), Hold(asyncio.Event())))


@pytest.mark.parametrize("stops", [True, False])
async def test_cancel_alone_asks_once_and_looks_whether_the_engine_stops(
    command_line: CommandLine, *, stops: bool
) -> None:
    def reply_to(request: RecordedRequest) -> Reply:
        if request.path == "/slots":
            return Reply.error(404, "no such path")
        if request.path == "/metrics":
            runs = not (stops and server.requests[0].disconnected.is_set())
            metric = f'vllm:num_requests_running{{engine="0",model_name="m"}} {int(runs)}.0\n'
            return Reply(content_type="text/plain", steps=(metric.encode(),))
        return WRITES_ON

    server = OpenAIServer(reply_to=reply_to)
    async with server:
        options = ("--base-url", server.base_url, "--model", "m")
        ended = await command_line.call("doctor", "--cancel", *options)
        asked = [request for request in server.requests if request.method == "POST"]

    stopped = "ok    cancel: the engine stopped" if stops else "cancel: the engine does not stop"
    assert stopped in ended.out, ended.out + ended.err
    assert (ended.exit_code, len(asked)) == (0 if stops else 1, 1)


async def test_cancel_is_not_tried_where_the_endpoint_refuses(command_line: CommandLine) -> None:
    async with OpenAIServer(Reply.error(400, "the model is not loaded")) as server:
        options = ("--base-url", server.base_url, "--model", "m")
        ended = await command_line.call("doctor", "--cancel", *options)
    assert ended.exit_code == 1
    assert "FAIL  cancel: not tried:" in ended.out


async def test_server_on_this_machine_is_found_and_sent_nothing_unasked(
    command_line: CommandLine,
) -> None:
    received: list[bytes] = []
    body = b'{"data": [{"id": "qwen2.5-coder:7b"}, {"id": "llama3"}]}'

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = b""
        while not request.endswith(b"\r\n\r\n") and (line := await reader.readline()):
            request += line
        received.append(request)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        usual = {"OLLAMA_HOST": f"0.0.0.0:{port}", "LLAMA_ARG_PORT": "1", "OPENAI_API_KEY": "sk-a"}
        unasked = await command_line.call("doctor", variables=usual)
        assert received == [b""]
        asked = await command_line.call("doctor", "--local", variables=usual)

    setting = f'in config.toml: `base_url = "http://127.0.0.1:{port}/v1"`'
    assert f"ok    local: something listens where Ollama does; {setting}" in unasked.out
    assert "has qwen2.5-coder:7b, llama3; " in asked.out
    assert f'{setting}, `model = "qwen2.5-coder:7b"`' in asked.out
    assert received[-1].startswith(b"GET /v1/models ")
    assert b"authorization" not in received[-1].lower()


async def test_server_that_is_set_already_is_not_offered(command_line: CommandLine) -> None:
    async with OpenAIServer() as server:
        usual = {"OLLAMA_HOST": f":{server.port}", "LLAMA_ARG_PORT": str(server.port)}
        url = f"http://localhost:{server.port}/v1"
        options = ("--base-url", url, "--model", "loopback-model")
        ended = await command_line.call("doctor", *options, variables=usual)
    assert "something listens where Ollama" not in ended.out
    assert "something listens where llama.cpp" not in ended.out


async def test_a_key_among_the_models_names_is_masked(command_line: CommandLine) -> None:
    key = "plain.looking-secret_4711"
    async with OpenAIServer(models=(key, f"for-{key}", "other")) as server:
        ended = await command_line.call(
            "doctor", "--endpoint", server.base_url, variables={"OPENAI_API_KEY": key}
        )

    assert "is up and lists ***, for-***, other" in ended.out
    assert key not in ended.out + ended.err


async def test_an_endpoint_that_lists_no_models_is_not_taken_for_one_that_works(
    command_line: CommandLine,
) -> None:
    async with OpenAIServer(models=()) as server:
        ended = await command_line.call("doctor", "--endpoint", server.base_url)

    assert ended.exit_code == 1
    assert "FAIL  endpoint: not asked to write: name a model of its own with `--model`" in ended.out
