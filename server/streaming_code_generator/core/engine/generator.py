"""The engine: one request in, a stream of events out, with retries and deadlines in between.

The language server and the command line stream a request through an output filter; the library
hands out the events alone, with the parts of the whole response in the result.
"""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from concurrent.futures import Future
from contextlib import AsyncExitStack, aclosing, closing
from dataclasses import dataclass, replace

from streaming_code_generator.core.attempts import (
    AttemptMeter,
    RecordAttempt,
    TokenAccount,
    metered,
    unrecorded,
)
from streaming_code_generator.core.engine.continuation import RECOVERS, continued
from streaming_code_generator.core.engine.limits import (
    JITTER,
    Deadlines,
    GenerationPolicy,
    Phase,
    attempts,
    may_be_repeated,
)
from streaming_code_generator.core.engine.routes import (
    Admit,
    CircuitBreakers,
    Fallback,
    Routes,
    unlimited,
)
from streaming_code_generator.core.engine.run import GenerationRun, Wants
from streaming_code_generator.core.extract.filter import OutputFilter
from streaming_code_generator.core.extract.parts import CodeTarget, FilteredText, Part
from streaming_code_generator.core.masking import KeyMasking
from streaming_code_generator.core.messages import (
    BufferedDeltas,
    CompletionRequest,
    Delta,
    Message,
    Paced,
    Provider,
)
from streaming_code_generator.core.results import (
    Cost,
    EmptyChunkArrived,
    GenerationEvent,
    GenerationResult,
    TextArrived,
)
from streaming_code_generator.core.tokens import Tokenizers
from streaming_code_generator.errors import APIError, StreamingError, StreamProcessError
from streaming_code_generator.settings.declarations import Settings

__all__ = ["GenerationEngine", "GenerationPolicy"]

logger = logging.getLogger(__name__)

BUSY_S = 0.002
"""So long a stream that is faster than its reader keeps the event loop to itself."""

COST_WAIT_S = 2.0
"""Longest wait for what a generation has cost, at its end; then it is left open."""

_ChunkEvent = TextArrived | EmptyChunkArrived


