"""Undo and redo are understood: what comes back is the generation's, what goes takes it back."""

import pytest

from streaming_code_generator.editing.exchange import Deleted, ReportedChange, Settled, Undone
from streaming_code_generator.editing.in_flight import DOUBT_S
from streaming_code_generator.editing.undo import UNDO_GRACE_S
from support.writing import Desk

TEXT = "a\nb\n"


def streaming(*texts: str, tells: bool = False) -> Desk:
    """Return a desk on which a generation has put these texts between a and b."""
    desk = Desk(TEXT)
    desk.writer.undo.tells = tells
    desk.open("0", 2)
    written = ""
    for text in texts:
        written += text
        desk.writer.want("0", written)
        desk.land()
    return desk


def take_out(desk: Desk, text: str) -> None:
    """Report that a text went that stands in one line."""
    line, character = _place(desk, text)
    desk.report((((line, character), (line, character + len(text))), ""))


def put_in(desk: Desk, before: str, text: str) -> None:
    line, character = _place(desk, before)
    desk.report((((line, character), (line, character)), text))


def _place(desk: Desk, text: str) -> tuple[int, int]:
    lines = desk.mirrored[: desk.mirrored.index(text)].split("\n")
    return len(lines) - 1, len(lines[-1])


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


def test_an_edit_that_was_undone_before_it_was_reported_is_known_when_it_is_redone() -> None:
    """Once, its text was taken for the user's, and came a second time."""
    desk = streaming("one ", "two ")
    desk.writer.want("0", "one two three ")
    edit = desk.sent()
    desk.reply(edit)
    take_out(desk, "two ")
    put_in(desk, "b\n", "two three ")

    assert desk.writer.region("0").is_untouched
    desk.finish("0", "one two three four")
    desk.land()
    assert desk.mirrored == "a\none two three fourb\n"


def test_text_that_goes_and_comes_back_while_an_edit_is_refused_is_no_part_of_that_edit() -> None:
    """Once, the refused edit was seen in it, and its text never came."""
    desk = Desk("x\n")
    desk.open("0", 2)
    lines = "alpha = 1\nbeta = 2\ngamma = 3\n"
    desk.writer.want("0", lines)
    desk.land()
    desk.finish("0", lines + "delta = 4\n")
    edit = desk.sent()
    desk.report((((1, 3), (4, 0)), ""))
    desk.report((((1, 3), (1, 3)), lines[3:]))
    desk.reply(edit, applied=False)
    desk.land()

    assert desk.mirrored == "x\n" + lines + "delta = 4\n"
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


def test_text_that_comes_back_with_something_typed_in_it_is_the_generations() -> None:
    """An editor that reports differences may report an undo together with what came after it."""
    desk = streaming("first_name = ", "second_name")
    desk.finish("0", "first_name = second_name")
    take_out(desk, "first_name = second_name")
    put_in(desk, "b\n", "first_name = Xsecond_name")
    desk.finish("0", "")
    desk.land()

    assert desk.mirrored == "a\nXb\n"


def test_changes_of_one_notification_that_undo_one_another_are_taken_together() -> None:
    """Once, the text that only went to and fro was the user's afterwards."""
    desk = streaming("one two")
    desk.report(
        (((1, 3), (1, 8)), ""),
        (((1, 3), (1, 3)), "! twob"),
    )
    desk.finish("0", "one two")

    assert desk.mirrored == "a\none! twob\n"
    assert desk.writer.region("0").standing_text() == "one two"


def test_an_undo_is_understood_beside_a_change_that_changes_nothing() -> None:
    """Once, that was found in the past instead, where the text had been removed by the user."""
    desk = Desk("a = 1\n")
    desk.open("0", 5, 6)
    desk.writer.want("0", "x\n")
    edit = desk.sent()
    (sent,) = edit.replacements
    desk.reply(edit)
    desk.report(
        ((sent.start, sent.end), sent.text),
        (((0, 5), (0, 6)), ""),
        (((0, 1), (0, 3)), ""),
        (((1, 0), (1, 0)), ""),
    )
    desk.wait(UNDO_GRACE_S)

    assert desk.outcomes == [Undone("0")]


