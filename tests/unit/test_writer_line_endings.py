"""Line endings: the client's own, halves of them, and those beside each other."""

import pytest

from streaming_code_generator.editing.exchange import (
    Deleted,
    Settled,
)
from support.writing import Desk, Range, opened


def test_half_of_a_line_ending_is_replaced_with_the_other_half() -> None:
    desk = Desk("a\r\nb")
    desk.open("0", 1, 2)
    desk.finish("0", "")
    (replacement,) = desk.sent().replacements

    assert (replacement.start, replacement.end, replacement.text) == ((0, 1), (1, 0), "\n")


def test_a_clients_own_line_endings_become_the_generations() -> None:
    desk = opened("a\r\nb\r\n", 3)
    desk.finish("0", "x\ny\n")
    edit = desk.sent()
    desk.reply(edit)
    desk.report((((1, 0), (1, 0)), "x\r\ny\r\n"))
    assert desk.outcomes == [Settled("0")]

    desk.finish("0", "x\ny\nz\n")
    assert desk.land().replacements[0].text == "z\r\n"


@pytest.mark.parametrize("where", [None, ((1, 1), (1, 1))], ids=["the whole text", "nothing"])
def test_a_line_ending_is_the_generations_that_the_client_turned_into_what_it_replaces(
    where: Range | None,
) -> None:
    text = "a\r\nb\r\n"
    desk = Desk(text)
    desk.open("0", 3, 6)
    desk.finish("0", "b\n")
    desk.reply(desk.sent())
    desk.report((where, "" if where else text))

    assert desk.outcomes == [Settled("0")]


def test_a_line_feed_that_the_client_turns_into_the_ending_that_stood_there_has_landed() -> None:
    desk = Desk("a\r\nb\r\n")
    desk.open("0", 1, 3)
    desk.finish("0", "\n")
    edit = desk.sent()
    desk.reply(edit)
    (replacement,) = edit.replacements
    desk.report(((replacement.start, replacement.end), "\r\n"))

    assert desk.outcomes == [Settled("0")]
    assert desk.writer.is_idle
    assert desk.mirrored == "a\r\nb\r\n"


def test_a_line_feed_that_lands_behind_a_lone_carriage_return_makes_one_ending_of_both() -> None:
    """Once, the mirror lost a character."""
    desk = Desk("a\rb")
    desk.open("0", 2)
    desk.writer.want("0", "\nx")
    edit = desk.sent()
    desk.reply(edit)
    desk.report((((1, 0), (1, 0)), "\nxY"))

    assert desk.mirrored == "a\r\nxYb"
    assert desk.writer.mirror.lines == ["a\r\n", "xYb"]
    assert desk.writer.region("0").standing_text() == "\nx"


def test_a_removed_text_is_gone_though_a_line_ending_like_its_own_stands_there() -> None:
    """Once, a line ending of it seemed left, and the generation went on behind that."""
    desk = Desk("x = 1\ny = 2\n")
    desk.writer.undo.tells = True
    desk.open("0", 5)
    desk.writer.want("0", "\nfoo()")
    desk.land()
    desk.report((None, "x = 1\ny = 2\n"))

    assert desk.outcomes == [Deleted("0")]


def test_line_endings_that_the_client_keeps_as_its_own_are_not_sent_again() -> None:
    """It reports that nothing changed, somewhere."""
    desk = Desk("a[]b\r\n")
    desk.open("0", 1)
    desk.writer.want("0", "\r\n\r\nfoo()")
    desk.land()
    desk.writer.want("0", "\n\nfoo()")
    edit = desk.sent()

    desk.reply(edit)
    desk.report((((3, 0), (3, 0)), ""))
    assert desk.writer.is_idle


def test_no_half_of_a_line_ending_is_sent() -> None:
    """A client that writes its own endings took it for a whole one, and got it again for ever."""
    desk = Desk("a\r\n\rf()\r\nb")
    desk.open("0", 3, 9)
    desk.writer.want("0", "\r\nf()\r\n")
    edit = desk.sent()

    (replacement,) = edit.replacements
    assert (replacement.start, replacement.end, replacement.text) == ((1, 0), (2, 0), "\r\n")


def test_a_removal_that_joins_a_carriage_return_and_a_line_feed_is_followed() -> None:
    """Once, the copy lost the character behind them."""
    desk = Desk("x\ry\n\rz\n")
    desk.open("0", 2, 3)
    desk.finish("0", "\rfoo(1)\r")
    desk.land()
    desk.report((((2, 0), (4, 0)), ""))

    assert desk.mirrored == "x\r\rz\n"


def test_a_line_typed_below_is_not_taken_for_a_line_ending_on_its_way() -> None:
    desk = Desk("a\n\n")
    desk.open("0", 0, 1)
    desk.writer.want("0", "x")
    desk.land()
    desk.writer.want("0", "x\n")
    desk.sent()
    desk.user_types(2, 0, "foo()\n")

    assert desk.writer.region("0").own_text == "x"
