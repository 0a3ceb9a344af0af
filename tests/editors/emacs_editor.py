"""A real Emacs with a home of its own, in batch mode or in a terminal, driven by expressions.

with Emacs(executable, tmp_path, environment=model.environment) as editor:
    editor.open(path, "x = 1")
    editor.call("generate", '"a prompt"')
    editor.wait_for_message("Generated")
"""

import json
import os
import pty
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from support.fork_server import server_command

PACKAGE = Path(__file__).parents[2] / "editors" / "emacs" / "streaming-code-generator.el"
DEADLINE_S = 60.0
_AGENT = Path(__file__).with_name("emacs_agent.el")
_POLL_S = 0.005
_PROMPT = """
(when (active-minibuffer-window)
  (with-current-buffer (window-buffer (active-minibuffer-window))
    (minibuffer-prompt)))
"""
_LAB = Path(
    os.environ.get("SCG_EDITOR_LAB", "~/.cache/streaming-code-generator-editor-lab")
).expanduser()


@cache
def editors() -> dict[str, str]:
    """Return this machine's Emacs executables with Eglot, by version; "none" if it has none."""
    beside = _LAB / "emacs30" / "emacs"
    candidates = filter(None, [shutil.which("emacs"), shutil.which(str(beside))])
    found = {_version_with_eglot(executable): executable for executable in candidates}
    found.pop("", None)
    return found or {"none": ""}


def newest_and_older(mark_of_older: pytest.MarkDecorator = pytest.mark.slow) -> list[Any]:
    """Return this machine's Emacs executables, with a mark on all but the newest.

    Args:
        mark_of_older: `longer` for what an Emacs has always done, as reading an answer in the
            minibuffer; else CI tries them all.
    """
    *older, (version, executable) = sorted(editors().items())
    newest = pytest.param(executable, id=version)
    return [
        newest,
        *(pytest.param(path, id=version, marks=mark_of_older) for version, path in older),
    ]


def need_emacs(executable: str) -> None:
    """Skip a test where there is no Emacs; where changes are checked, let it fail."""
    if executable:
        return
    what = "There is no Emacs with Eglot: run editors/emacs/install-test-editor.sh"
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


def _version_with_eglot(executable: str) -> str:
    probe = '(princ (if (locate-library "eglot") emacs-version ""))'
    done = subprocess.run(
        [executable, "--batch", "--eval", probe],
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_S,
    )
    return done.stdout.strip()


_IS_QUIET = """
(let ((server (eglot-current-server)))
  (or (not server)
      (= 0 (length (plist-get (jsonrpc-request server :workspace/executeCommand
                                               '(:command "streamingCodeGenerator.status"
                                                 :arguments [()]))
                              :running)))))
"""


def lisp(value: str | Path) -> str:
    """Return a string as Emacs Lisp reads it."""
    return json.dumps(str(value), ensure_ascii=False)


def isolated_environment(home: Path) -> dict[str, str]:
    """Return an environment in which Emacs, and what it starts, finds nothing of anybody's."""
    return {
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PATH": os.environ["PATH"],
        "TERM": "vt100",  # as an xterm it would be asked for its colours and waited for
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_DATA_HOME": str(home / "data"),
    }


def _share_compiled_code(home: Path) -> None:
    """Let each Emacs find what one compiled for the advice of the agent, which takes seconds."""
    shared, own = _LAB / "eln-cache", home / ".emacs.d" / "eln-cache"
    shared.mkdir(parents=True, exist_ok=True)
    own.parent.mkdir(parents=True, exist_ok=True)
    own.symlink_to(shared)


class LispError(Exception):
    """An expression signalled an error."""


