r"""What a region was before, so that undo and redo are understood.

An editor that undoes an edit reports an ordinary change: text goes, other text comes back. Whose
that text is cannot be read off the change, only off the past: what stands there now stood there
before, and then it was known who wrote what. So each region keeps its past, and after a user's
change the present text is looked up in it. If it is found, the region becomes what it was then.

    text around the region    what happened            the region (own text in brackets)
    a = 1|b = 2               it was opened            a = 1[]b = 2
    a = 1\nfoo()|b = 2        an edit landed           a = 1[\nfoo()]b = 2
    a = 1\nfoo()bar()|b = 2   another one landed       a = 1[\nfoo()bar()]b = 2
    a = 1\nfoo()|b = 2        the user undoes that     found: a = 1[\nfoo()]b = 2
    a = 1\nfoo()bar()|b = 2   the user redoes it       found: a = 1[\nfoo()bar()]b = 2

Without its past the fourth line would be a deletion, never to be written again, and the text of the
fifth the user's own.

The past is kept for a field: the region and whatever was changed next to it or across its borders.
Coordinates count code points from where the region was opened; those before it are negative.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, islice, takewhile
from operator import sub

from streaming_code_generator.editing.diff import (
    SCRAP_BITS,
    Edit,
    bits,
    collapsed,
    fine_edits,
    single_edit,
)
from streaming_code_generator.editing.mirror import LINES_BESIDE, Mirror, Point, Splice, split_lines
from streaming_code_generator.editing.region import (
    ForeignChange,
    Kind,
    Piece,
    Region,
    absorb_change,
)

COMING_BACK_BITS = 24
"""How unlikely it must be that the user has typed a run of characters that once stood there."""
MOST_RUNS = 256
"""So many runs of a text that came are looked for in what was removed."""
MOST_RUNS_WALKED = 16
"""So many of those that were found are looked for in each older text of a field."""
MOST_STEPS_OF_A_MOVE = 16
"""Among so many of the latest changes of a field those are looked for that moved text in it."""
STEPS_KEPT = 1_000
"""So many of the latest changes of a field are kept one by one; those before become one."""


@dataclass(slots=True)
class GrowingText:
    """The text of a region that grows, of which its past has only the beginnings."""

    text: str


@dataclass(frozen=True, slots=True)
class PastRegion:
    """A region as it was, by its coordinates."""

    start: int
    end: int
    kept: Region
    was_seen: bool = True
    """Whether the editor has reported it; else it may never have been."""
    grown: GrowingText | None = None
    """What begins with its text, where it had nothing else; then `kept` has none."""

    @property
    def region(self) -> Region:
        """The region itself."""
        if self.grown is None:
            return self.kept
        text = self.grown.text[: self.end - self.start]
        pieces = (Piece(Kind.OWN, len(text)),)
        return replace(self.kept, own_text=text, landed_text=text, pieces=pieces)

    def landed(self, edits: tuple[Edit, ...]) -> "PastRegion":
        """Return it as it would be had the edits of its own text, in order, landed unseen."""
        region, end = self.region, self.end
        for edit in reversed(edits):
            end += sum(len(p.text) - (p.end - p.start) for p in region.place(edit))
            region = region.land(edit)
        return PastRegion(self.start, end, region, was_seen=False)

    def changed(self, text: str, left: int, edits: Sequence[Edit]) -> "PastRegion":
        """Return it as it would be had the user made edits of its field's text at that time."""
        field, origin = Mirror(text), Point(0, 0)
        region = replace(
            self.region,
            start=field.advance(origin, self.start - left),
            end=field.advance(origin, self.end - left),
        )
        for edit in reversed(edits):
            start, end = field.advance(origin, edit.start), field.advance(origin, edit.end)
            staged = field.stage(start, end, edit.text)
            change = ForeignChange(start, end, edit.text)
            region = absorb_change(region, field, change, staged.splice, author="user")
            field.make(staged)
        return PastRegion(
            field.distance(origin, region.start) + left,
            field.distance(origin, region.end) + left,
            region,
            self.was_seen,
        )

    def document_edits(self, edits: tuple[Edit, ...]) -> list[Edit]:
        """Return what edits of its own text, in order, do to the field, in coordinates."""
        return [
            Edit(self.start + placed.start, self.start + placed.end, placed.text)
            for edit in edits
            for placed in self.region.place(edit)
        ]


