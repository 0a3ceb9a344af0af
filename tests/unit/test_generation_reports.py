"""What users are told of generations: how far one is, and the totals of the session."""

import asyncio
import re

from streaming_code_generator.core.engine.generator import GenerationEngine, GenerationPolicy
from streaming_code_generator.core.engine.limits import ConcurrencyLimit
from streaming_code_generator.core.engine.recovery import Fallback
from streaming_code_generator.core.extract.parts import CodeTarget
from streaming_code_generator.core.messages import CompletionRequest, Delta, Message
from streaming_code_generator.editing.mirror import Point
from streaming_code_generator.errors import APIError
from streaming_code_generator.lsp.generations.generation import Completed, Generation
from streaming_code_generator.lsp.generations.job import Job
from streaming_code_generator.lsp.generations.registry import MOST_FINISHED, Generations
from streaming_code_generator.lsp.generations.reporter import LOADING_AFTER_S, progress_message
from streaming_code_generator.testing.scripted import (
    Disconnect,
    Refuse,
    Script,
    ScriptedProvider,
    WaitFor,
    text_script,
)


class Listener:
    """Notes when the first text arrives."""

    def __init__(self) -> None:
        self.text_came = asyncio.Event()

    def started(self, generation: Generation) -> None: ...
    def changed(self, generation: Generation) -> None: ...
    def moved(self, generation: Generation) -> None: ...
    def forgotten(self, generation: Generation) -> None: ...
    async def until_read(self) -> None: ...
    async def log_response(self, text: str) -> None: ...
    def chunk(self, _generation: Generation, _event: object, _texts: object) -> None:
        self.text_came.set()


def job() -> Job:
    request = CompletionRequest(messages=(Message(role="user", content="write it"),))
    return Job(
        uri="file:///a.py",
        language_id="python",
        start=Point(0, 0),
        end=Point(0, 0),
        code_target=CodeTarget(),
        request=request,
        partial_result_token=1,
    )


def registry() -> tuple[Generations, Listener]:
    listener = Listener()
    return Generations(ConcurrencyLimit(limit=4), listener), listener


def start(generations: Generations, script: Script) -> Generation:
    policy = GenerationPolicy(max_retries=0)
    return generations.start(job(), None, GenerationEngine(ScriptedProvider(script), policy))


async def test_generations_that_are_no_longer_remembered_still_count() -> None:
    generations, _ = registry()
    for _ in range(MOST_FINISHED + 5):
        await start(generations, text_script("a", "b")).done

    totals = generations.totals()

    assert len(generations.ended) <= MOST_FINISHED + 1
    assert totals["generations"] == totals["completed"] == MOST_FINISHED + 5
    assert totals["completionTokens"] == 2 * (MOST_FINISHED + 5)


async def test_model_that_has_sent_nothing_for_long_is_said_to_be_loading() -> None:
    generations, listener = registry()
    silent = WaitFor(event=asyncio.Event())
    generation = start(generations, [silent, Delta(text="a"), WaitFor(event=asyncio.Event())])
    while not generation.account.is_unanswered:  # noqa: ASYNC110 - a few turns of the loop
        await asyncio.sleep(0)
    at_once = progress_message(generation)
    generation.started_at_s -= LOADING_AFTER_S
    later = progress_message(generation)
    silent.event.set()
    await listener.text_came.wait()
    writing = progress_message(generation)
    generation.cancel()
    await generation.done

    assert at_once.startswith("Waiting for scripted (")
    assert later.startswith("Waiting for scripted, loading the model? (3.")
    assert "loading" not in writing


async def test_tokens_of_cancelled_and_failed_generations_were_spent_as_well() -> None:
    generations, listener = registry()
    failed = start(generations, [Delta(text="half of it"), Disconnect()])
    await failed.done
    listener.text_came.clear()
    cancelled = start(generations, [Delta(text="the other"), WaitFor(event=asyncio.Event())])
    await listener.text_came.wait()
    running = generations.totals()
    cancelled.cancel()
    await cancelled.done

    totals = generations.totals()

    assert (running["generations"], running["failed"], running["cancelled"]) == (2, 1, 0)
    assert (totals["failed"], totals["cancelled"], totals["completed"]) == (1, 1, 0)
    spent = [each.account.stats.total_tokens for each in (failed, cancelled)]
    assert min(spent) > 0
    assert totals["totalTokens"] == sum(spent)


async def test_wait_for_another_attempt_is_counted_down() -> None:
    generations, _ = registry()
    refusal = Refuse(error=APIError("The server is loading.", kind="server", retryable=True))
    policy = GenerationPolicy(backoff_s=20, backoff_max_s=20, max_retries=1)
    engine = GenerationEngine(ScriptedProvider([refusal], text_script("a")), policy)
    generation = generations.start(job(), None, engine)
    account = generation.account
    while account.asks_again_at_s is None:  # noqa: ASYNC110 - a few turns of the loop
        await asyncio.sleep(0)
    at_first = progress_message(generation)
    account.asks_again_at_s -= 10
    later = progress_message(generation)
    account.asks_again_at_s -= 20
    at_last = progress_message(generation)
    generation.cancel()
    await generation.done

    counted = re.compile(r"Asking again in (\d+) s, attempt 2 \(0\.\d s\): The server is loading\.")
    first, second = counted.fullmatch(at_first), counted.fullmatch(later)
    assert first is not None
    assert second is not None
    assert int(first[1]) - int(second[1]) in {10, 11}
    assert at_last.startswith("Asking again now, attempt 2")
    assert generation.state == "cancelled"


async def test_fallback_is_asked_only_once_there_is_room_at_its_own_endpoint() -> None:
    generations = Generations(ConcurrencyLimit(limit=1), Listener())
    silent = WaitFor(event=asyncio.Event())
    spare = ScriptedProvider(
        [silent, *text_script("x")], text_script("y"), model="spare", endpoint="spare"
    )
    refused = Refuse(error=APIError("it is down", kind="connection"))
    first = ScriptedProvider([refused], model="first", endpoint="first")
    request = CompletionRequest(messages=())
    fallback = Fallback(name="spare", provider=spare, request=request)
    engine = GenerationEngine(first, GenerationPolicy(max_retries=0), fallbacks=[fallback])

    holds = generations.start(job(), None, engine)
    waits = generations.start(job(), None, engine)
    while "free place" not in waits.account.waiting_for:  # noqa: ASYNC110 - a few turns of the loop
        await asyncio.sleep(0)
    # Both have left the first endpoint, and one of them is at the other.
    assert (len(first.requests), len(spare.requests), holds.state) == (2, 1, "running")
    assert progress_message(waits).startswith("Waiting for a free place at the model: number 1 (")

    silent.event.set()
    for generation in (holds, waits):
        assert isinstance(await generation.done, Completed)
    assert len(spare.requests) == 2
