"""What became of an answer's text, other than being handed on."""

from collections import Counter

from streaming_code_generator.core.extract.parts import Rule


def weight(text: str) -> int:
    """Return how many characters of a text are no white space, which the layout alters freely."""
    return sum(map(len, text.split()))


class Tally:
    """Counts what is dropped and added, and keeps why code cannot be used."""

    def __init__(self) -> None:
        self.dropped: Counter[Rule] = Counter()
        self.added = 0
        self.refusal: str | None = None
        """Why what there is of code must not go into the document."""

    def drop(self, rule: Rule, text: str) -> None:
        """Count text that goes nowhere."""
        if count := weight(text):
            self.dropped[rule] += count

    def add(self, text: str) -> None:
        """Count text that comes from the document."""
        self.added += weight(text)

    def refuse(self, reason: str) -> None:
        """Keep the first reason."""
        self.refusal = self.refusal or reason
