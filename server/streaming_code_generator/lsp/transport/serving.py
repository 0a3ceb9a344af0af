"""The ways to serve a client: standard input and output, a TCP port, a web socket."""

import asyncio
import logging
import socket
import sys
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from pygls.io_ import WebSocketWriter

from streaming_code_generator.lsp.server import StreamingServer, build_server
from streaming_code_generator.lsp.transport.reading import read_messages, read_socket
from streaming_code_generator.lsp.transport.stdio import stdio_streams
from streaming_code_generator.lsp.transport.writing import Output, StreamOutput

logger = logging.getLogger(__name__)

DRAIN_TIMEOUT_S = 0.2
"""How long a client that leaves may take to read the last answers."""

NewServer = Callable[[], StreamingServer]


async def serve(server: StreamingServer, reader: asyncio.StreamReader, output: Output) -> int:
    """Serve one client until it goes away or says `exit`; return the exit code.

    Cancellation: ends all generations and child processes first.
    """
    server.protocol.set_writer(output)
    try:
        return await _until_gone(server, read_messages(reader, server.protocol))
    finally:
        await output.drain(timeout_s=DRAIN_TIMEOUT_S)
        output.close()


async def _until_gone(server: StreamingServer, reading: Coroutine[Any, Any, None]) -> int:
    exit_code: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    server.exit_code = exit_code
    task = asyncio.create_task(reading, name="reading")
    try:
        either: set[asyncio.Future[Any]] = {task, exit_code}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        return exit_code.result() if exit_code.done() else 0
    finally:
        task.cancel()
        await server.close()


def serve_stdio(new_server: NewServer = build_server) -> None:
    """Serve on standard input and output; ends the process with the client's exit code."""
    sys.exit(asyncio.run(_serve_stdio(new_server)))


async def _serve_stdio(new_server: NewServer) -> int:
    reader, output = await stdio_streams()
    return await serve(new_server(), reader, output)


def serve_tcp(host: str, port: int, new_server: NewServer = build_server) -> None:
    """Serve the first client that connects; ends when it goes away."""
    sys.exit(asyncio.run(_serve_tcp(host, port, new_server)))


async def _serve_tcp(host: str, port: int, new_server: NewServer) -> int:
    first = _FirstClient()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not first.take():
            writer.close()
            return
        listener.close()
        await first.run(serve(new_server(), reader, StreamOutput(writer)))

    listener = await asyncio.start_server(connected, host, port)
    _tell_addresses(listener.sockets)
    return await first.exit_code


def serve_ws(host: str, port: int, new_server: NewServer = build_server) -> None:
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
        _tell_addresses(listener.sockets)
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
        except Exception as error:  # noqa: BLE001 - raised by whoever awaits the exit code
            self.exit_code.set_exception(error)


def _tell_addresses(sockets: Iterable[socket.socket]) -> None:
    for bound in sockets:
        logger.info("listening on %s:%s", *bound.getsockname()[:2])
