"""How a server begins and ends: quickly, with the right exit code, and without leaving anything."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from streaming_code_generator.testing.openai_replies import answer
from support.embedded import has_process, needs_model, wait_gone
from support.lsp_endpoint import ScriptedEndpoint, silence
from support.lsp_process import DEADLINE_S, ENDED_WITHIN_S, SERVER, children_of, server_environment
from support.lsp_raw import RawServer, Wire, framed, raw_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENDING_CPU_S = 0.2
"""How long a server may compute when it ends, however busy the machine is."""
URI = "file:///some/document.py"
PLACE = {"textDocument": {"uri": URI}, "position": {"line": 0, "character": 0}, "prompt": "x"}
UNCLEAN = 1


async def streaming(server: RawServer, workspace: Path, endpoint: ScriptedEndpoint) -> None:
    """Have a generation running."""
    endpoint.will(silence())
    await server.shake_hands(workspace)
    await server.open(URI, "")
    await server.command("generate", PLACE)
    async with asyncio.timeout(DEADLINE_S):
        await endpoint.asked.wait()


def cpu_s_of(pid: int) -> float:
    """Return how long a process has computed so far, all threads together."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def cpu_s_of_ended_children() -> float:
    times = os.times()
    return times.children_user + times.children_system


async def test_shutdown_and_exit_end_with_success(
    workspace: Path, environment: dict[str, str]
) -> None:
    async with raw_server(environment, *SERVER) as server:
        await server.shake_hands(workspace)
        assert (await server.ask("shutdown", None))["result"] is None
        await server.notify("exit", None)

        assert await server.ended(ENDED_WITHIN_S) == 0


async def test_exit_without_shutdown_ends_without_success(
    workspace: Path, environment: dict[str, str]
) -> None:
    async with raw_server(environment) as server:
        await server.shake_hands(workspace)
        await server.notify("exit", None)

        assert await server.ended(ENDED_WITHIN_S) == UNCLEAN


async def test_exit_before_initialize_ends(environment: dict[str, str]) -> None:
    async with raw_server(environment, *SERVER) as server:
        await server.notify("exit", None)

        assert await server.ended() == UNCLEAN


async def test_closed_input_ends_the_server_in_the_middle_of_a_stream(
    workspace: Path, environment: dict[str, str], endpoint: ScriptedEndpoint
) -> None:
    async with raw_server(environment) as server:
        await streaming(server, workspace, endpoint)

        server.hang_up()

        assert await server.ended(ENDED_WITHIN_S) == 0
        assert endpoint.requests[0].disconnected.is_set()


async def test_closed_input_ends_the_server_while_it_warms_up(
    workspace: Path, environment: dict[str, str]
) -> None:
    async with raw_server(environment, *SERVER) as server:
        await server.shake_hands(workspace)
        server.hang_up()

        assert await server.ended(ENDED_WITHIN_S) == 0


async def test_closed_input_ends_a_server_that_nobody_greeted(environment: dict[str, str]) -> None:
    async with raw_server(environment, *SERVER) as server:
        server.hang_up()

        assert await server.ended() == 0


async def test_ending_costs_next_to_nothing(
    workspace: Path, environment: dict[str, str], endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("x = 1"))
    async with raw_server(environment, *SERVER) as server:
        await server.shake_hands(workspace)
        await server.open(URI, "")
        await server.answer_to(await server.command("generate", {**PLACE, "target": "none"}))
        reaped_s = cpu_s_of_ended_children()
        used_s = cpu_s_of(server.process.pid)

        server.hang_up()
        await server.discard_rest()
        await server.ended(ENDED_WITHIN_S)

        assert cpu_s_of_ended_children() - reaped_s - used_s < ENDING_CPU_S


@needs_model
@pytest.mark.parametrize(
    "end",
    [
        "shutdown",
        *(pytest.param(end, marks=pytest.mark.slow) for end in ("hang up", "kill", "terminate")),
    ],
)
async def test_embedded_model_ends_with_the_server(
    workspace: Path, tmp_path: Path, end: str
) -> None:
    async with raw_server(server_environment(tmp_path), may_fall=True) as server:
        await server.shake_hands(workspace)
        await server.open(URI, "")
        await server.command("generate", {**PLACE, "partialResultToken": "text"})
        while (await server.heard_from_now("$/progress"))["token"] != "text":
            pass
        (child,) = await children_of(server.process.pid)
        assert has_process(child)

        match end:
            case "hang up":
                server.hang_up()
            case "kill":
                server.process.kill()
            case "terminate":
                server.process.send_signal(signal.SIGTERM)
            case "shutdown":
                await server.ask("shutdown", None)
                await server.notify("exit", None)

        await server.ended(ENDED_WITHIN_S)
        await wait_gone(child, within_s=ENDED_WITHIN_S)


