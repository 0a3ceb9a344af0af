"""Undo is understood where several generations wrote, or one replaced a selection."""

from streaming_code_generator.editing.exchange import Deleted, Undone
from streaming_code_generator.editing.undo import UNDO_GRACE_S
from support.writing import Desk, put_in, streaming, take_out

TEXT = "a\nb\n"


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


def test_texts_of_two_generations_that_come_back_as_one_are_theirs() -> None:
    """The line ending between them may be either side's; once, the second was the user's."""
    desk = Desk("foo()\nx")
    desk.open("0", 5)
    desk.open("1", 6)
    desk.finish("0", ".bar(one)")
    desk.finish("1", "then(two)\n")
    desk.land_all()
    desk.report((None, "foo()\nx"))
    desk.report((None, "foo().bar(one)\nthen(two)\nx"))

    for region_id in ("0", "1"):
        desk.outcomes += desk.writer.put_back(region_id)
        desk.land_all()
    assert desk.mirrored == "foo()\nx"


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


def test_the_latest_text_that_another_generation_replaces_is_not_undone() -> None:
    desk = streaming("one ", "two ")
    desk.finish("0", "one two ")
    desk.open("1", 6, 10)
    desk.finish("1", "over")
    desk.land()

    assert desk.writer.region("0").own_text == "one two "
    assert Undone("0") not in desk.outcomes


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


UNDONE_AND_TYPED_IN = ((0, 2, "long_numbers"), (1, 1, "hi"), (0, 7, "X"))


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
