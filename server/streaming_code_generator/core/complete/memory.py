"""The suggestions of a session, found again by the text around the cursor."""

from collections import OrderedDict
from hashlib import blake2b

from streaming_code_generator.core.complete.window import LINES_BEFORE, Place, afters

MOST_REMEMBERED = 250
LOOK_BACK = 128
"""So many characters of a suggestion may have been typed since it came."""
SCROLLED = 3
"""So many lines may have left the stretch above the cursor since."""


class CompletionMemory:
    """Remembers what was suggested where; what was used least recently goes first.

    What the user types as suggested leads from one place to the next: at each of them the rest of
    the suggestion is found, without any request.
    """

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._most = most * (SCROLLED + 1)
        self._texts: OrderedDict[bytes, str] = OrderedDict()

    def remember(self, place: Place, text: str) -> None:
        """Keep a suggestion; an empty one says that there is none."""
        lines = place.before.split("\n")
        # As it is, and as it is once some of its lines have scrolled out of the stretch.
        most_gone = SCROLLED if len(lines) + SCROLLED > LINES_BEFORE else 0
        for gone in range(most_gone + 1):
            before = "\n".join(lines[gone:])
            (key,) = _keys(before, place.after, len(before))
            self._texts[key] = text
            self._texts.move_to_end(key)
        while len(self._texts) > self._most:
            self._texts.popitem(last=False)

    def find(self, place: Place) -> str | None:
        """Return what is still to come of a suggestion; "" if there is none; None if unknown."""
        for after in afters(place):
            first = max(0, len(place.before) - LOOK_BACK)
            keys = _keys(place.before, after, first)
            for back, key in enumerate(reversed(keys)):
                # "x = fo|" with back 2: "foo(a)" was suggested at "x = |", so "o(a)" is to come.
                text = self._texts.get(key)
                if text is None or not text.startswith(place.before[len(place.before) - back :]):
                    continue
                if back and len(text) == back:
                    continue  # all of it was typed: what comes next was never asked for
                self._texts.move_to_end(key)
                return text[back:]
        return None


def _keys(before: str, after: str, first: int) -> list[bytes]:
    """Return the keys of `before[:first]` to `before`, each longer by a character."""
    hashed = blake2b(_encoded(f"{len(after)} {after}{before[:first]}"), digest_size=16)
    keys = [hashed.digest()]
    for character in before[first:]:
        hashed.update(_encoded(character))
        keys.append(hashed.digest())
    return keys


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
