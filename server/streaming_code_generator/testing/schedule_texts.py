"""The texts of a schedule: no character but line endings is ever used twice.

So a character that is lost, doubled or in the wrong place is seen without knowing how it got there.
"""

import itertools

from streaming_code_generator.testing.editor import EditorHabits

_GENERATED_START = 0xAC00
_GENERATED_END = 0xD7A4
_NARROW_START, _WIDE_START = 0x4E00, 0x20000
_LAST_BMP = "\uffff"
ENDINGS = "\r\n"


class ScheduleTexts:
    """Turns plain texts into those of one schedule."""

    def __init__(self, habits: EditorHabits) -> None:
        self._line_ending = habits.line_ending
        self._fresh = itertools.count()

    def foreign(self, text: str) -> str:
        """Return a text that the user types, or that a document begins with.

        A client that has line endings of its own has no others in its documents.
        """
        if self._line_ending:
            text = self.ended(text.replace("\r\n", "\n").replace("\r", "\n"))
        return "".join(c if c in ENDINGS else self._fresh_like(c) for c in text)

    def generated(self, text: str, *, original: str) -> str:
        """Return text of a generation.

        Its line endings are the client's only if it replaces some: that much a server knows.
        """
        letters = _GENERATED_END - _GENERATED_START
        text = "".join(
            c if c in ENDINGS else chr(_GENERATED_START + next(self._fresh) % letters) for c in text
        )
        return self.ended(text) if "\r\n" in original else text

    def ended(self, text: str) -> str:
        """Return a text with the line endings that the client gives it."""
        ending = self._line_ending
        return text.replace("\r\n", "\n").replace("\n", ending) if ending else text

    def _fresh_like(self, character: str) -> str:
        """Return a code point that was not used yet and is as wide as another one."""
        block = _WIDE_START if character > _LAST_BMP else _NARROW_START
        return chr(block + next(self._fresh))
