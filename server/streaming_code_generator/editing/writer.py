"""The state machine that brings generated text into one document.

Events go in: text wanted, a reply, a change, the clock. Edits and outcomes come out. There is no
input or output here, and time is only what the caller says it is.

The rules it keeps:

1. At most one edit is outstanding; what is wanted meanwhile goes out in the next one.
2. An edit carries the version the mirror has, so that a client refuses it if it knows better.
3. A reply proves nothing. An edit has landed when a change shows the text it leads to.
4. What a change shows besides is the person's, and is never taken back.
5. A client that refuses, stays silent or lies ends the affected generations within bounded time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from streaming_code_generator.editing.diff import Edit
from streaming_code_generator.editing.echo import Echo, find_echo
from streaming_code_generator.editing.exchange import (
    Deleted,
    Outcome,
    OutgoingEdit,
    ReportedChange,
    Settled,
    TextReplacement,
    Undeliverable,
    UndeliverableReason,
)
from streaming_code_generator.editing.lines import (
    LineEnding,
    Point,
    PositionEncoding,
    with_line_ending,
)
from streaming_code_generator.editing.mirror import Mirror
from streaming_code_generator.editing.plan import (
    Plan,
    document_changes,
    land,
    plan_towards,
    with_endings,
)
from streaming_code_generator.editing.regions import ForeignChange, Region
from streaming_code_generator.editing.tracked import TrackedDocument

REPLY_TIMEOUT_S = 10.0
"""How long a client may take to answer an edit."""
ECHO_TIMEOUT_S = 10.0
"""How long a client that said it applied an edit may take to report the change."""
DOUBT_S = 0.2
"""How long to wait for the change of an edit that was probably dropped, because the person had
typed before it arrived. Sending again is safe: the new edit's version is stale if it was not."""
REFUSAL_WAITS_S = (0.1, 0.25, 0.6, 1.5)
"""Waits before sending again what was refused without a change that would explain it."""
MOST_REFUSALS = 5
"""So many refusals in a row without any change arriving end the generations."""


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


@dataclass(slots=True, kw_only=True)
class _InFlight:
    edit_id: int
    version: int | None
    plan: Plan
    as_sent: tuple[ForeignChange, ...]
    sent_at_s: float
    applied_at_s: float | None = None
    changed_at_s: float | None = None
    """When a change that did not contain the whole edit arrived."""
    misplaced: dict[str, str] = field(default_factory=dict)
    """Where the edit seems to have been applied in the wrong place, and what stood there."""

    def may_be_misplaced(self, change: ForeignChange) -> bool:
        """Whether a change is the edit as it was sent, though the document had changed since."""
        return (
            bool(self.plan)
            and self.changed_at_s is not None
            and change in self.as_sent
            and not change.text.isspace()
        )


@dataclass(slots=True)
class _Wish:
    text: str
    final: bool = False


@dataclass(slots=True)
class _Refusals:
    count: int = 0
    retry_at_s: float = 0.0


