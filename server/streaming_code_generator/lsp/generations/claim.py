"""The place that a request for code names, from the moment it arrives.

Before a generation can begin there is something to wait for, such as settings that the client was
asked for. The document goes on changing meanwhile, and the place has to move with it.
"""

import itertools

from streaming_code_generator.editing.lines import Point
from streaming_code_generator.lsp.documents.open_documents import OpenDocument

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
