"""The writer sends one edit at a time, believes only changes, and gives up in bounded time."""

import pytest

from streaming_code_generator.editing.exchange import (
    Settled,
    Undeliverable,
    Undone,
)
from streaming_code_generator.editing.in_flight import (
    DOUBT_S,
    ECHO_TIMEOUT_S,
    MOST_DOUBTS,
    MOST_REFUSALS,
    REFUSAL_WAITS_S,
    REPLY_TIMEOUT_S,
)
from streaming_code_generator.editing.undo import UNDO_GRACE_S
from support.writing import Desk, opened


def test_an_edit_carries_the_mirrors_version_and_positions() -> None:
    desk = Desk("é\U0001f600b", version=7)
    desk.open("0", 2)
    desk.writer.want("0", "x")

    edit = desk.sent()
    (replacement,) = edit.replacements
    assert edit.version == 7
    assert (replacement.start, replacement.end, replacement.text) == ((0, 3), (0, 3), "x")


def test_while_an_edit_is_outstanding_nothing_else_is_sent() -> None:
    desk = opened()
    desk.writer.want("0", "x")
    edit = desk.sent()
    desk.writer.want("0", "xyz")
    assert desk.sends_nothing()

    desk.reply(edit)
    assert desk.sends_nothing()
    desk.echo(edit)
    assert desk.land().replacements[0].text == "yz"
    assert desk.mirrored == "a\nxyzb\n"


@pytest.mark.parametrize("reply_first", [True, False])
def test_reply_and_change_may_come_in_any_order(*, reply_first: bool) -> None:
    desk = opened()
    desk.finish("0", "x\n")
    edit = desk.sent()
    steps = [desk.reply, desk.echo]
    for step in steps if reply_first else reversed(steps):
        step(edit)

    assert desk.outcomes == [Settled("0")]
    assert desk.writer.is_idle
    assert desk.writer.deadline_s is None
    assert desk.mirrored == "a\nx\nb\n"


def test_all_generations_of_a_document_share_one_edit() -> None:
    desk = Desk("a\nb\n")
    desk.open("0", 0)
    desk.open("1", 2)
    desk.finish("0", "x\n")
    desk.finish("1", "y\n")

    assert [r.text for r in desk.land().replacements] == ["x\n", "y\n"]
    assert desk.mirrored == "x\na\ny\nb\n"
    assert desk.outcomes == [Settled("0"), Settled("1")]


def test_a_finished_text_that_stands_there_already_settles_at_once() -> None:
    desk = Desk("same")
    desk.open("0", 0, 4)
    desk.finish("0", "same")

    assert desk.outcomes == [Settled("0")]
    assert desk.sends_nothing()


def test_a_text_whose_end_the_user_removed_already_settles_without_an_edit() -> None:
    """Once, nobody was told: nothing was to be sent, and so nothing came back."""
    desk = opened()
    desk.writer.want("0", "xyz")
    desk.land()
    desk.report((((1, 2), (1, 3)), ""))
    desk.finish("0", "xy")

    assert desk.outcomes == [Settled("0")]
    assert desk.sends_nothing()


def test_edits_that_cancel_each_other_out_settle_without_being_sent() -> None:
    """Once, they were sent again and again, for a change that could not come."""
    desk = Desk("ab\n")
    desk.open("0", 2, 3)
    desk.open("1", 3)
    desk.finish("1", "\n")
    desk.land()
    desk.finish("0", "")
    desk.land()
    desk.finish("1", "")
    desk.finish("0", "\n")
    desk.land_all()

    assert desk.mirrored == "ab\n"
    assert desk.outcomes.count(Settled("0")) == 2
    assert desk.outcomes.count(Settled("1")) == 2


def test_an_edit_made_needless_while_it_was_refused_settles() -> None:
    desk = opened()
    desk.writer.want("0", "xyz")
    desk.land()
    desk.finish("0", "xy")
    edit = desk.sent()
    desk.report((((1, 2), (1, 3)), ""))
    desk.reply(edit, applied=False)

    assert desk.outcomes == [Settled("0")]
    assert desk.writer.is_idle


def test_a_reply_proves_nothing_until_the_change_arrives() -> None:
    desk = opened()
    desk.finish("0", "x")
    desk.reply(desk.sent())

    assert desk.outcomes == []
    assert desk.mirrored == "a\nb\n"


def test_an_edit_refused_because_the_user_typed_is_made_anew_at_once() -> None:
    desk = opened()
    desk.finish("0", "x")
    edit = desk.sent()
    desk.user_types(0, 0, "typed\n")
    desk.reply(edit, applied=False)

    again = desk.land()
    assert again.version == 2
    assert again.replacements[0].start == (2, 0)
    assert desk.mirrored == "typed\na\nxb\n"
    assert desk.writer.counts.rebased == 1