class DocumentWriter:
    """Brings every region of one document to its wanted text, past a person who types."""

    def __init__(self, text: str, *, version: int | None, encoding: PositionEncoding) -> None:
        self.document = TrackedDocument(Mirror(text, version=version, encoding=encoding))
        self.counts = WriterCounts()
        self._wishes: dict[str, _Wish] = {}
        self._in_flight: _InFlight | None = None
        self._doubtful: Plan = ()
        """An edit that was probably dropped; its change may still come."""
        self._refusals = _Refusals()
        self._line_ending: LineEnding | None = None
        self._next_edit_id = 1

    @property
    def mirror(self) -> Mirror:
        """The document as the client last reported it."""
        return self.document.mirror

    @property
    def is_idle(self) -> bool:
        """Whether nothing is outstanding and nothing is left to send."""
        return self._in_flight is None and not plan_towards(self.document, self._desired())

    def region(self, region_id: str) -> Region:
        """Return a tracked region."""
        return self.document.region(region_id)

    # What generations want

    def open_region(self, region_id: str, start: Point, end: Point) -> None:
        """Track a range whose text a generation is going to replace; nothing is sent yet."""
        self.document.open_region(region_id, start, end)

    def want(self, region_id: str, text: str) -> None:
        """Say which text a region should hold now."""
        if region_id in self.document:
            self._wishes[region_id] = _Wish(self._ended(text))

    def finish(self, region_id: str, text: str) -> list[Outcome]:
        """Say which text a region should hold for good; `Settled` comes once it does."""
        if region_id not in self.document:
            return []
        self._wishes[region_id] = _Wish(self._ended(text), final=True)
        return self._settled()

    def stop(self, region_id: str) -> None:
        """Want nothing more of a region: it keeps what it holds and stays tracked."""
        self._wishes.pop(region_id, None)

    def forget(self, region_id: str) -> None:
        """Stop tracking a region; its text stays."""
        self.stop(region_id)
        if region_id in self.document:
            self.document.forget(region_id)
            self._drop_steps(region_id)

    def _drop_steps(self, region_id: str) -> None:
        self._doubtful = tuple(step for step in self._doubtful if step.region_id != region_id)
        if self._in_flight:
            plan = self._in_flight.plan
            self._in_flight.plan = tuple(step for step in plan if step.region_id != region_id)

    def _ended(self, text: str) -> str:
        return with_line_ending(text, self._line_ending) if self._line_ending else text

    # What goes out

    def next_edit(self, now_s: float) -> OutgoingEdit | None:
        """Return the next edit to send, or None while one is outstanding or none is needed."""
        if self._in_flight or now_s < self._refusals.retry_at_s:
            return None
        plan = self._plan()
        if not plan:
            return None
        changes = tuple(document_changes(self.document, plan))
        edit = OutgoingEdit(
            edit_id=self._next_edit_id,
            version=self.mirror.version,
            replacements=tuple(self._replacement(change) for change in changes),
        )
        self._in_flight = _InFlight(
            edit_id=edit.edit_id,
            version=edit.version,
            plan=plan,
            as_sent=changes,
            sent_at_s=now_s,
        )
        self._next_edit_id += 1
        self.counts.sent += 1
        return edit

    def _plan(self) -> Plan:
        plan = plan_towards(self.document, self._desired())
        without_trace = frozenset(
            step for step in plan if not self.document.changes_of(step.region_id, step.edit)
        )
        return land(self.document, plan, without_trace) if without_trace else plan

    def _desired(self) -> dict[str, str]:
        return {region_id: wish.text for region_id, wish in self._wishes.items()}

    def _replacement(self, change: ForeignChange) -> TextReplacement:
        position = self.mirror.position
        return TextReplacement(
            start=position(change.start), end=position(change.end), text=change.text
        )

    # What comes in

    def replied(self, edit_id: int, *, applied: bool, now_s: float) -> list[Outcome]:
        """Take the client's answer to an edit; an error or a null result is `applied=False`."""
        flight = self._in_flight
        if flight is None or flight.edit_id != edit_id:
            return []
        if not flight.plan:
            self._landed()
        elif applied and flight.misplaced:
            self._repair(flight)
        elif applied:
            flight.applied_at_s = now_s
        else:
            return self._refused(flight, now_s)
        return self._settled()

    def _landed(self) -> None:
        self._in_flight = None
        self._refusals = _Refusals()
        self.counts.landed += 1

    def _refused(self, flight: _InFlight, now_s: float) -> list[Outcome]:
        self._in_flight = None
        for region_id in flight.misplaced:
            self.document.forget(region_id)
        self.counts.refused += 1
        if flight.changed_at_s is not None:
            self.counts.rebased += 1
            self._refusals = _Refusals()
            return []
        count = self._refusals.count + 1
        if count >= MOST_REFUSALS:
            return self._give_up("refused")
        self._refusals = _Refusals(count, now_s + REFUSAL_WAITS_S[count - 1])
        return []

    def changed(
        self, version: int | None, changes: Sequence[ReportedChange], *, now_s: float
    ) -> list[Outcome]:
        """Take a `didChange`: move the regions, and recognise our own edits in it."""
        for change in changes:
            self._take(self._located(change))
        self.mirror.version = version
        self._refusals = _Refusals()
        flight = self._in_flight
        if flight is not None:
            self._judge(flight, now_s)
        return [*self._newly_deleted(), *self._settled()]

    def _judge(self, flight: _InFlight, now_s: float) -> None:
        if flight.plan and flight.changed_at_s is None:
            flight.changed_at_s = now_s
        if flight.applied_at_s is None:
            return
        if not flight.plan:
            self._landed()
        elif flight.misplaced:
            self._repair(flight)

    def _located(self, change: ReportedChange) -> ForeignChange:
        if change.range is None:
            return ForeignChange(Point(0, 0), self.mirror.end, change.text)
        start, end = sorted(self.mirror.point(*position) for position in change.range)
        return ForeignChange(start, end, change.text)

    def _take(self, change: ForeignChange) -> None:
        flight = self._in_flight
        if flight and flight.plan and (echo := find_echo(self.document, flight.plan, change)):
            flight.plan = self._confirm(flight.plan, echo)
            self._doubtful = ()
        elif self._doubtful and (echo := find_echo(self.document, self._doubtful, change)):
            self._doubtful = self._confirm(self._doubtful, echo)
            if flight:
                flight.plan = ()
        elif flight and flight.may_be_misplaced(change):
            self._watch_misplaced(flight, change)
        else:
            self.document.change(change.start, change.end, change.text)

    def _confirm(self, plan: Plan, echo: Echo) -> Plan:
        landed = echo.landed
        if echo.line_ending:
            # The client writes its own line endings: from now on they are ours too.
            self._line_ending = echo.line_ending
            landed = frozenset(with_endings(tuple(landed), echo.line_ending))
            plan = with_endings(plan, echo.line_ending)
            for wish in self._wishes.values():
                wish.text = self._ended(wish.text)
        rest = land(self.document, plan, landed)
        if echo.rest:
            self._take_rest(echo.window_start, echo.rest)
        return rest

    def _take_rest(self, window_start: Point, rest: Edit) -> None:
        start = self.mirror.advance(window_start, rest.start)
        end = self.mirror.advance(start, rest.end - rest.start)
        self.document.change(start, end, rest.text)

    def _watch_misplaced(self, flight: _InFlight, change: ForeignChange) -> None:
        """Follow what looks like our edit, applied where its text stood before the person typed.

        Only the client's answer tells it from a person who typed the very same; see `_repair`.
        """
        overwritten = self.mirror.slice(change.start, change.end)
        self.document.change(change.start, change.end, change.text)
        region_id = f"misplaced-{flight.edit_id}"
        end = self.mirror.advance(change.start, len(change.text))
        self.open_region(region_id, change.start, end)
        flight.misplaced[region_id] = overwritten

    def _repair(self, flight: _InFlight) -> None:
        """Put back what an edit overwrote that the client applied in the wrong place."""
        for region_id, overwritten in flight.misplaced.items():
            self._wishes[region_id] = _Wish(overwritten, final=True)
        self._in_flight = None
        self.counts.repaired += 1

    # Time

    @property
    def deadline_s(self) -> float | None:
        """When `tick` has something to do, if nothing else happens; None if never."""
        flight = self._in_flight
        if flight is None:
            return self._refusals.retry_at_s or None
        if flight.applied_at_s is None:
            return flight.sent_at_s + REPLY_TIMEOUT_S
        if flight.changed_at_s is not None:
            return max(flight.applied_at_s, flight.changed_at_s) + DOUBT_S
        return flight.applied_at_s + ECHO_TIMEOUT_S

    def tick(self, now_s: float) -> list[Outcome]:
        """Let time pass; call it at `deadline_s`."""
        flight = self._in_flight
        deadline_s = self.deadline_s
        if deadline_s is None or now_s < deadline_s:
            return []
        if flight is None:
            self._refusals = replace(self._refusals, retry_at_s=0.0)
            return []
        if flight.applied_at_s is None:
            return self._give_up("no_reply")
        if flight.changed_at_s is None:
            return self._give_up("no_change")
        self._doubtful = flight.plan
        self._in_flight = None
        self.counts.rebased += 1
        return []

    # What came of it

    def _settled(self) -> list[Outcome]:
        busy = {step.region_id for step in self._in_flight.plan} if self._in_flight else set()
        settled: list[Outcome] = []
        for region_id, wish in list(self._wishes.items()):
            if wish.final and region_id not in busy and self._holds(region_id, wish.text):
                del self._wishes[region_id]
                self._drop_steps(region_id)
                settled += self._closed(region_id)
        return settled

    def _holds(self, region_id: str, text: str) -> bool:
        return self.region(region_id).own_text == text

    def _closed(self, region_id: str) -> list[Outcome]:
        if region_id.startswith("misplaced-"):
            self.document.forget(region_id)
            return []
        return [Settled(region_id)]

    def _newly_deleted(self) -> list[Outcome]:
        gone = [key for key in self._wishes if self.region(key).deleted]
        for region_id in gone:
            del self._wishes[region_id]
        return [Deleted(region_id) for region_id in gone]

    def _give_up(self, reason: UndeliverableReason) -> list[Outcome]:
        affected = [step.region_id for step in plan_towards(self.document, self._desired())]
        self._wishes.clear()
        self._in_flight = None
        self._doubtful = ()
        self._refusals = _Refusals()
        return [Undeliverable(region_id, reason) for region_id in dict.fromkeys(affected)]
