"""Recognising our own edits in what a client reports.

A client reports changes as its own diff sees them: with other ranges than were sent, several in
one, together with what a person typed. So what is compared is the text that results. Every way in
which the outstanding steps may be part of a change is tried; the one that leaves the least for the
person to have done is believed, and none of them if the person alone explains it as well.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from streaming_code_generator.editing.diff import Edit, single_edit
from streaming_code_generator.editing.lines import LineEnding, Point
from streaming_code_generator.editing.mirror import Mirror
from streaming_code_generator.editing.plan import (
    Plan,
    Step,
    document_changes,
    with_endings,
)
from streaming_code_generator.editing.regions import ForeignChange
from streaming_code_generator.editing.tracked import TrackedDocument

NEARBY_LINES = 400
"""A change and a step further apart than this have nothing to do with each other."""
MOST_STEPS_COMBINED = 4
"""Up to so many steps, each subset of them is tried; beyond, all of them and each alone."""
_ENDINGS: tuple[LineEnding, ...] = ("\n", "\r\n", "\r")


@dataclass(frozen=True, slots=True)
class Echo:
    """Steps found in a change, and what the person did besides."""

    landed: frozenset[Step]
    line_ending: LineEnding | None
    """The ending the client turned our line endings into, or None if it kept them."""
    window_start: Point
    """Where `rest` is counted from, in the text after the steps."""
    window: str
    """The text behind `window_start` after the steps."""
    rest: Edit | None


@dataclass(frozen=True, slots=True)
class _Window:
    """The part of the document in which a change and some steps take place."""

    mirror: Mirror
    start: Point
    end: Point

    @classmethod
    def around(cls, mirror: Mirror, changes: list[ForeignChange]) -> "_Window":
        start = min(change.start for change in changes)
        return cls(mirror, start, max(change.end for change in changes))

    def after(self, changes: list[ForeignChange]) -> str:
        """Return the window's text with the changes, given in order, applied."""
        parts, done = [], self.start
        for change in changes:
            parts += [self.mirror.slice(done, change.start), change.text]
            done = change.end
        return "".join([*parts, self.mirror.slice(done, self.end)])


def find_echo(document: TrackedDocument, plan: Plan, change: ForeignChange) -> Echo | None:
    """Say which steps of a plan a client's change contains, or None if it contains none."""
    nearby = tuple(step for step in plan if _is_near(document, step, change))
    if not nearby:
        return None
    best: Echo | None = None
    least = _person_alone(document.mirror, change)
    for steps, ending in _hypotheses(nearby, change.text):
        echo = _suppose(document, steps, ending, change)
        cost = echo.rest.cost if echo.rest else 0
        if cost < least:
            best, least = echo, cost
    return best


def _person_alone(mirror: Mirror, change: ForeignChange) -> int:
    edit = single_edit(mirror.slice(change.start, change.end), change.text)
    return edit.cost if edit else 0


def _is_near(document: TrackedDocument, step: Step, change: ForeignChange) -> bool:
    return any(
        own.start.line <= change.end.line + NEARBY_LINES
        and own.end.line >= change.start.line - NEARBY_LINES
        for own in document.changes_of(step.region_id, step.edit)
    )


def _hypotheses(steps: Plan, reported: str) -> Iterator[tuple[Plan, LineEnding | None]]:
    for subset in _subsets(steps):
        yield subset, None
        text = "".join(step.edit.text for step in subset)
        if "\n" not in text and "\r" not in text:
            continue
        for ending in _ENDINGS:
            if ending in reported:
                yield subset, ending


def _subsets(steps: Plan) -> Iterator[Plan]:
    yield steps
    largest = len(steps) - 1 if len(steps) <= MOST_STEPS_COMBINED else 1
    for size in range(min(largest, len(steps) - 1), 0, -1):
        yield from combinations(steps, size)


def _suppose(
    document: TrackedDocument, steps: Plan, ending: LineEnding | None, change: ForeignChange
) -> Echo:
    supposed = with_endings(steps, ending) if ending else steps
    own = document_changes(document, supposed)
    window = _Window.around(document.mirror, [*own, change])
    with_steps = window.after(own)
    return Echo(
        landed=frozenset(steps),
        line_ending=ending,
        window_start=window.start,
        window=with_steps,
        rest=single_edit(with_steps, window.after([change])),
    )
