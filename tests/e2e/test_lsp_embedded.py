"""With nothing set at all: the embedded model writes into a document, without key or network."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from support.embedded import has_process, needs_model
from support.lsp_client import EditorClient, connected
from support.lsp_process import DEADLINE_S, children_of, server_environment

pytestmark = [pytest.mark.asyncio(loop_scope="module"), needs_model]

TEXT = "# return the sum of two numbers\n\nprint(add(1, 2))\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def embedded_client(workspace: Path) -> AsyncIterator[EditorClient]:
    environment = server_environment(workspace, MAX_OUTPUT_TOKENS="24", TEMPERATURE="0")
    async with connected(workspace, environment) as client:
        yield client


async def test_code_comes_to_a_comment(embedded_client: EditorClient) -> None:
    client = embedded_client
    document = client.open(TEXT)

    result = await client.generate(document, (0, 4), partialResultToken="text")

    assert result["status"] == "completed"
    assert result["provider"] == "embedded"
    assert "no API key" in result["providerReason"]
    assert result["stats"]["tokenSource"] == "provider"
    assert 0 < result["stats"]["completionTokens"] <= 24
    assert "".join(value["message"] for value in client.reported("text")) == result["text"]
    assert document.text.startswith("# return the sum of two numbers\n")
    assert document.text.endswith("print(add(1, 2))\n")
    if result["code"]:
        assert result["code"] in document.text
    assert client.logged()[-2] == result["text"]
    await client.command("remove", {"id": result["id"]})
    assert document.text == TEXT


async def test_cancel_leaves_the_model_ready_for_the_next(embedded_client: EditorClient) -> None:
    client = embedded_client
    call = client.begin_generate(client.open(TEXT), (0, 4), partialResultToken="cancelled")
    await client.until(lambda: client.reported("cancelled"), "the first chunk")
    call.cancel()
    with pytest.raises(JsonRpcException) as caught:
        await call.result()
    assert caught.value.code == int(types.LSPErrorCodes.RequestCancelled)

    result = await client.generate(client.open(TEXT), (0, 4), target="none")

    assert result["status"] == "completed"
    (child,) = await children_of(client.process.pid)
    assert has_process(child)


async def test_ghost_text_comes_at_the_cursor(embedded_client: EditorClient) -> None:
    client = embedded_client
    before = "def add(a, b):\n    "
    document = client.open(before + "\n")
    kind = types.InlineCompletionTriggerKind.Invoked
    params = types.InlineCompletionParams(
        context=types.InlineCompletionContext(kind),
        text_document=types.TextDocumentIdentifier(document.uri),
        position=types.Position(1, 4),
    )

    async with asyncio.timeout(DEADLINE_S):
        result = await client.text_document_inline_completion_async(params)

    assert isinstance(result, types.InlineCompletionList)
    assert result.items[0].insert_text == "return a + b"
    assert (await client.command("status"))["completions"]["shown"] == 1
