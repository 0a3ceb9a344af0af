"""When a failed attempt is repeated, after how long, and when not."""

import asyncio
from contextlib import aclosing, suppress
from dataclasses import replace

import pytest

from streaming_code_generator.core.engine.generator import GenerationEngine, GenerationPolicy
from streaming_code_generator.core.engine.limits import JITTER, Deadlines, attempts
from streaming_code_generator.core.messages import Delta
from streaming_code_generator.core.results import RetryScheduled
from streaming_code_generator.errors import (
    APIError,
    ConfigurationError,
    StreamingError,
    StreamProcessError,
)
from streaming_code_generator.testing.scripted import (
    Disconnect,
    Refuse,
    Script,
    ScriptedProvider,
    text_script,
)
from support.generations import DEADLINE_S, QUICK, events_of, request_for, result_of, texts

PATIENT = GenerationPolicy(backoff_s=30, backoff_max_s=30)


def refusal(*, retryable: bool = True, retry_after_s: float | None = None) -> list[Refuse]:
    error = APIError(
        "The server is loading.",
        kind="server",
        status_code=503,
        retryable=retryable,
        retry_after_s=retry_after_s,
    )
    return [Refuse(error=error)]


async def error_of(provider: ScriptedProvider, policy: GenerationPolicy) -> StreamingError:
    with pytest.raises(StreamingError) as caught:
        await events_of(provider, policy)
    return caught.value


async def waits_after(error: StreamingError, policy: GenerationPolicy) -> list[float]:
    """Return the waits that are decided on, without waiting for them."""
    waits = []
    with suppress(StreamingError):
        async for attempt in attempts(policy, Deadlines(policy, "nowhere")):
            state = attempt.retry_state
            if state.attempt_number > 1:
                waits.append(state.upcoming_sleep)
            state.set_exception((type(error), error, None))
    return waits


async def test_a_refused_attempt_is_repeated_and_announced() -> None:
    provider = ScriptedProvider(refusal(), refusal(), text_script("a"))
    events = await events_of(provider)
    announced = [event for event in events if isinstance(event, RetryScheduled)]
    assert [event.reason for event in announced] == ["The server is loading."] * 2
    assert texts(events) == ["a"]
    assert events[-1].stats.attempts == 3


async def test_the_announcement_comes_before_the_wait() -> None:
    provider = ScriptedProvider(refusal())
    async with aclosing(GenerationEngine(provider, PATIENT).stream(request_for())) as events:
        event = await asyncio.wait_for(anext(events), DEADLINE_S)
    assert isinstance(event, RetryScheduled)
    assert event.delay_s > 20


async def test_the_wait_is_cancelled_at_once() -> None:
    announced = asyncio.Event()

    async def generate() -> None:
        engine = GenerationEngine(ScriptedProvider(refusal()), PATIENT)
        async with aclosing(engine.stream(request_for())) as events:
            async for _ in events:
                announced.set()

    task = asyncio.create_task(generate())
    await asyncio.wait_for(announced.wait(), DEADLINE_S)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, DEADLINE_S)


async def test_the_last_failure_says_how_many_attempts_were_made() -> None:
    provider = ScriptedProvider(refusal())
    error = await error_of(provider, QUICK)
    assert isinstance(error, APIError)
    assert error.message == "Gave up after 4 attempts: The server is loading."
    assert (error.attempts, error.status_code, len(provider.requests)) == (4, 503, 4)


@pytest.mark.parametrize("max_retries", [0, 1, 2])
async def test_max_retries_are_the_attempts_after_the_first(max_retries: int) -> None:
    provider = ScriptedProvider(refusal())
    policy = GenerationPolicy(max_retries=max_retries, backoff_s=0, backoff_max_s=0)
    error = await error_of(provider, policy)
    assert error.attempts == len(provider.requests) == max_retries + 1


async def test_what_cannot_get_better_is_not_repeated() -> None:
    provider = ScriptedProvider(refusal(retryable=False))
    error = await error_of(provider, QUICK)
    assert (error.message, len(provider.requests)) == ("The server is loading.", 1)


