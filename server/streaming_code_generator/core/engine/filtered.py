"""A generation's events together with the code, explanation and reasoning found in them.

The language server and the command line both stream a request this way; the library hands out the
events alone, with the parts of the whole response in the result.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from streaming_code_generator.core.events import GenerationEvent
from streaming_code_generator.core.extract import CodeTarget, FilteredText, OutputFilter


@dataclass(frozen=True, slots=True, kw_only=True)
class FilteredEvent:
    """An event, and what the output filter gives out when it arrives."""

    event: GenerationEvent
    texts: tuple[FilteredText, ...] = ()


async def filtered(
    events: AsyncGenerator[GenerationEvent, None], target: CodeTarget | None = None
) -> AsyncGenerator[FilteredEvent, None]:
    """Pass a generation's events through an output filter of their own.

    The last event brings the text that the filter had held back.

    Args:
        events: What an engine streams; closed when this is.
        target: Where the code is going to stand; None is nowhere in particular.

    Cancellation: at once; closes `events`.

    Raises:
        StreamingError: As `events` does; held-back text is dropped then.
    """
    output = OutputFilter(target or CodeTarget())
    async with aclosing(events):
        async for event in events:
            texts: list[FilteredText] = []
            if event.kind == "text":
                feed = output.feed if event.part == "content" else output.feed_reasoning
                texts = feed(event.text)
            elif event.kind == "finished":
                texts = output.finish()
            yield FilteredEvent(event=event, texts=tuple(texts))
