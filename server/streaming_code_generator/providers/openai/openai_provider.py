"""Any OpenAI-compatible endpoint. The SDK sends the request; its stream is read here, leanly.

The SDK builds models of every chunk, at about 120 µs each; the text of a chunk costs 5.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit, urlunsplit

from streaming_code_generator.core.complete.fill import FillNotOfferedError, FillRequest
from streaming_code_generator.core.messages import CompletionRequest, Delta, ProviderDescription
from streaming_code_generator.errors import APIError, ConfigurationError, StreamingError
from streaming_code_generator.providers.openai.dialect import (
    PATHS,
    WaysToFill,
    body_of,
    dialect_for,
    understood,
)
from streaming_code_generator.providers.openai.endpoint_errors import (
    Secrets,
    behind_proxy,
    cause_of,
    foreign_errors,
    speaks_no_tls,
    translated,
    translation_of,
)
from streaming_code_generator.providers.openai.sdk import (
    LazyClient,
    Network,
    accepts_connections,
    import_sdk,
    is_proxied,
    sendable_key,
)
from streaming_code_generator.providers.openai.stream import ChunkReader, Quirks
from streaming_code_generator.settings.declarations import (
    Api,
    SessionAffinity,
    SystemRole,
    TokenLimitField,
)
from streaming_code_generator.settings.endpoints import OPENAI_BASE_URL, key_header
from streaming_code_generator.settings.kinds import Secret
from streaming_code_generator.usage.shared_limits import SharedLimits, account_of, pause_in

if TYPE_CHECKING:  # the SDK takes over half a second to import
    from httpx2 import Response
    from openai import Omit


DEFAULT_MODEL = "gpt-5.4-mini"
"""Small, quick, and no shutdown is announced for it."""

SESSION_HEADER = "x-session-id"
"""By which Ray Serve, and other gateways, keep a session at one replica."""

LOOK_AGAIN_S = 1.0
"""So long an account that had room is not looked at again."""

_REFUSES_A_FIELD = frozenset({400, 422})
_NOT_FOUND = 404
_SERVER_ERROR = 500

LONG_BYTES = 256 * 1024
"""A chunk from this length on is read in a thread."""

_LAST_BYTES_WAIT_S = 0.05
"""A connection can serve again once its response is read to the end; it is not waited for longer
than this after `[DONE]`."""


class OpenAIProvider:
    """Streams chats, or responses, from one endpoint. It does not retry; the generator does."""

    def __init__(  # noqa: PLR0913 - each is a separate fact about an endpoint
        self,
        *,
        api_key: Secret | str | None,
        api_key_command: tuple[str, ...] = (),
        base_url: str | None = None,
        model: str = DEFAULT_MODEL,
        reason: str = "chosen by the caller",
        token_limit_field: TokenLimitField = "auto",
        system_role: SystemRole = "auto",
        api: Api = "auto",
        extra_body: Mapping[str, object] | None = None,
        extra_headers: Sequence[tuple[str, Secret]] = (),
        session_affinity: SessionAffinity = "none",
        limits: SharedLimits | None = None,
        connect_timeout_s: float = 5.0,
        network: Network | None = None,
    ) -> None:
        """Open and import nothing yet.

        Args:
            api_key: The key; None sends no `Authorization` header at all.
            api_key_command: What prints the key, where none is given; run by the first request.
            base_url: Where `/chat/completions` is found below; None is OpenAI's.
            model: The model's name, as the endpoint knows it.
            reason: Why this provider was taken, as one clause.
            token_limit_field: How the endpoint calls its token limit; `auto` goes by the host.
            system_role: The role of the system prompt; `auto` goes by host and model.
            api: Chat completions or the Responses API; `auto` is the first, unless the endpoint
                says that the model wants the other.
            extra_body: Further fields for every request, as this endpoint alone knows them.
            extra_headers: Further headers for every request; `Authorization` replaces the key's.
            session_affinity: How a request says which session it belongs to.
            limits: The rate limits that the user's other processes share.
            connect_timeout_s: Longest time to connect.
            network: The proxy and the certificates that are set; None is the system's own way.

        Raises:
            ConfigurationError: No request can carry the key.
        """
        base_url = (base_url or OPENAI_BASE_URL).rstrip("/")
        self._base_url = base_url
        self._extra_body = extra_body or {}
        self._extra_headers = dict(extra_headers)
        self._limits = limits
        self._look_again_at_s = 0.0
        """Until then, on the event loop's clock, there is room as far as is known."""
        self._session_affinity = session_affinity
        self._guessed = dialect_for(base_url, model, token_limit_field, system_role, api)
        self._dialect = self._guessed
        self._ways_to_fill = WaysToFill(base_url, model)
        self._is_proxied = is_proxied(base_url, network or Network())
        self._client = LazyClient(
            api_key=sendable_key(api_key),
            api_key_command=api_key_command,
            base_url=base_url,
            connect_timeout_s=connect_timeout_s,
            network=network or Network(),
        )
        self._description = ProviderDescription(
            name="openai", model=model, endpoint=shown_url(base_url), reason=reason
        )

    @property
    def description(self) -> ProviderDescription:
        """Which endpoint and model this is, and why it was taken."""
        return self._description

    @property
    def corrections(self) -> tuple[str, ...]:
        """What the endpoint has refused in requests, sent again without, or otherwise."""
        was, now = self._guessed, self._dialect
        corrected = {
            "wants the Responses API": now.api != was.api,
            "refuses stream_options": now.asks_for_usage != was.asks_for_usage and now.streams,
            "wants max_completion_tokens": now.token_limit_field != was.token_limit_field,
            "refuses the system role": now.system_role != was.system_role,
            "refuses temperature": now.takes_temperature != was.takes_temperature,
            "refuses stream": now.streams != was.streams,
        }
        return tuple(name for name, is_so in corrected.items() if is_so)

    async def warm_up(self) -> None:
        """Import the SDK and make its client, so that the first request need not wait for that.

        Cancellation: at once; the import goes on in its thread.
        """
        # A command may ask the user something: it is left to the first request.
        if self._client.needs_command:
            await import_sdk()
        else:
            with suppress(ConfigurationError):  # said by the first request
                await self._client.get()

    @asynccontextmanager
    async def open(
        self, request: CompletionRequest, quirks: Quirks | None = None
    ) -> AsyncIterator[AsyncIterator[Delta]]:
        """Send the request and yield its chunks; `quirks` sees them as they came.

        One attempt; where the endpoint refuses a field by its name, once more without that.

        Cancellation: the connection is closed at once.

        Raises:
            ConfigurationError: The key's command fails, or the proxy that is set cannot be used.
            APIError: The request was refused, did not arrive, or an error came in the stream.
            StreamProcessError: The stream broke, or is none.
        """
        # Outside `translated`, which imports the SDK: here that happens in a thread.
        await self._client.get()
        async with AsyncExitStack() as stack:
            try:
                with translated(self._description.endpoint, self._secrets):
                    response = await self._sent(request, stack)
            except APIError as error:
                await self._note_refusal(error)
                if await self._speaks_no_tls(error):
                    raise speaks_no_tls(self._description.endpoint) from error
                if self._is_proxied and error.kind == "connection" and error.retryable:
                    raise behind_proxy(error) from error.__cause__
                raise
            await self._note_pause(pause_in(response.headers))
            # The stack closes the deltas first and then the response, and with it the connection,
            # however the caller leaves the block.
            endpoint = self._description.endpoint
            deltas = ReceivedDeltas(response, endpoint, self._secrets, quirks)
            yield await stack.enter_async_context(aclosing(deltas))

    @asynccontextmanager
    async def open_fill(self, request: FillRequest) -> AsyncIterator[AsyncIterator[Delta]]:
        """Have the text at a cursor filled in, in the first of the ways that works here.

        Cancellation: the connection is closed at once.

        Raises:
            FillNotOfferedError: None works.
            APIError: The request did not arrive, or an error came in the stream.
            StreamProcessError: The stream broke, or is none.
        """
        await self._client.get()
        async with AsyncExitStack() as stack:
            response = await self._filled(request, stack)
            deltas = ReceivedDeltas(response, self._description.endpoint, self._secrets)
            yield await stack.enter_async_context(aclosing(deltas))

    async def _filled(self, request: FillRequest, stack: AsyncExitStack) -> "Response":
        while (way := self._ways_to_fill.first) is not None:
            try:
                with translated(self._description.endpoint, self._secrets):
                    body = way.body(request) | self._session_field(request)
                    response = await self._post(way.url, body, request, stack)
            except APIError as error:
                await self._note_refusal(error)
                if not self._ways_to_fill.is_refused(way, error.status_code):
                    raise
            else:
                await self._note_pause(pause_in(response.headers))
                return response
        raise FillNotOfferedError

    async def pause_s(self) -> float:
        """Return the seconds until the endpoint has room again, by what any editor has heard.

        What another one has heard may be up to `LOOK_AGAIN_S` old: ghost text asks at every key.

        Cancellation: at once.
        """
        loop = asyncio.get_running_loop()
        if self._limits is None or loop.time() < self._look_again_at_s:
            return 0.0
        pause_s = await asyncio.to_thread(self._limits.pause_s, self._account)
        self._look_again_at_s = 0.0 if pause_s else loop.time() + LOOK_AGAIN_S
        return pause_s

    async def _note_refusal(self, error: APIError) -> None:
        if error.kind == "rate_limit" and error.retry_after_s:
            await self._note_pause(error.retry_after_s)

    async def _note_pause(self, pause_s: float) -> None:
        if self._limits is not None and pause_s > 0:
            self._look_again_at_s = 0.0
            await asyncio.to_thread(self._limits.note, self._account, pause_s)

    @property
    def _account(self) -> str:
        key = self._client.key
        return account_of(self._description.endpoint, key.reveal() if key else None)

    async def aclose(self) -> None:
        """Close all connections. Safe to call twice."""
        await self._client.aclose()

    async def _speaks_no_tls(self, error: APIError) -> bool:
        url = self._description.endpoint
        was_silent = error.kind == "timeout" and error.status_code is None
        # Nothing goes past a proxy: there may be no other way, or no other that is wanted.
        if self._is_proxied:
            return False
        return was_silent and url.startswith("https:") and await accepts_connections(url)

    async def _sent(self, request: CompletionRequest, stack: AsyncExitStack) -> "Response":
        import openai  # noqa: PLC0415 - imported by the client already

        dialect = self._dialect
        while True:
            try:
                body = {"model": self._description.model} | body_of(request, dialect)
                body |= self._session_field(request) | dict(self._extra_body)
                return await self._post(PATHS[dialect.api], body, request, stack)
            except openai.APIStatusError as refused:
                corrected = understood(dialect, refused.response.text)
                status = refused.status_code
                refuses_a_field = (
                    status in _REFUSES_A_FIELD
                    or (corrected.api != dialect.api and status == _NOT_FOUND)
                    # llama.cpp's answer to what a chat template refuses.
                    or (corrected.system_role != dialect.system_role and status == _SERVER_ERROR)
                )
                if not refuses_a_field or corrected == dialect:
                    raise
            # Remembered for later requests: an endpoint refuses a field once in its life.
            self._dialect = dialect = corrected

    async def _post(
        self,
        path: str,
        body: dict[str, object],
        request: CompletionRequest | FillRequest,
        stack: AsyncExitStack,
    ) -> "Response":
        # Not by the client's `chat.completions`: importing and checking its types would hold up the
        # first request.
        from openai import AsyncStream  # noqa: PLC0415 - imported by the client already

        client = await self._client.get()
        stream = await client.post(
            path,
            cast_to=object,
            body=body,
            options={"headers": self._headers(request)},
            stream=True,
            stream_cls=AsyncStream[object],
        )
        stack.push_async_callback(stream.response.aclose)
        return stream.response

    def _session_field(self, request: CompletionRequest | FillRequest) -> dict[str, object]:
        if self._session_affinity == "prompt_cache_key" and request.session_id:
            return {"prompt_cache_key": request.session_id}
        return {}

    def _headers(self, request: CompletionRequest | FillRequest) -> "dict[str, str | Omit]":
        from openai import omit  # noqa: PLC0415 - imported by the client already

        headers: dict[str, str | Omit] = {"Authorization": omit}
        if self._client.key:
            headers |= [key_header(self._base_url, self._client.key.reveal())]
        if self._session_affinity == "header" and request.session_id:
            headers[SESSION_HEADER] = request.session_id
        for name, value in self._extra_headers.items():
            # Spelled as the SDK does: it would send another spelling beside its own.
            is_key = name.lower() == "authorization"
            headers["Authorization" if is_key else name] = value.reveal()
        return headers

    @property
    def _secrets(self) -> tuple[Secret, ...]:
        key = self._client.key
        return (*([key] if key else []), *self._extra_headers.values())


