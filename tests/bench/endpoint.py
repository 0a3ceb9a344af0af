"""A model server that costs its clients nothing: prepared bytes, at full rate or paced.

Run as a process of its own, so that its time is nobody else's. It prints its port, then the time at
which it sent each chunk of a paced answer, and ends with its input. What it answers with stands in
the request's `model`: `chunks=5000,rate=100,text=emoji`.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from functools import lru_cache

from bench.scenario import Stream

HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
    b"Connection: close\r\n\r\n"
)
BLOCK_BYTES = 64 * 1024


def event(delta: dict[str, object], **more: object) -> bytes:
    """Return one chunk as a server sends it."""
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "bench",
        "choices": [choice],
        **more,
    }
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def http_chunk(data: bytes) -> bytes:
    """Return bytes as one chunk of HTTP's transfer coding."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def end(stream: Stream) -> bytes:
    """Return the last events: usage and the end mark."""
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": stream.chunks,
        "total_tokens": stream.chunks + 10,
    }
    finish = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    return event({}, **finish) + event({}, choices=[], usage=usage) + b"data: [DONE]\n\n"


def events(stream: Stream) -> Iterator[bytes]:
    """Yield the chunks of an answer, as a server sends them."""
    for piece in stream.pieces():
        yield event({"content": piece})


@lru_cache(maxsize=1)
def blocks(stream: Stream) -> list[bytes]:
    """Return an answer's chunks joined to blocks that fill a socket's buffer.

    Made once: beside a server that reads a hundred streams, each would cost more than reading it.
    """
    made: list[bytes] = []
    held: list[bytes] = []
    size = 0
    for each in events(stream):
        held.append(http_chunk(each))
        size += len(held[-1])
        if size >= BLOCK_BYTES:
            made.append(b"".join(held))
            held, size = [], 0
    return [*made, b"".join(held)]


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one request and close the connection."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    )
    stream = Stream.parse(json.loads(await reader.readexactly(length))["model"])
    writer.write(HEAD)
    try:
        if stream.rate:
            await paced(writer, stream)
        else:
            for block in blocks(stream):
                writer.write(block)
                await writer.drain()
        writer.write(http_chunk(end(stream)) + b"0\r\n\r\n")
        await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def paced(writer: asyncio.StreamWriter, stream: Stream) -> None:
    """Send so many chunks a second."""
    due = time.monotonic()
    for each in events(stream):
        await asyncio.sleep(due - time.monotonic())
        say(time.monotonic())
        writer.write(http_chunk(each))
        due += 1 / stream.rate


def say(number: float) -> None:
    """Print a number on a line of its own."""
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


async def main() -> None:
    """Serve until the input ends."""
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    say(server.sockets[0].getsockname()[1])
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
