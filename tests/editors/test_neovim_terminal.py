"""What a user sees and presses, in a real terminal."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from neovim_editor import PLUGIN, isolated_environment, neovim_command, wait_until
from neovim_model import Model
from neovim_terminal import IS_MISSING, Terminal

from support.fork_server import server_command

pytestmark = pytest.mark.skipif(IS_MISSING, reason="tmux is not installed")

LINES = [f"    value_{number} = {number}\n" for number in range(12)]
CODE = ["```python\n", "def values():\n", *LINES, "```\n"]
COMMAND = ":StreamingCodeGenerator "


@pytest.fixture
def model() -> Iterator[Model]:
    with Model() as model:
        yield model


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file.py"
    path.write_text("import os\n\nlast = 1\n")
    return path


@pytest.fixture
def terminal(model: Model, path: Path) -> Iterator[Terminal]:
    home = path.parent
    init = home / "init.vim"
    init.write_text(
        f"set runtimepath^={PLUGIN}\n"
        f"lua vim.lsp.config('streaming_code_generator', {{ cmd = {_lua(server_command())} }})\n"
        "set statusline=%f\\ %{v:lua.require'streaming_code_generator'.statusline()}\n"
    )
    environment = isolated_environment(home) | model.environment
    with Terminal(home, neovim_command("-u", str(init), str(path)), environment) as terminal:
        terminal.wait_for("last = 1")
        yield terminal


def _lua(words: list[str]) -> str:
    return "{" + ", ".join(f"[[{word}]]" for word in words) + "}"


def test_code_grows_before_ones_eyes_and_the_totals_come_last(
    terminal: Terminal, model: Model
) -> None:
    script = model.on("some values", CODE)
    terminal.keys("j", COMMAND + "generate", "Enter")
    terminal.wait_for("Generate:")
    terminal.keys("some values", "Enter")

    script.release(2)
    terminal.wait_for("def values():")
    assert "value_0" not in terminal.screen()
    script.release(3)
    terminal.wait_for("value_2 = 2")
    terminal.wait_for("tokens")
    assert "last = 1" in terminal.screen()
    script.release_all()

    terminal.wait_for("Generated 25 tokens")
    assert "value_11 = 11" in terminal.screen()
    assert "Press ENTER" not in terminal.screen()


def test_typing_goes_on_while_code_arrives(terminal: Terminal, model: Model, path: Path) -> None:
    script = model.on("some values", CODE)
    terminal.keys("j", COMMAND + "generate some values", "Enter")
    script.release(3)
    terminal.wait_for("value_0")

    terminal.keys("G", "o")
    for character in "typed = 1":
        terminal.keys(character)
        script.release()
    terminal.keys("Escape")
    # Leaving insert mode clears the line of messages, also of one that comes just before.
    wait_until(lambda: "INSERT" not in terminal.screen(), "normal mode")
    script.release_all()
    terminal.wait_for("Generated 25 tokens")
    terminal.keys(":w", "Enter")
    wait_until(lambda: "typed" in path.read_text(), "the file to be written")

    code = "def values():\n" + "".join(LINES)
    assert path.read_text() == f"import os\n{code}last = 1\ntyped = 1\n"


def test_cancel_then_undo_brings_back_what_was_there(
    terminal: Terminal, model: Model, path: Path
) -> None:
    script = model.on("some values", CODE)
    terminal.keys("j", COMMAND + "generate some values", "Enter")
    for shown in ("def values():", "value_0", "value_1"):
        script.release(2 if shown == "def values():" else 1)
        terminal.wait_for(shown)

    terminal.keys(COMMAND + "cancel", "Enter")
    wait_until(script.was_left, "the model's request to be closed")
    terminal.wait_for("tokens had arrived")
    terminal.keys("u", ":w! undone.py", "Enter")
    wait_until((path.parent / "undone.py").exists, "the file to be written")
    terminal.wait_for("undone.py")

    assert (path.parent / "undone.py").read_text() == path.read_text()


def test_quitting_while_code_arrives_leaves_nothing_behind(
    terminal: Terminal, model: Model, path: Path
) -> None:
    script = model.on("some values", CODE)
    terminal.keys("j", COMMAND + "generate some values", "Enter")
    script.release(3)
    terminal.wait_for("value_0")

    terminal.keys(":q!", "Enter")

    wait_until(lambda: terminal.is_gone, "Neovim to end")
    wait_until(script.was_left, "the model's request to be closed")
    assert "value_0" not in path.read_text()
