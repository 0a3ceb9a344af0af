"""Edits that a client applied in the wrong place, or to a text that was loaded meanwhile."""

import pytest

from streaming_code_generator.editing.exchange import (
    Settled,
    Undeliverable,
)
from streaming_code_generator.editing.in_flight import (
    DOUBT_S,
    ECHO_TIMEOUT_S,
    REPLY_TIMEOUT_S,
)
from streaming_code_generator.editing.undo import UNDO_GRACE_S
from support.writing import Desk, opened


@pytest.mark.parametrize("together", [False, True], ids=["one by one", "in one report"])
@pytest.mark.parametrize(("start", "end"), [(2, 2), (2, 4)], ids=["insertion", "replacement"])
def test_an_edit_applied_in_the_wrong_place_is_repaired(
    start: int, end: int, *, together: bool
) -> None:
    """The client did not look at the version, and the user had typed before the place."""
    desk = Desk("abcdef")
    desk.open("0", start, end)
    desk.finish("0", "XY")
    edit = desk.sent()
    typed = (((0, 0), (0, 0)), "12")
    wrong = (((0, start), (0, end)), "XY")
    if together:
        desk.report(typed, wrong)
    else:
        desk.report(typed)
        desk.report(wrong)
    desk.reply(edit)
    desk.land_all()

    assert desk.mirrored == "12" + "abcdef"[:start] + "XY" + "abcdef"[end:]
    assert desk.writer.counts.repaired == 1
    assert desk.outcomes == [Settled("0")]


@pytest.mark.parametrize("end", [4, 7])
@pytest.mark.parametrize("text", ["", "X"])
def test_an_edit_that_removed_what_was_typed_at_its_place_is_repaired(end: int, text: str) -> None:
    """Only the user's text comes back, not the generation's that it overwrote as well."""
    desk = Desk("abcdefgh")
    desk.open("0", 2, end)
    desk.finish("0", text)
    edit = desk.sent()
    desk.user_types(0, 2, "12")
    desk.report((((0, 2), (0, end)), text))
    desk.reply(edit)
    desk.land_all()
    assert desk.mirrored == "ab12" + text + "abcdefgh"[end:]

    desk.finish("0", "abcdefgh"[2:end])
    desk.land_all()
    assert desk.mirrored == "ab12cdefgh"


def test_several_places_of_one_misplaced_edit_are_repaired() -> None:
    """Once, they shared one name."""
    desk = Desk("abc\ndef\n")
    desk.open("0", 1)
    desk.open("1", 5)
    desk.finish("0", "X")
    desk.finish("1", "Y")
    edit = desk.sent()
    desk.report((((0, 0), (0, 0)), "1"), (((1, 0), (1, 0)), "2"))
    desk.echo(edit)
    desk.reply(edit)
    desk.land_all()

    assert desk.mirrored == "1aXbc\n2dYef\n"


def test_a_misplaced_edit_is_repaired_though_a_part_of_it_was_in_its_place() -> None:
    desk = Desk("abc\ndef\nghi\n")
    for number, offset in enumerate((1, 5, 9)):
        desk.open(str(number), offset)
        desk.finish(str(number), f"generated_{number}")
    edit = desk.sent()
    desk.user_types(1, 0, "typed\n")
    desk.echo(edit)
    desk.reply(edit)
    desk.land_all()

    assert desk.mirrored == "agenerated_0bc\ntyped\ndgenerated_1ef\nggenerated_2hi\n"


def test_an_edit_that_reaches_the_text_loaded_meanwhile_is_taken_back() -> None:
    """Some clients count versions from one again then, and so take it for an edit of that text."""
    desk = Desk("one\ntwo\n\nlast\n", version=7)
    desk.open("0", 8)
    desk.finish("0", "generated_1\ngenerated_2")
    edit = desk.sent()
    desk.outcomes += desk.writer.loaded(1, "new\none\ntwo\n\nlast\n", now_s=0)
    desk.reply(edit)
    desk.report((((2, 0), (2, 3)), "generated_1\ngenerated_2two"))
    desk.land_all()

    assert desk.mirrored == "new\none\ntwo\ngenerated_1\ngenerated_2\nlast\n"


def test_a_misplaced_edit_within_the_generations_own_text_leaves_no_hole() -> None:
    """It is reported with the rest of the line, which is the generation's."""
    desk = Desk("a\n\nb\n")
    desk.open("0", 2)
    desk.writer.want("0", "first line\nsecond")
    desk.land()
    desk.finish("0", "first line\nsecond()\nthird_thing")
    edit = desk.sent()
    desk.outcomes += desk.writer.loaded(0, "new\na\nfirst line\nsecond\nb\n", now_s=0)
    desk.report((((2, 0), (3, 0)), "first ()\nthird_thingline\n"), version=9)
    desk.reply(edit)
    desk.land_all()

    assert desk.mirrored == "new\na\nfirst line\nsecond()\nthird_thing\nb\n"


