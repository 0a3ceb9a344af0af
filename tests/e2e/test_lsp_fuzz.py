"""Whatever a client sends, each request is answered, nothing falls over, and the server serves on.

`poe fuzz` tries ten thousand messages; here it is some hundreds.
"""

import asyncio
import copy
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streaming_code_generator.lsp.wire.names import COMMANDS
from streaming_code_generator.testing.openai_replies import answer
from streaming_code_generator.testing.openai_server import OpenAIServer
from support.lsp_process import DEADLINE_S, server_environment
from support.lsp_raw import RawServer, framed, raw_server

INTERNAL_ERROR = -32603
URI = "file:///fuzz/a.py"
HERE = {"line": 0, "character": 1}
DOCUMENT = {"uri": URI, "languageId": "python", "version": 1, "text": "# one\nx = 2\n"}
VALID: dict[str, Any] = {
    "textDocument/didOpen": {"textDocument": DOCUMENT},
    "textDocument/didChange": {
        "textDocument": {"uri": URI, "version": 2},
        "contentChanges": [{"range": {"start": HERE, "end": HERE}, "text": "y"}],
    },
    "textDocument/didClose": {"textDocument": {"uri": URI}},
    "textDocument/codeAction": {
        "textDocument": {"uri": URI},
        "range": {"start": HERE, "end": HERE},
        "context": {"diagnostics": []},
    },
    "textDocument/codeLens": {"textDocument": {"uri": URI}},
    "textDocument/inlineCompletion": {
        "textDocument": {"uri": URI},
        "position": HERE,
        "context": {"triggerKind": 1},
    },
    "workspace/didChangeConfiguration": {"settings": {"streamingCodeGenerator": {"model": "m"}}},
    "workspace/didRenameFiles": {"files": [{"oldUri": URI, "newUri": "file:///fuzz/b.py"}]},
    "window/workDoneProgress/cancel": {"token": "t"},
    "$/cancelRequest": {"id": 1},
    "streamingCodeGenerator/didUndo": {
        "textDocument": {"uri": URI, "version": 1},
        "kind": "undo",
    },
    **{
        f"workspace/executeCommand {command}": {
            "command": command,
            "arguments": [
                {
                    "textDocument": {"uri": URI},
                    "position": HERE,
                    "prompt": "x",
                    "wait": False,
                    "workDoneToken": "t",
                    "context": {"uris": [URI], "diagnostics": []},
                }
            ],
        }
        for command in COMMANDS
    },
}
"""What would be understood, by the method; most of what is sent differs from it in one place."""

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(
        ["file:///", "file://%", URI, "untitled:1", "\ud800", {}, [], -1, 2**31, "t"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


def _paths(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items: Iterable[tuple[Any, object]] = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, inner in items:
        yield from _paths(inner, (*path, key))


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """Return a message that a client sends, with something else somewhere in its params."""
    name = draw(st.sampled_from(sorted(VALID)))
    holder = {"params": copy.deepcopy(VALID[name])}
    for _ in range(draw(st.integers(0, 2))):
        path = draw(st.sampled_from(list(_paths(holder))[1:]))
        inside: Any = holder
        for key in path[:-1]:
            inside = inside[key]
        if draw(st.booleans()):
            inside[path[-1]] = draw(JSON)
        elif isinstance(inside, dict):
            del inside[path[-1]]
        if not isinstance(holder.get("params"), dict | list):
            break
    return {"jsonrpc": "2.0", "method": name.split()[0], **holder}


MALFORMED = st.one_of(
    st.binary(min_size=1, max_size=60).map(framed),
    JSON.map(lambda value: framed(json.dumps(value).encode())),
    st.dictionaries(
        st.sampled_from(["jsonrpc", "id", "method", "params", "result", "error"]), JSON, max_size=4
    ).map(lambda value: framed(json.dumps(value).encode())),
)
REQUESTS = ("textDocument/codeAction", "textDocument/codeLens", "textDocument/inlineCompletion")


class Site:
    """A server that is fuzzed, and what it has to answer."""

    def __init__(self, server: RawServer) -> None:
        self._server = server
        self._last_id = 1000

    async def send(self, messages: list[dict[str, Any] | bytes]) -> None:
        """Send messages; return once all requests among them are answered."""
        waiting: set[int] = set()
        for message in messages:
            if isinstance(message, bytes):
                await self._server.send_bytes(message)
                continue
            is_request = message["method"] in {*REQUESTS, "workspace/executeCommand"}
            if is_request:
                self._last_id += 1
                message["id"] = self._last_id
                waiting.add(self._last_id)
            await self._server.send(message)
        waiting.add(await self._server.command("cancel", {}))
        waiting.add(await self._server.command("status", {}))
        async with asyncio.timeout(DEADLINE_S):
            while waiting:
                await self._take(await self._server.read(), waiting)
        self._server.heard.clear()

    async def _take(self, message: dict[str, Any], waiting: set[int]) -> None:
        is_answer = "method" not in message
        if not is_answer and "id" in message:
            refusal = {"applied": False} if message["method"].endswith("applyEdit") else None
            await self._server.send({"jsonrpc": "2.0", "id": message["id"], "result": refusal})
        if is_answer:
            error = message.get("error") or {}
            assert error.get("code") != INTERNAL_ERROR, message
            assert (error.get("data") or {}).get("kind") != "internal", message
            waiting.discard(message.get("id"))


@asynccontextmanager
async def _site(folder: Path) -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        endpoint = await stack.enter_async_context(OpenAIServer(answer("x = 1\n")))
        environment = server_environment(
            folder, endpoint.base_url, MAX_RETRIES="0", LOG_LEVEL="error"
        )
        server = await stack.enter_async_context(raw_server(environment))
        await server.shake_hands(folder)
        yield Site(server)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def site(runner: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    stack = AsyncExitStack()
    folder = tmp_path_factory.mktemp("fuzz")
    try:
        yield runner.run(stack.enter_async_context(_site(folder)))
    finally:
        runner.run(stack.aclose())


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(messages=st.lists(mutated() | MALFORMED, min_size=1, max_size=5))
def test_whatever_is_sent_each_request_is_answered(
    runner: asyncio.Runner, site: Site, messages: list[dict[str, Any] | bytes]
) -> None:
    runner.run(site.send(messages))
