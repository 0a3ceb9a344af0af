"""Ghost text over the wire, with a real server process and an endpoint on loopback."""

import asyncio
import itertools
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from streaming_code_generator.testing.openai_replies import (
    DONE,
    Hold,
    Reply,
    answer,
    chunk,
    event,
    finish,
)
from support.lsp_client import NEOVIM, Buffer, EditorClient, connected
from support.lsp_endpoint import GatedAnswer, ScriptedEndpoint, silence
from support.lsp_process import DEADLINE_S, server_environment

pytestmark = pytest.mark.asyncio(loop_scope="module")

CODE = "def area(width, height):\n    \n\nprint(1)\n"
AT_BODY = len("def area(width, height):\n    ")


def params_for(
    buffer: Buffer,
    at: int,
    *,
    invoked: bool = True,
    selected: types.SelectedCompletionInfo | None = None,
    unit: str = "utf-16-le",
) -> types.InlineCompletionParams:
    before = buffer.text[:at].split("\n")
    character = len(before[-1].encode(unit)) // (2 if unit == "utf-16-le" else 1)
    kind = types.InlineCompletionTriggerKind
    return types.InlineCompletionParams(
        context=types.InlineCompletionContext(
            kind.Invoked if invoked else kind.Automatic, selected
        ),
        text_document=types.TextDocumentIdentifier(buffer.uri),
        position=types.Position(len(before) - 1, character),
    )


async def suggested(client: EditorClient, params: types.InlineCompletionParams) -> Any:
    """Return the one item of the answer, or None."""
    async with asyncio.timeout(DEADLINE_S):
        result = await client.text_document_inline_completion_async(params)
    if result is None:
        return None
    assert isinstance(result, types.InlineCompletionList)
    (item,) = result.items
    assert item.range is not None
    assert item.range.start.line == item.range.end.line
    return item


async def text_at(client: EditorClient, buffer: Buffer, at: int, *, invoked: bool = True) -> Any:
    item = await suggested(client, params_for(buffer, at, invoked=invoked))
    return None if item is None else item.insert_text


async def counts(client: EditorClient) -> dict[str, int]:
    status = await client.command("status")
    completions: dict[str, int] = status["completions"]
    return completions


async def test_the_server_announces_it(workspace: Path, environment: dict[str, str]) -> None:
    async with connected(workspace, environment) as client:
        results = [message["result"] for message in client.heard if "result" in message]
        assert results[0]["capabilities"]["inlineCompletionProvider"] == {}


async def test_a_suggestion_is_asked_for_and_answered(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("return width", " * height\n\nprint"))
    buffer = client.open(CODE)
    item = await suggested(client, params_for(buffer, AT_BODY))
    assert item.insert_text == "return width * height"
    assert item.range == types.Range(types.Position(1, 4), types.Position(1, 4))
    (request,) = endpoint.requests
    assert request.path == "/infill"
    assert request.body["input_prefix"] == "def area(width, height):\n"
    assert request.body["prompt"] == "    "
    assert request.body["input_suffix"] == "\n\nprint(1)\n"


async def test_what_is_typed_as_suggested_needs_no_request(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("return width * height\n"))
    buffer = client.open(CODE + "# typed\n")
    assert await text_at(client, buffer, AT_BODY) == "return width * height"
    before = await counts(client)
    for count, character in enumerate("return"):
        client.type(buffer, AT_BODY + count, AT_BODY + count, character)
        rest = await text_at(client, buffer, AT_BODY + count + 1, invoked=False)
        assert rest == "return width * height"[count + 1 :]
    assert len(endpoint.requests) == 1
    assert await counts(client) == before
    client.type(buffer, AT_BODY + 6, AT_BODY + 6, " width * height")
    after = await counts(client)
    assert after["accepted"] == before["accepted"] + 1
    assert after["rejected"] == before["rejected"]


async def test_another_text_is_counted_as_a_rejection(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("return width * height\n"))
    buffer = client.open(CODE + "# rejected\n")
    assert await text_at(client, buffer, AT_BODY)
    before = await counts(client)
    client.type(buffer, AT_BODY, AT_BODY, "x")
    after = await counts(client)
    assert after["rejected"] == before["rejected"] + 1
    assert after["accepted"] == before["accepted"]


