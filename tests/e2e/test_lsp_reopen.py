"""Documents that are closed, opened again, renamed or given another language mid-stream."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from streaming_code_generator.testing.editor import EditorHabits
from streaming_code_generator.testing.openai_replies import answer
from support.lsp_client import UPDATE, Buffer, Call, EditorClient
from support.lsp_endpoint import GatedAnswer, ScriptedEndpoint

pytestmark = pytest.mark.asyncio(loop_scope="module")

LINES = tuple(f"line_{n} = {n}\n" for n in range(6))
CODE = "".join(LINES).rstrip("\n")
TEXT = "# above\n\n# below\n"
WHOLE = f"# above\n{CODE}\n# below\n"


class Stream:
    """A generation whose first line stands in the document."""

    def __init__(self, document: Buffer, call: Call, gates: GatedAnswer) -> None:
        self.document = document
        self.call = call
        self._gates = gates

    async def result(self) -> dict[str, Any]:
        """Let the rest come, and return the result."""
        self._gates.release_all()
        return await self.call.result()


async def streaming(client: EditorClient, endpoint: ScriptedEndpoint, **how: Any) -> Stream:
    gates = GatedAnswer(*LINES)
    endpoint.will(gates)
    document = client.open(TEXT, **how)
    call = client.begin_generate(document, (1, 0), prompt="x")
    await client.until(lambda: "line_0" in document.text, "the first line")
    return Stream(document, call, gates)


async def test_document_opened_again_with_its_text_goes_on(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    stream = await streaming(client, endpoint)

    client.tell_open(stream.document)

    assert (await stream.result())["status"] == "completed"
    assert stream.document.text == WHOLE


async def test_text_of_a_document_opened_again_is_taken(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    stream = await streaming(client, endpoint)
    document = stream.document

    document.editor.replace(0, 0, "typed\n")
    document.editor.outbox(0)  # what would have told the server
    client.tell_open(document)

    assert (await stream.result())["status"] == "completed"
    assert document.text == "typed\n" + WHOLE
    await client.command("remove")
    assert document.text == "typed\n" + TEXT


async def test_change_of_the_language_is_no_close(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    stream = await streaming(client, endpoint, language_id="plaintext")

    client.tell_closed(stream.document.uri)
    stream.document.language_id = "python"
    client.tell_open(stream.document)

    assert (await stream.result())["status"] == "completed"
    assert stream.document.text == WHOLE
    assert [u for u in client.said(UPDATE) if u["state"] in {"cancelled", "forgotten"}] == []


def _renamed(old: str, new: str) -> types.RenameFilesParams:
    return types.RenameFilesParams([types.FileRename(old, new)])


Telling = Callable[[EditorClient, Buffer, str], None]


def _close_and_open(client: EditorClient, document: Buffer, old: str) -> None:
    client.tell_closed(old)
    client.tell_open(document)


def _will_close_open(client: EditorClient, document: Buffer, old: str) -> None:
    client.protocol.send_request(types.WORKSPACE_WILL_RENAME_FILES, _renamed(old, document.uri))
    client.tell_closed(old)
    document.editor.replace(0, 0, "# saved\n")
    document.editor.outbox(0)
    client.tell_open(document)


def _open_close_did(client: EditorClient, document: Buffer, old: str) -> None:
    client.tell_open(document)
    client.tell_closed(old)
    client.workspace_did_rename_files(_renamed(old, document.uri))


def _open_did_close(client: EditorClient, document: Buffer, old: str) -> None:
    client.tell_open(document)
    client.workspace_did_rename_files(_renamed(old, document.uri))
    client.tell_closed(old)


def _folder(client: EditorClient, document: Buffer, old: str) -> None:
    old_folder, new_folder = (uri.rpartition("/")[0] for uri in (old, document.uri))
    client.tell_closed(old)
    client.workspace_did_rename_files(_renamed(old_folder, new_folder))
    client.tell_open(document)


@pytest.mark.parametrize(
    "tell", [_close_and_open, _will_close_open, _open_close_did, _open_did_close, _folder]
)
async def test_generation_goes_on_in_the_renamed_document(
    client: EditorClient, endpoint: ScriptedEndpoint, workspace: Path, tell: Telling
) -> None:
    stream = await streaming(client, endpoint)
    document, old = stream.document, stream.document.uri
    new = (workspace / "other" / f"renamed{tell.__name__}.py").as_uri()

    client.move(document, new)
    tell(client, document, old)
    result = await stream.result()

    assert (result["status"], result["uri"]) == ("completed", new)
    saved = "# saved\n" if document.text.startswith("# saved") else ""
    assert document.text == saved + WHOLE
    assert client.said(UPDATE)[-1]["uri"] == new
    since = len(client.heard)
    await client.command("remove", {"uri": new})
    assert document.text == saved + TEXT
    assert {edit_uri(p) for p in client.said(types.WORKSPACE_APPLY_EDIT, since)} == {new}


async def test_announced_rename_is_waited_for_when_a_close_is_not_any_more(
    client: EditorClient, endpoint: ScriptedEndpoint, workspace: Path
) -> None:
    stream = await streaming(client, endpoint)
    closed = await streaming(client, endpoint, uri="untitled:closed")
    document, old = stream.document, stream.document.uri

    client.move(document, (workspace / "renamed-slowly.py").as_uri())
    client.protocol.send_request(types.WORKSPACE_WILL_RENAME_FILES, _renamed(old, document.uri))
    client.tell_closed(old)
    client.tell_closed(closed.document.uri)
    with pytest.raises(JsonRpcException, match="closed"):
        await closed.result()
    client.tell_open(document)

    assert (await stream.result())["status"] == "completed"
    assert document.text == WHOLE


def edit_uri(params: dict[str, Any]) -> str:
    (change,) = params["edit"]["documentChanges"]
    return str(change["textDocument"]["uri"])


async def test_code_that_stands_there_can_be_removed_after_a_rename(
    client: EditorClient, endpoint: ScriptedEndpoint, workspace: Path
) -> None:
    stream = await streaming(client, endpoint)
    await stream.result()
    document, old = stream.document, stream.document.uri

    client.move(document, (workspace / "renamed-later.py").as_uri())
    _close_and_open(client, document, old)
    await client.command("remove", {"uri": document.uri})

    assert document.text == TEXT


async def test_another_document_that_opens_meanwhile_gets_nothing(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    stream = await streaming(client, endpoint)

    client.tell_closed(stream.document.uri)
    other = client.open("# another\n")

    with pytest.raises(JsonRpcException, match="closed"):
        await stream.result()
    assert other.text == "# another\n"


async def test_closing_the_document_ends_a_removal_that_waits_for_the_editor(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("x = 1"))
    # In no folder that another test has just renamed: that would be waited for.
    document = client.open("\n", uri="untitled:removal")
    await client.generate(document, (0, 0), prompt="x")
    since = len(client.heard)
    document.editor.habits = EditorHabits(reply="never", change_delay_s=60)
    call = client.begin("remove")
    await client.until(lambda: client.said(types.WORKSPACE_APPLY_EDIT, since), "the edit")

    closed_at_s = asyncio.get_running_loop().time()
    client.close(document)
    with pytest.raises(JsonRpcException, match="The document was closed") as caught:
        await call.result()

    assert asyncio.get_running_loop().time() - closed_at_s < 2
    assert caught.value.data
    assert caught.value.data["kind"] == "document"
