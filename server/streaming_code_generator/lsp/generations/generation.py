"""One generation from its request to its end, and its region in a document."""

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from enum import Enum
from typing import Protocol, assert_never

from streaming_code_generator.core.engine.generator import (
    FilteredEvent,
    GenerationEngine,
    Response,
    filtered,
)
from streaming_code_generator.core.engine.limits import ConcurrencyLimit, Slot
from streaming_code_generator.core.engine.run import LONG_CHARACTERS, TextPiece
from streaming_code_generator.core.extract.parts import FilteredText
from streaming_code_generator.core.messages import ProviderDescription
from streaming_code_generator.core.placement.target import explanation_comment
from streaming_code_generator.core.results import (
    GenerationResult,
    StreamStats,
    StreamStatus,
)
from streaming_code_generator.editing.exchange import (
    Deleted,
    Outcome,
    Settled,
    Undeliverable,
    UndeliverableReason,
    Undone,
)
from streaming_code_generator.editing.wanted import WantedText
from streaming_code_generator.errors import StreamingError, StreamProcessError
from streaming_code_generator.lsp.documents.files import document_key
from streaming_code_generator.lsp.documents.open_document import OpenDocument
from streaming_code_generator.lsp.generations.job import Job
from streaming_code_generator.lsp.wire.names import ClientRange, GenerationState, Token

logger = logging.getLogger(__name__)

_REFUSED: dict[UndeliverableReason, str] = {
    "refused": "it refused the same edit several times",
    "no_reply": "it did not answer an edit for ten seconds",
    "no_change": "it said that it applied an edit, but no change arrived",
}

REMOVED_MEANWHILE = "some of the code is not in the document: it was removed there meanwhile"

LAST_PIECES = 60
"""So many of the latest pieces of code hold the line being written, as good as always."""


@dataclass(frozen=True, slots=True)
class Completed:
    """The response is complete and its code is where it belongs."""

    result: GenerationResult


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The user cancelled, or the place for the text went away."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The model, the connection or the editor failed."""

    error: StreamingError


End = Completed | Cancelled | Failed


class Stage(Enum):
    """How far a generation is, and what of it stands in its document."""

    RUNNING = "running"
    """It waits or runs; its region is tracked, if it has one."""
    STANDING = "standing"
    """It has ended, and text of its own stands in the document."""
    BARE = "bare"
    """It has ended and its region is tracked, but nothing of its own stands there: none came, or
    all of it was deleted or undone. Text that comes back makes it `STANDING` again."""
    FORGOTTEN = "forgotten"
    """It has ended and no region is tracked: it was accepted or removed, its document was closed,
    it is one of too many, or it never had a region."""


STATUS: dict[type[End], StreamStatus] = {
    Cancelled: StreamStatus.CANCELLED,
    Failed: StreamStatus.ERROR,
}

STATES: dict[type[End], GenerationState] = {
    Completed: "completed",
    Cancelled: "cancelled",
    Failed: "error",
}


@dataclass(slots=True, kw_only=True)
class Account(Response):
    """A generation's response and figures so far, for progress reports and the final one."""

    chunks_shown: int = 0
    waiting_for: str = ""
    """What holds it up, in words; empty once text arrives."""
    asks_again_at_s: float | None = None
    """The monotonic clock's time of the next attempt, while that is waited for."""
    next_attempt: int = 1
    """The number of that attempt."""
    is_unanswered: bool = False
    """Whether the request was sent and nothing at all has come yet."""

    @property
    def last_line(self) -> str:
        """The line being written."""
        tail = "".join(self.code[-LAST_PIECES:])
        return tail.rsplit("\n", 1)[-1].strip()

    @property
    def stats(self) -> StreamStats:
        """The figures as they are now."""
        return self.figures()

    def note(self, filtered_event: FilteredEvent) -> None:
        """Note what an event says of the wait; the engine has added what it brings."""
        event = filtered_event.event
        self.is_unanswered = False
        self.asks_again_at_s = None
        match event.kind:
            case "text":
                self.waiting_for = ""
            case "empty":
                if event.prompt_progress:
                    read, total = event.prompt_progress.processed, event.prompt_progress.total
                    self.waiting_for = f"Reading the prompt: {read} of {total} tokens"
            case "retry":
                self.waiting_for = event.reason
                self.asks_again_at_s = time.monotonic() + event.delay_s
                self.next_attempt = event.attempt
            case "finished":
                pass
            case _:
                assert_never(event.kind)


