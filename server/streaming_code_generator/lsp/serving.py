"""The ways to serve a client: standard input and output, a TCP port, a web socket.

Messages are read here whatever comes in between: pygls reads each by three hops to a thread, and
ends at the first that is broken.
"""

import asyncio
import json
import logging
import os
import re
import socket
import stat
import sys
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, cast

from pygls.exceptions import JsonRpcException, JsonRpcParseError
from pygls.io_ import WebSocketWriter

from streaming_code_generator.lsp.output import (
    MessageWriter,
    StreamMessageWriter,
    ThreadMessageWriter,
)
from streaming_code_generator.lsp.protocol import StreamingProtocol

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection


logger = logging.getLogger(__name__)

_USUAL_HEADER = re.compile(rb"Content-Length: (\d{1,8})\r\n\r\n")
_CONTENT_LENGTH = re.compile(rb"content-length:\s*(\d{1,19})\s*$", re.IGNORECASE)
"""Matched at a line's end: after a body of another length than announced it stands behind it."""
MOST_HEADER_BYTES = 64 * 1024
_BLOCK_BYTES = 64 * 1024
MOST_BODY_BYTES = 256 * 1024 * 1024
"""A message that announces more is not waited for: it would hold up all that follow."""


class Receiver(Protocol):
    """Takes decoded messages."""

    def receive(self, message: object) -> None:
        """Handle one message; nothing in it makes this raise."""

    def refuse_unreadable(self, error: JsonRpcException) -> None:
        """Answer a message that could not be decoded."""


class MessageParser:
    """Turns any splitting of the input's bytes into the same message bodies."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._length: int | None = None
        """Of the body, once its header has said so."""
        self._is_in_body = False

    def feed(self, received: bytes) -> Iterator[bytes]:
        """Yield the bodies that `received` completes."""
        self._received += received
        while self._is_in_body or self._read_header():
            length = self._length or 0
            if len(self._received) < length:
                return
            body = bytes(self._received[:length])
            del self._received[:length]
            self._length, self._is_in_body = None, False
            yield body

    def _read_header(self) -> bool:
        """Read what has come of a header block; whether the body comes next."""
        # A client that announced too short a body leaves its rest in front of the next header:
        #
        #     `…}Content-Length: 52\r\n`    is found at the line's end
        #     `\r\n`                        ends the block; reading goes on in step
        if self._length is None and (usual := _USUAL_HEADER.match(self._received)):
            self._length, self._is_in_body = int(usual[1]), True
            del self._received[: usual.end()]
            return True
        while (end := self._received.find(b"\n") + 1) > 0:
            line = bytes(self._received[:end])
            del self._received[:end]
            if match := _CONTENT_LENGTH.search(line):
                self._length = int(match[1])
                if self._length > MOST_BODY_BYTES:
                    logger.warning(
                        "a message of %d bytes was announced; it is not waited for", self._length
                    )
                    self._length = None
            elif not line.strip() and self._length is not None:
                self._is_in_body = True
                return True
        if len(self._received) > MOST_HEADER_BYTES:
            logger.warning("received a header line that is too long; it is skipped")
            self._received.clear()
        return False


class MessageReader(asyncio.StreamReader):
    """Hands every message on in the step of the event loop in which it arrives.

    A stream reader to whatever feeds it; a task that waits for each message would be woken twice.
    """

    def __init__(self) -> None:
        super().__init__()
        self._parser = MessageParser()
        self._receiver: Receiver | None = None
        self._early: list[bytes] = []
        self._ended = asyncio.Event()

    async def deliver(self, receiver: Receiver) -> None:
        """Hand every message to the receiver until the input ends.

        A message that is not JSON is answered with a parse error; reading goes on behind it.

        Cancellation: at once, between messages.
        """
        self._receiver = receiver
        for received in self._early:
            self.feed_data(received)
        self._early.clear()
        try:
            await self._ended.wait()
        finally:
            self._receiver = None

    def feed_data(self, data: bytes) -> None:  # type: ignore[override]  # asyncio feeds nothing else
        """Take what has arrived; what comes before there is a receiver is kept for it."""
        if self._receiver is None:
            self._early.append(data)
            return
        for body in self._parser.feed(data):
            _hand_over(body, self._receiver)

    def feed_eof(self) -> None:
        """Note that the input has ended."""
        self._ended.set()

    def set_exception(self, exc: Exception) -> None:
        """Note that the input has broken off, which is an end too."""
        logger.debug("the input broke off: %s", exc)
        self._ended.set()


def _hand_over(body: bytes | str, receiver: Receiver) -> None:
    try:
        # Of bytes, `json` would first find out in which of Unicode's encodings they are.
        text = body if isinstance(body, str) else body.decode("utf-8", "surrogatepass")
        message = json.loads(text)
    except (ValueError, RecursionError):
        logger.warning("received a message of %d bytes that is not JSON", len(body))
        receiver.refuse_unreadable(JsonRpcParseError())
        return
    receiver.receive(message)


async def read_socket(socket: "ServerConnection", receiver: Receiver) -> None:
    """Hand every message of a web socket to the receiver until it closes."""
    async for body in socket:
        _hand_over(body, receiver)


DRAIN_TIMEOUT_S = 0.2
"""How long a client that leaves may take to read the last answers."""


class Server(Protocol):
    """A language server for one client."""

    protocol: StreamingProtocol
    exit_code: "asyncio.Future[int] | None"
    """Set when the client sends `exit`."""

    async def close(self) -> None:
        """End everything that runs."""


NewServer = Callable[[], Server]


# One client


async def serve(server: Server, reader: MessageReader, writer: MessageWriter) -> int:
    """Serve one client until it goes away or says `exit`; return the exit code.

    Cancellation: ends all generations and child processes first.
    """
    server.protocol.set_writer(writer)
    try:
        return await _until_gone(server, reader.deliver(server.protocol))
    finally:
        await writer.drain(timeout_s=DRAIN_TIMEOUT_S)
        writer.close()


async def _until_gone(server: Server, reading: Coroutine[Any, Any, None]) -> int:
    exit_code: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    server.exit_code = exit_code
    task = asyncio.create_task(reading, name="reading")
    # Whichever comes first: the input ends with the client, `exit` may come before that. The
    # server is closed in both cases, and the exit code says whether `shutdown` came first.
    try:
        either: set[asyncio.Future[Any]] = {task, exit_code}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        return exit_code.result() if exit_code.done() else 0
    finally:
        task.cancel()
        await server.close()


# Standard input and output


def serve_stdio(new_server: NewServer) -> None:
    """Serve on standard input and output; ends the process with the client's exit code."""

    async def serve_streams() -> int:
        reader, writer = await stdio_streams()
        return await serve(new_server(), reader, writer)

    sys.exit(asyncio.run(serve_streams()))


