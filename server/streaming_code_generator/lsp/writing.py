"""Writing to a client without ever waiting for it.

pygls writes with a blocking call: a client that stops reading would freeze the whole server,
cancel requests included. Here messages are queued, and generations wait while the queue is full.
"""

import asyncio
import logging
import queue
import threading
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import BinaryIO

logger = logging.getLogger(__name__)

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
    """Over an asyncio stream."""

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

    async def until_read(self) -> None:
        """Wait until the client has read most of what is queued, or is gone."""
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