async def test_missing_configuration_is_not_repeated() -> None:
    provider = ScriptedProvider([Refuse(error=ConfigurationError("Set a key."))])
    error = await error_of(provider, QUICK)
    assert isinstance(error, ConfigurationError)
    assert len(provider.requests) == 1


@pytest.mark.parametrize(
    "shown", [Delta(text="half"), Delta(reasoning="hm")], ids=["text", "reasoning"]
)
async def test_nothing_is_repeated_once_something_was_shown(shown: Delta) -> None:
    provider = ScriptedProvider([shown, Disconnect()], text_script("again"))
    error = await error_of(provider, QUICK)
    assert isinstance(error, StreamProcessError)
    assert error.partial_text == shown.text
    assert len(provider.requests) == 1


@pytest.mark.parametrize(
    "script",
    [
        pytest.param([Delta(), Disconnect()], id="dropped after an empty chunk"),
        pytest.param([Delta()], id="ended after an empty chunk"),
        pytest.param([], id="ended without a chunk"),
    ],
)
async def test_a_stream_that_breaks_before_any_text_is_repeated(script: Script) -> None:
    provider = ScriptedProvider(script, text_script("a"))
    result = await result_of(provider)
    assert (result.text, result.stats.attempts) == ("a", 2)


async def test_waits_double_up_to_the_longest_and_are_jittered() -> None:
    error = APIError("x", kind="server", retryable=True)
    policy = GenerationPolicy(backoff_s=0.5, backoff_max_s=2, max_retries=5, timeout_s=1000)
    waits = await waits_after(error, policy)
    for wait, expected in zip(waits, [0.5, 1, 2, 2, 2], strict=True):
        assert abs(wait - expected) <= expected * JITTER
    assert waits[2] != waits[3] != waits[4]


async def test_replacement_of_an_endpoint_that_has_worked_is_waited_out() -> None:
    policy = GenerationPolicy(replacement_s=40)
    for kind in ("server", "connection"):
        waits = await waits_after(APIError("x", kind=kind, retryable=True), policy)
        for wait, expected in zip(waits, [40 / 21, 160 / 21, 640 / 21], strict=True):
            assert abs(wait - expected) <= expected * JITTER


async def test_wait_for_a_replacement_leaves_time_for_its_answer() -> None:
    error = APIError("x", kind="server", retryable=True)
    policy = GenerationPolicy(replacement_s=40, timeout_s=30)
    waits = await waits_after(error, policy)
    assert 20 * (1 - JITTER) <= sum(waits) <= 20 * (1 + JITTER)


async def test_rate_limit_is_no_sign_of_a_replacement() -> None:
    error = APIError("x", kind="rate_limit", retryable=True)
    waits = await waits_after(error, GenerationPolicy(replacement_s=40))
    assert sum(waits) < 5


async def test_the_wait_a_server_asks_for_is_kept() -> None:
    error = APIError("x", kind="rate_limit", retryable=True, retry_after_s=7)
    assert await waits_after(error, GenerationPolicy(max_retries=2)) == [7, 7]


async def test_a_server_that_asks_for_too_long_a_wait_is_not_asked_again() -> None:
    provider = ScriptedProvider(refusal(retry_after_s=3600))
    error = await error_of(provider, QUICK)
    assert len(provider.requests) == 1
    assert error.message == (
        "Gave up after 1 attempt: The server is loading. It asks to wait 3600 s."
    )


async def test_how_long_a_server_may_ask_to_wait_has_a_limit_of_its_own() -> None:
    error = APIError("x", kind="rate_limit", retryable=True, retry_after_s=40)
    policy = GenerationPolicy(timeout_s=1000, max_retries=1)
    assert await waits_after(error, policy) == []
    assert await waits_after(error, replace(policy, retry_after_max_s=50)) == [40]


async def test_a_short_wait_that_a_server_asks_for_is_enough() -> None:
    error = APIError("x", kind="rate_limit", retryable=True, retry_after_s=0.001)
    assert await waits_after(error, GenerationPolicy(max_retries=1)) == [0.001]


async def test_no_wait_reaches_beyond_the_whole_time() -> None:
    error = APIError("x", kind="rate_limit", retryable=True, retry_after_s=7)
    assert await waits_after(error, GenerationPolicy(timeout_s=6)) == []
