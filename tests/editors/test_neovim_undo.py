"""What the plug-in says of undo and redo, without a server: before the change, and exactly."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from neovim_editor import Neovim

_SERVER_INSIDE = """
_G.told = {}
_G.client_id = vim.lsp.start({
  name = 'streaming_code_generator',
  flags = { debounce_text_changes = ... },
  cmd = function()
    local closing = false
    return {
      request = function(method, _, callback)
        callback(nil, method == 'initialize' and {
          capabilities = { positionEncoding = 'utf-16', textDocumentSync = 2 },
        } or nil)
        return true, 1
      end,
      notify = function(method, params)
        if params then
          table.insert(_G.told, { method, params })
        end
        return true
      end,
      is_closing = function() return closing end,
      terminate = function() closing = true end,
    }
  end,
})
"""
_WATCH = """
require('streaming_code_generator.generations').on_update(nil, {
  id = 'g1', uri = vim.uri_from_bufnr(0), state = 'running', message = '', tokens = 0,
  elapsedSeconds = 0, tokensPerSecond = 0,
}, { client_id = _G.client_id })
_G.told = {}
"""
DEBOUNCES_MS = (0, 10, 5000)


class Listener:
    """Hears what the plug-in and Neovim's client say of a buffer."""

    def __init__(self, editor: Neovim) -> None:
        self.editor = editor

    @property
    def told(self) -> list[tuple[str, Any]]:
        """What was said, all that is held back included."""
        self.editor.lua("vim.lsp.get_client_by_id(_G.client_id):notify('$/nothing')")
        heard = self.editor.lua("local told = _G.told _G.told = {} return told")
        return [(method.rpartition("/")[2], params) for method, params in heard]

    @property
    def kinds(self) -> list[str]:
        """The changes said, one a version: `undo`, `redo` or `typed`."""
        kinds: list[str] = []
        announced = None
        for method, params in self.told:
            if method == "didUndo":
                assert announced is None, "said of no change"
                announced = params
            elif method == "didChange":
                same = announced and announced["textDocument"] == params["textDocument"]
                assert announced is None or same, "said of another version"
                kind = announced["kind"] if announced else "typed"
                if kinds[-1:] != [kind]:
                    kinds.append(kind)
                announced = None
        assert announced is None, "said of a change that never came"
        return kinds


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neovim]:
    with Neovim(tmp_path_factory.mktemp("nvim")) as editor:
        yield editor


@pytest.fixture(params=DEBOUNCES_MS)
def listener(editor: Neovim, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Listener]:
    editor.open(tmp_path / "file.txt", "one\ntwo\nthree\n")
    editor.lua(_SERVER_INSIDE, request.param)
    editor.lua(_WATCH)
    yield Listener(editor)
    editor.lua("vim.lsp.get_client_by_id(_G.client_id):stop()")
    editor.command("bwipeout!")


def test_typing_is_no_undo(listener: Listener) -> None:
    listener.editor.press("ggonew<CR>lines<Esc>dd")
    assert listener.kinds == ["typed"]


@pytest.mark.parametrize(
    "command",
    [":%!sort<CR>", ":%s/o/0/g<CR>", ":g/./normal Ax<CR>", "<C-v>GIx<Esc>", "qqAx<Esc>q@q"],
)
def test_commands_that_change_much_are_no_undo(listener: Listener, command: str) -> None:
    listener.editor.press("gg" + command)
    assert listener.kinds == ["typed"]


@pytest.mark.parametrize(
    "change", ["ggonew<CR>lines<Esc>", "ggdd", "gg:g/./normal Ax<CR>", "gg:%!sort -r<CR>"]
)
@pytest.mark.parametrize("undo", ["u", ":undo<CR>", "g-", ":earlier 1<CR>"])
def test_an_undo_is_said_before_its_change(listener: Listener, change: str, undo: str) -> None:
    listener.editor.press(change)
    assert listener.kinds == ["typed"]

    listener.editor.press(undo)

    assert listener.editor.text == "one\ntwo\nthree\n"
    assert listener.kinds == ["undo"]


@pytest.mark.parametrize("redo", ["<C-r>", ":redo<CR>", "g+", ":later 1<CR>"])
def test_a_redo_is_said_before_its_change(listener: Listener, redo: str) -> None:
    listener.editor.press("ggonew<CR>lines<Esc>")
    listener.editor.press("u")
    assert listener.kinds[-1] == "undo"

    listener.editor.press(redo)

    assert listener.kinds == ["redo"]


def test_an_undo_and_a_redo_at_once_are_two_changes(listener: Listener) -> None:
    listener.editor.press("ggonew<Esc>")
    assert listener.kinds == ["typed"]

    listener.editor.press("u<C-r>")

    assert listener.kinds == ["undo", "redo"]


