"""Recognising our own edits in what a client reports.

A client reports changes as its own diff sees them: with other ranges than were sent, several in
one, together with what a user typed. So what is compared is the text that results. Every way in
which the outstanding steps may be part of a change is tried; the one that leaves the least for the
user to have done is believed, and none of them if the user alone explains it as well.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, pairwise

from streaming_code_generator.editing.diff import Edit, anchored_edits, bits, collapsed, single_edit
from streaming_code_generator.editing.exchange import ReportedChange
from streaming_code_generator.editing.history import telling_runs
from streaming_code_generator.editing.mirror import (
    LINES_BESIDE,
    LineEnding,
    Mirror,
    Point,
    Splice,
    line_endings,
)
from streaming_code_generator.editing.region import ForeignChange
from streaming_code_generator.editing.tracked_document import (
    NEARBY_LINES,
    Plan,
    Step,
    TrackedDocument,
    document_changes,
    with_endings,
)

MOST_STEPS_COMBINED = 4
"""Up to so many steps, each subset of them is tried; beyond, all of them and each alone."""
_REMOVAL_BITS = 8
_RUN_BITS = 20
_LONG_RUN_BITS = 24
LINE_ENDINGS: tuple[LineEnding, ...] = ("\n", "\r\n", "\r")


def located(mirror: Mirror, change: ReportedChange) -> ForeignChange:
    """Return one reported change with points instead of the client's positions."""
    if change.range is None:
        return ForeignChange(Point(0, 0), mirror.end, change.text)
    start, end = sorted(mirror.point(*position) for position in change.range)
    return ForeignChange(start, end, change.text)


def smallest(mirror: Mirror, change: ForeignChange) -> ForeignChange | None:
    """Return a change without what it leaves as it is at its ends, such as the rest of a line.

    Returns:
        The change; None if it leaves everything as it is.
    """
    edit = single_edit(mirror.slice(change.start, change.end), change.text)
    if edit is None:
        return None
    start = mirror.advance(change.start, edit.start)
    return ForeignChange(start, mirror.advance(start, edit.end - edit.start), edit.text)


def grouped(mirror: Mirror, changes: Sequence[ReportedChange]) -> list[Sequence[ReportedChange]]:
    """Return a notification's changes, with those in one group that build on one another.

    An undo of several steps is often reported so: text goes and, in the next change, comes back
    with something else beside it. One by one, the text that only went to and fro would be lost.
    Where nothing comes back each shows best where it was made.
    """
    if len(changes) <= 1:
        return [changes] if changes else []
    after = _After(mirror)
    results: list[tuple[Point, Point]] = []
    firsts: list[int] = []
    removed = ""
    for number, reported in enumerate(changes):
        change = located(after.mirror, reported)
        runs = chain(change.text.split(), telling_runs(change.text))
        comes_back = any(run in removed for run in runs)
        removed += after.mirror.slice(change.start, change.end) + "\0"
        change, splice = after.make(reported)
        firsts.append(number)
        for earlier, (start, end) in enumerate(results):
            if comes_back and change.start <= end and start <= change.end:
                # All between them are in the group too: each is in the text of the one before it.
                firsts = [first for first in firsts if first <= earlier]
                break
        results = [
            (splice.move(start, sticks_right=True), splice.move(end, sticks_right=False))
            for start, end in results
        ]
        start = splice.move(change.start, sticks_right=False)
        results.append((start, after.mirror.advance(start, len(change.text))))
    return [changes[first:end] for first, end in pairwise([*firsts, len(changes)])]


def net_change(mirror: Mirror, changes: Sequence[ReportedChange]) -> ForeignChange:
    """Return what changes come to, as one change of whole lines."""
    after = _After(mirror)
    for reported in changes:
        after.make(reported)
    return after.difference()


def without_detours(mirror: Mirror, changes: Sequence[ReportedChange]) -> list[ReportedChange]:
    """Return a notification's changes without those that lead back to a text before them.

    Looked at one by one, an undo that is redone at once takes text for gone, and for new then.

        text    a   ab   a   c      the first two changes are left out, the third is kept
    """
    after = _After(mirror)
    kept: list[ReportedChange] = []
    texts = [after.difference()]
    for reported in changes:
        after.make(reported)
        text = after.difference()
        if text in texts:
            count = texts.index(text)
            del kept[count:], texts[count + 1 :]
        else:
            kept.append(reported)
            texts.append(text)
    return kept


