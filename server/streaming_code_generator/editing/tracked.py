"""A document's mirror together with the regions that live in it."""

from collections.abc import Iterable

from streaming_code_generator.editing.diff import Edit, fine_edits
from streaming_code_generator.editing.lines import Point
from streaming_code_generator.editing.mirror import Mirror
from streaming_code_generator.editing.pieces import document_length
from streaming_code_generator.editing.regions import (
    Author,
    ForeignChange,
    Region,
    absorb_change,
    overlaps,
)


class TrackedDocument:
    """The text of a document and every region in it, moved together by each change."""

    def __init__(self, mirror: Mirror) -> None:
        self.mirror = mirror
        self._regions: dict[str, Region] = {}
        self._order: list[str] = []
        """Region ids in the order in which their text comes where they touch."""

    def open_region(self, region_id: str, start: Point, end: Point) -> None:
        """Track a range; what stands in it is the text to be replaced."""
        region = Region.around(self.mirror, start, end)
        index = sum(self._comes_before(other, start) for other in self._regions.values())
        self._order.insert(index, region_id)
        self._regions[region_id] = region

    @staticmethod
    def _comes_before(other: Region, start: Point) -> bool:
        return other.start < start or (other.start == start and other.is_empty)

    def region(self, region_id: str) -> Region:
        """Return a region by its id."""
        return self._regions[region_id]

    def __contains__(self, region_id: str) -> bool:
        return region_id in self._regions

    def region_ids(self) -> list[str]:
        """Return the ids of all regions, in the order of their text."""
        return list(self._order)

    def forget(self, region_id: str) -> None:
        """Stop tracking a region; its text stays."""
        del self._regions[region_id]
        self._order.remove(region_id)

    def change(self, start: Point, end: Point, text: str) -> None:
        """Apply a person's change.

        Where it reaches into a region, it is first split into what really differs, so that text
        which the change only repeats stays the generation's.
        """
        whole = ForeignChange(start, end, text)
        if start == end or not any(overlaps(r, whole) for r in self._regions.values()):
            self._absorb(whole, author="person")
            return
        edits = fine_edits(self.mirror.slice(start, end), text)
        for edit in reversed(edits):
            self._absorb(self._anchored(start, edit.start, edit.end, edit.text), author="person")

    def changes_of(self, region_id: str, edit: Edit) -> list[ForeignChange]:
        """Say what an edit of a generation's text does to the document, in order."""
        region = self._regions[region_id]
        return [
            self._anchored(region.start, placed.start, placed.end, placed.text)
            for placed in region.place(edit)
        ]

    def land(self, region_id: str, edit: Edit) -> None:
        """Apply an edit of a generation's text that has reached the document."""
        changes = self.changes_of(region_id, edit)
        self._regions[region_id] = self._regions[region_id].land(edit)
        for change in reversed(changes):
            self._absorb(change, author=region_id)

    def text_of_others(self, start: Point, end: Point, region_ids: Iterable[str]) -> str:
        """Return the text between two points without what these regions' generations wrote."""
        kept = list(self.mirror.slice(start, end))
        for region_id in region_ids:
            region = self._regions[region_id]
            for low, high in region.own_ranges():
                first = self._distance_from(start, region.start) + low
                for offset in range(max(0, first), min(len(kept), first + high - low)):
                    kept[offset] = ""
        return "".join(kept)

    def _distance_from(self, start: Point, end: Point) -> int:
        """Return how far a point lies behind another one; negative if before it."""
        if end < start:
            return -self.mirror.distance(end, start)
        return self.mirror.distance(start, end)

    def _anchored(self, anchor: Point, start: int, end: int, text: str) -> ForeignChange:
        first = self.mirror.advance(anchor, start)
        return ForeignChange(first, self.mirror.advance(first, end - start), text)

    def _absorb(self, change: ForeignChange, *, author: str) -> None:
        mirror = self.mirror
        staged = mirror.stage(change.start, change.end, change.text)
        splice = staged.splice
        # Offsets inside regions are measured in the text before the change.
        for key, region in self._regions.items():
            if key == author:
                self._regions[key] = region.grown(splice)
            else:
                self._regions[key] = absorb_change(
                    region, mirror, change, splice, author=self._author(author, key)
                )
        mirror.make(staged)
        if author == "person":
            self._recognise_restored()
        # A change may push a region to the start of one that it lay behind or in.
        self._order.sort(key=lambda key: (self._regions[key].start, self._regions[key].end))

    def _recognise_restored(self) -> None:
        """Take regions that hold their generation's text again as untouched.

        A client's diff may report a person's `0` typed among zeros as another one of them. Once it
        is removed again, a zero of ours seems gone and one of theirs left: only the text tells.
        """
        for key, region in self._regions.items():
            if not region.is_untouched and document_length(region.pieces) == len(region.own_text):
                text = self.mirror.slice(region.start, region.end)
                self._regions[key] = region.recognised(text)

    def _author(self, author: str, region_id: str) -> Author:
        if author not in self._regions:
            return "person"
        earlier = self._order.index(author) < self._order.index(region_id)
        return "earlier" if earlier else "later"
