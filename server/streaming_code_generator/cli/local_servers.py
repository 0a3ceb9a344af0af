"""Model servers on this machine that a user may have running without having set one.

A look at a port sends nothing. What listens there is asked for its models only where the user wants
that, and is sent no key.
"""

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from streaming_code_generator.cli.endpoint_checks import list_models, some_of
from streaming_code_generator.cli.terminal import Finding, State
from streaming_code_generator.providers.openai.network import Network
from streaming_code_generator.settings import ResolvedSettings
from streaming_code_generator.settings.endpoints import is_loopback

_HOST = "127.0.0.1"
_CONNECT_S = 0.5
_ANSWER_S = 5.0


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A kind of server, and the port where it usually listens."""

    name: str
    port: int

    @property
    def base_url(self) -> str:
        """What to set as base URL."""
        return f"http://{_HOST}:{self.port}/v1"

    def is_at(self, base_url: str) -> bool:
        """Whether requests to a base URL go to it, however this machine is called there."""
        return is_loopback(base_url) and urlsplit(base_url).port == self.port

    @property
    def listens(self) -> bool:
        """Whether something listens at the port; it is sent nothing."""
        with suppress(OSError), socket.create_connection((_HOST, self.port), timeout=_CONNECT_S):
            return True
        return False


def usual_servers(environment: Mapping[str, str] = os.environ) -> tuple[LocalServer, ...]:
    """Return where servers listen, unless their own variables say otherwise.

    Source: `OLLAMA_HOST` in Ollama's FAQ, `LLAMA_ARG_PORT` in the manual of llama.cpp's server.
    """
    ollama = environment.get("OLLAMA_HOST", "").strip()
    located = urlsplit(ollama if "//" in ollama else f"//{ollama}")
    ports = {"Ollama": 11434, "LM Studio": 1234, "llama.cpp": 8080}
    with suppress(ValueError):
        ports["Ollama"] = located.port or ports["Ollama"]
    with suppress(ValueError):
        ports["llama.cpp"] = int(environment.get("LLAMA_ARG_PORT", ports["llama.cpp"]))
    return tuple(LocalServer(name, port) for name, port in ports.items())


def check_local_servers(resolved: ResolvedSettings, *, asks: bool) -> Iterator[Finding]:
    """Say what could be set to use a server that runs here; `asks` has it list its models."""
    is_any = False
    for server in usual_servers():
        if server.is_at(resolved.settings.base_url or "") or not server.listens:
            continue
        is_any = True
        yield _with_models(server) if asks else _unasked(server)
    if not is_any:
        names = ", ".join(f"{server.name} ({server.port})" for server in usual_servers())
        yield Finding(State.OK, f"local: no other server listens on this machine: {names}")


def _unasked(server: LocalServer) -> Finding:
    setting = f'`base_url = "{server.base_url}"`'
    text = f"local: something listens where {server.name} does; in config.toml: {setting}"
    return Finding(State.OK, f"{text} (sent nothing; `doctor --local` asks it for its models)")


def _with_models(server: LocalServer) -> Finding:
    listed = list_models(server.base_url, (), Network(), timeout_s=_ANSWER_S)
    if not listed.names:
        what = "wants a key" if listed.wants_key else listed.failure or "has no models"
        return Finding(State.NOTE, f"local: {server.base_url}, where {server.name} is, {what}")
    settings = f'`base_url = "{server.base_url}"`, `model = "{listed.names[0]}"`'
    text = f"local: {server.name} at {server.base_url} has {some_of(listed.names)}; in config.toml:"
    return Finding(State.OK, f"{text} {settings}")
