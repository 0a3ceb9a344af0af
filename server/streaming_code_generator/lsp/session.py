"""One generation in the language server: from its request to its last word."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import assert_never

from streaming_code_generator.core.events import GenerationEvent, TextArrived
from streaming_code_generator.core.extract import OutputFilter, Part
from streaming_code_generator.core.result import GenerationResult
from streaming_code_generator.core.stats import StreamStats
from streaming_code_generator.editing.exchange import (
    Deleted,
    Outcome,
    Settled,
    Undeliverable,
    UndeliverableReason,
    Undone,
)
from streaming_code_generator.errors import StreamingError, StreamProcessError
from streaming_code_generator.lsp.backend import Engine
from streaming_code_generator.lsp.endings import (
    STATES,
    STATUS,
    Cancelled,
    Completed,
    End,
    Failed,
)
from streaming_code_generator.lsp.job import Job
from streaming_code_generator.lsp.placing import Placing
from streaming_code_generator.lsp.turns import Turns
from streaming_code_generator.lsp.uris import document_key
from streaming_code_generator.lsp.wire import GenerationState

logger = logging.getLogger(__name__)

_REFUSED: dict[UndeliverableReason, str] = {
    "refused": "it refused the same edit several times",
    "no_reply": "it did not answer an edit for ten seconds",
    "no_change": "it said that it applied an edit, but no change arrived",
}


LAST_PIECES = 60
"""So many of the latest pieces of code hold the line being written, as good as always."""


@dataclass(slots=True, kw_only=True)
class Account:
    """What is known of a running generation, for its progress and its report."""

    stats: StreamStats = field(default_factory=StreamStats)
    text: list[str] = field(default_factory=list)
    """The response's pieces, as they came."""
    code: list[str] = field(default_factory=list)
    explanation: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    chunks_shown: int = 0
    waiting_for: str = ""
    """What holds it up, in words; empty once text arrives."""

    @property
    def last_line(self) -> str:
        """The line being written."""
        tail = "".join(self.code[-LAST_PIECES:])
        return tail.rsplit("\n", 1)[-1].strip()


