"""One endpoint and one server for each module of end-to-end tests; documents are each test's own.

The fixtures share the module's event loop: `pytestmark = pytest.mark.asyncio(loop_scope="module")`.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from support.lsp_client import EditorClient, connected
from support.lsp_endpoint import ScriptedEndpoint, scripted_endpoint
from support.lsp_process import server_environment


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workspace")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def endpoint() -> AsyncIterator[ScriptedEndpoint]:
    async with scripted_endpoint() as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def environment(
    endpoint: ScriptedEndpoint, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    return server_environment(tmp_path_factory.mktemp("home"), endpoint.base_url, MAX_RETRIES="0")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_client(
    workspace: Path, environment: dict[str, str]
) -> AsyncIterator[EditorClient]:
    async with connected(workspace, environment, options={"generationUpdates": True}) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="module")
async def client(shared_client: EditorClient) -> AsyncIterator[EditorClient]:
    """Connect as VS Code does; what a test leaves running is cancelled."""
    shared_client.heard.clear()
    yield shared_client
    await _let_go(shared_client)
    for buffer in shared_client.buffers.values():
        if buffer.editor.open:
            shared_client.close(buffer)
    shared_client.buffers.clear()
    await shared_client.ping()


async def _let_go(client: EditorClient) -> None:
    """End all generations and let go of their text: documents are then closed without delay."""
    await client.command("cancel")
    while (status := await client.command("status"))["running"]:
        pass
    for generation in status["recent"]:
        if generation["range"] is not None:
            await client.command("accept", {"id": generation["id"]})
