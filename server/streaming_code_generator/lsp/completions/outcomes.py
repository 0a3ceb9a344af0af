"""What became of the suggestions that were shown, read from the document itself.

LSP has no notification for it: an accepted suggestion is one whose text stands in the document.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from streaming_code_generator.core.complete.window import Place, typed_since
from streaming_code_generator.lsp.completions.completion_stream import Cursor


@dataclass(frozen=True, slots=True)
class _Shown:
    place: Place
    anchor: tuple[int, int]
    text: str
    typed: str = ""
    is_accepted: bool = False


@dataclass(slots=True, eq=False)
class Outcomes:
    """Counts of one document."""

    shown: int = 0
    accepted: int = 0
    """All of it was taken, or typed; or a part of it, a word or a line, at once."""
    rejected: int = 0
    """Something else was typed instead, or suggested."""
    _last: _Shown | None = None

    def __add__(self, other: "Outcomes") -> "Outcomes":
        return Outcomes(
            self.shown + other.shown, self.accepted + other.accepted, self.rejected + other.rejected
        )

    def counts(self) -> dict[str, int]:
        """Return the counts by their names on the wire."""
        return {"shown": self.shown, "accepted": self.accepted, "rejected": self.rejected}

    def show(self, cursor: Cursor, text: str) -> None:
        """Count a suggestion, unless it is what is left of the one before."""
        last = self._last
        if last is not None:
            typed = cursor.typed_at(last.place, last.text, last.anchor)
            if typed is not None and typed + text == last.text:
                return
        self._let_go()
        self.shown += 1
        self._last = _Shown(cursor.place, (cursor.line, cursor.column), text)

    def changed(self, lines: Sequence[str]) -> None:
        """Handle a change of the document."""
        last = self._last
        if last is None:
            return
        typed = typed_since(last.place, last.text, lines, last.anchor)
        if typed is None:
            self._let_go()
            return
        # What the user types comes by single characters.
        at_once = len(typed) - len(last.typed) > 1
        if not last.is_accepted and (at_once or typed == last.text):
            self.accepted += 1
            last = replace(last, is_accepted=True)
        self._last = None if typed == last.text else replace(last, typed=typed)

    def _let_go(self) -> None:
        if self._last is not None and not self._last.is_accepted:
            self.rejected += 1
        self._last = None
