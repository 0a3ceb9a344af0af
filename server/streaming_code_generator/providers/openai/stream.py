"""From the bytes of a response to chunks, as a push machine; and what to make of no stream."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from streaming_code_generator.core.messages import Delta, PromptProgress, Usage
from streaming_code_generator.errors import StreamingError, StreamProcessError
from streaming_code_generator.providers.openai.dialect import Quirks
from streaming_code_generator.providers.openai.endpoint_errors import Secrets, failure_in_stream

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class SseEvent:
    """One event that carries data."""

    data: str
    """Its data lines, joined by line feeds; broken UTF-8 is replaced by U+FFFD."""
    event: str = ""
    """Its type; empty where the stream names none."""


class SseParser:
    """Turns any splitting of a stream's bytes into the same events."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        """Of the line that is not complete yet."""
        self._rest_bytes = 0
        self._at_start = True
        self._after_cr = False
        self._data: list[bytes] = []
        self._event = b""

    @property
    def pending_bytes(self) -> int:
        """Bytes of the event that is not complete yet."""
        return self._rest_bytes + sum(map(len, self._data))

    def feed(self, received: bytes) -> list[SseEvent]:
        """Return the events that `received` completes."""
        events: list[SseEvent] = []
        # One event in two reads, `data: {"a": 1}\r\n\r` and `\ndata: [DONE]\n\n`:
        #
        #     first     the CR ends the empty line, so the event goes out at once
        #     second    its first LF belongs to that CR and is dropped; then comes the next event
        for line in self._lines(received):
            if line:
                self._take_field(line)
            elif self._data:
                events.append(self._dispatch())
            else:
                self._event = b""
        return events

    def finish(self) -> list[SseEvent]:
        """Return the event that the end of the stream cut off before its blank line, if any."""
        if rest := self._take_rest():
            self._take_field(rest)
        return [self._dispatch()] if self._data else []

    def _lines(self, received: bytes) -> list[bytes]:
        """Return the lines that are complete; a CR ends one before its LF is seen."""
        if self._at_start:
            received = self._without_byte_order_mark(received)
        if self._after_cr and received:
            self._after_cr = False
            received = received.removeprefix(b"\n")
        if b"\r" in received:
            self._after_cr = received.endswith(b"\r")
            first, *lines = _LINE_END.split(received)
        else:
            first, *lines = received.split(b"\n")
        # A line of megabytes comes in many reads: it is joined once, when it is complete.
        self._keep(first)
        if not lines:
            return []
        lines.insert(0, self._take_rest())
        self._keep(lines.pop())
        return lines

    def _keep(self, rest: bytes) -> None:
        self._rest.append(rest)
        self._rest_bytes += len(rest)

    def _take_rest(self) -> bytes:
        rest = b"".join(self._rest)
        self._rest, self._rest_bytes = [], 0
        return rest

    def _without_byte_order_mark(self, received: bytes) -> bytes:
        # The mark may come a byte at a time; until it is whole, or cannot become one, all waits.
        start = self._take_rest() + received
        if len(start) < len(_BYTE_ORDER_MARK) and _BYTE_ORDER_MARK.startswith(start):
            self._keep(start)
            return b""
        self._at_start = False
        return start.removeprefix(_BYTE_ORDER_MARK)

    def _take_field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        # A comment (`: keep-alive`) has an empty name. `id` and `retry` are for reconnecting, which
        # a completion cannot do.
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
        elif name == b"event":
            self._event = value.removeprefix(b" ")

    def _dispatch(self) -> SseEvent:
        event = SseEvent(
            b"\n".join(self._data).decode("utf-8", "replace"),
            self._event.decode("utf-8", "replace"),
        )
        self._data, self._event = [], b""
        return event


Json = Mapping[str, object]
_NOTHING: Json = {}


def delta_of(event: SseEvent, endpoint: str, secrets: Secrets = ()) -> Delta:
    """Return the chunk that `event` carries; fields that are missing, null or unknown are skipped.

    Raises:
        APIError: The event is an error.
        StreamProcessError: It is no JSON object.
    """
    chunk = _json(event.data)
    if not isinstance(chunk, dict):
        raise StreamProcessError(
            f"`{endpoint}` sent a chunk that is not a JSON object ({len(event.data)} characters). "
            "Is it an OpenAI-compatible endpoint, and no proxy in between that rewrites the "
            "stream?",
            retryable=True,
        )
    return _delta(chunk, endpoint, secrets, is_error=event.event == "error")


