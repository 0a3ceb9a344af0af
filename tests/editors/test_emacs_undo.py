"""Undo and redo in a real Emacs while a generation runs, with the package and the real server."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from emacs_editor import Emacs, lisp, need_emacs, newest_and_older
from neovim_model import Model, Script

UNDO = "\x1f"  # C-_
REDO = "\x1b\x1f"  # C-M-_
OTHER_WAY = "\x01"  # C-a: the next undo takes back the undo before it
PIECES = ["```text\n", *(f"line {number}\n" for number in range(12)), "```\n"]
CODE = "".join(PIECES[1:-1])
WHOLE = f"above\n{CODE}below\n"
UNTOUCHED = "above\n\nbelow\n"
_RECORD = """
(setq emacs-agent-sent nil)
(advice-add 'process-send-string :before
            (lambda (_process text)
              (when (string-match-p "didChange\\"\\\\|didUndo" text)
                (push (substring text (string-match "{" text)) emacs-agent-sent)))
            '((name . emacs-agent-record)))
"""


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    with Model() as model:
        yield model


@pytest.fixture(scope="module", params=newest_and_older())
def emacs(
    request: pytest.FixtureRequest, model: Model, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Emacs]:
    need_emacs(executable := request.param)
    home = tmp_path_factory.mktemp("emacs")
    with Emacs(executable, home, environment=model.environment, terminal=True) as editor:
        yield editor


@pytest.fixture
def editor(emacs: Emacs, request: pytest.FixtureRequest) -> Iterator[Emacs]:
    """Emacs with a file of the test's own, whose second line is empty and has point."""
    emacs.run("(setq emacs-agent-messages nil)")
    emacs.open(emacs.home / f"{request.node.originalname}.txt", UNTOUCHED)
    emacs.run("(forward-line)")
    emacs.keys(OTHER_WAY)  # else an undo would go on from the one of the test before
    yield emacs
    emacs.end_generations()
    emacs.run("(set-buffer-modified-p nil) (kill-buffer)")


@pytest.fixture
def script(editor: Emacs, model: Model, request: pytest.FixtureRequest) -> Iterator[Script]:
    """A generation of which the first lines have arrived."""
    prompt = f"of {request.node.name}."
    script = model.on(prompt, PIECES)
    editor.call("generate", lisp(prompt))
    script.release(5)
    editor.wait_until(lambda: "line 3" in editor.text, "the first lines")
    yield script
    script.release_all()


def undo(editor: Emacs) -> None:
    editor.keys(UNDO)
    editor.wait_until(lambda: "line" not in editor.text, "the undo")


def redo(editor: Emacs, keys: str) -> None:
    editor.keys(keys)
    editor.wait_until(lambda: "line 3" in editor.text, "the redo")


def type_at_the_end(editor: Emacs, letters: str) -> None:
    editor.run("(goto-char (point-max))")
    editor.keys(letters)
    editor.wait_until(lambda: editor.text.endswith(letters), repr(letters))


def sent(editor: Emacs) -> list[tuple[str, int, str]]:
    """Return what was sent of changes and undo: the method's name, the version and the kind."""
    messages: list[dict[str, Any]] = [
        json.loads(text) for text in editor.run("(vconcat (reverse emacs-agent-sent))")
    ]
    return [
        (
            message["method"].rpartition("/")[-1],
            message["params"]["textDocument"]["version"],
            message["params"].get("kind", ""),
        )
        for message in messages
    ]


@pytest.mark.parametrize("again", [REDO, OTHER_WAY + UNDO], ids=["undo-redo", "undo"])
def test_what_was_taken_back_and_brought_again_goes_on_at_its_end(
    editor: Emacs, script: Script, again: str
) -> None:
    undo(editor)
    script.release(1)
    redo(editor, again)
    script.release_all()

    editor.wait_for_message("Generated")
    editor.wait_for_text(WHOLE)


def test_one_undo_takes_all_of_it_back_and_ends_it(editor: Emacs, script: Script) -> None:
    undo(editor)
    script.release_all()

    editor.wait_for_message("undone or deleted")
    assert editor.text == UNTOUCHED


def test_an_undo_after_typing_elsewhere_takes_back_only_that(editor: Emacs, script: Script) -> None:
    type_at_the_end(editor, "typed")
    editor.keys(UNDO)
    editor.wait_until(lambda: "typed" not in editor.text, "the undo")
    script.release_all()

    editor.wait_for_message("Generated")
    editor.wait_for_text(WHOLE)


def test_an_undo_of_a_later_part_takes_the_earlier_one_back_as_well(
    editor: Emacs, script: Script
) -> None:
    type_at_the_end(editor, "typed")
    script.release(3)
    editor.wait_until(lambda: "line 6" in editor.text, "more lines")

    editor.keys(UNDO)
    script.release_all()

    editor.wait_for_message("undone or deleted")
    editor.wait_for_text(UNTOUCHED + "typed")


def test_what_came_last_and_is_deleted_by_hand_is_only_deleted(
    editor: Emacs, script: Script
) -> None:
    script.release(1)
    editor.wait_until(lambda: "line 4" in editor.text, "one more line")
    editor.run('(goto-char (point-min)) (search-forward "\\nline 4") (replace-match "")')
    script.release_all()

    editor.wait_for_message("Generated")
    editor.wait_for_text(WHOLE.replace("line 4\n", ""))


def test_each_change_is_told_with_its_kind_before_it_is_sent(editor: Emacs) -> None:
    editor.run(_RECORD)
    editor.keys("a" + UNDO + REDO + "b")
    editor.wait_for_text("above\nba\nbelow\n")
    editor.wait_until(lambda: not editor.run("(and eglot--recent-changes t)"), "all to be sent")
    editor.run("(advice-remove 'process-send-string 'emacs-agent-record)")

    typed, undone, undone_change, redone, redone_change, more = sent(editor)
    assert [typed[0], more[0]] == ["didChange"] * 2
    assert undone == ("didUndo", undone_change[1], "undo")
    assert redone == ("didUndo", redone_change[1], "redo")
    assert typed[1] < undone[1] < redone[1] < more[1]
