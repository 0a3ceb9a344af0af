"""From the bytes of a response to chunks, as push machines; and what to make of no stream.

`Quirks` names what a response does its own way, for `doctor`.
"""

import json
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress

from streaming_code_generator.core.messages import Delta, PromptProgress, Usage
from streaming_code_generator.errors import StreamingError, StreamProcessError
from streaming_code_generator.logs import redacted
from streaming_code_generator.providers.openai.endpoint_errors import (
    Secrets,
    failure_in_stream,
    short_message,
)

SseEvent = tuple[str, str]
"""The data of an event, its lines joined by line feeds, and its type, empty where it has none."""

_DONE = "[DONE]"

MOST_PENDING_BYTES = 8 * 1024 * 1024
"""No chunk is longer; a server that goes on and on must not fill the memory."""


class ChunkReader:
    """Reads one response. A chunk that cannot be read raises; those before it are ready then."""

    def __init__(
        self, endpoint: str, secrets: Secrets = (), quirks: "Quirks | None" = None
    ) -> None:
        """Read what `endpoint` sends; secrets, which it may repeat, are masked in errors."""
        self.ready: deque[Delta] = deque()
        """Chunks that are complete, until they are taken from here."""
        self.is_done = False
        """Whether the stream said `[DONE]`; what follows is not looked at."""
        self._endpoint = endpoint
        self._quirks = quirks
        self._secrets = secrets
        self._parser = SseParser()
        self._first_byte = b""
        self._json_body = b""

    @property
    def pending_bytes(self) -> int:
        """How much has come of the chunk that is not complete yet."""
        return len(self._parser.pending)

    def feed(self, received: bytes) -> None:
        """Read the chunks that `received` completes.

        Raises:
            APIError: The endpoint reports an error.
            StreamProcessError: This is no stream of chunks.
        """
        # The first byte distinguishes a stream from what comes in its place:
        #
        #     d, e, :    a stream: `data: …`, `event: …`, a comment
        #     <          an HTML page, of a proxy or a login
        #     {, [       JSON: an error with status 200, or an answer that is not streamed
        ignored = _BYTE_ORDER_MARK + b" \t\r\n"
        first_byte = self._first_byte = self._first_byte or received.lstrip(ignored)[:1]
        if first_byte == b"<":
            raise self._not_a_stream("an HTML page")
        if first_byte in (b"{", b"["):
            self._json_body += received
            if len(self._json_body) > MOST_PENDING_BYTES:
                raise self._not_a_stream("one chunk without end")
            return
        self._read(self._parser.feed(received))
        if self.pending_bytes > MOST_PENDING_BYTES:
            raise self._not_a_stream("one chunk without end")

    def finish(self) -> None:
        """Read the chunk that the end cut off before its blank line, if it is whole.

        Raises:
            APIError: The response was not a stream but one error.
            StreamProcessError: It was not a stream at all.
        """
        if not self._json_body:
            # Half an event at the end is lost with the connection, which is reported as that: the
            # finish reason is missing.
            with suppress(StreamProcessError):
                self._read(self._parser.finish())
            return
        # A body of JSON: an error, or the answer of a server that does not stream.
        text = self._json_body.decode("utf-8-sig", "replace")
        if self._quirks is not None:
            self._quirks.see(text)
        body = _json(text)
        # Gemini sends an error as an array of one.
        answer = _mapping(body[0] if isinstance(body, list) and body else body)
        if not {"choices", "error"} & answer.keys() and answer.get("object") != "response":
            raise self._not_a_stream("JSON that is no completion")
        self.ready.append(delta_with_care(answer, self._endpoint, self._secrets))

    def _read(self, events: list[SseEvent]) -> None:
        for data, kind in events:
            # Behind `[DONE]` nothing counts; events without data keep a connection alive.
            if self.is_done or not data:
                continue
            if self._quirks is not None:
                self._quirks.see(data)
            if data == _DONE:
                self.is_done = True
            else:
                self.ready.append(delta_of(data, kind, self._endpoint, self._secrets))
                self.is_done = kind in LAST_EVENTS

    def _not_a_stream(self, what: str) -> StreamingError:
        return StreamProcessError(
            f"`{self._endpoint}` answered with {what} instead of a stream. Check that the base URL "
            "is an OpenAI-compatible endpoint (it usually ends in `/v1`) and that no proxy or "
            "login page stands before it."
        )


