"""OpenAI's Responses API: the body of a request, and what its events say.

Source: platform.openai.com/docs/api-reference/responses and .../responses-streaming.
"""

from collections.abc import Iterator, Mapping, Sequence

from streaming_code_generator.core.messages import CompletionRequest

PATH = "/responses"

TEXT_EVENTS = frozenset({"response.output_text.delta", "response.refusal.delta"})
REASONING_EVENTS = frozenset(
    {"response.reasoning_text.delta", "response.reasoning_summary_text.delta"}
)
LAST_EVENTS = frozenset({"response.completed", "response.incomplete", "response.failed"})
"""What ends a stream; no `[DONE]` follows."""

_FINISH_REASONS = {"max_output_tokens": "length"}
"""What a chat calls the reason why a response is incomplete."""


def responses_body(
    request: CompletionRequest, messages: Sequence[Mapping[str, str]], *, takes_temperature: bool
) -> dict[str, object]:
    """Return the JSON body besides `model`, `stream` and what is extra.

    Nothing is stored at the endpoint: it would be kept for weeks otherwise.
    """
    body: dict[str, object] = {"input": list(messages), "store": False}
    if request.max_output_tokens is not None:
        body["max_output_tokens"] = request.max_output_tokens
    if request.temperature is not None and takes_temperature:
        body["temperature"] = request.temperature
    if request.reasoning_effort is not None:
        body["reasoning"] = {"effort": request.reasoning_effort}
    return body


def chat_chunk(event: Mapping[str, object]) -> Mapping[str, object]:
    """Return an event, or a whole response, as the chunk of a chat that says the same.

    `{"type": "response.output_text.delta", "delta": "x"}` says what
    `{"choices": [{"delta": {"content": "x"}}]}` does. Most events say nothing: they announce items
    and parts, or repeat what came in pieces.
    """
    kind, delta = event.get("type"), event.get("delta")
    if kind in TEXT_EVENTS:
        return {"choices": [{"delta": {"content": delta}}]}
    if kind in REASONING_EVENTS:
        return {"choices": [{"delta": {"reasoning": delta}}]}
    response = event if event.get("object") == "response" else event.get("response")
    if not isinstance(response, Mapping):
        return {}
    if response.get("error"):
        return {"error": response["error"]}
    chunk: dict[str, object] = {"model": response.get("model"), "usage": response.get("usage")}
    if kind is None or kind in LAST_EVENTS:
        details = response.get("incomplete_details")
        reason = details.get("reason") if isinstance(details, Mapping) else None
        # Text came in pieces before the last event; only a response that is not streamed has it.
        text = "" if kind else "".join(_texts(response))
        finish_reason = _FINISH_REASONS.get(str(reason), reason) or "stop"
        chunk["choices"] = [{"delta": {"content": text}, "finish_reason": finish_reason}]
    return chunk


def _texts(response: Mapping[str, object]) -> Iterator[str]:
    output = response.get("output")
    for item in output if isinstance(output, list) else ():
        content = item.get("content") if isinstance(item, Mapping) else None
        is_message = isinstance(item, Mapping) and item.get("type") == "message"
        for part in content if is_message and isinstance(content, list) else ():
            if isinstance(part, Mapping):
                text = part.get("text") or part.get("refusal")
                yield text if isinstance(text, str) else ""
