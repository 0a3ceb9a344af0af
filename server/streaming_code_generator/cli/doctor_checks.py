"""The doctor's checks: each looks at one thing and returns what it found."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from enum import Enum

from streaming_code_generator.cli.endpoint_models import ModelList, list_models
from streaming_code_generator.core.engine.generator import GenerationEngine
from streaming_code_generator.core.messages import CompletionRequest, Message
from streaming_code_generator.core.provider import ProviderDescription
from streaming_code_generator.core.stats import StreamStats
from streaming_code_generator.core.tokens_encodings import encoding_of, load_encode
from streaming_code_generator.errors import StreamingError
from streaming_code_generator.providers.choose import choose_provider
from streaming_code_generator.providers.embedded.catalogue import (
    KNOWN_MODELS,
    Installation,
    install_command,
)
from streaming_code_generator.providers.from_settings import generation_policy, provider_choice
from streaming_code_generator.settings import ResolvedSettings

_MOST_MODELS_SHOWN = 5


class State(Enum):
    """How a thing is; the value is what the line begins with."""

    OK = "ok"
    NOTE = "note"
    """Not as it could be; nothing that is needed depends on it."""
    BROKEN = "FAIL"
    """Needed, and does not work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    state: State
    text: str


@dataclass(frozen=True, slots=True)
class TakenProvider:
    """Which provider would generate, or why none can."""

    finding: Finding
    description: ProviderDescription | None

    def is_called(self, name: str) -> bool:
        """Whether a provider of this name was taken."""
        return self.description is not None and self.description.name == name


def check_provider(resolved: ResolvedSettings) -> TakenProvider:
    """Choose the provider as a generation would, without opening anything."""
    try:
        description = choose_provider(provider_choice(resolved)).description
    except StreamingError as error:
        return TakenProvider(Finding(State.BROKEN, f"provider: {error.message}"), None)
    told = f"provider: {description.name}, model {description.model}, because {description.reason}"
    return TakenProvider(Finding(State.OK, told), description)


def check_endpoint(resolved: ResolvedSettings, taken: TakenProvider) -> Finding:
    """Ask the endpoint for its models; only where it would be used, so nothing else is told."""
    if taken.description is None or not taken.is_called("openai"):
        return Finding(State.OK, "endpoint: not in use, not asked")
    base_url = taken.description.endpoint
    listed = list_models(
        resolved.settings.base_url or base_url,
        resolved.api_key,
        timeout_s=resolved.settings.connect_timeout_seconds,
    )
    if listed.failure:
        state = State.BROKEN if listed.is_fatal else State.NOTE
        return Finding(state, f"endpoint: {base_url} {listed.failure}")
    return _judge_models(base_url, taken.description.model, listed)


def _judge_models(base_url: str, model: str, listed: ModelList) -> Finding:
    names = ", ".join(listed.names[:_MOST_MODELS_SHOWN])
    more = len(listed.names) - _MOST_MODELS_SHOWN
    names += f" and {more} more" if more > 0 else ""
    if model in listed.names:
        told = f"endpoint: {base_url} answers and serves `{model}` among {len(listed.names)}"
        return Finding(State.OK, told)
    told = f"endpoint: {base_url} answers but does not list `{model}`; it lists {names or 'none'}"
    return Finding(State.NOTE, told)


def check_embedded_models(taken: TakenProvider) -> Iterator[Finding]:
    """Look for llama.cpp's binding and for each known model's weights."""
    installation = Installation()
    if installation.has_binding:
        yield Finding(State.OK, "embedded: llama.cpp's binding `xllamacpp` is installed")
    else:
        state = State.BROKEN if taken.is_called("embedded") else State.NOTE
        yield Finding(state, "embedded: llama.cpp's binding `xllamacpp` is not installed")
    for model in KNOWN_MODELS:
        path = installation.path_of(model)
        here = f"installed at {path}" if path else f"not installed: {install_command(model.name)}"
        yield Finding(State.OK if path else State.NOTE, f"embedded: {model.name} {here}")


def check_embedded_answer(resolved: ResolvedSettings) -> Finding:
    """Start the embedded model and let it write one token: it costs nothing but a moment."""
    try:
        stats = asyncio.run(_first_token(resolved))
    except StreamingError as error:
        return Finding(State.BROKEN, f"embedded: no answer: {error.message}")
    return Finding(State.OK, f"embedded: answers, first token after {stats.elapsed:.1f} s")


async def _first_token(resolved: ResolvedSettings) -> StreamStats:
    settings = replace(resolved.settings, max_retries=0)
    request = CompletionRequest(
        messages=(Message(role="user", content="Say yes."),), max_output_tokens=1
    )
    provider = choose_provider(provider_choice(resolved))
    engine = GenerationEngine(provider, generation_policy(settings))
    async with aclosing(provider), aclosing(engine.stream(request)) as events:
        async for event in events:
            last = event.stats
    return last


def check_tokenizer(taken: TakenProvider) -> Finding:
    """Build the tokenizer that would count; without one, tokens are estimated."""
    model = taken.description.model if taken.description else ""
    try:
        encoding, is_models_own = encoding_of(model)
        load_encode(encoding)
    except (ImportError, OSError, ValueError) as error:
        told = f"tokenizer: cannot be loaded ({type(error).__name__}); tokens are estimated"
        return Finding(State.NOTE, told)
    exact = "the model's own" if is_models_own else "an estimate where the endpoint counts none"
    return Finding(State.OK, f"tokenizer: {encoding}, {exact}")
