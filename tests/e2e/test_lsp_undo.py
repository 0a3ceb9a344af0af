"""Undo and redo while a generation runs, over the wire, from clients that tell nothing of it."""

from functools import partial

import pytest
from pygls.exceptions import JsonRpcException

from streaming_code_generator.testing.editor import EditorHabits
from support.lsp_client import Buffer, Call, EditorClient
from support.lsp_endpoint import GatedAnswer, ScriptedEndpoint

pytestmark = pytest.mark.asyncio(loop_scope="module")

LINES = tuple(f"line_{n} = {n}\n" for n in range(6))
CODE = "".join(LINES).removesuffix("\n")
TEXT = "# above\n\n# below\n"
WHOLE = TEXT.replace("\n\n", f"\n{CODE}\n")
ENDINGS = [
    pytest.param("\n", id="LF"),
    pytest.param("\r\n", id="CRLF"),
    pytest.param("\r", id="CR"),
]


@pytest.fixture(params=["exact", "diff", "lines", "full"])
def habits(request: pytest.FixtureRequest) -> EditorHabits:
    return EditorHabits(changes=request.param, change_delay_s=0.02, undo_step="writer")


def _has(document: Buffer, text: str) -> bool:
    return text in document.text


async def streaming(
    client: EditorClient, endpoint: ScriptedEndpoint, document: Buffer
) -> tuple[Call, GatedAnswer]:
    """Begin a generation, and wait until half of its lines stand in the document."""
    stream = GatedAnswer(*LINES)
    endpoint.will(stream)
    call = client.begin_generate(document, (1, 0), prompt="x")
    for line in ("line_0", "line_1", "line_2"):
        await client.until(partial(_has, document, line), "a line")
        if line != "line_2":
            stream.release()
    return call, stream


async def reported(client: EditorClient, document: Buffer) -> None:
    """Wait until the server has been told of all changes."""
    await client.until(lambda: document.editor.flush_at_s is None, "the report")
    await client.ping()


@pytest.mark.parametrize("end", ENDINGS)
async def test_what_is_undone_and_redone_goes_on_at_its_end(
    client: EditorClient, endpoint: ScriptedEndpoint, habits: EditorHabits, end: str
) -> None:
    document = client.open(TEXT.replace("\n", end), habits=habits)
    call, stream = await streaming(client, endpoint, document)

    client.undo(document)
    await reported(client, document)
    client.redo(document)
    stream.release_all()

    assert (await call.result())["status"] == "completed"
    assert document.text == WHOLE.replace("\n", end)
    await client.command("remove")
    assert document.text == TEXT.replace("\n", end)


@pytest.mark.parametrize("end", ENDINGS)
async def test_what_is_undone_ends_and_leaves_nothing(
    client: EditorClient, endpoint: ScriptedEndpoint, habits: EditorHabits, end: str
) -> None:
    text = TEXT.replace("\n", end)
    document = client.open(text, habits=habits)
    call, stream = await streaming(client, endpoint, document)

    client.undo(document)
    stream.release_all()

    with pytest.raises(JsonRpcException, match="undone or deleted"):
        await call.result()
    await client.until(lambda: document.text == text, "the text from before")


async def test_text_that_goes_and_comes_back_while_an_edit_is_refused_is_followed_by_it(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    document = client.open(TEXT)
    call, stream = await streaming(client, endpoint, document)
    start = len("# above\n") + 3
    end = document.text.index("\n# below")
    gone = document.text[start:end]

    stream.release()  # the edit meets a newer document, and is refused
    client.type(document, start, end, "")
    client.type(document, start, start, gone)
    stream.release_all()

    assert (await call.result())["status"] == "completed"
    assert document.text == WHOLE


async def test_what_was_removed_by_hand_stays_away_and_the_result_says_so(
    client: EditorClient, endpoint: ScriptedEndpoint, habits: EditorHabits
) -> None:
    document = client.open(TEXT, habits=habits)
    call, stream = await streaming(client, endpoint, document)

    start = document.text.index(LINES[1])
    client.type(document, start, start + len(LINES[1]), "")
    await reported(client, document)
    stream.release_all()

    result = await call.result()
    assert result["status"] == "completed"
    assert document.text == WHOLE.replace(LINES[1], "")
    assert [warning.partition(":")[0] for warning in result["warnings"]] == [
        "some of the code is not in the document"
    ]
