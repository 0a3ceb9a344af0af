"""Progress, chunks, notifications and log messages about generations, for one client."""

import asyncio
import logging
import math
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from lsprotocol import types

from streaming_code_generator.core.engine.run import TextPiece
from streaming_code_generator.core.extract.parts import FilteredText, Part
from streaming_code_generator.core.results import (
    StreamStats,
    stats_object,
    summary_line,
)
from streaming_code_generator.lsp.client import Client
from streaming_code_generator.lsp.generations.generation import (
    Cancelled,
    Completed,
    Failed,
    Generation,
    Stage,
)
from streaming_code_generator.lsp.wire.document_messages import lsp_range
from streaming_code_generator.lsp.wire.names import Token
from streaming_code_generator.providers.choose import is_on_this_machine

logger = logging.getLogger(__name__)

REPORT_INTERVAL_S = 0.25
"""Time between two reports: often enough to look alive, seldom enough not to cost anything."""

LOADING_AFTER_S = 3.0
"""A model that has sent nothing for so long is probably being loaded."""

MOST_LINE_CHARACTERS = 60
"""Most of the line being written that a progress message shows."""


class WorkDoneProgress:
    """One generation's progress, under the client's token or one that the server creates.

    The message is composed when a report is due, not when the generation changes.
    """

    def __init__(self, client: Client, generation: Generation) -> None:
        self._client = client
        self._generation = generation
        self._token: Token | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._reported = ""
        self._summary: str | None = None
        client_token = generation.job.work_done_token
        if client_token is not None:
            self._begin(client_token)
        elif client.capabilities.work_done_progress:
            token = f"streaming-code-generator-{uuid.uuid4()}"

            def created(response: "Future[Any]") -> None:
                if not response.cancelled() and response.exception() is None:
                    self._begin(token)

            client.create_progress(token).add_done_callback(created)

    def _begin(self, token: Token) -> None:
        self._token = self._generation.progress_token = token
        self._reported = progress_message(self._generation)
        begin = types.WorkDoneProgressBegin(
            title="Generating code", cancellable=True, message=self._reported
        )
        self._client.progress(token, begin)
        if self._summary is None:
            self._tick()
        else:
            # The client answered so late that the generation has ended.
            self.end(self._summary)

    def refresh(self) -> None:
        """Report how far it is, without waiting for the next turn."""
        # A client that does not read gets fewer reports, not a queue of old ones.
        message = progress_message(self._generation)
        if message != self._reported and not self._client.is_congested:
            self._report(message)

    def _tick(self) -> None:
        self.refresh()
        self._timer = asyncio.get_running_loop().call_later(REPORT_INTERVAL_S, self._tick)

    def _report(self, message: str) -> None:
        if self._token is not None:
            self._reported = message
            self._client.progress(self._token, types.WorkDoneProgressReport(message=message))

    def end(self, summary: str) -> None:
        """End the progress; the summary is also the last report, since VS Code drops an end's text.

        Safe to call before the client has answered: the progress then ends as soon as it begins.
        """
        if self._timer:
            self._timer.cancel()
        self._summary = summary
        if self._token is not None:
            self._report(summary)
            self._client.progress(self._token, types.WorkDoneProgressEnd(message=summary))
            self._token = None


class Reporter:
    """Reports generations to one client; implements `GenerationListener`."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._progress: dict[str, WorkDoneProgress] = {}
        self._reported: dict[str, tuple[Stage, str, object]] = {}
        """The stage, document and range last sent, of generations that have a region."""
        self._lenses_due: asyncio.Handle | None = None
        self.until_read = client.until_read
        self.log_response = client.log_long

    def started(self, generation: Generation) -> None:
        """Open a generation's progress."""
        self._progress[generation.id] = WorkDoneProgress(self._client, generation)

    def chunk(
        self, generation: Generation, event: TextPiece, texts: Sequence[FilteredText]
    ) -> None:
        """Send one chunk of the response to a client that asked for partial results."""
        token, text = generation.job.partial_result_token, event.text
        if token is None or not text:
            return
        part: Part = texts[-1].part if texts else "code"
        if event.part == "reasoning":
            part = "reasoning"
        elif any(each.part == "code" for each in texts):
            part = "code"
        index = generation.account.chunks_shown
        generation.account.chunks_shown += 1
        self._client.progress(
            token,
            {"kind": "report", "message": text, "index": index, "id": generation.id, "part": part},
        )

    def changed(self, generation: Generation) -> None:
        """Report a new state; the end is reported in full."""
        if generation.end is not None:
            self._end(generation)
        elif generation.id in self._progress:
            self._progress[generation.id].refresh()
        self._update(generation)

    def moved(self, generation: Generation) -> None:
        """Report a region that grew or moved, and text that went or came back after the end."""
        if generation.region is None or generation.id not in self._reported:
            return
        stage, uri, where = self._reported[generation.id]
        if generation.stage is not stage or generation.uri != uri:
            self._update(generation)
        elif (
            # After the end clients track the range themselves; the lenses stay the same.
            stage is Stage.RUNNING
            and self._client.capabilities.generation_updates
            and generation.region.range != where
        ):
            self._send_update(generation)

    def forgotten(self, generation: Generation) -> None:
        """Report once that nothing can be done with a generation any more."""
        # Of one that was never reported with a region the client keeps nothing.
        if self._reported.pop(generation.id, None) is not None:
            update = {**_update(generation), "state": "forgotten", "range": None}
            self._client.update_generation(update)
            self._refresh_lenses()

    def _update(self, generation: Generation) -> None:
        self._send_update(generation)
        self._refresh_lenses()

    def _send_update(self, generation: Generation) -> None:
        stage = generation.stage
        where = None
        if generation.region and stage is not Stage.BARE:
            where = generation.region.range
        if generation.region:
            self._reported[generation.id] = stage, generation.uri, where
        lsp_where = lsp_range(*where) if where else None
        self._client.update_generation({**_update(generation), "range": lsp_where})

    def _refresh_lenses(self) -> None:
        # Several generations may change at once; one request serves them all.
        if self._lenses_due is None and self._client.capabilities.code_lens_refresh:

            def refresh() -> None:
                self._lenses_due = None
                self._client.refresh_lenses()

            self._lenses_due = asyncio.get_running_loop().call_soon(refresh)

    def _end(self, generation: Generation) -> None:
        # The whole response is in the log already, by `log_response`: the order is part of the
        # protocol.
        summary = end_message(generation)
        progress = self._progress.pop(generation.id, None)
        if progress is not None:
            progress.end(summary)
        match generation.end:
            case Completed(result=result):
                self._client.log(summary)
                # Nothing stands in the document: who only looks there would wait for it.
                if result.lacks_code and generation.region is not None:
                    self._client.show(
                        f"Nothing was inserted: {result.lacks_code}. The answer is in the log.",
                        types.MessageType.Warning,
                    )
            case Cancelled():
                self._client.log(summary)
            case Failed(error=error):
                logger.warning("generation %s failed kind=%s: %s", generation.id, error.kind, error)
                # The text is not in the document, and the model's work not to be lost.
                if error.kind == "document":
                    self._client.log("".join(generation.account.text))
                self._client.log(error.message, types.MessageType.Error)
                shows_failures = self._client.capabilities.generation_updates
                if not generation.job.is_awaited and not shows_failures:
                    self._client.show(error.message)


