"""The embedded model streams, tells how far it has read, and stops when it is told to."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from streaming_code_generator.core.messages import CompletionRequest, Delta
from streaming_code_generator.errors import APIError, ConfigurationError
from streaming_code_generator.providers.embedded.catalogue import Weights
from streaming_code_generator.providers.embedded.embedded_provider import (
    EmbeddedProvider,
)
from support.embedded import (
    LONG_PROMPT,
    ask,
    collect,
    embedded,
    needs_model,
    running_child,
    smallest_weights,
    wait_all_idle,
)

pytestmark = [needs_model, pytest.mark.asyncio(loop_scope="module")]

TOKENS = 2000
STOPS_WRITING_WITHIN_S = 15.0
"""To write all tokens takes twice as long, even where nothing else is done."""
STOPS_READING_WITHIN_S = 30.0
"""It reads hundreds of tokens at a time, for seconds on a busy machine; then it would write."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def provider() -> AsyncIterator[EmbeddedProvider]:
    async with embedded() as provider:
        yield provider


async def test_text_arrives_in_many_chunks_with_the_models_name_and_usage(
    provider: EmbeddedProvider,
) -> None:
    deltas = await collect(provider, ask(tokens=16))
    assert sum(not delta.is_empty for delta in deltas) > 8
    assert {delta.model for delta in deltas} == {"smollm2-135m-instruct"}
    [usage] = [delta.usage for delta in deltas if delta.usage]
    assert usage.completion_tokens == 16
    assert [delta.finish_reason for delta in deltas if delta.finish_reason] == ["length"]


@pytest.mark.slow
async def test_reading_of_the_prompt_is_reported_up_to_its_end(provider: EmbeddedProvider) -> None:
    deltas = await collect(provider, ask("one two three " * 80, tokens=1))
    steps = [delta.prompt_progress for delta in deltas if delta.prompt_progress]
    read = [step.processed for step in steps]
    assert len(steps) > 2
    assert read == sorted(read)
    assert read[-1] == steps[-1].total > 240


async def cancel_at_first(
    provider: EmbeddedProvider, request: CompletionRequest, what: str
) -> None:
    """Cancel a generation as soon as a delta of that kind came."""
    came = asyncio.Event()

    async def generate() -> None:
        async with provider.open(request) as deltas:
            async for delta in deltas:
                if is_kind(delta, what):
                    came.set()

    task = asyncio.create_task(generate())
    async with asyncio.timeout(120):
        await came.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def is_kind(delta: Delta, what: str) -> bool:
    if what == "text":
        return bool(delta.text)
    progress = delta.prompt_progress
    return progress is not None and 0 < progress.processed < progress.total


@pytest.mark.parametrize(
    ("prompt", "what", "within_s"),
    [
        pytest.param("Count to one hundred.", "text", STOPS_WRITING_WITHIN_S, id="while it writes"),
        pytest.param(LONG_PROMPT, "progress", STOPS_READING_WITHIN_S, id="while it reads"),
    ],
)
async def test_cancel_frees_the_model_at_once(
    provider: EmbeddedProvider, prompt: str, what: str, within_s: float
) -> None:
    await cancel_at_first(provider, ask(prompt, tokens=TOKENS), what)
    await wait_all_idle(running_child(provider), within_s=within_s)


async def test_leaving_the_context_early_frees_the_model_too(provider: EmbeddedProvider) -> None:
    async with provider.open(ask(tokens=TOKENS)) as deltas:
        async for delta in deltas:
            if delta.text:
                break
    await wait_all_idle(running_child(provider), within_s=STOPS_WRITING_WITHIN_S)


async def test_prompt_beyond_the_context_is_refused_with_advice(provider: EmbeddedProvider) -> None:
    with pytest.raises(APIError) as caught:
        await collect(provider, ask("word " * 6000))
    assert caught.value.kind == "context_length"
    assert not caught.value.retryable


def damaged_header(whole: bytes) -> bytes:
    return whole[:4] + b"\0" * 1000


def first_half(whole: bytes) -> bytes:
    return whole[: len(whole) // 2]


@pytest.mark.parametrize(
    ("damage", "cause"),
    [
        pytest.param(damaged_header, "bad GGUF version", id="header"),
        pytest.param(first_half, "corrupted or incomplete", id="cut off"),
    ],
)
async def test_file_that_cannot_be_loaded_is_named_with_the_cause(
    tmp_path: Path, damage: Callable[[bytes], bytes], cause: str
) -> None:
    path = tmp_path / "bad.gguf"
    path.write_bytes(damage(smallest_weights().path.read_bytes()))
    async with embedded(Weights(model_id="bad", path=path)) as provider:
        with pytest.raises(ConfigurationError, match=cause) as caught:
            await collect(provider, ask())
    assert str(path) in caught.value.message
    assert "`modelPath`" in caught.value.message
