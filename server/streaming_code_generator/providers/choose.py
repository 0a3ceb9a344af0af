"""Decides where generations go: an OpenAI-compatible endpoint, or the embedded model.

`ProviderPool` shares those that are open: those in use, those that are set, and the last one.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from streaming_code_generator.core.complete.fill import FillNotOfferedError, FillRequest, FillsIn
from streaming_code_generator.core.engine.recovery import Fallback
from streaming_code_generator.core.messages import (
    CompletionRequest,
    Delta,
    Message,
    Paced,
    Provider,
    ProviderDescription,
)
from streaming_code_generator.errors import ConfigurationError
from streaming_code_generator.providers.embedded.catalogue import (
    DEFAULT_MODEL,
    Installation,
    Weights,
    install_command,
    resolve_weights,
)
from streaming_code_generator.providers.embedded.embedded_provider import (
    DEFAULT_SLOTS,
    EmbeddedProvider,
)
from streaming_code_generator.providers.openai.openai_provider import DEFAULT_MODEL as OPENAI_MODEL
from streaming_code_generator.providers.openai.openai_provider import OpenAIProvider
from streaming_code_generator.providers.openai.sdk import Network
from streaming_code_generator.settings.declarations import (
    Api,
    InlineCompletion,
    ProviderName,
    SessionAffinity,
    Settings,
    SystemRole,
    TokenLimitField,
)
from streaming_code_generator.settings.endpoints import (
    OPENAI_BASE_URL,
    is_loopback,
    is_openai,
    leads_to,
    normalised_base_url,
    travels_in_the_clear,
)
from streaming_code_generator.settings.kinds import Secret
from streaming_code_generator.settings.resolve import ResolvedSettings
from streaming_code_generator.usage.shared_limits import SharedLimits

logger = logging.getLogger(__name__)

__all__ = ["OPENAI_BASE_URL", "ProviderChoice", "choose_provider"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderChoice:
    """What the user set, as far as it decides about the provider; None where nothing is set.

    The origins say where a value came from, as a user would: "environment", "config.toml".
    """

    provider: ProviderName = "auto"
    provider_origin: str = "default"
    api_key: Secret | None = None
    api_key_command: tuple[str, ...] = ()
    """What prints the key, where `api_key` is not set."""
    api_key_origin: str = "default"
    api_key_env: str = "OPENAI_API_KEY"
    """The variable a key is looked for in, to name it in messages."""
    base_url: str | None = None
    base_url_origin: str = "default"
    model: str | None = None
    token_limit_field: TokenLimitField | None = None
    system_role: SystemRole | None = None
    api: Api = "auto"
    extra_body: str | None = None
    """Further fields of the request, as JSON."""
    extra_headers: tuple[tuple[str, Secret], ...] = ()
    session_affinity: SessionAffinity = "none"
    embedded_model: str | None = None
    model_path: str | None = None
    allow_plain_http: bool = False
    connect_timeout_s: float = 5.0
    network: Network = field(default_factory=Network)
    embedded_slots: int | None = None
    """Generations the embedded model works on at the same time; None is its default."""


def choose_provider(
    choice: ProviderChoice,
    *,
    installation: Installation | None = None,
    limits: SharedLimits | None = None,
) -> Provider:
    """Return the provider of a choice; it sends no request yet.

    Args:
        choice: What the user set.
        installation: Where embedded models are looked for; None is where they usually are.
        limits: The rate limits that other processes share; None shares none.

    Raises:
        ConfigurationError: It cannot work as set; the message names the next step.
    """
    if choice.provider == "openai":
        return _openai(choice, f"`provider` is set to `openai` ({choice.provider_origin})", limits)
    if choice.provider == "embedded":
        reason = f"`provider` is set to `embedded` ({choice.provider_origin})"
        return _embedded(choice, _weights(choice, installation), reason)
    # `auto`: what is set for an endpoint means that one is wanted.
    if choice.base_url:
        return _openai(choice, f"a base URL is set ({choice.base_url_origin})", limits)
    if choice.api_key or choice.api_key_command:
        return _openai(choice, f"an API key is set ({choice.api_key_origin})", limits)
    try:
        weights = _weights(choice, installation)
    except ConfigurationError as error:
        if choice.embedded_model or choice.model_path:
            raise
        raise ConfigurationError(
            "No model is available: no API key and no base URL is set, and the embedded model is "
            f"not installed. Run `{install_command(DEFAULT_MODEL)}`, or set "
            f"`{choice.api_key_env}` or `baseUrl`."
        ) from error
    return _embedded(choice, weights, "no API key and no base URL is set")


def _openai(choice: ProviderChoice, reason: str, limits: SharedLimits | None) -> Provider:
    base_url = _base_url(choice)
    if travels_in_the_clear(base_url) and not choice.allow_plain_http:
        raise ConfigurationError(
            f"`{base_url}` is not on this machine and not encrypted: whoever is on the way could "
            "read your code and key. Use `https://`, or set `allowPlainHttp` to true where you "
            "trust the network."
        )
    if not (choice.api_key or choice.api_key_command) and is_openai(base_url):
        raise ConfigurationError(
            f"No API key for `{base_url}`: set `{choice.api_key_env}` in the environment, or "
            "`baseUrl` to another endpoint, or `provider` to `embedded`."
        )
    model = choice.model or (OPENAI_MODEL if is_openai(base_url) else None)
    if model is None:
        # Only OpenAI's own models are known by name; another endpoint's are not guessed.
        raise ConfigurationError(
            f"No model is chosen for the endpoint `{base_url}`: set `model` to one it serves."
        )
    return OpenAIProvider(
        api_key=choice.api_key,
        api_key_command=choice.api_key_command,
        base_url=base_url,
        model=model,
        reason=reason,
        token_limit_field=choice.token_limit_field or "auto",
        system_role=choice.system_role or "auto",
        api=choice.api,
        extra_body=json.loads(choice.extra_body) if choice.extra_body else None,
        extra_headers=choice.extra_headers,
        session_affinity=choice.session_affinity,
        limits=limits,
        connect_timeout_s=choice.connect_timeout_s,
        network=choice.network,
    )


def _embedded(choice: ProviderChoice, weights: Weights, reason: str) -> Provider:
    slots = choice.embedded_slots or DEFAULT_SLOTS
    return EmbeddedProvider(weights=weights, reason=reason, slots=slots)


def _weights(choice: ProviderChoice, installation: Installation | None) -> Weights:
    return resolve_weights(
        embedded_model=choice.embedded_model,
        model_path=Path(choice.model_path) if choice.model_path else None,
        installation=installation,
    )


def _base_url(choice: ProviderChoice) -> str:
    try:
        return normalised_base_url(choice.base_url or OPENAI_BASE_URL)
    except ValueError as error:
        raise ConfigurationError(
            f"The base URL ({choice.base_url_origin}) {error}: set `baseUrl` to one such as "
            "`http://127.0.0.1:8080/v1`."
        ) from error


MOST_EMBEDDED_SLOTS = 4
"""Each slot of the embedded model costs some 90 MB; more at once only make each of them slower."""


def network_of(settings: Settings) -> Network:
    """Return how endpoints are reached."""
    return Network(
        proxy=settings.proxy,
        ca_bundle=settings.ca_bundle,
        client_certificate=settings.client_certificate,
        client_key=settings.client_key,
    )


def provider_choice(resolved: ResolvedSettings) -> ProviderChoice:
    """Return what decides about the provider, with where each of it came from."""
    settings, origins = resolved.settings, resolved.origins
    role, limit_field = settings.system_role, settings.token_limit_field
    return ProviderChoice(
        provider=settings.provider,
        provider_origin=str(origins["provider"]),
        api_key=resolved.api_key,
        api_key_command=resolved.api_key_command,
        api_key_origin=str(resolved.api_key_origin or "not set"),
        api_key_env=settings.api_key_env,
        base_url=settings.base_url,
        base_url_origin=str(origins["base_url"]),
        model=settings.model,
        token_limit_field=None if limit_field == "auto" else limit_field,
        system_role=None if role == "auto" else role,
        api=settings.api,
        extra_body=settings.extra_body,
        extra_headers=settings.extra_headers,
        allow_plain_http=settings.allow_plain_http,
        session_affinity=settings.session_affinity,
        connect_timeout_s=settings.connect_timeout_seconds,
        network=network_of(settings),
        embedded_slots=min(settings.max_concurrent_generations, MOST_EMBEDDED_SLOTS),
        embedded_model=settings.embedded_model,
        model_path=str(settings.model_path) if settings.model_path else None,
    )


def fallbacks_of(
    resolved: ResolvedSettings, provider_of: Callable[[ProviderChoice], Provider]
) -> tuple[Fallback, ...]:
    """Return what gets requests where the provider fails, by `fallbacks`; only what can be used."""
    found = []
    for name in resolved.settings.fallbacks:
        profile = resolved.profiles.get(name)
        if profile is None or provider_choice(profile) == provider_choice(resolved):
            continue
        try:
            found.append(profile_as_fallback(name, profile, provider_of))
        except ConfigurationError as error:
            logger.warning("the fallback `%s` cannot be used: %s", name, error.message)
    return tuple(found)


def profile_as_fallback(
    name: str, profile: ResolvedSettings, provider_of: Callable[[ProviderChoice], Provider]
) -> Fallback:
    """Return a profile as something that gets requests instead.

    Raises:
        ConfigurationError: It cannot work as set.
    """
    provider = provider_of(provider_choice(profile))
    return Fallback(name=name, provider=provider, request=completion_request(profile.settings, ()))


def completion_choice(resolved: ResolvedSettings) -> ProviderChoice:
    """Return what decides about the provider that completes; the same, where nothing else is set.

    A key, and the headers and fields that are the user's own, go nowhere but to the endpoint that
    they were given for.
    """
    settings, choice = resolved.settings, provider_choice(resolved)
    if settings.completion_base_url:
        origin = str(resolved.origins["completion_base_url"])
        if not leads_to(settings.completion_base_url, choice.base_url or OPENAI_BASE_URL):
            choice = replace(
                choice,
                api_key=None,
                api_key_command=(),
                extra_body=None,
                extra_headers=(),
                network=replace(choice.network, client_certificate=None, client_key=None),
            )
        choice = replace(
            choice,
            provider="auto",
            base_url=settings.completion_base_url,
            base_url_origin=origin,
        )
    if settings.completion_model:
        choice = replace(choice, model=settings.completion_model)
    return choice


def completes(resolved: ResolvedSettings, provider: ProviderDescription) -> InlineCompletion:
    """Return when suggestions are made: as it is set, else all the time where they cost nothing."""
    if resolved.settings.inline_completion is not None:
        return resolved.settings.inline_completion
    return "automatic" if is_on_this_machine(provider) else "off"


def is_on_this_machine(provider: ProviderDescription) -> bool:
    """Whether a provider's model runs here, where a request costs nothing but time."""
    return provider.name == "embedded" or is_loopback(provider.endpoint)