_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class SseParser:
    """Turns any splitting of a stream's bytes into the same events.

    Broken UTF-8 becomes U+FFFD. Events without data are left out.

    Source: HTML, "Server-sent events", 9.2.6.
    """

    def __init__(self) -> None:
        self.pending = bytearray()
        """The event that is not complete yet."""
        self._at_start = True
        self._after_cr = False

    def feed(self, received: bytes) -> list[SseEvent]:
        """Return the events that `received` completes."""
        if self._at_start or self._after_cr or b"\r" in received:
            received = self._with_line_feeds(received)
        pending = self.pending
        # The blank line between two events may come in two reads.
        at_edge = pending.endswith(b"\n")
        blocks = (b"\n" + received if at_edge else received).split(b"\n\n")
        if len(blocks) > 1 and pending:
            blocks[0] = bytes(pending[:-1] if at_edge else pending) + blocks[0]
            pending.clear()
        elif at_edge:
            del pending[-1]
        pending += blocks.pop()
        events = []
        for block in blocks:
            # Nearly all events are one line of data.
            if block.startswith(b"data: ") and b"\n" not in block:
                events.append((block[6:].decode("utf-8", "replace"), ""))
            elif (event := _event_of(block)) is not None:
                events.append(event)
        return events

    def finish(self) -> list[SseEvent]:
        """Return the event that the end of the stream cut off before its blank line, if any."""
        event = _event_of(bytes(self.pending))
        return [] if event is None else [event]

    def _with_line_feeds(self, received: bytes) -> bytes:
        """Return what was received without a byte order mark, and with LF at each line's end."""
        if self._at_start:
            # The mark may come a byte at a time; until it is whole, or cannot become one, all
            # waits.
            received = bytes(self.pending) + received
            self.pending.clear()
            if len(received) < len(_BYTE_ORDER_MARK) and _BYTE_ORDER_MARK.startswith(received):
                return received
            self._at_start = False
            received = received.removeprefix(_BYTE_ORDER_MARK)
        # A CR ends its line before its LF is seen. One event in two reads,
        # `data: {"a": 1}\r\n\r` and `\ndata: [DONE]\r\n\r\n`:
        #
        #     first     the CR ends the empty line, so the event goes out at once
        #     second    its first LF belongs to that CR and is dropped; then comes the next event
        if received:
            if self._after_cr:
                received = received.removeprefix(b"\n")
            self._after_cr = received.endswith(b"\r")
        return received.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _event_of(block: bytes) -> SseEvent | None:
    """Return the event that some lines make; None if they have no data."""
    lines, kind = [], b""
    for line in block.split(b"\n"):
        # A comment (`: keep-alive`) has an empty name. `id` and `retry` are for reconnecting, which
        # a completion cannot do.
        name, _, value = line.partition(b":")
        if name == b"data":
            lines.append(value.removeprefix(b" "))
        elif name == b"event":
            kind = value.removeprefix(b" ")
    if not lines:
        return None
    return b"\n".join(lines).decode("utf-8", "replace"), kind.decode("utf-8", "replace")


_DECODER = json.JSONDecoder()


def delta_of(data: str, kind: str, endpoint: str, secrets: Secrets = ()) -> Delta:
    """Return the chunk that an event carries, by its data and its type.

    Fields that are missing, null or unknown are skipped.

    Raises:
        APIError: The event is an error.
        StreamProcessError: It is no JSON object.
    """
    try:
        # `json.loads` looks for white space around the value first, which takes as long again.
        chunk, end = _DECODER.raw_decode(data)
    except (ValueError, RecursionError):
        end = None
    if end != len(data):
        chunk = _json(data)
    if kind == "error" and not isinstance(chunk, dict):
        raise failure_in_stream(data, endpoint, secrets)
    if not isinstance(chunk, dict):
        raise StreamProcessError(
            f"`{endpoint}` sent a chunk that is not a JSON object ({len(data)} characters). "
            "Is it an OpenAI-compatible endpoint, and no proxy in between that rewrites the "
            "stream?",
            retryable=True,
        )
    # Nearly all chunks are `{"choices": [{"delta": {"content": "x"}}]}`, with nothing beside it
    # that counts: these are read here, all others with care.
    try:
        choice = chunk["choices"][0]
        delta = choice["delta"]
        content = delta["content"]
    except (KeyError, IndexError, TypeError):
        content = None
    if (
        content
        and isinstance(content, str)
        and not (choice.get("finish_reason") or delta.get("reasoning_content"))
        and not (delta.get("reasoning") or kind)
        and not (chunk.get("usage") or chunk.get("timings") or chunk.get("error"))
        and not (
            choice.get("index")
            or chunk.get("type")
            or chunk.get("stop")
            or chunk.get("prompt_progress")
        )
        and chunk.get("object") != "response"
    ):
        return Delta(text=content, model=_model(chunk.get("model"), secrets))
    return delta_with_care(chunk, endpoint, secrets, is_error=kind == "error")


