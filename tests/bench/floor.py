"""The least that a server on asyncio can do with a stream: what it costs is the machine's own.

Run as `python -m bench.floor BASE_URL MODEL`, it speaks LSP over stdio. Every command opens a
connection, reads the chunks' JSON off it, and inserts their text at the command's position: one
literal edit at a time, and what came meanwhile in the next. It checks nothing and keeps no text.
"""

import asyncio
import json
import sys
from itertools import count
from typing import Any
from urllib.parse import urlsplit

Message = dict[str, Any]


class Client(asyncio.Protocol):
    """The editor at the other end of stdin and stdout."""

    def __init__(self, base_url: str, model: str) -> None:
        self._port = urlsplit(base_url).port or 80
        self._model = model
        self._received = b""
        self._streams: dict[str, Stream] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self.output: asyncio.WriteTransport

    def data_received(self, data: bytes) -> None:
        """Handle each whole message."""
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            length = int(self._received[16:end])
            body = self._received[end + 4 : end + 4 + length]
            if len(body) < length:
                return
            self._received = self._received[end + 4 + length :]
            self._take(json.loads(body))

    def _take(self, message: Message) -> None:
        method, params = message.get("method"), message.get("params") or {}
        if method == "textDocument/didChange":
            self._streams[params["textDocument"]["uri"]].landed(params["contentChanges"][0])
        elif method == "workspace/executeCommand":
            (arguments,) = params["arguments"]
            stream = Stream(self, message["id"], self._model, arguments)
            self._streams[arguments["textDocument"]["uri"]] = stream
            task = asyncio.ensure_future(
                asyncio.get_running_loop().create_connection(
                    lambda: stream, "127.0.0.1", self._port
                )
            )
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif method == "initialize":
            self.send({"id": message["id"], "result": {"capabilities": {}}})

    def send(self, message: Message) -> None:
        """Send one message."""
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.output.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))


class Stream(asyncio.Protocol):
    """One response, from its connection into its document."""

    def __init__(self, client: Client, request_id: int, model: str, arguments: Message) -> None:
        self._client, self._request_id, self._model = client, request_id, model
        self._uri = arguments["textDocument"]["uri"]
        where = arguments["position"]
        self._line, self._character = where["line"], where["character"]
        self._versions = count(1)
        self._rest = b""
        self._wanted: list[str] = []
        self._is_in_flight = self._has_ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request."""
        assert isinstance(transport, asyncio.WriteTransport)
        body = json.dumps({"model": self._model, "messages": [], "stream": True}).encode()
        transport.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b"
            % (len(body), body)
        )

    def data_received(self, data: bytes) -> None:
        """Read the chunks' text."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line.startswith(b"data: {") and (choices := json.loads(line[6:])["choices"]):
                text = choices[0]["delta"].get("content")
                if text and "```" not in text:
                    self._wanted.append(text)
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        """Answer the command, once all has landed."""
        del exc
        self._has_ended = True
        self._send()

    def landed(self, change: Message) -> None:
        """Go on behind the text that stands there now."""
        *lines, last = change["text"].split("\n")
        self._line += len(lines)
        self._character = len(last) + (0 if lines else self._character)
        self._is_in_flight = False
        self._send()

    def _send(self) -> None:
        if self._is_in_flight:
            return
        if self._wanted:
            here = {"line": self._line, "character": self._character}
            version = next(self._versions)
            edits = [{"range": {"start": here, "end": here}, "newText": "".join(self._wanted)}]
            change = {"textDocument": {"uri": self._uri, "version": version}, "edits": edits}
            params = {"edit": {"documentChanges": [change]}}
            edit_id = f"{self._uri} {version}"
            self._client.send({"id": edit_id, "method": "workspace/applyEdit", "params": params})
            self._wanted.clear()
            self._is_in_flight = True
        elif self._has_ended:
            self._client.send({"id": self._request_id, "result": None})


async def main(base_url: str, model: str) -> None:
    """Serve until the process is killed."""
    loop, client = asyncio.get_running_loop(), Client(base_url, model)
    client.output, _ = await loop.connect_write_pipe(asyncio.Protocol, sys.stdout.buffer)
    await loop.connect_read_pipe(lambda: client, sys.stdin.buffer)
    await loop.create_future()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
