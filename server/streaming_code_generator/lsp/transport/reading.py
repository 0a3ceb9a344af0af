"""Reading JSON-RPC messages, whatever comes in between.

pygls reads every message by three hops to a thread, and ends at the first that is broken.
"""

import asyncio
import json
import logging
import re
from typing import TYPE_CHECKING, Protocol

from pygls.exceptions import JsonRpcException, JsonRpcParseError

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection

logger = logging.getLogger(__name__)

_CONTENT_LENGTH = re.compile(rb"content-length:\s*(\d{1,19})\s*$", re.IGNORECASE)
"""Matched at a line's end: after a body of another length than announced it stands behind it."""
MOST_HEADER_BYTES = 64 * 1024
MOST_BODY_BYTES = 256 * 1024 * 1024
"""A message that announces more is not waited for: it would hold up all that follow."""


class Receiver(Protocol):
    """Takes decoded messages."""

    def receive(self, message: object) -> None:
        """Handle one message; nothing in it makes this raise."""

    def refuse_unreadable(self, error: JsonRpcException) -> None:
        """Answer a message that could not be decoded."""


async def read_messages(reader: asyncio.StreamReader, receiver: Receiver) -> None:
    """Hand every message to the receiver until the input ends.

    A message that is not JSON is answered with a parse error; reading goes on behind it.

    Cancellation: at once, between messages.
    """
    while (length := await _content_length(reader)) is not None:
        try:
            # Without a name of its own: while the next message is awaited, the last one is free.
            _hand_over(await reader.readexactly(length), receiver)
        except asyncio.IncompleteReadError:
            return


def _hand_over(body: bytes | str, receiver: Receiver) -> None:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        logger.warning("received a message of %d bytes that is not JSON", len(body))
        receiver.refuse_unreadable(JsonRpcParseError())
        return
    receiver.receive(message)


async def _content_length(reader: asyncio.StreamReader) -> int | None:
    """Read a header block; return the body's length, or None at the end of the input."""
    length: int | None = None
    while True:
        try:
            line = await reader.readline()
        except ValueError:
            logger.warning("received a header line that is too long; it is skipped")
            continue
        if not line:
            return None
        # A client that announced too short a body leaves its rest in front of the next header:
        #
        #     `…}Content-Length: 52\r\n`    is found at the line's end
        #     `\r\n`                        ends the block; reading goes on in step
        if match := _CONTENT_LENGTH.search(line):
            length = int(match[1])
            if length > MOST_BODY_BYTES:
                logger.warning("a message of %d bytes was announced; it is not waited for", length)
                length = None
        elif not line.strip() and length is not None:
            return length


async def read_socket(socket: "ServerConnection", receiver: Receiver) -> None:
    """Hand every message of a web socket to the receiver until it closes."""
    async for body in socket:
        _hand_over(body, receiver)
