"""What can be done with a generation at each stage: the same by lenses, commands and updates."""

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from streaming_code_generator.testing.openai_replies import Reply, answer
from support.lsp_client import UPDATE, Buffer, EditorClient
from support.lsp_endpoint import GatedAnswer, ScriptedEndpoint

pytestmark = pytest.mark.asyncio(loop_scope="module")

FAILURE = Reply.error(401, "no such key")
CODE = answer("one = 1\n", "two = 2\n")
AFTER = ["Accept", "Remove", "Retry"]


async def lenses(client: EditorClient, document: Buffer) -> list[str]:
    identifier = types.TextDocumentIdentifier(document.uri)
    found = await client.text_document_code_lens_async(types.CodeLensParams(identifier))
    return [lens.command.title for lens in found or [] if lens.command]


async def fail(client: EditorClient, endpoint: ScriptedEndpoint, document: Buffer) -> None:
    endpoint.will(FAILURE)
    with pytest.raises(JsonRpcException):
        await client.generate(document, (0, 0), prompt="x")


@pytest.mark.parametrize("name", ["remove", "accept"])
async def test_without_id_a_generation_without_text_is_passed_over(
    client: EditorClient, endpoint: ScriptedEndpoint, name: str
) -> None:
    endpoint.will(CODE)
    document = client.open("\n")
    first = await client.generate(document, (1, 0), prompt="x")
    await fail(client, endpoint, document)

    answered = await client.command(name)

    assert answered["id"] == first["id"]
    assert document.text == ("\n" if name == "remove" else "\none = 1\ntwo = 2\n")


@pytest.mark.parametrize("name", ["remove", "accept"])
async def test_without_id_and_without_any_text_there_is_nothing_to_do(
    client: EditorClient, endpoint: ScriptedEndpoint, name: str
) -> None:
    document = client.open("")
    await fail(client, endpoint, document)

    with pytest.raises(JsonRpcException, match=f"No generation has text to {name}"):
        await client.command(name)


async def test_retry_without_id_means_a_failed_generation_too(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    document = client.open("")
    await fail(client, endpoint, document)
    endpoint.will(CODE)

    await client.command("retry")

    assert document.text == "one = 1\ntwo = 2"


@pytest.mark.parametrize("name", ["remove", "accept"])
async def test_without_id_the_last_that_has_ended_is_meant_while_another_runs(
    client: EditorClient, endpoint: ScriptedEndpoint, name: str
) -> None:
    stream = GatedAnswer("three = 3\n", "four = 4\n")
    endpoint.will(CODE, stream)
    document = client.open("\n\n")
    first = await client.generate(document, (0, 0), prompt="x")
    call = client.begin_generate(document, (3, 0), prompt="y")
    await client.until(lambda: "three" in document.text, "the first line")

    assert (await client.command(name))["id"] == first["id"]

    stream.release_all()
    assert (await call.result())["status"] == "completed"
    assert "three = 3\nfour = 4" in document.text


async def test_without_id_a_running_generation_is_not_removed(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    stream = GatedAnswer("one = 1\n", "two = 2\n")
    endpoint.will(stream)
    document = client.open("")
    call = client.begin_generate(document, (0, 0), prompt="x")
    await client.until(lambda: "one" in document.text, "the first line")

    for name in ("remove", "accept"):
        with pytest.raises(JsonRpcException, match="No generation has text"):
            await client.command(name)

    stream.release_all()
    assert (await call.result())["status"] == "completed"


async def test_failed_generation_without_text_has_no_lenses_and_no_range(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    document = client.open("\n")
    await fail(client, endpoint, document)

    assert await lenses(client, document) == []
    last = client.said(UPDATE)[-1]
    assert (last["state"], last["range"]) == ("error", None)


async def test_typing_in_generated_code_leaves_all_that_can_be_done(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(CODE)
    document = client.open("# above\n")
    result = await client.generate(document, (1, 0), prompt="x")

    client.type(document, 12, 12, "TYPED")
    await client.ping()

    assert await lenses(client, document) == AFTER
    assert [u for u in client.said(UPDATE) if u["state"] == "forgotten"] == []
    await client.command("remove")
    assert document.text == "# above\nTYPED"
    last = client.said(UPDATE)[-1]
    assert (last["id"], last["state"]) == (result["id"], "forgotten")


async def test_deleted_text_takes_the_offers_away_and_undo_brings_them_back(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(CODE)
    document = client.open("# above\n")
    await client.generate(document, (1, 0), prompt="x")

    client.type(document, 8, len(document.text), "")
    await client.until(lambda: client.said(UPDATE)[-1]["range"] is None, "the update")
    assert client.said(UPDATE)[-1]["state"] == "completed"
    assert await lenses(client, document) == []
    with pytest.raises(JsonRpcException, match="No generation has text"):
        await client.command("remove")

    client.undo(document)
    await client.until(lambda: client.said(UPDATE)[-1]["range"], "the update")
    assert await lenses(client, document) == AFTER
    await client.command("remove")
    assert document.text == "# above\n"


async def test_what_was_undone_is_not_offered_while_another_generation_writes(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    stream = GatedAnswer("one = 1\n", "two = 2\n", "three = 3\n")
    endpoint.will(answer("zero = 0"), stream)
    document = client.open("# above\n\n# below\n\n# end\n")
    undone = await client.generate(document, (1, 0), prompt="x")
    client.undo(document)
    await client.until(lambda: client.said(UPDATE)[-1]["range"] is None, "the update")
    since = len(client.heard)

    call = client.begin_generate(document, (3, 0), prompt="y")
    await client.until(lambda: "one" in document.text, "the first line")
    stream.release_all()
    await call.result()

    assert [u for u in client.said(UPDATE, since) if u["id"] == undone["id"]] == []


async def test_what_is_forgotten_cannot_be_done_anything_with(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(CODE)
    document = client.open("")
    result = await client.generate(document, (0, 0), prompt="x")

    await client.command("accept")

    assert client.said(UPDATE)[-1]["state"] == "forgotten"
    for name in ("accept", "remove", "retry"):
        with pytest.raises(JsonRpcException, match="not followed any more"):
            await client.command(name, {"id": result["id"]})
        with pytest.raises(JsonRpcException, match="No generation has text"):
            await client.command(name)
