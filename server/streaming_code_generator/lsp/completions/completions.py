"""All suggestions of one server: from the memory, from the stream that runs, or from a new one.

What became of those that were shown is read from the document itself. LSP has no notification for
it: an accepted suggestion is one whose text stands in the document.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from streaming_code_generator.core.attempts import RecordAttempt
from streaming_code_generator.core.complete.fill import Excerpt, FillRequest
from streaming_code_generator.core.complete.fitting import fitting
from streaming_code_generator.core.complete.memory import CompletionMemory
from streaming_code_generator.core.complete.window import Place, typed_since
from streaming_code_generator.core.messages import Provider
from streaming_code_generator.lsp.completions.completion_stream import CompletionStream, Cursor
from streaming_code_generator.lsp.documents.open_document import OpenDocument

logger = logging.getLogger(__name__)

DEBOUNCE_S = 0.075
"""So long nothing must be typed before an automatic request is sent."""

FREE_MISSES = 2
"""After so many suggestions in a row on a line of which nothing was typed, each further one makes
the wait twice as long: who does not know where a line goes must not be asked at every key of it."""

MOST_DOUBLINGS = 2

ANSWER_S = 0.3
"""After that, what is whole is shown; the rest goes into the memory."""

ABANDONED_S = 0.04
"""A request that was cancelled may have been cancelled for what was typed: the change, or the next
request, then comes within this time, and the stream is kept if it fits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a suggestion is made with."""

    provider: Provider
    is_busy: Callable[[], bool]
    """Whether a generation runs at the provider's endpoint: it comes first."""
    record: RecordAttempt
    """Called with each request when it has ended."""
    language_id: str
    file_name: str
    session_id: str
    timeout_s: float
    masks_keys: bool
    excerpts: Callable[[], tuple[Excerpt, ...]] = tuple
    """What is known of other files when a request is sent."""


@dataclass(frozen=True, slots=True)
class _Shown:
    place: Place
    anchor: tuple[int, int]
    text: str
    typed: str = ""
    is_accepted: bool = False


@dataclass(slots=True, eq=False)
class Outcomes:
    """Counts of one document."""

    shown: int = 0
    accepted: int = 0
    """All of it was taken, or typed; or a part of it, a word or a line, at once."""
    rejected: int = 0
    """Something else was typed instead, or suggested."""
    misses: int = 0
    """Suggestions in a row on the cursor's line of which nothing was typed."""
    _line: int = -1
    _last: _Shown | None = None

    def __add__(self, other: "Outcomes") -> "Outcomes":
        return Outcomes(
            self.shown + other.shown, self.accepted + other.accepted, self.rejected + other.rejected
        )

    def counts(self) -> dict[str, int]:
        """Return the counts by their names on the wire."""
        return {"shown": self.shown, "accepted": self.accepted, "rejected": self.rejected}

    @property
    def rest_s(self) -> float:
        """So long nothing must be typed before the next automatic request."""
        return DEBOUNCE_S * 2.0 ** min(max(self.misses - FREE_MISSES, 0), MOST_DOUBLINGS)

    def look_at(self, line: int) -> None:
        """Begin anew on another line: it may go where the model thinks."""
        if line != self._line:
            self._line, self.misses = line, 0

    def show(self, cursor: Cursor, text: str) -> None:
        """Count a suggestion, unless it is what is left of the one before."""
        last = self._last
        if last is not None:
            typed = cursor.typed_at(last.place, last.text, last.anchor)
            if typed is not None and typed + text == last.text:
                return
        self._let_go()
        self.shown += 1
        self._last = _Shown(cursor.place, (cursor.line, cursor.column), text)

    def changed(self, lines: Sequence[str]) -> None:
        """Handle a change of the document."""
        last = self._last
        if last is None:
            return
        typed = typed_since(last.place, last.text, lines, last.anchor)
        if typed is None:
            self._let_go()
            return
        self.misses = 0 if typed else self.misses
        # What the user types comes by single characters.
        at_once = len(typed) - len(last.typed) > 1
        if not last.is_accepted and (at_once or typed == last.text):
            self.accepted += 1
            last = replace(last, is_accepted=True)
        self._last = None if typed == last.text else replace(last, typed=typed)

    def _let_go(self) -> None:
        if self._last is not None and not self._last.is_accepted:
            self.rejected += 1
            self.misses += not self._last.typed
        self._last = None


@dataclass(slots=True, eq=False)
class _InDocument:
    """What goes on in one document."""

    outcomes: Outcomes
    stream: CompletionStream | None = None
    turn: int = 0
    """Counts requests and changes: what began in an earlier turn is out of date."""

    @property
    def running(self) -> CompletionStream | None:
        """The stream, if it has not ended."""
        return self.stream if self.stream and not self.stream.is_over else None


