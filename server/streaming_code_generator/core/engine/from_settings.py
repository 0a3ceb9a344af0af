"""What the settings decide about one generation: its request, and how it is run."""

from streaming_code_generator.core.engine.limits import GenerationPolicy
from streaming_code_generator.core.messages import CompletionRequest, Message
from streaming_code_generator.settings.declarations import Settings


def completion_request(
    settings: Settings, messages: tuple[Message, ...], *, session_id: str = ""
) -> CompletionRequest:
    """Return a request for these messages, limited as the settings say."""
    return CompletionRequest(
        messages=messages,
        max_output_tokens=settings.max_output_tokens,
        temperature=settings.temperature,
        reasoning_effort=settings.reasoning_effort,
        session_id=session_id,
    )


def generation_policy(settings: Settings) -> GenerationPolicy:
    """Return the deadlines, retries and chunk size that are set."""
    return GenerationPolicy(
        timeout_s=settings.timeout_seconds,
        first_chunk_timeout_s=settings.first_chunk_timeout_seconds,
        stall_timeout_s=settings.stall_timeout_seconds,
        max_retries=settings.max_retries,
        continues_interrupted=settings.on_interrupt == "continue",
        max_continuations=settings.max_continuations,
        masks_keys=settings.mask_keys,
        chunk_size=settings.chunk_size,
    )
