"""How requests are worded for an endpoint, and what it refuses.

A `Dialect` words chats and responses, `WaysToFill` what fills in the text at a cursor; what the
endpoint refuses is not sent again.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import urlsplit

from streaming_code_generator.core.complete.fill import FillRequest, Markers, markers_of
from streaming_code_generator.core.messages import CompletionRequest
from streaming_code_generator.settings.declarations import Api, SystemRole, TokenLimitField
from streaming_code_generator.settings.endpoints import below, is_openai

_OPENAI_HOST = "api.openai.com"
_REASONING_MODEL = re.compile(r"(?:gpt-[5-9]|o\d)")
"""Models that want a `developer` message where older ones had `system`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What an endpoint calls things, and what it knows at all."""

    token_limit_field: Literal["max_completion_tokens", "max_tokens"]
    system_role: Literal["system", "developer", "user"]
    """`user`, where a model has no role for it: it then begins the user's message."""
    token_limit_is_guessed: bool = False
    """Whether no setting names the limit's field, so that the endpoint may correct it."""
    asks_for_usage: bool = True
    """Whether requests have `stream_options`; a server that refuses it gets them without."""
    takes_temperature: bool = True
    """Whether a temperature that is set is sent; some models have one alone."""
    streams: bool = True
    """Whether requests are for a stream; a model that has none answers with all at once."""
    api: Literal["chat", "responses"] = "chat"
    api_is_guessed: bool = False
    """Whether no setting names the API, so that the endpoint may correct it."""


def dialect_for(
    base_url: str,
    model: str,
    token_limit_field: TokenLimitField,
    system_role: SystemRole,
    api: Api = "auto",
) -> Dialect:
    """Return the dialect of an endpoint; what is not `auto` is taken as said.

    OpenAI's newer models refuse `max_tokens`; other servers may know nothing else.
    """
    is_openais = urlsplit(base_url).hostname == _OPENAI_HOST
    is_guessed = token_limit_field == "auto"
    if token_limit_field == "auto":
        token_limit_field = "max_completion_tokens" if is_openais else "max_tokens"
    if system_role == "auto":
        reasons = is_openais and _REASONING_MODEL.match(model) is not None
        system_role = "developer" if reasons else "system"
    return Dialect(
        token_limit_field=token_limit_field,
        system_role=system_role,
        token_limit_is_guessed=is_guessed,
        api="chat" if api == "auto" else api,
        api_is_guessed=api == "auto",
    )


def understood(dialect: Dialect, complaint: str) -> Dialect:
    """Return the dialect as a server's `complaint` corrects it; the same if it does not.

    Each correction is made once, so that correcting comes to an end.
    """
    changes: dict[str, Any] = {}
    is_unsupported = _UNSUPPORTED.search(complaint)
    if dialect.api_is_guessed and _WANTS_RESPONSES.search(complaint):
        changes = {"api": "responses", "api_is_guessed": False}
    elif dialect.asks_for_usage and re.search("stream_options|include_usage", complaint):
        changes = {"asks_for_usage": False}
    elif dialect.system_role != "user" and _NO_SYSTEM_ROLE.search(complaint):
        changes = {"system_role": "user"}
    elif dialect.token_limit_is_guessed and "max_completion_tokens" in complaint:
        changes = {"token_limit_field": "max_completion_tokens", "token_limit_is_guessed": False}
    elif is_unsupported and dialect.takes_temperature and "temperature" in complaint:
        changes = {"takes_temperature": False}
    elif is_unsupported and dialect.streams and re.search(r"\bstream(?:ing)?\b", complaint):
        changes = {"streams": False, "asks_for_usage": False}
    return replace(dialect, **changes)


# "This model is only supported in v1/responses and not in v1/chat/completions.", with 404 or 400.
_WANTS_RESPONSES = re.compile(r"\bv1/responses\b|\bResponses API\b")
# "System role not supported", of the chat templates of Gemma and older models; "'messages[0].role'
# does not support 'system' with this model.", of OpenAI.
_NO_SYSTEM_ROLE = re.compile(
    r"\bsystem role (?:is )?not supported|\brole' does not support '(?:system|developer)'",
    re.IGNORECASE,
)
_UNSUPPORTED = re.compile(r"unsupported|not support", re.IGNORECASE)
"""A value out of its range is another thing: that is the user's to mend."""


