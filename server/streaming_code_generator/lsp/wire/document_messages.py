"""The messages of documents and of edits, read without lsprotocol's objects.

They come with every edit: through lsprotocol's types and cattrs each would cost a millisecond. And
LSP wants a whole number for every version; some clients send null or none at all, for which
lsprotocol refuses the message. But a change that is not taken leaves an old copy behind, into which
every later edit goes wrong: so whatever stands for a version that is no number counts as none.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams

from streaming_code_generator.editing.exchange import ReportedChange
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


T = TypeVar("T")

Read = Callable[[Any], T]


def _parameters_of(method: str) -> Callable[[Read[T]], Read[T]]:
    """Decorate what reads a message's parameters: it refuses what it cannot read."""

    def decorate(read: Read[T]) -> Read[T]:
        @functools.wraps(read)
        def checked(params: Any) -> T:
            try:
                return read(params)
            except (LookupError, TypeError, ValueError) as error:
                # Without what stands there, which may be the document's text.
                message = f"The parameters of `{method}` do not fit the protocol."
                raise JsonRpcInvalidParams(message) from error

        return checked

    return decorate


@_parameters_of(types.TEXT_DOCUMENT_DID_OPEN)
def opened_document(params: Any) -> OpenedDocument:
    """Read the parameters of `didOpen`.

    Raises:
        JsonRpcInvalidParams: They cannot be used.
    """
    item = params["textDocument"]
    return OpenedDocument(
        uri=_string(item["uri"]),
        language_id=_string(item.get("languageId") or ""),
        version=_version(item),
        text=_string(item["text"]),
    )


@_parameters_of(types.TEXT_DOCUMENT_DID_CHANGE)
def reported_changes(params: Any) -> DocumentChange:
    """Read the parameters of `didChange`.

    Raises:
        JsonRpcInvalidParams: They cannot be used.
    """
    item = params["textDocument"]
    changes = [_reported(content) for content in params["contentChanges"]]
    return DocumentChange(_string(item["uri"]), _version(item), changes)


def _reported(content: Any) -> ReportedChange:
    text, where = _string(content["text"]), content.get("range")
    if where is None:
        return ReportedChange(None, text)
    return ReportedChange((_position(where["start"]), _position(where["end"])), text)


@_parameters_of(types.TEXT_DOCUMENT_DID_CLOSE)
def closed_uri(params: Any) -> str:
    """Read the parameters of `didClose`.

    Raises:
        JsonRpcInvalidParams: They cannot be used.
    """
    return _string(params["textDocument"]["uri"])


@_parameters_of(DID_UNDO)
def undo_notice(params: Any) -> UndoNotice:
    """Read the parameters of `didUndo`.

    Raises:
        JsonRpcInvalidParams: They cannot be used.
    """
    item = params["textDocument"]
    return UndoNotice(uri=_string(item["uri"]), version=_version(item))


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
