"""The plug-in's side of an edit, without a server: what is answered, and what `u` takes back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from neovim_editor import Neovim

_SERVER_INSIDE = """
local id = vim.lsp.start({
  name = 'streaming_code_generator',
  cmd = function()
    local closing = false
    return {
      request = function(method, _, callback)
        callback(nil, method == 'initialize' and {
          capabilities = { positionEncoding = 'utf-16', textDocumentSync = 2 },
        } or nil)
        return true, 1
      end,
      notify = function() return true end,
      is_closing = function() return closing end,
      terminate = function() closing = true end,
    }
  end,
})
_G.client_id = id
"""
_APPLY = """
local params = ...
return require('streaming_code_generator.edits').on_apply_edit(
  nil, params, { client_id = _G.client_id })
"""
_UPDATE = """
local update = ...
require('streaming_code_generator.generations').on_update(
  nil, update, { client_id = _G.client_id })
"""


class Edits:
    """Sends edits to the plug-in as the client would."""

    def __init__(self, editor: Neovim, path: Path) -> None:
        self.editor = editor
        self.path = path

    @property
    def version(self) -> int:
        return int(self.editor.lua("return vim.lsp.util.buf_versions[vim.fn.bufnr()]"))

    def insert(self, line: int, character: int, text: str, *, version: int | None = -1) -> Any:
        position = {"line": line, "character": character}
        document: dict[str, Any] = {"uri": self.path.as_uri()}
        if version is not None:
            document["version"] = self.version if version < 0 else version
        edit = {"range": {"start": position, "end": position}, "newText": text}
        change = {"textDocument": document, "edits": [edit]}
        return self.editor.lua(_APPLY, {"edit": {"documentChanges": [change]}})

    def tell(self, generation: str, state: str) -> None:
        update = {"id": generation, "uri": self.path.as_uri(), "state": state, "message": state}
        self.editor.lua(_UPDATE, update | {"tokens": 0, "elapsedSeconds": 0, "tokensPerSecond": 0})


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neovim]:
    with Neovim(tmp_path_factory.mktemp("nvim")) as editor:
        yield editor


@pytest.fixture
def edits(editor: Neovim, tmp_path: Path) -> Edits:
    path = tmp_path / "file.txt"
    editor.open(path, "one\ntwo\n")
    editor.lua(_SERVER_INSIDE)
    return Edits(editor, path)


def test_an_edit_for_the_buffers_version_is_applied(edits: Edits) -> None:
    assert edits.insert(1, 0, "new\n") == {"applied": True}
    assert edits.editor.text == "one\nnew\ntwo\n"


def test_positions_count_in_the_clients_encoding(edits: Edits) -> None:
    edits.insert(0, 0, "🙂é")
    assert edits.insert(0, 3, "|") == {"applied": True}
    assert edits.editor.text == "🙂é|one\ntwo\n"


def test_an_edit_for_a_version_that_has_passed_is_refused_with_both_versions(edits: Edits) -> None:
    stale = edits.version
    edits.editor.press("ix<Esc>")

    answer = edits.insert(1, 0, "lost\n", version=stale)

    assert answer["applied"] is False
    assert f"at version {edits.version}, the edit is for {stale}" in answer["failureReason"]
    assert edits.editor.text == "xone\ntwo\n"


def test_an_edit_of_a_buffer_that_must_not_be_modified_is_refused(edits: Edits) -> None:
    edits.editor.command("setlocal nomodifiable")

    answer = edits.insert(0, 0, "new\n")

    assert answer["applied"] is False
    assert "'modifiable'" in answer["failureReason"]
    assert edits.editor.text == "one\ntwo\n"


def test_an_edit_reaches_a_hidden_buffer(edits: Edits, tmp_path: Path) -> None:
    version = edits.version
    edits.editor.command(f"hide edit {tmp_path / 'other.txt'}")

    assert edits.insert(0, 0, "new\n", version=version) == {"applied": True}

    assert edits.editor.text == "\n"
    edits.editor.command(f"buffer {edits.path}")
    assert edits.editor.text == "new\none\ntwo\n"


def test_an_edit_of_a_version_of_an_unloaded_buffer_is_refused(edits: Edits) -> None:
    version = edits.version
    edits.editor.command("enew! | bdelete! #")

    answer = edits.insert(0, 0, "new\n", version=version)

    assert answer["applied"] is False
    assert "not loaded" in answer["failureReason"]


def test_an_edit_of_no_version_loads_an_unloaded_buffer(edits: Edits) -> None:
    edits.editor.command("enew! | bdelete! #")

    assert edits.insert(0, 0, "new\n", version=None) == {"applied": True}

    edits.editor.command(f"buffer {edits.path}")
    assert edits.editor.text == "new\none\ntwo\n"


def test_a_file_that_is_loaded_for_an_edit_gets_the_client(edits: Edits, tmp_path: Path) -> None:
    edits.path = tmp_path / "not-opened-yet.txt"
    edits.path.write_text("there\n")

    edits.insert(0, 0, "new\n", version=None)

    edits.editor.command(f"buffer {edits.path}")
    assert edits.editor.text == "new\nthere\n"
    assert edits.editor.lua("return #vim.lsp.get_clients({ bufnr = 0 })") == 1


def test_an_edit_of_a_file_that_does_not_exist_is_refused(edits: Edits, tmp_path: Path) -> None:
    edits.path = tmp_path / "nowhere.txt"

    answer = edits.insert(0, 0, "new\n", version=None)

    assert answer["applied"] is False
    assert edits.editor.evaluate(f"bufexists('{edits.path}')") == 0


def test_one_undo_takes_back_all_edits_of_a_generation(edits: Edits) -> None:
    edits.insert(1, 0, "a")
    for character in range(1, 10):
        edits.insert(1, character, "b")

    edits.editor.command("undo")

    assert edits.editor.text == "one\ntwo\n"


def test_one_redo_brings_all_of_it_back(edits: Edits) -> None:
    edits.insert(1, 0, "a")
    edits.insert(1, 1, "b\n")
    edits.editor.command("undo")

    edits.editor.command("redo")

    assert edits.editor.text == "one\nab\ntwo\n"


def test_what_a_user_typed_before_is_no_part_of_the_generations_step(edits: Edits) -> None:
    edits.editor.press("Gotyped<Esc>")
    edits.insert(0, 0, "a")
    edits.insert(0, 1, "b\n")

    edits.editor.command("undo")

    assert edits.editor.text == "one\ntwo\ntyped\n"


def test_typing_in_between_is_a_step_of_its_own(edits: Edits) -> None:
    edits.insert(0, 0, "a\n")
    edits.editor.press("Gotyped<Esc>")
    edits.insert(1, 0, "b\n")

    edits.editor.command("undo")
    assert edits.editor.text == "a\none\ntwo\ntyped\n"
    edits.editor.command("undo")
    assert edits.editor.text == "a\none\ntwo\n"
    edits.editor.command("undo")
    assert edits.editor.text == "one\ntwo\n"


def test_in_insert_mode_too_one_undo_takes_back_the_generation_and_nothing_typed(
    edits: Edits,
) -> None:
    editor = edits.editor
    editor.keys("Gotyped")
    editor.wait_until(lambda: "typed" in editor.text, "the typing")
    edits.insert(0, 0, "a\n")
    edits.insert(1, 0, "b\n")
    editor.keys("<Esc>")
    editor.wait_until(lambda: editor.mode == "n", "normal mode")

    editor.command("undo")

    assert editor.text == "one\ntwo\ntyped\n"


def test_in_insert_mode_a_line_typed_afterwards_is_a_step_of_its_own(edits: Edits) -> None:
    editor = edits.editor
    editor.keys("Gotyped")
    editor.wait_until(lambda: "typed" in editor.text, "the typing")
    edits.insert(0, 0, "a\n")
    editor.keys("<CR>more<Esc>")
    editor.wait_until(lambda: "more" in editor.text and editor.mode == "n", "normal mode")

    editor.command("undo")

    assert editor.text == "a\none\ntwo\ntyped\n"


def test_two_generations_one_after_the_other_are_two_steps(edits: Edits) -> None:
    edits.tell("g1", "running")
    edits.insert(0, 0, "a\n")
    edits.tell("g1", "completed")
    edits.tell("g2", "running")
    edits.insert(1, 0, "b\n")

    edits.editor.command("undo")

    assert edits.editor.text == "a\none\ntwo\n"


def test_two_generations_at_the_same_time_are_one_step(edits: Edits) -> None:
    edits.tell("g1", "running")
    edits.insert(0, 0, "a\n")
    edits.tell("g2", "running")
    edits.insert(1, 0, "b\n")
    edits.tell("g1", "completed")
    edits.insert(2, 0, "b\n")

    edits.editor.command("undo")

    assert edits.editor.text == "one\ntwo\n"


def test_an_end_is_told_once(edits: Edits) -> None:
    edits.editor.lua("_G.messages = {}")

    for state in ("running", "completed", "completed", "forgotten"):
        edits.tell("g1", state)

    assert edits.editor.messages == ["completed"]


def test_an_undo_in_between_does_not_break_the_next_edit(edits: Edits) -> None:
    edits.insert(0, 0, "a\n")
    edits.editor.command("undo")

    assert edits.insert(0, 0, "b\n") == {"applied": True}
    assert edits.editor.text == "b\none\ntwo\n"


def test_writing_the_file_in_between_does_not_part_the_step(edits: Edits) -> None:
    edits.insert(0, 0, "a")
    edits.editor.command("write")
    edits.insert(0, 1, "b\n")

    edits.editor.command("undo")

    assert edits.editor.text == "one\ntwo\n"


def test_the_cursor_stays_with_its_text(edits: Edits) -> None:
    edits.editor.api("win_set_cursor", 0, (2, 1))

    edits.insert(0, 0, "a\nb\nc\n")

    assert edits.editor.api("win_get_cursor", 0) == [5, 1]


@pytest.mark.parametrize("refused", [True, False])
def test_the_answer_never_says_more_than_what_happened(edits: Edits, *, refused: bool) -> None:
    version = edits.version + (1 if refused else 0)
    before = edits.editor.text

    answer = edits.insert(0, 0, "new\n", version=version)

    assert answer["applied"] is (edits.editor.text != before)
