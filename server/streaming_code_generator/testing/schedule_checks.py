"""What must hold when a schedule has come to its end, and what must hold all the time.

The rules are plain, and hold whatever the user does, undo included: no character that the document
or the user had occurs twice or goes away unasked; a generation's text stands there whole and in
order, or all of it is gone; removing all generations leaves the user's own document.
"""

from collections import Counter

from streaming_code_generator.editing.mirror import split_lines
from streaming_code_generator.editing.region import document_length
from streaming_code_generator.testing.schedule import Schedule, ScheduleBroken
from streaming_code_generator.testing.schedule_texts import ENDINGS


def bring_to_end(schedule: Schedule) -> None:
    """Finish what runs and check everything; then remove everything and check again.

    Raises:
        ScheduleBroken: The document is not what it should be.
    """
    for generation in schedule.of_state("running"):
        schedule.finish(generation)
    schedule.settle()
    check_document(schedule)
    for generation in reversed(schedule.generations):
        if generation.has_ended or generation.state == "removed":
            schedule.remove(generation)
            schedule.settle()
            check_document(schedule)
    _check_way_back(schedule)


def check_moment(schedule: Schedule) -> None:
    """Check what holds at any moment: regions fit their text, lines are lines, nothing is doubled.

    Raises:
        ScheduleBroken: They do not, are not, or is.
    """
    document = schedule.writer.document
    for region_id in document.region_ids():
        region = document.region(region_id)
        _expect(region.start <= region.end, "a region ends before it starts")
        length = document.mirror.distance(region.start, region.end)
        _expect(document_length(region.pieces) == length, "a region's pieces do not fill it")
        own_length = sum(piece.in_own for piece in region.pieces)
        _expect(own_length == len(region.own_text), "a region's pieces do not make its text")
    is_split = document.mirror.lines == split_lines(document.mirror.text)
    _expect(is_split, "the mirror's lines are not lines")
    if schedule.habits.stale_edits != "apply":
        _check_nothing_is_doubled(schedule)


def _expect(holds: bool, broken: str) -> None:  # noqa: FBT001 - reads like an assertion
    if not holds:
        raise ScheduleBroken(broken)


def check_document(schedule: Schedule) -> None:
    """Check the document while nothing is under way.

    Raises:
        ScheduleBroken: It is not what it should be.
    """
    _expect(schedule.writer.mirror.text == schedule.editor.text, "the mirror is not the buffer")
    _check_nothing_is_doubled(schedule)
    present = set(schedule.editor.text)
    kept = {c.character for c in schedule.user.alone if c.author in {"base", "user"}}
    lost = kept - present - schedule.editor.given - set(ENDINGS)
    _expect(not lost, f"went away unasked: {lost}")
    for generation in schedule.generations:
        has_ended = generation.state not in {"running", "finishing", "removing"}
        _expect(has_ended, f"a generation is still {generation.state}")
        _check_order(schedule, generation.target)
    _check_order(schedule, schedule.user.certain_text)


def _check_nothing_is_doubled(schedule: Schedule) -> None:
    counts = Counter(schedule.editor.text)
    doubled = [c for c, count in counts.items() if count > 1 and c not in ENDINGS]
    _expect(not doubled, f"occurs twice: {doubled}")


def _check_order(schedule: Schedule, text: str) -> None:
    places = {c: place for place, c in enumerate(schedule.editor.text) if c not in ENDINGS}
    found = [places[c] for c in text if c in places]
    _expect(found == sorted(found), f"is out of order: {text!r}")


def _check_way_back(schedule: Schedule) -> None:
    """Check that nothing of any generation is left, and all that they replaced is back."""
    user, editor = schedule.user, schedule.editor
    removed = [g for g in schedule.generations if g.state in {"removed", "forgotten"}]
    if schedule.has_accepted or len(removed) < len(schedule.generations):
        return
    left = [c for c in editor.text if c in user.generated]
    _expect(not left, f"removing left generated text behind: {left}")
    back = "".join(c for c in editor.text if user.is_told_apart(c) and c not in user.removed)
    alone = "".join(c for c in user.certain_text if c not in user.removed)
    _expect(back == alone, f"removing leaves {back!r}, not what the user had: {alone!r}")
    exact = schedule.habits.changes == "exact" and not schedule.habits.change_delay_s
    if exact and user.is_certain and not user.removed and not user.inside:
        whole = "".join(c.character for c in user.alone)
        # A client that has line endings of its own gives them to what is put back.
        is_back = schedule.texts.ended(editor.text) == schedule.texts.ended(whole)
        _expect(is_back, f"removing leaves {editor.text!r}, not {whole!r}")
