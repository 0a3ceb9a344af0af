"""Neovim's own RPC (`:help rpc`) over a pair of sockets, every call bounded in time.

A Neovim that waits for a key answers nothing; a test then fails, and does not hang.
"""

import itertools
import socket
from typing import Any

import msgpack  # type: ignore[import-untyped]  # has no stubs

_REQUEST, _RESPONSE = 0, 1
_RECEIVE_BYTES = 65536


class NeovimError(Exception):
    """What Neovim said of a call that failed."""


class Rpc:
    """One end of the connection; `child_end` goes to the process as its standard streams."""

    def __init__(self, *, deadline_s: float) -> None:
        self._socket, self.child_end = socket.socketpair()
        self._socket.settimeout(deadline_s)
        self._ids = itertools.count(1)
        self._unpacker = msgpack.Unpacker(
            ext_hook=_handle_number, strict_map_key=False, unicode_errors="surrogateescape"
        )

    def call(self, method: str, *arguments: Any) -> Any:
        """Call an API function and return its result.

        Raises:
            NeovimError: The function failed.
            EOFError: Neovim has gone.
            TimeoutError: It has not answered in time; it waits for a key, perhaps.
        """
        message_id = next(self._ids)
        self._send([_REQUEST, message_id, method, arguments])
        while True:
            message = self._receive()
            if message[:2] == [_RESPONSE, message_id]:
                _, _, error, result = message
                if error is not None:
                    raise NeovimError(f"{method}: {error[1]}")
                return result

    def close(self) -> None:
        """Close the connection, at which Neovim ends."""
        self._socket.close()
        self.child_end.close()

    def _send(self, message: object) -> None:
        try:
            self._socket.sendall(msgpack.packb(message, unicode_errors="surrogateescape"))
        except ConnectionError as error:
            raise EOFError("Neovim has gone.") from error

    def _receive(self) -> list[Any]:
        while True:
            for message in self._unpacker:
                return list(message)
            try:
                received = self._socket.recv(_RECEIVE_BYTES)
            except ConnectionError as error:
                raise EOFError("Neovim has gone.") from error
            if not received:
                raise EOFError("Neovim has gone.")
            self._unpacker.feed(received)


def _handle_number(_code: int, data: bytes) -> Any:
    """Return the number of a buffer, window or tab page."""
    return msgpack.unpackb(data)
