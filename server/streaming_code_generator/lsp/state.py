"""What belongs to one connection: documents, generations, settings, and the client's abilities."""

import asyncio
from dataclasses import dataclass

from streaming_code_generator.lsp.backend import Backend
from streaming_code_generator.lsp.client import Outgoing
from streaming_code_generator.lsp.documents.open_documents import Documents
from streaming_code_generator.lsp.generations.registry import Sessions


@dataclass(slots=True, kw_only=True, eq=False)
class ServerState:
    """The parts of a running server, wired together by `server.build_server`."""

    backend: Backend
    documents: Documents
    sessions: Sessions
    outgoing: Outgoing
    reading_settings: asyncio.Lock
    """Held while the client's configuration is being read."""