def test_what_is_typed_right_after_an_undo_is_a_change_of_its_own(listener: Listener) -> None:
    listener.editor.press("ggonew<Esc>")
    assert listener.kinds == ["typed"]

    listener.editor.press("uAmore<Esc>")

    assert listener.kinds == ["undo", "typed"]


def test_another_branch_of_undo_is_reached_by_undo_and_redo(listener: Listener) -> None:
    listener.editor.press("ggAx<Esc>")
    listener.editor.press("u")
    listener.editor.press("Gdd")
    assert listener.kinds

    listener.editor.press(":undo 1<CR>")

    assert listener.editor.text == "onex\ntwo\nthree\n"
    assert listener.kinds == ["undo", "redo"]


def test_an_undo_of_a_buffer_that_is_not_shown_is_said(listener: Listener) -> None:
    listener.editor.press("ggonew<Esc>")
    assert listener.kinds == ["typed"]
    buffer = listener.editor.evaluate("bufnr()")
    listener.editor.command("hide enew")

    listener.editor.lua("vim.api.nvim_buf_call(..., function() vim.cmd('undo') end)", buffer)

    assert listener.kinds == ["undo"]
    listener.editor.command(f"buffer {buffer}")


def test_of_thousands_of_changes_in_one_turn_only_some_are_looked_at(listener: Listener) -> None:
    looks = listener.editor.lua(
        "local undotree, looks = vim.fn.undotree, 0"
        " vim.fn.undotree = function(...) looks = looks + 1 return undotree(...) end"
        " for _ = 1, 1000 do vim.api.nvim_buf_set_text(0, 0, 0, 0, 0, { 'y' }) end"
        " vim.fn.undotree = undotree"
        " return looks"
    )
    assert listener.kinds == ["typed"]
    assert 0 < looks <= 200


_INSERT = """
local version, line, character, text = ...
local position = { line = line, character = character }
local edit = { range = { start = position, ['end'] = position }, newText = text }
local document = { uri = vim.uri_from_bufnr(0), version = version }
return require('streaming_code_generator.edits').on_apply_edit(
  nil,
  { edit = { documentChanges = { { textDocument = document, edits = { edit } } } } },
  { client_id = _G.client_id })
"""


def test_a_file_that_changed_on_disk_gets_a_version_that_no_older_edit_has(
    listener: Listener, tmp_path: Path
) -> None:
    editor = listener.editor
    editor.press("ggAx<Esc>")
    editor.command("write")
    old = listener.told[0][1]["textDocument"]["version"]
    (tmp_path / "file.txt").write_text("another\ntext\nthan before\n")

    editor.command("set autoread | checktime")

    told = listener.told
    assert [method for method, _ in told] == ["didClose", "didOpen", "didChange"]
    assert told[1][1]["textDocument"]["version"] == old
    assert told[2][1]["contentChanges"] == []
    new = told[2][1]["textDocument"]["version"]
    assert editor.lua(_INSERT, old, 0, 0, "late")["applied"] is False
    assert editor.lua(_INSERT, new, 0, 0, "right ")["applied"] is True
    assert editor.text == "right another\ntext\nthan before\n"
    assert listener.kinds == ["typed"]


def test_an_edit_of_the_text_before_a_reload_is_refused(listener: Listener) -> None:
    editor = listener.editor
    editor.press("ggAx<Esc>")
    old = listener.told[0][1]["textDocument"]["version"]

    editor.command("edit!")
    editor.lua("vim.lsp.buf_attach_client(0, _G.client_id)")

    assert editor.lua(_INSERT, old, 0, 0, "late")["applied"] is False
    assert editor.text == "one\ntwo\nthree\n"


def test_undo_is_said_after_a_reload_too(listener: Listener) -> None:
    editor = listener.editor
    editor.command("edit!")
    editor.lua("vim.lsp.buf_attach_client(0, _G.client_id)")
    editor.lua(_WATCH)
    editor.press("ggonew<Esc>")
    assert listener.kinds == ["typed"]

    editor.press("u")

    assert listener.kinds == ["undo"]


def test_a_generation_that_was_taken_back_and_brought_again_goes_on_in_its_step(
    listener: Listener,
) -> None:
    editor = listener.editor
    editor.lua(_INSERT, None, 1, 0, "a")
    editor.press("u<C-r>")
    editor.lua(_INSERT, None, 1, 1, "b")

    editor.press("u")

    assert editor.text == "one\ntwo\nthree\n"
    editor.press("<C-r>")
    assert editor.text == "one\nabtwo\nthree\n"
