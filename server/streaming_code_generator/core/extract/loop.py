"""Notices a model that writes the same over and over."""

_LOOKED_AT = 4_096
"""So much of the text's end is looked at."""
_EVERY = 512
"""How often, in characters: at the same places however the text was cut."""
_LONGEST_PERIOD = 1_000
_PROBE = 24
_SHORT = 100
_LEAST = 1_000


class LoopDetector:
    """Reads a stream and says where it has begun to go round in circles."""

    def __init__(self) -> None:
        self._tail = ""
        self._pending: list[str] = []
        self._room = _EVERY

    def feed(self, text: str) -> int | None:
        """Read on; return how much of `text` came up to the end of the loop, or None."""
        if len(text) < self._room:
            self._pending.append(text)
            self._room -= len(text)
            return None
        start = 0
        while len(text) - start >= self._room:
            end = start + self._room
            self._tail += "".join(self._pending) + text[start:end]
            self._tail = self._tail[-_LOOKED_AT:]
            self._pending, self._room, start = [], _EVERY, end
            if is_loop(self._tail):
                return end
        self._pending.append(text[start:])
        self._room -= len(text) - start
        return None


def is_loop(text: str) -> bool:
    """Whether a text ends in so many repetitions of one stretch that it will not stop.

    More than thirty short ones, or three of hundreds of characters. What has no letters is none:
    tables of numbers and rules of dashes repeat themselves for good reason.
    """
    # "return x\n" a hundred times, and "re": the probe "…n x\nre" is found once more 9 characters
    # before the end, so the period is 9, and everything equals what stands 9 characters before it.
    probe = text[-_PROBE:]
    found = text.rfind(probe, 0, len(text) - 1)
    period = len(text) - len(probe) - found
    if found < 0 or period > _LONGEST_PERIOD:
        return False
    stretch = text[-period:]
    if not any(map(str.isalpha, stretch)):
        return False
    least = max(_LEAST, 30 * period if period < _SHORT else 3 * period)
    return len(text) >= least + period and text[-least:] == text[-least - period : -period]
