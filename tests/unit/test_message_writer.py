"""What is written to the client arrives whole and in order, however long it is."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from streaming_code_generator.lsp.output import CONGESTED_BYTES, StreamMessageWriter

DEADLINE_S = 20
LONG = bytes(range(256)) * (4 * CONGESTED_BYTES // 256) + b"end"


@asynccontextmanager
async def pipe() -> AsyncIterator[tuple[StreamMessageWriter, asyncio.StreamReader]]:
    loop = asyncio.get_running_loop()
    read_end, write_end = os.pipe()
    reader = asyncio.StreamReader()
    reading, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read_end, "rb")
    )
    transport, protocol = await loop.connect_write_pipe(
        asyncio.streams.FlowControlMixin, os.fdopen(write_end, "wb")
    )
    yield StreamMessageWriter(asyncio.StreamWriter(transport, protocol, None, loop)), reader
    if not transport.is_closing():
        transport.abort()
    reading.close()


@pytest.mark.parametrize("turns", [0, 1, 3])
async def test_what_follows_something_long_comes_behind_it(turns: int) -> None:
    async with asyncio.timeout(DEADLINE_S), pipe() as (writer, reader):
        writer.write(b"head")
        writer.write(LONG)
        writer.write(b"tail")
        for _ in range(turns):
            await asyncio.sleep(0)
        writer.write(b"answer")
        assert writer.is_congested
        writer.close()

        assert await reader.read() == b"head" + LONG + b"tail" + b"answer"


async def test_who_waits_until_something_long_is_read_goes_on_then() -> None:
    async with asyncio.timeout(DEADLINE_S), pipe() as (writer, reader):
        writer.write(LONG)
        waiting = asyncio.ensure_future(writer.until_read())
        await asyncio.sleep(0)
        assert not waiting.done()

        assert await reader.readexactly(len(LONG)) == LONG
        await waiting
        writer.write(b"next")

        assert not writer.is_congested
        assert await reader.readexactly(4) == b"next"


async def test_what_is_left_for_a_client_that_has_gone_is_let_go() -> None:
    async with asyncio.timeout(DEADLINE_S), pipe() as (writer, reader):
        writer.write(LONG)
        reader._transport.close()  # type: ignore[attr-defined]
        await writer.until_read()

        assert not writer.is_congested
