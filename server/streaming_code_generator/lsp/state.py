"""What one server holds: its client, documents, generations and settings."""

import asyncio
from dataclasses import dataclass

from streaming_code_generator.lsp.backend import Backend
from streaming_code_generator.lsp.client import Client
from streaming_code_generator.lsp.documents.context_files import WorkspaceReader
from streaming_code_generator.lsp.documents.open_documents import Documents
from streaming_code_generator.lsp.generations.registry import Generations


@dataclass(slots=True, kw_only=True, eq=False)
class ServerState:
    """The parts of a running server, wired together by `server.build_server`."""

    backend: Backend
    documents: Documents
    generations: Generations
    client: Client
    workspace_reader: WorkspaceReader
    reading_settings: asyncio.Lock
    """Held while the client's configuration is being read."""

    async def settings_read(self) -> None:
        """Wait until every change of settings that came before has been read."""
        async with self.reading_settings:
            pass
