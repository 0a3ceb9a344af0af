"""Edits that nothing was heard of, and that may still be applied."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from streaming_code_generator.editing.edits.plan import Plan
from streaming_code_generator.editing.regions.tracked_document import TrackedDocument


@dataclass(frozen=True, slots=True)
class _LostSteps:
    """Steps of one region in edits that were given up."""

    made_for: str
    """The region's own text then; they mean nothing to another."""
    plan: Plan


class LateEdits:
    """What may still be applied of an edit that was probably dropped, or that was given up.

    An edit that is in doubt is sent again, and a change that contains both is recognised by the
    versions; one that was given up is followed by nothing, so it is kept for as long as its region
    holds the text that it was made for.
    """

    def __init__(self, document: TrackedDocument) -> None:
        self._document = document
        self.doubtful: Plan = ()
        """The steps of an edit that was probably dropped."""
        self._lost: dict[str, _LostSteps] = {}
        """By region, the steps of edits that were given up."""

    def drop_doubtful(self, region_id: str) -> None:
        """Expect nothing more of a region in an edit that was probably dropped."""
        self.doubtful = tuple(step for step in self.doubtful if step.region_id != region_id)

    def forget(self, region_id: str) -> None:
        """Expect nothing more of a region."""
        self.drop_doubtful(region_id)
        self._lost.pop(region_id, None)

    def give_up(self, plan: Plan) -> None:
        """Keep the steps of an edit that was given up: the client may still come back to it."""
        for step in plan:
            if step.region_id not in self._document:
                continue
            own_text = self._document.region(step.region_id).own_text
            lost = self._lost.get(step.region_id)
            if lost is None or lost.made_for != own_text:
                lost = _LostSteps(own_text, ())
            self._lost[step.region_id] = replace(lost, plan=(*lost.plan, step))

    @property
    def lost(self) -> Plan:
        """The steps of edits that were given up and still fit their regions' text."""
        return tuple(
            step
            for region_id, lost in self._lost.items()
            if self._document.region(region_id).own_text == lost.made_for
            for step in lost.plan
        )

    def landed(self, region_ids: Iterable[str]) -> None:
        """Expect nothing more of edits that were given up and have landed in these regions."""
        for region_id in region_ids:
            del self._lost[region_id]
