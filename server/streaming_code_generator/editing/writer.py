"""The state machine that brings generated text into one document.

Events go in: text wanted, a reply, a change, the clock. Edits and outcomes come out. There is no
input or output here, and time is only what the caller says it is.

The rules it keeps:

1. At most one edit is outstanding; what is wanted meanwhile goes out in the next one.
2. An edit carries the version the mirror has, so that a client refuses it if it knows better.
3. A reply proves nothing. An edit has landed when a change shows the text it leads to.
4. What a change shows besides is the user's, and is never taken back.
5. A client that refuses, stays silent or lies ends the affected generations within bounded time.

`DocumentWriter` decides what goes out and when, `ReportReader` what a change has brought.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from streaming_code_generator.editing.echo import (
    LINE_ENDINGS,
    Echo,
    converted_echo,
    find_echo,
    grouped,
    located,
    net_change,
    running_totals,
    smallest,
    without_detours,
)
from streaming_code_generator.editing.exchange import (
    Deleted,
    Outcome,
    OutgoingEdit,
    RangeTaken,
    ReportedChange,
    Settled,
    TextReplacement,
    Undeliverable,
    UndeliverableReason,
    Undone,
)
from streaming_code_generator.editing.history import were_removed
from streaming_code_generator.editing.in_flight import (
    MOST_DOUBTS,
    MOST_REFUSALS,
    REFUSAL_WAITS_S,
    InFlight,
    MisplacedEdits,
    Refusals,
)
from streaming_code_generator.editing.mirror import LineEnding, Mirror, Point, PositionEncoding
from streaming_code_generator.editing.region import ForeignChange, Region
from streaming_code_generator.editing.tracked_document import (
    Plan,
    Step,
    TrackedDocument,
    document_changes,
    land,
    with_endings,
)
from streaming_code_generator.editing.undo import UndoWatch
from streaming_code_generator.editing.wanted import Wishes

MOST_UNDO_STEPS = 16
"""Among so many changes of a notification an undo is looked for that something else follows."""


@dataclass(slots=True)
class WriterCounts:
    """What happened so far, for the log and for figures."""

    sent: int = 0
    landed: int = 0
    refused: int = 0
    rebased: int = 0
    """Edits that had to be made anew because the document changed under them."""
    repaired: int = 0
    """Edits that a client applied in the wrong place and that were taken back."""


class DocumentWriter:
    """Brings every region of one document to its wanted text, past a user who types."""

    def __init__(self, text: str, *, version: int | None, encoding: PositionEncoding) -> None:
        self.document = TrackedDocument(Mirror(text, version=version, encoding=encoding))
        self.counts = WriterCounts()
        self.undo = UndoWatch(self.document)
        self._misplaced = MisplacedEdits(self.document)
        self._undo_version: int | None = None
        """The latest version of which the client said that an undo or a redo led to it."""
        self._wishes = Wishes(self.document)
        self._reader = ReportReader(self.document, self._wishes, self._misplaced, self.undo)
        self._in_flight: InFlight | None = None
        self._doubts = 0
        """How many edits in a row were probably dropped."""
        self._refusals = Refusals()
        self._next_edit_id = 1

    @property
    def mirror(self) -> Mirror:
        """The document as the client last reported it."""
        return self.document.mirror

    @property
    def is_idle(self) -> bool:
        """Whether nothing is outstanding and nothing is left to send."""
        if self._in_flight is not None or self.undo.held_until_s:
            return False
        return not self._wishes.plan()

    def region(self, region_id: str) -> Region:
        """Return a tracked region."""
        return self.document.region(region_id)

    # What generations want

    def open_region(self, region_id: str, start: Point, end: Point) -> None:
        """Track a range whose text a generation is going to replace; nothing is sent yet.

        Raises:
            RangeTaken: Another generation is writing there. Two that replace the same text could
                not both be taken back, and what is written inside a selection is a part of it.
        """
        taken = [
            key
            for key in self.document.overlapping(start, end)
            if self._wishes.is_running(key) and (start < end or self.region(key).original)
        ]
        if taken:
            raise RangeTaken(taken[0])
        self.document.open_region(region_id, start, end)
        self._wishes.begin(region_id)

    def hand_over(self, region_id: str, new_id: str) -> None:
        """Let another generation go on in a region, with all that is known of its text."""
        self._let_go(region_id)
        self.document.hand_over(region_id, new_id)
        self._wishes.begin(new_id)

    def want(self, region_id: str, text: str) -> None:
        """Say which text the region of a running generation should hold now."""
        self._wishes.want(region_id, text)

    def finish(self, region_id: str, text: str) -> list[Outcome]:
        """Say which text a region should hold for good; `Settled` comes once it does.

        `Deleted` comes if a user has removed the region's text: there is no place for another.
        """
        if region_id not in self.document:
            return []
        if self.region(region_id).deleted:
            self.stop(region_id)
            return [Deleted(region_id)]
        if region_id not in self.undo:
            self.undo.settle(region_id)
        self._wishes.want_for_good(region_id, text)
        return self._settle()

    def put_back(self, region_id: str) -> list[Outcome]:
        """Bring back for good what stood in a region before its generation wrote anything."""
        if region_id not in self.document:
            return []
        self.document.drop_undone(region_id)
        return self.finish(region_id, self.region(region_id).original)

    def stop(self, region_id: str) -> None:
        """Want nothing more of a region: it keeps what it holds and stays tracked."""
        self._wishes.stop(region_id)
        self.undo.release(region_id)

    def forget(self, region_id: str) -> None:
        """Stop tracking a region; its text stays."""
        if region_id in self.document:
            self._let_go(region_id)
            self.document.forget(region_id)

    def _let_go(self, region_id: str) -> None:
        self.stop(region_id)
        if self._in_flight:
            self._in_flight.take_steps(region_id)
        self._wishes.forget(region_id)

    # What goes out

    def is_ready(self, now_s: float) -> bool:
        """Whether an edit could go out now, if one is needed."""
        return self._in_flight is None and now_s >= self._refusals.retry_at_s

    def next_edit(self, now_s: float) -> OutgoingEdit | None:
        """Return the next edit to send, or None while one is outstanding or none is needed."""
        if not self.is_ready(now_s):
            return None
        plan: Plan
        if growth := self._wishes.growth():
            step, change = growth
            plan, changes = (step,), [change]
        else:
            plan = self._plan()
            if not plan:
                return None
            if not self._misplaced:
                # An edit that a client applied in the wrong place took nothing away for good.
                self.document.find_original(dict.fromkeys(step.region_id for step in plan))
            changes = document_changes(self.document, plan)
        edit = OutgoingEdit(
            edit_id=self._next_edit_id,
            version=self.document.mirror.version,
            replacements=tuple(map(self._replacement, changes)),
        )
        self._in_flight = InFlight(
            edit=edit,
            sent=plan,
            plan=plan,
            sent_at_s=now_s,
        )
        self.document.mark_sent(plan)
        self._next_edit_id += 1
        self.counts.sent += 1
        return edit

    def _plan(self) -> Plan:
        """Return what is to be sent, after landing what no client would report."""
        plan = self._wishes.plan()
        if not plan:
            return plan
        if self._leaves_no_trace(plan):
            return land(self.document, plan, frozenset(plan))
        if len(plan) == 1:
            return plan
        return land(self.document, plan, frozenset(s for s in plan if self._leaves_no_trace((s,))))

    def _leaves_no_trace(self, plan: Plan) -> bool:
        """Whether steps change only what is thought of a text: a user was there before them."""
        # The usual case: text that is only inserted always shows.
        if all(step.edit.start == step.edit.end for step in plan):
            return False
        text_at = self.mirror.slice
        changes = document_changes(self.document, plan)
        return all(change.text == text_at(change.start, change.end) for change in changes)

    def _replacement(self, change: ForeignChange) -> TextReplacement:
        position = self.document.mirror.position
        start = position(change.start)
        end = start if change.end == change.start else position(change.end)
        return TextReplacement(start=start, end=end, text=change.text)

    # What comes in

    def replied(self, edit_id: int, *, applied: bool, now_s: float) -> list[Outcome]:
        """Take the client's answer to an edit; an error or a null result is `applied=False`."""
        flight = self._in_flight
        if flight is None or flight.edit.edit_id != edit_id:
            return []
        # What looks like an edit in the wrong place is the user's if the client has refused it.
        if not applied and (flight.misplaced or not flight.has_landed):
            return self._refused(flight, now_s)
        flight.applied_at_s = now_s
        self._judge(flight)
        return self._settle()

    def _refused(self, flight: InFlight, now_s: float) -> list[Outcome]:
        self._in_flight = None
        self._misplaced.drop(flight)
        self.counts.refused += 1
        if flight.changed_at_s is not None:
            self.counts.rebased += 1
            self._refusals = Refusals()
            return self._settle()
        count = self._refusals.count + 1
        if count >= MOST_REFUSALS:
            return self._give_up("refused")
        self._refusals = Refusals(count, now_s + REFUSAL_WAITS_S[count - 1])
        return []

    def changed(
        self, version: int | None, changes: Sequence[ReportedChange], *, now_s: float
    ) -> list[Outcome]:
        """Take a `didChange`: move the regions, and recognise our own edits in it."""
        flight = self._in_flight
        standing = self._standing()
        # A client that counts no versions cannot say which of its changes was an undo.
        is_undo = version is None or version == self._undo_version
        self._reader.read(changes, flight, is_undo=is_undo, now_s=now_s)
        self.mirror.version = version
        self._refusals = Refusals()
        if flight is not None:
            flight.heard(version)
            self._judge(flight)
        deleted = self._end_deleted(standing)
        for region_id, text in self._misplaced.unclaimed(self._in_flight).items():
            if self.region(region_id).landed_text == text:
                # It was repaired, and what the user has done there since is the user's.
                self.stop(region_id)
                self._misplaced.forget(region_id)
            elif not self.region(region_id).deleted:
                # The user may have undone it before, and brings it back now.
                self._wishes.want_for_good(region_id, text)
        return [*deleted, *self._settle()]

    def loaded(self, version: int | None, text: str, *, now_s: float) -> list[Outcome]:
        """Take the text of a document that was closed and opened again, or loaded anew."""
        if self._in_flight:
            self._in_flight.is_for_other_text = True
        return self.changed(version, [ReportedChange(None, text)], now_s=now_s)

    def undone(self, version: int | None, *, now_s: float) -> list[Outcome]:
        """Hear from the client that an undo or a redo led to a version of the document.

        It may come before the change of that version, or right after it.
        """
        self._undo_version = version
        standing = self._standing()
        if version is not None and version == self.mirror.version:
            touched = self._reader.last_touched
            self._reader.look_up_past(touched, self._in_flight, is_undo=True, now_s=now_s)
        return [*self._end_deleted(standing), *self._settle()]

    def _standing(self) -> list[str]:
        return [key for key in self.document.region_ids() if not self.region(key).deleted]

    def _end_deleted(self, standing: Sequence[str]) -> list[Outcome]:
        """End the regions that were there and are not any more, whether or not they want text."""
        gone = [key for key in standing if key in self.document and self.region(key).deleted]
        for region_id in gone:
            self.stop(region_id)
        return [Deleted(region_id) for region_id in gone if region_id not in self._misplaced]

    def _judge(self, flight: InFlight) -> None:
        if flight.applied_at_s is None:
            return
        if flight.is_misplaced:
            self._repair(flight)
        elif flight.has_landed:
            self._misplaced.drop(flight)
            self._in_flight = None
            self._doubts = 0
            self._refusals = Refusals()
            self.counts.landed += 1

    def _repair(self, flight: InFlight) -> None:
        """Put back what an edit overwrote that the client applied in the wrong place."""
        for region_id, text in self._misplaced.repairs(flight).items():
            self._wishes.want_for_good(region_id, text)
        self._in_flight = None
        self.counts.repaired += 1

    # Time

    @property
    def deadline_s(self) -> float | None:
        """When `tick` has something to do, if nothing else happens; None if never."""
        flight = self._in_flight
        own_s = flight.deadline_s if flight else self._refusals.retry_at_s or None
        if not self.undo.held_until_s:
            return own_s
        undo_s = min(self.undo.held_until_s.values())
        return min(own_s or undo_s, undo_s)

    def tick(self, now_s: float) -> list[Outcome]:
        """Let time pass; call it at `deadline_s`."""
        undone = self.undo.due(now_s)
        for region_id in undone:
            self.stop(region_id)
        return [*map(Undone, undone), *self._tick_in_flight(now_s)]

    def _tick_in_flight(self, now_s: float) -> list[Outcome]:
        flight = self._in_flight
        if flight is None:
            if now_s >= self._refusals.retry_at_s:
                self._refusals = replace(self._refusals, retry_at_s=0.0)
            return []
        if now_s < flight.deadline_s:
            return []
        if flight.applied_at_s is None:
            return self._give_up("no_reply")
        return self._not_seen(flight)

    def _not_seen(self, flight: InFlight) -> list[Outcome]:
        """Go on after waiting in vain for the change of an edit that was said to be applied."""
        self._doubts += 1
        if flight.changed_at_s is None or self._doubts >= MOST_DOUBTS:
            return self._give_up("no_change")
        # A client that applies an edit in the wrong place applies all of it.
        self._misplaced.drop(flight)
        self._reader.wait_no_more(flight)
        self._in_flight = None
        self.counts.rebased += 1
        return self._settle()

    # What came of it

    def _settle(self) -> list[Outcome]:
        if not self._wishes.has_final:
            return []
        if self._in_flight is None:
            self._plan()
        busy = {step.region_id for step in self._in_flight.plan} if self._in_flight else set()
        outcomes: list[Outcome] = []
        settled = self._wishes.settled(busy)
        for region_id in settled:
            self.undo.settle(region_id)
        for region_id in settled:
            if region_id not in self._misplaced:
                outcomes.append(Settled(region_id))
            elif not self.region(region_id).deleted:
                self._misplaced.forget(region_id)
        return outcomes

    def _give_up(self, reason: UndeliverableReason) -> list[Outcome]:
        self._misplaced.forget_all()
        wanting = [key for key in self.document.region_ids() if key in self._wishes]
        for region_id in self._wishes:
            self.stop(region_id)
        if self._in_flight:
            self._reader.give_up(self._in_flight)
        self._in_flight = None
        self._doubts = 0
        self._refusals = Refusals()
        return [Undeliverable(region_id, reason) for region_id in wanting]


