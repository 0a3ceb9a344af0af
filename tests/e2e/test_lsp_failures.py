"""When the model's side fails: an error that names what failed, what came back, and what to do."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from streaming_code_generator.testing.openai_replies import (
    DONE,
    Drop,
    Hold,
    Reply,
    answer,
    chunk,
    finish,
)
from support.lsp_client import UPDATE, EditorClient, connected
from support.lsp_endpoint import ScriptedEndpoint
from support.lsp_process import KEY, server_environment

pytestmark = pytest.mark.asyncio(loop_scope="module")

REQUEST_FAILED = int(types.LSPErrorCodes.RequestFailed)


async def failure(client: EditorClient, text: str = "a = 0\n", **more: Any) -> JsonRpcException:
    """Generate at the end of a new document, and return what that failed with."""
    document = client.open(text)
    with pytest.raises(JsonRpcException) as caught:
        await client.generate(document, (1, 0), prompt="x", **more)
    error = caught.value
    assert error.code == REQUEST_FAILED, error
    assert KEY not in error.message
    return error


@pytest.mark.parametrize(
    ("reply", "kind", "hints"),
    [
        pytest.param(
            Reply.error(401, f"Incorrect API key provided: {KEY}"),
            "authentication",
            ("401", "Check the API key"),
            id="401",
        ),
        pytest.param(
            Reply.error(404, "The model `loopback-model` does not exist"),
            "not_found",
            ("404", "does not exist", "Check the model's name"),
            id="404",
        ),
        pytest.param(
            Reply.error(429, "Rate limit reached"),
            "rate_limit",
            ("429", "Rate limit reached", "Wait"),
            id="429",
        ),
        pytest.param(
            Reply.error(503, "The model is overloaded"),
            "server",
            ("503", "overloaded", "try again later"),
            id="503",
        ),
        pytest.param(
            Reply.error(400, "This model's maximum context length is 512 tokens"),
            "context_length",
            ("400", "maximum context length", "select less"),
            id="context too long",
        ),
    ],
)
async def test_refusal_of_the_endpoint(
    client: EditorClient,
    endpoint: ScriptedEndpoint,
    reply: Reply,
    kind: str,
    hints: tuple[str, ...],
) -> None:
    endpoint.will(reply)

    error = await failure(client)

    assert error.data == {"kind": kind, "attempts": 1}
    for hint in (endpoint.base_url, *hints):
        assert hint in error.message


async def test_failure_is_logged_once_and_ends_the_progress(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(Reply.error(401, "no"))
    before = len(client.stderr)

    error = await failure(client, workDoneToken="failing")
    await client.ping()

    entries = client.said(types.WINDOW_LOG_MESSAGE)
    assert entries == [{"type": types.MessageType.Error, "message": error.message}]
    assert client.stderr[before:].count(error.message) == 1
    assert client.said(types.WINDOW_SHOW_MESSAGE) == []
    assert client.reported("failing")[-1] == {"kind": "end", "message": error.message}
    assert client.said(UPDATE)[-1]["state"] == "error"


async def test_text_that_had_arrived_stays_and_is_in_the_error(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(Reply(steps=(chunk("x = 1\n"), chunk("y ="), Drop())))
    document = client.open("")

    with pytest.raises(JsonRpcException) as caught:
        await client.generate(document, (0, 0), prompt="x")

    assert caught.value.code == REQUEST_FAILED
    data: dict[str, Any] = caught.value.data or {}
    assert data["kind"] in {"connection", "stream"}
    assert data["partialText"] == "x = 1\ny ="
    assert document.text.startswith("x = 1")


@pytest.mark.parametrize(
    ("on_interrupt", "left"),
    [("remove", "a = 0\n"), ("continue", "a = 0\nx = 1\ny = two\n")],
)
async def test_what_becomes_of_code_that_breaks_off_is_set(
    workspace: Path, endpoint: ScriptedEndpoint, tmp_path: Path, on_interrupt: str, left: str
) -> None:
    endpoint.will(Reply(steps=(chunk("x = 1\ny = tw"), Drop())), answer("y = two\n"))
    environment = server_environment(tmp_path, endpoint.base_url, ON_INTERRUPT=on_interrupt)
    async with connected(workspace, environment) as client:
        document = client.open("a = 0\n")
        call = client.begin_generate(document, (1, 0), prompt="x")
        if on_interrupt == "continue":
            result = await call.result()
            assert result["warnings"] == ["went on after an interruption (connection)"]
        else:
            with pytest.raises(JsonRpcException):
                await call.result()
        await client.until(lambda: document.text == left)


async def test_user_hears_at_once_of_an_interruption_that_is_gone_on_from(
    workspace: Path, endpoint: ScriptedEndpoint, tmp_path: Path
) -> None:
    gate = asyncio.Event()
    rest = (Hold(gate), chunk("y = two\n"), finish(), DONE)
    endpoint.will(Reply(steps=(chunk("x = 1\ny = tw"), Drop())), Reply(steps=rest))
    environment = server_environment(tmp_path, endpoint.base_url, ON_INTERRUPT="continue")
    async with connected(workspace, environment) as client:
        document = client.open("")
        call = client.begin_generate(document, (0, 0), prompt="x", workDoneToken="progress")
        await client.until(
            lambda: any(
                "Asking again now, attempt 2" in report.get("message", "")
                for report in client.reported("progress")
            )
        )
        gate.set()
        await call.result()
    assert document.text == "x = 1\ny = two"


async def test_limit_that_one_server_met_is_waited_out_by_another_of_the_same_user(
    workspace: Path, endpoint: ScriptedEndpoint, tmp_path: Path
) -> None:
    endpoint.will(Reply.error(429, "slow down", headers={"Retry-After": "20"}))
    environment = server_environment(tmp_path, endpoint.base_url, MAX_RETRIES="0")
    async with connected(workspace, environment) as one:
        await failure(one)
    async with connected(workspace, environment) as other:
        document = other.open("")
        call = other.begin_generate(document, (0, 0), prompt="x", workDoneToken="progress")
        await other.until(
            lambda: any(
                report.get("message", "").startswith("Asking in ")
                for report in other.reported("progress")
            )
        )
        call.cancel()
        with pytest.raises(JsonRpcException):
            await call.result()
    assert len(endpoint.requests) == 1


async def test_next_generation_after_a_failure_works(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(Reply.error(500, "oops"), answer("x = 1"))

    await failure(client)
    document = client.open("")
    await client.generate(document, (0, 0), prompt="x")

    assert document.text == "x = 1"


@pytest_asyncio.fixture(loop_scope="module")
async def unreachable(workspace: Path, tmp_path: Path) -> AsyncIterator[EditorClient]:
    """Connect to a server whose endpoint's port nobody listens on."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}/v1"
        environment = server_environment(tmp_path, url, MAX_RETRIES="1")
        async with connected(workspace, environment) as client:
            yield client


