"""Random schedules of a writer, a person and a client: nothing is lost, everything arrives."""

import itertools
from collections import deque
from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from streaming_code_generator.editing.exchange import (
    Deleted,
    Outcome,
    OutgoingEdit,
    ReportedChange,
    Undeliverable,
)
from streaming_code_generator.editing.lines import Point, split_lines
from streaming_code_generator.editing.pieces import document_length
from streaming_code_generator.editing.writer import DocumentWriter
from streaming_code_generator.testing.editor import EditorHabits, Reply, SimulatedEditor

PATIENCE_S = 4.0
"""How long a schedule lets a client rest; a client that rests too long is a case of its own."""
LETTERS = ("abc", "mno", "xyz")
"""What each generation writes with; a person writes capitals, the document starts with digits."""

habits = st.builds(
    EditorHabits,
    encoding=st.sampled_from(["utf-8", "utf-16", "utf-32"]),
    stale_edits=st.sampled_from(["refuse", "pretend"]),
    reply=st.sampled_from(["first", "last"]),
    change_delay_s=st.sampled_from([0.0, 0.15, 0.5]),
    changes=st.sampled_from(["exact", "diff", "lines", "full"]),
    version_step=st.sampled_from([1, 3]),
)
base_texts = st.text("0123456789 é😀\n", max_size=40)
typed_texts = st.text("ABCDEF \n😀", min_size=1, max_size=6)
places = st.tuples(
    st.sampled_from(["anywhere", "start", "end", "inside", "inside"]),
    st.integers(0, 2),
    st.floats(0, 1),
)


@dataclass
class Generation:
    """What one generation has asked for so far."""

    region_id: str
    original: str
    target: str = ""
    finished: bool = False
    removed: bool = False


