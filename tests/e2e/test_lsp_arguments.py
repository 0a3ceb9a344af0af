"""Commands that cannot be carried out as asked are refused with one sentence that helps."""

from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from streaming_code_generator.testing.openai_replies import answer
from support.lsp_client import COMMAND, EditorClient
from support.lsp_endpoint import ScriptedEndpoint

pytestmark = pytest.mark.asyncio(loop_scope="module")

INVALID_PARAMS = -32602
HERE = {"line": 0, "character": 0}
DOCUMENT = {"uri": "file:///nowhere/a.py"}
IN_DOCUMENT = {"textDocument": DOCUMENT, "position": HERE, "prompt": "x"}


async def refused(client: EditorClient, name: str, arguments: Any) -> str:
    """Send a command with arguments that are refused, and return the sentence."""
    params = types.ExecuteCommandParams(COMMAND + name, arguments)
    with pytest.raises(JsonRpcException) as caught:
        await client.workspace_execute_command_async(params)
    assert caught.value.code == INVALID_PARAMS, caught.value
    assert caught.value.data is None
    message = caught.value.message
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        pytest.param(None, "takes one object", id="none"),
        pytest.param([], "takes one object", id="empty list"),
        pytest.param([None], "takes one object", id="null"),
        pytest.param(["write it"], "takes one object", id="a string"),
        pytest.param([IN_DOCUMENT, IN_DOCUMENT], "takes one object", id="two"),
        pytest.param([{}], '"textDocument"', id="empty object"),
        pytest.param([{**IN_DOCUMENT, "textDocument": "a.py"}], '"textDocument"', id="no object"),
        pytest.param([{**IN_DOCUMENT, "textDocument": {"uri": 5}}], '"textDocument"', id="uri"),
        pytest.param([{"textDocument": DOCUMENT, "prompt": "x"}], '"position"', id="no position"),
        pytest.param([{**IN_DOCUMENT, "position": [0, 0]}], '"position"', id="position: a list"),
        pytest.param(
            [{**IN_DOCUMENT, "position": {"line": -1, "character": 0}}], '"position"', id="negative"
        ),
        pytest.param(
            [{**IN_DOCUMENT, "position": {"line": "0", "character": 0}}], '"position"', id="text"
        ),
        pytest.param(
            [{**IN_DOCUMENT, "position": {"line": True, "character": 0}}], '"position"', id="true"
        ),
        pytest.param([{**IN_DOCUMENT, "range": {"start": HERE}}], '"range.end"', id="half a range"),
        pytest.param([{**IN_DOCUMENT, "range": 7}], '"range"', id="range: a number"),
        pytest.param([{**IN_DOCUMENT, "prompt": ["x"]}], '"prompt"', id="prompt: a list"),
        pytest.param([{**IN_DOCUMENT, "target": "window"}], '"target"', id="unknown target"),
        pytest.param([{**IN_DOCUMENT, "wait": "yes"}], '"wait"', id="wait: text"),
        pytest.param([{**IN_DOCUMENT, "workDoneToken": {}}], '"workDoneToken"', id="token"),
        pytest.param(
            [{**IN_DOCUMENT, "textDocument": {**DOCUMENT, "version": "7"}}],
            '"version"',
            id="version: text",
        ),
    ],
)
async def test_unusable_arguments_of_generate(
    client: EditorClient, arguments: Any, hint: str
) -> None:
    assert hint in await refused(client, "generate", arguments)


@pytest.mark.parametrize("name", ["cancel", "remove", "accept", "retry"])
async def test_unusable_arguments_of_the_other_commands(client: EditorClient, name: str) -> None:
    assert '"id"' in await refused(client, name, [{"id": 5}])
    assert "takes one object" in await refused(client, name, ["g1"])


@pytest.mark.parametrize("name", ["remove", "accept", "retry"])
async def test_generation_that_does_not_exist(client: EditorClient, name: str) -> None:
    assert "`g999`" in await refused(client, name, [{"id": "g999"}])
    assert "status" in await refused(client, name, [{"uri": "file:///nowhere/a.py"}])


