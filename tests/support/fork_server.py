"""Starts the command line, and with it servers, from a process that has imported what they need.

A start of its own spends a second of the processor's time on imports and the tokenizer. What is
forked is a process of its own all the same, with its own environment and standard streams; only
what the interpreter reads at its start (`LC_ALL`, `PYTHONUTF8`) has no effect.
"""

import asyncio
import atexit
import gc
import importlib
import json
import os
import platform
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NoReturn

import attrs
from lsprotocol import types
from pygls.lsp._base_server import BaseLanguageServer
from pygls.protocol import default_converter
from pytest_lsp import client_capabilities

from streaming_code_generator.core.tokens import encoding_of, load_counter

_SHARED = (
    "streaming_code_generator.cli.doctor",
    "streaming_code_generator.cli.generate",
    "streaming_code_generator.cli.serve",
    "streaming_code_generator.lsp.commands",
    "streaming_code_generator.lsp.completions.completions",
    "streaming_code_generator.lsp.server",
    "streaming_code_generator.lsp.serving",
    "streaming_code_generator.lsp.state",
    "streaming_code_generator.providers.openai.openai_provider",
    "openai.resources.chat.completions",
    # What these import when it is needed.
    "anyio.streams.tls",
    "httpcore2",
    "pathspec",
    "pygls.progress",
    "pygments.lexers.python",
    "truststore",
)
_LONGEST_MESSAGE = 1 << 20
_SOCKET = "TESTS_FORK_SERVER"
"""The variable by which processes that share the tests find the one that forks."""
_RELAY = Path(__file__).with_name("fork_relay.py")


# In the tests


class ForkedProcess:
    """The command line, with what tests use of `asyncio.subprocess.Process`."""

    def __init__(
        self,
        control: asyncio.StreamReader,
        stdin: asyncio.StreamWriter,
        stdout: asyncio.StreamReader,
        stderr: asyncio.StreamReader,
    ) -> None:
        """Wait with `started` before it is used."""
        self.pid = 0
        self.returncode: int | None = None
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr
        self._control = control
        self._watch = asyncio.create_task(self._take_exit_code())

    async def _take_exit_code(self) -> int:
        self.pid = int(await self._control.readline())
        exit_code = int(await self._control.readline())
        await self._control.read()  # to its end, at which the pipe is closed
        self.returncode = exit_code
        self.stdin.close()
        return self.returncode

    async def wait(self) -> int:
        """Return the exit code, once the process has ended."""
        return await asyncio.shield(self._watch)

    async def communicate(self, stdin: bytes = b"") -> tuple[bytes, bytes]:
        """Write to standard input, close it, and return what came out until the end."""
        if not self.stdin.is_closing():
            self.stdin.write(stdin)
            self.stdin.close()
        out, err, _ = await asyncio.gather(self.stdout.read(), self.stderr.read(), self.wait())
        with suppress(ConnectionError):
            await self.stdin.wait_closed()
        return out, err

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.returncode is None and self.pid:
            with suppress(ProcessLookupError):  # it has, and the news is on its way
                os.kill(self.pid, number)


async def start_forked(
    *arguments: str, environment: Mapping[str, str], folder: Path | None = None
) -> ForkedProcess:
    """Start the command line with an environment of its own."""
    ours, stdin = socket.socketpair()
    stdout, stderr, control = os.pipe(), os.pipe(), os.pipe()
    sent = [stdin.detach(), stdout[1], stderr[1], control[1]]
    message = json.dumps(
        {
            "arguments": arguments,
            "environment": dict(environment),
            "folder": str(folder or Path.cwd()),
        }
    ).encode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.connect(fork_server())
        socket.send_fds(connection, [message], sent)
    for descriptor in sent:
        os.close(descriptor)
    _, writer = await asyncio.open_connection(sock=ours)
    readers = [await _reader(pipe[0]) for pipe in (control, stdout, stderr)]
    return ForkedProcess(readers[0], writer, *readers[1:])


