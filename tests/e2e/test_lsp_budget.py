"""What generations cost, over the wire: in the last line, in `status`, and against a budget."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from streaming_code_generator.testing.openai_replies import (
    DONE,
    Reply,
    answer,
    chunk,
    event,
    finish,
)
from support.lsp_client import EditorClient, connected
from support.lsp_endpoint import ScriptedEndpoint, silence
from support.lsp_process import server_environment

pytestmark = pytest.mark.asyncio(loop_scope="module")

ASK = types.WINDOW_SHOW_MESSAGE_REQUEST


def priced(usd: float) -> Reply:
    counts = {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10, "cost": usd}
    usage = event({"choices": [], "usage": counts})
    return Reply(steps=(chunk("x = 1"), finish(), usage, DONE))


@pytest.fixture
def home(tmp_path: Path, endpoint: ScriptedEndpoint) -> dict[str, str]:
    """A user who has spent nothing yet, with a dollar a day."""
    return server_environment(tmp_path, endpoint.base_url, MAX_RETRIES="0", BUDGET_PER_DAY="1")


@pytest.fixture
def answers() -> list[str | None]:
    """The user's answers to questions, in their order; None dismisses one."""
    return []


@pytest_asyncio.fixture(loop_scope="module")
async def spender(
    workspace: Path,
    home: dict[str, str],
    endpoint: ScriptedEndpoint,
    answers: list[str | None],
) -> AsyncIterator[EditorClient]:
    """Connect; each generation costs 45 cents."""
    endpoint.will(priced(0.45))
    async with connected(workspace, home) as client:

        def choose(params: types.ShowMessageRequestParams) -> types.MessageActionItem | None:
            title = answers.pop(0)
            return next((each for each in params.actions or () if each.title == title), None)

        client.feature(ASK)(choose)
        yield client


async def generate(client: EditorClient) -> dict[str, Any]:
    return await client.generate(client.open(""), (0, 0), prompt="x")


async def test_last_line_and_result_say_what_it_cost(spender: EditorClient) -> None:
    document = spender.open("")
    result = await spender.generate(document, (0, 0), prompt="x", workDoneToken="progress")
    assert (result["stats"]["costUsd"], result["stats"]["costSource"]) == (0.45, "provider")
    assert spender.reported("progress")[-1]["message"].endswith("loopback-model, $0.45")


async def test_status_has_what_the_session_and_the_day_came_to(
    spender: EditorClient, home: dict[str, str], workspace: Path
) -> None:
    await generate(spender)
    async with connected(workspace, home) as other:
        await generate(other)
        usage = (await other.command("status"))["usage"]
    assert usage["session"]["attempts"] == 1
    assert usage["session"]["costUsd"] == 0.45
    assert usage["today"]["attempts"] == 2
    assert usage["today"]["costUsd"] == 0.9
    assert usage["session"]["summary"] == "1 request, 9 prompt + 1 completion tokens, $0.45"
    assert usage["today"]["summary"] == "2 requests, 18 prompt + 2 completion tokens, $0.90"


async def test_cancelled_and_failed_attempts_are_counted(
    spender: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(Reply.error(400, "no such field"))
    with pytest.raises(JsonRpcException):
        await generate(spender)
    endpoint.will(Reply(steps=(chunk("x = 1"),)))
    with pytest.raises(JsonRpcException):
        await generate(spender)
    endpoint.will(silence())
    call = spender.begin_generate(spender.open(""), (0, 0), prompt="x")
    await endpoint.asked.wait()
    call.cancel()
    with pytest.raises(JsonRpcException):
        await call.result()
    session = (await spender.command("status"))["usage"]["session"]
    assert (session["attempts"], session["failed"], session["cancelled"]) == (3, 2, 1)
    assert session["completionTokens"] > 0
    assert session["costUsd"] is None
    assert "≈" in session["summary"]
    assert session["summary"].endswith("no price known")


async def test_low_budget_is_warned_of_once(spender: EditorClient) -> None:
    for _ in range(3):
        await generate(spender)
    (warning,) = spender.said(types.WINDOW_SHOW_MESSAGE)
    assert warning["message"] == "$0.90 of $1.00 of today's budget (`budgetPerDay`) is spent."
    assert not spender.said(ASK)


async def test_what_has_no_price_is_said_not_to_count(
    spender: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(answer("x = 1"))
    for _ in range(3):
        await generate(spender)
    logged = [each["message"] for each in spender.said(types.WINDOW_LOG_MESSAGE)]
    assert sum("price is not known" in message for message in logged) == 1


async def test_beyond_the_budget_it_generates_only_if_the_user_says_so(
    spender: EditorClient, endpoint: ScriptedEndpoint, answers: list[str | None]
) -> None:
    for _ in range(3):
        await generate(spender)
    answers += ["Stop", None]
    for _ in range(2):
        with pytest.raises(JsonRpcException, match=r"budget is spent: \$1\.35 of \$1\.00"):
            await generate(spender)
    assert len(endpoint.requests) == 3

    answers.append("Generate")
    await generate(spender)
    assert len(endpoint.requests) == 4
    assert len(spender.said(ASK)) == 3

    answers.append("Generate all day")
    await generate(spender)
    await generate(spender)
    assert len(endpoint.requests) == 6
    assert len(spender.said(ASK)) == 4


async def test_client_that_cannot_ask_does_not_go_beyond_the_budget(
    spender: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    for _ in range(3):
        await generate(spender)
    spender.refused.add(ASK)
    with pytest.raises(JsonRpcException, match="raise `budgetPerDay`"):
        await generate(spender)
    assert len(endpoint.requests) == 3
