"""Writes the ledger in a thread of its own: whatever is wrong with its file, generating goes on."""

import asyncio
import contextlib
import logging
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue

from streaming_code_generator.core.attempts import Attempt
from streaming_code_generator.core.results import Cost
from streaming_code_generator.usage.attempt_store import AttemptStore, UsageSums, ledger_path

logger = logging.getLogger(__name__)

MOST_UNWRITTEN = 10_000
"""Attempts kept while the file cannot be written; the oldest are lost beyond that."""

RETRY_S = 5.0
"""Time after which what could not be written is tried again."""

READ_WAIT_S = 5.0
"""Longest wait for what a day came to."""

CLOSE_WAIT_S = 3.0
"""Longest wait for the last rows to be written."""

Price = Callable[[Attempt], Cost | None]
"""What an attempt cost by a price list, or None; called in the ledger's thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What this process's requests come to, and those of all of the user's processes today."""

    session: UsageSums
    day: UsageSums | None
    """By local time; None where the ledger cannot be read."""


class Ledger:
    """Takes note of attempts, for one server or one command; several may write the same file.

    Nothing here raises, and nothing on the event loop waits for the disk. The thread begins with
    the first attempt, and owns the file.
    """

    def __init__(self, path: Path | None = None, price: Price | None = None) -> None:
        """Open nothing yet.

        Args:
            path: The file; None is the user's own.
            price: What prices an attempt whose provider does not.
        """
        self._path = path or ledger_path()
        self._price = price
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_closed = False
        # All below belongs to the thread.
        self._store: AttemptStore | None = None
        self._unwritten: list[Attempt] = []
        self._session = UsageSums()
        self._has_complained = False

    def record(self, attempt: Attempt) -> "Future[Cost | None]":
        """Take note of an attempt; the cost comes once it is known, and before it is written."""
        cost: Future[Cost | None] = Future()
        if attempt.cost is not None or self._price is None:
            cost.set_result(attempt.cost)
        self._do(partial(self._take, attempt, cost))
        return cost

    async def spent(self) -> Spent:
        """Return what was spent, with all that was recorded before.

        Cancellation: at once.
        """
        spent: Future[Spent] = Future()
        self._do(partial(self._read, spent))
        try:
            return await asyncio.wait_for(asyncio.wrap_future(spent), READ_WAIT_S)
        except TimeoutError:
            return Spent(session=self._session, day=None)

    async def aclose(self) -> None:
        """Write what is left, within bounded time. Safe to call twice."""
        self._is_closed = True
        if self._thread is not None:
            self._jobs.put(None)
            await asyncio.to_thread(self._thread.join, CLOSE_WAIT_S)

    def _do(self, job: Callable[[], None]) -> None:
        if self._is_closed:
            return
        if self._thread is None:
            # No process waits at its end for a disk that does not answer.
            self._thread = threading.Thread(target=self._work, name="ledger", daemon=True)
            self._thread.start()
        self._jobs.put(job)

    # In the thread

    def _work(self) -> None:
        job: Callable[[], None] | None = self._write
        while job is not None:
            job()
            if self._jobs.empty():
                # What came meanwhile is written at once, in one transaction.
                self._write()
            try:
                job = self._jobs.get(timeout=RETRY_S if self._unwritten else None)
            except Empty:
                job = self._write
        self._write()
        if self._store is not None:
            self._store.close()
            self._store = None

    def _take(self, attempt: Attempt, cost: "Future[Cost | None]") -> None:
        if not cost.done():
            priced = self._price(attempt) if self._price else None
            attempt = replace(attempt, cost=priced)
            if cost.set_running_or_notify_cancel():
                cost.set_result(priced)
        self._session = self._session.plus(attempt)
        self._unwritten.append(attempt)
        del self._unwritten[:-MOST_UNWRITTEN]

    def _read(self, spent: "Future[Spent]") -> None:
        self._write()
        midnight = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
        day = None
        with contextlib.suppress(sqlite3.Error, OSError):
            day = self._opened().sums(since_s=midnight.timestamp())
        if spent.set_running_or_notify_cancel():
            spent.set_result(Spent(session=self._session, day=day))

    def _write(self) -> None:
        if not self._unwritten:
            return
        try:
            self._opened().add(self._unwritten)
        except (sqlite3.Error, OSError) as error:
            if not self._has_complained:
                self._has_complained = True
                logger.warning(
                    "The ledger %s cannot be written (%s): what is used is kept in memory and "
                    "tried again.",
                    self._path,
                    error,
                )
        else:
            self._unwritten.clear()
            self._has_complained = False

    def _opened(self) -> AttemptStore:
        if self._store is not None and not self._path.exists():
            # Deleted meanwhile: what is written to it would be lost with it.
            self._store.close()
            self._store = None
        if self._store is None:
            self._store = AttemptStore(self._path)
        return self._store
