"""Reading and writing JSON-RPC messages on a pair of asyncio streams.

pygls reads every message by three hops to a thread, and writes with a blocking call: a client that
stops reading would freeze the whole server, cancels included. Here nothing blocks.
"""

import asyncio
import json
import logging
import re
import sys
from typing import TYPE_CHECKING, BinaryIO, Protocol

from pygls.exceptions import JsonRpcException, JsonRpcParseError

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection

logger = logging.getLogger(__name__)

_CONTENT_LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)
MOST_HEADER_BYTES = 64 * 1024
CONGESTED_BYTES = 256 * 1024
"""So much unsent output means that the client does not read; what may be dropped then is."""


class Receiver(Protocol):
    """Takes decoded messages."""

    def receive(self, message: object) -> None:
        """Handle one message; nothing in it makes this raise."""

    def refuse_unreadable(self, error: JsonRpcException) -> None:
        """Answer a message that could not be decoded."""


class StreamWriter:
    """pygls' writer interface over an asyncio stream."""

    def __init__(self, stream: asyncio.StreamWriter) -> None:
        self._stream = stream

    def write(self, data: bytes) -> None:
        """Queue bytes for sending; never blocks."""
        if not self._stream.is_closing():
            self._stream.write(data)

    def close(self) -> None:
        """Close the stream after what is queued has been sent."""
        self._stream.close()

    @property
    def is_congested(self) -> bool:
        """Whether the client has stopped reading."""
        return self._stream.transport.get_write_buffer_size() > CONGESTED_BYTES

    async def drain(self, *, timeout_s: float) -> None:
        """Give the client a moment to read what is queued, such as the answer to `shutdown`."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._stream.drain()
        except (TimeoutError, ConnectionError):
            logger.debug("the client went away before reading everything")


async def stdio_streams() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return asyncio streams on this process's standard input and output.

    Raises:
        ValueError: One of them is a plain file, which asyncio cannot watch.
        NotImplementedError: The platform's event loop has no pipes (Windows).
    """
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=MOST_HEADER_BYTES)
    await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), _unbuffered(sys.stdin.buffer)
    )
    transport, protocol = await loop.connect_write_pipe(
        asyncio.streams.FlowControlMixin, _unbuffered(sys.stdout.buffer)
    )
    return reader, asyncio.StreamWriter(transport, protocol, None, loop)


def _unbuffered(stream: BinaryIO) -> BinaryIO:
    raw = getattr(stream, "raw", stream)
    return raw if hasattr(raw, "fileno") else stream


async def read_messages(reader: asyncio.StreamReader, receiver: Receiver) -> None:
    """Hand every message to the receiver until the input ends.

    A message that is not JSON is answered with a parse error; reading goes on behind it.

    Cancellation: at once, between messages.
    """
    while (length := await _content_length(reader)) is not None:
        try:
            body = await reader.readexactly(length)
        except asyncio.IncompleteReadError:
            return
        try:
            message = json.loads(body)
        except ValueError:
            logger.warning("received a message of %d bytes that is not JSON", length)
            receiver.refuse_unreadable(JsonRpcParseError())
            continue
        receiver.receive(message)


async def _content_length(reader: asyncio.StreamReader) -> int | None:
    """Read a header block; return the body's length, or None at the end of the input."""
    length: int | None = None
    while True:
        try:
            line = await reader.readline()
        except ValueError:
            logger.warning("received a header line that is too long; it is skipped")
            continue
        if not line:
            return None
        if match := _CONTENT_LENGTH.match(line):
            length = int(match[1])
        elif not line.strip() and length is not None:
            return length


async def read_socket(socket: "ServerConnection", receiver: Receiver) -> None:
    """Hand every message of a web socket to the receiver until it closes."""
    async for body in socket:
        try:
            message = json.loads(body)
        except ValueError:
            receiver.refuse_unreadable(JsonRpcParseError())
            continue
        receiver.receive(message)
