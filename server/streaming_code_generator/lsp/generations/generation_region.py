r"""A generation's region in its document: the text it should hold, and where that stands.

    job: prefix "\n", code target indented by four spaces

    code so far      "return w * h"
    wanted text      "\n    return w * h"      prefix + code (indented by the output filter)
    `range`          from the `r` on           prefix and suffix are left out

The document's writer sends the smallest edit that brings the region to the wanted text.
"""

from streaming_code_generator.core.placement.target import explanation_comment
from streaming_code_generator.editing.wanted import WantedText
from streaming_code_generator.lsp.documents.open_document import OpenDocument
from streaming_code_generator.lsp.generations.job import Job
from streaming_code_generator.lsp.wire import ClientRange


class GenerationRegion:
    """The region of one generation.

    Raises:
        RangeTaken: Another generation is writing in the range.
    """

    def __init__(self, region_id: str, document: OpenDocument, job: Job) -> None:
        self.region_id = region_id
        self.document = document
        self._job = job
        writer = document.writer
        if job.takes_over is None:
            writer.open_region(region_id, job.start, job.end)
        else:
            writer.hand_over(job.takes_over, region_id)
        original = writer.region(region_id).original
        self._wanted = WantedText(original, prefix=job.prefix, suffix=job.suffix, pace=job.edits)
        self._has_shown = False

    # Text

    def grow(self, code: str) -> None:
        """Let the region's text grow by what has come of the code, at the pace that is set."""
        self._wanted.grow(code)
        self._has_shown = True
        self.document.grow(self.region_id, self._wanted)

    def finish(self, code: str, explanation: str) -> None:
        """Bring the region to its final text; a response without code leaves it as it was."""
        job = self._job
        if code and job.insert_explanation == "comment":
            code = explanation_comment(explanation, job.language_id, job.code_target) + code
        self._has_shown = bool(code)
        if code:
            text = job.prefix + code + job.suffix
            self.document.finish(self.region_id, text)
        else:
            self.document.put_back(self.region_id)

    def stop(self) -> None:
        """Leave the region as it is; nothing more is sent for it."""
        self.document.stop(self.region_id)

    def put_back(self) -> None:
        """Bring back, byte for byte, what stood there before."""
        self._has_shown = False
        self.document.put_back(self.region_id)

    def forget(self) -> None:
        """Stop tracking the region; its text stays."""
        self.document.writer.forget(self.region_id)

    # State

    @property
    def is_tracked(self) -> bool:
        """Whether the region still moves with the document's changes."""
        return self.region_id in self.document.writer.document

    @property
    def has_text(self) -> bool:
        """Whether text of the generation's own stands in the document, or is on its way there."""
        writer = self.document.writer
        region = writer.region(self.region_id)
        if not region.is_original:
            return not region.deleted
        # Text that has landed once and is not there any more was undone.
        return self._has_shown and not region.is_undone and not writer.is_idle

    @property
    def is_rewritten(self) -> bool:
        """Whether taking the text out would leave fragments of what was made of it."""
        return self.document.writer.region(self.region_id).is_rewritten

    def laid_over(self) -> list[str]:
        """Return the tracked regions that were opened over its text, the latest first."""
        return self.document.writer.document.laid_over(self.region_id)

    @property
    def range(self) -> ClientRange | None:
        """Where the code stands, in the client's positions; None once it is not tracked."""
        if not self.is_tracked:
            return None
        region, mirror = self.document.writer.region(self.region_id), self.document.mirror
        start, end = region.start, region.end
        if region.is_untouched and not region.is_original:
            start = mirror.advance(start, len(self._job.prefix))
            end = max(start, mirror.retreat(end, len(self._job.suffix)))
        return mirror.position(start), mirror.position(end)
