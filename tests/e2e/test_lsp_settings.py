"""Settings from every place a client or a folder has for them, and what they change."""

import re
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from streaming_code_generator.testing.openai_replies import answer
from support.lsp_client import UPDATE, EditorClient, connected
from support.lsp_endpoint import GatedAnswer, ScriptedEndpoint, scripted_endpoint
from support.lsp_process import KEY, server_environment

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECTION = "streamingCodeGenerator"
ANOTHER_KEY = "another.plain_key-0815"


def configure(client: EditorClient, settings: dict[str, Any]) -> None:
    """Change the user's settings; they count for every command sent from now on."""
    client.set_configuration(settings, section=SECTION)
    client.workspace_did_change_configuration(types.DidChangeConfigurationParams(None))


@pytest_asyncio.fixture(loop_scope="module")
async def client(client: EditorClient) -> AsyncIterator[EditorClient]:
    """Undo a test's settings in the shared server."""
    yield client
    configure(client, {})


async def model_asked(client: EditorClient, endpoint: ScriptedEndpoint) -> str:
    """Generate, and return which model the endpoint was asked for."""
    endpoint.will(answer("x = 1"))
    await client.generate(client.open(""), (0, 0), prompt="x")
    return str(endpoint.requests[0].body["model"])


async def test_initialization_options_go_before_the_environment(
    workspace: Path, environment: dict[str, str], endpoint: ScriptedEndpoint
) -> None:
    options = {"model": "from-options", "temperature": 0.25}
    async with connected(workspace, environment, options=options) as client:
        assert await model_asked(client, endpoint) == "from-options"
        assert endpoint.requests[0].body["temperature"] == 0.25


async def test_configuration_is_asked_for_and_goes_before_the_options(
    workspace: Path, environment: dict[str, str], endpoint: ScriptedEndpoint
) -> None:
    async with connected(
        workspace,
        environment,
        options={"model": "from-options"},
        configuration={"model": "from-configuration"},
    ) as client:
        assert await model_asked(client, endpoint) == "from-configuration"


