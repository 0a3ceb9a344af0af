"""The SDK's client: imported when it is first needed and off the event loop, and how it travels.

By which proxy, trusting which authorities, as which client, and with which key.
"""

import asyncio
import importlib
import ssl
import subprocess
import threading
import weakref
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any, TypedDict
from urllib.parse import urlsplit
from urllib.request import getproxies

from streaming_code_generator.errors import ConfigurationError
from streaming_code_generator.settings.endpoints import is_loopback, is_of_keychain, is_openai
from streaming_code_generator.settings.kinds import Secret

if TYPE_CHECKING:  # the SDK takes over half a second to import
    from httpx2 import AsyncClient, Auth, Proxy, Response, Timeout
    from openai import AsyncOpenAI


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What is set for a company's network; nothing set is the system's own way."""

    proxy: Secret | None = None
    """The URL of a proxy, perhaps with a password in it; None is the environment's."""
    ca_bundle: Path | None = None
    """Certificates of authorities that are trusted besides the system's."""
    client_certificate: Path | None = None
    client_key: Path | None = None
    """The key of the certificate, where that is in a file of its own."""


class Route(TypedDict, total=False):
    """What decides where a request may go besides its URL: arguments of an HTTP client."""

    trust_env: bool
    follow_redirects: bool
    verify: ssl.SSLContext | bool
    proxy: "Proxy | None"


def is_proxied(base_url: str, network: Network) -> bool:
    """Whether requests may go through a proxy: to this machine's own addresses, they never do."""
    return not is_loopback(base_url) and bool(network.proxy or getproxies())


def route_of(base_url: str, network: Network) -> Route:
    """Return how every request to an endpoint is to travel, from whichever client. Reads files.

    A proxy cannot reach this machine's own addresses, and would see the key. Redirects are not
    followed: the prompt and the key go where they were meant to go, or nowhere.

    Raises:
        ConfigurationError: A file of certificates, or the proxy, cannot be used.
    """
    route = Route(trust_env=not is_loopback(base_url), follow_redirects=False)
    if network.proxy is not None and not is_loopback(base_url):
        import httpx2  # noqa: PLC0415 - see the module's docstring

        route["proxy"] = httpx2.Proxy(network.proxy.reveal())
    is_https = urlsplit(base_url).scheme == "https"
    if is_https and (network.ca_bundle or network.client_certificate):
        route["verify"] = _tls(network)
    elif not is_https and not is_proxied(base_url, network):
        # Nothing is encrypted, so reading the system's authorities would be in vain: this trusts
        # nobody.
        route["verify"] = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return route


def _tls(network: Network) -> ssl.SSLContext:
    import httpx2  # noqa: PLC0415 - see the module's docstring

    # The system's store, which holds the authorities of the public web too.
    context = httpx2.create_ssl_context()
    setting, file = "caBundle", network.ca_bundle
    try:
        if file is not None:
            context.load_verify_locations(cafile=file)
        if network.client_certificate is not None:
            setting, file = "clientCertificate", network.client_certificate
            # OpenSSL would ask for a password on the terminal.
            context.load_cert_chain(file, network.client_key, password=lambda: "")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        is_there = not isinstance(error, FileNotFoundError | PermissionError)
        what = "holds no usable certificate in PEM format" if is_there else "cannot be read"
        if setting == "clientCertificate" and is_there:
            what += ", or its key does not fit, is missing (`clientKey`), or has a password"
        raise ConfigurationError(
            f"`{setting}` cannot be used: `{file}` {what}. Set it to another file."
        ) from error
    return context


NO_KEY = "none"
"""The SDK's key where there is none: it insists on one, and none is sent."""

KEPT_ALIVE = 20
"""Idle connections kept to a remote endpoint."""

KEPT_ALIVE_S = 5.0
"""So long an idle connection is kept. Not at all to this machine: connecting costs nothing there,
and llama.cpp's server closes idle connections under the requests that are just being sent."""

PROBE_S = 1.0
"""Longest wait for a bare connection to an endpoint that did not answer a TLS handshake."""


async def import_sdk() -> None:
    """Import the SDK in a thread, so that the first request need not wait for it."""
    await asyncio.to_thread(importlib.import_module, "openai")


