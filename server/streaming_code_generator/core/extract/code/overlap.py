"""Text that stands around the insertion point already and is not to be repeated."""

from streaming_code_generator.core.extract.parts import Tally

OVERLAP_LIMIT = 256
"""Most characters compared on either side. A longer line before the cursor counts with its end
only, a longer one behind it not at all."""

_LEAST_WORD_CHARACTERS = 3
"""What a response must repeat of the end of a line to be taken for a repetition: less could be
chance. The whole line is one however short it is."""

_PAIRS = {")": "(", "]": "[", "}": "{"}
_QUOTES = "\"'`"


class OverlapBefore:
    """Drops from the first line's beginning what it repeats of the line before the cursor."""

    def __init__(self, text_before: str, tally: Tally) -> None:
        self._tally = tally
        line = text_before.lstrip(" \t")
        endings = [line[start:] for start in _telling_starts(line)]
        whole = [line] if 0 < len(line) <= OVERLAP_LIMIT and line not in endings else []
        self._candidates = whole + endings
        """What would be dropped, longest first."""
        self._held = ""

    @property
    def held_back(self) -> int:
        """Characters that may still become a repetition."""
        return len(self._held)

    def feed(self, text: str) -> tuple[str, bool] | None:
        """Read on in the first line.

        Returns:
            The line so far without what it repeats, and whether it repeats anything; None while
            that is open.
        """
        # `text_before` is "def add(", and models go on with it, or begin the line again:
        #
        #     "a, b):"           no candidate fits: nothing is repeated
        #     "def add(a, b):"   repeats it all: "a, b):" is inserted
        #     "add(a, b):"       repeats its end from a word on: "a, b):" again
        #     "de"               may still become a repetition: None, wait for more
        self._held += text
        self._candidates = [
            candidate
            for candidate in self._candidates
            if candidate.startswith(self._held) or self._held.startswith(candidate)
        ]
        if self._candidates and len(self._candidates[0]) > len(self._held):
            return None
        return self.finish()

    def finish(self) -> tuple[str, bool]:
        """Decide on what has been read."""
        text, self._held = self._held, ""
        for candidate in self._candidates:
            if text.startswith(candidate):
                self._tally.drop("repetition", candidate)
                return text[len(candidate) :], True
        return text, False


class OverlapAfter:
    """Drops from the code's end what it repeats of the line behind the cursor.

    Editors that close brackets by themselves leave `)` there, and models write it again. It is
    dropped only where the code has no use for it: `foo(1)` before `)` keeps its bracket.
    """

    def __init__(self, text_after: str, tally: Tally) -> None:
        self._tally = tally
        line = text_after.replace("\r", "\n").partition("\n")[0].rstrip(" \t")
        comparable = line.strip(" \t") and len(line) <= OVERLAP_LIMIT
        self._repeated = line if comparable else ""
        self._matched = 0
        """How much of the repetition's beginning the text ends with: so much is held back."""
        self._counts: dict[str, int] = dict.fromkeys(self._counted(), 0)
        self._last = ""

    @property
    def held_back(self) -> int:
        """Characters that may be the repetition, or its beginning."""
        return self._matched

    def feed(self, text: str) -> str:
        """Return what is certainly no repetition."""
        if not self._repeated:
            return text
        # `text_after` is ")", code "foo(1))" in the chunks "foo(1" and "))":
        #
        #     "foo(1"   matches nothing of ")": released
        #     "))"      the first ")" is matched, then let go by the second, which is held
        #     end       "foo(1)" is complete without it: dropped; behind "foo(1" it would stay
        text = self._repeated[: self._matched] + text
        longest = range(min(len(text), len(self._repeated)), 0, -1)
        self._matched = next((n for n in longest if text.endswith(self._repeated[:n])), 0)
        released = text[: len(text) - self._matched]
        for char in self._counts:
            self._counts[char] += released.count(char)
        self._last = released[-1:] or self._last
        return released

    def finish(self) -> str:
        """Return what was held back, unless it is the repetition."""
        held, self._matched = self._repeated[: self._matched], 0
        if held and held == self._repeated and self._is_superfluous():
            self._tally.drop("repetition", held)
            return ""
        return held

    def _counted(self) -> str:
        """Return the characters whose number decides: a quotation mark, or pairs of brackets."""
        if self._repeated[:1] in _QUOTES:
            return self._repeated[:1]
        return "".join(
            opening + closing
            for closing, opening in _PAIRS.items()
            if self._repeated.count(closing) > self._repeated.count(opening)
        )

    def _is_superfluous(self) -> bool:
        """Whether the code is complete without the repetition."""
        first = self._repeated[0]
        if _is_word(first) and _is_word(self._last):
            return False
        if first in _QUOTES:
            return self._counts[first] % 2 == 0
        return all(
            self._counts[opening] <= self._counts[closing]
            for closing, opening in _PAIRS.items()
            if closing in self._counts
        )


def _telling_starts(line: str) -> list[int]:
    """Return, in order, where an ending of the line begins that repeats more than chance would.

    It begins at a word, or between words, and holds enough characters of words.
    """
    # Of "return self.total(" these are taken for repetitions: the whole of it, " self.total(",
    # "self.total(", ".total(" and "total(". Shorter ends, "al(" or "(", may be there by chance.
    starts = []
    word_characters = 0
    for start in range(len(line) - 1, max(0, len(line) - OVERLAP_LIMIT) - 1, -1):
        word_characters += _is_word(line[start])
        inside_word = start > 0 and _is_word(line[start]) and _is_word(line[start - 1])
        if word_characters >= _LEAST_WORD_CHARACTERS and not inside_word:
            starts.append(start)
    return starts[::-1]


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"
