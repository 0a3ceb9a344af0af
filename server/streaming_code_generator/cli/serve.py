"""`serve`: the language server on standard input and output, a TCP port or a web socket."""

import argparse
import gc
import linecache
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from streaming_code_generator.cli.terminal import notify
from streaming_code_generator.errors import ConfigurationError
from streaming_code_generator.logs import LogSink, install

EXIT_USAGE = 2

_LAST_PORT = 65535

EXPLANATION = """\
streaming-code-generator serve is a language server: an editor starts it and speaks JSON-RPC with \
it over standard input and output.
Set up your editor to run it, or pass --tcp HOST:PORT to listen on a port, or try \
`streaming-code-generator demo`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to listen."""

    host: str
    port: int


def address(text: str) -> Address:
    """Return the address of `HOST:PORT`; an IPv6 host stands in brackets.

    Raises:
        argparse.ArgumentTypeError: It is not of that form.
    """
    host, separator, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    number = int(port) if port.isascii() and port.isdigit() else _LAST_PORT + 1
    if not separator or not host or number > _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT, such as 127.0.0.1:2087")
    return Address(host=host, port=number)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the transports, of which one may be chosen, and where to log."""
    transport = parser.add_mutually_exclusive_group()
    transport.add_argument(
        "--stdio", action="store_true", help="speak on standard input and output (the default)"
    )
    transport.add_argument("--tcp", type=address, metavar="HOST:PORT", help="listen on a TCP port")
    transport.add_argument("--ws", type=address, metavar="HOST:PORT", help="listen for web sockets")
    parser.add_argument(
        "--log-file", type=Path, metavar="PATH", help="log there instead of standard error"
    )


GARBAGE_THRESHOLD = 10_000
"""So many objects are made before Python looks for garbage among them, instead of 700."""


def run(arguments: argparse.Namespace) -> int:
    """Serve until the client goes away."""
    chosen = arguments.stdio or arguments.tcp or arguments.ws
    if not chosen and sys.stdin.isatty():
        notify(EXPLANATION)
        return EXIT_USAGE
    # The settings are read once `initialize` has been answered; until then no key is known.
    sink = install(arguments.log_file or sys.stderr, level="debug" if arguments.debug else "info")
    try:
        _serve(arguments, sink)
    finally:
        sink.close()
    return 0


def _warn_of_strangers(listening: Address) -> None:
    from streaming_code_generator.settings.endpoints import (  # noqa: PLC0415 - 50 ms, and most listen nowhere
        is_loopback_host,
    )

    if not is_loopback_host(listening.host):
        notify(
            f"Note: whoever reaches {listening.host}:{listening.port} can use this server; it "
            "asks for no password. Listen on 127.0.0.1 unless that is meant."
        )


def _serve(arguments: argparse.Namespace, sink: LogSink) -> None:
    if listening := arguments.tcp or arguments.ws:
        _warn_of_strangers(listening)
    # What is imported stays: looking for garbage in it as often as Python does by itself would take
    # a tenth of the start, and more whenever all objects are looked at later. Not at all would keep
    # 9 MiB of garbage, most of it classes that are made twice for their slots.
    gc.set_threshold(GARBAGE_THRESHOLD)
    from streaming_code_generator.lsp import serving  # noqa: PLC0415 - the same
    from streaming_code_generator.lsp.server import build_server  # noqa: PLC0415 - 0.4 s

    # attrs keeps the source of every method that it generates, for debuggers: 2 MiB.
    linecache.clearcache()
    gc.freeze()
    debug = {"log_level": "debug"} if arguments.debug else {}
    new_server = partial(build_server, sink=sink, command_line=debug)
    if arguments.tcp:
        serving.serve_tcp(arguments.tcp.host, arguments.tcp.port, new_server)
    elif arguments.ws:
        from importlib.util import find_spec  # noqa: PLC0415 - asked for here only

        if find_spec("websockets") is None:
            raise ConfigurationError(
                "`--ws` needs the package `websockets`: install this one with its extra "
                "`websocket`."
            )
        serving.serve_ws(arguments.ws.host, arguments.ws.port, new_server)
    else:
        serving.serve_stdio(new_server)
