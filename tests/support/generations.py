"""Running generations in tests, with a deadline on everything."""

import asyncio
from contextlib import aclosing

from streaming_code_generator.core.engine.generator import GenerationEngine, GenerationPolicy
from streaming_code_generator.core.messages import CompletionRequest, Message, Provider
from streaming_code_generator.core.results import (
    GenerationEvent,
    GenerationFinished,
    GenerationResult,
    TextArrived,
)

DEADLINE_S = 20.0
"""Longest time a test waits for what must happen."""

QUICK = GenerationPolicy(backoff_s=0.001, backoff_max_s=0.001)
"""The usual policy, whose retries follow at once."""


def request_for(prompt: str = "write it") -> CompletionRequest:
    return CompletionRequest(messages=(Message(role="user", content=prompt),))


async def events_of(
    provider: Provider, policy: GenerationPolicy = QUICK, prompt: str = "write it"
) -> list[GenerationEvent]:
    engine = GenerationEngine(provider, policy)
    async with asyncio.timeout(DEADLINE_S), aclosing(engine.stream(request_for(prompt))) as events:
        return [event async for event in events]


async def result_of(
    provider: Provider, policy: GenerationPolicy = QUICK, prompt: str = "write it"
) -> GenerationResult:
    *_, last = await events_of(provider, policy, prompt)
    assert isinstance(last, GenerationFinished)
    return last.result


def texts(events: list[GenerationEvent]) -> list[str]:
    return [event.text for event in events if isinstance(event, TextArrived)]
