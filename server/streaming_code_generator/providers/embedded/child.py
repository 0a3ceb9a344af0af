"""What runs in the child process: llama.cpp's own OpenAI-compatible server, and nothing else.

The parent writes one JSON line to standard input (a `ServerConfig`), gets one JSON line on
standard output (`{"url": ...}` or `{"error": ...}`), and ends the child by closing standard input,
which its own death does too. The access key travels that way because a command line is public.
"""

import ctypes
import json
import os
import signal
import sys
import threading
from dataclasses import asdict, dataclass

PR_SET_PDEATHSIG = 1
"""Source: Linux, `prctl(2)`."""

ERRORS_ONLY = 1
"""llama.cpp's verbosity at which a healthy run prints nothing and a bad file is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """How the child is to serve one model."""

    model_path: str
    model_id: str
    """The name it answers with in its responses."""
    api_key: str
    slots: int
    """Generations it works on at the same time; more wait their turn."""
    context_tokens: int
    """Prompt and answer together, per slot."""
    batch_tokens: int
    """Tokens of a prompt read between two looks at whether the client is still there."""
    threads: int
    prompt_cache_mib: int = 0
    """Memory for prompts that were read before; each slot remembers its last one without it."""

    def to_line(self) -> bytes:
        """Return it as the JSON line the child reads first."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> "ServerConfig":
        """Read what `to_line` wrote."""
        return cls(**json.loads(line))


def main() -> int:
    """Serve until standard input ends; 1 when the model cannot be loaded."""
    # What is printed from here on goes to standard error; only the answer goes to the parent.
    answer_fd = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _die_with_parent()
    config = ServerConfig.from_line(_read_line(sys.stdin.fileno()))
    threading.Thread(target=_exit_at_end_of_input, daemon=True).start()
    try:
        server, url = _serve(config)
    except Exception as error:  # noqa: BLE001 - whatever the binding raises, the parent must hear it
        _answer(answer_fd, {"error": str(error) or type(error).__name__})
        return 1
    _answer(answer_fd, {"url": url})
    threading.Event().wait()
    del server  # it serves for as long as something refers to it
    return 0


def _serve(config: ServerConfig) -> tuple[object, str]:
    """Load the model and listen on a free loopback port."""
    import xllamacpp  # noqa: PLC0415 - the parent imports this module for `ServerConfig` alone

    params = xllamacpp.CommonParams()
    params.model.path = config.model_path
    params.model_alias = {config.model_id}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_parallel = config.slots
    params.n_ctx = config.slots * config.context_tokens
    params.n_batch = config.batch_tokens
    params.n_ubatch = config.batch_tokens
    params.cpuparams.n_threads = config.threads
    params.cpuparams_batch.n_threads = config.threads
    params.verbosity = ERRORS_ONLY
    params.cache_ram_mib = config.prompt_cache_mib  # llama.cpp's default is 8 GiB
    params.cache_idle_slots = False
    params.ui = False
    params.api_keys = [config.api_key]
    # The default lets a page of any origin in, with credentials.
    params.cors_origins = ""
    params.cors_origins_explicit = True
    params.cors_credentials = False
    server = xllamacpp.Server(params)
    return server, server.listening_address


def _answer(fd: int, message: dict[str, str]) -> None:
    """Write the one line the parent waits for, and close its end."""
    os.write(fd, json.dumps(message).encode() + b"\n")
    os.close(fd)


def _read_line(fd: int) -> bytes:
    """Read up to a newline or the end, unbuffered: the rest is for `_exit_at_end_of_input`."""
    line = b""
    while not line.endswith(b"\n") and (byte := os.read(fd, 1)):
        line += byte
    return line


def _exit_at_end_of_input() -> None:
    """End the process when the parent closes its end, or dies."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    # An orderly interpreter exit would wait for the running generation, a second and more.
    os._exit(0)


def _die_with_parent() -> None:
    """Ask Linux to kill this process when its parent dies, even while a model loads."""
    if sys.platform != "linux":
        return
    # A libc without it changes nothing: the end of standard input says the same, a little later.
    libc = ctypes.CDLL(None)
    if hasattr(libc, "prctl"):
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
