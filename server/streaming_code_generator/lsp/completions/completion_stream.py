"""One suggestion while a model writes it; it is written on when no request waits for it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from functools import cached_property

from streaming_code_generator.core.attempts import AttemptMeter, RecordAttempt, metered
from streaming_code_generator.core.complete.chat import ChatAnswer, chat_request
from streaming_code_generator.core.complete.fill import (
    FillNotOfferedError,
    FillRequest,
    FillsIn,
    Window,
)
from streaming_code_generator.core.complete.fitting import CompletionText
from streaming_code_generator.core.complete.window import (
    Place,
    place_at,
    typed_beyond,
    typed_since,
    window_at,
)
from streaming_code_generator.core.masking import KeyMasking
from streaming_code_generator.core.messages import Delta, Message, Provider
from streaming_code_generator.errors import APIError, StreamingError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cursor:
    """A cursor in the lines of a document, in code points."""

    lines: Sequence[str]
    line: int
    column: int

    @cached_property
    def place(self) -> Place:
        """The text next to it."""
        return place_at(self.lines, self.line, self.column)

    @cached_property
    def window(self) -> Window:
        """What a model is shown around it."""
        return window_at(self.lines, self.line, self.column)

    def typed_at(self, place: Place, expected: str, anchor: tuple[int, int]) -> str | None:
        """Return what was typed from an anchor up to this cursor.

        It is a beginning of what is expected, or goes on where that ends.
        """
        for typed in _typed(place, expected, self.lines, anchor):
            line, column = anchor
            *above, last = typed.split("\n")
            end = (line + len(above), len(last) if above else column + len(last))
            if end == (self.line, self.column):
                return typed
        return None


def _typed(
    place: Place, expected: str, lines: Sequence[str], anchor: tuple[int, int]
) -> Iterator[str]:
    typed = typed_since(place, expected, lines, anchor)
    if typed is not None:
        yield typed
    yield from typed_beyond(place, expected, lines, anchor)


class CompletionStream:
    """A request to a model, from a place in a document; it owns the task that reads it."""

    def __init__(  # noqa: PLR0913 - a stream has that many sides
        self,
        cursor: Cursor,
        provider: Provider,
        request: FillRequest,
        *,
        is_warm: bool,
        timeout_s: float,
        masks_keys: bool = True,
        on_end: Callable[["CompletionStream"], None],
        record: RecordAttempt,
    ) -> None:
        """Send the request.

        Args:
            cursor: Where the suggestion begins.
            provider: Whom to ask.
            request: What to ask for.
            is_warm: Whether its model has answered before, and so is not loading.
            timeout_s: Longest time for all of it.
            masks_keys: Whether keys are masked in what is sent.
            on_end: Called once, however it ends.
            record: The same, with what the request came to.
        """
        self.place = cursor.place
        self.anchor = (cursor.line, cursor.column)
        self.provider = provider
        self.text = CompletionText(request.window)
        self.is_warm = is_warm
        self.is_whole = False
        """Whether no more text comes."""
        self.is_over = False
        """Whether the connection is closed as well."""
        self.is_closed = False
        """Whether it was ended from here, so that its text is not all."""
        self.is_refuted = False
        """Whether something else came than had been typed meanwhile."""
        self.failure: StreamingError | None = None
        self.was_shown = False
        self._timeout_s = timeout_s
        self._on_end = on_end
        self._typed: tuple[str, ...] = ("",)
        """What may have been typed at the place since."""
        self._record = record
        self._masking = KeyMasking(is_off=not masks_keys)
        self._news = asyncio.Event()
        self.task = asyncio.create_task(self._run(request), name="completion")
        # Not at the end of `_run`: a task that is cancelled before its first step never gets there.
        self.task.add_done_callback(self._ended)

    def fits(self, lines: Sequence[str]) -> bool:
        """Whether what was typed in a document since is what has come, or may still come."""
        self._typed = tuple(_typed(self.place, self.text.so_far, lines, self.anchor))
        return self._may_be_typed()

    def _may_be_typed(self) -> bool:
        text = self.text.so_far
        return any(text.startswith(typed) or typed.startswith(text) for typed in self._typed)

    def close(self) -> None:
        """Close the connection: at once, unless the model may still be loading.

        A server whose client leaves while it loads a model gives up loading, and the next request
        would begin anew.
        """
        self.is_closed = True
        if self.is_warm:
            self.task.cancel()
        self.wake()

    def wake(self) -> None:
        """Let all who wait look again."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def news(self, within_s: float | None) -> None:
        """Wait until there is more text, or for so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._news.wait()

    async def _run(self, request: FillRequest) -> None:
        window = request.window
        texts = [window.prefix + window.middle + window.suffix]
        texts += [excerpt.text for excerpt in request.excerpts]
        shown = [Message(role="user", content=text) for text in texts]
        meter = AttemptMeter(self.provider.description, "complete", shown)
        try:
            with metered(meter, self._record):
                async with asyncio.timeout(self._timeout_s), AsyncExitStack() as stack:
                    deltas, answer = await _opened(self.provider, self._masked(request), stack)
                    meter.accepted()
                    is_cut = await self._read(deltas, answer, meter)
                    if not self.is_closed:
                        rest = answer.finish() if answer is not None else ""
                        self.text.feed(self._masking.feed(rest) + self._masking.finish())
                        self.text.finish(is_cut=is_cut)
                        self.is_whole = True
                        # Who waits for the text need not wait until the connection is closed.
                        self.wake()
        except StreamingError as error:
            self.failure = error
        except TimeoutError:
            self.failure = APIError("A suggestion took too long.", kind="timeout")

    def _ended(self, _task: "asyncio.Task[None]") -> None:
        self.is_whole = self.is_over = True
        self._on_end(self)
        self.wake()

    def _masked(self, request: FillRequest) -> FillRequest:
        window, masked = request.window, self._masking.masked
        sent = replace(
            window,
            prefix=masked(window.prefix),
            middle=masked(window.middle),
            rest=masked(window.rest),
            below=masked(window.below),
        )
        excerpts = tuple(replace(each, text=masked(each.text)) for each in request.excerpts)
        return replace(request, window=sent, excerpts=excerpts)

    async def _read(
        self, deltas: AsyncIterator[Delta], answer: ChatAnswer | None, meter: AttemptMeter
    ) -> bool:
        """Read until nothing more is wanted; return whether the text was cut off."""
        is_cut = True
        async for delta in deltas:
            self.is_warm = True
            meter.add(delta)
            if self.is_closed:
                meter.is_abandoned = True
                return True
            text = answer.feed(delta.text) if answer else delta.text
            self.text.feed(self._masking.feed(text))
            if not self._may_be_typed():
                self.is_refuted = self.is_closed = meter.is_abandoned = True
                return True
            is_cut = is_cut and delta.finish_reason in {None, "length"}
            if self.text.is_over or (answer and answer.is_over):
                return False
            self.wake()
        return is_cut


async def _opened(
    provider: Provider, request: FillRequest, stack: AsyncExitStack
) -> tuple[AsyncIterator[Delta], ChatAnswer | None]:
    """Send the request as one to fill in, or else as a chat, whose answer has to be read as one."""
    if isinstance(provider, FillsIn):
        with suppress(FillNotOfferedError):
            return await stack.enter_async_context(provider.open_fill(request)), None
    chat = chat_request(request)
    return await stack.enter_async_context(provider.open(chat)), ChatAnswer(request.window)
