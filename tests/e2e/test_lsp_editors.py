"""The same generations in editors of every habit: each ends with the same text, or says why not."""

import asyncio
import itertools
import math
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from streaming_code_generator.lsp.generations.registry import MOST_FINISHED
from streaming_code_generator.testing.editor import DidChange, EditorHabits, position_in
from streaming_code_generator.testing.openai_replies import answer
from support.lsp_client import (
    NEOVIM,
    PROFILES,
    REFUSALS,
    Buffer,
    EditorClient,
    connected,
)
from support.lsp_endpoint import GatedAnswer, ScriptedEndpoint
from support.lsp_process import DEADLINE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

LINES = tuple(f"line_{n} = {n}\n" for n in range(8))
CODE = "".join(LINES).rstrip("\n")
LATE_ANSWERS: tuple[dict[str, Any], ...] = (
    {"result": None},
    {"error": {"code": -32601, "message": "no"}},
)
ENCODINGS = {"visual-studio-code": "utf-16", "neovim": "utf-8", "emacs": "utf-32"}


@pytest.fixture(scope="module", params=PROFILES)
def editor_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_editor(
    workspace: Path, environment: dict[str, str], editor_name: str
) -> AsyncIterator[EditorClient]:
    async with connected(workspace, environment, profile=PROFILES[editor_name]) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="module")
async def editor(shared_editor: EditorClient) -> EditorClient:
    shared_editor.heard.clear()
    return shared_editor


def _holds(document: Buffer, text: str) -> bool:
    return text in document.text


async def test_positions_count_in_the_editors_own_encoding(
    editor: EditorClient, editor_name: str, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("é🙂"))
    document = editor.open("x = '🙂é' + '' + '🙂'\n")
    encoding = document.editor.habits.encoding
    assert encoding == ENCODINGS[editor_name]
    offset = document.text.index("''") + 1

    result = await editor.generate(document, document.editor.position(offset), prompt="x")

    assert document.text == "x = '🙂é' + 'é🙂' + '🙂'\n"
    end = result["range"]["end"]
    assert (end["line"], end["character"]) == position_in(document.text, offset + 2, encoding)