class Completions:
    """Suggestions by document, at most one stream in each. Used on the event loop only."""

    def __init__(self, on_failure: Callable[[str], None]) -> None:
        """Begin with an empty memory; `on_failure` is called with why a suggestion failed."""
        self._on_failure = on_failure
        self._memory = CompletionMemory()
        self._documents: dict[OpenDocument, _InDocument] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._warm: set[str] = set()
        """Endpoints that have answered."""
        self._sent = 0
        self._ended = Outcomes()

    # From the editor

    async def suggest(
        self, document: OpenDocument, cursor: Cursor, means: Means, *, is_invoked: bool
    ) -> str:
        """Return the text to show at a cursor, or "".

        Cancellation: at once; the stream is closed unless what is typed next fits it.
        """
        state = self._documents.setdefault(document, _InDocument(Outcomes()))
        state.turn += 1
        state.outcomes.look_at(cursor.line)
        turn = state.turn
        try:
            text = await self._found(state, cursor, means, is_invoked=is_invoked)
        except asyncio.CancelledError:

            def close_abandoned() -> None:
                if state.turn == turn:
                    self._close(state)

            asyncio.get_running_loop().call_later(ABANDONED_S, close_abandoned)
            raise
        if state.turn != turn or not text:
            return ""
        state.outcomes.show(cursor, text)
        return text

    def changed(self, document: OpenDocument) -> None:
        """Handle a change of a document: a stream that it does not fit is closed."""
        state = self._documents.get(document)
        if state is None:
            return
        state.turn += 1
        lines = document.mirror.lines
        if (stream := state.running) is not None:
            if stream.fits(lines):
                stream.wake()
            else:
                stream.close()
        state.outcomes.changed(lines)

    def closed(self, document: OpenDocument) -> None:
        """Forget a document."""
        state = self._documents.pop(document, None)
        if state is not None:
            state.turn += 1
            self._close(state)
            self._ended += state.outcomes

    def yield_to_generation(self, endpoint: str) -> None:
        """Close what runs at an endpoint at which code is about to be generated."""
        for state in self._documents.values():
            if state.running and state.running.provider.description.endpoint == endpoint:
                self._close(state)

    def counts(self) -> dict[str, int]:
        """Return how many suggestions were requested, shown, accepted and rejected so far."""
        totals = self._ended
        for state in self._documents.values():
            totals += state.outcomes
        return {"requests": self._sent, **totals.counts()}

    async def aclose(self) -> None:
        """Close every stream."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # Where a suggestion comes from

    async def _found(
        self, state: _InDocument, cursor: Cursor, means: Means, *, is_invoked: bool
    ) -> str:
        turn, window, place = state.turn, cursor.window, cursor.place
        known = self._memory.find(place) if window.is_open else ""
        if known and (text := fitting(known, window)):
            return text
        stream = state.running
        if stream and cursor.typed_at(stream.place, stream.text.so_far, stream.anchor) is None:
            self._close(state)
        if not window.is_open or (known is not None and not is_invoked):
            return ""
        loop = asyncio.get_running_loop()
        typed_at_s = loop.time()
        while True:
            stream = state.running
            if stream is None or stream.is_closed:
                rest_s = 0 if is_invoked else state.outcomes.rest_s
                await asyncio.sleep(typed_at_s + rest_s - loop.time())
                # One that may not be closed yet, see `CompletionStream.close`, is waited for.
                while (running := state.running) is not None and state.turn == turn:
                    await running.news(None)
                if state.turn != turn or means.is_busy():
                    return ""
                stream = self._sent_for(state, cursor, means)
            whole = await _whole(stream, cursor, is_current=lambda: state.turn == turn)
            if whole is not None:
                return fitting(whole, window)
            state.outcomes.misses += 1
            # Its text is whole and of no use here; its connection may still be open.
            while not stream.is_over and state.turn == turn:
                await stream.news(None)

    def _sent_for(self, state: _InDocument, cursor: Cursor, means: Means) -> CompletionStream:
        request = FillRequest(
            window=cursor.window,
            excerpts=means.excerpts(),
            language_id=means.language_id,
            file_name=means.file_name,
            session_id=means.session_id,
        )
        endpoint = means.provider.description.endpoint
        state.stream = stream = CompletionStream(
            cursor,
            means.provider,
            request,
            is_warm=endpoint in self._warm,
            timeout_s=means.timeout_s,
            masks_keys=means.masks_keys,
            on_end=self._end,
            record=means.record,
        )
        self._sent += 1
        self._tasks.add(stream.task)
        stream.task.add_done_callback(self._tasks.discard)
        return stream

    def _end(self, stream: CompletionStream) -> None:
        if stream.is_warm:
            self._warm.add(stream.provider.description.endpoint)
        if stream.failure is not None:
            self._on_failure(stream.failure.message)
        elif not stream.is_closed:
            self._memory.remember(stream.place, stream.text.whole)

    # What is not wanted any more

    @staticmethod
    def _close(state: _InDocument) -> None:
        if state.running is not None:
            state.running.close()


async def _whole(
    stream: CompletionStream, cursor: Cursor, *, is_current: Callable[[], bool]
) -> str | None:
    """Wait for what is still to come of a stream at a cursor: all of it, or whole lines in time.

    Returns:
        The text, "" if there is none to be shown; None if something else was typed than came.
    """
    loop = asyncio.get_running_loop()
    answer_at_s = loop.time() + (0 if stream.was_shown else ANSWER_S)
    while is_current() and not stream.is_closed and stream.failure is None:
        typed = cursor.typed_at(stream.place, stream.text.so_far, stream.anchor)
        if typed is None:
            return ""
        # What has been typed may reach into the line that is not whole yet, or beyond it.
        whole = stream.text.whole
        rest = whole[len(typed) :] if whole.startswith(typed) else ""
        left_s = answer_at_s - loop.time()
        if stream.is_whole and not whole.startswith(typed):
            return None
        if stream.is_whole or (left_s <= 0 and rest.strip()):
            stream.was_shown = True
            return rest
        await stream.news(left_s if left_s > 0 else None)
    return None if is_current() and stream.is_refuted else ""
