"""Emacs in a terminal, with keys as a user presses them while a generation runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from emacs_editor import Emacs, lisp, need_emacs, newest_and_older
from neovim_model import Model, Script

from support.fork_server import server_command

UNDO = "\x1f"  # C-_
LINE_START = "\x01"  # C-a
NEXT_LINE = "\x0e"  # C-n
PIECES = ["def add(a, b):\n", "    total = a + b\n", "    return total"]
GENERATED = "".join(PIECES)


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    with Model() as model:
        yield model


@pytest.fixture(scope="module", params=newest_and_older())
def executable(request: pytest.FixtureRequest) -> str:
    need_emacs(executable := request.param)
    return str(executable)


@pytest.fixture(scope="module")
def emacs(
    executable: str, model: Model, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Emacs]:
    home = tmp_path_factory.mktemp("emacs")
    with Emacs(executable, home, environment=model.environment, terminal=True) as editor:
        # What the package does about it must not rest on a user's own setting.
        editor.run("(setq-default eglot-send-changes-idle-time 1000)")
        yield editor


@pytest.fixture
def editor(emacs: Emacs, request: pytest.FixtureRequest) -> Iterator[Emacs]:
    emacs.run("(setq emacs-agent-messages nil)")
    emacs.open(emacs.home / f"{request.node.originalname}.py", "x = 1\n\ny = 2\n")
    emacs.run("(forward-line)")
    emacs.keys(LINE_START)  # else an undo would go on from the one of the test before
    yield emacs
    emacs.end_generations()
    emacs.run("(set-buffer-modified-p nil) (kill-buffer)")


def text_with(code: str) -> str:
    return f"x = 1\n{code}\ny = 2\n"


def type_at_the_top(editor: Emacs, keys: str) -> None:
    """Type in the first line, and wait until it is there."""
    before = editor.text
    editor.run("(goto-char (point-min)) (end-of-line)")
    column = editor.run("(current-column)")
    editor.keys(keys)
    first, _, rest = before.partition("\n")
    assert column == len(first)
    editor.wait_for_text(f"{first}{keys}\n{rest}")


def let_out(editor: Emacs, script: Script, pieces: int) -> None:
    """Let pieces out of the model, and wait until they stand in the buffer."""
    script.release(pieces)
    code = script.released.removesuffix("\n")
    editor.wait_until(lambda: code in editor.text, repr(code))


def test_what_is_typed_is_sent_at_once(editor: Emacs) -> None:
    type_at_the_top(editor, "0")

    editor.wait_until(
        lambda: not editor.run("(and eglot--recent-changes t)"), "the change to be sent"
    )


def test_typing_elsewhere_loses_nothing(editor: Emacs, model: Model) -> None:
    script = model.on("adder 1", PIECES)
    editor.call("generate", '"adder 1"')

    let_out(editor, script, 1)
    type_at_the_top(editor, "000")
    let_out(editor, script, 1)
    editor.keys("111")
    script.release_all()

    editor.wait_for_message("Generated")
    editor.wait_for_text(f"x = 1000111\n{GENERATED}\ny = 2\n")


def test_the_mode_line_shows_a_running_generation(editor: Emacs, model: Model) -> None:
    script = model.on("adder 2", PIECES)
    shown = "(format-mode-line mode-line-misc-info)"

    editor.call("generate", '"adder 2"')
    let_out(editor, script, 1)
    editor.wait_until(lambda: "tokens/s" in editor.run(shown), "the figures in the mode line")
    script.release_all()

    editor.wait_for_message("Generated")
    assert "tokens/s" not in editor.run(shown)


def test_one_undo_takes_back_a_generation(editor: Emacs, model: Model) -> None:
    script = model.on("adder 3", PIECES)
    editor.call("generate", '"adder 3"')
    for _ in PIECES:
        let_out(editor, script, 1)
        editor.keys(NEXT_LINE)
    script.release_all()
    editor.wait_for_message("Generated")
    assert editor.text == text_with(GENERATED)

    editor.keys(UNDO)

    editor.wait_for_text("x = 1\n\ny = 2\n")


def test_two_generations_are_two_steps(editor: Emacs, model: Model) -> None:
    for number in ("1", "2"):
        model.on(f"number {number}", [f"z = {number}"]).release_all()
        editor.run("(setq emacs-agent-messages nil)")
        editor.call("generate", lisp(f"number {number}"))
        editor.wait_for_message("Generated")
        editor.run("(goto-char (point-max)) (forward-line -1)")
    assert editor.text == "x = 1\nz = 1\nz = 2\ny = 2\n"

    editor.keys(UNDO)

    editor.wait_for_text("x = 1\nz = 1\ny = 2\n")


def test_undo_never_takes_back_typing_and_generated_text_together(
    editor: Emacs, model: Model
) -> None:
    script = model.on("adder 4", PIECES)
    editor.call("generate", '"adder 4"')
    seen = [editor.text]
    for letters in ("00", "11"):  # Emacs makes one step of letters that follow each other
        let_out(editor, script, 1)
        seen.append(editor.text)
        type_at_the_top(editor, letters)
        seen.append(editor.text)
    script.release_all()
    editor.wait_for_message("Generated")

    for text in reversed(seen):
        editor.keys(UNDO)
        editor.wait_for_text(text)


def test_eglot_alone_generates_by_its_code_actions(
    executable: str, model: Model, tmp_path: Path
) -> None:
    model.on("adder 5", PIECES).release_all()
    command = " ".join(lisp(word) for word in server_command())
    with Emacs(
        executable, tmp_path, environment=model.environment, package=None, terminal=True
    ) as editor:
        editor.run("(setq eglot-confirm-server-initiated-edits nil)")
        editor.run(f"(setq eglot-server-programs '((python-mode {command})))")
        editor.open(tmp_path / "alone.py", "# write adder 5\ny = 2\n")
        editor.run("(call-interactively #'eglot)")
        editor.wait_until(lambda: editor.run("(eglot-managed-p)"), "Eglot to be there")

        editor.keys("\x1bxeglot-code-actions\r")
        editor.wait_until(lambda: editor.prompt.startswith("[eglot]"), "the choice of actions")
        editor.keys("\r")

        editor.wait_for_text(f"# write adder 5\n{GENERATED}\ny = 2\n")