def test_an_undo_is_understood_before_a_reload_that_is_undone_too() -> None:
    """Once, the reload was taken for the undo of all, and the chunk for removed by the user."""
    was = "first(a, b)\n\nlast"
    desk = Desk(was)
    desk.open("0", 5, 12)
    for text in ("second", "second line"):
        desk.writer.want("0", text)
        desk.land()
    desk.report(
        (((0, 11), (0, 16)), ""),
        (((0, 10), (0, 12)), ""),
        (None, was),
        (None, "firstsecon\nlast"),
    )
    desk.wait(UNDO_GRACE_S)

    assert desk.outcomes == [Undone("0")]


def test_what_another_generation_took_out_is_not_undone_as_the_user_types_beside_it() -> None:
    desk = streaming("one two")
    desk.finish("0", "one two")
    desk.open("1", 6, 9)
    desk.finish("1", "")
    desk.land_all()
    desk.user_types(1, 0, "x")
    assert desk.mirrored == "a\nxone b\n"
    assert not desk.writer.region("0").is_undone

    desk.outcomes += desk.writer.put_back("1")
    desk.land_all()
    desk.outcomes += desk.writer.put_back("0")
    desk.land_all()
    assert desk.mirrored == "a\nxb\n"


def test_text_that_is_undone_while_its_rest_is_to_be_put_back_is_not_put_back() -> None:
    desk = streaming("one two")
    desk.finish("0", "one two")
    desk.open("1", 6, 9)
    desk.finish("1", "")
    desk.land_all()
    desk.outcomes += desk.writer.put_back("1")
    edit = desk.sent()
    take_out(desk, "one ")
    desk.reply(edit, applied=False)
    desk.land_all()
    desk.outcomes += desk.writer.put_back("0")
    desk.land_all()

    assert desk.mirrored == TEXT


def test_text_is_known_that_comes_back_at_the_end_of_a_long_difference() -> None:
    lines = "".join(f"line {number}\n" for number in range(300))
    text = f"one\ntwo\n{lines}some words here\n"
    desk = Desk(text)
    desk.open("0", text.index("words"), text.index("here"))
    desk.report((((1, 0), (2, 0)), ""))
    desk.finish("0", "")
    desk.land_all()
    desk.report((((1, 0), (301, 5)), f"two\n{lines}some words "))
    desk.outcomes += desk.writer.put_back("0")
    desk.land_all()

    assert desk.mirrored == text


def test_lines_that_come_back_as_the_line_behind_them_is_replaced_are_the_generations() -> None:
    """A difference names them behind a line ending that stands on either side of them."""
    desk = Desk("foo()\nx")
    desk.open("0", 5)
    desk.finish("0", "\nbar(one)")
    desk.land_all()
    desk.report((((0, 5), (1, 8)), ""))
    desk.report((((1, 0), (1, 1)), "bar(one)\ny"))
    assert desk.mirrored == "foo()\nbar(one)\ny"

    desk.outcomes += desk.writer.put_back("0")
    desk.land_all()
    assert desk.mirrored == "foo()\ny"


# Clients that tell which changes are undo


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


# Undo that is reported together with what was done before or after it


def test_an_undo_is_seen_in_a_notification_that_goes_on_with_what_was_typed_then() -> None:
    """Once, such changes were taken as one, and a few characters counted as the wrong writer's."""
    desk = Desk("alpha bet\n")
    desk.open("0", 6, 9)
    desk.finish("0", "")
    desk.land()
    desk.report((((0, 6), (0, 6)), "bet"), (((0, 8), (0, 8)), "B"), (((0, 10), (0, 10)), "!"))
    desk.finish("0", "bet")

    assert desk.sends_nothing()
    assert desk.mirrored == "alpha beBt!\n"


def test_our_edit_its_undo_and_typing_in_one_notification_are_told_apart() -> None:
    """Once, the text that the undo brought back was taken for another part of the edit."""
    desk = Desk(TEXT)
    desk.open("0", 2)
    desk.finish("0", "one two")
    edit = desk.sent()
    desk.reply(edit)
    desk.report(
        (((1, 0), (1, 0)), "one two"),
        (((1, 0), (1, 8)), "X\n"),
        (((1, 0), (2, 0)), "one twob"),
        (((1, 7), (1, 7)), "Y"),
    )
    assert desk.outcomes == [Settled("0")]
    desk.finish("0", "")
    desk.land()

    assert desk.mirrored == "a\nYb\n"


def test_a_little_that_comes_back_of_much_is_known() -> None:
    """Once, what came had to be much of the text; removing then put the rest there twice."""
    desk = Desk("a = typed_here_too + basename\n")
    desk.open("0", 4, 29)
    desk.finish("0", "")
    desk.land()
    desk.report((((0, 4), (0, 4)), "basename and all that was put there just now, word by word"))
    desk.finish("0", "typed_here_too + basename")

    assert desk.mirrored.count("basename") == 1
    assert desk.sends_nothing()


