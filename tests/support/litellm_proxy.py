"""LiteLLM's proxy as a process of an environment of its own, before endpoints that a test names."""

import asyncio
import json
import os
import re
import secrets
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_ENVIRONMENT = Path(
    os.environ.get("SCG_LITELLM_ENVIRONMENT", Path(__file__).parents[2] / ".venv-litellm")
)
_COMMAND = _ENVIRONMENT / "bin" / "litellm"
_START_S = 300.0
"""It imports for 12 s on a machine that does nothing else."""

needs_litellm = pytest.mark.skipif(
    not _COMMAND.exists(),
    reason="LiteLLM's proxy is not installed: see tests/gateway/requirements.txt",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedEndpoint:
    """An endpoint as its clients see it: behind the proxy, or the proxy itself."""

    base_url: str
    key: str


@asynccontextmanager
async def litellm_proxy(
    folder: Path, upstreams: Mapping[str, KeyedEndpoint]
) -> AsyncIterator[KeyedEndpoint]:
    """Run a proxy until the end of the block.

    Args:
        folder: For its configuration, and its home.
        upstreams: By the names of the models that clients ask for.

    Raises:
        RuntimeError: It ended instead of listening.
        TimeoutError: It took too long to listen.
    """
    # JSON is YAML.
    configuration = folder / "litellm.yaml"
    configuration.write_text(json.dumps(_configuration(upstreams)), encoding="utf-8")
    key = f"sk-{secrets.token_hex(32)}"
    process = await asyncio.create_subprocess_exec(
        *(_COMMAND, "--config", configuration, "--host", "127.0.0.1", "--port", "0"),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
        env={
            "PATH": os.defpath,
            "HOME": str(folder),
            "LITELLM_MASTER_KEY": key,
            # Else it fetches a list of prices.
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        },
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_START_S):
            address = await _address(process.stdout)
        # What it writes about each request is read, else it would stop once the pipe is full.
        reading = asyncio.create_task(process.stdout.read())
        yield KeyedEndpoint(base_url=f"{address}/v1", key=key)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    await reading


def _configuration(upstreams: Mapping[str, KeyedEndpoint]) -> object:
    models = [
        {
            "model_name": name,
            "litellm_params": {
                "model": f"openai/{name}",
                "api_base": upstream.base_url,
                "api_key": upstream.key,
            },
        }
        for name, upstream in upstreams.items()
    ]
    return {
        "model_list": models,
        # An endpoint that has failed in one test is there for the next.
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
    }


async def _address(log: asyncio.StreamReader) -> str:
    said = ""
    async for line in log:
        said += line.decode(errors="replace")
        if found := re.search(r"running on (http://\S+)", said):
            return found[1]
    raise RuntimeError(f"LiteLLM's proxy ended: {said[-2000:]}")
