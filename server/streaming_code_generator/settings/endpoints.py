"""Base URLs: what is accepted as one, when two of them lead to the same place, and the keychain.

The operating system's keychain holds a key for each origin; the program of the package keyring
reads and writes it.
"""

import ipaddress
import re
import sys
from typing import Literal
from urllib.parse import SplitResult, urlsplit, urlunsplit

OPENAI_BASE_URL = "https://api.openai.com/v1"
"""Where requests go when no base URL is set."""

_AZURE_QUERY = re.compile(r"api-version=[\w.-]+")
_AZURE_DEPLOYMENT = "/openai/deployments/"

_DEFAULT_PORTS = {"http": 80, "https": 443}


def normalised_base_url(text: str) -> str:
    """Return the URL without surrounding blanks and trailing slashes.

    Raises:
        ValueError: It is no plain http or https URL. The message does not repeat the text, which
            may hold a password.
    """
    url = text.strip().rstrip("/")
    # Before anything is taken apart: URL parsers disagree about such characters, and a key must go
    # where the check has looked.
    if any(character <= " " or character > "~" or character == "\\" for character in url):
        raise ValueError("holds blanks, backslashes or characters beyond ASCII")
    parts = urlsplit(url)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ValueError("is no http or https URL")
    if "@" in parts.netloc:
        raise ValueError("holds a user name or password")
    if "#" in url or (parts.query and not _AZURE_QUERY.fullmatch(parts.query)):
        raise ValueError("holds a fragment, or a query other than Azure's `api-version`")
    if ".." in parts.path.lower().replace("%2e", ".").split("/"):
        raise ValueError("holds a `..` in its path")
    _port(parts)
    return url


def origin_of(url: str) -> str:
    """Return scheme, host and port of a base URL: what a key is bound to."""
    # `HTTPS://Api.Example:443/v1` and `https://api.example` have one origin, `https://api.example`;
    # `http://api.example` and `https://api.example:8443` have others.
    parts = urlsplit(url)
    host = parts.hostname or ""
    bracketed = f"[{host}]" if ":" in host else host
    port = _port(parts)
    standard = port == _DEFAULT_PORTS.get(parts.scheme)
    return f"{parts.scheme}://{bracketed}" + ("" if standard else f":{port}")


def below(base_url: str, path: str) -> str:
    """Return the URL of a path below a base URL: the query, which Azure's may have, comes last."""
    parts = urlsplit(base_url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{path}"))


def key_header(base_url: str, key: str) -> tuple[str, str]:
    """Return the header that carries a key: a deployment of Azure's takes it under its own name.

    Source: Azure OpenAI, REST API reference, "Authentication".
    """
    is_azure = _AZURE_DEPLOYMENT in urlsplit(base_url).path
    return ("api-key", key) if is_azure else ("Authorization", f"Bearer {key}")


def leads_to(url: str | None, given_for: str | None) -> bool:
    """Whether requests to `url` go where a key was given for; never, where either is unusable."""
    return bool(url and given_for) and origin_of(str(url)) == origin_of(str(given_for))


def covers(trusted: str, url: str) -> bool:
    """Whether `url` has the origin of `trusted` and lies at its path or below."""
    if origin_of(trusted) != origin_of(url):
        return False
    # By whole segments: `/team` covers `/team/v1` and not `/teammates`.
    trusted_path = _segments(trusted)
    return _segments(url)[: len(trusted_path)] == trusted_path


def is_loopback_host(host: str) -> bool:
    """Whether a host's name or address, without brackets, always means this machine.

    A name that only looks like such an address is anybody's: `127.evil.example`.
    """
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_loopback(url: str) -> bool:
    """Whether requests to `url` stay on this machine."""
    return is_loopback_host(urlsplit(url).hostname or "")


def is_openai(url: str) -> bool:
    """Whether `url` leads to OpenAI itself."""
    return origin_of(url) == origin_of(OPENAI_BASE_URL)


def travels_in_the_clear(url: str) -> bool:
    """Whether a key sent to `url` can be read on its way."""
    return urlsplit(url).scheme == "http" and not is_loopback(url)


def _port(parts: SplitResult) -> int | None:
    return parts.port if parts.port is not None else _DEFAULT_PORTS.get(parts.scheme)


def _segments(url: str) -> list[str]:
    return [segment for segment in urlsplit(url).path.split("/") if segment]


SERVICE = "streaming-code-generator"
"""Under which name keys stand in the keychain; the user name is what the key is bound to."""

# In a process of its own: a keychain may ask its user to unlock it. Isolated from the folder that
# it is called in, where a `keyring.py` may lie.
_PROGRAM = (sys.executable, "-P", "-m", "keyring")


def keychain_command(action: Literal["get", "set", "del"], base_url: str) -> tuple[str, ...]:
    """Return the command that reads, stores or deletes the key of an endpoint's origin."""
    return (*_PROGRAM, action, SERVICE, origin_of(base_url))


def is_of_keychain(command: tuple[str, ...]) -> bool:
    """Whether a command asks the keychain."""
    return command[: len(_PROGRAM)] == _PROGRAM
