"""A document's mirror together with the regions that live in it, and the plans for their texts.

A plan is what is to be sent: edits of generations' texts, and what they come to in the document.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import inf

from streaming_code_generator.editing.covering import CoveredPart, covered_part, uncovered
from streaming_code_generator.editing.diff import Edit, line_edits
from streaming_code_generator.editing.history import PastRegion, RegionHistory
from streaming_code_generator.editing.mirror import (
    LineEnding,
    Mirror,
    Point,
    line_endings,
    with_line_ending,
)
from streaming_code_generator.editing.region import (
    Author,
    ForeignChange,
    Kind,
    Piece,
    Region,
    absorb_change,
    document_length,
    edits_of,
    is_rewriting,
    overlaps,
    removed_runs,
    same_insertions,
    swept,
)

NEARBY_LINES = 400
"""A change and a step further apart than this have nothing to do with each other."""


@dataclass(frozen=True, slots=True)
class Step:
    """One edit of one generation's text."""

    region_id: str
    edit: Edit


Plan = tuple[Step, ...]
"""Steps in the order of their regions, and within a region in the order of its text."""


class TrackedDocument:
    """The text of a document and every region in it, moved together by each change."""

    def __init__(self, mirror: Mirror) -> None:
        self.mirror = mirror
        self._regions: dict[str, Region] = {}
        self._histories: dict[str, RegionHistory] = {}
        self._covered: dict[str, dict[str, CoveredPart]] = {}
        """Which parts of which regions each region was opened over."""
        self._found: dict[str, tuple[str, dict[str, CoveredPart]]] = {}
        """What an edit finds of a region's original, and what that covers, when it is sent."""
        self._growing: tuple[Region | None, Step | None, str] = None, None, ""
        """The step that `growth` last returned, of what region, and its whole text behind it."""
        self._placed: tuple[Region | None, Edit | None, list[ForeignChange]] = None, None, []
        """What `changes_of` last returned, and for what."""
        self._order: list[str] = []
        """Region ids in the order in which their text comes where they touch."""
        self._touched: set[str] = set()
        """Regions whose fields another author has changed since this was last asked."""
        self._written_at: set[str] = set()
        """Those of them where the user has put text."""

    def open_region(self, region_id: str, start: Point, end: Point) -> None:
        """Track a range; what stands in it is the text to be replaced."""
        region = Region.around(self.mirror, start, end)
        self._covered[region_id] = self._covered_by(region_id, region)
        # Regions that touch at one point stay in the order of their text, whichever grows first.
        index = sum(
            other.start < start or (other.start == start and other.is_empty)
            for other in self._regions.values()
        )
        self._order.insert(index, region_id)
        self._regions[region_id] = region
        self._histories[region_id] = RegionHistory(region, self.mirror.distance(start, end))

    def _covered_by(self, region_id: str, covering: Region) -> dict[str, CoveredPart]:
        above = {region_id, *self.laid_over(region_id)}
        parts = {
            key: covered_part(self.mirror, self._regions[key], covering)
            for key in self.overlapping(covering.start, covering.end)
            if key not in above and not covering.is_empty
        }
        # Text that stands in what was typed there is not replaced with the rest.
        return {
            key: part
            for key, part in parts.items()
            if self._regions[key].is_empty or document_length(part.pieces)
        }

    def overlapping(self, start: Point, end: Point) -> list[str]:
        """Return the regions that share text with a range, or that an empty one lies inside of."""
        return [
            key
            for key in self._order
            if self._regions[key].start < end and start < self._regions[key].end
        ]

    def laid_over(self, region_id: str) -> list[str]:
        """Return the regions that were opened over a region's text, the latest first."""
        return [key for key in reversed(self._covered) if region_id in self._covered[key]]

    def hand_over(self, region_id: str, new_id: str) -> None:
        """Track a region under another id, with its past and all that is known of its text."""
        self._regions[new_id] = self._regions.pop(region_id)
        self._histories[new_id] = self._histories.pop(region_id)
        self._covered[new_id] = self._covered.pop(region_id)
        self._found.pop(region_id, None)
        self._order[self._order.index(region_id)] = new_id
        for below in self._covered.values():
            if region_id in below:
                below[new_id] = below.pop(region_id)

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
        del self._histories[region_id]
        self._covered.pop(region_id, None)
        self._found.pop(region_id, None)
        self._touched.discard(region_id)
        self._written_at.discard(region_id)
        self._order.remove(region_id)

    def change(self, start: Point, end: Point, text: str) -> None:
        """Apply a user's change.

        Where it reaches into a region, it is first split into what really differs, so that text
        which the change only repeats stays the generation's.
        """
        self._change(ForeignChange(start, end, text), noted=set())

    def _change(self, change: ForeignChange, *, noted: set[str]) -> None:
        if change.text == self.mirror.slice(change.start, change.end):
            return
        change = self._where_it_was(change)
        regions = self._regions.values()
        # What replaces text may do so just up to where text of a region came back, or went.
        reaches = change.start < change.end and change.text != ""
        reaches = reaches and any(
            h.lies_beside(self.mirror, change) for h in self._histories.values()
        )
        if not reaches and not any(overlaps(region, change) for region in regions):
            self._absorb([change], author="user", noted=noted)
            return
        # A step that is taken back at its very place is that, whatever lines around it are alike.
        if not any(
            history.is_taken_back(self.mirror, change) for history in self._histories.values()
        ):
            change = _of_whole_lines(self.mirror, change)
        edits = edits_of(self.mirror, regions, change)
        if ranges := swept(self.mirror, regions, change, edits):
            length = self.mirror.distance(change.start, change.end)
            length -= sum(high - low for low, high in ranges)
            # Its start may become the middle of a CRLF, which is none of its line any more.
            line_before = Point(max(0, change.start.line - 1), 0)
            before = self.mirror.distance(line_before, change.start)
            removals = [self._anchored(change.start, Edit(low, high, "")) for low, high in ranges]
            self._absorb(removals, author="user", noted=noted)
            start = self.mirror.advance(line_before, before)
            end = self.mirror.advance(start, length)
            self._change(ForeignChange(start, end, change.text), noted=noted)
            return
        changes = [self._where_it_was(self._anchored(change.start, edit)) for edit in edits]
        rewritten = [key for key, r in self._regions.items() if is_rewriting(r, changes)]
        self._absorb(changes, author="user", noted=noted)
        for key in rewritten:
            self._regions[key] = replace(self._regions[key], rewritten=True)

    def _where_it_was(self, change: ForeignChange) -> ForeignChange:
        """Return an insertion where a region's past has it, if that comes to the same text."""
        same = same_insertions(self.mirror, self._regions.values(), change)
        # Where it was reported is where it was, if the past has it there too.
        elsewhere = next(filter(self.was_before, same), None)
        return change if elsewhere is None or self.was_before(change) else elsewhere

    def changes_of(self, region_id: str, edit: Edit) -> list[ForeignChange]:
        """Say what an edit of a generation's text does to the document, in order."""
        region = self._regions[region_id]
        # Every change of the document makes every region anew: the same one is where it was when
        # its edit was sent, and now that it lands.
        known_region, known_edit, known = self._placed
        if region is known_region and edit is known_edit:
            return known
        length = document_length(region.pieces)
        changes: list[ForeignChange] = []
        for placed in region.place(edit):
            if 2 * placed.start < length:
                start = self.mirror.advance(region.start, placed.start)
            else:  # the usual case is text at the end: its cost must not grow with the region
                start = self.mirror.retreat(region.end, length - placed.start)
            end = self.mirror.advance(start, placed.end - placed.start)
            changes.append(ForeignChange(start, end, placed.text))
        self._placed = region, edit, changes
        return changes

    def growth(self, region_id: str, text: str) -> tuple[Step, ForeignChange] | None:
        """Return the step to a text that only adds to a region's end, and what it does.

        A short way to what `plan_towards` and `document_changes` come to, for the usual case: the
        region holds the generation's text and nothing else, and that was replaced before.

        Returns:
            None if it is another case.
        """
        region = self._regions[region_id]
        own = region.own_text
        if (
            len(text) <= len(own)
            or not text.startswith(own)
            # What stands there before the first edit is to be remembered; what ends in a carriage
            # return may end in the middle of a line ending.
            or own in ("", region.original)
            or own[-1] == "\r"
            or own != region.landed_text
            or region.deleted
            or region.pieces != (Piece(Kind.OWN, len(own)),)
        ):
            return None
        new = text[len(own) :]
        step = Step(region_id, Edit(len(own), len(own), new))
        self._growing = region, step, text
        return step, ForeignChange(region.end, region.end, new)

    def grow(self, plan: Plan) -> bool:
        """Land a plan that only adds to the end of the only region: the usual case of `land`.

        Returns:
            Whether it is that case; else nothing was done.
        """
        if len(plan) != 1 or len(self._regions) != 1:
            return False
        (step,) = plan
        region_id, region = step.region_id, self._regions[step.region_id]
        known_region, known_step, text = self._growing
        # Every change of the document makes every region anew: this one has not changed since.
        if region is not known_region or step is not known_step:
            return False
        past, history = self._past(region_id), self._histories[region_id]
        splice = self.mirror.splice(region.end, region.end, step.edit.text)
        # Field by field: `replace` takes three times as long.
        self._regions[region_id] = Region(
            start=region.start,
            end=splice.move(region.end, sticks_right=True),
            own_text=text,
            landed_text=text,
            original=region.original,
            pieces=(Piece(Kind.OWN, len(text)),),
            rewritten=region.rewritten,
        )
        history.grow(past, text)
        history.moved(splice)
        history.compact(self.mirror)
        return True

    def land(self, region_id: str, edit: Edit) -> None:
        """Apply an edit of a generation's text that has reached the document."""
        changes = self.changes_of(region_id, edit)
        before, history = self._past(region_id), self._histories[region_id]
        past, region = before, before.region.land(edit)
        if before.region.is_whole and edit.start == len(before.region.own_text) > 0:
            past = history.sharing(before, region.own_text)
        if before.region.is_original:
            self.find_original([region_id] if region_id not in self._found else [])
            original, self._covered[region_id] = self._found.pop(region_id)
            region = replace(region, original=original)
        self._regions[region_id] = region
        self._absorb(changes, author=region_id, noted=set(), own_past=past)
        history.compact(self.mirror)
        self._give_back(region_id)

    def find_original(self, region_ids: Iterable[str]) -> None:
        """Note, before an edit is sent, what it is going to replace of regions' originals.

        What was removed of an original by then is not there to be put back.
        """
        for region_id in region_ids:
            region = self._regions[region_id]
            if region.is_original:
                covered = self._covered_by(region_id, region)
                self._found[region_id] = region.standing_text(), covered

    def take_for_removed(self, plan: Plan) -> None:
        r"""Take what is gone of originals for removed by an edit that was not seen, if it may be.

        Nothing is left of what it was to replace, so it may have been made, and its text removed
        before that was reported. What stood there is put back with the generation's removal then:

            selected    [a = 1\nb = 2]    on its way: `foo()` instead of `b = 2`
            reported    [a = 1\n]x        the x may stand for `b = 2`, or for `foo()`
        """
        for region_id, steps in groupby(plan, key=lambda step: step.region_id):
            if region_id not in self._found or not self._regions[region_id].is_original:
                continue
            edits = [replace(step.edit, text="") for step in steps]
            left = (each for edit in edits for each in self.changes_of(region_id, edit))
            if any(self.mirror.slice(each.start, each.end).strip() for each in left):
                continue
            for low, high in reversed([*removed_runs(self._regions[region_id].pieces)]):
                for edit in edits:
                    start, end = max(low, edit.start), min(high, edit.end)
                    if start < end:
                        self.land(region_id, Edit(start, end, ""))

    def drop_undone(self, region_id: str) -> None:
        """Leave out of a region's original what was undone meanwhile of the regions below it."""
        region, parts = self._regions[region_id], self._covered[region_id]
        undone = {
            key
            for key, part in parts.items()
            if key in self._regions and not part.fits(self._regions[key])
        }
        if region.is_original or not undone:
            return
        gone = {place for key in undone for place in parts[key].places()}
        self._covered[region_id] = {
            key: replace(part, offset=part.offset - sum(place < part.offset for place in gone))
            for key, part in parts.items()
            if key not in undone
        }
        left = "".join(c for place, c in enumerate(region.original) if place not in gone)
        self._regions[region_id] = replace(region, original=left)

    def take_in(self, region_id: str) -> None:
        """Let an original hold what has come back inside it of the regions it was opened over.

        What the user types there is kept when the generation replaces the rest; that text is not.
        """
        region = self._regions[region_id]
        if not region.is_original:
            return
        foreign, came_back = [*region.ranges(Kind.FOREIGN)], set[tuple[int, int]]()
        for other in (self._regions[key] for key in self._covered[region_id] if key in self):
            offset = self.mirror.distance(region.start, other.start)
            came_back |= {
                (max(low, offset + begin), min(high, offset + end))
                for begin, end in other.ranges(Kind.OWN)
                for low, high in foreign
            }
        # From the end, so that the offsets of those before it stay what they are.
        taken_from = inf
        for low, high in sorted(came_back, reverse=True):
            if low < high <= taken_from:
                start = self.mirror.advance(region.start, low)
                text = self.mirror.slice(start, self.mirror.advance(start, high - low))
                region, taken_from = region.taking_in(low, text), low
        self._regions[region_id] = region

    def _give_back(self, region_id: str) -> None:
        """Let the regions that a region was opened over have their text again once it is back."""
        covering = self._regions[region_id]
        for key, part in self._covered[region_id].items() if covering.is_original else ():
            if key in self._regions:
                self._regions[key] = uncovered(self.mirror, self._regions[key], part, covering)
                self._sort()

    def text_of_others(self, start: Point, end: Point, region_ids: Iterable[str]) -> str:
        """Return the text between two points without what these regions' generations wrote."""
        kept = list(self.mirror.slice(start, end))
        for region_id in region_ids:
            region = self._regions[region_id]
            for low, high in region.ranges(Kind.OWN):
                first = self.mirror.distance(start, region.start) + low
                for offset in range(max(0, first), min(len(kept), first + high - low)):
                    kept[offset] = ""
        return "".join(kept)

    def _anchored(self, anchor: Point, edit: Edit) -> ForeignChange:
        start = self.mirror.advance(anchor, edit.start)
        return ForeignChange(start, self.mirror.advance(start, edit.end - edit.start), edit.text)

    def _absorb(
        self,
        changes: Sequence[ForeignChange],
        *,
        author: str,
        noted: set[str],
        own_past: PastRegion | None = None,
    ) -> None:
        """Apply the changes, in order, that one edit consists of.

        Args:
            changes: The changes.
            author: A region's id, or `user`.
            noted: The regions that were changed by this edit already: between two of its changes
                there is nothing that ever stood in the document, to be found in their past.
            own_past: What the author's region was before.
        """
        for change in reversed(changes):
            self._record(change, author=author, noted=noted, own_past=own_past)
            self._splice(change, author=author)
        # A change may push a region to the start of one that it lay behind or in.
        self._sort()

    def _splice(self, change: ForeignChange, *, author: str) -> None:
        mirror = self.mirror
        staged = mirror.stage(change.start, change.end, change.text)
        splice = staged.splice
        # Offsets inside regions are measured in the text before the change.
        for key, region in self._regions.items():
            # Its pieces have been rewritten already, by the edit itself.
            if key == author:
                self._regions[key] = region.grown(splice)
            else:
                self._regions[key] = absorb_change(
                    region, mirror, change, splice, author=self._author(author, key)
                )
        mirror.make(staged)
        for history in self._histories.values():
            history.moved(splice)

    def _record(
        self, change: ForeignChange, *, author: str, noted: set[str], own_past: PastRegion | None
    ) -> None:
        is_users = author == "user"
        for key, history in self._histories.items():
            if not history.is_touched_by(change) and not (
                is_users and history.gets_text_beside(self.mirror, change)
            ):
                continue
            is_own = key == author
            # The author's region has its edit already: what it was before is handed in.
            past = None if key in noted else own_past if is_own else self._past(key)
            noted.add(key)
            history.record(self.mirror, change, past, is_users=is_users)
            if not is_own:
                self._touched.add(key)
            # Text that came may be text that came back; a mere removal may not.
            if is_users and change.text:
                self._written_at.add(key)

    def _past(self, region_id: str) -> PastRegion:
        region, history = self._regions[region_id], self._histories[region_id]
        return PastRegion(
            history.coordinate(self.mirror, region.start),
            history.coordinate(self.mirror, region.end),
            region,
        )

    # Undo and redo

    def take_touched(self) -> list[str]:
        """Return the regions that may be what they were before, since this was last asked.

        One whose text is whole, and that nothing was put next to, is what it is: if what is left
        around it reads like its past, such as one line ending fewer, that is chance.
        """
        touched, written_at = self._touched, self._written_at
        self._touched, self._written_at = set(), set()
        return [
            key
            for key in self._order
            if key in touched and (key in written_at or not self._regions[key].is_whole)
        ]

    def history(self, region_id: str) -> RegionHistory:
        """Return the past of a region."""
        return self._histories[region_id]

    def was_before(self, change: ForeignChange) -> bool:
        """Whether a change brings a region, and what is around it, back to what they were."""
        return self._was_before([change])

    def was_before_in_part(self, change: ForeignChange) -> bool:
        """Whether what of a change touches some region does that; the rest may be anything."""
        edits = edits_of(self.mirror, self._regions.values(), change)
        return self._was_before([self._anchored(change.start, edit) for edit in reversed(edits)])

    def _was_before(self, changes: Sequence[ForeignChange]) -> bool:
        return any(
            history.was_before(self.mirror, touching)
            for history in self._histories.values()
            if (touching := [*filter(history.is_touched_by, changes)])
        )

    def mark_read(self) -> None:
        """Take all changes so far for looked up."""
        for history in self._histories.values():
            history.mark_read()

    def mark_sent(self, plan: Sequence[Step]) -> None:
        """Take note that the steps go out now, for the present text."""
        for step in plan:
            self._histories[step.region_id].since_sent = 0

    def note_unseen(self, region_id: str, edits: tuple[Edit, ...]) -> None:
        """Take note that edits of a region, sent last, were not seen, and may turn up by redo."""
        self._histories[region_id].note_unseen(self.mirror, self._past(region_id), edits)

    def restore(self, region_id: str, past: PastRegion) -> None:
        """Make a region what it once was."""
        history, region = self._histories[region_id], past.region
        if past.was_seen:
            region = replace(region, landed_text=self._regions[region_id].landed_text)
        elif region_id in self._found:
            # It has landed only now.
            original, self._covered[region_id] = self._found.pop(region_id)
            region = replace(region, original=original)
        start, end = (history.point(self.mirror, place) for place in (past.start, past.end))
        self.replace_region(region_id, replace(region, start=start, end=end))
        self._give_back(region_id)

    def replace_region(self, region_id: str, region: Region) -> None:
        """Know something else of a region than before."""
        self._regions[region_id] = region
        self._sort()

    def _sort(self) -> None:
        self._order.sort(key=lambda key: (self._regions[key].start, self._regions[key].end))

    def _author(self, author: str, region_id: str) -> Author:
        if author not in self._regions:
            return "user"
        earlier = self._order.index(author) < self._order.index(region_id)
        return "earlier" if earlier else "later"