async def test_tcp_serves_one_client_and_ends_with_it(
    workspace: Path, environment: dict[str, str], endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("x = 1"))
    command = (sys.executable, "-m", "streaming_code_generator", "serve", "--tcp", "127.0.0.1:0")
    async with raw_server(environment, *command) as server:
        found = await server.logs(rb"listening on 127\.0\.0\.1:(\d+)")
        client = Wire(*await asyncio.open_connection("127.0.0.1", int(found[1])))
        await client.shake_hands(workspace)
        await client.open(URI, "")
        answered = await client.answer_to(
            await client.command("generate", {**PLACE, "target": "none"})
        )
        assert answered["result"]["code"] == "x = 1"

        client.hang_up()

        assert await server.ended(ENDED_WITHIN_S) == 0


async def test_web_socket_serves_one_client_and_ends_with_it(
    workspace: Path, environment: dict[str, str], endpoint: ScriptedEndpoint
) -> None:
    websockets = pytest.importorskip("websockets.asyncio.client")
    endpoint.will(answer("x = 1"))
    command = (sys.executable, "-m", "streaming_code_generator", "serve", "--ws", "127.0.0.1:0")
    async with raw_server(environment, *command) as server:
        port = int((await server.logs(rb"listening on 127\.0\.0\.1:(\d+)"))[1])
        async with websockets.connect(f"ws://127.0.0.1:{port}") as socket:
            await socket.send(
                json.dumps(
                    {
                        "jsonrpc": "2.0",
                        "id": 1,
                        "method": "initialize",
                        "params": {
                            "processId": None,
                            "rootUri": workspace.as_uri(),
                            "capabilities": {},
                        },
                    }
                )
            )
            answered = json.loads(await socket.recv())
            assert answered["result"]["serverInfo"]["name"] == "streaming-code-generator"

        assert await server.ended(ENDED_WITHIN_S) == 0


@pytest.mark.parametrize("kind", ["empty file", "null device"])
async def test_input_that_is_no_pipe_ends_the_server_at_once(
    environment: dict[str, str], tmp_path: Path, kind: str
) -> None:
    source = Path("/dev/null")
    if kind == "empty file":
        source = tmp_path / "input"
        source.touch()
    with source.open("rb") as stdin:
        process = await asyncio.create_subprocess_exec(
            *SERVER, stdin=stdin, stdout=PIPE, stderr=PIPE, env=environment
        )
        async with asyncio.timeout(DEADLINE_S):
            _, err = await process.communicate()

    assert process.returncode == 0
    assert b"Traceback" not in err


async def test_conversation_in_files_is_held(environment: dict[str, str], tmp_path: Path) -> None:
    params: dict[str, object] = {"processId": None, "rootUri": None, "capabilities": {}}
    spoken = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params},
        {"jsonrpc": "2.0", "id": 2, "method": "shutdown"},
    ]
    source, target = tmp_path / "spoken", tmp_path / "answered"
    source.write_bytes(b"".join(framed(json.dumps(message).encode()) for message in spoken))
    with source.open("rb") as stdin, target.open("wb") as stdout:
        process = await asyncio.create_subprocess_exec(
            *SERVER, stdin=stdin, stdout=stdout, stderr=PIPE, env=environment
        )
        async with asyncio.timeout(DEADLINE_S):
            _, err = await process.communicate()

    assert (process.returncode, err) == (0, b"")
    assert b'"name": "streaming-code-generator"' in target.read_bytes()


async def held(looked_for: tuple[str, ...], *, after: str, environment: dict[str, str]) -> str:
    """Return which modules a process holds once it has imported others, as a list is printed."""
    probe = f"import sys, {after}; print([name for name in {looked_for} if name in sys.modules])"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", probe, stdout=PIPE, env=environment
    )
    out, _ = await process.communicate()
    return out.decode().strip()


async def test_initialize_does_not_wait_for_what_generations_need(
    environment: dict[str, str],
) -> None:
    packages = ("openai", "httpx2", "tiktoken", "xllamacpp", "pygments", "tenacity")
    own = tuple(f"streaming_code_generator.{name}" for name in ("core", "editing", "settings"))
    modules = ("cli.serve", "lsp.server", "lsp.serving")
    server = ", ".join(f"streaming_code_generator.{name}" for name in modules)

    assert await held((*packages, *own), after=server, environment=environment) == "[]"


async def test_server_without_documents_does_not_hold_what_only_they_need(
    environment: dict[str, str],
) -> None:
    packages = ("pathspec", "pygments", "sqlite3")
    server = "streaming_code_generator.lsp.commands, streaming_code_generator.lsp.state"

    assert await held(packages, after=server, environment=environment) == "[]"


async def test_server_answers_while_it_warms_up(
    workspace: Path, environment: dict[str, str]
) -> None:
    async with raw_server(environment, *SERVER) as server:
        await server.shake_hands(workspace)
        # The server's own modules are imported before the first; the SDK is while it answers.
        assert await server.is_alive()
        loop = asyncio.get_running_loop()
        slowest_s = 0.0
        for _ in range(20):
            asked_at_s = loop.time()
            assert await server.is_alive()
            slowest_s = max(slowest_s, loop.time() - asked_at_s)

    assert slowest_s < 1.0
