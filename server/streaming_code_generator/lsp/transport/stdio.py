"""Standard input and output for the event loop, whatever they are connected to."""

import asyncio
import os
import stat
import sys
import threading
from contextlib import suppress
from typing import BinaryIO

from streaming_code_generator.lsp.transport.reading import MOST_HEADER_BYTES
from streaming_code_generator.lsp.transport.writing import Output, StreamOutput, ThreadOutput

_BLOCK_BYTES = 64 * 1024


async def stdio_streams() -> tuple[asyncio.StreamReader, Output]:
    """Return this process's standard input and output.

    Editors connect pipes, which the event loop watches. It cannot watch files and devices, and on
    Windows not even pipes that were inherited: those are left to threads.
    """
    reader = asyncio.StreamReader(limit=MOST_HEADER_BYTES)
    await _connect_input(reader, sys.stdin.buffer)
    return reader, await _output(sys.stdout.buffer)


async def _connect_input(reader: asyncio.StreamReader, file: BinaryIO) -> None:
    loop = asyncio.get_running_loop()
    if _can_be_watched(file):
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), file)
        return
    # A daemon: nothing can interrupt a read that waits for input.
    threading.Thread(target=_read_all, args=(file, reader, loop), name="input", daemon=True).start()


def _read_all(
    file: BinaryIO, reader: asyncio.StreamReader, loop: asyncio.AbstractEventLoop
) -> None:
    with suppress(RuntimeError):  # the loop has ended
        while block := os.read(file.fileno(), _BLOCK_BYTES):
            loop.call_soon_threadsafe(reader.feed_data, block)
        loop.call_soon_threadsafe(reader.feed_eof)


async def _output(file: BinaryIO) -> Output:
    if not _can_be_watched(file):
        return ThreadOutput(file)
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, file)
    return StreamOutput(asyncio.StreamWriter(transport, protocol, None, loop))


def _can_be_watched(file: BinaryIO) -> bool:
    if sys.platform == "win32":
        return False
    mode = os.fstat(file.fileno()).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
