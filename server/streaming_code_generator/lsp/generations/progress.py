"""The work-done progress of one generation: a line that stays fresh, a few times a second."""

import asyncio
import logging
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from lsprotocol import types

from streaming_code_generator.lsp.client import Outgoing
from streaming_code_generator.lsp.wire import Token

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
