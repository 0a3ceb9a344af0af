"""What of other files a model is shown when it completes: definitions of what is used there."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from weakref import WeakKeyDictionary

from streaming_code_generator.core.complete.fill import Excerpt
from streaming_code_generator.core.prompt.definitions import likely_files, related_pieces
from streaming_code_generator.core.prompt.file_pieces import fit
from streaming_code_generator.core.tokens import estimated_tokens
from streaming_code_generator.lsp.documents.documents import Documents, snapshot
from streaming_code_generator.lsp.documents.files import (
    Showable,
    WorkspaceReader,
    document_key,
)
from streaming_code_generator.lsp.documents.open_document import OpenDocument

MOST_TOKENS = 160
"""A suggestion that comes late is none: a local model reads so many in a fraction of a second, and
once only, because they stay the same while the user types."""
BEGINNING_LINES = 8
"""Shown of a definition: how it is called is said there."""
MOST_LINES = 5_000
"""Of a document: what lies further off is not looked at."""
NEAR_LINES = 40
LOOK_AGAIN_S = 10.0


@dataclass(slots=True, eq=False)
class _Excerpts:
    """What was found for a document last, and when."""

    excerpts: tuple[Excerpt, ...] = ()
    looked_at_s: float = float("-inf")


class Neighbours:
    """Looks for definitions in threads, and says what has been found so far. Never waits."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._reader = WorkspaceReader()
        self._found: WeakKeyDictionary[OpenDocument, _Excerpts] = WeakKeyDictionary()
        self._tasks: set[asyncio.Task[None]] = set()

    def known(self, document: OpenDocument, line: int) -> tuple[Excerpt, ...]:
        """Return what is known to be used near a line; look again, if that was long ago.

        Called inside a running event loop.
        """
        found = self._found.setdefault(document, _Excerpts())
        now_s = asyncio.get_running_loop().time()
        if now_s - found.looked_at_s > LOOK_AGAIN_S:
            found.looked_at_s = now_s
            task = asyncio.create_task(self._look(document, line, found), name="neighbours")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return found.excerpts

    async def aclose(self) -> None:
        """End the looking; a thread finishes on its own."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _look(self, document: OpenDocument, line: int, found: _Excerpts) -> None:
        first = max(0, line - MOST_LINES // 2)
        # Copies, which are cheap; everything else is left to the thread.
        own = document.mirror.lines[first : first + MOST_LINES]
        others = [
            (each, each.mirror.lines[:MOST_LINES]) for each in self._documents.others_open(document)
        ]
        found.excerpts = await asyncio.to_thread(
            self._excerpts, (document, own), line - first, others
        )

    def _excerpts(
        self,
        current: tuple[OpenDocument, Sequence[str]],
        line: int,
        others: Sequence[tuple[OpenDocument, Sequence[str]]],
    ) -> tuple[Excerpt, ...]:
        roots = self._documents.roots
        file, *opened = (snapshot(*each, roots) for each in (current, *others))
        open_keys = frozenset(document_key(each.uri) for each in (file, *opened))
        choose = partial(likely_files, file, "")
        workspace = self._reader.files(roots, open_keys, choose)
        shown = [*Showable(roots).allowed(opened), *workspace]
        begin = max(0, line // NEAR_LINES * NEAR_LINES - NEAR_LINES)
        related = related_pieces(file, (begin, begin + 3 * NEAR_LINES), "", shown)
        cut = (
            replace(piece, end=min(piece.end, piece.first + BEGINNING_LINES)) for piece in related
        )
        taken = fit(cut, MOST_TOKENS, lambda text: estimated_tokens(len(text)))
        return tuple(
            Excerpt(name=piece.file.path, text="\n".join(piece.file.lines[piece.first : piece.end]))
            for piece in taken
        )
