"""Clients that make edits without a look at the version that these were made for."""

import pytest

from streaming_code_generator.editing.exchange import Settled
from streaming_code_generator.editing.in_flight import DOUBT_S
from support.writing import Desk


def test_a_generation_that_a_stale_edit_overwrote_is_not_deleted() -> None:
    """Once, the user seemed to have removed its text, and nothing more was written there."""
    desk = Desk("a\n\nb\nold\nlast\n")
    desk.open("0", 2)
    desk.writer.want("0", "own")
    desk.land()
    desk.open("1", 8, 11)
    desk.finish("1", "")
    edit = desk.sent()
    desk.user_types(0, 0, "typed\nabove\n")
    desk.echo(edit)
    desk.finish("0", "own and more")
    assert desk.outcomes == []
    desk.reply(edit)
    desk.land_all()

    assert desk.mirrored == "typed\nabove\na\nown and more\nb\n\nlast\n"
    assert sorted(desk.outcomes, key=str) == [Settled("0"), Settled("1")]


def test_a_repair_that_was_made_in_the_wrong_place_is_taken_back_before_what_it_repairs() -> None:
    desk = Desk("abcdef\n")
    desk.open("0", 2, 4)
    desk.finish("0", "XY")
    edit = desk.sent()
    desk.user_types(0, 0, "12")
    desk.echo(edit)
    desk.reply(edit)
    repair = desk.sent()
    desk.user_types(0, 0, "345")
    desk.echo(repair)
    desk.reply(repair)
    desk.land_all()

    assert desk.mirrored == "34512abXYef\n"
    assert desk.outcomes == [Settled("0")]


@pytest.mark.parametrize("text", ["generated", "", "generated\n"])
def test_a_stale_edit_that_is_reported_after_another_was_sent_is_taken_back(text: str) -> None:
    """Once, it counted as typed by the user, and the text stood there twice."""
    desk = Desk("one\ntwo\nold\nlast\n")
    desk.open("0", 8, 11)
    desk.writer.want("0", text)
    first = desk.sent()
    desk.user_types(0, 0, "typed\n")
    desk.reply(first)
    desk.wait(DOUBT_S)
    desk.finish("0", f"{text}more")
    second = desk.sent()
    desk.echo(first)
    desk.echo(second)
    desk.reply(second)
    desk.land_all()

    assert desk.mirrored == f"typed\none\ntwo\n{text}more\nlast\n"


def test_an_edit_is_not_known_by_a_part_of_it_where_all_of_it_is_reported_afterwards() -> None:
    """The user replaces what it was to remove; once, what was typed there was lost."""
    desk = Desk("one\nab\nlast\n")
    desk.open("0", 4, 7)
    desk.finish("0", "")
    edit = desk.sent()
    desk.report((((1, 0), (1, 2)), "typed_there"))
    desk.echo(edit)
    desk.reply(edit)
    desk.land_all()

    assert desk.mirrored == "one\ntyped_there\nlast\n"


def test_a_stale_edit_is_known_in_one_report_with_what_was_typed_before_it() -> None:
    desk = Desk("one\ntwo\n\nlast\n")
    desk.open("0", 4, 7)
    desk.finish("0", "generated")
    edit = desk.sent()
    (sent,) = edit.replacements
    typed = (((0, 0), (0, 0)), "typed\n")
    desk.report(typed, ((sent.start, sent.end), sent.text), (((2, 3), (2, 3)), "!"))
    desk.reply(edit)
    desk.land_all()

    assert desk.mirrored == "typed\none\ngenerated!\n\nlast\n"


def test_a_client_that_refuses_stale_edits_is_believed_to_have_typed_the_very_same() -> None:
    desk = Desk("one\ntwo\nlast\n")
    desk.open("0", 4)
    desk.writer.want("0", "generated_1\n")
    refused = desk.sent()
    desk.user_types(0, 0, "typed\n")
    desk.reply(refused, applied=False)
    desk.land()
    desk.finish("0", "generated_1\ngenerated_2\n")
    edit = desk.sent()
    desk.user_types(0, 0, "again\n")
    desk.echo(edit)
    desk.reply(edit)
    desk.wait(DOUBT_S)
    desk.land_all()

    assert desk.mirrored.count("generated_2\n") == 2


def test_an_edit_that_was_made_in_its_place_is_not_stale_though_the_user_removes_more_there() -> (
    None
):
    desk = Desk("one\ncde\nfg\nh\nlast\n")
    desk.open("0", 4, 11)
    desk.finish("0", "\n")
    edit = desk.sent()
    (sent,) = edit.replacements
    assert (sent.start, sent.end, sent.text) == ((1, 0), (2, 2), "")
    desk.report(((sent.start, sent.end), ""), (((1, 0), (2, 1)), ""), (((1, 0), (1, 0)), "\nh"))
    desk.reply(edit)
    desk.land_all()

    assert desk.mirrored == "one\n\nh\nlast\n"
    assert desk.outcomes == [Settled("0")]


def test_an_edit_of_several_places_is_not_stale_where_typing_follows_it_in_one_report() -> None:
    desk = Desk("abcdefgh\nsecond\n")
    desk.open("0", 2, 6)
    desk.user_types(0, 4, "X")
    desk.finish("0", "")
    edit = desk.sent()
    assert len(edit.replacements) == 2
    parts = (((each.start, each.end), each.text) for each in reversed(edit.replacements))
    desk.report(*parts, (((1, 0), (1, 0)), "typed "))
    desk.reply(edit)
    desk.land_all()

    assert desk.mirrored == "abXgh\ntyped second\n"
    assert desk.outcomes == [Settled("0")]


def test_removing_what_was_typed_behind_an_edit_is_not_that_edit_made_once_more() -> None:
    desk = Desk("one\nwas it\n")
    desk.open("0", 4, 10)
    desk.writer.want("0", "code")
    edit = desk.sent()
    desk.report((((1, 0), (1, 6)), "codeX"))
    desk.reply(edit)
    desk.report((((1, 4), (1, 5)), ""))
    desk.finish("0", "code")
    desk.land_all()

    assert desk.mirrored == "one\ncode\n"
    assert desk.outcomes == [Settled("0")]
    assert desk.writer.counts.repaired == 0


@pytest.mark.parametrize("at_once", [True, False])
def test_an_edit_that_is_made_in_its_place_and_once_more_is_taken_back_once(
    *, at_once: bool
) -> None:
    """The client reports the first late; another, just like it, was sent meanwhile."""
    desk = Desk("one\ntwo\nlast\n")
    desk.open("0", 4)
    desk.finish("0", "generated\n")
    first = desk.sent()
    desk.user_types(2, 0, "typed ")
    desk.reply(first)
    desk.wait(DOUBT_S)
    second = desk.sent()
    assert second.replacements == first.replacements
    (sent,) = first.replacements
    made = ((sent.start, sent.end), sent.text)
    for report in ([made, made],) if at_once else ([made], [made]):
        desk.report(*report)
    desk.reply(second)
    desk.land_all()

    assert desk.mirrored == "one\ngenerated\ntwo\ntyped last\n"


def test_an_edit_that_is_made_in_its_place_is_not_a_part_of_one_that_was_dropped() -> None:
    desk = Desk("one\nselected\nlast\n")
    desk.open("0", 4, 12)
    desk.finish("0", "")
    dropped = desk.sent()
    desk.user_types(1, 7, "X")
    desk.reply(dropped)
    desk.wait(DOUBT_S)
    edit = desk.land()
    desk.land_all()

    assert len(edit.replacements) == 2
    assert desk.mirrored == "one\nX\nlast\n"
    assert desk.writer.counts.repaired == 0