@dataclass(frozen=True, slots=True)
class PastStep:
    """One change of the field: `removed`, from coordinate `start` on, became `inserted`."""

    start: int
    removed: str
    inserted: str
    before: PastRegion | None
    """The region before it; None in the middle of an edit of several places."""
    is_users: bool = False

    @property
    def growth(self) -> int:
        """How many code points longer the field is afterwards."""
        return len(self.inserted) - len(self.removed)


@dataclass(slots=True)
class OlderText:
    """An older text of the field, as what it has in place of `[low, high)` of the present one."""

    present: str
    left: int
    """The coordinate at which the field begins."""
    low: int
    high: int
    older: str = ""

    def go_back(self, step: PastStep) -> None:
        """Take one step back."""
        start, end = step.start - self.left, step.start - self.left + len(step.inserted)
        # The step may lie beside what is known to differ: then that grows to hold both.
        low = min(self.low, start)
        older_end = self.low + len(self.older)
        beyond = max(0, end - older_end)
        text = (
            self.present[low : self.low] + self.older + self.present[self.high : self.high + beyond]
        )
        self.older = text[: start - low] + step.removed + text[end - low :]
        self.low, self.high = low, self.high + beyond

    @property
    def is_present(self) -> bool:
        """Whether the older text is the present one."""
        return (
            self.high - self.low == len(self.older)
            and self.present[self.low : self.high] == self.older
        )

    def holds_any(self, runs: Iterable[str]) -> bool:
        """Whether any of these texts stands in the older part of the text."""
        return any(run in self.older for run in runs)

    @property
    def text(self) -> str:
        """All of the older text."""
        return self.present[: self.low] + self.older + self.present[self.high :]


