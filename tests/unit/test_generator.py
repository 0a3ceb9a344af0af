"""The engine: every chunk counted, every deadline kept, every end told as what it is."""

import asyncio
import time
from contextlib import aclosing

import pytest

from streaming_code_generator.core.engine.generator import (
    FilteredEvent,
    GenerationEngine,
    GenerationPolicy,
    filtered,
)
from streaming_code_generator.core.extract.parts import CodeTarget
from streaming_code_generator.core.messages import Delta, PromptProgress, Usage
from streaming_code_generator.core.results import (
    EmptyChunkArrived,
    GenerationFinished,
    GenerationResult,
    StreamStats,
    StreamStatus,
    TextArrived,
)
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
    WaitFor,
    text_script,
)
from support.generations import DEADLINE_S, QUICK, events_of, request_for, result_of, texts

STOP = Delta(finish_reason="stop")


def never() -> WaitFor:
    return WaitFor(event=asyncio.Event())


async def failure_of(script: Script, policy: GenerationPolicy) -> StreamingError:
    provider = ScriptedProvider(script)
    with pytest.raises((APIError, StreamProcessError)) as caught:
        await events_of(provider, policy)
    assert provider.open_streams == 0
    return caught.value


async def test_text_arrives_in_order_and_the_result_ends_it() -> None:
    events = await events_of(ScriptedProvider(text_script("```py\nx = 1\n```\n", "Sets x.")))
    assert texts(events) == ["```py\nx = 1\n```\n", "Sets x."]
    last = events[-1]
    assert isinstance(last, GenerationFinished)
    assert last.result.text == "```py\nx = 1\n```\nSets x."
    assert last.result.code.strip() == "x = 1"
    assert last.result.explanation.strip() == "Sets x."
    assert last.result["text"] == last.result.text
    assert last.stats.status is StreamStatus.COMPLETED
    assert last.result.is_complete
    assert last.result.warnings == ()


async def test_every_chunk_is_counted_and_empty_ones_apart() -> None:
    provider = ScriptedProvider(text_script("a", "b", "c"))
    stats = (await result_of(provider)).stats
    assert (stats.chunks_processed, stats.empty_chunks) == (6, 3)


async def test_only_chunks_with_text_add_completion_tokens() -> None:
    script = [Delta(), Delta(text="one two"), Delta(), Delta(), STOP]
    events = await events_of(ScriptedProvider(script, model="gpt-4o"))
    counts = [event.stats.completion_tokens for event in events]
    assert counts[0] == 0
    assert len(set(counts[1:])) == 1


async def test_usage_of_an_attempt_that_failed_without_text_counts_too() -> None:
    def used(prompt: int, completion: int) -> Usage:
        return Usage(
            prompt_tokens=prompt,
            completion_tokens=completion,
            total_tokens=prompt + completion,
            reasoning_tokens=completion - 1,
        )

    failure = APIError("oops", kind="server", retryable=True)
    failing: Script = [Delta(usage=used(100, 50)), Refuse(error=failure)]
    provider = ScriptedProvider(failing, [Delta(text="a b"), STOP, Delta(usage=used(7, 2))])

    stats = (await result_of(provider, QUICK)).stats

    assert (stats.prompt_tokens, stats.completion_tokens, stats.total_tokens) == (107, 52, 159)
    assert (stats.reasoning_tokens, stats.token_source) == (50, "provider")


async def test_provider_usage_is_the_final_count() -> None:
    used = Usage(prompt_tokens=40, completion_tokens=2, total_tokens=42)
    script = [Delta(text="a b"), STOP, Delta(usage=used)]
    stats = (await result_of(ScriptedProvider(script))).stats
    assert (stats.prompt_tokens, stats.completion_tokens, stats.total_tokens) == (40, 2, 42)
    assert {stats.token_source} == {"provider"}


