"""Random schedules of a writer, a person and a client: nothing is lost, everything arrives.

`WRITER_SCHEDULES=50000 python -m pytest tests/behaviour/test_writer_schedules.py` tries more of
them, other ones each time.
"""

import os
import random
from typing import Literal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from streaming_code_generator.editing.exchange import Undeliverable
from streaming_code_generator.editing.in_flight import ECHO_TIMEOUT_S, REPLY_TIMEOUT_S
from streaming_code_generator.testing.editor import EditorHabits, ForeignTextRemoved
from streaming_code_generator.testing.schedule import Generation, Schedule
from streaming_code_generator.testing.schedule_checks import (
    ScheduleBroken,
    bring_to_end,
    check_regions,
)
from streaming_code_generator.testing.schedule_texts import LETTERS
from streaming_code_generator.testing.schedules import main, run_schedules

EXAMPLES = int(os.environ.get("WRITER_SCHEDULES", "0"))
CI_EXAMPLES = 2_000

habits = st.builds(
    EditorHabits,
    encoding=st.sampled_from(["utf-8", "utf-16", "utf-32"]),
    stale_edits=st.sampled_from(["refuse", "pretend"]),
    reply=st.sampled_from(["first", "last"]),
    change_delay_s=st.sampled_from([0.0, 0.15, 0.5]),
    changes=st.sampled_from(["exact", "diff", "lines", "full"]),
    line_ending=st.sampled_from([None, "\n", "\r\n"]),
    version_step=st.sampled_from([1, 3]),
)
base_texts = st.text("0123456789 é\U0001f600\n", max_size=40)
typed_texts = st.text("ABCDEF \n\U0001f600", min_size=1, max_size=6)
selections = st.tuples(st.floats(0, 1), st.integers(0, 12))
places = st.tuples(
    st.sampled_from(["anywhere", "start", "end", "inside", "inside"]),
    st.integers(0, 2),
    st.floats(0, 1),
)


class WriterSchedules(RuleBasedStateMachine):
    """One document, up to three generations, one person, one client with its habits."""

    schedule: Schedule

    @initialize(
        habits=habits,
        text=base_texts,
        distinct=st.booleans(),
        place=selections,
        rewriting=st.booleans(),
    )
    def open_document(
        self,
        *,
        habits: EditorHabits,
        text: str,
        distinct: bool,
        place: tuple[float, int],
        rewriting: bool,
    ) -> None:
        distinct = distinct or habits.changes != "exact"
        self.schedule = Schedule(habits=habits, text=text, distinct=distinct)
        self.schedule.start_generation(*place, rewriting=rewriting)

    def chosen(self, which: int, *states: str) -> Generation:
        generations = self.schedule.of_state(*states)
        return generations[which % len(generations)]

    # The server's side

    @precondition(lambda self: len(self.schedule.generations) < len(LETTERS))
    @rule(place=selections, rewriting=st.booleans())
    def start_generation(self, *, place: tuple[float, int], rewriting: bool) -> None:
        self.schedule.start_generation(*place, rewriting=rewriting)

    @precondition(lambda self: self.schedule.of_state("running"))
    @rule(which=st.integers(0, 2), text=st.text("abc\n", min_size=1, max_size=5))
    def text_arrives(self, which: int, text: str) -> None:
        self.schedule.text_arrives(self.chosen(which, "running"), text)

    @precondition(lambda self: self.schedule.of_state("running"))
    @rule(which=st.integers(0, 2))
    def generation_ends(self, which: int) -> None:
        self.schedule.finish(self.chosen(which, "running"))

    @precondition(lambda self: self.schedule.of_state("running"))
    @rule(which=st.integers(0, 2))
    def generation_is_cancelled(self, which: int) -> None:
        self.schedule.stop(self.chosen(which, "running"))

    @precondition(lambda self: self.schedule.of_state("finished", "stopped"))
    @rule(which=st.integers(0, 2))
    def generation_is_removed(self, which: int) -> None:
        self.schedule.remove(self.chosen(which, "finished", "stopped"))

    @precondition(lambda self: self.schedule.of_state("finished", "stopped"))
    @rule(which=st.integers(0, 2))
    def generation_is_accepted(self, which: int) -> None:
        self.schedule.forget(self.chosen(which, "finished", "stopped"))

    @rule()
    def server_sends(self) -> None:
        self.schedule.server_sends()

    @rule()
    def server_reads(self) -> None:
        self.schedule.server_reads()

    @rule()
    def messages_go_round(self) -> None:
        self.schedule.messages_go_round()

    # The client's side

    @rule()
    def client_reads(self) -> None:
        self.schedule.client_reads()

    @rule(
        where=places, length=st.sampled_from([0, 0, 0, 1, 2, 4, 9]), text=st.just("") | typed_texts
    )
    def person_edits(self, where: tuple[str, int, float], length: int, text: str) -> None:
        low, high = self.range(where, length)
        self.schedule.person_edits(low, high, text)

    @rule(where=places, length=st.integers(1, 30))
    def person_pastes_the_same_again(self, where: tuple[str, int, float], length: int) -> None:
        self.schedule.person_repeats(*self.range(where, length))

    @rule(step=st.integers(2, 9))
    def person_formats(self, step: int) -> None:
        self.schedule.person_formats(step)

    @rule()
    def person_undoes(self) -> None:
        self.schedule.person_undoes()

    @rule()
    def person_redoes(self) -> None:
        self.schedule.person_redoes()

    @rule()
    def person_reopens(self) -> None:
        self.schedule.person_reopens()

    @rule(seconds=st.sampled_from([0.05, 0.2, 1.0]))
    def time_passes(self, seconds: float) -> None:
        self.schedule.time_passes(seconds)

    def range(self, where: tuple[str, int, float], length: int) -> tuple[int, int]:
        low = self.schedule.place(*where)
        return low, min(len(self.schedule.editor.cells), low + length)

    # What must hold

    @invariant()
    def regions_fit_their_text(self) -> None:
        check_regions(self.schedule)

    def teardown(self) -> None:
        if hasattr(self, "schedule"):
            bring_to_end(self.schedule)