class RegionHistory:
    """The past of one region's field. It moves with the document like the region itself."""

    def __init__(self, region: Region, length: int) -> None:
        self.start, self.end = region.start, region.end
        self._left, self._right = 0, length
        """The coordinates of `start` and `end`."""
        self._steps: list[PastStep] = []
        self._unread = 0
        """How many of the latest steps have not been looked up."""
        self.since_sent = 0
        """How many of the latest steps there were since an edit of the region was sent."""
        self._grown = GrowingText("")
        """What the region has grown to lately."""

    def is_touched_by(self, change: ForeignChange) -> bool:
        """Whether a change reaches into the field or up to one of its ends."""
        return change.start <= self.end and change.end >= self.start

    def lies_beside(self, mirror: Mirror, change: ForeignChange) -> bool:
        """Whether a change touches the field, or there is but a line ending between them."""
        if self.is_touched_by(change):
            return True
        is_before = change.end < self.start
        start, end = (change.end, self.start) if is_before else (self.end, change.start)
        return end.line <= start.line + 1 and not mirror.slice(start, end).strip()

    def gets_text_beside(self, mirror: Mirror, change: ForeignChange) -> bool:
        r"""Whether a change puts text beside the field that stands in it, or did once.

        Lines that are joined are reported so by Neovim, and text that came back by some editors:

            before    x\n[foo()]           the line is put behind x, and then taken out here
            then      x foo()\n[foo()]

            before    x[]\ny               the undo of removing `\nfoo()`, and z typed for y,
            then      x[]\nfoo()\nz        reported as `foo()\nz` for y
        """
        if not self.lies_beside(mirror, change):
            return False
        if self.removed_runs(mirror, change.text):
            return True
        is_joining = change.start == change.end < self.start
        field = mirror.slice(self.start, self.end) if is_joining else ""
        return any(run in field for run in telling_runs(change.text))

    def record(
        self, mirror: Mirror, change: ForeignChange, before: PastRegion | None, *, is_users: bool
    ) -> None:
        """Take note of a change that touches the field, before the mirror makes it."""
        step = replace(self._step(mirror, change), before=before, is_users=is_users)
        self._steps.append(step)
        self._unread += 1
        self.since_sent += 1
        self._right += step.growth

    def _step(self, mirror: Mirror, change: ForeignChange) -> PastStep:
        # What was not in the field did not change since it was opened: all its texts had it.
        if change.start < self.start:
            self._left -= mirror.distance(change.start, self.start)
            self.start = change.start
        if change.end > self.end:
            self._right += mirror.distance(self.end, change.end)
            self.end = change.end
        start = self.coordinate(mirror, change.start)
        return PastStep(start, mirror.slice(change.start, change.end), change.text, before=None)

    def grow(self, before: PastRegion, text: str) -> None:
        """Take note that a region with nothing but its own text grows to `text`, as looked up."""
        past = self.sharing(before, text)
        length = past.end - past.start
        self._steps.append(PastStep(past.end, "", text[length:], past))
        self.since_sent += 1
        self._right += len(text) - length

    def sharing(self, before: PastRegion, text: str) -> PastRegion:
        """Return the past of a region that had nothing but its own text, of which `text` is more.

        All that grow one after another share one text: each with its own would come to the square
        of the length.
        """
        region = before.region
        if region.own_text is not self._grown.text:
            self._grown = GrowingText(region.own_text)
        self._grown.text = text
        kept = Region(
            start=region.start,
            end=region.end,
            own_text="",
            landed_text="",
            original=region.original,
            pieces=(),
            rewritten=region.rewritten,
        )
        return PastRegion(before.start, before.end, kept, grown=self._grown)

    def mark_read(self) -> None:
        """Take what was recorded so far for looked up."""
        self._unread = 0

    def moved(self, splice: Splice) -> None:
        """Follow a change of the document."""
        self.start = splice.move(self.start, sticks_right=False)
        self.end = splice.move(self.end, sticks_right=True)

    def coordinate(self, mirror: Mirror, point: Point) -> int:
        """Return a place in the field as a coordinate; the nearer end is measured from."""
        if point.line - self.start.line > self.end.line - point.line:
            return self._right - mirror.distance(point, self.end)
        return self._left + mirror.distance(self.start, point)

    def point(self, mirror: Mirror, coordinate: int) -> Point:
        """Return where a coordinate lies."""
        return mirror.advance(self.start, coordinate - self._left)

    def found(self, mirror: Mirror, thought: Sequence[PastStep] = ()) -> Iterator[PastRegion]:
        """Yield what the region was when the field had its present text, the latest first.

        Args:
            mirror: The document.
            thought: Steps of the field to be thought of as made.
        """
        # Only texts of the present one's length can equal it: the others need not be built.
        length = self._right - self._left + sum(step.growth for step in thought)
        growths = (step.growth for step in reversed([*self._steps, *thought]))
        lengths = islice(accumulate(growths, sub, initial=length), 1, None)
        same = [depth for depth, older in enumerate(lengths, start=1) if older == length]
        for window, past in self._walk_back(mirror, depths=same, thought=thought):
            if window.is_present:
                yield past

    def was_before(self, mirror: Mirror, changes: Sequence[ForeignChange]) -> bool:
        """Whether changes, the last place first, bring the field back to a text that it had.

        Each touches the field; none is made, so the field reaches no further afterwards.
        """
        field = self.start, self.end, self._left, self._right
        thought = [self._step(mirror, change) for change in changes]
        was_before = next(self.found(mirror, thought), None) is not None
        self.start, self.end, self._left, self._right = field
        return was_before

    def is_taken_back(self, mirror: Mirror, change: ForeignChange) -> bool:
        """Whether a change is just what takes back one of the field's, and leads to what it was."""
        if change.start < self.start or self.end < change.end:
            return False
        thought = self._step(mirror, change)
        undone = (thought.start, thought.inserted, thought.removed)
        taken_back = [
            step for step in self._steps if (step.start, step.removed, step.inserted) == undone
        ]
        if not taken_back:
            return False
        window = self._window(mirror, [thought])
        for step in reversed([*self._steps, thought]):
            window.go_back(step)
            if window.is_present and any(step is each for each in taken_back):
                return True
        return False

    def nearest(
        self, mirror: Mirror, region: Region, is_meant: Callable[[PastRegion], bool]
    ) -> PastRegion | None:
        """Return what the region is if text came back and was changed before it was reported.

        An editor that reports differences may report an undo together with what was typed after it.
        So the past text is taken that explains most of what the user has put in, if more of the
        generation's text stands there by it; of several, the one that is most like the present.

            before    a = 1[]b = 2          (undone: `foo()` and `bar()` had landed)
            after     a = 1foo()xbar()b = 2
            taken     a = 1[foo()xbar()]b = 2, of which only the x is the user's
        """
        runs = self._coming_back(mirror)
        if not runs:
            return None
        best: PastRegion | None = None
        most, fewest, least = 0.0, 0, bits(region.standing_text()) + SCRAP_BITS
        # Older texts that hold none of what came back explain nothing: they are not compared.
        sample = runs[:: 1 + len(runs) // MOST_RUNS_WALKED]
        for window, past in self._walk_back(mirror, depths=[*range(1, len(self._steps) + 1)]):
            if not (window.holds_any(sample) and is_meant(past)):
                continue
            edits = fine_edits(window.text, window.present)
            explained = _explained(window.present, edits, runs)
            # Half a CRLF is no less than all of it: clients write their own line endings.
            gone_and_come = ((window.text[e.start : e.end], e.text) for e in edits)
            changed = sum(len(collapsed(text)) for texts in gone_and_come for text in texts)
            if explained > most or (explained == most and changed < fewest):
                now = past.changed(window.text, self._left, edits)
                if bits(now.region.standing_text()) >= least:
                    best, most, fewest = now, explained, changed
        return best

    def after_move(self, mirror: Mirror, region: Region) -> PastRegion | None:
        r"""Return what the region is if the user has moved text: put in anew, then taken out.

        Some editors report both by themselves, as Neovim does when lines are joined:

            before    x[foo()\nbar()]
            then      x[foo() bar()\nbar()]      the second text is the user's
            after     x[foo() bar()]
            taken     x[foo() bar()], of which only the space is the user's
        """
        removed = "\0".join(step.removed for step in self._unread_steps if step.is_users)
        runs = [run for run in telling_runs(removed) if "\0" not in run]
        latest = islice(reversed(self._steps), MOST_STEPS_OF_A_MOVE)
        for depth, step in enumerate(takewhile(lambda step: step.is_users, latest), start=1):
            if not any(run in step.inserted for run in runs):
                continue
            for window, past in self._walk_back(mirror, depths=[depth]):
                edits = fine_edits(window.text, window.present)
                now = past.changed(window.text, self._left, edits)
                if bits(now.region.standing_text()) >= bits(region.standing_text()) + SCRAP_BITS:
                    return now
        return None

    def has_come_back(self, mirror: Mirror) -> bool:
        """Whether the user has put text there, since the last look, that was once removed."""
        return bool(self._coming_back(mirror))

    def stands_as_before(self, region: Region) -> bool:
        """Whether what stands of the region's own text is what stood there at the last look."""
        before = next((step.before for step in self._unread_steps if step.before), None)
        return before is not None and before.region.standing_text() == region.standing_text()

    def was_users_change(self) -> bool:
        """Whether the user has changed the field since the last look."""
        return any(step.is_users for step in self._unread_steps)

    def _coming_back(self, mirror: Mirror) -> list[str]:
        """Return runs of what the user has put in that were once removed, and did not stand there.

        Each says enough, and there are not too many of them.
        """
        put_in = "".join(step.inserted for step in self._unread_steps if step.is_users)
        known = self.removed_runs(mirror, put_in)
        if not known:
            return []
        # The text before what the user did since the last look, or since our last edit.
        window = self._window(mirror)
        for step in takewhile(lambda step: step.is_users, reversed(self._unread_steps)):
            window.go_back(step)
        return [run for run in known if run not in window.text]

    def removed_runs(self, mirror: Mirror, text: str) -> list[str]:
        """Return runs of a text that were once removed; each says enough, and not too many.

        What stands around the field, too, says nothing: lines of code are alike.
        """
        if bits(text) < COMING_BACK_BITS:
            return []
        removed = self.removed_text()
        runs = [run for run in telling_runs(text) if run in removed]
        before = mirror.slice(Point(max(0, self.start.line - LINES_BESIDE), 0), self.start)
        behind = mirror.lines[self.end.line + 1 : self.end.line + 1 + LINES_BESIDE]
        around = "\0".join(
            (before, mirror.lines[self.end.line][self.end.column :] + "".join(behind))
        )
        return [run for run in runs if run not in around]

    def removed_text(self) -> str:
        """Return all that was ever removed of the field, in pieces that no run goes across."""
        return "\0".join(step.removed for step in self._steps)

    @property
    def _unread_steps(self) -> list[PastStep]:
        return self._steps[len(self._steps) - self._unread :]

    def regions(self) -> Iterator[Region]:
        """Yield what the region was, the latest first."""
        return (step.before.region for step in reversed(self._steps) if step.before is not None)

    def note_unseen(self, mirror: Mirror, present: PastRegion, edits: tuple[Edit, ...]) -> None:
        """Note the edit that was sent last, and not seen, as landed and undone at once.

        An editor may have applied it and the user undone it before that was reported: redone, it is
        the generation's then. If it never arrived, such a text never comes.

        Args:
            mirror: The document.
            present: The region.
            edits: The edits of the region's own text, in order.
        """
        index = len(self._steps) - self.since_sent
        later = self._steps[index:]
        window = self._window(mirror)
        for step in reversed(later):
            window.go_back(step)
        sent_for = later[0].before if later else present
        # In the middle of an edit of several places nothing is sent.
        if sent_for is None or sent_for.region.own_text != present.region.landed_text:
            return
        landing = [
            PastStep(
                edit.start,
                removed=window.text[edit.start - self._left : edit.end - self._left],
                inserted=edit.text,
                before=None,
            )
            for edit in reversed(sent_for.document_edits(edits))
        ]
        if landing:
            undoing = [
                replace(step, removed=step.inserted, inserted=step.removed)
                for step in reversed(landing)
            ]
            landing[0] = replace(landing[0], before=sent_for)
            undoing[0] = replace(undoing[0], before=sent_for.landed(edits))
            self._steps[index:index] = [*landing, *undoing]

    def _walk_back(
        self, mirror: Mirror, *, depths: list[int], thought: Sequence[PastStep] = ()
    ) -> Iterator[tuple[OlderText, PastRegion]]:
        """Yield the field's older texts, and the region then, that lie so many steps back."""
        if not depths:
            return
        window, wanted = self._window(mirror, thought), set(depths)
        steps = reversed([*self._steps, *thought])
        for depth, step in enumerate(islice(steps, depths[-1]), start=1):
            window.go_back(step)
            if depth in wanted and step.before is not None:
                yield window, step.before

    def _window(self, mirror: Mirror, thought: Sequence[PastStep] = ()) -> OlderText:
        present = mirror.slice(self.start, self.end)
        for step in thought:
            start = step.start - self._left
            end = start + len(step.removed)
            present = present[:start] + step.inserted + present[end:]
        return OlderText(present, self._left, low=len(present), high=len(present))

    def compact(self, mirror: Mirror) -> None:
        """Make one step of the oldest ones once there are twice as many as are kept."""
        # Only now and then, as it walks all the way back.
        if len(self._steps) < 2 * STEPS_KEPT:
            return
        window = self._window(mirror)
        for step in reversed(self._steps[STEPS_KEPT:]):
            window.go_back(step)
        later = window.text
        for step in reversed(self._steps[:STEPS_KEPT]):
            window.go_back(step)
        edit = single_edit(window.text, later) or Edit(0, 0, "")
        removed = window.text[edit.start : edit.end]
        oldest = PastStep(edit.start + self._left, removed, edit.text, self._steps[0].before)
        self._steps[:STEPS_KEPT] = [oldest]


def were_removed(texts: Iterable[str], histories: Iterable[RegionHistory]) -> bool:
    """Whether all lines of these texts were once removed from fields, and say enough."""
    lines = [line for text in texts for line in split_lines(text) if line.strip()]
    removed = "\0".join(history.removed_text() for history in histories)
    is_telling = sum(map(bits, lines)) >= COMING_BACK_BITS
    return is_telling and all(line.strip() in removed for line in lines)


def telling_runs(text: str) -> Iterator[str]:
    """Yield runs that nobody types by chance, from all over a text, and not too many."""
    for start in range(0, len(text), 1 + len(text) // MOST_RUNS):
        if run := _telling_run(text, start):
            yield run


def _telling_run(text: str, start: int) -> str:
    """Return the shortest run from there, in one line, that nobody types by chance, or none."""
    for end in range(start + 1, min(len(text), start + COMING_BACK_BITS) + 1):
        if text[end - 1] in "\r\n":
            return ""
        if bits(text[start:end]) >= COMING_BACK_BITS:
            return text[start:end]
    return ""


def _explained(present: str, edits: Sequence[Edit], runs: Iterable[str]) -> float:
    """Return how much of the runs that came is not an edit of the user's, in bits."""
    kept, done, growth = [], 0, 0
    for edit in edits:
        kept.append(present[done : edit.start + growth])
        growth += edit.growth
        done = edit.end + growth
    kept.append(present[done:])
    text = "\0".join(kept)
    return sum(bits(run) for run in runs if run in text)
