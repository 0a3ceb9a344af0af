"""The child process as its parent sees it: start it, know when it ended, end it.

`ChildSupervisor` keeps one running for all requests, and ends it with its owner.
"""

import asyncio
import contextlib
import io
import json
import logging
import os
import re
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
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


STABLE_AFTER_S = 30.0
"""A process that lived this long did not end because of how it was started."""


@dataclass(slots=True, kw_only=True)
class RestartBackoff:
    """Counts early ends in a row; times are seconds of one monotonic clock.

    The first restart comes at once, so that a single crash costs nothing but the reload.
    """

    first_delay_s: float = 1.0
    longest_delay_s: float = 30.0
    early_ends: int = 0
    _started_at_s: float = 0.0
    _ended_at_s: float = 0.0

    def note_start(self, now_s: float) -> None:
        """Remember when the process was started."""
        self._started_at_s = now_s

    def note_end(self, now_s: float) -> None:
        """Count an end; after a stable life the count begins anew."""
        lived_s = now_s - self._started_at_s
        self.early_ends = 1 if lived_s >= STABLE_AFTER_S else self.early_ends + 1
        self._ended_at_s = now_s

    def remaining_s(self, now_s: float) -> float:
        """Return the seconds until the next start is allowed; 0 when it is."""
        if self.early_ends <= 1:
            return 0.0
        # The exponent is bounded before the power is taken: ends may go on for days.
        doublings = min(self.early_ends - 2, 10)
        delay_s = min(self.first_delay_s * 2.0**doublings, self.longest_delay_s)
        return max(0.0, self._ended_at_s + delay_s - now_s)


class ChildSupervisor:
    """Starts the child on first use and again when it ended; one at a time."""

    def __init__(self, config_with_key: Callable[[str], ServerConfig]) -> None:
        """Start nothing yet.

        Args:
            config_with_key: Makes a child's configuration; every child gets a key of its own.
        """
        self._config_with_key = config_with_key
        self._backoff = RestartBackoff()
        self._child: ChildServer | None = None
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = asyncio.Lock()

    @property
    def child(self) -> ChildServer | None:
        """The child, be it loading, running or ended; None before the first use."""
        return self._child

    async def ensure_running(self) -> ChildServer:
        """Return a child that listens; concurrent callers share one start.

        Cancellation: ends a child that is still loading for this caller; the next one starts anew.

        Raises:
            ConfigurationError: The model file cannot be loaded.
            APIError: The child did not come up, ends again and again, or was shut down.
        """
        async with self._lock_of_this_loop():
            if self._closed:
                raise APIError("The embedded model was shut down.", kind="connection")
            if self._child is not None and self._child.has_ended:
                await self._bury(self._child)
            if self._child is None:
                self._refuse_too_early()
                return await self._start()
            return self._child

    async def aclose(self) -> None:
        """End the child and refuse to start another. Safe to call twice."""
        self._closed = True
        if self._child is not None:
            self._child.kill()  # so that a load in progress fails now and gives the lock back
        async with self._lock_of_this_loop():
            if self._child is not None:
                await self._child.stop()
                self._child = None

    async def _start(self) -> ChildServer:
        self._backoff.note_start(time.monotonic())
        child = ChildServer(self._config_with_key(secrets.token_urlsafe(32)))
        self._child = child
        try:
            await child.wait_ready()
        # The process failed: that counts, so that one that cannot live is not started again and
        # again.
        except APIError:
            await self._bury(child)
            raise
        except BaseException:
            # The user's file or the user's cancel: nothing that waiting would mend.
            self._child = None
            await child.stop()
            raise
        return child

    async def _bury(self, child: ChildServer) -> None:
        """Release what is left of an ended child and count its end."""
        self._child = None
        self._backoff.note_end(time.monotonic())
        await child.stop()
        logger.warning("embedded model's process %s pid=%d", child.describe_end(), child.pid)

    def _refuse_too_early(self) -> None:
        """Leave the wait to the engine's retry: there it is seen and can be cancelled."""
        wait_s = self._backoff.remaining_s(time.monotonic())
        if wait_s > 0:
            raise APIError(
                f"The embedded model's process ended {self._backoff.early_ends} times in a row; "
                f"it is started again in {wait_s:.0f} s at the earliest. Another model may do "
                "better: `streaming-code-generator model list`.",
                kind="connection",
                retryable=True,
                retry_after_s=wait_s,
            )

    def _lock_of_this_loop(self) -> asyncio.Lock:
        """Return the lock; the child may outlive an event loop, a lock may not."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._lock = loop, asyncio.Lock()
        return self._lock
