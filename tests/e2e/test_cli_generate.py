"""`generate`, as a real process against a real server on this machine."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from streaming_code_generator.testing.openai_replies import (
    DONE,
    Drop,
    Hold,
    Reply,
    answer,
    chunk,
    event,
    finish,
)
from streaming_code_generator.testing.openai_server import OpenAIServer
from support.command_line import DEADLINE_S, CommandLine, interrupt
from support.embedded import needs_model

KEY = "sk-verysecret-0123456789"
SUMMARY = re.compile(
    r"Generated \d+ tokens \(\d+ prompt \+ \d+ completion\) in \d+\.\d\d s, "
    r"\d+\.\d tokens/s, \d+ chunks, \S+$"
)


@pytest.fixture
def command_line(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path)


def at(server: OpenAIServer) -> tuple[str, ...]:
    return "--base-url", server.base_url, "--model", "any"


async def test_response_goes_to_stdout_and_its_figures_to_stderr(
    command_line: CommandLine,
) -> None:
    async with OpenAIServer(answer("def f():\n", "    return 'é→🙂'\n")) as server:
        ended = await command_line.call(
            "generate", "write f", *at(server), variables={"OPENAI_API_KEY": KEY}
        )

    assert ended.exit_code == 0
    assert ended.out == "def f():\n    return 'é→🙂'\n"
    assert SUMMARY.match(ended.err.strip())
    (request,) = server.requests
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.prompt == "write f"


async def test_output_is_utf8_in_any_locale(tmp_path: Path) -> None:
    command_line = CommandLine(tmp_path, fresh=True)
    async with OpenAIServer(answer("é🙂")) as server:
        ended = await command_line.call(
            "generate", "x", *at(server), variables={"LC_ALL": "C", "PYTHONUTF8": "0"}
        )

    assert ended.out == "é🙂\n"


async def test_text_is_written_as_it_arrives(command_line: CommandLine) -> None:
    released = asyncio.Event()
    reply = Reply(steps=(chunk("first"), Hold(released), chunk(" second"), finish()))
    async with (
        OpenAIServer(reply) as server,
        command_line.running("generate", "x", *at(server)) as process,
        asyncio.timeout(DEADLINE_S),
    ):
        assert process.stdout is not None
        assert await process.stdout.readexactly(5) == b"first"
        released.set()
        assert await process.stdout.read() == b" second\n"


async def test_json_is_one_object_with_the_names_of_the_protocol(
    command_line: CommandLine,
) -> None:
    async with OpenAIServer(answer("```python\nx = 1\n```\n", "Sets x.")) as server:
        ended = await command_line.call("generate", "x", "--json", *at(server))

    result = json.loads(ended.out)
    assert result["status"] == "completed"
    assert result["text"] == "```python\nx = 1\n```\nSets x."
    assert result["code"].strip() == "x = 1"
    assert result["explanation"] == "Sets x."
    assert result["finishReason"] == "stop"
    assert result["stats"]["totalTokens"] == 12
    assert result["stats"]["tokenSource"] == "provider"
    assert result["completionTime"] > 0
    assert "base URL" in result["provider"]


async def test_code_only_leaves_out_fences_and_explanation(command_line: CommandLine) -> None:
    pieces = ("Here:\n``", "`python\nx = 1\n", "y = 2\n``", "`\nThat sets both.")
    async with OpenAIServer(answer(*pieces)) as server:
        ended = await command_line.call("generate", "x", "--code-only", *at(server))

    assert ended.out == "x = 1\ny = 2\n"


async def test_code_only_fails_where_the_answer_has_no_code(command_line: CommandLine) -> None:
    async with OpenAIServer(answer("I am sorry, but I cannot do that.")) as server:
        ended = await command_line.call("generate", "x", "--code-only", *at(server))

    assert ended.exit_code == 1
    assert ended.out == ""
    assert "I am sorry, but I cannot do that.\n" in ended.err
    assert "no code" in ended.err


async def test_code_only_fails_where_the_model_corrects_what_is_printed(
    command_line: CommandLine,
) -> None:
    said = "```python\nx = 1 + a\n```\nWait, that is wrong:\n```python\nx = 2 + a\n```\n"
    async with OpenAIServer(answer(said)) as server:
        ended = await command_line.call("generate", "x", "--code-only", *at(server))

    assert ended.exit_code == 1
    assert ended.out == "x = 1 + a\n"
    assert "x = 2 + a" in ended.err


async def test_prompt_can_come_from_stdin(command_line: CommandLine) -> None:
    async with OpenAIServer(answer("ok")) as server:
        await command_line.call("generate", "-", *at(server), stdin="schreib ä\n".encode())

    assert server.requests[0].prompt == "schreib ä\n"


async def test_options_reach_the_request(command_line: CommandLine) -> None:
    async with OpenAIServer(answer("ok")) as server:
        await command_line.call(
            "generate", "x", *at(server), "--max-tokens", "7", "--temperature", "0.5"
        )

    body = server.requests[0].body
    assert body["model"] == "any"
    assert body["temperature"] == 0.5
    assert 7 in {body.get("max_tokens"), body.get("max_completion_tokens")}


async def test_failure_is_one_line_without_key_or_traceback(command_line: CommandLine) -> None:
    refusal = Reply.error(401, f"Incorrect API key provided: {KEY}")
    async with OpenAIServer(refusal) as server:
        ended = await command_line.call(
            "generate", "x", *at(server), variables={"OPENAI_API_KEY": KEY}
        )

    assert ended.exit_code == 1
    assert ended.out == ""
    assert len(ended.err.splitlines()) == 1
    assert ended.err.startswith("streaming-code-generator: ")
    assert "verysecret" not in ended.err


async def test_traceback_is_shown_only_when_asked_for(command_line: CommandLine) -> None:
    async with OpenAIServer(Reply.error(400, "bad")) as server:
        ended = await command_line.call("generate", "x", "--debug", *at(server))

    assert ended.exit_code == 1
    assert "Traceback" in ended.err
    assert "APIError" in ended.err


async def test_waits_between_attempts_are_told(command_line: CommandLine) -> None:
    busy = Reply.error(503, "loading", headers={"Retry-After": "0.01"})
    async with OpenAIServer(busy, answer("ok")) as server:
        ended = await command_line.call("generate", "x", *at(server))

    assert ended.exit_code == 0
    assert ended.err.startswith("Retrying in ")
    assert len(server.requests) == 2


async def test_cut_off_response_is_said_to_be_incomplete(command_line: CommandLine) -> None:
    reply = Reply(steps=(chunk("def f("), finish("length")))
    async with OpenAIServer(reply) as server:
        ended = await command_line.call("generate", "x", *at(server))

    assert ended.out == "def f(\n"
    assert "incomplete" in ended.err


async def test_broken_stream_keeps_what_arrived_and_fails(command_line: CommandLine) -> None:
    async with OpenAIServer(Reply(steps=(chunk("def f("),))) as server:
        ended = await command_line.call("generate", "x", *at(server))

    assert ended.exit_code == 1
    assert ended.out == "def f(\n"


async def test_ctrl_c_cancels_and_closes_the_connection(command_line: CommandLine) -> None:
    reply = Reply(steps=(chunk("first"), Hold(asyncio.Event())))
    async with (
        OpenAIServer(reply) as server,
        command_line.running("generate", "x", *at(server)) as process,
        asyncio.timeout(DEADLINE_S),
    ):
        assert process.stdout is not None
        assert process.stderr is not None
        await process.stdout.readexactly(5)
        assert await interrupt(process) == 130
        await server.requests[0].disconnected.wait()
        assert await process.stderr.read() == b"Cancelled.\n"


async def test_reader_that_goes_away_ends_it_quietly(command_line: CommandLine) -> None:
    released = asyncio.Event()
    reply = Reply(steps=(chunk("first"), Hold(released), *[chunk("x" * 5000)] * 50, finish()))
    async with (
        OpenAIServer(reply) as server,
        command_line.running("generate", "x", *at(server)) as process,
        asyncio.timeout(DEADLINE_S),
    ):
        assert process.stdout is not None
        assert process.stderr is not None
        await process.stdout.readexactly(5)
        process.stdout._transport.close()  # type: ignore[attr-defined]  # the only way to hang up
        released.set()
        assert await process.wait() == 141
        assert await process.stderr.read() == b""


async def test_empty_prompt_is_refused(command_line: CommandLine) -> None:
    ended = await command_line.call("generate", "  ")

    assert ended.exit_code == 1
    assert "prompt is empty" in ended.err


async def test_folder_cannot_send_the_key_elsewhere(command_line: CommandLine) -> None:
    async with OpenAIServer(answer("mine")) as mine, OpenAIServer(answer("theirs")) as theirs:
        dotenv = f"OPENAI_BASE_URL={theirs.base_url}\n"
        (command_line.folder / ".env").write_text(dotenv, encoding="utf-8")
        command_line.config_file.write_text(
            f'base_url = "{mine.base_url}"\nmodel = "any"\n', encoding="utf-8"
        )
        ended = await command_line.call("generate", "x", variables={"OPENAI_API_KEY": KEY})

    assert ended.out == "mine\n"
    assert theirs.requests == []
    assert "trusted_workspace_endpoints" in ended.err


async def test_folder_may_choose_the_model(command_line: CommandLine) -> None:
    (command_line.folder / ".env").write_text(
        "STREAMING_CODE_GENERATOR_MODEL=theirs\n", encoding="utf-8"
    )
    async with OpenAIServer(answer("ok")) as server:
        await command_line.call("generate", "x", "--base-url", server.base_url)

    assert server.requests[0].body["model"] == "theirs"


@needs_model
async def test_embedded_model_generates_without_key_and_network(
    command_line: CommandLine,
) -> None:
    ended = await command_line.call("generate", "Say hello.", "--json", "--max-tokens", "8")

    assert ended.exit_code == 0
    result = json.loads(ended.out)
    assert result["text"]
    assert result["provider"].startswith("embedded")
    assert result["stats"]["totalTokens"] > 8


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--temperature", "9", "from 0 to 2"),
        ("--temperature", "hot", "from 0 to 2"),
        ("--max-tokens", "0", "whole number"),
        ("--provider", "opnai", "`openai`"),
        ("--base-url", "no url", "http or https"),
    ],
)
async def test_option_that_cannot_be_used_is_a_usage_error(
    command_line: CommandLine, option: str, value: str, told: str
) -> None:
    ended = await command_line.call("generate", "x", option, value)

    assert ended.exit_code == 2
    assert option in ended.err
    assert told in ended.err


async def test_json_of_a_failure_holds_what_had_arrived(command_line: CommandLine) -> None:
    async with OpenAIServer(Reply(steps=(chunk("half of"), Drop()))) as server:
        ended = await command_line.call("generate", "x", "--json", *at(server))

    assert ended.exit_code == 1
    result = json.loads(ended.out)
    assert (result["status"], result["kind"], result["text"]) == ("error", "connection", "half of")
    assert "broke off" in result["message"]
    assert result["attempts"] == 1


async def test_prompt_that_is_no_text_is_said_to_be_none(command_line: CommandLine) -> None:
    ended = await command_line.call("generate", "-", stdin=b"caf\xe9")

    assert ended.exit_code == 1
    assert "not UTF-8" in ended.err
    assert "bug" not in ended.err


async def test_warning_is_printed_once(command_line: CommandLine) -> None:
    cut_off = Reply(steps=(chunk("x ="), finish("length")))
    async with OpenAIServer(cut_off) as server:
        ended = await command_line.call("generate", "x", *at(server))

    assert ended.err.count("token limit") == 1


async def test_usage_sums_up_what_was_generated_failures_too(command_line: CommandLine) -> None:
    nothing = await command_line.call("usage")
    assert (nothing.exit_code, nothing.out) == (0, "")
    assert nothing.err.startswith("Nothing was generated yet")

    async with OpenAIServer(answer("x", "y"), Reply.error(400, "no such field")) as server:
        for _ in range(2):
            await command_line.call("generate", "write f", *at(server))

        url = server.base_url
        by_endpoint = await command_line.call("usage", "--by", "endpoint", "--json")
        by_model = await command_line.call("usage", "--by", "model")

    assert json.loads(by_endpoint.out) == {
        "by": "endpoint",
        "rows": [
            {
                "name": url,
                "attempts": 2,
                "completed": 1,
                "cancelled": 0,
                "failed": 1,
                "promptTokens": 10,
                "completionTokens": 2,
                "cachedTokens": 0,
                "reasoningTokens": 0,
                "estimated": 0,
                "unpriced": 1,
                "costUsd": None,
                "tokenSources": ["provider"],
                "costSources": [],
            }
        ],
    }
    header, *rows = (re.split(r"  +", line) for line in by_model.out.splitlines())
    assert header == [
        *["model", "attempts", "failed", "cancelled", "prompt", "cached", "completion"],
        *["counted by", "cost", "price by"],
    ]
    assert rows == [
        ["any", "1", "1", "0", "0", "0", "0", "-", "no price known", "-"],
        ["loopback-model", "1", "0", "0", "10", "0", "2", "provider", "no price known", "-"],
    ]


async def test_usage_marks_estimates_and_says_who_named_the_price(
    command_line: CommandLine,
) -> None:
    counts = {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10, "cost": 0.25}
    priced = Reply(steps=(chunk("x"), finish(), event({"choices": [], "usage": counts}), DONE))
    silent = Reply(steps=(chunk("x = 1"), finish(), DONE))
    async with OpenAIServer(priced, silent) as server:
        for _ in range(2):
            await command_line.call("generate", "write f", *at(server))
        table = await command_line.call("usage")
        rows = json.loads((await command_line.call("usage", "--json")).out)["rows"]

    _, (_, _, _, _, prompt, cached, completion, counted_by, cost, price_by) = (
        re.split(r"  +", line) for line in table.out.splitlines()
    )
    assert (prompt[0], cached, completion[0]) == ("≈", "0", "≈")
    assert (counted_by, price_by) == ("+".join(rows[0]["tokenSources"]), "provider")
    assert cost == "$0.25 and 1 without a price"
    assert rows[0]["tokenSources"][0] in {"estimate", "provider"}
    assert (rows[0]["estimated"], rows[0]["costSources"]) == (1, ["provider"])


async def test_profile_is_chosen_by_an_option(command_line: CommandLine) -> None:
    profiles = json.dumps({"terse": {"maxOutputTokens": 9, "temperature": 0}})
    variables = {"OPENAI_API_KEY": KEY, "STREAMING_CODE_GENERATOR_PROFILES": profiles}
    async with OpenAIServer(answer("x = 1")) as server:
        command = ("generate", "x", *at(server), "--temperature", "1", "--profile")
        ended = await command_line.call(*command, "terse", variables=variables)
        missing = await command_line.call(*command, "large", variables=variables)

    (request,) = server.requests
    assert ended.exit_code == 0
    assert (request.body["max_tokens"], request.body["temperature"]) == (9, 1)
    assert missing.exit_code == 1
    assert "No profile `large` can be used: there are `terse`." in missing.err


async def test_spent_budget_is_not_gone_beyond_without_a_terminal(
    command_line: CommandLine,
) -> None:
    counts = {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10, "cost": 0.9}
    usage = event({"choices": [], "usage": counts})
    budget = {"STREAMING_CODE_GENERATOR_BUDGET_PER_DAY": "1"}
    async with OpenAIServer(Reply(steps=(chunk("x"), finish(), usage))) as server:
        calls = [
            await command_line.call("generate", "x", *at(server), variables=budget)
            for _ in range(3)
        ]
    assert [call.exit_code for call in calls] == [0, 0, 1]
    assert calls[0].err.strip().endswith(", $0.90")
    assert "Note: $0.90 of $1.00 of today's budget (`budgetPerDay`) is spent." in calls[1].err
    assert "Today's budget is spent: $1.80 of $1.00." in calls[2].err
    assert len(server.requests) == 2
