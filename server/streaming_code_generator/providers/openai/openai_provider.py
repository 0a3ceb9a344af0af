"""Any OpenAI-compatible endpoint. The SDK sends the request; its stream is read here, leanly.

The SDK builds models of every chunk, at about 120 µs each; the text of a chunk costs 5.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from streaming_code_generator.core.messages import CompletionRequest, Delta, ProviderDescription
from streaming_code_generator.providers.openai.endpoint_errors import translated
from streaming_code_generator.providers.openai.request import (
    Dialect,
    chat_body,
    chat_messages,
    dialect_for,
    understood,
)
from streaming_code_generator.providers.openai.sdk import LazyClient
from streaming_code_generator.providers.openai.stream import ChunkReader
from streaming_code_generator.settings.declarations import SystemRole, TokenLimitField
from streaming_code_generator.settings.endpoints import OPENAI_BASE_URL

if TYPE_CHECKING:  # the SDK takes over half a second to import
    from openai import AsyncAPIResponse

DEFAULT_MODEL = "gpt-5.4-mini"
"""Small, quick, and no shutdown is announced for it."""

_REFUSES_A_FIELD = frozenset({400, 422})

_LAST_BYTES_WAIT_S = 0.05
"""A connection can serve again once its response is read to the end; it is not waited for longer
than this after `[DONE]`."""


class OpenAIProvider:
    """Streams chat completions from one endpoint. It does not retry; the generator does."""

    def __init__(  # noqa: PLR0913 - each is a separate fact about an endpoint
        self,
        *,
        api_key: str | None,
        base_url: str | None = None,
        model: str = DEFAULT_MODEL,
        reason: str = "chosen by the caller",
        token_limit_field: TokenLimitField = "auto",
        system_role: SystemRole = "auto",
        extra_body: Mapping[str, object] | None = None,
        connect_timeout_s: float = 5.0,
    ) -> None:
        """Open and import nothing yet.

        Args:
            api_key: The key; None sends no `Authorization` header at all.
            base_url: Where `/chat/completions` is found below; None is OpenAI's.
            model: The model's name, as the endpoint knows it.
            reason: Why this provider was taken, as one clause.
            token_limit_field: How the endpoint calls its token limit; `auto` goes by the host.
            system_role: The role of the system prompt; `auto` goes by host and model.
            extra_body: Further fields for every request, as this endpoint alone knows them.
            connect_timeout_s: Longest time to connect.
        """
        base_url = (base_url or OPENAI_BASE_URL).rstrip("/")
        self._api_key = api_key
        self._extra_body = extra_body or {}
        self._dialect = dialect_for(base_url, model, token_limit_field, system_role)
        self._client = LazyClient(
            api_key=api_key, base_url=base_url, connect_timeout_s=connect_timeout_s
        )
        self._description = ProviderDescription(
            name="openai", model=model, endpoint=shown_url(base_url), reason=reason
        )

    @property
    def description(self) -> ProviderDescription:
        """Which endpoint and model this is, and why it was taken."""
        return self._description

    async def warm_up(self) -> None:
        """Import the SDK and make its client, so that the first request need not wait for that.

        Cancellation: at once; the import goes on in its thread.
        """
        await self._client.get()

    @asynccontextmanager
    async def open(self, request: CompletionRequest) -> AsyncIterator[AsyncIterator[Delta]]:
        """Send the request and yield its chunks.

        One attempt; where the endpoint refuses a field by its name, once more without that.

        Cancellation: the connection is closed at once.

        Raises:
            APIError: The request was refused, did not arrive, or an error came in the stream.
            StreamProcessError: The stream broke, or is none.
        """
        # Outside `translated`, which imports the SDK: here that happens in a thread.
        await self._client.get()
        async with AsyncExitStack() as stack:
            with translated(self._description.endpoint, self._api_key):
                response = await self._sent(request, stack)
            # The stack closes the deltas first and then the response, and with it the connection,
            # however the caller leaves the block.
            yield await stack.enter_async_context(aclosing(self._deltas(response)))

    async def aclose(self) -> None:
        """Close all connections. Safe to call twice."""
        await self._client.aclose()

    async def _sent(
        self, request: CompletionRequest, stack: AsyncExitStack
    ) -> "AsyncAPIResponse[object]":
        import openai  # noqa: PLC0415 - imported by the client already

        dialect = self._dialect
        while True:
            try:
                return await self._post(request, dialect, stack)
            except openai.APIStatusError as refused:
                corrected = understood(dialect, str(refused.body))
                if refused.status_code not in _REFUSES_A_FIELD or corrected == dialect:
                    raise
            # Remembered for later requests: an endpoint refuses a field once in its life.
            self._dialect = dialect = corrected

    async def _post(
        self, request: CompletionRequest, dialect: Dialect, stack: AsyncExitStack
    ) -> "AsyncAPIResponse[object]":
        from openai import omit  # noqa: PLC0415 - imported by the client already

        client = await self._client.get()
        # What is not typed here goes as `extra_body`: names differ between endpoints.
        return await stack.enter_async_context(
            client.chat.completions.with_streaming_response.create(
                model=self._description.model,
                messages=chat_messages(request, dialect),  # type: ignore[arg-type]  # plain objects are what the SDK sends
                stream=True,
                extra_headers={} if self._api_key else {"Authorization": omit},
                extra_body=chat_body(request, dialect, self._extra_body),
            )
        )

    async def _deltas(self, response: "AsyncAPIResponse[object]") -> AsyncGenerator[Delta, None]:
        reader = ChunkReader(self._description.endpoint)
        with translated(self._description.endpoint, self._api_key):
            async with aclosing(response.http_response.aiter_bytes()) as received:
                async for piece in received:
                    for delta in reader.feed(piece):
                        yield delta
                    if reader.is_done:
                        await _read_to_end(received)
                        return
            for delta in reader.finish():
                yield delta


async def _read_to_end(received: AsyncIterator[bytes]) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(_LAST_BYTES_WAIT_S):
            async for _ in received:
                pass


def shown_url(base_url: str) -> str:
    """Return a URL without user, password, query and fragment, fit for messages."""
    parts = urlsplit(base_url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
