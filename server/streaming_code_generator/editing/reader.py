r"""What a change notification says of our own edit, of undo, and of the user.

The document is brought to what the client reports, and each part of that is known for whose it is.
Of the text `a = 1\n`, behind which `foo()\n` is on its way:

    reported                what it is taken for
    a = 1\nfoo()\n          the edit has landed
    ab = 1\nfoo()\n         it has landed, and the user has typed `b`
    ab = 1\n                the user has typed `b`; the edit may still come
    a = 1\n, in two steps   it has landed and was undone at once
"""

from collections.abc import Sequence
from itertools import groupby

from streaming_code_generator.editing.echo import (
    LINE_ENDINGS,
    Echo,
    converted_echo,
    find_echo,
    located,
    net_change,
    running_totals,
    smallest,
)
from streaming_code_generator.editing.exchange import ReportedChange
from streaming_code_generator.editing.in_flight import InFlight, MisplacedEdits
from streaming_code_generator.editing.region import ForeignChange
from streaming_code_generator.editing.tracked_document import (
    Plan,
    TrackedDocument,
    land,
    with_endings,
)
from streaming_code_generator.editing.undo import UndoWatch
from streaming_code_generator.editing.wanted import Wishes

MOST_UNDO_STEPS = 16
"""Among so many changes of a notification an undo is looked for that something else follows."""


class ReportReader:
    """Takes what the client reports of one document into it."""

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
        self._last_touched: list[str] = []
        """The regions that the latest change touched."""

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
        if flight and flight.is_just(changes):
            if self._document.grow(flight.plan):
                flight.plan = ()
                self._last_touched = []
                return
            flight.plan = land(self._document, flight.plan, frozenset(flight.plan))
        else:
            # Our own edit is best recognised by itself.
            own = flight.count_in(changes) if flight else 0
            is_whole = flight is not None and flight.is_whole_in(changes[:own])
            for change in changes[:own]:
                self._take(located(self._document.mirror, change), flight, now_s, is_whole=is_whole)
            self._take_others(changes[own:], flight, is_undo=is_undo, now_s=now_s)
        self._last_touched = self._document.take_touched()
        self.look_up_past(flight, is_undo=is_undo, now_s=now_s)

    def _take_others(
        self,
        changes: Sequence[ReportedChange],
        flight: InFlight | None,
        *,
        is_undo: bool,
        now_s: float,
    ) -> None:
        """Take what follows our own edit, an undo in several steps before what came after it."""
        while len(changes) > 1 and (found := self._find_undo(changes)):
            count, undo = found
            self._take(undo, flight, now_s)
            self._last_touched = self._document.take_touched()
            self.look_up_past(flight, is_undo=is_undo, now_s=now_s)
            changes = changes[count:]
        net = net_change(self._document.mirror, changes)
        if net is not None:
            self._take(net, flight, now_s)
            return
        for change in changes:
            self._take(located(self._document.mirror, change), flight, now_s)

    def _find_undo(self, changes: Sequence[ReportedChange]) -> tuple[int, ForeignChange] | None:
        """Return how many changes lead back to the past, the most that do, and their sum."""
        if not self._document.region_ids():
            return None
        totals = running_totals(self._document.mirror, changes[:MOST_UNDO_STEPS])
        for count, total in reversed([*enumerate(totals, start=1)]):
            if self._document.was_before(total):
                return count, total
        return None

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
        is_certain = echo is not None and not echo.cost
        if flight and not is_certain:
            part = flight.misplaced_part(change, self._document.mirror, is_whole=is_whole)
            if part:
                self._misplaced.watch(flight, part, change)
                return
        if flight and echo:
            self._take_own(flight, echo)
        else:
            self._document.change(change.start, change.end, change.text)
        if flight and flight.plan and flight.changed_at_s is None:
            flight.changed_at_s = now_s

    def _echo(self, flight: InFlight, change: ForeignChange) -> Echo | None:
        """Return what of the edit a change shows, unless undo explains all of the change."""
        echo = find_echo(self._document, flight.plan, change)
        if echo is None and flight.is_converted_in(change, self._document.mirror):
            return converted_echo(self._document, flight.plan, change)
        is_undo = echo and echo.cost and self._document.was_before(change)
        return None if is_undo else echo

    def _take_own(self, flight: InFlight, echo: Echo) -> None:
        """Land what a change shows of the edit; what differs from the text then is the user's."""
        plan, landed = flight.plan, echo.landed
        if echo.line_ending:
            # The client writes its own line endings: from now on they are ours too.
            self._wishes.convert(echo.line_ending)
            landed = frozenset(with_endings(tuple(landed), echo.line_ending))
            plan = with_endings(plan, echo.line_ending)
        flight.plan = land(self._document, plan, landed)
        flight.is_for_other_text &= bool(flight.plan)
        mirror = self._document.mirror
        end = mirror.advance(echo.window_start, echo.window_length)
        rest = smallest(mirror, ForeignChange(echo.window_start, end, echo.reported))
        if rest:
            self._document.change(rest.start, rest.end, rest.text)

    # What stands there now and stood there before

    def look_up_past(self, flight: InFlight | None, *, is_undo: bool, now_s: float) -> None:
        """Let the regions that were touched last be what they were, if it reads like that."""
        touched = [key for key in self._last_touched if key in self._document]
        for region_id in self._undo.look_up(touched, is_undo=is_undo):
            # What lands late must not undo a removal.
            self._wishes.want_settled_again(region_id)
        self._document.mark_read()
        for region_id in touched:
            self._document.take_in(region_id)
            if flight and self._document.region(region_id).is_undone:
                # Its steps were made for all that had landed: now they fit nothing else.
                self.note_unseen(flight.take_steps(region_id))
            if region_id in self._wishes:
                self._undo.hold(region_id, now_s)

    def note_unseen(self, plan: Plan) -> None:
        """Take note of steps of the latest edit of which no change was seen: they may come yet."""
        # The client may write its own line endings; what was noted last is looked up first.
        written = {with_endings(plan, ending) for ending in LINE_ENDINGS} - {plan}
        for way in (*sorted(written, key=str), plan):
            for region_id, steps in groupby(way, key=lambda step: step.region_id):
                if region_id in self._document:
                    self._document.note_unseen(region_id, tuple(step.edit for step in steps))
