"""Tracked documents for tests, written with marks: `[` and `]` around each region's text."""

import re

from streaming_code_generator.editing.mirror import Mirror, Point, PositionEncoding
from streaming_code_generator.editing.tracked_document import TrackedDocument
from support.texts import offset_of, point_of

_MARK = re.compile(r"[\[\]]")


def tracked(marked: str, *, encoding: PositionEncoding = "utf-16") -> TrackedDocument:
    """Open a document; its regions are called `0`, `1`, … in the order of their openings."""
    text = _MARK.sub("", marked)
    document = TrackedDocument(Mirror(text, version=1, encoding=encoding))
    places: list[list[int]] = []
    open_places: list[list[int]] = []
    for skipped, mark in enumerate(_MARK.finditer(marked)):
        offset = mark.start() - skipped
        if mark.group() == "[":
            open_places.append([offset])
            places.append(open_places[-1])
        else:
            open_places.pop().append(offset)
    for number, (start, end) in enumerate(places):
        document.open_region(str(number), point_of(text, start), point_of(text, end))
    return document


def marked(document: TrackedDocument, *region_ids: str) -> str:
    """Return a document's text with marks around some regions, all of them by default."""
    text, lines = document.mirror.text, document.mirror.lines
    marks: list[tuple[int, int, str]] = []
    for region_id in region_ids or document.region_ids():
        region = document.region(region_id)
        start, end = offset_of(lines, region.start), offset_of(lines, region.end)
        marks += [(start, len(marks), "["), (end, len(marks) + 1, "]")]
    for offset, _, mark in sorted(marks, reverse=True):
        text = text[:offset] + mark + text[offset:]
    return text


def change(document: TrackedDocument, start: int, end: int, text: str) -> None:
    """Let a user replace a range of the document, given in code points."""
    old = document.mirror.text
    document.change(point_of(old, start), point_of(old, end), text)


def own(document: TrackedDocument, region_id: str = "0") -> str:
    """Return a generation's text, as far as it landed."""
    return document.region(region_id).own_text


def at(line: int, column: int) -> Point:
    """Return a point."""
    return Point(line, column)