def _delta(chunk: Json, endpoint: str, secrets: Secrets, *, is_error: bool = False) -> Delta:
    is_error = is_error or chunk.get("type") == "error"
    if not is_error and (str(chunk.get("type")).startswith("response.") or _is_response(chunk)):
        chunk = chat_chunk(chunk)
    error = chunk.get("error")
    if error or is_error:
        raise failure_in_stream(error or chunk, endpoint, secrets)
    choices = chunk.get("choices")
    choice = _mapping(choices[0]) if isinstance(choices, list) and choices else _NOTHING
    # What servers send beside OpenAI's `{"choices": [{"delta": {"content": "x"}}]}`:
    #
    #     "choices": [], "usage": {…}                  usage alone; LiteLLM: with a choice in it
    #     "delta": {"content": null, "role": …}        the role; LiteLLM: without "content"
    #     "delta": {"content": "x"}, "finish_reason"   vLLM: the last text with the reason
    #     "delta": {"reasoning_content": "x"}          llama.cpp, DeepSeek; others say "reasoning"
    #     "message": {"content": "x"}                  the whole answer, not streamed
    #     "content": [{"type": "text", "text": "x"}]   Mistral's reasoning models; see `_parts`
    #     "refusal": "x"                               OpenAI, instead of content
    delta = _mapping(choice.get("delta")) or _mapping(choice.get("message"))
    progress = _mapping(chunk.get("prompt_progress"))
    #
    # and beside what completes a text instead of a chat:
    #
    #     "choices": [{"text": "x"}]                   `/completions`, and some chats
    #     "content": "x", "stop": false                llama.cpp's `/infill`
    #     "content": "", "stop": true, "stop_type"     its end
    content = delta.get("content")
    return Delta(
        text=_text(content)
        or _parts(content, "text")
        or _text(delta.get("refusal"))
        or _text(choice.get("text"))
        or _text(chunk.get("content")),
        reasoning=_text(delta.get("reasoning_content"))
        or _text(delta.get("reasoning"))
        or _parts(content, "thinking"),
        finish_reason=_text(choice.get("finish_reason")) or _end_of_infill(chunk),
        usage=_usage(chunk),
        model=_text(chunk.get("model")) or None,
        # llama.cpp sends this to a request with `return_progress`.
        prompt_progress=PromptProgress(processed=_count(progress.get("processed")), total=total)
        if (total := _count(progress.get("total")))
        else None,
    )


def _is_response(answer: Json) -> bool:
    """Whether this is a whole answer of the Responses API."""
    return answer.get("object") == "response"


def _end_of_infill(chunk: Json) -> str | None:
    if chunk.get("stop") is not True:
        return None
    return "length" if chunk.get("stop_type") == "limit" else "stop"


def _json(text: str) -> object:
    """Return the JSON value; None where it is none, or nested too deeply to be read."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _mapping(value: object) -> Json:
    return value if isinstance(value, dict) else _NOTHING


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _parts(content: object, kind: str) -> str:
    """Return the text of those parts of a content that are of a kind; a part may hold parts.

    `[{"type": "thinking", "thinking": [{"type": "text", "text": "x"}]}]`
    """
    if not isinstance(content, list):
        return ""
    found = (_mapping(part).get(kind) for part in content if _mapping(part).get("type") == kind)
    return "".join(_text(inner) or _parts(inner, "text") for inner in found)


_MOST_TOKENS = 10**9
_MOST_USD = 10**6


def _count(value: object) -> int:
    return value if isinstance(value, int) and 0 < value <= _MOST_TOKENS else 0


def _usage(chunk: Json) -> Usage | None:
    """Read `usage`, by its names in chat completions or in responses, or llama.cpp's `timings`."""
    if not chunk.get("usage") and not chunk.get("timings"):
        return None
    usage = _mapping(chunk.get("usage"))
    prompt = _count(usage.get("prompt_tokens")) or _count(usage.get("input_tokens"))
    completion = _count(usage.get("completion_tokens")) or _count(usage.get("output_tokens"))
    total = _count(usage.get("total_tokens")) or prompt + completion
    if total:
        return Usage(
            prompt_tokens=prompt,
            completion_tokens=completion,
            total_tokens=total,
            # By OpenAI's name, or by DeepSeek's.
            cached_tokens=_detail(usage, "cached_tokens")
            or _count(usage.get("prompt_cache_hit_tokens")),
            reasoning_tokens=_detail(usage, "reasoning_tokens"),
            cost_usd=_cost_usd(usage),
        )
    # `timings` need nothing in the request.
    timings = _mapping(chunk.get("timings"))
    cached = _count(timings.get("cache_n"))
    prompt = _count(timings.get("prompt_n")) + cached
    completion = _count(timings.get("predicted_n"))
    if not completion:
        return None
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        cached_tokens=cached,
    )


def _cost_usd(usage: Json) -> float:
    """Read what a request cost: OpenRouter and LiteLLM send `cost`, Perplexity one with parts."""
    cost = usage.get("cost")
    usd = _mapping(cost).get("total_cost") if isinstance(cost, dict) else cost
    is_number = isinstance(usd, int | float) and not isinstance(usd, bool)
    return float(usd) if is_number and 0 < usd <= _MOST_USD else 0.0  # type: ignore[operator,arg-type]  # a number