class WriterSchedules(RuleBasedStateMachine):
    """One document, up to three generations, one person, one client with its habits."""

    @initialize(habits=habits, text=base_texts, start=st.floats(0, 1), length=st.integers(0, 12))
    def open_document(self, habits: EditorHabits, text: str, start: float, length: int) -> None:
        self.fresh_code_points = itertools.count()
        text = self.distinct(text, habits)
        self.editor = SimulatedEditor(text, habits=habits)
        self.writer = DocumentWriter(text, version=1, encoding=habits.encoding)
        self.now_s = self.last_round_s = 0.0
        self.to_client: deque[OutgoingEdit] = deque()
        self.generations: list[Generation] = []
        self.outcomes: list[Outcome] = []
        self.start_generation(start=start, length=length)

    # The server's side

    @precondition(lambda self: len(self.generations) < len(LETTERS))
    @rule(start=st.floats(0, 1), length=st.integers(0, 12))
    def start_generation(self, start: float, length: int) -> None:
        self.catch_up()
        text = self.writer.mirror.text
        low = round(start * len(text))
        high = min(len(text), low + length)
        if any(cell.author != "base" for cell in self.editor.cells[low:high]):
            high = low
        self.editor.select(low, high)
        region_id = str(len(self.generations))
        self.writer.open_region(region_id, point_at(text, low), point_at(text, high))
        self.generations.append(Generation(region_id, text[low:high]))

    @precondition(lambda self: any(not g.finished for g in self.generations))
    @rule(which=st.integers(0, 2), text=st.text("abc\n", min_size=1, max_size=5))
    def text_arrives(self, which: int, text: str) -> None:
        running = [g for g in self.generations if not g.finished]
        generation = running[which % len(running)]
        letters = str.maketrans("abc", LETTERS[int(generation.region_id)])
        generation.target += text.translate(letters)
        self.writer.want(generation.region_id, generation.target)
        self.server_sends()

    @precondition(lambda self: any(not g.finished for g in self.generations))
    @rule(which=st.integers(0, 2))
    def generation_ends(self, which: int) -> None:
        running = [g for g in self.generations if not g.finished]
        self.finish(running[which % len(running)])

    @precondition(lambda self: any(g.finished for g in self.generations))
    @rule(which=st.integers(0, 2))
    def generation_is_removed(self, which: int) -> None:
        finished = [g for g in self.generations if g.finished]
        generation = finished[which % len(finished)]
        generation.target = generation.original
        self.finish(generation)

    @rule()
    def server_sends(self) -> None:
        edit = self.writer.next_edit(self.now_s)
        if edit:
            self.to_client.append(edit)

    @rule()
    def messages_go_round(self) -> None:
        self.server_sends()
        self.client_reads()
        self.server_reads()
        self.server_reads()
        self.last_round_s = self.now_s

    @rule()
    def server_reads(self) -> None:
        message = self.editor.next_message(self.now_s)
        if isinstance(message, Reply):
            self.outcomes += self.writer.replied(
                message.edit_id, applied=message.applied, now_s=self.now_s
            )
        elif message:
            changes = [ReportedChange(change.range, change.text) for change in message.changes]
            self.outcomes += self.writer.changed(message.version, changes, now_s=self.now_s)

    # The client's side

    @rule()
    def client_reads(self) -> None:
        if self.to_client:
            self.editor.receive(self.to_client.popleft(), now_s=self.now_s)

    @rule(
        where=places, length=st.sampled_from([0, 0, 0, 1, 2, 4, 9]), text=st.just("") | typed_texts
    )
    def person_edits(self, where: tuple[str, int, float], length: int, text: str) -> None:
        low = self.place(*where)
        self.type(low, min(len(self.editor.cells), low + length), text)

    @rule(where=places, length=st.integers(1, 30))
    def person_pastes_the_same_again(self, where: tuple[str, int, float], length: int) -> None:
        """As a formatter or a reload does that changes less than it rewrites."""
        low = self.place(*where)
        high = min(len(self.editor.cells), low + length)
        self.editor.repeat(low, high, now_s=self.now_s)

    @rule()
    def person_undoes(self) -> None:
        self.editor.undo(now_s=self.now_s)

    @rule()
    def person_redoes(self) -> None:
        self.editor.redo(now_s=self.now_s)

    @rule(seconds=st.sampled_from([0.05, 0.2, 1.0]))
    def time_passes(self, seconds: float) -> None:
        if self.now_s - self.last_round_s < PATIENCE_S:
            self.now_s += seconds
            self.outcomes += self.writer.tick(self.now_s)

    # What must hold

    @invariant()
    def regions_fit_their_text(self) -> None:
        document = self.writer.document
        for region_id in document.region_ids():
            region = document.region(region_id)
            assert region.start <= region.end
            assert document_length(region.pieces) == document.mirror.distance(
                region.start, region.end
            )
        assert document.mirror.lines == split_lines(document.mirror.text)

    def teardown(self) -> None:
        if not hasattr(self, "editor"):
            return
        for generation in self.generations:
            if not generation.finished:
                self.finish(generation)
        self.settle()
        assert not [o for o in self.outcomes if isinstance(o, Undeliverable)]
        assert self.writer.mirror.text == self.editor.text
        for generation in self.generations:
            self.check(generation)

    def check(self, generation: Generation) -> None:
        deleted = {o.region_id for o in self.outcomes if isinstance(o, Deleted)}
        region = self.writer.region(generation.region_id)
        if generation.region_id in deleted or region.deleted:
            return
        assert region.own_text == generation.target
        if region.is_untouched:
            mirror = self.writer.mirror
            assert mirror.slice(region.start, region.end) == generation.target

    # How it is driven

    def place(self, near: str, which: int, fraction: float) -> int:
        """Return an offset of the buffer at, in or away from a region, as far as one can tell."""
        cells = self.editor.cells
        if near == "anywhere" or not self.generations:
            return round(fraction * len(cells))
        region = self.writer.region(self.generations[which % len(self.generations)].region_id)
        mirror = self.writer.mirror
        start = mirror.distance(Point(0, 0), region.start)
        length = mirror.distance(region.start, region.end)
        within = {"start": 0, "end": length}.get(near, round(fraction * length))
        return min(start + within, len(cells))

    def type(self, start: int, end: int, text: str) -> None:
        habits = self.editor.habits
        if habits.changes != "exact" or habits.stale_edits == "pretend":
            text = text.replace("\n", " ")
        removed = self.editor.text[start:end]
        # Text that a person replaces by itself counts as untouched: that is a rule of its own.
        text = "".join("Z" if character in removed else character for character in text)
        self.editor.replace(start, end, self.distinct(text, habits), now_s=self.now_s)

    def distinct(self, text: str, habits: EditorHabits) -> str:
        """Make every code point occur once, where the client's reports cannot tell equal ones apart."""
        if habits.changes == "exact":
            return text
        return "".join(
            character
            if character == "\n"
            else chr(self.plane(character) + next(self.fresh_code_points))
            for character in text
        )

    @staticmethod
    def plane(character: str) -> int:
        """Return the start of a block whose code points are as wide as this one's."""
        return 0x20000 if character > "\uffff" else 0x4E00

    def finish(self, generation: Generation) -> None:
        generation.finished = True
        self.outcomes += self.writer.finish(generation.region_id, generation.target)

    def catch_up(self) -> None:
        """Let the server read everything the client has to say, as before any request."""
        self.now_s += self.editor.habits.change_delay_s
        while self.editor.flush_at_s is not None or self.editor.has_mail:
            self.server_reads()

    def settle(self) -> None:
        for _ in range(200):
            self.server_sends()
            self.client_reads()
            self.catch_up()
            if self.writer.is_idle and not self.to_client:
                return
            deadline_s = self.writer.deadline_s
            if deadline_s is not None and not self.to_client:
                self.now_s = max(self.now_s, deadline_s)
                self.outcomes += self.writer.tick(self.now_s)
        raise AssertionError("the writer does not come to rest")


def point_at(text: str, offset: int) -> Point:
    lines = split_lines(text[:offset])
    return Point(len(lines) - 1, len(lines[-1]))


TestWriterSchedules = WriterSchedules.TestCase
