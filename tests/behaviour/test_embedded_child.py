"""The child process: one for all, back after a crash, gone with its parent, closed to others."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio

from streaming_code_generator.errors import APIError, StreamProcessError
from streaming_code_generator.providers.embedded.child import ServerConfig
from streaming_code_generator.providers.embedded.embedded_provider import EmbeddedProvider
from streaming_code_generator.providers.embedded.process import ChildServer, ChildSupervisor
from support.embedded import (
    ask,
    child_config,
    collect,
    embedded,
    get,
    has_process,
    needs_model,
    running_child,
    shown_of,
    smallest_weights,
    text_of,
    wait_gone,
)

pytestmark = [
    needs_model,
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="signals and /proc"),
]

TESTS = Path(__file__).parents[1]


@contextlib.asynccontextmanager
async def supervised() -> AsyncIterator[tuple[ChildSupervisor, list[str]]]:
    """Make a supervisor, and the list of the keys it has given to children."""
    keys: list[str] = []

    def config_with(key: str) -> ServerConfig:
        keys.append(key)
        return child_config(key)

    supervisor = ChildSupervisor(config_with)
    try:
        yield supervisor, keys
    finally:
        await supervisor.aclose()


async def kill_when_text_comes(provider: EmbeddedProvider) -> None:
    async with provider.open(ask(tokens=2000)) as deltas:
        async for delta in deltas:
            if delta.text:
                os.kill(running_child(provider).pid, signal.SIGKILL)


async def test_crash_ends_the_generation_clearly_and_the_next_one_works() -> None:
    async with embedded() as provider:
        with pytest.raises(StreamProcessError) as caught:
            await kill_when_text_comes(provider)
        assert "was killed by SIGKILL during the generation" in caught.value.message
        assert "the next request starts it again" in caught.value.message
        assert caught.value.retryable
        assert text_of(await collect(provider, ask()))


async def test_crash_between_generations_is_not_noticed() -> None:
    async with embedded() as provider:
        first = text_of(await collect(provider, ask()))
        child = running_child(provider)
        os.kill(child.pid, signal.SIGKILL)
        assert await child.wait_ended(5)
        assert text_of(await collect(provider, ask())) == first
        assert running_child(provider) is not child


async def test_child_that_keeps_ending_is_started_with_pauses_and_another_key() -> None:
    async with supervised() as (supervisor, keys):
        for _ in range(2):
            child = await supervisor.ensure_running()
            child.kill()
            assert await child.wait_ended(5)
        with pytest.raises(APIError, match="ended 2 times in a row") as caught:
            await supervisor.ensure_running()
    assert caught.value.retryable
    assert caught.value.retry_after_s is not None
    assert 0 < caught.value.retry_after_s <= 1
    assert len(keys) == len(set(keys)) == 2


async def test_concurrent_first_uses_start_one_child_and_all_wait_for_it() -> None:
    async with supervised() as (supervisor, keys):

        async def url_when_ready() -> str:
            return (await supervisor.ensure_running()).url

        urls = await asyncio.gather(*(url_when_ready() for _ in range(5)))
    assert len(keys) == 1
    assert len(set(urls)) == 1
    assert urls[0]


async def test_concurrent_generations_share_the_child() -> None:
    async with embedded() as provider:
        await collect(provider, ask(tokens=1))
        child = running_child(provider)
        together = await asyncio.gather(*(collect(provider, ask(tokens=6)) for _ in range(6)))
        assert running_child(provider) is child
    assert all(text_of(deltas) for deltas in together)


async def test_close_ends_the_child_soon() -> None:
    async with embedded() as provider:
        await collect(provider, ask(tokens=1))
        child = running_child(provider)
        async with asyncio.timeout(5):
            await provider.aclose()
        assert child.has_ended
        await provider.aclose()
        with pytest.raises(APIError, match="was shut down"):
            await collect(provider, ask())


async def close_when_text_comes(provider: EmbeddedProvider) -> None:
    async with provider.open(ask(tokens=2000)) as deltas:
        async for delta in deltas:
            if delta.text:
                await provider.aclose()


async def test_close_during_a_generation_ends_both() -> None:
    async with embedded() as provider:
        with pytest.raises(StreamProcessError):
            await close_when_text_comes(provider)


async def started(supervisor: ChildSupervisor) -> tuple["asyncio.Task[ChildServer]", ChildServer]:
    """Begin a start and return while the model still loads."""
    starting = asyncio.create_task(supervisor.ensure_running())
    async with asyncio.timeout(10):
        while supervisor.child is None:  # noqa: ASYNC110 - one step of the loop, no waiting
            await asyncio.sleep(0)
    return starting, supervisor.child


async def test_close_while_the_model_loads_ends_the_start() -> None:
    async with supervised() as (supervisor, _keys):
        starting, child = await started(supervisor)
        await supervisor.aclose()
        with pytest.raises(APIError):
            await starting
        assert child.has_ended


async def test_cancel_while_the_model_loads_leaves_no_process_and_no_harm() -> None:
    async with supervised() as (supervisor, keys):
        starting, child = await started(supervisor)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        assert child.has_ended
        assert await supervisor.ensure_running() is not child
    assert len(keys) == 2


async def test_child_dies_with_a_parent_that_is_killed() -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "support.embedded_parent",
        stdout=asyncio.subprocess.PIPE,
        cwd=TESTS,
    )
    try:
        assert parent.stdout is not None
        async with asyncio.timeout(120):
            child_pid = int(await parent.stdout.readline())
        assert has_process(child_pid)
    finally:
        parent.kill()
        await parent.wait()
    await wait_gone(child_pid, within_s=5)


async def test_end_of_standard_input_ends_the_child() -> None:
    """What tells it where no signal comes at a parent's death."""
    child = ChildServer(child_config())
    try:
        await child.wait_ready()
        child._stdin.close()
        assert await child.wait_ended(5)
        assert child.describe_end() == "ended with exit code 0"
    finally:
        await child.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def child() -> AsyncIterator[ChildServer]:
    """Start a child of a user who has a key for an endpoint."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OPENAI_API_KEY", "canary-of-the-user")
        async with supervised() as (supervisor, _keys):
            yield await supervisor.ensure_running()


@pytest.mark.asyncio(loop_scope="module")
async def test_stranger_without_the_key_is_turned_away(child: ChildServer) -> None:
    assert (await get(child, "/v1/models")).status_code == 200
    for path in ("/v1/models", "/slots", "/props", "/v1/chat/completions"):
        assert (await get(child, path, with_key=False)).status_code == 401
    assert (await get(child, "/")).status_code == 404  # no web interface


@pytest.mark.asyncio(loop_scope="module")
async def test_web_pages_of_other_origins_are_given_no_access(child: ChildServer) -> None:
    answer = await get(child, "/v1/models", origin="http://evil.example")
    assert answer.headers.get("access-control-allow-origin", "") == ""
    async with httpx2.AsyncClient(trust_env=False) as client:
        preflight = await client.options(
            f"{child.url}/v1/chat/completions",
            headers={
                "Origin": "http://evil.example",
                "Access-Control-Request-Method": "POST",
            },
        )
    assert preflight.headers.get("access-control-allow-origin", "") == ""
    assert preflight.headers.get("access-control-allow-credentials", "false") == "false"


@pytest.mark.asyncio(loop_scope="module")
async def test_child_listens_on_loopback_with_a_key_that_no_process_list_shows(
    child: ChildServer,
) -> None:
    key = child.config.api_key.encode()
    assert child.url.startswith("http://127.0.0.1:")
    assert len(key) >= 32
    assert key not in shown_of(child.pid)
    assert b"canary-of-the-user" not in shown_of(child.pid)


async def test_child_that_ends_before_it_listens_is_reported() -> None:
    child = ChildServer(replace(child_config(), slots=0))
    child.kill()
    with pytest.raises(APIError, match="was killed by SIGKILL before it was ready") as caught:
        await child.wait_ready()
    assert caught.value.retryable


def test_child_serves_one_event_loop_after_another() -> None:
    provider = EmbeddedProvider(weights=smallest_weights(), reason="a test")

    async def use(*, then_close: bool) -> int:
        assert text_of(await collect(provider, ask(tokens=4)))
        pid = running_child(provider).pid
        if then_close:
            await provider.aclose()
        return pid

    first_pid = asyncio.run(use(then_close=False))
    assert asyncio.run(use(then_close=True)) == first_pid
    assert not has_process(first_pid)


def test_child_outlives_the_thread_that_asked_for_it_first() -> None:
    # Linux kills with the thread that started a process, not with its process.
    provider = EmbeddedProvider(weights=smallest_weights(), reason="a test")

    async def use(*, then_close: bool) -> int:
        assert text_of(await collect(provider, ask(tokens=1)))
        pid = running_child(provider).pid
        if then_close:
            await provider.aclose()
        return pid

    with ThreadPoolExecutor(1) as worker:
        first = worker.submit(lambda: asyncio.run(use(then_close=False))).result()

    assert asyncio.run(use(then_close=True)) == first
