"""What can be done with code that stands there: remove, accept, retry; and who offers it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from streaming_code_generator.testing.openai_replies import Drop, Reply, answer, chunk
from support.lsp_client import UPDATE, Buffer, EditorClient, connected
from support.lsp_endpoint import GatedAnswer, ScriptedEndpoint

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXT = "import os\r\n\r\ndef f():\r\n\treturn '🙂'  # no final newline"
CODE = answer("```python\n", "one = 1\n", "two = 2\n", "```\n", "Both.")


def offer(document: Buffer, name: str) -> tuple[int, int]:
    """Return the offsets of a text that stands in a document once, given to the server."""
    start = document.text.index(name)
    document.editor.select(start, start + len(name))
    return start, start + len(name)


async def lenses(client: EditorClient, document: Buffer) -> list[str]:
    """Return the titles of a document's code lenses."""
    identifier = types.TextDocumentIdentifier(document.uri)
    found = await client.text_document_code_lens_async(types.CodeLensParams(identifier))
    return [lens.command.title for lens in found or [] if lens.command]


async def actions(
    client: EditorClient,
    document: Buffer,
    start: tuple[int, int],
    end: tuple[int, int] | None = None,
    only: Sequence[types.CodeActionKind] | None = None,
) -> list[dict[str, Any]]:
    """Return the code actions at a place."""
    where = types.Range(types.Position(*start), types.Position(*(end or start)))
    params = types.CodeActionParams(
        types.TextDocumentIdentifier(document.uri),
        where,
        types.CodeActionContext([], only=only),
    )
    found: list[dict[str, Any]] = await client.ask(types.TEXT_DOCUMENT_CODE_ACTION, params)
    assert {action["kind"] for action in found} <= {"refactor.rewrite"}
    return found


async def run(client: EditorClient, action: dict[str, Any]) -> Any:
    """Run a code action as an editor does: its command, with its arguments."""
    command = action["command"]
    params = types.ExecuteCommandParams(command["command"], command["arguments"])
    return await client.workspace_execute_command_async(params)


