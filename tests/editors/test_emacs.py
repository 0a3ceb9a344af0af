"""The Emacs package in batch mode, with Eglot and the real server."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from emacs_editor import (
    DEADLINE_S,
    PACKAGE,
    Emacs,
    LispError,
    isolated_environment,
    lisp,
    need_emacs,
    newest_and_older,
)
from neovim_model import Model

from support.fork_server import server_command

_LINT = f"""
(require 'checkdoc)
(setq byte-compile-error-on-warn t
      byte-compile-dest-file-function (lambda (_) (make-temp-file "package" nil ".elc")))
(dolist (file (directory-files {lisp(PACKAGE.parent)} t "\\\\.el\\\\'"))
  (unless (byte-compile-file file)
    (kill-emacs 1))
  (let ((checkdoc-diagnostic-buffer "*complaints*"))
    (with-current-buffer (find-file-noselect file)
      (checkdoc-current-buffer t))))
(with-current-buffer "*complaints*"
  (princ (buffer-string))
  (goto-char (point-min))
  (kill-emacs (if (re-search-forward "^.+:[0-9]+: " nil t) 1 0)))
"""
ADDER = "def add(a, b):\n    return a + b"


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
    with Emacs(executable, home, environment=model.environment) as editor:
        yield editor


@pytest.fixture
def editor(emacs: Emacs, request: pytest.FixtureRequest) -> Iterator[Emacs]:
    """Emacs with a file of the test's own: an empty line between two others."""
    emacs.run("(setq emacs-agent-messages nil)")
    emacs.open(emacs.home / f"{request.node.originalname}.py", "x = 1\n\ny = 2\n")
    emacs.run("(forward-line)")
    yield emacs
    emacs.end_generations()
    emacs.run("(setq buffer-read-only nil) (set-buffer-modified-p nil) (kill-buffer)")


def apply_edit(editor: Emacs, version: int) -> dict[str, object]:
    """Give the package an edit, as the server would; return its answer."""
    start = {"line": 0, "character": 0}
    edit = {"range": {"start": start, "end": start}, "newText": "new\n"}
    uri = editor.run("(plist-get (eglot--TextDocumentIdentifier) :uri)")
    change = {"textDocument": {"uri": uri, "version": version}, "edits": [edit]}
    editor.run(
        f"""(setq answer (eglot-handle-request
          (eglot-current-server) 'workspace/applyEdit
          :edit (json-parse-string {lisp(json.dumps({"documentChanges": [change]}))}
                 :object-type 'plist)))"""
    )
    answer: dict[str, object] = json.loads(editor.run("(json-encode answer)"))
    return answer


def test_a_generation_comes_in_the_background(editor: Emacs, model: Model) -> None:
    script = model.on("adder 1", ["def add(a, b):\n", "    return ", "a + b"])

    editor.call("generate", '"adder 1"')
    editor.wait_for_message("started")
    assert editor.text == "x = 1\n\ny = 2\n"
    script.release()
    editor.wait_for_text("x = 1\ndef add(a, b):\ny = 2\n")
    script.release_all()

    editor.wait_for_text(f"x = 1\n{ADDER}\ny = 2\n")


def test_nothing_is_asked_before_an_edit(editor: Emacs) -> None:
    confirm = (
        "(setq eglot-confirm-server-initiated-edits 'confirm)"
        if editor.run("(boundp 'eglot-confirm-server-initiated-edits)")
        else "(setq eglot-confirm-server-edits 'summary)"
    )
    editor.run(confirm)

    assert apply_edit(editor, editor.run("eglot--versioned-identifier")) == {"applied": True}


def test_the_end_tells_the_time_and_the_totals(editor: Emacs, model: Model) -> None:
    model.on("adder 2", [ADDER]).release_all()

    editor.call("generate", '"adder 2"')

    editor.wait_for_message("Code generation: Generated")
    told = next(message for message in editor.messages if "Generated" in message)
    assert " tokens (" in told
    assert " s, " in told


def test_the_end_is_told_once_although_the_text_moves(editor: Emacs, model: Model) -> None:
    model.on("adder 4", [ADDER]).release_all()
    editor.call("generate", '"adder 4"')
    editor.wait_for_message("Generated")

    editor.run('(goto-char (point-min)) (insert "w = 0\\n")')
    editor.call("remove")  # its answer comes after what the server tells of the move

    editor.wait_for_message("removed")
    assert sum("Generated" in message for message in editor.messages) == 1


def test_the_log_keeps_the_whole_response(editor: Emacs, model: Model) -> None:
    model.on("adder 3", ["Here it is:\n```python\n", ADDER, "\n```\nIt adds."]).release_all()

    editor.call("generate", '"adder 3"')
    editor.wait_for_message("Generated")
    editor.call("show-log")

    log = editor.run('(with-current-buffer "*streaming-code-generator*" (buffer-string))')
    assert f"Here it is:\n```python\n{ADDER}\n```\nIt adds.\nGenerated " in log
    assert editor.text == f"x = 1\n{ADDER}\ny = 2\n"


def test_cancel_keeps_what_has_come_and_leaves_the_model(editor: Emacs, model: Model) -> None:
    script = model.on("adder 5", ["def add(a, b):\n", "    return a + b"])

    editor.call("generate", '"adder 5"')
    script.release()
    editor.wait_for_text("x = 1\ndef add(a, b):\ny = 2\n")
    editor.call("cancel")

    editor.wait_for_message("Cancelled.")
    editor.wait_until(script.was_left, "the model's connection to be closed")
    assert editor.text == "x = 1\ndef add(a, b):\ny = 2\n"


def test_cancel_says_when_there_is_nothing_to_cancel(editor: Emacs) -> None:
    editor.call("cancel")
    editor.wait_for_message("No generation runs in this buffer")


def test_a_region_is_replaced_and_remove_brings_it_back(editor: Emacs, model: Model) -> None:
    model.on("adder 6", [ADDER]).release_all()
    beginning, end = editor.run("(point-min)"), editor.run("(1- (point-max))")

    editor.call("generate", f'"adder 6" {beginning} {end}')
    editor.wait_for_text(f"{ADDER}\n")
    editor.wait_for_message("Generated")
    editor.call("remove")

    editor.wait_for_text("x = 1\n\ny = 2\n")
    editor.wait_for_message("removed")


def test_remove_leaves_alone_what_was_written_since(editor: Emacs, model: Model) -> None:
    model.on("adder 7", [ADDER]).release_all()

    editor.call("generate", '"adder 7"')
    editor.wait_for_message("Generated")
    editor.run('(goto-char (point-max)) (insert "z = 3\\n")')
    editor.call("remove")

    editor.wait_for_text("x = 1\n\ny = 2\nz = 3\n")


def test_a_comment_is_the_prompt(editor: Emacs, model: Model) -> None:
    model.on("adder 8", [ADDER]).release_all()
    editor.run('(insert "# write adder 8")')

    editor.call("generate-from-comment")

    editor.wait_for_text(f"x = 1\n# write adder 8\n{ADDER}\ny = 2\n")


def test_an_accepted_generation_cannot_be_removed(editor: Emacs, model: Model) -> None:
    model.on("adder 9", [ADDER]).release_all()

    editor.call("generate", '"adder 9"')
    editor.wait_for_message("Generated")
    editor.call("accept")
    editor.wait_for_message("accepted")
    editor.call("remove")

    editor.wait_for_message("No generation has text to remove")
    assert editor.text == f"x = 1\n{ADDER}\ny = 2\n"


def test_retry_replaces_the_text_by_a_new_one(editor: Emacs, model: Model) -> None:
    model.on("number", ["z = 1"]).release_all()
    editor.call("generate", '"number"')
    editor.wait_for_message("Generated")
    script = model.on("number", ["z = 2"])
    editor.run("(setq emacs-agent-messages nil)")

    editor.call("retry")
    editor.wait_for_message("started")
    script.release_all()

    editor.wait_for_text("x = 1\nz = 2\ny = 2\n")


def test_what_is_missing_is_said(editor: Emacs) -> None:
    editor.call("generate-from-comment")

    editor.wait_for_message("write a comment at or above the position")


def test_an_edit_for_an_older_text_is_refused_with_the_reason(editor: Emacs) -> None:
    version = editor.run("eglot--versioned-identifier")
    editor.run('(insert "typed, and not sent yet")')

    answer = apply_edit(editor, version)

    assert answer["applied"] is False
    assert f"require version {version}" in str(answer["failureReason"])
    assert editor.text == "x = 1\ntyped, and not sent yet\ny = 2\n"
    assert not editor.run("(and eglot--recent-changes t)")


def test_an_edit_of_a_read_only_buffer_is_refused(editor: Emacs) -> None:
    editor.run("(setq buffer-read-only t)")

    answer = apply_edit(editor, editor.run("eglot--versioned-identifier"))

    assert answer["applied"] is False
    assert "read-only" in str(answer["failureReason"])


def test_a_narrowed_buffer_gets_the_text_outside_too(editor: Emacs) -> None:
    editor.run("(narrow-to-region (line-end-position 2) (point-max))")
    answer = apply_edit(editor, editor.run("eglot--versioned-identifier"))
    editor.run("(widen)")

    assert answer == {"applied": True}
    assert editor.text == "new\nx = 1\n\ny = 2\n"


def test_a_buffer_with_another_server_is_left_to_it(emacs: Emacs) -> None:
    path = emacs.home / "script.sh"
    path.write_text("true\n")
    command = " ".join(lisp(word) for word in server_command())
    emacs.run(f"(switch-to-buffer (find-file-noselect {lisp(path)}))")
    emacs.run(
        f"(let ((eglot-server-programs '((sh-mode {command})))) (call-interactively #'eglot))"
    )
    emacs.wait_until(lambda: emacs.run("(eglot-managed-p)"), "Eglot to manage the buffer")
    try:
        with pytest.raises(LispError, match="another server"):
            emacs.call("generate", '"anything"')
        assert not emacs.run("(local-variable-p 'eglot-send-changes-idle-time)")
    finally:
        emacs.run("(eglot-shutdown (eglot-current-server))")


@pytest.mark.parametrize("executable", newest_and_older())
def test_the_package_compiles_without_a_warning_and_its_docs_are_in_order(
    executable: str, tmp_path: Path
) -> None:
    need_emacs(executable)
    lint = tmp_path / "lint.el"
    lint.write_text(_LINT)

    done = subprocess.run(
        [executable, "--batch", "-l", str(lint)],
        cwd=tmp_path,
        env=isolated_environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_S,
    )

    assert done.returncode == 0, done.stdout + done.stderr
