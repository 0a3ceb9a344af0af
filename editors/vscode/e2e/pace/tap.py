"""Runs a language server and notes how long the editor takes for each edit.

`python tap.py FILE COMMAND [ARGUMENT...]` appends lines of JSON to the file.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def pump(source: BinaryIO, target: BinaryIO, look: Callable[[dict[str, object]], None]) -> None:
    """Pass messages on until the source ends, and look at each."""
    while header := source.readline():
        length = int(header.split(b":")[1]) if header.lower().startswith(b"content-length") else 0
        lines = [header]
        while (line := source.readline()) not in (b"\r\n", b""):
            lines.append(line)
            if line.lower().startswith(b"content-length"):
                length = int(line.split(b":")[1])
        body = source.read(length)
        target.write(b"".join([*lines, b"\r\n", body]))
        target.flush()
        look(json.loads(body))
    target.close()


class Edits:
    """When each edit was sent, answered, and seen in a change."""

    def __init__(self, path: str) -> None:
        self._file = Path(path).open("a", encoding="utf-8")  # noqa: SIM115
        self._sent: dict[object, float] = {}
        self._open: float | None = None

    def from_server(self, message: dict[str, object]) -> None:
        """Note an edit that is sent."""
        if message.get("method") == "workspace/applyEdit":
            self._open = self._sent[message["id"]] = time.monotonic()

    def from_client(self, message: dict[str, object]) -> None:
        """Note a change, and an answer."""
        now = time.monotonic()
        if message.get("method") == "textDocument/didChange" and self._open is not None:
            self._note("change", now - self._open)
            self._open = None
        sent = self._sent.pop(message.get("id"), None) if "method" not in message else None
        if sent is not None:
            result = message.get("result")
            applied = isinstance(result, dict) and result.get("applied")
            self._note("applied" if applied else "refused", now - sent)

    def _note(self, what: str, seconds: float) -> None:
        self._file.write(json.dumps({"what": what, "seconds": seconds, "at": time.time()}) + "\n")
        self._file.flush()


def main() -> None:
    """Run the server until it ends."""
    edits = Edits(sys.argv[1])
    with subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        if server.stdin is None or server.stdout is None:
            return
        answer = threading.Thread(
            target=pump, args=(server.stdout, sys.stdout.buffer, edits.from_server), daemon=True
        )
        answer.start()
        pump(sys.stdin.buffer, server.stdin, edits.from_client)
        answer.join(5)


if __name__ == "__main__":
    main()
