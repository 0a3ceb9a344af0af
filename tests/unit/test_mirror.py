"""The mirror is the client's text after any changes, and no change costs more in a long one."""

import time
from statistics import median
from typing import Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streaming_code_generator.editing.mirror import Mirror, Point, PositionEncoding, split_lines
from streaming_code_generator.testing.editor import offset_in, position_in
from support.texts import ENCODINGS, offset_of, point_of, texts

positions = st.tuples(st.integers(-1, 12), st.integers(-1, 12))
changes = st.lists(st.tuples(positions, positions, texts), min_size=1, max_size=12)
SHORT, LONG = 100, 100_000
MOST_TIMES_SLOWER = 20
"""Only a list's block of pointers is moved, which is far from a thousand times slower."""


def clamped(position: tuple[int, int]) -> tuple[int, int]:
    line, character = position
    return (0, 0) if line < 0 else (line, max(0, character))


def draw_range(data: st.DataObject, text: str) -> tuple[int, int]:
    ends = st.integers(0, len(text))
    start, end = sorted((data.draw(ends), data.draw(ends)))
    return start, end


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(text=texts, changes=changes)
@example(text="a\rb", changes=[((1, 0), (1, 0), "\n")])
@example(text="a\nb", changes=[((0, 1), (0, 1), "\r")])
def test_it_equals_the_clients_text_after_any_changes(
    encoding: PositionEncoding,
    text: str,
    changes: list[tuple[tuple[int, int], tuple[int, int], str]],
) -> None:
    """Ranges past the end, backwards, and between the characters of a CRLF included."""
    mirror = Mirror(text, encoding=encoding)
    for first, second, inserted in changes:
        start, end = sorted(offset_in(text, clamped(p), encoding) for p in (first, second))
        text = text[:start] + inserted + text[end:]
        low, high = sorted((mirror.point(*first), mirror.point(*second)))
        mirror.splice(low, high, inserted)

        assert mirror.text == text
        assert mirror.lines == split_lines(text)


@given(texts, st.sampled_from(ENCODINGS), st.data())
def test_points_and_positions_belong_together(
    text: str, encoding: PositionEncoding, data: st.DataObject
) -> None:
    offset = data.draw(st.integers(0, len(text)))
    if text[:offset].endswith("\r") and text[offset:].startswith("\n"):
        offset += 1  # no client has a position there
    mirror = Mirror(text, encoding=encoding)

    point = point_of(text, offset)
    assert mirror.position(point) == position_in(text, offset, encoding)
    assert mirror.point(*mirror.position(point)) == point
    assert mirror.advance(Point(0, 0), offset) == point
    assert mirror.distance(Point(0, 0), point) == offset
    behind = mirror.distance(point, mirror.end)
    assert mirror.retreat(mirror.end, behind) == point


@given(texts, st.data())
def test_a_slice_is_the_text_between_two_points(text: str, data: st.DataObject) -> None:
    start, end = draw_range(data, text)

    assert Mirror(text).slice(point_of(text, start), point_of(text, end)) == text[start:end]


@given(texts, texts, st.sampled_from(["before", "behind"]), st.data())
def test_a_splice_moves_points_as_it_moves_offsets(
    text: str, inserted: str, side: Literal["before", "behind"], data: st.DataObject
) -> None:
    sticks_right = side == "behind"
    start, end = draw_range(data, text)
    offset = data.draw(st.integers(0, len(text)))
    mirror = Mirror(text)
    splice = mirror.stage(point_of(text, start), point_of(text, end), inserted).splice
    assert mirror.text == text
    assert mirror.splice(point_of(text, start), point_of(text, end), inserted) == splice

    if offset < start or (offset == start < end):
        expected = offset
    elif offset > end or (start < end == offset):
        expected = offset - (end - start) + len(inserted)
    else:
        expected = start + (len(inserted) if sticks_right else 0)
    moved = splice.move(point_of(text, offset), sticks_right=sticks_right)
    assert offset_of(mirror.lines, moved) == expected
    assert moved == point_of(mirror.text, expected)


def test_an_empty_document_has_one_place() -> None:
    mirror = Mirror("")

    assert mirror.end == mirror.point(0, 5) == mirror.point(3, 0) == Point(0, 0)
    assert mirror.position(mirror.end) == (0, 0)


def seconds_for_changes(line_count: int) -> float:
    mirror = Mirror("some text of a line\n" * line_count)
    middle = line_count // 2
    began_s = time.perf_counter()
    for _ in range(300):
        start = mirror.point(middle, 4)
        mirror.splice(start, mirror.advance(start, 1), "x\ny")
        start = mirror.point(middle, 4)
        mirror.splice(start, mirror.advance(start, 3), " ")
    return time.perf_counter() - began_s


def test_a_change_costs_much_the_same_in_a_thousand_times_longer_document() -> None:
    ratios = [seconds_for_changes(LONG) / seconds_for_changes(SHORT) for _ in range(5)]

    assert median(ratios) < MOST_TIMES_SLOWER