def server_command() -> list[str]:
    """Return the words with which another program starts a server, forked where that can be.

    The process that they start is then not the server: it passes on the server's streams, and ends
    after it.
    """
    if sys.platform != "linux":
        return [sys.executable, "-m", "streaming_code_generator", "serve", "--stdio"]
    return [sys.executable, "-I", "-S", str(_RELAY), fork_server(), "serve", "--stdio"]


async def _reader(descriptor: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    pipe = os.fdopen(descriptor, "rb", buffering=0)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    return reader


@cache
def fork_server() -> str:
    """Start the process that forks, and return its socket's path; it ends with the tests.

    Processes of tests that are started afterwards use the same one.
    """
    if path := os.environ.get(_SOCKET):
        return path
    folder = tempfile.TemporaryDirectory(prefix="fork-server-")
    path = f"{folder.name}/socket"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(path)
        listener.listen()
        numbers = [listener.fileno()]
        theirs, ours = os.pipe()
        numbers.append(theirs)
        process = subprocess.Popen(
            [sys.executable, "-P", __file__, *map(str, numbers)], pass_fds=numbers
        )
        os.close(theirs)

    def end() -> None:
        os.close(ours)
        process.wait()
        folder.cleanup()

    atexit.register(end)
    os.environ[_SOCKET] = path
    return path


# In the process that forks


def _learn_types() -> None:
    """Make the converter that all servers take, and let it compile what they read and write.

    Each process that is forked has one server, so that servers share nothing by it.
    """
    converter = default_converter()  # type: ignore[no-untyped-call]  # pygls has no types here
    parameters = types.InitializeParams(client_capabilities("visual-studio-code"))
    request = types.InitializeRequest(id=1, params=parameters)
    converter.structure(converter.unstructure(request), types.InitializeRequest)
    for kind in types.ALL_TYPES_MAP.values():
        if isinstance(kind, type) and attrs.has(kind):
            converter.get_unstructure_hook(kind)
    *before, _factory, workers = BaseLanguageServer.__init__.__defaults__ or ()
    BaseLanguageServer.__init__.__defaults__ = (*before, lambda: converter, workers)


def _serve_forks(listener: socket.socket, tests: int) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nothing is left of a keeper
    while tests not in select.select([listener.fileno(), tests], [], [])[0]:
        with listener.accept()[0] as connection:
            message, descriptors, _, _ = socket.recv_fds(connection, _LONGEST_MESSAGE, 4)
        if len(descriptors) == 4 and os.fork() == 0:
            listener.close()
            os.close(tests)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _keep(message, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _keep(message: bytes, descriptors: list[int]) -> NoReturn:
    """Fork the command line itself, and report its process id and how it ended."""
    *streams, control = descriptors
    pid = os.fork()
    if pid == 0:
        os.close(control)
        _become_command_line(message, streams)
    for descriptor in streams:
        os.close(descriptor)
    with suppress(BrokenPipeError):  # a relay may have been killed
        os.write(control, b"%d\n" % pid)
        _, status = os.waitpid(pid, 0)
        os.write(control, b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def _become_command_line(message: bytes, streams: list[int]) -> NoReturn:
    from streaming_code_generator.cli import run_and_exit  # noqa: PLC0415 - the tests need it not

    wanted = json.loads(message)
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, mode, closefd=False) for number, mode in enumerate(("r", "w", "w"))
    )
    os.environ.clear()
    os.environ.update(wanted["environment"])
    os.chdir(wanted["folder"])
    sys.argv[1:] = wanted["arguments"]
    run_and_exit()


if __name__ == "__main__":
    for name in _SHARED:
        importlib.import_module(name)
    load_counter(encoding_of("loopback-model")[0])
    _learn_types()
    platform.processor()  # a process is asked for it
    # What all have in common is not looked through again and again, nor copied for it.
    gc.freeze()
    _serve_forks(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]))
