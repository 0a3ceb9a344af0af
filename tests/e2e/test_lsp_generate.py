"""`generate` from end to end: the code in the document, and everything that is said meanwhile."""

import re
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

from streaming_code_generator.testing.openai_replies import (
    DONE,
    Reply,
    answer,
    chunk,
    finish,
    usage,
)
from support.lsp_client import COMMAND, UPDATE, EditorClient
from support.lsp_endpoint import GatedAnswer, ScriptedEndpoint
from support.lsp_process import SERVER

pytestmark = pytest.mark.asyncio(loop_scope="module")

RESULT_KEYS = {
    *("id", "status", "text", "code", "explanation", "uri", "range", "model", "provider"),
    *("finishReason", "stats"),
    # Beyond the contract:
    *("reasoning", "providerReason", "warnings", "dropped", "context"),
    *("profile", "fallback", "maskedKeys"),
}
STATS_KEYS = {
    *("chunks", "emptyChunks", "promptTokens", "completionTokens", "totalTokens", "tokenSource"),
    *("elapsedSeconds", "timeToFirstChunkSeconds", "tokensPerSecond", "attempts"),
    # Beyond the contract:
    *("cachedTokens", "reasoningTokens", "costUsd", "costSource"),
}
SUMMARY = re.compile(
    r"Generated (\d+) tokens \((\d+) prompt \+ (\d+) completion\) in (\d+\.\d\d) s, "
    r"\d+\.\d tokens/s, (\d+) chunks, loopback-model"
)
ADD = answer("```python\n", "def add(a, b):\n", "    return a + b\n", "```\n", "Adds them.")
ADD_CODE = "def add(a, b):\n    return a + b"


async def test_code_comes_to_a_position(client: EditorClient, endpoint: ScriptedEndpoint) -> None:
    endpoint.will(ADD)
    document = client.open("a = 0\n\nb = 2\n")

    result = await client.generate(document, (1, 0), prompt="add two numbers")

    assert document.text == f"a = 0\n{ADD_CODE}\nb = 2\n"
    (request,) = endpoint.requests
    assert "add two numbers" in request.prompt
    assert result["range"] == {
        "start": {"line": 1, "character": 0},
        "end": {"line": 2, "character": len("    return a + b")},
    }


