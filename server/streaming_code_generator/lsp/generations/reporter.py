"""What a client is told of a generation: progress, chunks, and the final log messages."""

import asyncio
import logging
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from lsprotocol import types

from streaming_code_generator.core.extract import Part
from streaming_code_generator.core.results import summary_line
from streaming_code_generator.lsp.client import Outgoing
from streaming_code_generator.lsp.generations.generation import (
    Cancelled,
    Completed,
    Failed,
    Session,
)
from streaming_code_generator.lsp.generations.stages import Stage, stage_of
from streaming_code_generator.lsp.wire import Token, lsp_range

logger = logging.getLogger(__name__)

REPORT_INTERVAL_S = 0.25
"""Time between two reports: often enough to look alive, seldom enough not to cost anything."""


class ProgressLine:
    """Reports a generation under the client's token, or under one of our own if it can.

    The message is asked for when it is due, so that nobody has to push.
    """

    def __init__(
        self,
        outgoing: Outgoing,
        *,
        title: str,
        client_token: Token | None,
        message: Callable[[], str],
        on_token: Callable[[Token], None],
    ) -> None:
        self._outgoing = outgoing
        self._title = title
        self._message = message
        self._on_token = on_token
        self._token: Token | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._reported = ""
        self._ended: str | None = None
        if client_token is not None:
            self._begin(client_token)
        elif outgoing.facts.work_done_progress:
            self._create(f"streaming-code-generator-{uuid.uuid4()}")

    def _create(self, token: Token) -> None:
        def created(answer: "Future[Any]") -> None:
            if not answer.cancelled() and answer.exception() is None:
                self._begin(token)

        self._outgoing.create_progress(token).add_done_callback(created)

    def _begin(self, token: Token) -> None:
        self._token = token
        self._on_token(token)
        self._reported = self._message()
        begin = types.WorkDoneProgressBegin(
            title=self._title, cancellable=True, message=self._reported
        )
        self._outgoing.progress(token, begin)
        if self._ended is not None:
            self.end(self._ended)
        else:
            self._tick()

    def _tick(self) -> None:
        message = self._message()
        if message != self._reported and not self._outgoing.is_congested:
            self._report(message)
        self._timer = asyncio.get_running_loop().call_later(REPORT_INTERVAL_S, self._tick)

    def _report(self, message: str) -> None:
        if self._token is not None:
            self._reported = message
            self._outgoing.progress(self._token, types.WorkDoneProgressReport(message=message))

    def end(self, summary: str) -> None:
        """End the progress; the summary is also the last report, since VS Code drops an end's text.

        Safe to call before the client has answered: the progress then ends as soon as it begins.
        """
        if self._timer:
            self._timer.cancel()
        self._ended = summary
        if self._token is not None:
            self._report(summary)
            self._outgoing.progress(self._token, types.WorkDoneProgressEnd(message=summary))
            self._token = None


MOST_LINE_CHARACTERS = 60
"""Most of the line being written that a progress message shows."""


