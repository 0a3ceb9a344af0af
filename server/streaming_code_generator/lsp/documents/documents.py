"""The documents the client has open, and those it could have."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from streaming_code_generator.core.prompt.file_pieces import FileSnapshot
from streaming_code_generator.editing.mirror import PositionEncoding
from streaming_code_generator.editing.writer import DocumentWriter
from streaming_code_generator.lsp.documents.files import (
    document_key,
    language_of,
    path_of,
    read_text,
    shown_path,
    workspace_file,
)
from streaming_code_generator.lsp.documents.open_document import OpenDocument
from streaming_code_generator.lsp.wire.document_messages import (
    ClosedDocument,
    DocumentChange,
    OpenedDocument,
    UndoNotice,
    read_notification,
)

logger = logging.getLogger(__name__)

CLOSE_GRACE_S = 0.3
"""How long a closed document that generations have a place in may take to come back: a rename, a
change of its language, a reload are a close and an open. Nothing is sent to it meanwhile."""

RENAME_GRACE_S = 15.0
"""The same where its rename was announced: a busy editor takes long to open the new one."""

RENAME_MEMORY_S = 90.0
"""How long a rename explains that one document is closed and another opened. Once it is announced,
VS Code gives all its extensions 60 s to take part (`files.participants.timeout`)."""


class Documents:
    """All documents, however their URIs are spelled. Used on the server's event loop only."""

    def __init__(
        self,
        new_document: Callable[[str, DocumentWriter], OpenDocument],
        on_closed: Callable[[OpenDocument], None],
        on_changed: Callable[[OpenDocument], None] = lambda _: None,
        on_opened: Callable[[OpenedDocument], None] = lambda _: None,
    ) -> None:
        self.encoding: PositionEncoding = "utf-16"
        self.roots: tuple[Path, ...] = ()
        self.client_reports_undo = False
        self._new_document = new_document
        self._on_closed = on_closed
        self._on_changed = on_changed
        self._on_opened = on_opened
        self._documents: dict[str, OpenDocument] = {}
        """By the keys of their URIs."""
        self._closing: dict[str, OpenDocument] = {}
        """Those that may come back, likewise."""
        self._renames = Renames()

    def get(self, uri: str) -> OpenDocument | None:
        """Return a document the client has open, or that is being edited unopened."""
        return self._documents.get(document_key(uri))

    def others_open(self, document: OpenDocument) -> list[OpenDocument]:
        """Return the documents that the client has open besides one."""
        return [each for each in self._documents.values() if each.is_open and each is not document]

    # Notifications

    def notified(self, method: str, params: object) -> None:
        """Handle a notification as it came.

        Raises:
            JsonRpcInvalidParams: Its parameters cannot be used.
        """
        match read_notification(method, params):
            case DocumentChange() as change:
                self.changed(change)
            case OpenedDocument() as item:
                self.opened(item)
            case ClosedDocument(uri):
                self.closed(uri)
            case UndoNotice() as notice:
                self.undone(notice)

    def opened(self, item: OpenedDocument) -> None:
        """Follow a document; one that is known, also by another name, keeps its generations."""
        self._on_opened(item)
        self._renames.forget(document_key(item.uri))
        known = self._known(item)
        if known is None:
            self._add(item.uri, item.language_id, item.text, item.version, is_open=True)
            return
        self._drop(known)
        self._documents[document_key(item.uri)] = known
        known.go_on(item)

    def changed(self, change: DocumentChange) -> None:
        """Follow a change; one of a document that is not open is ignored."""
        document = self.get(change.uri)
        if document is None:
            logger.warning("change of a document that is not open uri=%s", change.uri)
            return
        document.history.note(document.mirror.version, change.changes)
        document.changed(change.version, change.changes)
        self._on_changed(document)

    def undone(self, notice: UndoNotice) -> None:
        """Handle the notification that an undo or a redo led to a version of a document."""
        document = self.get(notice.uri)
        if document is not None:
            document.undone(notice.version)

    def closed(self, uri: str) -> None:
        """Forget a document, after a moment in which it may come back."""
        key = document_key(uri)
        document = self._documents.pop(key, None)
        if document is None:
            return
        # Edits to a closed document would open it, or change the file behind the user's back.
        document.pause()
        self._closing[key] = document
        if not self._goes_on_as_renamed(key, document):
            if document.is_idle:
                self._close(key, document)
            else:
                grace_s = RENAME_GRACE_S if self._renames.target(key) else CLOSE_GRACE_S
                asyncio.get_running_loop().call_later(grace_s, self._close, key, document)

    def renamed(self, old_uri: str, new_uri: str) -> None:
        """Handle a file or folder that has another name now, or will have it shortly."""
        self._renames.note(old_uri, new_uri)
        for key, document in {**self._documents, **self._closing}.items():
            self._goes_on_as_renamed(key, document)

    # Documents that come back

    def _known(self, item: OpenedDocument) -> OpenDocument | None:
        """Return the document that one just opened is, under whatever name it was known."""
        key = document_key(item.uri)
        if known := self._documents.get(key) or self._closing.get(key):
            return known
        # In which order clients report a rename of a.py to b.py, and how it is recognised:
        #
        #     didClose a, didOpen b, didRename    by `willRename`, or by the same text
        #     didRename, didClose a, didOpen b    by the rename
        #     didOpen b, didClose a, didRename    by `_goes_on_as_renamed`, when a is closed
        #     didClose a, didOpen a               a reload, or another language: by its URI
        for old_key, document in self._closing.items():
            if self._renames.target(old_key) == key:
                return document
        for old_key, document in self._documents.items():
            if self._renames.target(old_key) == key and document.mirror.text == item.text:
                return document
        # Not every client notifies of renames. (Any two empty documents have the same text.)
        same = [each for each in self._closing.values() if each.mirror.text == item.text]
        return same[0] if len(same) == 1 and item.text else None

    def _goes_on_as_renamed(self, key: str, document: OpenDocument) -> bool:
        """Let a document go on as one that was opened under its new name before it was closed."""
        new_key = self._renames.target(key)
        fresh = self._documents.get(new_key) if new_key else None
        if fresh is None or fresh is document or document.is_idle or not fresh.is_idle:
            return False
        text = fresh.mirror.text
        if key in self._documents and text != document.mirror.text:
            return False  # once it is closed, whatever its text is
        self._drop(document)
        self._documents[document_key(fresh.uri)] = document
        fresh.close()
        document.go_on(
            OpenedDocument(
                uri=fresh.uri,
                language_id=fresh.language_id,
                version=fresh.mirror.version,
                text=text,
            )
        )
        return True

    def _drop(self, document: OpenDocument) -> None:
        for documents in (self._documents, self._closing):
            for key in [key for key, each in documents.items() if each is document]:
                del documents[key]

    def _close(self, key: str, document: OpenDocument) -> None:
        if self._closing.get(key) is document:
            del self._closing[key]
            self._end(document)

    def _end(self, document: OpenDocument) -> None:
        document.close()
        self._on_closed(document)

    # Files that are not open

    async def find(self, uri: str) -> OpenDocument:
        """Return an open document, or read a file of the workspace.

        Raises:
            JsonRpcInvalidParams: It is neither, or not text.
        """
        self.drop_unused_files()
        document = self.get(uri)
        if document is not None:
            return document
        path = workspace_file(uri, self.roots)
        text = await asyncio.to_thread(read_text, path)
        # The client may have opened it while it was read from disk.
        return self.get(uri) or self._add(uri, language_of(path), text, None, is_open=False)

    def created(self, uri: str) -> OpenDocument:
        """Return the document of a file that the client has just created, opened by it or not."""
        known = self.get(uri)
        if known is not None:
            return known
        path = path_of(uri)
        language_id = language_of(path) if path else ""
        return self._add(uri, language_id, "", None, is_open=False)

    def drop_unused_files(self) -> None:
        """Forget files that were read from disk and are not edited any more: they may change."""
        for key, document in list(self._documents.items()):
            # Its changes are not notified: the copy is right only for the moment it was read in.
            if not document.is_open and document.is_idle:
                del self._documents[key]
                self._end(document)

    def _add(
        self, uri: str, language_id: str, text: str, version: int | None, *, is_open: bool
    ) -> OpenDocument:
        writer = DocumentWriter(text, version=version, encoding=self.encoding)
        writer.undo.tells = self.client_reports_undo
        document = self._new_document(uri, writer)
        document.language_id, document.is_open = language_id, is_open
        self._documents[document_key(uri)] = document
        return document