async def test_result_has_the_keys_of_the_contract(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(ADD)
    document = client.open("")

    result = await client.generate(document, (0, 0), prompt="add")

    assert set(result) == RESULT_KEYS
    assert set(result["stats"]) == STATS_KEYS
    assert result["status"] == "completed"
    assert result["uri"] == document.uri
    assert result["text"].startswith("```python\n")
    assert result["code"] == ADD_CODE
    assert result["explanation"] == "Adds them."
    assert (result["model"], result["finishReason"]) == ("loopback-model", "stop")


async def test_tokens_are_the_endpoints_own(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(Reply(steps=(chunk("x = 1"), finish(), usage(1234, 567), DONE)))
    document = client.open("")

    result = await client.generate(document, (0, 0), prompt="x")

    stats = result["stats"]
    assert (stats["promptTokens"], stats["completionTokens"]) == (1234, 567)
    assert (stats["totalTokens"], stats["tokenSource"]) == (1801, "provider")
    assert "Generated 1801 tokens (1234 prompt + 567 completion)" in client.logged()[-1]


async def test_selection_is_the_prompt_and_is_replaced(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("y = 2"))
    document = client.open("before\nmake y two\nafter\n")
    document.editor.select(7, 17)

    await client.generate(document, ((1, 0), (1, 10)))

    assert document.text == "before\ny = 2\nafter\n"
    assert "make y two" in endpoint.requests[0].prompt


async def test_selection_made_backwards_is_the_same(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("y = 2"))
    document = client.open("before\nmake y two\nafter\n")
    document.editor.select(7, 17)

    await client.generate(document, ((1, 10), (1, 0)), prompt="set y")

    assert document.text == "before\ny = 2\nafter\n"


@pytest.mark.parametrize(
    ("text", "place", "language_id", "after"),
    [
        pytest.param("# set z\n", (0, 3), "python", "# set z\nz = 3\n", id="line comment, at it"),
        pytest.param("# set z\n\nq = 1\n", (1, 0), "python", "# set z\nz = 3\nq = 1\n", id="above"),
        pytest.param(
            "/* set z\n   to three */\n",
            (1, 5),
            "c",
            "/* set z\n   to three */\nz = 3\n",
            id="block",
        ),
    ],
)
async def test_comment_is_the_prompt(  # noqa: PLR0913, PLR0917 - a table of cases
    client: EditorClient,
    endpoint: ScriptedEndpoint,
    text: str,
    place: tuple[int, int],
    language_id: str,
    after: str,
) -> None:
    endpoint.will(answer("z = 3"))
    document = client.open(text, language_id=language_id)

    await client.generate(document, place)

    assert document.text == after
    assert "set z" in endpoint.requests[0].prompt


async def test_target_none_streams_and_edits_nothing(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(ADD)
    document = client.open("a = 0\n")

    result = await client.generate(
        document, (0, 0), prompt="add", target="none", partialResultToken="none-chunks"
    )

    assert result["code"] == ADD_CODE
    assert result["range"] is None
    assert document.text == "a = 0\n"
    assert client.said(types.WORKSPACE_APPLY_EDIT) == []
    assert len(client.reported("none-chunks")) == 5


async def test_without_waiting_the_answer_comes_at_once(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    stream = GatedAnswer("a = 1\n", "b = 2\n")
    endpoint.will(stream)
    document = client.open("")

    started = await client.generate(document, (0, 0), prompt="x", wait=False)

    assert set(started) == {"id", "status"}
    assert started["status"] == "started"
    stream.release_all()
    await client.until(lambda: document.text == "a = 1\nb = 2", "the code")


async def test_document_grows_while_the_model_speaks(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    stream = GatedAnswer("one = 1\n", "two = 2\n", "three = 3\n")
    endpoint.will(stream)
    document = client.open("")
    call = client.begin_generate(document, (0, 0), prompt="count")

    await client.until(lambda: "one = 1" in document.text, "the first line")
    assert "two" not in document.text
    stream.release()
    await client.until(lambda: "two = 2" in document.text, "the second line")
    assert "three" not in document.text
    stream.release()

    await call.result()
    assert document.text == "one = 1\ntwo = 2\nthree = 3"


async def test_every_chunk_is_a_partial_result_in_order(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    pieces = ("```py", "thon\ndef f", "():\n", "    return 1\n", "``", "`\nReturns", " one.")
    endpoint.will(answer(*pieces))
    document = client.open("")

    result = await client.generate(document, (0, 0), prompt="f", partialResultToken="chunks")

    values = client.reported("chunks")
    assert [value["message"] for value in values] == list(pieces)
    assert "".join(value["message"] for value in values) == result["text"]
    assert [value["index"] for value in values] == list(range(len(pieces)))
    assert {value["kind"] for value in values} == {"report"}
    assert {value["id"] for value in values} == {result["id"]}
    assert {value["part"] for value in values} <= {"code", "explanation", "reasoning"}
    assert values[-1]["part"] == "explanation"


async def test_chunks_of_reasoning_are_marked(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    thoughts = chunk(None, reasoning_content="Hmm.")
    endpoint.will(Reply(steps=(thoughts, chunk("x = 1"), finish(), usage(1, 2), DONE)))
    document = client.open("")

    result = await client.generate(document, (0, 0), prompt="x", partialResultToken="thoughts")

    parts = [(value["part"], value["message"]) for value in client.reported("thoughts")]
    assert parts == [("reasoning", "Hmm."), ("code", "x = 1")]
    assert (result["text"], result["reasoning"]) == ("x = 1", "Hmm.")
    assert document.text == "x = 1"


async def test_progress_begins_reports_and_ends_on_the_clients_token(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(ADD)
    document = client.open("")

    await client.generate(document, (0, 0), prompt="add", workDoneToken="mine")

    begin, *reports, end = client.reported("mine")
    assert begin["kind"] == "begin"
    assert begin["cancellable"] is True
    assert begin["title"] == "Generating code"
    assert {report["kind"] for report in reports} == {"report"}
    assert end["kind"] == "end"
    assert SUMMARY.fullmatch(end["message"])
    assert reports[-1]["message"] == end["message"]
    assert client.said(types.WINDOW_WORK_DONE_PROGRESS_CREATE) == []


async def test_progress_comes_on_the_token_that_stands_beside_the_arguments(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(ADD)
    document = client.open("")
    place = {"textDocument": {"uri": document.uri}, "position": {"line": 0, "character": 0}}

    async def run(name: str, argument: dict[str, Any]) -> None:
        client.progress_reports[f"beside-{name}"] = client.progress_reports["own"] = []
        params = types.ExecuteCommandParams(
            COMMAND + name, [argument], work_done_token=f"beside-{name}"
        )
        await client.workspace_execute_command_async(params)

    await run("generate", {**place, "prompt": "add"})
    await run("retry", {})
    await run("generate", {**place, "prompt": "add", "workDoneToken": "own"})

    for token in ("beside-generate", "beside-retry"):
        kinds = [value["kind"] for value in client.reported(token)]
        assert (kinds[0], kinds[-1], kinds.count("begin")) == ("begin", "end", 1)
    assert client.reported("own")[0]["kind"] == "begin"
    assert client.said(types.WINDOW_WORK_DONE_PROGRESS_CREATE) == []


async def test_progress_comes_on_a_token_of_the_servers_own(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(ADD)
    document = client.open("")

    await client.generate(document, (0, 0), prompt="add")

    (created,) = client.said(types.WINDOW_WORK_DONE_PROGRESS_CREATE)
    kinds = [value["kind"] for value in client.reported(created["token"])]
    assert (kinds[0], kinds[-1]) == ("begin", "end")


async def test_progress_shows_figures_and_the_line_being_written_a_few_times_a_second(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    stream = GatedAnswer("first = 1\nsecond = ", "2\n")
    endpoint.will(stream)
    document = client.open("")
    call = client.begin_generate(document, (0, 0), prompt="x", workDoneToken="pace")

    def shown() -> list[str]:
        return [v["message"] for v in client.reported("pace") if v["kind"] == "report"]

    live = re.compile(r"\d+\.\d s, ≈?\d+ tokens, \d+ tokens/s: second =")
    await client.until(lambda: sum(bool(live.match(m)) for m in shown()) >= 3, "live reports")
    stream.release_all()
    result = await call.result()

    most = result["stats"]["elapsedSeconds"] / 0.25 + 3
    assert len(shown()) <= most


async def test_log_has_the_response_and_then_the_summary(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(ADD)
    document = client.open("")

    result = await client.generate(document, (0, 0), prompt="add")

    response, summary = client.said(types.WINDOW_LOG_MESSAGE)
    assert response == {"type": types.MessageType.Info, "message": result["text"]}
    assert summary["type"] == types.MessageType.Info
    match = SUMMARY.fullmatch(summary["message"])
    assert match
    stats = result["stats"]
    assert [int(match[n]) for n in (1, 2, 3, 5)] == [
        *(stats["totalTokens"], stats["promptTokens"], stats["completionTokens"]),
        stats["chunks"],
    ]
    assert match[4] == f"{stats['elapsedSeconds']:.2f}"


async def test_a_chunk_of_any_length_is_logged_and_answered_with_as_a_short_one_is(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    code = "".join(f"value_{number} = compute({number}, 'é🦀')\n" for number in range(10_000))
    secret = "sk-0123456789abcdef0123456789"
    text = f"```python\n{code}key = '{secret}'\n```\n"
    endpoint.will(answer(text))
    document = client.open("")

    result = await client.generate(document, (0, 0), prompt="write it")

    assert document.text == result["code"] == f"{code}key = '{secret}'"
    assert result["text"] == text
    logged, summary = client.logged()[-2:]
    assert logged == text.replace(secret, "***")
    assert SUMMARY.search(summary)


async def test_updates_follow_a_generation_from_start_to_end(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    stream = GatedAnswer("one = 1\n", "two = 2\n")
    endpoint.will(stream)
    document = client.open("\n")
    call = client.begin_generate(document, (0, 0), prompt="count")
    await client.until(lambda: "one" in document.text, "the first line")
    stream.release_all()
    result = await call.result()

    updates = client.said(UPDATE)
    assert {(u["id"], u["uri"]) for u in updates} == {(result["id"], document.uri)}
    assert [u["state"] for u in updates][:1] == ["running"]
    assert updates[0]["range"]["start"] == updates[0]["range"]["end"]
    assert updates[-1]["state"] == "completed"
    assert updates[-1]["range"] == result["range"]
    assert SUMMARY.fullmatch(updates[-1]["message"])
    ends = [u["range"]["end"]["line"] for u in updates]
    assert ends == sorted(ends)


async def test_answer_without_code_leaves_the_document_alone(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("```python\n", "```\n", "There is nothing to write."))
    document = client.open("a = 0\n")

    result = await client.generate(document, (1, 0), prompt="something odd")

    assert (result["code"], result["explanation"]) == ("", "There is nothing to write.")
    assert document.text == "a = 0\n"


async def test_cut_off_answer_is_kept_and_said_to_be_incomplete(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(Reply(steps=(chunk("x = 1\ny ="), finish("length"), usage(1, 2), DONE)))
    document = client.open("")

    result = await client.generate(document, (0, 0), prompt="x")

    assert document.text == "x = 1\ny ="
    assert result["finishReason"] == "length"
    assert result["warnings"]
    assert result["warnings"][0] in client.logged()[-1]


async def test_status_tells_of_running_and_ended_generations(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(ADD)
    first = await client.generate(client.open(""), (0, 0), prompt="add")
    before = await client.command("status")
    stream = GatedAnswer("a = 1\n", "b = 2\n")
    endpoint.will(stream)
    document = client.open("")
    call = client.begin_generate(document, (0, 0), prompt="x")

    await client.until(lambda: document.text, "the second one's text")
    during = await client.command("status")
    stream.release_all()
    second = await call.result()
    after = await client.command("status")

    assert before["running"] == []
    assert before["recent"][-1]["id"] == first["id"]
    assert [running["status"] for running in during["running"]] == ["running"]
    assert after["recent"][-1]["id"] == second["id"]
    more = after["totals"]["totalTokens"] - before["totals"]["totalTokens"]
    assert more == second["stats"]["totalTokens"]
    assert after["totals"]["completed"] == before["totals"]["completed"] + 1


async def test_stock_client_collects_chunks_and_progress(
    workspace: Path, environment: dict[str, str], endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(ADD)
    config = ClientServerConfig(server_command=list(SERVER), server_env=environment)
    client = await config.start()
    assert isinstance(client, LanguageClient)
    client.progress_reports.update({"work": [], "parts": []})
    capabilities = client_capabilities("neovim@v0.11.0")
    await client.initialize_session(types.InitializeParams(capabilities=capabilities))
    uri = (workspace / "stock.py").as_uri()
    item = types.TextDocumentItem(uri, "python", 1, "")
    client.text_document_did_open(types.DidOpenTextDocumentParams(item))

    result = await client.workspace_execute_command_async(
        types.ExecuteCommandParams(
            "streamingCodeGenerator.generate",
            [
                {
                    "textDocument": {"uri": uri},
                    "position": {"line": 0, "character": 0},
                    "prompt": "add",
                    "target": "none",
                    "workDoneToken": "work",
                    "partialResultToken": "parts",
                }
            ],
        )
    )
    await client.shutdown_session()
    await client.stop()  # type: ignore[no-untyped-call]  # pytest-lsp has no types here

    collected: dict[Any, Any] = client.progress_reports
    text = "".join(part.message for part in collected["parts"])
    assert isinstance(result, dict)
    assert text == result["text"]
    assert SUMMARY.fullmatch(collected["work"][-1].message)
    assert [m.message for m in client.log_messages][-2] == text