async def test_times_only_grow() -> None:
    events = await events_of(ScriptedProvider(text_script("a", "b", "c")))
    elapsed = [event.stats.elapsed for event in events]
    assert elapsed == sorted(elapsed)
    first = events[1].stats.time_to_first_chunk
    assert events[0].stats.time_to_first_chunk is None
    assert {event.stats.time_to_first_chunk for event in events[1:]} == {first}


async def test_a_long_delta_is_one_chunk_and_several_events() -> None:
    script = [Delta(text="abcdefgh", finish_reason="stop")]
    policy = GenerationPolicy(chunk_size=3)
    events = await events_of(ScriptedProvider(script), policy)
    assert texts(events) == ["abc", "def", "gh"]
    assert events[-1].stats.chunks_processed == 1


async def test_half_a_character_at_the_end_is_handed_on_replaced() -> None:
    result = await result_of(ScriptedProvider([Delta(text="a\ud83d"), STOP]))
    assert result.text == "a\ufffd"


async def test_reasoning_is_its_own_part_and_not_in_the_text() -> None:
    script = [Delta(reasoning="hm "), Delta(reasoning="so", text="x = 1"), STOP]
    events = await events_of(ScriptedProvider(script))
    parts = [(event.part, event.text) for event in events if isinstance(event, TextArrived)]
    assert parts == [("reasoning", "hm "), ("reasoning", "so"), ("content", "x = 1")]
    last = events[-1]
    assert isinstance(last, GenerationFinished)
    assert (last.result.text, last.result.reasoning) == ("x = 1", "hm so")


async def test_prompt_progress_is_passed_on() -> None:
    progress = PromptProgress(processed=3, total=9)
    events = await events_of(ScriptedProvider([Delta(prompt_progress=progress), *text_script("a")]))
    assert isinstance(events[0], EmptyChunkArrived)
    assert events[0].prompt_progress == progress


async def test_the_model_that_answered_is_named() -> None:
    script = [Delta(text="a", model="real-model-2"), STOP]
    result = await result_of(ScriptedProvider(script, model="alias", reason="a test asks"))
    assert result.model == "real-model-2"
    assert result.provider == "scripted: a test asks"


@pytest.mark.parametrize(
    ("reason", "warning"),
    [
        ("length", "incomplete: the response was cut off at the token limit"),
        ("content_filter", "incomplete: the provider's content filter"),
        ("tool_calls", "the response ended with `tool_calls`"),
    ],
)
async def test_an_incomplete_response_says_so(reason: str, warning: str) -> None:
    result = await result_of(ScriptedProvider(text_script("a", finish_reason=reason)))
    assert result.finish_reason == reason
    assert result.warnings[0].startswith(warning)
    assert not result.is_complete


async def test_a_response_without_text_says_so() -> None:
    result = await result_of(ScriptedProvider(text_script()))
    assert result.warnings == ("the model answered with no text (it ended with `stop`)",)


async def test_an_end_without_finish_reason_is_an_error_that_keeps_the_text() -> None:
    error = await failure_of([Delta(text="half")], QUICK)
    assert "ended early" in error.message
    assert error.partial_text == "half"


async def test_a_stream_without_chunks_is_an_error() -> None:
    error = await failure_of([], GenerationPolicy(max_retries=0))
    assert isinstance(error, StreamProcessError)
    assert "held nothing at all" in error.message


@pytest.mark.parametrize("after", [[Disconnect()], [never()]], ids=["dropped", "silent"])
async def test_what_goes_wrong_after_the_finish_reason_spoils_nothing(after: Script) -> None:
    provider = ScriptedProvider([Delta(text="all of it"), STOP, *after])
    result = await result_of(provider, GenerationPolicy(finish_timeout_s=0.01))
    assert result.text == "all of it"


# --- deadlines ------------------------------------------------------------------------------


async def test_silence_before_the_first_text_has_its_own_deadline() -> None:
    policy = GenerationPolicy(first_chunk_timeout_s=0.01, max_retries=0)
    error = await failure_of([never()], policy)
    assert isinstance(error, APIError)
    assert error.kind == "timeout"
    assert "sent nothing for 0.01 s" in error.message


