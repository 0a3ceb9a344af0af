"""The providers that are open: those in use, those that are set, and the last one."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from streaming_code_generator.core.complete.fill import (
    FillNotOfferedError,
    FillRequest,
    FillsIn,
)
from streaming_code_generator.core.messages import (
    CompletionRequest,
    Delta,
    Paced,
    Provider,
    ProviderDescription,
)
from streaming_code_generator.providers.choose import ProviderChoice, choose_provider

logger = logging.getLogger(__name__)


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