def test_one_removal_across_the_latest_chunk_is_no_undo() -> None:
    desk = streaming("first = 1\n", "second = 2\n")
    desk.report((None, desk.mirrored.replace("= 1\nsecond = 2\n", "")))
    desk.finish("0", "first = 1\nsecond = 2\nthird = 3\n")
    desk.land()

    assert desk.mirrored == "a\nfirst third = 3\nb\n"
    assert desk.outcomes == [Settled("0")]


@pytest.mark.parametrize("tells", [True, False])
def test_a_reload_that_brings_the_original_back_does_not_have_it_twice(*, tells: bool) -> None:
    """Once, a client that tells of undo was not believed that the text was the original."""
    desk = Desk("a = original()\nb\n")
    desk.writer.undo.tells = tells
    desk.open("0", 4, 14)
    desk.finish("0", "")
    desk.land()
    desk.report((None, "a = original()\nb\n"))
    desk.report((((0, 12), (0, 14)), ""))
    desk.finish("0", "original()")

    assert desk.sends_nothing()
    assert desk.mirrored == "a = original\nb\n"


def test_an_undo_before_anything_landed_takes_the_selection_away_for_good() -> None:
    """Once, what had gone so was put back when the generation was removed."""
    desk = Desk("a = first()second()\n")
    desk.writer.undo.tells = True
    desk.open("0", 11, 19)
    desk.outcomes += desk.writer.undone(2, now_s=desk.now_s)
    desk.report((((0, 11), (0, 19)), ""))
    desk.finish("0", "second()")

    assert desk.sends_nothing()
    assert desk.mirrored == "a = first()\n"


def test_an_original_is_known_though_the_editor_names_the_place_behind_the_next_line_end() -> None:
    """Once, it was put there a second time when the generation was removed."""
    desk = Desk("x\nfoo()\ny\n")
    desk.open("0", 1, 7)
    desk.finish("0", "")
    desk.land()
    desk.report((((1, 0), (1, 0)), "foo()\n"))
    desk.finish("0", "\nfoo()")

    assert desk.sends_nothing()
    assert desk.mirrored == "x\nfoo()\ny\n"


# Undo beside another generation's selection, and of edits that no change ever showed


def test_a_selection_is_put_back_as_it_was_when_the_first_edit_replaced_it() -> None:
    """Once, generated text that was undone between request and edit came back for good."""
    desk = streaming("one ", tells=True)
    desk.finish("0", "one ")
    desk.open("1", 0, 6)
    desk.outcomes += desk.writer.undone(3, now_s=desk.now_s)
    take_out(desk, "one ")
    desk.finish("1", "over")
    desk.land()
    desk.outcomes += desk.writer.put_back("1")
    desk.land()
    desk.outcomes += desk.writer.put_back("0")

    assert desk.sends_nothing()
    assert desk.mirrored == TEXT


def test_generated_text_that_comes_back_into_a_selection_is_put_back_as_that() -> None:
    """Once, the generation below had only what it had when the selection was made."""
    desk = streaming("one ", "two ", tells=True)
    desk.finish("0", "one two ")
    take_out(desk, "two ")
    desk.open("1", 0, 8)
    desk.outcomes += desk.writer.undone(5, now_s=desk.now_s)
    put_in(desk, "b\n", "two ")
    desk.finish("1", "over")
    assert desk.writer.region("0").is_untouched
    desk.land()
    desk.outcomes += desk.writer.put_back("1")
    desk.land()
    desk.outcomes += desk.writer.put_back("0")
    desk.land()

    assert desk.mirrored == TEXT


def test_an_undo_to_before_the_selection_leaves_nothing_to_put_back() -> None:
    """Once, the first generation's text came back with the second's original."""
    desk = streaming("one two ", tells=True)
    desk.finish("0", "one two ")
    desk.open("1", 6, 10)
    desk.writer.want("1", "over ")
    desk.land()
    desk.outcomes += desk.writer.undone(4, now_s=desk.now_s)
    take_out(desk, "one over ")
    desk.wait(UNDO_GRACE_S)
    assert desk.outcomes[-1] == Undone("1")
    desk.outcomes += desk.writer.put_back("1")

    assert desk.sends_nothing()
    assert desk.mirrored == TEXT


