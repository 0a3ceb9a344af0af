"""Random schedules of a writer, a user and a client: nothing is lost, everything arrives.

`poe test-longer` tries more of them, and names those that fail.
"""

import itertools
import os
from typing import Literal

import pytest

from streaming_code_generator.editing.exchange import Undeliverable
from streaming_code_generator.editing.in_flight import ECHO_TIMEOUT_S, REPLY_TIMEOUT_S
from streaming_code_generator.testing.editor import EditorHabits, ForeignTextRemoved
from streaming_code_generator.testing.schedule import Schedule, ScheduleBroken, ScheduledGeneration
from streaming_code_generator.testing.schedules import bring_to_end, main, run_schedules

_ASKED_SCHEDULES = os.environ.get("WRITER_SCHEDULES")


@pytest.mark.parametrize(
    ("undo", "schedules"),
    [pytest.param(False, 100, id="without undo"), pytest.param(True, 300, id="full of undo")],
)
def test_schedules_keep_the_plain_rules_but_for_a_few(*, undo: bool, schedules: int) -> None:
    """`docs/reliability.md` says what the few are that are left.

    Of 35 single faults put into `editing/`, such as a turned condition, those that ever showed in
    600 schedules broke more than these few here, but for one that showed once.
    """
    figures = run_schedules(int(_ASKED_SCHEDULES or schedules), 1, undo=undo)

    assert len(figures.broken) <= 0.001 * figures.schedules, figures.broken
    assert figures.landed > figures.schedules
    assert figures.refused > 0
    assert figures.rebased > 0
    assert figures.undone > 0


def test_the_command_prints_the_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--examples", "20", "--seed", "7", "--without-undo"]) == 0

    assert capsys.readouterr().out.startswith("20 schedules of ")


# Clients that do not let edits be made


def schedule_with(habits: EditorHabits) -> tuple[Schedule, ScheduledGeneration]:
    schedule = Schedule(habits=habits, text="one\ntwo\nthree\n")
    schedule.was_blocked = True
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
    schedule.user_edits(0, 0, "typed ")
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
    schedule.user_edits(offset, offset + removed, typed)
    expected = "".join(cell.character for cell in schedule.user.alone)
    schedule.finish(generation)
    schedule.settle()
    assert schedule.writer.mirror.text == schedule.editor.text
    assert schedule.editor.text.count(generation.target) == 1

    schedule.remove(generation)
    schedule.settle()
    assert schedule.editor.text == expected


# The checks themselves


def broken_schedule() -> tuple[Schedule, ScheduledGeneration]:
    schedule, generation = schedule_with(EditorHabits())
    schedule.finish(generation)
    schedule.settle()
    return schedule, generation


def test_a_lost_character_of_the_users_is_noticed() -> None:
    schedule, _ = broken_schedule()
    del schedule.editor.cells[0]

    with pytest.raises(ScheduleBroken, match="mirror"):
        bring_to_end(schedule)


def test_a_text_that_arrived_twice_is_noticed() -> None:
    schedule, generation = broken_schedule()
    schedule.writer.forget(generation.region_id)
    schedule.writer.open_region(generation.region_id, *[schedule.writer.mirror.end] * 2)
    schedule.finish(generation)

    with pytest.raises(ScheduleBroken):
        bring_to_end(schedule)


def test_an_edit_that_removes_a_users_text_is_noticed() -> None:
    schedule, generation = broken_schedule()
    schedule.writer.open_region("9", *[schedule.writer.mirror.point(0, n) for n in (0, 2)])
    schedule.writer.finish("9", "")

    with pytest.raises(ForeignTextRemoved):
        schedule.settle()
    assert generation.state == "finished"


# Stories that once went wrong


def test_a_text_is_taken_out_though_the_user_undid_it_as_it_was_to_be_put_back() -> None:
    """The undo looks like the edit, applied where its text stood before."""
    habits = EditorHabits(reply="last", undo_step="pause", stale_edits="pretend")
    schedule = Schedule(habits=habits, text="0123456789")
    schedule.start_generation(0.4, 3, rewriting=False)
    (generation,) = schedule.generations
    schedule.text_arrives(generation, "b")
    schedule.client_reads()
    schedule.client_blocks(11.0)
    schedule.user_edits(2, 7, "")
    schedule.server_reads()
    schedule.user_undoes()
    schedule.retry(generation)

    bring_to_end(schedule)