async def stdio_streams() -> tuple[MessageReader, MessageWriter]:
    """Return this process's standard input and output.

    Editors connect pipes, which the event loop watches. It cannot watch files and devices, and on
    Windows not even pipes that were inherited: those are left to threads.
    """
    loop, stdin, stdout = asyncio.get_running_loop(), sys.stdin.buffer, sys.stdout.buffer
    reader = MessageReader()
    if _can_be_watched(stdin):
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), stdin)
    else:
        # A daemon: nothing can interrupt a read that waits for input.
        arguments = (stdin, reader, loop)
        threading.Thread(target=_read_all, args=arguments, name="input", daemon=True).start()
    if not _can_be_watched(stdout):
        return reader, ThreadMessageWriter(stdout)
    flow_control = asyncio.streams.FlowControlMixin
    transport, protocol = await loop.connect_write_pipe(flow_control, stdout)
    return reader, StreamMessageWriter(asyncio.StreamWriter(transport, protocol, None, loop))


def _read_all(file: BinaryIO, reader: MessageReader, loop: asyncio.AbstractEventLoop) -> None:
    with suppress(RuntimeError):  # the loop has ended
        while block := os.read(file.fileno(), _BLOCK_BYTES):
            loop.call_soon_threadsafe(reader.feed_data, block)
        loop.call_soon_threadsafe(reader.feed_eof)


def _can_be_watched(file: BinaryIO) -> bool:
    if sys.platform == "win32":
        return False
    mode = os.fstat(file.fileno()).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


# TCP and web sockets


def serve_tcp(host: str, port: int, new_server: NewServer) -> None:
    """Serve the first client that connects; ends when it goes away."""
    sys.exit(asyncio.run(_serve_tcp(host, port, new_server)))


async def _serve_tcp(host: str, port: int, new_server: NewServer) -> int:
    first = _FirstClient()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not first.take():
            writer.close()
            return
        listener.close()
        messages = cast("MessageReader", reader)
        await first.run(serve(new_server(), messages, StreamMessageWriter(writer)))

    # As `asyncio.start_server` does it, with a reader of our own.
    listener = await asyncio.get_running_loop().create_server(
        lambda: asyncio.StreamReaderProtocol(MessageReader(), connected), host, port
    )
    _log_addresses(listener.sockets)
    return await first.exit_code


def serve_ws(host: str, port: int, new_server: NewServer) -> None:
    """Serve the first client that connects by web socket; ends when it goes away."""
    sys.exit(asyncio.run(_serve_ws(host, port, new_server)))


async def _serve_ws(host: str, port: int, new_server: NewServer) -> int:
    from websockets.asyncio.server import ServerConnection  # noqa: PLC0415 - comes with an extra
    from websockets.asyncio.server import serve as listen  # noqa: PLC0415

    first = _FirstClient()

    async def connected(socket: ServerConnection) -> None:
        if not first.take():
            return
        server = new_server()
        server.protocol.set_writer(WebSocketWriter(socket), include_headers=False)
        await first.run(_until_gone(server, read_socket(socket, server.protocol)))

    async with listen(connected, host, port) as listener:
        _log_addresses(listener.sockets)
        return await first.exit_code


class _FirstClient:
    """Serves the first client that comes; what ends its serving ends the process."""

    def __init__(self) -> None:
        self.exit_code: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._is_taken = False

    def take(self) -> bool:
        """Return whether this client is the first."""
        is_first, self._is_taken = not self._is_taken, True
        return is_first

    async def run(self, serving: Coroutine[Any, Any, int]) -> None:
        try:
            self.exit_code.set_result(await serving)
        except Exception as error:  # noqa: BLE001 - raised where the exit code is awaited
            self.exit_code.set_exception(error)


def _log_addresses(sockets: Iterable[socket.socket]) -> None:
    for bound in sockets:
        logger.info("listening on %s:%s", *bound.getsockname()[:2])
