"""What tests ask of an embedded model's child process, from outside the provider."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from streaming_code_generator.core.messages import CompletionRequest, Delta, Message
from streaming_code_generator.providers.embedded.catalogue import (
    Installation,
    Weights,
    known_model,
    resolve_weights,
)
from streaming_code_generator.providers.embedded.child import ServerConfig
from streaming_code_generator.providers.embedded.embedded_provider import EmbeddedProvider
from streaming_code_generator.providers.embedded.process import ChildServer

SMALLEST = known_model("smollm2")

needs_model = pytest.mark.skipif(
    not Installation().has_binding or Installation().path_of(SMALLEST) is None,
    reason="the extra `embedded` is not installed",
)

LONG_PROMPT = "def area(width, height): return width * height\n" * 270
"""It takes ten seconds and more to read, and just fits into the context."""


def smallest_weights() -> Weights:
    return resolve_weights(embedded_model=SMALLEST.name, model_path=None)


def child_config(key: str = "a-key", *, context_tokens: int = 512) -> ServerConfig:
    """Return what a child process with the smallest model and one slot is told."""
    return ServerConfig(
        model_path=str(smallest_weights().path),
        model_id="m",
        api_key=key,
        slots=1,
        context_tokens=context_tokens,
        batch_tokens=128,
        threads=1,
    )


@asynccontextmanager
async def embedded(weights: Weights | None = None) -> AsyncIterator[EmbeddedProvider]:
    """Make a provider, and close it at the end of the block."""
    provider = EmbeddedProvider(weights=weights or smallest_weights(), reason="a test")
    try:
        yield provider
    finally:
        await provider.aclose()


def ask(prompt: str = "Count to one hundred.", *, tokens: int = 8) -> CompletionRequest:
    message = Message(role="user", content=prompt)
    return CompletionRequest(messages=(message,), max_output_tokens=tokens, temperature=0.0)


async def collect(provider: EmbeddedProvider, request: CompletionRequest) -> list[Delta]:
    async with provider.open(request) as deltas:
        return [delta async for delta in deltas]


def text_of(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas)


def running_child(provider: EmbeddedProvider) -> ChildServer:
    assert provider.child is not None
    return provider.child


async def get(
    child: ChildServer, path: str, *, with_key: bool = True, origin: str | None = None
) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {child.config.api_key}"} if with_key else {}
    if origin is not None:
        headers["Origin"] = origin
    async with httpx2.AsyncClient(trust_env=False) as client:
        return await client.get(child.url + path, headers=headers)


async def wait_all_idle(child: ChildServer, *, within_s: float) -> None:
    """Ask until no slot works any more.

    Raises:
        TimeoutError: One still does.
    """
    async with asyncio.timeout(within_s):
        while any(slot["is_processing"] for slot in (await get(child, "/slots")).json()):
            pass


def has_process(pid: int) -> bool:
    """Whether such a process runs; one that has ended and is not reaped yet does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def wait_gone(pid: int, *, within_s: float) -> None:
    """Look until the process is gone; it is not ours, so there is nothing to wait on."""
    async with asyncio.timeout(within_s):
        while has_process(pid):  # noqa: ASYNC110 - no event tells of a foreign process
            await asyncio.sleep(0.01)


def shown_of(pid: int) -> bytes:
    """Return what other users may see of a process: its command line and environment."""
    process = Path(f"/proc/{pid}")
    return (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
