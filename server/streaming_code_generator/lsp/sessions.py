"""All generations of one server: who runs, who is done, and every road to cancel one."""

import asyncio
import functools
import itertools
import logging

from streaming_code_generator.editing.exchange import Outcome
from streaming_code_generator.lsp.backend import Backend, Engine
from streaming_code_generator.lsp.documents import OpenDocument
from streaming_code_generator.lsp.endings import Completed, End
from streaming_code_generator.lsp.job import Job
from streaming_code_generator.lsp.report import Reporter
from streaming_code_generator.lsp.session import Session
from streaming_code_generator.lsp.stages import abilities
from streaming_code_generator.lsp.wire import GenerationReference, Token

logger = logging.getLogger(__name__)

MOST_FINISHED = 50
"""So many ended generations are remembered, for `status`, `remove` and `retry`."""


class Sessions:
    """The registry of generations; it owns their tasks. Used on the event loop only."""

    def __init__(self, backend: Backend, reporter: Reporter) -> None:
        self._backend = backend
        self._reporter = reporter
        self._sessions: dict[str, Session] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._by_token: dict[Token, str] = {}
        self._numbers = itertools.count(1)

    def start(self, job: Job, engine: Engine) -> Session:
        """Begin a generation.

        Raises:
            RangeTaken: Another generation is writing in the range.
        """
        session_id = f"g{next(self._numbers)}"
        session = Session(
            session_id,
            job,
            on_change=self._changed,
            on_chunk=self._reporter.chunk,
            until_read=self._reporter.until_read,
        )
        self._sessions[session_id] = session
        self._reporter.begin(session, on_token=lambda token: self._follow(token, session_id))
        task = session.start(engine, self._backend.turns)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._forget_oldest()
        return session

    def _follow(self, token: Token, session_id: str) -> None:
        session = self._sessions.get(session_id)
        # The client may answer so late that the generation has ended and is no longer remembered.
        if session is not None and session.end is None:
            self._by_token[token] = session_id

    def _changed(self, session: Session) -> None:
        self._reporter.changed(session)
        if session.end is not None:
            self._by_token = {
                token: owner for token, owner in self._by_token.items() if owner != session.id
            }

    # Looking up

    @property
    def running(self) -> list[Session]:
        """The generations that have not ended, queued ones too."""
        return [session for session in self._sessions.values() if session.end is None]

    @property
    def ended(self) -> list[Session]:
        """The remembered generations that have ended, the oldest first."""
        return [session for session in self._sessions.values() if session.end is not None]

    def in_document(self, uri: str) -> list[Session]:
        """Return the generations with a followed place in a document, the oldest first."""
        return [
            session
            for session in self._sessions.values()
            if session.placing and session.placing.is_tracked and session.is_of(uri)
        ]

    def get(self, session_id: str) -> Session | None:
        """Return a running or remembered generation."""
        return self._sessions.get(session_id)

    def meant(self, reference: GenerationReference, command: str) -> Session | None:
        """Return the generation named, or the last one that a command without an id means."""
        if reference.id is not None:
            return self._sessions.get(reference.id)
        meant = [
            session
            for session in self._sessions.values()
            if command in abilities(session).without_id
            and not (session.placing and session.placing.document.delivery.is_paused)
            and (reference.uri is None or session.is_of(reference.uri))
        ]
        return meant[-1] if meant else None

    # Roads to cancel

    def cancel(self, reference: GenerationReference) -> list[str]:
        """Cancel one generation, or all (of a document, if one is named); return their ids."""
        meant = [
            session
            for session in self.running
            if reference.id in (None, session.id)
            and (reference.uri is None or session.is_of(reference.uri))
        ]
        return [session.id for session in meant if session.cancel()]

    def cancel_by_token(self, token: Token) -> None:
        """Cancel what reports under a progress token."""
        session = self._sessions.get(self._by_token.get(token, ""))
        if session is not None:
            session.cancel()

    def document_closed(self, document: OpenDocument) -> None:
        """End what was running in a document, and follow nothing in it any more."""
        for session in list(self._sessions.values()):
            if session.placing and session.placing.document is document:
                session.document_closed()
                if session.end is None:
                    session.done.add_done_callback(functools.partial(self._forget_ended, session))
                else:
                    self.forget(session)

    def forget(self, session: Session) -> None:
        """Stop following the place of a generation that has ended."""
        if session.placing and session.placing.is_tracked:
            session.placing.forget()
            self._reporter.forgotten(session)
        session.release()

    def _forget_ended(self, session: Session, _: "asyncio.Future[End]") -> None:
        self.forget(session)

    def document_moved(self, uri: str) -> None:
        """Take note that a document changed: regions may have grown, lost or regained text."""
        for session in self.in_document(uri):
            self._reporter.moved(session)

    def take_outcome(self, outcome: Outcome) -> None:
        """Pass on what became of a generation's text."""
        session = self._sessions.get(outcome.region_id)
        if session is not None:
            session.take_outcome(outcome)

    async def aclose(self) -> None:
        """Cancel everything and wait until it has ended."""
        for session in self.running:
            session.cancel("The server is shutting down.")
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _forget_oldest(self) -> None:
        ended = self.ended
        for session in ended[: max(0, len(ended) - MOST_FINISHED)]:
            self.forget(session)
            del self._sessions[session.id]

    def totals(self) -> dict[str, int]:
        """Return what all completed generations came to."""
        results = [s.end.result.stats for s in self.ended if isinstance(s.end, Completed)]
        return {
            "generations": len(self._sessions),
            "completed": len(results),
            "promptTokens": sum(stats.prompt_tokens for stats in results),
            "completionTokens": sum(stats.completion_tokens for stats in results),
            "totalTokens": sum(stats.total_tokens for stats in results),
        }
