"""The body of a chat completion, in the dialect that an endpoint understands."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import urlsplit

from streaming_code_generator.core.messages import CompletionRequest
from streaming_code_generator.settings.declarations import SystemRole, TokenLimitField

_OPENAI_HOST = "api.openai.com"
_REASONING_MODEL = re.compile(r"(?:gpt-[5-9]|o\d)")
"""Models that want a `developer` message where older ones had `system`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What an endpoint calls things, and what it knows at all."""

    token_limit_field: Literal["max_completion_tokens", "max_tokens"]
    system_role: Literal["system", "developer"]
    token_limit_is_guessed: bool = False
    """Whether no setting names the limit's field, so that the endpoint may correct it."""
    asks_for_usage: bool = True
    """Whether `stream_options` is sent; a server that refuses it is not asked again."""


def dialect_for(
    base_url: str, model: str, token_limit_field: TokenLimitField, system_role: SystemRole
) -> Dialect:
    """Return the dialect of an endpoint; what is not `auto` is taken as said.

    OpenAI's newer models refuse `max_tokens`; other servers may know nothing else.
    """
    is_openai = urlsplit(base_url).hostname == _OPENAI_HOST
    is_guessed = token_limit_field == "auto"
    if token_limit_field == "auto":
        token_limit_field = "max_completion_tokens" if is_openai else "max_tokens"
    if system_role == "auto":
        reasons = is_openai and _REASONING_MODEL.match(model) is not None
        system_role = "developer" if reasons else "system"
    return Dialect(
        token_limit_field=token_limit_field,
        system_role=system_role,
        token_limit_is_guessed=is_guessed,
    )


def understood(dialect: Dialect, complaint: str) -> Dialect:
    """Return the dialect as a server's `complaint` corrects it; the same if it does not.

    Each correction is made once, so that correcting comes to an end.
    """
    if dialect.asks_for_usage and re.search("stream_options|include_usage", complaint):
        return replace(dialect, asks_for_usage=False)
    if dialect.token_limit_is_guessed and "max_completion_tokens" in complaint:
        return replace(
            dialect,
            token_limit_field="max_completion_tokens",
            token_limit_is_guessed=False,
        )
    return dialect


def chat_body(
    request: CompletionRequest, dialect: Dialect, extra: Mapping[str, object]
) -> dict[str, object]:
    """Return the JSON body besides `model`, `messages` and `stream`."""
    body: dict[str, object] = {}
    if dialect.asks_for_usage:
        body["stream_options"] = {"include_usage": True}
    if request.max_output_tokens is not None:
        body[dialect.token_limit_field] = request.max_output_tokens
    if request.temperature is not None:
        body["temperature"] = request.temperature
    return body | dict(extra)


def chat_messages(request: CompletionRequest, dialect: Dialect) -> list[dict[str, str]]:
    """Return the messages as JSON objects, in the endpoint's role names."""
    messages = []
    for message in request.messages:
        role = dialect.system_role if message.role == "system" else message.role
        # Editors allow halves of surrogate pairs; UTF-8, in which the body is sent, does not.
        content = message.content.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        messages.append({"role": role, "content": content})
    return messages