def test_an_edit_that_never_reaches_the_text_loaded_meanwhile_is_sent_again() -> None:
    desk = Desk("one\n\nlast\n", version=7)
    desk.open("0", 4)
    desk.finish("0", "generated")
    edit = desk.sent()
    desk.outcomes += desk.writer.loaded(1, "new\n\nlast\n", now_s=0)
    desk.reply(edit)
    assert desk.sends_nothing()
    desk.wait(ECHO_TIMEOUT_S)
    desk.land()

    assert desk.mirrored == "new\ngenerated\nlast\n"
    assert desk.outcomes == [Settled("0")]


def test_an_edit_that_stands_in_the_text_loaded_meanwhile_has_landed() -> None:
    desk = Desk("one\n\nlast\n", version=7)
    desk.open("0", 4)
    desk.finish("0", "generated")
    edit = desk.sent()
    desk.outcomes += desk.writer.loaded(1, "one\ngenerated\nlast\n", now_s=0)
    desk.reply(edit)

    assert desk.outcomes == [Settled("0")]
    assert desk.writer.is_idle


def test_a_late_edit_is_not_taken_for_the_next_one_less_its_end() -> None:
    desk = opened()
    desk.writer.want("0", "generated one two")
    first = desk.sent()
    desk.user_types(0, 0, "typed")
    desk.reply(first)
    desk.wait(DOUBT_S)
    desk.finish("0", "generated one two three")
    desk.reply(desk.sent())
    desk.echo(first)
    desk.wait(DOUBT_S)
    desk.land()

    assert desk.mirrored == "typeda\ngenerated one two threeb\n"
    assert desk.outcomes == [Settled("0")]


def test_typing_the_very_same_as_an_edit_that_is_refused_is_no_misplaced_edit() -> None:
    desk = Desk("abcdef")
    desk.open("0", 2)
    desk.finish("0", "XY")
    edit = desk.sent()
    desk.user_types(0, 0, "12")
    desk.user_types(0, 2, "XY")
    desk.reply(edit, applied=False)
    desk.land()

    assert desk.mirrored == "12XYabXYcdef"
    assert desk.writer.document.region_ids() == ["0"]
    assert desk.writer.counts.repaired == 0


def test_removing_and_undoing_what_an_edit_was_to_remove_is_no_misplaced_edit() -> None:
    """Once, each time counted as another part of it, and was put back."""
    desk = Desk("a cd b\n")
    desk.open("0", 2, 4)
    desk.user_types(0, 3, "X")
    desk.finish("0", "")
    edit = desk.sent()
    first, _ = edit.replacements
    desk.reply(edit)
    desk.report(
        (((0, 0), (0, 0)), "Y"),
        *[((first.start, first.end), ""), ((first.start, first.start), " ")] * 3,
    )
    desk.wait(DOUBT_S)
    desk.land_all()

    assert desk.mirrored == "Ya X b\n"


def test_an_edit_that_was_on_its_way_while_the_file_was_read_anew_is_waited_for_longer() -> None:
    """Some clients count versions from one again then, and apply it to the new text."""
    desk = Desk("a\nb\n")
    desk.open("0", 2)
    desk.writer.want("0", "x")
    edit = desk.sent()
    desk.outcomes += desk.writer.loaded(0, "a\nb\nc\n", now_s=desk.now_s)
    desk.reply(edit)
    desk.wait(DOUBT_S)
    assert desk.sends_nothing()

    desk.wait(ECHO_TIMEOUT_S)
    desk.land()
    assert desk.mirrored == "a\nxb\nc\n"


def test_a_client_that_counts_on_after_a_reload_has_dropped_the_edit_of_before() -> None:
    desk = opened()
    desk.writer.want("0", "x")
    edit = desk.sent()
    desk.outcomes += desk.writer.loaded(0, "a\nb\n", now_s=0)
    desk.report((((0, 0), (0, 0)), "typed "), version=3)
    desk.reply(edit)
    desk.wait(DOUBT_S)

    desk.land()
    assert desk.mirrored == "typed a\nxb\n"