def _of_whole_lines(mirror: Mirror, change: ForeignChange) -> ForeignChange:
    """Return a change of lines with all that stands in them beside it."""
    if change.start.line == change.end.line and not line_endings(change.text):
        return change
    start, end = mirror.lines_around(change.start, change.end)
    text = mirror.slice(start, change.start) + change.text + mirror.slice(change.end, end)
    return ForeignChange(start, end, text)


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
        own, wanted = region.own_text, desired[region_id]
        if wanted.startswith(own):  # the usual case: text is appended
            new = wanted[len(own) :]
            edits = [Edit(len(own), len(own), new)] if new else []
        else:
            edits = line_edits(own, wanted)
        steps = [Step(region_id, _off_line_ending(own, edit)) for edit in edits]
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


def _off_line_ending(own: str, edit: Edit) -> Edit:
    # No client has a position between the two characters of a CRLF, and one that writes its own
    # line endings takes half of one for a whole.
    start, end, text = edit.start, edit.end, edit.text
    if own[start - 1 : start] == "\r" and "\n" in (own[start : start + 1], text[:1]):
        start, text = start - 1, "\r" + text
    if own[end : end + 1] == "\n" and "\r" in (own[max(start, end - 1) : end], text[-1:]):
        end, text = end + 1, text + "\n"
    return Edit(start, end, text)


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
