"""A lean client of a language server: it takes every edit as it is and reports it at once."""

import asyncio
import json
import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from bench.scenario import Stream, Target

GENERATE = "streamingCodeGenerator.generate"
Message = dict[str, Any]


def cpu_s(pid: int) -> float:
    """Return the processor time that all threads of a process have had (Linux)."""
    total_ns = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):
            total_ns += int((task / "schedstat").read_text().split()[0])
    return total_ns / 1e9


REST_S = 1.0
IDLE_CPU_S = 0.01


async def at_rest(pid: int) -> None:
    """Wait until a process has done nothing for a while, at first until it has warmed up.

    Not for a time that is set: on a busy machine what is imported ahead takes longer.
    """
    while True:
        began_cpu_s = cpu_s(pid)
        await asyncio.sleep(REST_S)
        if cpu_s(pid) - began_cpu_s < IDLE_CPU_S:
            return


def memory_mib(pid: int) -> float:
    """Return a process's resident memory and that of its children."""
    total = 0.0
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for each in [pid, *map(int, children)]:
        status = Path(f"/proc/{each}/status").read_text()
        total += int(status.split("VmRSS:")[1].split()[0]) / 1024
    return total


@dataclass(slots=True)
class Delivery:
    """What came of one generation."""

    edits: list[tuple[float, int]] = field(default_factory=list)
    """When each edit came, and how many characters had come by then."""
    characters: int = 0


class LanguageServer:
    """A server process over stdio, and a client that answers its edits."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._command = command
        self._environment = {**os.environ, **environment}
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._next_id = 1
        self.versions: dict[str, int] = {}
        self.deliveries: dict[str, Delivery] = {}

    async def __aenter__(self) -> Self:
        self.started_at_s = time.monotonic()
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=self._environment,
            limit=64 * 1024 * 1024,
        )
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reading.cancel()
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._process.pid

    async def initialize(self, options: dict[str, object] | None = None) -> None:
        """Introduce the client, as one that takes versioned edits."""
        capabilities = {
            "workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}},
            "window": {"workDoneProgress": True},
            "general": {"positionEncodings": ["utf-16"]},
        }
        await self.request(
            "initialize",
            {
                "processId": os.getpid(),
                "rootUri": None,
                "capabilities": capabilities,
                "initializationOptions": options or {},
            },
        )
        self.notify("initialized", {})

    def open(self, uri: str, text: str) -> None:
        """Open a document."""
        self.versions[uri] = 1
        item = {"uri": uri, "languageId": "python", "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})

    async def generate(self, uri: str, target: Target) -> Delivery:
        """Generate at a place of an open document, to the end."""
        self.deliveries[uri] = delivery = Delivery()
        arguments = {
            "textDocument": {"uri": uri},
            "prompt": "Generate.",
            "position": target.range["end"],
            **({"range": target.range} if target.place == "selection" else {}),
        }
        await self.request(
            "workspace/executeCommand", {"command": GENERATE, "arguments": [arguments]}
        )
        return delivery

    def ask(self) -> "asyncio.Future[Any]":
        """Send a request that has nothing to wait for."""
        return self.request("textDocument/codeLens", {"textDocument": {"uri": "file:///none"}})

    async def longest_wait_s(self, until: "asyncio.Future[Any]") -> float:
        """Return the longest time that a request took to be answered, sent again and again."""
        longest_s = 0.0
        while not until.done():
            began_s = time.monotonic()
            await self.ask()
            longest_s = max(longest_s, time.monotonic() - began_s)
            await asyncio.sleep(0.002)
        return longest_s

    def request(self, method: str, params: object) -> "asyncio.Future[Any]":
        """Send a request."""
        self._waiting[self._next_id] = future = asyncio.get_running_loop().create_future()
        self._send({"id": self._next_id, "method": method, "params": params})
        self._next_id += 1
        return future

    def notify(self, method: str, params: object) -> None:
        """Send a notification."""
        self._send({"method": method, "params": params})

    def _send(self, message: Message) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    async def _read(self) -> None:
        reader = self._process.stdout
        assert reader is not None
        while header := await reader.readuntil(b"\r\n\r\n"):
            length = next(
                int(line.split(b":")[1])
                for line in header.lower().split(b"\r\n")
                if line.startswith(b"content-length")
            )
            self._take(json.loads(await reader.readexactly(length)))

    def _take(self, message: Message) -> None:
        method = message.get("method")
        if method is None:
            future = self._waiting.pop(message["id"])
            if "error" in message:
                future.set_exception(RuntimeError(message["error"]["message"]))
            else:
                future.set_result(message["result"])
        elif method == "workspace/applyEdit":
            self._apply(message)
        elif "id" in message:
            self._send({"id": message["id"], "result": None})

    def _apply(self, message: Message) -> None:
        (change,) = message["params"]["edit"]["documentChanges"]
        uri = change["textDocument"]["uri"]
        self.versions[uri] += 1
        changes = [{"range": e["range"], "text": e["newText"]} for e in reversed(change["edits"])]
        document = {"uri": uri, "version": self.versions[uri]}
        self.notify("textDocument/didChange", {"textDocument": document, "contentChanges": changes})
        self._send({"id": message["id"], "result": {"applied": True}})
        delivery = self.deliveries[uri]
        delivery.characters += sum(len(each["newText"]) for each in change["edits"])
        delivery.edits.append((time.monotonic(), delivery.characters))


MANY = 100
"""Generations that are asked for at once, or one after another."""
MOST_RUNNING = 64
"""As many as the setting allows: the others wait until one of these has ended."""


def our_server(base_url: str, stream: Stream) -> LanguageServer:
    """Return our server as its plug-ins start it, with the loopback endpoint set."""
    return LanguageServer(
        [sys.executable, "-m", "streaming_code_generator", "serve"],
        {
            "STREAMING_CODE_GENERATOR_PROVIDER": "openai",
            "STREAMING_CODE_GENERATOR_BASE_URL": base_url,
            "STREAMING_CODE_GENERATOR_MODEL": stream.name,
            "STREAMING_CODE_GENERATOR_MAX_CONCURRENT_GENERATIONS": str(MOST_RUNNING),
        },
    )


def our_server_at(base_url: str) -> LanguageServer:
    """Return our server for ghost text, with the loopback endpoint set."""
    return our_server(base_url, Stream(chunks=1))


def floor(base_url: str, stream: Stream) -> LanguageServer:
    """Return a server that does the least with a stream; see its module."""
    return LanguageServer([sys.executable, "-m", "bench.floor", base_url, stream.name], {})


def barest_pygls() -> LanguageServer:
    """Return a server that does nothing, on the same library."""
    program = (
        "from pygls.lsp.server import LanguageServer; LanguageServer('barest', '1').start_io()"
    )
    return LanguageServer([sys.executable, "-c", program], {})