class Reporter:
    """Speaks of generations to one client."""

    def __init__(self, outgoing: Outgoing) -> None:
        self._outgoing = outgoing
        self._progress: dict[str, ProgressLine] = {}
        self._told: dict[str, tuple[Stage, str, object]] = {}
        """The stage, document and range last told, of generations that have a place."""
        self._lenses_due: asyncio.Handle | None = None

    def begin(self, session: Session, *, on_token: Callable[[Token], None]) -> None:
        """Open a generation's progress."""
        self._progress[session.id] = ProgressLine(
            self._outgoing,
            title="Generating code",
            client_token=session.job.work_done_token,
            message=lambda: progress_message(session),
            on_token=on_token,
        )

    def chunk(self, session: Session, text: str, part: Part) -> None:
        """Send one chunk of the response to a client that asked for partial results."""
        token = session.job.partial_result_token
        if token is None or not text:
            return
        index = session.account.chunks_shown
        session.account.chunks_shown += 1
        self._outgoing.progress(
            token,
            {"kind": "report", "message": text, "index": index, "id": session.id, "part": part},
        )

    async def until_read(self) -> None:
        """Wait until the client has read what it was told, if it lags far behind.

        Cancellation: at once.
        """
        await self._outgoing.until_read()

    def changed(self, session: Session) -> None:
        """Tell of a new state; the last one is told in full."""
        if session.end is not None:
            self._end(session)
        self._update(session, session.state)
        self._refresh_lenses()

    def moved(self, session: Session) -> None:
        """Tell of a region that grew or moved, and of text that went or came back after the end."""
        if session.placing is None or session.id not in self._told:
            return
        stage, uri, where = self._told[session.id]
        if stage_of(session) is not stage or session.uri != uri:
            self._update(session, session.state)
            self._refresh_lenses()
        elif stage is Stage.RUNNING and session.placing.range != where:
            # Once it has ended clients follow their own marks.
            self._update(session, session.state)

    def forgotten(self, session: Session) -> None:
        """Tell once that nothing can be done with a generation any more."""
        if self._told.pop(session.id, None) is not None:
            self._outgoing.update_generation(
                {**_update(session), "state": "forgotten", "range": None}
            )
            self._refresh_lenses()

    def _update(self, session: Session, state: str) -> None:
        stage = stage_of(session)
        where = None
        if session.placing and stage is not Stage.BARE:
            where = session.placing.range
        if session.placing:
            self._told[session.id] = stage, session.uri, where
        self._outgoing.update_generation(
            {
                **_update(session),
                "state": state,
                "range": lsp_range(*where) if where else None,
            }
        )

    def _refresh_lenses(self) -> None:
        # Several generations may change at once; one request serves them all.
        if self._lenses_due is None and self._outgoing.facts.code_lens_refresh:
            self._lenses_due = asyncio.get_running_loop().call_soon(self._send_refresh)

    def _send_refresh(self) -> None:
        self._lenses_due = None
        self._outgoing.refresh_lenses()

    def _end(self, session: Session) -> None:
        summary = end_message(session)
        progress = self._progress.pop(session.id, None)
        if progress is not None:
            progress.end(summary)
        match session.end:
            case Completed(result=result):
                self._outgoing.log(result.text)
                self._outgoing.log(summary)
            case Cancelled():
                self._outgoing.log(summary)
            case Failed(error=error):
                logger.warning("generation %s failed kind=%s: %s", session.id, error.kind, error)
                if error.kind == "document":
                    self._outgoing.log("".join(session.account.text))
                self._outgoing.log(error.message, types.MessageType.Error)
                if not session.job.is_awaited and not self._outgoing.facts.generation_updates:
                    self._outgoing.show(error.message)


def progress_message(session: Session) -> str:
    """Return the line that says how far a generation is."""
    account = session.account
    elapsed = f"{session.elapsed_s:.1f} s"
    if account.waiting_for:
        return f"{account.waiting_for} ({elapsed})"
    stats = account.stats
    figures = f"{elapsed}, {stats.completion_tokens} tokens, {stats.tokens_per_second:.0f} tokens/s"
    line = account.last_line[-MOST_LINE_CHARACTERS:]
    return f"{figures}: {line}" if line else figures


def end_message(session: Session) -> str:
    """Return the line that says how a generation ended."""
    match session.end:
        case Completed(result=result):
            return summary_line(result)
        case Cancelled(reason=reason):
            tokens = session.account.stats.completion_tokens
            return f"{reason} {tokens} tokens had arrived in {session.elapsed_s:.2f} s."
        case Failed(error=error):
            return error.message
    return progress_message(session)


def _update(session: Session) -> dict[str, object]:
    stats = session.account.stats
    return {
        "id": session.id,
        "uri": session.uri,
        "message": end_message(session),
        "tokens": stats.completion_tokens,
        "elapsedSeconds": session.elapsed_s,
        "tokensPerSecond": stats.tokens_per_second,
    }
