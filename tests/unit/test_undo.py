"""Undo and redo are understood: what comes back is the generation's, what goes takes it back."""

import pytest

from streaming_code_generator.editing.exchange import Deleted, ReportedChange, Settled, Undone
from streaming_code_generator.editing.undo import UNDO_GRACE_S
from support.writing import Desk, put_in, streaming, take_out

TEXT = "a\nb\n"


def test_redone_text_is_the_generations_and_the_stream_goes_on_at_its_end() -> None:
    desk = streaming("one ", "two ", "three ")
    take_out(desk, "three ")
    take_out(desk, "two ")
    put_in(desk, "b\n", "two ")
    put_in(desk, "b\n", "three ")

    assert desk.writer.region("0").is_untouched
    desk.finish("0", "one two three four")
    desk.land()
    assert desk.mirrored == "a\none two three fourb\n"
    assert desk.outcomes == [Settled("0")]


def test_an_undo_is_understood_of_a_client_that_counts_no_versions() -> None:
    desk = Desk(TEXT, version=None)
    desk.writer.undo.tells = True
    desk.open("0", 2)
    for text in ("one ", "one two "):
        desk.writer.want("0", text)
        edit = desk.sent()
        desk.reply(edit)
        (sent,) = edit.replacements
        changes = [ReportedChange((sent.start, sent.end), sent.text)]
        desk.outcomes += desk.writer.changed(None, changes, now_s=desk.now_s)
    desk.writer.undone(None, now_s=desk.now_s)
    undo = [ReportedChange(((1, 4), (1, 8)), "")]
    desk.outcomes += desk.writer.changed(None, undo, now_s=desk.now_s)
    desk.wait(UNDO_GRACE_S)

    assert desk.outcomes == [Undone("0")]


def test_undone_text_holds_the_generation_back_and_then_ends_it() -> None:
    desk = streaming("one ", "two ")
    take_out(desk, "two ")
    desk.writer.want("0", "one two three ")
    assert desk.sends_nothing()
    assert not desk.writer.is_idle

    desk.wait(UNDO_GRACE_S)
    assert desk.outcomes == [Undone("0")]
    desk.finish("0", "")
    desk.land()
    assert desk.mirrored == TEXT


def test_what_is_redone_while_the_rest_is_taken_out_is_taken_out_too() -> None:
    desk = streaming("one ", "two ")
    take_out(desk, "two ")
    desk.wait(UNDO_GRACE_S)
    desk.outcomes += desk.writer.put_back("0")
    edit = desk.sent()
    put_in(desk, "b\n", "two ")
    desk.reply(edit, applied=False)
    desk.land_all()

    assert desk.mirrored == TEXT
    assert desk.outcomes == [Undone("0"), Settled("0")]


def test_a_finished_text_that_is_undone_before_it_settled_never_settles_with_a_hole() -> None:
    desk = streaming("one ", "two ")
    desk.finish("0", "one two three ")
    edit = desk.sent()
    take_out(desk, "two ")
    desk.reply(edit, applied=False)

    assert desk.sends_nothing()
    desk.wait(UNDO_GRACE_S)
    assert desk.outcomes == [Undone("0")]


def test_all_of_it_undone_and_redone_goes_on() -> None:
    desk = streaming("one ", "two ")
    take_out(desk, "one two ")
    put_in(desk, "b\n", "one two ")
    desk.finish("0", "one two three")
    desk.land()

    assert desk.mirrored == "a\none two threeb\n"
    assert desk.outcomes == [Settled("0")]


def test_a_replaced_selection_that_was_undone_is_the_original_and_removing_leaves_it() -> None:
    """Once, removing made `bar(2bar2)` of `bar(2)`."""
    desk = Desk("bar(2)\n")
    desk.open("0", 0, 6)
    desk.finish("0", "bar2")
    desk.land()
    desk.report((((0, 3), (0, 3)), "("))
    desk.report((((0, 5), (0, 5)), ")"))
    desk.finish("0", "bar(2)")

    assert desk.sends_nothing()
    assert desk.mirrored == "bar(2)\n"


def test_a_client_that_tells_undo_may_delete_the_last_chunk_and_the_generation_goes_on() -> None:
    desk = streaming("one ", "two ", tells=True)
    take_out(desk, "two ")
    desk.finish("0", "one two three")
    desk.land()

    assert desk.mirrored == "a\none threeb\n"
    assert desk.outcomes == [Settled("0")]


@pytest.mark.parametrize("told_first", [True, False])
def test_an_undo_that_is_told_takes_the_generation_back(*, told_first: bool) -> None:
    desk = streaming("one ", "two ", tells=True)
    if told_first:
        desk.outcomes += desk.writer.undone(4, now_s=desk.now_s)
    take_out(desk, "two ")
    assert desk.writer.mirror.version == 4
    if not told_first:
        desk.outcomes += desk.writer.undone(4, now_s=desk.now_s)

    desk.writer.want("0", "one two three")
    assert desk.sends_nothing()
    desk.wait(UNDO_GRACE_S)
    assert desk.outcomes == [Undone("0")]


def test_an_undo_that_is_told_takes_the_generation_back_whatever_it_removed() -> None:
    desk = streaming("one ", "two ", tells=True)
    desk.outcomes += desk.writer.undone(4, now_s=desk.now_s)
    take_out(desk, "ne tw")
    desk.wait(UNDO_GRACE_S)

    assert desk.outcomes == [Undone("0")]


def test_a_client_that_tells_undo_deletes_all_and_that_ends_the_generation_at_once() -> None:
    desk = streaming("one ", tells=True)
    take_out(desk, "one ")

    assert desk.outcomes == [Deleted("0")]


def test_all_of_a_replaced_selection_removed_by_hand_is_no_undo() -> None:
    desk = Desk("a = old\nb\n")
    desk.open("0", 4, 7)
    desk.writer.want("0", "brand new")
    desk.land()
    take_out(desk, "brand new")

    assert desk.outcomes == [Deleted("0")]
