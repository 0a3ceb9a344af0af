"""Messages on their way out: how they are encoded, and the queue of a client that does not read."""

import asyncio
import json
import logging
import queue
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import BinaryIO

from pygls.protocol.json_rpc import JsonRPCProtocol

from streaming_code_generator.lsp.wire.names import JsonObject

logger = logging.getLogger(__name__)


def framed(message: JsonObject) -> bytes:
    """Return a message of plain values as pygls would write it."""
    body = json.dumps(message).encode()  # which is ASCII
    return header(len(body)) + body


def header(length: int) -> bytes:
    """Return what stands before a message of so many bytes."""
    content_type = f"{JsonRPCProtocol.CONTENT_TYPE}; charset={JsonRPCProtocol.CHARSET}"
    return f"Content-Length: {length}\r\nContent-Type: {content_type}\r\n\r\n".encode()


LONG_CHARACTERS = 64 * 1024
"""From this length of its texts on a message is encoded in a thread. So much text is encoded at
once there, since the event loop waits meanwhile: a megabyte takes five milliseconds."""


def is_long(value: object) -> bool:
    """Whether encoding a value of JSON would hold up the event loop."""
    return _text_length(value) > LONG_CHARACTERS


def _text_length(value: object) -> int:
    if isinstance(value, dict):
        return sum(map(_text_length, value.values()))
    if isinstance(value, list):
        return sum(map(_text_length, value))
    return len(value) if isinstance(value, str) else 0


def encoded(value: object, default: Callable[[object], object] | None = None) -> bytes:
    """Return a value's JSON as `json.dumps` writes it, letting other threads run in between."""
    return "".join(_encoded_parts(value, default)).encode()


def _encoded_parts(value: object, default: Callable[[object], object] | None) -> Iterator[str]:
    if isinstance(value, str) and len(value) > LONG_CHARACTERS:
        parts = (value[at : at + LONG_CHARACTERS] for at in range(0, len(value), LONG_CHARACTERS))
        yield '"'
        yield from (json.dumps(part)[1:-1] for part in parts)
        yield '"'
    elif isinstance(value, dict) and value:
        for number, (key, each) in enumerate(value.items()):
            yield f"{', ' if number else '{'}{json.dumps(key)}: "
            yield from _encoded_parts(each, default)
        yield "}"
    elif isinstance(value, list) and value:
        for number, each in enumerate(value):
            yield ", " if number else "["
            yield from _encoded_parts(each, default)
        yield "]"
    else:
        yield json.dumps(value, default=default)


CONGESTED_BYTES = 256 * 1024
"""So much unsent output means that the client does not read; what may be dropped then is."""


class MessageWriter(ABC):
    """pygls' writer interface, without blocking, and how full its queue is."""

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Queue bytes for sending; never blocks."""

    @abstractmethod
    def close(self) -> None:
        """Close after what is queued has been sent."""

    @property
    @abstractmethod
    def is_congested(self) -> bool:
        """Whether the client has stopped reading."""

    @abstractmethod
    async def until_read(self) -> None:
        """Wait until the client has read most of what is queued, or is gone.

        Cancellation: at once.
        """

    async def drain(self, *, timeout_s: float) -> None:
        """Give the client a moment to read what is queued, such as the answer to `shutdown`."""
        try:
            async with asyncio.timeout(timeout_s):
                await self.until_read()
        except TimeoutError:
            logger.debug("the client went away before reading everything")


class StreamMessageWriter(MessageWriter):
    """Over an asyncio stream.

    What is long goes there bit by bit: a transport copies at once what its pipe has no room for,
    which takes 8 ms for 8 MB.
    """

    def __init__(self, stream: asyncio.StreamWriter) -> None:
        self._stream = stream
        self._unsent: deque[bytes | memoryview] = deque()
        """What is long, and what is to follow it."""
        self._sending: asyncio.Task[None] | None = None

    def write(self, data: bytes) -> None:
        """Queue bytes for sending; never blocks."""
        if self._stream.is_closing():
            return
        if self._sending is None and len(data) <= CONGESTED_BYTES:
            self._stream.write(data)
            return
        self._unsent.append(data)
        if self._sending is None:
            self._sending = asyncio.create_task(self._send(), name="output")

    async def _send(self) -> None:
        try:
            while self._unsent:
                self._stream.write(self._next_bit())
                await self._stream.drain()
        except ConnectionError:
            self._unsent.clear()
        finally:
            self._sending = None

    def _next_bit(self) -> bytes | memoryview:
        block = self._unsent.popleft()
        if len(block) <= CONGESTED_BYTES:
            return block
        whole = memoryview(block)
        self._unsent.appendleft(whole[CONGESTED_BYTES:])
        return whole[:CONGESTED_BYTES]

    def close(self) -> None:
        """Close the stream after what is queued has been sent."""
        self._stream.writelines(self._unsent)
        self._unsent.clear()
        self._stream.close()

    @property
    def is_congested(self) -> bool:
        """Whether the client has stopped reading."""
        waiting = self._stream.transport.get_write_buffer_size() > CONGESTED_BYTES
        return waiting or len(self._unsent) > 0

    async def until_read(self) -> None:
        """Wait until the client has read most of what is queued, or is gone."""
        if self._sending is not None:
            await asyncio.wait([self._sending])
        # `drain` waits for the transport's low-water mark. A client that has gone is noticed by the
        # reading side, which ends the server.
        with suppress(ConnectionError):
            await self._stream.drain()


class ThreadMessageWriter(MessageWriter):
    """Over a file that asyncio cannot watch, by a thread of its own."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._unsent_bytes = 0
        self._all_sent = asyncio.Event()
        self._all_sent.set()
        # A daemon: a client that never reads must not keep the process from ending.
        threading.Thread(target=self._write_all, name="output", daemon=True).start()

    def write(self, data: bytes) -> None:
        """Queue bytes for sending; never blocks."""
        # Counted on the event loop's side only, so that no lock is needed: the thread reports what
        # it has written by a call on the loop.
        self._unsent_bytes += len(data)
        self._all_sent.clear()
        self._queue.put(data)

    def close(self) -> None:
        """End the thread after what is queued has been sent."""
        self._queue.put(None)

    @property
    def is_congested(self) -> bool:
        """Whether the client has stopped reading."""
        return self._unsent_bytes > CONGESTED_BYTES

    async def until_read(self) -> None:
        """Wait until all that is queued has been written."""
        await self._all_sent.wait()

    def _write_all(self) -> None:
        # `close` puts None. A client that has gone makes every write fail; the rest of the queue
        # is still taken, so that `until_read` returns.
        while (block := self._queue.get()) is not None:
            with suppress(OSError):
                self._file.write(block)
                self._file.flush()
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._sent, len(block))

    def _sent(self, count: int) -> None:
        self._unsent_bytes -= count
        if not self._unsent_bytes:
            self._all_sent.set()
