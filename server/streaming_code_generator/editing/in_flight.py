"""The one edit that is outstanding, and how long it may be.

A client that does not look at an edit's version applies it where its text stood before the user
typed. Such misplaced edits are followed until what they overwrote is put back.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from streaming_code_generator.editing.diff import bits
from streaming_code_generator.editing.exchange import (
    After,
    OutgoingEdit,
    ReportedChange,
    TextReplacement,
    located,
    running_totals,
)
from streaming_code_generator.editing.mirror import LINE_ENDINGS, Mirror, Point, with_line_ending
from streaming_code_generator.editing.region import ForeignChange
from streaming_code_generator.editing.tracked_document import (
    NEARBY_LINES,
    Plan,
    TrackedDocument,
    document_changes,
    with_endings,
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
UNSEEN_S = 30.0
"""How long after it was sent an edit may turn up where its text stood then, though it is waited
for no more."""
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
    is_guessed: bool = False
    """Whether some of it was only taken for landed: the user may have done just that."""
    taken_count: int = 0
    """How many steps are looked for no more, though they did not land."""
    own_texts: dict[str, str] = field(default_factory=dict)
    """By region, the text that it was made for, once it is waited for no more."""
    is_stale: bool = False
    """Whether the client seems to have made it without a look at its version."""
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
        return self.is_stale or 0 < len(self.misplaced) == len(self.edit.replacements) - landed

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
        self.is_guessed |= bool(taken) and self.changed_at_s is not None
        return taken

    def comes_first_in(self, changes: Sequence[ReportedChange]) -> bool:
        """Whether changes begin with the whole edit just as it was sent, the last place first.

        One by one, the parts of a step are hard to tell from what a user does.
        """
        sent = self.edit.replacements
        return (
            self.plan is self.sent
            and self.changed_at_s is None
            and len(changes) >= len(sent)
            and all(
                change.range == (each.start, each.end) and change.text == each.text
                for change, each in zip(changes, reversed(sent), strict=False)
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
        if self.plan and change.start == change.end and not change.text:
            # Nothing changed, as it is if the edit replaces only line endings.
            return all(
                sent.text
                and _plain(mirror.slice(mirror.point(*sent.start), mirror.point(*sent.end)))
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


def find_stale(
    mirror: Mirror, edit: OutgoingEdit, changes: Sequence[ReportedChange], *, first: int
) -> slice | None:
    """Return which of the changes are a whole edit, made without a look at its version.

    Args:
        mirror: The document before all of them.
        edit: The edit, which was made for another text.
        changes: A notification's changes.
        first: Before which of them it cannot be.
    """
    if len(changes) <= first:
        return None
    if not first and stale_changes(mirror, edit, changes):
        return slice(0, len(changes))
    texts = [with_line_ending(each.text, "\n") for each in reversed(edit.replacements)]
    plain = [with_line_ending(each.text, "\n") for each in changes]
    for start in range(first, len(changes) - len(texts) + 1):
        run = slice(start, start + len(texts))
        before = changes[:start]
        if plain[run] == texts and stale_changes(_after(mirror, before), edit, changes[run]):
            return run
    return None


def _after(mirror: Mirror, changes: Sequence[ReportedChange]) -> Mirror:
    """Return a document as changes leave it."""
    after = After(mirror)
    for change in changes:
        after.make(change)
    return after.mirror


def stale_changes(
    mirror: Mirror, edit: OutgoingEdit, changes: Sequence[ReportedChange]
) -> list[ForeignChange]:
    """Return what an edit does to a text that it was not made for, if changes come to just that.

    Returns:
        The changes, in order and with the line endings that the client writes; else none.
    """
    many = len(changes) > 1
    total = running_totals(mirror, changes)[-1] if many else located(mirror, changes[0])
    for ending in (None, *LINE_ENDINGS):
        own = [
            ForeignChange(
                mirror.point(*each.start),
                mirror.point(*each.end),
                with_line_ending(each.text, ending) if ending else each.text,
            )
            for each in edit.replacements
        ]
        start, end = min(own[0].start, total.start), max(own[-1].end, total.end)
        after = _text_after(mirror, start, end, own)
        if after == _text_after(mirror, start, end, [total]) != mirror.slice(start, end):
            return own
    return []


def _text_after(mirror: Mirror, start: Point, end: Point, changes: Sequence[ForeignChange]) -> str:
    """Return what changes, in order, make of the text between two points."""
    parts, done = [], start
    for change in changes:
        parts += [mirror.slice(done, change.start), change.text]
        done = change.end
    return "".join([*parts, mirror.slice(done, end)])


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
        """What stood there, by the id of the region, the latest last."""
        self._edits: dict[str, InFlight] = {}
        """The edit, by the id of the region."""
        self._count = 0
        self.unseen: list[InFlight] = []
        """Edits that are waited for no more, and may be made for all that."""
        self.heeds_versions = False
        """Whether the client was seen not to make an edit that was sent for another version."""

    def __contains__(self, region_id: object) -> bool:
        return region_id in self._overwritten

    def __len__(self) -> int:
        return len(self._overwritten)

    def find(
        self, changes: Sequence[ReportedChange], flight: InFlight | None, now_s: float
    ) -> tuple[InFlight, slice] | None:
        """Return an edit that was made though the text had changed, and which changes are that."""
        self.unseen = [each for each in self.unseen if now_s < each.sent_at_s + UNSEEN_S]
        # What was made in its place is not made anywhere else.
        if flight and flight.comes_first_in(changes):
            return None
        mirror = self._document.mirror
        for unseen in filter(self.may_happen, list(self.unseen)):
            run = find_stale(mirror, unseen.edit, changes, first=0)
            if run and not self._is_in_place(unseen, changes, run):
                # The client makes edits in the order in which they were sent.
                del self.unseen[: self.unseen.index(unseen) + 1]
                return unseen, run
            unseen.is_guessed |= run is not None
        if flight and not flight.is_stale and self.may_happen(flight):
            was_changed = flight.changed_at_s is not None
            if flight.is_guessed or flight.plan:
                first = 0 if was_changed or flight.is_guessed else 1
                run = find_stale(mirror, flight.edit, changes, first=first)
                if run and not (flight.is_guessed and self._is_made(flight, changes, run)):
                    return flight, run
        return None

    def may_happen(self, flight: InFlight) -> bool:
        """Whether a client may make an edit though its text has changed since it was sent."""
        return flight.is_for_other_text or not self.heeds_versions

    def _is_in_place(self, unseen: InFlight, changes: Sequence[ReportedChange], run: slice) -> bool:
        """Whether an edit that comes late has been made where it belongs, now or before."""
        document = self._document
        own = stale_changes(document.mirror, unseen.edit, changes[run])
        sent = tuple(step for step in unseen.sent if step.region_id in document)
        is_missing = all(
            document.region(step.region_id).own_text == unseen.own_texts.get(step.region_id)
            for step in sent
        )
        plans = (sent, *(with_endings(sent, ending) for ending in LINE_ENDINGS))
        is_there = any(document_changes(document, plan) == own for plan in plans)
        return (is_missing and is_there) or self._is_made(unseen, changes, run)

    def _is_made(self, flight: InFlight, changes: Sequence[ReportedChange], run: slice) -> bool:
        """Whether changes that look like an edit would replace a text of it by the same text.

        It was made before then, and the user has removed what follows there.
        """
        mirror = _after(self._document.mirror, changes[: run.start])
        return any(
            each.text.strip()
            and _plain(mirror.slice(mirror.point(*each.start), mirror.point(*each.end))).startswith(
                _plain(each.text)
            )
            for each in flight.edit.replacements
        )

    def note_landed(self, flight: InFlight) -> None:
        """Take note that an edit was made as it was sent: none of those before it comes any more.

        But for one just like it, which may have been that.
        """
        alike = any(each.edit.replacements == flight.edit.replacements for each in self.unseen)
        self.heeds_versions |= not alike and any(not each.is_guessed for each in self.unseen)
        self.unseen = [flight] if alike else []

    def watch_whole(self, flight: InFlight, changes: Sequence[ForeignChange]) -> None:
        """Follow all parts of an edit, made by the changes, in order."""
        flight.is_stale = True
        for part, change in reversed([*zip(flight.edit.replacements, changes, strict=True)]):
            self.watch(flight, part, change)

    def watch(self, flight: InFlight, part: TextReplacement, change: ForeignChange) -> None:
        """Follow what looks like an edit, applied where its text stood before the user typed.

        Only the client's answer distinguishes it from typing of the very same: see `repairs`.
        """
        self._count += 1
        region_id = f"misplaced part {self._count} of edit {flight.edit.edit_id}"
        self._overwritten[region_id] = self._document.replace_as(region_id, change)
        self._edits[region_id] = flight
        flight.misplaced[part] = region_id

    def repairs(self, flight: InFlight) -> dict[str, str]:
        """Return the texts that bring the document back to what it was before an edit."""
        return {region_id: self._overwritten[region_id] for region_id in flight.misplaced.values()}

    def to_repair(self, flight: InFlight | None) -> dict[str, str]:
        """Return the same for edits that are not waited for any more.

        Where the user has undone one there is nothing to put back, unless it is redone.
        """
        claimed = set(flight.misplaced.values()) if flight else set()
        texts: dict[str, str] = {}
        for key, text in self._overwritten.items():
            region = self._document.region(key)
            is_there = not region.is_original and (text or not region.deleted)
            if key not in claimed and is_there:
                texts[key] = text
                region = replace(region, landed_text=region.own_text, deleted=False)
                self._document.replace_region(key, region)
        return texts

    def disturb(self, region_id: str) -> bool:
        """Whether some of a region's text is overwritten, or stands elsewhere, for now."""
        return any(self._disturbs(key, region_id) for key in self._open() if key != region_id)

    def _disturbs(self, key: str, region_id: str) -> bool:
        is_meant = any(step.region_id == region_id for step in self._edits[key].sent)
        return is_meant or key in self._document.laid_over(region_id)

    def latest(self) -> list[str]:
        """Return the places of the latest edit that is to be taken back: over all others."""
        still_open = self._open()
        return [key for key in still_open if self._edits[key] is self._edits[still_open[0]]]

    def _open(self) -> list[str]:
        """Return the places where something is to be taken back or put back, the latest first."""
        found: list[str] = []
        for key in reversed(self._overwritten):
            region = self._document.region(key)
            is_there = not region.deleted or any(self._disturbs(later, key) for later in found)
            if is_there and not region.is_original:
                found.append(key)
        return found

    def forget(self, region_id: str) -> None:
        """Follow a place no more: it is repaired, or it was the user's after all."""
        if region_id in self._overwritten:
            del self._overwritten[region_id], self._edits[region_id]
            self._document.forget(region_id)

    def drop(self, flight: InFlight) -> None:
        """Follow the parts of an edit no more: it was not applied in the wrong place after all."""
        for region_id in flight.misplaced.values():
            self.forget(region_id)

    def forget_all(self) -> None:
        """Follow no place any more; what stands there stays."""
        for region_id in list(self._overwritten):
            self.forget(region_id)
