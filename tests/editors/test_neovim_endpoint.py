"""What a user in a real Neovim sees and chooses of endpoints: profiles, costs, waits, budget."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from neovim_editor import Neovim
from neovim_model import Model

from streaming_code_generator.testing.openai_replies import Reply

COMMAND = ":StreamingCodeGenerator "
PROFILES = {"fast": {"model": "quick-model"}, "thorough": {"model": "large-model"}}


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    with Model() as model:
        yield model


@pytest.fixture(scope="module")
def shared_editor(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neovim]:
    profiles = {"STREAMING_CODE_GENERATOR_PROFILES": json.dumps(PROFILES)}
    environment = {**model.environment, **profiles}
    with Neovim(tmp_path_factory.mktemp("nvim"), environment=environment) as editor:
        yield editor


@pytest.fixture
def editor(shared_editor: Neovim, tmp_path: Path) -> Iterator[Neovim]:
    shared_editor.open(tmp_path / "a.py", "\n")
    yield shared_editor
    shared_editor.command("only! | silent! %bwipeout!")


@pytest.fixture
def spender(model: Model, tmp_path: Path) -> Iterator[Neovim]:
    """A user who has spent nothing yet, with a dollar a day."""
    budget = {"STREAMING_CODE_GENERATOR_BUDGET_PER_DAY": "1"}
    with Neovim(tmp_path, environment={**model.environment, **budget}) as editor:
        editor.open(tmp_path / "a.py", "\n")
        yield editor


def generate(editor: Neovim, arguments: str, *, message: str = "Generated") -> None:
    before = len(editor.messages)
    editor.keys(f"{COMMAND}generate {arguments}<CR>")
    editor.wait_until(
        lambda: any(message in each for each in editor.messages[before:]), repr(message)
    )


def test_profile_is_completed_and_generates(editor: Neovim, model: Model) -> None:
    script = model.on("with a profile", ["x = 1"])
    script.release_all()
    generate(editor, "with a profile")  # starts the server
    completed = "getcompletion('StreamingCodeGenerator {}', 'cmdline')"
    assert editor.evaluate(completed.format("generate ")) == ["profile=fast", "profile=thorough"]
    assert editor.evaluate(completed.format("comment profile=t")) == ["profile=thorough"]
    assert editor.evaluate(completed.format("cancel ")) == []

    generate(editor, "profile=fast with a profile")

    usual, fast = (request.body for request in script.requests)
    assert (usual["model"], fast["model"]) == ("loopback-model", "quick-model")
    assert "profile=" not in fast["messages"][-1]["content"]


def test_profile_is_taken_where_the_prompt_is_asked_for(editor: Neovim, model: Model) -> None:
    script = model.on("asked for", ["x = 1"])
    script.release_all()

    generate(editor, "profile=thorough<CR>asked for")

    assert script.requests[0].body["model"] == "large-model"


def test_profile_that_is_not_set_is_refused_with_those_that_are(editor: Neovim) -> None:
    generate(editor, "profile=slow x", message="there are `fast`, `thorough`")


def test_status_shows_what_the_session_and_the_day_cost(editor: Neovim, model: Model) -> None:
    model.on("for money", ["x", " = 1"], cost_usd=0.25).release_all()
    generate(editor, "for money")

    editor.keys(COMMAND + "status<CR>")

    editor.wait_until(lambda: "generations" in editor.text, "the status")
    *_, session, today = editor.text.splitlines()
    assert re.fullmatch(r"session: \d+ requests?, .+ completion tokens, \$0\.25.*", session)
    assert today == session.replace("session", "today")


def test_status_line_counts_down_to_the_next_attempt(editor: Neovim, model: Model) -> None:
    busy = Reply.error(503, "loading", headers={"Retry-After": "3"})
    model.on("later", ["x = 1"], refusals=[busy]).release_all()
    editor.keys(COMMAND + "generate later<CR>")

    shown = "return require('streaming_code_generator').statusline()"
    editor.wait_until(
        lambda: editor.lua(shown).startswith("Asking again in "), "the wait to be shown"
    )
    editor.wait_until(lambda: "x = 1" in editor.text, "the second attempt")


def test_spent_budget_is_asked_about(spender: Neovim, model: Model) -> None:
    script = model.on("dear", ["x = 1"], cost_usd=0.9)
    script.release_all()
    generate(spender, "dear")
    generate(spender, "dear")
    assert "$0.90 of $1.00 of today's budget (`budgetPerDay`) is spent." in spender.messages
    spender.lua("""
    vim.ui.select = function(items, options, on_choice)
      _G.asked = options.prompt:gsub(': $', '')
      for _, item in ipairs(items) do
        _G.asked = _G.asked .. ' ' .. options.format_item(item)
      end
      on_choice(items[_G.choice])
    end
    """)

    spender.lua("_G.choice = 3")
    generate(spender, "dear", message="Today's budget is spent: $1.80 of $1.00.")
    asked = "Today's budget is spent: $1.80 of $1.00. Generate anyway?"
    assert spender.lua("return _G.asked") == asked + " Generate Generate all day Stop"
    assert len(script.requests) == 2

    spender.lua("_G.choice = 1")
    generate(spender, "dear")
    assert len(script.requests) == 3
