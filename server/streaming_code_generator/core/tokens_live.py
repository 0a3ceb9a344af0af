"""Counting the tokens of a growing text exactly, at a few microseconds a piece."""

import re

from streaming_code_generator.core.tokens_encodings import CountTokens

_SETTLED = re.compile(r".*[A-Za-z0-9](?=[\x00-&(-/:-@\[-`{-\x7f])", re.DOTALL)
"""Everything before the last place where no later text can join two tokens.

An ASCII letter or digit ends its piece when an ASCII character follows that is neither one itself
nor an apostrophe (`don't` is split before the apostrophe). Source: the patterns of o200k_base and
cl100k_base, by which text is cut before its bytes are merged; merges never cross those cuts.
"""

LONG_TAIL = 2_000
"""Characters without such a place after which the tail is counted at growing intervals only."""


class LiveTokenCount:
    """Counts a whole text's tokens while it arrives in any pieces.

    Only the tail since the last settled place is counted again. In a tail longer than `LONG_TAIL`
    (base64, say) the newest eighth is estimated until more has come, so that the cost of a piece
    stays bounded; `exact` settles that.
    """

    def __init__(self, count: CountTokens) -> None:
        self._count = count
        self._settled_tokens = 0
        self._tail = ""
        self._tail_tokens = 0
        self._counted_chars = 0

    @property
    def tokens(self) -> int:
        """Tokens of everything fed so far."""
        unseen_chars = len(self._tail) - self._counted_chars
        counted = self._settled_tokens + self._tail_tokens
        return counted + estimated_tokens(unseen_chars) if unseen_chars else counted

    def feed(self, text: str) -> None:
        """Add a piece."""
        searched_from = max(len(self._tail) - 1, 0)
        self._tail += text
        settled = _SETTLED.match(self._tail, searched_from)
        if settled is not None:
            self._settled_tokens += self._count(self._tail[: settled.end()])
            self._tail = self._tail[settled.end() :]
        elif len(self._tail) > LONG_TAIL and len(self._tail) < self._counted_chars * 9 // 8:
            return
        self._count_tail()

    def exact(self) -> int:
        """Return the exact count, whatever the tail's length."""
        self._count_tail()
        return self.tokens

    def _count_tail(self) -> None:
        self._tail_tokens = self._count(self._tail)
        self._counted_chars = len(self._tail)


CHARS_PER_TOKEN = 4
"""Rule of thumb for English and code where no tokenizer is at hand."""


def estimated_tokens(chars: int) -> int:
    """Return a rough count for so many characters, rounded up."""
    return -(-chars // CHARS_PER_TOKEN)
