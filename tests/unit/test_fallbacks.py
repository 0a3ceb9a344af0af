"""Where an endpoint fails before any text came, the next one is asked, and the result says so."""

import pytest

from streaming_code_generator.core.engine.generator import GenerationEngine, GenerationPolicy
from streaming_code_generator.core.engine.recovery import (
    MOST_FAILURES,
    MOST_OPEN_S,
    OPEN_S,
    CircuitBreaker,
    CircuitBreakers,
    Fallback,
)
from streaming_code_generator.core.messages import CompletionRequest, Delta
from streaming_code_generator.core.results import (
    GenerationEvent,
    GenerationFinished,
    GenerationResult,
)
from streaming_code_generator.errors import APIError, ErrorKind, StreamProcessError
from streaming_code_generator.testing.scripted import (
    Disconnect,
    Refuse,
    Script,
    ScriptedProvider,
    text_script,
)
from support.generations import request_for

POLICY = GenerationPolicy(max_retries=1, backoff_s=0, backoff_max_s=0)


def refusing(kind: ErrorKind, *, retryable: bool = True) -> Script:
    return [Refuse(error=APIError(f"{kind} refused", kind=kind, retryable=retryable))]


class Site:
    """A provider with fallbacks; what is known of endpoints is kept between generations."""

    def __init__(self, first: Script, **fallbacks: Script) -> None:
        self.first = ScriptedProvider(first, model="first", endpoint="first")
        self.others = {
            name: ScriptedProvider(script, model=name, endpoint=name)
            for name, script in fallbacks.items()
        }
        self.breakers = CircuitBreakers()

    async def events(self) -> list[GenerationEvent]:
        fallbacks = [
            Fallback(
                name=name,
                provider=provider,
                request=CompletionRequest(messages=(), temperature=0.5),
            )
            for name, provider in self.others.items()
        ]
        engine = GenerationEngine(self.first, POLICY, fallbacks=fallbacks, breakers=self.breakers)
        return [event async for event in engine.stream(request_for("x"))]

    async def result(self) -> GenerationResult:
        last = (await self.events())[-1]
        assert isinstance(last, GenerationFinished)
        return last.result


@pytest.mark.parametrize("kind", ["connection", "server", "rate_limit", "authentication"])
async def test_fallback_answers_and_is_named(kind: ErrorKind) -> None:
    site = Site(refusing(kind), spare=text_script("x = 1"))
    result = await site.result()

    assert (result.text, result.model, result.fallback) == ("x = 1", "spare", "spare")
    assert len(site.first.requests) == 2
    assert result.stats.attempts == 3
    assert result.warnings == (
        f"`first` was not used: {kind}",
        "answered by the fallback `spare`",
    )


async def test_fallback_is_asked_as_its_profile_says() -> None:
    site = Site(refusing("server"), spare=text_script("x = 1"))
    await site.result()

    (asked,), first = site.others["spare"].requests, site.first.requests[0]
    assert asked.messages == first.messages
    assert (first.temperature, asked.temperature) == (None, 0.5)


async def test_going_over_is_an_event_with_the_reason() -> None:
    site = Site(refusing("server", retryable=False), spare=text_script("x = 1"))
    kinds = [event.kind for event in await site.events()]
    assert kinds.count("retry") == 1


async def test_fallbacks_are_asked_in_order_until_one_answers() -> None:
    site = Site(refusing("server"), a=refusing("connection"), b=text_script("x"), c=[])
    result = await site.result()

    assert result.fallback == "b"
    assert [len(each.requests) for each in site.others.values()] == [2, 1, 0]


async def test_where_all_fail_the_error_names_what_was_asked_before() -> None:
    site = Site(refusing("server"), a=refusing("connection"))
    with pytest.raises(APIError, match="connection refused Before, `first` was not used: server"):
        await site.events()


@pytest.mark.parametrize("kind", ["bad_request", "context_length"])
async def test_what_is_wrong_with_a_request_is_wrong_everywhere(kind: ErrorKind) -> None:
    site = Site(refusing(kind, retryable=False), spare=text_script("x"))
    with pytest.raises(APIError, match=f"{kind} refused$"):
        await site.events()
    assert site.others["spare"].requests == []


async def test_after_text_was_shown_no_other_is_asked() -> None:
    site = Site([Delta(text="x ="), Disconnect()], spare=text_script("y"))
    with pytest.raises(StreamProcessError):
        await site.events()
    assert site.others["spare"].requests == []


async def test_endpoint_that_keeps_failing_is_not_asked_for_a_while() -> None:
    site = Site(refusing("server"), spare=text_script("x"))
    results = [await site.result() for _ in range(5)]

    # Two attempts for each generation, until five have failed.
    assert len(site.first.requests) == 6
    assert [result.stats.attempts for result in results] == [3, 3, 3, 1, 1]
    assert results[-1].fallback == "spare"
    assert "failed several times" in results[-1].warnings[0]


async def test_without_fallbacks_a_failing_endpoint_is_asked_all_the_same() -> None:
    site = Site(refusing("server"))
    for _ in range(4):
        with pytest.raises(APIError):
            await site.events()
    assert len(site.first.requests) == 8


async def test_where_all_keep_failing_the_first_is_asked() -> None:
    site = Site(refusing("server"), spare=refusing("server"))
    for _ in range(4):
        with pytest.raises(APIError):
            await site.events()
    assert len(site.first.requests) == 8


def failed(times: int) -> CircuitBreaker:
    breaker = CircuitBreaker()
    for _ in range(times):
        breaker.failed(now_s=0.0)
    return breaker


def test_breaker_opens_after_failures_in_a_row_and_closes_with_an_answer() -> None:
    assert not failed(MOST_FAILURES - 1).is_open(0.0)
    breaker = failed(MOST_FAILURES)
    assert breaker.is_open(OPEN_S - 0.1)
    breaker.succeeded()
    assert not breaker.is_open(0.0)
    breaker.failed(0.0)
    assert not breaker.is_open(0.0)


def test_one_caller_tries_an_open_breaker_once_its_time_is_over() -> None:
    breaker = failed(MOST_FAILURES)
    assert not breaker.is_open(OPEN_S)
    assert breaker.is_open(OPEN_S)
    # No outcome came: another one tries.
    assert not breaker.is_open(2 * OPEN_S)


def test_breaker_waits_longer_each_time_and_not_for_ever() -> None:
    breaker, now_s = failed(MOST_FAILURES), 0.0
    for wait_s in (OPEN_S, 2 * OPEN_S, 4 * OPEN_S, MOST_OPEN_S, MOST_OPEN_S):
        assert breaker.is_open(now_s + wait_s - 0.1)
        now_s += wait_s
        assert not breaker.is_open(now_s)
        breaker.failed(now_s)