def _detail(usage: Json, name: str) -> int:
    """Read a count from usage's details, by their names in chat completions or in responses."""
    kinds = ("prompt", "completion", "input", "output")
    details = (_mapping(usage.get(f"{kind}_tokens_details")) for kind in kinds)
    return next((count for each in details if (count := _count(each.get(name)))), 0)


TEXT_EVENTS = frozenset({"response.output_text.delta", "response.refusal.delta"})
REASONING_EVENTS = frozenset(
    {"response.reasoning_text.delta", "response.reasoning_summary_text.delta"}
)
LAST_EVENTS = frozenset({"response.completed", "response.incomplete", "response.failed"})
"""What ends a stream; no `[DONE]` follows."""

_FINISH_REASONS = {"max_output_tokens": "length"}
"""What a chat calls the reason why a response is incomplete."""


def chat_chunk(event: Mapping[str, object]) -> Mapping[str, object]:
    """Return an event, or a whole response, as the chunk of a chat that says the same.

    `{"type": "response.output_text.delta", "delta": "x"}` says what
    `{"choices": [{"delta": {"content": "x"}}]}` does. Most events say nothing: they announce items
    and parts, or repeat what came in pieces.

    Source: platform.openai.com/docs/api-reference/responses-streaming.
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


_DONE = "[DONE]"

MOST_PENDING_BYTES = 8 * 1024 * 1024
"""No chunk is longer; a server that goes on and on must not fill the memory."""


class ChunkReader:
    """Reads one response. A chunk that cannot be read raises after those before it were given."""

    def __init__(self, endpoint: str, secrets: Secrets = (), quirks: Quirks | None = None) -> None:
        """Read what `endpoint` sends; secrets, which it may repeat, are masked in errors."""
        self._endpoint = endpoint
        self._quirks = quirks
        self._secrets = secrets
        self._parser = SseParser()
        self._first_byte = b""
        self._json_body = b""
        self.is_done = False
        """Whether the stream said `[DONE]`; what follows is not looked at."""

    def feed(self, received: bytes) -> Iterator[Delta]:
        """Yield the chunks that `received` completes.

        Raises:
            APIError: The endpoint reports an error.
            StreamProcessError: This is no stream of chunks.
        """
        # The first byte distinguishes a stream from what comes in its place:
        #
        #     d, e, :    a stream: `data: …`, `event: …`, a comment
        #     <          an HTML page, of a proxy or a login
        #     {, [       JSON: an error with status 200, or an answer that is not streamed
        self._first_byte = self._first_byte or received.lstrip()[:1]
        if self._first_byte == b"<":
            raise self._not_a_stream("an HTML page")
        if self._first_byte in {b"{", b"["}:
            self._json_body += received
            pending_bytes = len(self._json_body)
        else:
            yield from self._read(self._parser.feed(received))
            pending_bytes = self._parser.pending_bytes
        if pending_bytes > MOST_PENDING_BYTES:
            raise self._not_a_stream("one chunk without end")

    def finish(self) -> Iterator[Delta]:
        """Yield the chunk that the end cut off before its blank line, if it is whole.

        Raises:
            APIError: The response was not a stream but one error.
            StreamProcessError: It was not a stream at all.
        """
        if self._json_body:
            yield from self._whole_answer()
        else:
            # Half an event at the end is lost with the connection, which is reported as that: the
            # finish reason is missing.
            with suppress(StreamProcessError):
                yield from self._read(self._parser.finish())

    def _read(self, events: list[SseEvent]) -> Iterator[Delta]:
        for event in events:
            # Behind `[DONE]` nothing counts; events without data keep a connection alive.
            if self.is_done or not event.data:
                continue
            if self._quirks is not None:
                self._quirks.see(event.data)
            if event.data == _DONE:
                self.is_done = True
            else:
                yield delta_of(event, self._endpoint, self._secrets)
                self.is_done = event.event in LAST_EVENTS

    def _whole_answer(self) -> Iterator[Delta]:
        """Read a body of JSON: an error, or the answer of a server that does not stream."""
        text = self._json_body.decode("utf-8", "replace")
        if self._quirks is not None:
            self._quirks.see(text)
        body = _json(text)
        # Gemini sends an error as an array of one.
        answer = _mapping(body[0] if isinstance(body, list) and body else body)
        if not {"choices", "error"} & answer.keys() and not _is_response(answer):
            raise self._not_a_stream("JSON that is no completion")
        yield _delta(answer, self._endpoint, self._secrets)

    def _not_a_stream(self, what: str) -> StreamingError:
        return StreamProcessError(
            f"`{self._endpoint}` answered with {what} instead of a stream. Check that the base URL "
            "is an OpenAI-compatible endpoint (it usually ends in `/v1`) and that no proxy or "
            "login page stands before it."
        )
