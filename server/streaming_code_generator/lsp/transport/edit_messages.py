"""The three messages of every edit, without building objects of all that is in them.

`workspace/applyEdit`, its response and `textDocument/didChange` are sent with every edit; through
lsprotocol's types and cattrs they cost a millisecond. What is unusual in them, and all other
messages, go that way.
"""

from collections.abc import Sequence
from typing import Any

from lsprotocol import types

from streaming_code_generator.lsp.documents.sync import (
    ContentChange,
    DidChangeParams,
    VersionedDocument,
)

JsonObject = dict[str, Any]


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


def apply_edit_result(result: object) -> types.ApplyWorkspaceEditResult | None:
    """Return the result in a response to `workspace/applyEdit`; None if it is unusual."""
    match result:
        case {"applied": bool(applied), **rest} if not rest:
            return types.ApplyWorkspaceEditResult(applied=applied)
    return None


def did_change_params(params: object) -> DidChangeParams | None:
    """Return the parameters of a `didChange`; None if they are unusual."""
    match params:
        case {
            "textDocument": {"uri": str(uri), "version": int(version)},
            "contentChanges": [*reported],
        }:
            changes = [_content_change(each) for each in reported]
            if None not in changes:
                return DidChangeParams(
                    text_document=VersionedDocument(uri=uri, version=version),
                    content_changes=tuple(change for change in changes if change is not None),
                )
    return None


def _content_change(change: object) -> ContentChange | None:
    match change:
        case {
            "range": {
                "start": {"line": int(line), "character": int(character)},
                "end": {"line": int(end_line), "character": int(end_character)},
            },
            "text": str(text),
        }:
            start, end = types.Position(line, character), types.Position(end_line, end_character)
            return ContentChange(range=types.Range(start, end), text=text)
    return None
