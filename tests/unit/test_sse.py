"""Server-sent events come out the same, wherever the network cuts their bytes."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from streaming_code_generator.providers.openai.stream import SseEvent, SseParser

STREAM = (
    "data: one\n\n"
    ": a comment\n\n"
    "data: zwei é 😀\r\n\r\n"
    "event: error\ndata: three\ndata: lines\ndata\n\n"
    "id: 7\nretry: 10\ndata:no blank\r\r"
    "event: alone\n\n"
    "data: last\n\n"
).encode()
EVENTS = [
    ("one", ""),
    ("zwei é 😀", ""),
    ("three\nlines\n", "error"),
    ("no blank", ""),
    ("last", ""),
]


def parse(*pieces: bytes) -> list[SseEvent]:
    parser = SseParser()
    events = [event for piece in pieces for event in parser.feed(piece)]
    return events + parser.finish()


def test_a_stream_of_every_shape_is_read() -> None:
    assert parse(STREAM) == EVENTS


def test_every_place_to_cut_gives_the_same_events() -> None:
    for at in range(len(STREAM)):
        assert parse(STREAM[:at], STREAM[at:]) == EVENTS, at


def test_single_bytes_give_the_same_events() -> None:
    assert parse(*(STREAM[at : at + 1] for at in range(len(STREAM)))) == EVENTS


@given(
    lines=st.lists(
        st.sampled_from(["data: a", "data:", "data", ":c", "event: e", "", "", "x: y", "data: é"])
    ),
    end=st.sampled_from(["\n", "\r", "\r\n"]),
    cuts=st.lists(st.integers(0, 60)),
)
def test_any_lines_with_any_cuts_give_the_same_events(
    lines: list[str], end: str, cuts: list[int]
) -> None:
    stream = "".join(line + end for line in lines).encode()
    places = [0, *sorted(cuts), len(stream)]
    pieces = [stream[a:b] for a, b in pairwise(places)]
    whole = parse("".join(line + "\n" for line in lines).encode())
    assert parse(*pieces) == whole


def test_an_event_is_given_when_its_blank_line_arrives() -> None:
    parser = SseParser()
    assert parser.feed(b"data: a\r\n") == []
    assert parser.feed(b"\r") == [("a", "")]
    assert parser.feed(b"\ndata: b\n\n") == [("b", "")]


def test_an_event_that_the_end_cuts_off_is_given_at_the_end() -> None:
    assert parse(b"data: a\n\ndata: b") == [("a", ""), ("b", "")]


def test_a_byte_order_mark_is_skipped_even_when_it_is_torn() -> None:
    assert parse(b"\xef", b"\xbb\xbfdata: a\n\n") == [("a", "")]


def test_broken_utf8_is_replaced() -> None:
    assert parse(b"data: \xff\n\n") == [("\ufffd", "")]


def test_only_one_blank_after_the_colon_is_taken_off() -> None:
    assert parse(b"data:  a\n\n") == [(" a", "")]


def test_what_is_not_complete_is_kept() -> None:
    parser = SseParser()
    parser.feed(b"data: 12345\ndata: 6")
    assert parser.pending == b"data: 12345\ndata: 6"