def test_a_refusal_without_a_change_waits_before_the_next_try() -> None:
    desk = opened()
    desk.writer.want("0", "x")
    for wait_s in REFUSAL_WAITS_S:
        desk.reply(desk.sent(), applied=False)
        assert desk.sends_nothing()
        assert desk.writer.deadline_s == pytest.approx(desk.now_s + wait_s)
        desk.wait(wait_s)
    desk.reply(desk.sent(), applied=False)

    assert desk.writer.counts.refused == MOST_REFUSALS
    assert desk.outcomes == [Undeliverable("0", "refused")]
    assert desk.sends_nothing()
    assert desk.writer.deadline_s is None


def test_a_change_in_between_starts_the_count_of_refusals_anew() -> None:
    desk = opened()
    desk.writer.want("0", "x")
    for _ in range(MOST_REFUSALS):
        desk.reply(desk.sent(), applied=False)
        desk.user_types(0, 0, "z")

    assert desk.outcomes == []
    desk.land()
    assert desk.mirrored == "zzzzza\nxb\n"


def test_a_client_that_never_replies_ends_the_generations() -> None:
    desk = opened()
    desk.open("1", 0)
    desk.finish("0", "x")
    desk.writer.want("1", "y")
    desk.sent()
    desk.wait(REPLY_TIMEOUT_S - 0.01)
    assert desk.outcomes == []
    assert desk.writer.deadline_s == REPLY_TIMEOUT_S

    desk.wait(0.02)
    assert desk.outcomes == [Undeliverable("1", "no_reply"), Undeliverable("0", "no_reply")]
    assert desk.writer.is_idle


def test_a_client_that_says_it_applied_but_changes_nothing_ends_the_generation() -> None:
    desk = opened()
    desk.finish("0", "x")
    desk.reply(desk.sent())
    desk.wait(ECHO_TIMEOUT_S)

    assert desk.outcomes == [Undeliverable("0", "no_change")]


def test_a_client_that_applies_edits_but_never_replies_ends_the_generation() -> None:
    desk = opened()
    desk.writer.want("0", "x")
    desk.echo(desk.sent())
    desk.wait(REPLY_TIMEOUT_S)

    assert desk.outcomes == [Undeliverable("0", "no_reply")]
    assert desk.mirrored == "a\nxb\n"


def test_giving_up_forgets_what_was_followed_for_repair() -> None:
    desk = Desk("abcdef")
    desk.open("0", 2)
    desk.finish("0", "XY")
    edit = desk.sent()
    desk.user_types(0, 0, "1")
    desk.echo(edit)
    desk.wait(REPLY_TIMEOUT_S)

    assert desk.outcomes == [Undeliverable("0", "no_reply")]
    assert desk.writer.document.region_ids() == ["0"]


def test_an_edit_that_was_dropped_though_said_to_be_applied_is_sent_again() -> None:
    """As Neovim does with an edit for a version that the user's typing has passed."""
    desk = opened()
    desk.finish("0", "x")
    edit = desk.sent()
    desk.user_types(0, 1, "!")
    desk.reply(edit)
    assert desk.sends_nothing()

    desk.wait(DOUBT_S)
    desk.land()
    assert desk.mirrored == "a!\nxb\n"
    assert desk.outcomes == [Settled("0")]


def test_a_change_that_comes_late_is_not_written_twice() -> None:
    desk = opened()
    desk.writer.want("0", "x")
    edit = desk.sent()
    desk.user_types(0, 1, "!")
    desk.reply(edit)
    desk.wait(DOUBT_S)
    again = desk.sent()
    desk.echo(edit)
    desk.reply(again, applied=False)

    assert desk.mirrored == "a!\nxb\n"
    assert desk.writer.is_idle
    assert desk.writer.region("0").own_text == "x"


def test_a_change_that_comes_late_is_not_written_twice_though_more_text_arrived() -> None:
    desk = opened()
    desk.writer.want("0", "x")
    edit = desk.sent()
    desk.user_types(0, 1, "!")
    desk.reply(edit)
    desk.wait(DOUBT_S)
    desk.finish("0", "xyz")
    again = desk.sent()
    desk.echo(edit)
    desk.reply(again, applied=False)
    desk.land()

    assert desk.mirrored == "a!\nxyzb\n"
    assert desk.outcomes == [Settled("0")]


def test_a_late_change_after_its_region_settled_is_taken_out_again() -> None:
    """Once, it was landed a second time, as an edit of a text that was complete already."""
    desk = opened()
    desk.writer.want("0", "x")
    edit = desk.sent()
    desk.user_types(0, 1, "!")
    desk.reply(edit)
    desk.wait(DOUBT_S)
    desk.finish("0", "")
    assert desk.outcomes == [Settled("0")]

    desk.echo(edit)
    assert desk.mirrored == "a!\nxb\n"
    desk.land()
    assert desk.mirrored == "a!\nb\n"


