"""The language server as a process: how it is started, and what must hold when it has ended."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

SERVER = (sys.executable, "-m", "streaming_code_generator", "serve", "--stdio")
DEADLINE_S = 60.0
"""Longest time a test waits for what must happen. A start computes for 1 to 2 s, and a machine that
does much else besides can take twenty times that; nothing waits for it when all is well."""
ENDED_WITHIN_S = 15.0
"""How long a server may take to be gone. It takes 0.1 s, on a machine with eight times the work it
can do some seconds; what a faulty server would wait for comes later or never."""
KEY = "plain.looking-secret_4711"
"""A key that no pattern takes for one: only exact masking hides it."""

_FOREIGN_PREFIXES = ("OPENAI_", "STREAMING_CODE_GENERATOR_")


def server_environment(
    folder: Path, base_url: str | None = None, **variables: str
) -> dict[str, str]:
    """Return the environment of a server that knows nothing of whoever runs the tests.

    Args:
        folder: Where its user's configuration folder is made.
        base_url: The endpoint; without one, and without more variables, nothing is set.
        variables: Settings by their names in capitals, without the prefix.
    """
    own = {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN_PREFIXES)}
    endpoint = {"OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": KEY} if base_url else {}
    model = {"STREAMING_CODE_GENERATOR_MODEL": "loopback-model"} if base_url else {}
    settings = {f"STREAMING_CODE_GENERATOR_{name}": value for name, value in variables.items()}
    home = {
        "XDG_CONFIG_HOME": str(folder / "configuration"),
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_STATE_HOME": str(folder / "state"),
    }
    return {**own, **home, **endpoint, **model, **settings}


def check_last_words(stderr: str, said: str) -> None:
    """Fail if a server told a key, or fell over something, in its whole life."""
    assert "Traceback" not in stderr, stderr
    assert KEY not in stderr, "the key is in the log"
    assert KEY not in said, "the key went over the wire"


async def children_of(pid: int) -> list[int]:
    """Return the processes that a process has started and that still run."""
    listing = await asyncio.create_subprocess_exec(
        "ps", "-o", "pid=", "--ppid", str(pid), stdout=PIPE
    )
    out, _ = await listing.communicate()
    return [int(word) for word in out.split()]