async def test_remove_restores_an_insertion_byte_for_byte(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(CODE)
    document = client.open(TEXT)
    result = await client.generate(document, (1, 0), prompt="x")
    assert "one = 1\r\ntwo = 2" in document.text

    answered = await client.command("remove")

    assert answered == {"id": result["id"], "status": "removed"}
    assert document.text == TEXT
    assert client.said(UPDATE)[-1]["state"] == "forgotten"


async def test_remove_restores_a_selection_byte_for_byte(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(CODE)
    document = client.open(TEXT)
    offer(document, "def f():\r\n\treturn '🙂'")
    await client.generate(document, ((2, 0), (3, 12)), prompt="x")
    assert "🙂" not in document.text

    await client.command("remove", {"uri": document.uri})

    assert document.text == TEXT


async def test_remove_after_cancel_restores_and_keeps_what_was_typed_elsewhere(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(GatedAnswer("one = 1\n", "two = 2\n", "three = 3\n"))
    document = client.open(TEXT)
    started = await client.generate(document, (1, 0), prompt="x", wait=False)
    await client.until(lambda: "one" in document.text, "the first line")
    client.type(document, 0, 0, "# above\r\n")
    end = len(document.text)
    client.type(document, end, end, ", below")
    await client.command("cancel")

    await client.command("remove", {"id": started["id"]})

    assert document.text == "# above\r\n" + TEXT + ", below"


async def test_remove_of_a_running_generation_cancels_it_first(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(GatedAnswer("one = 1\n", "two = 2\n"))
    document = client.open(TEXT)
    started = await client.generate(document, (1, 0), prompt="x", wait=False)
    await client.until(lambda: "one" in document.text, "the first line")

    await client.command("remove", {"id": started["id"]})

    assert document.text == TEXT
    assert (await client.command("status"))["running"] == []


async def test_remove_after_a_failure_restores(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(Reply(steps=(chunk("one = 1\n"), chunk("two"), Drop())))
    document = client.open(TEXT)
    offer(document, "def f():")
    with pytest.raises(JsonRpcException):
        await client.generate(document, ((2, 0), (2, 8)), prompt="x")

    await client.command("remove")

    assert document.text == TEXT


async def test_remove_takes_the_last_generation_first(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("first = 1"), answer("second = 2"))
    document = client.open("\n\n\n\n")
    await client.generate(document, (0, 0), prompt="x")
    await client.generate(document, (3, 0), prompt="y")

    await client.command("remove", {"uri": document.uri})
    assert document.text == "first = 1\n\n\n\n"
    await client.command("remove", {"uri": document.uri})
    assert document.text == "\n\n\n\n"
    with pytest.raises(JsonRpcException, match="generation"):
        await client.command("remove", {"uri": document.uri})


async def test_accept_keeps_the_text_and_ends_the_offers(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(CODE)
    document = client.open("")
    result = await client.generate(document, (0, 0), prompt="x")

    assert await client.command("accept") == {"id": result["id"], "status": "accepted"}

    assert document.text == "one = 1\ntwo = 2"
    assert await lenses(client, document) == []
    assert client.said(UPDATE)[-1]["state"] == "forgotten"
    with pytest.raises(JsonRpcException, match="not followed any more"):
        await client.command("remove", {"id": result["id"]})


async def test_accept_of_a_running_generation_is_refused(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(GatedAnswer("one = 1\n", "two = 2\n"))
    started = await client.generate(client.open(""), (0, 0), prompt="x", wait=False)

    with pytest.raises(JsonRpcException, match="still running") as caught:
        await client.command("accept", {"id": started["id"]})

    assert caught.value.code == -32602


async def test_retry_replaces_the_code_by_another_answer_to_the_same_request(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("first = 1"), answer("second = 2"))
    document = client.open("before\nselected\nafter\n")
    offer(document, "selected")
    first = await client.generate(document, ((1, 0), (1, 8)), prompt="x")
    assert document.text == "before\nfirst = 1\nafter\n"

    second = await client.command("retry", {"id": first["id"]})

    assert second["id"] != first["id"]
    assert second["code"] == "second = 2"
    assert document.text == "before\nsecond = 2\nafter\n"
    one, other = endpoint.requests
    assert one.body == other.body
    await client.command("remove")
    assert document.text == "before\nselected\nafter\n"


async def test_lenses_offer_cancel_while_it_runs_and_then_the_rest(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    stream = GatedAnswer("one = 1\n", "two = 2\n")
    endpoint.will(stream)
    document = client.open("\n")
    assert await lenses(client, document) == []
    call = client.begin_generate(document, (0, 0), prompt="x")
    await client.until(lambda: "one" in document.text, "the first line")

    assert await lenses(client, document) == ["Cancel"]
    refreshes = len(client.said(types.WORKSPACE_CODE_LENS_REFRESH))
    stream.release_all()
    await call.result()
    assert await lenses(client, document) == ["Accept", "Remove", "Retry"]
    assert len(client.said(types.WORKSPACE_CODE_LENS_REFRESH)) > refreshes


async def test_code_actions_generate_from_a_comment(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("x = 1"))
    document = client.open("# set x\n\n\n\n\n\na = 0\n")

    assert await actions(client, document, (6, 2)) == []
    (action,) = await actions(client, document, (0, 3))
    assert action["title"] == "Generate from comment"
    started = await run(client, action)

    assert started["status"] == "started"
    await client.until(lambda: "x = 1" in document.text, "the code")


async def test_code_actions_generate_from_a_selection(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("x = 1"))
    document = client.open("set x to one\n")
    offer(document, "set x to one")

    (action,) = await actions(client, document, (0, 0), (0, 12))
    assert action["title"] == "Generate from selection"
    await run(client, action)

    await client.until(lambda: document.text == "x = 1\n", "the code")


async def test_code_action_that_is_run_late_finds_its_lines(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("x = 1"))
    document = client.open("one\ntwo\nset x to one\nfour\n")
    offer(document, "set x to one")
    (action,) = await actions(client, document, (2, 0), (2, 12))

    client.type(document, 0, 0, "typed\nabove\n")
    client.type(document, len(document.text), len(document.text), "below")
    await run(client, action)

    after = "typed\nabove\none\ntwo\nx = 1\nfour\nbelow"
    await client.until(lambda: document.text == after, "the code")


async def test_code_action_whose_lines_are_gone_is_refused(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("x = 1"))
    document = client.open("one\nset x to one\nthree\n")
    (action,) = await actions(client, document, (1, 0), (1, 12))

    client.type(document, 6, 10, "")
    client.type(document, 0, 8, "")

    with pytest.raises(JsonRpcException) as caught:
        await run(client, action)
    assert caught.value.code == int(types.LSPErrorCodes.ContentModified)
    assert endpoint.requests == []


async def test_code_actions_offer_what_can_be_done_with_the_code_there(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(CODE)
    document = client.open("")
    await client.generate(document, (0, 0), prompt="x")

    found = await actions(client, document, (1, 2))
    assert [action["title"] for action in found] == [
        "Accept generated code",
        "Remove generated code",
        "Retry generated code",
    ]
    await run(client, found[1])

    assert document.text == ""
    assert await actions(client, document, (0, 0)) == []


@pytest.mark.parametrize(
    ("only", "count"),
    [
        pytest.param([types.CodeActionKind.Refactor], 1, id="refactor"),
        pytest.param([types.CodeActionKind.RefactorRewrite], 1, id="refactor.rewrite"),
        pytest.param([types.CodeActionKind.SourceOrganizeImports], 0, id="another kind"),
        pytest.param([], 1, id="any kind"),
    ],
)
async def test_code_actions_are_of_the_kinds_asked_for(
    client: EditorClient, only: list[types.CodeActionKind], count: int
) -> None:
    document = client.open("# set x\n")

    assert len(await actions(client, document, (0, 1), only=only)) == count


async def test_editor_without_code_actions_as_literals_gets_commands(
    workspace: Path, environment: dict[str, str]
) -> None:
    def adjust(capabilities: types.ClientCapabilities) -> None:
        assert capabilities.text_document is not None
        capabilities.text_document.code_action = types.CodeActionClientCapabilities()

    async with connected(workspace, environment, adjust=adjust) as client:
        document = client.open("# set x\n")
        start = types.Position(0, 0)
        params = types.CodeActionParams(
            types.TextDocumentIdentifier(document.uri),
            types.Range(start, start),
            types.CodeActionContext([]),
        )

        (command,) = await client.ask(types.TEXT_DOCUMENT_CODE_ACTION, params)

        assert command["command"] == "streamingCodeGenerator.generate"


async def test_unknown_document_has_no_lenses_and_no_actions(client: EditorClient) -> None:
    document = client.open("# set x\n")
    client.close(document)

    assert await lenses(client, document) == []
    assert await actions(client, document, (0, 0)) == []