class GenerationEngine:
    """Runs generations on one provider. It keeps no state of theirs: any number run at once."""

    def __init__(  # noqa: PLR0913 - each has a default
        self,
        provider: Provider,
        policy: GenerationPolicy | None = None,
        tokens: Tokenizers | None = None,
        record: RecordAttempt = unrecorded,
        *,
        fallbacks: Sequence[Fallback] = (),
        breakers: CircuitBreakers | None = None,
    ) -> None:
        """Run on a provider.

        Args:
            provider: What streams.
            policy: Deadlines, retries and chunk size.
            tokens: What counts where the provider does not.
            record: Called with each attempt when it has ended, however it ended.
            fallbacks: What is asked instead, in this order, where the provider fails before any
                text came; each has the retries of its own, and the time is that of all together.
            breakers: What is known of endpoints that fail, shared between engines.
        """
        self.provider = provider
        self._fallbacks = fallbacks
        self._breakers = breakers or CircuitBreakers()
        self._policy = policy or GenerationPolicy()
        self._tokens = tokens or Tokenizers()
        self._record = record

    async def stream(
        self,
        request: CompletionRequest,
        wants: Wants | None = None,
        *,
        every_chunk: bool = True,
        admit: Admit = unlimited,
    ) -> AsyncGenerator[GenerationEvent, None]:
        """Generate, yielding each event as it happens; `GenerationFinished` is the last.

        Iterate inside `async with aclosing(...)`: leaving the block closes the connection. However
        fast the stream is, other tasks run at least every `BUSY_S`.

        Args:
            request: What to ask for.
            wants: The output filter that the text goes through, looked at after each chunk: the
                connection is closed once it wants nothing more. The result's `code`, `explanation`
                and the reasoning in its text are left to it.
            every_chunk: Whether each chunk must come as an event of its own; else the text of
                those that arrived at once comes as one.
            admit: Waited for before each endpoint is asked, the first one and the fallbacks.

        Cancellation: at once, also while waiting for a retry; the connection is closed.

        Raises:
            ConfigurationError: Something must be set first.
            APIError: The request failed, after its retries.
            StreamProcessError: The stream broke, stalled or ended early.
        """
        routes = Routes(self.provider, self._fallbacks, self._breakers, admit)
        is_passed_over = routes.skip_unhealthy()
        # Before the clock starts: neither a queue nor what is loaded once is part of the figures.
        await routes.wait_for_room()
        await routes.provider.warm_up()
        account = TokenAccount(request.messages)
        run = GenerationRun(
            self.provider.description,
            self._policy.chunk_size,
            account,
            is_filtered=wants is not None,
            every_chunk=every_chunk,
            masking=KeyMasking(is_off=not self._policy.masks_keys),
        )
        try:
            if is_passed_over:
                run.fall_back(routes, "it has failed several times in a row")
            with closing(Deadlines(self._policy, routes.provider.description.endpoint)) as limits:
                async with aclosing(self._whole(request, run, limits, wants, routes)) as events:
                    async for event in events:
                        yield event
            if account.needs_count:
                model = routes.provider.description.model
                counted = await self._tokens.count(model, request.messages, run.response)
                if counted is not None:
                    account.take_count(counted)
            run.take_costs(await _known(run.costs))
            yield run.result()
        except StreamingError as error:
            raise final_error(error, run) from error.__cause__

    async def _whole(
        self,
        request: CompletionRequest,
        run: GenerationRun,
        deadlines: Deadlines,
        wants: Wants | None,
        routes: Routes,
    ) -> AsyncGenerator[GenerationEvent, None]:
        """Stream a response, and where it is cut off the rest of it, as the policy says."""
        asked, cut_off, interrupted = request, 0, 0
        while True:
            try:
                async with aclosing(self._routed(asked, run, deadlines, wants, routes)) as events:
                    async for event in events:
                        yield event
                if not run.is_cut_off or cut_off == self._policy.max_continuations:
                    return
                cut_off += 1
                run.go_on("went on at the token limit")
            except StreamingError as error:
                may_go_on = (
                    self._policy.continues_interrupted
                    and error.kind in RECOVERS
                    and run.has_new_text
                )
                is_late = deadlines.remaining_s <= 0 or interrupted == self._policy.max_retries
                if not may_go_on or is_late or not run.text.strip():
                    raise
                logger.info("interrupted, going on: %s", error.message)
                interrupted += 1
                run.go_on(f"went on after an interruption ({error.kind})")
                # Until the model has read it all again nothing comes: the user hears of it now.
                yield run.retry_event(error.message, 0.0)
            asked = continued(request, run.text)

    async def _routed(
        self,
        request: CompletionRequest,
        run: GenerationRun,
        deadlines: Deadlines,
        wants: Wants | None,
        routes: Routes,
    ) -> AsyncGenerator[GenerationEvent, None]:
        """Ask one provider after another until text comes."""
        while True:
            try:
                attempts = self._attempts(request, run, deadlines, wants, routes)
                async with aclosing(attempts) as events:
                    async for event in events:
                        yield event
            except StreamingError as error:
                is_late = run.has_new_text or deadlines.remaining_s <= 0
                if is_late or not routes.go_over(error):
                    raise
                logger.info("falling back: %s", error.message)
                run.fall_back(routes, error.kind)
                deadlines.endpoint = routes.provider.description.endpoint
                yield run.retry_event(error.message, 0.0)
                await deadlines.wait(routes.wait_for_room(), Phase.ROOM)
            else:
                return

    async def _attempts(
        self,
        request: CompletionRequest,
        run: GenerationRun,
        deadlines: Deadlines,
        wants: Wants | None,
        routes: Routes,
    ) -> AsyncGenerator[GenerationEvent, None]:
        failed: StreamingError | None = None
        # tenacity decides here whether there is another attempt, by the exception that the last one
        # left on its state. It does not wait: the wait is announced as an event and done below, so
        # that progress shows it and cancelling ends it.
        async for attempt in attempts(self._policy, deadlines):
            state = attempt.retry_state
            if failed is not None:
                logger.info("attempt=%d failed: %s", run.attempts, failed.message)
                yield run.retry_event(failed.message, state.upcoming_sleep)
                await asyncio.sleep(state.upcoming_sleep)
            pause_s = await self._pause_s(routes.provider, deadlines)
            if pause_s:
                endpoint = routes.provider.description.endpoint
                yield run.retry_event(f"The rate limit of `{endpoint}` is used up.", pause_s)
                await asyncio.sleep(pause_s)
            run.begin(AttemptMeter(routes.provider.description, "generate", request.messages))
            try:
                attempted = self._attempt(
                    run.masking.masked_request(routes.adapted(request)),
                    run,
                    deadlines,
                    wants,
                    routes.provider,
                )
                with metered(run.meter, lambda ended: run.costs.append(self._record(ended))):
                    async with aclosing(attempted) as events:
                        async for event in events:
                            yield event
            except StreamingError as error:
                routes.failed(error)
                if run.has_new_text:
                    raise
                run.begin_again()
                failed = error
                state.set_exception((type(error), error, error.__traceback__))
            else:
                routes.succeeded()
                return

    async def _pause_s(self, provider: Provider, deadlines: Deadlines) -> float:
        """Return the seconds to wait before an attempt, for other editors used up the limit."""
        if not isinstance(provider, Paced):
            return 0.0
        # Not all of those who wait must come back at once.
        pause_s = await provider.pause_s() * random.uniform(1, 1 + JITTER)  # noqa: S311 - spreads load
        # One who would have to wait for too long may as well hear it from the endpoint.
        longest_s = min(self._policy.retry_after_max_s, deadlines.remaining_s)
        return pause_s if pause_s < longest_s else 0.0

    async def _attempt(
        self,
        request: CompletionRequest,
        run: GenerationRun,
        deadlines: Deadlines,
        wants: Wants | None,
        provider: Provider,
    ) -> AsyncGenerator[_ChunkEvent, None]:
        deadlines.heard()
        async with AsyncExitStack() as stack:
            opening = stack.enter_async_context(provider.open(request))
            deltas = await deadlines.wait(opening, Phase.FIRST_TEXT)
            run.meter.accepted()
            buffered = deltas if isinstance(deltas, BufferedDeltas) else None
            loop = asyncio.get_running_loop()
            busy_until_s = loop.time() + BUSY_S
            while (delta := await _next_delta(deltas, run, deadlines)) is not None:
                received = [delta, *buffered.take_received()] if buffered else [delta]
                if any(each.says_something for each in received):
                    deadlines.heard()
                for event in run.add_all(received):
                    yield event
                    if loop.time() >= busy_until_s:
                        await asyncio.sleep(0)
                        busy_until_s = loop.time() + BUSY_S
                if wants is not None:
                    run.note(wants)
                    if wants.is_over:
                        break
        for event in run.finish():
            yield event


