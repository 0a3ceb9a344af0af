"""The messages of documents and of edits, read without lsprotocol's objects.

They come with every edit: through lsprotocol's types and cattrs each would cost a millisecond. And
LSP wants a whole number for every version; some clients send null or none at all, for which
lsprotocol refuses the message. But a change that is not taken leaves an old copy behind, into which
every later edit goes wrong: so whatever stands for a version that is no number counts as none.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lsprotocol import types

from streaming_code_generator.editing.exchange import ReportedChange
from streaming_code_generator.lsp.wire.error_responses import unfit_parameters
from streaming_code_generator.lsp.wire.names import DID_UNDO, ClientPosition, JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedDocument:
    """A document that the client has opened."""

    uri: str
    language_id: str = ""
    version: int | None = None
    text: str


@dataclass(frozen=True, slots=True)
class DocumentChange:
    """The changes that led to a version of a document, in order."""

    uri: str
    version: int | None
    changes: Sequence[ReportedChange]


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoNotice:
    """Which version of which document an undo or a redo led to."""

    uri: str
    version: int | None


@dataclass(frozen=True, slots=True)
class ClosedDocument:
    """A document that the client has closed."""

    uri: str


DocumentMessage = OpenedDocument | DocumentChange | ClosedDocument | UndoNotice


def read_notification(method: str, params: object) -> DocumentMessage:
    """Read the parameters of a notification of documents.

    Raises:
        JsonRpcInvalidParams: They cannot be used.
    """
    try:
        return _READERS[method](params)
    except (LookupError, TypeError, ValueError) as error:
        raise unfit_parameters(method) from error


def _opened(params: Any) -> OpenedDocument:
    item = params["textDocument"]
    return OpenedDocument(
        uri=_string(item["uri"]),
        language_id=_string(item.get("languageId") or ""),
        version=_version(item),
        text=_string(item["text"]),
    )


def _changed(params: Any) -> DocumentChange:
    item = params["textDocument"]
    changes = [_reported(content) for content in params["contentChanges"]]
    return DocumentChange(_string(item["uri"]), _version(item), changes)


def _reported(content: Any) -> ReportedChange:
    text, where = _string(content["text"]), content.get("range")
    if where is None:
        return ReportedChange(None, text)
    return ReportedChange((_position(where["start"]), _position(where["end"])), text)


def _closed(params: Any) -> ClosedDocument:
    return ClosedDocument(_string(params["textDocument"]["uri"]))


def _undone(params: Any) -> UndoNotice:
    item = params["textDocument"]
    return UndoNotice(uri=_string(item["uri"]), version=_version(item))


_READERS: dict[str, Callable[[Any], DocumentMessage]] = {
    types.TEXT_DOCUMENT_DID_OPEN: _opened,
    types.TEXT_DOCUMENT_DID_CHANGE: _changed,
    types.TEXT_DOCUMENT_DID_CLOSE: _closed,
    DID_UNDO: _undone,
}


def _string(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise TypeError


def _version(item: Any) -> int | None:
    return _whole(item.get("version"))


def _position(position: Any) -> ClientPosition:
    line, character = _whole(position["line"]), _whole(position["character"])
    if line is None or character is None or line < 0 or character < 0:
        raise ValueError
    return line, character


def _whole(number: Any) -> int | None:
    # Not every language has whole numbers: some write 3.0.
    if isinstance(number, int) or (isinstance(number, float) and number.is_integer()):
        return int(number)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class EditReply:
    """The client's response to an edit."""

    applied: bool
    reason: str = "no reason given"
    """Why it was not applied."""


def edit_reply(response: JsonObject) -> EditReply:
    """Return what a response to `workspace/applyEdit` says; what cannot be read is a refusal."""
    result, error = response.get("result"), response.get("error")
    if isinstance(error, dict):
        return EditReply(applied=False, reason=str(error.get("message") or "no reason given"))
    if not isinstance(result, dict):
        return EditReply(applied=False)
    reason = str(result.get("failureReason") or "no reason given")
    return EditReply(applied=bool(result.get("applied")), reason=reason)


def lsp_range(start: ClientPosition, end: ClientPosition) -> types.Range:
    """Return a range of the protocol's."""
    return types.Range(
        types.Position(line=start[0], character=start[1]),
        types.Position(line=end[0], character=end[1]),
    )
