"""Edits that are made after they were given up, and steps that need no edit any more."""

from streaming_code_generator.editing.exchange import Settled, Undeliverable
from streaming_code_generator.editing.in_flight import ECHO_TIMEOUT_S, REPLY_TIMEOUT_S
from support.writing import Desk


def test_an_edit_that_is_made_after_it_was_given_up_is_the_generations() -> None:
    desk = Desk("a\nb\n")
    desk.open("0", 2)
    desk.writer.want("0", "x")
    edit = desk.sent()
    desk.wait(REPLY_TIMEOUT_S)
    assert desk.outcomes == [Undeliverable("0", "no_reply")]

    desk.echo(edit)
    assert desk.writer.region("0").own_text == "x"
    desk.finish("0", "")
    desk.land()
    assert desk.mirrored == "a\nb\n"


def test_an_edit_that_is_made_after_its_text_was_removed_is_taken_back() -> None:
    desk = Desk("a\nb\n")
    desk.open("0", 2)
    desk.writer.want("0", "x")
    edit = desk.sent()
    desk.wait(REPLY_TIMEOUT_S)
    desk.finish("0", "")
    assert Settled("0") in desk.outcomes

    desk.echo(edit)
    assert desk.mirrored == "a\nxb\n"
    desk.land()
    assert desk.mirrored == "a\nb\n"
    assert desk.writer.is_idle


def test_what_needs_no_edit_settles_though_another_generation_needs_one() -> None:
    desk = Desk("a\nb\n")
    desk.open("0", 2)
    desk.open("1", 4)
    desk.writer.want("0", "xyz")
    desk.land()
    desk.report((((1, 2), (1, 3)), ""))
    desk.writer.want("1", "q")

    desk.finish("0", "xy")

    assert desk.outcomes == [Settled("0")]
    (replacement,) = desk.sent().replacements
    assert (replacement.start, replacement.text) == ((2, 0), "q")


def test_an_edit_that_is_made_late_with_the_clients_line_endings_is_the_generations() -> None:
    """Once, it was taken for the user's, and stayed when the generation was removed."""
    desk = Desk("a\r\nb\r\n")
    desk.open("0", 3)
    desk.writer.want("0", "x\ny\n")
    desk.sent()
    desk.wait(REPLY_TIMEOUT_S)

    desk.report((((1, 0), (1, 0)), "x\r\ny\r\n"))
    assert desk.writer.region("0").own_text == "x\r\ny\r\n"
    desk.finish("0", "")
    desk.land()
    assert desk.mirrored == "a\r\nb\r\n"


def test_an_edit_that_is_made_late_is_known_though_the_user_has_typed_in_it() -> None:
    """Reported a line further on, as the same text reads, and all together."""
    desk = Desk("a\nb\n")
    desk.open("0", 1)
    desk.writer.want("0", "\nfoo()\nbar()")
    desk.sent()
    desk.wait(REPLY_TIMEOUT_S)

    desk.report((((1, 0), (1, 0)), "foo()\nx bar()\n"))
    assert desk.writer.region("0").own_text == "\nfoo()\nbar()"
    desk.finish("0", "")
    desk.land()
    assert desk.mirrored == "ax \nb\n"


def test_an_edit_of_several_places_that_is_made_late_is_known_in_one_report() -> None:
    r"""It reads as if all of it stood behind `b\n`; once, one of the two counted as the user's."""
    desk = Desk("a\nb\n\nc\n")
    desk.open("0", 3)
    desk.open("1", 4)
    desk.writer.want("0", "\nfoo()\n")
    desk.writer.want("1", "bar()")
    desk.sent()
    desk.wait(REPLY_TIMEOUT_S)

    desk.report((((2, 0), (2, 0)), "foo()\n\nbar()"))
    assert desk.writer.region("0").own_text == "\nfoo()\n"
    assert desk.writer.region("1").own_text == "bar()"


def test_an_edit_that_is_made_late_is_known_in_one_report_with_what_was_typed_before_it() -> None:
    desk = Desk("a\n\nb\nend\n")
    desk.open("0", 3, 5)
    desk.writer.want("0", "generated()\nb\n")
    desk.reply(desk.sent())
    desk.wait(ECHO_TIMEOUT_S)
    assert desk.outcomes == [Undeliverable("0", "no_change")]

    desk.report((((1, 0), (1, 0)), "typed\ngenerated()"))
    desk.outcomes += desk.writer.put_back("0")
    desk.land_all()
    assert desk.mirrored == "a\ntyped\nb\nend\n"


def test_a_selection_is_put_back_though_what_came_late_in_its_place_was_overwritten() -> None:
    desk = Desk("keep\nold_line\nend\n")
    desk.open("0", 0, 13)
    desk.writer.want("0", "keep\nshiny()")
    desk.reply(desk.sent())
    desk.wait(ECHO_TIMEOUT_S)

    desk.report((None, "keep\ntyped\nend\n"))
    desk.outcomes += desk.writer.put_back("0")
    desk.land_all()
    assert desk.mirrored.replace("typed", "") == "keep\nold_line\nend\n"


def test_an_edit_that_is_made_late_is_known_though_its_end_was_removed_with_what_stood_there() -> (
    None
):
    desk = Desk("a\n\nsome\nend\n")
    desk.open("0", 1)
    desk.writer.want("0", "\ngenerated(1)\ngenerated(2)")
    desk.reply(desk.sent())
    desk.wait(ECHO_TIMEOUT_S)

    desk.report((((1, 0), (2, 4)), "generated(1)\ngenerated"))
    assert desk.writer.region("0").standing_text() == "\ngenerated(1)\ngenerated"
    desk.outcomes += desk.writer.put_back("0")
    desk.land_all()
    assert desk.mirrored == "a\nend\n"
