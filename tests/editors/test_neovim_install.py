"""`:StreamingCodeGenerator install` in a real Neovim makes an environment, whose server is used."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from neovim_editor import Neovim
from package_index import copy_checkout, index_settings, packages_of_tests

INSTALL_DEADLINE_S = 300.0
_HEALTH = """
vim.cmd('checkhealth streaming_code_generator')
local text = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\\n')
vim.cmd('bwipeout!')
return text
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository, which a test may change."""
    return copy_checkout(tmp_path_factory.mktemp("a checkout"), "nvim")


def path_with(folder: Path, *, python: bool = False) -> str:
    """Return a `$PATH` on which nothing is, or nothing but Python."""
    folder.mkdir()
    if python:
        # The one that the tests' own environment was made with.
        (folder / "python3").symlink_to(sys._base_executable)  # type: ignore[attr-defined]
    return str(folder)


def start(home: Path, plugin: Path, path: str, **variables: str) -> Neovim:
    """Return a Neovim with the plug-in as a user has it, and no server configured."""
    environment = {**index_settings(), "PATH": path, **variables}
    return Neovim(home, plugin=plugin, process_environment=environment)


@pytest.fixture
def plugin(checkout: Path, tmp_path: Path) -> Path:
    """The plug-in as a package manager puts it there: by a link."""
    link = tmp_path / "pack" / "start" / "plugin"
    link.parent.mkdir(parents=True)
    link.symlink_to(checkout / "editors" / "nvim")
    return link


@pytest.fixture
def bare_editor(tmp_path: Path, plugin: Path) -> Iterator[Neovim]:
    with start(tmp_path / "home", plugin, path_with(tmp_path / "bin")) as editor:
        yield editor


def install(editor: Neovim, command: str = "StreamingCodeGenerator! install") -> str:
    editor.command(command)
    editor.wait_until(lambda: editor.messages, "the end", deadline_s=INSTALL_DEADLINE_S)
    [message] = editor.messages
    editor.lua("_G.messages = {}")
    return message


def used_server(editor: Neovim) -> str:
    return str(editor.lua("return vim.lsp.config.streaming_code_generator.cmd[1]"))


def test_without_python_it_says_what_to_install(bare_editor: Neovim) -> None:
    assert install(bare_editor).startswith("Python 3.11 or later was not found.")


def test_before_it_is_installed_a_command_says_how_to_install_it(
    bare_editor: Neovim, tmp_path: Path
) -> None:
    bare_editor.open(tmp_path / "a.py", "\n")

    bare_editor.keys(":StreamingCodeGenerator generate<CR>")
    bare_editor.wait_until(lambda: bare_editor.messages, "a message")

    assert bare_editor.messages == [
        "There is no server yet: :StreamingCodeGenerator install installs it."
    ]
    assert bare_editor.mode == "n"  # the prompt was not asked for


def test_a_command_that_is_not_there_is_named(bare_editor: Neovim, tmp_path: Path) -> None:
    bare_editor.open(tmp_path / "a.py", "\n")
    bare_editor.lua("vim.lsp.config('streaming_code_generator', { cmd = { '/nowhere/server' } })")

    bare_editor.keys(":StreamingCodeGenerator comment<CR>")
    bare_editor.wait_until(lambda: bare_editor.messages, "a message")

    assert bare_editor.messages == ['The server "/nowhere/server" of your `cmd` is not executable.']


def test_a_plug_in_outside_a_checkout_says_so(checkout: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    shutil.copytree(checkout / "editors" / "nvim", alone)
    with start(tmp_path / "home", alone, path_with(tmp_path / "bin")) as editor:
        assert install(editor).startswith("This plug-in lies in no checkout of the repository")


def test_a_failure_is_told_in_a_line_and_logged_in_full(plugin: Path, tmp_path: Path) -> None:
    path = path_with(tmp_path / "bin")
    broken = tmp_path / "bin" / "uv"
    broken.write_text("#!/bin/sh\necho what happened\necho 'no space left' >&2\nexit 2\n")
    broken.chmod(0o755)
    with start(tmp_path / "home", plugin, f"{path}:/bin") as editor:
        message = install(editor)

        assert message.startswith("Not installed (see :StreamingCodeGenerator log)")
        editor.command("StreamingCodeGenerator log")
        assert "what happened\nno space left" in editor.text
        assert used_server(editor) == "streaming-code-generator"


FAKE_UV = """#!/bin/sh
case $1 in
venv) mkdir -p "$4/bin" ;;
pip)
    echo "$5" > "${4%/*}/requirement"
    cat > "${4%/*}/streaming-code-generator" <<'END'
