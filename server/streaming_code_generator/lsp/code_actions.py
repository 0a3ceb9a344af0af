"""Code actions and code lenses: what can be generated, and done with generations."""

from collections.abc import Mapping, Sequence

from attrs import evolve
from lsprotocol import types

from streaming_code_generator.core.placement.comments import comment_at_or_above
from streaming_code_generator.lsp.documents.open_document import OpenDocument
from streaming_code_generator.lsp.generations.generation import Generation
from streaming_code_generator.lsp.generations.registry import Generations, abilities
from streaming_code_generator.lsp.wire.arguments import MOST_DIAGNOSTICS
from streaming_code_generator.lsp.wire.document_messages import lsp_range
from streaming_code_generator.lsp.wire.names import (
    ACCEPT,
    CANCEL,
    CODE_ACTION_KIND,
    GENERATE,
    REMOVE,
    RETRY,
    ClientRange,
)

TITLES = {CANCEL: "Cancel", ACCEPT: "Accept", REMOVE: "Remove", RETRY: "Retry"}


def offered(generation: Generation) -> list[types.Command]:
    """Return what the user can do with a generation now, by its short title."""
    if generation.region is None:
        return []
    # A client that waits for a command's response would wait for the whole generation.
    argument = {"id": generation.id, "wait": False}
    return [
        types.Command(title=TITLES[name], command=name, arguments=[argument])
        for name in abilities(generation).offered
    ]


def code_lenses(generations: Generations, uri: str) -> list[types.CodeLens]:
    """Return the lenses of a document, each at the first line of a generation's code."""
    lenses: list[types.CodeLens] = []
    for generation in generations.in_document(uri):
        where = generation.region.range if generation.region else None
        start = where[0] if where else (0, 0)
        first_line = lsp_range(start, start)
        lenses += [types.CodeLens(range=first_line, command=each) for each in offered(generation)]
    return lenses


def code_actions(
    document: OpenDocument,
    generations: Generations,
    params: types.CodeActionParams,
    *,
    profiles: Sequence[str] = (),
    as_literals: bool,
) -> list[types.CodeAction | types.Command]:
    """Handle a code action request: what can be generated there, and done with generations.

    Args:
        document: Where it is asked for.
        generations: All generations.
        params: The request.
        profiles: The names of those that are set: each is offered beside what is set.
        as_literals: Whether the client takes more than bare commands.
    """
    only = params.context.only
    if only and not any(
        kind == CODE_ACTION_KIND or CODE_ACTION_KIND.startswith(f"{kind}.") for kind in only
    ):
        return []
    start, end = params.range.start, params.range.end
    where = ((start.line, start.character), (end.line, end.character))
    commands = [
        command
        for profile in (None, *profiles)
        for command in _places_to_generate(document, params, where, profile)
    ]
    for generation in generations.in_document(document.uri):
        code = generation.region.range if generation.region else None
        if code and code[0] <= where[1] and code[1] >= where[0]:
            commands += [
                evolve(command, title=f"{command.title} generated code")
                for command in offered(generation)
            ]
    if not as_literals:
        return list(commands)
    return [
        types.CodeAction(title=command.title, kind=CODE_ACTION_KIND, command=command)
        for command in commands
    ]


def _places_to_generate(
    document: OpenDocument,
    params: types.CodeActionParams,
    where: ClientRange,
    profile: str | None,
) -> list[types.Command]:
    start, end = where
    mirror = document.mirror
    line = mirror.point(*start).line
    offers = []
    # A range is not always a selection: a cursor on a word sends the word (Eglot), or one character
    # at least (Helix, Kakoune).
    if comment_at_or_above(mirror.lines, line, document.language_id) is not None:
        place: dict[str, object] = {"position": params.range.start}
        offers.append(_generate("Generate from comment", document, params, place, profile))
    if start != end:
        place = {"range": params.range}
        offers.append(_generate("Generate from selection", document, params, place, profile))
    return offers


def _generate(
    title: str,
    document: OpenDocument,
    params: types.CodeActionParams,
    place: Mapping[str, object],
    profile: str | None,
) -> types.Command:
    # The command may run after more has been typed.
    identifier = {"uri": document.uri, "version": document.mirror.version}
    argument = {"textDocument": identifier, **place, "rebase": True, "wait": False}
    overlapping = [
        {"range": each.range, "message": each.message}
        for each in params.context.diagnostics[:MOST_DIAGNOSTICS]
        if each.range.start.line <= params.range.end.line
        and each.range.end.line >= params.range.start.line
    ]
    if overlapping:
        argument["context"] = {"diagnostics": overlapping}
    if profile is not None:
        argument["profile"] = profile
        title = f"{title} with {profile}"
    return types.Command(title=title, command=GENERATE, arguments=[argument])
