"""One schedule: a document writer, a person and a client, moved step by step in virtual time.

Whoever drives it (a property test, the seeded driver in `schedules`, a regression test) says what
happens next; `end` brings everything to rest and checks the document against a model of its own.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from streaming_code_generator.editing.exchange import (
    Deleted,
    Outcome,
    OutgoingEdit,
    ReportedChange,
    Settled,
)
from streaming_code_generator.editing.lines import Point, split_lines
from streaming_code_generator.editing.rewrite import SelectionRewrite
from streaming_code_generator.editing.writer import DocumentWriter, WriterCounts
from streaming_code_generator.testing.editor import Cell, EditorHabits, Reply, SimulatedEditor
from streaming_code_generator.testing.schedule_person import PersonModel
from streaming_code_generator.testing.schedule_texts import ScheduleTexts

PATIENCE_S = 4.0
"""How long a schedule lets a client rest; one that rests too long is a case of its own."""
_ROUNDS_TO_REST = 200


@dataclass(slots=True)
class Generation:
    """What one generation has asked for so far."""

    region_id: str
    original: str
    before: list[Cell]
    """What stood before its place when it began."""
    after: list[Cell]
    rewrite: SelectionRewrite | None
    """Set if it replaces its selection line by line, as text arrives."""
    target: str = ""
    state: str = "running"
    """Or `finished`, `stopped` (wants nothing more), `removed`, `forgotten`."""
    settled_before: int = 0
    """How often its text was said to stand there, before it was last finished or removed."""


@dataclass(slots=True, kw_only=True)
class Schedule:
    """One document, up to three generations, one person, one client with its habits."""

    habits: EditorHabits
    text: str
    distinct: bool = False
    """See `ScheduleTexts`."""
    texts: ScheduleTexts = field(init=False)
    editor: SimulatedEditor = field(init=False)
    writer: DocumentWriter = field(init=False)
    person: PersonModel = field(init=False)
    generations: list[Generation] = field(init=False, default_factory=list)
    outcomes: list[Outcome] = field(init=False, default_factory=list)
    counts: list[WriterCounts] = field(init=False, default_factory=list)
    """One entry for each time the document was opened."""
    now_s: float = field(init=False, default=0.0)
    _last_round_s: float = field(init=False, default=0.0)
    _to_client: deque[OutgoingEdit] = field(init=False, default_factory=deque)

    def __post_init__(self) -> None:
        self.texts = ScheduleTexts(self.habits, distinct=self.distinct)
        self._open(self.texts.foreign(self.text))

    def _open(self, text: str) -> None:
        self.editor = SimulatedEditor(text, habits=self.habits)
        self.writer = DocumentWriter(text, version=1, encoding=self.habits.encoding)
        self.person = PersonModel(self.editor, self._is_mistakable)
        self.counts.append(self.writer.counts)
        self.generations.clear()
        self.outcomes.clear()
        self._to_client.clear()

    # The server's side

    def start_generation(self, start: float, length: int, *, rewriting: bool) -> None:
        """Begin to replace `length` code points, at a fraction of the document."""
        self.catch_up()
        text = self.writer.mirror.text
        low = self._whole(round(start * len(text)))
        high = self._whole(min(len(text), low + length))
        cells = self.editor.cells
        if any(cell.author != "base" for cell in cells[low:high]):
            high = low
        self.person.touched |= self._is_nested(point_at(text, low), point_at(text, high))
        self.editor.select(low, high)
        original = text[low:high]
        region_id = str(len(self.generations))
        self.writer.open_region(region_id, point_at(text, low), point_at(text, high))
        self.generations.append(
            Generation(
                region_id,
                original,
                before=cells[:low],
                after=cells[high:],
                rewrite=SelectionRewrite(original) if rewriting else None,
            )
        )

    def _is_nested(self, start: Point, end: Point) -> bool:
        """Whether a place lies in another region's text, or the other way round."""
        document = self.writer.document
        regions = [document.region(region_id) for region_id in document.region_ids()]
        return any(region.start < end and start < region.end for region in regions)

    def of_state(self, *states: str) -> list[Generation]:
        """Return the generations in one of these states."""
        return [generation for generation in self.generations if generation.state in states]

    def text_arrives(self, generation: Generation, text: str) -> None:
        """Let a generation want some more text, made of the letters a, b, c and line feeds."""
        generation.target += self.texts.generated(
            text, int(generation.region_id), original=generation.original
        )
        wanted = generation.target
        if generation.rewrite:
            wanted = generation.rewrite.desired(wanted, finished=False)
        self.writer.want(generation.region_id, wanted)
        self.server_sends()

    def finish(self, generation: Generation) -> None:
        """End a generation; its text is to stand there for good."""
        generation.state = "finished"
        generation.settled_before = self._times_settled(generation)
        self.outcomes += self.writer.finish(generation.region_id, generation.target)

    def stop(self, generation: Generation) -> None:
        """Cancel a generation: what has arrived stays, nothing more is wanted."""
        generation.state = "stopped"
        self.writer.stop(generation.region_id)

    def remove(self, generation: Generation) -> None:
        """Put back what stood there before."""
        generation.state = "removed"
        generation.settled_before = self._times_settled(generation)
        self.outcomes += self.writer.finish(generation.region_id, generation.original)

    def forget(self, generation: Generation) -> None:
        """Accept a generation's text: it is followed no more."""
        generation.state = "forgotten"
        self.writer.forget(generation.region_id)

    def server_sends(self) -> None:
        """Let the next edit go out, if there is one."""
        edit = self.writer.next_edit(self.now_s)
        if edit:
            self._to_client.append(edit)

    def server_reads(self) -> None:
        """Let the server take one message of the client."""
        message = self.editor.next_message(self.now_s)
        if isinstance(message, Reply):
            self.outcomes += self.writer.replied(
                message.edit_id, applied=message.applied, now_s=self.now_s
            )
        elif message:
            changes = [ReportedChange(change.range, change.text) for change in message.changes]
            self.outcomes += self.writer.changed(message.version, changes, now_s=self.now_s)

    # The client's and the person's side

    def client_reads(self) -> None:
        """Let the client take one edit."""
        if self._to_client:
            with self.person.server_at_work():
                self.editor.receive(self._to_client.popleft(), now_s=self.now_s)

    def person_edits(self, start: int, end: int, text: str) -> None:
        """Let the person replace a range of the buffer."""
        start, end = self._whole(start), self._whole(end)
        if self.habits.changes != "exact":
            text = text.replace("\n", " ")
        removed = self.editor.text[start:end]
        # Text that a person replaces by itself counts as untouched: that is a rule of its own.
        text = "".join("Z" if character in removed else character for character in text)
        text = self.texts.foreign(text)
        self._act(lambda: self.editor.replace(start, end, text, now_s=self.now_s))

    def person_repeats(self, start: int, end: int) -> None:
        """Let the person paste over a range what stands there already."""
        start, end = self._whole(start), self._whole(end)
        self._act(lambda: self.editor.repeat(start, end, now_s=self.now_s))

    def person_formats(self, step: int) -> None:
        """Rewrite the whole buffer at once, changing a few places outside generated text."""
        foreign = [c for c in self.editor.cells if c.author in {"base", "person"}]
        chosen = {c.character for c in foreign[::step] if c.character not in "\r\n"}
        added = {character: self.texts.foreign("+") for character in sorted(chosen)[::2]}

        def reformatted(text: str) -> str:
            return "".join(added.get(c, "") if c in chosen else c for c in text)

        # Which of several equal lines went where is a matter of how texts are compared.
        self.person.rewound = True
        self.person.returned |= set(self.editor.cells)
        self._act(lambda: self.editor.rewrite(reformatted, now_s=self.now_s))

    def person_undoes(self) -> None:
        """Take back whatever was done last."""
        self.person.rewound = True
        self._act(lambda: self.editor.undo(now_s=self.now_s))

    def person_redoes(self) -> None:
        """Do again what was undone."""
        self.person.rewound = True
        self._act(lambda: self.editor.redo(now_s=self.now_s))

    def person_reopens(self) -> None:
        """Close the document and open it again: what was under way has ended."""
        self.editor.close()
        self._open(self.editor.text)

    def _act(self, action: Callable[[], None]) -> None:
        with self.person.at_work():
            action()

    def place(self, near: str, which: int, fraction: float) -> int:
        """Return an offset of the buffer at, in or away from a region, as far as one can tell."""
        cells = self.editor.cells
        tracked = [g for g in self.generations if g.state != "forgotten"]
        if near == "anywhere" or not tracked:
            return round(fraction * len(cells))
        region = self.writer.region(tracked[which % len(tracked)].region_id)
        mirror = self.writer.mirror
        start = mirror.distance(Point(0, 0), region.start)
        length = mirror.distance(region.start, region.end)
        within = {"start": 0, "end": length}.get(near, round(fraction * length))
        return min(start + within, len(cells))

    # Time

    def time_passes(self, seconds: float) -> None:
        """Let time pass, as far as the client's patience goes."""
        if self.now_s - self._last_round_s < PATIENCE_S:
            self.now_s += seconds
            self.outcomes += self.writer.tick(self.now_s)

    def messages_go_round(self) -> None:
        """Let an edit reach the client, and what it says to that the server."""
        self.server_sends()
        self.client_reads()
        self.server_reads()
        self.server_reads()
        self._last_round_s = self.now_s

    def catch_up(self) -> None:
        """Let the server read everything the client has to say, as before any request."""
        self.now_s += self.habits.change_delay_s
        while self.editor.flush_at_s is not None or self.editor.has_mail:
            self.server_reads()

    def settle(self) -> None:
        """Let everybody do what is left to do, without the person."""
        for _ in range(_ROUNDS_TO_REST):
            self.server_sends()
            self.client_reads()
            self.catch_up()
            if self.writer.is_idle and not self._to_client:
                return
            deadline_s = self.writer.deadline_s
            if deadline_s is not None and not self._to_client:
                self.now_s = max(self.now_s, deadline_s)
                self.outcomes += self.writer.tick(self.now_s)
        raise AssertionError("the writer does not come to rest")

    # Texts

    def is_settled(self, generation: Generation) -> bool:
        """Whether it was said that a generation's last text stands there."""
        return self._times_settled(generation) > generation.settled_before

    def _times_settled(self, generation: Generation) -> int:
        return self.outcomes.count(Settled(generation.region_id))

    def is_deleted(self, generation: Generation) -> bool:
        """Whether the person has removed all of a generation's text."""
        region_id = generation.region_id
        told = any(isinstance(o, Deleted) and o.region_id == region_id for o in self.outcomes)
        return told or self.writer.region(region_id).deleted

    def _is_mistakable(self, cells: list[Cell], index: int) -> bool:
        """Whether nobody can tell who wrote a code point, or on which side of a region."""
        is_ending = cells[index].character in "\r\n"
        low, high = _run_of_endings(cells, index)
        places = [g for g in self.generations if self._lies_between(g, cells[:low], cells[high:])]
        if self.habits.changes == "exact" and not self.habits.change_delay_s:
            return is_ending and bool(places)
        return is_ending or any(not (g.target and g.original) for g in places)

    def _lies_between(self, generation: Generation, left: list[Cell], right: list[Cell]) -> bool:
        """Whether a generation's place lies between two parts of the buffer."""
        moved = self.person.returned
        is_right_of_left = set(right).isdisjoint(set(generation.before) - moved)
        return is_right_of_left and set(left).isdisjoint(set(generation.after) - moved)

    def _whole(self, offset: int) -> int:
        """Return the offset, or the one before where it would divide a CRLF."""
        around = self.editor.text[max(0, offset - 1) : offset + 1]
        return offset - 1 if around == "\r\n" else offset


def _run_of_endings(cells: Sequence[Cell], index: int) -> tuple[int, int]:
    """Return the run of line endings around an index, any of which may be meant by a report."""
    low = high = index
    while low and cells[low - 1].character in "\r\n":
        low -= 1
    while high < len(cells) and cells[high].character in "\r\n":
        high += 1
    return low, high


def point_at(text: str, offset: int) -> Point:
    """Return the point of an offset."""
    lines = split_lines(text[:offset])
    return Point(len(lines) - 1, len(lines[-1]))