@dataclass(slots=True)
class _Open:
    provider: Provider
    requests: int = 0
    """Those that run on it now."""


class ProviderPool:
    """Shares providers between generations, and closes each that is not wanted any more.

    A provider may hold a child process with a model in it, so one of an earlier choice goes as soon
    as the last request on it has ended.
    """

    def __init__(self, choose: Callable[[ProviderChoice], Provider] = choose_provider) -> None:
        self._choose = choose
        self._open: dict[ProviderChoice, _Open] = {}
        self._wanted: frozenset[ProviderChoice] = frozenset()
        self._last: ProviderChoice | None = None
        """The one that was called for last: it is probably called for again."""
        self._closing: set[asyncio.Task[None]] = set()

    def provider(self, choice: ProviderChoice) -> "PooledProvider":
        """Return the provider of a choice, which stays open until another one is called for.

        Raises:
            ConfigurationError: It cannot work as set.
        """
        opened = self._opened(choice)
        self._last = choice
        self._close_unwanted()
        return PooledProvider(self, choice, opened.provider.description)

    def want(self, *choices: ProviderChoice) -> None:
        """Keep these open, and close all others on which nothing runs.

        Called inside a running event loop.
        """
        self._wanted, self._last = frozenset(choices), None
        self._close_unwanted()

    @asynccontextmanager
    async def in_use(self, choice: ProviderChoice) -> AsyncIterator[Provider]:
        """Keep the provider of a choice open inside the block, made anew if it was closed."""
        opened = self._opened(choice)
        opened.requests += 1
        try:
            yield opened.provider
        finally:
            opened.requests -= 1
            self._close_unwanted()

    async def aclose(self) -> None:
        """Close every provider, and with it connections and child processes."""
        # Taken out first: a request that ends meanwhile must not close one a second time.
        opened, self._open = self._open, {}
        for each in opened.values():
            await each.provider.aclose()
        await asyncio.gather(*self._closing)

    def _opened(self, choice: ProviderChoice) -> _Open:
        opened = self._open.get(choice)
        if opened is None:
            opened = self._open[choice] = _Open(self._choose(choice))
            description = opened.provider.description
            logger.info("provider %s: %s", description.name, description.reason)
        return opened

    def _close_unwanted(self) -> None:
        for choice, opened in list(self._open.items()):
            # The settings change from a local model to an endpoint while a generation runs: the
            # model's process goes on to the end of that one, and only then frees its memory.
            is_wanted = choice == self._last or choice in self._wanted
            if opened.requests == 0 and not is_wanted:
                del self._open[choice]
                task = asyncio.create_task(opened.provider.aclose(), name="closing a provider")
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)