async def _next_delta(
    deltas: AsyncIterator[Delta], run: GenerationRun, deadlines: Deadlines
) -> Delta | None:
    """Return the next chunk, or None at the end: failures after a finish reason are an end."""
    try:
        return await deadlines.wait(deltas.__anext__(), run.phase)
    except StopAsyncIteration:
        return None
    except StreamingError as error:
        # Some servers drop the connection once they have said all; only usage is lost by that.
        if not run.has_finish_reason:
            if not (run.may_be_over and error.kind == "timeout"):
                raise
            run.end()
        logger.debug("after the finish reason: %s", error.message)
        return None


async def _known(costs: Sequence[Future[Cost | None]]) -> list[Cost]:
    """Return the costs that are known in time."""
    known, _ = await asyncio.wait(map(asyncio.wrap_future, costs), timeout=COST_WAIT_S)
    return [cost for each in known if (cost := each.result()) is not None]


def final_error(error: StreamingError, run: GenerationRun) -> StreamingError:
    """Return what the caller meets instead of a provider's or deadline's `error`."""
    if run.has_shown_text:
        text = run.text
        return StreamProcessError(
            f"{error.message} The {len(text)} characters that had arrived are kept.",
            kind=error.kind,
            attempts=run.attempts,
            partial_text=text,
        )
    message = error.message
    if run.fell_back:
        message += f" Before, {'; '.join(run.fell_back)}."
    if run.attempts != 1 or may_be_repeated(error):
        counted = "1 attempt" if run.attempts == 1 else f"{run.attempts} attempts"
        message = f"Gave up after {counted}: {message}"
        if isinstance(error, APIError) and error.retry_after_s:
            message += f" It asks to wait {error.retry_after_s:g} s."
    if isinstance(error, APIError):
        return APIError(
            message,
            kind=error.kind,
            status_code=error.status_code,
            retry_after_s=error.retry_after_s,
            attempts=run.attempts,
        )
    if isinstance(error, StreamProcessError):
        return StreamProcessError(message, kind=error.kind, attempts=run.attempts)
    return error