Json = Mapping[str, object]
_NOTHING: Json = {}


def delta_with_care(
    chunk: Json, endpoint: str, secrets: Secrets = (), *, is_error: bool = False
) -> Delta:
    """Return what a chunk of any shape says, or a whole answer.

    Raises:
        APIError: It is an error.
    """
    is_error = is_error or chunk.get("type") == "error"
    is_response = chunk.get("object") == "response"
    if not is_error and (is_response or str(chunk.get("type")).startswith("response.")):
        chunk = chat_chunk(chunk)
    error = chunk.get("error")
    if error or is_error:
        raise failure_in_stream(error or chunk, endpoint, secrets)
    choices = chunk.get("choices")
    listed = map(_mapping, choices if isinstance(choices, list) else ())
    # Of several answers (`n` in `extraBody`) the first is taken.
    choice = next((each for each in listed if not each.get("index")), _NOTHING)
    # What servers send beside OpenAI's `{"choices": [{"delta": {"content": "x"}}]}`:
    #
    #     "choices": [], "usage": {…}                  usage alone; LiteLLM: with a choice in it
    #     "delta": {"content": null, "role": …}        the role; LiteLLM: without "content"
    #     "delta": {"content": "x"}, "finish_reason"   vLLM: the last text with the reason
    #     "delta": {"reasoning_content": "x"}          llama.cpp, DeepSeek; others say "reasoning"
    #     "message": {"content": "x"}                  the whole answer, not streamed; Perplexity
    #                                                  repeats it beside each "delta"
    #     "content": [{"type": "text", "text": "x"}]   Mistral's reasoning models; see `_parts`
    #     "refusal": "x"                               OpenAI, instead of content
    #
    # and beside what completes a text instead of a chat:
    #
    #     "choices": [{"text": "x"}]                   `/completions`, and some chats
    #     "content": "x", "stop": false                llama.cpp's `/infill`
    #     "content": "", "stop": true, "stop_type"     its end
    said = choice.get("delta")
    delta = _mapping(choice.get("message") if said is None else said)
    content = delta.get("content")
    finish_reason = _text(choice.get("finish_reason"))
    if finish_reason:
        known = _FINISH_REASONS.get(finish_reason.lower())
        finish_reason = known or short_message(finish_reason, secrets)
    if finish_reason in _BROKEN_OFF:
        raise failure_in_stream(f"the response ended with `{finish_reason}`", endpoint, secrets)
    if not finish_reason and chunk.get("stop") is True:
        finish_reason = "length" if chunk.get("stop_type") == "limit" else "stop"
    # llama.cpp sends this to a request with `return_progress`.
    progress = _mapping(chunk.get("prompt_progress"))
    total = _count(progress.get("total"))
    processed = _count(progress.get("processed"))
    return Delta(
        text=_text(content)
        or _parts(content, "text")
        or _text(delta.get("refusal"))
        or _text(choice.get("text"))
        or _text(chunk.get("content")),
        reasoning=_text(delta.get("reasoning_content"))
        or _text(delta.get("reasoning"))
        or _parts(content, "thinking"),
        finish_reason=finish_reason or None,
        usage=_usage(chunk),
        model=_model(chunk.get("model"), secrets),
        prompt_progress=PromptProgress(processed=processed, total=total) if total else None,
    )


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


_MOST_NAME_CHARS = 200


def _model(name: object, secrets: Secrets) -> str | None:
    """Return a model's name, if it can be shown and stored; half a surrogate pair cannot."""
    if not (isinstance(name, str) and 0 < len(name) <= _MOST_NAME_CHARS and name.isprintable()):
        return None
    # Without a key in it, a name is shown as it is, whatever it looks like.
    keys = [secret.reveal() for secret in secrets]
    return redacted(name, keys) if any(key in name for key in keys) else name


