"""A stream on its way into a real Neovim, by our plug-in and by others that can be had.

Others lie in a folder that is given, each in one of its own name (`model.nvim`, `gp.nvim`,
`llm.nvim` with `plenary.nvim`); those that are not there are left out.
"""

import asyncio
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.scenario import Stream, Target

CONTESTANTS = {
    "ours": (),
    "model.nvim": ("model.nvim",),
    "gp.nvim": ("gp.nvim",),
    "llm.nvim": ("llm.nvim", "plenary.nvim"),
}
OUR_PLUGIN = Path(__file__).parents[2] / "editors" / "nvim"
NEOVIM = Path(sys.executable).with_name("nvim")
TIMEOUT_S = 60.0


def runtime_paths(contestant: str, plugins: Path | None) -> list[Path] | None:
    """Return the folders that a contestant needs, None if they are not all there."""
    if contestant == "ours":
        return [OUR_PLUGIN]
    if plugins is None:
        return None
    folders = [plugins / name for name in CONTESTANTS[contestant]]
    return folders if all(folder.is_dir() for folder in folders) else None


@dataclass(frozen=True, slots=True)
class Arrival:
    """What came of one stream in a real Neovim."""

    began_s: float
    """When the user asked, on the clock of `time.monotonic`."""
    updates: list[tuple[float, int]]
    """When the buffer changed, and how many bytes had come by then."""
    blocked_ms: float
    """The longest time for which the editor did nothing else."""
    cpu_s: float
    """Processor time of the editor and of what it started."""


async def streamed(contestant: str, paths: list[Path], base_url: str, stream: Stream) -> Arrival:
    """Stream into a buffer of a new Neovim, twice, and return what the second time came to.

    Raises:
        RuntimeError: The plug-in failed, or did not bring all of the answer.
    """
    target = Target()
    pieces = list(stream.pieces())
    code = sum(map(len, pieces[1:-1]))
    request = {
        "contestant": contestant,
        "plugins": [str(path) for path in paths],
        "base_url": base_url,
        "model": stream.name,
        "document": target.document.splitlines(),
        "line": target.range["end"]["line"],
        # A line ending at the code's end may be left out; others' fences are a chunk or two more.
        "expected": code - 1,
        "timeout_ms": TIMEOUT_S * 1e3,
        "ticks_a_second": os.sysconf("SC_CLK_TCK"),
        "server": [sys.executable, "-m", "streaming_code_generator", "serve"],
        "environment": {
            "STREAMING_CODE_GENERATOR_PROVIDER": "openai",
            "STREAMING_CODE_GENERATOR_BASE_URL": base_url,
            "STREAMING_CODE_GENERATOR_MODEL": stream.name,
        },
    }
    with tempfile.TemporaryDirectory() as home:
        process = await asyncio.create_subprocess_exec(
            *(NEOVIM, "--clean", "--headless", "-l", Path(__file__).with_suffix(".lua")),
            json.dumps(request),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=home,
            env={"PATH": os.environ["PATH"], "HOME": home, "LANG": "C.UTF-8"},
        )
        output, errors = await process.communicate()
    try:
        came_to = json.loads(output.splitlines()[-1])
    except (IndexError, ValueError):
        raise RuntimeError(f"{contestant}: {errors.decode(errors='replace')[-500:]}") from None
    if not came_to.pop("done"):
        raise RuntimeError(f"{contestant}: {came_to['updates'][-1:]} is not all of {code} bytes")
    return Arrival(**came_to)