async def test_whole_lines_are_shown_while_the_stream_runs_on(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    gated = GatedAnswer("a = 1\n    b", " = 2\n    c = 3\nz")
    endpoint.will(gated)
    buffer = client.open(CODE + "# runs on\n")
    assert await text_at(client, buffer, AT_BODY) == "a = 1"
    client.type(buffer, AT_BODY, AT_BODY, "a")
    assert await text_at(client, buffer, AT_BODY + 1) == " = 1"
    gated.release_all()
    client.type(buffer, AT_BODY + 1, AT_BODY + 1, " = 1\n    ")
    rest = await text_at(client, buffer, AT_BODY + len("a = 1\n    "))
    assert rest == "b = 2\n    c = 3"
    assert len(endpoint.requests) == 1
    assert not endpoint.requests[0].disconnected.is_set()


async def test_anything_else_that_is_typed_closes_the_stream(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(GatedAnswer("a = 1\n", "b"))
    buffer = client.open(CODE + "# closes\n")
    assert await text_at(client, buffer, AT_BODY) == "a = 1"
    client.type(buffer, AT_BODY, AT_BODY, "x")
    async with asyncio.timeout(DEADLINE_S):
        await endpoint.requests[0].disconnected.wait()


async def test_keys_that_are_ahead_of_the_stream_keep_it(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    gated = GatedAnswer("a", " = 1\n")
    endpoint.will(gated)
    buffer = client.open(CODE + "# ahead\n")
    first = asyncio.ensure_future(text_at(client, buffer, AT_BODY))
    async with asyncio.timeout(DEADLINE_S):
        await endpoint.asked.wait()
    client.type(buffer, AT_BODY, AT_BODY, "a =")
    assert await first is None
    second = asyncio.ensure_future(text_at(client, buffer, AT_BODY + 3, invoked=False))
    await client.ping()
    gated.release_all()
    assert await second == " 1"
    assert len(endpoint.requests) == 1


async def test_text_that_comes_otherwise_than_typed_closes_the_stream_for_another(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    gated = GatedAnswer("a", " = 1\n", "b")
    endpoint.will(gated, answer(" 2\n"))
    buffer = client.open(CODE + "# otherwise\n")
    first = asyncio.ensure_future(text_at(client, buffer, AT_BODY))
    async with asyncio.timeout(DEADLINE_S):
        await endpoint.asked.wait()
    client.type(buffer, AT_BODY, AT_BODY, "a +")
    assert await first is None
    second = asyncio.ensure_future(text_at(client, buffer, AT_BODY + 3))
    await client.ping()
    assert not endpoint.requests[0].disconnected.is_set()
    gated.release()
    async with asyncio.timeout(DEADLINE_S):
        await endpoint.requests[0].disconnected.wait()
    assert await second == " 2"
    assert endpoint.requests[1].body["prompt"] == "    a +"


async def test_a_cancelled_request_closes_its_stream(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(GatedAnswer("a = ", "b"))
    buffer = client.open(CODE + "# cancelled\n")
    request = asyncio.ensure_future(
        client.text_document_inline_completion_async(params_for(buffer, AT_BODY))
    )
    async with asyncio.timeout(DEADLINE_S):
        await endpoint.asked.wait()
    (message_id,) = client.protocol._request_futures
    client.cancel_request(types.CancelParams(id=message_id))
    with pytest.raises(JsonRpcException):
        await request
    async with asyncio.timeout(DEADLINE_S):
        await endpoint.requests[0].disconnected.wait()


async def test_an_older_place_is_not_answered_any_more(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(silence())
    buffer = client.open(CODE + "# older\n")
    request = asyncio.ensure_future(text_at(client, buffer, AT_BODY))
    async with asyncio.timeout(DEADLINE_S):
        await endpoint.asked.wait()
    client.type(buffer, 0, 0, "x")
    assert await request is None
    async with asyncio.timeout(DEADLINE_S):
        await endpoint.requests[0].disconnected.wait()


async def test_the_selected_entry_of_a_list_is_taken_as_typed(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer(" width * height\n"))
    text = CODE.replace("    \n", "    ret\n") + "# selected\n"
    buffer = client.open(text)
    typed = types.Range(types.Position(1, 4), types.Position(1, 7))
    selected = types.SelectedCompletionInfo(range=typed, text="return")
    item = await suggested(client, params_for(buffer, AT_BODY + 3, selected=selected))
    assert item.insert_text == "return width * height"
    assert item.range == typed
    assert endpoint.requests[0].body["prompt"] == "    return"


async def test_nothing_is_suggested_left_of_code_or_among_secrets(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("x"))
    buffer = client.open(CODE)
    assert await text_at(client, buffer, 4) is None
    secrets = client.open("A=", uri=(client.root / ".env").as_uri())
    assert await text_at(client, secrets, 2) is None
    assert endpoint.requests == []


async def test_code_that_is_being_generated_comes_first(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    gated = GatedAnswer("a = 1\n", "b")
    endpoint.will(gated, silence())
    buffer = client.open(CODE + "# yields\n")
    assert await text_at(client, buffer, AT_BODY) == "a = 1"
    other = client.open("# write it\n\n")
    await client.command(
        "generate",
        {
            "textDocument": {"uri": other.uri},
            "position": {"line": 1, "character": 0},
            "wait": False,
        },
    )
    async with asyncio.timeout(DEADLINE_S):
        await endpoint.requests[0].disconnected.wait()
    assert await text_at(client, other, len("# write it\n")) is None
    assert await text_at(client, buffer, len(CODE)) is None
    assert [each.path for each in endpoint.requests][:1] == ["/infill"]
    assert all(each.path != "/infill" for each in endpoint.requests[1:])


async def test_positions_are_in_the_negotiated_encoding(
    endpoint: ScriptedEndpoint, environment: dict[str, str], workspace: Path
) -> None:
    async with connected(workspace, environment, profile=NEOVIM) as client:
        endpoint.will(answer("(1)\n"))
        buffer = client.open("é = '😀'; f\nx\n")
        item = await suggested(client, params_for(buffer, len("é = '😀'; f"), unit="utf-8"))
        assert item.insert_text == "(1)"
        assert item.range.start == types.Position(0, len("é = '😀'; f".encode()))


@pytest.mark.parametrize(
    ("when", "invoked", "automatic"),
    [("off", None, None), ("invoked", "x", None), ("automatic", "x", "x")],
)
async def test_the_setting_says_when(
    endpoint: ScriptedEndpoint,
    tmp_path: Path,
    when: str,
    invoked: str | None,
    automatic: str | None,
) -> None:
    environment = server_environment(
        tmp_path, endpoint.base_url, INLINE_COMPLETION=when, MAX_RETRIES="0"
    )
    async with connected(tmp_path, environment) as client:
        endpoint.will(answer("x\n"))
        asked, by_itself = client.open("a = \n"), client.open("b = \n")
        assert (await client.command("status"))["completions"]["when"] == when
        assert await text_at(client, asked, 4) == invoked
        assert await text_at(client, by_itself, 4, invoked=False) == automatic


async def test_a_model_that_only_chats_completes_too(
    endpoint: ScriptedEndpoint, workspace: Path, environment: dict[str, str]
) -> None:
    async with connected(workspace, environment) as client:
        endpoint.will(
            Reply.json({"error": {"message": "no such model"}}, status=501),
            answer("```python\nreturn width", " * height\n```\nThis returns"),
        )
        buffer = client.open(CODE)
        assert await text_at(client, buffer, AT_BODY) == "return width * height"
        assert [each.path for each in endpoint.requests] == ["/infill", "/v1/chat/completions"]


async def test_a_failure_is_logged_once_and_suggests_nothing(
    endpoint: ScriptedEndpoint, workspace: Path, environment: dict[str, str]
) -> None:
    async with connected(workspace, environment) as client:
        endpoint.will(Reply.error(500, "broken"))
        buffer = client.open(CODE)
        for _ in range(2):
            assert await text_at(client, buffer, AT_BODY) is None
        assert len(endpoint.requests) == 2
        assert len([line for line in client.logged() if "500" in line]) == 1


async def test_a_model_that_may_be_loading_is_left_alone_until_its_first_byte(
    endpoint: ScriptedEndpoint, workspace: Path, environment: dict[str, str]
) -> None:
    async with connected(workspace, environment) as client:
        loaded = asyncio.Event()
        steps = (event({"content": "a", "stop": False}), Hold(asyncio.Event()))
        endpoint.will(
            Reply(before_headers=(Hold(loaded),), steps=steps),
            Reply(steps=(chunk("b = 1"), finish(), DONE)),
        )
        buffer = client.open(CODE)
        request = asyncio.ensure_future(text_at(client, buffer, AT_BODY))
        async with asyncio.timeout(DEADLINE_S):
            await endpoint.asked.wait()
        client.type(buffer, AT_BODY, AT_BODY, "x = ")
        assert await request is None
        again = asyncio.ensure_future(text_at(client, buffer, AT_BODY + 4))
        await client.ping()
        assert not endpoint.requests[0].disconnected.is_set()
        assert len(endpoint.requests) == 1
        loaded.set()
        assert await again == "b = 1"
        assert endpoint.requests[0].disconnected.is_set()


async def test_definitions_of_other_files_are_shown_and_no_keys_or_ignored_files(
    workspace: Path, environment: dict[str, str], endpoint: ScriptedEndpoint
) -> None:
    key = "sk-" + "a1B2c3D4" * 4
    cart = f"def total(items):\n    key = '{key}'\n    return sum(items)\n"
    (workspace / "cart.py").write_text(cart)
    (workspace / "ignored.py").write_text("def total_of_all(items): ...\n")
    (workspace / ".gitignore").write_text("ignored.py\n")
    async with connected(workspace, environment) as client:
        text = "from cart import total\nfrom ignored import total_of_all\n\n"
        buffer = client.open(text + "\n", path=workspace / "shop.py")
        # They are looked for in a thread: a request is not held up, a later one has them.
        extra: list[dict[str, str]] = []
        async with asyncio.timeout(DEADLINE_S):
            for at in itertools.count(len(text)):
                client.type(buffer, at, at, "a")
                endpoint.will(answer(" = total\n"))
                await text_at(client, buffer, at + 1)
                if extra := endpoint.requests[-1].body["input_extra"]:
                    break

    assert extra[0]["filename"] == "cart.py"
    assert extra[0]["text"].startswith("def total(items):\n")
    assert "ignored.py" not in {each["filename"] for each in extra}
    assert key not in str(extra)
    # Of the line that is typed, nothing has changed.
    assert endpoint.requests[-1].body["input_prefix"] == text