async def test_prompt_progress_breaks_the_silence_before_the_first_text() -> None:
    policy = GenerationPolicy(first_chunk_timeout_s=1.0, max_retries=0)
    events: list[object] = []
    gates = [asyncio.Event() for _ in range(3)]
    loop = asyncio.get_running_loop()
    for n, gate in enumerate(gates):
        loop.call_later(0.4 * (n + 1), gate.set)
    progress = [Delta(prompt_progress=PromptProgress(processed=n, total=3)) for n in range(3)]
    waits = [WaitFor(event=gate) for gate in gates]
    script = [step for pair in zip(waits, progress, strict=True) for step in pair]
    events += await events_of(ScriptedProvider([*script, Delta(text="a"), STOP]), policy)
    assert isinstance(events[-1], GenerationFinished)


@pytest.mark.parametrize(
    ("before", "message"),
    [([], "sent nothing for 0.05 s"), ([Delta(text="half")], "no chunk for 0.05 s")],
    ids=["before the first text", "between chunks"],
)
async def test_empty_chunks_do_not_break_the_silence(before: list[Delta], message: str) -> None:
    policy = GenerationPolicy(first_chunk_timeout_s=0.05, stall_timeout_s=0.05, max_retries=0)
    gates = [asyncio.Event() for _ in range(100)]
    for n, gate in enumerate(gates):
        asyncio.get_running_loop().call_later(0.02 * (n + 1), gate.set)
    empty = [step for gate in gates for step in (WaitFor(event=gate), Delta())]
    error = await failure_of([*before, *empty], policy)
    assert message in error.message


async def test_a_model_that_is_still_loading_is_not_made_to_begin_again() -> None:
    provider = ScriptedProvider([never()])
    policy = GenerationPolicy(first_chunk_timeout_s=0.01, max_retries=3, backoff_s=0)
    with pytest.raises(APIError, match="firstChunkTimeoutSeconds") as caught:
        await events_of(provider, policy)
    assert caught.value.attempts == len(provider.requests) == 1


async def test_what_is_loaded_before_the_request_is_no_part_of_the_figures() -> None:
    ready_at = []

    class Unready(ScriptedProvider):
        async def warm_up(self) -> None:
            ready_at.append(time.time())

    stats = (await result_of(Unready(text_script("a")))).stats
    assert stats.start_time >= ready_at[0]


@pytest.mark.parametrize(
    ("chunks", "first_s", "expected"),
    [
        pytest.param(1, 1.9999, 50, id="one chunk"),
        pytest.param(9, 1.9999, 50, id="all in one burst"),
        pytest.param(9, 1, 100, id="streamed"),
        pytest.param(0, None, 0, id="no text"),
    ],
)
def test_speed_is_that_of_the_model(chunks: int, first_s: float | None, expected: float) -> None:
    stats = StreamStats(
        elapsed=2, time_to_first_chunk=first_s, chunks_processed=chunks, completion_tokens=100
    )
    assert stats.tokens_per_second == expected


async def test_silence_between_chunks_has_its_own_deadline() -> None:
    policy = GenerationPolicy(stall_timeout_s=0.01)
    error = await failure_of([Delta(text="half"), never()], policy)
    assert isinstance(error, StreamProcessError)
    assert "stalled: no chunk for 0.01 s" in error.message
    assert (error.kind, error.partial_text) == ("timeout", "half")


@pytest.mark.parametrize("before", [[], [Delta(text="half")]], ids=["no text", "text"])
async def test_the_whole_generation_has_a_deadline(before: list[Delta]) -> None:
    error = await failure_of([*before, never()], GenerationPolicy(timeout_s=0.01))
    assert "had not finished after 0.01 s" in error.message
    assert error.kind == "timeout"
    assert error.attempts == 1


