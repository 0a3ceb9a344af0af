"""Steps that a client reports in parts, and text that comes back part by part."""

import pytest

from streaming_code_generator.editing.exchange import Settled
from streaming_code_generator.editing.in_flight import DOUBT_S
from support.writing import Desk


def test_parts_of_one_step_reported_one_by_one_do_not_delete_its_region() -> None:
    """Once, the removal came first, was taken for the user's, and left nothing of the text."""
    desk = Desk("abcd")
    desk.open("0", 1, 3)
    desk.report((((0, 1), (0, 2)), "P"))
    desk.finish("0", "new")
    desk.land()

    assert desk.mirrored == "anewPd"
    assert desk.outcomes == [Settled("0")]


def test_parts_of_one_step_in_several_reports_do_not_delete_its_region() -> None:
    desk = Desk("abcd")
    desk.open("0", 1, 3)
    desk.report((((0, 1), (0, 2)), "P"))
    desk.finish("0", "new")
    edit = desk.sent()
    removal, insertion = reversed([((r.start, r.end), r.text) for r in edit.replacements])
    desk.report(removal, insertion, (((0, 0), (0, 0)), "typed "))
    desk.reply(edit)

    assert desk.mirrored == "typed anewPd"
    assert desk.outcomes == [Settled("0")]


def test_parts_of_one_step_that_shares_letters_with_the_old_text_land_together() -> None:
    """One by one, what stays of the old text looked like what had come of the new one."""
    desk = Desk("<bacaa>")
    desk.open("0", 1, 6)
    desk.user_types(0, 3, "P")
    desk.finish("0", "ab")
    assert len(desk.land().replacements) == 2

    assert desk.mirrored == "<abP>"
    assert desk.outcomes == [Settled("0")]


def test_a_part_of_a_step_is_not_taken_for_an_edit_in_doubt() -> None:
    """Once, removing eight characters looked more like an older, shorter edit, undone at once."""
    desk = Desk("a12345678b")
    desk.open("0", 1, 9)
    desk.report((((0, 2), (0, 2)), "P"))
    desk.writer.want("0", "new")
    edit = desk.sent()
    desk.report((((0, 0), (0, 0)), "!"))
    desk.reply(edit)
    desk.wait(DOUBT_S)
    desk.finish("0", "newer")
    desk.land()

    assert desk.mirrored == "!anewerPb"
    assert desk.outcomes == [Settled("0")]


def test_an_edit_is_known_though_the_user_put_a_line_ending_for_its_beginning() -> None:
    r"""Reported as an insertion behind the line ending before which it is."""
    desk = Desk("a\nb\n")
    desk.open("0", 1)
    desk.writer.want("0", "one(1)\n\ntwo(2)\nthree(3)")
    edit = desk.sent()

    desk.reply(edit)
    desk.report((((1, 0), (1, 0)), "x\n\ntwo(2)\nthree(3)\n"))
    assert desk.writer.region("0").own_text == "one(1)\n\ntwo(2)\nthree(3)"
    desk.finish("0", "one(1)\n\ntwo(2)\nthree(3)")
    assert desk.sends_nothing()
    assert desk.mirrored == "a\nx\n\ntwo(2)\nthree(3)\nb\n"


def test_several_places_reported_with_the_clients_line_endings_have_landed() -> None:
    """Once, one of them seemed to have been applied in the wrong place, and was sent again."""
    desk = Desk("a\r\nbcd")
    desk.open("0", 1)
    desk.open("1", 1, 6)
    desk.user_types(1, 1, "typed")
    desk.writer.want("0", "\n\nfoo()\n\n")
    desk.writer.want("1", "")
    edit = desk.sent()
    desk.reply(edit)
    desk.report(
        *(((r.start, r.end), r.text.replace("\n", "\r\n")) for r in reversed(edit.replacements))
    )

    assert desk.writer.is_idle
    assert desk.mirrored == "a\r\n\r\nfoo()\r\n\r\ntyped"


@pytest.mark.parametrize(("kept", "tells_undo"), [("", False), ("\n", True)])
def test_a_text_that_was_replaced_in_part_is_whole_when_that_is_put_back(
    kept: str, *, tells_undo: bool
) -> None:
    """Once, what was left of it, or stood in its place, was in the way."""
    desk = Desk("a\n")
    desk.writer.undo.tells = tells_undo
    desk.open("0", 2)
    desk.finish("0", "b = 1\nc = 2\n")
    desk.land()
    desk.open("1", 8, 14)
    desk.finish("1", f"x{kept}")
    desk.land()
    desk.user_types(1, 1, "typed")
    desk.outcomes += desk.writer.put_back("1")
    desk.land()
    desk.outcomes += desk.writer.put_back("0")
    desk.land()

    assert desk.mirrored == "a\ntyped"
