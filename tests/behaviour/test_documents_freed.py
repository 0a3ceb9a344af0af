"""What was open is freed when it is closed: text, regions, and what was sent of it."""

import asyncio
import gc
import socket
import weakref
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from streaming_code_generator.editing.mirror import Mirror
from streaming_code_generator.lsp.output import StreamMessageWriter
from streaming_code_generator.lsp.server import StreamingServer, build_server
from streaming_code_generator.lsp.serving import MessageReader, serve
from streaming_code_generator.testing.openai_replies import Reply, answer
from support.lsp_endpoint import GatedAnswer, ScriptedEndpoint, scripted_endpoint
from support.lsp_process import DEADLINE_S
from support.lsp_raw import Wire

HERE = {"line": 0, "character": 0}


class Editor:
    """A client in the same process as its server, so that the server's memory can be looked at."""

    def __init__(self, server: StreamingServer, wire: Wire, folder: Path) -> None:
        self.server = server
        self.wire = wire
        self.folder = folder
        self.answers_edits = True

    async def open(self, name: str, text: str = "# write it\n") -> str:
        uri = (self.folder / name).as_uri()
        await self.wire.open(uri, text)
        await self.command("status", {})
        return uri

    async def close(self, uri: str) -> None:
        await self.wire.notify("textDocument/didClose", {"textDocument": {"uri": uri}})

    async def command(self, name: str, argument: dict[str, Any]) -> dict[str, Any]:
        """Send a command and return its answer, taking edits meanwhile."""
        request = await self.wire.command(name, argument)
        while True:
            message = await self.wire.read()
            if message.get("id") == request and "method" not in message:
                return message
            await self.take(message)

    async def take(self, message: dict[str, Any]) -> None:
        """Apply an edit that was asked for, and report it."""
        if message.get("method") != "workspace/applyEdit" or not self.answers_edits:
            return
        (edit,) = message["params"]["edit"]["documentChanges"]
        identifier = edit["textDocument"]
        await self.wire.answer({"applied": True})
        changes = [{"range": e["range"], "text": e["newText"]} for e in reversed(edit["edits"])]
        version = (identifier["version"] or 0) + 1
        await self.wire.notify(
            "textDocument/didChange",
            {
                "textDocument": {"uri": identifier["uri"], "version": version},
                "contentChanges": changes,
            },
        )

    def mirror(self, uri: str) -> "weakref.ref[Mirror]":
        document = self.server.state.documents.get(uri)
        assert document is not None
        return weakref.ref(document.mirror)


@pytest_asyncio.fixture
async def endpoint(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ScriptedEndpoint]:
    async with scripted_endpoint() as endpoint:
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "key")
        monkeypatch.setenv("STREAMING_CODE_GENERATOR_MODEL", "loopback-model")
        yield endpoint


@pytest_asyncio.fixture
async def client(endpoint: ScriptedEndpoint, tmp_path: Path) -> AsyncIterator[Editor]:
    ours, theirs = socket.socketpair()
    reader, loop = MessageReader(), asyncio.get_running_loop()
    transport, protocol = await loop.create_connection(
        lambda: asyncio.StreamReaderProtocol(reader), sock=theirs
    )
    writer = asyncio.StreamWriter(transport, protocol, reader, loop)
    server = build_server()
    serving = asyncio.create_task(serve(server, reader, StreamMessageWriter(writer)))
    client_reader, client_writer = await asyncio.open_connection(sock=ours)
    wire = Wire(client_reader, client_writer)
    await wire.shake_hands(tmp_path)
    try:
        yield Editor(server, wire, tmp_path)
    finally:
        wire.hang_up()
        async with asyncio.timeout(DEADLINE_S):
            await serving


async def freed(client: Editor, alive: Callable[[], object]) -> bool:
    """Whether something is gone before long; the server goes on meanwhile."""
    for _ in range(200):
        await client.command("status", {})
        gc.collect()
        if alive() is None:
            return True
        await asyncio.sleep(0.01)
    return False


def mirrors() -> set[int]:
    """Return all copies of documents in this process."""
    gc.collect()
    # `isinstance` would wake the SDK's proxies, which import what they stand for.
    return {id(each) for each in gc.get_objects() if type(each) is Mirror}


async def test_completed_generation_leaves_nothing_of_a_closed_document(
    client: Editor, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("one = 1\n", "two = 2\n"))
    uri = await client.open("completed.py")
    mirror = client.mirror(uri)
    result = await client.command("generate", {"textDocument": {"uri": uri}, "position": HERE})
    assert result["result"]["status"] == "completed"

    await client.close(uri)

    assert await freed(client, mirror)
    (session,) = client.server.state.generations.ended
    assert session.region is None
    assert session.job.request.messages == ()
    status = (await client.command("status", {}))["result"]["recent"][0]
    assert (status["uri"], status["code"]) == (uri, "one = 1\ntwo = 2")


@pytest.mark.parametrize("name", ["accept", "remove"])
async def test_forgotten_generation_leaves_nothing_either(
    client: Editor, endpoint: ScriptedEndpoint, name: str
) -> None:
    endpoint.will(answer("one = 1\n", "two = 2\n"))
    uri = await client.open("forgotten.py")
    mirror = client.mirror(uri)
    await client.command("generate", {"textDocument": {"uri": uri}, "position": HERE})
    await client.command(name, {})

    await client.close(uri)

    assert await freed(client, mirror)


async def test_edit_that_is_never_answered_keeps_nothing_alive(
    client: Editor, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(GatedAnswer("one = 1\n", "never"))
    client.answers_edits = False
    uri = await client.open("unanswered.py")
    mirror = client.mirror(uri)
    place = {"textDocument": {"uri": uri}, "position": HERE, "wait": False}
    await client.command("generate", place)
    await client.wire.heard_from_now("workspace/applyEdit")

    await client.close(uri)

    assert await freed(client, mirror)


async def test_place_of_a_request_that_is_cancelled_before_it_begins_is_let_go_of(
    client: Editor, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("x = 1"))
    uri = await client.open("cancelled.py")
    document = client.server.state.documents.get
    for cancelled in (True, False):
        place = {"textDocument": {"uri": uri}, "position": {"line": 1, "character": 0}}
        # Without a prompt, and far from a comment, it is refused.
        request = await client.wire.command("generate", place)
        if cancelled:
            await client.wire.notify("$/cancelRequest", {"id": request})
        await client.command("status", {})
    await client.command("cancel", {})
    for session in client.server.state.generations.running:
        await session.done

    known = document(uri)
    assert known is not None
    claims = [True]
    async with asyncio.timeout(DEADLINE_S):
        # What is shown to the model may still be being chosen for the request that stands.
        while claims:
            await client.command("status", {})
            regions = known.writer.document.region_ids()
            claims = [region.startswith("claim") for region in regions if "claim" in region]


@pytest.mark.parametrize("reply", [answer("x = 1"), Reply.error(401, "no")], ids=["ok", "refused"])
async def test_file_that_was_only_read_is_let_go_of(
    client: Editor, endpoint: ScriptedEndpoint, reply: Reply
) -> None:
    endpoint.will(reply)
    before = mirrors()
    path = client.folder / "unopened.py"
    path.write_text("# write it\n", encoding="utf-8")
    place = {"textDocument": {"uri": path.as_uri()}, "position": HERE, "target": "none"}

    await client.command("generate", place)

    assert client.server.state.documents.get(path.as_uri()) is None
    assert mirrors() <= before