async def test_endpoint_that_is_down(unreachable: EditorClient) -> None:
    call = unreachable.begin_generate(
        unreachable.open(""), (0, 0), prompt="x", workDoneToken="retrying"
    )
    with pytest.raises(JsonRpcException) as caught:
        await call.result()

    error = caught.value
    assert error.code == REQUEST_FAILED
    assert error.data == {"kind": "connection", "attempts": 2}
    assert "http://127.0.0.1:" in error.message
    assert "running" in error.message
    shown = [value.get("message", "") for value in unreachable.reported("retrying")]
    assert any("Asking again" in message for message in shown)


@pytest.mark.parametrize(
    ("variables", "hint"),
    [
        pytest.param({"PROVIDER": "openai"}, "OPENAI_API_KEY", id="no key"),
        pytest.param(
            {"PROVIDER": "embedded", "MODEL_PATH": "/nowhere/model.gguf"}, "/nowhere", id="no model"
        ),
    ],
)
async def test_set_up_that_cannot_work(
    workspace: Path, tmp_path: Path, variables: dict[str, str], hint: str
) -> None:
    async with connected(workspace, server_environment(tmp_path, **variables)) as client:
        error = await failure(client)

        assert error.data == {"kind": "configuration", "attempts": 0}
        assert hint in error.message
        assert [
            entry["message"]
            for entry in client.said(types.WINDOW_LOG_MESSAGE)
            if entry["type"] == types.MessageType.Error
        ] == [error.message]
        await client.ping()
