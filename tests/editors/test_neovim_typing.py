"""Up to three generations stream into a buffer in which a user works with Neovim's own commands.

Neovim's own client, as it comes and without its delay of 150 ms, and the plug-in. A few seeds are
played; more of them by

    NEOVIM_TYPING_SEEDS=50 python -m pytest tests/editors/test_neovim_typing.py
"""

import json
import os
import random
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from neovim_editor import Neovim
from neovim_judge import Change, Generation, Judge
from neovim_model import Model, Script
from neovim_typist import Typist

from streaming_code_generator.editing.in_flight import ECHO_TIMEOUT_S

pytest_plugins = ["neovim_fixtures"]

SEEDS = range(int(os.environ.get("NEOVIM_TYPING_SEEDS", "3")))
COMMANDS = 50
CHUNKS = 120
LINES = 24
_HISTORY = Path(__file__).with_name("neovim_history.lua")
_PREPARE = """
local path, has_plugin = ...
_G.history = dofile(path)
_G.history.install(has_plugin)
local method = 'streamingCodeGenerator/didUpdateGeneration'
if has_plugin then
  vim.api.nvim_create_autocmd('User', {
    pattern = 'StreamingCodeGeneratorUpdate',
    callback = function(event) _G.history.on_update(event.data.update) end,
  })
else
  vim.lsp.handlers[method] = function(_, update) _G.history.on_update(update) end
end
vim.opt.swapfile = false
vim.opt.autoindent = false
"""
_GENERATE = """
local name, prompt, line = ...
local client = vim.lsp.get_clients({ bufnr = 0, name = name })[1]
local answer = client:request_sync('workspace/executeCommand', {
  command = 'streamingCodeGenerator.generate',
  arguments = { {
    textDocument = { uri = vim.uri_from_bufnr(0) },
    position = { line = line, character = 0 },
    prompt = prompt,
    wait = false,
  } },
}, 5000, 0)
return answer.result and answer.result.id or vim.inspect(answer)
"""
_IS_QUIET = """
local name = ...
local client = vim.lsp.get_clients({ bufnr = 0, name = name })[1]
-- The first request goes out behind the changes that Neovim holds back, and the edits that these
-- lead to before the second one is answered.
for _ = 1, 3 do
  client:request_sync('workspace/executeCommand',
    { command = 'streamingCodeGenerator.status', arguments = { vim.empty_dict() } }, 5000, 0)
end
return vim.b.changedtick
"""


@dataclass(slots=True, kw_only=True)
class Client:
    """A way in which Neovim may be set up, and how long a user may pause between two commands."""

    plugin: bool = False
    flags: Mapping[str, int] = field(default_factory=dict)
    pause_s: float

    @property
    def name(self) -> str:
        """The name of the language client."""
        return "streaming_code_generator" if self.plugin else "plain"


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(Client(pause_s=0.03), id="as it comes"),
        pytest.param(Client(flags={"debounce_text_changes": 0}, pause_s=0.01), id="without delay"),
        pytest.param(Client(plugin=True, pause_s=0.01), id="with the plug-in"),
    ],
)
def client(request: pytest.FixtureRequest) -> Client:
    assert isinstance(request.param, Client)
    return request.param


@pytest.fixture(scope="module")
def editor(
    client: Client, model: Model, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Neovim]:
    home = tmp_path_factory.mktemp("nvim")
    with Neovim(home, environment=model.environment, plugin=client.plugin) as editor:
        editor.lua(_PREPARE, str(_HISTORY), client.plugin)
        if client.plugin:
            editor.lua("vim.lsp.enable('streaming_code_generator')")
        else:
            editor.enable_without_plugin(client.flags, {"generationUpdates": True})
        yield editor


