"""What one generation is asked to do, and the place in its document until it starts."""

import itertools
from dataclasses import dataclass

from streaming_code_generator.core.extract import CodeTarget
from streaming_code_generator.core.messages import CompletionRequest
from streaming_code_generator.editing.lines import Point
from streaming_code_generator.lsp.documents.open_documents import OpenDocument
from streaming_code_generator.lsp.wire import Token
from streaming_code_generator.settings.declarations import EditPace, ExplanationPlace


@dataclass(frozen=True, slots=True)
class TakenOver:
    """The place of a generation whose text was taken out again."""

    region_id: str
    original: str
    """What stood there before that generation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A generation's request, free of everything that may change while it runs."""

    uri: str
    language_id: str
    document: OpenDocument | None
    """Where the code goes; None for target `none`."""
    start: Point
    end: Point
    """The range to replace; empty for an insertion."""
    takes_over: "TakenOver | None" = None
    """Set if it goes on in the place of a generation that was taken out: then that is the range."""
    prefix: str = ""
    suffix: str = ""
    """What is put around the code, such as the line ending behind a comment."""
    code_target: CodeTarget
    request: CompletionRequest
    edits: EditPace = "live"
    insert_explanation: ExplanationPlace = False
    is_awaited: bool = True
    """Whether the request waits for the end, and so tells of it by its answer."""
    work_done_token: Token | None = None
    partial_result_token: Token | None = None


_numbers = itertools.count(1)


class Claim:
    """A range of a document that moves with every change until it is released.

    It is tracked as a region that never wants any text.
    """

    def __init__(self, document: OpenDocument, start: Point, end: Point) -> None:
        self.document = document
        self._is_selection = start != end
        self._region_id = f"claim-{next(_numbers)}"
        self._writer = document.delivery.writer
        self._writer.document.open_region(self._region_id, start, end)

    @property
    def points(self) -> tuple[Point, Point]:
        """Where the range is now."""
        region = self._writer.region(self._region_id)
        return region.start, region.end

    @property
    def is_lost(self) -> bool:
        """Whether what was selected has been deleted meanwhile."""
        start, end = self.points
        return self._is_selection and start == end

    def release(self) -> None:
        """Stop following the range. Safe to call twice."""
        self._writer.forget(self._region_id)
