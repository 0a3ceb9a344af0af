"""Stands for the command line in the eyes of an editor: passes its streams on to the fork server.

A new interpreter with nothing imported, so it costs a twentieth of what a server's start does. It
ends with what was forked and with its exit code, and passes on the signals that are to end it.

    python -I -S fork_relay.py SOCKET serve --stdio
"""

import json
import os
import signal
import socket
import sys


def main(path: str, *arguments: str) -> int:
    """Have the command line forked, and return its exit code."""
    control, theirs = os.pipe()
    folder = os.getcwd()  # noqa: PTH109 - importing pathlib takes as long as all the rest
    message = {"arguments": arguments, "environment": dict(os.environ), "folder": folder}
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.connect(path)
        socket.send_fds(connection, [json.dumps(message).encode()], [0, 1, 2, theirs])
    os.close(theirs)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    with os.fdopen(control) as reports:
        pid = int(reports.readline())
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda sent, _frame: os.kill(pid, sent))
        return int(reports.readline())


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
