"""What a user in a real Emacs sees and chooses of endpoints: profiles, costs, waits, the budget."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from emacs_editor import Emacs, need_emacs, newest_and_older
from neovim_model import Model

from streaming_code_generator.testing.openai_replies import Reply

PROFILES = {"fast": {"model": "quick-model"}, "thorough": {"model": "large-model"}}
SETTINGS = {
    "STREAMING_CODE_GENERATOR_PROFILES": json.dumps(PROFILES),
    "STREAMING_CODE_GENERATOR_BUDGET_PER_DAY": "1",
}
QUIT = "\x07"  # C-g
PREFIX, COMMAND = "\x15", "\x1bx"  # C-u, M-x


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    with Model() as model:
        yield model


@pytest.fixture(params=newest_and_older(pytest.mark.longer))
def editor(request: pytest.FixtureRequest, model: Model, tmp_path: Path) -> Iterator[Emacs]:
    """A user at a terminal who has spent nothing yet, with a dollar a day."""
    need_emacs(executable := request.param)
    environment = {**model.environment, **SETTINGS}
    with Emacs(executable, tmp_path, environment=environment, terminal=True) as editor:
        editor.open(tmp_path / "a.py", "x = 1\n\ny = 2\n")
        editor.run("(forward-line)")
        yield editor
        editor.end_generations()


def generate(editor: Emacs, prompt: str, message: str = "Generated") -> None:
    editor.run("(setq emacs-agent-messages nil)")
    editor.call("generate", f'"{prompt}"')
    editor.wait_for_message(message)


def answer(editor: Emacs, question: str, keys: str) -> None:
    editor.wait_until(lambda: question in editor.prompt, repr(question))
    editor.keys(keys)


def test_profile_is_asked_for_with_a_prefix_and_costs_are_said(editor: Emacs, model: Model) -> None:
    script = model.on("with a profile", ["x", " = 1"], cost_usd=0.25)
    script.release_all()

    editor.keys(f"{PREFIX}{COMMAND}streaming-code-generator-generate\r")
    answer(editor, "Profile: ", "th\t\r")
    answer(editor, "Generate: ", "with a profile\r")
    editor.wait_for_message("Generated")
    assert script.requests[0].body["model"] == "large-model"

    editor.call("status")
    spent = "1 request, 10 prompt + 2 completion tokens, $0.25"
    editor.wait_for_message(f"0 running\nsession: {spent}\ntoday: {spent}")


def test_mode_line_counts_down_to_the_next_attempt(editor: Emacs, model: Model) -> None:
    busy = Reply.error(503, "loading", headers={"Retry-After": "3"})
    model.on("later", ["z = 3"], refusals=[busy]).release_all()

    editor.call("generate", '"later"')

    shown = "(format-mode-line mode-line-misc-info)"
    editor.wait_until(
        lambda: "Asking again in 3 s" in editor.run(shown), "the wait in the mode line"
    )
    editor.wait_until(
        lambda: "Asking again in 2 s" in editor.run(shown), "the wait to grow shorter"
    )
    editor.wait_for_text("x = 1\nz = 3\ny = 2\n")
    editor.wait_for_message("Generated")
    assert "Asking" not in editor.run(shown)


def test_spent_budget_is_asked_about(editor: Emacs, model: Model) -> None:
    script = model.on("dear", ["z = 3"], cost_usd=0.9)
    script.release_all()
    generate(editor, "dear")
    generate(editor, "dear")
    editor.wait_for_message("$0.90 of $1.00 of today's budget")

    editor.run("(setq emacs-agent-messages nil)")
    editor.call("generate", '"dear"')
    answer(editor, "$1.80 of $1.00. Generate anyway?", QUIT)
    editor.wait_for_message("Nothing was generated")
    assert len(script.requests) == 2

    editor.call("generate", '"dear"')
    answer(editor, "Generate anyway?", "Generate\r")
    editor.wait_for_message("Generated")
    assert len(script.requests) == 3
