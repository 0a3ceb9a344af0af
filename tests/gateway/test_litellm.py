"""LiteLLM's own proxy between us and an endpoint: it streams, counts, cancels, and says what fails.

Behind it are a real llama.cpp and the loopback endpoint, of which a test knows what it was asked
and whether its client has left.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from streaming_code_generator import StreamingCodeGenerator
from streaming_code_generator.errors import APIError, StreamingError
from streaming_code_generator.providers.embedded.process import ChildServer
from streaming_code_generator.testing.openai_replies import (
    DONE,
    Drop,
    Hold,
    Reply,
    chunk,
    event,
    finish,
    usage,
)
from support.command_line import CommandLine
from support.embedded import child_config, needs_model, wait_all_idle
from support.litellm_proxy import KeyedEndpoint, litellm_proxy, needs_litellm
from support.lsp_client import EditorClient, connected
from support.lsp_endpoint import ScriptedEndpoint, scripted_endpoint, silence
from support.lsp_process import DEADLINE_S, server_environment

pytestmark = [
    needs_litellm,
    needs_model,
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
]

LLAMA, SCRIPTED = "llama", "scripted"
TOKENS = 24
PATIENCE_S = 120
"""Our own deadlines must not be what a busy machine meets first."""
UPSTREAM_KEY = "sk-upstream-0a1b2c3d4e5f6a7b8c9d0e1f"
"""Nobody told us this one; its form says what it is."""
PART = "x = 1\ny = 2\n"
BEGUN = (chunk(role="assistant", content=None), chunk("x = 1\n"), chunk("y = 2\n"))
WHOLE = Reply(steps=(*BEGUN, finish(), usage(20, 6), DONE))
ENGINE_DIED = event({"error": {"message": f"engine died, {UPSTREAM_KEY}", "code": 500}})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A reply from behind the proxy, and what has to come of it."""

    reply: Reply
    kind: str
    said: str
    text: str = ""


