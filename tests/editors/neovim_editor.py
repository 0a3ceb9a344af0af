r"""A real Neovim without a screen, with a home of its own, driven over its own RPC.

with Neovim(tmp_path, environment=model.environment) as editor:
    editor.open(path)
    editor.keys("ihello<Esc>")
    editor.wait_until(lambda: editor.text == "hello\n", "hello to be typed")
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from neovim_rpc import Rpc

from support.fork_server import server_command

PLUGIN = Path(__file__).parents[2] / "editors" / "nvim"
DEADLINE_S = 60.0
"""How long to wait for anything: on a busy machine a server takes half of it to start."""
_POLL_S = 0.005
_EXECUTABLE = Path(sys.executable).with_name("nvim")
_CONFIGURE = """
local command, environment = ...
vim.lsp.config('streaming_code_generator', { cmd = command, cmd_env = environment })
"""
_KEEP_MESSAGES = """
_G.messages = {}
vim.notify = function(message, level)
  table.insert(_G.messages, { message = message, level = level or vim.log.levels.INFO })
end
"""
_START_WITHOUT_PLUGIN = """
local command, environment, flags = ...
return vim.lsp.start({
  name = 'plain', cmd = command, cmd_env = environment, flags = flags, root_dir = vim.fn.getcwd(),
})
"""
_ENABLE_WITHOUT_PLUGIN = """
local command, environment, flags, options = ...
vim.lsp.config('plain', {
  cmd = command, cmd_env = environment, flags = flags, init_options = options,
})
vim.lsp.enable('plain')
"""


def isolated_environment(home: Path) -> dict[str, str]:
    """Return an environment in which Neovim, and what it starts, finds nothing of anybody's."""
    folders = {name: home / name for name in ("config", "data", "state", "cache", "runtime")}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return {
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "NVIM_LOG_FILE": str(home / "nvim.log"),
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
        "XDG_RUNTIME_DIR": str(folders["runtime"]),
        **{f"XDG_{name.upper()}_HOME": str(folders[name]) for name in folders if name != "runtime"},
    }


def neovim_command(*arguments: str) -> list[str]:
    """Return the command of the Neovim that is installed for the tests, without anybody's files."""
    # Else it looks for a Python for plug-ins in all versions of it when it opens a Python file.
    no_provider = "let g:loaded_python3_provider = 0"
    return [str(_EXECUTABLE), "--clean", "--cmd", no_provider, *arguments]


