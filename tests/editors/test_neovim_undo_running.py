"""Undo and redo in a real Neovim while a generation runs, with the plug-in and the real server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from neovim_editor import Neovim
from neovim_model import Model, Script

pytest_plugins = ["neovim_fixtures"]

_FOLLOW = """
vim.opt.autoindent = false
vim.api.nvim_create_autocmd('User', {
  pattern = 'StreamingCodeGeneratorUpdate',
  callback = function(event) _G.state = event.data.update.state end,
})
"""
PIECES = ["```text\n", *(f"line {number}\n" for number in range(12)), "```\n"]
CODE = "".join(PIECES[1:-1])
ABOVE, BELOW = "above\n", "below\n"


@pytest.fixture(scope="module")
def editor(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neovim]:
    home = tmp_path_factory.mktemp("nvim")
    with Neovim(home, environment=model.environment) as editor:
        editor.lua(_FOLLOW)
        yield editor


@pytest.fixture
def script(
    editor: Neovim, model: Model, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Script]:
    """A generation of which the first lines have arrived."""
    prompt = f"of {request.node.name}."
    script = model.on(prompt, PIECES)
    editor.lua("_G.messages = {}")
    editor.open(tmp_path / "file.txt", ABOVE + "\n" + BELOW)
    editor.press("j")
    editor.command(f"StreamingCodeGenerator generate {prompt}")
    script.release(5)
    editor.wait_until(lambda: "line 3" in editor.text, "the first lines")
    yield script
    script.release_all()
    editor.command("bwipeout!")


def ending(editor: Neovim) -> str:
    """Wait for the end and return the state in which it ended."""
    editor.wait_until(lambda: editor.messages, "the end")
    return str(editor.lua("return _G.state"))


def settle(editor: Neovim, text: str) -> None:
    editor.wait_until(lambda: editor.text == text, f"the text {text!r}")


WHOLE = ABOVE + CODE.removesuffix("\n") + "\n" + BELOW
UNTOUCHED = ABOVE + "\n" + BELOW


@pytest.mark.parametrize("keys", ["u<C-r>", "g-g+", ":undo<CR>:redo<CR>"])
def test_what_was_taken_back_and_brought_again_goes_on_at_its_end(
    editor: Neovim, script: Script, keys: str
) -> None:
    editor.press(keys)
    script.release_all()

    assert ending(editor) == "completed"
    assert editor.text == WHOLE


def test_pressed_one_after_the_other_too(editor: Neovim, script: Script) -> None:
    for _ in range(3):
        editor.keys("u")
        editor.wait_until(lambda: "line" not in editor.text, "the undo")
        script.release(1)
        editor.keys("<C-r>")
        editor.wait_until(lambda: "line 3" in editor.text, "the redo")
    script.release_all()

    assert ending(editor) == "completed"
    assert editor.text == WHOLE


def test_one_undo_takes_all_of_it_back_and_ends_it(editor: Neovim, script: Script) -> None:
    editor.press("u")
    script.release_all()

    assert ending(editor) in {"cancelled", "forgotten"}
    settle(editor, UNTOUCHED)


def test_one_undo_after_typing_elsewhere_takes_back_only_that(
    editor: Neovim, script: Script
) -> None:
    editor.press("GAtyped<Esc>")
    editor.press("u")
    script.release_all()

    assert ending(editor) == "completed"
    assert editor.text == WHOLE


def test_an_undo_of_a_later_part_takes_the_earlier_one_back_as_well(
    editor: Neovim, script: Script
) -> None:
    editor.press("GAtyped<Esc>")
    script.release(3)
    editor.wait_until(lambda: "line 6" in editor.text, "more lines")

    editor.press("u")
    script.release_all()

    assert ending(editor) in {"cancelled", "forgotten"}
    settle(editor, UNTOUCHED.replace("below", "belowtyped"))


def test_after_a_redo_one_undo_still_takes_all_of_it_back(editor: Neovim, script: Script) -> None:
    editor.press("u<C-r>")
    script.release_all()
    assert ending(editor) == "completed"

    editor.press("u")

    assert editor.text == UNTOUCHED
