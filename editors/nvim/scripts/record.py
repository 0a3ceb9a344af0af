"""Records a generation in a real Neovim, in a real terminal, as `docs/images/nvim-generate.svg`.

    python editors/nvim/scripts/record.py

It needs tmux and what the tests need. The model is the loopback server of the tests, so that the
picture is the same every time; everything else is the real thing.
"""

import sys
import tempfile
import time
from pathlib import Path

_ROOT = Path(__file__).parents[3]
sys.path.append(str(_ROOT / "tests" / "editors"))

from neovim_editor import (  # noqa: E402 - found by the path above
    PLUGIN,
    SERVER_COMMAND,
    isolated_environment,
    neovim_command,
)
from neovim_model import Model, Script  # noqa: E402 - the same
from neovim_terminal import Terminal  # noqa: E402 - the same
from terminal_svg import Frame, animated_svg  # noqa: E402 - beside this file

PICTURE = _ROOT / "docs" / "images" / "nvim-generate.svg"
COLUMNS, ROWS = 84, 24
KEY_S, CHUNK_S, LAST_S = 0.07, 0.045, 3.0
FILE = """import re

# Parse a duration such as 1h30m or 45s into seconds, else raise ValueError.


"""
CODE = '''def parse_duration(text: str) -> int:
    """Return the seconds of a duration such as `1h30m`."""
    units = {"h": 3600, "m": 60, "s": 1}
    if not re.fullmatch(r"(\\d+[hms])+", text):
        raise ValueError(f"not a duration: {text!r}")
    return sum(
        int(number) * units[unit]
        for number, unit in re.findall(r"(\\d+)([hms])", text)
    )
'''
COMMAND = ":StreamingCodeGenerator comment"
PIECES_BEFORE_TYPING = 12
TYPED = 'print(parse_duration("1h30m"))'
_INIT = """
set runtimepath^={plugin} termguicolors noswapfile noruler
filetype indent off
lua vim.lsp.config('streaming_code_generator', {{ cmd = vim.json.decode([[ {command} ]]) }})
lua vim.lsp.enable('streaming_code_generator')
"""


class Recorder:
    """Takes a frame whenever the screen has changed."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._start = time.monotonic()
        self.frames: list[Frame] = []

    @property
    def now_s(self) -> float:
        """Time since the start."""
        return time.monotonic() - self._start

    def watch(self, duration_s: float) -> None:
        """Take frames for a while."""
        end_s = self.now_s + duration_s
        while self.now_s < end_s:
            screen, cursor = self._terminal.screen(colours=True), self._terminal.cursor
            last = self.frames[-1] if self.frames else None
            if last is None or (last.screen, last.cursor) != (screen, cursor):
                self.frames.append(Frame(self.now_s, screen, cursor))
            time.sleep(min(0.02, max(0.0, end_s - self.now_s)))


def _pieces(text: str) -> list[str]:
    """Cut a text as a model does, into words with the space before them."""
    words = text.replace(" ", "\0 ").replace("\n", "\n\0").split("\0")
    return ["```python\n", *(word for word in words if word), "```\n"]


def _press(terminal: Terminal, recorder: Recorder, keys: str) -> None:
    for key in keys:
        terminal.keys(key)
        recorder.watch(KEY_S)


def _play(terminal: Terminal, recorder: Recorder, script: Script) -> None:
    _press(terminal, recorder, COMMAND)
    terminal.keys("Enter")
    recorder.watch(0.8)
    keys = iter([*" " * PIECES_BEFORE_TYPING, "G", "o", *TYPED, "Escape"])
    while not script.is_released:
        script.release()
        recorder.watch(CHUNK_S)
        key = next(keys, "").strip()
        if key:
            terminal.keys(key)
    recorder.watch(LAST_S)


def main() -> None:
    """Record and write the picture."""
    with tempfile.TemporaryDirectory() as folder, Model() as model:
        home = Path(folder)
        script = model.on("", _pieces(CODE))
        command = str(SERVER_COMMAND).replace("'", '"')
        (home / "init.vim").write_text(_INIT.format(plugin=PLUGIN, command=command))
        (home / "durations.py").write_text(FILE)
        environment = isolated_environment(home) | model.environment
        nvim = neovim_command("-u", str(home / "init.vim"), "+4", "durations.py")
        with Terminal(home, nvim, environment, columns=COLUMNS, rows=ROWS) as terminal:
            terminal.wait_for("import re")
            recorder = Recorder(terminal)
            recorder.watch(1.0)
            _play(terminal, recorder, script)
    picture = animated_svg(recorder.frames, columns=COLUMNS, rows=ROWS, end_s=recorder.now_s)
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(picture)
    print(f"{PICTURE}: {len(recorder.frames)} frames, {len(picture) // 1024} KiB")


if __name__ == "__main__":
    main()
