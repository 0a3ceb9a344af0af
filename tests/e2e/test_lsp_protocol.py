"""Messages that no client should send: each is answered or ignored, and the next one works."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from streaming_code_generator.testing.openai_replies import answer
from support.lsp_endpoint import ScriptedEndpoint
from support.lsp_process import server_environment
from support.lsp_raw import RawServer, framed, raw_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND = -32700, -32600, -32601
INVALID_PARAMS, NOT_INITIALIZED = -32602, -32002
HERE = {"line": 0, "character": 0}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(workspace: Path, environment: dict[str, str]) -> AsyncIterator[RawServer]:
    async with raw_server(environment) as server:
        await server.shake_hands(workspace)
        yield server


async def test_server_asks_to_be_told_of_renames(server: RawServer) -> None:
    operations = server.heard[0]["result"]["capabilities"]["workspace"]["fileOperations"]

    assert set(operations) == {"didRename", "willRename"}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"{", id="half an object"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff\xfe", id="no UTF-8"),
        pytest.param(b"[" * 100_000, id="nested without end"),
    ],
)
async def test_broken_json_is_answered(server: RawServer, body: bytes) -> None:
    await server.send_bytes(framed(body))

    error = await server.answer_to(None)

    assert error["error"]["code"] == PARSE_ERROR
    assert await server.is_alive()


@pytest.mark.parametrize(
    "message",
    [
        pytest.param([], id="a batch"),
        pytest.param({}, id="an empty object"),
        pytest.param({"jsonrpc": "1.0", "id": 1, "method": "shutdown"}, id="another version"),
    ],
)
async def test_what_is_no_message_is_answered(server: RawServer, message: Any) -> None:
    await server.send(message)

    error = await server.answer_to(None)

    assert error["error"]["code"] == INVALID_REQUEST
    assert await server.is_alive()


@pytest.mark.parametrize(
    ("call", "code"),
    [
        pytest.param({"method": "no/such/method", "params": {}}, METHOD_NOT_FOUND, id="unknown"),
        pytest.param({"method": "no/such/method"}, METHOD_NOT_FOUND, id="unknown, no params"),
        pytest.param({"method": "no/such", "more": 1}, METHOD_NOT_FOUND, id="unknown, more keys"),
        pytest.param({"method": "workspace/executeCommand"}, INVALID_PARAMS, id="no params"),
        pytest.param(
            {"method": "textDocument/codeLens", "params": {"textDocument": 5}},
            INVALID_PARAMS,
            id="params of another type",
        ),
        pytest.param({"method": 5, "params": {}}, INVALID_REQUEST, id="method: a number"),
        pytest.param({"method": "initialize", "params": {}}, INVALID_REQUEST, id="a second start"),
    ],
)
async def test_request_that_cannot_be_handled_is_answered(
    server: RawServer, call: dict[str, Any], code: int
) -> None:
    await server.send({"jsonrpc": "2.0", "id": "odd", **call})

    answered = await server.answer_to("odd")  # type: ignore[arg-type]  # ids may be strings

    assert answered["error"]["code"] == code
    assert "data" not in answered["error"] or answered["error"]["data"] is None
    assert await server.is_alive()


@pytest.mark.parametrize(
    "message",
    [
        pytest.param({"method": "no/such/notification", "params": {}}, id="unknown"),
        pytest.param({"method": "textDocument/didChange"}, id="no params"),
        pytest.param({"method": "textDocument/didOpen", "params": {"a": 1}}, id="unfit params"),
        pytest.param({"method": "$/cancelRequest", "params": {"id": 987654}}, id="cancel nothing"),
        pytest.param({"id": "who", "result": None}, id="answer to nothing"),
        pytest.param({"id": None, "result": None}, id="answer without id"),
        pytest.param({"id": ["x"], "error": {}}, id="answer with an odd id"),
        pytest.param(
            {"method": "window/workDoneProgress/cancel", "params": {"token": "none"}},
            id="cancel no progress",
        ),
        pytest.param(
            {
                "method": "textDocument/didClose",
                "params": {"textDocument": {"uri": "file:///never/opened"}},
            },
            id="close what is not open",
        ),
        pytest.param(
            {
                "method": "streamingCodeGenerator/didUndo",
                "params": {
                    "textDocument": {"uri": "file:///never/opened", "version": 2},
                    "kind": "undo",
                },
            },
            id="undo in what is not open",
        ),
        pytest.param(
            {
                "method": "streamingCodeGenerator/didUndo",
                "params": {"textDocument": {"uri": "file:///a"}, "kind": "sideways"},
            },
            id="an unknown kind of undo",
        ),
        pytest.param(
            {
                "method": "textDocument/didChange",
                "params": {
                    "textDocument": {"uri": "file:///never/opened", "version": 2},
                    "contentChanges": [{"text": "x"}],
                },
            },
            id="change what is not open",
        ),
    ],
)
async def test_notification_that_makes_no_sense_is_ignored(
    server: RawServer, message: dict[str, Any]
) -> None:
    await server.send({"jsonrpc": "2.0", **message})

    assert await server.is_alive()


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(b"X-Padding: " + b"x" * 300_000 + b"\r\n", id="huge header line"),
        pytest.param(b"what is this?\r\n\r\n\r\n", id="no headers at all"),
        pytest.param(b"Content-Length: many\r\n\r\n", id="length: a word"),
        pytest.param(b"Content-Length: 99999999999999\r\n\r\n", id="length: absurd"),
        pytest.param(b'Content-Length: 2\r\n\r\n{}{"too": "long"}', id="body longer than said"),
    ],
)
async def test_garbage_between_messages_is_skipped(server: RawServer, garbage: bytes) -> None:
    await server.send_bytes(garbage)

    assert await server.is_alive()


async def test_cancelling_what_is_no_id_leaves_the_server_alive(server: RawServer) -> None:
    # While another request waits: nothing is looked up among none.
    waiting = await server.command("status", {})
    for no_id in ({"a": {"b": 1}}, [1], None, 1.5):
        await server.notify("$/cancelRequest", {"id": no_id})

    assert "running" in (await server.answer_to(waiting))["result"]
    assert await server.is_alive()


async def test_headers_come_in_any_case_and_with_a_type(server: RawServer) -> None:
    call = {"command": "streamingCodeGenerator.status", "arguments": [{}]}
    body = {"jsonrpc": "2.0", "id": 77, "method": "workspace/executeCommand", "params": call}
    content = json.dumps(body).encode()
    head = b"content-type: application/vscode-jsonrpc\r\nCONTENT-LENGTH:%d\r\n\r\n"

    await server.send_bytes(head % len(content) + content)

    assert "result" in await server.answer_to(77)


async def test_nested_jsonrpc_key_is_just_a_key(
    server: RawServer, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("x = 1"))
    uri = "file:///nested/document.py"
    await server.open(uri, '{"jsonrpc": "2.0", "id": 1}\n')

    request = await server.command(
        "generate",
        {
            "textDocument": {"uri": uri, "jsonrpc": "2.0"},
            "position": HERE,
            "prompt": "x",
            "target": "none",
            "jsonrpc": {"jsonrpc": "2.0"},
        },
    )

    assert (await server.answer_to(request))["result"]["code"] == "x = 1"


async def test_whole_text_and_a_range_in_one_change(
    server: RawServer, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("x = 1"))
    uri = "file:///changed/document.py"
    await server.open(uri, "old\n")
    start, end = {"line": 0, "character": 2}, {"line": 0, "character": 5}
    changes = [{"text": "# new\n"}, {"range": {"start": start, "end": end}, "text": "set x"}]
    identifier = {"uri": uri, "version": 2}
    await server.notify(
        "textDocument/didChange", {"textDocument": identifier, "contentChanges": changes}
    )

    place = {"textDocument": identifier, "position": HERE, "target": "none"}
    await server.answer_to(await server.command("generate", place))

    assert "set x" in endpoint.requests[0].prompt


@pytest.mark.parametrize("version", [pytest.param({"version": None}, id="null"), {}])
async def test_change_without_a_version_is_taken(
    server: RawServer, endpoint: ScriptedEndpoint, version: dict[str, None]
) -> None:
    endpoint.will(answer("x = 1"))
    uri = f"file:///unversioned/document{len(version)}.py"
    await server.open(uri, "# above\n\n# below\n")
    change = {"range": {"start": HERE, "end": HERE}, "text": "# typed\n\n"}
    await server.notify(
        "textDocument/didChange",
        {"textDocument": {"uri": uri, **version}, "contentChanges": [change]},
    )

    place = {"textDocument": {"uri": uri}, "position": {"line": 3, "character": 0}, "prompt": "x"}
    await server.command("generate", place)
    params = await server.heard_from_now("workspace/applyEdit")
    await server.answer({"applied": False})

    (edit,) = params["edit"]["documentChanges"]
    assert edit["textDocument"] == {"uri": uri, "version": None}
    assert edit["edits"][0]["range"]["start"] == {"line": 3, "character": 0}
    assert "# typed" in endpoint.requests[0].prompt
    await server.notify("textDocument/didClose", {"textDocument": {"uri": uri}})


async def test_undo_that_is_told_is_understood(server: RawServer) -> None:
    uri = "file:///undone/document.py"
    await server.open(uri, "x = 1\n")
    logged = len(server.stderr)
    for kind, version in (("undo", 2), ("redo", 3)):
        await server.notify(
            "streamingCodeGenerator/didUndo",
            {"textDocument": {"uri": uri, "version": version}, "kind": kind},
        )

    assert await server.is_alive()
    assert b"didUndo" not in server.stderr[logged:]


async def test_document_opened_without_a_version_is_taken(
    server: RawServer, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("x = 1"))
    uri = "file:///unversioned/opened.py"
    document = {"uri": uri, "languageId": "python", "version": None, "text": "# set x\n"}
    await server.notify("textDocument/didOpen", {"textDocument": document})

    place = {"textDocument": {"uri": uri}, "position": HERE, "target": "none"}
    answered = await server.answer_to(await server.command("generate", place))

    assert answered["result"]["code"] == "x = 1"


async def test_lone_surrogate_in_a_document_does_no_harm(
    server: RawServer, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("x = 1"))
    uri = "file:///surrogate/document.py"
    await server.open(uri, "s = '\ud83d'\n# set x\n")

    place = {"textDocument": {"uri": uri}, "position": {"line": 1, "character": 0}}
    answered = await server.answer_to(await server.command("generate", {**place, "target": "none"}))

    assert answered["result"]["code"] == "x = 1"


async def test_requests_before_initialize_are_refused_and_do_no_harm(
    workspace: Path, environment: dict[str, str]
) -> None:
    async with raw_server(environment) as server:
        await server.open("file:///too/early.py", "")
        early = await server.answer_to(await server.command("status", {}))
        assert early["error"]["code"] == NOT_INITIALIZED

        await server.shake_hands(workspace)
        assert await server.is_alive()


async def test_client_that_forgets_initialized_is_served(
    workspace: Path, environment: dict[str, str], endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("x = 1"))
    async with raw_server(environment) as server:
        params: dict[str, Any] = {
            "processId": None,
            "rootUri": workspace.as_uri(),
            "capabilities": {},
        }
        await server.ask("initialize", params)
        await server.open("file:///some/document.py", "")
        place = {"textDocument": {"uri": "file:///some/document.py"}, "position": HERE}

        request = await server.command("generate", {**place, "prompt": "x", "target": "none"})

        assert (await server.answer_to(request))["result"]["code"] == "x = 1"


@pytest.mark.parametrize(
    "roots",
    [
        pytest.param({"rootUri": "file://[bad"}, id="root"),
        pytest.param({"workspaceFolders": [{"uri": "file://[bad", "name": "bad"}]}, id="folder"),
        pytest.param({"rootUri": "file:///a%00b"}, id="NUL"),
    ],
)
async def test_root_that_is_none_is_left_out(
    environment: dict[str, str], roots: dict[str, Any]
) -> None:
    async with raw_server(environment) as server:
        params = {"processId": None, "rootUri": None, "capabilities": {}, **roots}

        answered = await server.ask("initialize", params)

        assert "capabilities" in answered["result"]
        await server.notify("initialized", {})
        place = {"textDocument": {"uri": "file:///not/open.py"}, "position": HERE}
        request = await server.command("generate", {**place, "prompt": "x", "target": "none"})
        failed = await server.answer_to(request)
        assert "outside the workspace" in failed["error"]["message"]


async def test_requests_after_shutdown_are_refused(
    workspace: Path, environment: dict[str, str]
) -> None:
    async with raw_server(environment) as server:
        await server.shake_hands(workspace)
        assert (await server.ask("shutdown", None))["result"] is None

        late = await server.answer_to(await server.command("status", {}))

        assert late["error"]["code"] == INVALID_REQUEST
        await server.notify("exit", None)
        assert await server.ended() == 0


async def test_failing_generation_in_an_unusable_set_up_leaves_the_server_alive(
    workspace: Path, tmp_path: Path
) -> None:
    environment = server_environment(tmp_path, PROVIDER="openai", BASE_URL="not a url")
    async with raw_server(environment) as server:
        await server.shake_hands(workspace)
        await server.open("file:///some/document.py", "")
        place = {"textDocument": {"uri": "file:///some/document.py"}, "position": HERE}

        failed = await server.answer_to(await server.command("generate", {**place, "prompt": "x"}))

        assert failed["error"]["data"]["kind"] == "configuration"
        assert await server.is_alive()
