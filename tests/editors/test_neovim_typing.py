"""500 chunks arrive while 100 edits are typed at random places and times, and nothing is lost.

Neovim's own client, as it comes and without its delay of 150 ms, and the plug-in. The number of
seeds can be set with `NEOVIM_TYPING_SEEDS`.
"""

import os
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from neovim_editor import Neovim
from neovim_model import Model
from neovim_typist import Typist

SEEDS = range(int(os.environ.get("NEOVIM_TYPING_SEEDS", "20")))
EDITS = 100
CHUNKS = 500
WORDS = [f"g{number:03d}" + ("\n" if number % 8 == 7 else " ") for number in range(CHUNKS - 2)]
WORDS[-1] = WORDS[-1].rstrip()
CODE = "".join(WORDS)
ABOVE, BELOW = 12, 12
_FOLLOW = """
_G.ended = {}
vim.api.nvim_create_autocmd('LspProgress', { callback = function(event)
  local value = event.data.params.value
  if value.kind == 'end' then table.insert(_G.ended, value.message) end
end })
vim.opt.swapfile = false
"""
_GENERATE = """
local prompt, line = ...
local client = vim.lsp.get_clients({ bufnr = 0 })[1]
client:request('workspace/executeCommand', {
  command = 'streamingCodeGenerator.generate',
  arguments = { {
    textDocument = { uri = vim.uri_from_bufnr(0) },
    position = { line = line, character = 0 },
    prompt = prompt,
    wait = false,
  } },
}, function(err) if err then table.insert(_G.ended, err.message) end end, 0)
"""


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    with Model() as model:
        yield model


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A way in which Neovim may be set up, and how long a person may pause between two edits."""

    plugin: bool = False
    flags: Mapping[str, int] = field(default_factory=dict)
    pause_s: float


CLIENTS = {
    "as it comes": Client(pause_s=0.008),
    "without delay": Client(flags={"debounce_text_changes": 0}, pause_s=0.003),
    "with the plug-in": Client(plugin=True, pause_s=0.003),
}


@pytest.fixture(scope="module", params=CLIENTS)
def client(request: pytest.FixtureRequest) -> Client:
    return CLIENTS[request.param]


@pytest.fixture(scope="module")
def editor(
    client: Client, model: Model, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Neovim]:
    home = tmp_path_factory.mktemp("nvim")
    with Neovim(home, environment=model.environment, plugin=client.plugin) as editor:
        editor.lua(_FOLLOW)
        if client.plugin:
            editor.lua("vim.lsp.enable('streaming_code_generator')")
        yield editor


@pytest.fixture
def typist(client: Client, editor: Neovim, tmp_path: Path, seed: int) -> Typist:
    lines = [f"base-{number:03d} = {number}" for number in range(ABOVE + BELOW)]
    editor.open(tmp_path / f"{seed}.txt", "\n".join([*lines[:ABOVE], "", *lines[ABOVE:], ""]))
    editor.command("setlocal noautoindent formatoptions=")
    if client.plugin:
        editor.wait_for_client()
    else:
        editor.start_without_plugin(client.flags)
    editor.lua("_G.ended = {}")
    return Typist(editor, random.Random(seed), lines, client.pause_s)


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_typed_and_nothing_generated_is_lost(
    editor: Neovim, model: Model, typist: Typist, seed: int
) -> None:
    script = model.on(f"seed {seed}.", ["```text\n", *WORDS, "\n```\n"])
    editor.lua(_GENERATE, f"seed {seed}.", ABOVE)
    before = typist.lines[ABOVE - 1]

    try:
        for _ in range(EDITS):
            script.release(typist.chance.randint(0, 2 * CHUNKS // EDITS))
            typist.edit()
    finally:
        script.release_all()
    editor.wait_until(lambda: editor.lua("return _G.ended"), "the end of the generation")

    [end] = editor.lua("return _G.ended")
    assert end.startswith("Generated")
    typist.judge(editor.text, before, CODE)
