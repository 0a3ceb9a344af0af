"""Messages are read the same however their bytes are split."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pygls.exceptions import JsonRpcException

from streaming_code_generator.lsp.serving import (
    MOST_BODY_BYTES,
    MOST_HEADER_BYTES,
    MessageParser,
    MessageReader,
)
from support.lsp_raw import framed

BODIES = [b'{"a": 1}', '{"é": 🦀}'.encode(), b"{}", b'{"text": "\\r\\n\\r\\n"}']
INPUT = b"".join(
    [
        framed(BODIES[0]),
        b"content-length:%d\nContent-Type: x\n\n%b" % (len(BODIES[1]), BODIES[1]),
        # Too short a body was announced: what is left of it stands before the next header.
        b'rest of it"}Content-Length: 2\r\n\r\n{}',
        framed(BODIES[3]),
    ]
)


class Heard:
    """Keeps what it receives."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.refused = 0

    def receive(self, message: object) -> None:
        self.messages.append(message)

    def refuse_unreadable(self, _error: JsonRpcException) -> None:
        self.refused += 1


@given(st.lists(st.integers(0, len(INPUT)), max_size=8))
def test_any_splitting_gives_the_same_bodies(cuts: list[int]) -> None:
    parser, ends = MessageParser(), sorted({*cuts, len(INPUT)})
    starts = [0, *ends]
    read = [
        body
        for start, end in zip(starts, ends, strict=False)
        for body in parser.feed(INPUT[start:end])
    ]
    assert read == BODIES


@pytest.mark.parametrize(
    "before",
    [b"x" * (MOST_HEADER_BYTES + 1), b"Content-Length: %d\r\n\r\n" % (MOST_BODY_BYTES + 1)],
    ids=["endless header line", "endless body"],
)
def test_what_never_ends_is_skipped(before: bytes) -> None:
    parser = MessageParser()
    assert [*parser.feed(before)] == []
    assert [*parser.feed(b"\r\n" + framed(b"{}"))] == [b"{}"]


async def test_messages_that_came_before_there_was_a_receiver_are_delivered() -> None:
    reader, heard = MessageReader(), Heard()
    reader.feed_data(framed(json.dumps({"id": 1}).encode())[:30])
    reader.feed_data(framed(json.dumps({"id": 1}).encode())[30:])
    delivering = asyncio.create_task(reader.deliver(heard))
    await asyncio.sleep(0)
    reader.feed_data(framed(b"no json") + framed(b'{"id": 2}'))
    reader.feed_eof()
    await delivering

    assert heard.messages == [{"id": 1}, {"id": 2}]
    assert heard.refused == 1
