"""The writer sends one edit at a time, believes only changes, and gives up in bounded time."""

import pytest

from streaming_code_generator.editing.exchange import (
    Deleted,
    RangeTaken,
    ReportedChange,
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
from streaming_code_generator.editing.mirror import Point
from streaming_code_generator.editing.undo import UNDO_GRACE_S
from streaming_code_generator.editing.writer import DocumentWriter
from support.writing import Desk, Range


def opened(text: str = "a\nb\n", offset: int = 2) -> Desk:
    desk = Desk(text)
    desk.open("0", offset)
    return desk


def test_half_of_a_line_ending_is_replaced_with_the_other_half() -> None:
    desk = Desk("a\r\nb")
    desk.open("0", 1, 2)
    desk.finish("0", "")
    (replacement,) = desk.sent().replacements

    assert (replacement.start, replacement.end, replacement.text) == ((0, 1), (1, 0), "\n")


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


def test_a_range_that_another_generation_writes_in_is_refused() -> None:
    """Two that replace the same text could not both be taken back."""
    desk = Desk("abcdef")
    desk.open("0", 1, 5)
    with pytest.raises(RangeTaken):
        desk.open("1", 2, 6)

    desk.finish("0", "X")
    desk.land()
    desk.open("1", 1, 3)
    assert "1" in desk.writer.document


def test_a_place_in_a_selection_that_is_being_replaced_is_refused() -> None:
    """What is written there would count as a part of the selection once that is undone."""
    desk = Desk("abcdef")
    desk.open("0", 1, 5)
    with pytest.raises(RangeTaken):
        desk.open("1", 3)
    for index, offset in enumerate((1, 5)):
        desk.open(f"border {index}", offset)

    desk.finish("0", "X")
    desk.land()
    desk.open("1", 1)
    assert "1" in desk.writer.document


def test_a_place_in_code_that_is_being_inserted_is_free() -> None:
    desk = Desk("a\n")
    desk.open("0", 2)
    desk.writer.want("0", "one\ntwo\n")
    desk.land()
    desk.open("1", 6)
    desk.finish("1", "inner\n")
    desk.finish("0", "one\ntwo\nthree\n")
    desk.land_all()
    assert desk.mirrored == "a\none\ninner\ntwo\nthree\n"

    for region_id in ("0", "1"):
        desk.outcomes += desk.writer.put_back(region_id)
        desk.land_all()
    assert desk.mirrored == "a\n"


def test_generated_text_is_its_own_again_once_what_replaced_it_is_removed() -> None:
    desk = Desk("a\nb\nc\n")
    desk.open("0", 2, 3)
    desk.finish("0", "new")
    desk.land()
    desk.open("1", 0, 5)
    desk.finish("1", "newer")
    desk.land()
    assert desk.mirrored == "newer\nc\n"
    assert desk.writer.document.laid_over("0") == ["1"]

    desk.finish("1", "a\nnew")
    desk.land()
    assert desk.writer.region("0").is_untouched
    desk.finish("0", "b")
    desk.land()
    assert desk.mirrored == "a\nb\nc\n"


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


def test_selection_deleted_before_any_text_arrived_ends_its_generation() -> None:
    writer = DocumentWriter("one\ntwo\nthree\n", version=1, encoding="utf-8")
    writer.open_region("g", Point(1, 0), Point(1, 3))

    outcomes = writer.changed(2, [ReportedChange(((0, 0), (2, 0)), "")], now_s=0.0)

    assert outcomes == [Deleted("g")]
    assert writer.finish("g", "new") == [Deleted("g")]
    assert writer.next_edit(0.0) is None


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


def test_generated_text_within_what_was_typed_in_a_selection_is_not_covered_by_it() -> None:
    """Once, putting the selection back made that generation forget its text."""
    desk = Desk("ab")
    desk.open("0", 0, 2)
    desk.user_types(0, 1, "typed()")
    desk.outcomes += desk.writer.put_back("0")
    desk.open("1", 7)
    desk.finish("1", "generated()")
    desk.land()
    desk.writer.hand_over("0", "2")
    desk.finish("2", "")
    desk.land()
    desk.outcomes += desk.writer.put_back("2")
    desk.land()
    desk.outcomes += desk.writer.put_back("1")
    desk.land_all()

    assert "generated" not in desk.mirrored
    assert desk.mirrored.replace("typed()", "") == "ab"


@pytest.mark.parametrize("is_removed", [True, False])
def test_a_selection_is_put_back_though_what_took_its_place_was_overwritten_at_once(
    *, is_removed: bool
) -> None:
    """Once, what the edit had replaced of it counted as removed by the user."""
    desk = Desk("keep\nold_line\nend\n")
    desk.open("0", 0, 13)
    desk.writer.want("0", "keep\nshiny()")
    desk.reply(desk.sent())
    desk.report((None, "keep\ntyped\nend\n"))
    desk.wait(DOUBT_S)
    if not is_removed:
        desk.finish("0", "keep\nshiny()\nmore()")
        desk.land()
        assert "shiny()\nmore()" in desk.mirrored
    desk.outcomes += desk.writer.put_back("0")
    desk.land_all()

    assert desk.mirrored.replace("typed", "") == "keep\nold_line\nend\n"


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        ((1, 5), (1, 10), "2 = 2"),
        ((1, 0), (1, 10), "line_2 = 2"),
        ((0, 1), (1, 10), "\nline_2 = 2"),
    ],
)
def test_a_line_removed_beside_its_like_is_no_part_of_the_edit(
    start: tuple[int, int], end: tuple[int, int], text: str
) -> None:
    """Once, the rest of the removal read as a part of the new line, which was written twice."""
    desk = Desk("a\nb\n")
    desk.open("0", 2)
    desk.writer.want("0", "line_1 = 1\n")
    desk.land()
    desk.finish("0", "line_1 = 1\nline_2 = 2\n")
    desk.reply(desk.sent())
    desk.report(((start, end), text))
    desk.land_all()

    assert desk.mirrored == "a\nline_2 = 2\nb\n"
    assert desk.outcomes == [Settled("0")]


