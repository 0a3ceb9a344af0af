"""A rate limit that one editor met is kept to by all of the user's, as advice and no more."""

import asyncio
import os
import stat
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from streaming_code_generator.core.engine.generator import GenerationEngine, GenerationPolicy
from streaming_code_generator.core.results import GenerationEvent, RetryScheduled
from streaming_code_generator.errors import APIError, StreamingError
from streaming_code_generator.providers.openai.openai_provider import OpenAIProvider
from streaming_code_generator.testing.openai_replies import Reply, answer
from streaming_code_generator.testing.openai_server import OpenAIServer
from streaming_code_generator.usage.shared_limits import (
    MOST_PAUSE_S,
    SharedLimits,
    account_of,
    pause_in,
)
from support.generations import DEADLINE_S, request_for

ACCOUNT = account_of("https://api.example.com/v1", "a-key")
ONCE = GenerationPolicy(max_retries=0)


@pytest.fixture
def limits(tmp_path: Path) -> SharedLimits:
    return SharedLimits(tmp_path / "limits")


@asynccontextmanager
async def editor(
    server: OpenAIServer, folder: Path, key: str = "a-key"
) -> AsyncIterator[OpenAIProvider]:
    """Open what another process has: a provider with limits of its own, in the same folder."""
    provider = OpenAIProvider(
        api_key=key, base_url=server.base_url, model="any", limits=SharedLimits(folder)
    )
    async with aclosing(provider):
        yield provider


async def first_event(provider: OpenAIProvider) -> GenerationEvent:
    engine = GenerationEngine(provider, ONCE)
    async with asyncio.timeout(DEADLINE_S), aclosing(engine.stream(request_for())) as events:
        return await anext(events)


async def test_editor_waits_for_the_limit_that_another_one_met(tmp_path: Path) -> None:
    refusal = Reply.error(429, "slow down", headers={"Retry-After": "20"})
    async with OpenAIServer(refusal) as server:
        async with editor(server, tmp_path) as one:
            with pytest.raises(APIError):
                await first_event(one)
        async with editor(server, tmp_path) as other:
            event = await first_event(other)
        async with editor(server, tmp_path, key="another-key") as stranger:
            with pytest.raises(APIError):
                await first_event(stranger)
    assert isinstance(event, RetryScheduled)
    assert 10 < event.delay_s <= 20 * 1.25
    assert event.attempt == 1
    assert event.reason == f"The rate limit of `{other.description.endpoint}` is used up."
    assert len(server.requests) == 2


async def test_limit_that_was_used_up_is_passed_on_before_anyone_is_refused(
    tmp_path: Path,
) -> None:
    whole = answer("x = 1")
    headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "15s"}
    async with OpenAIServer(Reply(steps=whole.steps, headers=headers)) as server:
        async with editor(server, tmp_path) as one:
            assert not isinstance(await first_event(one), RetryScheduled)
        async with editor(server, tmp_path) as other:
            assert isinstance(await first_event(other), RetryScheduled)
    assert len(server.requests) == 1


async def test_after_a_short_wait_it_generates(tmp_path: Path) -> None:
    async with OpenAIServer(answer("x = 1")) as server, editor(server, tmp_path) as provider:
        limits = SharedLimits(tmp_path)
        limits.note(account_of(provider.description.endpoint, "a-key"), 0.2)
        engine = GenerationEngine(provider, ONCE)
        async with asyncio.timeout(DEADLINE_S), aclosing(engine.stream(request_for())) as events:
            *_, last = [event async for event in events]
    assert (last.kind, last.stats.attempts) == ("finished", 1)


async def test_too_long_a_wait_is_left_to_the_endpoint_to_ask_for(tmp_path: Path) -> None:
    async with OpenAIServer(answer("x = 1")) as server, editor(server, tmp_path) as provider:
        account = account_of(provider.description.endpoint, "a-key")
        SharedLimits(tmp_path).note(account, MOST_PAUSE_S / 2)
        assert not isinstance(await first_event(provider), RetryScheduled)


async def test_folder_that_cannot_be_used_fails_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refusal = Reply.error(429, "slow down", headers={"Retry-After": "20"})
    async with (
        OpenAIServer(refusal, answer("x")) as server,
        editor(server, tmp_path / "file") as provider,
    ):
        with pytest.raises(StreamingError, match="429"):
            await first_event(provider)
        assert not isinstance(await first_event(provider), RetryScheduled)


def test_pause_only_grows_and_passes(limits: SharedLimits) -> None:
    assert limits.pause_s(ACCOUNT) == 0
    limits.note(ACCOUNT, 60)
    limits.note(ACCOUNT, 10)
    assert 50 < limits.pause_s(ACCOUNT) <= 60


def test_pause_that_is_too_long_is_not_passed_on(limits: SharedLimits, tmp_path: Path) -> None:
    limits.note(ACCOUNT, 10 * MOST_PAUSE_S)
    assert limits.pause_s(ACCOUNT) == 0
    assert not (tmp_path / "limits").exists()


def test_file_of_a_clock_that_was_set_back_is_ignored(limits: SharedLimits, tmp_path: Path) -> None:
    limits.note(ACCOUNT, 1)
    far_s = time.time() + 100 * MOST_PAUSE_S
    os.utime(tmp_path / "limits" / ACCOUNT, (far_s, far_s))
    assert limits.pause_s(ACCOUNT) == 0


def test_files_are_the_users_alone_and_old_ones_go(limits: SharedLimits, tmp_path: Path) -> None:
    folder = tmp_path / "limits"
    limits.note("old", 1)
    os.utime(folder / "old", (0, 0))
    limits.note(ACCOUNT, 30)
    (file,) = folder.iterdir()
    assert (file.name, file.read_bytes()) == (ACCOUNT, b"")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("remaining", "reset", "expected"),
    [
        ("0", "20s", 20),
        ("0", "6m0s", 360),
        ("0", "1h2m3.5s", 3723.5),
        ("0", "120ms", 0.12),
        ("0", "1m", 60),
        ("0", "soon", 0),
        ("0", "", 0),
        ("0", "1.2.3s", 0),
        ("1", "20s", 0),
    ],
)
@pytest.mark.parametrize("kind", ["requests", "tokens"])
def test_headers_say_how_long_there_is_no_room(
    kind: str, remaining: str, reset: str, expected: float
) -> None:
    headers = {
        f"x-ratelimit-remaining-{kind}": remaining,
        f"x-ratelimit-reset-{kind}": reset,
    }
    assert pause_in(headers) == pytest.approx(expected)