def _parts(content: object, kind: str) -> str:
    """Return the text of those parts of a content that are of a kind; a part may hold parts.

    `[{"type": "thinking", "thinking": [{"type": "text", "text": "x"}]}]`
    """
    if not isinstance(content, list):
        return ""
    found = (_mapping(part).get(kind) for part in content if _mapping(part).get("type") == kind)
    return "".join(_text(inner) or _parts(inner, "text") for inner in found)


_FINISH_REASONS = {
    "max_output_tokens": "length",
    "max_tokens": "length",
    "model_length": "length",
    "stop": "stop",
    "end_turn": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "safety": "content_filter",
    "refusal": "content_filter",
    "recitation": "content_filter",
    "prohibited_content": "content_filter",
}
"""What OpenAI calls the reasons of others, by their names in lower case.

Source: the API references of OpenAI's responses, Anthropic, Gemini, Mistral, Together and TGI.
"""

_BROKEN_OFF = frozenset({"error", "abort"})
"""Reasons by which Mistral, OpenRouter and vLLM say that the response has no end."""

_MOST_TOKENS = 10**9
_MOST_USD = 10**6


def _number(value: object, most: float) -> float:
    """Return a number as it is, whole ones as 3 or as 3.0; 0 for what none can be."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and 0 < value <= most else 0  # type: ignore[operator,return-value]  # a number


def _count(value: object) -> int:
    return int(_number(value, _MOST_TOKENS))


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
    return float(_number(usd, _MOST_USD))


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
        chunk["choices"] = [{"delta": {"content": text}, "finish_reason": reason or "stop"}]
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


_RESPONSES = "answers through the Responses API"
"""Whose streams end with an event of their own."""

_COUNTS_APART = "reports usage in a chunk of its own"


class Quirks:
    """Watches the events of one response, as they come."""

    def __init__(self) -> None:
        self._seen: dict[str, None] = {}
        self._events = 0
        self._with_usage = 0
        self._is_done = False

    def see(self, data: str) -> None:
        """Look at the data of one event, or at a whole answer that came instead of a stream."""
        if data == _DONE:
            self._is_done = True
            return
        try:
            chunk = json.loads(data)
        except (ValueError, RecursionError):
            return
        if not isinstance(chunk, dict):
            return
        self._events += 1
        choices = chunk.get("choices")
        first = choices[0] if isinstance(choices, list) and choices else None
        choice = first if isinstance(first, dict) else {}
        said = choice.get("delta") or choice.get("message")
        delta = said if isinstance(said, dict) else {}
        for name, is_so in _ways(chunk, choice, delta).items():
            if is_so:
                self._seen[name] = None
        if chunk.get("usage"):
            self._with_usage += 1
            self._seen[_COUNTS_APART if not first else "reports usage with another chunk"] = None

    def names(self) -> tuple[str, ...]:
        """Return what was seen, in the order in which it came: "sends role-only chunks"."""
        seen = dict(self._seen)
        if not self._with_usage:
            seen["reports no usage"] = None
        elif 1 < self._with_usage == self._events:
            seen = {name: None for name in seen if not name.startswith("reports usage")}
            seen["reports usage with every chunk"] = None
        if not self._is_done and _RESPONSES not in seen:
            seen["ends without [DONE]"] = None
        return tuple(seen)


def _ways(
    chunk: Mapping[str, object], choice: Mapping[str, object], delta: Mapping[str, object]
) -> dict[str, bool]:
    content = delta.get("content")
    reasoning = delta.get("reasoning_content") or delta.get("reasoning")
    is_silent = not (content or reasoning or delta.get("refusal") or choice.get("text"))
    is_inside = is_silent and not choice.get("finish_reason") and not chunk.get("usage")
    return {
        _RESPONSES: str(chunk.get("type")).startswith("response."),
        "sends role-only chunks": is_inside and bool(delta.get("role")),
        "sends empty chunks": is_inside and "choices" in chunk and not delta.get("role"),
        "sends content as a list": isinstance(content, list),
        "sends a refusal": bool(delta.get("refusal")),
        "sends choices[].text": bool(choice.get("text")),
        "sends reasoning_content": bool(delta.get("reasoning_content")),
        "sends reasoning": bool(delta.get("reasoning")),
        "sends the last text with the finish reason": not is_silent
        and "delta" in choice
        and bool(choice.get("finish_reason")),
    }
