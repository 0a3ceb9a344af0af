"""`textDocument/inlineCompletion`, LSP 3.18: ghost text at the cursor."""

from collections.abc import Coroutine
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

from lsprotocol import types

from streaming_code_generator.core.messages import Paced
from streaming_code_generator.core.prompt.compose import profile_of
from streaming_code_generator.errors import StreamingError
from streaming_code_generator.lsp.completions.completion_stream import Cursor
from streaming_code_generator.lsp.completions.completions import Completions, Means
from streaming_code_generator.lsp.completions.neighbours import Neighbours
from streaming_code_generator.lsp.documents.open_document import OpenDocument
from streaming_code_generator.lsp.documents.workspace_files import secret_looking
from streaming_code_generator.lsp.state import ServerState
from streaming_code_generator.providers.choose import completes


def inline_completion(
    state: ServerState, params: types.InlineCompletionParams
) -> Coroutine[Any, Any, object]:
    """Take the place at once, before the next message may change the document; then suggest.

    Cancellation: at once.
    """
    document = state.documents.get(params.text_document.uri)
    if document is None or not document.is_open or _must_not(state, document, params.position):
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
    return _suggested(state, document, cursor, begun, typed, is_invoked=is_invoked)


async def _suggested(  # noqa: PLR0913 - a request has that many sides
    state: ServerState,
    document: OpenDocument,
    cursor: Cursor,
    begun: str,
    replaced: types.Range,
    *,
    is_invoked: bool,
) -> types.InlineCompletionList | None:
    if state.completions is None:
        state.completions = Completions(Neighbours(state.documents), state.client.log_once)
    completions = state.completions
    means = await _means(
        state, completions.neighbours, document, cursor.line, is_invoked=is_invoked
    )
    if means is None:
        return None
    text = await completions.suggest(document, cursor, means, is_invoked=is_invoked)
    if not text:
        return None
    return types.InlineCompletionList(
        [types.InlineCompletionItem(insert_text=begun + text, range=replaced)]
    )


async def _nothing() -> None:
    return None


def _must_not(state: ServerState, document: OpenDocument, position: types.Position) -> bool:
    """Whether a place is none for suggestions: a file with secrets, code that is being written."""
    if secret_looking(unquote(urlsplit(document.uri).path)):
        return True
    here = (position.line, position.character)
    for generation in state.generations.in_document(document.uri):
        where = generation.region.range if generation.region else None
        if generation.end is None and where and where[0] <= here <= where[1]:
            return True
    return False


async def _means(
    state: ServerState,
    neighbours: Neighbours,
    document: OpenDocument,
    line: int,
    *,
    is_invoked: bool,
) -> Means | None:
    """Return what to suggest with, by the settings; None where they want no suggestion."""
    await state.settings_read()
    try:
        provider = state.backend.completion_provider()
    except StreamingError as error:
        state.client.log_once(error.message)
        return None
    resolved = state.backend.resolved
    when = completes(resolved, provider.description)
    if when == "off" or (when == "invoked" and not is_invoked):
        return None
    if await state.budget.is_spent(resolved.settings.budget_per_day):
        state.client.log_once("Today's budget is spent: no ghost text is suggested any more.")
        return None
    if isinstance(provider, Paced) and await provider.pause_s():
        return None
    endpoint = provider.description.endpoint
    # A small model reads slowly, and makes nothing of what it reads.
    is_small = profile_of(provider.description, None).is_small
    return Means(
        provider=provider,
        is_busy=lambda: state.generations.runs_at(endpoint),
        record=state.backend.record,
        language_id=document.language_id,
        file_name=unquote(urlsplit(document.uri).path).rpartition("/")[2],
        session_id=state.session_id(document.uri),
        timeout_s=resolved.settings.timeout_seconds,
        masks_keys=resolved.settings.mask_keys,
        excerpts=tuple if is_small else partial(neighbours.known, document, line),
    )
