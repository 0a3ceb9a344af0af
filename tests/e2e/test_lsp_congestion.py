"""A client that stops reading: nothing piles up, and it is still heard."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from streaming_code_generator.testing.openai_replies import Reply, chunk, finish
from support.lsp_endpoint import ScriptedEndpoint
from support.lsp_process import DEADLINE_S
from support.lsp_raw import raw_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

URI = "file:///some/document.py"
GENERATE = {
    "textDocument": {"uri": URI},
    "position": {"line": 0, "character": 0},
    "prompt": "x",
    "target": "none",
    "partialResultToken": "chunks",
}
CANCELLED = -32800
QUIET_S = 0.4
"""No event tells that a stream has come to rest: this long without a chunk means it has."""
CLOSED_WITHIN_S = 5.0
MOST_GROWTH_BYTES = 16 * 1024 * 1024
"""(Measured: 1 MB.)"""


def resident_bytes(pid: int) -> int:
    """Return how much memory a process really has."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("it is gone")


class Counted(Sequence[bytes]):
    """The same event again and again, and how often it was taken."""

    def __init__(self, event: bytes, count: int) -> None:
        self._event = event
        self._count = count
        self.taken = 0

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Any:
        if index >= self._count:
            raise IndexError(index)
        self.taken = index
        return self._event


async def stalled(steps: Counted) -> int:
    """Return how many events were taken when no more are for a while."""
    async with asyncio.timeout(DEADLINE_S):
        taken = -1
        while taken != steps.taken:
            taken = steps.taken
            await asyncio.sleep(QUIET_S)
    return taken


async def test_cancel_is_heard_and_nothing_piles_up(
    workspace: Path, environment: dict[str, str], endpoint: ScriptedEndpoint
) -> None:
    steps = Counted(chunk("x = '" + "0123456789" * 500 + "'\n"), count=20_000)
    endpoint.will(Reply(steps=steps))
    async with raw_server(environment) as server:
        await server.shake_hands(workspace)
        await server.open(URI, "")
        request = await server.command("generate", GENERATE)
        while (await server.heard_from_now("$/progress"))["token"] != "chunks":
            pass
        before = resident_bytes(server.process.pid)

        # From here on nothing is read, though the endpoint has 100 MB to give.
        taken = await stalled(steps)
        growth = resident_bytes(server.process.pid) - before
        cancelled_at_s = asyncio.get_running_loop().time()
        await server.notify("$/cancelRequest", {"id": request})
        async with asyncio.timeout(DEADLINE_S):
            await endpoint.requests[0].disconnected.wait()
        gone_at_s = endpoint.requests[0].disconnected_at

        assert taken < len(steps) / 2
        assert growth < MOST_GROWTH_BYTES
        assert gone_at_s is not None
        assert gone_at_s - cancelled_at_s < CLOSED_WITHIN_S
        answered = await server.answer_to(request)
        assert answered["error"]["code"] == CANCELLED
        assert await server.is_alive()


async def test_stream_goes_on_when_the_client_reads_again(
    workspace: Path, environment: dict[str, str], endpoint: ScriptedEndpoint
) -> None:
    pieces = [f"{number:0>1000}\n" for number in range(2_000)]
    endpoint.will(Reply(steps=(*map(chunk, pieces), finish())))
    async with raw_server(environment) as server:
        await server.shake_hands(workspace)
        await server.open(URI, "")
        request = await server.command("generate", GENERATE)
        async with asyncio.timeout(DEADLINE_S):
            await endpoint.asked.wait()
        await asyncio.sleep(QUIET_S)

        answered = await server.answer_to(request)

        assert answered["result"]["text"] == "".join(pieces)
        sent = [
            message["params"]["value"]["message"]
            for message in server.heard
            if message.get("method") == "$/progress" and message["params"]["token"] == "chunks"
        ]
        assert "".join(sent) == answered["result"]["text"]