def running_totals(mirror: Mirror, changes: Sequence[ReportedChange]) -> list[ForeignChange]:
    """Return what the first change comes to, the first two together, and so on."""
    totals: list[ForeignChange] = []
    after = _After(mirror)
    for reported in changes:
        change, _ = after.make(reported)
        totals.append(after.difference() if totals else change)
    return totals


class _After:
    """A document as changes leave it, and in which lines it may differ from what it was."""

    def __init__(self, before: Mirror) -> None:
        self.mirror = Mirror("", encoding=before.encoding)
        self.mirror.lines = list(before.lines)
        self._before = before
        self._first = self._same_behind = len(before.lines)

    def make(self, reported: ReportedChange) -> tuple[ForeignChange, Splice]:
        """Make a change and return it, with what it does to points."""
        change = located(self.mirror, reported)
        splice = self.mirror.splice(change.start, change.end, change.text)
        behind = len(self.mirror.lines) - splice.first_line - len(splice.new_lengths)
        self._first = min(self._first, splice.first_line)
        self._same_behind = min(self._same_behind, behind)
        return change, splice

    def difference(self) -> ForeignChange:
        """Return the lines that differ, as one change; if none does, an empty one at the end."""
        old, new = self._before.lines, self.mirror.lines
        shorter = min(len(old), len(new))
        first, same_behind = self._first, self._same_behind
        while first + same_behind < shorter and old[first] == new[first]:
            first += 1
        while first + same_behind < shorter and old[-1 - same_behind] == new[-1 - same_behind]:
            same_behind += 1
        last_old, last_new = len(old) - same_behind, len(new) - same_behind
        if max(last_old, last_new) <= first:
            return ForeignChange(self._before.end, self._before.end, "")
        end = Point(last_old, 0) if last_old < len(old) else self._before.end
        start = Point(first, 0) if first < len(old) else self._before.end
        return ForeignChange(start, end, "".join(new[first:last_new]))


@dataclass(frozen=True, slots=True)
class Echo:
    """Steps found in a change, and what the user did besides."""

    landed: frozenset[Step]
    line_ending: LineEnding | None
    """The ending the client turned our line endings into, or None if it kept them."""
    window_start: Point
    """Where the part of the document begins in which all this took place."""
    window_length: int
    """Its length after the steps, in code points."""
    reported: str
    """Its text after the change; what differs from that after the steps is the user's."""
    cost: float
    """How unlikely that is, in bits."""
    left: tuple[str, ...] = ()
    """What there is of the steps' texts, if the user would have removed the rest of them."""


@dataclass(frozen=True, slots=True)
class _Window:
    """The part of the document in which a change and some steps take place."""

    mirror: Mirror
    start: Point
    end: Point

    @classmethod
    def around(cls, mirror: Mirror, changes: list[ForeignChange]) -> "_Window":
        start = min(change.start for change in changes)
        if start.column == 0 and start.line and mirror.lines[start.line - 1].endswith("\r"):
            # A line feed put behind a lone carriage return makes one ending of both: this place
            # would be in the middle of it, the one before stays what it is.
            start = Point(start.line - 1, len(mirror.lines[start.line - 1]) - 1)
        return cls(mirror, start, max(change.end for change in changes))

    def beside(self) -> str:
        """Return the lines around the window and in it, as they are before any change."""
        first = max(0, self.start.line - LINES_BESIDE)
        return collapsed("".join(self.mirror.lines[first : self.end.line + LINES_BESIDE]))

    def after(self, changes: list[ForeignChange]) -> str:
        """Return the window's text with the changes, given in order, applied."""
        parts, done = [], self.start
        for change in changes:
            parts += [self.mirror.slice(done, change.start), change.text]
            done = change.end
        return "".join([*parts, self.mirror.slice(done, self.end)])

    def inserted(self, changes: list[ForeignChange]) -> list[tuple[int, int]]:
        """Return where the changes' texts stand after them, by collapsed offsets."""
        spans, offset, done = [], 0, self.start
        for change in changes:
            offset += len(collapsed(self.mirror.slice(done, change.start)))
            end = offset + len(collapsed(change.text))
            spans.append((offset, end))
            offset, done = end, change.end
        return spans