async def test_stream_arrives_whole_past_a_user_who_types(
    editor: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    stream = GatedAnswer(*LINES)
    endpoint.will(stream)
    document = editor.open("above\n\nbelow\n")
    call = editor.begin_generate(document, (1, 0), prompt="x")
    for number, line in enumerate(LINES):
        await editor.until(partial(_holds, document, line.strip()), line)
        editor.type(document, 0, 0, f"# {number} 🙂\n")
        end = len(document.text)
        editor.type(document, end, end, f"# {number}\n")
        stream.release()
    await call.result()

    above = "".join(f"# {number} 🙂\n" for number in reversed(range(8)))
    below = "".join(f"# {number}\n" for number in range(8))
    assert document.text == f"{above}above\n{CODE}\nbelow\n{below}"


async def test_selection_is_replaced_and_comes_back(
    editor: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer(*LINES))
    text = "above\n    selected 🙂\n    more\nbelow\n"
    document = editor.open(text)
    start, end = document.text.index("    sel"), document.text.index("\nbelow")
    document.editor.select(start, end)
    place = (document.editor.position(start), document.editor.position(end))

    await editor.generate(document, place, prompt="x")
    assert "selected" not in document.text
    assert "line_7 = 7" in document.text
    await editor.command("remove")

    assert document.text == text


async def test_two_generations_in_one_document(
    editor: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    one, other = GatedAnswer("a = 1\n", "b = 2\n"), GatedAnswer("c = 3\n", "d = 4\n")
    endpoint.will(one, other)
    document = editor.open("top\n\nmiddle\n\nend\n")
    first = editor.begin_generate(document, (1, 0), prompt="x")
    await editor.until(lambda: "a = 1" in document.text, "the first one's text")
    second = editor.begin_generate(document, (3, 0), prompt="y")
    await editor.until(lambda: "c = 3" in document.text, "the second one's text")
    other.release_all()
    one.release_all()
    await first.result()
    await second.result()

    assert document.text == "top\na = 1\nb = 2\nmiddle\nc = 3\nd = 4\nend\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_code(workspace: Path, environment: dict[str, str]) -> AsyncIterator[EditorClient]:
    async with connected(workspace, environment) as client:
        yield client


@pytest.mark.parametrize(
    "habits",
    [
        pytest.param(EditorHabits(reply="last"), id="answers after the change"),
        pytest.param(EditorHabits(stale_edits="pretend"), id="pretends"),
        pytest.param(EditorHabits(change_delay_s=0.03), id="reports late"),
        pytest.param(EditorHabits(changes="diff"), id="reports a diff"),
        pytest.param(EditorHabits(changes="lines"), id="reports lines"),
        pytest.param(EditorHabits(changes="full"), id="reports the whole text"),
        pytest.param(EditorHabits(version_step=3), id="counts by three"),
        pytest.param(
            EditorHabits(stale_edits="pretend", change_delay_s=0.03, changes="lines"), id="all this"
        ),
    ],
)
async def test_every_habit_leads_to_the_same_text(
    shared_code: EditorClient, endpoint: ScriptedEndpoint, habits: EditorHabits
) -> None:
    stream = GatedAnswer(*LINES)
    endpoint.will(stream)
    document = shared_code.open("above\n\nbelow\n", habits=habits)
    call = shared_code.begin_generate(document, (1, 0), prompt="x")
    for line in LINES:
        await shared_code.until(partial(_holds, document, line.strip()), line)
        shared_code.type(document, 0, 0, "t")
        stream.release()
    await call.result()

    assert document.text == f"{'t' * 8}above\n{CODE}\nbelow\n"


async def test_line_endings_that_the_editor_normalises(
    shared_code: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer(*LINES))
    document = shared_code.open("", habits=EditorHabits(line_ending="\r\n"))

    await shared_code.generate(document, (0, 0), prompt="x")

    assert document.text == CODE.replace("\n", "\r\n")


async def test_read_only_documents_end_with_the_text_in_the_log(
    shared_code: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer(*LINES))
    client, text = shared_code, "".join(LINES)
    since = len(client.heard)
    documents = [
        client.open("above\n", habits=EditorHabits(read_only=True), refusal=refusal)
        for refusal in REFUSALS
    ]
    calls = [
        client.begin_generate(document, (1, 0), prompt="x", workDoneToken=document.uri)
        for document in documents
    ]
    for document, call in zip(documents, calls, strict=True):
        with pytest.raises(JsonRpcException) as caught:
            await call.result()

        assert caught.value.code == int(types.LSPErrorCodes.RequestFailed)
        assert caught.value.data == {"kind": "document", "attempts": 1, "partialText": text}
        assert "refused the same edit" in caught.value.message
        assert client.reported(document.uri)[-1]["kind"] == "end"
        assert document.text == "above\n"
        assert caught.value.message in client.logged(since)
    assert client.logged(since).count(text) == len(documents)
    # It announces versioned edits: refusing them is no reason to send others.
    forms = [set(params["edit"]) for params in client.said(types.WORKSPACE_APPLY_EDIT, since)]
    assert set.union(*forms) == {"documentChanges"}


async def test_editor_that_never_answers_ends_the_generation(
    workspace: Path, environment: dict[str, str], endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(GatedAnswer("one = 1\n", "never"))
    async with connected(
        workspace, environment, habits=EditorHabits(reply="never", change_delay_s=3600)
    ) as client:
        document = client.open("")
        with pytest.raises(JsonRpcException) as caught:
            await client.generate(document, (0, 0), prompt="x")

        assert caught.value.data == {"kind": "document", "attempts": 1, "partialText": "one = 1\n"}
        assert "ten seconds" in caught.value.message
        async with asyncio.timeout(DEADLINE_S):
            await endpoint.requests[0].disconnected.wait()

        # The edit is made at last: it is still known, and can be removed.
        document.editor.habits = EditorHabits()
        (change,) = document.editor.outbox(math.inf)
        assert isinstance(change, DidChange)
        client._report(document, change)
        assert document.text == "one = 1"
        await client.command("remove")
        assert document.text == ""


async def test_editor_without_versioned_edits_gets_the_older_form(
    workspace: Path, environment: dict[str, str], endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer(*LINES), answer("more = 1"))
    async with connected(workspace, environment, profile=NEOVIM) as client:
        client.knows_versions = False
        document = client.open("above\n\nbelow\n")

        await client.generate(document, (1, 0), prompt="x")
        forms = [set(params["edit"]) for params in client.said(types.WORKSPACE_APPLY_EDIT)]
        assert document.text == f"above\n{CODE}\nbelow\n"
        assert forms[:2] == [{"documentChanges"}] * 2
        assert set.union(*forms[2:]) == {"changes"}

        second = client.open("")
        await client.generate(second, (0, 0), prompt="y")
        assert second.text == "more = 1"
        last = client.said(types.WORKSPACE_APPLY_EDIT)[-1]
        assert set(last["edit"]) == {"changes"}


async def test_read_only_document_leaves_the_edits_of_others_versioned(
    workspace: Path, environment: dict[str, str], endpoint: ScriptedEndpoint
) -> None:
    async with connected(workspace, environment, profile=NEOVIM) as client:
        endpoint.will(answer(*LINES))
        habits = replace(NEOVIM.habits, read_only=True, stale_edits="refuse")
        locked = client.open("above\n", habits=habits)
        with pytest.raises(JsonRpcException, match="refuses edits"):
            await client.generate(locked, (1, 0), prompt="x")

        since = len(client.heard)
        document = client.open("above\n")
        await client.generate(document, (1, 0), prompt="x")

        assert document.text == f"above\n{CODE}\n"
        edits = [params["edit"] for params in client.said(types.WORKSPACE_APPLY_EDIT, since)]
        assert [set(edit) for edit in edits] == [{"documentChanges"}] * len(edits)
        assert edits[0]["documentChanges"][0]["textDocument"]["version"] is not None


@pytest.mark.parametrize("how", ["refused", "unanswered"])
async def test_progress_that_the_editor_does_not_want_is_no_obstacle(
    workspace: Path, environment: dict[str, str], endpoint: ScriptedEndpoint, how: str
) -> None:
    endpoint.will(answer(*LINES))
    async with connected(workspace, environment) as client:
        if how == "refused":
            client.refused.add(types.WINDOW_WORK_DONE_PROGRESS_CREATE)
        else:
            client.unanswered.add(types.WINDOW_WORK_DONE_PROGRESS_CREATE)
        document = client.open("")

        await client.generate(document, (0, 0), prompt="x")

        assert document.text == CODE
        assert client.said(types.PROGRESS) == []


async def test_answer_about_progress_that_comes_long_after_the_end_does_no_harm(
    workspace: Path, environment: dict[str, str], endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("x = 1"))
    create = types.WINDOW_WORK_DONE_PROGRESS_CREATE
    async with connected(workspace, environment, unanswered=[create]) as client:
        document = client.open("")
        calls = [
            client.begin_generate(document, (0, 0), prompt="x", target="none")
            for _ in range(MOST_FINISHED + 4)
        ]
        for call in calls:
            await call.result()

        asked = [message for message in client.heard if message.get("method") == create]
        for message, outcome in zip(asked, itertools.cycle(LATE_ANSWERS), strict=False):
            client.protocol._send_data({"jsonrpc": "2.0", "id": message["id"], **outcome})
        await client.ping()

        assert len(asked) == len(calls)
        assert "ERROR" not in client.stderr


async def test_editor_without_progress_is_not_asked_to_show_any(
    workspace: Path, environment: dict[str, str], endpoint: ScriptedEndpoint
) -> None:
    def adjust(capabilities: types.ClientCapabilities) -> None:
        capabilities.window = None

    endpoint.will(answer(*LINES))
    async with connected(workspace, environment, adjust=adjust) as client:
        await client.generate(client.open(""), (0, 0), prompt="x")

        assert client.said(types.WINDOW_WORK_DONE_PROGRESS_CREATE) == []


@pytest.mark.parametrize("announced", [None, False])
async def test_editor_that_takes_no_edits_is_told_at_once(
    workspace: Path,
    environment: dict[str, str],
    endpoint: ScriptedEndpoint,
    announced: bool | None,  # noqa: FBT001 - a case
) -> None:
    def adjust(capabilities: types.ClientCapabilities) -> None:
        assert capabilities.workspace is not None
        capabilities.workspace.apply_edit = announced

    endpoint.will(answer(*LINES))
    async with connected(workspace, environment, adjust=adjust) as client:
        document = client.open("# write it\n")

        with pytest.raises(JsonRpcException, match='"target": "none"') as caught:
            await client.generate(document, (0, 0))

        assert caught.value.code == -32602
        assert endpoint.requests == []
        context = types.CodeActionContext([])
        where = types.Range(types.Position(0, 0), types.Position(0, 0))
        identifier = types.TextDocumentIdentifier(document.uri)
        params = types.CodeActionParams(identifier, where, context)
        assert await client.ask(types.TEXT_DOCUMENT_CODE_ACTION, params) == []
        result = await client.generate(document, (0, 0), target="none")
        assert result["code"] == CODE
