"""The Emacs package's installer: from a checkout to a server that runs, with real installers."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from emacs_editor import (
    PACKAGE,
    Emacs,
    LispError,
    editors,
    lisp,
    need_emacs,
    newest_and_older,
)
from neovim_model import Model
from package_index import copy_checkout, index_settings, packages_of_tests

INSTALL = "(streaming-code-generator-install)"
INSTALLED_WITHIN_S = 400.0
"""With pip on a busy machine; 15 s on an idle one."""
INSTALLED = "The server is installed in"


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    with Model() as model:
        yield model


@pytest.fixture(params=newest_and_older())
def executable(request: pytest.FixtureRequest) -> str:
    need_emacs(executable := request.param)
    return str(executable)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what a clone has of the server and the package."""
    return copy_checkout(tmp_path / "check out", "emacs")


@contextmanager
def emacs_among(
    programs: Mapping[str, Path],
    executable: str,
    checkout: Path,
    variables: Mapping[str, str] | None = None,
) -> Iterator[Emacs]:
    """Start an Emacs that loads the checkout's package and finds no programs but these."""
    home = checkout.parent / "home"
    path = home / "programs"
    path.mkdir(parents=True)
    for name, program in programs.items():
        (path / name).symlink_to(program)
    package = checkout / "editors" / "emacs" / PACKAGE.name
    environment = {**index_settings(), **(variables or {})}
    with Emacs(
        executable, home, environment=environment, package=package, finds_server=True
    ) as editor:
        editor.run(f'(setenv "PATH" {lisp(path)}) (setq exec-path (list {lisp(path)}))')
        yield editor


def shown(editor: Emacs) -> str:
    """Return what the buffer of the installation shows."""
    return str(
        editor.run('(with-current-buffer "*streaming-code-generator-install*" (buffer-string))')
    )


def uv() -> Path:
    places = (f"{sys.prefix}/bin", f"{sys.base_prefix}/bin", os.environ["PATH"])
    found = shutil.which("uv", path=os.pathsep.join(places))
    if not found:
        pytest.skip("uv is not installed")
    return Path(found).resolve()


def python() -> Path:
    return Path(sys.executable)


def program(folder: Path, script: str) -> Path:
    """Make a program that runs a shell script."""
    path = folder / "script"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def install(editor: Emacs) -> None:
    """Install, and wait until it has worked."""
    editor.run(INSTALL)
    editor.wait_until(
        lambda: (
            any(INSTALLED in message for message in editor.messages) or "Failed" in shown(editor)
        ),
        "the end of the installation",
        INSTALLED_WITHIN_S,
    )
    assert "Failed" not in shown(editor), shown(editor)


# Real installations take seconds: Neovim's tests do that with pip, and in tests that run longer
# each Emacs does one.
@pytest.mark.slow
def test_installed_server_is_found_and_an_update_told(
    checkout: Path, tmp_path: Path, model: Model
) -> None:
    *_, executable = editors().values()
    need_emacs(executable)
    programs = {"uv": uv(), "python3": python()}
    model.on("adder", ["a + b"]).release_all()
    variables = {**model.environment, **packages_of_tests()}
    with emacs_among(programs, executable, checkout, variables) as editor:
        install(editor)
        editor.open(tmp_path / "a.py", "x = 1\n")
        editor.call("generate", '"adder"')
        editor.wait_for_message("Generated")
        assert "a + b" in editor.text
        started = editor.run("(car (process-command (jsonrpc--process (eglot-current-server))))")
        assert str(started).startswith(f"{editor.home}/.emacs.d/streaming-code-generator/bin/")
        assert not any("has changed since" in message for message in editor.messages)

        (checkout / "server" / "streaming_code_generator" / "new.py").touch()
        editor.run("(eglot-reconnect (eglot-current-server))")

        editor.wait_for_message("has changed since its server was installed")


@pytest.mark.longer
def test_without_uv_it_is_installed_by_venv_and_pip(checkout: Path) -> None:
    executable = next(iter(editors().values()))
    need_emacs(executable)
    variables = packages_of_tests()
    with emacs_among({"python3": python()}, executable, checkout, variables) as editor:
        install(editor)
        program = editor.run("(streaming-code-generator--installed)")
    done = subprocess.run(
        [program, "--version"], env=variables, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("streaming-code-generator ")


def test_failure_says_which_command_failed_and_shows_why(
    executable: str, checkout: Path, tmp_path: Path
) -> None:
    broken = program(tmp_path, "echo no room on this disk >&2; exit 3")
    with emacs_among({"uv": broken}, executable, checkout) as editor:
        editor.run(INSTALL)
        editor.wait_for_message("Installing the server failed: `uv' ended with exit code 3")
        assert "no room on this disk" in shown(editor)
        assert "uv venv" in shown(editor)
        with pytest.raises(LispError, match=r"There is no server yet: M-x .*-install"):
            editor.run("(streaming-code-generator--contact)")


def test_without_a_server_no_prompt_is_asked_for(
    executable: str, checkout: Path, tmp_path: Path
) -> None:
    with emacs_among({}, executable, checkout) as editor:
        editor.run(f'(find-file "{tmp_path / "a.py"}")')
        with pytest.raises(LispError, match=r"There is no server yet: M-x .*-install"):
            editor.run("(call-interactively #'streaming-code-generator-generate)")


@pytest.mark.parametrize(
    ("script", "told"),
    [
        pytest.param("exit 1", "neither uv nor Python 3.11", id="too old"),
        pytest.param('case "$3" in *ensurepip*) exit 1;; esac', "python3-venv", id="no venv"),
    ],
)
def test_python_that_will_not_do_is_told_before_anything_is_made(
    executable: str, checkout: Path, tmp_path: Path, script: str, told: str
) -> None:
    programs = {"python3": program(tmp_path, script)}
    with emacs_among(programs, executable, checkout) as editor:
        with pytest.raises(LispError, match=told):
            editor.run(INSTALL)
        assert not (editor.home / ".emacs.d" / "streaming-code-generator").exists()


def test_second_installation_waits_for_the_first(
    executable: str, checkout: Path, tmp_path: Path
) -> None:
    waiting = program(tmp_path, "read -r line")
    with emacs_among({"uv": waiting}, executable, checkout) as editor:
        editor.run(INSTALL)
        with pytest.raises(LispError, match="being installed already"):
            editor.run(INSTALL)


def test_package_without_a_checkout_says_what_to_load(executable: str, checkout: Path) -> None:
    (checkout / "pyproject.toml").unlink()
    with (
        emacs_among({}, executable, checkout) as editor,
        pytest.raises(LispError, match="no server beside"),
    ):
        editor.run(INSTALL)