@pytest.mark.parametrize("is_removed", [True, False])
def test_an_edit_that_was_never_reported_is_known_when_it_is_redone_after_the_end(
    *, is_removed: bool
) -> None:
    """Once, it was forgotten with the end, and its text was taken for the user's."""
    desk = streaming("one ")
    desk.writer.want("0", "one two ")
    edit = desk.sent()
    desk.reply(edit)
    take_out(desk, "one ")
    desk.wait(UNDO_GRACE_S)
    assert desk.outcomes == [Undone("0")]
    if is_removed:
        desk.outcomes += desk.writer.put_back("0")
    put_in(desk, "b\n", "one two ")
    desk.outcomes += desk.writer.put_back("0")
    desk.land()

    assert desk.mirrored == TEXT


def test_an_edit_that_was_dropped_is_known_when_a_redo_brings_it() -> None:
    """Once, it was forgotten when its region had settled."""
    desk = Desk(TEXT)
    desk.open("0", 2)
    desk.writer.want("0", "one two ")
    desk.reply(desk.sent())
    desk.report((((0, 0), (0, 0)), ""))
    desk.wait(DOUBT_S)
    desk.finish("0", "")
    put_in(desk, "b\n", "one two ")
    desk.outcomes += desk.writer.put_back("0")
    desk.land()

    assert desk.mirrored == TEXT


def test_an_undo_reported_with_what_was_removed_elsewhere_is_no_hole() -> None:
    """Once, all that had gone counted as removed by hand, and the rest came without it."""
    desk = streaming("first = 1\n", "second = 2\n")
    desk.report((None, desk.mirrored.replace("st = 1\nsecond = 2\n", " = 1\n")))
    desk.wait(UNDO_GRACE_S)

    assert desk.outcomes == [Undone("0")]
    desk.outcomes += desk.writer.put_back("0")
    desk.land()
    assert desk.mirrored == TEXT


def test_all_of_a_replaced_selection_removed_by_hand_is_no_undo() -> None:
    desk = Desk("a = old\nb\n")
    desk.open("0", 4, 7)
    desk.writer.want("0", "brand new")
    desk.land()
    take_out(desk, "brand new")

    assert desk.outcomes == [Deleted("0")]


def test_text_that_another_generation_replaces_is_not_undone() -> None:
    """Once, it was no generation's any more when it was put back, past what was typed in it."""
    desk = streaming("one two ")
    desk.finish("0", "one two ")
    desk.open("1", 0, 10)
    put_in(desk, "two ", "X")
    desk.finish("1", "over")
    edit = desk.sent()
    desk.reply(edit)
    desk.report((((0, 0), (1, 9)), "overX"))
    desk.outcomes += desk.writer.put_back("1")
    desk.land()
    desk.outcomes += desk.writer.put_back("0")
    desk.land()

    assert desk.mirrored == "a\nXb\n"


def test_several_undos_in_one_notification_are_each_an_undo() -> None:
    """Once, only the first was; the second generation completed with a hole."""
    desk = Desk("a\nb\n")
    desk.writer.undo.tells = True
    for key, place in (("0", 2), ("1", 4)):
        desk.open(key, place)
    desk.writer.want("0", "one ")
    desk.writer.want("1", "two ")
    desk.land()
    desk.outcomes += desk.writer.undone(3, now_s=desk.now_s)
    desk.report((((1, 0), (1, 4)), ""), (((2, 0), (2, 4)), ""))
    desk.wait(UNDO_GRACE_S)

    assert desk.outcomes == [Undone("0"), Undone("1")]


def test_an_undo_is_known_though_something_beside_it_was_removed_before() -> None:
    """Once, the two together counted as removed by hand, and the text stayed away for good."""
    desk = Desk("a = old\nb\n")
    desk.open("0", 3, 7)
    put_in(desk, "d\n", "X")
    desk.report((((0, 3), (0, 4)), ""))
    desk.writer.want("0", "brand new old")
    desk.land()
    desk.report((None, "a =old\nb\n"))
    desk.wait(UNDO_GRACE_S)

    assert desk.outcomes == [Undone("0")]


def test_an_edit_that_was_never_reported_is_known_though_it_is_redone_and_typed_in() -> None:
    """Once, what was left of it counted as the user's, and stayed."""
    desk = streaming("first = 1\n")
    desk.writer.want("0", "first = 1\nsecond = 2\n")
    desk.reply(desk.sent())
    desk.report((None, TEXT))
    desk.wait(UNDO_GRACE_S)
    desk.report((None, "a\nfirst = 1\nsecXond = 2\nb\n"))
    desk.outcomes += desk.writer.put_back("0")
    desk.land()

    assert desk.mirrored == "a\nXb\n"