@dataclass(slots=True)
class Stage:
    """A document with the generations that write into it."""

    editor: Neovim
    client: Client
    start: str
    generations: list[Generation]
    scripts: list[Script]

    def history(self) -> list[Change]:
        entries = self.editor.lua("return _G.history.get()")
        return [Change(entry["author"], entry["what"], entry["text"]) for entry in entries]

    def wait_until_it_grows(self) -> None:
        """Have the first text of each generation arrive."""
        for script in self.scripts:
            script.release(3)
        self.editor.wait_until(
            lambda: any(change.author == "server" for change in self.history()), "the first text"
        )

    def wait_until_quiet(self) -> None:
        """Wait until every generation has ended and the server has nothing left to do."""
        ids = {generation.id for generation in self.generations}

        def have_ended() -> bool:
            told = {change.what for change in self.history() if change.author == "state"}
            ends = ("completed", "cancelled", "error")
            return all(any(f"{i} {end}" in told for end in ends) for i in ids)

        self.editor.wait_until(have_ended, "the end of the generations")
        ticks: list[int] = []

        def is_quiet() -> bool:
            ticks.append(self.editor.lua(_IS_QUIET, self.client.name))
            return ticks[-2:-1] == ticks[-1:]

        self.editor.wait_until(is_quiet, "the server to leave the buffer alone")

    def problems(self) -> list[str]:
        """Return what is wrong, once the server has had the time that it may take to mend it.

        It waits for the change of an edit that was said to be applied before it goes on.
        """
        with suppress(AssertionError):
            self.editor.wait_until(
                lambda: not self._problems(), "the last edits", deadline_s=ECHO_TIMEOUT_S + 1
            )
        return self._problems()

    def _problems(self) -> list[str]:
        return list(Judge(self.start, self.generations).problems(self.history()))


def _document(count: int) -> list[str]:
    """Return lines whose characters stand nowhere else, with a blank one for each generation."""
    lines = [
        "".join(chr(0x3400 + 8 * row + column) for column in range(7)) + chr(0x20000 + row)
        for row in range(LINES)
    ]
    for number in range(count):
        lines.insert(5 * (number + 1), "")
    return lines


def _pieces(number: int) -> list[str]:
    first = 0xAC00 + 2000 * number
    pieces = [
        "".join(chr(first + 4 * chunk + offset) for offset in range(1 + chunk % 4))
        + ("\n" if chunk % 6 == 5 else "")
        for chunk in range(CHUNKS)
    ]
    return [*pieces[:-1], pieces[-1].rstrip("\n")]


@pytest.fixture
def stage(client: Client, editor: Neovim, model: Model, tmp_path: Path, seed: int) -> Stage:
    chance = random.Random(f"stage {seed}")
    lines = _document(chance.choice((1, 1, 2, 3)))
    editor.command("silent! wincmd o | silent! bwipeout!")
    editor.open(tmp_path / f"{seed}.txt", "\n".join([*lines, ""]))
    editor.command("setlocal noautoindent formatoptions=")
    editor.wait_for_client()
    editor.lua("_G.history.begin()")
    start = editor.text.removesuffix("\n")
    generations, scripts = [], []
    blanks = [row for row, line in enumerate(lines) if not line]
    for number, row in enumerate(blanks):
        pieces = _pieces(number)
        scripts.append(model.on(f"seed {seed} {number}.", ["```text\n", *pieces, "\n```\n"]))
        generation_id = editor.lua(_GENERATE, client.name, f"seed {seed} {number}.", row)
        generations.append(Generation(generation_id, "".join(pieces)))
    return Stage(editor, client, start, generations, scripts)


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_typed_and_nothing_generated_is_lost(
    editor: Neovim, client: Client, stage: Stage, tmp_path: Path, seed: int
) -> None:
    typist = Typist(editor, random.Random(seed), client.pause_s)
    most = 2 * CHUNKS // COMMANDS
    if typist.chance.random() < 0.8:
        stage.wait_until_it_grows()

    try:
        for _ in range(COMMANDS):
            for script in stage.scripts:
                script.release(typist.chance.randint(0, most))
            typist.edit()
    finally:
        for script in stage.scripts:
            script.release_all()
    stage.wait_until_quiet()

    problems = stage.problems()
    if problems:
        report = tmp_path / "history.json"
        traffic = editor.lua("return _G.history.traffic()")
        changes = [[change.author, change.what, change.text] for change in stage.history()]
        report.write_text(json.dumps([stage.start, changes, traffic], indent=1))
        problems.append(f"all changes and messages are in {report}")
    assert not problems, "\n".join(problems)
