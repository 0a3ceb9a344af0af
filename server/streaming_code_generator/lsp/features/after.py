"""What can be done with a generation once it is there: cancel, remove, accept, retry, status."""

import asyncio
from dataclasses import replace

from streaming_code_generator.lsp.features.generate import result_object, run
from streaming_code_generator.lsp.session import Session
from streaming_code_generator.lsp.state import ServerState
from streaming_code_generator.lsp.wire import (
    ACCEPT,
    CANCEL,
    REMOVE,
    RETRY,
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
    session = _placed(state, parse_reference(arguments, REMOVE))
    await _put_back(session)
    state.sessions.forget(session)
    return {"id": session.id, "status": "removed"}


async def accept(state: ServerState, arguments: object) -> object:
    """Stop following a generation's code: it is the person's own from now on."""
    session = _placed(state, parse_reference(arguments, ACCEPT))
    if session.end is None:
        invalid(f"Generation `{session.id}` is still running: cancel it, or wait for its end.")
    state.sessions.forget(session)
    return {"id": session.id, "status": "accepted"}


async def retry(state: ServerState, arguments: object) -> object:
    """Remove a generation's code and generate again, with the same request.

    Cancellation: cancels the new generation, if it is waited for.
    """
    reference = parse_reference(arguments, RETRY)
    session = _placed(state, reference)
    await _put_back(session)
    placing = session.placing
    if placing is None or not placing.is_tracked:
        invalid(f"The place of generation `{session.id}` is gone: generate anew.")
    start, end = placing.points
    state.sessions.forget(session)
    job = replace(
        session.job,
        start=start,
        end=end,
        is_awaited=reference.wait,
        work_done_token=reference.work_done_token,
        partial_result_token=None,
    )
    return await run(state, job)


async def status(state: ServerState, arguments: object) -> object:  # noqa: ARG001 - takes none
    """Answer with running and recent generations and the totals."""
    sessions = state.sessions
    return {
        "running": [result_object(session) for session in sessions.running],
        "recent": [result_object(session) for session in sessions.ended],
        "totals": sessions.totals(),
    }


def _placed(state: ServerState, reference: GenerationReference) -> Session:
    session = state.sessions.last_placed(reference)
    if session is None:
        which = f"No generation `{reference.id}`" if reference.id else "No generation"
        invalid(f"{which} is known: `streamingCodeGenerator.status` lists them.")
    if session.placing is None or not session.placing.is_tracked:
        invalid(
            f"Generation `{session.id}` is not followed any more: it was accepted or removed, "
            "its document was closed, or it never edited one."
        )
    return session


async def _put_back(session: Session) -> None:
    if session.cancel():
        await asyncio.shield(session.done)
    await session.put_back(timeout_s=REMOVAL_TIMEOUT_S)