def test_an_original_that_an_undo_brings_back_in_the_notification_that_took_it_is_known() -> None:
    """Once, it was put there a second time when the generation was removed."""
    desk = Desk("a = typed_here!\n")
    desk.open("0", 4, 14)
    desk.finish("0", "")
    desk.reply(desk.sent())
    desk.report(
        (((0, 14), (0, 15)), ""),
        (((0, 4), (0, 14)), "X"),
        (((0, 4), (0, 5)), "typed_here"),
        (((0, 4), (0, 6)), ""),
    )
    desk.outcomes += desk.writer.put_back("0")

    assert desk.mirrored == "a = ped_here\n"
    assert desk.sends_nothing()


def test_a_line_ending_is_not_what_is_left_of_an_edit_that_was_never_reported() -> None:
    """Once, a text that was pasted back beside it made it so, and the rest came with a hole."""
    desk = Desk("a pasted = 1\n")
    desk.open("0", 1)
    desk.writer.want("0", "\nfoo()\nbar()")
    desk.reply(desk.sent())
    desk.report((((0, 1), (0, 12)), "b"))
    desk.wait(DOUBT_S)
    desk.report((None, "a\n pasted = 1b\n"))
    desk.finish("0", "\nfoo()\nbar()")
    desk.land_all()

    assert "foo()\nbar()" in desk.mirrored
    assert desk.outcomes == [Settled("0")]


def test_an_edit_that_was_never_reported_puts_back_what_it_replaced_and_no_more() -> None:
    """Once, what the user had removed of the selection before came back with it."""
    desk = Desk("a = old\n")
    desk.open("0", 4, 7)
    desk.report((((0, 5), (0, 6)), ""))
    desk.writer.want("0", "shiny")
    desk.reply(desk.sent())
    desk.user_types(0, 0, "")
    desk.wait(DOUBT_S)
    desk.report((None, "a = shiny\n"))
    assert desk.writer.region("0").own_text == "shiny"
    desk.outcomes += desk.writer.put_back("0")
    desk.land()

    assert desk.mirrored == "a = od\n"


def test_the_latest_text_that_another_generation_replaces_is_not_undone() -> None:
    desk = streaming("one ", "two ")
    desk.finish("0", "one two ")
    desk.open("1", 6, 10)
    desk.finish("1", "over")
    desk.land()

    assert desk.writer.region("0").own_text == "one two "
    assert Undone("0") not in desk.outcomes


def test_a_part_of_undone_text_that_is_pasted_back_is_the_generations() -> None:
    desk = streaming("one ", "two ", "three ", tells=True)
    desk.outcomes += desk.writer.undone(5, now_s=desk.now_s)
    take_out(desk, "two three ")
    assert desk.writer.region("0").own_text == "one "
    put_in(desk, "b\n", "two ")

    assert desk.writer.region("0").own_text == "one two "
    assert desk.writer.region("0").is_untouched
    desk.wait(UNDO_GRACE_S)
    assert desk.outcomes == [Undone("0")]


def test_redone_text_that_an_edit_on_its_way_begins_with_is_its_own_generations() -> None:
    """It explains all of the change; the edit would leave half of itself removed."""
    desk = Desk("a\n\nb\n")
    desk.open("0", 2)
    desk.open("1", 2)
    desk.writer.want("0", "foo(1)\n")
    desk.land()
    desk.report((((1, 0), (2, 0)), ""))
    desk.writer.want("1", "foo(1)\nbar()\n")
    edit = desk.sent()

    desk.report((((1, 0), (1, 0)), "foo(1)\n"))
    assert desk.writer.region("0").own_text == "foo(1)\n"
    assert desk.writer.region("1").own_text == ""
    desk.reply(edit, applied=False)
    desk.land_all()
    assert desk.mirrored == "a\nfoo(1)\nfoo(1)\nbar()\n\nb\n"


def test_redone_text_is_known_in_a_report_of_the_whole_text() -> None:
    desk = Desk("a\nb\nc\n")
    desk.open("0", 1)
    desk.writer.want("0", "\nfoo()")
    desk.land()
    desk.report((((0, 1), (1, 5)), ""))

    desk.report((None, "a\nfoo()\nb\nc, typed too\n"))
    assert desk.writer.region("0").own_text == "\nfoo()"
    assert desk.writer.region("0").is_whole


