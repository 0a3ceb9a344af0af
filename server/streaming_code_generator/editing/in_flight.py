"""The one edit that is outstanding, and how long it may be.

A client that does not look at an edit's version applies it where its text stood before the user
typed. Such misplaced edits are followed until what they overwrote is put back.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from streaming_code_generator.editing.diff import bits
from streaming_code_generator.editing.exchange import OutgoingEdit, ReportedChange, TextReplacement
from streaming_code_generator.editing.mirror import Mirror, Point, with_line_ending
from streaming_code_generator.editing.region import ForeignChange
from streaming_code_generator.editing.tracked_document import (
    NEARBY_LINES,
    Plan,
    TrackedDocument,
)

REPLY_TIMEOUT_S = 10.0
"""How long a client may take to answer an edit."""
ECHO_TIMEOUT_S = 10.0
"""How long a client that said it applied an edit may take to report the change."""
DOUBT_S = 0.2
"""How long to wait for the change of an edit that was probably dropped, because the user had
typed before it arrived. Sending again is safe: the new edit's version is stale if it was not."""
MOST_DOUBTS = 20
"""So many edits in a row that were said to be applied, while every change that arrived was another
one, end the generations: this client does to edits what the writer cannot follow."""
REFUSAL_WAITS_S = (0.1, 0.25, 0.6, 1.5)
"""Waits before sending again what was refused without a change that would explain it."""
PART_BITS = 20
"""Text that says less than this is not looked for in a longer one."""
MOST_REFUSALS = 5
"""So many refusals in a row without any change arriving end the generations."""


@dataclass(slots=True, kw_only=True)
class InFlight:
    """An edit on its way, and what has been heard of it."""

    edit: OutgoingEdit
    sent: Plan
    """Its steps."""
    plan: Plan
    """Those that have not been found in a change."""
    sent_at_s: float
    applied_at_s: float | None = None
    """When the client said that it had applied the edit."""
    changed_at_s: float | None = None
    """When a change that did not contain the whole edit arrived."""
    is_noted: bool = False
    """Whether the regions' past has it as made and undone at once."""
    is_for_other_text: bool = False
    """Whether the document was loaded anew since it was sent, and the client may not have noticed:
    some count versions from one again then, and apply it to the new text."""
    taken_count: int = 0
    """How many steps are looked for no more, though they did not land."""
    misplaced: dict[TextReplacement, str] = field(default_factory=dict)
    """The parts of the edit that seem to have been applied in the wrong place, and the regions that
    follow them there."""

    @property
    def deadline_s(self) -> float:
        """When to stop waiting for what is missing."""
        # No response yet; then a response and no change; then a change that is not the edit.
        if self.applied_at_s is None:
            return self.sent_at_s + REPLY_TIMEOUT_S
        if self.changed_at_s is None or self.is_for_other_text:
            return self.applied_at_s + ECHO_TIMEOUT_S
        return max(self.applied_at_s, self.changed_at_s) + DOUBT_S

    @property
    def has_landed(self) -> bool:
        """Whether nothing of it is to be expected in a change any more."""
        return not self.plan and not self.is_for_other_text

    @property
    def is_misplaced(self) -> bool:
        """Whether all that did not land of it seems to have been applied in the wrong place."""
        landed = len(self.sent) - len(self.plan) - self.taken_count
        return 0 < len(self.misplaced) == len(self.edit.replacements) - landed

    def heard(self, version: int | None) -> None:
        """Take note that the client has reported a change, read by now.

        What it applied before its answer is in a report that comes no later than the next one; and
        once it counts further than the edit did, it knows that the edit is stale.
        """
        sent_for = self.edit.version
        is_newer = version is not None and sent_for is not None and version > sent_for
        self.is_for_other_text &= self.applied_at_s is None and not is_newer

    def take_steps(self, region_id: str) -> Plan:
        """Return the steps of a region, which are looked for in changes no more."""
        taken = tuple(step for step in self.plan if step.region_id == region_id)
        self.plan = tuple(step for step in self.plan if step.region_id != region_id)
        self.taken_count += len(taken)
        return taken

    def is_just(self, changes: Sequence[ReportedChange]) -> bool:
        """Whether changes are the whole edit just as it was sent, the last place first.

        One by one, the parts of a step are hard to tell from what a user does.
        """
        sent = self.edit.replacements
        return (
            self.plan is self.sent
            and self.changed_at_s is None
            and len(changes) == len(sent)
            and all(
                change.range == (each.start, each.end) and change.text == each.text
                for change, each in zip(changes, reversed(sent), strict=True)
            )
        )

    def span_in(self, changes: Sequence[ReportedChange]) -> tuple[int, int]:
        """Return from which reported change on the edit is among them, and up to which one.

        If it is not complete, up to the last that is a part of it: what an undo brings back may
        look so too. Both are zero if none of the changes is any part of it.
        """
        places: list[int] = []
        missing = set(self.edit.replacements)
        for place, change in enumerate(changes):
            found = {sent for sent in self.edit.replacements if _is_part(change, sent)}
            if found:
                places.append(place)
            missing -= found
            if not missing:
                break
        return (places[0], places[-1] + 1) if places else (0, 0)

    def is_whole_in(self, changes: Sequence[ReportedChange]) -> bool:
        """Whether every part of the edit is among reported changes."""
        reported = {_plain(change.text) for change in changes}
        return all(_plain(sent.text) in reported for sent in self.edit.replacements)

    def is_converted_in(self, change: ForeignChange, mirror: Mirror) -> bool:
        """Whether a change is all of the edit, with other line endings."""
        if self.plan and change.text == mirror.slice(change.start, change.end):
            # Nothing changed, as it is if the edit replaces only line endings.
            return all(
                _plain(mirror.slice(mirror.point(*sent.start), mirror.point(*sent.end)))
                == _plain(sent.text)
                for sent in self.edit.replacements
            )
        if len(self.edit.replacements) != 1 or not self.plan:
            return False
        (sent,) = self.edit.replacements
        return change.text != sent.text and _is_the_same(mirror, change, sent)

    def misplaced_part(
        self, change: ForeignChange, mirror: Mirror, *, is_whole: bool
    ) -> TextReplacement | None:
        """Return the part of the edit that a change is, as it was sent, though its place has moved.

        A user may well remove just what an edit was to remove, or type a line ending: that is taken
        for the edit's only if all of it is there (`is_whole`).
        """
        if self.has_landed or self.changed_at_s is None:
            return None
        if not change.text.strip() and not is_whole:
            return None
        left = (sent for sent in self.edit.replacements if sent not in self.misplaced)
        return next((sent for sent in left if _is_the_same(mirror, change, sent)), None)


