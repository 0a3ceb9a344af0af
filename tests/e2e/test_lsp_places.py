"""Code at several places in one command, and in a file that is not there yet."""

from pathlib import Path

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from streaming_code_generator.testing.openai_replies import Reply, answer
from support.lsp_client import UPDATE, EditorClient, connected
from support.lsp_endpoint import ScriptedEndpoint

pytestmark = pytest.mark.asyncio(loop_scope="module")


def at(*lines: int) -> list[dict[str, int]]:
    return [{"line": line, "character": 0} for line in lines]


async def test_each_of_several_positions_gets_a_generation_of_its_own(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("done = ", "True"))
    document = client.open("# a\n\n# b\n\n# c\n")
    argument = {"textDocument": {"uri": document.uri}, "positions": at(0, 2, 4)}

    result = await client.command("generate", argument)

    generations = result["generations"]
    assert [each["status"] for each in generations] == ["completed"] * 3
    assert len({each["id"] for each in generations}) == 3
    assert document.text == "# a\ndone = True\n# b\ndone = True\n# c\ndone = True\n"
    assert [each["range"]["start"]["line"] for each in generations] == [1, 3, 5]
    instructions = {
        request.prompt[-400:].count("at the cursor: a\n") for request in endpoint.requests
    }
    assert instructions == {0, 1}


async def test_one_progress_is_shown_under_the_clients_token_of_several_generations(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("x = 1"))
    document = client.open("\n\n\n\n")
    client.progress_reports.setdefault("mine", [])
    argument = {
        "textDocument": {"uri": document.uri},
        "positions": at(0, 2),
        "prompt": "x",
        "workDoneToken": "mine",
    }

    await client.command("generate", argument)

    kinds = [value["kind"] for value in client.reported("mine")]
    assert (kinds.count("begin"), kinds.count("end")) == (1, 1)


async def test_generations_at_several_positions_can_be_answered_at_once(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("x = 1"))
    document = client.open("\n\n\n\n")
    argument = {
        "textDocument": {"uri": document.uri},
        "positions": at(0, 2, 2),
        "prompt": "x",
        "wait": False,
    }

    result = await client.command("generate", argument)

    assert [each["status"] for each in result["generations"]] == ["started", "started"]
    ids = {each["id"] for each in result["generations"]}
    await client.until(
        lambda: {u["id"] for u in client.said(UPDATE) if u["state"] == "completed"} >= ids
    )
    assert document.text.count("x = 1") == 2


async def test_a_place_that_fails_does_not_fail_the_others(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(Reply(status=400), answer("x = 1"))
    document = client.open("\n\n\n\n")
    argument = {"textDocument": {"uri": document.uri}, "positions": at(0, 2), "prompt": "x"}

    generations = (await client.command("generate", argument))["generations"]

    assert sorted(each["status"] for each in generations) == ["completed", "error"]
    assert [bool(each["error"]) for each in generations if each["status"] == "error"] == [True]
    assert document.text.count("x = 1") == 1


@pytest.mark.parametrize("positions", [[], "0", [{"line": 0}], at(*range(101))])
async def test_positions_that_cannot_be_used(client: EditorClient, positions: object) -> None:
    document = client.open("\n")
    argument = {"textDocument": {"uri": document.uri}, "positions": positions, "prompt": "x"}

    with pytest.raises(JsonRpcException, match="positions"):
        await client.command("generate", argument)


async def test_new_file_is_created_and_filled(
    client: EditorClient, endpoint: ScriptedEndpoint, workspace: Path
) -> None:
    endpoint.will(answer("def area(w, h):\n", "    return w * h\n"))
    path = workspace / "shapes.py"

    result = await client.command(
        "generate", {"target": {"uri": path.as_uri()}, "prompt": "the area of a rectangle"}
    )

    created = client.said(types.WORKSPACE_APPLY_EDIT)[0]["edit"]["documentChanges"]
    assert created == [{"kind": "create", "uri": path.as_uri()}]
    assert path.exists()
    assert client.buffers[path.as_uri()].text == "def area(w, h):\n    return w * h\n"
    assert result["uri"] == path.as_uri()
    assert "Write Python code: the area of a rectangle" in endpoint.requests[0].prompt


@pytest.mark.parametrize(
    ("name", "prompt", "hint"),
    [
        pytest.param("there.py", "x", "exists", id="exists"),
        pytest.param("new.py", " ", "prompt", id="no prompt"),
        pytest.param("../outside.py", "x", "outside the workspace", id="outside"),
        pytest.param(".env", "x", "secrets", id="secret-looking"),
    ],
)
async def test_new_file_that_is_not_created(
    client: EditorClient, workspace: Path, name: str, prompt: str, hint: str
) -> None:
    (workspace / "there.py").write_text("kept = 1\n", encoding="utf-8")
    target = {"uri": f"{workspace.as_uri()}/{name}"}

    with pytest.raises(JsonRpcException, match=hint):
        await client.command("generate", {"target": target, "prompt": prompt})

    assert not client.said(types.WORKSPACE_APPLY_EDIT)


async def test_client_that_creates_no_files_is_said_why_it_gets_none(
    workspace: Path, environment: dict[str, str]
) -> None:
    def adjust(capabilities: types.ClientCapabilities) -> None:
        assert capabilities.workspace is not None
        assert capabilities.workspace.workspace_edit is not None
        capabilities.workspace.workspace_edit.resource_operations = []

    target = {"uri": (workspace / "never.py").as_uri()}
    async with connected(workspace, environment, adjust=adjust) as client:
        with pytest.raises(JsonRpcException, match="creates no files"):
            await client.command("generate", {"target": target, "prompt": "x"})


async def test_file_that_the_editor_does_not_create_gets_no_code(
    client: EditorClient, endpoint: ScriptedEndpoint, workspace: Path
) -> None:
    endpoint.will(answer("x = 1"))
    uri = (workspace / "refused.py").as_uri()
    client.gone.add(uri)

    with pytest.raises(JsonRpcException, match="did not create `refused"):
        await client.command("generate", {"target": {"uri": uri}, "prompt": "x"})

    assert endpoint.requests == []
