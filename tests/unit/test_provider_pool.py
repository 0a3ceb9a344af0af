"""Providers of earlier settings are closed, and never under a request that runs on them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from streaming_code_generator.core.messages import CompletionRequest, Delta, ProviderDescription
from streaming_code_generator.lsp.backend import Backend
from streaming_code_generator.providers.choose import ProviderChoice
from streaming_code_generator.settings import SettingsSources

REQUEST = CompletionRequest(messages=())


class FakeProvider:
    """Says whether it is open; streams nothing."""

    def __init__(self, choice: ProviderChoice) -> None:
        self.is_open = True
        self.description = ProviderDescription(
            name="fake", model=choice.model or "", endpoint="e", reason="r"
        )

    @asynccontextmanager
    async def open(self, _: CompletionRequest) -> AsyncIterator[AsyncIterator[Delta]]:
        async def nothing() -> AsyncIterator[Delta]:
            return
            yield

        assert self.is_open
        yield nothing()
        assert self.is_open

    async def warm_up(self) -> None:
        """Load nothing."""

    async def aclose(self) -> None:
        self.is_open = False


class Site:
    """A backend, with all the providers that it has called for."""

    def __init__(self) -> None:
        self.made: list[FakeProvider] = []
        self.backend = Backend(
            SettingsSources(),
            on_problem=lambda _: None,
            on_resolved=lambda _: None,
            choose=self._choose,
        )

    def _choose(self, choice: ProviderChoice) -> FakeProvider:
        self.made.append(FakeProvider(choice))
        return self.made[-1]

    async def set_model(self, model: str) -> None:
        await self.backend.update(command_line={"model": model})
        await asyncio.sleep(0)

    @property
    def open_models(self) -> list[str]:
        return [each.description.model for each in self.made if each.is_open]


@pytest.fixture
def site() -> Site:
    return Site()


async def test_a_change_of_settings_closes_the_provider_before(site: Site) -> None:
    for model in ("a", "b", "c", "d"):
        await site.set_model(model)
        site.backend.new_engine()

    assert site.open_models == ["d"]
    await site.backend.aclose()
    assert site.open_models == []


async def test_a_change_that_decides_nothing_about_it_keeps_the_provider(site: Site) -> None:
    await site.set_model("a")
    site.backend.new_engine()
    await site.backend.update(command_line={"model": "a", "temperature": 1})
    site.backend.new_engine()

    assert len(site.made) == 1


async def test_a_provider_is_closed_only_after_its_last_request(site: Site) -> None:
    await site.set_model("a")
    engine = site.backend.new_engine()
    async with engine.provider.open(REQUEST):
        await site.set_model("b")
        site.backend.new_engine()
        assert site.open_models == ["a", "b"]
    await asyncio.sleep(0)

    assert site.open_models == ["b"]


async def test_a_generation_that_waited_meanwhile_still_gets_its_provider(site: Site) -> None:
    await site.set_model("a")
    queued = site.backend.new_engine()
    await site.set_model("b")
    site.backend.new_engine()
    async with queued.provider.open(REQUEST):
        assert site.open_models == ["b", "a"]
    await asyncio.sleep(0)

    assert site.open_models == ["b"]