@pytest.mark.parametrize("at_once", [True, False])
def test_text_that_the_user_moved_is_still_the_generations(*, at_once: bool) -> None:
    desk = streaming("first()\n", "second()\n", tells=True)
    # Lines are joined so: the second one is put behind the first, and then taken out.
    joining = [
        (((1, 7), (1, 7)), " second()"),
        (((2, 0), (3, 0)), ""),
    ]
    if at_once:
        desk.report(*joining)
    else:
        for change in joining:
            desk.report(change)
    assert desk.mirrored == "a\nfirst() second()\nb\n"

    desk.outcomes += desk.writer.put_back("0")
    desk.land()
    assert desk.mirrored == "a\n b\n"
    assert desk.outcomes == [Settled("0")]


def test_text_that_another_generation_has_replaced_is_not_undone() -> None:
    """Once, it stayed when both were removed."""
    desk = Desk("a\nbcd\n")
    desk.open("1", 3)
    desk.finish("1", "")
    desk.open("0", 2, 5)
    desk.finish("0", "X")
    desk.land()
    desk.report((((1, 0), (1, 1)), "bcd"))
    desk.finish("1", "foo()")
    desk.land()
    desk.finish("0", "X")
    desk.land_all()
    assert not desk.writer.region("1").is_undone


def test_an_undo_to_before_the_selection_was_typed_ends_the_generation() -> None:
    """Once, it was completed with nothing of its text, and the selection went, too."""
    desk = Desk("one\ntwo\nend\n")
    desk.open("0", 0, 8)
    desk.writer.want("0", "first()\none\ntwo\n")
    desk.land()
    desk.report((None, "1\ntwo\nend\n"))

    assert desk.outcomes == [Deleted("0")]
    assert desk.sends_nothing()


def test_a_text_of_which_only_a_line_ending_is_left_is_undone() -> None:
    """Once, the user had typed just that, and the generation went on behind it."""
    desk = streaming("foo()\nbar()\n")
    desk.report((((1, 0), (2, 5)), ""))
    desk.wait(UNDO_GRACE_S)
    assert desk.outcomes == [Undone("0")]

    desk.outcomes += desk.writer.put_back("0")
    desk.land()
    assert desk.mirrored == TEXT


def test_an_undo_is_known_that_also_takes_back_what_a_formatter_did_elsewhere() -> None:
    """Once, only what it did beside the code was, and the generation completed with a hole."""
    desk = Desk("top = 0\nb = 1\nc = 2\nend = 3\n")
    desk.open("0", 8, 20)
    desk.writer.want("0", "foo()\nbar()\nb = 1\nc = 2\n")
    desk.land()
    formatted = "TOP = 0\nfoo()\nbAr()\nb = 1\nc =  2\nEND = 3\n"
    desk.report((((0, 0), (6, 0)), formatted))
    desk.report(
        (((0, 0), (6, 0)), "top = 0\nfoo()\nbar()\nb = 1\nc = 2\nend = 3\n"),
        (((1, 0), (3, 0)), ""),
    )
    desk.wait(UNDO_GRACE_S)

    assert desk.outcomes == [Undone("0")]
    desk.outcomes += desk.writer.put_back("0")
    desk.land_all()
    assert desk.mirrored == "top = 0\nb = 1\nc = 2\nend = 3\n"


def test_text_of_an_edit_that_was_never_reported_is_no_part_of_the_next_one() -> None:
    """Once, the rest of that counted as removed, and the generation completed with a hole."""
    desk = Desk("a\nb\n")
    desk.open("0", 2)
    desk.writer.want("0", "foo(1)\n")
    desk.reply(desk.sent())
    desk.report((None, "a\nXb\n"))
    desk.wait(DOUBT_S)
    desk.finish("0", "foo(1)\nbar(2)\nmore(3)\n")
    edit = desk.sent()
    desk.report((None, "a\nfoo(1)\nZb\n"))
    desk.reply(edit)
    desk.land_all()

    assert desk.mirrored.replace("Z", "") == "a\nfoo(1)\nbar(2)\nmore(3)\nb\n"
    assert desk.outcomes == [Settled("0")]


