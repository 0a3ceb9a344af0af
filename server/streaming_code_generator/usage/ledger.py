"""What was generated and for how much: the ledger, a day's budget, and prices.

The ledger is written in a thread of its own: whatever is wrong with its file, generating goes on.
Prices come from `genai-prices`, where that is installed: its list comes with it, offline.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from platformdirs import user_data_path

from streaming_code_generator.core.attempts import Attempt, UsageSums
from streaming_code_generator.core.results import Cost, shown_usd
from streaming_code_generator.settings.declarations import camel_case

if TYPE_CHECKING:  # imported in the thread, with SQLite: 1 MiB that nobody needs before
    from streaming_code_generator.usage.attempt_store import AttemptStore

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


def sums_object(sums: UsageSums) -> dict[str, object]:
    """Return the sums under the names they have over LSP and in JSON."""
    return {camel_case(name): value for name, value in asdict(sums).items()}


def ledger_path() -> Path:
    """Return where the ledger stands: in the user's data folder."""
    return user_data_path("streaming-code-generator", appauthor=False) / "usage.sqlite3"


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
        from streaming_code_generator.usage.attempt_store import STORE_ERRORS  # noqa: PLC0415 - see above

        self._write()
        midnight = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
        day = None
        with contextlib.suppress(*STORE_ERRORS):
            day = self._opened().sums(since_s=midnight.timestamp())
        if spent.set_running_or_notify_cancel():
            spent.set_result(Spent(session=self._session, day=day))

    def _write(self) -> None:
        if not self._unwritten:
            return
        from streaming_code_generator.usage.attempt_store import STORE_ERRORS  # noqa: PLC0415 - see above

        try:
            self._opened().add(self._unwritten)
        except STORE_ERRORS as error:
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

    def _opened(self) -> "AttemptStore":
        from streaming_code_generator.usage.attempt_store import AttemptStore  # noqa: PLC0415 - see above

        if self._store is not None and not self._path.exists():
            # Deleted meanwhile: what is written to it would be lost with it.
            self._store.close()
            self._store = None
        if self._store is None:
            self._store = AttemptStore(self._path)
        return self._store


WARN_AT = 0.8
"""The part of a budget at which a warning is due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetState:
    """A day's budget and what is spent of it, in US dollars."""

    budget_usd: float
    spent_usd: float

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left."""
        return self.spent_usd >= self.budget_usd

    @property
    def is_low(self) -> bool:
        """Whether a warning is due."""
        return self.spent_usd >= WARN_AT * self.budget_usd

    def __str__(self) -> str:
        return f"{shown_usd(self.spent_usd)} of {shown_usd(self.budget_usd)}"


def budget_state(budget_usd: float, spent: Spent) -> BudgetState:
    """Return a budget's state; where the day cannot be read, as this process knows it."""
    sums = spent.session if spent.day is None else spent.day
    return BudgetState(budget_usd=budget_usd, spent_usd=sums.cost_usd or 0.0)


def price_list() -> Callable[[Attempt], Cost | None] | None:
    """Return what prices an attempt by the list; None where none is installed."""
    return listed_price if find_spec("genai_prices") else None


def listed_price(attempt: Attempt) -> Cost | None:
    """Return what an attempt's tokens cost at its endpoint by the list, or None.

    A model that the list does not know, or that runs on a machine of the user's own, has no price.
    The first call imports the list for a quarter of a second.
    """
    if not attempt.endpoint.startswith("https://"):
        return None
    try:
        from genai_prices import Usage, calc_price  # noqa: PLC0415 - as said above

        usage = Usage(
            input_tokens=attempt.prompt_tokens,
            cache_read_tokens=attempt.cached_tokens,
            output_tokens=attempt.completion_tokens,
        )
        price = calc_price(
            usage,
            attempt.model,
            provider_api_url=attempt.endpoint,
            genai_request_timestamp=datetime.fromtimestamp(attempt.began_at_s, UTC),
        )
    except LookupError:
        return None
    except Exception:  # a list of prices must never fail a generation
        logger.warning("No price for %s at %s.", attempt.model, attempt.endpoint, exc_info=True)
        return None
    return Cost(float(price.total_price), "genai-prices") if price.total_price else None
