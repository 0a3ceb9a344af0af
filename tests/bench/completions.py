"""What ghost text costs: how soon it comes and a request is given up, how many are sent."""

import asyncio
import json
import statistics
from typing import Any
from urllib.parse import urlsplit

from bench.language_server import LanguageServer, our_server_at
from streaming_code_generator.testing.openai_replies import Hold, Reply, event
from streaming_code_generator.testing.openai_server import OpenAIServer, RecordedRequest

METHOD = "textDocument/inlineCompletion"
URI = "file:///ghost.py"
HEAD = "".join(f"value_{number} = {number}\n" for number in range(40))
KEY_S = 0.15
"""Between two keys: 80 words a minute."""
MODEL_S = 0.1
"""So long the model takes for a suggestion."""

CODE = (
    "def area(width, height):\n"
    "    product = width * height\n"
    "    assert product >= 0\n"
    "    return product\n"
    "\n"
    "def volume(width, height, depth):\n"
    "    base = area(width, height)\n"
    "    return base * depth\n"
    "\n"
    "print(volume"
)
"""What is typed, key by key."""


def suggested(typed: str) -> str:
    """Return what the model suggests: the line as it is going to be, on every other line."""
    number = typed.count("\n")
    rest = CODE[len(typed) :].partition("\n")[0]
    return rest if number % 2 == 0 else f"wrong_{len(typed)}()"


def llama_vim_requests() -> int:
    """Return how many requests llama.vim's rules send for the same keys.

    Source: ggml-org/llama.vim, `autoload/llama.vim`. Each movement of the cursor looks in the
    cache, 128 characters back; what is not there is asked for at once, or 100 ms after the request
    that runs; what is shown is followed by a request for what comes behind it.
    """
    cache: dict[str, str] = {}
    sent = 0
    free_at_s = 0.0

    def look_up(typed: str) -> str | None:
        for back in range(min(128, len(typed)) + 1):
            text = cache.get(typed[: len(typed) - back])
            rest = typed[len(typed) - back :]
            if text is not None and text.startswith(rest) and len(text) > back:
                return text[back:]
        return None

    for count in range(1, len(CODE) + 1):
        typed, now_s = CODE[:count], count * KEY_S
        shown = look_up(typed)
        if shown is None and free_at_s <= now_s + KEY_S:
            sent += 1
            free_at_s = max(now_s, free_at_s) + MODEL_S
            shown = cache[typed] = suggested(typed)
        if shown and typed + shown not in cache and look_up(typed + shown) is None:
            sent += 1
            cache[typed + shown] = suggested(CODE[:count] + shown) or " "
    return sent


class _Keyboard:
    """Types into the document and asks, as an editor does."""

    def __init__(self, server: LanguageServer, line: int, character: int) -> None:
        self._server = server
        self.line, self.character = line, character
        self._version = 1

    def type(self, text: str) -> None:
        """Type at the cursor."""
        self._version += 1
        here = {"line": self.line, "character": self.character}
        change = {"range": {"start": here, "end": here}, "text": text}
        document = {"uri": URI, "version": self._version}
        self._server.notify(
            "textDocument/didChange", {"textDocument": document, "contentChanges": [change]}
        )
        if text == "\n":
            self.line, self.character = self.line + 1, 0
        else:
            self.character += len(text)

    def ask(self, *, invoked: bool = False) -> "asyncio.Future[Any]":
        """Ask for ghost text at the cursor."""
        request: asyncio.Future[Any] = self._server.request(
            METHOD,
            {
                "textDocument": {"uri": URI},
                "position": {"line": self.line, "character": self.character},
                "context": {"triggerKind": 1 if invoked else 2},
            },
        )
        return request


def _infill(*texts: str, held: asyncio.Event | None = None) -> Reply:
    pieces = [event({"content": text, "stop": False}) for text in texts]
    end = event({"content": "", "stop": True, "stop_type": "eos"})
    return Reply(steps=(*pieces, *([Hold(held)] if held else []), end))


