"""`generate`: one response on standard output, its figures on standard error."""

import argparse
import asyncio
import json
import sys
from contextlib import aclosing

from streaming_code_generator.cli.options import add_setting_options, resolve_options
from streaming_code_generator.cli.terminal import show, tell
from streaming_code_generator.core.events import GenerationEvent
from streaming_code_generator.core.extract import OutputFilter
from streaming_code_generator.core.results import GenerationResult, result_object, summary_line
from streaming_code_generator.errors import ConfigurationError
from streaming_code_generator.library import SYSTEM_PROMPT, StreamingCodeGenerator
from streaming_code_generator.logs import install
from streaming_code_generator.providers.choose import choose_provider, provider_choice
from streaming_code_generator.settings import ResolvedSettings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the prompt, the forms of output, and the settings."""
    parser.add_argument(
        "prompt", metavar="PROMPT", help="what to generate; `-` reads it from stdin"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--json", action="store_true", help="print one JSON object at the end instead"
    )
    form.add_argument("--code-only", action="store_true", help="leave out everything but the code")
    add_setting_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Generate once.

    Raises:
        StreamingError: The generation failed; what had arrived is on standard output.
        KeyboardInterrupt: It was cancelled; the connection is closed by then.
    """
    prompt = _prompt(arguments.prompt)
    resolved = resolve_options(arguments)
    for problem in resolved.problems:
        tell(f"Note: {problem}")
    sink = install(sys.stderr, level="debug" if arguments.debug else "warning")
    if resolved.api_key:
        sink.redaction.hide(resolved.api_key.reveal())
    output = _Output(json_only=arguments.json, code_only=arguments.code_only)
    try:
        result = asyncio.run(_generate(prompt, resolved, output))
    finally:
        output.end_line()
        sink.close()
    _report(result, as_json=arguments.json)
    return 0


class _Output:
    """Writes the response as it arrives, in the form that was asked for."""

    def __init__(self, *, json_only: bool, code_only: bool) -> None:
        self._json_only = json_only
        self._filter = OutputFilter() if code_only else None
        self._last = "\n"

    def add(self, event: GenerationEvent) -> None:
        """Write what the event adds to the output."""
        if event.kind == "retry":
            tell(f"Retrying in {event.delay_s:.1f} s: {event.reason}")
        elif event.kind == "text" and event.part == "content" and not self._json_only:
            self._show(self._code_of(event.text) if self._filter else event.text)
        elif event.kind == "finished" and self._filter:
            self._show("".join(p.text for p in self._filter.finish() if p.part == "code"))

    def end_line(self) -> None:
        """Let what follows begin on a line of its own."""
        if self._last != "\n":
            self._show("\n")

    def _code_of(self, text: str) -> str:
        pieces = self._filter.feed(text) if self._filter else []
        return "".join(piece.text for piece in pieces if piece.part == "code")

    def _show(self, text: str) -> None:
        if text:
            self._last = text[-1]
            show(text)


def _prompt(argument: str) -> str:
    prompt = sys.stdin.buffer.read().decode() if argument == "-" else argument
    if not prompt.strip():
        raise ConfigurationError("The prompt is empty: say what to generate.")
    return prompt


async def _generate(prompt: str, resolved: ResolvedSettings, output: _Output) -> GenerationResult:
    async with (
        _generator(resolved) as generator,
        aclosing(generator.stream(prompt)) as events,
    ):
        async for event in events:
            output.add(event)
            if event.kind == "finished":
                return event.result
    raise AssertionError("A stream ends with its result or with an error.")


def _generator(resolved: ResolvedSettings) -> StreamingCodeGenerator:
    settings = resolved.settings
    return StreamingCodeGenerator(
        provider=choose_provider(provider_choice(resolved)),
        timeout=settings.timeout_seconds,
        first_chunk_timeout=settings.first_chunk_timeout_seconds,
        stall_timeout=settings.stall_timeout_seconds,
        max_retries=settings.max_retries,
        chunk_size=settings.chunk_size,
        max_output_tokens=settings.max_output_tokens,
        temperature=settings.temperature,
        system_prompt=settings.system_prompt or SYSTEM_PROMPT,
    )


def _report(result: GenerationResult, *, as_json: bool) -> None:
    if as_json:
        show(json.dumps(result_object(result), ensure_ascii=False) + "\n")
        return
    for warning in result.warnings:
        tell(f"Note: {warning}")
    tell(summary_line(result))
