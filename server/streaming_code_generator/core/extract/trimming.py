"""Explanation and reasoning, without the white space around them."""

from streaming_code_generator.core.extract.lines import BLANK

TRIM_LIMIT = 256
"""Most white space held back at the end of what has come so far."""

_WHITE_SPACE = BLANK + "\n"


class Trimmed:
    """Passes text on without white space at its ends; sections are a blank line apart."""

    def __init__(self) -> None:
        self._held = ""
        self._section_started = False
        self._separator = ""

    @property
    def held_back(self) -> int:
        """Characters of white space that may turn out to be the last."""
        return len(self._held)

    def feed(self, text: str) -> str:
        """Return what can be shown."""
        if not self._section_started:
            text = text.lstrip(_WHITE_SPACE)
            if not text:
                return ""
            self._section_started = True
            text, self._separator = self._separator + text, "\n\n"
        text = self._held + text
        kept = len(text.rstrip(_WHITE_SPACE))
        kept = max(kept, len(text) - TRIM_LIMIT)
        self._held = text[kept:]
        return text[:kept]

    def end_section(self) -> None:
        """Say that something else comes between what has come and what follows."""
        self._held = ""
        self._section_started = False