def test_an_edit_made_in_the_text_loaded_meanwhile_is_taken_back_however_late_it_is_reported() -> (
    None
):
    desk = Desk("one\ntwo\n\nlast\n", version=7)
    desk.open("0", 8)
    desk.finish("0", "generated_1\ngenerated_2")
    edit = desk.sent()
    desk.outcomes += desk.writer.loaded(0, "new\none\ntwo\n\nlast\n", now_s=0)
    desk.reply(edit)
    desk.wait(ECHO_TIMEOUT_S - 1)
    assert desk.sends_nothing()
    misplaced = (((2, 0), (2, 3)), "generated_1\ngenerated_2two")
    desk.report(misplaced, (((0, 0), (0, 0)), "typed "), version=12)
    desk.land_all()

    assert desk.mirrored == "typed new\none\ntwo\ngenerated_1\ngenerated_2\nlast\n"


def misplaced() -> Desk:
    """Return a desk at which a misplaced edit is about to be taken back."""
    desk = Desk("one\ntwo\n\nlast\n", version=7)
    desk.open("0", 8)
    desk.writer.want("0", "generated_1\ngenerated_2")
    edit = desk.sent()
    desk.outcomes += desk.writer.loaded(0, "new\none\ntwo\n\nlast\n", now_s=0)
    desk.reply(edit)
    desk.report((((2, 0), (2, 0)), "generated_1\ngenerated_2"), version=12)
    return desk


def test_a_misplaced_edit_that_the_user_undid_and_brought_back_is_taken_back() -> None:
    """Once, nothing was left that wanted it gone, and a cancel left it where it stood."""
    desk = misplaced()
    desk.report((((2, 0), (3, 11)), ""))
    desk.report((((2, 0), (2, 0)), "generated_1\ngenerated_2"))
    desk.finish("0", "")
    desk.land_all()

    assert desk.mirrored == "new\none\ntwo\n\nlast\n"


def test_a_misplaced_edit_is_taken_back_though_the_generations_earlier_text_came_back_with_it() -> (
    None
):
    desk = Desk("one\ntwo\n\nlast\n", version=7)
    desk.open("0", 8)
    desk.writer.want("0", "early")
    desk.land()
    desk.writer.want("0", "early_generated_1\ngenerated_2")
    edit = desk.sent()
    desk.outcomes += desk.writer.loaded(0, "one\ntwo\n\nlast\n", now_s=0)
    desk.reply(edit)
    misplaced = (((2, 0), (2, 0)), "_generated_1\ngenerated_2")
    early = (((2, 0), (2, 0)), "early")
    desk.report(misplaced, (((2, 0), (3, 11)), ""), early, version=12)
    desk.report((((2, 0), (2, 5)), ""), misplaced, version=14)
    desk.finish("0", "")
    desk.land_all()

    assert desk.mirrored == "one\ntwo\n\nlast\n"


def test_a_repair_that_is_not_answered_is_given_up_like_any_edit() -> None:
    desk = misplaced()
    desk.sent()
    desk.wait(REPLY_TIMEOUT_S)
    assert desk.outcomes == [Undeliverable("0", "no_reply")]

    desk.user_types(0, 0, "typed ")
    assert desk.mirrored.startswith("typed new\none\ngenerated_1\n")


def test_what_a_user_removes_as_soon_as_it_is_put_back_stays_removed() -> None:
    """Once, the place was taken for a generation, which the user had undone."""
    desk = Desk("one\nold\nlast\n", version=7)
    desk.open("0", 4, 7)
    desk.finish("0", "")
    edit = desk.sent()
    desk.outcomes += desk.writer.loaded(0, "new\none\nold\nlast\n", now_s=0)
    removal = (((1, 0), (1, 3)), "")
    desk.report(removal, version=12)
    desk.reply(edit)
    desk.wait(1.0)
    repair = desk.sent()
    desk.reply(repair)
    put_back = [((r.start, r.end), r.text) for r in reversed(repair.replacements)]
    desk.report(*put_back, removal)
    desk.wait(UNDO_GRACE_S)
    desk.land_all()

    assert desk.mirrored == "new\n\n\nlast\n"
    assert desk.outcomes == [Settled("0")]


def test_an_edit_taken_out_of_a_text_loaded_meanwhile_has_not_landed_by_it() -> None:
    """Once, it was known from the past as well, settled, and then was taken out for good."""
    desk = Desk("one\n")
    desk.open("0", 3)
    desk.finish("0", "return x")
    edit = desk.sent()
    desk.user_types(0, 3, "\nuser")
    desk.outcomes += desk.writer.loaded(1, "one\nuser\n", now_s=0)
    desk.reply(edit)
    desk.report((((0, 3), (0, 3)), "return x"), version=2)
    desk.land_all()

    assert desk.mirrored == "one\nuserreturn x\n"
    assert desk.outcomes == [Settled("0")]
