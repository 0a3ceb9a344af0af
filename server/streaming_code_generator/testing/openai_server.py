"""A loopback double of an OpenAI-compatible endpoint, with every fault on demand.

It is a real HTTP/1.1 server on a free port of this machine, so that timeouts, dropped sockets and
cancelled requests are real as well:

    async with OpenAIServer(Reply.error(503, "loading"), answer("Hello", " you")) as server:
        generator = StreamingCodeGenerator("any key", base_url=server.base_url, model="any")
        result = await generator.generate_code_with_explanation("greet", print)
    assert len(server.requests) == 2

Each request takes the next reply, and the last one answers all that follow. A function instead of
replies chooses by the request. `openai_replies` says what a reply may be.
"""

import asyncio
import json
import ssl
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from streaming_code_generator.testing.openai_replies import Drop, Hold, Reply, Step, answer

_HOST = "127.0.0.1"
_CLIENT_LEFT = (ConnectionResetError, BrokenPipeError)
"""What writing to a client that has gone fails with."""


@dataclass(slots=True, kw_only=True)
class RecordedRequest:
    """A request as it came, and what became of its client."""

    method: str
    path: str
    headers: Mapping[str, str]
    """By lower-case names."""
    body: Any
    """The JSON document; None where there was no body."""
    connection: int
    """Which connection it came on, counted from 1."""
    disconnected: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the client leaves before its reply is complete."""
    disconnected_at: float | None = None
    """The event loop's time at which it left."""

    @property
    def is_last(self) -> bool:
        """Whether the client wants its connection closed afterwards (RFC 9112, 9.6)."""
        return self.headers.get("connection", "").lower() == "close"

    @property
    def prompt(self) -> str:
        """The last message's content; of a completion that is no chat, its prompt."""
        if "messages" in self.body:
            return str(self.body["messages"][-1]["content"])
        return str(self.body["prompt"])


ReplyTo = Callable[[RecordedRequest], Reply]


class OpenAIServer:
    """Answers requests with scripted replies, and records them. An async context manager."""

    def __init__(
        self,
        *replies: Reply,
        reply_to: ReplyTo | None = None,
        models: Sequence[str] = ("loopback-model",),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Serve nothing yet.

        Args:
            replies: What each request gets in turn; the last one answers all that follow.
            reply_to: What decides about the reply instead.
            models: The names that it lists.
            tls: What to speak TLS with; None is plain HTTP.
        """
        self._models = models
        self._tls = tls
        self._replies = replies or (answer("Hello"),)
        self._reply_to = reply_to or (
            lambda _: self._replies[min(len(self.requests), len(self._replies)) - 1]
        )
        self._connections: set[asyncio.Task[None]] = set()
        self.connections_seen = 0
        """Connections made so far."""
        self._server: asyncio.Server | None = None
        self.requests: list[RecordedRequest] = []
        """Every completion asked for, in order; `GET /v1/models` is answered and not counted."""
        self.request_came = asyncio.Event()
        """Set when the first one has come."""

    @property
    def port(self) -> int:
        """The port, known once the server runs."""
        if self._server is None:
            raise RuntimeError("The server runs inside `async with` only.")
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def base_url(self) -> str:
        """What to set as base URL."""
        return f"{'https' if self._tls else 'http'}://{_HOST}:{self.port}/v1"

    @property
    def connection_tasks(self) -> frozenset[asyncio.Task[None]]:
        """The tasks that serve connections, for tests that look for tasks left over."""
        return frozenset(self._connections)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, _HOST, 0, ssl=self._tls)
        return self

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        self.connections_seen += 1
        task = asyncio.create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._answer_all(reader, writer, self.connections_seen)
        finally:
            writer.close()

    async def _answer_all(
        self, reader: StreamReader, writer: StreamWriter, connection: int
    ) -> None:
        """Answer one request after the other on a connection until its client leaves."""
        first_byte = await reader.read(1)
        while first_byte:
            request = await _read_request(first_byte, reader, connection)
            if request.method == "GET" and request.path.endswith("/models"):
                reply = Reply.json(
                    {"object": "list", "data": [{"id": name} for name in self._models]}
                )
            else:
                self.requests.append(request)
                self.request_came.set()
                reply = self._reply_to(request)
            # A client that hangs up ends this read while the reply is still played; a byte that
            # comes instead is the first of the next request.
            watching = asyncio.create_task(reader.read(1))
            playing = asyncio.create_task(_play(reply, writer, is_last=request.is_last))
            try:
                await asyncio.wait({watching, playing}, return_when=asyncio.FIRST_COMPLETED)
                if not playing.done() or isinstance(playing.exception(), _CLIENT_LEFT):
                    request.disconnected_at = asyncio.get_running_loop().time()
                    request.disconnected.set()
                    return
                playing.result()
                if request.is_last:
                    return
                first_byte = await watching
            finally:
                watching.cancel()
                playing.cancel()
                await asyncio.gather(watching, playing, return_exceptions=True)


async def _read_request(
    first_byte: bytes, reader: StreamReader, connection: int
) -> RecordedRequest:
    head = first_byte + await reader.readuntil(b"\r\n\r\n")
    start, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = start.split(" ")
    fields = (line.partition(":") for line in lines if line)
    headers = {name.lower(): value.strip() for name, _, value in fields}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return RecordedRequest(
        method=method,
        path=path,
        headers=headers,
        body=json.loads(body) if body else None,
        connection=connection,
    )


async def _play(reply: Reply, writer: StreamWriter, *, is_last: bool) -> None:
    for step in reply.before_headers:
        await _take(step, writer)
    lines = [
        f"HTTP/1.1 {reply.status} Scripted",
        f"Content-Type: {reply.content_type}",
        "Transfer-Encoding: chunked",
        *(f"{name}: {value}" for name, value in reply.headers.items()),
        *(["Connection: close"] if is_last else []),
    ]
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
    for step in reply.steps:
        await _take(step, writer)
    writer.write(b"0\r\n\r\n")
    await writer.drain()


async def _take(step: Step, writer: StreamWriter) -> None:
    match step:
        case bytes():
            writer.write(b"%x\r\n%b\r\n" % (len(step), step))
            await writer.drain()
        case Hold():
            await writer.drain()
            await step.event.wait()
        case Drop():
            writer.transport.abort()
            raise ConnectionAbortedError
