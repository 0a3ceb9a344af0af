"""Undo is understood in what a client reports with it, or instead of it: differences, reloads."""

import pytest

from streaming_code_generator.editing.exchange import Deleted, Settled, Undone
from streaming_code_generator.editing.undo import UNDO_GRACE_S
from support.writing import Desk, put_in, streaming, take_out

TEXT = "a\nb\n"


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


def test_a_short_line_that_comes_back_is_the_generations_wherever_the_difference_names_it() -> None:
    desk = Desk("foo()\nx")
    desk.open("0", 5)
    desk.finish("0", "\ny")
    desk.land_all()
    desk.report((((0, 5), (1, 1)), ""))
    desk.report((((1, 0), (1, 0)), "y\n"))
    assert desk.mirrored == "foo()\ny\nx"

    desk.outcomes += desk.writer.put_back("0")
    desk.land_all()
    assert desk.mirrored == "foo()\nx"


def test_lines_that_come_back_with_what_is_typed_behind_them_are_the_generations() -> None:
    desk = Desk("foo()\nx")
    desk.open("0", 5)
    desk.finish("0", "\nbar(one)")
    desk.land_all()
    desk.report((((0, 5), (1, 8)), ""))
    desk.report((((1, 0), (1, 0)), "bar(one)\ny"))
    assert desk.mirrored == "foo()\nbar(one)\nyx"

    desk.outcomes += desk.writer.put_back("0")
    desk.land_all()
    assert desk.mirrored == "foo()\nyx"


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


def test_an_undo_reported_with_what_was_removed_elsewhere_is_no_hole() -> None:
    """Once, all that had gone counted as removed by hand, and the rest came without it."""
    desk = streaming("first = 1\n", "second = 2\n")
    desk.report((None, desk.mirrored.replace("st = 1\nsecond = 2\n", " = 1\n")))
    desk.wait(UNDO_GRACE_S)

    assert desk.outcomes == [Undone("0")]
    desk.outcomes += desk.writer.put_back("0")
    desk.land()
    assert desk.mirrored == TEXT


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


@pytest.mark.parametrize("at_once", [True, False])
def test_text_that_the_user_joins_to_the_line_above_is_still_the_generations(
    *, at_once: bool
) -> None:
    """Once, the copy was the user's, and taking out the other ended the generation."""
    desk = streaming("first()\n", tells=True)
    joining = [
        (((0, 1), (0, 1)), " first()"),
        (((1, 0), (2, 0)), ""),
    ]
    if at_once:
        desk.report(*joining)
    else:
        for change in joining:
            desk.report(change)
    assert desk.mirrored == "a first()\nb\n"

    desk.finish("0", "first()\nsecond()\n")
    desk.land()
    assert desk.mirrored == "a first()\nsecond()\nb\n"
    assert desk.outcomes == [Settled("0")]


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
