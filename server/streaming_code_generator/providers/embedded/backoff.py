"""How soon a child process that keeps ending may be started again."""

from dataclasses import dataclass

STABLE_AFTER_S = 30.0
"""A process that lived this long did not end because of how it was started."""


@dataclass(slots=True, kw_only=True)
class RestartBackoff:
    """Counts early ends in a row; times are seconds of one monotonic clock.

    The first restart comes at once, so that a single crash costs nothing but the reload.
    """

    first_delay_s: float = 1.0
    longest_delay_s: float = 30.0
    early_ends: int = 0
    _started_at_s: float = 0.0
    _ended_at_s: float = 0.0

    def note_start(self, now_s: float) -> None:
        """Remember when the process was started."""
        self._started_at_s = now_s

    def note_end(self, now_s: float) -> None:
        """Count an end; after a stable life the count begins anew."""
        lived_s = now_s - self._started_at_s
        self.early_ends = 1 if lived_s >= STABLE_AFTER_S else self.early_ends + 1
        self._ended_at_s = now_s

    def remaining_s(self, now_s: float) -> float:
        """Return the seconds until the next start is allowed; 0 when it is."""
        if self.early_ends <= 1:
            return 0.0
        # The exponent is bounded before the power is taken: ends may go on for days.
        doublings = min(self.early_ends - 2, 10)
        delay_s = min(self.first_delay_s * 2.0**doublings, self.longest_delay_s)
        return max(0.0, self._ended_at_s + delay_s - now_s)