def progress_message(generation: Generation) -> str:
    """Return the line that says how far a generation is."""
    account = generation.account
    elapsed = f"{generation.elapsed_s:.1f} s"
    if account.asks_again_at_s is not None:
        left_s = math.ceil(account.asks_again_at_s - time.monotonic())
        asking = "Asking again" if account.next_attempt > 1 else "Asking"
        when = f"in {left_s} s" if left_s > 0 else "now"
        attempt = f"attempt {account.next_attempt}"
        return f"{asking} {when}, {attempt} ({elapsed}): {account.waiting_for}"
    if account.waiting_for:
        is_slow = account.is_unanswered and generation.elapsed_s >= LOADING_AFTER_S
        hint = ", loading the model?" if is_slow else ""
        return f"{account.waiting_for}{hint} ({elapsed})"
    stats = account.stats
    tokens = f"{_mark(stats)}{stats.completion_tokens} tokens"
    figures = f"{elapsed}, {tokens}, {stats.tokens_per_second:.0f} tokens/s"
    line = account.last_line[-MOST_LINE_CHARACTERS:]
    return f"{figures}: {line}" if line else figures


def end_message(generation: Generation) -> str:
    """Return the line that says how a generation ended."""
    match generation.end:
        case Completed(result=result):
            provider = generation.engine.provider.description if generation.engine else None
            has_price = provider is not None and not is_on_this_machine(provider)
            return summary_line(result, has_price=has_price)
        case Cancelled(reason=reason):
            stats = generation.account.stats
            tokens = f"{_mark(stats)}{stats.completion_tokens} tokens"
            return f"{reason} {tokens} had arrived in {generation.elapsed_s:.2f} s."
        case Failed(error=error):
            return error.message
    return progress_message(generation)


def _mark(stats: StreamStats) -> str:
    """Return what stands before a number of tokens that has not been counted yet."""
    return "≈" if stats.token_source == "estimate" and stats.completion_tokens else ""


def _update(generation: Generation) -> dict[str, object]:
    stats = generation.account.stats
    return {
        "id": generation.id,
        "uri": generation.uri,
        "state": generation.state,
        "message": end_message(generation),
        "tokens": stats.completion_tokens,
        "elapsedSeconds": generation.elapsed_s,
        "tokensPerSecond": stats.tokens_per_second,
    }


def result_object(generation: Generation) -> dict[str, object]:
    """Return a generation as the contract has it, also one that is running, or ended badly."""
    account, engine = generation.account, generation.engine
    result = generation.end.result if isinstance(generation.end, Completed) else None
    description = engine.provider.description if engine else None
    provider, reason = (description.name, description.reason) if description else ("", "")
    if result is not None:  # a fallback may have answered
        provider, _, reason = result.provider.partition(": ")
    where = generation.region.range if generation.region else None
    return {
        "id": generation.id,
        "status": generation.state,
        "text": "".join(account.text),
        "code": "".join(account.code),
        "explanation": "".join(account.explanation),
        "reasoning": "".join(account.reasoning),
        "uri": generation.uri,
        "range": lsp_range(*where) if where else None,
        "model": result.model if result else description.model if description else "",
        "provider": provider,
        "profile": generation.job.selection.profile,
        "providerReason": reason,
        "fallback": result.fallback if result else None,
        "maskedKeys": result.masked_keys if result else 0,
        "finishReason": result.finish_reason if result else None,
        "warnings": list(result.warnings) if result else [],
        "dropped": dict(result.dropped) if result else {},
        "context": [
            {
                "uri": shown.uri,
                "range": lsp_range((shown.first, 0), (shown.end, 0)),
                "tokens": shown.tokens,
                "why": shown.why,
            }
            for shown in generation.job.context
        ],
        "stats": stats_object(account.stats),
    }
