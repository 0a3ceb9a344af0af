"""The requests of `doctor`: an endpoint's models, how it streams, counts and cancels.

Model servers that a user may have running on this machine without having set one are found by a
look at their ports, which sends nothing. What listens there is asked for its models only where the
user wants that, and is sent no key.
"""

import asyncio
import json
import os
import re
import secrets
import socket
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from urllib.parse import urlsplit

from streaming_code_generator.cli.terminal import Finding, State
from streaming_code_generator.core.messages import CompletionRequest, Delta, Message, Provider
from streaming_code_generator.core.results import BURST_S
from streaming_code_generator.errors import ConfigurationError, StreamingError
from streaming_code_generator.logs import redacted
from streaming_code_generator.providers.choose import choose_provider, network_of, provider_choice
from streaming_code_generator.providers.embedded.embedded_provider import EmbeddedProvider
from streaming_code_generator.providers.openai.endpoint_errors import kind_of, refusal_of
from streaming_code_generator.providers.openai.openai_provider import OpenAIProvider
from streaming_code_generator.providers.openai.sdk import (
    Network,
    key_from_command,
    route_of,
    sendable_key,
)
from streaming_code_generator.providers.openai.stream import Quirks
from streaming_code_generator.settings import ResolvedSettings, Secret
from streaming_code_generator.settings.endpoints import (
    OPENAI_BASE_URL,
    below,
    is_loopback,
    key_header,
)

