"""A generation's events together with the code, explanation and reasoning found in them.

The language server and the command line both stream a request this way; the library hands out the
events alone, with the parts of the whole response in the result.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

from streaming_code_generator.core.engine.generator import GenerationEngine
from streaming_code_generator.core.engine.routes import Admit, unlimited
from streaming_code_generator.core.extract.filter import OutputFilter
from streaming_code_generator.core.extract.parts import CodeTarget, FilteredText, Part
from streaming_code_generator.core.messages import CompletionRequest
from streaming_code_generator.core.results import GenerationEvent, GenerationResult


@dataclass(frozen=True, slots=True, kw_only=True)
class FilteredEvent:
    """An event, and what the output filter gives out when it arrives."""

    event: GenerationEvent
    texts: tuple[FilteredText, ...] = ()


async def filtered(
    engine: GenerationEngine,
    request: CompletionRequest,
    target: CodeTarget | None = None,
    *,
    every_chunk: bool = False,
    admit: Admit = unlimited,
) -> AsyncGenerator[FilteredEvent, None]:
    """Stream a generation through an output filter of its own.

    The last event brings the text that the filter had held back, and a result with the parts as
    they were filtered; the connection is closed as soon as the filter wants nothing more.

    Args:
        engine: What generates.
        request: What to generate.
        target: Where the code is going to stand; None is nowhere in particular.
        every_chunk: Whether each chunk must come as an event of its own.
        admit: Waited for before each endpoint is asked.

    Cancellation: at once; the connection is closed.

    Raises:
        StreamingError: As the engine does; held-back text is dropped then.
    """
    output = OutputFilter(target or CodeTarget())
    # What the filter gives out is given out for good: the parts of the result are just their sum,
    # but for code that is taken back as a whole at the end.
    parts: dict[Part, list[str]] = {"code": [], "explanation": [], "reasoning": []}
    stream = engine.stream(request, output, every_chunk=every_chunk, admit=admit)
    async with aclosing(stream) as events:
        async for event in events:
            texts: list[FilteredText] = []
            if event.kind == "text":
                feed = output.feed if event.part == "content" else output.feed_reasoning
                texts = feed(event.text)
            elif event.kind == "finished":
                texts = output.finish()
            for text in texts:
                parts[text.part].append(text.text)
            if event.kind == "finished":
                event = replace(event, result=_as_filtered(event.result, parts, output))  # noqa: PLW2901
            yield FilteredEvent(event=event, texts=tuple(texts))


def _as_filtered(
    result: GenerationResult, parts: dict[Part, list[str]], output: OutputFilter
) -> GenerationResult:
    code, dropped = output.settled("".join(parts["code"]))
    problem = output.problem
    warnings = result.warnings
    if problem is not None and problem not in warnings:
        warnings = (*warnings, problem)
    return replace(
        result,
        code=code,
        explanation="".join(parts["explanation"]),
        reasoning="".join(parts["reasoning"]) or result.reasoning,
        warnings=warnings,
        dropped=dict(dropped.items()),
    )