class GenerationListener(Protocol):
    """Reports generations to the client."""

    def started(self, generation: "Generation") -> None:
        """Open the generation's progress."""

    def changed(self, generation: "Generation") -> None:
        """Report a new state."""

    def chunk(
        self, generation: "Generation", event: TextPiece, texts: Sequence[FilteredText]
    ) -> None:
        """Report a chunk of the response to a client that asked for each."""

    def moved(self, generation: "Generation") -> None:
        """Report a region that moved, or whose text went or came back."""

    def forgotten(self, generation: "Generation") -> None:
        """Report that nothing can be done with the generation any more."""

    async def until_read(self) -> None:
        """Wait until the client has read what it was sent."""

    async def log_response(self, text: str) -> None:
        """Write a whole response to the client's log, before its end is reported."""


class Generation:
    """Runs one generation as a task of its own. Created and owned by `Generations`."""

    def __init__(
        self,
        generation_id: str,
        job: Job,
        document: OpenDocument | None,
        listener: GenerationListener,
    ) -> None:
        self.id = generation_id
        self.job = job
        self.account = Account()
        self.state: GenerationState = "queued"
        self.end: End | None = None
        self.engine: GenerationEngine | None = None
        self.started_at_s = time.monotonic()
        self.region = GenerationRegion(generation_id, document, job) if document else None
        self.progress_token: Token | None = None
        """The token under which its progress is shown, once the client knows it."""
        self.done: asyncio.Future[End] = asyncio.get_running_loop().create_future()
        self._listener = listener
        self._settled = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._cancel_reason = "Cancelled."
        self._undeliverable: UndeliverableReason | None = None
        self._is_undone = False
        self._is_document_closed = False
        self._is_deleted = False
        self._is_put_back = False
        """Whether the text that `put_back` wants stands there."""

    @property
    def uri(self) -> str:
        """The document's URI, as the client spells it now."""
        return self.region.document.uri if self.region else self.job.uri

    def is_of(self, uri: str) -> bool:
        """Return whether it belongs to a document, however that is spelled."""
        return document_key(uri) == document_key(self.uri)

    @property
    def stage(self) -> Stage:
        """How far it is now."""
        if self.end is None:
            return Stage.RUNNING
        if self.region is None or not self.region.is_tracked:
            return Stage.FORGOTTEN
        return Stage.STANDING if self.region.has_text else Stage.BARE

    @property
    def elapsed_s(self) -> float:
        """Seconds since the request."""
        return time.monotonic() - self.started_at_s

    # Lifecycle

    def start(
        self, engine: GenerationEngine, concurrency: ConcurrencyLimit
    ) -> "asyncio.Task[None]":
        """Start the task; it ends by itself, and `done` holds how."""
        self.engine = engine
        run = self._run(engine, concurrency)
        self._task = asyncio.create_task(run, name=f"generation-{self.id}")
        # A task that is cancelled before its first step never gets to say how it ended.
        self._task.add_done_callback(lambda _: self._finish(Cancelled(self._cancel_reason)))
        return self._task

    async def _run(self, engine: GenerationEngine, concurrency: ConcurrencyLimit) -> None:
        try:
            async with concurrency.slot(self._wait_in_queue) as slot:
                result = await self._stream(engine, slot)
                if self.region is not None:
                    self.account.waiting_for = "Waiting for the editor"
                    if len(result.code) > LONG_CHARACTERS:  # joined just now, and compared next
                        await asyncio.sleep(0)
                    self.region.finish(result.code, result.explanation)
                    await self._settled.wait()
                    if self.region.lacks_text:
                        result = replace(result, warnings=(*result.warnings, REMOVED_MEANWHILE))
            await self._listener.log_response(result.text)
            self._finish(Completed(result))
        except asyncio.CancelledError:
            self._finish(Cancelled(self._cancel_reason))
            raise
        except StreamingError as error:
            self._finish(Failed(error))
        except Exception:
            logger.exception("generation %s ended by a fault of our own", self.id)
            message = "Internal error; the server's log has the details."
            self._finish(Failed(StreamProcessError(message, kind="internal")))

    def _wait_in_queue(self, place: int) -> None:
        self.account.asks_again_at_s = None
        self.account.waiting_for = f"Waiting for a free place at the model: number {place}"
        self._listener.changed(self)

    async def _stream(self, engine: GenerationEngine, slot: Slot) -> GenerationResult:
        """Stream the response into the document and return its result."""
        account = self.account

        async def admit(provider: ProviderDescription) -> None:
            await slot.move_to(provider.endpoint)
            # Else it says why another provider gets the request.
            if account.asks_again_at_s is None:
                account.waiting_for = f"Waiting for {provider.model}"
            account.is_unanswered = True
            self._set_state("running")

        # Only a client that asked for every chunk gets each by itself.
        every_chunk = self.job.partial_result_token is not None
        stream = filtered(
            engine,
            self.job.request,
            self.job.code_target,
            account,
            every_chunk=every_chunk,
            admit=admit,
        )
        async with aclosing(stream) as events:
            async for event in events:
                account.note(event)
                match event.event.kind:
                    case "finished":
                        return event.event.result
                    case "retry":
                        self._listener.changed(self)
                    case "text":
                        if every_chunk:
                            self._listener.chunk(self, event.event, event.texts)
                        code = ""
                        for text in event.texts:
                            code += text.text if text.part == "code" else ""
                        if code and self.region:
                            self.region.grow(code)
                # A client that does not read its messages must not fill the server's memory.
                await self._listener.until_read()
        raise StreamProcessError("The stream ended without a result: try again.")

    def cancel(self, reason: str = "Cancelled.") -> bool:
        """Stop at once, keeping what has arrived; False if it has ended already."""
        if self.end is not None or self._task is None:
            return False
        # The task says how it ended once it has closed the connection: see `_run`.
        self._cancel_reason = reason
        return self._task.cancel()

    def _finish(self, end: End) -> None:
        if self.end is not None:
            return
        self.end = end
        # What has arrived stays, except where the user has undone it: then the rest goes as well.
        # Or where the user wants nothing that broke off.
        if self.region and not isinstance(end, Completed):
            self.region.stop()
            is_unwanted = isinstance(end, Failed) and self.job.on_interrupt == "remove"
            if self._is_undone or (is_unwanted and self._undeliverable is None):
                self.region.put_back()
        stats = (
            end.result.stats
            if isinstance(end, Completed)
            else replace(self.account.stats, status=STATUS[type(end)], elapsed=self.elapsed_s)
        )
        self.account.figures = lambda: stats
        self._set_state(STATES[type(end)])
        if not self.done.done():
            self.done.set_result(end)

    def _set_state(self, state: GenerationState) -> None:
        # Reported at once: a request that is answered a moment later finds the client up to date.
        self.state = state
        self._listener.changed(self)

    def release(self) -> None:
        """Let go of the document, and of what was sent of it; `status` still has the rest."""
        uri, target = self.uri, replace(self.job.code_target, text_before="", text_after="")
        request = replace(self.job.request, messages=())
        self.job = replace(self.job, uri=uri, code_target=target, request=request)
        self.region = None
        self._settled.set()

    # The document

    def document_closed(self) -> None:
        """Handle the document's closing: nothing can be written or put back any more."""
        self._is_document_closed = True
        self._settled.set()
        self.cancel("Its document was closed in the editor.")

    def take_outcome(self, outcome: Outcome) -> None:
        """Handle the outcome of the region's edits."""
        match outcome:
            case Settled():
                self._is_put_back = True
                self._settled.set()
            case Deleted():
                self._is_deleted = True
                self._settled.set()
                self.cancel("Its text was deleted in the editor.")
            case Undone():
                self._is_undone = True
                self.cancel("Its text was undone or deleted in the editor.")
            case Undeliverable(reason=reason):
                self._undeliverable = reason
                self._settled.set()
                if self.end is None:
                    # The task still waits for the text to settle, which it will not.
                    self._finish(Failed(self._refused_by_editor(reason)))
                    if self._task is not None:
                        self._task.cancel()
            case _:
                assert_never(outcome)

    async def put_back(self, *, timeout_s: float) -> None:
        """Bring back what stood where an ended generation's code stands.

        Raises:
            StreamProcessError: The editor does not take the edit, or the code is not there.
        """
        if self.region is None:
            return
        # The region has settled once already, when the generation ended.
        self._settled.clear()
        self._undeliverable = None
        self._is_deleted = False
        self._is_put_back = False
        self.region.put_back()
        try:
            async with asyncio.timeout(timeout_s):
                await self._settled.wait()
        except TimeoutError:
            raise self._refused_by_editor("no_reply") from None
        if self._is_document_closed:
            message = (
                "The document was closed before the code was taken out of it: nothing changed."
            )
            raise StreamProcessError(message, kind="document")
        if self._is_deleted:
            message = "The code was deleted in the editor: there is nothing to take out."
            raise StreamProcessError(message, kind="document")
        if self._undeliverable is not None:
            raise self._refused_by_editor(self._undeliverable)
        if not self._is_put_back:
            message = "The code was accepted before the editor had taken it out: it is kept."
            raise StreamProcessError(message, kind="document")

    def _refused_by_editor(self, reason: UndeliverableReason) -> StreamingError:
        return StreamProcessError(
            f"The editor refuses edits of this document ({_REFUSED[reason]}): "
            "the generated text is in the log.",
            kind="document",
            attempts=self.account.stats.attempts,
            partial_text="".join(self.account.text),
        )