def test_text_that_came_back_is_known_though_a_formatter_ran_and_was_undone_after_that() -> None:
    habits = EditorHabits(change_delay_s=0.5, tells_undo=True)
    schedule = Schedule(habits=habits, text="0123456789" * 4)
    schedule.start_generation(0.4, 6, rewriting=False)
    schedule.text_arrives(schedule.generations[0], "")
    schedule.server_sends()
    schedule.client_reads()
    schedule.user_undoes()
    schedule.time_passes(1.0)
    schedule.user_edits(19, 28, "")
    for _ in range(3):
        schedule.server_reads()
    schedule.user_undoes()
    schedule.time_passes(1.0)
    schedule.user_formats(7, generated_too=False)
    schedule.user_undoes()

    bring_to_end(schedule)


def test_an_edit_is_known_by_an_undo_though_what_was_left_of_it_looked_like_an_earlier_one() -> (
    None
):
    """The earlier edit was dropped by the client; what the later one adds is removed at once."""
    habits = EditorHabits(
        changes="full", change_delay_s=0.15, tells_undo=True, stale_edits="pretend"
    )
    schedule = Schedule(habits=habits, text="012\r34567\r8")
    schedule.start_generation(0.6, 0, rewriting=False)
    schedule.user_edits(7, 11, "AB")
    schedule.text_arrives(schedule.generations[0], "\n")
    schedule.user_formats(2, generated_too=False)
    schedule.start_generation(0.7, 1, rewriting=False)
    schedule.user_undoes()
    schedule.text_arrives(schedule.generations[1], "b\na")
    schedule.client_reads()
    schedule.server_reads()
    schedule.client_blocks(11.0)
    schedule.user_redoes()
    schedule.server_reads()
    schedule.messages_go_round()
    schedule.time_passes(0.2)
    schedule.text_arrives(schedule.generations[1], "\na")
    schedule.client_reads()
    schedule.user_edits(9, 18, "")
    schedule.time_passes(0.2)
    schedule.messages_go_round()
    schedule.user_undoes()

    bring_to_end(schedule)


# What nobody can know, and what it does not excuse


def came_in_a_place_that_is_not_named(*, removed_too: bool) -> Schedule:
    """Return a schedule with one difference that may come of an edit, or of the user alone.

    An edit puts three letters, a line ending and three letters before an empty line's end. The
    user removes two letters and that end: reported are the other letters, a line further down.
    """
    schedule = Schedule(habits=EditorHabits(changes="diff", change_delay_s=0.15), text="0\n\n1")
    schedule.start_generation(0.6, 0, rewriting=False)
    schedule.text_arrives(schedule.generations[0], "abc\nabc")
    schedule.client_reads()
    if removed_too:
        schedule.user_edits(9, 10, "")
        schedule.user_edits(2, 4, "\n")
    return schedule


def test_text_that_nobody_can_tell_from_typed_text_may_stand_there_twice() -> None:
    schedule = came_in_a_place_that_is_not_named(removed_too=True)
    bring_to_end(schedule)

    assert len(schedule.user.unknowable) == 6


def test_a_text_that_only_came_in_another_place_than_it_is_reported_is_not_excused() -> None:
    schedule = came_in_a_place_that_is_not_named(removed_too=False)
    bring_to_end(schedule)

    assert not schedule.user.unknowable


def test_the_users_own_text_is_not_excused_with_what_nobody_can_know() -> None:
    schedule = came_in_a_place_that_is_not_named(removed_too=True)
    schedule.settle()
    schedule.editor.replace(0, 0, schedule.editor.text[0])

    with pytest.raises(ScheduleBroken, match="occurs twice"):
        bring_to_end(schedule)


@pytest.mark.parametrize("is_heard", [True, False])
def test_a_typed_line_ending_is_told_apart_once_the_server_has_heard_of_it(
    *, is_heard: bool
) -> None:
    schedule = Schedule(habits=EditorHabits(), text="")
    schedule.start_generation(0.0, 0, rewriting=False)
    schedule.user_edits(0, 0, "x\n")
    if is_heard:
        schedule.catch_up()
    schedule.text_arrives(schedule.generations[0], "\n")

    assert schedule.user.is_certain == is_heard
    bring_to_end(schedule)


