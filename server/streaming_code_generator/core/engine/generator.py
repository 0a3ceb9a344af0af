"""The engine: one request in, a stream of events out, with retries and deadlines in between.

The language server and the command line stream a request through an output filter; the library
hands out the events alone, with the parts of the whole response in the result.
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from functools import partial

from streaming_code_generator.core.attempts import (
    AttemptMeter,
    RecordAttempt,
    metered,
    unrecorded,
)
from streaming_code_generator.core.engine.limits import (
    JITTER,
    Deadlines,
    GenerationPolicy,
    Phase,
    attempts,
    may_be_repeated,
)
from streaming_code_generator.core.engine.recovery import (
    RECOVERS,
    Admit,
    CircuitBreakers,
    Fallback,
    Routes,
    continued,
    unlimited,
)
from streaming_code_generator.core.engine.run import LONG_CHARACTERS, GenerationRun, Piece, Wants
from streaming_code_generator.core.extract.filter import OutputFilter, extract
from streaming_code_generator.core.extract.parts import CodeTarget, FilteredText, Part
from streaming_code_generator.core.messages import (
    BufferedDeltas,
    CompletionRequest,
    Delta,
    Paced,
    Provider,
)
from streaming_code_generator.core.results import (
    EmptyChunkArrived,
    GenerationEvent,
    GenerationFinished,
    GenerationResult,
    RetryScheduled,
    StreamStats,
    TextArrived,
)
from streaming_code_generator.core.tokens import Tokenizers
from streaming_code_generator.errors import APIError, StreamingError, StreamProcessError
from streaming_code_generator.settings.declarations import Settings

__all__ = ["GenerationEngine", "GenerationPolicy"]

logger = logging.getLogger(__name__)

BUSY_S = 0.001
"""So much processor time passes at most before a stream gives the event loop a turn."""

COST_WAIT_S = 2.0
"""Longest wait for what a generation has cost, at its end; then it is left open."""


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

    async def stream(self, request: CompletionRequest) -> AsyncGenerator[GenerationEvent, None]:
        """Generate, yielding each event as it happens; `GenerationFinished` is the last.

        Iterate inside `async with aclosing(...)`: leaving the block closes the connection. However
        fast the stream is, other tasks run at least every `BUSY_S`.

        Cancellation: at once, also while waiting for a retry; the connection is closed.

        Raises:
            ConfigurationError: Something must be set first.
            APIError: The request failed, after its retries.
            StreamProcessError: The stream broke, stalled or ended early.
        """
        run = self.new_run()
        async with aclosing(self.pieces(request, run)) as pieces:
            async for piece in pieces:
                match piece.kind:
                    case "text":
                        yield TextArrived(text=piece.text, part=piece.part, stats=run.stats())
                    case "empty":
                        progress = piece.prompt_progress
                        yield EmptyChunkArrived(stats=run.stats(), prompt_progress=progress)
                    case _:
                        yield piece

    def new_run(self) -> GenerationRun:
        """Return the account of a new generation."""
        return GenerationRun(self._policy)

    async def pieces(
        self,
        request: CompletionRequest,
        run: GenerationRun,
        wants: Wants | None = None,
        *,
        every_chunk: bool = True,
        admit: Admit = unlimited,
    ) -> AsyncGenerator[Piece | RetryScheduled | GenerationFinished, None]:
        """Generate as `stream` does, with the figures left in `run` until they are looked at.

        Args:
            request: What to ask for.
            run: The account of this generation.
            wants: The output filter that the text goes through, looked at after each chunk: the
                connection is closed once it wants nothing more.
            every_chunk: Whether each chunk must come as a piece of its own; else the text of those
                that arrived at once comes as one.
            admit: Waited for before each endpoint is asked, the first one and the fallbacks.
        """
        routes = Routes(self.provider, self._fallbacks, self._breakers, admit)
        is_passed_over = routes.skip_unhealthy()
        # Before the clock starts: neither a queue nor what is loaded once is part of the figures.
        await routes.wait_for_room()
        await routes.provider.warm_up()
        run.start(self.provider.description, request.messages)
        asked, cut_off, interrupted = request, 0, 0
        try:
            if is_passed_over:
                run.fall_back(routes, "it has failed several times in a row")
            with closing(Deadlines(self._policy, routes.provider.description.endpoint)) as limits:
                work = _Work(run, limits, wants, routes, every_chunk)
                while True:
                    try:
                        async with aclosing(self._attempts(asked, work)) as pieces:
                            async for piece in pieces:
                                yield piece
                        if not run.is_cut_off or cut_off == self._policy.max_continuations:
                            break
                        cut_off += 1
                        run.go_on("went on at the token limit")
                    except StreamingError as error:
                        if not run.has_new_text:
                            # Another provider may answer, as long as no text has come.
                            if limits.remaining_s <= 0 or not routes.go_over(error):
                                raise
                            logger.info("falling back: %s", error.message)
                            run.fall_back(routes, error.kind)
                            limits.endpoint = routes.provider.description.endpoint
                            yield run.retry_event(error.message, 0.0)
                            await limits.wait(routes.wait_for_room(), Phase.ROOM)
                            continue
                        may_go_on = (
                            self._policy.continues_interrupted
                            and error.kind in RECOVERS
                            and interrupted < self._policy.max_retries
                            and limits.remaining_s > 0
                        )
                        if not may_go_on or not run.text.strip():
                            raise
                        logger.info("interrupted, going on: %s", error.message)
                        interrupted += 1
                        run.go_on(f"went on after an interruption ({error.kind})")
                        # Until the model has read it all again nothing comes: the user hears of it.
                        yield run.retry_event(error.message, 0.0)
                    asked = continued(request, run.text)
            await self._settle(request, run, routes)
            # A filter finds the parts of the text by itself.
            yield run.result(extract("" if wants is not None else run.text))
        except StreamingError as error:
            raise final_error(error, run) from error.__cause__

    async def _attempts(  # noqa: C901 - with what is waited for between them
        self, request: CompletionRequest, work: "_Work"
    ) -> AsyncGenerator[Piece | RetryScheduled, None]:
        """Send a request to the provider whose turn it is, again where that fails before text."""
        run, deadlines, routes = work.run, work.deadlines, work.routes
        provider, loop = routes.provider, asyncio.get_running_loop()
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
            pause_s = await self._pause_s(provider, deadlines)
            if pause_s:
                endpoint = provider.description.endpoint
                yield run.retry_event(f"The rate limit of `{endpoint}` is used up.", pause_s)
                await asyncio.sleep(pause_s)
            shown = run.masking.masked_request(routes.adapted(request))
            run.begin(AttemptMeter(provider.description, "generate", request.messages))
            deadlines.heard()
            try:
                with metered(run.meter, lambda ended: run.costs.append(self._record(ended))):
                    async with _opened(provider, shown, work) as next_pieces:
                        looked_s, worked_s = loop.time(), time.thread_time()
                        while pieces := await next_pieces():
                            for piece in pieces:
                                yield piece
                                passed_s = loop.time() - looked_s
                                if passed_s < BUSY_S:
                                    continue
                                # A slow stream waits more than it works: other tasks run then.
                                if time.thread_time() - worked_s > passed_s / 4:
                                    await asyncio.sleep(0)
                                looked_s, worked_s = loop.time(), time.thread_time()
                    for piece in run.finish():
                        yield piece
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

    async def _settle(self, request: CompletionRequest, run: GenerationRun, routes: Routes) -> None:
        """Count the tokens that were not reported, and wait for what the attempts cost."""
        if run.needs_count:
            model = routes.provider.description.model
            counted = await self._tokens.count(model, request.messages, run.response)
            if counted is not None:
                run.take_count(counted)
        known, _ = await asyncio.wait(map(asyncio.wrap_future, run.costs), timeout=COST_WAIT_S)
        run.take_costs([cost for each in known if (cost := each.result()) is not None])


@dataclass(frozen=True, slots=True)
class _Work:
    """What all attempts of one generation have in common."""

    run: GenerationRun
    deadlines: Deadlines
    wants: Wants | None
    routes: Routes
    every_chunk: bool


@asynccontextmanager
async def _opened(
    provider: Provider, request: CompletionRequest, work: _Work
) -> AsyncIterator[Callable[[], Awaitable[Iterable[Piece]]]]:
    """Send a request and yield what returns the next pieces of its response."""
    async with AsyncExitStack() as stack:
        opening = stack.enter_async_context(provider.open(request))
        deltas = await work.deadlines.wait(opening, Phase.FIRST_TEXT)
        work.run.meter.accepted()
        take_received: Callable[[], Sequence[Delta]] = tuple
        if isinstance(deltas, BufferedDeltas) and not work.every_chunk:
            take_received = deltas.take_received
        yield partial(_next_pieces, deltas, take_received, work)


async def _next_pieces(
    deltas: AsyncIterator[Delta], take_received: Callable[[], Sequence[Delta]], work: _Work
) -> Iterable[Piece]:
    """Return what the next chunks bring, or nothing at the end of what is wanted."""
    run = work.run
    if work.wants is not None and run.is_enough(work.wants):
        return []
    try:
        delta = await work.deadlines.wait(deltas.__anext__(), run.phase)
    except StopAsyncIteration:
        return []
    except StreamingError as error:
        # Some servers drop the connection once they have said all; only usage is lost by that.
        if not run.has_finish_reason:
            if not (run.may_be_over and error.kind == "timeout"):
                raise
            run.end()
        logger.debug("after the finish reason: %s", error.message)
        return []
    received = take_received()
    pieces: Iterable[Piece] = run.add_all([delta, *received]) if received else run.add(delta)
    if run.says_something:
        work.deadlines.heard()
    return pieces


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


@dataclass(slots=True, kw_only=True)
class Response:
    """What has come of a generation so far, as it grows."""

    text: list[str] = field(default_factory=list)
    """The response's pieces, as they came."""
    code: list[str] = field(default_factory=list)
    explanation: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    figures: Callable[[], StreamStats] = StreamStats
    """Returns the figures as they are then."""