def find_echo(document: TrackedDocument, plan: Plan, change: ForeignChange) -> Echo | None:
    """Say which steps of a plan a client's change contains, or None if it contains none."""
    if plan and document_changes(document, plan) == [change]:  # as it was sent: the usual case
        was = document.mirror.slice(change.start, change.end)
        return complete_echo(document, plan) if was != change.text else None
    nearby = tuple(
        step
        for step in plan
        if any(
            own.start.line <= change.end.line + NEARBY_LINES
            and own.end.line >= change.start.line - NEARBY_LINES
            for own in document.changes_of(step.region_id, step.edit)
        )
    )
    if not nearby:
        return None
    shown = smallest(document.mirror, change) or change
    best: Echo | None = None
    # What it would be if nothing of ours were in it.
    least = _cost(_differences(document.mirror.slice(change.start, change.end), change.text))
    for steps, ending in _hypotheses(nearby):
        echo = _suppose(document, steps, ending, change, shown)
        if echo and echo.cost < least:
            best, least = echo, echo.cost
        # Nothing is left for the user to have done: no other reading can be better.
        if not least:
            break
    return best


def converted_echo(document: TrackedDocument, plan: Plan, change: ForeignChange) -> Echo | None:
    """Return the echo of a whole plan if a change is just that, with other line endings.

    It may change nothing: such a client turns the line feed that is to replace a CRLF into one.
    """
    for ending in LINE_ENDINGS:
        echo = _suppose(document, plan, ending, change, change)
        if echo and not echo.cost:
            return echo
    return None


def complete_echo(document: TrackedDocument, plan: Plan) -> Echo:
    """Return the echo of a whole plan and of nothing else."""
    own = document_changes(document, plan)
    window = _Window.around(document.mirror, own)
    text = window.after(own)
    return Echo(
        landed=frozenset(plan),
        line_ending=None,
        window_start=window.start,
        window_length=len(text),
        reported=text,
        cost=0,
    )


def _differences(old: str, new: str, inserted: Iterable[tuple[int, int]] = ()) -> list[Edit]:
    """Return what the user would have removed and typed to get from one text to the other.

    One edit that spans all differences would not do: a formatter that changes the first and the
    last line would then seem to have written everything between them. A CRLF counts as one
    character: nobody types or removes half of it.
    """
    return anchored_edits(collapsed(old), collapsed(new), inserted)


def _cost(edits: list[Edit]) -> float:
    """Return how unlikely it is that a user has made the edits meanwhile, in bits.

    A stroke removes much text or little; what is typed is typed character by character.
    """
    removals = sum(_REMOVAL_BITS + 0.1 * (e.end - e.start) for e in edits if e.end > e.start)
    return removals + sum(bits(edit.text) for edit in edits)


def _hypotheses(steps: Plan) -> Iterator[tuple[Plan, LineEnding | None]]:
    # Subsets double with every step.
    largest = len(steps) - 1 if len(steps) <= MOST_STEPS_COMBINED else 1
    sizes = range(min(largest, len(steps) - 1), 0, -1)
    for subset in chain([steps], *(combinations(steps, size) for size in sizes)):
        yield subset, None
        for ending in LINE_ENDINGS:
            if with_endings(subset, ending) != subset:
                yield subset, ending


def _suppose(
    document: TrackedDocument,
    steps: Plan,
    ending: LineEnding | None,
    change: ForeignChange,
    shown: ForeignChange,
) -> Echo | None:
    """Return what it would mean if these steps were in a change; None if that cannot be.

    Args:
        document: Where the change took place.
        steps: What may be in it.
        ending: The line ending that the client may have turned theirs into.
        change: The change, as it was reported.
        shown: The same without what it leaves as it is.
    """
    supposed = with_endings(steps, ending) if ending else steps
    own = document_changes(document, supposed)
    # What was removed beside a step's text may read as a part of that, see `lines_around`.
    window = _Window.around(document.mirror, [*own, change])
    window = _Window(window.mirror, *window.mirror.lines_around(window.start, window.end))
    supposedly, reported = window.after(own), window.after([change])
    if ending and ending not in line_endings(reported):
        return None
    inserted = window.inserted(own)
    differences = _differences(supposedly, reported, inserted)
    beside = [each for each in own if each.end < shown.start or shown.end < each.start]
    # White space elsewhere is no sign of an edit, if the user has done something besides.
    if differences and any(each.text and not each.text.strip() for each in beside):
        return None
    within_reach = all(_is_within_reach(document.mirror, each, shown) for each in own)
    if not within_reach and not _is_named(window, own, beside, shown, differences):
        return None
    text = collapsed(supposedly)
    if not _speaks_for_itself(text, inserted, differences, window.beside()):
        return None
    left = tuple(text[low:high] for span in inserted for low, high in _left_of(span, differences))
    return Echo(
        landed=frozenset(steps),
        line_ending=ending,
        window_start=window.start,
        window_length=len(supposedly),
        reported=reported,
        cost=_cost(differences),
        left=() if sum(map(len, left)) == sum(end - start for start, end in inserted) else left,
    )