class ReceivedDeltas:
    """A response's chunks, read from its bytes; those of one read can be taken at once.

    It is an asynchronous iterator with `aclose`, and a `BufferedDeltas`.
    """

    def __init__(
        self,
        response: "Response",
        endpoint: str,
        secrets: Secrets,
        quirks: Quirks | None = None,
    ) -> None:
        self._received = response.aiter_bytes()
        self._reader = ChunkReader(endpoint, secrets, quirks)
        self._ready = self._reader.ready
        self._endpoint, self._secrets = endpoint, secrets
        self._foreign_errors = foreign_errors()
        self._failure: StreamingError | None = None
        self._is_at_end = False
        self._was_long = False
        """Whether a chunk of the last read is too long to be joined to others."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Delta:
        while not self._ready:
            # What fails behind readable chunks is raised once they have been given.
            if self._failure is not None:
                raise self._failure
            if self._is_at_end:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LAST_BYTES_WAIT_S):
                        async for _ in self._received:
                            pass
                raise StopAsyncIteration
            await self._read()
        return self._ready.popleft()

    def take_received(self) -> list[Delta]:
        """Take the chunks that have arrived behind the one last given."""
        if self._was_long:
            return []
        taken = list(self._ready)
        self._ready.clear()
        return taken

    async def aclose(self) -> None:
        """Stop reading."""
        await self._received.aclose()

    async def _read(self) -> None:
        import httpx2  # noqa: PLC0415 - imported by the client already

        try:
            try:
                received = await anext(self._received, None)
            except RuntimeError as error:
                # aiohttp's way to say that its client was closed while a response was read.
                raise httpx2.ReadError(str(error)) from error
            if received is None:
                self._is_at_end = True
                self._reader.finish()
                return
            self._was_long = self._reader.pending_bytes >= LONG_BYTES
            if not self._was_long:
                self._reader.feed(received)
            else:
                # What is worked out of a chunk so long takes too long for the event loop.
                await asyncio.to_thread(self._reader.feed, received)
        except StreamingError as error:
            self._failure = error
        except self._foreign_errors as error:
            self._failure = translation_of(error, self._endpoint, self._secrets)
            self._failure.__cause__ = cause_of(error, self._secrets)
        self._is_at_end |= self._reader.is_done


def shown_url(base_url: str) -> str:
    """Return a URL without user, password, query and fragment, fit for messages."""
    parts = urlsplit(base_url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