def test_an_undo_brings_back_text_of_an_edit_that_is_still_waited_for() -> None:
    """Once, only after the wait was its text known, and it stood there twice."""
    desk = Desk("a\nb\n")
    desk.open("0", 2)
    desk.finish("0", "foo(1)\nbar(2)\n")
    desk.reply(desk.sent())
    desk.report((None, "a\nXYb\n"))
    desk.report((None, "a\nfoo(1)\nYb\n"))
    assert desk.writer.region("0").standing_text() == "foo(1)\n"
    desk.land_all()

    assert desk.mirrored == "a\nfoo(1)\nYb\n"


def test_an_undo_of_typing_over_two_texts_brings_back_both() -> None:
    """Once, the end of the first counted as the user's, and removing the code left it."""
    desk = Desk("a = ;\n")
    desk.open("0", 4)
    desk.writer.want("0", "first(1)")
    desk.land()
    desk.writer.want("0", "first(1) + second(2)")
    desk.reply(desk.sent())
    # The rest has landed and was typed over together with the bracket, before that was reported.
    desk.report((((0, 11), (0, 12)), "x"))
    desk.report((((0, 11), (0, 12)), ") + second(2)"))

    assert desk.mirrored == "a = first(1) + second(2);\n"
    assert desk.writer.region("0").is_untouched


def behind_a_line_ending_that_came_back() -> Desk:
    """Return a desk with two generations, one on each side of a line ending that was undone."""
    desk = Desk("\nlast")
    desk.open("0", 0)
    desk.report((((0, 0), (1, 0)), ""))
    desk.user_types(0, 0, "\n")
    desk.open("1", 1)
    desk.writer.want("0", "first")
    return desk


def test_redone_text_is_known_where_it_is_reported_though_it_may_be_read_as_another_ones() -> None:
    """Once, it was read as a line that came at the end of the other generation's text."""
    desk = behind_a_line_ending_that_came_back()
    desk.land()
    desk.writer.want("1", "second\n")
    edit = desk.land()
    desk.report((((1, 0), (2, 0)), ""))
    desk.echo(edit)

    assert desk.mirrored == "first\nsecond\nlast"
    assert desk.writer.region("1").own_text == "second\n"
    assert desk.writer.region("1").is_whole


def test_a_redo_of_two_generations_texts_is_known_for_each() -> None:
    """Once, it was read as one insertion, as if both texts had come in the first one's place."""
    desk = behind_a_line_ending_that_came_back()
    desk.user_types(0, 0, "> ")
    desk.writer.want("1", "second\n")
    edit = desk.land()
    desk.report((((0, 2), (0, 7)), ""), (((1, 0), (2, 0)), ""))
    desk.echo(edit)

    assert desk.mirrored == "> first\nsecond\nlast"
    assert [desk.writer.region(key).own_text for key in "01"] == ["first", "second\n"]
    assert all(desk.writer.region(key).is_whole for key in "01")


def test_text_that_an_undo_brings_into_a_selection_is_put_back_though_it_was_typed_in() -> None:
    """Once, all of it counted as typed, and stood before the rest when that was put back."""
    desk = Desk("12long_numbers34\nghij\n")
    desk.open("0", 2, 14)
    desk.open("1", 18, 20)
    desk.finish("0", "")
    desk.finish("1", "")
    desk.land()
    desk.open("2", 1, 3)
    desk.report(*((((line, at), (line, at)), text) for line, at, text in UNDONE_AND_TYPED_IN))
    assert desk.mirrored == "12long_Xnumbers34\nghij\n"
    desk.finish("2", "")
    desk.land_all()
    desk.outcomes += desk.writer.put_back("2")
    desk.land_all()

    assert desk.mirrored.replace("X", "") == "12long_numbers34\nghij\n"


UNDONE_AND_TYPED_IN = ((0, 2, "long_numbers"), (1, 1, "hi"), (0, 7, "X"))


def test_what_was_undone_before_a_part_of_what_an_edit_removes_is_there_again() -> None:
    """Once, the removal was read as the edit's, and the undo before it as typing."""
    desk = Desk("one\nab\n\ncdef\n")
    desk.open("0", 3, 9)
    desk.finish("0", "")
    edit = desk.sent()
    desk.report(
        (((1, 1), (3, 3)), ""),
        (((1, 1), (1, 1)), "b\n\ncde"),
        (((0, 3), (1, 1)), ""),
    )
    desk.reply(edit, applied=False)
    assert desk.mirrored == "oneb\n\ncdef\n"
    desk.land_all()
    assert desk.mirrored == "onedef\n"
    desk.outcomes += desk.writer.put_back("0")
    desk.land_all()

    assert desk.mirrored == "oneb\n\ncdef\n"