def test_a_client_whose_changes_never_contain_the_edit_ends_the_generation() -> None:
    """As one that turns the only tab that was sent into spaces: it would get them for ever."""
    desk = opened()
    desk.finish("0", "\t")
    for _ in range(MOST_DOUBTS):
        edit = desk.sent()
        desk.reply(edit)
        desk.user_types(0, 0, " ")
        desk.wait(DOUBT_S)

    assert desk.outcomes == [Undeliverable("0", "no_change")]
    assert desk.sends_nothing()


def test_removing_all_of_a_text_ends_its_generation() -> None:
    desk = opened()
    desk.writer.want("0", "xyz")
    desk.land()
    desk.report((((1, 0), (1, 2)), ""))
    assert desk.outcomes == []

    desk.report((((1, 0), (1, 1)), ""))
    assert desk.outcomes == []
    desk.wait(UNDO_GRACE_S)
    assert desk.outcomes == [Undone("0")]
    desk.writer.want("0", "xyz!")
    assert desk.sends_nothing()


def test_a_stopped_region_gets_nothing_more_and_can_still_be_removed() -> None:
    desk = opened()
    desk.writer.want("0", "x")
    desk.land()
    desk.writer.want("0", "xy")
    desk.writer.stop("0")
    assert desk.sends_nothing()

    desk.finish("0", "")
    desk.land()
    assert desk.mirrored == "a\nb\n"


def test_a_forgotten_region_gets_nothing_more_though_an_edit_is_outstanding() -> None:
    desk = opened()
    desk.writer.want("0", "x")
    edit = desk.sent()
    desk.writer.forget("0")
    desk.reply(edit)
    desk.echo(edit)

    assert desk.mirrored == "a\nxb\n"
    assert desk.writer.document.region_ids() == []
    desk.writer.want("0", "xy")
    desk.finish("0", "xy")
    assert desk.sends_nothing()
    assert desk.outcomes == []


def test_a_region_forgotten_while_its_edit_is_outstanding_leaves_the_others_alone() -> None:
    desk = Desk("a\nb\n")
    desk.open("0", 0)
    desk.open("1", 2)
    desk.finish("0", "x")
    desk.finish("1", "y")
    edit = desk.sent()
    desk.writer.forget("0")
    desk.reply(edit)
    desk.echo(edit)

    assert desk.mirrored == "xa\nyb\n"
    assert desk.outcomes == [Settled("1")]


def test_a_document_that_is_not_open_gets_edits_without_a_version() -> None:
    desk = Desk("a\n", version=None)
    desk.open("0", 2)
    desk.finish("0", "x\n")
    edit = desk.sent()
    assert edit.version is None

    desk.reply(edit)
    desk.report((None, "a\nx\n"), version=1)
    assert desk.outcomes == [Settled("0")]
    assert desk.writer.mirror.version == 1


def test_a_reply_to_an_edit_long_gone_changes_nothing() -> None:
    desk = opened()
    desk.finish("0", "x")
    edit = desk.land()
    desk.reply(edit, applied=False)

    assert desk.writer.counts.refused == 0


def test_time_alone_does_nothing_before_a_deadline() -> None:
    desk = opened()
    desk.wait(1000)
    desk.writer.want("0", "x")
    edit = desk.sent()
    desk.wait(1)
    desk.reply(edit)
    desk.wait(1)
    desk.echo(edit)

    assert desk.outcomes == []
    assert desk.writer.deadline_s is None


def test_an_edit_that_was_given_up_is_known_though_another_one_is_in_flight() -> None:
    """Once, the change was taken for the other one's, and the rest of it for the user's."""
    desk = Desk("a\nold\nb\n")
    desk.open("0", 2, 6)
    desk.finish("0", "late text\n")
    desk.sent()
    desk.wait(REPLY_TIMEOUT_S)
    desk.open("1", 0, 5)
    desk.finish("1", "")
    desk.sent()
    desk.report((((1, 0), (2, 0)), "late text\n"))

    assert desk.writer.region("0").own_text == "late text\n"


def test_a_text_that_a_formatter_has_changed_in_several_places_is_rewritten() -> None:
    """Removing it would leave fragments of what the formatter made of it."""
    desk = Desk("a\nb\n")
    desk.open("0", 2)
    desk.finish("0", "call(first,second,third)")
    desk.land()
    desk.user_types(1, 5, "very_")
    assert not desk.writer.region("0").is_rewritten
    desk.report((None, "a\ncall(very_first, second, third)b\n"))

    assert desk.writer.region("0").is_rewritten
