"""Cutting text into portions that never tear a character apart."""

import re

_SURROGATE = re.compile("[\ud800-\udfff]")
_HIGH_SURROGATES = range(0xD800, 0xDC00)


class ChunkSplitter:
    """Hands on text in pieces of at most `limit` characters.

    A character beyond U+FFFF may come as two lone surrogates, one at the end of a delta and one at
    the start of the next (JSON escapes torn apart by a server): they are joined again. A surrogate
    that never finds its other half becomes U+FFFD. CRLF is not split unless `limit` is 1.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._high_surrogate = ""

    def feed(self, text: str) -> list[str]:
        """Return the pieces that `text` completes; empty when a half character is held back."""
        if self._high_surrogate or not text.isascii():
            text = self._whole_characters(self._high_surrogate + text)
        if len(text) <= self._limit:
            return [text] if text else []
        return list(self._cut(text))

    def finish(self) -> list[str]:
        """Return what is still held back."""
        held, self._high_surrogate = self._high_surrogate, ""
        return ["\ufffd"] if held else []

    def _whole_characters(self, text: str) -> str:
        self._high_surrogate = ""
        if text and ord(text[-1]) in _HIGH_SURROGATES:
            text, self._high_surrogate = text[:-1], text[-1]
        if _SURROGATE.search(text) is None:
            return text
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def _cut(self, text: str) -> list[str]:
        pieces, start = [], 0
        while start < len(text):
            end = min(start + self._limit, len(text))
            if end - start > 1 and text[end - 1 : end + 1] == "\r\n":
                end -= 1
            pieces.append(text[start:end])
            start = end
        return pieces