async def test_changed_configuration_counts_from_the_next_generation(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    configure(client, {"model": "one"})
    assert await model_asked(client, endpoint) == "one"
    configure(client, {"model": "other"})
    assert await model_asked(client, endpoint) == "other"


async def test_retry_has_the_settings_that_were_changed_before_it(
    workspace: Path, environment: dict[str, str], endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("one = 1"), answer("two = 2"))
    asked = types.WORKSPACE_CONFIGURATION
    async with connected(workspace, environment, configuration={"model": "one"}) as client:
        await client.generate(client.open(""), (0, 0), prompt="x")
        client.unanswered.add(asked)
        questions = len(client.said(asked))
        client.workspace_did_change_configuration(types.DidChangeConfigurationParams(None))
        call = client.begin("retry")
        await client.until(lambda: len(client.said(asked)) > questions, "the question")
        # By its answer the server has read both; `status` would wait for the settings.
        await client.command("cancel", {"id": "none"})

        request = next(m for m in reversed(client.heard) if m.get("method") == asked)
        result = [{"model": "other"}]
        client.protocol._send_data({"jsonrpc": "2.0", "id": request["id"], "result": result})
        await call.result()

    assert [request.body["model"] for request in endpoint.requests] == ["one", "other"]


async def test_change_of_settings_does_not_disturb_a_running_generation(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    stream = GatedAnswer("one = 1\n", "two = 2\n")
    endpoint.will(stream)
    document = client.open("")
    call = client.begin_generate(document, (0, 0), prompt="x")
    await client.until(lambda: document.text, "the first line")

    configure(client, {"model": "another", "edits": "once"})
    stream.release_all()
    await call.result()

    assert document.text == "one = 1\ntwo = 2"


async def test_server_registers_for_changes_where_the_client_lets_it(
    workspace: Path, environment: dict[str, str]
) -> None:
    async with connected(workspace, environment) as client:
        await client.until(
            lambda: client.said(types.CLIENT_REGISTER_CAPABILITY), "the registration"
        )

        (asked,) = client.said(types.CLIENT_REGISTER_CAPABILITY)
        (registration,) = asked["registrations"]
        assert registration["method"] == types.WORKSPACE_DID_CHANGE_CONFIGURATION
        assert registration["registerOptions"] == {"section": SECTION}


async def test_client_that_cannot_be_asked_pushes_its_settings(
    workspace: Path, environment: dict[str, str], endpoint: ScriptedEndpoint
) -> None:
    def adjust(capabilities: types.ClientCapabilities) -> None:
        assert capabilities.workspace is not None
        capabilities.workspace.configuration = None

    async with connected(workspace, environment, adjust=adjust) as client:
        pushed = {SECTION: {"model": "pushed"}}
        client.workspace_did_change_configuration(types.DidChangeConfigurationParams(pushed))

        assert await model_asked(client, endpoint) == "pushed"
        assert client.said(types.WORKSPACE_CONFIGURATION) == []


async def test_client_that_answers_too_late_is_served_and_does_no_harm(
    workspace: Path, environment: dict[str, str], endpoint: ScriptedEndpoint
) -> None:
    async with connected(
        workspace, environment, unanswered={types.WORKSPACE_CONFIGURATION}
    ) as client:
        assert await model_asked(client, endpoint) == "loopback-model"
        (request,) = [m for m in client.heard if m.get("method") == types.WORKSPACE_CONFIGURATION]

        late = {"jsonrpc": "2.0", "id": request["id"], "result": [{"model": "too-late"}]}
        client.protocol._send_data(late)

        await client.ping()
        assert await model_asked(client, endpoint) == "loopback-model"


async def test_unknown_setting_is_named_in_the_log(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    configure(client, {"modle": "x", "maxRetries": "often"})
    await model_asked(client, endpoint)

    warnings = [
        entry["message"]
        for entry in client.said(types.WINDOW_LOG_MESSAGE)
        if entry["type"] == types.MessageType.Warning
    ]
    assert any("`modle`" in warning and "`model`" in warning for warning in warnings)
    assert any("`maxRetries`" in warning for warning in warnings)
    assert len(warnings) == 2


async def test_announcements_are_no_unknown_settings(
    workspace: Path, environment: dict[str, str]
) -> None:
    options = {
        "generationUpdates": True,
        "undoNotifications": True,
        "endpointSettingsAreMachineScoped": True,
    }
    async with connected(workspace, environment, options=options) as client:
        await client.ping()

        assert client.logged() == []


async def test_workspace_may_not_choose_where_the_users_key_goes(
    tmp_path: Path, environment: dict[str, str], endpoint: ScriptedEndpoint
) -> None:
    async with scripted_endpoint() as foreign:
        root = tmp_path / "cloned"
        root.mkdir()
        (root / ".env").write_text(f"OPENAI_BASE_URL={foreign.base_url}\n", encoding="utf-8")
        configuration = {"baseUrl": foreign.base_url}
        async with connected(root, environment, configuration=configuration) as client:
            await model_asked(client, endpoint)

            assert foreign.server.requests == []
            assert endpoint.requests[0].headers["authorization"] == f"Bearer {KEY}"
            assert any("`baseUrl`" in message for message in client.logged())
            assert any("workspace may not choose" in message for message in client.logged())


async def test_key_of_the_clients_own_store_goes_to_the_users_endpoint_and_nowhere_else(
    workspace: Path, tmp_path: Path, endpoint: ScriptedEndpoint
) -> None:
    environment = server_environment(tmp_path, BASE_URL=endpoint.base_url, MODEL="any")
    async with connected(workspace, environment, options={"apiKey": ANOTHER_KEY}) as client:
        endpoint.will(answer("x = 1", ANOTHER_KEY))
        result = await client.generate(client.open(""), (0, 0), prompt="x", target="none")

        assert endpoint.requests[0].headers["authorization"] == f"Bearer {ANOTHER_KEY}"
        assert ANOTHER_KEY in result["text"]  # the model's own words are not touched,
        assert ANOTHER_KEY not in "".join(client.logged())  # but the log is kept clean
        assert ANOTHER_KEY not in client.stderr


async def test_edits_once_change_the_document_once(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    configure(client, {"edits": "once"})
    stream = GatedAnswer("one = 1\n", "two = 2\n", "three = 3\n")
    endpoint.will(stream)
    document = client.open("")
    call = client.begin_generate(document, (0, 0), prompt="x", partialResultToken="once")
    await client.until(lambda: client.reported("once"), "the first chunk")
    stream.release()
    await client.until(lambda: len(client.reported("once")) == 2, "the second chunk")
    assert document.text == ""

    stream.release()
    await call.result()

    assert document.text == "one = 1\ntwo = 2\nthree = 3"
    assert len(client.said(types.WORKSPACE_APPLY_EDIT)) == 1


def _has_reported(client: EditorClient, token: str, count: int) -> bool:
    return len(client.reported(token)) >= count


async def test_edits_by_lines_show_whole_lines_only(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    configure(client, {"edits": "lines"})
    pieces = ("one ", "= 1\ntw", "o = 2\nth", "ree = 3")
    stream = GatedAnswer(*pieces)
    endpoint.will(stream)
    document = client.open("")
    call = client.begin_generate(document, (0, 0), prompt="x", partialResultToken="lines")
    seen = set()
    for count in range(1, len(pieces) + 1):
        await client.until(partial(_has_reported, client, "lines", count), "the chunk")
        seen.add(document.text)
        stream.release()
    await call.result()

    assert document.text == "one = 1\ntwo = 2\nthree = 3"
    whole = {"", "one = 1", "one = 1\n", "one = 1\ntwo = 2", "one = 1\ntwo = 2\n", document.text}
    assert seen <= whole


async def test_explanation_comes_as_a_comment_where_it_is_wanted(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    configure(client, {"insertExplanation": "comment"})
    endpoint.will(answer("```python\nx = 1\n```\n", "Sets x to one."))
    document = client.open("a = 0\n")

    await client.generate(document, (1, 0), prompt="x")

    assert document.text == "a = 0\n# Sets x to one.\nx = 1\n"


@pytest.mark.parametrize(
    ("text", "after"),
    [
        pytest.param("a\r\n\r\nb\r\n", "a\r\ndef f():\r\n    return 1\r\nb\r\n", id="CRLF"),
        pytest.param("a\r\rb\r", "a\rdef f():\r    return 1\rb\r", id="CR"),
        pytest.param(
            "def a():\n\tpass\n\n", "def a():\n\tpass\n\tdef f():\n\t\treturn 1\n", id="tabs"
        ),
    ],
)
async def test_code_takes_on_the_documents_layout(
    client: EditorClient, endpoint: ScriptedEndpoint, text: str, after: str
) -> None:
    endpoint.will(answer("```python\ndef f():\n", "    return 1\n```\n"))
    document = client.open(text)
    line = 2 if "\t" in text else 1

    await client.generate(document, (line, 0), prompt="x")

    assert document.text == after


async def test_generations_wait_for_their_turn_and_say_so(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    configure(client, {"maxConcurrentGenerations": 1})
    stream = GatedAnswer("one = 1\n", "two = 2\n")
    endpoint.will(stream, answer("last = 3"))
    first, second, third = client.open(""), client.open(""), client.open("")
    running = client.begin_generate(first, (0, 0), prompt="x")
    await client.until(lambda: first.text, "the first one's text")
    waiting = client.begin_generate(second, (0, 0), prompt="y", workDoneToken="second")
    last = client.begin_generate(third, (0, 0), prompt="z", workDoneToken="third")

    def shown(token: str) -> str:
        return "\n".join(value.get("message", "") for value in client.reported(token))

    await client.until(lambda: "number 2" in shown("third"), "its place in the queue")
    assert "number 1" in shown("second")
    assert len(endpoint.requests) == 1
    assert [u["state"] for u in client.said(UPDATE) if u["uri"] == second.uri][-1] == "queued"

    waiting.cancel()
    with pytest.raises(JsonRpcException):
        await waiting.result()
    await client.until(lambda: "number 1" in shown("third"), "to have moved up")
    stream.release_all()
    await running.result()
    await last.result()

    assert (first.text, second.text, third.text) == ("one = 1\ntwo = 2", "", "last = 3")
    assert len(endpoint.requests) == 2


async def test_more_generations_at_once_let_those_who_wait_go_on(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    configure(client, {"maxConcurrentGenerations": 1})
    stream = GatedAnswer("one = 1\n", "two = 2\n")
    endpoint.will(stream, answer("last = 3"))
    first, second = client.open(""), client.open("")
    running = client.begin_generate(first, (0, 0), prompt="x")
    await client.until(lambda: first.text, "the first one's text")
    waiting = client.begin_generate(second, (0, 0), prompt="y", workDoneToken="waiting")
    await client.until(lambda: client.reported("waiting"), "its progress")

    configure(client, {"maxConcurrentGenerations": 2})
    await waiting.result()

    assert second.text == "last = 3"
    stream.release_all()
    await running.result()


async def test_log_level_follows_the_settings(
    workspace: Path, environment: dict[str, str], endpoint: ScriptedEndpoint
) -> None:
    async with connected(workspace, environment, options={"logLevel": "error"}) as client:
        await model_asked(client, endpoint)
        assert " INFO " not in client.stderr
        configure(client, {"logLevel": "debug", "model": "new"})
        await model_asked(client, endpoint)
        await client.until(lambda: " INFO " in client.stderr, "the log to speak")


PROFILES = {"profiles": {"small": {"model": "small-model", "temperature": 0.5}}}


async def test_profiles_that_a_workspace_may_have_brought_are_not_used(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    configure(client, PROFILES)
    with pytest.raises(JsonRpcException, match="No profile `small`"):
        await client.generate(client.open(""), (0, 0), prompt="x", profile="small")


async def test_profiles_of_the_user_serve_requests_and_code_actions(
    workspace: Path, environment: dict[str, str], endpoint: ScriptedEndpoint
) -> None:
    async with connected(workspace, environment, options=PROFILES) as client:
        endpoint.will(answer("x = 1\n"))
        document = client.open("# one\n")
        result = await client.generate(document, (0, 5), profile="small")
        retried = await client.command("retry", {"id": result["id"]})
        await client.generate(client.open(""), (0, 0), prompt="x", model="asked-model")

        small, again, asked = [request.body for request in endpoint.requests]
        assert (small["model"], small["temperature"]) == ("small-model", 0.5)
        assert again["model"] == "small-model"
        assert (result["profile"], retried["profile"]) == ("small", "small")
        assert asked["model"] == "asked-model"
        assert "temperature" not in asked

        at_comment = types.Range(types.Position(0, 2), types.Position(0, 2))
        params = types.CodeActionParams(
            types.TextDocumentIdentifier(document.uri), at_comment, types.CodeActionContext([])
        )
        actions = await client.ask(types.TEXT_DOCUMENT_CODE_ACTION, params)
        offered = {action["title"]: action["command"] for action in actions}
        with_small = offered["Generate from comment with small"]
        assert with_small["arguments"][0]["profile"] == "small"
        assert "Generate from comment" in offered
        assert (await client.command("status", {}))["profiles"] == ["small"]


@pytest.mark.parametrize("selection", [{"provider": "opnai"}, {"profile": 1}, {"model": []}])
async def test_unusable_choice_of_a_model_is_refused(
    client: EditorClient, selection: dict[str, Any]
) -> None:
    with pytest.raises(JsonRpcException) as refused:
        await client.generate(client.open(""), (0, 0), prompt="x", **selection)
    assert refused.value.code == types.ErrorCodes.InvalidParams


async def test_fallback_answers_where_the_endpoint_is_gone(
    workspace: Path, environment: dict[str, str], endpoint: ScriptedEndpoint
) -> None:
    async with scripted_endpoint() as gone:
        gone_url = gone.base_url
        options = {
            "baseUrl": gone_url,
            "model": "first",
            "maxRetries": 0,
            "fallbacks": ["spare", "missing"],
            "profiles": {"spare": {"baseUrl": endpoint.base_url, "model": "spare-model"}},
        }
    async with connected(workspace, environment, options=options) as client:
        endpoint.will(answer("x = 1\n"))
        document = client.open("")
        result = await client.generate(document, (0, 0), prompt="x")

        assert document.text == "x = 1"
        assert (result["fallback"], result["model"]) == ("spare", "loopback-model")
        assert result["providerReason"] == "a base URL is set (profile: spare)"
        assert [warning for warning in result["warnings"] if gone_url in warning]
        # The key was set for the other endpoint.
        (request,) = endpoint.requests
        assert "authorization" not in request.headers
        assert any("`missing`" in said for said in client.logged())


async def marks(client: EditorClient, endpoint: ScriptedEndpoint, name: str) -> list[str | None]:
    """Generate twice in a document and once in another; return the requests' session headers."""
    first, other = (client.open("", path=client.root / f"{name}{n}.py") for n in (1, 2))
    endpoint.will(answer("x = 1"))
    for document in (first, first, other):
        await client.generate(document, (0, 0), prompt="x")
    return [each.headers.get("x-session-id") for each in endpoint.requests]


async def test_requests_of_a_document_are_marked_as_one_session_that_names_nothing(
    workspace: Path, environment: dict[str, str], endpoint: ScriptedEndpoint
) -> None:
    async with connected(workspace, environment, options={"sessionAffinity": "header"}) as client:
        first, again, other = await marks(client, endpoint, "private")
    async with connected(workspace, environment, options={"sessionAffinity": "header"}) as client:
        later, *_ = await marks(client, endpoint, "private")
    assert first == again
    assert len({first, other, later}) == 3
    assert re.fullmatch("[0-9a-f]{32}", str(first))
    assert "prompt_cache_key" not in endpoint.requests[0].body


async def test_session_may_be_the_key_of_the_prompts_cache(
    client: EditorClient, endpoint: ScriptedEndpoint, workspace: Path, environment: dict[str, str]
) -> None:
    options = {"sessionAffinity": "prompt_cache_key"}
    async with connected(workspace, environment, options=options) as marked:
        assert await marks(marked, endpoint, "cached") == [None] * 3
    first, again, other = [each.body["prompt_cache_key"] for each in endpoint.requests]
    assert first == again != other

    assert await marks(client, endpoint, "unmarked") == [None] * 3
    assert "prompt_cache_key" not in endpoint.requests[0].body
