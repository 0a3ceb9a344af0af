"""The child process as its parent sees it: start it, know when it ended, end it."""

import asyncio
import contextlib
import io
import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from typing import cast

from streaming_code_generator.errors import APIError, ConfigurationError
from streaming_code_generator.providers.embedded.child import ServerConfig

logger = logging.getLogger(__name__)

START_TIMEOUT_S = 120.0
"""The longest a model may take to load: gigabytes from a slow disk, not the usual half second."""

STDERR_KEPT_BYTES = 8192


class ChildServer:
    """One child process that serves one model on a loopback port, until `stop`.

    It is a plain `Popen`, not asyncio's: it belongs to no event loop, so that a program that
    calls `asyncio.run` again and again loads its model once. Nothing is lost by killing it: it
    holds no state that outlives a generation.
    """

    def __init__(self, config: ServerConfig) -> None:
        """Start the process; it loads nothing before `wait_ready`."""
        self.config = config
        self.url = ""
        """Where it listens, `http://127.0.0.1:PORT`; empty until `wait_ready` returned."""
        self._stderr_tail = bytearray()
        started: Future[subprocess.Popen[bytes]] = Future()
        # The child is killed with the thread that started it (`_die_with_parent` in `child`), so
        # this has to be one that lives as long as the child, and not the caller's.
        self._keeper = threading.Thread(target=self._keep, args=(started,), daemon=True)
        self._keeper.start()
        self._process = started.result()
        # Never None: all three pipes were asked for.
        self._stdin = cast("io.FileIO", self._process.stdin)
        self._stdout = cast("io.FileIO", self._process.stdout)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.poll() is not None

    async def wait_ready(self) -> None:
        """Send the configuration and wait until the model is loaded and the child listens.

        Cancellation: ends the process, as every error does.

        Raises:
            ConfigurationError: The model file cannot be loaded.
            APIError: The process ended before it listened, or took too long.
        """
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                self.url = await self._exchange()
        except TimeoutError as error:
            await self.stop()
            raise APIError(
                f"The embedded model `{self.config.model_path}` was not loaded within "
                f"{START_TIMEOUT_S:.0f} s: choose a smaller one.",
                kind="timeout",
            ) from error
        except BaseException:
            await self.stop()
            raise
        logger.info("embedded model loaded pid=%d url=%s", self.pid, self.url)

    async def wait_ended(self, within_s: float) -> bool:
        """Return whether the process has ended, or does so within that time."""
        try:
            await asyncio.to_thread(self._process.wait, within_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """End the process without waiting for it."""
        self._process.kill()

    async def stop(self) -> None:
        """End the process and release its pipes. Safe to call twice."""
        self.kill()

        def release() -> None:
            # The process is killed: this is a matter of milliseconds.
            self._process.wait()
            self._keeper.join()
            for pipe in (self._stdin, self._stdout):
                pipe.close()

        # In one go and in a thread, so that a cancellation leaves nothing half released.
        await asyncio.to_thread(release)

    def describe_end(self) -> str:
        """Say how the process ended, as the end of a sentence: "was killed by SIGKILL"."""
        return describe_exit(self._process.poll())

    async def _exchange(self) -> str:
        """Send the configuration and return the URL that comes back."""
        # One line each way: the configuration with the key, which a command line would show to
        # everybody on this machine, and the URL or what went wrong.
        with contextlib.suppress(BrokenPipeError):  # it has ended: the answer will be empty
            self._stdin.write(self.config.to_line())
        line = await asyncio.to_thread(self._stdout.readline)
        if not line:
            await asyncio.to_thread(self._process.wait)
            raise APIError(
                f"The embedded model's process {self.describe_end()} before it was ready.",
                kind="connection",
                retryable=True,
            )
        answer: dict[str, str] = json.loads(line)
        if "url" not in answer:
            raise await self._load_error(answer["error"])
        return answer["url"]

    async def _load_error(self, brief: str) -> ConfigurationError:
        """Return why the model did not load: the file's own fault, as llama.cpp logged it."""
        await asyncio.to_thread(self._keeper.join)
        cause = first_logged_error(self._stderr_tail.decode(errors="replace")) or brief
        return ConfigurationError(
            f"The embedded model `{self.config.model_path}` cannot be loaded: {cause.rstrip('.')}. "
            "Set `modelPath` to another GGUF file, or install a known model: "
            "`streaming-code-generator model list`."
        )

    def _keep(self, started: "Future[subprocess.Popen[bytes]]") -> None:
        """Start the process and read its standard error to the end, keeping the tail."""
        try:
            process = subprocess.Popen(  # noqa: S603 - our own module, run by our own interpreter
                child_command(),
                env=child_environment(os.environ),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
            )
        except OSError as error:
            started.set_exception(error)
            return
        started.set_result(process)
        stderr = cast("io.FileIO", process.stderr)
        # A pipe holds 64 KiB on Linux: a child that logs more would stop in the middle of a token.
        with stderr:
            while piece := stderr.read(STDERR_KEPT_BYTES):
                self._stderr_tail += piece
                del self._stderr_tail[:-STDERR_KEPT_BYTES]


def child_command() -> list[str]:
    """Return the command that runs `child`.

    `-P` keeps the working directory, which may be a stranger's project, out of `sys.path`.
    """
    return [sys.executable, "-P", "-m", "streaming_code_generator.providers.embedded.child"]


_PASSED_ON = re.compile(
    # What a process needs to start and to find its libraries, its interpreter and a place for
    # temporary files, on any platform; and how llama.cpp is set to compute.
    r"(?:PATH|HOME|USER|LANG|LC_\w+|TZ|TMPDIR|TMP|TEMP|LD_LIBRARY_PATH|DYLD_\w+|XDG_\w+"
    r"|SYSTEMROOT|SYSTEMDRIVE|WINDIR|COMSPEC|PATHEXT|USERPROFILE|(?:LOCAL)?APPDATA|PROCESSOR_\w+"
    r"|NUMBER_OF_PROCESSORS|PYTHON\w*|VIRTUAL_ENV"
    r"|(?:OMP|GOMP|KMP|GGML|LLAMA|CUDA|HIP|ROCR|HSA|GPU|VK|MTL)_\w+)",
    re.IGNORECASE,
)
_MAY_BE_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASS|CREDENTIAL", re.IGNORECASE)


def child_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that the child gets: named ones only, for a key may stand in any."""
    return {
        name: value
        for name, value in environment.items()
        if _PASSED_ON.fullmatch(name) and not _MAY_BE_SECRET.search(name)
    }


def describe_exit(returncode: int | None) -> str:
    """Say how a process ended, as the end of a sentence; None means that it still runs."""
    if returncode is None:
        return "stopped answering"
    if returncode >= 0:
        return f"ended with exit code {returncode}"
    try:
        return f"was killed by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"was killed by signal {-returncode}"


def first_logged_error(log: str) -> str:
    """Return the text of llama.cpp's first error line, which names the cause; "" if none.

    A line reads `0.00.016.252 E llama_model_load: error loading model: <cause>`.
    """
    for line in log.splitlines():
        _time, marker, text = line.partition(" E ")
        if marker:
            return text.partition(": ")[2].removeprefix("error loading model: ").strip()
    return ""
