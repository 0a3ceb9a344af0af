"""Neovim in a real terminal (tmux), with keys as a user presses them.

with Terminal(tmp_path, ["nvim", "--clean", "file.py"], environment) as terminal:
    terminal.keys("ihello", "Escape")
    terminal.wait_for("hello")
"""

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from neovim_editor import wait_until

_TMUX = shutil.which("tmux")
IS_MISSING = _TMUX is None
COLUMNS, ROWS = 80, 24
_POLL_S = 0.05
"""Each look at the screen starts a process."""


class Terminal:
    """A terminal of its own tmux server, which ends with it. A context manager."""

    def __init__(
        self,
        home: Path,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        columns: int = COLUMNS,
        rows: int = ROWS,
    ) -> None:
        # The path of a socket must not be longer than about a hundred characters.
        self._socket = Path("/tmp") / f"tmux-{os.getpid()}-{id(self):x}"  # noqa: S108
        self._environment = {**environment, "TERM": "xterm-256color"}
        self._home = home
        self._command = shlex.join(command)
        self._size = ["-x", str(columns), "-y", str(rows)]

    def __enter__(self) -> Self:
        self._tmux("-f", "/dev/null", "new-session", "-d", *self._size, self._command)
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._tmux("kill-server", check=False)
        self._socket.unlink(missing_ok=True)

    def keys(self, *keys: str) -> None:
        """Press keys by tmux's names (`Enter`, `Escape`, `C-c`); other words are typed."""
        for key in keys:
            self._tmux("send-keys", key) if _is_name(key) else self._tmux("send-keys", "-l", key)

    def screen(self, *, colours: bool = False) -> str:
        """Return what the screen shows."""
        return self._tmux("capture-pane", "-p", *(["-e", "-N"] if colours else []))

    @property
    def cursor(self) -> tuple[int, int]:
        """The cursor's column and row."""
        column, row = self._tmux("display-message", "-p", "#{cursor_x} #{cursor_y}").split()
        return int(column), int(row)

    def wait_for(self, text: str) -> None:
        """Wait until the screen shows a text."""
        try:
            wait_until(lambda: text in self.screen(), f"{text!r} on the screen", poll_s=_POLL_S)
        except AssertionError as error:
            error.add_note(self.screen())
            raise

    @property
    def is_gone(self) -> bool:
        """Whether the program has ended, and its terminal with it."""
        return not self._tmux("list-panes", check=False)

    def _tmux(self, *arguments: str, check: bool = True) -> str:
        assert _TMUX is not None
        done = subprocess.run(
            [_TMUX, "-S", str(self._socket), *arguments],
            env=self._environment,
            cwd=self._home,
            capture_output=True,
            text=True,
            check=check,
            timeout=20,
        )
        return done.stdout


def _is_name(key: str) -> bool:
    return key in {"Enter", "Escape", "Up", "Down", "Left", "Right"} or key.startswith("C-")
