"""The notifications of document synchronisation, as clients really send them.

LSP wants a whole number for every version. Some clients send null or none at all, for which
lsprotocol refuses the message; but a change that is not taken leaves an old copy behind, into which
every later edit goes wrong. So these two notifications have types of our own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import attrs
from lsprotocol import types

from streaming_code_generator.editing.exchange import ReportedChange


@dataclass(frozen=True, slots=True)
class DocumentChange:
    """The changes that led to a version of a document, in order."""

    uri: str
    version: int | None
    changes: Sequence[ReportedChange]


@attrs.frozen(kw_only=True)
class VersionedDocument:
    """A document as it is after a change."""

    uri: str
    version: int | None = None


@attrs.frozen(kw_only=True)
class ContentChange:
    """One change; without a range it is the whole text."""

    range: types.Range | None = None
    text: str


@attrs.frozen(kw_only=True)
class DidChangeParams:
    """The changes that led to a version, in order."""

    text_document: VersionedDocument
    content_changes: Sequence[ContentChange]

    def document_change(self) -> DocumentChange:
        """Return what has changed."""
        changes = [_reported(change) for change in self.content_changes]
        return DocumentChange(self.text_document.uri, self.text_document.version, changes)


def _reported(change: ContentChange) -> ReportedChange:
    if change.range is None:
        return ReportedChange(None, change.text)
    start, end = change.range.start, change.range.end
    return ReportedChange(((start.line, start.character), (end.line, end.character)), change.text)


@attrs.frozen(kw_only=True)
class DidChangeNotification:
    """The notification `textDocument/didChange`."""

    params: DidChangeParams
    method: str
    jsonrpc: str


@attrs.frozen(kw_only=True)
class OpenedDocument:
    """A document that the client has opened."""

    uri: str
    language_id: str = ""
    version: int | None = None
    text: str


@attrs.frozen(kw_only=True)
class DidOpenParams:
    """Which document was opened."""

    text_document: OpenedDocument


@attrs.frozen(kw_only=True)
class DidOpenNotification:
    """The notification `textDocument/didOpen`."""

    params: DidOpenParams
    method: str
    jsonrpc: str


MESSAGE_TYPES: dict[str, type[Any]] = {
    types.TEXT_DOCUMENT_DID_OPEN: DidOpenNotification,
    types.TEXT_DOCUMENT_DID_CHANGE: DidChangeNotification,
}
"""The types of messages by their methods, instead of lsprotocol's."""
