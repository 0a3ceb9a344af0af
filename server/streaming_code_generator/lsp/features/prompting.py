"""From a request to the prompt that is sent: snapshots are taken here, chosen from in a thread."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

from streaming_code_generator.core.context.file_pieces import CountTokens, FileSnapshot
from streaming_code_generator.core.context.related import likely_files
from streaming_code_generator.core.engine.generator import GenerationEngine
from streaming_code_generator.core.prompt.compose import Prompt, SelectionTooLongError, compose
from streaming_code_generator.core.prompt.profile import profile_of
from streaming_code_generator.core.syntax import load_lexer
from streaming_code_generator.lsp.documents.context_files import Showable, shown_path, snapshot
from streaming_code_generator.lsp.documents.open_documents import OpenDocument, ReservedRange
from streaming_code_generator.lsp.documents.uris import document_key
from streaming_code_generator.lsp.generations.job import ResolvedRequest, make_request
from streaming_code_generator.lsp.project_rules import Rules, rules_for
from streaming_code_generator.lsp.state import ServerState
from streaming_code_generator.lsp.wire import GenerateArguments, invalid
from streaming_code_generator.settings import Settings

logger = logging.getLogger(__name__)


async def prompts_for(
    state: ServerState,
    arguments: GenerateArguments,
    places: Sequence[ReservedRange],
    engine: GenerationEngine,
    settings: Settings,
) -> list[Prompt]:
    """Return the prompt for each place of a request, all of them of the document as it is now.

    Cancellation: at once; the thread finishes on its own.

    Raises:
        JsonRpcInvalidParams: There is nothing to ask for, or the selection is too long.
        JsonRpcException: `ContentModified`, a place is gone.
    """
    roots = state.documents.roots
    document, reader = places[0].document, state.workspace_reader
    # Where the code goes depends on what is comment and string there.
    await asyncio.to_thread(load_lexer, document.language_id)
    file = _snapshot(document, state)
    requests = [make_request(arguments, place, settings, file) for place in places]
    others = [_snapshot(each, state) for each in state.documents.others_open(document)]
    description = engine.provider.description
    profile = profile_of(description, settings.context_tokens)

    unknown: list[Rules] = []

    def compose_all(count: CountTokens) -> list[Prompt]:
        showable = Showable(roots)
        rules = None if profile.is_small else rules_for(document.path, roots, showable)
        verdict = state.rules_consent.verdict(rules) if rules else None
        if rules is not None and verdict is None:
            unknown.append(rules)
        opened = showable.allowed(others)
        open_keys = {document_key(each.uri) for each in others}
        asked_for = {document_key(uri): uri for uri in arguments.context_uris}
        asked_for.pop(document_key(document.uri), None)
        named = [each for each in opened if document_key(each.uri) in asked_for]
        on_disk = [uri for key, uri in asked_for.items() if key not in open_keys]
        named += showable.named(on_disk)
        left_out = frozenset({document_key(document.uri), *open_keys, *asked_for})

        # For all places together: they are in one file, and most of it is the same for each.
        asked = "\n".join(request.task.instruction for request in requests)
        workspace = (
            ()
            if profile.is_small
            else reader.files(roots, left_out, lambda paths: likely_files(file, asked, paths))
        )
        unnamed = tuple(each for each in opened if each not in named)

        def composed(request: ResolvedRequest) -> Prompt:
            query = replace(
                request.query,
                rules=rules.file if rules and verdict == "allowed" else None,
                named=tuple(named),
                opened=unnamed,
                workspace=workspace,
            )
            return compose(request.task, query, request.placement, profile, count)

        return list(map(composed, requests))

    try:
        prompts = await state.backend.tokenizers.run(description.model, compose_all)
    except SelectionTooLongError as error:
        invalid(str(error))
    for rules in unknown:
        state.rules_consent.ask(rules)
    for prompt in prompts:
        _log(prompt)
    return prompts


def _snapshot(document: OpenDocument, state: ServerState) -> FileSnapshot:
    return snapshot(
        document.mirror,
        uri=document.uri,
        path=shown_path(document.path, state.documents.roots) or document.uri.rsplit("/", 1)[-1],
        language_id=document.language_id,
    )


def _log(prompt: Prompt) -> None:
    shown = ", ".join(
        f"{piece.file.path} {piece.first + 1}-{piece.end} ({piece.why})" for piece in prompt.pieces
    )
    logger.info(
        "prompt of %d tokens, at most %d: %s", prompt.tokens, prompt.budget, shown or "no files"
    )
