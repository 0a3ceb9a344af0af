"""Ghost text in a real Neovim 0.11, drawn by the plug-in: seen, typed over, and accepted."""

from pathlib import Path
from typing import Any

import pytest
from neovim_editor import Neovim
from neovim_model import Model

pytest_plugins = ["neovim_fixtures"]

_SEEN = """
local found = {}
local namespace = vim.api.nvim_get_namespaces()['streaming_code_generator.ghost']
for _, mark in ipairs(namespace and vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, {
  details = true,
}) or {}) do
  local text = mark[4].virt_text[1][1]
  for _, line in ipairs(mark[4].virt_lines or {}) do
    text = text .. '\\n' .. line[1][1]
  end
  table.insert(found, { mark[2], mark[3], text })
end
return found
"""
_ACCEPT = "<Cmd>lua require('streaming_code_generator').accept_suggestion('{}')<CR>"


@pytest.fixture(scope="module")
def settings() -> dict[str, str]:
    return {"STREAMING_CODE_GENERATOR_INLINE_COMPLETION": "automatic"}


@pytest.fixture(autouse=True)
def _enabled(editor: Neovim) -> None:
    editor.lua("vim.lsp.enable('streaming_code_generator')")


def seen(editor: Neovim) -> list[Any]:
    """Return what is drawn: row, column in bytes, text."""
    drawn: list[Any] = editor.lua(_SEEN)
    return drawn


def suggested(editor: Neovim, model: Model, path: Path, *, key: str, pieces: list[str]) -> None:
    """Let a line be typed, and its suggestion be seen."""
    model.on(key, pieces).release_all()
    editor.open(path, "é = 0\n\nprint(total)\n")
    editor.wait_for_client()
    editor.keys("j")
    editor.keys("i" + key)
    at = [1, len(key.encode()), "".join(pieces).rstrip()]
    editor.wait_until(lambda: seen(editor) == [at], f"ghost text behind {key}")


def test_ghost_text_is_drawn_behind_what_is_typed(
    editor: Neovim, model: Model, tmp_path: Path
) -> None:
    suggested(editor, model, tmp_path / "a.py", key="drawn = ", pieces=["sum(", "1, 2)\n"])
    assert editor.text == "é = 0\ndrawn = \nprint(total)\n"


def test_what_is_typed_of_it_is_ghost_text_no_more(
    editor: Neovim, model: Model, tmp_path: Path
) -> None:
    suggested(editor, model, tmp_path / "b.py", key="typed = ", pieces=["sum(1, 2)\n"])
    editor.keys("sum")
    at = [1, len("typed = sum"), "(1, 2)"]
    editor.wait_until(lambda: seen(editor) == [at], "the rest of it")
    editor.keys("x")
    editor.wait_until(lambda: seen(editor) == [], "it to go with another key")


@pytest.mark.parametrize(
    ("part", "line", "left"),
    [
        ("all", "part_all = sum(1, 2)", ""),
        ("word", "part_word = sum", "(1, 2)"),
        ("line", "part_line = sum(1, 2)", ""),
    ],
)
def test_it_is_accepted_whole_or_in_part(  # noqa: PLR0913, PLR0917 - the cases, and the fixtures
    editor: Neovim, model: Model, tmp_path: Path, part: str, line: str, left: str
) -> None:
    key = f"part_{part} = "
    suggested(editor, model, tmp_path / "c.py", key=key, pieces=["sum(1, 2)\n"])
    editor.keys(_ACCEPT.format(part))
    editor.wait_until(lambda: line in editor.text.split("\n"), "it to be accepted")
    if left:
        expected = [[1, len(line), left]]
        editor.wait_until(lambda: seen(editor) == expected, "what is left of it")
    editor.keys("!")
    editor.wait_until(lambda: line + "!" in editor.text, "the cursor to stand behind it")


def test_it_goes_when_insert_mode_is_left(editor: Neovim, model: Model, tmp_path: Path) -> None:
    suggested(editor, model, tmp_path / "d.py", key="left = ", pieces=["sum(1, 2)\n"])
    editor.keys("<Esc>")
    editor.wait_until(lambda: seen(editor) == [], "it to go")


def test_without_any_the_mapping_is_the_key_itself(
    editor: Neovim, model: Model, tmp_path: Path
) -> None:
    suggested(editor, model, tmp_path / "e.py", key="mapped = ", pieces=["sum(1, 2)\n"])
    editor.command("imap <Tab> <Plug>(streaming-code-generator-ghost-all)")
    editor.keys("<Tab>")
    editor.wait_until(lambda: "mapped = sum(1, 2)" in editor.text, "it to be accepted")
    editor.keys("<Esc>o<Tab>x<Esc>")
    editor.wait_until(
        lambda: "\n    x\n" in editor.text, "a tab, which Python files have as blanks"
    )
    editor.command("iunmap <Tab>")
