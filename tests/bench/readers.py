"""What a stream costs whoever only reads it: the SDK's own loop, and a bare socket with JSON.

Run as `python -m bench.readers sdk|raw|first BASE_URL MODEL`. It prints the microseconds of
processor time a chunk has cost, after a first stream that does not count; or for `first`, the time
at which the SDK had the first text.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import openai
from openai.types.chat import ChatCompletionChunk

from bench.scenario import Stream

Read = Callable[[str, str], Awaitable[None]]
PROMPT = "Generate."


async def sdk(base_url: str, model: str) -> None:
    """Iterate over the SDK's chunks and join their text."""
    async with openai.AsyncOpenAI(base_url=base_url, api_key="none") as client:
        stream: openai.AsyncStream[ChatCompletionChunk] = await client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": PROMPT}],
            stream=True,
        )
        "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])


async def raw(base_url: str, model: str) -> None:
    """Read lines off the socket and parse their JSON."""
    parts = urlsplit(base_url)
    messages = [{"role": "user", "content": PROMPT}]
    body = json.dumps({"model": model, "messages": messages, "stream": True}).encode()
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b"
        % (len(body), body)
    )
    text: list[str] = []
    rest = b""
    while received := await reader.read(64 * 1024):
        *lines, rest = (rest + received).split(b"\n")
        for line in lines:
            if line.startswith(b"data: {"):
                choices = json.loads(line[6:])["choices"]
                text.append(choices[0]["delta"].get("content") or "" if choices else "")
    writer.close()


async def first(base_url: str, model: str) -> None:
    """Print when the SDK had the first text of a stream."""
    async with openai.AsyncOpenAI(base_url=base_url, api_key="none") as client:
        stream: openai.AsyncStream[ChatCompletionChunk] = await client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": PROMPT}],
            stream=True,
        )
        async with stream:
            async for chunk in stream:
                if chunk.choices and chunk.choices[0].delta.content:
                    break
            came_at_s = time.monotonic()
    sys.stdout.write(f"{came_at_s}\n")


async def main(read: Read, base_url: str, model: str) -> None:
    """Read the stream twice and print the second time's cost."""
    await read(base_url, model)
    began_s = time.process_time()
    await read(base_url, model)
    cost_us = (time.process_time() - began_s) / Stream.parse(model).chunks * 1e6
    sys.stdout.write(f"{cost_us}\n")


if __name__ == "__main__":
    name, *where = sys.argv[1:]
    asyncio.run(first(*where) if name == "first" else main({"sdk": sdk, "raw": raw}[name], *where))
