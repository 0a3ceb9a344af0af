"""A loopback HTTP server that hands out one file, as well or as badly as it is told to."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How one request is answered."""

    status: int | None = None
    """An error to answer with, instead of the file."""
    cut_after_bytes: int | None = None
    """Close the connection when so much of the body was sent."""
    knows_ranges: bool = True
    range_shift: int = 0
    """How far from the asked offset the answer begins."""


@dataclass(slots=True, kw_only=True)
class FileServer:
    """What to answer with, and what was asked."""

    body: bytes
    answers: list[Answer] = field(default_factory=list)
    """Used up one by one; afterwards the file is served as it should be."""
    ranges: list[str | None] = field(default_factory=list)
    """The `Range` header of each request, in order."""
    url: str = ""

    def next_answer(self) -> Answer:
        return self.answers.pop(0) if self.answers else Answer()


@contextlib.contextmanager
def serve_file(body: bytes, *answers: Answer) -> Iterator[FileServer]:
    """Serve until the block is left."""
    state = FileServer(body=body, answers=list(answers))
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(state))
    state.url = f"http://127.0.0.1:{server.server_port}/model.gguf"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(state: FileServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            state.ranges.append(asked)
            answer = state.next_answer()
            if answer.status is not None:
                self.send_error(answer.status)
                return
            offset = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
            partial = asked is not None and answer.knows_ranges
            self._send(answer, offset + answer.range_shift if partial else 0, partial=partial)

        def _send(self, answer: Answer, offset: int, *, partial: bool) -> None:
            rest = state.body[offset:]
            self.send_response(206 if partial else 200)
            if partial:
                total = len(state.body)
                self.send_header("Content-Range", f"bytes {offset}-{total - 1}/{total}")
            self.send_header("Content-Length", str(len(rest)))
            self.end_headers()
            self.wfile.write(rest[: answer.cut_after_bytes])
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            """Say nothing."""

    return Handler
