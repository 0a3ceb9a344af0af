"""The settings in force and the engine that runs under them."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from streaming_code_generator.core.engine.generator import GenerationEngine
from streaming_code_generator.core.messages import Provider
from streaming_code_generator.core.tokens import Tokenizers
from streaming_code_generator.errors import ConfigurationError
from streaming_code_generator.lsp.generations.concurrency import Turns
from streaming_code_generator.providers.choose import (
    ProviderChoice,
    choose_provider,
    generation_policy,
    provider_choice,
)
from streaming_code_generator.settings import ResolvedSettings, SettingsSources, resolve

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What one generation runs on, from its start to its end."""

    provider: Provider
    engine: GenerationEngine
    resolved: ResolvedSettings


class Backend:
    """Resolves settings, and keeps each provider that they have called for.

    Settings may differ from folder to folder, so what was called for once is called for again.
    """

    def __init__(
        self,
        sources: SettingsSources,
        *,
        on_problem: Callable[[str], None],
        on_resolved: Callable[[ResolvedSettings], None],
        choose: Callable[[ProviderChoice], Provider] = choose_provider,
    ) -> None:
        self._sources = sources
        self._on_problem = on_problem
        self._on_resolved = on_resolved
        self._choose = choose
        self._told: set[str] = set()
        self._resolved: ResolvedSettings | None = None
        self._providers: dict[ProviderChoice, Provider] = {}
        self._tokenizers = Tokenizers()
        self.turns = Turns(limit=4)

    @property
    def resolved(self) -> ResolvedSettings:
        """The settings in force; read on first use."""
        if self._resolved is None:
            self._resolved = resolve(self._sources)
            self._take()
        return self._resolved

    def take_client(self, *, initialization_options: object, workspace_root: Path | None) -> None:
        """Add what a client says of itself; it is read at the next use."""
        self._sources = replace(
            self._sources,
            initialization_options=initialization_options,
            workspace_root=workspace_root,
        )
        self._resolved = None

    async def warm_up(self) -> None:
        """Load what the first generation would wait for. Never fails."""
        try:
            provider = self.engine().provider
        except ConfigurationError as error:
            logger.info("no provider yet: %s", error.message)
            return
        await self._tokenizers.warm_up(provider.description.model)
        await provider.warm_up()

    async def update(self, **changed: object) -> None:
        """Change some of the sources and read all of them again."""
        self._sources = replace(self._sources, **changed)  # type: ignore[arg-type]  # fields by name
        self._resolved = await asyncio.to_thread(resolve, self._sources)
        self._take()

    def _take(self) -> None:
        if self._resolved is None:
            return
        self._on_resolved(self._resolved)
        self.turns.set_limit(self._resolved.settings.max_concurrent_generations)
        for problem in self._resolved.problems:
            if problem not in self._told:
                self._told.add(problem)
                self._on_problem(problem)

    def engine(self) -> Engine:
        """Return what a generation that starts now runs on.

        Raises:
            ConfigurationError: No model can be had; the message says how to get one.
        """
        resolved = self.resolved
        choice = provider_choice(resolved)
        provider = self._providers.get(choice)
        if provider is None:
            provider = self._providers[choice] = self._choose(choice)
            logger.info("provider %s: %s", provider.description.name, provider.description.reason)
        policy = generation_policy(resolved.settings)
        engine = GenerationEngine(provider, policy, self._tokenizers)
        return Engine(provider=provider, engine=engine, resolved=resolved)

    async def aclose(self) -> None:
        """Close every provider, and with it connections and child processes."""
        providers, self._providers = self._providers, {}
        for provider in providers.values():
            await provider.aclose()
        self._tokenizers.close()
