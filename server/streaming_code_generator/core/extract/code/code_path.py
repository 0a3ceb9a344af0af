"""The way of code through the filter: out of its dress, without repetitions, laid out."""

from streaming_code_generator.core.extract.code.characters import Characters
from streaming_code_generator.core.extract.code.dress import Dress
from streaming_code_generator.core.extract.code.layout import FlushFirstLine, Layout
from streaming_code_generator.core.extract.code.placeholders import Placeholders
from streaming_code_generator.core.extract.code.repetition import RepeatedAbove
from streaming_code_generator.core.extract.parts import CodeTarget, Tally
from streaming_code_generator.core.extract.response_lines import segments


class CodePath:
    """Reads code, a line's worth at most at a time, and returns what is to be inserted."""

    def __init__(self, target: CodeTarget, tally: Tally) -> None:
        self._characters = Characters(target, tally)
        self._dress = Dress(target, tally)
        self._above = RepeatedAbove(target, tally)
        self._placeholders = Placeholders(target, tally)
        self._layout = Layout(target, tally)
        self._flush = FlushFirstLine(target, self._layout.indentation)
        self._is_plain = False
        """Whether the code has shown that it is not dressed up and repeats nothing above it."""

    @property
    def held_back(self) -> int:
        """Characters that may turn out to be no code, or not to be new."""
        holders = (
            self._characters,
            self._dress,
            self._above,
            self._placeholders,
            self._flush,
            self._layout,
        )
        return sum(holder.held_back for holder in holders)

    def expect_diff(self) -> None:
        """Take what comes for a diff."""
        self._dress.expect_diff()

    def feed(self, segment: str) -> str:
        """Return what is certain to be inserted."""
        segment = self._characters.feed(segment)
        if self._is_plain:
            text = self._placeholders.feed(segment)
            return self._layout.feed(text) if text else text
        shown = self._to_layout(self._dress.feed(segment))
        self._is_plain = (
            self._dress.is_passing and self._above.is_passing and self._flush.is_passing
        )
        return shown

    def finish(self) -> str:
        """Return what was held back and is to be inserted."""
        shown = self._to_layout(self._dress.feed(self._characters.finish()))
        shown += self._to_layout(self._dress.finish())
        shown += self._to_placeholders(self._above.finish())
        shown += self._to_flush(self._placeholders.finish())
        shown += self._lay_out(self._flush.finish())
        return shown + self._layout.finish()

    def _to_layout(self, text: str) -> str:
        return "".join(
            self._to_placeholders(self._above.feed(segment)) for segment in segments(text)
        )

    def _to_placeholders(self, text: str) -> str:
        return "".join(
            self._to_flush(self._placeholders.feed(segment)) for segment in segments(text)
        )

    def _to_flush(self, text: str) -> str:
        return "".join(self._lay_out(self._flush.feed(segment)) for segment in segments(text))

    def _lay_out(self, text: str) -> str:
        return "".join(self._layout.feed(segment) for segment in segments(text))
