"""Server-sent events, as a push machine over bytes.

Source: WHATWG HTML, "Server-sent events", "Interpreting an event stream"; with one leniency: an
event that the stream's end cuts off before its blank line is handed on by `finish`.
"""

import re
from dataclasses import dataclass

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class SseEvent:
    """One event that carries data."""

    data: str
    """Its data lines, joined by line feeds; broken UTF-8 is replaced by U+FFFD."""
    event: str = ""
    """Its type; empty where the stream names none."""


class SseParser:
    """Turns any splitting of a stream's bytes into the same events."""

    def __init__(self) -> None:
        self._rest = b""
        self._at_start = True
        self._after_cr = False
        self._data: list[bytes] = []
        self._event = b""

    @property
    def pending_bytes(self) -> int:
        """Bytes of the event that is not complete yet."""
        return len(self._rest) + sum(map(len, self._data))

    def feed(self, received: bytes) -> list[SseEvent]:
        """Return the events that `received` completes."""
        events: list[SseEvent] = []
        # One event in two reads, `data: {"a": 1}\r\n\r` and `\ndata: [DONE]\n\n`:
        #
        #     first     the CR ends the empty line, so the event goes out at once
        #     second    its first LF belongs to that CR and is dropped; then comes the next event
        for line in self._lines(received):
            if line:
                self._take_field(line)
            elif self._data:
                events.append(self._dispatch())
            else:
                self._event = b""
        return events

    def finish(self) -> list[SseEvent]:
        """Return the event that the end of the stream cut off before its blank line, if any."""
        rest, self._rest = self._rest, b""
        if rest:
            self._take_field(rest)
        return [self._dispatch()] if self._data else []

    def _lines(self, received: bytes) -> list[bytes]:
        """Return the lines that are complete; a CR ends one before its LF is seen."""
        if self._at_start:
            received = self._without_byte_order_mark(received)
        if self._after_cr and received:
            self._after_cr = False
            received = received.removeprefix(b"\n")
        received = self._rest + received
        if b"\r" in received:
            self._after_cr = received.endswith(b"\r")
            *lines, self._rest = _LINE_END.split(received)
        else:
            *lines, self._rest = received.split(b"\n")
        return lines

    def _without_byte_order_mark(self, received: bytes) -> bytes:
        # The mark may come a byte at a time; until it is whole, or cannot become one, all waits.
        start = self._rest + received
        self._rest = b""
        if len(start) < len(_BYTE_ORDER_MARK) and _BYTE_ORDER_MARK.startswith(start):
            self._rest = start
            return b""
        self._at_start = False
        return start.removeprefix(_BYTE_ORDER_MARK)

    def _take_field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        # A comment (`: keep-alive`) has an empty name. `id` and `retry` are for reconnecting, which
        # a completion cannot do.
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
        elif name == b"event":
            self._event = value.removeprefix(b" ")

    def _dispatch(self) -> SseEvent:
        event = SseEvent(
            b"\n".join(self._data).decode("utf-8", "replace"),
            self._event.decode("utf-8", "replace"),
        )
        self._data, self._event = [], b""
        return event
