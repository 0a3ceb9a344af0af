"""Code repeats itself: what a user types may be just what a generation is about to write.

The schedules use each character once. Here a few lines stand everywhere, and are pasted and
generated again. The user keeps away from the lines beside the generation, where a report may be
read in two ways; what the document must come to is then known to the letter.
"""

import random
from collections import deque
from typing import Literal

import pytest

from streaming_code_generator.editing.exchange import OutgoingEdit, ReportedChange
from streaming_code_generator.editing.mirror import Point
from streaming_code_generator.editing.writer import DocumentWriter
from streaming_code_generator.testing.editor import DidChange, EditorHabits, Reply, SimulatedEditor

LINES = ("x = 1", "return x", "    pass", "}", "", "if x:", "def f(x):", "// x", "a", "aa")
EDGE = "e\n"


def lines_of_code(rng: random.Random) -> str:
    return "".join(f"{line}\n" for line in rng.choices(LINES, k=rng.randint(1, 9)))


class Session:
    """A generation on an empty line among repeated lines, a user and a client."""

    def __init__(self, rng: random.Random, habits: EditorHabits) -> None:
        self.rng = rng
        above, below = lines_of_code(rng) + EDGE, EDGE + lines_of_code(rng)
        self.editor = SimulatedEditor(f"{above}\n{below}", habits=habits)
        self.writer = DocumentWriter(self.editor.text, version=1, encoding=habits.encoding)
        place = Point(above.count("\n"), 0)
        self.writer.open_region("0", place, place)
        self.above = self.editor.cells[len(above) - 1]
        self.below = self.editor.cells[len(above)]
        self.sent: deque[OutgoingEdit] = deque()
        self.now_s = 0.0

    def paste(self) -> None:
        """Insert or replace text above the generation or below it."""
        cells, rng = self.editor.cells, self.rng
        top, bottom = cells.index(self.above) + 1 - len(EDGE), cells.index(self.below) + len(EDGE)
        low = rng.choice((rng.randint(0, top), rng.randint(bottom + 1, len(cells))))
        high = min(low + rng.choice((0, 0, 3)), top if low <= top else len(cells))
        text = rng.choice(LINES)
        self.editor.replace(low, high, rng.choice((f"{text}\n", f"\n{text}")), now_s=self.now_s)

    def between(self) -> str:
        """Return the text in the generation's place."""
        cells = self.editor.cells
        low, high = cells.index(self.above) + 1, cells.index(self.below)
        return "".join(cell.character for cell in cells[low:high])

    def server_sends(self) -> None:
        if edit := self.writer.next_edit(self.now_s):
            self.sent.append(edit)

    def client_reads(self) -> None:
        if self.sent:
            self.editor.receive(self.sent.popleft(), now_s=self.now_s)

    def server_reads(self) -> None:
        message = self.editor.next_message(self.now_s)
        if isinstance(message, Reply):
            self.writer.replied(message.edit_id, applied=message.applied, now_s=self.now_s)
        elif isinstance(message, DidChange):
            changes = [ReportedChange(change.range, change.text) for change in message.changes]
            self.writer.changed(message.version, changes, now_s=self.now_s)

    def rest(self) -> None:
        while not self.writer.is_idle or self.sent or self.editor.has_mail:
            assert self.now_s < 60, "the writer does not come to rest"
            self.server_sends()
            self.client_reads()
            self.server_reads()
            self.now_s += 0.1
            self.writer.tick(self.now_s)


@pytest.mark.parametrize("changes", ["exact", "diff", "lines", "full"])
@pytest.mark.parametrize("stale_edits", ["refuse", "pretend"])
def test_text_like_what_is_generated_is_the_users_where_it_is_typed(
    changes: Literal["exact", "diff", "lines", "full"], stale_edits: Literal["refuse", "pretend"]
) -> None:
    habits = EditorHabits(changes=changes, stale_edits=stale_edits)
    for seed in range(100):
        rng = random.Random(seed)
        session = Session(rng, habits)
        text = lines_of_code(rng)
        for length in range(1, len(text), rng.randint(1, 9)):
            session.writer.want("0", text[:length])
            session.server_sends()
            moves = (session.client_reads, session.server_reads, session.paste)
            for move in rng.choices(moves, k=3):
                move()
        session.writer.finish("0", text)
        session.rest()

        assert session.between() == text, f"seed {seed}"
        assert session.writer.mirror.text == session.editor.text
        session.writer.put_back("0")
        session.rest()
        assert session.between() == "", f"seed {seed}"
