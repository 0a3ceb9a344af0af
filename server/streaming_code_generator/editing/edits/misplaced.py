"""Edits that a client applied in the wrong place, followed until they can be taken back.

A client that does not look at an edit's version applies it where its text stood before the user
typed. What that overwrote is put back, and the edit is sent again.
"""

from streaming_code_generator.editing.edits.in_flight import InFlight
from streaming_code_generator.editing.exchange import TextReplacement
from streaming_code_generator.editing.regions.region import ForeignChange
from streaming_code_generator.editing.regions.tracked_document import TrackedDocument


class MisplacedEdits:
    """Places where an edit seems to have been applied by mistake, each a region of its own.

    They are no generation's: what becomes of them is no outcome.
    """

    def __init__(self, document: TrackedDocument) -> None:
        self._document = document
        self._overwritten: dict[str, str] = {}
        """What stood there, by the id of the region."""

    def __contains__(self, region_id: str) -> bool:
        return region_id in self._overwritten

    def __len__(self) -> int:
        return len(self._overwritten)

    def watch(self, flight: InFlight, part: TextReplacement, change: ForeignChange) -> None:
        """Follow what looks like an edit, applied where its text stood before the user typed.

        Only the client's answer distinguishes it from typing of the very same: see `repairs`.
        """
        meant = {step.region_id for step in flight.plan}
        overwritten = self._document.text_of_others(change.start, change.end, meant)
        self._document.change(change.start, change.end, change.text)
        region_id = f"part {len(flight.misplaced)} of edit {flight.edit.edit_id}, misplaced"
        end = self._document.mirror.advance(change.start, len(change.text))
        self._document.open_region(region_id, change.start, end)
        self._overwritten[region_id] = overwritten
        flight.misplaced[part] = region_id

    def repairs(self, flight: InFlight) -> dict[str, str]:
        """Return the texts that bring the document back to what it was before an edit."""
        return {region_id: self._overwritten[region_id] for region_id in flight.misplaced.values()}

    def forget(self, region_id: str) -> None:
        """Follow a place no more: it is repaired, or it was the user's after all."""
        del self._overwritten[region_id]
        self._document.forget(region_id)

    def drop(self, flight: InFlight) -> None:
        """Follow the parts of an edit no more: it was not applied in the wrong place after all."""
        for region_id in flight.misplaced.values():
            self.forget(region_id)

    def forget_all(self) -> None:
        """Follow no place any more; what stands there stays."""
        for region_id in list(self._overwritten):
            self.forget(region_id)