#!/bin/sh
echo "$@" >> "$0.called"
case $1 in model) echo fetched; exit MODEL_EXIT ;; esac
echo "streaming-code-generator 1.2.3"
END
    chmod +x "${4%/*}/streaming-code-generator" ;;
esac
"""
"""Makes an environment whose server only notes how it was called."""


@pytest.mark.parametrize(
    ("command", "model_exit", "told"),
    [
        ("StreamingCodeGenerator install", 0, "Installed streaming-code-generator 1.2.3."),
        ("StreamingCodeGenerator install", 1, "Installed, but not the model (see :Streaming"),
        ("StreamingCodeGenerator! install", 1, "Installed streaming-code-generator 1.2.3."),
    ],
)
def test_the_embedded_model_is_fetched_unless_it_is_not_wanted(
    plugin: Path, tmp_path: Path, command: str, model_exit: int, told: str
) -> None:
    path = path_with(tmp_path / "bin")
    uv = tmp_path / "bin" / "uv"
    uv.write_text(FAKE_UV.replace("MODEL_EXIT", str(model_exit)))
    uv.chmod(0o755)
    with start(tmp_path / "home", plugin, f"{path}:/bin:/usr/bin") as editor:
        message = install(editor, command)

        assert message.startswith(told)
        server = Path(used_server(editor))
        requirement = server.with_name("requirement").read_text()
        assert ("[embedded]" in requirement) is ("!" not in command)
        called = server.with_name("streaming-code-generator.called").read_text().splitlines()
        assert called == ["--version", *(["model install smollm2"] if "!" not in command else [])]


def test_the_health_check_names_the_command_that_installs(bare_editor: Neovim) -> None:
    assert ":StreamingCodeGenerator install" in bare_editor.lua(_HEALTH)


@pytest.mark.slow
def test_the_server_is_installed_with_what_python_itself_has(plugin: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    path = path_with(tmp_path / "bin", python=True)

    with start(home, plugin, path, **packages_of_tests()) as editor:
        assert install(editor).startswith("Installed streaming-code-generator ")
        assert used_server(editor).startswith(str(home / "data"))
        editor.open(tmp_path / "file.py", "")
        editor.command("StreamingCodeGenerator status")
        editor.wait_until(lambda: "0 generations" in editor.text, "the server's answer")


# Emacs' tests install with uv, too.
@pytest.mark.longer
@pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not here")
def test_the_server_is_installed_with_uv_found_and_renewed(
    checkout: Path, plugin: Path, tmp_path: Path
) -> None:
    home, path = tmp_path / "home", os.environ["PATH"]

    with start(home, plugin, path, **packages_of_tests()) as editor:
        assert install(editor).startswith("Installed streaming-code-generator ")
        first = used_server(editor)

    with start(home, plugin, path, **packages_of_tests()) as editor:
        assert used_server(editor) == first
        assert "which has not changed since" in editor.lua(_HEALTH)
        with (checkout / "server/streaming_code_generator/__init__.py").open("a") as source:
            source.write("# a change\n")
        assert "installed from an earlier state" in editor.lua(_HEALTH)

        install(editor)

        assert used_server(editor) != first
        assert "which has not changed since" in editor.lua(_HEALTH)
        environment = Path(used_server(editor)).parents[1]
        [installed] = environment.glob("lib/*/site-packages/streaming_code_generator/__init__.py")
        assert "# a change" in installed.read_text()


def test_a_command_of_the_users_goes_before_the_installed_server(
    plugin: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    server = home / "data" / "nvim" / "streaming-code-generator" / "e" / "bin"
    server.mkdir(parents=True)
    (server / "streaming-code-generator").write_text("#!/bin/sh\n")
    (server / "streaming-code-generator").chmod(0o755)
    note = f'{{"environment": "{server.parent}", "checkout": "", "stamp": ""}}'
    (server.parents[1] / "installed.json").write_text(note)

    with start(home, plugin, path_with(tmp_path / "bin")) as editor:
        assert used_server(editor) == str(server / "streaming-code-generator")
        editor.lua("vim.lsp.config('streaming_code_generator', { cmd = { 'mine' } })")
        assert used_server(editor) == "mine"
