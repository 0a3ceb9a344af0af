"""The provider that needs no key and no network: llama.cpp in a child process of its own."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from streaming_code_generator.core.complete.fill import FillRequest
from streaming_code_generator.core.messages import CompletionRequest, Delta, ProviderDescription
from streaming_code_generator.errors import APIError, StreamingError, StreamProcessError
from streaming_code_generator.providers.embedded.catalogue import Weights
from streaming_code_generator.providers.embedded.child import ServerConfig
from streaming_code_generator.providers.embedded.process import ChildServer, ChildSupervisor
from streaming_code_generator.providers.openai.openai_provider import OpenAIProvider
from streaming_code_generator.providers.openai.sdk import import_sdk

CONTEXT_TOKENS = 4096
DEFAULT_OUTPUT_TOKENS = 1024
"""Every request is limited: small models may repeat themselves for ever."""
DEFAULT_TEMPERATURE = 0.0
"""The likeliest token each time: small models write plainly better code so than with llama.cpp's
0.8, and the same request gets the same answer."""

BATCH_TOKENS = 16
"""llama.cpp notices a client that left only between batches, and other slots write only then.

Measured with the small model and one thread: a token of a prompt costs 11 ms of a processor in
batches of 128, 12 ms in batches of 16; a batch is over after 0.2 s, not 1.4 s.
"""

DEFAULT_SLOTS = 2
LOST_CHILD_KINDS = frozenset({"connection", "stream", "server"})
"""How a generation fails whose child ended."""

END_NOTICED_WITHIN_S = 1.0
"""A killed process's sockets close a moment before its end is known."""


class EmbeddedProvider:
    """Streams from one child process, started on first use and again when it ended.

    All generations share the child. One that loses it fails with a clear error, and the next
    request starts a new child.
    """

    def __init__(
        self,
        *,
        weights: Weights,
        reason: str,
        slots: int = DEFAULT_SLOTS,
        threads: int | None = None,
    ) -> None:
        """Start nothing yet.

        Args:
            weights: The model file.
            reason: Why this provider was taken, as one clause.
            slots: Generations worked on at the same time; each costs memory for its context.
            threads: Threads that compute; None suits the machine.
        """
        self._description = ProviderDescription(
            name="embedded",
            model=weights.model_id,
            endpoint=f"embedded llama.cpp, {weights.path.name}",
            reason=reason,
        )
        self._config = ServerConfig(
            model_path=str(weights.path),
            model_id=weights.model_id,
            api_key="",
            slots=slots,
            context_tokens=CONTEXT_TOKENS,
            batch_tokens=BATCH_TOKENS,
            threads=threads or suitable_threads(usable_cores()),
        )
        self._supervisor = ChildSupervisor(lambda key: replace(self._config, api_key=key))
        self._client: tuple[ChildServer, OpenAIProvider] | None = None

    @property
    def description(self) -> ProviderDescription:
        """Which model is served and why."""
        return self._description

    @property
    def child(self) -> ChildServer | None:
        """The child process, or None while there is none."""
        return self._supervisor.child

    async def warm_up(self) -> None:
        """Import what talks to the child; the child itself starts with the first request."""
        if self._client is None:
            await import_sdk()

    @asynccontextmanager
    async def open(self, request: CompletionRequest) -> AsyncIterator[AsyncIterator[Delta]]:
        """Send the request and yield its chunks, with prompt progress among them.

        Cancellation: the model stops within one token, or one batch of the prompt.
        """
        limit, temperature = request.max_output_tokens, request.temperature
        completed = replace(
            request,
            max_output_tokens=DEFAULT_OUTPUT_TOKENS if limit is None else limit,
            temperature=DEFAULT_TEMPERATURE if temperature is None else temperature,
            reasoning_effort=None,
        )
        async with self._running_client() as client, client.open(completed) as deltas:
            yield deltas

    @asynccontextmanager
    async def open_fill(self, request: FillRequest) -> AsyncIterator[AsyncIterator[Delta]]:
        """Have the text at a cursor filled in.

        Cancellation: the model stops within one token, or one batch of the prompt.

        Raises:
            FillNotOfferedError: The model was not trained for it.
        """
        async with self._running_client() as client, client.open_fill(request) as deltas:
            yield deltas

    @asynccontextmanager
    async def _running_client(self) -> AsyncIterator[OpenAIProvider]:
        """Start the child if there is none, and say what happened if it ends inside the block."""
        child = await self._supervisor.ensure_running()
        try:
            yield await self._client_of(child)
        except (APIError, StreamProcessError) as error:
            # A dead child looks like a server that hung up: the error says what really happened.
            if error.kind in LOST_CHILD_KINDS and await child.wait_ended(END_NOTICED_WITHIN_S):
                raise _child_lost(child, error) from error
            raise

    async def aclose(self) -> None:
        """End the child and refuse further requests. Safe to call twice."""
        client, self._client = self._client, None
        if client is not None:
            await client[1].aclose()
        await self._supervisor.aclose()

    async def _client_of(self, child: ChildServer) -> OpenAIProvider:
        """Return the client of the running child, a new one after a restart."""
        if self._client is None or self._client[0] is not child:
            client = OpenAIProvider(
                api_key=child.config.api_key,
                base_url=f"{child.url}/v1",
                model=self._description.model,
                reason=self._description.reason,
                token_limit_field="max_tokens",
                system_role="system",
                extra_body={"return_progress": True},
            )
            former, self._client = self._client, (child, client)
            if former is not None:
                await former[1].aclose()
        return self._client[1]


def usable_cores() -> int:
    """Return the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def suitable_threads(cores: int) -> int:
    """Return how many threads compute best beside an editor that works too.

    One core is left to others: llama.cpp's threads wait for each other at every step, and one
    that has to share its core slows all of them. Measured on two cores with one of them busy:
    one thread wrote 48 tokens/s, two wrote 2. Beyond four, half of the cores are taken to be
    hyper-threads, which do not help.
    """
    return max(1, min(cores - 1, max(cores // 2, 4), 8))


def _child_lost(child: ChildServer, error: APIError | StreamProcessError) -> StreamingError:
    """Return the error of a generation that the child's end took down."""
    message = (
        f"The embedded model's process {child.describe_end()} during the generation; "
        "the next request starts it again."
    )
    if isinstance(error, APIError):
        return APIError(message, kind="connection", retryable=True)
    return StreamProcessError(message, partial_text=error.partial_text, retryable=True)
