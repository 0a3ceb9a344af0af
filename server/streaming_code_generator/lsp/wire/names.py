"""The names of commands and notifications, which plug-ins spell too, and the types of plain values.

Imported by the start, before `initialize` is answered: nothing of the package that takes time.
"""

from typing import Any, Literal

from lsprotocol import types

SERVER_NAME = "streaming-code-generator"

GENERATE = "streamingCodeGenerator.generate"

CANCEL = "streamingCodeGenerator.cancel"

REMOVE = "streamingCodeGenerator.remove"

ACCEPT = "streamingCodeGenerator.accept"

RETRY = "streamingCodeGenerator.retry"

STATUS = "streamingCodeGenerator.status"

COMMANDS = (GENERATE, CANCEL, REMOVE, ACCEPT, RETRY, STATUS)

CODE_ACTION_KIND = types.CodeActionKind("refactor.rewrite")
"""The kind of all code actions."""

DID_UPDATE_GENERATION = "streamingCodeGenerator/didUpdateGeneration"
"""Notification to clients that announced `generationUpdates`: where a generation stands."""

DID_UNDO = "streamingCodeGenerator/didUndo"
"""Notification of clients that announced `undoNotifications`: an undo or a redo led to a version of
a document. Before the `didChange` of that version, or right after it."""

GenerationState = Literal["queued", "running", "completed", "cancelled", "error", "forgotten"]

Token = str | int

ClientPosition = tuple[int, int]
"""Line and character, in the position encoding that was agreed with the client."""

ClientRange = tuple[ClientPosition, ClientPosition]

JsonObject = dict[str, Any]
