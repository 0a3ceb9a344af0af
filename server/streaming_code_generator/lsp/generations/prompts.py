"""From a request to the prompt that is sent: snapshots are taken here, chosen from in a thread."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from streaming_code_generator.core.engine.generator import GenerationEngine
from streaming_code_generator.core.prompt.choose_context import ContextQuery
from streaming_code_generator.core.prompt.compose import (
    Prompt,
    SelectionTooLongError,
    compose,
    profile_of,
)
from streaming_code_generator.core.prompt.definitions import likely_files
from streaming_code_generator.core.prompt.file_pieces import (
    CountTokens,
    FileSnapshot,
    within_reach,
)
from streaming_code_generator.core.syntax import load_lexer
from streaming_code_generator.core.tokens import Tokenizers
from streaming_code_generator.lsp.consent import Rules, RulesConsent, rules_for
from streaming_code_generator.lsp.documents.documents import Documents, snapshot
from streaming_code_generator.lsp.documents.files import (
    Showable,
    WorkspaceReader,
    document_key,
)
from streaming_code_generator.lsp.documents.open_document import ReservedRange
from streaming_code_generator.lsp.generations.requests import make_request
from streaming_code_generator.lsp.wire.arguments import GenerateArguments, invalid
from streaming_code_generator.settings import Settings

logger = logging.getLogger(__name__)


class Prompts:
    """Composes the prompts of requests, of documents and of the workspace's other files."""

    def __init__(
        self, documents: Documents, tokenizers: Tokenizers, rules_consent: RulesConsent
    ) -> None:
        self._documents = documents
        self._tokenizers = tokenizers
        self._rules_consent = rules_consent
        self._reader = WorkspaceReader()

    async def compose(
        self,
        arguments: GenerateArguments,
        places: Sequence[ReservedRange],
        engine: GenerationEngine,
        settings: Settings,
    ) -> list[Prompt]:
        """Return the prompt for each place of a request, all of them of the document as it is now.

        Cancellation: at once; the thread finishes on its own.

        Raises:
            JsonRpcInvalidParams: The request says nothing of what to generate, or the selection
                is too long.
            JsonRpcException: `ContentModified`, a place is gone.
        """
        document, path, roots = places[0].document, places[0].document.path, self._documents.roots
        # Where the code goes depends on what is comment and string there.
        await asyncio.to_thread(load_lexer, document.language_id)
        requests = [make_request(arguments, place, settings) for place in places]
        # Copies, which are cheap; everything else is left to the thread.
        copies = [
            (each, list(each.mirror.lines))
            for each in (document, *self._documents.others_open(document))
        ]
        description = engine.provider.description
        profile = profile_of(description, settings.context_tokens)
        unknown: list[Rules] = []

        def compose_all(count: CountTokens) -> list[Prompt]:
            file, *others = (snapshot(*each, roots) for each in copies)
            showable = Showable(roots)
            rules = None if profile.is_small else rules_for(path, roots, showable)
            verdict = self._rules_consent.verdict(rules) if rules else None
            if rules is not None and verdict is None:
                unknown[:] = [rules]
            named, opened = _named_and_opened(arguments.context_uris, file, others, showable)
            # For all places together: they are in one file, and most of it is the same for each.
            instructions = "\n".join(request.task.instruction for request in requests)
            read = within_reach(file, requests[0].placement.line)
            open_uris = [each.uri for each in (file, *others)]
            workspace = (
                ()
                if profile.is_small
                else self._reader.files(
                    roots,
                    frozenset(map(document_key, (*open_uris, *arguments.context_uris))),
                    lambda paths: likely_files(read, instructions, paths),
                )
            )
            shown_rules = rules.file if rules and verdict == "allowed" else None
            return [
                compose(
                    request.task,
                    ContextQuery(
                        file=file,
                        first_line=request.placement.line,
                        last_line=request.placement.end_line,
                        instruction=request.task.instruction,
                        rules=shown_rules,
                        named=named,
                        opened=opened,
                        workspace=workspace,
                    ),
                    request.placement,
                    profile,
                    count,
                )
                for request in requests
            ]

        try:
            prompts = await self._counted(description.model, settings, compose_all)
        except SelectionTooLongError as error:
            invalid(str(error))
        for rules in unknown:
            self._rules_consent.ask(rules)
        for prompt in prompts:
            shown = ", ".join(
                f"{each.file.path} {each.first + 1}-{each.end} ({each.why})"
                for each in prompt.pieces
            )
            logger.info(
                "prompt of %d tokens, at most %d: %s",
                prompt.tokens,
                prompt.budget,
                shown or "no files",
            )
        return prompts

    async def _counted(
        self, model: str, settings: Settings, compose_all: Callable[[CountTokens], list[Prompt]]
    ) -> list[Prompt]:
        # A length that is not set may be used less than fully: a tokenizer holds up the first
        # generation by a quarter of a second, and then keeps 70 MB. What would be refused is
        # counted exactly.
        if settings.context_tokens is None:
            with suppress(SelectionTooLongError):
                return await self._tokenizers.run(None, compose_all)
        return await self._tokenizers.run(model, compose_all)


def _named_and_opened(
    uris: Iterable[str], file: FileSnapshot, others: Sequence[FileSnapshot], showable: Showable
) -> tuple[tuple[FileSnapshot, ...], tuple[FileSnapshot, ...]]:
    """Return the files that a request names, and the open ones that it does not; it blocks."""
    asked_for = {document_key(uri): uri for uri in uris}
    asked_for.pop(document_key(file.uri), None)
    opened = showable.allowed(others)
    named = [each for each in opened if document_key(each.uri) in asked_for]
    unnamed = tuple(each for each in opened if each not in named)
    open_keys = {document_key(each.uri) for each in others}
    on_disk = [uri for key, uri in asked_for.items() if key not in open_keys]
    return (*named, *showable.named(on_disk)), unnamed
