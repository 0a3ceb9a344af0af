"""What one server holds: its client, documents, generations and settings."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from streaming_code_generator.core.syntax import load_lexer
from streaming_code_generator.editing.mirror import PositionEncoding
from streaming_code_generator.editing.writer import DocumentWriter
from streaming_code_generator.logs import LogSink, redacted
from streaming_code_generator.lsp.backend import Backend
from streaming_code_generator.lsp.client import Client, resolve_capabilities
from streaming_code_generator.lsp.consent import BudgetGuard, RulesConsent
from streaming_code_generator.lsp.documents.documents import Documents
from streaming_code_generator.lsp.documents.open_document import (
    AppliedEdits,
    EditForm,
    OpenDocument,
)
from streaming_code_generator.lsp.generations.prompts import Prompts
from streaming_code_generator.lsp.generations.registry import Generations
from streaming_code_generator.lsp.generations.reporter import Reporter
from streaming_code_generator.lsp.wire.document_messages import OpenedDocument
from streaming_code_generator.settings import ResolvedSettings, SettingsSources, resolve

if TYPE_CHECKING:  # imported by the first request for ghost text
    from streaming_code_generator.lsp.completions.completions import Completions


@dataclass(slots=True, kw_only=True, eq=False)
class ServerState:
    """The parts of a running server, wired together by `new_state`."""

    backend: Backend
    documents: Documents
    generations: Generations
    client: Client
    budget: BudgetGuard
    rules_consent: RulesConsent
    prompts: Prompts
    completions: "Completions | None" = None
    """Made by the first request for ghost text."""


def new_state(
    ls: LanguageServer,
    sources: SettingsSources,
    sink: LogSink | None,
    introduction: types.InitializeParams,
    encoding: PositionEncoding,
) -> ServerState:
    """Return the wired parts for a client that has introduced itself."""
    capabilities = resolve_capabilities(introduction)
    client = Client(ls, capabilities, redact=sink.redaction.redact if sink else redacted)

    def follow(resolved: ResolvedSettings) -> None:
        if sink is not None:
            for secret in resolved.secrets:
                sink.redaction.hide(secret.reveal())
            sink.set_level(resolved.settings.log_level)

    # Until the client's settings have been read, too.
    follow(resolve(sources))
    backend = Backend(sources, on_problem=client.log_problem, on_resolved=follow)
    backend.take_client(
        initialization_options=capabilities.initialization_options,
        workspace_root=capabilities.roots[0] if capabilities.roots else None,
    )
    generations = Generations(backend.concurrency, Reporter(client))

    applied_edits = AppliedEdits(takes_versions=capabilities.document_changes)

    def new_document(uri: str, writer: DocumentWriter) -> OpenDocument:
        form = EditForm(applied_edits)
        return OpenDocument(uri, writer, client.send_edit, generations, edit_form=form)

    def document_closed(document: OpenDocument) -> None:
        generations.document_closed(document)
        if state.completions is not None:
            state.completions.closed(document)

    def document_changed(document: OpenDocument) -> None:
        if state.completions is not None:
            state.completions.changed(document)

    def document_opened(item: OpenedDocument) -> None:
        # Ahead of the first request: compiling a lexer would hold up the whole server.
        asyncio.get_running_loop().run_in_executor(None, load_lexer, item.language_id)

    documents = Documents(new_document, document_closed, document_changed, document_opened)
    documents.encoding = encoding
    documents.roots = capabilities.roots
    documents.client_reports_undo = capabilities.undo_notifications
    rules_consent = RulesConsent(client)
    state = ServerState(
        backend=backend,
        documents=documents,
        generations=generations,
        client=client,
        budget=BudgetGuard(backend.ledger, client),
        rules_consent=rules_consent,
        prompts=Prompts(documents, backend.tokenizers, rules_consent),
    )
    return state
