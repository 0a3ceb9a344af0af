"""A generation's place in its document: which text should stand there, and where that is."""

from streaming_code_generator.core.prompt.explanation import explanation_comment
from streaming_code_generator.editing.lines import Point
from streaming_code_generator.editing.pace import paced
from streaming_code_generator.editing.rewrite import SelectionRewrite
from streaming_code_generator.lsp.documents import OpenDocument
from streaming_code_generator.lsp.job import Job

Position = tuple[int, int]


class Placing:
    """Turns the code so far into the text that its region should hold.

    Raises:
        RangeTaken: Another generation is writing in the range.
    """

    def __init__(self, region_id: str, job: Job) -> None:
        if job.document is None:
            raise ValueError("a job without a document has no place")
        self.region_id = region_id
        self.document: OpenDocument = job.document
        self._job = job
        writer = job.document.delivery.writer
        if job.takes_over is None:
            self.original = writer.mirror.slice(job.start, job.end)
            writer.open_region(region_id, job.start, job.end)
        else:
            self.original = job.takes_over.original
            writer.hand_over(job.takes_over.region_id, region_id)
        self._rewrite = SelectionRewrite(self.original)
        self._has_shown = False

    def show(self, code: str) -> None:
        """Bring the region to what the code so far makes of it."""
        visible = paced(code, self._job.edits, finished=False)
        if visible:
            self._has_shown = True
            text = self._rewrite.desired(self._framed(visible), finished=False)
            self.document.delivery.want(self.region_id, text)

    def finish(self, code: str, explanation: str) -> None:
        """Bring the region to its final text; an answer without code leaves it as it was."""
        if code and self._job.insert_explanation == "comment":
            job = self._job
            code = explanation_comment(explanation, job.language_id, job.code_target) + code
        text = self._framed(code) if code else self.original
        self._has_shown = bool(code)
        self.document.delivery.finish(self.region_id, text)

    def stop(self) -> None:
        """Leave the region as it is; nothing more is sent for it."""
        self.document.delivery.writer.stop(self.region_id)

    def put_back(self) -> None:
        """Bring back, byte for byte, what stood there before."""
        self._has_shown = False
        self.document.delivery.finish(self.region_id, self.original)

    def forget(self) -> None:
        """Stop following the region; its text stays."""
        self.document.delivery.writer.forget(self.region_id)

    def _framed(self, code: str) -> str:
        return self._job.prefix + code + self._job.suffix

    @property
    def is_tracked(self) -> bool:
        """Whether the region is still followed."""
        return self.region_id in self.document.delivery.writer.document

    @property
    def has_text(self) -> bool:
        """Whether text of the generation's own stands in the document, or is on its way there."""
        writer = self.document.delivery.writer
        region = writer.region(self.region_id)
        if region.own_text != self.original:
            return not region.deleted
        # Text that has landed once and is not there any more was undone.
        return self._has_shown and region.landed_text == self.original and not writer.is_idle

    @property
    def is_untouched(self) -> bool:
        """Whether it is followed and nobody has written or removed anything in it."""
        writer = self.document.delivery.writer
        return self.is_tracked and writer.region(self.region_id).is_untouched

    @property
    def is_rewritten(self) -> bool:
        """Whether taking the text out would leave fragments of what was made of it."""
        return self.document.delivery.writer.region(self.region_id).is_rewritten

    def laid_over(self) -> list[str]:
        """Return the regions that were opened over its text and are followed, the latest first."""
        return self.document.delivery.writer.document.laid_over(self.region_id)

    @property
    def points(self) -> tuple[Point, Point]:
        """The region's range."""
        region = self.document.delivery.writer.region(self.region_id)
        return region.start, region.end

    @property
    def range(self) -> tuple[Position, Position] | None:
        """Where the code stands, in the client's positions; None once it is not followed."""
        if not self.is_tracked:
            return None
        mirror = self.document.mirror
        start, end = self.points
        if self.is_untouched and not self._is_at_rest_as_before():
            length = mirror.distance(start, end) - len(self._job.prefix) - len(self._job.suffix)
            start = mirror.advance(start, len(self._job.prefix))
            end = mirror.advance(start, max(0, length))
        return mirror.position(start), mirror.position(end)

    def _is_at_rest_as_before(self) -> bool:
        writer = self.document.delivery.writer
        return writer.region(self.region_id).own_text == self.original
