"""Lines that are alike: whose a line is, and which of them has gone."""

import pytest

from streaming_code_generator.editing.exchange import Settled
from support.writing import Desk, Range


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
