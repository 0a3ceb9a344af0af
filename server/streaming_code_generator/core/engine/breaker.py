"""When an endpoint gets no requests for a while because it keeps failing. Pure: the clock goes in.

closed      failures are counted; what succeeds sets them to 0
open        after 5 in a row: no request for 15 s, then one
open again  that one failed too: none for 30 s, then 60 s, then 120 s each time
"""

from collections import defaultdict

from streaming_code_generator.errors import ErrorKind

MOST_FAILURES = 5
OPEN_S = 15.0
MOST_OPEN_S = 120.0

UNHEALTHY: frozenset[ErrorKind] = frozenset({"connection", "timeout", "server", "rate_limit"})
"""Failures that are the endpoint's own, whatever the request."""


class CircuitBreaker:
    """Counts one endpoint's failures; times are in seconds on any clock that does not go back."""

    def __init__(self) -> None:
        self._failures = 0
        self._open_until_s: float | None = None
        self._open_s = OPEN_S

    def is_open(self, now_s: float) -> bool:
        """Whether the endpoint should get no request now.

        Once the time is over, one caller gets a no and is expected to send one; the others wait
        for the outcome, or for as long again if none comes.
        """
        if self._open_until_s is None:
            return False
        if now_s < self._open_until_s:
            return True
        # The one caller that gets through is the trial: for the others it stays open meanwhile.
        self._open_until_s = now_s + self._open_s
        return False

    def failed(self, now_s: float) -> None:
        """Count a failed attempt."""
        self._failures += 1
        if self._open_until_s is not None:
            self._open_s = min(self._open_s * 2, MOST_OPEN_S)
        if self._failures >= MOST_FAILURES:
            self._open_until_s = now_s + self._open_s

    def succeeded(self) -> None:
        """Begin anew: the endpoint has answered."""
        self._failures, self._open_until_s, self._open_s = 0, None, OPEN_S


class CircuitBreakers:
    """One for each endpoint that got a request."""

    def __init__(self) -> None:
        self._breakers: defaultdict[str, CircuitBreaker] = defaultdict(CircuitBreaker)

    def of(self, endpoint: str) -> CircuitBreaker:
        """Return an endpoint's own."""
        return self._breakers[endpoint]
