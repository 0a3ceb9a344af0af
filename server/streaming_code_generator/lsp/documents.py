"""The documents the client has open, and those it could have."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pygls.uris import to_fs_path

from streaming_code_generator.editing.exchange import ReportedChange
from streaming_code_generator.editing.lines import PositionEncoding
from streaming_code_generator.editing.mirror import Mirror
from streaming_code_generator.editing.writer import DocumentWriter
from streaming_code_generator.lsp.delivery import Delivery
from streaming_code_generator.lsp.history import ChangeHistory
from streaming_code_generator.lsp.sync import ContentChange, DidChangeParams, OpenedDocument
from streaming_code_generator.lsp.uris import document_key
from streaming_code_generator.lsp.wire import UndoNotice, invalid

logger = logging.getLogger(__name__)

MOST_FILE_BYTES = 10 * 1024 * 1024
"""Larger files that are not open are refused."""

_LANGUAGE_BY_SUFFIX = {
    ".c": "c",
    ".cpp": "cpp",
    ".cs": "csharp",
    ".css": "css",
    ".go": "go",
    ".h": "c",
    ".html": "html",
    ".java": "java",
    ".js": "javascript",
    ".lua": "lua",
    ".md": "markdown",
    ".py": "python",
    ".rb": "ruby",
    ".rs": "rust",
    ".sh": "shellscript",
    ".sql": "sql",
    ".toml": "toml",
    ".ts": "typescript",
    ".yaml": "yaml",
    ".yml": "yaml",
}


@dataclass(slots=True, kw_only=True, eq=False)
class OpenDocument:
    """One document and the writer that edits it."""

    language_id: str
    delivery: Delivery
    is_open: bool
    """Whether the client has it open; else it was read from disk."""
    history: ChangeHistory

    @property
    def uri(self) -> str:
        """Its URI as the client spells it."""
        return self.delivery.uri

    @property
    def mirror(self) -> Mirror:
        """The text as the client last reported it."""
        return self.delivery.writer.mirror

    @property
    def path(self) -> Path | None:
        """Where it lies on disk, or None if it is no file."""
        path = to_fs_path(self.uri)
        return Path(path) if path and self.uri.startswith("file:") else None


class Documents:
    """All documents, however their URIs are spelled. Used on the server's event loop only."""

    def __init__(self, new_delivery: Callable[[str, DocumentWriter], Delivery]) -> None:
        self.encoding: PositionEncoding = "utf-16"
        self.roots: tuple[Path, ...] = ()
        self.client_tells_undo = False
        self._new_delivery = new_delivery
        self._documents: dict[str, OpenDocument] = {}
        """By the keys of their URIs."""

    def get(self, uri: str) -> OpenDocument | None:
        """Return a document the client has open, or that is being edited unopened."""
        return self._documents.get(document_key(uri))

    def opened(self, item: OpenedDocument) -> None:
        """Take over a document; one that is being edited unopened keeps its regions."""
        known = self.get(item.uri)
        if known is not None and not known.is_open:
            known.delivery.uri, known.language_id, known.is_open = item.uri, item.language_id, True
            known.delivery.changed(item.version, [ReportedChange(None, item.text)])
            return
        self._add(item.uri, item.language_id, item.text, item.version, is_open=True)

    def changed(self, params: DidChangeParams) -> OpenDocument | None:
        """Follow a change; one of a document that is not open is ignored."""
        document = self.get(params.text_document.uri)
        if document is None:
            logger.warning("change of a document that is not open uri=%s", params.text_document.uri)
            return None
        changes = [_reported(change) for change in params.content_changes]
        document.history.note(document.mirror.version, changes)
        document.delivery.changed(params.text_document.version, changes)
        return document

    def undone(self, notice: UndoNotice) -> None:
        """Take note that an undo or a redo led to a version of a document."""
        document = self.get(notice.uri)
        if document is not None:
            document.delivery.undone(notice.version)

    def closed(self, uri: str) -> OpenDocument | None:
        """Forget a document; its edits end."""
        document = self._documents.pop(document_key(uri), None)
        if document is not None:
            document.delivery.close()
        return document

    async def find(self, uri: str) -> OpenDocument:
        """Return an open document, or read a file of the workspace.

        Raises:
            JsonRpcInvalidParams: It is neither, or not text.
        """
        self._drop_if_idle(uri)
        document = self.get(uri)
        if document is not None:
            return document
        path = self._workspace_file(uri)
        text = await asyncio.to_thread(_read_text, path)
        return self.get(uri) or self._add(
            uri, _LANGUAGE_BY_SUFFIX.get(path.suffix, "plaintext"), text, None, is_open=False
        )

    def _drop_if_idle(self, uri: str) -> None:
        """Forget a file that was read from disk and is not being edited: it may have changed."""
        document = self.get(uri)
        if document is None or document.is_open:
            return
        if not document.delivery.writer.document.region_ids():
            self.closed(uri)

    def _add(
        self, uri: str, language_id: str, text: str, version: int | None, *, is_open: bool
    ) -> OpenDocument:
        writer = DocumentWriter(text, version=version, encoding=self.encoding)
        writer.undo.tells = self.client_tells_undo
        document = OpenDocument(
            language_id=language_id,
            delivery=self._new_delivery(uri, writer),
            is_open=is_open,
            history=ChangeHistory(self.encoding),
        )
        self._documents[document_key(uri)] = document
        return document

    def _workspace_file(self, uri: str) -> Path:
        name = to_fs_path(uri) if uri.startswith("file:") else None
        if not name:
            invalid(f"`{uri}` is not open in the editor: open the document first.")
        path = Path(name).resolve()
        if not any(path.is_relative_to(root.resolve()) for root in self.roots):
            invalid(f"`{path.name}` is not open and lies outside the workspace: open it first.")
        return path


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_FILE_BYTES:
            invalid(f"`{path.name}` is larger than {MOST_FILE_BYTES // 1024 // 1024} MiB: open it.")
        content = path.read_bytes()
    except OSError as error:
        invalid(f"`{path.name}` cannot be read ({error.strerror}): open the document first.")
    if b"\0" in content:
        invalid(f"`{path.name}` is a binary file: name a text document.")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        invalid(
            f"`{path.name}` is not UTF-8 text: open it in the editor, which knows its encoding."
        )


def _reported(change: ContentChange) -> ReportedChange:
    if change.range is None:
        return ReportedChange(None, change.text)
    start, end = change.range.start, change.range.end
    return ReportedChange(((start.line, start.character), (end.line, end.character)), change.text)
