"""The three messages of every edit, without building objects of all that is in them; their form.

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

REFUSALS_BEFORE_UNVERSIONED = 2


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


@dataclass(slots=True, kw_only=True)
class AppliedEdits:
    """What is known of how one client takes edits, by what it announced and what it applied.

    A refusal says nothing of the client: the buffer may just be read-only.
    """

    takes_versions: bool = False
    """Whether it announced versioned edits, or has applied one."""
    checks_zero: bool = False
    """Whether it refused version 1 for a document at version 0, and then took 0."""


class EditForm:
    """The form of one document's edits, chosen by the client's responses to earlier ones.

    Versioned edits go to every client: one that lets the user type in between must be able to
    refuse, and those that do not announce `documentChanges` (Neovim 0.11) take them too. Only one
    that announces nothing, never took one, and refuses two of a document although it did not
    change, is sent the older `changes` for that document, which carry no version.

    Version 0 is sent as 1 until the client refuses that: to some clients (Neovim 0.11,
    vscode-languageclient 9) 0 means "unchecked", so that an edit that typing has overtaken would
    land in the wrong place. To them 1 is as good, since a buffer that has changed is beyond it. A
    client that compares for equality refuses once and then gets the true 0.
    """

    def __init__(self, client: AppliedEdits) -> None:
        self._client = client
        self._refusals = 0
        self._tries_zero = False
        self._sent: int | None = None
        self._sent_one_for_zero = False

    @property
    def is_versioned(self) -> bool:
        """Whether to send `documentChanges`."""
        return self._client.takes_versions or self._refusals < REFUSALS_BEFORE_UNVERSIONED

    def version(self, version: int | None) -> int | None:
        """Return the version to send for a document's true one."""
        tells_zero = self._client.checks_zero or self._tries_zero
        self._sent = version
        self._sent_one_for_zero = version == 0 and not tells_zero
        return 1 if self._sent_one_for_zero else version

    def answered(self, *, applied: bool) -> None:
        """Handle the response to the last edit, of a document that did not change meanwhile."""
        if applied:
            self._client.takes_versions |= self.is_versioned
            self._client.checks_zero |= self._tries_zero and self._sent == 0
        elif self._sent_one_for_zero:
            self._tries_zero = True
        else:
            self._refusals += 1