async def typed_as_suggested(lines: int) -> list[float]:
    """Return, in ms, how long each answer takes while a suggestion is typed as it came."""
    text = "x" * 100
    async with OpenAIServer(_infill(text + "\n")) as model, our_server_at(model.base_url) as server:
        await server.initialize()
        server.open(URI, "value = 1\n" * lines)
        keyboard = _Keyboard(server, lines // 2, 9)
        loop = asyncio.get_running_loop()
        await keyboard.ask(invoked=True)
        took_ms = []
        for key in text[:-1]:
            keyboard.type(key)
            began_s = loop.time()
            answer = await keyboard.ask()
            took_ms.append((loop.time() - began_s) * 1e3)
            assert answer is not None
        assert len(model.requests) == 1
    return took_ms


async def overhead(count: int) -> list[float]:
    """Return, in ms, how long answers take whose model answers at once."""
    async with OpenAIServer(_infill("x()\n")) as model, our_server_at(model.base_url) as server:
        await server.initialize()
        server.open(URI, HEAD)
        keyboard = _Keyboard(server, 40, 0)
        loop = asyncio.get_running_loop()
        took_ms = []
        for number in range(count):
            keyboard.type(f"a{number} = ")
            began_s = loop.time()
            await keyboard.ask(invoked=True)
            took_ms.append((loop.time() - began_s) * 1e3)
    return took_ms[1:]  # the first one imports what all need


async def without_a_server(count: int) -> list[float]:
    """Return, in ms, how long the model's own answer takes over a connection of its own."""
    async with OpenAIServer(_infill("x()\n")) as model:
        url = urlsplit(model.base_url)
        body = json.dumps({"prompt": "x", "stream": True}).encode()
        head = f"POST /infill HTTP/1.1\r\nHost: {url.netloc}\r\nConnection: close\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        took_ms = []
        loop = asyncio.get_running_loop()
        for _ in range(count):
            began_s = loop.time()
            reader, writer = await asyncio.open_connection(url.hostname, url.port)
            writer.write(head.encode() + body)
            await reader.readuntil(b'"stop_type"')
            took_ms.append((loop.time() - began_s) * 1e3)
            writer.close()
            await writer.wait_closed()
    return took_ms[1:]


async def change_of_mind(count: int) -> list[float]:
    """Return, in ms, how long after another key a connection is closed."""
    held = asyncio.Event()
    reply = _infill("x(", held=held)  # a line that has not ended: the stream goes on
    async with OpenAIServer(reply) as model, our_server_at(model.base_url) as server:
        await server.initialize()
        server.open(URI, HEAD)
        keyboard = _Keyboard(server, 40, 0)
        loop = asyncio.get_running_loop()
        took_ms = []
        for number in range(count):
            keyboard.type(f"a{number} = ")
            asked = keyboard.ask(invoked=True)
            while len(model.requests) <= number:  # noqa: ASYNC110 - each request counts, not one
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.02)
            began_s = loop.time()
            keyboard.type("z;")
            await model.requests[number].disconnected.wait()
            took_ms.append(((model.requests[number].disconnected_at or 0) - began_s) * 1e3)
            await asked
    return took_ms


async def requests_sent() -> int:
    """Return how many requests the keys of `CODE` lead to."""

    def reply(request: RecordedRequest) -> Reply:
        ready = asyncio.Event()
        asyncio.get_running_loop().call_later(MODEL_S, ready.set)
        body = request.body
        known = (body["input_prefix"] + body["prompt"]).rpartition(HEAD[-20:])[2]
        reply = _infill(suggested(known) + "\n")
        return Reply(before_headers=(Hold(ready),), steps=reply.steps)

    async with OpenAIServer(reply_to=reply) as model, our_server_at(model.base_url) as server:
        await server.initialize()
        server.open(URI, HEAD)
        keyboard = _Keyboard(server, 40, 0)
        asked = []
        for key in CODE:
            keyboard.type(key)
            asked.append(keyboard.ask())
            await asyncio.sleep(KEY_S)
        await asyncio.gather(*asked, return_exceptions=True)
        return len(model.requests)


async def measured(lines: int) -> dict[str, float]:
    """Return all figures."""
    as_suggested = await typed_as_suggested(lines)
    ours, theirs = await requests_sent(), llama_vim_requests()
    own_ms = statistics.median(await without_a_server(60))
    added_ms = statistics.median(await overhead(60)) - own_ms
    return {
        f"ghost text typed as suggested, {lines:,} lines, ms, median": statistics.median(
            as_suggested
        ),
        f"ghost text typed as suggested, {lines:,} lines, ms, p99": statistics.quantiles(
            as_suggested, n=100
        )[98],
        "ghost text, added to the model's own time, ms, median": added_ms,
        "ghost text, connection closed after another key, ms, most": max(await change_of_mind(30)),
        "ghost text, requests for 200 keys": ours,
        "ghost text, requests for 200 keys: llama.vim's rules": theirs,
    }
