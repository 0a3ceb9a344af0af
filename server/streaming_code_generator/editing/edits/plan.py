"""What is to be sent: edits of generations' texts, and what they come to in the document."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from streaming_code_generator.editing.regions.region import ForeignChange, Region
from streaming_code_generator.editing.regions.tracked_document import TrackedDocument
from streaming_code_generator.editing.text.diff import Edit, line_edits
from streaming_code_generator.editing.text.lines import LineEnding, Point, with_line_ending
from streaming_code_generator.editing.text.mirror import Mirror

NEARBY_LINES = 400
"""A change and a step further apart than this have nothing to do with each other."""


@dataclass(frozen=True, slots=True)
class Step:
    """One edit of one generation's text."""

    region_id: str
    edit: Edit


Plan = tuple[Step, ...]
"""Steps in the order of their regions, and within a region in the order of its text."""


def plan_towards(document: TrackedDocument, desired: dict[str, str]) -> Plan:
    """Return the smallest steps that bring regions to their desired text.

    Of regions that lie within one another only the first is brought on where they would be changed
    at one place: the other's turn comes with the next edit.
    """
    plan: list[Step] = []
    taken: list[tuple[Region, ForeignChange]] = []
    for region_id in document.region_ids():
        region = document.region(region_id)
        if region_id not in desired or region.deleted or region.is_undone:
            continue
        steps = [Step(region_id, edit) for edit in _edits(region.own_text, desired[region_id])]
        # The usual case: one generation, whose steps cannot collide with any other's.
        if len(desired) == 1:
            return tuple(steps)
        changes = document_changes(document, steps)
        changed = [(region, change) for change in changes]
        if not any(_collide(*one, *other) for one in changed for other in taken):
            plan += steps
            taken += changed
    return tuple(plan)


def _collide(
    region: Region, change: ForeignChange, other: Region, its_change: ForeignChange
) -> bool:
    # Where one region lies in another, which of two texts at one place comes first is not known.
    if region.start < other.end and other.start < region.end:
        return change.start <= its_change.end and its_change.start <= change.end
    # Two insertions at one place follow one another.
    if change.start == change.end and its_change.start == its_change.end:
        return False
    return change.start < its_change.end and its_change.start < change.end


def _edits(own: str, desired: str) -> list[Edit]:
    if desired.startswith(own):  # the usual case: text is appended
        return [Edit(len(own), len(own), desired[len(own) :])] if len(desired) > len(own) else []
    return [_off_line_ending(own, edit) for edit in line_edits(own, desired)]


def _off_line_ending(own: str, edit: Edit) -> Edit:
    # No client has a position between the two characters of a CRLF.
    if own[edit.start - 1 : edit.start + 1] == "\r\n" and edit.start:
        edit = Edit(edit.start - 1, edit.end, "\r" + edit.text)
    if own[edit.end - 1 : edit.end + 1] == "\r\n" and edit.end > edit.start:
        edit = Edit(edit.start, edit.end + 1, edit.text + "\n")
    return edit


def _in_order(document: TrackedDocument, plan: Sequence[Step]) -> Sequence[Step]:
    """Return the steps in the order of their regions, which may have moved since they were made."""
    if len(plan) == 1:
        return plan
    places = {region_id: place for place, region_id in enumerate(document.region_ids())}
    return sorted(plan, key=lambda step: places[step.region_id])


def document_changes(document: TrackedDocument, plan: Sequence[Step]) -> list[ForeignChange]:
    """Return what the steps do to the document, in order; those that touch are joined."""
    changes = [
        change
        for step in _in_order(document, plan)
        for change in document.changes_of(step.region_id, step.edit)
    ]
    # What is inserted where something is replaced goes before it, as landing has it.
    changes.sort(key=lambda change: (change.start, change.end))
    joined: list[ForeignChange] = []
    for change in changes:
        if joined and joined[-1].end >= change.start:
            last = joined.pop()
            change = ForeignChange(  # noqa: PLW2901 - the joined change takes its place
                last.start, max(last.end, change.end), last.text + change.text
            )
        joined.append(change)
    return [_around_line_endings(document.mirror, change) for change in joined]


def _around_line_endings(mirror: Mirror, change: ForeignChange) -> ForeignChange:
    """Return a change that neither begins nor ends in the middle of a CRLF.

    No client has a position there; the other half is put back as it was.
    """
    start, end, text = change.start, change.end, change.text
    if _is_in_crlf(mirror, end):
        end, text = Point(end.line + 1, 0), text + "\n"
    if _is_in_crlf(mirror, start):
        start, text = Point(start.line, start.column - 1), "\r" + text
    return ForeignChange(start, end, text)


def _is_in_crlf(mirror: Mirror, point: Point) -> bool:
    line = mirror.lines[point.line]
    return line.endswith("\r\n") and point.column == len(line) - 1


def land(document: TrackedDocument, plan: Plan, landed: frozenset[Step]) -> Plan:
    """Apply the landed steps to the document and return the others, moved accordingly."""
    # From the end, so that the places of those before it stay what they are.
    for step in reversed(_in_order(document, plan)):
        if step in landed:
            document.land(step.region_id, step.edit)
    return tuple(_moved(step, landed) for step in plan if step not in landed)


def _moved(step: Step, landed: frozenset[Step]) -> Step:
    growth = sum(
        other.edit.growth
        for other in landed
        if other.region_id == step.region_id and other.edit.end <= step.edit.start
    )
    return replace(step, edit=step.edit.shifted(growth))


def with_endings(plan: Plan, ending: LineEnding) -> Plan:
    """Return the plan with every line ending in its texts replaced."""
    return tuple(
        replace(step, edit=replace(step.edit, text=with_line_ending(step.edit.text, ending)))
        for step in plan
    )