FAULTS = {
    "a wrong key": Fault(
        reply=Reply.error(401, f"no such key: {UPSTREAM_KEY}"),
        kind="authentication",
        said="no such key",
    ),
    "an engine that is broken": Fault(
        reply=Reply.error(500, "out of memory"), kind="server", said="out of memory"
    ),
    "a prompt that is too long": Fault(
        reply=Reply.error(400, "This model's maximum context length is 4096 tokens."),
        kind="context_length",
        said="maximum context length",
    ),
    "an error in the middle": Fault(
        reply=Reply(steps=(*BEGUN, ENGINE_DIED)), kind="server", said="engine died", text=PART
    ),
    "a connection that drops in the middle": Fault(
        reply=Reply(steps=(*BEGUN, Drop())), kind="server", said="", text=PART
    ),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def endpoint() -> AsyncIterator[ScriptedEndpoint]:
    async with scripted_endpoint() as endpoint:
        yield endpoint


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def llama() -> AsyncIterator[ChildServer]:
    child = ChildServer(child_config(UPSTREAM_KEY, context_tokens=2048))
    await child.wait_ready()
    yield child
    await child.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxy(
    endpoint: ScriptedEndpoint, llama: ChildServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[KeyedEndpoint]:
    upstreams = {
        LLAMA: KeyedEndpoint(base_url=f"{llama.url}/v1", key=UPSTREAM_KEY),
        SCRIPTED: KeyedEndpoint(base_url=endpoint.base_url, key=UPSTREAM_KEY),
    }
    async with litellm_proxy(tmp_path_factory.mktemp("proxy"), upstreams) as proxy:
        yield proxy


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(
    proxy: KeyedEndpoint, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[EditorClient]:
    folder = tmp_path_factory.mktemp("workspace")
    patience = dict.fromkeys(
        ("TIMEOUT_SECONDS", "FIRST_CHUNK_TIMEOUT_SECONDS", "STALL_TIMEOUT_SECONDS"), str(PATIENCE_S)
    )
    variables = {"LOG_LEVEL": "debug", "MAX_RETRIES": "0", "MAX_OUTPUT_TOKENS": str(TOKENS)}
    environment = server_environment(folder, proxy.base_url, **variables, **patience)
    async with connected(folder, {**environment, "OPENAI_API_KEY": proxy.key}) as client:
        yield client
    said = json.dumps(client.heard) + client.stderr
    assert UPSTREAM_KEY not in said
    assert proxy.key not in said


def library(proxy: KeyedEndpoint, model: str) -> StreamingCodeGenerator:
    return StreamingCodeGenerator(
        proxy.key,
        model,
        base_url=proxy.base_url,
        max_retries=0,
        timeout=PATIENCE_S,
        first_chunk_timeout=PATIENCE_S,
        stall_timeout=PATIENCE_S,
        max_output_tokens=TOKENS,
        temperature=0.0,
    )


async def test_library_streams_from_the_engine_and_counts_as_it_does(proxy: KeyedEndpoint) -> None:
    pieces: list[str] = []
    async with library(proxy, LLAMA) as generator:
        result = await generator.generate_code_with_explanation("Count.", pieces.append)

    assert len(pieces) > 1
    assert "".join(pieces) == result.text
    assert result.stats.token_source == "provider"
    assert 0 < result.stats.completion_tokens <= TOKENS


async def test_server_streams_from_the_engine_and_counts_as_it_does(client: EditorClient) -> None:
    document = client.open("# count to ten\n")

    result = await client.generate(document, (0, 4), model=LLAMA, partialResultToken="streams")

    pieces = [value["message"] for value in client.reported("streams")]
    assert len(pieces) > 1
    assert "".join(pieces) == result["text"]
    assert result["stats"]["tokenSource"] == "provider"
    assert 0 < result["stats"]["completionTokens"] <= TOKENS


async def test_server_writes_what_the_endpoint_sent(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(WHOLE)
    document = client.open("a = 0\n")

    result = await client.generate(document, (1, 0), model=SCRIPTED, prompt="Count.")

    assert document.text == "a = 0\n" + PART
    assert (result["stats"]["promptTokens"], result["stats"]["completionTokens"]) == (20, 6)
    assert endpoint.requests[0].headers["authorization"] == f"Bearer {UPSTREAM_KEY}"


def _set(event: asyncio.Event, _text: str) -> None:
    event.set()


async def test_library_that_leaves_ends_the_request_behind_the_proxy(
    proxy: KeyedEndpoint, endpoint: ScriptedEndpoint, llama: ChildServer
) -> None:
    endpoint.will(silence())
    for model, has_begun in ((SCRIPTED, endpoint.asked), (LLAMA, asyncio.Event())):
        async with library(proxy, model) as generator:
            running = asyncio.create_task(
                generator.generate_code_with_explanation("Count.", partial(_set, has_begun))
            )
            await asyncio.wait_for(has_begun.wait(), DEADLINE_S)
            running.cancel()
            await asyncio.wait([running])

    await asyncio.wait_for(endpoint.requests[0].disconnected.wait(), DEADLINE_S)
    await wait_all_idle(llama, within_s=DEADLINE_S)


async def test_cancel_in_an_editor_ends_the_request_behind_the_proxy(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(Reply(steps=(*BEGUN, Hold(asyncio.Event()))))
    document = client.open("a = 0\n")
    call = client.begin_generate(document, (1, 0), model=SCRIPTED, prompt="Count.")
    await client.until(lambda: PART in document.text, "the first code")

    call.cancel()
    with pytest.raises(JsonRpcException) as caught:
        await call.result()
    await asyncio.wait_for(endpoint.requests[0].disconnected.wait(), DEADLINE_S)

    assert caught.value.code == int(types.LSPErrorCodes.RequestCancelled)
    assert document.text == "a = 0\n" + PART


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_library_says_what_failed_behind_the_proxy(
    proxy: KeyedEndpoint, endpoint: ScriptedEndpoint, fault: Fault
) -> None:
    endpoint.will(fault.reply)
    async with library(proxy, SCRIPTED) as generator:
        with pytest.raises(StreamingError) as caught:
            await generator.generate_code_with_explanation("Count.", None)

    assert caught.value.kind == fault.kind, caught.value
    assert fault.said in caught.value.message
    assert caught.value.partial_text == fault.text
    assert UPSTREAM_KEY not in str(caught.value)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_server_says_what_failed_behind_the_proxy(
    client: EditorClient, endpoint: ScriptedEndpoint, fault: Fault
) -> None:
    endpoint.will(fault.reply)
    document = client.open("a = 0\n")

    with pytest.raises(JsonRpcException) as caught:
        await client.generate(document, (1, 0), model=SCRIPTED, prompt="Count.")

    assert caught.value.data is not None
    assert caught.value.data["kind"] == fault.kind, caught.value
    assert fault.said in caught.value.message
    assert document.text == "a = 0\n" + fault.text


async def test_a_key_that_the_proxy_does_not_know_is_refused_as_such(proxy: KeyedEndpoint) -> None:
    stranger = KeyedEndpoint(base_url=proxy.base_url, key="sk-of-nobody")
    async with library(stranger, LLAMA) as generator:
        with pytest.raises(APIError) as caught:
            await generator.generate_code_with_explanation("Count.", None)

    assert caught.value.kind == "authentication"


async def test_doctor_says_how_the_proxy_streams_and_that_it_refuses_a_key(
    proxy: KeyedEndpoint, tmp_path: Path
) -> None:
    command_line = CommandLine(tmp_path)
    asked = ("doctor", "--endpoint", proxy.base_url)
    known = await command_line.call(*asked, variables={"OPENAI_API_KEY": proxy.key})
    unknown = await command_line.call(*asked, variables={"OPENAI_API_KEY": "sk-of-nobody"})

    assert known.exit_code == 0, known.out + known.err
    assert f"is up and lists {LLAMA}, {SCRIPTED}" in known.out
    assert "ok    endpoint: streams, first text after" in known.out
    assert "ok    endpoint: counts tokens" in known.out
    assert unknown.exit_code == 1
    assert "refuses the key (status 400)" in unknown.out
