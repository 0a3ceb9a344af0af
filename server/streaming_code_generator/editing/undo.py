"""Undo and redo of generated text: recognised, held back for a while, then final.

The rule, the same for every client: undoing text of a running generation takes the generation back.
Nothing more is sent for it at once; a redo within `UNDO_GRACE_S` lets it go on where it was; else
it ends, and what is left of its text is taken out too.

A client that tells which changes are undo (`tells`) is believed: a user who deletes just what
arrived last has then deleted it, and the generation goes on. Of any other client a change that
brings a region back to what it was before is taken for undo.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from streaming_code_generator.editing.history import PastRegion
from streaming_code_generator.editing.region import Kind, without_deleted
from streaming_code_generator.editing.tracked_document import TrackedDocument

UNDO_GRACE_S = 1.0
"""How long a generation whose text was undone waits for a redo."""


class UndoWatch:
    """Knows which regions are undone, and until when."""

    def __init__(self, document: TrackedDocument) -> None:
        self.tells = False
        self._document = document
        self.held_until_s: dict[str, float] = {}
        """By region that is held back, when it has waited long enough for a redo."""

    def __contains__(self, region_id: str) -> bool:
        """Whether a region is held back."""
        return region_id in self.held_until_s

    def look_up(self, region_ids: Iterable[str], *, is_undo: bool) -> list[str]:
        """Look up in their past the regions that a change has touched.

        Args:
            region_ids: The regions.
            is_undo: Whether the client said that the change was an undo.

        Returns:
            The regions in which an edit has turned up that was not seen before.
        """
        late: list[str] = []
        is_told = is_undo and self.tells
        for region_id in region_ids:
            region, history = self._document.region(region_id), self._document.history(region_id)
            # What another generation replaces is not undone by that.
            if not is_told and not history.was_users_change():
                continue
            is_meant, mirror = self._is_meant(region_id, is_undo=is_undo), self._document.mirror
            exact = next(filter(is_meant, history.found(mirror)), None)
            past = exact or history.nearest(mirror, region, is_meant)
            past = past or history.after_move(mirror, region)
            if past:
                self._document.restore(region_id, past)
                late += [] if past.was_seen else [region_id]
            if not exact and (is_undo or not self.tells):
                self._take_back(region_id, is_told=is_told)
        return late

    def _is_meant(self, region_id: str, *, is_undo: bool) -> Callable[[PastRegion], bool]:
        """Return whether a region may be now what it was once."""
        region, history = self._document.region(region_id), self._document.history(region_id)
        may_go_back = (
            is_undo
            or not self.tells
            or region.is_undone
            # A reload brings text back and is no undo: put there again, it would stand there twice.
            or history.has_come_back(self._document.mirror)
        )

        def is_meant(past: PastRegion) -> bool:
            known = (region.own_text, region.landed_text)
            return may_go_back or not past.was_seen or past.region.own_text in known

        return is_meant

    def _take_back(self, region_id: str, *, is_told: bool) -> None:
        """Take what the user has removed of a region's text for undone, if it may be.

        Args:
            region_id: The region.
            is_told: Whether the client said that it was undone; else it must be what landed last.
        """
        region, history = self._document.region(region_id), self._document.history(region_id)
        standing = region.standing_text()
        # Where nothing has landed yet it is the document's text that went.
        if standing == region.own_text or region.landed_text == region.original:
            return
        # What another generation replaced before is not undone by what the user types there.
        if history.stands_as_before(region):
            return
        if any(
            not self._document.region(key).is_original
            for key in self._document.laid_over(region_id)
        ):
            # Nor is it undone by what the user removes beside it.
            latest = region.without_latest(past.own_text for past in history.regions())
            self._document.replace_region(region_id, latest)
            return
        is_gone = region.is_gone
        if is_gone and region.original and any(region.ranges(Kind.FOREIGN)):
            # Which of the user's text stood there before the generation's is not known.
            region = replace(region, deleted=True)
        elif (
            is_told
            or (is_gone and not region.original)
            or any(standing == past.standing_text() for past in history.regions())
        ):
            pieces = without_deleted(region.pieces)
            region = replace(region, own_text=standing, pieces=pieces, deleted=False)
        else:
            region = region.without_latest(past.own_text for past in history.regions())
        self._document.replace_region(region_id, region)

    def hold(self, region_id: str, now_s: float) -> None:
        """Hold a region back if it is undone, anew after every change; else let it go on."""
        if self._document.region(region_id).is_undone:
            self.held_until_s[region_id] = now_s + UNDO_GRACE_S
        else:
            self.held_until_s.pop(region_id, None)

    def release(self, region_id: str) -> None:
        """Wait for no redo of a region any more."""
        self.held_until_s.pop(region_id, None)

    def settle(self, region_id: str) -> None:
        """Take what the user has left of a region's text for all that ever landed in it."""
        self.release(region_id)
        region = self._document.region(region_id)
        settled = replace(region, landed_text=region.own_text)
        self._document.replace_region(region_id, settled)

    def due(self, now_s: float) -> list[str]:
        """Return the regions that have waited long enough, and release them."""
        due = [key for key, until_s in self.held_until_s.items() if until_s <= now_s]
        for region_id in due:
            self.settle(region_id)
        return due
