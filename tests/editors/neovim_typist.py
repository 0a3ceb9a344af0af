"""A person who types at random places and times, and the model that says what must come of it.

Everything typed is a marker that stands nowhere else, so that the end can be judged without knowing
when what arrived: take the markers out, and what was there and what was generated must be left,
each once, in one piece; and each marker must still have one of its neighbours.
"""

import itertools
import random
import re
import time
from dataclasses import dataclass, field

from neovim_editor import Neovim

_CONTEXT_CHARACTERS = 12
_LUA = """
local row_share, col_share, own_line, marker = ...
local row = math.floor(row_share * vim.api.nvim_buf_line_count(0))
local line = vim.api.nvim_buf_get_lines(0, row, row + 1, false)[1]
local col = math.floor(col_share * (#line + 1))
-- A marker in a marker would be no marker; what is typed there goes in front of it.
for first, last in line:gmatch('()<%w+>()') do
  if first - 1 < col and col < last - 1 then col = first - 1 end
end
if own_line then col = #line end
local before = table.concat(vim.api.nvim_buf_get_lines(0, 0, row, false), '\\n')
local after = table.concat(vim.api.nvim_buf_get_lines(0, row + 1, -1, false), '\\n')
local left = (row > 0 and before .. '\\n' or '') .. line:sub(1, col)
local right = line:sub(col + 1) .. '\\n' .. after .. (after ~= '' and '\\n' or '')
vim.api.nvim_win_set_cursor(0, { row + 1, col })
local insert = own_line and 'o' or (col >= #line and 'A' or 'i')
vim.api.nvim_feedkeys(insert .. marker .. '\\27', 'tx', false)
return { left, right }
"""
_GO_TO = """
for row, line in ipairs(vim.api.nvim_buf_get_lines(0, 0, -1, false)) do
  if line:gsub('<%w+>', '') == ... then
    vim.api.nvim_win_set_cursor(0, { row, 0 })
    return true
  end
end
"""
_CURSOR_AT = "return vim.fn.search('\\\\V' .. ..., 'cw') > 0"


@dataclass(slots=True)
class _Typed:
    left: str
    right: str


@dataclass(slots=True)
class Typist:
    """Types into the current buffer of an editor."""

    editor: Neovim
    chance: random.Random
    lines: list[str]
    """What stood there; lines the typist has deleted are taken out."""
    pause_s: float
    typed: dict[str, _Typed] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def edit(self) -> None:
        """Make one edit, of a random kind, at a random place, after a random time."""
        kind = self.chance.choices(
            (self._anywhere, self._on_a_line_of_its_own, self._slowly, self._delete, self._dd),
            weights=(60, 10, 15, 12, 3),
        )[0]
        kind()
        time.sleep(self.chance.uniform(0, 2 * self.pause_s))

    def _anywhere(self, kind: str = "m") -> None:
        marker = f"<{kind}{next(self._numbers):03d}>"
        shares = self.chance.random(), self.chance.random()
        left, right = self.editor.lua(_LUA, *shares, kind == "o", marker)
        self._remember(marker, left, right)

    def _on_a_line_of_its_own(self) -> None:
        self._anywhere("o")

    def _slowly(self) -> None:
        """Type at the end of a line that was there, key after key, while text arrives."""
        line = self.chance.choice(self.lines)
        marker = f"<m{next(self._numbers):03d}>"
        assert self.editor.lua(_GO_TO, line), f"{line!r} is gone"
        for key in ["A", *marker.replace("<", "\0"), "<Esc>"]:
            self.editor.keys("<LT>" if key == "\0" else key)
            time.sleep(self.chance.uniform(0, self.pause_s / 4))
        self.editor.wait_until(lambda: self.editor.mode == "n", "the end of typing")
        self._remember(marker, line, "")

    def _delete(self) -> None:
        """Delete a marker typed before."""
        inline = [marker for marker in self.typed if marker.startswith("<m")]
        if inline:
            marker = self.chance.choice(inline)
            self.editor.lua(f"{_CURSOR_AT} and vim.api.nvim_feedkeys('df>', 'tx', false)", marker)
            self.deleted.append(marker)
            del self.typed[marker]

    def _dd(self) -> None:
        """Delete a line that was there and has nothing typed in it."""
        row = self.chance.randrange(len(self.lines))
        line = self.lines[row]
        is_there = "vim.fn.search('^' .. ... .. '$', 'cw') > 0"
        if self.editor.lua(
            f"if {is_there} then vim.api.nvim_feedkeys('dd', 'tx', false) return true end", line
        ):
            self.lines.remove(line)

    def _remember(self, marker: str, left: str, right: str) -> None:
        self.typed[marker] = _Typed(
            without_markers(left)[-_CONTEXT_CHARACTERS:],
            without_markers(right)[:_CONTEXT_CHARACTERS],
        )

    def judge(self, text: str, before: str, code: str) -> None:
        """Fail unless everything typed stands where it was typed, and the code once, in one piece.

        Args:
            text: The whole buffer.
            before: The line above the code, to tell lines above it from lines below.
            code: What was generated.
        """
        for marker in self.typed:
            assert text.count(marker) == 1, f"{marker} stands there {text.count(marker)} times"
        for marker in self.deleted:
            assert marker not in text, f"{marker} was deleted and is there"
        above = [line for line in self.lines if line <= before]
        below = [line for line in self.lines if line > before]
        _assert_equal(without_markers(text), "\n".join([*above, code, *below, ""]))
        for marker, typed in self.typed.items():
            self._judge_place(text, marker, typed)

    def _judge_place(self, text: str, marker: str, typed: _Typed) -> None:
        # A line beside it may have been deleted since, and text may have arrived on one side; its
        # own line, as far as it was there, still has to stand beside it.
        start = text.index(marker)
        left = without_markers(text[:start]).removesuffix("\n" if marker[1] == "o" else "")
        right = without_markers(text[start + len(marker) :])
        beside_left = typed.left.rpartition("\n")[2]
        beside_right = typed.right.partition("\n")[0]
        assert left.endswith(beside_left) or right.startswith(beside_right), (
            f"{marker} was typed between {typed.left!r} and {typed.right!r}; it stands between "
            f"{left[-_CONTEXT_CHARACTERS:]!r} and {right[:_CONTEXT_CHARACTERS]!r}"
        )


def without_markers(text: str) -> str:
    """Return a text without what a typist typed into it."""
    # The line above a line of the typist's may be gone, and the text begin with that one.
    lines = re.sub(r"\n<o\d+>", "", "\n" + re.sub(r"<m\d+>", "", text))
    return lines.removeprefix("\n")


def _assert_equal(text: str, expected: str) -> None:
    pairs = zip(text, expected, strict=False)
    start = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
    assert text == expected, (
        f"from character {start} on there is {text[start : start + 60]!r} "
        f"instead of {expected[start : start + 60]!r}"
    )