def test_an_undo_is_known_by_the_place_that_is_named_though_a_line_beside_it_is_alike() -> None:
    """Once, the line ending above was taken for removed, and removing the rest took an `f` too."""
    desk = Desk("x\nfoo()\n")
    desk.open("0", 3, 4)
    desk.writer.want("0", "\nfo")
    desk.land()
    assert desk.mirrored == "x\nf\nfoo()\n"
    desk.report((((1, 1), (2, 1)), ""))
    desk.outcomes += desk.writer.put_back("0")
    desk.land_all()

    assert desk.mirrored == "x\nfoo()\n"


def test_an_undo_of_several_changes_is_known_when_it_is_told_afterwards() -> None:
    desk = Desk("foo()\n\n")
    desk.writer.undo.tells = True
    desk.open("0", 2, 7)
    for text in ("if a:\n\n\no()\n\n", "if a:\n\n\nfoo()\nif a:\n    pass\n\n"):
        desk.writer.want("0", text)
        desk.land()
    desk.report((((3, 0), (5, 8)), "o()"), (((0, 2), (3, 0)), ""))
    desk.outcomes += desk.writer.undone(desk.writer.mirror.version, now_s=desk.now_s)
    desk.wait(UNDO_GRACE_S)

    assert desk.mirrored == "foo()\n\n"
    assert desk.outcomes == [Undone("0")]


def test_a_text_that_is_found_to_be_deleted_when_an_undo_is_told_afterwards_is_deleted() -> None:
    """Once, nobody heard of it, and the generation waited for ever."""
    desk = Desk("a\nx=1\nb\n")
    desk.writer.undo.tells = True
    desk.open("0", 2, 6)
    desk.writer.want("0", "foo(0)\n")
    desk.land()
    desk.report((None, "a\nxy=1\nb\n"))
    desk.finish("0", "foo(0)\nbar(1)\n")
    desk.outcomes += desk.writer.undone(desk.writer.mirror.version, now_s=desk.now_s)

    assert desk.outcomes == [Deleted("0")]


def test_changes_beside_those_that_undo_one_another_are_taken_by_themselves() -> None:
    """Once, all were taken as one, in which an empty line is like the next."""
    desk = Desk("# note\n\n    pass\nfoo()")
    desk.open("0", 8, 16)
    desk.finish("0", "\n    x = 1\n")
    desk.land()
    assert desk.mirrored == "# note\n\n\n    x = 1\n\nfoo()"
    desk.report(
        (((0, 6), (0, 6)), "\n"),
        (((6, 0), (6, 0)), "\n    x = 1"),
        (((6, 0), (7, 9)), ""),
    )
    desk.outcomes += desk.writer.put_back("0")
    desk.land_all()

    assert desk.mirrored == "# note\n\n\n    pass\nfoo()"


def test_of_several_past_texts_that_explain_what_came_back_the_likest_is_taken() -> None:
    """Once, the latest was, and the original stood there twice."""
    desk = Desk("ab\ncd")
    desk.open("0", 2, 5)
    for text in ("\nreturn one\ncd", "\nreturn one"):
        desk.writer.want("0", text)
        desk.land()
    desk.outcomes += desk.writer.put_back("0")
    desk.land()
    desk.report((None, "ab\nxyzreturn one\ncd"))
    desk.outcomes += desk.writer.put_back("0")
    desk.land_all()

    assert desk.mirrored == "ab\nxyzcd"


def test_what_was_typed_in_undone_text_stays_when_what_replaced_it_is_removed() -> None:
    desk = Desk("")
    desk.open("0", 0)
    desk.finish("0", "one two three")
    desk.land()
    desk.user_types(0, 7, "XY\n")
    desk.open("1", 0, 9)
    desk.finish("1", "new")
    desk.land()
    desk.report((((1, 0), (1, 6)), ""))
    desk.outcomes += desk.writer.put_back("1")
    desk.land_all()

    assert desk.mirrored == "XY\n"


def test_a_line_ending_removed_beside_what_replaced_the_rest_undoes_nothing() -> None:
    desk = streaming("return one\n", "\n")
    desk.finish("0", "return one\n\n")
    desk.open("1", 2, 12)
    desk.finish("1", "\n")
    desk.land()
    desk.report((((3, 0), (4, 0)), ""))
    desk.outcomes += desk.writer.put_back("1")
    desk.land_all()

    assert desk.mirrored == "a\nreturn one\nb\n"