def test_a_typed_line_ending_that_is_told_apart_and_went_unasked_is_noticed() -> None:
    schedule = Schedule(habits=EditorHabits(), text="")
    schedule.start_generation(0.0, 0, rewriting=False)
    schedule.user_edits(0, 0, "x\ny")
    schedule.catch_up()
    schedule.text_arrives(schedule.generations[0], "\n")
    schedule.settle()
    schedule.editor.replace(1, 2, "")

    with pytest.raises(ScheduleBroken, match="removing leaves"):
        bring_to_end(schedule)


def test_nothing_is_excused_in_a_document_that_was_opened_again() -> None:
    """What came before it was closed, and was not reported, is its own text now."""
    schedule = came_in_a_place_that_is_not_named(removed_too=True)
    schedule.user_reopens()
    bring_to_end(schedule)

    assert not schedule.user.unknowable


@pytest.mark.parametrize("changes", ["exact", "diff"])
@pytest.mark.parametrize("is_kept", [True, False], ids=["text between", "nothing between"])
def test_on_which_side_of_replaced_text_typing_stands_is_only_known_if_it_is_reported(
    changes: Literal["exact", "diff"], *, is_kept: bool
) -> None:
    """The user types over `45` and removes `3`, or both, between which `2` was replaced."""
    schedule = Schedule(habits=EditorHabits(changes=changes, change_delay_s=0.15), text="0123456")
    schedule.start_generation(2 / 7, 1, rewriting=False)
    schedule.finish(schedule.generations[0])
    schedule.server_sends()
    schedule.client_reads()
    schedule.user_edits(3, 5, "A")
    if not is_kept:
        schedule.user_edits(1, 3, "")
    bring_to_end(schedule)

    assert bool(schedule.user.inside) == (changes == "diff" and not is_kept)


# Selections that overlap, undo between request and answer, and line endings of all kinds

_OVERLAPPING = {
    "undone before it is replaced": "start-first round start-second undo round second rounds",
    "redone before it is replaced": "start-first round undo start-second redo round second rounds",
    "undone while it is on its way": "start-first round start-second second undo rounds",
    "undone and redone afterwards": "start-first round start-second second rounds undo redo rounds",
    "typed in, undone, redone": "start-first round start-second type undo redo undo second rounds",
    "removed, then undone": "start-first round start-second second rounds remove undo rounds",
}


_TEXTS = ("12\n34\n56\n78", "12\r\n34\r\n56\r\n78", "12\r34\r\n56\n78\r")
_CHANGES: tuple[Literal["exact", "diff", "lines"], ...] = ("exact", "diff", "lines")


@pytest.mark.parametrize("story", _OVERLAPPING.values(), ids=_OVERLAPPING)
def test_overlapping_selections_are_put_back_in_any_order_of_events(
    story: str, subtests: pytest.Subtests
) -> None:
    every = itertools.product(_TEXTS, _CHANGES, [True, False], [0.0, 0.5])
    for text, changes, tells_undo, change_delay_s in every:
        habits = EditorHabits(changes=changes, tells_undo=tells_undo, change_delay_s=change_delay_s)
        schedule = Schedule(habits=habits, text=text)
        with subtests.test(text=text, habits=habits):
            for event in story.split():
                let_happen(schedule, event)
            bring_to_end(schedule)


def let_happen(schedule: Schedule, event: str) -> None:
    generations = schedule.generations
    match event:
        case "start-first":
            schedule.start_generation(0.2, 4, rewriting=False)
            schedule.text_arrives(generations[0], "ab\nc")
            schedule.finish(generations[0])
        case "start-second":
            schedule.settle()
            schedule.start_generation(0.4, 5, rewriting=True)
        case "second":
            schedule.text_arrives(generations[-1], "d\nef")
        case "round":
            pass_seconds(schedule, 0.1)
        case "rounds":
            pass_seconds(schedule, 1)
        case "type":
            schedule.user_edits(6, 7, "X")
        case "undo":
            schedule.user_undoes()
        case "redo":
            schedule.user_redoes()
        case "remove":
            schedule.finish(generations[-1])
            schedule.settle()
            schedule.remove(generations[-1])
            schedule.settle()
