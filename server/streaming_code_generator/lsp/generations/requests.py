"""Resolves a `generate` request against its document: to a task, a place and a job.

A comment as prompt, in a Python file (`|` is the position of the request):

    def area(w, h):
        # multiply both|

The comment's text is the instruction, the code goes on a new line below it, and `prefix` is the
line ending that makes that line. The place follows the document until the generation starts.
"""

from dataclasses import dataclass, replace

from streaming_code_generator.core.placement.comments import Comment, comment_at_or_above
from streaming_code_generator.core.placement.target import (
    Placement,
    code_target,
    selected_text,
    selection_target,
)
from streaming_code_generator.core.prompt.build import CodeTask
from streaming_code_generator.core.prompt.compose import Prompt
from streaming_code_generator.editing.mirror import Point, dominant_line_ending
from streaming_code_generator.lsp.documents.open_document import ReservedRange
from streaming_code_generator.lsp.generations.job import Job, ShownContext
from streaming_code_generator.lsp.wire.arguments import GenerateArguments, NewFile, invalid
from streaming_code_generator.lsp.wire.error_responses import content_modified
from streaming_code_generator.providers.choose import completion_request
from streaming_code_generator.settings.declarations import (
    Settings,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedRequest:
    """What a prompt is composed of, as it was at one moment."""

    task: CodeTask
    placement: Placement


def make_request(
    arguments: GenerateArguments, place: ReservedRange, settings: Settings
) -> ResolvedRequest:
    """Resolve a request against the document as it stands.

    Raises:
        JsonRpcInvalidParams: The request says nothing of what to generate.
        JsonRpcException: `ContentModified`, the place is gone.
    """
    _require(place)
    placement, comment = _placement(arguments, place)
    task = _task(arguments, place, placement, comment, settings)
    return ResolvedRequest(task=task, placement=placement)


def _require(place: ReservedRange) -> None:
    if place.document.is_closed or place.is_lost:
        raise content_modified(
            "The place for the code is gone: what was selected was deleted, or "
            "its document was closed. Ask again."
        )


def make_job(
    arguments: GenerateArguments,
    place: ReservedRange,
    settings: Settings,
    prompt: Prompt,
    *,
    session_id: str,
) -> Job:
    """Resolve a request against the document as it stands.

    Args:
        arguments: The request.
        place: Where it is for; it has moved with the document.
        settings: Those in force.
        prompt: What is sent.
        session_id: The document's, for the endpoint.

    Raises:
        JsonRpcException: `ContentModified`, the place is gone.
    """
    _require(place)
    document = place.document
    placement, _ = _placement(arguments, place)
    shows_explanation = (
        arguments.target == "none"
        or bool(settings.insert_explanation)
        or arguments.partial_result_token is not None
    )
    return Job(
        uri=document.uri,
        language_id=document.language_id,
        start=Point(placement.line, placement.column),
        end=Point(placement.end_line, placement.end_column),
        prefix=placement.prefix,
        # A new file ends with a line ending, as files do.
        suffix="\n" if isinstance(arguments.target, NewFile) else placement.suffix,
        code_target=replace(placement.target, ends_with_code=not shows_explanation),
        request=completion_request(settings, prompt.messages, session_id=session_id),
        selection=arguments.selection,
        context=tuple(
            ShownContext(
                uri=piece.file.uri,
                first=piece.first,
                end=piece.end,
                tokens=piece.tokens,
                why=piece.why,
            )
            for piece in prompt.pieces
        ),
        edits=settings.edits,
        insert_explanation=settings.insert_explanation,
        on_interrupt=settings.on_interrupt,
        is_awaited=arguments.wait,
        work_done_token=arguments.work_done_token,
        partial_result_token=arguments.partial_result_token,
    )


def _placement(
    arguments: GenerateArguments, place: ReservedRange
) -> tuple[Placement, Comment | None]:
    """Return where the code goes, and the comment that is the prompt, if one is."""
    lines, language_id = place.document.mirror.lines, place.document.language_id
    start, end = place.points
    line_ending = dominant_line_ending(lines)
    if start != end:
        placement = selection_target(
            lines, start, end, line_ending=line_ending, language_id=language_id
        )
        return placement, None
    comment = None
    if not _text(arguments.prompt):
        comment = comment_at_or_above(lines, start.line, language_id)
    placement = code_target(
        lines, start, after_comment=comment, line_ending=line_ending, language_id=language_id
    )
    return placement, comment


def _task(
    arguments: GenerateArguments,
    place: ReservedRange,
    placement: Placement,
    comment: Comment | None,
    settings: Settings,
) -> CodeTask:
    document = place.document
    prompt = _text(arguments.prompt) or (comment.text if comment else "")
    instruction = prompt or selected_text(document.mirror.lines, placement).strip()
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
        diagnostics=tuple(
            f"line {each.line + 1}: {each.message}" for each in arguments.diagnostics
        ),
        explain=bool(settings.insert_explanation),
        system_prompt=settings.system_prompt,
    )


def _text(value: str | None) -> str:
    return value.strip() if value else ""