async def test_a_slow_consumer_is_no_stall() -> None:
    policy = GenerationPolicy(stall_timeout_s=0.01)
    engine = GenerationEngine(ScriptedProvider(text_script("a", "b")), policy)
    pause = asyncio.Event()
    arrived: list[object] = []
    async with aclosing(engine.stream(request_for())) as events:
        async for event in events:
            arrived.append(event)
            asyncio.get_running_loop().call_later(0.02, pause.set)
            await pause.wait()
            pause.clear()
    assert isinstance(arrived[-1], GenerationFinished)


@pytest.mark.parametrize(
    "setting", ["timeout_s", "first_chunk_timeout_s", "stall_timeout_s", "chunk_size"]
)
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_a_policy_that_cannot_be_kept_is_refused(setting: str, value: float) -> None:
    with pytest.raises(ConfigurationError, match=setting):
        GenerationPolicy(**{setting: value})  # type: ignore[arg-type]  # each takes a number


def test_a_negative_number_of_retries_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="max_retries"):
        GenerationPolicy(max_retries=-1)


# --- leaving early --------------------------------------------------------------------------


async def test_cancelling_closes_the_stream_and_is_not_swallowed() -> None:
    provider = ScriptedProvider([Delta(text="a"), never()])
    arrived = asyncio.Event()

    async def generate() -> None:
        async with aclosing(GenerationEngine(provider, QUICK).stream(request_for())) as events:
            async for _ in events:
                arrived.set()

    task = asyncio.create_task(generate())
    await asyncio.wait_for(arrived.wait(), DEADLINE_S)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, DEADLINE_S)
    assert provider.open_streams == 0


async def test_leaving_early_closes_the_stream() -> None:
    provider = ScriptedProvider(text_script("a", "b"))
    engine = GenerationEngine(provider, QUICK)
    async with asyncio.timeout(DEADLINE_S), aclosing(engine.stream(request_for())) as events:
        async for event in events:
            if isinstance(event, TextArrived):
                break
        assert provider.open_streams == 1
    assert provider.open_streams == 0
    assert len(provider.requests) == 1


async def events_filtered(script: Script, target: CodeTarget) -> list[FilteredEvent]:
    provider = ScriptedProvider(script)
    policy = GenerationPolicy(finish_timeout_s=0.05)
    engine = GenerationEngine(provider, policy)
    async with asyncio.timeout(DEADLINE_S):
        async with aclosing(filtered(engine, request_for("write it"), target)) as events:
            seen = [event async for event in events]
    assert provider.open_streams == 0
    return seen


def result_in(events: list[FilteredEvent]) -> GenerationResult:
    last = events[-1].event
    assert isinstance(last, GenerationFinished)
    return last.result


ALONE = CodeTarget(language_id="python", ends_with_code=True)
BLOCK = Delta(text="```python\nx = 1\n```\n")


async def test_a_remark_behind_the_code_closes_the_connection_where_nobody_reads_it() -> None:
    result = result_in(await events_filtered([BLOCK, Delta(text="This sets x"), never()], ALONE))
    assert result.code == "x = 1"
    assert result.is_complete


async def test_silence_behind_the_code_is_the_end_where_nobody_reads_more() -> None:
    result = result_in(await events_filtered([BLOCK, never()], ALONE))
    assert result.code == "x = 1"
    assert result.is_complete


async def test_a_further_part_behind_the_code_is_waited_for() -> None:
    more = Delta(text="\nAnd the other:\n```python\ny = 2\n```\n")
    result = result_in(await events_filtered([BLOCK, more, never()], ALONE))
    assert result.code == "x = 1\n\ny = 2"


async def test_explanation_that_is_wanted_is_read_to_its_end() -> None:
    script = [BLOCK, Delta(text="This sets x to one."), STOP]
    result = result_in(await events_filtered(script, CodeTarget(language_id="python")))
    assert result.explanation == "This sets x to one."


async def test_a_loop_ends_the_generation_as_incomplete() -> None:
    script = [Delta(text="x = compute_again(x)\n")] * 500 + [never()]
    result = result_in(await events_filtered(script, CodeTarget(language_id="python")))
    assert not result.is_complete
    assert "incomplete" in result.warnings[0]
    assert len(result.text) < 2_000