class LazyClient:
    """Makes one SDK client for each event loop it is used in: connections belong to a loop."""

    def __init__(
        self,
        *,
        api_key: Secret | None,
        api_key_command: tuple[str, ...] = (),
        base_url: str,
        connect_timeout_s: float,
        network: Network,
    ) -> None:
        self.key = api_key
        """The key that requests carry; of a command, once the client is made."""
        self._api_key_command = api_key_command
        self._base_url = base_url
        self._connect_timeout_s = connect_timeout_s
        self._network = network
        self._making = threading.Lock()
        self._made: tuple[asyncio.AbstractEventLoop, AsyncOpenAI] | None = None

    @property
    def needs_command(self) -> bool:
        """Whether the user's command has to be run for the key first."""
        return self.key is None and bool(self._api_key_command)

    async def get(self) -> "AsyncOpenAI":
        """Return this loop's client, made in a thread the first time.

        Cancellation: at once; the thread finishes on its own and the client is kept.
        """
        loop = asyncio.get_running_loop()
        made = self._made
        if made is not None and made[0] is loop:
            return made[1]
        return await asyncio.to_thread(self._make_once, loop)

    async def aclose(self) -> None:
        """Close the client's connections. Safe to call twice, and from another loop."""
        made, self._made = self._made, None
        if made is not None and made[0] is asyncio.get_running_loop():
            await made[1].close()

    def _make_once(self, loop: asyncio.AbstractEventLoop) -> "AsyncOpenAI":
        with self._making:
            # Connections of another loop cannot be closed from here; they go with their loop.
            if self._made is None or self._made[0] is not loop:
                if self.needs_command:
                    self.key = key_from_command(self._api_key_command)
                client = self._make()
                # A program may end, or its loop, without `aclose`: no reason to say anything.
                weakref.finalize(client, _close_quietly, client._client)  # noqa: SLF001
                self._made = (loop, client)
            return self._made[1]

    def _make(self) -> "AsyncOpenAI":
        import httpx2  # noqa: PLC0415 - see the module's docstring
        from openai import AsyncOpenAI  # noqa: PLC0415 - the same

        # Deadlines for reading are the generator's, which also sees through keep-alives.
        timeout = httpx2.Timeout(None, connect=self._connect_timeout_s)
        # aiohttp refuses a URL with a user in it beside the SDK's own `Authorization` header.
        url = httpx2.URL(self._base_url)
        auth = httpx2.BasicAuth(url.username, url.password) if url.userinfo else None
        client = AsyncOpenAI(
            api_key=self.key.reveal() if self.key else NO_KEY,
            base_url=url.copy_with(username=None, password=None, query=None),
            default_query=dict(url.params),
            max_retries=0,
            timeout=timeout,
            http_client=self._http_client(timeout, auth),
        )
        if not is_openai(self._base_url):
            # The SDK reads both from the environment; they must not reach another endpoint.
            client.organization = client.project = None
        return client

    def _http_client(self, timeout: "Timeout", auth: "Auth | None") -> "AsyncClient":
        import httpx2  # noqa: PLC0415 - see the module's docstring
        from openai import DefaultAioHttpClient  # noqa: PLC0415 - the same

        local = is_loopback(self._base_url)
        # aiohttp hands on all that a read of the socket brought, httpx one HTTP chunk at a time;
        # httpx has the rules for the proxies of an environment.
        goes_by_proxy = is_proxied(self._base_url, self._network)
        route = route_of(self._base_url, self._network)
        try:
            return (httpx2.AsyncClient if goes_by_proxy else DefaultAioHttpClient)(
                event_hooks={"response": [_cut_error_body]},
                timeout=timeout,
                auth=auth,
                headers={"Connection": "close"} if local else None,
                limits=httpx2.Limits(
                    # Any number, in the words of each.
                    max_connections=None if goes_by_proxy else 0,
                    max_keepalive_connections=KEPT_ALIVE,
                    keepalive_expiry=0 if local else KEPT_ALIVE_S,
                ),
                **route,
            )
        # An unknown scheme, or SOCKS without its package. Not shown: it may hold a
        # password.
        except (ValueError, ImportError, httpx2.InvalidURL) as error:
            raise ConfigurationError(
                "The proxy of the environment (`HTTPS_PROXY`, `HTTP_PROXY` or `ALL_PROXY`) cannot "
                "be used: set it to an `http://` URL, or `proxy` in the settings, or name the "
                "endpoint's host in `NO_PROXY`."
            ) from error


