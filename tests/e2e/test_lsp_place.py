"""The place that a request names is taken when it arrives, and moves with the document."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from streaming_code_generator.testing.openai_replies import answer
from support.lsp_client import EditorClient, connected
from support.lsp_endpoint import ScriptedEndpoint
from support.lsp_raw import framed, raw_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONTENT_MODIFIED = int(types.LSPErrorCodes.ContentModified)


@pytest_asyncio.fixture(loop_scope="module")
async def waiting(workspace: Path, environment: dict[str, str]) -> AsyncIterator[EditorClient]:
    """Connect an editor whose server waits for the configuration that it has asked for."""
    asked = types.WORKSPACE_CONFIGURATION
    async with connected(workspace, environment, unanswered=[asked]) as client:
        await client.until(lambda: client.said(asked), "the question for the configuration")
        yield client


def configure(client: EditorClient) -> None:
    """Answer the question for the configuration at last."""
    request = next(
        message
        for message in client.heard
        if message.get("method") == types.WORKSPACE_CONFIGURATION
    )
    client.protocol._send_data({"jsonrpc": "2.0", "id": request["id"], "result": [None]})


async def test_selection_is_replaced_where_it_went_while_settings_were_awaited(
    waiting: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("new = 1"))
    document = waiting.open("one\ntwo\nselected\nfour\n")
    document.editor.select(8, 16)
    call = waiting.begin_generate(document, ((2, 0), (2, 8)), prompt="x")

    waiting.type(document, 0, 0, "typed\nmore\n")
    configure(waiting)
    await call.result()

    assert document.text == "typed\nmore\none\ntwo\nnew = 1\nfour\n"
    assert "selected" in endpoint.requests[0].prompt


async def test_code_goes_where_the_position_went_while_settings_were_awaited(
    waiting: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("new = 1"))
    document = waiting.open("# first\n\n\n\n# second\n\n")
    version = document.editor.version
    identifier = {"uri": document.uri, "version": version}
    place = {"textDocument": identifier, "position": {"line": 4, "character": 3}}
    call = waiting.begin("generate", place)

    waiting.type(document, 0, 0, "typed\n")
    configure(waiting)
    await call.result()

    assert document.text == "typed\n# first\n\n\n\n# second\nnew = 1\n"
    assert "second" in endpoint.requests[0].prompt


async def test_selection_that_was_deleted_meanwhile_is_said_to_be_gone(
    waiting: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("new = 1"))
    document = waiting.open("one\nselected\n")
    document.editor.select(4, 12)
    call = waiting.begin_generate(document, ((1, 0), (1, 8)), prompt="x")

    waiting.type(document, 4, 13, "")
    configure(waiting)

    with pytest.raises(JsonRpcException, match="gone") as caught:
        await call.result()
    assert caught.value.code == CONTENT_MODIFIED
    assert endpoint.requests == []


async def test_document_that_was_closed_meanwhile_is_told_as_such(
    waiting: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("new = 1"))
    document = waiting.open("# set x\n")
    call = waiting.begin_generate(document, (0, 0))

    waiting.close(document)
    configure(waiting)

    with pytest.raises(JsonRpcException, match="closed"):
        await call.result()


async def test_change_that_comes_in_one_breath_with_the_request_moves_the_place(
    workspace: Path, environment: dict[str, str], endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("x = 1"))
    async with raw_server(environment) as server:
        await server.shake_hands(workspace)
        uri = "file:///one/breath.py"
        await server.open(uri, "# a\n\n\n\n# b\n")
        position = {"line": 4, "character": 0}
        place = {"textDocument": {"uri": uri, "version": 1}, "position": position}
        top = {"line": 0, "character": 0}
        change = {"range": {"start": top, "end": top}, "text": "# typed\n\n\n"}
        messages = [
            {
                "id": "both",
                "method": "workspace/executeCommand",
                "params": {"command": "streamingCodeGenerator.generate", "arguments": [place]},
            },
            {
                "method": "textDocument/didChange",
                "params": {
                    "textDocument": {"uri": uri, "version": 2},
                    "contentChanges": [change],
                },
            },
        ]
        bodies = [json.dumps({"jsonrpc": "2.0", **message}).encode() for message in messages]

        await server.send_bytes(b"".join(map(framed, bodies)))
        params = await server.heard_from_now("workspace/applyEdit")

        (edit,) = params["edit"]["documentChanges"]
        assert edit["textDocument"]["version"] == 2
        assert edit["edits"][0]["range"]["start"]["line"] == 8  # below the comment
        assert "# b" in endpoint.requests[0].prompt