class Neovim:
    """One Neovim process. A context manager, after which neither it nor its server runs."""

    def __init__(
        self,
        home: Path,
        *,
        environment: Mapping[str, str] | None = None,
        plugin: bool | Path = True,
        process_environment: Mapping[str, str] | None = None,
    ) -> None:
        """Set it up; it starts when it is entered.

        Args:
            home: Its home folder.
            environment: What the server has in its environment besides.
            plugin: Whether it has the plug-in, with the tests' server; or where the plug-in lies,
                as it comes.
            process_environment: What Neovim has in its own environment besides.
        """
        self.home = home
        self._process_environment = dict(process_environment or {})
        self._server_environment = dict(environment or {})
        self._plugin = plugin
        self._rpc = Rpc(deadline_s=DEADLINE_S)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            neovim_command("--embed", "--headless"),
            stdin=self._rpc.child_end.fileno(),
            stdout=self._rpc.child_end.fileno(),
            env=isolated_environment(self.home) | self._process_environment,
            cwd=self.home,
        )
        self._rpc.child_end.close()
        if self._plugin:
            folder = PLUGIN if self._plugin is True else self._plugin
            self.lua("vim.opt.runtimepath:prepend(...)", str(folder))
            self.command("runtime plugin/streaming_code_generator.lua")
            self.lua(_KEEP_MESSAGES)
        if self._plugin is True:
            self.lua(_CONFIGURE, server_command(), self._server_environment)
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        try:
            with suppress(EOFError):
                self.command("qall!")
            self.wait_for_exit()
        finally:
            self._rpc.close()

    def wait_for_exit(self) -> None:
        """Wait until the process is gone, and end it where it does not go by itself."""
        assert self._process is not None
        try:
            self._process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise

    @property
    def server_pids(self) -> list[int]:
        """The language servers that this Neovim has started."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def api(self, function: str, *arguments: Any) -> Any:
        """Call `nvim_<function>`."""
        return self._rpc.call(f"nvim_{function}", *arguments)

    def command(self, command: str) -> None:
        """Run a command as if it was typed after a colon."""
        self.api("command", command)

    def evaluate(self, expression: str) -> Any:
        """Return what a Vim expression is."""
        return self.api("eval", expression)

    def start_without_plugin(self, flags: Mapping[str, int] | None = None) -> None:
        """Start the server for the current buffer with Neovim's own client as it comes."""
        self.lua(
            _START_WITHOUT_PLUGIN, server_command(), self._server_environment, dict(flags or {})
        )
        self.wait_for_client()

    def enable_without_plugin(
        self, flags: Mapping[str, int], options: Mapping[str, object]
    ) -> None:
        """Have Neovim's own client start the server for every file of a known type."""
        arguments = server_command(), self._server_environment, dict(flags), dict(options)
        self.lua(_ENABLE_WITHOUT_PLUGIN, *arguments)

    def wait_for_client(self) -> None:
        """Wait until the current buffer has a server that is ready."""
        self.wait_until(
            lambda: self.lua("return #vim.lsp.get_clients({ bufnr = 0 }) > 0"), "the server"
        )

    def lua(self, code: str, *arguments: Any) -> Any:
        """Run Lua in the editor and return what it returns."""
        return self.api("exec_lua", code, arguments)

    def open(self, path: Path, text: str | bytes | None = None) -> None:
        """Open a file, written first where a text is given."""
        if text is not None:
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        self.command(f"edit {path}")

    def keys(self, keys: str) -> None:
        """Press keys, as a user does: they wait their turn."""
        self.api("input", keys)

    def press(self, keys: str) -> None:
        """Press keys and return when they are done; insert mode is left after them."""
        self.lua("vim.api.nvim_feedkeys(vim.keycode(...), 'tx', false)", keys)

    @property
    def mode(self) -> str:
        """The mode, `n` or `i` and so on."""
        return str(self.api("get_mode")["mode"])

    @property
    def text(self) -> str:
        """The current buffer's lines, each with a line feed."""
        return "".join(f"{line}\n" for line in self.evaluate("getline(1, '$')"))

    @property
    def messages(self) -> list[str]:
        """What the user was told."""
        return [entry["message"] for entry in self.lua("return _G.messages")]

    def wait_until(
        self, holds: Callable[[], Any], what: str, *, deadline_s: float = DEADLINE_S
    ) -> None:
        """Wait until a condition holds, which is looked at only while Neovim takes requests."""
        try:
            wait_until(lambda: self._answers() and holds(), what, deadline_s=deadline_s)
        except AssertionError as error:
            error.add_note(self._state())
            raise

    def _answers(self) -> bool:
        """Whether Neovim takes requests now; it does not while it waits for a key."""
        return not self.api("get_mode")["blocking"]

    def _state(self) -> str:
        if not self._answers():
            return "Neovim waits for a key."
        told = self.messages if self._plugin else self.api("exec2", "messages", {"output": True})
        return f"The buffer is {self.text!r}; the messages are {told!r}."


def wait_until(
    holds: Callable[[], Any], what: str, *, deadline_s: float = DEADLINE_S, poll_s: float = _POLL_S
) -> None:
    """Wait until a condition holds; `what` is said where it does not within the time."""
    deadline = time.monotonic() + deadline_s
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"Waited {deadline_s:g} s for {what}.")
        time.sleep(poll_s)


def is_running(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet buried does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in {"Z", "X"}