def _is_part(change: ReportedChange, sent: TextReplacement) -> bool:
    # Where it ends may differ: a client that applies it to another text takes what there is, and
    # one that reports whole lines names the text around it too.
    if _plain(change.text) == _plain(sent.text):
        return sent.text != "" or (change.range is not None and change.range[0] == sent.start)
    return bits(sent.text) >= PART_BITS and _plain(sent.text) in _plain(change.text)


def _is_the_same(mirror: Mirror, change: ForeignChange, sent: TextReplacement) -> bool:
    """Whether a change is what a replacement means to a client that has another text than it.

    The client may have turned line endings into its own.
    """
    start, end = mirror.point(*sent.start), mirror.point(*sent.end)
    if (change.start, change.end, _plain(change.text)) == (start, end, _plain(sent.text)):
        return True
    # A client may name another place with the same result: compare what it comes to.
    #
    #     x\n|x\n|y to x|\nx|\ny: the same line, put before or behind its like
    first, last = min(start, change.start), max(end, change.end)
    if bits(sent.text) < PART_BITS or last.line - first.line > NEARBY_LINES:
        return False

    def after(low: Point, high: Point, text: str) -> str:
        return _plain(mirror.slice(first, low) + text + mirror.slice(high, last))

    return after(change.start, change.end, change.text) == after(start, end, sent.text)


def _plain(text: str) -> str:
    return with_line_ending(text, "\n")


@dataclass(slots=True)
class Refusals:
    """How often edits were refused in a row, and when to try again."""

    count: int = 0
    retry_at_s: float = 0.0


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

    def unclaimed(self, flight: InFlight | None) -> dict[str, str]:
        """Return the same for edits that are not waited for any more."""
        claimed = set(flight.misplaced.values()) if flight else set()
        return {key: text for key, text in self._overwritten.items() if key not in claimed}

    def forget(self, region_id: str) -> None:
        """Follow a place no more: it is repaired, or it was the user's after all."""
        del self._overwritten[region_id]
        self._document.forget(region_id)

    def drop(self, flight: InFlight) -> None:
        """Follow the parts of an edit no more: it was not applied in the wrong place after all."""
        for region_id in flight.misplaced.values():
            self.forget(region_id)
        flight.misplaced.clear()

    def forget_all(self) -> None:
        """Follow no place any more; what stands there stays."""
        for region_id in list(self._overwritten):
            self.forget(region_id)
