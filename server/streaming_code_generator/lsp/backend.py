"""The settings in force and the engine that runs under them."""

import asyncio
import logging
import os
import secrets
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from hashlib import blake2b
from pathlib import Path

from streaming_code_generator.core.attempts import Attempt
from streaming_code_generator.core.engine.generator import GenerationEngine, generation_policy
from streaming_code_generator.core.engine.limits import ConcurrencyLimit
from streaming_code_generator.core.engine.recovery import CircuitBreakers
from streaming_code_generator.core.messages import Provider
from streaming_code_generator.core.results import Cost
from streaming_code_generator.core.tokens import Tokenizers
from streaming_code_generator.errors import ConfigurationError
from streaming_code_generator.lsp.client import Client
from streaming_code_generator.providers.choose import (
    ProviderChoice,
    ProviderPool,
    choose_provider,
    completion_choice,
    fallbacks_of,
    provider_choice,
)
from streaming_code_generator.settings import ResolvedSettings, SettingsSources, resolve
from streaming_code_generator.settings.declarations import SECTION
from streaming_code_generator.usage.ledger import Ledger, price_list
from streaming_code_generator.usage.shared_limits import SharedLimits

logger = logging.getLogger(__name__)

REPLACEMENT_S = 40.0
"""So long a gateway may go on sending requests to an engine that was killed; Ray Serve for 35 s."""

ANSWER_TIMEOUT_S = 3.0
"""A client that does not answer is served with the settings known so far."""


class Backend:
    """Resolves settings, and makes the engines that run under them.

    `on_problem` hears of a setting's problem each time the settings are read.
    """

    def __init__(
        self,
        sources: SettingsSources,
        *,
        on_problem: Callable[[str], None],
        on_resolved: Callable[[ResolvedSettings], None],
        choose: Callable[[ProviderChoice], Provider] | None = None,
    ) -> None:
        self._sources = sources
        self._on_problem = on_problem
        self._on_resolved = on_resolved
        self._resolved: ResolvedSettings | None = None
        choose = choose or partial(choose_provider, limits=SharedLimits())
        self._pool = ProviderPool(choose)
        self._completion_pool = ProviderPool(choose)
        """Of another endpoint or model than the one that generates, where one is set."""
        self._breakers = CircuitBreakers()
        self.tokenizers = Tokenizers()
        self._worked: set[str] = set()
        """Endpoints that have answered: one that fails afterwards is probably being replaced."""
        self.ledger = Ledger(price=price_list())
        self.concurrency = ConcurrencyLimit(limit=4)
        self._session_key = secrets.token_bytes(16)
        self._reading = asyncio.Lock()
        """Held while the client's configuration is being read."""

    @property
    def resolved(self) -> ResolvedSettings:
        """The settings in force; read on first use."""
        if self._resolved is None:
            self._resolved = resolve(self._sources)
            self._apply()
        return self._resolved

    def take_client(self, *, initialization_options: object, workspace_root: Path | None) -> None:
        """Add the sources that a client brings; they are read at the next use."""
        self._sources = replace(
            self._sources,
            initialization_options=initialization_options,
            workspace_root=workspace_root,
        )
        self._resolved = None

    async def warm_up(self) -> None:
        """Load what the first generation would wait for. Never fails."""
        try:
            provider = self.new_engine().provider
        except ConfigurationError as error:
            logger.info("no provider yet: %s", error.message)
            return
        await provider.warm_up()

    # The client's configuration: requested once it is ready, and after each notified change

    async def begin(self, client: Client) -> None:
        """Request the client's configuration, register for its changes, and warm up."""
        async with self._reading:
            await self._read(client)
        if client.capabilities.configuration_changes:
            client.register_for_configuration(SECTION)
        await self.warm_up()

    async def configuration_changed(self, client: Client, pushed: object) -> None:
        """Read the configuration again; a client that takes no such request has pushed it."""
        async with self._reading:
            if client.capabilities.configuration:
                await self._read(client)
            else:
                await self.update(workspace_configuration=pushed)

    async def settings_read(self) -> None:
        """Wait until every change of settings that came before has been read."""
        async with self._reading:
            pass

    async def _read(self, client: Client) -> None:
        if not client.capabilities.configuration:
            await self.update(environment=dict(os.environ))
            return
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                answer = await client.configuration(SECTION)
        except TimeoutError:
            logger.warning("the client did not answer workspace/configuration")
            return
        except Exception as error:  # noqa: BLE001 - whatever the client answers, it is served
            logger.warning("the client refused workspace/configuration: %s", error)
            return
        await self.update(workspace_configuration=answer)

    async def update(self, **changed: object) -> None:
        """Change some of the sources and read all of them again."""
        self._sources = replace(self._sources, **changed)  # type: ignore[arg-type]  # fields by name
        # In a thread: two small files are read, perhaps over a network.
        self._resolved = await asyncio.to_thread(resolve, self._sources)
        self._apply()

    def _apply(self) -> None:
        if self._resolved is None:
            return
        self._on_resolved(self._resolved)
        in_use = (self._resolved, *self._resolved.profiles.values())
        self._pool.want(*map(provider_choice, in_use))
        self._completion_pool.want(completion_choice(self._resolved))
        self.concurrency.set_limit(self._resolved.settings.max_concurrent_generations)
        for problem in self._resolved.problems:
            self._on_problem(problem)

    def new_engine(self, resolved: ResolvedSettings | None = None) -> GenerationEngine:
        """Return the engine for a generation that starts now.

        Args:
            resolved: What is in force for its request, if not what is in force for all.

        Raises:
            ConfigurationError: No model can be had; the message says how to get one.
        """
        resolved = resolved or self.resolved
        fallbacks = fallbacks_of(resolved, self._pool.provider)
        provider = self._pool.provider(provider_choice(resolved))
        policy = generation_policy(resolved.settings)
        # Where another endpoint can take the request, this one is not waited for.
        if provider.description.endpoint in self._worked and not fallbacks:
            policy = replace(policy, replacement_s=REPLACEMENT_S)
        return GenerationEngine(
            provider,
            policy,
            self.tokenizers,
            self.record,
            fallbacks=fallbacks,
            breakers=self._breakers,
        )

    def session_id(self, uri: str) -> str:
        """Return what a document's requests have in common: a hash that names no user and no path.

        It has a key that leaves this process never, so that nothing can be found by trying names.
        """
        return blake2b(uri.encode(), key=self._session_key, digest_size=16).hexdigest()

    def record(self, attempt: Attempt) -> "Future[Cost | None]":
        """Take note of a request that has ended."""
        if attempt.status == "completed":
            self._worked.add(attempt.endpoint)
        return self.ledger.record(attempt)

    def completion_provider(self) -> Provider:
        """Return the provider for a request for a suggestion that is sent now.

        Raises:
            ConfigurationError: No model can be had.
        """
        choice = completion_choice(self.resolved)
        if choice == provider_choice(self.resolved):
            return self._pool.provider(choice)
        return self._completion_pool.provider(choice)

    async def aclose(self) -> None:
        """Close every provider, and with it connections and child processes; write the ledger."""
        await self._pool.aclose()
        await self._completion_pool.aclose()
        self.tokenizers.close()
        await self.ledger.aclose()
