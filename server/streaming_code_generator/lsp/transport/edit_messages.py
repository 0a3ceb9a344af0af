"""The three messages of every edit, without building objects of all that is in them.

`workspace/applyEdit`, its response and `textDocument/didChange` are sent with every edit; through
lsprotocol's types and cattrs they cost a millisecond. What is unusual in them, and all other
messages, go that way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from streaming_code_generator.editing.exchange import ReportedChange
from streaming_code_generator.lsp.documents.sync import DocumentChange

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class EditReply:
    """The client's response to an edit."""

    applied: bool
    reason: str = "no reason given"
    """Why it was not applied."""


def text_edits(replacements: Sequence[tuple[tuple[int, int], tuple[int, int], str]]) -> list[Any]:
    """Return `TextEdit`s: of each the start, the end and the new text."""
    return [
        {"range": {"start": _position(*start), "end": _position(*end)}, "newText": text}
        for start, end, text in replacements
    ]


def versioned_edit(uri: str, version: int | None, edits: list[Any]) -> JsonObject:
    """Return a `WorkspaceEdit` of one document that is refused where its version is outdated."""
    document = {"uri": uri, "version": version}
    return {"documentChanges": [{"textDocument": document, "edits": edits}]}


def unversioned_edit(uri: str, edits: list[Any]) -> JsonObject:
    """Return a `WorkspaceEdit` of one document in the older form."""
    return {"changes": {uri: edits}}


def _position(line: int, character: int) -> JsonObject:
    return {"line": line, "character": character}


def edit_reply(response: JsonObject) -> EditReply:
    """Return what a response to `workspace/applyEdit` says; what cannot be read is a refusal."""
    result, error = response.get("result"), response.get("error")
    if isinstance(error, dict):
        return EditReply(applied=False, reason=str(error.get("message") or "no reason given"))
    if not isinstance(result, dict):
        return EditReply(applied=False)
    reason = str(result.get("failureReason") or "no reason given")
    return EditReply(applied=bool(result.get("applied")), reason=reason)


def reported_changes(params: object) -> DocumentChange | None:
    """Return the parameters of a `didChange`; None if they are unusual."""
    match params:
        case {
            "textDocument": {"uri": str(uri), "version": int(version)},
            "contentChanges": [*contents],
        }:
            changes = [change for each in contents if (change := _reported(each))]
            if len(changes) == len(contents):
                return DocumentChange(uri, version, changes)
    return None


def _reported(content: object) -> ReportedChange | None:
    match content:
        case {
            "range": {
                "start": {"line": int(line), "character": int(character)},
                "end": {"line": int(end_line), "character": int(end_character)},
            },
            "text": str(text),
        } if min(line, character, end_line, end_character) >= 0:
            return ReportedChange(((line, character), (end_line, end_character)), text)
    return None