Headers = Sequence[tuple[str, Secret]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelList:
    """The models' names, or what went wrong."""

    names: tuple[str, ...] = ()
    failure: str = ""
    """To follow the endpoint's URL: "cannot be reached"."""
    is_fatal: bool = False
    """Whether a generation would fail as well; a server need not have a list of models."""
    wants_key: bool = False
    """Whether it refused the key, or that there was none."""


def list_models(
    base_url: str, headers: Headers, network: Network, *, timeout_s: float
) -> ModelList:
    """Send `GET …/models`; follows no redirect."""
    import httpx2  # noqa: PLC0415 - 0.2 s, and only where an endpoint is asked

    revealed = {name: value.reveal() for name, value in headers}
    url = below(base_url, "models")
    try:
        route = route_of(base_url, network)
        response = httpx2.get(url, headers=revealed, timeout=timeout_s, **route)
    except ConfigurationError as error:
        return ModelList(failure=f"is not asked: {error.message}", is_fatal=True)
    except httpx2.HTTPError as error:
        failure = f"cannot be reached ({type(error).__name__}): is it running, is the URL right?"
        return ModelList(failure=failure, is_fatal=True)
    if response.is_error:
        refusal = refusal_of(response.text, response.status_code)
        if kind_of(refusal) == "authentication":
            failure = f"refuses the key (status {response.status_code})"
            return ModelList(failure=failure, is_fatal=True, wants_key=True)
    if response.status_code != HTTPStatus.OK:
        return ModelList(failure=f"answers, but lists no models (status {response.status_code})")
    secret_values = [value.removeprefix("Bearer ") for value in revealed.values()]
    return _parsed(response.content, secret_values)


def _parsed(body: bytes, secret_values: Sequence[str]) -> ModelList:
    try:
        entries = json.loads(body)["data"]
        return ModelList(
            names=tuple(redacted(str(entry["id"]), secret_values) for entry in entries)
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return ModelList(failure="answers, but not with a list of models; is the URL right?")


def endpoint_headers(resolved: ResolvedSettings) -> Headers:
    """Return the headers of every request to the endpoint that is set: key and extra headers.

    Raises:
        ConfigurationError: The command that prints the key fails, or no request can carry the key.
    """
    command = resolved.api_key_command
    key = key_from_command(command) if command else sendable_key(resolved.api_key)
    own = []
    if key is not None:
        name, value = key_header(resolved.settings.base_url or OPENAI_BASE_URL, key.reveal())
        own = [(name, Secret(value))]
    return (*own, *resolved.settings.extra_headers)


_MOST_MODELS_SHOWN = 5


def some_of(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    more = len(names) - _MOST_MODELS_SHOWN
    shown = ", ".join(names[:_MOST_MODELS_SHOWN]) or "none"
    return f"{shown} and {more} more" if more > 0 else shown


def check_at_work(resolved: ResolvedSettings) -> Iterator[Finding]:
    """Have the endpoint that is set write a little, twice: say how it streams, counts, cancels.

    Where no model is set, the request is for its first one.
    """
    base_url = resolved.settings.base_url or ""
    timeout_s = resolved.settings.connect_timeout_seconds
    # One session, so that where there are several replicas one of them answers all of this.
    session = ("x-session-id", Secret(secrets.token_hex(8)))
    try:
        headers = (*endpoint_headers(resolved), session)
        network = network_of(resolved.settings)
        listed = list_models(base_url, headers, network, timeout_s=timeout_s)
        if listed.failure:
            state = State.BROKEN if listed.is_fatal else State.NOTE
            yield Finding(state, f"endpoint: {base_url} {listed.failure}")
        else:
            text = f"endpoint: {base_url} is up and lists {some_of(listed.names)}"
            yield Finding(State.OK, text)
        model = resolved.settings.model or next(iter(listed.names), None)
        if listed.is_fatal:
            return
        if model is None:
            text = "endpoint: not asked to write: name a model of its own with `--model`"
            yield Finding(State.BROKEN, text)
            return
        choice = provider_choice(resolved)
        extra_headers = (*choice.extra_headers, session)
        provider = choose_provider(replace(choice, model=model, extra_headers=extra_headers))
        work = _EngineWork(base_url, headers, network, timeout_s)
        findings = asyncio.run(_watch(provider, work, resolved.settings.timeout_seconds))
    except (ConfigurationError, StreamingError, TimeoutError) as error:
        reason = str(error) or "it took too long"
        yield Finding(State.BROKEN, f"endpoint: wrote nothing: {reason}")
        return
    yield from findings


async def _watch(provider: Provider, work: "_EngineWork", timeout_s: float) -> list[Finding]:
    async with aclosing(provider), asyncio.timeout(timeout_s):
        await provider.warm_up()
        findings = await _check_stream(provider) if isinstance(provider, OpenAIProvider) else []
        return [*findings, await _check_cancel(provider, work)]


def _count_aloud(tokens: int) -> CompletionRequest:
    message = Message(role="user", content="Count from 1 to 500, with a space between numbers.")
    # Sent to see whether it is refused.
    return CompletionRequest(messages=(message,), max_output_tokens=tokens, temperature=0.2)


async def _check_stream(provider: OpenAIProvider) -> list[Finding]:
    """Read a short response to its end."""
    began_s = time.monotonic()
    texts_at_s: list[float] = []
    usage, quirks = None, Quirks()
    async with provider.open(_count_aloud(tokens=32), quirks) as deltas:
        async for delta in deltas:
            usage = delta.usage or usage
            if not delta.is_empty:
                texts_at_s.append(time.monotonic() - began_s)
    named = ", ".join((*provider.corrections, *quirks.names()))
    ways = Finding(State.OK, f"endpoint: its ways, all understood: {named or 'as OpenAI does'}")
    if not texts_at_s:
        return [Finding(State.BROKEN, "endpoint: answers without any text"), ways]
    chunks, first_s, last_s = len(texts_at_s), texts_at_s[0], texts_at_s[-1]
    if last_s - first_s < BURST_S:
        text = f"endpoint: does not stream: all text came at once, after {first_s:.2f} s"
        streams = Finding(State.NOTE, text)
    else:
        text = f"endpoint: streams, first text after {first_s:.2f} s, {chunks} chunks"
        streams = Finding(State.OK, f"{text} in {last_s - first_s:.2f} s")
    if usage is None:
        counts = Finding(State.NOTE, "endpoint: counts no tokens; they are estimated")
        return [streams, counts, ways]
    text = f"{usage.prompt_tokens} of the prompt, {usage.completion_tokens} of the response"
    return [streams, Finding(State.OK, f"endpoint: counts tokens: {text}"), ways]


def check_cancel(resolved: ResolvedSettings) -> Finding:
    """Have what would generate write a long response, leave it, and look whether that stops."""
    try:
        provider = choose_provider(provider_choice(resolved))
        return asyncio.run(_left_alone(provider, resolved))
    except (ConfigurationError, StreamingError, TimeoutError) as error:
        reason = str(error) or "it took too long"
        return Finding(State.BROKEN, f"cancel: not tried: {reason}")


async def _left_alone(provider: Provider, resolved: ResolvedSettings) -> Finding:
    settings = resolved.settings
    async with aclosing(provider), asyncio.timeout(settings.timeout_seconds):
        await provider.warm_up()
        base_url, headers = provider.description.endpoint, endpoint_headers(resolved)
        if isinstance(provider, EmbeddedProvider):
            # Its process starts with the first request, and has a key of its own.
            async with provider.open(_count_aloud(tokens=1)) as deltas:
                await _first_text(deltas)
            if provider.child is not None:
                key = provider.child.config.api_key
                base_url = provider.child.url
                headers = (("Authorization", Secret(f"Bearer {key}")),)
        network, timeout_s = network_of(settings), settings.connect_timeout_seconds
        work = _EngineWork(base_url, headers, network, timeout_s)
        return await _check_cancel(provider, work, otherwise=State.BROKEN)


_FREE_WITHIN_S = 5.0
"""An engine that has not stopped by then does not notice; most need less than 0.1 s."""


async def _check_cancel(
    provider: Provider, work: "_EngineWork", *, otherwise: State = State.NOTE
) -> Finding:
    """Leave a long response after its first text, and look whether the engine stops.

    Args:
        provider: What writes.
        work: What says how much its engine has to do.
        otherwise: How it is if the engine works on.
    """
    before = None
    async with provider.open(_count_aloud(tokens=1000)) as deltas:
        await _first_text(deltas)
        before = await work.running()
        left_s = time.monotonic()
    closed = f"the connection was closed in {time.monotonic() - left_s:.2f} s"
    if before is None or before == 0:
        text = f"cancel: {closed}; whether the engine stops cannot be seen here"
        return Finding(State.OK, text)
    while time.monotonic() - left_s < _FREE_WITHIN_S:
        now = await work.running()
        if now is not None and now < before:
            text = f"cancel: the engine stopped within {time.monotonic() - left_s:.2f} s"
            return Finding(State.OK, text)
        # A request itself is work for it: the longer it takes, the less often it is asked.
        await asyncio.sleep(max(0.02, (time.monotonic() - left_s) / 10))
    text = f"cancel: the engine does not stop: {closed}, but it worked on for"
    return Finding(otherwise, f"{text} {_FREE_WITHIN_S:.0f} s, or has others to serve")


async def _first_text(deltas: AsyncIterator[Delta]) -> None:
    async for delta in deltas:
        if not delta.is_empty:
            return


_VLLM_RUNNING = re.compile(r"^vllm:num_requests_running(?:\{[^}]*\})? (\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _EngineWork:
    """How much an engine has to do, where it says so."""

    base_url: str
    headers: Headers
    network: Network
    timeout_s: float

    async def running(self) -> int | None:
        """Return how many generations run, or None where that cannot be known.

        Source: llama.cpp's server, `GET /slots`; vLLM's, `GET /metrics`.
        """
        import httpx2  # noqa: PLC0415 - 0.2 s, and only where an endpoint is asked

        root = self.base_url.removesuffix("/v1")
        headers = {name: value.reveal() for name, value in self.headers}
        route = route_of(self.base_url, self.network)
        try:
            async with httpx2.AsyncClient(timeout=self.timeout_s, **route) as client:
                slots = await client.get(f"{root}/slots", headers=headers)
                if slots.status_code == HTTPStatus.OK:
                    return sum(bool(slot["is_processing"]) for slot in slots.json())
                metrics = await client.get(f"{root}/metrics", headers=headers)
            counts = _VLLM_RUNNING.findall(metrics.text)
            return sum(map(int, counts)) if counts else None
        except (httpx2.HTTPError, ValueError, KeyError, TypeError, RecursionError):
            return None


_HOST = "127.0.0.1"
_CONNECT_S = 0.5
_ANSWER_S = 5.0


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A kind of server, and the port where it usually listens."""

    name: str
    port: int

    @property
    def base_url(self) -> str:
        """What to set as base URL."""
        return f"http://{_HOST}:{self.port}/v1"

    def is_at(self, base_url: str) -> bool:
        """Whether requests to a base URL go to it, however this machine is called there."""
        return is_loopback(base_url) and urlsplit(base_url).port == self.port

    def listens(self) -> bool:
        """Whether something listens at the port; it is sent nothing."""
        with suppress(OSError), socket.create_connection((_HOST, self.port), timeout=_CONNECT_S):
            return True
        return False


def usual_servers(environment: Mapping[str, str] = os.environ) -> tuple[LocalServer, ...]:
    """Return where servers listen, unless their own variables say otherwise.

    Source: `OLLAMA_HOST` in Ollama's FAQ, `LLAMA_ARG_PORT` in the manual of llama.cpp's server.
    """
    ollama = environment.get("OLLAMA_HOST", "").strip()
    located = urlsplit(ollama if "//" in ollama else f"//{ollama}")
    ports = {"Ollama": 11434, "LM Studio": 1234, "llama.cpp": 8080}
    with suppress(ValueError):
        ports["Ollama"] = located.port or ports["Ollama"]
    with suppress(ValueError):
        ports["llama.cpp"] = int(environment.get("LLAMA_ARG_PORT", ports["llama.cpp"]))
    return tuple(LocalServer(name, port) for name, port in ports.items())


def check_local_servers(resolved: ResolvedSettings, *, asks: bool) -> Iterator[Finding]:
    """Say what could be set to use a server that runs here; `asks` has it list its models."""
    is_any = False
    for server in usual_servers():
        if server.is_at(resolved.settings.base_url or "") or not server.listens():
            continue
        is_any = True
        yield local_finding(server, asks=asks)
    if not is_any:
        names = ", ".join(f"{server.name} ({server.port})" for server in usual_servers())
        yield Finding(State.OK, f"local: no other server listens on this machine: {names}")


def local_finding(server: LocalServer, *, asks: bool) -> Finding:
    """Return how a server that listens here is set; `asks` has it list its models."""
    setting = f'`base_url = "{server.base_url}"`'
    if not asks:
        text = f"local: something listens where {server.name} does; in config.toml: {setting}"
        return Finding(State.OK, f"{text} (sent nothing; `doctor --local` asks it for its models)")
    listed = list_models(server.base_url, (), Network(), timeout_s=_ANSWER_S)
    if not listed.names:
        what = "wants a key" if listed.wants_key else listed.failure or "has no models"
        return Finding(State.NOTE, f"local: {server.base_url}, where {server.name} is, {what}")
    text = f"local: {server.name} at {server.base_url} has {some_of(listed.names)}; in config.toml:"
    return Finding(State.OK, f'{text} {setting}, `model = "{listed.names[0]}"`')
