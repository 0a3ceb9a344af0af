"""What a person did to a buffer, followed from outside: the model that a schedule ends up with.

It sees nothing but the buffer's code points, before and after each action. It keeps the document
as it would be without any generation, and knows whether the person has touched generated text.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

from streaming_code_generator.testing.editor import Author, Cell, SimulatedEditor

OURS: frozenset[Author] = frozenset({"selected", "server"})


class PersonModel:
    """The document that the person alone would have made of the one at the start."""

    def __init__(
        self, editor: SimulatedEditor, is_mistakable: Callable[[list[Cell], int], bool]
    ) -> None:
        self.touched = False
        """Whether the person reached into a generation's text, or one was put into another's."""
        self.mistakable = False
        """Whether something was done of which nobody can tell afterwards who did it, such as a
        line ending typed where a generation may have written one."""
        self.rewound = False
        """Whether undo, redo or a rewrite of the whole buffer may have taken back, or repeated,
        what a generation did."""
        self.overwritten: list[Cell] = []
        """What edits of the server overwrote; none but a client without version check lets them."""
        self.returned: set[Cell] = set()
        """What was gone for a while, and need not stand on its old side of a region."""
        self._editor = editor
        self._is_mistakable = is_mistakable
        """Says whether a new code point at an index of the buffer may be taken for another's."""
        self._alone = list(editor.cells)
        self._gone: set[Cell] = set()

    @property
    def text_alone(self) -> str:
        """The document as it would be without any generation."""
        return "".join(cell.character for cell in self._alone)

    @property
    def cells(self) -> list[Cell]:
        """The part of it that no generation was given to replace."""
        return [cell for cell in self._alone if cell.author not in OURS]

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Follow what the person does inside the block."""
        before = list(self._editor.cells)
        yield
        removed = _without(before, self._editor.cells)
        self._insert(before, self._editor.cells, removed)
        self._remove(removed)
        if self.mistakable:
            self._editor.mistakable = "\r\n"

    @contextmanager
    def server_at_work(self) -> Iterator[None]:
        """Follow what an edit of the server does inside the block."""
        before = list(self._editor.cells)
        yield
        lost = _without(before, self._editor.cells)
        self.overwritten += [cell for cell in lost if cell.author not in OURS]

    def _remove(self, removed: list[Cell]) -> None:
        self.touched |= any(cell.author in OURS for cell in removed)
        if self._editor.habits.changes != "exact":
            self.mistakable |= any(cell.character in "\r\n" for cell in removed)
        self._gone |= set(removed)
        self._alone = _without(self._alone, removed)

    def _insert(self, before: list[Cell], cells: list[Cell], removed: list[Cell]) -> None:
        known, replaced = set(before), self._replaced(before, removed)
        for index, cell in enumerate(cells):
            if cell in known:
                continue
            left = cells[index - 1 : index] if index else []
            right = next(([after] for after in cells[index + 1 :] if after in known), [])
            self.touched |= cell.author in OURS or (_is_ours(left) and _is_ours(right))
            self.mistakable |= self._is_mistakable(cells, index)
            self.returned |= {cell} & self._gone
            instead = replaced.get(left[0] if left else None)
            beside = self._alone.index(instead) if instead else self._beside(cells, index, right)
            self._alone.insert(beside, cell)
            known.add(cell)

    def _replaced(self, before: list[Cell], removed: list[Cell]) -> dict[Cell | None, Cell]:
        """Return the foreign code points that went, by what stood before each.

        What is typed instead of one takes its place, on its side of an empty region.
        """
        gone = {cell for cell in removed if cell.author not in OURS}
        return {
            left: right
            for left, right in pairwise([None, *before])
            if right is not None and right in gone
        }

    def _beside(self, cells: list[Cell], index: int, right: list[Cell]) -> int:
        """Return where a new cell goes: beside a foreign neighbour, the left one if it has two."""
        if index and _is_ours(cells[index - 1 : index]) and not _is_ours(right):
            return self._alone.index(right[0]) if right else len(self._alone)
        alone = set(self._alone)
        nearest = next((cell for cell in reversed(cells[:index]) if cell in alone), None)
        return 0 if nearest is None else self._alone.index(nearest) + 1


def _is_ours(cells: Iterable[Cell]) -> bool:
    return any(cell.author in OURS for cell in cells)


def _without(cells: Sequence[Cell], others: Sequence[Cell]) -> list[Cell]:
    gone = set(others)
    return [cell for cell in cells if cell not in gone]
