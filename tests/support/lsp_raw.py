"""The language server without a client library: bytes in, messages out, whatever they are."""

import asyncio
import json
import os
import re
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from support.fork_server import ForkedProcess, start_forked
from support.lsp_process import DEADLINE_S, ENDED_WITHIN_S, SERVER, check_last_words

CAPABILITIES = {
    "window": {"workDoneProgress": True},
    "workspace": {"applyEdit": True, "fileOperations": {"didRename": True, "willRename": True}},
}


def framed(body: bytes) -> bytes:
    """Return a message as it goes over the wire."""
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


class Wire:
    """Both directions of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._numbers = 0
        self.heard: list[dict[str, Any]] = []
        """Every message read so far."""

    async def send_bytes(self, content: bytes) -> None:
        self._writer.write(content)
        await self._writer.drain()

    async def send(self, message: Mapping[str, Any] | list[Any]) -> None:
        """Send one JSON document."""
        await self.send_bytes(framed(json.dumps(message).encode()))

    async def notify(self, method: str, params: Any) -> None:
        await self.send({"jsonrpc": "2.0", "method": method, "params": params})

    async def request(self, method: str, params: Any) -> int:
        """Send a request; return its id."""
        self._numbers += 1
        await self.send({"jsonrpc": "2.0", "id": self._numbers, "method": method, "params": params})
        return self._numbers

    async def ask(self, method: str, params: Any) -> dict[str, Any]:
        """Send a request and return its answer."""
        return await self.answer_to(await self.request(method, params))

    async def read(self) -> dict[str, Any]:
        """Read one message."""
        async with asyncio.timeout(DEADLINE_S):
            length = 0
            while line := (await self._reader.readline()).strip():
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            if not length:
                raise EOFError("the server has closed its output")
            message: dict[str, Any] = json.loads(await self._reader.readexactly(length))
        self.heard.append(message)
        return message

    async def answer(self, result: Any) -> None:
        """Answer the last request of the server's that was read."""
        request_id = next(m["id"] for m in reversed(self.heard) if "id" in m and "method" in m)
        await self.send({"jsonrpc": "2.0", "id": request_id, "result": result})

    async def answer_to(self, request_id: int | None) -> dict[str, Any]:
        """Read until the answer to a request has come."""
        while True:
            message = await self.read()
            if message.get("id") == request_id and "method" not in message:
                return message

    async def heard_from_now(self, method: str) -> dict[str, Any]:
        """Read until a request or notification has come; return its parameters."""
        while (message := await self.read()).get("method") != method:
            pass
        params: dict[str, Any] = message.get("params", {})
        return params

    async def shake_hands(self, root: Path, options: object = None) -> None:
        params = {
            "processId": os.getpid(),
            "rootUri": root.as_uri(),
            "capabilities": CAPABILITIES,
            "initializationOptions": options,
        }
        assert "result" in await self.ask("initialize", params)
        await self.notify("initialized", {})

    async def open(self, uri: str, text: str) -> None:
        document = {"uri": uri, "languageId": "python", "version": 1, "text": text}
        await self.notify("textDocument/didOpen", {"textDocument": document})

    async def command(self, name: str, *arguments: Any) -> int:
        """Send a command; return its id."""
        params = {"command": f"streamingCodeGenerator.{name}", "arguments": list(arguments)}
        return await self.request("workspace/executeCommand", params)

    async def is_alive(self) -> bool:
        """Whether the server still answers as it should."""
        answer = await self.answer_to(await self.command("status", {}))
        return "running" in answer["result"]

    async def discard_rest(self) -> None:
        """Read what is left: a process is not reaped before its output has been read."""
        while await self._reader.read(65536):
            pass

    def hang_up(self) -> None:
        """Close the way to the server."""
        self._writer.close()


class RawServer(Wire):
    """A server process, and the wire to it over standard input and output."""

    def __init__(self, process: Process | ForkedProcess) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        super().__init__(process.stdout, process.stdin)
        self.process = process
        self.stderr = bytearray()
        self._logged = asyncio.Event()

    async def ended(self, within_s: float = DEADLINE_S) -> int:
        """Return the exit code, once the process has ended."""
        async with asyncio.timeout(within_s):
            return await self.process.wait()

    async def keep_stderr(self) -> None:
        assert self.process.stderr is not None
        while block := await self.process.stderr.read(65536):
            self.stderr += block
            self._logged.set()

    async def logs(self, pattern: bytes) -> re.Match[bytes]:
        """Wait until the server has logged what matches a pattern."""
        async with asyncio.timeout(DEADLINE_S):
            while not (found := re.search(pattern, self.stderr)):
                self._logged.clear()
                await self._logged.wait()
        return found


@asynccontextmanager
async def raw_server(
    environment: Mapping[str, str], *command: str, may_fall: bool = False
) -> AsyncIterator[RawServer]:
    """Start a server, and make sure that nothing is left of it.

    Args:
        environment: The server's, whole.
        command: A new interpreter's; without one the server is forked, with its imports.
        may_fall: Whether the test ends it in a way that may leave a traceback.
    """
    process: Process | ForkedProcess
    if command or sys.platform != "linux":
        process = await asyncio.create_subprocess_exec(
            *(command or SERVER), stdin=PIPE, stdout=PIPE, stderr=PIPE, env=dict(environment)
        )
    else:
        process = await start_forked("serve", "--stdio", environment=environment)
    server = RawServer(process)
    logging = asyncio.create_task(server.keep_stderr())
    try:
        yield server
    finally:
        server.hang_up()
        discarding = asyncio.create_task(server.discard_rest())
        try:
            await server.ended(within_s=ENDED_WITHIN_S)
        except TimeoutError:
            process.kill()
            raise
        finally:
            await asyncio.gather(logging, discarding)
    if not may_fall:
        check_last_words(server.stderr.decode(), json.dumps(server.heard))
