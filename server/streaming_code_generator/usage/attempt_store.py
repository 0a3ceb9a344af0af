"""The ledger's file: SQLite, one row an attempt, none of them with any text.

Every function here blocks, and a connection belongs to the thread that opened it.
"""

import logging
import os
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

from streaming_code_generator.core.attempts import Attempt, UsageSums

logger = logging.getLogger(__name__)

MOST_ROWS = 200_000
"""The oldest go beyond that, some 30 MB."""

STORE_ERRORS = (sqlite3.Error, OSError)
"""What an `AttemptStore` raises."""

LOCK_WAIT_S = 0.25
"""Longest wait for another process that writes: it takes a millisecond."""

_VERSION = 1
"""Of the tables; a file of a newer one is left alone."""

_TABLE = """
CREATE TABLE IF NOT EXISTS attempts (
    id INTEGER PRIMARY KEY,
    began_at REAL NOT NULL, -- seconds since the epoch
    seconds REAL NOT NULL,
    purpose TEXT NOT NULL, -- generate, complete
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    status TEXT NOT NULL, -- completed, cancelled, failed
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL,
    token_source TEXT NOT NULL, -- provider, tiktoken, estimate
    cost_usd REAL, -- null where no price is known
    cost_source TEXT -- provider, genai-prices
);
CREATE INDEX IF NOT EXISTS attempts_began_at ON attempts (began_at);
"""

_INSERT = "INSERT INTO attempts VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

UsageKey = Literal["day", "model", "endpoint"]
_KEYS: Mapping[UsageKey, str] = {
    "day": "date(began_at, 'unixepoch', 'localtime')",
    "model": "model",
    "endpoint": "endpoint",
}

_SUMS = """
    count(*), total(status = 'completed'), total(status = 'cancelled'), total(status = 'failed'),
    total(prompt_tokens), total(completion_tokens), total(cached_tokens), total(reasoning_tokens),
    total(token_source <> 'provider' AND prompt_tokens + completion_tokens > 0),
    total(cost_usd IS NULL AND prompt_tokens + completion_tokens > 0), sum(cost_usd),
    group_concat(DISTINCT CASE WHEN prompt_tokens + completion_tokens > 0 THEN token_source END),
    group_concat(DISTINCT cost_source)
"""


class AttemptStore:
    """An open ledger. Use it in one thread.

    Raises:
        sqlite3.Error: The file cannot be opened, or is of a newer version.
        OSError: Its folder cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._connection = _opened(path)
        except sqlite3.DatabaseError as error:
            if not _is_broken(error):
                raise
            self._connection = _opened_anew(path)

    def add(self, attempts: Sequence[Attempt]) -> None:
        """Write attempts, all of them or none.

        Raises:
            sqlite3.Error: The disk is full, the file is locked or broken.
        """
        try:
            with self._connection:
                self._connection.executemany(_INSERT, map(_row, attempts))
        except sqlite3.DatabaseError as error:
            if not _is_broken(error):
                raise
            self.close()
            self._connection = _opened_anew(self._path)
            with self._connection:
                self._connection.executemany(_INSERT, map(_row, attempts))

    def sums(self, *, since_s: float) -> UsageSums:
        """Return what the attempts since a moment come to, in seconds since the epoch.

        Raises:
            sqlite3.Error: The file cannot be read.
        """
        query = f"SELECT {_SUMS} FROM attempts WHERE began_at >= ?"  # noqa: S608 - constants
        return _sums(self._connection.execute(query, (since_s,)).fetchone())

    def sums_by(self, key: UsageKey) -> dict[str, UsageSums]:
        """Return what all attempts come to by day (local time), by model, or by endpoint.

        Raises:
            sqlite3.Error: The file cannot be read.
        """
        query = f"SELECT {_KEYS[key]}, {_SUMS} FROM attempts GROUP BY 1 ORDER BY 1"  # noqa: S608 - constants
        return {name: _sums(sums) for name, *sums in self._connection.execute(query)}

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _opened(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # SQLite gives the files beside it, `-wal` and `-shm`, the same mode.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = sqlite3.connect(path, timeout=LOCK_WAIT_S)
    try:
        version = _version(connection)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        if version < _VERSION:
            connection.executescript(f"BEGIN; {_TABLE} PRAGMA user_version = {_VERSION}; COMMIT;")
        with connection:
            newest = "SELECT max(id) FROM attempts"
            connection.execute(f"DELETE FROM attempts WHERE id <= ({newest}) - {MOST_ROWS}")  # noqa: S608 - a constant
    except BaseException:
        connection.close()
        raise
    return connection


def _version(connection: sqlite3.Connection) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > _VERSION:
        raise sqlite3.NotSupportedError(f"it is of version {version}, newer than this program")
    return version


def _is_broken(error: sqlite3.DatabaseError) -> bool:
    # What Python itself raises has no code.
    code = getattr(error, "sqlite_errorcode", None)
    return code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def _opened_anew(path: Path) -> sqlite3.Connection:
    """Open a file that was found broken: it is kept beside the new one, for who can mend it."""
    try:
        # Another process may have found the same and have been faster.
        connection = _opened(path)
        if connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",):
            return connection
        connection.close()
    except sqlite3.DatabaseError as error:
        if not _is_broken(error):
            raise
    aside = path.with_name(f"{path.name}.broken")
    logger.warning("The ledger %s is broken: it is kept as %s, a new one begins.", path, aside.name)
    path.replace(aside)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return _opened(path)


def _row(attempt: Attempt) -> tuple[object, ...]:
    return (
        attempt.began_at_s,
        attempt.seconds,
        attempt.purpose,
        attempt.provider,
        attempt.model,
        attempt.endpoint,
        attempt.status,
        attempt.prompt_tokens,
        attempt.completion_tokens,
        attempt.cached_tokens,
        attempt.reasoning_tokens,
        attempt.token_source,
        attempt.cost.usd if attempt.cost else None,
        attempt.cost.source if attempt.cost else None,
    )


def _sums(columns: Sequence[Any]) -> UsageSums:
    *counts, usd, token_sources, cost_sources = columns
    counted = [each.name for each in fields(UsageSums)][: len(counts)]
    return UsageSums(
        **{name: int(count or 0) for name, count in zip(counted, counts, strict=True)},
        cost_usd=usd,
        token_sources=_split(token_sources),
        cost_sources=_split(cost_sources),
    )


def _split(sources: str | None) -> tuple[str, ...]:
    return tuple(sorted(sources.split(","))) if sources else ()