MOST_ERROR_BYTES = 64 * 1024
"""The SDK reads the whole body of an error, of which a message is made; some never end."""


async def _cut_error_body(response: "Response") -> None:
    """Let the body of an error end after its first `MOST_ERROR_BYTES`, or within the next read."""
    import httpx2  # noqa: PLC0415 - see the module's docstring

    class Beginning(httpx2.AsyncByteStream):
        def __init__(self, whole: httpx2.AsyncByteStream) -> None:
            self.whole = whole

        async def __aiter__(self) -> AsyncIterator[bytes]:
            left = MOST_ERROR_BYTES
            async for received in self.whole:
                yield received
                left -= len(received)
                if left <= 0:
                    return

        async def aclose(self) -> None:
            await self.whole.aclose()

    if response.is_error and isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = Beginning(response.stream)


def _close_quietly(http_client: "AsyncClient") -> None:
    """Close connections at once, in any thread and without a loop; aiohttp complains of open ones.

    The session is found where the SDK's transport keeps it; elsewhere, nothing is done.
    """
    session: Any = getattr(getattr(http_client, "_transport", None), "client", None)
    connector: Any = getattr(session, "connector", None)
    if connector is not None:
        session.detach()
        connector.__exit__()  # its `close` is a coroutine, for which there may be no loop


async def accepts_connections(base_url: str) -> bool:
    """Whether something listens where an endpoint should be, whatever it speaks.

    Cancellation: at once.
    """
    parts = urlsplit(base_url)
    try:
        async with asyncio.timeout(PROBE_S):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port or 443)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def sendable_key(key: Secret | str | None) -> Secret | None:
    """Return the key as it is sent, without white space around it; None where there is none.

    Raises:
        ConfigurationError: It holds what no HTTP header may hold. The message does not show it.
    """
    text = (key.reveal() if isinstance(key, Secret) else key or "").strip()
    # What a copied key brings along: a second line, typographic quotes, a byte order mark.
    for position, character in enumerate(text, start=1):
        if not " " < character <= "~":
            raise ConfigurationError(
                f"The API key cannot be sent: character {position} of {len(text)} is a blank, a "
                "line break, or not ASCII. Copy the key again, without quotes and in one line."
            )
    return Secret(text) if text else None


COMMAND_TIMEOUT_S = 60.0
"""A password manager may ask its user to unlock it first."""


@lru_cache
def key_from_command(command: tuple[str, ...]) -> Secret:
    """Run the command, once in a process, and return the key that is its first line of output.

    No shell, and not in the opened folder, where a program of that name may lie. What it prints is
    shown nowhere, standard error neither. A failure is not remembered.

    Raises:
        ConfigurationError: It cannot be run, fails, or prints no usable key.
    """
    program = which(command[0])
    if program is None:
        raise _failed(command, "was not found")
    try:
        ended = subprocess.run(  # noqa: S603 - the user's own setting, which no workspace may make
            [program, *command[1:]],
            cwd=Path.home(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
    except OSError as error:
        raise _failed(command, f"cannot be run ({error.strerror})") from error
    except subprocess.TimeoutExpired:
        raise _failed(command, f"did not end within {COMMAND_TIMEOUT_S:.0f} s") from None
    if ended.returncode:
        raise _failed(command, f"ended with exit code {ended.returncode}")
    first_line = ended.stdout.decode("utf-8", "replace").strip().partition("\n")[0]
    key = sendable_key(first_line)
    if key is None:
        raise _failed(command, "printed nothing")
    return key


def _failed(command: tuple[str, ...], what: str) -> ConfigurationError:
    if is_of_keychain(command):
        return ConfigurationError(
            f"No API key for {command[-1]} is in the keychain, or that cannot be read: run "
            f"`streaming-code-generator key set --base-url {command[-1]}` (it needs the extra "
            "`keyring`), or set `keyring` to false."
        )
    return ConfigurationError(
        f"No API key: the program `{command[0]}` of `apiKeyCommand` {what}. Run the command in a "
        "terminal to see why."
    )