class Emacs:
    """One Emacs process. A context manager, after which neither it nor its server runs."""

    def __init__(  # noqa: PLR0913 - there are that many kinds of Emacs
        self,
        executable: str,
        home: Path,
        *,
        environment: Mapping[str, str],
        package: Path | None = PACKAGE,
        finds_server: bool = False,
        terminal: bool = False,
    ) -> None:
        """Start nothing yet.

        Args:
            executable: Which Emacs.
            home: Its user's home.
            environment: Variables besides those of an empty home.
            package: The package to load; None leaves Eglot alone.
            finds_server: Whether the package looks for its server, instead of being told.
            terminal: Whether it runs in a terminal, where keys can be pressed.
        """
        self.home = home
        self._executable = executable
        self._environment = {**isolated_environment(home), **environment}
        self._package = package
        self._finds_server = finds_server
        self._terminal = Terminal() if terminal else None
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None

    def __enter__(self) -> Self:
        _share_compiled_code(self.home)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(DEADLINE_S)
            port = str(listener.getsockname()[1])
            self._process = self._start(self._environment | {"EMACS_AGENT_PORT": port})
            try:
                self._connection, _ = listener.accept()
                self._connection.settimeout(DEADLINE_S)
                self._answers = self._connection.makefile("rb")
                self._configure()
            except BaseException:
                self._process.kill()
                self._close()
                raise
        return self

    def _configure(self) -> None:
        self.run("(require 'eglot) (setq make-backup-files nil)")
        if self._package:
            self.run(f"(load-file {lisp(self._package)})")
            # A busy machine takes longer to start a server.
            self.run(f"(setq streaming-code-generator--start-seconds {DEADLINE_S / 2})")
        if self._package and not self._finds_server:
            command = " ".join(lisp(word) for word in server_command())
            self.run(f"(setq streaming-code-generator-command (list {command}))")

    def _start(self, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        command = [self._executable, "-q", "--no-site-file", "--no-splash", "-l", str(_AGENT)]
        if self._terminal:
            return self._terminal.start([*command, "-nw"], environment, self.home)
        return subprocess.Popen(
            [*command[:1], "--batch", *command[1:]],
            env=environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        assert self._process is not None
        try:
            with suppress(OSError, ValueError):
                self._send("(progn (ignore-errors (eglot-shutdown-all)) (kill-emacs 0))")
            self._process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        finally:
            self._close()

    def _close(self) -> None:
        assert self._process is not None
        self._process.wait()
        if self._connection:
            self._answers.close()
            self._connection.close()
        if self._terminal:
            self._terminal.close()

    def _send(self, expression: str) -> None:
        assert self._connection is not None
        self._connection.sendall(json.dumps(expression).encode() + b"\n")

    def run(self, expression: str) -> Any:
        """Evaluate expressions in the current buffer and return the last one's value.

        Raises:
            LispError: It signalled an error.
        """
        self._send(expression)
        answer = json.loads(self._answers.readline())
        if "error" in answer:
            raise LispError(answer["error"])
        return answer["value"]

    def keys(self, keys: str) -> None:
        """Press keys in the terminal; control characters are the control keys."""
        assert self._terminal is not None
        self._terminal.write(keys.encode())

    def open(self, path: Path, text: str) -> None:
        """Write a file, open it, and start the server for it."""
        path.write_text(text)
        self.run(f"(switch-to-buffer (find-file-noselect {lisp(path)}))")
        if self._package:
            self.run("(streaming-code-generator--server)")

    def call(self, command: str, arguments: str = "") -> Any:
        """Call a command of the package."""
        return self.run(f"(streaming-code-generator-{command} {arguments}) nil")

    def end_generations(self) -> None:
        """Cancel what runs, and wait until the user was told how it ended."""
        self.call("cancel")
        self.wait_until(lambda: self.run(_IS_QUIET), "the end of all generations")
        self.run("(accept-process-output nil 0.01)")  # what came before is told in timers

    def go_to(self, text: str) -> None:
        """Move point before the first place where a text stands."""
        self.run(
            f"(goto-char (point-min)) (search-forward {lisp(text)}) (goto-char (match-beginning 0))"
        )

    @property
    def text(self) -> str:
        """The current buffer's text."""
        return str(self.run("(buffer-substring-no-properties (point-min) (point-max))"))

    @property
    def prompt(self) -> str:
        """What the minibuffer asks, or nothing."""
        return str(self.run(_PROMPT) or "")

    @property
    def messages(self) -> list[str]:
        """What the user was told, the newest first."""
        return list(self.run("(vconcat emacs-agent-messages)"))

    def wait_for_message(self, text: str) -> None:
        """Wait until the user was told something with `text` in it."""
        self.wait_until(lambda: any(text in message for message in self.messages), repr(text))

    def wait_for_text(self, text: str) -> None:
        """Wait until the current buffer's text is `text`."""
        self.wait_until(lambda: self.text == text, f"the buffer to be {text!r}")

    def wait_until(self, holds: Callable[[], Any], what: str, within_s: float = DEADLINE_S) -> None:
        """Wait until a condition holds; where it does not in time, tell what there is instead."""
        deadline = time.monotonic() + within_s
        while not holds():
            if time.monotonic() > deadline:
                state = f"The buffer is {self.text!r}; the messages are {self.messages!r}."
                raise AssertionError(f"Waited {within_s:g} s for {what}. {state}")
            time.sleep(_POLL_S)


class Terminal:
    """The user's side of a terminal; what the program shows is thrown away."""

    def __init__(self) -> None:
        self._ours, self._theirs = pty.openpty()
        self._reader = threading.Thread(target=self._read, name="terminal")

    def start(
        self, command: list[str], environment: Mapping[str, str], folder: Path
    ) -> subprocess.Popen[bytes]:
        """Start a program that has this terminal for its own."""
        process = subprocess.Popen(
            [shutil.which("setsid") or "setsid", "--ctty", *command],
            env=environment,
            cwd=folder,
            stdin=self._theirs,
            stdout=self._theirs,
            stderr=self._theirs,
        )
        os.close(self._theirs)
        self._reader.start()
        return process

    def _read(self) -> None:
        with suppress(OSError):  # Linux says so when the program has gone
            while os.read(self._ours, 65536):
                pass

    def write(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._ours, keys)

    def close(self) -> None:
        """Take the terminal away; the program has ended."""
        self._reader.join(DEADLINE_S)
        os.close(self._ours)
