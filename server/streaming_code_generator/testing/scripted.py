"""A provider without a model: it plays what a script says, faults included, and never sleeps.

Made for tests and demos: each attempt takes the next script, and the last one is played again for
every attempt after it.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from streaming_code_generator.core.messages import (
    CompletionRequest,
    Delta,
    ProviderDescription,
    Usage,
)
from streaming_code_generator.errors import StreamingError, StreamProcessError


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """The attempt fails with `error` at this point; as the first step, before it opens."""

    error: StreamingError


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnect:
    """The connection breaks off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitFor:
    """Nothing more comes until `event` is set; never, if it is not set."""

    event: asyncio.Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Yield:
    """Let other tasks run before the next step, as a real stream does."""


ScriptStep = Delta | Refuse | Disconnect | WaitFor | Yield
Script = Sequence[ScriptStep]


def text_script(*pieces: str, finish_reason: str | None = "stop") -> tuple[ScriptStep, ...]:
    """Return the script of a response that comes in these pieces and ends well.

    It has what real ones have: an empty first chunk, a finish chunk, and one for usage, which
    counts every piece as one token.
    """
    usage = Usage(prompt_tokens=1, completion_tokens=len(pieces), total_tokens=len(pieces) + 1)
    texts = tuple(Delta(text=piece) for piece in pieces)
    return (Delta(), *texts, Delta(finish_reason=finish_reason), Delta(usage=usage))


class ScriptedProvider:
    """Plays scripts. What was asked of it is kept in `requests`."""

    def __init__(
        self,
        *scripts: Script,
        model: str = "scripted",
        reason: str = "a script is given",
        endpoint: str = "scripted",
    ) -> None:
        self._scripts = scripts or (text_script(),)
        self._description = ProviderDescription(
            name="scripted", model=model, endpoint=endpoint, reason=reason
        )
        self.requests: list[CompletionRequest] = []
        """Every request that came, in order."""
        self.open_streams = 0
        """Streams that were opened and not left yet."""
        self.is_closed = False

    @property
    def description(self) -> ProviderDescription:
        """That this is a script."""
        return self._description

    @asynccontextmanager
    async def open(self, request: CompletionRequest) -> AsyncIterator[AsyncIterator[Delta]]:
        """Play the next script.

        Cancellation: at once.
        """
        script = self._scripts[min(len(self.requests), len(self._scripts) - 1)]
        self.requests.append(request)
        if script and isinstance(script[0], Refuse):
            raise script[0].error
        self.open_streams += 1
        try:
            async with aclosing(_played(script)) as deltas:
                yield deltas
        finally:
            self.open_streams -= 1

    async def warm_up(self) -> None:
        """Do nothing: there is nothing to load."""

    async def aclose(self) -> None:
        """Note that it was called."""
        self.is_closed = True


async def _played(script: Script) -> AsyncGenerator[Delta, None]:
    for step in script:
        match step:
            case Delta():
                yield step
            case Refuse():
                raise step.error
            case Disconnect():
                raise StreamProcessError(
                    "The connection to the script broke off.", kind="connection", retryable=True
                )
            case WaitFor():
                await step.event.wait()
            case Yield():
                await asyncio.sleep(0)