class Session:
    """Runs one generation as a task of its own. Created and owned by `Sessions`."""

    def __init__(
        self,
        session_id: str,
        job: Job,
        *,
        on_change: Callable[["Session"], None],
        on_chunk: Callable[["Session", str, Part], None],
        until_read: Callable[[], Awaitable[None]],
    ) -> None:
        self.id = session_id
        self.job = job
        self.account = Account()
        self.state: GenerationState = "queued"
        self.end: End | None = None
        self.engine: Engine | None = None
        self.started_at_s = time.monotonic()
        self.placing = Placing(session_id, job) if job.document else None
        self.done: asyncio.Future[End] = asyncio.get_running_loop().create_future()
        self._on_change = on_change
        self._on_chunk = on_chunk
        self._until_read = until_read
        self._settled = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._cancel_reason = "Cancelled."
        self._undeliverable: UndeliverableReason | None = None
        self._is_undone = False
        self._is_document_closed = False
        self._is_deleted = False
        self._is_put_back = False
        """Whether the text that `put_back` wants stands there."""

    # Its life

    def start(self, engine: Engine, turns: Turns) -> "asyncio.Task[None]":
        """Begin; the task ends by itself, and `done` says how."""
        self.engine = engine
        self._task = asyncio.create_task(self._run(engine, turns), name=f"generation-{self.id}")
        self._task.add_done_callback(self._ended)
        return self._task

    def _ended(self, _: "asyncio.Task[None]") -> None:
        # A task that is cancelled before its first step never gets to say how it ended.
        self._finish(Cancelled(self._cancel_reason))

    def cancel(self, reason: str = "Cancelled.") -> bool:
        """Stop at once, keeping what has arrived; False if it has ended already."""
        if self.end is not None or self._task is None:
            return False
        self._cancel_reason = reason
        return self._task.cancel()

    def fail(self, error: StreamingError) -> None:
        """End with an error that was found outside the task, such as an editor's refusal."""
        if self.end is None:
            self._finish(Failed(error))
            if self._task is not None:
                self._task.cancel()

    async def put_back(self, *, timeout_s: float) -> None:
        """Bring back what stood where an ended generation's code stands.

        Raises:
            StreamProcessError: The editor does not take the edit, or the code is not there.
        """
        if self.placing is None:
            return
        self._settled.clear()
        self._undeliverable = None
        self._is_deleted = False
        self._is_put_back = False
        self.placing.put_back()
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

    def document_closed(self) -> None:
        """Hear that the document is gone: nothing can be written or put back any more."""
        self._is_document_closed = True
        self._settled.set()
        self.cancel("Its document was closed in the editor.")

    def release(self) -> None:
        """Let go of the document, and of what was sent of it; `status` still tells the rest."""
        uri, target = self.uri, replace(self.job.code_target, text_before="", text_after="")
        request = replace(self.job.request, messages=())
        self.job = replace(self.job, uri=uri, document=None, code_target=target, request=request)
        self.placing = None
        self._settled.set()

    def take_outcome(self, outcome: Outcome) -> None:
        """Hear what became of the text in the document."""
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
                self.fail(self._refused_by_editor(reason))
            case _:
                assert_never(outcome)

    @property
    def uri(self) -> str:
        """The document's URI, as the client spells it now."""
        return self.placing.document.uri if self.placing else self.job.uri

    def is_of(self, uri: str) -> bool:
        """Return whether it belongs to a document, however that is spelled."""
        return document_key(uri) == document_key(self.uri)

    @property
    def elapsed_s(self) -> float:
        """Seconds since it was asked for."""
        return time.monotonic() - self.started_at_s

    async def _run(self, engine: Engine, turns: Turns) -> None:
        try:
            endpoint = engine.provider.description.endpoint
            async with turns.turn(endpoint, self._wait_in_queue):
                self._set_state("running")
                result = await self._generate(engine)
                await self._place(result)
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
        self.account.waiting_for = f"Waiting for a free place at the model: number {place}"
        self._on_change(self)

    async def _generate(self, engine: Engine) -> GenerationResult:
        output = OutputFilter(self.job.code_target)
        self.account.waiting_for = f"Waiting for {engine.provider.description.model}"
        result: GenerationResult | None = None
        async with aclosing(engine.engine.stream(self.job.request)) as events:
            async for event in events:
                self.account.stats = event.stats
                if event.kind == "finished":
                    result = event.result
                else:
                    self._take(event, output)
                    await self._until_read()
        for piece in output.finish():
            self._keep(piece.part, piece.text)
        if result is None:
            raise StreamProcessError("The stream ended without a result: try again.")
        return self._as_filtered(result)

    def _take(self, event: GenerationEvent, output: OutputFilter) -> None:
        match event.kind:
            case "text":
                self._take_text(event, output)
            case "empty":
                if event.prompt_progress:
                    read, total = event.prompt_progress.processed, event.prompt_progress.total
                    self.account.waiting_for = f"Reading the prompt: {read} of {total} tokens"
            case "retry":
                seconds = f"{event.delay_s:.1f}"
                self.account.waiting_for = f"Asking again in {seconds} s: {event.reason}"
            case "finished":
                pass
            case _:
                assert_never(event.kind)

    def _take_text(self, event: TextArrived, output: OutputFilter) -> None:
        self.account.waiting_for = ""
        is_content = event.part == "content"
        if is_content:
            self.account.text.append(event.text)
        pieces = output.feed(event.text) if is_content else output.feed_reasoning(event.text)
        for piece in pieces:
            self._keep(piece.part, piece.text)
        part: Part = "reasoning" if not is_content else _main_part([p.part for p in pieces])
        self._on_chunk(self, event.text, part)
        if self.placing and any(piece.part == "code" for piece in pieces):
            self.placing.show("".join(self.account.code))

    def _keep(self, part: Part, text: str) -> None:
        kept: dict[Part, list[str]] = {
            "code": self.account.code,
            "explanation": self.account.explanation,
            "reasoning": self.account.reasoning,
        }
        kept[part].append(text)

    def _as_filtered(self, result: GenerationResult) -> GenerationResult:
        account = self.account
        return replace(
            result,
            code="".join(account.code),
            explanation="".join(account.explanation),
            reasoning="".join(account.reasoning) or result.reasoning,
        )

    async def _place(self, result: GenerationResult) -> None:
        if self.placing is None:
            return
        self.account.waiting_for = "Waiting for the editor"
        self.placing.finish(result.code, result.explanation)
        await self._settled.wait()

    def _finish(self, end: End) -> None:
        if self.end is not None:
            return
        self.end = end
        if self.placing and not isinstance(end, Completed):
            self.placing.stop()
            if self._is_undone:
                self.placing.put_back()
        self.account.stats = (
            end.result.stats
            if isinstance(end, Completed)
            else replace(self.account.stats, status=STATUS[type(end)], elapsed=self.elapsed_s)
        )
        self._set_state(STATES[type(end)])
        if not self.done.done():
            self.done.set_result(end)

    def _set_state(self, state: GenerationState) -> None:
        self.state = state
        self._on_change(self)

    def _refused_by_editor(self, reason: UndeliverableReason) -> StreamingError:
        return StreamProcessError(
            f"The editor refuses edits of this document ({_REFUSED[reason]}): "
            "the generated text is in the log.",
            kind="document",
            attempts=self.account.stats.attempts,
            partial_text="".join(self.account.text),
        )


def _main_part(parts: list[Part]) -> Part:
    if "code" in parts or not parts:
        return "code"
    return parts[-1]
