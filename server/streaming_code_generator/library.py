"""The library's class: one object, any number of concurrent generations."""

import asyncio
import inspect
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from types import TracebackType
from typing import Literal, Self

from streaming_code_generator.core.engine.generator import GenerationEngine, GenerationPolicy
from streaming_code_generator.core.engine.recovery import CircuitBreakers, Fallback
from streaming_code_generator.core.engine.run import GenerationRun, Piece
from streaming_code_generator.core.messages import (
    CompletionRequest,
    Message,
    Provider,
    ProviderDescription,
)
from streaming_code_generator.core.results import (
    GenerationEvent,
    GenerationFinished,
    GenerationResult,
    RetryScheduled,
    StreamStats,
    StreamStatus,
)
from streaming_code_generator.core.tokens import Tokenizers
from streaming_code_generator.errors import ConfigurationError, StreamingError, StreamProcessError
from streaming_code_generator.providers.choose import (
    ProviderChoice,
    choose_provider,
    fallbacks_of,
    profile_as_fallback,
    provider_choice,
)
from streaming_code_generator.providers.openai.openai_provider import DEFAULT_MODEL
from streaming_code_generator.settings import (
    SPECS,
    ModelSelection,
    ResolvedSettings,
    Secret,
    SettingsSources,
    resolve,
)
from streaming_code_generator.settings.declarations import ProviderName

logger = logging.getLogger(__name__)

TextCallback = Callable[[str], Awaitable[None] | None]
"""Gets each piece of the response's text; a plain or a coroutine function."""

ProgressCallback = Callable[[StreamStats], Awaitable[None] | None]
"""Gets the figures after each chunk; a plain or a coroutine function."""


class CallbackListener:
    """Passes one generation's events on: the text, and the figures once for each chunk."""

    def __init__(
        self,
        run: GenerationRun,
        on_text: TextCallback | None,
        on_progress: ProgressCallback | None,
    ) -> None:
        self._run = run
        self._on_text = on_text
        self._on_progress = on_progress
        self._stats = StreamStats()
        self._text: list[str] = []

    async def handle(self, event: Piece | RetryScheduled | GenerationFinished) -> None:
        """Call back for a piece or an event.

        Raises:
            StreamProcessError: A callback raised; that is its cause.
        """
        is_new_chunk = False
        if self._on_progress is not None:
            if isinstance(event, RetryScheduled | GenerationFinished):
                stats = event.stats
            else:
                stats = self._run.stats()
            # A long chunk makes several pieces with the same figures: they are reported once.
            is_new_chunk = stats.chunks_processed != self._stats.chunks_processed
            self._stats = stats
        if event.kind == "text" and event.part == "content":
            self._text.append(event.text)
            await self._call(self._on_text, event.text, "callback")
        if is_new_chunk or event.kind == "finished":
            await self._call(self._on_progress, self._stats, "progress callback")

    async def ended(self, status: StreamStatus) -> None:
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
                attempts=max(self._run.attempts, 1),
                partial_text="".join(self._text),
            ) from error


SYSTEM_PROMPT = (
    "You are a programmer. Answer with the complete code in one fenced code block tagged with "
    "its language, and after it a short explanation of how it works, in plain sentences."
)


