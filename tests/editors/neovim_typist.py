"""A user who works in a buffer with Neovim's own commands while generations write into it."""

import itertools
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from neovim_editor import Neovim

_WHERE = ("anywhere", "border", "generated")
_UNDO = (
    *("u", "uu", "3u", "<C-r>", "<C-r><C-r>", "3<C-r>"),
    *("u<C-r>", "uu<C-r><C-r>", "uu<C-r>", "u<C-r>u<C-r>", "g-", "g+", ":earlier 2<CR>"),
)
_INSERT = ("i{}<Esc>", "I{}<Esc>", "a{}<Esc>", "A{}<Esc>", "o{}<Esc>", "O{}<Esc>", "A<CR>{}<Esc>")
_DELETE = ("dd", "dd", "2dd", "3dd", "x", "D", "J", "dd.", "jdd.")
_SUBSTITUTE = (
    ":s/./{}&/e<CR>",
    ":s/.$//e<CR>",
    ":%s/;$//e<CR>",
    ":.,+3s/$/;/e<CR>",
    ":%s/\\n{}//e<CR>",
)
_MOVE = (
    ":silent %!sort<CR>",
    ":silent .,+4!sort<CR>",
    ":silent .,+1!sort<CR>",
    "ddp",
    ":move 0<CR>",
)
_FILES = (":silent write<CR>", ":silent write<CR>", ":silent edit!<CR>")
_WINDOWS = ("<C-w>s", "<C-w>w", "<C-w>o", "<C-w>w")
_PRESS = "_G.history.go(...) _G.history.press(select(4, ...))"
_FORMAT_ON_WRITE = """
vim.api.nvim_create_autocmd('BufWritePre', { buffer = 0, callback = function()
  local lines = vim.api.nvim_buf_get_lines(0, 0, -1, false)
  for row, line in ipairs(lines) do
    lines[row] = line:gsub(';+$', '') .. (row % 3 == 0 and line ~= '' and ';' or '')
  end
  vim.api.nvim_buf_set_lines(0, 0, -1, false, lines)
end })
"""


def fresh_characters() -> "itertools.count[int]":
    """Return the code points of what the user types; no other text has them."""
    return itertools.count(0x4E00)


@dataclass(slots=True)
class Typist:
    """Edits the current buffer of an editor."""

    editor: Neovim
    chance: random.Random
    pause_s: float
    _fresh: "itertools.count[int]" = field(default_factory=fresh_characters)
    _kinds: list[tuple[Callable[[], None], int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Decide what kind of user this is."""
        chance = self.chance
        self._kinds = [
            (self._insert, 30),
            (self._slowly, 10),
            (self._delete, 12),
            (self._undo, chance.choice((3, 10, 30))),
            (self._repeat, 4),
            (self._substitute, 4),
            (self._record, 3),
            (self._insert_block, 4),
            (self._move, chance.choice((0, 0, 3))),
            (self._file, chance.choice((0, 0, 3))),
            (self._window, 3),
            (self._forbid, chance.choice((0, 2))),
        ]
        if chance.random() < 0.3:
            self.editor.lua("_G.history.start_second()")
            self._kinds.append((self._second, 8))
        if chance.random() < 0.3:
            self.editor.lua(_FORMAT_ON_WRITE)

    def edit(self) -> None:
        """Do one thing, at a random place, after a random time."""
        kinds, weights = zip(*self._kinds, strict=True)
        self.chance.choices(kinds, weights=weights)[0]()
        time.sleep(self.chance.uniform(0, 2 * self.pause_s))

    def text(self) -> str:
        """Return a few characters that stand nowhere else."""
        return "".join(chr(next(self._fresh)) for _ in range(self.chance.randint(1, 3)))

    def _press(self, keys: str) -> None:
        where = self.chance.choice(_WHERE), self.chance.random(), self.chance.random()
        self.editor.lua(_PRESS, *where, keys)

    def _press_one_of(self, choices: tuple[str, ...]) -> None:
        keys = self.chance.choice(choices)
        self._press(keys.replace("{}", self.text()) if "{}" in keys else keys)

    def _insert(self) -> None:
        self._press_one_of(_INSERT)

    def _delete(self) -> None:
        self._press_one_of(_DELETE)

    def _undo(self) -> None:
        for _ in range(self.chance.choice((1, 1, 1, 2, 4))):
            self.editor.lua("_G.history.press(...)", self.chance.choice(_UNDO))
            time.sleep(self.chance.uniform(0, self.pause_s))

    def _repeat(self) -> None:
        self._press(".")

    def _substitute(self) -> None:
        self._press_one_of(_SUBSTITUTE)

    def _record(self) -> None:
        self._press(f"qqA{self.text()}<Esc>jq2@q")

    def _insert_block(self) -> None:
        self._press(f"<C-v>2jI{self.text()}<Esc>")

    def _move(self) -> None:
        self._press_one_of(_MOVE)

    def _file(self) -> None:
        self._press_one_of(_FILES)

    def _window(self) -> None:
        self._press_one_of(_WINDOWS)

    def _second(self) -> None:
        self.editor.lua("_G.history.edit_as_second(...)", self.chance.random(), self.text() + "\n")

    def _forbid(self) -> None:
        """Have the buffer refuse all changes for a moment."""
        self.editor.command("setlocal nomodifiable")
        time.sleep(self.chance.uniform(0, 0.08))
        self.editor.command("setlocal modifiable")

    def _slowly(self) -> None:
        """Type key after key, with time between them in which text arrives."""
        keys = self.chance.choice(("i", "A", "I", "o"))
        self.editor.lua("_G.history.is_doing(...)", f"{keys} key by key")
        where = self.chance.choice(_WHERE), self.chance.random(), self.chance.random()
        self.editor.lua("_G.history.go(...)", *where)
        for key in [keys, *self.text(), self.chance.choice(("", "<CR>", "<BS>")), "<Esc>"]:
            self.editor.keys(key)
            time.sleep(self.chance.uniform(0, self.pause_s / 2))
        self.editor.wait_until(lambda: self.editor.mode == "n", "the end of typing")
        self.editor.lua("_G.history.is_doing(nil)")
