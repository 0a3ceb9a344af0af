"""`doctor`: what is set, what is here and what answers, one line each."""

import argparse
import asyncio
import sys
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from platform import python_version

from streaming_code_generator import __version__
from streaming_code_generator.cli.endpoint_checks import (
    check_at_work,
    check_cancel,
    check_local_servers,
    endpoint_headers,
    list_models,
    some_of,
)
from streaming_code_generator.cli.settings_command import (
    add_setting_options,
    resolve_options,
    setting_value,
)
from streaming_code_generator.cli.terminal import Finding, State, one_line, show
from streaming_code_generator.core.complete.fill import markers_of
from streaming_code_generator.core.engine.generator import GenerationEngine, generation_policy
from streaming_code_generator.core.messages import CompletionRequest, Message, ProviderDescription
from streaming_code_generator.core.results import StreamStats
from streaming_code_generator.core.tokens import encoding_of, load_encode
from streaming_code_generator.errors import ConfigurationError, StreamingError
from streaming_code_generator.logs import redacted
from streaming_code_generator.providers.choose import (
    choose_provider,
    completes,
    completion_choice,
    network_of,
    provider_choice,
)
from streaming_code_generator.providers.embedded.catalogue import (
    KNOWN_MODELS,
    Installation,
    install_command,
)
from streaming_code_generator.settings import (
    OPENAI_BASE_URL,
    SPECS,
    ResolvedSettings,
    user_file_path,
)
from streaming_code_generator.settings.endpoints import origin_of, travels_in_the_clear
from streaming_code_generator.settings.kinds import Arguments, Headers, JsonObject


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
    text = f"provider: {description.name}, model {description.model}, because {description.reason}"
    return TakenProvider(Finding(State.OK, text), description)


def check_endpoint(resolved: ResolvedSettings, taken: TakenProvider) -> Finding:
    """Ask the endpoint for its models, if it would be used: no other is contacted."""
    if taken.description is None or not taken.is_called("openai"):
        return Finding(State.OK, "endpoint: not in use, not asked")
    base_url, model = taken.description.endpoint, taken.description.model
    try:
        headers = endpoint_headers(resolved)
    except ConfigurationError as error:
        return Finding(State.BROKEN, f"endpoint: {error.message}")
    listed = list_models(
        resolved.settings.base_url or base_url,
        headers,
        network_of(resolved.settings),
        timeout_s=resolved.settings.connect_timeout_seconds,
    )
    if listed.failure:
        state = State.BROKEN if listed.is_fatal else State.NOTE
        return Finding(state, f"endpoint: {base_url} {listed.failure}")
    if model in listed.names:
        text = f"endpoint: {base_url} answers and serves `{model}` among {len(listed.names)}"
        return Finding(State.OK, text)
    lists = some_of(listed.names)
    text = f"endpoint: {base_url} answers but does not list `{model}`; it lists {lists}"
    return Finding(State.NOTE, text)


def check_completion(resolved: ResolvedSettings) -> Iterator[Finding]:
    """Say when ghost text comes, from which model, and by what requests."""
    try:
        description = choose_provider(completion_choice(resolved)).description
    except StreamingError as error:
        yield Finding(State.NOTE, f"ghost text: {error.message}")
        return
    when, model = completes(resolved, description), description.model
    how = (
        "which fills in the middle"
        if markers_of(model)
        else "whose name tells of no fill-in-the-middle: unless llama.cpp knows better, it chats"
    )
    yield Finding(State.OK, f"ghost text: {when}, from {description.name}, model {model}, {how}")


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
        text = f"tokenizer: cannot be loaded ({type(error).__name__}); tokens are estimated"
        return Finding(State.NOTE, text)
    exact = "the model's own" if is_models_own else "an estimate where the endpoint counts none"
    return Finding(State.OK, f"tokenizer: {encoding}, {exact}")


_MOST_SHOWN = 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that stand for settings, to ask what would be with them."""
    parser.add_argument(
        "--endpoint",
        metavar="URL",
        type=partial(setting_value, "base_url"),
        help="have only this endpoint checked, at work: it writes some 30 tokens twice",
    )
    parser.add_argument(
        "--cancel",
        action="store_true",
        help="only see whether leaving a response stops the model that writes it",
    )
    parser.add_argument(
        "--local",
        action="store_true",
        help="ask Ollama, LM Studio and llama.cpp, if they run here, for their models",
    )
    add_setting_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print all findings as they come; 1 if something that is needed is broken."""
    broken = False
    if arguments.endpoint:
        arguments.provider, arguments.base_url = "openai", arguments.endpoint
    resolved = resolve_options(arguments)
    if arguments.cancel:
        findings = _cancel_findings(resolved)
    elif arguments.endpoint:
        findings = chain([_key(resolved)], check_at_work(resolved))
    else:
        findings = _findings(resolved, asks_local_servers=arguments.local)
    # Each line as soon as it is known: the endpoint may take its time.
    for finding in findings:
        show(f"{finding.state.value:6}{redacted(one_line(finding.text))}\n")
        broken = broken or finding.state is State.BROKEN
    return 1 if broken else 0


def _findings(resolved: ResolvedSettings, *, asks_local_servers: bool) -> Iterator[Finding]:
    program = f"streaming-code-generator {__version__}"
    yield Finding(State.OK, f"{program}, Python {python_version()} at {sys.executable}")
    path = user_file_path()
    yield Finding(State.OK, f"config.toml: {path}" + ("" if path.is_file() else " (none)"))
    for name, spec in SPECS.items():
        value = _shown(getattr(resolved.settings, name))
        if isinstance(spec.kind, Arguments | Headers | JsonObject) and value != "unset":
            value = "set"  # a key may be in it
        yield Finding(State.OK, f"{spec.camel_name} = {value} ({resolved.origins[name]})")
    yield _key(resolved)
    for problem in resolved.problems:
        yield Finding(State.NOTE, problem)
    taken = check_provider(resolved)
    yield taken.finding
    yield check_endpoint(resolved, taken)
    yield from check_local_servers(resolved, asks=asks_local_servers)
    yield from check_completion(resolved)
    yield from check_embedded_models(taken)
    if taken.is_called("embedded"):
        yield check_embedded_answer(resolved)
    yield check_tokenizer(taken)


def _cancel_findings(resolved: ResolvedSettings) -> Iterator[Finding]:
    yield check_provider(resolved).finding
    yield check_cancel(resolved)


def _key(resolved: ResolvedSettings) -> Finding:
    base_url = resolved.settings.base_url or OPENAI_BASE_URL
    endpoint = origin_of(base_url)
    if not resolved.api_key and not resolved.api_key_command:
        variable = resolved.settings.api_key_env
        return Finding(State.OK, f"key: not set for {endpoint} (looked for `{variable}`)")
    text = f"key: set for {endpoint} ({resolved.api_key_origin})"
    if travels_in_the_clear(base_url):
        return Finding(State.NOTE, f"{text}; it travels unencrypted, use https")
    return Finding(State.OK, text)


def _shown(value: object) -> str:
    if value is None or value == ():
        return "unset"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    text = one_line(f"{value:g}" if isinstance(value, float) else str(value))
    text = text.lower() if isinstance(value, bool) else text
    return text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 1] + "…"
