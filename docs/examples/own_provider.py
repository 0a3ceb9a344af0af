"""Generates with a provider of one's own, here one that looks answers up, and reads its events.

python docs/examples/own_provider.py "add two numbers"
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

from streaming_code_generator import (
    APIError,
    CompletionRequest,
    Delta,
    GenerationFinished,
    ProviderDescription,
    RetryScheduled,
    StreamingCodeGenerator,
    StreamingError,
    TextArrived,
)

ANSWERS = {
    "add two numbers": "```python\ndef add(a, b):\n    return a + b\n```\nIt adds them.\n",
}


class AnswerBook:
    """A provider: whatever has these four names is one. It need not inherit from anything."""

    description = ProviderDescription(
        name="answer book", model="paper", endpoint="shelf", reason="it was given"
    )

    @asynccontextmanager
    async def open(self, request: CompletionRequest) -> AsyncIterator[AsyncIterator[Delta]]:
        """Make one attempt; leaving the block must release what it holds, a connection say."""
        prompt = request.messages[-1].content
        if prompt not in ANSWERS:
            # With `retryable=True` the generator tries again, as its `max_retries` says.
            raise APIError("No page answers this prompt: ask another book.", kind="server")
        yield self._lines(ANSWERS[prompt])

    async def _lines(self, answer: str) -> AsyncIterator[Delta]:
        for line in answer.splitlines(keepends=True):
            yield Delta(text=line)
        yield Delta(finish_reason="stop")  # without it the response counts as broken off

    async def warm_up(self) -> None:
        """Load what the first request would otherwise wait for."""

    async def aclose(self) -> None:
        """Release what is held between requests."""


async def main(prompt: str) -> None:
    """Generate, and print each event that is worth it."""
    async with (
        StreamingCodeGenerator(provider=AnswerBook()) as generator,
        aclosing(generator.stream(prompt)) as events,
    ):
        async for event in events:
            match event:
                case TextArrived():
                    print(event.text, end="")
                case RetryScheduled():
                    print(f"again in {event.delay_s:.1f} s: {event.reason}")
                case GenerationFinished():
                    print(f"explained: {event.result.explanation.strip()}")


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1]))
    except StreamingError as error:
        sys.exit(str(error))
