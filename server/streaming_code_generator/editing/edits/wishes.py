"""What generations want their regions to hold, until it stands there."""

from collections.abc import Iterator
from dataclasses import dataclass

from streaming_code_generator.editing.edits.plan import Plan, plan_towards
from streaming_code_generator.editing.regions.tracked_document import TrackedDocument
from streaming_code_generator.editing.text.lines import LineEnding, with_line_ending


@dataclass(slots=True)
class _Wish:
    text: str
    is_final: bool = False


class Wishes:
    """The wanted text of every region that wants any."""

    def __init__(self, document: TrackedDocument) -> None:
        self._document = document
        self._wishes: dict[str, _Wish] = {}
        self._running: set[str] = set()
        """The regions of generations that have not ended."""
        self._settled_texts: dict[str, str] = {}
        """By region, the text that it was last brought to for good."""
        self._line_ending: LineEnding | None = None
        """The one that the client turns ours into; None if it keeps them."""

    def __contains__(self, region_id: str) -> bool:
        """Whether a region wants text."""
        return region_id in self._wishes

    def __iter__(self) -> Iterator[str]:
        """Iterate over the regions that want text."""
        return iter(list(self._wishes))

    def is_running(self, region_id: str) -> bool:
        """Whether a region's generation has not ended."""
        return region_id in self._running

    def begin(self, region_id: str) -> None:
        """Let a region want text from now on."""
        self._running.add(region_id)

    def want(self, region_id: str, text: str) -> None:
        """Set what the region of a running generation should hold now."""
        if region_id in self._running:
            self._wishes[region_id] = _Wish(self.as_client_writes(text))

    def want_for_good(self, region_id: str, text: str) -> None:
        """Set what a region should hold at the end."""
        self._running.add(region_id)
        self._wishes[region_id] = _Wish(self.as_client_writes(text), is_final=True)

    def want_settled_again(self, region_id: str) -> None:
        """Want what a region was last brought to for good, unless it wants something else."""
        if region_id not in self._wishes and region_id in self._settled_texts:
            self.want_for_good(region_id, self._settled_texts[region_id])

    def stop(self, region_id: str) -> None:
        """Want nothing more of a region."""
        self._wishes.pop(region_id, None)
        self._running.discard(region_id)

    def forget(self, region_id: str) -> None:
        """Want nothing more of a region, nor what it was once brought to."""
        self.stop(region_id)
        self._settled_texts.pop(region_id, None)

    @property
    def has_final(self) -> bool:
        """Whether any region wants what it should hold at the end."""
        return any(wish.is_final for wish in self._wishes.values())

    def final_text(self, region_id: str) -> str | None:
        """Return what a region should hold at the end; None if that is not known."""
        wish = self._wishes.get(region_id)
        return wish.text if wish and wish.is_final else None

    def plan(self) -> Plan:
        """Return the steps that bring all regions to what they want."""
        # Regions that hold what they want come to no step.
        return plan_towards(self._document, {key: wish.text for key, wish in self._wishes.items()})

    def settled(self, busy: set[str]) -> list[str]:
        """Return the regions that hold what they should hold at the end, and stop wanting it.

        Args:
            busy: Regions of which an edit is on its way.
        """
        held = [
            region_id
            for region_id, wish in self._wishes.items()
            if wish.is_final
            and region_id not in busy
            and self._document.region(region_id).own_text == wish.text
        ]
        for region_id in held:
            self._settled_texts[region_id] = self._wishes[region_id].text
            self.stop(region_id)
        return held

    def convert(self, line_ending: LineEnding) -> None:
        """Want every text with the line ending that the client writes instead of ours."""
        self._line_ending = line_ending
        for wish in self._wishes.values():
            wish.text = self.as_client_writes(wish.text)

    def as_client_writes(self, text: str) -> str:
        """Return a text with the client's own line endings, where it has such."""
        return with_line_ending(text, self._line_ending) if self._line_ending else text
