"""Every road to cancel a generation: it stops at once, and what had arrived stays."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from streaming_code_generator.testing.openai_replies import Hold, Reply, answer
from support.lsp_client import UPDATE, Buffer, Call, EditorClient, connected
from support.lsp_endpoint import GatedAnswer, ScriptedEndpoint, silence
from support.lsp_process import DEADLINE_S, server_environment

pytestmark = pytest.mark.asyncio(loop_scope="module")

CANCELLED = int(types.LSPErrorCodes.RequestCancelled)
AT_ONCE_S = 0.1
"""How soon the endpoint must see its connection close. (Measured: 2 to 5 ms on an idle machine.)"""
TRIES = 5
"""Of so many cancels one must be at once: a busy machine delays some of them, a wait in the server
all."""

Cancel = Callable[[EditorClient, Call], object]


class Running:
    """A generation in the middle of its stream, one line of which stands in the document."""

    def __init__(self, client: EditorClient, document: Buffer, call: Call) -> None:
        self.client = client
        self.document = document
        self.call = call

    async def error(self) -> JsonRpcException:
        """Return what the command failed with."""
        with pytest.raises(JsonRpcException) as caught:
            await self.call.result()
        return caught.value


async def running(
    client: EditorClient, endpoint: ScriptedEndpoint, text: str = "before\n\nafter\n"
) -> Running:
    endpoint.will(GatedAnswer("one = 1\n", "two = 2\n", "three = 3\n"))
    document = client.open(text)
    call = client.begin_generate(document, (1, 0), prompt="count", workDoneToken=f"t-{text}")
    await client.until(lambda: "one = 1" in document.text, "the first line")
    return Running(client, document, call)


async def closed_after_s(endpoint: ScriptedEndpoint, since_s: float) -> float:
    """Return how long it took until the endpoint saw its connection close."""
    (request,) = endpoint.requests
    async with asyncio.timeout(DEADLINE_S):
        await request.disconnected.wait()
    assert request.disconnected_at is not None
    return request.disconnected_at - since_s


def _by_request(_client: EditorClient, call: Call) -> None:
    call.cancel()


def _by_progress(client: EditorClient, _call: Call) -> None:
    token = "t-before\n\nafter\n"
    client.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams(token))


def _by_command(client: EditorClient, _call: Call) -> None:
    client.begin("cancel")


ROADS = pytest.mark.parametrize(
    "cancel",
    [
        pytest.param(_by_request, id="$/cancelRequest"),
        pytest.param(_by_progress, id="window/workDoneProgress/cancel"),
        pytest.param(_by_command, id="the command"),
    ],
)


async def one_latency_s(client: EditorClient, endpoint: ScriptedEndpoint, cancel: Cancel) -> float:
    """Cancel one generation; return how long its connection stayed open."""
    generation = await running(client, endpoint)
    cancelled_at_s = asyncio.get_running_loop().time()
    cancel(client, generation.call)
    latency_s = await closed_after_s(endpoint, cancelled_at_s)
    await generation.error()
    return latency_s


@ROADS
async def test_connection_is_closed_without_any_wait(
    client: EditorClient, endpoint: ScriptedEndpoint, cancel: Cancel
) -> None:
    latencies_s = [await one_latency_s(client, endpoint, cancel)]
    while min(latencies_s) >= AT_ONCE_S and len(latencies_s) < TRIES:
        latencies_s.append(await one_latency_s(client, endpoint, cancel))

    assert min(latencies_s) < AT_ONCE_S, latencies_s


@ROADS
async def test_cancelling_stops_everything_at_once(
    client: EditorClient, endpoint: ScriptedEndpoint, cancel: Cancel
) -> None:
    generation = await running(client, endpoint)
    text = generation.document.text

    cancel(client, generation.call)
    await closed_after_s(endpoint, 0)
    error = await generation.error()

    assert error.code == CANCELLED
    edits = len(client.said(types.WORKSPACE_APPLY_EDIT))
    await client.ping()
    assert generation.document.text == text
    assert len(client.said(types.WORKSPACE_APPLY_EDIT)) == edits
    assert (await client.command("status"))["running"] == []
    assert client.said(UPDATE)[-1]["state"] == "cancelled"


async def test_cancelled_generation_ends_its_progress_and_says_so_in_the_log(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    generation = await running(client, endpoint)

    await client.command("cancel")
    await generation.error()

    last_report, end = client.reported("t-before\n\nafter\n")[-2:]
    assert end["kind"] == "end"
    assert end["message"] == last_report["message"]
    assert end["message"].startswith("Cancelled.")
    assert client.logged()[-1] == end["message"]


async def test_cancelled_by_command_the_error_holds_what_had_arrived(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    generation = await running(client, endpoint)

    await client.command("cancel")
    error = await generation.error()

    assert error.data == {"kind": "cancelled", "partialText": "one = 1\n"}


async def test_cancel_by_id_leaves_the_others_running(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    one, other = GatedAnswer("one = 1\n", "two = 2\n"), GatedAnswer("ten = 10\n", "up = 11\n")
    endpoint.will(one, other)
    first, second = client.open(""), client.open("")
    started = await client.generate(first, (0, 0), prompt="x", wait=False)
    await client.until(lambda: first.text, "the first one's text")
    call = client.begin_generate(second, (0, 0), prompt="y")
    await client.until(lambda: second.text, "the second one's text")

    answer = await client.command("cancel", {"id": started["id"]})
    other.release_all()
    await call.result()

    assert answer == {"ids": [started["id"]]}
    assert first.text == "one = 1"
    assert second.text == "ten = 10\nup = 11"


async def test_cancel_without_id_cancels_all_and_names_them(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(silence())
    documents = [client.open(""), client.open("")]
    ids = [
        (await client.generate(document, (0, 0), prompt="x", wait=False))["id"]
        for document in documents
    ]

    assert await client.command("cancel") == {"ids": ids}
    assert await client.command("cancel") == {"ids": []}


async def test_cancel_without_id_cancels_what_has_no_id_yet(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(silence())
    document = client.open("")
    call = client.begin_generate(document, (0, 0), prompt="x")

    await client.command("cancel")

    with pytest.raises(JsonRpcException) as caught:
        await call.result()
    assert caught.value.code == CANCELLED
    assert document.text == ""


async def test_cancel_of_an_unknown_id_cancels_nothing(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    generation = await running(client, endpoint)

    assert await client.command("cancel", {"id": "nobody"}) == {"ids": []}

    assert len((await client.command("status"))["running"]) == 1
    generation.call.cancel()
    await generation.error()


async def test_cancel_before_the_first_chunk(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    endpoint.will(silence())
    document = client.open("a\n")
    call = client.begin_generate(document, (0, 0), prompt="x")
    await client.until(lambda: endpoint.requests, "the request")

    call.cancel()

    await closed_after_s(endpoint, 0)
    with pytest.raises(JsonRpcException) as caught:
        await call.result()
    assert caught.value.code == CANCELLED
    assert document.text == "a\n"


async def test_closing_the_document_cancels(
    client: EditorClient, endpoint: ScriptedEndpoint
) -> None:
    generation = await running(client, endpoint)

    client.close(generation.document)
    error = await generation.error()

    assert error.code == CANCELLED
    assert "closed" in error.message
    assert await closed_after_s(endpoint, 0) > 0


async def test_deleting_the_text_cancels(client: EditorClient, endpoint: ScriptedEndpoint) -> None:
    generation = await running(client, endpoint)
    document = generation.document

    client.type(document, 0, len(document.text), "")
    error = await generation.error()

    assert error.code == CANCELLED
    assert "deleted" in error.message
    await client.ping()
    assert document.text == ""
    assert client.said(UPDATE)[-1]["state"] in {"cancelled", "forgotten"}


async def test_shutdown_in_the_middle_answers_the_command_and_closes_the_connection(
    workspace: object, environment: dict[str, str], endpoint: ScriptedEndpoint, tmp_path: object
) -> None:
    async with connected(workspace, environment) as client:  # type: ignore[arg-type]  # a Path
        generation = await running(client, endpoint)
        async with asyncio.timeout(DEADLINE_S):
            await client.shutdown_async(None)

        await closed_after_s(endpoint, 0)
        assert (await generation.error()).code == CANCELLED
        client.exit(None)
        async with asyncio.timeout(DEADLINE_S):
            assert await client.process.wait() == 0


async def test_shutdown_closes_every_connection_before_it_is_answered(
    workspace: object, environment: dict[str, str], endpoint: ScriptedEndpoint
) -> None:
    no_headers = Reply(before_headers=(Hold(asyncio.Event()),))
    endpoint.will(GatedAnswer("one = 1\n", "two = 2\n"), silence(), no_headers)
    async with connected(workspace, environment) as client:  # type: ignore[arg-type]  # a Path
        document = client.open("")
        for count in range(3):
            await client.generate(document, (0, 0), prompt="x", wait=False)
            while len(endpoint.requests) == count:
                await client.ping()
        await client.until(lambda: "one" in document.text, "the first line")

        async with asyncio.timeout(DEADLINE_S):
            await client.shutdown_async(None)
            answered_at_s = asyncio.get_running_loop().time()
            for request in endpoint.requests:
                await request.disconnected.wait()

        assert client.process.returncode is None
        for request in endpoint.requests:
            assert request.disconnected_at is not None
            assert request.disconnected_at - answered_at_s < AT_ONCE_S
        assert document.text == "one = 1"
        client.exit(None)
        async with asyncio.timeout(DEADLINE_S):
            assert await client.process.wait() == 0


async def test_wait_for_a_replacement_is_counted_down_and_cancelled_at_once(
    workspace: Path, tmp_path: Path, endpoint: ScriptedEndpoint
) -> None:
    environment = server_environment(tmp_path, endpoint.base_url)
    async with connected(workspace, environment) as client:
        endpoint.will(answer("x = 1"), Reply.error(500, "the engine died"))
        await client.generate(client.open(""), (0, 0), prompt="x")
        call = client.begin_generate(client.open(""), (0, 0), prompt="x", workDoneToken="wait")

        def waits() -> list[str]:
            messages = [each.get("message", "") for each in client.reported("wait")]
            return [each for each in messages if each.startswith("Asking again in")]

        await client.until(waits, "the wait is announced")
        assert re.match(r"Asking again in \d s, attempt 2 \(.*the engine died", waits()[0])
        call.cancel()
        with pytest.raises(JsonRpcException) as cancelled:
            await call.result()
    assert cancelled.value.code == CANCELLED
