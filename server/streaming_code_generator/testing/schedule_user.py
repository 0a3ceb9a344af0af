"""What the user did to a buffer, followed from outside: what was asked to go away, and what stays.

It sees nothing but the buffer's characters before and after each of the user's actions, undo and
redo like any other. It keeps the document as it would be without any generation.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby

from streaming_code_generator.testing.editor import Cell, SimulatedEditor
from streaming_code_generator.testing.schedule_texts import ENDINGS


class UserModel:
    """The document that the user alone would have made of the one at the start."""

    def __init__(self, editor: SimulatedEditor) -> None:
        self.alone: list[Cell] = list(editor.cells)
        """The user's document without any generation, what generations replaced included."""
        self.generated: set[str] = set()
        """The characters that generations have written, since the document was opened."""
        self.inside: set[str] = set()
        """Characters that were typed in or next to generated or selected text."""
        self.deleted: set[str] = set()
        """Generated characters that the user has ever removed, other than by undo."""
        self.removed: set[str] = set()
        """The user's own or the document's characters that the user has ever removed."""
        self.has_undone = False
        self.is_certain = True
        """Whether it can be told of each line ending who wrote it and on which side it stands."""
        self._editor = editor

    @property
    def certain_text(self) -> str:
        """The user's document without line endings and without what was typed in regions."""
        return "".join(c.character for c in self.alone if self.is_told_apart(c.character))

    def is_told_apart(self, character: str) -> bool:
        """Whether a character's place is certain once all generations are removed."""
        return character not in ENDINGS and character not in self.inside

    @contextmanager
    def at_work(self, *, undoing: bool = False) -> Iterator[set[Cell]]:
        """Follow what the user does inside the block.

        Yields:
            A set for what an undo takes out, also if a generation had replaced it meanwhile.
        """
        before = list(self._editor.cells)
        taken_out: set[Cell] = set()
        yield taken_out
        self.has_undone |= undoing
        cells = self._editor.cells
        taken_out.update(set(before).difference(cells))
        self._remove(taken_out, undoing=undoing)
        self._insert(before, cells)

    def keep_only(self, text: str) -> None:
        """Take for removed what a text lacks, also what a generation has replaced meanwhile."""
        self._remove({cell for cell in self.alone if cell.character not in text}, undoing=True)

    def _remove(self, removed: set[Cell], *, undoing: bool) -> None:
        characters = {cell.character for cell in removed} - set(ENDINGS)
        if not undoing:
            self.deleted |= {c for c in characters if c in self.generated}
        self.removed |= {c for c in characters if c not in self.generated}
        self.is_certain &= not any(cell.character in ENDINGS for cell in removed)
        self.alone = [c for c in self.alone if c not in removed and c.character not in characters]

    def _insert(self, before: list[Cell], cells: list[Cell]) -> None:
        known, standing = set(before), {_key(cell) for cell in self.alone}
        is_new = [
            cell not in known
            and _key(cell) not in standing
            and cell.character not in self.generated
            for cell in cells
        ]
        start = 0
        for new, run in groupby(is_new):
            end = start + len(list(run))
            if new:
                self._insert_run(cells, start, end)
            start = end

    def _insert_run(self, cells: list[Cell], start: int, end: int) -> None:
        left, right = cells[max(0, start - 1) : start], cells[end : end + 1]
        beside = {cell.character for cell in [*left, *right]}
        place = self._place(cells, start, end)
        # What stood there before may be replaced now, and come back on either side. So may what an
        # undo brings back together with selected text.
        replaced = self.alone[max(0, place - 1) : place + 1]
        new = cells[start:end]
        if any(map(self._is_of_server, (left, right, replaced, new))) or beside & self.inside:
            self.inside |= {cell.character for cell in cells[start:end]}
            self.is_certain &= self.inside.isdisjoint(ENDINGS)
        # Whoever types just a line ending where one is generated cannot be told from that.
        self.is_certain &= any(cell.character not in ENDINGS for cell in cells[start:end])
        self.alone[place:place] = cells[start:end]

    def _place(self, cells: list[Cell], start: int, end: int) -> int:
        """Return where new cells go: beside the nearest one that the user's document has."""
        places = {_key(cell): place for place, cell in enumerate(self.alone)}
        left = (places[_key(cell)] for cell in reversed(cells[:start]) if _key(cell) in places)
        right = (places[_key(cell)] for cell in cells[end:] if _key(cell) in places)
        if self._is_of_server(cells[max(0, start - 1) : start]) and not self._is_of_server(
            cells[end : end + 1]
        ):
            return next(right, len(self.alone))
        return next(left, -1) + 1

    def _is_of_server(self, cells: list[Cell]) -> bool:
        # An undo brings back other cells than those that were selected, of the same characters.
        given = self._editor.given - set(ENDINGS)
        return any(c.author in {"server", "selected"} or c.character in given for c in cells)


def _key(cell: Cell) -> object:
    """Return what a cell is known by: its character, which no other has but for line endings."""
    return cell if cell.character in ENDINGS else cell.character
