"""`generate`: from arguments to a job, and from a generation's end to the answer."""

import asyncio
from collections.abc import Coroutine
from contextlib import ExitStack
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlsplit

from lsprotocol import types

from streaming_code_generator.core.messages import CompletionRequest
from streaming_code_generator.core.prompt.build import CodeTask, build_messages
from streaming_code_generator.core.prompt.comments import Comment, comment_at_or_above
from streaming_code_generator.core.prompt.context import context_around
from streaming_code_generator.core.prompt.secrets import secret_looking
from streaming_code_generator.core.prompt.target import Placement, code_target, selection_target
from streaming_code_generator.core.report import stats_object
from streaming_code_generator.editing.exchange import RangeTaken
from streaming_code_generator.editing.lines import Point, dominant_line_ending
from streaming_code_generator.errors import StreamingError
from streaming_code_generator.lsp.backend import Engine
from streaming_code_generator.lsp.claim import Claim
from streaming_code_generator.lsp.documents import OpenDocument
from streaming_code_generator.lsp.endings import Cancelled, Completed, Failed
from streaming_code_generator.lsp.failures import (
    content_modified,
    request_cancelled,
    request_failed,
)
from streaming_code_generator.lsp.features.configuration import up_to_date
from streaming_code_generator.lsp.history import Range
from streaming_code_generator.lsp.job import Job
from streaming_code_generator.lsp.session import Session
from streaming_code_generator.lsp.state import ServerState
from streaming_code_generator.lsp.wire import (
    GenerateArguments,
    invalid,
    lsp_range,
    parse_generate,
)
from streaming_code_generator.settings import Settings


def generate(
    state: ServerState, arguments: object, ended: ExitStack
) -> Coroutine[Any, Any, object]:
    """Take the place at once; then start a generation and answer with its result.

    Cancellation: cancels the generation, if it is waited for.
    """
    asked = parse_generate(arguments)
    if asked.target == "document" and not state.outgoing.facts.edits:
        invalid(
            "This client takes no edits (it does not announce `workspace.applyEdit`): "
            'send "target": "none", and take the code from the answer.'
        )
    document = state.documents.get(asked.uri)
    claim = None
    if document is not None and document.is_open:
        claim = claim_place(asked, document)
        ended.callback(claim.release)
    return _generate(state, asked, claim)


async def _generate(state: ServerState, asked: GenerateArguments, claim: Claim | None) -> object:
    engine = await present_engine(state)
    if claim is None:
        claim = claim_place(asked, await state.documents.find(asked.uri))
    try:
        job = make_job(asked, claim, engine.resolved.settings)
    finally:
        claim.release()
    if job.document is None:
        state.documents.drop_unused_files()
    return await end_of(start(state, job, engine))


async def present_engine(state: ServerState) -> Engine:
    """Return what a generation runs on by the settings of the moment at which it was asked for.

    It is taken before anything else is waited for: another request may bring other settings.

    Raises:
        ConfigurationError: No model can be had.
    """
    await up_to_date(state)
    try:
        return state.backend.engine()
    except StreamingError as error:
        state.outgoing.log(error.message, types.MessageType.Error)
        raise


def claim_place(asked: GenerateArguments, document: OpenDocument) -> Claim:
    """Take the place that a request names.

    Raises:
        JsonRpcInvalidParams: The file must not be touched.
        JsonRpcException: `ContentModified`, the caller saw an older document.
    """
    _refuse_secrets(document)
    start, end = _present_place(asked, document)
    point = document.mirror.point
    return Claim(document, point(*start), point(*end))


def start(state: ServerState, job: Job, engine: Engine) -> Session:
    """Start a generation.

    Raises:
        JsonRpcInvalidParams: Another generation is writing in the range.
    """
    try:
        return state.sessions.start(job, engine)
    except RangeTaken as taken:
        invalid(
            f"Generation `{taken.region_id}` is still writing in that range: "
            "wait for its end, or cancel it."
        )


async def end_of(session: Session) -> object:
    """Answer at once, or with a generation's end, as its job says.

    Cancellation: cancels the generation, if it is waited for.
    """
    if not session.job.is_awaited:
        return {"id": session.id, "status": "started"}
    try:
        await asyncio.shield(session.done)
    except asyncio.CancelledError:
        session.cancel()
        raise
    return answer(session)


