"""How an endpoint is reached: by which proxy, trusting which authorities, as which client."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict
from urllib.parse import urlsplit
from urllib.request import getproxies

from streaming_code_generator.errors import ConfigurationError
from streaming_code_generator.settings import Secret
from streaming_code_generator.settings.endpoints import is_loopback

if TYPE_CHECKING:  # imported when a client is made
    from httpx2 import Proxy


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
        import httpx2  # noqa: PLC0415 - see the module's head

        route["proxy"] = httpx2.Proxy(network.proxy.reveal())
    if urlsplit(base_url).scheme == "https" and (network.ca_bundle or network.client_certificate):
        route["verify"] = _tls(network)
    return route


def _tls(network: Network) -> ssl.SSLContext:
    import httpx2  # noqa: PLC0415 - see the module's head

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
