"""Code lenses above generations: Cancel while one runs; then Accept, Remove and Retry."""

from lsprotocol import types

from streaming_code_generator.lsp.generations.generation import Session
from streaming_code_generator.lsp.generations.registry import Sessions
from streaming_code_generator.lsp.generations.stages import abilities
from streaming_code_generator.lsp.wire import ACCEPT, CANCEL, REMOVE, RETRY, lsp_range

TITLES = {CANCEL: "Cancel", ACCEPT: "Accept", REMOVE: "Remove", RETRY: "Retry"}


def offered(session: Session) -> list[types.Command]:
    """Return what the user can do with a generation now, by its short title."""
    if session.placing is None:
        return []
    return [_command(name, session) for name in abilities(session).offered]


def _command(name: str, session: Session) -> types.Command:
    # A client that waits for the answer of a command would wait for the whole generation.
    argument = {"id": session.id, "wait": False}
    return types.Command(title=TITLES[name], command=name, arguments=[argument])


def code_lenses(sessions: Sessions, uri: str) -> list[types.CodeLens]:
    """Return the lenses of a document."""
    return [
        types.CodeLens(range=_first_line(session), command=command)
        for session in sessions.in_document(uri)
        for command in offered(session)
    ]


def _first_line(session: Session) -> types.Range:
    where = session.placing.range if session.placing else None
    start = where[0] if where else (0, 0)
    return lsp_range(start, start)