@dataclass(frozen=True, slots=True, kw_only=True)
class FilteredEvent:
    """An event, and what the output filter gives out when it arrives."""

    event: GenerationEvent
    texts: tuple[FilteredText, ...] = ()


async def filtered(
    engine: GenerationEngine,
    request: CompletionRequest,
    target: CodeTarget | None = None,
    *,
    every_chunk: bool = False,
    admit: Admit = unlimited,
) -> AsyncGenerator[FilteredEvent, None]:
    """Stream a generation through an output filter of its own.

    The last event brings the text that the filter had held back, and a result with the parts as
    they were filtered; the connection is closed as soon as the filter wants nothing more.

    Args:
        engine: What generates.
        request: What to generate.
        target: Where the code is going to stand; None is nowhere in particular.
        every_chunk: Whether each chunk must come as an event of its own.
        admit: Waited for before each endpoint is asked.

    Cancellation: at once; the connection is closed.

    Raises:
        StreamingError: As the engine does; held-back text is dropped then.
    """
    output = OutputFilter(target or CodeTarget())
    # What the filter gives out is given out for good: the parts of the result are just their sum,
    # but for code that is taken back as a whole at the end.
    parts: dict[Part, list[str]] = {"code": [], "explanation": [], "reasoning": []}
    stream = engine.stream(request, output, every_chunk=every_chunk, admit=admit)
    async with aclosing(stream) as events:
        async for event in events:
            texts: list[FilteredText] = []
            if event.kind == "text":
                feed = output.feed if event.part == "content" else output.feed_reasoning
                texts = feed(event.text)
            elif event.kind == "finished":
                texts = output.finish()
            for text in texts:
                parts[text.part].append(text.text)
            if event.kind == "finished":
                event = replace(event, result=_as_filtered(event.result, parts, output))  # noqa: PLW2901
            yield FilteredEvent(event=event, texts=tuple(texts))


def _as_filtered(
    result: GenerationResult, parts: dict[Part, list[str]], output: OutputFilter
) -> GenerationResult:
    code, dropped = output.settled("".join(parts["code"]))
    problem = output.problem
    warnings = result.warnings
    if problem is not None and problem not in warnings:
        warnings = (*warnings, problem)
    return replace(
        result,
        code=code,
        explanation="".join(parts["explanation"]),
        reasoning="".join(parts["reasoning"]) or result.reasoning,
        warnings=warnings,
        dropped=dict(dropped.items()),
    )


def completion_request(
    settings: Settings, messages: tuple[Message, ...], *, session_id: str = ""
) -> CompletionRequest:
    """Return a request for these messages, limited as the settings say."""
    return CompletionRequest(
        messages=messages,
        max_output_tokens=settings.max_output_tokens,
        temperature=settings.temperature,
        reasoning_effort=settings.reasoning_effort,
        session_id=session_id,
    )


def generation_policy(settings: Settings) -> GenerationPolicy:
    """Return the deadlines, retries and chunk size that are set."""
    return GenerationPolicy(
        timeout_s=settings.timeout_seconds,
        first_chunk_timeout_s=settings.first_chunk_timeout_seconds,
        stall_timeout_s=settings.stall_timeout_seconds,
        max_retries=settings.max_retries,
        continues_interrupted=settings.on_interrupt == "continue",
        max_continuations=settings.max_continuations,
        masks_keys=settings.mask_keys,
        chunk_size=settings.chunk_size,
    )
