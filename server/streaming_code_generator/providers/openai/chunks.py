"""One line of a chat completion's stream, in all the shapes that real servers send."""

import json
from collections.abc import Mapping

from streaming_code_generator.core.messages import Delta, PromptProgress, Usage
from streaming_code_generator.errors import StreamProcessError
from streaming_code_generator.providers.openai.refusals import failure_in_stream
from streaming_code_generator.providers.openai.sse import SseEvent

Json = Mapping[str, object]
_NOTHING: Json = {}


def delta_of(event: SseEvent, endpoint: str) -> Delta:
    """Return the chunk that `event` carries; fields that are missing, null or unknown are skipped.

    Raises:
        APIError: The event is an error.
        StreamProcessError: It is no JSON object.
    """
    chunk = _parsed(event.data, endpoint)
    error = chunk.get("error")
    if error or event.event == "error":
        raise failure_in_stream(error or chunk, endpoint)
    choice = _first(chunk.get("choices"))
    delta = _mapping(choice.get("delta")) or _mapping(choice.get("message"))
    return Delta(
        text=_text(delta.get("content")),
        reasoning=_text(delta.get("reasoning_content")) or _text(delta.get("reasoning")),
        finish_reason=_text(choice.get("finish_reason")) or None,
        usage=_usage(chunk) if chunk.get("usage") or chunk.get("timings") else None,
        model=_text(chunk.get("model")) or None,
        prompt_progress=_progress(_mapping(chunk.get("prompt_progress"))),
    )


def _parsed(data: str, endpoint: str) -> Json:
    try:
        chunk = json.loads(data)
    except ValueError:
        chunk = None
    if not isinstance(chunk, dict):
        raise StreamProcessError(
            f"`{endpoint}` sent a chunk that is not a JSON object ({len(data)} characters). Is it "
            "an OpenAI-compatible endpoint, and no proxy in between that rewrites the stream?",
            retryable=True,
        )
    return chunk


def _mapping(value: object) -> Json:
    return value if isinstance(value, dict) else _NOTHING


def _first(value: object) -> Json:
    return _mapping(value[0]) if isinstance(value, list) and value else _NOTHING


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _usage(chunk: Json) -> Usage | None:
    reported = _reported(_mapping(chunk.get("usage")))
    return reported or _timings(_mapping(chunk.get("timings")))


def _reported(usage: Json) -> Usage | None:
    """Read `usage` by its names in chat completions, or by those in responses."""
    prompt = _count(usage.get("prompt_tokens")) or _count(usage.get("input_tokens"))
    completion = _count(usage.get("completion_tokens")) or _count(usage.get("output_tokens"))
    total = _count(usage.get("total_tokens")) or prompt + completion
    if not total:
        return None
    return Usage(prompt_tokens=prompt, completion_tokens=completion, total_tokens=total)


def _timings(timings: Json) -> Usage | None:
    """Read llama.cpp's `timings`, which come without being asked for."""
    prompt = _count(timings.get("prompt_n")) + _count(timings.get("cache_n"))
    completion = _count(timings.get("predicted_n"))
    if not completion:
        return None
    return Usage(
        prompt_tokens=prompt, completion_tokens=completion, total_tokens=prompt + completion
    )


def _progress(progress: Json) -> PromptProgress | None:
    """Read llama.cpp's `prompt_progress`, sent when `return_progress` was asked for."""
    total = _count(progress.get("total"))
    if not total:
        return None
    return PromptProgress(processed=_count(progress.get("processed")), total=total)
