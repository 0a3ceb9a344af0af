"""`generate`: one response on standard output, its figures on standard error."""

import argparse
import asyncio
import json
import sys
from contextlib import AsyncExitStack, aclosing

from streaming_code_generator.cli.settings_command import add_setting_options, resolve_options
from streaming_code_generator.cli.terminal import notify, show
from streaming_code_generator.core.engine.generator import (
    FilteredEvent,
    GenerationEngine,
    filtered,
    generation_policy,
)
from streaming_code_generator.core.extract.parts import CodeTarget
from streaming_code_generator.core.messages import Message, ProviderDescription
from streaming_code_generator.core.results import GenerationResult, result_object, summary_line
from streaming_code_generator.errors import ConfigurationError, StreamingError
from streaming_code_generator.library import SYSTEM_PROMPT
from streaming_code_generator.logs import install, redacted
from streaming_code_generator.providers.choose import (
    choose_provider,
    completion_request,
    fallbacks_of,
    is_on_this_machine,
    provider_choice,
)
from streaming_code_generator.settings import ResolvedSettings
from streaming_code_generator.usage.ledger import BudgetState, Ledger, budget_state, price_list
from streaming_code_generator.usage.shared_limits import SharedLimits


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
    prompt = arguments.prompt
    if prompt == "-":
        prompt = _prompt_from(sys.stdin.buffer.read())
    if not prompt.strip():
        raise ConfigurationError("The prompt is empty: say what to generate.")
    resolved = resolve_options(arguments)
    for problem in resolved.problems:
        notify(f"Note: {problem}")
    sink = install(sys.stderr, level="debug" if arguments.debug else "warning")
    for secret in resolved.secrets:
        sink.redaction.hide(secret.reveal())
    output = _Output(json_only=arguments.json, code_only=arguments.code_only)
    try:
        result, provider = asyncio.run(_generate(prompt, resolved, output))
    except (StreamingError, KeyboardInterrupt) as ended:
        if arguments.json:
            show(json.dumps(_ended_object(ended, output.text), ensure_ascii=False) + "\n")
        raise
    finally:
        output.end_line()
        sink.close()
    if arguments.json:
        show(json.dumps(result_object(result), ensure_ascii=False) + "\n")
        return 0
    if arguments.code_only and result.lacks_code:
        notify(result.text)
    notify(summary_line(result, has_price=not is_on_this_machine(provider)))
    is_outdated = "corrected" in result.dropped
    if arguments.code_only and is_outdated:
        notify(f"The model corrected the code that was printed; its last version:\n{result.code}")
    # Nothing, or what is wrong, must not pass for code where the output is piped into a file.
    return 1 if arguments.code_only and (is_outdated or not result.code.strip()) else 0


def _prompt_from(standard_input: bytes) -> str:
    try:
        return standard_input.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"The prompt on standard input is not UTF-8 (byte {error.start + 1}): convert it first."
        ) from error


def _ended_object(ended: StreamingError | KeyboardInterrupt, text: str) -> dict[str, object]:
    """Return what there is of a generation that did not come to its end."""
    if isinstance(ended, KeyboardInterrupt):
        return {"status": "cancelled", "text": text}
    return {
        "status": "error",
        "kind": ended.kind,
        "message": redacted(ended.message),
        "attempts": ended.attempts,
        "text": text,
    }


class _Output:
    """Writes the response as it arrives, in the form that was asked for."""

    def __init__(self, *, json_only: bool, code_only: bool) -> None:
        self._json_only = json_only
        self.code_only = code_only
        self._last = "\n"
        self._pieces: list[str] = []

    @property
    def text(self) -> str:
        """The response so far, whatever of it is written."""
        return "".join(self._pieces)

    def add(self, filtered_event: FilteredEvent) -> None:
        """Write what the event adds to the output."""
        event = filtered_event.event
        if event.kind == "text" and event.part == "content":
            self._pieces.append(event.text)
        if event.kind == "retry":
            asking = "Retrying" if event.attempt > 1 else "Asking"
            notify(f"{asking} in {event.delay_s:.1f} s: {event.reason}")
        elif self.code_only:
            self._show("".join(t.text for t in filtered_event.texts if t.part == "code"))
        elif event.kind == "text" and event.part == "content" and not self._json_only:
            self._show(event.text)

    def end_line(self) -> None:
        """Let what follows begin on a line of its own."""
        if self._last != "\n":
            self._show("\n")

    def _show(self, text: str) -> None:
        if text:
            self._last = text[-1]
            show(text)


async def _generate(
    prompt: str, resolved: ResolvedSettings, output: _Output
) -> tuple[GenerationResult, ProviderDescription]:
    settings = resolved.settings
    provider = choose_provider(provider_choice(resolved), limits=SharedLimits())
    system_prompt = Message(role="system", content=settings.system_prompt or SYSTEM_PROMPT)
    request = completion_request(settings, (system_prompt, Message(role="user", content=prompt)))
    ledger = Ledger(price=price_list())
    fallbacks = fallbacks_of(resolved, choose_provider)
    policy = generation_policy(settings)
    engine = GenerationEngine(provider, policy, record=ledger.record, fallbacks=fallbacks)
    target = CodeTarget(ends_with_code=output.code_only)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(aclosing(ledger))
        for each in (provider, *(fallback.provider for fallback in fallbacks)):
            await stack.enter_async_context(aclosing(each))
        if settings.budget_per_day is not None:
            _keep_to(budget_state(settings.budget_per_day, await ledger.spent()))
        events = await stack.enter_async_context(aclosing(filtered(engine, request, target)))
        async for event in events:
            output.add(event)
            if event.event.kind == "finished":
                return event.event.result, provider.description
    raise AssertionError("A stream ends with its result or with an error.")


def _keep_to(budget: BudgetState) -> None:
    """Warn of a budget that runs low, and ask on a terminal whether to go beyond it.

    Raises:
        ConfigurationError: It is spent, and there is no terminal, or the answer is no.
    """
    if not budget.is_spent:
        if budget.is_low:
            notify(f"Note: {budget} of today's budget (`budgetPerDay`) is spent.")
        return
    if sys.stdin.isatty():
        notify(f"Today's budget is spent: {budget}. Generate anyway? [y/N]")
        if sys.stdin.readline().strip().lower() in {"y", "yes"}:
            return
    raise ConfigurationError(
        f"Today's budget is spent: {budget}. Nothing was generated; to go on, raise `budgetPerDay`."
    )
