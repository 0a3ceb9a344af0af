"""What a model is shown of a workspace, what the result says of it, and what is never sent."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from streaming_code_generator.testing.openai_replies import answer
from support.lsp_client import EditorClient, connected
from support.lsp_endpoint import ScriptedEndpoint

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "KEPT_TO_ITSELF"
USES = "from geometry import area\n\n\n\nprint(area(1, 2))\n"


@pytest.fixture
def folder(workspace: Path) -> Iterator[Path]:
    yield workspace
    for path in sorted(workspace.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


@pytest_asyncio.fixture(loop_scope="module")
async def editor(
    folder: Path, environment: dict[str, str], endpoint: ScriptedEndpoint
) -> AsyncIterator[EditorClient]:
    """Connect an editor whose server has not yet read the workspace."""
    endpoint.will(answer("x = 1"))
    async with connected(folder, environment) as client:
        yield client


def whys(result: dict[str, object]) -> dict[str, str]:
    pieces = result["context"]
    assert isinstance(pieces, list)
    return {piece["uri"].rsplit("/", 1)[-1]: piece["why"] for piece in pieces}


async def test_definition_of_a_name_that_is_used_is_shown_and_listed(
    editor: EditorClient, endpoint: ScriptedEndpoint, folder: Path
) -> None:
    geometry = folder / "geometry.py"
    # A short file that is imported would be shown whole.
    more = "print()\n" * 100
    geometry.write_text(f"import math\n\ndef area(w, h):\n    return w * h\n{more}")
    document = editor.open(USES)

    result = await editor.generate(document, (2, 0), prompt="the area of a square")

    assert "def area(w, h):\n    return w * h" in endpoint.requests[0].prompt
    listed = next(piece for piece in result["context"] if piece["uri"] == geometry.as_uri())
    assert listed["range"]["start"] == {"line": 2, "character": 0}
    assert listed["range"]["end"] == {"line": 4, "character": 0}
    assert 10 < listed["tokens"] < 60
    assert listed["why"] == "definition of `area`"
    assert editor.stderr.count("(definition of `area`)") == 1


async def test_other_open_documents_are_shown_as_they_are_in_the_editor(
    editor: EditorClient, endpoint: ScriptedEndpoint, folder: Path
) -> None:
    (folder / "geometry.py").write_text("def area(w, h):\n    return OLD\n")
    editor.open("def area(w, h):\n    return UNSAVED\n", path=folder / "geometry.py")
    document = editor.open(USES)

    await editor.generate(document, (2, 0), prompt="x")

    assert "return UNSAVED" in endpoint.requests[0].prompt
    assert "return OLD" not in endpoint.requests[0].prompt


async def test_next_request_begins_as_the_one_before_so_that_it_is_not_read_again(
    editor: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    text = "".join(f"def step_{n}(value):\n    return value + {n}\n\n" for n in range(200))
    document = editor.open(text)
    for line in (300, 306):
        await editor.generate(document, (line, 0), prompt="another step")

    first, second = (json.dumps(request.body["messages"]) for request in endpoint.requests)
    shared = next(
        at for at, (one, other) in enumerate(zip(first, second, strict=False)) if one != other
    )
    assert shared >= 0.6 * len(second)


async def test_files_that_the_request_names_are_shown(
    editor: EditorClient, endpoint: ScriptedEndpoint, folder: Path
) -> None:
    notes = folder / "notes.md"
    notes.write_text("Everything is in inches.\n")
    document = editor.open("x = 1\n")

    context = {"uris": [notes.as_uri()]}
    result = await editor.generate(document, (1, 0), prompt="x", context=context)

    assert "Everything is in inches." in endpoint.requests[0].prompt
    assert whys(result)["notes.md"] == "named in the request"


async def test_what_must_not_be_sent_is_not_sent_whoever_names_it(
    editor: EditorClient, endpoint: ScriptedEndpoint, folder: Path, tmp_path: Path
) -> None:
    text = f"def area(w, h):\n    return {SECRET}\n"
    (folder / ".gitignore").write_text("build/\n*.gen.py\n")
    (folder / "build").mkdir()
    outside = tmp_path / "geometry.py"
    outside.write_text(text)
    (folder / "link.py").symlink_to(outside)
    paths = [folder / name for name in ("build/geometry.py", "area.gen.py", "secrets.json", ".env")]
    for path in paths:
        path.write_text(text)
    editor.open(text, path=paths[1])
    editor.open(text, uri="untitled:one")
    editor.open(text, path=outside)
    document = editor.open(USES)

    uris = [path.as_uri() for path in [*paths, outside, folder / "link.py"]]
    await editor.generate(document, (2, 0), prompt="x", context={"uris": uris})

    assert SECRET not in str(endpoint.requests[0].body)


async def test_diagnostics_of_a_code_action_reach_the_model(
    editor: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    document = editor.open("# fix it\nx = y\n")
    here = types.Range(types.Position(0, 0), types.Position(1, 5))
    elsewhere = types.Range(types.Position(7, 0), types.Position(7, 5))
    reported = [
        types.Diagnostic(here, "undefined name 'y'"),
        types.Diagnostic(elsewhere, "far away"),
    ]
    actions = await editor.ask(
        types.TEXT_DOCUMENT_CODE_ACTION,
        types.CodeActionParams(
            types.TextDocumentIdentifier(document.uri), here, types.CodeActionContext(reported)
        ),
    )
    argument = actions[0]["command"]["arguments"][0]

    await editor.command("generate", {**argument, "wait": True})

    assert "line 1: undefined name 'y'" in endpoint.requests[0].prompt
    assert "far away" not in endpoint.requests[0].prompt


async def test_selection_beyond_the_budget_is_refused_with_the_figure(
    folder: Path, environment: dict[str, str], endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("x = 1"))
    options = {"contextTokens": 300}
    async with connected(folder, environment, options=options) as client:
        document = client.open("total = total + 1\n" * 200)
        with pytest.raises(JsonRpcException, match=r"has \d+ tokens.* 300 .*contextTokens"):
            await client.generate(document, ((0, 0), (200, 0)), prompt="shorter")
    assert endpoint.requests == []


async def test_selection_is_counted_exactly_before_it_is_refused(
    editor: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("x = 1"))
    # More bytes than 2,000 tokens have, as a rule; words as frequent as these have a token each.
    document = editor.open("configuration configuration configuration\n" * 200)

    await editor.generate(document, ((0, 0), (200, 0)), prompt="shorter", target="none")

    assert len(endpoint.requests) == 1


@pytest.mark.parametrize("context", [1, {"uris": "x"}, {"uris": [1]}])
async def test_context_that_cannot_be_used(editor: EditorClient, context: object) -> None:
    document = editor.open("x = 1\n")

    with pytest.raises(JsonRpcException, match="context"):
        await editor.generate(document, (1, 0), prompt="x", context=context)
