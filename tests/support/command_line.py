"""Running the real command line as a child process, with a deadline."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from support.fork_server import ForkedProcess, start_forked

DEADLINE_S = 180.0
"""Long enough for a busy machine; nothing waits for it when all is well."""
PATIENCE = {
    f"STREAMING_CODE_GENERATOR_{name}_TIMEOUT_SECONDS": "120"
    for name in ("CONNECT", "FIRST_CHUNK", "STALL")
}
"""The command's own deadlines, which are shorter, must not be what a busy machine meets first."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a call ended."""

    exit_code: int
    out: str
    err: str


class CommandLine:
    """Calls the command line in a folder and with an environment of its own.

    It is forked from a process that has its imports already, except where `fresh`: a new
    interpreter, for what is decided when one starts.
    """

    def __init__(self, folder: Path, *, fresh: bool = False) -> None:
        self.folder = folder
        self._start = _start_fresh if fresh or sys.platform != "linux" else start_forked
        config_home = folder / "configuration"
        self.config_file = config_home / "streaming-code-generator" / "config.toml"
        self.config_file.parent.mkdir(parents=True)
        self.environment = {
            **os.environ,
            **PATIENCE,
            "XDG_CONFIG_HOME": str(config_home),
            "XDG_DATA_HOME": str(folder / "data"),
            "XDG_STATE_HOME": str(folder / "state"),
        }

    async def call(
        self, *arguments: str, stdin: bytes = b"", variables: Mapping[str, str] | None = None
    ) -> Outcome:
        """Run to the end."""
        async with self.running(*arguments, variables=variables) as process:
            async with asyncio.timeout(DEADLINE_S):
                out, err = await process.communicate(stdin)
        return Outcome(exit_code=process.returncode or 0, out=out.decode(), err=err.decode())

    @asynccontextmanager
    async def running(
        self, *arguments: str, variables: Mapping[str, str] | None = None
    ) -> AsyncIterator[Process | ForkedProcess]:
        """Start, and make sure that nothing is left of it after the block."""
        environment = {**self.environment, **(variables or {})}
        process = await self._start(*arguments, environment=environment, folder=self.folder)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()


async def _start_fresh(
    *arguments: str, environment: Mapping[str, str], folder: Path | None = None
) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "streaming_code_generator",
        *arguments,
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        cwd=folder,
        env=environment,
    )


async def call_on_terminal(*arguments: str) -> Outcome:
    """Run with a terminal as standard input, as a curious user does."""
    terminal, child_side = os.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "streaming_code_generator",
            *arguments,
            stdin=child_side,
            stdout=PIPE,
            stderr=PIPE,
        )
        async with asyncio.timeout(DEADLINE_S):
            out, err = await process.communicate()
    finally:
        os.close(terminal)
        os.close(child_side)
    return Outcome(exit_code=process.returncode or 0, out=out.decode(), err=err.decode())


async def interrupt(process: Process | ForkedProcess) -> int:
    """Send what Ctrl-C sends, and return the exit code."""
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(DEADLINE_S):
        return await process.wait()