class StreamingCodeGenerator:
    """Generates code with an explanation, streaming it as it arrives.

    Nothing of one generation is kept here, so one generator serves many at once. Close it with
    `async with` or `aclose` to close its connections and child processes.

    Args:
        api_key: The endpoint's key. None: as set in the environment or the configuration file; if
            neither a key nor a base URL is set anywhere, the embedded model is used.
        model: The model, as the endpoint knows it; None is the one that is set, or a default.
        timeout: Seconds for a whole generation, retries included.
        chunk_size: Most characters handed to a callback at once.
        base_url: An OpenAI-compatible endpoint; None is the one that is set, or OpenAI's.
        max_retries: Retries after the first attempt, made only before any text has arrived.
        first_chunk_timeout: Seconds of silence allowed before the first text.
        stall_timeout: Seconds of silence allowed between chunks.
        on_interrupt: What is done where a stream breaks off after text: `keep` raises, with the
            text so far; `continue` has the model go on from there.
        max_continuations: How often a response that was cut off at the token limit is gone on with.
        mask_keys: Whether keys in a prompt are masked before it is sent, and put back in the
            response.
        max_output_tokens: Most tokens to generate; None leaves it to the provider.
        temperature: The sampling temperature, 0 to 2; None leaves it to the provider.
        system_prompt: Instructions to the model instead of `SYSTEM_PROMPT`.
        provider: `auto`, `openai` or `embedded`, instead of what is set; or a provider of one's
            own, instead of all the choosing.
        fallbacks: What is asked instead, in this order, where the provider fails before any text
            came: names of `profiles` that are set, or other generators, which stay the caller's
            to close. One that keeps failing is passed over for a while; a result names the one
            that answered. None: the `fallbacks` that are set, unless a key, a base URL or a
            provider is passed here.

    Raises:
        ConfigurationError: No provider can be chosen, or a value is out of range.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the public signature; everything has a default
        self,
        api_key: str | None = None,
        model: str | None = None,
        timeout: float = 60,
        chunk_size: int = 1524,
        base_url: str | None = None,
        max_retries: int = 3,
        *,
        first_chunk_timeout: float = 60,
        stall_timeout: float = 20,
        on_interrupt: Literal["keep", "continue"] = "keep",
        max_continuations: int = 0,
        mask_keys: bool = True,
        max_output_tokens: int | None = None,
        temperature: float | None = None,
        system_prompt: str = SYSTEM_PROMPT,
        provider: Provider | ProviderName | None = None,
        fallbacks: "Sequence[str | StreamingCodeGenerator] | None" = None,
    ) -> None:
        self._policy = GenerationPolicy(
            timeout_s=timeout,
            first_chunk_timeout_s=first_chunk_timeout,
            stall_timeout_s=stall_timeout,
            max_retries=max_retries,
            continues_interrupted=on_interrupt == "continue",
            max_continuations=max_continuations,
            masks_keys=mask_keys,
            chunk_size=chunk_size,
        )
        if on_interrupt not in {"keep", "continue"}:
            raise ConfigurationError(
                f"`on_interrupt` must be `keep` or `continue`, not {on_interrupt!r}."
            )
        _require("max_continuations", max_continuations)
        _require("temperature", temperature)
        _require("max_output_tokens", max_output_tokens)
        if isinstance(provider, str):
            _require("provider", provider)
        self._system_prompt = system_prompt
        self._max_output_tokens = max_output_tokens
        self._temperature = temperature
        self._fallbacks = tuple(map(_fallback, fallbacks or ()))
        self._owned = [
            fallback.provider
            for fallback, given in zip(self._fallbacks, fallbacks or (), strict=True)
            if isinstance(given, str)
        ]
        if provider is None or isinstance(provider, str):
            resolved = _resolved(base_url, model, provider)
            self._provider = choose_provider(_choice(resolved, api_key, base_url, provider))
            if fallbacks is None and not (api_key or base_url or provider):
                self._fallbacks = fallbacks_of(resolved, choose_provider)
                self._owned = [fallback.provider for fallback in self._fallbacks]
        else:
            self._provider = provider
        self._breakers = CircuitBreakers()
        self._tokens = Tokenizers()

    @property
    def provider(self) -> ProviderDescription:
        """Which provider was taken, and why."""
        return self._provider.description

    async def generate_code_with_explanation(
        self,
        prompt: str,
        callback: TextCallback | None,
        progress_callback: ProgressCallback | None = None,
        max_retries: int | None = None,
    ) -> GenerationResult:
        """Generate, and hand on the text piece by piece.

        Args:
            prompt: What to write.
            callback: Gets each non-empty piece, in order. What it raises ends the generation.
            progress_callback: Gets the figures after every chunk, and once more at the end.
            max_retries: For this generation, instead of the generator's own number.

        Cancellation: at once; the connection is closed, and `progress_callback` is called.

        Raises:
            ConfigurationError: Something must be set first.
            APIError: The request failed, after its retries.
            StreamProcessError: The stream broke, stalled or ended early, or a callback raised.
        """
        engine, request = self._engine(max_retries), self._request(self._messages(prompt))
        run = engine.new_run()
        listener = CallbackListener(run, callback, progress_callback)
        try:
            async with aclosing(engine.pieces(request, run)) as events:
                async for event in events:
                    await listener.handle(event)
                    if event.kind == "finished":
                        return event.result
        except StreamingError as error:
            await _report_end(listener, StreamStatus.ERROR, error)
            raise
        except asyncio.CancelledError as error:
            await _report_end(listener, StreamStatus.CANCELLED, error)
            raise
        raise StreamProcessError("The generation ended without a result.", kind="internal")

    def stream(self, prompt: str) -> AsyncGenerator[GenerationEvent, None]:
        """Generate, as an async iterator of events; `GenerationFinished` is the last.

        To stop early, iterate inside `async with contextlib.aclosing(...)`, or cancel the task.

        Raises:
            ConfigurationError: Something must be set first.
            APIError: The request failed, after its retries.
            StreamProcessError: The stream broke, stalled or ended early.
        """
        return self._engine(None).stream(self._request(self._messages(prompt)))

    async def aclose(self) -> None:
        """Close connections and child processes. Safe to call twice."""
        for provider in (self._provider, *self._owned):
            await provider.aclose()
        self._tokens.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def _engine(self, max_retries: int | None) -> GenerationEngine:
        policy = self._policy
        if max_retries is not None:
            policy = replace(policy, max_retries=max_retries)
        return GenerationEngine(
            self._provider,
            policy,
            self._tokens,
            fallbacks=self._fallbacks,
            breakers=self._breakers,
        )

    def _messages(self, prompt: str) -> tuple[Message, ...]:
        return (
            Message(role="system", content=self._system_prompt),
            Message(role="user", content=prompt),
        )

    def _request(self, messages: tuple[Message, ...]) -> CompletionRequest:
        return CompletionRequest(
            messages=messages,
            max_output_tokens=self._max_output_tokens,
            temperature=self._temperature,
        )

    def _as_fallback(self) -> Fallback:
        name = self._provider.description.model
        return Fallback(name=name, provider=self._provider, request=self._request(()))


def _fallback(given: str | StreamingCodeGenerator) -> Fallback:
    """Return what gets the request instead: another generator, or a profile as it is set.

    Raises:
        ConfigurationError: There is no such profile, or it cannot work as set.
    """
    if isinstance(given, StreamingCodeGenerator):
        return given._as_fallback()  # noqa: SLF001 - of the same class
    profile = resolve(SettingsSources.of_process()).for_request(ModelSelection(profile=given))
    return profile_as_fallback(given, profile, choose_provider)


def _require(name: str, value: object) -> None:
    """Refuse an argument that the setting of its name would not take.

    Raises:
        ConfigurationError: It cannot be used.
    """
    kind = SPECS[name].kind
    try:
        if value is not None:
            kind.parse(value)
    except ValueError as error:
        raise ConfigurationError(f"`{name}` must be {kind.summary}, not {value!r}.") from error


def _resolved(
    base_url: str | None, model: str | None, provider: ProviderName | None
) -> ResolvedSettings:
    """Return what is set, and before it the arguments."""
    given = {"base_url": base_url, "model": model, "provider": provider}
    resolved = resolve(SettingsSources.of_process(command_line=given))
    for problem in resolved.problems:
        logger.warning("%s", problem)
    return resolved


def _choice(
    resolved: ResolvedSettings,
    api_key: str | None,
    base_url: str | None,
    provider: ProviderName | None,
) -> ProviderChoice:
    """Return what arguments and settings together decide; arguments go first."""
    choice = provider_choice(resolved)
    # An argument says more than any setting: a key or a URL that is passed means an endpoint, even
    # where the settings name the embedded model.
    if provider:
        choice = replace(choice, provider_origin="the `provider` argument")
    elif api_key or base_url:
        choice = replace(choice, provider="auto")
    if base_url:
        choice = replace(choice, base_url=base_url, base_url_origin="the `base_url` argument")
    if api_key:
        choice = replace(
            choice,
            api_key_command=(),
            api_key=Secret(api_key),
            api_key_origin="the `api_key` argument",
        )
    return replace(choice, model=choice.model or DEFAULT_MODEL)


async def _report_end(
    listener: CallbackListener, status: StreamStatus, ended_by: BaseException
) -> None:
    """Report the end to a callback, whose own failure must not hide what ended the generation."""
    try:
        await listener.ended(status)
    except StreamProcessError as error:
        logger.warning("while reporting %s: %s", type(ended_by).__name__, error.message)
