"""What the past of a region is made of: the region then, the changes, the older texts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from streaming_code_generator.editing.regions.region import ForeignChange, Region, absorb_change
from streaming_code_generator.editing.text.diff import Edit
from streaming_code_generator.editing.text.lines import Point
from streaming_code_generator.editing.text.mirror import Mirror


@dataclass(frozen=True, slots=True)
class PastRegion:
    """A region as it was, by its coordinates."""

    start: int
    end: int
    region: Region
    was_seen: bool = True
    """Whether the editor has reported it; else it may never have been."""

    def landed(self, edits: tuple[Edit, ...]) -> "PastRegion":
        """Return it as it would be had the edits of its own text, in order, landed unseen."""
        region, end = self.region, self.end
        for edit in reversed(edits):
            end += sum(len(p.text) - (p.end - p.start) for p in region.place(edit))
            region = region.land(edit)
        return replace(self, region=region, end=end, was_seen=False)

    def changed(self, text: str, left: int, edits: Sequence[Edit]) -> "PastRegion":
        """Return it as it would be had the user made edits of its field's text at that time."""
        field, origin = Mirror(text), Point(0, 0)
        region = replace(
            self.region,
            start=field.advance(origin, self.start - left),
            end=field.advance(origin, self.end - left),
        )
        for edit in reversed(edits):
            start, end = field.advance(origin, edit.start), field.advance(origin, edit.end)
            staged = field.stage(start, end, edit.text)
            change = ForeignChange(start, end, edit.text)
            region = absorb_change(region, field, change, staged.splice, author="user")
            field.make(staged)
        return replace(
            self,
            start=field.distance(origin, region.start) + left,
            end=field.distance(origin, region.end) + left,
            region=region,
        )

    def document_edits(self, edits: tuple[Edit, ...]) -> list[Edit]:
        """Return what edits of its own text, in order, do to the field, in coordinates."""
        return [
            Edit(self.start + placed.start, self.start + placed.end, placed.text)
            for edit in edits
            for placed in self.region.place(edit)
        ]


@dataclass(frozen=True, slots=True)
class Step:
    """One change of the field: `removed`, from coordinate `start` on, became `inserted`."""

    start: int
    removed: str
    inserted: str
    before: PastRegion | None
    """The region before it; None in the middle of an edit of several places."""
    is_users: bool = False

    @property
    def growth(self) -> int:
        """How many code points longer the field is afterwards."""
        return len(self.inserted) - len(self.removed)


@dataclass(slots=True)
class OlderText:
    """An older text of the field, as what it has in place of `[low, high)` of the present one."""

    present: str
    left: int
    """The coordinate at which the field begins."""
    low: int
    high: int
    older: str = ""

    def go_back(self, step: Step) -> None:
        """Take one step back."""
        start, end = step.start - self.left, step.start - self.left + len(step.inserted)
        # The step may lie beside what is known to differ: then that grows to hold both.
        low = min(self.low, start)
        older_end = self.low + len(self.older)
        beyond = max(0, end - older_end)
        text = (
            self.present[low : self.low] + self.older + self.present[self.high : self.high + beyond]
        )
        self.older = text[: start - low] + step.removed + text[end - low :]
        self.low, self.high = low, self.high + beyond

    @property
    def is_present(self) -> bool:
        """Whether the older text is the present one."""
        return (
            self.high - self.low == len(self.older)
            and self.present[self.low : self.high] == self.older
        )

    def holds_any(self, runs: Iterable[str]) -> bool:
        """Whether any of these texts stands in the older part of the text."""
        return any(run in self.older for run in runs)

    @property
    def text(self) -> str:
        """All of the older text."""
        return self.present[: self.low] + self.older + self.present[self.high :]