def test_any_schedule_ends_as_the_model_says() -> None:
    run_state_machine_as_test(
        WriterSchedules,
        settings=settings(
            max_examples=EXAMPLES or CI_EXAMPLES,
            derandomize=not EXAMPLES,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_seeded_schedules_end_as_the_model_says() -> None:
    figures = run_schedules(EXAMPLES or CI_EXAMPLES, random.randrange(10**9) if EXAMPLES else 1)

    assert figures.landed > figures.schedules
    assert figures.refused > 0
    assert figures.rebased > 0


def test_the_command_prints_the_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--examples", "20", "--seed", "7"]) == 0

    assert capsys.readouterr().out.startswith("20 schedules of ")


# Clients that do not let edits be made


def schedule_with(habits: EditorHabits) -> tuple[Schedule, Generation]:
    schedule = Schedule(habits=habits, text="one\ntwo\nthree\n")
    schedule.start_generation(0.3, 0, rewriting=False)
    (generation,) = schedule.generations
    schedule.text_arrives(generation, "ab")
    return schedule, generation


def pass_seconds(schedule: Schedule, seconds: float) -> None:
    """Let everybody act every tenth of a second."""
    until_s = schedule.now_s + seconds
    while schedule.now_s < until_s:
        schedule.messages_go_round()
        schedule.now_s += 0.1
        schedule.outcomes += schedule.writer.tick(schedule.now_s)


@pytest.mark.parametrize(
    ("habits", "reason", "seconds"),
    [
        pytest.param(EditorHabits(read_only=True), "refused", 5, id="read-only"),
        pytest.param(
            EditorHabits(reply="never", stale_edits="pretend"),
            "no_reply",
            REPLY_TIMEOUT_S,
            id="mute",
        ),
    ],
)
def test_a_client_that_takes_no_edits_ends_the_generation(
    habits: EditorHabits, reason: Literal["refused", "no_reply"], seconds: float
) -> None:
    schedule, _ = schedule_with(habits)
    pass_seconds(schedule, seconds + 1)

    assert schedule.outcomes == [Undeliverable("0", reason)]
    assert schedule.writer.is_idle


@pytest.mark.parametrize("read_first", [False, True], ids=["at once", "with the edit applied"])
def test_a_client_that_goes_away_ends_the_generation(*, read_first: bool) -> None:
    schedule, _ = schedule_with(EditorHabits(change_delay_s=1.0))
    if read_first:
        schedule.client_reads()
        schedule.server_reads()
    schedule.editor.close()
    pass_seconds(schedule, max(REPLY_TIMEOUT_S, ECHO_TIMEOUT_S) + 1)

    (outcome,) = schedule.outcomes
    assert isinstance(outcome, Undeliverable)
    assert schedule.writer.is_idle


def test_a_client_that_drops_stale_edits_in_silence_gets_them_again() -> None:
    habits = EditorHabits(stale_edits="pretend", change_delay_s=0.15, version_step=3)
    schedule, generation = schedule_with(habits)
    schedule.person_edits(0, 0, "typed ")
    schedule.finish(generation)
    pass_seconds(schedule, 2)

    assert schedule.writer.mirror.text == schedule.editor.text
    assert schedule.editor.written_by("server") == generation.target
    assert schedule.counts[-1].rebased == 1


# A client that applies edits without looking at their version


@pytest.mark.parametrize("reply", ["first", "last"])
@pytest.mark.parametrize("change_delay_s", [0.0, 0.15])
@pytest.mark.parametrize("typed", ["A", "AB\nC", ""], ids=["a letter", "lines", "nothing"])
@pytest.mark.parametrize(
    ("length", "offset"),
    [
        *((0, offset) for offset in (0, 2, 4, 8, 12)),
        *((3, offset) for offset in (0, 2, 3, 4, 7, 12)),
    ],
)
def test_stale_edits_that_a_client_applied_are_put_right(
    reply: Literal["first", "last"], change_delay_s: float, length: int, typed: str, offset: int
) -> None:
    """Afterwards the document is as if they had been applied where they belong."""
    schedule = Schedule(
        habits=EditorHabits(stale_edits="apply", reply=reply, change_delay_s=change_delay_s),
        text="one\ntwo\nthree\n",
    )
    schedule.start_generation(0.3, length, rewriting=False)
    (generation,) = schedule.generations
    schedule.text_arrives(generation, "ab\nc")
    removed = 1 if offset in {0, 12} else 0
    schedule.person_edits(offset, offset + removed, typed)
    expected = schedule.person.text_alone
    assert not schedule.person.touched
    schedule.finish(generation)
    schedule.settle()
    assert schedule.writer.mirror.text == schedule.editor.text
    assert schedule.editor.text.count(generation.target) == 1

    schedule.remove(generation)
    schedule.settle()
    assert schedule.editor.text == expected


# The checks themselves


def broken_schedule() -> tuple[Schedule, Generation]:
    schedule, generation = schedule_with(EditorHabits())
    schedule.finish(generation)
    schedule.settle()
    return schedule, generation


def test_a_lost_character_of_the_persons_is_noticed() -> None:
    schedule, _ = broken_schedule()
    del schedule.editor.cells[0]

    with pytest.raises(ScheduleBroken, match="mirror"):
        bring_to_end(schedule)


def test_a_text_that_arrived_twice_is_noticed() -> None:
    schedule, generation = broken_schedule()
    schedule.writer.forget(generation.region_id)
    schedule.writer.open_region(generation.region_id, *[schedule.writer.mirror.end] * 2)
    schedule.writer.finish(generation.region_id, generation.target)

    with pytest.raises(ScheduleBroken):
        bring_to_end(schedule)


def test_an_edit_that_removes_a_persons_text_is_noticed() -> None:
    schedule, generation = broken_schedule()
    schedule.writer.open_region("9", *[schedule.writer.mirror.point(0, n) for n in (0, 2)])
    schedule.writer.finish("9", "")

    with pytest.raises(ForeignTextRemoved):
        schedule.settle()
    assert generation.state == "finished"
