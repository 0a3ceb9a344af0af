"""The other commands of `workspace/executeCommand`, one function each."""

from contextlib import ExitStack

from streaming_code_generator.errors import StreamingError
from streaming_code_generator.lsp.generations.reporter import result_object
from streaming_code_generator.lsp.state import ServerState
from streaming_code_generator.lsp.wire import ACCEPT, CANCEL, REMOVE, STATUS, parse_reference
from streaming_code_generator.providers.choose import completes
from streaming_code_generator.usage.attempt_store import UsageSums, sums_object


async def cancel(state: ServerState, arguments: object, _: ExitStack) -> object:
    """Cancel one generation, or all; answer with the ids of those that were running."""
    return {"ids": state.generations.cancel(parse_reference(arguments, CANCEL))}


async def remove(state: ServerState, arguments: object, _: ExitStack) -> object:
    """Take a generation's code out of its document and put back what it replaced."""
    generation = state.generations.meant(parse_reference(arguments, REMOVE), REMOVE)
    await state.generations.put_back(generation)
    state.generations.forget(generation)
    state.documents.drop_unused_files()
    return {"id": generation.id, "status": "removed"}


async def accept(state: ServerState, arguments: object, _: ExitStack) -> object:
    """Stop tracking a generation's code: it is the user's own from now on."""
    generation = state.generations.meant(parse_reference(arguments, ACCEPT), ACCEPT)
    state.generations.forget(generation)
    state.documents.drop_unused_files()
    return {"id": generation.id, "status": "accepted"}


_NO_COMPLETIONS = {"requests": 0, "shown": 0, "accepted": 0, "rejected": 0}


async def status(state: ServerState, _arguments: object, _: ExitStack) -> object:
    """Answer with running and recent generations, the totals, and how ghost text stands."""
    await state.settings_read()
    generations, completions = state.generations, state.completions
    spent = await state.backend.ledger.spent()
    counts = completions.counts() if completions else _NO_COMPLETIONS
    try:
        provider = state.backend.completion_provider().description
        when = completes(state.backend.resolved, provider)
    except StreamingError:
        when = "off"
    return {
        "running": [result_object(generation) for generation in generations.running],
        "recent": [result_object(generation) for generation in generations.ended],
        "totals": generations.totals(),
        "usage": {
            "session": _usage_object(spent.session),
            "today": _usage_object(spent.day) if spent.day else None,
        },
        "completions": {"when": when, **counts},
        "profiles": list(state.backend.resolved.profiles),
    }


def _usage_object(sums: UsageSums) -> dict[str, object]:
    # In words too, so that no client has to know how sums of money and estimates are written.
    return {**sums_object(sums), "summary": str(sums)}


HANDLERS = {CANCEL: cancel, REMOVE: remove, ACCEPT: accept, STATUS: status}
