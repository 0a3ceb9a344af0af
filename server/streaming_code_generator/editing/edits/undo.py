"""Undo and redo of generated text: recognised, held back for a while, then final.

The rule, the same for every client: undoing text of a running generation takes the generation back.
Nothing more is sent for it at once; a redo within `UNDO_GRACE_S` lets it go on where it was; else
it ends, and what is left of its text is taken out too.

A client that tells which changes are undo (`tells`) is believed: a user who deletes just what
arrived last has then deleted it, and the generation goes on. Of any other client a change that
brings a region back to what it was before is taken for undo.
"""

from collections.abc import Callable, Iterable

from streaming_code_generator.editing.regions.region import Region
from streaming_code_generator.editing.regions.tracked_document import TrackedDocument

UNDO_GRACE_S = 1.0
"""How long a generation whose text was undone waits for a redo."""


class UndoWatch:
    """Knows which regions are undone, and until when."""

    def __init__(self, document: TrackedDocument) -> None:
        self.tells = False
        self._document = document
        self._held_until_s: dict[str, float] = {}

    def __contains__(self, region_id: str) -> bool:
        """Whether a region is held back."""
        return region_id in self._held_until_s

    def look_up(self, region_ids: Iterable[str], *, is_undo: bool) -> None:
        """Look up in their past the regions that a change has touched.

        Args:
            region_ids: The regions.
            is_undo: Whether the client said that the change was an undo.
        """
        for region_id in region_ids:
            is_meant = self._is_meant(region_id, is_undo=is_undo)
            if not self._document.restore(region_id, is_meant):
                self._document.restore_nearest(region_id, is_meant)
                self._take_back(region_id, is_undo=is_undo)

    def _is_meant(self, region_id: str, *, is_undo: bool) -> Callable[[Region], bool]:
        region = self._document.region(region_id)
        may_go_back = (
            is_undo
            or not self.tells
            or region.is_undone
            # A reload brings text back and is no undo: put there again, it would stand there twice.
            or self._document.has_come_back(region_id)
        )

        def is_meant(past: Region) -> bool:
            return may_go_back or past.own_text in (region.own_text, region.landed_text)

        return is_meant

    def _take_back(self, region_id: str, *, is_undo: bool) -> None:
        if is_undo or not self.tells:
            self._document.take_back(region_id, is_undo=is_undo and self.tells)

    def hold(self, region_id: str, now_s: float) -> None:
        """Hold a region back if it is undone, anew after every change; else let it go on."""
        if self._document.region(region_id).is_undone:
            self._held_until_s[region_id] = now_s + UNDO_GRACE_S
        else:
            self._held_until_s.pop(region_id, None)

    def release(self, region_id: str) -> None:
        """Wait for no redo of a region any more."""
        self._held_until_s.pop(region_id, None)

    @property
    def deadline_s(self) -> float | None:
        """When the next region has waited long enough; None if none is held back."""
        return min(self._held_until_s.values(), default=None)

    def due(self, now_s: float) -> list[str]:
        """Return the regions that have waited long enough, and release them."""
        due = [key for key, until_s in self._held_until_s.items() if until_s <= now_s]
        for region_id in due:
            self.release(region_id)
            self._document.settle_undone(region_id)
        return due
