"""Code actions and code lenses: what can be generated, and done with generations."""

from collections.abc import Sequence

from attrs import evolve
from lsprotocol import types

from streaming_code_generator.core.placement.comments import comment_at_or_above
from streaming_code_generator.lsp.documents.open_documents import OpenDocument
from streaming_code_generator.lsp.generations.generation import Generation
from streaming_code_generator.lsp.generations.registry import Generations, abilities
from streaming_code_generator.lsp.wire import ACCEPT, CANCEL, GENERATE, REMOVE, RETRY, lsp_range

TITLES = {CANCEL: "Cancel", ACCEPT: "Accept", REMOVE: "Remove", RETRY: "Retry"}


def offered(generation: Generation) -> list[types.Command]:
    """Return what the user can do with a generation now, by its short title."""
    if generation.region is None:
        return []
    return [_command(name, generation) for name in abilities(generation).offered]


def _command(name: str, generation: Generation) -> types.Command:
    # A client that waits for the answer of a command would wait for the whole generation.
    argument = {"id": generation.id, "wait": False}
    return types.Command(title=TITLES[name], command=name, arguments=[argument])


def code_lenses(generations: Generations, uri: str) -> list[types.CodeLens]:
    """Return the lenses of a document."""
    return [
        types.CodeLens(range=_first_line(generation), command=command)
        for generation in generations.in_document(uri)
        for command in offered(generation)
    ]


def _first_line(generation: Generation) -> types.Range:
    where = generation.region.range if generation.region else None
    start = where[0] if where else (0, 0)
    return lsp_range(start, start)


KIND = types.CodeActionKind("refactor.rewrite")
Range = tuple[tuple[int, int], tuple[int, int]]


def code_actions(
    document: OpenDocument,
    generations: Generations,
    params: types.CodeActionParams,
    *,
    as_literals: bool,
) -> list[types.CodeAction | types.Command]:
    """Return what can be generated at a place, and done with generations there.

    Args:
        document: Where it is asked for.
        generations: All generations.
        params: The request.
        as_literals: Whether the client takes more than bare commands.
    """
    if not _is_asked_for(params.context.only):
        return []
    start, end = params.range.start, params.range.end
    where = ((start.line, start.character), (end.line, end.character))
    commands = [*_generations(document, params, where), *_offered(generations, document, where)]
    if not as_literals:
        return list(commands)
    return [
        types.CodeAction(title=command.title, kind=KIND, command=command) for command in commands
    ]


def _is_asked_for(only: Sequence[types.CodeActionKind | str] | None) -> bool:
    return not only or any(kind == KIND or KIND.startswith(f"{kind}.") for kind in only)


def _generations(
    document: OpenDocument, params: types.CodeActionParams, where: Range
) -> list[types.Command]:
    start, end = where
    mirror = document.mirror
    line = mirror.point(*start).line
    offers = []
    # A range is not always a selection: a cursor on a word sends the word (Eglot), or one character
    # at least (Helix, Kakoune).
    if comment_at_or_above(mirror.lines, line, document.language_id) is not None:
        offers.append(_generate("Generate from comment", document, position=params.range.start))
    if start != end:
        offers.append(_generate("Generate from selection", document, range=params.range))
    return offers


def _generate(
    title: str, document: OpenDocument, **place: types.Range | types.Position
) -> types.Command:
    # The command may run after more has been typed.
    identifier = {"uri": document.uri, "version": document.mirror.version}
    argument = {"textDocument": identifier, **place, "rebase": True, "wait": False}
    return types.Command(title=title, command=GENERATE, arguments=[argument])


def _offered(generations: Generations, document: OpenDocument, where: Range) -> list[types.Command]:
    start, end = where
    return [
        evolve(command, title=f"{command.title} generated code")
        for generation in generations.in_document(document.uri)
        if generation.region
        and generation.region.range
        and generation.region.range[0] <= end
        and generation.region.range[1] >= start
        for command in offered(generation)
    ]