PATHS = {"chat": "/chat/completions", "responses": "/responses"}
"""Where each API is found, below the base URL."""


def body_of(request: CompletionRequest, dialect: Dialect) -> dict[str, object]:
    """Return a request's JSON body besides `model`.

    Source: platform.openai.com/docs/api-reference/chat/create and .../responses/create.
    """
    body: dict[str, object] = {"stream": dialect.streams}
    limit, effort = request.max_output_tokens, request.reasoning_effort
    if request.temperature is not None and dialect.takes_temperature:
        body["temperature"] = request.temperature
    if dialect.api == "chat":
        body["messages"] = chat_messages(request, dialect)
        if dialect.asks_for_usage:
            body["stream_options"] = {"include_usage": True}
        if limit is not None:
            body[dialect.token_limit_field] = limit
        if effort is not None:
            body["reasoning_effort"] = effort
        return body
    body["input"] = chat_messages(request, dialect)
    # The endpoint would keep it for weeks otherwise.
    body["store"] = False
    if limit is not None:
        body["max_output_tokens"] = limit
    if effort is not None:
        body["reasoning"] = {"effort": effort}
    return body


def chat_messages(request: CompletionRequest, dialect: Dialect) -> list[dict[str, str]]:
    """Return the messages as JSON objects, in the endpoint's role names."""
    messages: list[dict[str, str]] = []
    for message in request.messages:
        role = dialect.system_role if message.role == "system" else message.role
        content = sendable(message.content)
        # Templates that have no system role refuse two messages of one role in a row, too.
        if dialect.system_role == "user" and messages and role == messages[-1]["role"]:
            content = f"{messages.pop()['content']}\n\n{content}"
        messages.append({"role": role, "content": content})
    return messages


def sendable(text: str) -> str:
    """Return a text without halves of surrogate pairs, which editors allow and UTF-8 does not."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_REFUSES_THE_WAY = frozenset({400, 403, 404, 405, 415, 422, 501})
"""What a server answers that does not know a path, or whose model cannot do what it stands for;
llama.cpp says 501 where the model has no fill-in-the-middle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WayToFill:
    """One kind of request."""

    url: str
    body: Callable[[FillRequest], dict[str, object]]


class WaysToFill:
    """The requests an endpoint may take, the best first; one that it refuses is not sent again."""

    def __init__(self, base_url: str, model: str) -> None:
        self._ways: list[WayToFill] = []
        if is_openai(base_url):
            return
        # Only llama.cpp has it; it knows its model's markers better than the model's name does.
        root = base_url.removesuffix("/v1")
        self._ways.append(WayToFill(url=below(root, "infill"), body=_infill_body))
        if (markers := markers_of(model)) is not None:
            self._ways.append(
                WayToFill(
                    url=below(base_url, "completions"),
                    body=lambda request: _completion_body(request, model, markers),
                )
            )

    @property
    def first(self) -> WayToFill | None:
        """The best of those that are left."""
        return self._ways[0] if self._ways else None

    def is_refused(self, way: WayToFill, status_code: int | None) -> bool:
        """Whether an error means that a way is not offered; it is forgotten then."""
        refused = status_code in _REFUSES_THE_WAY
        if refused and way in self._ways:
            self._ways.remove(way)
        return refused


def _infill_body(request: FillRequest) -> dict[str, object]:
    """Source: llama.cpp, tools/server, `POST /infill`."""
    window = request.window
    return {
        "input_extra": [
            {"filename": sendable(each.name), "text": sendable(each.text)}
            for each in request.excerpts
        ],
        "input_prefix": sendable(window.prefix),
        "prompt": sendable(window.middle),
        "input_suffix": sendable(window.suffix),
        "n_predict": request.max_output_tokens,
        "temperature": 0.0,
        "cache_prompt": True,
        "stream": True,
        # Between these reports it notices that the client has left.
        "return_progress": True,
    }


def _completion_body(request: FillRequest, model: str, markers: Markers) -> dict[str, object]:
    # Never by the field `suffix`: llama.cpp ignores it without a word, and vLLM refuses it.
    return {
        "model": model,
        "prompt": sendable(markers.prompt(request)),
        "max_tokens": request.max_output_tokens,
        "temperature": 0.0,
        "stop": list(markers.all),
        "stream": True,
    }
