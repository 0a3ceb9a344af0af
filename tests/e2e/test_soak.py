"""Many generations in one server, faults and cancels among them: nothing is left of any.

`poe soak` runs 10,000 of them; here it is some hundreds.
"""

import asyncio
import os
import random
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from streaming_code_generator.testing.openai_replies import Hold, Reply, answer, chunk
from streaming_code_generator.testing.openai_server import OpenAIServer, RecordedRequest
from support.faults import CASES, PART, WHOLE, Case
from support.lsp_client import Buffer, EditorClient, connected
from support.lsp_process import DEADLINE_S, children_of, server_environment

GENERATIONS = int(os.environ.get("SOAK_GENERATIONS", "500"))
STAGES = 5
AT_ONCE = 8
SERVER = (sys.executable, "-m", "support.counting_server")
MOST_GROWTH = 0.05
"""Of the memory, from the second stage to the last."""
A_FEW = 8
"""Threads of a pool that is still growing, say: what is left of generations comes by hundreds."""

FAULTS: Mapping[str, Case] = {
    case.name: case
    for case in CASES
    # The others wait for a timeout.
    if case.first_chunk_timeout_s == case.stall_timeout_s and "for long" not in case.name
}
CANCELS = ("cancel at once", "cancel in the middle")


def _reply(request: RecordedRequest) -> Reply:
    what = request.prompt.partition("<")[2].partition(">")[0]
    if what in FAULTS:
        return FAULTS[what].reply
    if what in CANCELS:
        return Reply(steps=(chunk(PART), Hold(asyncio.Event())))
    return answer(PART, "y = 2\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a server holds while it has nothing to do."""

    memory_kb: int
    files: int
    threads: int
    tasks: int
    children: int


class Soak:
    """A server under load, and what it holds between the stages."""

    def __init__(self, client: EditorClient, endpoint: OpenAIServer, tasks_file: Path) -> None:
        self._client = client
        self._endpoint = endpoint
        self._tasks_file = tasks_file
        self._random = random.Random(4711)
        kinds = ["none"] * (2 * len(FAULTS)) + [*FAULTS] + [*CANCELS] * (len(FAULTS) // 4)
        self._kinds = kinds

    async def stage(self, generations: int) -> Held:
        """Run generations, several at once, and return what is held once all have ended."""
        left = iter([self._random.choice(self._kinds) for _ in range(generations)])
        await asyncio.gather(*(self._work(left) for _ in range(AT_ONCE)))
        if tasks := self._endpoint.connection_tasks:
            _, open_still = await asyncio.wait(tasks, timeout=DEADLINE_S)
            assert not open_still, "connections are left"
        assert (await self._client.command("status"))["running"] == []
        self._client.heard.clear()
        return await self._held()

    async def _work(self, kinds: Iterator[str]) -> None:
        for kind in kinds:
            document = self._client.open("a = 0\n")
            call = self._client.begin_generate(document, (1, 0), prompt=f"soak <{kind}>")
            if kind == "cancel in the middle":
                await self._first_line_of(document)
            if kind in CANCELS:
                call.cancel()
            try:
                ended = (await call.result())["status"]
            except JsonRpcException as error:
                is_cancelled = error.code == int(types.LSPErrorCodes.RequestCancelled)
                ended = "cancelled" if is_cancelled else dict(error.data or {})["kind"]
            if kind == "cancel at once":
                assert ended in {"cancelled", "completed"}
            else:
                assert ended == (FAULTS[kind].expected.kind if kind in FAULTS else "cancelled")
            if ended == "completed":
                assert WHOLE in document.text
            self._client.close(document)

    async def _first_line_of(self, document: Buffer) -> None:
        await self._client.until(lambda: PART in document.text, "the first line")

    async def _held(self) -> Held:
        pid = self._client.process.pid
        self._tasks_file.unlink(missing_ok=True)
        os.kill(pid, signal.SIGUSR1)
        async with asyncio.timeout(DEADLINE_S):
            while not self._tasks_file.exists():
                await self._client.ping()
        return _held_by(pid, int(self._tasks_file.read_text()), len(await children_of(pid)))


def _held_by(pid: int, tasks: int, children: int) -> Held:
    proc = Path("/proc") / str(pid)
    lines = (proc / "status").read_text().splitlines()
    status = dict(line.split(":", 1) for line in lines)
    return Held(
        memory_kb=int(status["VmRSS"].split()[0]),
        files=len(list((proc / "fd").iterdir())),
        threads=int(status["Threads"]),
        tasks=tasks,
        children=children,
    )


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux tells of a process")
async def test_nothing_is_left_of_many_generations(tmp_path: Path) -> None:
    tasks_file = tmp_path / "tasks"
    async with OpenAIServer(reply_to=_reply) as endpoint:
        environment = server_environment(
            tmp_path,
            endpoint.base_url,
            MAX_RETRIES="0",
            MAX_CONCURRENT_GENERATIONS=str(AT_ONCE),
            FIRST_CHUNK_TIMEOUT_SECONDS="60",
            LOG_LEVEL="error",
        ) | {"TASKS_FILE": str(tasks_file), "PYTHONPATH": str(Path(__file__).parents[1])}
        async with connected(tmp_path, environment, command=SERVER) as client:
            soak = Soak(client, endpoint, tasks_file)
            stages = [await soak.stage(GENERATIONS // STAGES) for _ in range(STAGES)]

    for held in stages:
        print(held)  # noqa: T201 - what `poe soak` is run for
    _, second, *_, last = stages
    assert last.memory_kb <= second.memory_kb * (1 + MOST_GROWTH)
    assert last.files <= second.files + A_FEW
    assert last.threads <= second.threads + A_FEW
    assert last.tasks <= second.tasks + A_FEW
    assert last.children == 0
