"""The last changes of a document: enough to carry a range of an older version to the present.

A code action's command may run long after it was offered. Its range is in the client's positions
of that time, and so are the changes that came since.

    offered at version 7:  lines 3 to 5
    version 8:             two lines typed above        lines 5 to 7
    version 9:             a line deleted below         lines 5 to 7
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from streaming_code_generator.editing.exchange import ReportedChange
from streaming_code_generator.editing.mirror import (
    PositionEncoding,
    column_to_character,
    split_lines,
)
from streaming_code_generator.lsp.wire import ClientPosition, ClientRange

MOST_VERSIONS = 200
"""So many versions are remembered: minutes of typing, in a few kilobytes."""


@dataclass(frozen=True, slots=True)
class _Move:
    """What one change does to positions: `[start, end)` became `[start, new_end)`."""

    start: ClientPosition
    end: ClientPosition
    new_end: ClientPosition

    def apply(self, position: ClientPosition, *, sticks_right: bool) -> ClientPosition | None:
        """Return where a position went; None if what stood around it is gone."""
        # Text typed on line 2 moves a range on lines 3 to 5 down by as many lines as it has. On
        # line 3 itself, before the range, it moves the character of the range's start. Inside what
        # a change removed there is no place to go to.
        takes = sticks_right and self.start == self.end
        if position < self.start or (position == self.start and not takes):
            return position
        if position < self.end and position != self.start:
            return None
        if position[0] > self.end[0]:
            return position[0] - self.end[0] + self.new_end[0], position[1]
        return self.new_end[0], position[1] - self.end[1] + self.new_end[1]


@dataclass(frozen=True, slots=True)
class _Revision:
    before: int
    moves: tuple[_Move, ...] | None
    """None where the whole text was replaced: nothing is known of what went where."""


class ChangeHistory:
    """What happened to one open document lately."""

    def __init__(self, encoding: PositionEncoding) -> None:
        self._encoding: PositionEncoding = encoding
        self._versions: deque[_Revision] = deque(maxlen=MOST_VERSIONS)

    def clear(self) -> None:
        """Forget everything: the document was opened anew."""
        self._versions.clear()

    def note(self, before: int | None, changes: Sequence[ReportedChange]) -> None:
        """Remember the changes that came after a version."""
        if before is None:
            self.clear()
            return
        moves = [self._move(change) for change in changes]
        known = None if None in moves else tuple(move for move in moves if move)
        self._versions.append(_Revision(before, known))

    def carried(self, where: ClientRange, version: int) -> ClientRange | None:
        """Return where a range of an older version is now; None if that is not known."""
        since = list(self._versions)
        while since and since[0].before != version:
            since.pop(0)
        if not since:
            return None
        start, end = where
        is_selection = start != end
        for change in since:
            if change.moves is None:
                return None
            for move in change.moves:
                # What is typed at an end of a selection stays outside it.
                moved_start = move.apply(start, sticks_right=True)
                moved_end = move.apply(end, sticks_right=not is_selection)
                if moved_start is None or moved_end is None:
                    return None
                start, end = moved_start, moved_end
        return None if is_selection and start >= end else (start, end)

    def _move(self, change: ReportedChange) -> _Move | None:
        if change.range is None:
            return None
        # "b" on line 4 from 2 to 3 replaced by "x\nyz": what stood behind it on that line stands on
        # line 5 now, from character 2 on.
        start, end = change.range
        *before, last = split_lines(change.text)
        characters = column_to_character(last, len(last), self._encoding)
        if before:
            return _Move(start, end, (start[0] + len(before), characters))
        return _Move(start, end, (start[0], start[1] + characters))
