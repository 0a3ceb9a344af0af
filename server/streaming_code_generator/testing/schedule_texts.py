"""The texts of a schedule: what each author writes with, so that it can be told apart."""

import itertools

from streaming_code_generator.testing.editor import EditorHabits

LETTERS = ("abc", "mno", "xyz")
"""What each generation writes with, if its letters may repeat."""
_GENERATED_BLOCKS = (0xAC00, 0xB400, 0xBC00)
_BLOCK_LENGTH = 0x400
_NARROW_BLOCK, _WIDE_BLOCK = 0x4E00, 0x20000
_LAST_BMP = "\uffff"


class ScheduleTexts:
    """Turns plain texts into those of one schedule."""

    def __init__(self, habits: EditorHabits, *, distinct: bool) -> None:
        """Prepare texts.

        Args:
            habits: The client's; it may turn line endings into its own.
            distinct: Whether no letter of a generation is to occur twice, for clients whose
                reports cannot tell equal ones apart. What a person types never does.
        """
        self._line_ending = habits.line_ending
        self._is_distinct = distinct
        self._fresh = itertools.count()

    def foreign(self, text: str) -> str:
        """Return a text that a person types, or that a document begins with.

        Apart from line endings, every code point occurs once.
        """
        return self.ended("".join(c if c == "\n" else self._fresh_like(c) for c in text))

    def generated(self, text: str, generation: int, *, original: str) -> str:
        """Return text of a generation, made of the letters a, b, c and line feeds.

        Its line endings are the client's only if it replaces some: that much a server knows.
        """
        arrived = "".join(c if c == "\n" else self._letter(c, generation) for c in text)
        return self.ended(arrived) if "\r\n" in original else arrived

    def ended(self, text: str) -> str:
        """Return a text with the line endings that the client gives it."""
        ending = self._line_ending
        return text.replace("\r\n", "\n").replace("\n", ending) if ending else text

    def _letter(self, character: str, generation: int) -> str:
        if self._is_distinct:
            return chr(_GENERATED_BLOCKS[generation] + next(self._fresh) % _BLOCK_LENGTH)
        return LETTERS[generation]["abc".index(character)]

    def _fresh_like(self, character: str) -> str:
        """Return a code point that was not used yet and is as wide as another one."""
        block = _WIDE_BLOCK if character > _LAST_BMP else _NARROW_BLOCK
        return chr(block + next(self._fresh))
