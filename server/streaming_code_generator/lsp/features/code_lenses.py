"""Code lenses above generations: Cancel while one runs; then Accept, Remove and Retry."""

from lsprotocol import types

from streaming_code_generator.lsp.session import Session
from streaming_code_generator.lsp.sessions import Sessions
from streaming_code_generator.lsp.wire import ACCEPT, CANCEL, REMOVE, RETRY, lsp_range

AFTER = (("Accept", ACCEPT), ("Remove", REMOVE), ("Retry", RETRY))


def offered(session: Session) -> list[types.Command]:
    """Return what a person can do with a generation now, by its short title.

    Nothing once its text is the person's own: accepted, or written in.
    """
    if session.placing is None or not session.placing.is_tracked:
        return []
    if session.end is None:
        return [_command("Cancel", CANCEL, session)]
    if not session.placing.is_untouched or session.placing.range is None:
        return []
    return [_command(title, command, session) for title, command in AFTER]


def _command(title: str, command: str, session: Session) -> types.Command:
    # A client that waits for the answer of a command would wait for the whole generation.
    argument = {"id": session.id, "wait": False}
    return types.Command(title=title, command=command, arguments=[argument])


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
