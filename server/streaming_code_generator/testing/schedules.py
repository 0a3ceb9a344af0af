"""Random schedules by the thousand, the figures that come of them, and what each must keep.

    python -m streaming_code_generator.testing.schedules --examples 2000 --seed 1

Every schedule has its own number, which is printed if it fails; `--examples 1 --seed N` runs it
again.

The rules are plain, and hold whatever the user does, undo included: no character that the document
or the user had occurs twice or goes away unasked; a generation's text stands there whole and in
order, or all of it is gone; removing all generations leaves the user's own document.
"""

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import get_args

from streaming_code_generator.editing.mirror import split_lines
from streaming_code_generator.editing.region import document_length
from streaming_code_generator.testing.editor import EditorHabits, StaleEdits
from streaming_code_generator.testing.schedule import ENDINGS, Schedule, ScheduleBroken

MOST_STEPS = 60
MOST_GENERATIONS = 4
_BASE, _TYPED, _GENERATED = "0123456789 é😀\n\n", "ABCDEF \n😀", "abc\n"
_ENDINGS = ("\n", "\n", "\n", "\r\n", "\r\n", "\r", "mixed")
_NEAR = ("anywhere", "start", "end", "inside", "inside")


@dataclass(slots=True)
class Figures:
    """What came of many schedules."""

    schedules: int = 0
    steps: int = 0
    sent: int = 0
    landed: int = 0
    rebased: int = 0
    refused: int = 0
    repaired: int = 0
    undone: int = 0
    broken: dict[int, str] = field(default_factory=dict)
    """Schedules that did not keep the rules, by number, and what happened."""
    wall_s: float = 0.0

    def add(self, schedule: Schedule, steps: int) -> None:
        """Count one schedule in."""
        self.schedules += 1
        self.steps += steps
        self.undone += sum(generation.was_undone for generation in schedule.generations)
        for counts in schedule.counts:
            self.sent += counts.sent
            self.landed += counts.landed
            self.rebased += counts.rebased
            self.refused += counts.refused
            self.repaired += counts.repaired

    def __str__(self) -> str:
        return (
            f"{self.schedules:,} schedules of {self.steps:,} steps in {self.wall_s:.1f} s: "
            f"{self.sent:,} edits sent, {self.landed:,} landed, {self.rebased:,} rebased, "
            f"{self.refused:,} refused, {self.repaired:,} repaired, "
            f"{self.undone:,} generations undone; {len(self.broken)} broken"
        )


def random_habits(rng: random.Random) -> EditorHabits:
    """Return the habits of some client that takes edits."""
    return EditorHabits(
        encoding=rng.choice(("utf-8", "utf-16", "utf-32")),
        stale_edits=rng.choice(("refuse", "pretend")),
        reply=rng.choice(("first", "last")),
        change_delay_s=rng.choice((0.0, 0.15, 0.5)),
        changes=rng.choice(("exact", "diff", "lines", "full")),
        line_ending=rng.choice((None, None, "\n", "\r\n")),
        version_step=rng.choice((1, 3)),
        undo_step=rng.choice(("edit", "writer", "pause")),
        tells_undo=rng.choice((True, False)),
    )


