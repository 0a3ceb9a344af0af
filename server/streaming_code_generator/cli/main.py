"""Which command was meant, and the one edge at which errors become a line on standard error."""

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import NoReturn

from streaming_code_generator import __version__
from streaming_code_generator.cli.terminal import notify, one_line, show, use_utf8
from streaming_code_generator.errors import StreamingError

PROGRAM = "streaming-code-generator"

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130
"""128 + SIGINT, as a shell reports it."""
EXIT_PIPE_CLOSED = 141
"""128 + SIGPIPE, as a shell reports it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Command:
    """A subcommand; its module has `add_arguments(parser)` and `run(arguments) -> int`."""

    module: str
    add_arguments: str = "add_arguments"
    run: str = "run"
    summary: str | None
    """One line of help; `None` hides the command."""


_COMMANDS = {
    "serve": _Command(module="serve", summary="run the language server"),
    "generate": _Command(module="generate", summary="generate code on standard output"),
    "demo": _Command(module="demo", summary="watch the server write into a document"),
    "model": _Command(module="model", summary="list or install embedded models"),
    "key": _Command(
        module="settings_command",
        add_arguments="add_key_arguments",
        run="run_key",
        summary="store an endpoint's key in the keychain",
    ),
    "usage": _Command(module="usage_command", summary="show what was generated, for how much"),
    "doctor": _Command(module="doctor", summary="check settings, endpoint and models"),
    "settings": _Command(module="settings_command", summary=None),
}


def run_and_exit() -> NoReturn:
    """Run the command that this process was started with, and end the process.

    The interpreter is not taken down: that frees the SDK's thousands of objects one by one, half a
    second on an idle machine, in which an editor waits for its server and a shell for its prompt.
    Connections, child processes and logs are closed by then.
    """
    try:
        exit_code = main()
    except SystemExit as end:
        if not isinstance(end.code, int):
            raise
        exit_code = end.code
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # its reader is gone
            stream.flush()
    os._exit(exit_code)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; errors are one line on standard error."""
    use_utf8()
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        parsed = _parser(arguments).parse_args(arguments)
        exit_code = int(parsed.run(parsed))
        # Here and not at the interpreter's exit, where a closed pipe would print a traceback.
        sys.stdout.flush()
    except KeyboardInterrupt:
        notify("Cancelled.")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The interpreter's last flush of a closed pipe must go nowhere.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        return EXIT_PIPE_CLOSED
    except Exception as error:
        if "--debug" in arguments:
            raise
        notify(f"{PROGRAM}: {_line(error)}")
        return EXIT_FAILED
    return exit_code


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser; only the command that is called is imported to add its arguments."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM, description="Streams generated code into an open document."
    )
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="show the version and exit")
    parser.add_argument("--debug", action="store_true", help="show tracebacks and debug logs")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    called = next((word for word in arguments if not word.startswith("-")), None)
    for name, command in _COMMANDS.items():
        subparser = (
            subparsers.add_parser(name, description=command.summary, help=command.summary)
            if command.summary
            else subparsers.add_parser(name)
        )
        if name == called:
            module = import_module(f"streaming_code_generator.cli.{command.module}")
            # The option may stand behind the command, too.
            subparser.add_argument(
                "--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS
            )
            getattr(module, command.add_arguments)(subparser)
            subparser.set_defaults(run=getattr(module, command.run))
    return parser


class _ShowVersion(argparse.Action):
    """Prints the version."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        show(f"{PROGRAM} {__version__}\n")
        parser.exit()


def _line(error: Exception) -> str:
    """Return the message for the user, in one line."""
    if isinstance(error, StreamingError | OSError):
        return one_line(str(error))
    return (
        f"internal error: {type(error).__name__}: {one_line(str(error))}. "
        "This is a bug; run the command again with --debug to see where."
    )
