"""Undo is understood of edits that the client made and never reported."""

import pytest

from streaming_code_generator.editing.exchange import Settled, Undone
from streaming_code_generator.editing.in_flight import DOUBT_S
from streaming_code_generator.editing.undo import UNDO_GRACE_S
from support.writing import Desk, put_in, streaming, take_out

TEXT = "a\nb\n"


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


def test_what_an_undo_brings_back_of_an_unseen_edit_is_its_though_the_line_ending_behind_goes() -> (
    None
):
    """The user had removed all of the edit before it was reported; once, it stood there twice."""
    desk = Desk("a\n\n")
    desk.open("0", 2)
    desk.writer.want("0", "foo()")
    desk.land()
    desk.writer.want("0", "foo()\nbar(one)")
    desk.reply(desk.sent())
    desk.report((((1, 0), (2, 0)), "xfoo()\ny"))
    desk.report((((1, 0), (2, 1)), "foo()\nbar(one"))

    desk.finish("0", "foo()\nbar(one)")
    desk.land_all()
    assert desk.mirrored == "a\nfoo()\nbar(one"
    assert desk.outcomes == [Settled("0")]


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


def test_an_unseen_edit_whose_end_was_removed_has_the_line_endings_that_it_was_sent_with() -> None:
    """Once, half a CRLF explained more than the whole, and the same edit was sent for ever."""
    text = "a\r\nbc = one\r\ntwo + d"
    desk = Desk(text)
    desk.open("0", text.index("one"), text.index(" + d"))
    desk.writer.want("0", "foo()\r\none\r\ntwo")
    desk.reply(desk.sent())
    desk.report((((2, 3), (2, 3)), ""))
    desk.wait(1.0)
    desk.reply(desk.sent())
    desk.report((((1, 5), (2, 1)), "foo()one"))
    desk.finish("0", "foo()\r\n")
    edit = desk.sent()
    desk.reply(edit)
    desk.report((((1, 10), (1, 15)), edit.replacements[0].text.replace("\n", "\r\n")))

    assert desk.sends_nothing()
    assert desk.outcomes == [Settled("0")]
