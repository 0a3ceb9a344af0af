"""Rate limits that all editors of one user on one machine keep to, without a daemon.

There is an empty file for each account at an endpoint. Its modification time is the moment from
which requests may be sent again: set by the editor that was refused, or that used up the limit, and
looked at by all of them. It is advice. Where it cannot be read or written, requests are sent, and
an endpoint that has no room says so itself.
"""

import os
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from platformdirs import user_data_path

MOST_PAUSE_S = 600.0
"""A longer pause is not passed on: quotas of a day are for the user to know of."""

STALE_AFTER_S = 86_400.0
"""Files are removed so long after their pause."""

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:([\d.]+)s)?(?:([\d.]+)ms)?")
_UNITS_S = (3600.0, 60.0, 1.0, 0.001)


class SharedLimits:
    """The pauses of all accounts. Its methods block for a look at a small folder, and never fail.

    Args:
        folder: Where the files stand; None is below the user's data folder.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or (
            user_data_path("streaming-code-generator", appauthor=False) / "rate-limits"
        )

    def pause_s(self, account: str) -> float:
        """Return the seconds until a request may be sent; 0 if it may be now."""
        with suppress(OSError):
            left_s = (self._folder / account).stat().st_mtime - time.time()
            # What is further away was written by a clock that has been set back since.
            if 0 < left_s <= MOST_PAUSE_S:
                return left_s
        return 0.0

    def note(self, account: str, pause_s: float) -> None:
        """Pass on that for so many seconds no request should be sent."""
        if not self.pause_s(account) < pause_s <= MOST_PAUSE_S:
            return
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path, until_s = self._folder / account, time.time() + pause_s
            path.touch(mode=0o600)
            os.utime(path, (until_s, until_s))
            for each in self._folder.iterdir():
                if each.stat().st_mtime < time.time() - STALE_AFTER_S:
                    each.unlink(missing_ok=True)


def account_of(endpoint: str, key: str | None) -> str:
    """Return the name of an account's file: a hash, by which neither URL nor key is known."""
    return blake2b(f"{endpoint}\0{key or ''}".encode(), digest_size=16).hexdigest()


def pause_in(headers: Mapping[str, str]) -> float:
    """Return the seconds for which a response's headers leave no room for another request.

    `x-ratelimit-remaining-requests: 0` with `x-ratelimit-reset-requests: 1m30s`, and the same for
    tokens. Source: OpenAI's guide to rate limits; Groq and others send the same.
    """
    used_up = [
        kind
        for kind in ("requests", "tokens")
        if headers.get(f"x-ratelimit-remaining-{kind}") == "0"
    ]
    resets = (_duration_s(headers.get(f"x-ratelimit-reset-{kind}", "")) for kind in used_up)
    return max(resets, default=0.0)


def _duration_s(text: str) -> float:
    """Return the seconds of `1h2m3.5s`, `6m0s` or `120ms`; 0 for anything else."""
    found = _DURATION.fullmatch(text)
    if found is None:
        return 0.0
    with suppress(ValueError):
        parts = zip(found.groups(default="0"), _UNITS_S, strict=True)
        return sum(float(number) * unit_s for number, unit_s in parts)
    return 0.0
