"""`textDocument/inlineCompletion`, LSP 3.18: ghost text at the cursor.

A model is also shown definitions of other files, of what is used there.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit
from weakref import WeakKeyDictionary

from lsprotocol import types

from streaming_code_generator.core.complete.fill import Excerpt
from streaming_code_generator.core.messages import Paced
from streaming_code_generator.core.prompt.compose import profile_of
from streaming_code_generator.core.prompt.definitions import likely_files, related_pieces
from streaming_code_generator.core.prompt.file_pieces import fit
from streaming_code_generator.core.tokens import estimated_tokens
from streaming_code_generator.errors import StreamingError
from streaming_code_generator.lsp.backend import Backend
from streaming_code_generator.lsp.completions.completion_stream import Cursor
from streaming_code_generator.lsp.completions.completions import Completions, Means
from streaming_code_generator.lsp.consent import BudgetGuard
from streaming_code_generator.lsp.documents.documents import Documents, snapshot
from streaming_code_generator.lsp.documents.files import (
    Showable,
    WorkspaceReader,
    document_key,
    secret_looking,
)
from streaming_code_generator.lsp.documents.open_document import OpenDocument
from streaming_code_generator.lsp.generations.registry import Generations
from streaming_code_generator.providers.choose import completes

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
    """Looks for definitions in other files, in threads; says what has been found. Never waits."""

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


class GhostText:
    """Handles the requests for ghost text; all suggestions come from its `completions`."""

    def __init__(
        self,
        documents: Documents,
        generations: Generations,
        backend: Backend,
        budget: BudgetGuard,
        log: Callable[[str], None],
    ) -> None:
        """Take what suggestions are made with.

        Args:
            documents: The client's documents.
            generations: Where one writes, nothing is suggested.
            backend: The settings in force, and the provider.
            budget: What is left of the day's.
            log: Called with why nothing is suggested, each reason for the first time or again.
        """
        self._documents = documents
        self._generations = generations
        self._backend = backend
        self._budget = budget
        self._log = log
        self._neighbours = Neighbours(documents)
        self.completions = Completions(log)

    async def aclose(self) -> None:
        """Close every stream, and end what is looked for."""
        await self._neighbours.aclose()
        await self.completions.aclose()

    def begin(self, params: Any) -> Coroutine[Any, Any, object]:
        """Take the place at once, before the next message may change the document; then suggest.

        Args:
            params: The request's `InlineCompletionParams`.

        Cancellation: at once.
        """
        document = self._documents.get(params.text_document.uri)
        if document is None or not document.is_open or self._must_not(document, params.position):
            return _nothing()
        point = document.mirror.point(params.position.line, params.position.character)
        # A copy: it is compared with what the document becomes while a model writes.
        lines = list(document.mirror.lines)
        cursor = Cursor(lines, *point)
        selected = params.context.selected_completion_info
        typed = types.Range(params.position, params.position)
        begun = ""
        if selected is not None:
            # The list's selected entry is taken as accepted: the suggestion goes on behind it.
            start = document.mirror.point(selected.range.start.line, selected.range.start.character)
            end = document.mirror.point(selected.range.end.line, selected.range.end.character)
            if start.line != point.line or end.line != point.line or "\n" in selected.text:
                return _nothing()
            begun, typed = selected.text, selected.range
            lines[start.line] = (
                lines[start.line][: start.column] + begun + lines[end.line][end.column :]
            )
            cursor = Cursor(lines, start.line, start.column + len(begun))
        is_invoked = params.context.trigger_kind == types.InlineCompletionTriggerKind.Invoked
        return self._suggested(document, cursor, begun, typed, is_invoked=is_invoked)

    async def _suggested(
        self,
        document: OpenDocument,
        cursor: Cursor,
        begun: str,
        replaced: types.Range,
        *,
        is_invoked: bool,
    ) -> types.InlineCompletionList | None:
        means = await self._means(document, cursor.line, is_invoked=is_invoked)
        if means is None:
            return None
        text = await self.completions.suggest(document, cursor, means, is_invoked=is_invoked)
        if not text:
            return None
        return types.InlineCompletionList(
            [types.InlineCompletionItem(insert_text=begun + text, range=replaced)]
        )

    def _must_not(self, document: OpenDocument, position: types.Position) -> bool:
        """Whether it is a place in a file with secrets, or in code that is being written."""
        if secret_looking(unquote(urlsplit(document.uri).path)):
            return True
        here = (position.line, position.character)
        for generation in self._generations.in_document(document.uri):
            where = generation.region.range if generation.region else None
            if generation.end is None and where and where[0] <= here <= where[1]:
                return True
        return False

    async def _means(
        self,
        document: OpenDocument,
        line: int,
        *,
        is_invoked: bool,
    ) -> Means | None:
        """Return what to suggest with, by the settings; None where they want no suggestion."""
        await self._backend.settings_read()
        try:
            provider = self._backend.completion_provider()
        except StreamingError as error:
            self._log(error.message)
            return None
        resolved = self._backend.resolved
        when = completes(resolved, provider.description)
        if when == "off" or (when == "invoked" and not is_invoked):
            return None
        if await self._budget.is_spent(resolved.settings.budget_per_day):
            self._log("Today's budget is spent: no ghost text is suggested any more.")
            return None
        if isinstance(provider, Paced) and await provider.pause_s():
            return None
        endpoint = provider.description.endpoint
        # A small model reads slowly, and makes nothing of what it reads.
        is_small = profile_of(provider.description, None).is_small
        return Means(
            provider=provider,
            is_busy=lambda: self._generations.runs_at(endpoint),
            record=self._backend.record,
            language_id=document.language_id,
            file_name=unquote(urlsplit(document.uri).path).rpartition("/")[2],
            session_id=self._backend.session_id(document.uri),
            timeout_s=resolved.settings.timeout_seconds,
            masks_keys=resolved.settings.mask_keys,
            excerpts=tuple if is_small else partial(self._neighbours.known, document, line),
        )


async def _nothing() -> None:
    return None
