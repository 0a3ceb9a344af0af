"""Between LSP's types and the simulated editor's own."""

from collections.abc import Iterable
from dataclasses import dataclass

from lsprotocol import types

from streaming_code_generator.testing.editor_messages import Change
from streaming_code_generator.testing.editor_positions import Position


@dataclass(frozen=True, slots=True)
class ReceivedReplacement:
    """One replacement of an edit that came over LSP."""

    start: Position
    end: Position
    text: str


@dataclass(frozen=True, slots=True)
class ReceivedEdit:
    """An edit of one document that came over LSP."""

    edit_id: int
    version: int | None
    """None where the edit came in the older form, which has none."""
    replacements: tuple[ReceivedReplacement, ...]


def received_edit(edit: types.WorkspaceEdit, edit_id: int) -> tuple[str, ReceivedEdit]:
    """Return the document's uri and what is to be done to it.

    Raises:
        ValueError: The edit is not one of the text of exactly one document.
    """
    if edit.changes:
        ((uri, edits),) = edit.changes.items()
        return uri, ReceivedEdit(edit_id, None, _replacements(edits))
    (change,) = edit.document_changes or ()
    if not isinstance(change, types.TextDocumentEdit):
        raise ValueError("the edit creates, renames or deletes files")  # noqa: TRY004 - not a type
    identifier = change.text_document
    return identifier.uri, ReceivedEdit(edit_id, identifier.version, _replacements(change.edits))


def _replacements(
    edits: Iterable[types.TextEdit | types.AnnotatedTextEdit | types.SnippetTextEdit],
) -> tuple[ReceivedReplacement, ...]:
    return tuple(
        ReceivedReplacement(_position(e.range.start), _position(e.range.end), e.new_text)
        for e in edits
        if not isinstance(e, types.SnippetTextEdit)
    )


def _position(position: types.Position) -> Position:
    return position.line, position.character


def content_change(change: Change) -> types.TextDocumentContentChangeEvent:
    """Return a reported change as an entry of `didChange`."""
    if change.range is None:
        return types.TextDocumentContentChangeWholeDocument(text=change.text)
    (line, character), (end_line, end_character) = change.range
    start, end = types.Position(line, character), types.Position(end_line, end_character)
    return types.TextDocumentContentChangePartial(range=types.Range(start, end), text=change.text)
