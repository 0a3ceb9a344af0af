"""Edits that nothing was heard of, and that may still be applied, or undone and redone unseen."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from streaming_code_generator.editing.edits.plan import Plan, Step
from streaming_code_generator.editing.regions.tracked_document import TrackedDocument

EDITS_KEPT = 8
"""So many of the latest of each region."""


@dataclass(frozen=True, slots=True)
class UnseenEdit:
    """The steps of one edit in one region, of which no change was seen."""

    made_for: str
    """All of the generation's text that had landed there; they mean nothing to another."""
    plan: Plan


class LateEdits:
    """What may still come of edits that were probably dropped, given up, or undone at once.

    An edit is sent again, or followed by nothing; what was sent before is kept. It can land as
    long as its region holds the text that it was made for. When that text comes back by undo or
    redo, it is to be reckoned with again.
    """

    def __init__(self, document: TrackedDocument) -> None:
        self._document = document
        self._unseen: dict[str, deque[UnseenEdit]] = {}

    def forget(self, region_id: str) -> None:
        """Expect nothing more of a region."""
        self._unseen.pop(region_id, None)

    def keep(self, plan: Plan) -> None:
        """Keep the steps of an edit of which no change was seen."""
        for region_id in dict.fromkeys(step.region_id for step in plan):
            if region_id in self._document:
                steps = tuple(step for step in plan if step.region_id == region_id)
                edit = UnseenEdit(self._document.region(region_id).landed_text, steps)
                kept = self._unseen.setdefault(region_id, deque(maxlen=EDITS_KEPT))
                if edit not in kept:
                    kept.append(edit)
                    self._document.note_unseen(region_id, tuple(step.edit for step in steps))

    @property
    def plan(self) -> Plan:
        """The steps that fit what their regions hold now."""
        fitting = [edit for region_id in self._unseen for edit in self._fitting(region_id)]
        return _joined(fitting)

    def take(self, landed: Iterable[Step]) -> Plan:
        """Return all steps of the edits of which some have landed.

        They are kept no more, nor what else was sent for the same text: it was another version's.
        """
        landed = frozenset(landed)
        taken: list[UnseenEdit] = []
        for region_id in {step.region_id for step in landed}:
            fitting = self._fitting(region_id)
            taken += (edit for edit in fitting if not landed.isdisjoint(edit.plan))
            for edit in fitting:
                self._unseen[region_id].remove(edit)
        return _joined(taken)

    def _fitting(self, region_id: str) -> list[UnseenEdit]:
        own_text = self._document.region(region_id).own_text
        return [edit for edit in self._unseen.get(region_id, ()) if edit.made_for == own_text]


def _joined(edits: Iterable[UnseenEdit]) -> Plan:
    return tuple(dict.fromkeys(step for edit in edits for step in edit.plan))
