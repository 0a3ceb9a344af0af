"""From the bytes of a response to chunks, as a push machine; and what to make of no stream."""

import json
from collections.abc import Iterator
from contextlib import suppress

from streaming_code_generator.core.messages import Delta
from streaming_code_generator.errors import StreamingError, StreamProcessError
from streaming_code_generator.providers.openai.chunks import delta_of
from streaming_code_generator.providers.openai.sse import SseEvent, SseParser

_DONE = "[DONE]"

MOST_PENDING_BYTES = 8 * 1024 * 1024
"""No chunk is longer; a server that goes on and on must not fill the memory."""


class ChunkReader:
    """Reads one response. A chunk that cannot be read raises after those before it were given."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._parser = SseParser()
        self._first_byte = b""
        self._json_body = b""
        self.is_done = False
        """Whether the stream said `[DONE]`; what follows is not looked at."""

    def feed(self, received: bytes) -> Iterator[Delta]:
        """Yield the chunks that `received` completes.

        Raises:
            APIError: The endpoint reports an error.
            StreamProcessError: This is no stream of chunks.
        """
        self._first_byte = self._first_byte or received.lstrip()[:1]
        if self._first_byte == b"<":
            raise self._not_a_stream("an HTML page")
        if self._first_byte == b"{":
            self._json_body += received
            pending_bytes = len(self._json_body)
        else:
            yield from self._read(self._parser.feed(received))
            pending_bytes = self._parser.pending_bytes
        if pending_bytes > MOST_PENDING_BYTES:
            raise self._not_a_stream("one chunk without end")

    def finish(self) -> Iterator[Delta]:
        """Yield the chunk that the end cut off before its blank line, if it is whole.

        Raises:
            APIError: The response was not a stream but one error.
            StreamProcessError: It was not a stream at all.
        """
        if self._json_body:
            yield from self._whole_answer()
        else:
            with suppress(StreamProcessError):
                yield from self._read(self._parser.finish())

    def _read(self, events: list[SseEvent]) -> Iterator[Delta]:
        for event in events:
            if self.is_done or not event.data:
                continue
            if event.data == _DONE:
                self.is_done = True
            else:
                yield delta_of(event, self._endpoint)

    def _whole_answer(self) -> Iterator[Delta]:
        """Read a body of JSON: an error, or the answer of a server that does not stream."""
        body = self._json_body.decode("utf-8", "replace")
        try:
            is_answer = any(key in json.loads(body) for key in ("choices", "error"))
        except ValueError:
            is_answer = False
        if not is_answer:
            raise self._not_a_stream("JSON that is no completion")
        yield delta_of(SseEvent(body), self._endpoint)

    def _not_a_stream(self, what: str) -> StreamingError:
        return StreamProcessError(
            f"`{self._endpoint}` answered with {what} instead of a stream. Check that the base URL "
            "is an OpenAI-compatible endpoint (it usually ends in `/v1`) and that no proxy or "
            "login page stands before it."
        )