async def test_unknown_command(client: EditorClient) -> None:
    assert "`streamingCodeGenerator.fly`" in await refused(client, "fly", [{}])


async def test_optional_arguments_may_be_null(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("x = 1"))
    document = client.open("")
    nulls = dict.fromkeys(("range", "target", "wait", "workDoneToken", "partialResultToken"), None)

    argument = {"textDocument": {"uri": document.uri, "version": None}, "position": HERE}
    await client.command("generate", {**argument, "prompt": "x", **nulls})

    assert document.text == "x = 1"


async def test_position_past_the_end_is_the_end(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("x = 1"))
    document = client.open("a = 0\n")

    await client.generate(document, (10**9, 10**9), prompt="x")

    assert document.text == "a = 0\nx = 1\n"


async def test_nothing_to_ask_for(client: EditorClient) -> None:
    document = client.open("\n\n\n\n\n\na = 0\n")
    argument = {"textDocument": {"uri": document.uri}, "position": HERE}

    for prompt in ({}, {"prompt": ""}, {"prompt": " \n"}, {"prompt": None}):
        message = await refused(client, "generate", [{**argument, **prompt}])
        assert "comment" in message


async def test_version_that_is_no_more(client: EditorClient, endpoint: ScriptedEndpoint) -> None:
    endpoint.will(answer("x = 1"))
    document = client.open("a = 0\n")
    client.type(document, 0, 0, "# typed\n")
    current = document.editor.version
    argument = {"position": HERE, "prompt": "x"}

    stale = {"uri": document.uri, "version": current - 1}
    with pytest.raises(JsonRpcException) as caught:
        await client.command("generate", {**argument, "textDocument": stale})
    assert caught.value.code == int(types.LSPErrorCodes.ContentModified)
    assert str(current) in caught.value.message

    now = {"uri": document.uri, "version": current}
    await client.command("generate", {**argument, "textDocument": now})
    assert "x = 1" in document.text


@pytest.mark.parametrize(
    ("opened", "named"),
    [
        pytest.param("file:///spelled/a%20b.py", "file:///spelled/a b.py", id="space"),
        pytest.param("file:///C%3A/a.py", "file:///c:/a.py", id="drive letter"),
        pytest.param("file:///c%3A/b.py", "file:///c%3a/b.py", id="case of an escape"),
    ],
)
async def test_document_is_one_however_its_uri_is_spelled(
    client: EditorClient, endpoint: ScriptedEndpoint, opened: str, named: str
) -> None:
    endpoint.will(answer("x = 1"))
    document = client.open("# in the editor\n", uri=opened)

    result = await client.generate(named, (1, 0), prompt="x")

    assert "in the editor" in endpoint.requests[0].prompt
    assert result["uri"] == opened
    assert document.text == "# in the editor\nx = 1\n"
    (edit,) = client.said(types.WORKSPACE_APPLY_EDIT)[0]["edit"]["documentChanges"]
    assert edit["textDocument"] == {"uri": opened, "version": 1}
    assert await client.command("remove", {"uri": named}) == {
        "id": result["id"],
        "status": "removed",
    }
    assert document.text == "# in the editor\n"


async def test_change_and_close_are_taken_under_any_spelling(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("x = 1"))
    uri, other = "file:///spelled/c%20d.py", "file:///spelled/c d.py"
    client.open("# before\n", uri=uri)
    change = types.TextDocumentContentChangeWholeDocument(text="# after\n")
    identifier = types.VersionedTextDocumentIdentifier(2, other)
    client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, [change]))
    await client.generate(uri, (0, 0), target="none")
    assert "after" in endpoint.requests[0].prompt

    closed = types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(other))
    client.text_document_did_close(closed)

    argument = {**IN_DOCUMENT, "textDocument": {"uri": uri}}
    assert "not open" in await refused(client, "generate", [argument])


async def test_what_is_no_uri(client: EditorClient) -> None:
    bad = "file://[bad/x.py"
    item = types.TextDocumentItem(bad, "python", 1, "x")
    client.text_document_did_open(types.DidOpenTextDocumentParams(item))

    assert "not a URI" in await refused(
        client, "generate", [{**IN_DOCUMENT, "textDocument": {"uri": bad}}]
    )
    for name in ("cancel", "remove", "accept", "retry"):
        assert "not a URI" in await refused(client, name, [{"uri": bad}])
    params = types.CodeLensParams(types.TextDocumentIdentifier(bad))
    assert not await client.text_document_code_lens_async(params)