def random_text(rng: random.Random) -> str:
    """Return a document: mostly a short one, with all kinds of line endings."""
    ending = rng.choice(_ENDINGS)
    length = rng.choice((0, 5, 20, 40, 40, 40, 40, rng.choice((400, 3000))))
    return "".join(
        (rng.choice(_ENDINGS[2:6]) if ending == "mixed" else ending) if c == "\n" else c
        for c in rng.choices(_BASE, k=rng.randint(length // 2, length))
    )


def random_schedule(rng: random.Random, stale_edits: StaleEdits | None = None) -> Schedule:
    """Return a schedule with an opened document and one generation in it.

    Args:
        rng: What is random in it.
        stale_edits: What the client does with edits for another version; None if that is random,
            among those that do not put them into a text that they were not made for.
    """
    habits = random_habits(rng)
    if stale_edits is not None:
        habits = replace(habits, stale_edits=stale_edits)
    schedule = Schedule(habits=habits, text=random_text(rng))
    _start_generation(rng, schedule)
    return schedule


def take_random_step(rng: random.Random, schedule: Schedule, *, undo: bool) -> None:
    """Let something happen that may happen now."""
    steps = _STEPS if undo else _STEPS_WITHOUT_UNDO
    step, _ = rng.choices(steps, weights=[weight for _, weight in steps])[0]
    step(rng, schedule)


def run_schedule(
    seed: int, *, undo: bool = True, stale_edits: StaleEdits | None = None
) -> tuple[Schedule, int]:
    """Run one schedule to its end and return it with the number of its steps.

    Args:
        seed: Its number.
        undo: Whether the user undoes, redoes, formats and reloads too.
        stale_edits: See `random_schedule`.

    Raises:
        ScheduleBroken: Something was lost, moved, doubled, overwritten or left over.
    """
    rng = random.Random(seed)  # noqa: S311 - seeded randomness is wanted
    schedule = random_schedule(rng, stale_edits)
    steps = rng.randint(1, MOST_STEPS)
    for _ in range(steps):
        take_random_step(rng, schedule, undo=undo)
        check_moment(schedule)
    bring_to_end(schedule)
    return schedule, steps


def run_schedules(
    examples: int, seed: int, *, undo: bool = True, stale_edits: StaleEdits | None = None
) -> Figures:
    """Run schedules number `seed` and following."""
    figures = Figures()
    began_s = time.perf_counter()
    for number in range(seed, seed + examples):
        try:
            figures.add(*run_schedule(number, undo=undo, stale_edits=stale_edits))
        except AssertionError as error:
            figures.schedules += 1
            figures.broken[number] = str(error)
    figures.wall_s = time.perf_counter() - began_s
    return figures


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
    excused = {*ENDINGS, *schedule.user.unknowable}
    doubled = [c for c, count in counts.items() if count > 1 and c not in excused]
    _expect(not doubled, f"occurs twice: {doubled}")


def _check_order(schedule: Schedule, text: str) -> None:
    excused = {*ENDINGS, *schedule.user.unknowable}
    places = {c: place for place, c in enumerate(schedule.editor.text) if c not in excused}
    found = [places[c] for c in text if c in places]
    _expect(found == sorted(found), f"is out of order: {text!r}")


def _check_way_back(schedule: Schedule) -> None:
    """Check that nothing of any generation is left, and all that they replaced is back."""
    user, editor = schedule.user, schedule.editor
    removed = [g for g in schedule.generations if g.state in {"removed", "forgotten"}]
    if schedule.has_accepted or len(removed) < len(schedule.generations):
        return
    standing = [c for c in editor.text if c not in user.unknowable]
    left = [c for c in standing if c in user.generated]
    _expect(not left, f"removing left generated text behind: {left}")
    back = "".join(c for c in standing if user.is_told_apart(c) and c not in user.removed)
    alone = "".join(c for c in user.certain_text if c not in user.removed | user.unknowable)
    _expect(back == alone, f"removing leaves {back!r}, not what the user had: {alone!r}")
    exact = schedule.habits.changes == "exact" and not schedule.habits.change_delay_s
    if exact and user.is_certain and not user.removed and not user.inside:
        whole = "".join(c.character for c in user.alone)
        # A client that has line endings of its own gives them to what is put back.
        is_back = schedule.texts.ended(editor.text) == schedule.texts.ended(whole)
        _expect(is_back, f"removing leaves {editor.text!r}, not {whole!r}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m streaming_code_generator.testing.schedules")
    parser.add_argument("--examples", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--without-undo", action="store_true")
    parser.add_argument(
        "--stale-edits",
        choices=get_args(StaleEdits),
        help="only clients that do this with edits for another version (random: refuse, pretend)",
    )
    options = parser.parse_args(arguments)
    figures = run_schedules(
        options.examples,
        options.seed,
        undo=not options.without_undo,
        stale_edits=options.stale_edits,
    )
    sys.stdout.write(f"{figures}\n")
    for number, problem in figures.broken.items():
        sys.stdout.write(f"broken: --examples 1 --seed {number}: {problem}\n")
    return 1 if figures.broken else 0


def _text(rng: random.Random, alphabet: str, length: int) -> str:
    return "".join(rng.choices(alphabet, k=length))


def _start_generation(rng: random.Random, schedule: Schedule) -> None:
    if len(schedule.generations) < MOST_GENERATIONS:
        length = rng.choice((0, rng.randint(0, 12)))
        schedule.start_generation(rng.random(), length, rewriting=rng.choice((True, False)))


def _text_arrives(rng: random.Random, schedule: Schedule) -> None:
    if running := schedule.of_state("running"):
        text = _text(rng, _GENERATED, rng.randint(1, 5))
        schedule.text_arrives(rng.choice(running), text)


def _generation_ends(rng: random.Random, schedule: Schedule) -> None:
    if running := schedule.of_state("running"):
        rng.choice((schedule.finish, schedule.finish, schedule.stop))(rng.choice(running))


def _generation_is_removed(rng: random.Random, schedule: Schedule) -> None:
    if ended := schedule.ended:
        act = rng.choice((schedule.remove, schedule.remove, schedule.retry, schedule.accept))
        act(rng.choice(ended))


def _place(rng: random.Random, schedule: Schedule) -> int:
    return schedule.place(rng.choice(_NEAR), rng.randrange(3), rng.random())


def _user_edits(rng: random.Random, schedule: Schedule) -> None:
    low = _place(rng, schedule)
    high = min(len(schedule.editor.cells), low + rng.choice((0, 0, 0, 1, 2, 4, 9)))
    schedule.user_edits(low, high, _text(rng, _TYPED, rng.choice((0, 1, 1, 3, 6))))


def _user_repeats(rng: random.Random, schedule: Schedule) -> None:
    low = _place(rng, schedule)
    schedule.user_repeats(low, min(len(schedule.editor.cells), low + rng.randint(1, 30)))


def _messages_move(rng: random.Random, schedule: Schedule) -> None:
    move = (schedule.server_sends, schedule.server_reads, schedule.client_reads)
    rng.choices(move, weights=(2, 3, 3))[0]()


_Step = tuple[Callable[[random.Random, Schedule], None], int]
_STEPS_WITHOUT_UNDO: tuple[_Step, ...] = (
    (_start_generation, 4),
    (_text_arrives, 16),
    (_generation_ends, 3),
    (_generation_is_removed, 3),
    (_messages_move, 32),
    (lambda _, schedule: schedule.messages_go_round(), 10),
    (_user_edits, 18),
    (_user_repeats, 2),
    (lambda _, schedule: schedule.user_reopens(), 1),
    (lambda rng, schedule: schedule.client_blocks(rng.choice((2.0, 11.0))), 1),
    (lambda rng, schedule: schedule.time_passes(rng.choice((0.05, 0.2, 1.0))), 12),
)
_STEPS: tuple[_Step, ...] = (
    *_STEPS_WITHOUT_UNDO,
    (
        lambda rng, schedule: schedule.user_formats(
            rng.randint(2, 9), generated_too=rng.choice((True, False))
        ),
        1,
    ),
    (lambda _, schedule: schedule.user_undoes(), 6),
    (lambda _, schedule: schedule.user_redoes(), 5),
    (lambda _, schedule: schedule.user_pauses(), 2),
    (lambda _, schedule: schedule.user_saves(), 1),
    (lambda _, schedule: schedule.user_reloads(), 1),
)

if __name__ == "__main__":
    sys.exit(main())