class GenerationRegion:
    r"""The region of one generation: the text it should hold, and where that stands.

        job: prefix "\n", code target indented by four spaces

        code so far      "return w * h"
        wanted text      "\n    return w * h"      prefix + code (indented by the output filter)
        `range`          from the `r` on           prefix and suffix are left out

    The document's writer sends the smallest edit that brings the region to the wanted text.

    Raises:
        RangeTaken: Another generation is writing in the range.
    """

    def __init__(self, region_id: str, document: OpenDocument, job: Job) -> None:
        self.region_id = region_id
        self.document = document
        self._job = job
        writer = document.writer
        if job.takes_over is None:
            writer.open_region(region_id, job.start, job.end)
        else:
            writer.hand_over(job.takes_over, region_id)
        original = writer.region(region_id).original
        self._wanted = WantedText(original, prefix=job.prefix, suffix=job.suffix, pace=job.edits)
        self._has_shown = False

    # Text

    def grow(self, code: str) -> None:
        """Let the region's text grow by what has come of the code, at the pace that is set."""
        self._wanted.grow(code)
        self._has_shown = True
        self.document.grow(self.region_id, self._wanted)

    def finish(self, code: str, explanation: str) -> None:
        """Bring the region to its final text; a response without code leaves it as it was."""
        job = self._job
        if code and job.insert_explanation == "comment":
            code = explanation_comment(explanation, job.language_id, job.code_target) + code
        self._has_shown = bool(code)
        if code:
            text = job.prefix + code + job.suffix
            self.document.finish(self.region_id, text)
        else:
            self.document.put_back(self.region_id)

    def stop(self) -> None:
        """Leave the region as it is; nothing more is sent for it."""
        self.document.stop(self.region_id)

    def put_back(self) -> None:
        """Bring back, byte for byte, what stood there before."""
        self._has_shown = False
        self.document.put_back(self.region_id)

    def forget(self) -> None:
        """Stop tracking the region; its text stays."""
        self.document.writer.forget(self.region_id)

    # State

    @property
    def is_tracked(self) -> bool:
        """Whether the region still moves with the document's changes."""
        return self.region_id in self.document.writer.document

    @property
    def has_text(self) -> bool:
        """Whether text of the generation's own stands in the document, or is on its way there."""
        writer = self.document.writer
        region = writer.region(self.region_id)
        if not region.is_original:
            return not region.deleted
        # Text that has landed once and is not there any more was undone.
        return self._has_shown and not region.is_undone and not writer.is_idle

    @property
    def lacks_text(self) -> bool:
        """Whether some of its text was removed while it was written."""
        return self.is_tracked and self.document.writer.region(self.region_id).lacks_text

    @property
    def is_rewritten(self) -> bool:
        """Whether taking the text out would leave fragments of what was made of it."""
        return self.document.writer.region(self.region_id).is_rewritten

    def laid_over(self) -> list[str]:
        """Return the tracked regions that were opened over its text, the latest first."""
        return self.document.writer.document.laid_over(self.region_id)

    @property
    def range(self) -> ClientRange | None:
        """Where the code stands, in the client's positions; None once it is not tracked."""
        if not self.is_tracked:
            return None
        region, mirror = self.document.writer.region(self.region_id), self.document.mirror
        start, end = region.start, region.end
        if region.is_untouched and not region.is_original:
            start = mirror.advance(start, len(self._job.prefix))
            end = max(start, mirror.retreat(end, len(self._job.suffix)))
        return mirror.position(start), mirror.position(end)