async def test_file_of_the_workspace_that_is_not_open_is_opened_by_the_first_edit(
    client: EditorClient, endpoint: ScriptedEndpoint, workspace: Path
) -> None:
    path = workspace / "unopened.py"
    path.write_text("# set x\n", encoding="utf-8")
    endpoint.will(answer("x = 1\n", "y = 2\n"))

    await client.generate(path.as_uri(), (0, 0))

    assert "set x" in endpoint.requests[0].prompt
    assert client.buffers[path.as_uri()].text == "# set x\nx = 1\ny = 2\n"
    first_edit = client.said(types.WORKSPACE_APPLY_EDIT)[0]["edit"]
    assert first_edit["documentChanges"][0]["textDocument"]["version"] is None


async def test_file_that_is_not_open_is_read_anew_for_each_request(
    client: EditorClient, endpoint: ScriptedEndpoint, workspace: Path
) -> None:
    path = workspace / "changing.py"
    endpoint.will(answer("x = 1"))

    for what in ("first", "second"):
        path.write_text(f"# {what}\n", encoding="utf-8")
        await client.generate(path.as_uri(), (0, 0), target="none")

    assert ["second" in request.prompt for request in endpoint.requests] == [False, True]


async def test_file_outside_the_workspace_that_is_not_open(
    client: EditorClient, tmp_path: Path
) -> None:
    path = tmp_path / "outside.py"
    path.write_text("# set x\n", encoding="utf-8")

    message = await refused(
        client, "generate", [{**IN_DOCUMENT, "textDocument": {"uri": path.as_uri()}}]
    )

    assert "outside the workspace" in message


async def test_link_that_leads_out_of_the_workspace(
    client: EditorClient, workspace: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret-plan.py").write_text("# set x\n", encoding="utf-8")
    link = workspace / "link.py"
    link.symlink_to(tmp_path / "secret-plan.py")

    message = await refused(
        client, "generate", [{**IN_DOCUMENT, "textDocument": {"uri": link.as_uri()}}]
    )

    assert "outside the workspace" in message


@pytest.mark.parametrize(
    ("name", "content", "hint"),
    [
        pytest.param("missing.py", None, "cannot be read", id="missing"),
        pytest.param("image.py", b"\x89PNG\0\0", "binary", id="binary"),
        pytest.param("latin.py", "# größe\n".encode("latin-1"), "not UTF-8", id="not utf-8"),
    ],
)
async def test_file_that_cannot_be_read(
    client: EditorClient, workspace: Path, name: str, content: bytes | None, hint: str
) -> None:
    path = workspace / name
    if content is not None:
        path.write_bytes(content)

    message = await refused(
        client, "generate", [{**IN_DOCUMENT, "textDocument": {"uri": path.as_uri()}}]
    )

    assert hint in message


@pytest.mark.parametrize("uri", ["untitled:Untitled-1", "file:///a%00b.py"])
async def test_document_that_is_no_file_and_not_open(client: EditorClient, uri: str) -> None:
    argument = {**IN_DOCUMENT, "textDocument": {"uri": uri}}

    assert "open" in await refused(client, "generate", [argument])


@pytest.mark.parametrize(
    "uri", ["file:///project/.env", "file:///project/id_rsa", "vscode-remote://host/project/.env"]
)
async def test_file_that_looks_like_it_holds_secrets(
    client: EditorClient, endpoint: ScriptedEndpoint, uri: str
) -> None:
    endpoint.will(answer("x"))
    item = types.TextDocumentItem(uri, "plaintext", 1, "PASSWORD=hunter2\n")
    client.text_document_did_open(types.DidOpenTextDocumentParams(item))

    message = await refused(client, "generate", [{**IN_DOCUMENT, "textDocument": {"uri": uri}}])

    assert "secret" in message
    assert endpoint.requests == []