def _is_named(
    window: _Window,
    own: list[ForeignChange],
    beside: list[ForeignChange],
    shown: ForeignChange,
    differences: list[Edit],
) -> bool:
    r"""Whether all that the user would have removed is own text, or text that the client names.

    What a client reports spans all that differs. It only does not reach the place of an own edit if
    what came repeats the text in between; that text was not removed then:

        x\n|y    edit: foo() at |         reported: z\nfoo()\n behind x\n     typed before it: \nz
        x\n|y    edit: return x\n at |    reported: return at the beginning  the user's: else x\n
                                                                             would have gone
    """
    if not beside:
        return True
    touching = [each for each in own if each not in beside]
    named = _Window.around(window.mirror, [shown, *touching])
    changes = [*beside, ForeignChange(named.start, named.end, named.after(touching))]
    spans = window.inserted(sorted(changes, key=lambda each: each.start))
    supposedly = collapsed(window.after(own))
    return all(
        any(low <= edit.start and edit.end <= high for low, high in spans)
        for edit in differences
        # Of spaces on either side a client cannot say which of them went.
        if supposedly[edit.start : edit.end].strip(" \t")
    )


def _is_within_reach(mirror: Mirror, own: ForeignChange, change: ForeignChange) -> bool:
    r"""Whether a change that shows part of an own edit can stand where it was reported.

    What a client reports spans all that differs, so it reaches the place of the edit. It only does
    not if the edit, or what the user made of it, repeats the text in between, and the client names
    the other place:

        x\n|y    edit: x\n at |            reported: x\n at the beginning          the edit's
        x\n|y    edit: return x\n at |     reported: return at the beginning      the user's
    """
    if own.start <= change.end and change.start <= own.end:
        return True
    replaced, text = collapsed(mirror.slice(own.start, own.end)), collapsed(own.text)
    # An insertion that repeats what lies in between may as well have been made at the edit's place.
    inserted = collapsed(change.text) if change.start == change.end else ""
    if change.end < own.start:
        between = collapsed(mirror.slice(change.end, own.start))
        return (between + text).endswith(between + replaced) or inserted.startswith(between)
    between = collapsed(mirror.slice(own.end, change.start))
    return (text + between).startswith(replaced + between) or inserted.endswith(between)


def _speaks_for_itself(
    text: str, inserted: list[tuple[int, int]], differences: list[Edit], beside: str
) -> bool:
    """Whether enough is left of what steps inserted.

    A few equal characters here and there are no evidence, since lines of code are alike. Each step
    counts of which two fifths are left, in runs of some length that stand nowhere beside it, or one
    long run, or of which nothing was removed.

        inserted    delta = 4        present    beta = 2     no evidence: what is alike is "ta = "
        inserted    delta = 4        present    delta        evidence: the user removed the rest
        inserted    self.x = x       present    self.y = y   none, where there is a self.z = z
    """
    total = found = 0.0
    for start, end in inserted:
        whole = bits(text[start:end])
        runs = [text[low:high] for low, high in _left_of((start, end), differences)]
        telling = [bits(run) for run in runs if run not in beside]
        total += whole
        evidence = sum(run for run in telling if run >= _RUN_BITS)
        is_left = sum(map(bits, runs)) >= whole
        if is_left or 5 * evidence >= 2 * whole or max(telling, default=0) >= _LONG_RUN_BITS:
            found += whole
    return 2 * found >= total


def _left_of(span: tuple[int, int], differences: list[Edit]) -> Iterator[tuple[int, int]]:
    """Yield the parts of a span that differences leave, some of them empty."""
    low, end = span
    for edit in differences:
        if edit.start >= end:
            break
        if edit.start >= low:
            yield low, edit.start
        low = max(low, edit.end)
    yield low, max(low, end)