def make_job(asked: GenerateArguments, claim: Claim, settings: Settings) -> Job:
    """Resolve a request against the document as it stands.

    Raises:
        JsonRpcInvalidParams: There is nothing to ask for.
        JsonRpcException: `ContentModified`, the place is gone.
    """
    document = claim.document
    if document.delivery.is_closed or claim.is_lost:
        raise content_modified(
            "The place for the code is gone: what was selected was deleted, or "
            "its document was closed. Ask again."
        )
    placement, comment = _placement(asked, claim)
    return Job(
        uri=document.uri,
        language_id=document.language_id,
        document=document if asked.target == "document" else None,
        start=Point(placement.line, placement.column),
        end=Point(placement.end_line, placement.end_column),
        prefix=placement.prefix,
        suffix=placement.suffix,
        code_target=replace(placement.target, bare_code=not settings.insert_explanation),
        request=CompletionRequest(
            messages=build_messages(_task(asked, document, placement, comment, settings)),
            max_output_tokens=settings.max_output_tokens,
            temperature=settings.temperature,
        ),
        edits=settings.edits,
        insert_explanation=settings.insert_explanation,
        is_awaited=asked.wait,
        work_done_token=asked.work_done_token,
        partial_result_token=asked.partial_result_token,
    )


def _placement(asked: GenerateArguments, claim: Claim) -> tuple[Placement, Comment | None]:
    """Return where the code goes, and the comment that is the prompt, if one is."""
    mirror, language_id = claim.document.mirror, claim.document.language_id
    start, end = claim.points
    line_ending = dominant_line_ending(mirror.lines)
    if start != end:
        placement = selection_target(
            mirror.lines, start, end, line_ending=line_ending, language_id=language_id
        )
        return placement, None
    comment = None
    if not _text(asked.prompt):
        comment = comment_at_or_above(mirror.lines, start.line, language_id)
    placement = code_target(
        mirror.lines,
        start,
        after_comment=comment,
        line_ending=line_ending,
        language_id=language_id,
    )
    return placement, comment


def _present_place(asked: GenerateArguments, document: OpenDocument) -> Range:
    """Return the place asked for, in the document as it is now."""
    where, version = (asked.start, asked.end), document.mirror.version
    if asked.version is None or version is None or asked.version >= version:
        return where
    carried = document.history.carried(where, asked.version) if asked.rebase else None
    if carried is None:
        raise content_modified(
            f"The document is at version {version}, the request is for {asked.version}: "
            "ask again for the current one."
        )
    return carried


def _refuse_secrets(document: OpenDocument) -> None:
    path = unquote(urlsplit(document.uri).path)
    if secret_looking(path):
        name = path.rsplit("/", 1)[-1]
        invalid(f"`{name}` looks like it holds secrets: it is neither sent nor edited.")


def _task(
    asked: GenerateArguments,
    document: OpenDocument,
    placement: Placement,
    comment: Comment | None,
    settings: Settings,
) -> CodeTask:
    context = context_around(document.mirror.lines, placement)
    prompt = _text(asked.prompt) or (comment.text if comment else "")
    instruction = prompt or _text(context.selection)
    if not instruction:
        invalid(
            'Send a "prompt", select text, or write a comment at or above the position '
            "that says what to generate."
        )
    path = document.path
    return CodeTask(
        instruction=instruction,
        language_id=document.language_id,
        file_name=path.name if path else document.uri.rsplit("/", 1)[-1],
        # A selection that is itself the prompt is not shown a second time.
        context=context if prompt else replace(context, selection=""),
        explain=bool(settings.insert_explanation),
        system_prompt=settings.system_prompt,
    )


def _text(value: str | None) -> str:
    return value.strip() if value else ""


def answer(session: Session) -> object:
    """Return the result of an ended generation, or raise what it ended with.

    Raises:
        JsonRpcException: `RequestCancelled` or `RequestFailed`.
    """
    match session.end:
        case Completed():
            return result_object(session)
        case Cancelled(reason=reason):
            raise request_cancelled(reason, "".join(session.account.text))
        case Failed(error=error):
            raise request_failed(error) from error
    raise RuntimeError(f"generation {session.id} has not ended")


def result_object(session: Session) -> dict[str, object]:
    """Return a generation as the contract has it, also one that is running, or ended badly."""
    account, engine = session.account, session.engine
    result = session.end.result if isinstance(session.end, Completed) else None
    where = session.placing.range if session.placing else None
    return {
        "id": session.id,
        "status": session.state,
        "text": "".join(account.text),
        "code": "".join(account.code),
        "explanation": "".join(account.explanation),
        "reasoning": "".join(account.reasoning),
        "uri": session.uri,
        "range": lsp_range(*where) if where else None,
        "model": result.model if result else _model(session),
        "provider": engine.provider.description.name if engine else "",
        "providerReason": engine.provider.description.reason if engine else "",
        "finishReason": result.finish_reason if result else None,
        "warnings": list(result.warnings) if result else [],
        "stats": stats_object(account.stats),
    }


def _model(session: Session) -> str:
    return session.engine.provider.description.model if session.engine else ""