@pytest.mark.parametrize(
    "reported",
    [
        pytest.param((((0, 13), (0, 13)), "2 = 102\n    self.x_10"), id="one difference"),
        pytest.param((None, "    self.x_102 = 102\n    self.x_100 = 100\n"), id="the whole text"),
    ],
)
def test_a_line_like_the_one_on_its_way_is_the_users_where_others_are_like_it(
    reported: tuple[Range | None, str],
) -> None:
    """Once, it counted as that one, with two letters changed by the user."""
    desk = Desk("    self.x_100 = 100\n")
    desk.open("0", 0)
    desk.finish("0", "    self.x_104 = 104\n")
    edit = desk.sent()
    desk.report(reported)
    desk.reply(edit, applied=False)
    desk.land_all()

    assert desk.mirrored.count("self.x_102 = 102\n") == 1
    assert desk.mirrored.count("self.x_104 = 104\n") == 1


def test_a_line_removed_above_its_like_leaves_that_whole() -> None:
    """Of two readings of one difference, the other one begins in the code."""
    desk = Desk("x_1 = 1\nend\n")
    desk.open("0", 8)
    desk.writer.want("0", "x_2 = 2\n")
    desk.land()
    desk.report((((0, 2), (1, 2)), ""))
    assert desk.writer.region("0").is_whole
    desk.outcomes += desk.writer.put_back("0")
    desk.land_all()

    assert desk.mirrored == "end\n"


def test_a_line_typed_above_its_like_is_none_of_it() -> None:
    desk = Desk("end\n")
    desk.open("0", 0)
    desk.writer.want("0", "x_2 = 2\n")
    desk.land()
    desk.report((((0, 2), (0, 2)), "1 = 1\nx_"))
    desk.outcomes += desk.writer.put_back("0")
    desk.land_all()

    assert desk.mirrored == "x_1 = 1\nend\n"


def test_a_place_stays_between_two_lines_when_the_one_above_is_removed() -> None:
    """Once, it was moved into the line below, which the code then parted."""
    desk = Desk("x_1 = 1\nx_2 = 2\n")
    desk.open("0", 8)
    desk.report((((0, 2), (1, 2)), ""))
    desk.finish("0", "x_3 = 3\n")
    desk.land()

    assert desk.mirrored == "x_3 = 3\nx_2 = 2\n"


def test_generated_text_is_its_own_again_though_text_before_it_was_removed_meanwhile() -> None:
    desk = opened()
    desk.finish("0", "one two three")
    desk.land()
    desk.open("1", 6, 9)
    desk.finish("1", "2222")
    desk.land()
    desk.report((((1, 3), (1, 4)), ""))
    for region_id in ("1", "0"):
        desk.outcomes += desk.writer.put_back(region_id)
        desk.land_all()

    assert desk.mirrored == "a\nb\n"


def test_generated_text_is_its_own_again_though_the_user_typed_in_what_replaced_it() -> None:
    """Once, what had been replaced counted as undone then, and was not put back."""
    desk = opened()
    desk.finish("0", "one two\nthree")
    desk.land()
    desk.open("1", 6, 10)
    desk.finish("1", "2222\n")
    desk.land()
    desk.user_types(1, 6, "X")
    desk.outcomes += desk.writer.put_back("1")
    desk.land_all()
    assert desk.mirrored == "a\none twoX\nthreeb\n"
    desk.outcomes += desk.writer.put_back("0")
    desk.land_all()

    assert desk.mirrored == "a\nXb\n"


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


def test_what_a_user_removed_of_a_selection_is_not_put_back_while_the_first_edit_lands() -> None:
    desk = Desk("abc\n")
    desk.open("0", 0, 3)
    desk.report((((0, 0), (0, 1)), ""))
    desk.writer.want("0", "x")
    edit = desk.sent()
    desk.outcomes += desk.writer.put_back("0")
    desk.reply(edit)
    desk.echo(edit)
    desk.land_all()

    assert desk.mirrored == "bc\n"


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