@dataclass(frozen=True, slots=True)
class FilteredEvent:
    """An event, and what the output filter gives out when it arrives."""

    event: Piece | RetryScheduled | GenerationFinished
    texts: Sequence[FilteredText] = ()


async def filtered(  # noqa: PLR0913 - each has a default
    engine: GenerationEngine,
    request: CompletionRequest,
    target: CodeTarget | None = None,
    response: Response | None = None,
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
        response: What each event is added to, before it is handed on.
        every_chunk: Whether each chunk must come as an event of its own.
        admit: Waited for before each endpoint is asked.

    Cancellation: at once; the connection is closed.

    Raises:
        StreamingError: As the engine does; held-back text is dropped then.
    """
    output = OutputFilter(target or CodeTarget())
    run = engine.new_run()
    response = response or Response()
    response.text = run.content
    # What the filter gives out is given out for good: the parts of the result are just their sum,
    # but for code that is taken back as a whole at the end.
    parts: dict[Part, list[str]] = {
        "code": response.code,
        "explanation": response.explanation,
        "reasoning": response.reasoning,
    }
    stream = engine.pieces(request, run, output, every_chunk=every_chunk, admit=admit)
    async with aclosing(stream) as events:
        async for event in events:
            response.figures = run.stats
            texts: list[FilteredText] = []
            if event.kind == "text":
                feed = output.feed if event.part == "content" else output.feed_reasoning
                texts = feed(event.text)
            elif event.kind == "finished":
                texts = output.finish()
            for text in texts:
                parts[text.part].append(text.text)
            if event.kind == "finished":
                # The text has just been joined, the code is next, and then what the filter held is
                # freed: milliseconds each, of 4 MB.
                is_long = len(event.result.text) > LONG_CHARACTERS
                if is_long:
                    await asyncio.sleep(0)
                result = _as_filtered(event.result, response, output)
                response.code = [result.code]
                event = replace(event, result=result)  # noqa: PLW2901
                if is_long:
                    await asyncio.sleep(0)
            yield FilteredEvent(event, texts)


def _as_filtered(
    result: GenerationResult, response: Response, output: OutputFilter
) -> GenerationResult:
    code, dropped = output.settled("".join(response.code))
    problem = output.problem
    warnings = result.warnings
    if problem is not None and problem not in warnings:
        warnings = (*warnings, problem)
    return replace(
        result,
        code=code,
        explanation="".join(response.explanation),
        reasoning="".join(response.reasoning) or result.reasoning,
        warnings=warnings,
        dropped=dict(dropped.items()),
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