class PooledProvider:
    """Streams from a pool's provider; a generation may hold on to it for as long as it likes."""

    def __init__(
        self, pool: ProviderPool, choice: ProviderChoice, description: ProviderDescription
    ) -> None:
        self._pool = pool
        self._choice = choice
        self._description = description

    @property
    def description(self) -> ProviderDescription:
        """Which provider this is and why it was taken."""
        return self._description

    @asynccontextmanager
    async def open(self, request: CompletionRequest) -> AsyncIterator[AsyncIterator[Delta]]:
        """Send the request and yield its chunks, as the provider does.

        Cancellation: closes the connection.
        """
        async with self._pool.in_use(self._choice) as provider, provider.open(request) as deltas:
            yield deltas

    @asynccontextmanager
    async def open_fill(self, request: FillRequest) -> AsyncIterator[AsyncIterator[Delta]]:
        """Have the text at a cursor filled in, as the provider does, if it does.

        Cancellation: closes the connection.

        Raises:
            FillNotOfferedError: It does not.
        """
        async with self._pool.in_use(self._choice) as provider:
            if not isinstance(provider, FillsIn):
                raise FillNotOfferedError
            async with provider.open_fill(request) as deltas:
                yield deltas

    async def pause_s(self) -> float:
        """Return the seconds until a request should be sent, as the provider does, if it knows."""
        async with self._pool.in_use(self._choice) as provider:
            return await provider.pause_s() if isinstance(provider, Paced) else 0.0

    async def warm_up(self) -> None:
        """Load what the first request would otherwise wait for."""
        async with self._pool.in_use(self._choice) as provider:
            await provider.warm_up()

    async def aclose(self) -> None:
        """Leave the closing to the pool: others may use the same provider."""


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
