"""What must hold when a schedule has come to its end, and what must hold all the time."""

import re

from streaming_code_generator.editing.exchange import Undeliverable
from streaming_code_generator.editing.lines import Point, split_lines
from streaming_code_generator.editing.pieces import document_length
from streaming_code_generator.editing.regions import Region
from streaming_code_generator.testing.editor import Cell
from streaming_code_generator.testing.schedule import Generation, Schedule
from streaming_code_generator.testing.schedule_person import OURS


class ScheduleBroken(AssertionError):  # noqa: N818 - an assertion, named for what happened
    """Something was lost, moved, doubled, overwritten or left over."""


def bring_to_end(schedule: Schedule) -> None:
    """Finish what runs and check everything; then remove everything and check again.

    Raises:
        ScheduleBroken: The document is not what it should be.
    """
    for generation in schedule.of_state("running"):
        schedule.finish(generation)
    schedule.settle()
    _check_document(schedule)
    for generation in schedule.of_state("finished", "stopped", "removed"):
        schedule.remove(generation)
    schedule.settle()
    _check_document(schedule)
    _check_way_back(schedule)


def check_regions(schedule: Schedule) -> None:
    """Check what holds at any moment: regions fit their text, lines are lines.

    Raises:
        ScheduleBroken: They do not, or are not.
    """
    document = schedule.writer.document
    for region_id in document.region_ids():
        region = document.region(region_id)
        _expect(region.start <= region.end, "a region ends before it starts")
        length = document.mirror.distance(region.start, region.end)
        _expect(document_length(region.pieces) == length, "a region's pieces do not fill it")
    is_split = document.mirror.lines == split_lines(document.mirror.text)
    _expect(is_split, "the mirror's lines are not lines")


def _expect(holds: bool, broken: str) -> None:  # noqa: FBT001 - reads like an assertion
    if not holds:
        raise ScheduleBroken(broken)


def _check_document(schedule: Schedule) -> None:
    editor, writer = schedule.editor, schedule.writer
    given_up = [o for o in schedule.outcomes if isinstance(o, Undeliverable)]
    _expect(not given_up, f"the writer gave up: {given_up}")
    _expect(writer.mirror.text == editor.text, "the mirror is not the buffer")
    left = [cell for cell in editor.cells if cell.author not in OURS]
    is_kept = _told_apart(schedule, left) == _told_apart(schedule, schedule.person.cells)
    _expect(is_kept, "the person's text is not what the person made of it")
    for generation in schedule.of_state("finished", "stopped", "removed"):
        is_deleted = schedule.is_deleted(generation)
        _expect(_is_touched(schedule) or not is_deleted, "a text counts as deleted that is not")
        if not is_deleted:
            _check_generation(schedule, generation)


def _check_generation(schedule: Schedule, generation: Generation) -> None:
    region = schedule.writer.region(generation.region_id)
    final = {"finished": schedule.texts.ended(generation.target), "removed": generation.original}
    wanted = final.get(generation.state, region.own_text)
    _expect(_plain(region.own_text) == _plain(wanted), "a generation has not got its text")
    is_told = schedule.is_settled(generation) or generation.state not in final
    _expect(is_told, "nobody was told that a generation's text stands there")
    _expect(_is_touched(schedule) or region.is_untouched, "a region counts as touched that is not")
    low, high = _offsets(schedule, region)
    cells = schedule.editor.cells[low:high]
    if region.is_untouched:
        _expect(_text(cells) == wanted, "an untouched region does not hold its text, once")
        is_own = all(c.author in OURS or _is_vague(schedule, c) for c in cells)
        _expect(is_own, "an untouched region holds a person's text")
    if not schedule.person.mistakable:
        _check_sides(schedule, generation, low, high)


def _check_sides(schedule: Schedule, generation: Generation, low: int, high: int) -> None:
    """Check that what stood before or after a generation's place still does."""
    cells = schedule.editor.cells
    behind = _stay_put(schedule, generation.before) & set(cells[high:])
    _expect(not behind, "what stood before a generation stands behind it")
    before = _stay_put(schedule, generation.after) & set(cells[:low])
    _expect(not before, "what stood behind a generation stands before it")


def _stay_put(schedule: Schedule, cells: list[Cell]) -> set[Cell]:
    foreign = {c for c in cells if c.author not in OURS and not _is_vague(schedule, c)}
    return foreign - schedule.person.returned


def _check_way_back(schedule: Schedule) -> None:
    """Check that nothing of any generation is left, and all that they replaced is back."""
    if schedule.of_state("forgotten"):
        return
    person = schedule.person
    if not _is_touched(schedule):
        is_back = schedule.editor.text == person.text_alone
        _expect(is_back, "removing all generations does not leave what the person alone made")
    # Of text that was changed before it was reported, nobody can tell whose the rest is.
    is_certain = not person.rewound and not person.mistakable
    if is_certain and not schedule.habits.change_delay_s:
        originals = {c for generation in schedule.generations for c in generation.original}
        left = set(schedule.editor.written_by("server")) - originals - {"\r", "\n"}
        _expect(not left, f"removing left generated text behind: {left}")


def _is_touched(schedule: Schedule) -> bool:
    return schedule.person.touched or schedule.person.mistakable


def _told_apart(schedule: Schedule, cells: list[Cell]) -> str:
    """Return the text whose author is certain."""
    person = schedule.person
    vague = person.mistakable or (person.touched and schedule.habits.changes != "exact")
    return re.sub(r"[\r\n]", "", _text(cells)) if vague else _text(cells)


def _offsets(schedule: Schedule, region: Region) -> tuple[int, int]:
    mirror = schedule.writer.mirror
    low = mirror.distance(Point(0, 0), region.start)
    return low, low + mirror.distance(region.start, region.end)


def _plain(text: str) -> str:
    """Return a text with line feeds only: what was never reported has the ending it was sent in."""
    return text.replace("\r\n", "\n")


def _text(cells: list[Cell]) -> str:
    return "".join(cell.character for cell in cells)


def _is_vague(schedule: Schedule, cell: Cell) -> bool:
    """Whether a report of differing texts cannot tell this cell from its like."""
    vague = schedule.habits.changes != "exact" or schedule.person.mistakable
    return vague and cell.character in "\r\n"
