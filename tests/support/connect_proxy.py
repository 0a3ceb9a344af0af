"""A proxy on loopback that opens connections by CONNECT (RFC 9110, 9.3.6), to one place alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass(slots=True)
class ConnectProxy:
    """What a proxy has seen."""

    url: str
    asked: list[str] = field(default_factory=list)
    """The first line of each request."""
    authorizations: list[str] = field(default_factory=list)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        with suppress(ConnectionError):
            while received := await reader.read(65536):
                writer.write(received)
                await writer.drain()
    finally:
        writer.close()


@asynccontextmanager
async def connect_proxy(to_port: int, *, refuses: bool = False) -> AsyncIterator[ConnectProxy]:
    """Serve until the block is left: whatever host is asked for, it is loopback's `to_port`."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, *headers = head.split("\r\n")
        proxy.asked.append(line)
        proxy.authorizations += [
            each for each in headers if each.lower().startswith("proxy-authorization")
        ]
        if refuses:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            writer.close()
            return
        there, back = await asyncio.open_connection("127.0.0.1", to_port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_pump(reader, back), _pump(there, writer))

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    proxy = ConnectProxy(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    try:
        yield proxy
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
