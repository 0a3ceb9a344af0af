"""The public names as a type checker sees them: mypy reads this file, nothing runs it.

A comment that ignores an error is itself an error where there is none to ignore.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import assert_never, assert_type

import streaming_code_generator
from streaming_code_generator import (
    CompletionRequest,
    Delta,
    EmptyChunkArrived,
    GenerationEvent,
    GenerationFinished,
    GenerationResult,
    Provider,
    ProviderDescription,
    RetryScheduled,
    StreamingCodeGenerator,
    StreamStats,
    TextArrived,
)

assert_type(streaming_code_generator.__version__, str)


def import_what_does_not_exist() -> object:
    from streaming_code_generator import NoSuchName  # type: ignore[attr-defined]  # noqa: PLC0415

    return NoSuchName


class OwnProvider:
    """A provider is told by what it does, not by what it inherits."""

    @property
    def description(self) -> ProviderDescription:
        return ProviderDescription(name="own", model="m", endpoint="here", reason="it was given")

    def open(self, request: CompletionRequest) -> AbstractAsyncContextManager[AsyncIterator[Delta]]:
        return self._streamed(request)

    @asynccontextmanager
    async def _streamed(self, request: CompletionRequest) -> AsyncIterator[AsyncIterator[Delta]]:
        yield self._deltas(request)

    async def _deltas(self, request: CompletionRequest) -> AsyncIterator[Delta]:
        for message in request.messages:
            yield Delta(text=message.content)

    async def warm_up(self) -> None: ...

    async def aclose(self) -> None: ...


class NoProvider:
    """It cannot be opened."""


provider: Provider = OwnProvider()
StreamingCodeGenerator(provider=OwnProvider())
StreamingCodeGenerator(provider="embedded")
StreamingCodeGenerator(provider="no such provider")  # type: ignore[arg-type]
StreamingCodeGenerator(provider=NoProvider())  # type: ignore[arg-type]


async def take_text(text: str) -> None: ...


def take_nothing() -> None: ...


async def generate(generator: StreamingCodeGenerator) -> None:
    result = await generator.generate_code_with_explanation("p", take_text, lambda _stats: None)
    assert_type(result, GenerationResult)
    assert_type(result.stats, StreamStats)
    assert_type(result.finish_reason, str | None)
    await generator.generate_code_with_explanation("p", take_nothing)  # type: ignore[arg-type]


async def read_events(generator: StreamingCodeGenerator) -> None:
    async for event in generator.stream("p"):
        assert_type(event, GenerationEvent)
        match event:
            case TextArrived():
                assert_type(event.text, str)
            case EmptyChunkArrived():
                assert_type(event.stats, StreamStats)
            case RetryScheduled():
                assert_type(event.delay_s, float)
            case GenerationFinished():
                assert_type(event.result, GenerationResult)
            case _:
                assert_never(event)
