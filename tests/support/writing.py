"""Drives a document writer the way its driver does, one event at a time."""

from dataclasses import dataclass, field

from streaming_code_generator.editing.exchange import Outcome, OutgoingEdit, ReportedChange
from streaming_code_generator.editing.mirror import PositionEncoding
from streaming_code_generator.editing.writer import DocumentWriter
from support.texts import point_of

Range = tuple[tuple[int, int], tuple[int, int]]


@dataclass
class Desk:
    """A writer, the clock, and what came of it all."""

    text: str
    version: int | None = 1
    encoding: PositionEncoding = "utf-16"
    now_s: float = 0.0
    outcomes: list[Outcome] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.writer = DocumentWriter(self.text, version=self.version, encoding=self.encoding)

    def open(self, region_id: str, start: int, end: int | None = None) -> None:
        text = self.writer.mirror.text
        self.writer.open_region(
            region_id, point_of(text, start), point_of(text, start if end is None else end)
        )

    def sent(self) -> OutgoingEdit:
        """Return the next edit, which there must be."""
        edit = self.writer.next_edit(self.now_s)
        assert edit is not None
        return edit

    def sends_nothing(self) -> bool:
        return self.writer.next_edit(self.now_s) is None

    def reply(self, edit: OutgoingEdit, *, applied: bool = True) -> None:
        self.outcomes += self.writer.replied(edit.edit_id, applied=applied, now_s=self.now_s)

    def report(self, *changes: tuple[Range | None, str], version: int | None = None) -> None:
        """Report changes; the version grows by one if none is given."""
        known = self.writer.mirror.version or 0
        self.outcomes += self.writer.changed(
            known + 1 if version is None else version,
            [ReportedChange(where, text) for where, text in changes],
            now_s=self.now_s,
        )

    def echo(self, edit: OutgoingEdit) -> None:
        """Report an edit just as it was sent."""
        self.report(*(((r.start, r.end), r.text) for r in reversed(edit.replacements)))

    def user_types(self, line: int, character: int, text: str) -> None:
        self.report((((line, character), (line, character)), text))

    def land(self) -> OutgoingEdit:
        """Let the next edit be sent, answered and reported."""
        edit = self.sent()
        self.reply(edit)
        self.echo(edit)
        return edit

    def land_all(self) -> None:
        """Let edits land until none is left to send."""
        while not self.writer.is_idle:
            self.land()

    def finish(self, region_id: str, text: str) -> None:
        self.outcomes += self.writer.finish(region_id, text)

    def wait(self, seconds: float) -> None:
        self.now_s += seconds
        self.outcomes += self.writer.tick(self.now_s)

    @property
    def mirrored(self) -> str:
        return self.writer.mirror.text


def streaming(*texts: str, tells: bool = False) -> Desk:
    """Return a desk on which a generation has put these texts between a and b."""
    desk = Desk("a\nb\n")
    desk.writer.undo.tells = tells
    desk.open("0", 2)
    written = ""
    for text in texts:
        written += text
        desk.writer.want("0", written)
        desk.land()
    return desk


def take_out(desk: Desk, text: str) -> None:
    """Report that a text went that stands in one line."""
    line, character = _place(desk, text)
    desk.report((((line, character), (line, character + len(text))), ""))


def put_in(desk: Desk, before: str, text: str) -> None:
    line, character = _place(desk, before)
    desk.report((((line, character), (line, character)), text))


def _place(desk: Desk, text: str) -> tuple[int, int]:
    lines = desk.mirrored[: desk.mirrored.index(text)].split("\n")
    return len(lines) - 1, len(lines[-1])


def opened(text: str = "a\nb\n", offset: int = 2) -> Desk:
    """Return a desk with a document in which one generation is to write."""
    desk = Desk(text)
    desk.open("0", offset)
    return desk
