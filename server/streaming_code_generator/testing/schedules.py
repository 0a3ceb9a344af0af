"""Random schedules by the thousand, and the figures that come of them.

    python -m streaming_code_generator.testing.schedules --examples 2000 --seed 1

Every schedule has its own number, which is printed if it fails; `--examples 1 --seed N` runs it
again.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from streaming_code_generator.testing.editor import EditorHabits
from streaming_code_generator.testing.schedule import Schedule
from streaming_code_generator.testing.schedule_checks import bring_to_end, check_regions
from streaming_code_generator.testing.schedule_texts import LETTERS

MOST_STEPS = 60
_BASE, _TYPED = "0123456789 é😀\n", "ABCDEF \n😀"
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
    wall_s: float = 0.0

    def add(self, schedule: Schedule, steps: int) -> None:
        """Count one schedule in."""
        self.schedules += 1
        self.steps += steps
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
            f"{self.refused:,} refused, {self.repaired:,} repaired; nothing lost, nothing doubled"
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
    )


def random_schedule(rng: random.Random) -> Schedule:
    """Return a schedule with an opened document and one generation in it."""
    habits = random_habits(rng)
    distinct = habits.changes != "exact" or rng.choice((True, False, False))
    text = _text(rng, _BASE, rng.randint(0, 40))
    schedule = Schedule(habits=habits, text=text, distinct=distinct)
    _start_generation(rng, schedule)
    return schedule


def take_random_step(rng: random.Random, schedule: Schedule) -> None:
    """Let something happen that may happen now."""
    step, _ = rng.choices(_STEPS, weights=[weight for _, weight in _STEPS])[0]
    step(rng, schedule)


def run_schedule(seed: int) -> tuple[Schedule, int]:
    """Run one schedule to its end and return it with the number of its steps.

    Raises:
        ScheduleBroken: Something was lost, moved, doubled, overwritten or left over.
    """
    rng = random.Random(seed)  # noqa: S311 - seeded randomness is wanted
    schedule = random_schedule(rng)
    steps = rng.randint(1, MOST_STEPS)
    for _ in range(steps):
        take_random_step(rng, schedule)
        check_regions(schedule)
    bring_to_end(schedule)
    return schedule, steps


def run_schedules(examples: int, seed: int) -> Figures:
    """Run schedules number `seed` and following.

    Raises:
        ScheduleBroken: One of them failed; a note says which.
    """
    figures = Figures()
    began_s = time.perf_counter()
    for number in range(seed, seed + examples):
        try:
            figures.add(*run_schedule(number))
        except Exception as error:
            error.add_note(f"schedule {number}: run it with --examples 1 --seed {number}")
            raise
    figures.wall_s = time.perf_counter() - began_s
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m streaming_code_generator.testing.schedules")
    parser.add_argument("--examples", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    sys.stdout.write(f"{run_schedules(options.examples, options.seed)}\n")
    return 0


def _text(rng: random.Random, alphabet: str, length: int) -> str:
    return "".join(rng.choices(alphabet, k=length))


def _start_generation(rng: random.Random, schedule: Schedule) -> None:
    if len(schedule.generations) < len(LETTERS):
        length = rng.choice((0, rng.randint(0, 12)))
        schedule.start_generation(rng.random(), length, rewriting=rng.choice((True, False)))


def _text_arrives(rng: random.Random, schedule: Schedule) -> None:
    if running := schedule.of_state("running"):
        text = _text(rng, "abc\n", rng.randint(1, 5))
        schedule.text_arrives(rng.choice(running), text)


def _generation_ends(rng: random.Random, schedule: Schedule) -> None:
    if running := schedule.of_state("running"):
        rng.choice((schedule.finish, schedule.finish, schedule.stop))(rng.choice(running))


def _generation_is_removed(rng: random.Random, schedule: Schedule) -> None:
    if ended := schedule.of_state("finished", "stopped"):
        rng.choice((schedule.remove, schedule.remove, schedule.forget))(rng.choice(ended))


def _place(rng: random.Random, schedule: Schedule) -> int:
    return schedule.place(rng.choice(_NEAR), rng.randrange(3), rng.random())


def _person_edits(rng: random.Random, schedule: Schedule) -> None:
    low = _place(rng, schedule)
    high = min(len(schedule.editor.cells), low + rng.choice((0, 0, 0, 1, 2, 4, 9)))
    schedule.person_edits(low, high, _text(rng, _TYPED, rng.choice((0, 1, 1, 3, 6))))


def _person_repeats(rng: random.Random, schedule: Schedule) -> None:
    low = _place(rng, schedule)
    schedule.person_repeats(low, min(len(schedule.editor.cells), low + rng.randint(1, 30)))


def _person_formats(rng: random.Random, schedule: Schedule) -> None:
    schedule.person_formats(rng.randint(2, 9))


def _time_passes(rng: random.Random, schedule: Schedule) -> None:
    schedule.time_passes(rng.choice((0.05, 0.2, 1.0)))


_STEPS: tuple[tuple[Callable[[random.Random, Schedule], None], int], ...] = (
    (_start_generation, 4),
    (_text_arrives, 16),
    (_generation_ends, 3),
    (_generation_is_removed, 3),
    (lambda _, schedule: schedule.server_sends(), 8),
    (lambda _, schedule: schedule.server_reads(), 12),
    (lambda _, schedule: schedule.client_reads(), 12),
    (lambda _, schedule: schedule.messages_go_round(), 10),
    (_person_edits, 20),
    (_person_repeats, 2),
    (_person_formats, 2),
    (lambda _, schedule: schedule.person_undoes(), 3),
    (lambda _, schedule: schedule.person_redoes(), 2),
    (lambda _, schedule: schedule.person_reopens(), 1),
    (_time_passes, 12),
)

if __name__ == "__main__":
    sys.exit(main())