class Renames:
    """Renames by the keys of URIs; they are followed at most one step."""

    def __init__(self) -> None:
        self._renames: dict[str, tuple[str, float]] = {}

    def note(self, old_uri: str, new_uri: str) -> None:
        """Remember a rename."""
        now_s = asyncio.get_running_loop().time()
        self._renames = {
            key: (new, noted_s)
            for key, (new, noted_s) in self._renames.items()
            if now_s - noted_s <= RENAME_MEMORY_S
        }
        self._renames[_stem(old_uri)] = _stem(new_uri), now_s

    def forget(self, key: str) -> None:
        """Take it that a document has its old name: it was not renamed, or another has it now."""
        self._renames.pop(key.partition("?")[0], None)

    def target(self, key: str) -> str | None:
        """Return the key under which a document goes on, or None if it was not renamed."""
        now_s = asyncio.get_running_loop().time()
        for old, (new, noted_s) in self._renames.items():
            if now_s - noted_s <= RENAME_MEMORY_S:
                # Of `/old` to `/new`: `/old/a.py` becomes `/new/a.py`, and `/older` stays.
                path, end, rest = key.partition("?")
                if path == old or path.startswith(f"{old}/"):
                    return f"{new}{path[len(old) :]}{end}{rest}"
        return None


def _stem(uri: str) -> str:
    """Return what the keys of a file, or of everything in a folder, begin with."""
    return document_key(uri).partition("?")[0].rstrip("/")


def snapshot(document: OpenDocument, lines: Sequence[str], roots: Iterable[Path]) -> FileSnapshot:
    """Return lines of a document as a file that a model may be shown. Used from threads, too."""
    return FileSnapshot(
        uri=document.uri,
        path=shown_path(document.path, roots) or document.uri.rsplit("/", 1)[-1],
        language_id=document.language_id,
        lines=tuple(line.rstrip("\r\n") for line in lines),
    )
