"""What can be done with a generation once it is there: cancel, remove, accept, retry, status."""

import asyncio
from dataclasses import replace
from typing import NoReturn

from streaming_code_generator.errors import StreamProcessError
from streaming_code_generator.lsp.features.generate import (
    end_of,
    present_engine,
    result_object,
    start,
)
from streaming_code_generator.lsp.job import TakenOver
from streaming_code_generator.lsp.session import Session
from streaming_code_generator.lsp.stages import Stage, abilities, stage_of
from streaming_code_generator.lsp.state import ServerState
from streaming_code_generator.lsp.wire import (
    ACCEPT,
    CANCEL,
    REMOVE,
    RETRY,
    STATUS,
    GenerationReference,
    invalid,
    parse_reference,
)

REMOVAL_TIMEOUT_S = 15.0
"""Longer than the writer itself waits for an editor that does not answer."""


async def cancel(state: ServerState, arguments: object) -> object:
    """Cancel one generation, or all; answer with the ids of those that were running."""
    return {"ids": state.sessions.cancel(parse_reference(arguments, CANCEL))}


async def remove(state: ServerState, arguments: object) -> object:
    """Take a generation's code out of its document and put back what it replaced."""
    session = _meant(state, parse_reference(arguments, REMOVE), REMOVE)
    await _put_back(state, session)
    state.sessions.forget(session)
    state.documents.drop_unused_files()
    return {"id": session.id, "status": "removed"}


async def accept(state: ServerState, arguments: object) -> object:
    """Stop following a generation's code: it is the person's own from now on."""
    session = _meant(state, parse_reference(arguments, ACCEPT), ACCEPT)
    state.sessions.forget(session)
    state.documents.drop_unused_files()
    return {"id": session.id, "status": "accepted"}


async def retry(state: ServerState, arguments: object) -> object:
    """Remove a generation's code and generate again, with the same request.

    Cancellation: cancels the new generation, if it is waited for.
    """
    reference = parse_reference(arguments, RETRY)
    session = _meant(state, reference, RETRY)
    engine = await present_engine(state)
    await _put_back(state, session)
    placing = session.placing
    if placing is None or not placing.is_tracked:
        invalid(f"The place of generation `{session.id}` is gone: generate anew.")
    job = replace(
        session.job,
        takes_over=TakenOver(placing.region_id, placing.original),
        is_awaited=reference.wait,
        work_done_token=reference.work_done_token,
        partial_result_token=None,
    )
    again = start(state, job, engine)
    state.sessions.forget(session)
    return await end_of(again)


async def status(state: ServerState, arguments: object) -> object:  # noqa: ARG001 - takes none
    """Answer with running and recent generations and the totals."""
    sessions = state.sessions
    return {
        "running": [result_object(session) for session in sessions.running],
        "recent": [result_object(session) for session in sessions.ended],
        "totals": sessions.totals(),
    }


def _meant(state: ServerState, reference: GenerationReference, command: str) -> Session:
    session = state.sessions.meant(reference, command)
    if session is None and reference.id:
        invalid(f"No generation `{reference.id}` is known: `{STATUS}` lists them.")
    if session is None:
        invalid(f"No generation has text to {_verb(command)}: `{STATUS}` lists them.")
    if command not in abilities(session).by_id:
        _refuse(session)
    return session


def _verb(command: str) -> str:
    return command.rpartition(".")[2]


def _refuse(session: Session) -> NoReturn:
    if session.end is None:
        invalid(f"Generation `{session.id}` is still running: cancel it, or wait for its end.")
    invalid(
        f"Generation `{session.id}` is not followed any more: it was accepted or removed, "
        "its document was closed, or it never edited one."
    )


async def _put_back(state: ServerState, session: Session) -> None:
    if session.placing and session.placing.is_rewritten:
        raise StreamProcessError(
            "The code was changed since it was generated, by a formatter or by hand: taking it out "
            "would leave fragments of that. Undo the change first, or delete the code.",
            kind="document",
        )
    for over in session.placing.laid_over() if session.placing else []:
        later = state.sessions.get(over)
        if later is not None and stage_of(later) in {Stage.RUNNING, Stage.STANDING}:
            raise StreamProcessError(
                f"Generation `{over}` stands on the code of `{session.id}`: remove that one first.",
                kind="document",
            )
    if session.cancel():
        await asyncio.shield(session.done)
    await session.put_back(timeout_s=REMOVAL_TIMEOUT_S)
