"""Callbacks as listeners to a generation's events."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import replace

from streaming_code_generator.core.events import GenerationEvent, GenerationFinished, TextArrived
from streaming_code_generator.core.stats import StreamStats, StreamStatus
from streaming_code_generator.errors import StreamProcessError

TextCallback = Callable[[str], Awaitable[None] | None]
"""Gets each piece of the response's text; a plain or a coroutine function."""

ProgressCallback = Callable[[StreamStats], Awaitable[None] | None]
"""Gets the figures after each chunk; a plain or a coroutine function."""


class CallbackListener:
    """Passes one generation's events on: the text, and the figures once for each chunk."""

    def __init__(self, on_text: TextCallback | None, on_progress: ProgressCallback | None) -> None:
        self._on_text = on_text
        self._on_progress = on_progress
        self._stats = StreamStats()
        self._text: list[str] = []

    async def hear(self, event: GenerationEvent) -> None:
        """Call back for one event.

        Raises:
            StreamProcessError: A callback raised; that is its cause.
        """
        is_new_chunk = event.stats.chunks_processed != self._stats.chunks_processed
        self._stats = event.stats
        if isinstance(event, TextArrived) and event.part == "content":
            self._text.append(event.text)
            await self._call(self._on_text, event.text, "callback")
        if is_new_chunk or isinstance(event, GenerationFinished):
            await self._call(self._on_progress, event.stats, "progress callback")

    async def hear_end(self, status: StreamStatus) -> None:
        """Report the last figures of a generation that did not come to its end.

        Raises:
            StreamProcessError: The callback raised.
        """
        last = replace(self._stats, status=status)
        await self._call(self._on_progress, last, "progress callback")

    async def _call(
        self, callback: Callable[..., object] | None, argument: object, name: str
    ) -> None:
        if callback is None:
            return
        try:
            answer = callback(argument)
            if inspect.isawaitable(answer):
                await answer
        except Exception as error:
            raise StreamProcessError(
                f"The {name} raised {type(error).__name__}, which ended the generation. Its "
                "traceback is this error's cause.",
                kind="callback",
                attempts=self._stats.attempts,
                partial_text="".join(self._text),
            ) from error