class ReportReader:
    r"""Takes what the client reports of one document into it, each part known for whose it is.

    Of the text `a = 1\n`, behind which `foo()\n` is on its way:

        reported                what it is taken for
        a = 1\nfoo()\n          the edit has landed
        ab = 1\nfoo()\n         it has landed, and the user has typed `b`
        ab = 1\n                the user has typed `b`; the edit may still come
        a = 1\n, in two steps   it has landed and was undone at once
    """

    def __init__(
        self,
        document: TrackedDocument,
        wishes: Wishes,
        misplaced: MisplacedEdits,
        undo: UndoWatch,
    ) -> None:
        self._document = document
        self._wishes = wishes
        self._misplaced = misplaced
        self._undo = undo
        self.last_touched: list[str] = []
        """The regions that the latest notification touched."""
        self._given_up: tuple[InFlight, dict[str, str]] | None = None
        """The latest edit that was given up, and the regions' own texts that it was made for."""
        self._overwritten: Plan = ()
        """Its steps, until a change has come since it was sent, which may have overwritten them."""

    def read(
        self,
        changes: Sequence[ReportedChange],
        flight: InFlight | None,
        *,
        is_undo: bool,
        now_s: float,
    ) -> None:
        """Take a notification's changes, one after the other.

        Args:
            changes: The changes, each in the text that the one before it led to.
            flight: The edit that is outstanding; what is found of it leaves its plan.
            is_undo: Whether the client said that there is an undo among them, or cannot say.
            now_s: The time.
        """
        if flight and flight.changed_at_s is not None and changes:
            # What was changed before may have been changed in its text, and be undone now.
            mirror = self._document.mirror
            shown = located(mirror, changes[0])
            if not (flight.misplaced or flight.misplaced_part(shown, mirror, is_whole=True)):
                self.note_unseen(flight)
        self.last_touched = []
        if flight and flight.is_just(changes):
            if self._document.grow(flight.plan):
                flight.plan = ()
                return
            self._land(flight, frozenset(flight.plan), None)
        elif flight and (ending := self._ending_of_whole(flight, changes)):
            self._land(flight, frozenset(flight.plan), ending)
        else:
            # Our own edit is best recognised by itself.
            first, end = flight.span_in(changes) if flight else (0, 0)
            is_whole = flight is not None and flight.is_whole_in(changes[first:end])
            self._take_others(changes[:first], flight, is_undo=is_undo, now_s=now_s)
            for change in changes[first:end]:
                self._take(located(self._document.mirror, change), flight, now_s, is_whole=is_whole)
                self._look_up_touched(flight, is_undo=is_undo, now_s=now_s)
            self._take_others(changes[end:], flight, is_undo=is_undo, now_s=now_s)
        self._look_up_touched(flight, is_undo=is_undo, now_s=now_s)
        self._take_overwritten()

    def _ending_of_whole(
        self, flight: InFlight, changes: Sequence[ReportedChange]
    ) -> LineEnding | None:
        """Return the line ending with which changes are the whole edit, the last place first.

        One by one, its places would seem to have been applied without regard to one another.
        """
        if flight.plan is not flight.sent or flight.changed_at_s is not None:
            return None
        reported = [located(self._document.mirror, change) for change in reversed(changes)]
        for ending in LINE_ENDINGS:
            if document_changes(self._document, with_endings(flight.plan, ending)) == reported:
                return ending
        return None

    def _take_others(
        self,
        changes: Sequence[ReportedChange],
        flight: InFlight | None,
        *,
        is_undo: bool,
        now_s: float,
    ) -> None:
        """Take what is not our own edit, an undo in several steps before what came after it."""
        is_ours = flight is not None and flight.plan
        if self._document.region_ids() and 1 < len(changes) <= MOST_UNDO_STEPS and not is_ours:
            changes = without_detours(self._document.mirror, changes)
        while len(changes) > 1 and (count := self._count_undoing(changes)):
            self._take_together(changes[:count], flight, now_s)
            self._look_up_touched(flight, is_undo=is_undo, now_s=now_s)
            changes = changes[count:]
        self._take_together(changes, flight, now_s)

    def _count_undoing(self, changes: Sequence[ReportedChange]) -> int:
        """Return how many changes lead back to the past, the fewest that do; 0 if none."""
        if not self._document.region_ids():
            return 0
        totals = running_totals(self._document.mirror, changes[:MOST_UNDO_STEPS])
        for count, total in enumerate(totals, start=1):
            if self._document.was_before_in_part(total):
                return count
        return 0

    def _take_together(
        self, changes: Sequence[ReportedChange], flight: InFlight | None, now_s: float
    ) -> None:
        """Take those changes as what they come to that build on one another, else one by one."""
        mirror = self._document.mirror
        for group in grouped(mirror, changes):
            if len(group) == 1:
                self._take(located(mirror, group[0]), flight, now_s)
            else:
                net = net_change(mirror, group)
                self._take(smallest(mirror, net) or net, flight, now_s)

    # One change

    def _take(
        self,
        change: ForeignChange,
        flight: InFlight | None,
        now_s: float,
        *,
        is_whole: bool = False,
    ) -> None:
        echo = self._echo(flight, change) if flight else None
        if echo is None and self._take_late(change, flight):
            return
        is_certain = echo is not None and not echo.cost
        if flight and not is_certain:
            part = flight.misplaced_part(change, self._document.mirror, is_whole=is_whole)
            if part:
                # The rest of a line that was reported with it is no part of it.
                shown = smallest(self._document.mirror, change) or change
                self._misplaced.watch(flight, part, shown)
                return
        if flight and echo:
            self._take_own(flight, echo)
        else:
            self._document.change(change.start, change.end, change.text)
        if flight and flight.plan and flight.changed_at_s is None:
            flight.changed_at_s = now_s

    def _echo(self, flight: InFlight, change: ForeignChange) -> Echo | None:
        r"""Return what of the edit a change shows, unless the past explains all of the change.

        An undo may bring the region back to what it was, or bring back what an edit put there that
        was never seen: the one on its way often begins with the same text.

            an edit was not seen    foo()
            the next on its way     foo()\nbar()
            then reported           foo()            and `bar()`, if it were that, removed
        """
        echo = find_echo(self._document, flight.plan, change)
        if echo is None and flight.is_converted_in(change, self._document.mirror):
            return converted_echo(self._document, flight.plan, change)
        if echo and echo.cost:
            landed = {step.region_id for step in echo.landed}
            if were_removed(echo.left, map(self._document.history, landed)):
                # It may be this one after all, as an undo of what the user removed of it shows.
                self.note_unseen(flight)
                return None
            if self._document.was_before(change):
                return None
        return echo

    def _take_late(self, change: ForeignChange, flight: InFlight | None) -> bool:
        """Take a change that shows the edit that was given up, in whichever of its places.

        Returns:
            Whether it is that; else nothing was done.
        """
        if self._given_up is None:
            return False
        late, texts = self._given_up
        document = self._document
        if texts != {key: document.region(key).own_text for key in texts if key in document}:
            return False
        echo = find_echo(document, late.plan, change)
        if echo is None:
            return False
        self._take_own(late, echo)
        self._given_up = None
        for region_id in texts:
            self._take_for_late(region_id, flight)
        return True

    def _take_for_late(self, region_id: str, flight: InFlight | None) -> None:
        """Go on after an edit of a region has landed late."""
        # It must not undo a removal.
        self._wishes.want_settled_again(region_id)
        if flight:
            # Its steps were made for what stood there without that.
            flight.take_steps(region_id)
            if not flight.plan:
                self._misplaced.drop(flight)

    def _take_own(self, flight: InFlight, echo: Echo) -> None:
        """Land what a change shows of the edit; what differs from the text then is the user's."""
        self._land(flight, echo.landed, echo.line_ending)
        flight.is_for_other_text &= bool(flight.plan)
        mirror = self._document.mirror
        end = mirror.advance(echo.window_start, echo.window_length)
        rest = smallest(mirror, ForeignChange(echo.window_start, end, echo.reported))
        if rest:
            self._document.change(rest.start, rest.end, rest.text)

    def _land(
        self, flight: InFlight, landed: frozenset[Step], line_ending: LineEnding | None
    ) -> None:
        plan = flight.plan
        if line_ending:
            # The client writes its own line endings: from now on they are ours too.
            self._wishes.convert(line_ending)
            landed = frozenset(with_endings(tuple(landed), line_ending))
            plan = with_endings(plan, line_ending)
        ids = {step.region_id for step in landed}
        originals = {region_id: self._document.region(region_id).original for region_id in ids}
        flight.plan = land(self._document, plan, landed)
        for region_id, original in originals.items():
            self._wishes.follow_original(region_id, original)

    # What stands there now and stood there before

    def _look_up_touched(self, flight: InFlight | None, *, is_undo: bool, now_s: float) -> None:
        touched = self._document.take_touched()
        self.last_touched += touched
        self.look_up_past(touched, flight, is_undo=is_undo, now_s=now_s)

    def look_up_past(
        self, region_ids: Sequence[str], flight: InFlight | None, *, is_undo: bool, now_s: float
    ) -> None:
        """Let regions that were touched be what they were, if it reads like that."""
        # What was put in the wrong place is taken out there: it has not landed by that.
        misplaced = {step.region_id for step in flight.plan} if flight and flight.misplaced else ()
        touched = [key for key in region_ids if key in self._document and key not in misplaced]
        for region_id in self._undo.look_up(touched, is_undo=is_undo):
            self._take_for_late(region_id, flight)
        self._document.mark_read()
        for region_id in touched:
            self._document.take_in(region_id)
            if flight and self._document.region(region_id).is_undone:
                # Its steps were made for all that had landed: now they fit nothing else.
                steps = flight.take_steps(region_id)
                self._note(() if flight.is_noted else steps)
            for above in self._document.laid_over(region_id):
                original = self._document.region(above).original
                if self._wishes.is_putting_back(above):
                    # Not what was undone of this one since it was asked for.
                    self._document.drop_undone(above)
                    self._wishes.follow_original(above, original)
            if self._wishes.is_putting_back(region_id):
                # What was brought again meanwhile goes too.
                self._undo.settle(region_id)
            elif region_id in self._wishes and region_id not in self._misplaced:
                self._undo.hold(region_id, now_s)

    def give_up(self, flight: InFlight) -> None:
        """Send an edit no more; the client may still make it."""
        # A place that was being repaired is followed no more.
        flight.plan = tuple(step for step in flight.plan if step.region_id in self._document)
        ids = {step.region_id for step in flight.plan}
        self._given_up = flight, {key: self._document.region(key).own_text for key in ids}
        self.wait_no_more(flight)

    def wait_no_more(self, flight: InFlight) -> None:
        """Take note of an edit of which no change was seen; it may be made and overwritten."""
        self.note_unseen(flight)
        self._overwritten = flight.plan
        if flight.changed_at_s is not None:
            self._take_overwritten()

    def _take_overwritten(self) -> None:
        self._document.take_for_removed(self._overwritten)
        self._overwritten = ()

    def note_unseen(self, flight: InFlight) -> None:
        """Take note of an edit of which no change was seen: the rest of it may come yet."""
        if not flight.is_noted:
            flight.is_noted = True
            self._note(flight.plan)

    def _note(self, plan: Plan) -> None:
        # The client may write its own line endings; what was noted last is looked up first.
        written = {with_endings(plan, ending) for ending in LINE_ENDINGS} - {plan}
        for way in (*sorted(written, key=str), plan):
            for region_id, steps in groupby(way, key=lambda step: step.region_id):
                if region_id in self._document:
                    self._document.note_unseen(region_id, tuple(step.edit for step in steps))
