"""A file that is read anew in a real Neovim while, and after, code streams into its buffer."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from neovim_editor import Neovim
from neovim_model import Model, Script

pytest_plugins = ["neovim_fixtures"]

PIECES = ["```text\n", *(f"line {number}\n" for number in range(12)), "```\n"]
CODE = "".join(PIECES[1:-1])
ON_DISK = "another\n\ntext\n"
_READ_ANEW = """
local path, text, how = ...
if how == 'checktime' then
  vim.cmd('silent write') -- a buffer with changes of its own would not be replaced
end
local file = assert(io.open(path, 'wb'))
file:write(text)
file:close()
vim.uv.fs_utime(path, 1, 1)
vim.cmd('silent ' .. how)
"""
"""All in one turn of the event loop, so that no edit of the server's comes between."""
RELOADS = ["edit!", "checktime"]


@pytest.fixture(scope="module")
def editor(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neovim]:
    home = tmp_path_factory.mktemp("nvim")
    with Neovim(home, environment=model.environment) as editor:
        editor.command("set noautoindent autoread")
        editor.lua("vim.lsp.enable('streaming_code_generator')")
        yield editor


@pytest.fixture
def path(editor: Neovim, tmp_path: Path) -> Path:
    editor.lua("_G.messages = {}")
    path = tmp_path / "file.txt"
    editor.open(path, "above\n\nbelow\n")
    editor.wait_for_client()
    return path


def generate(editor: Neovim, model: Model, path: Path) -> Script:
    script = model.on(f"in {path}", PIECES)
    editor.press("ggj0")
    editor.command(f"StreamingCodeGenerator generate in {path}")
    script.release(5)
    editor.wait_until(lambda: "line 3" in editor.text, "the first lines")
    return script


def read_anew(editor: Neovim, path: Path, how: str) -> None:
    """Have the buffer replaced by what another program has written to its file."""
    editor.lua(_READ_ANEW, str(path), ON_DISK, how)
    assert editor.text == ON_DISK
    editor.wait_for_client()


@pytest.mark.parametrize("how", RELOADS)
def test_no_text_of_a_generation_comes_into_the_new_one(
    editor: Neovim, model: Model, path: Path, how: str
) -> None:
    script = generate(editor, model, path)

    script.release_all()
    read_anew(editor, path, how)
    editor.wait_until(lambda: editor.messages, "the end")

    assert editor.text == ON_DISK


@pytest.mark.parametrize("how", RELOADS)
def test_the_next_generation_comes_into_the_new_one(
    editor: Neovim, model: Model, path: Path, how: str
) -> None:
    generate(editor, model, path).release_all()
    editor.wait_until(lambda: editor.messages, "the end")
    read_anew(editor, path, how)
    editor.lua("_G.messages = {}")

    generate(editor, model, path).release_all()
    editor.wait_until(lambda: editor.messages, "the end")

    assert editor.text == "another\n" + CODE.removesuffix("\n") + "\ntext\n"
