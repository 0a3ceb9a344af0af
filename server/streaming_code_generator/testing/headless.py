"""A headless editor that speaks LSP: a simulated buffer behind a real language client.

    command = [sys.executable, "-P", "-m", "streaming_code_generator", "serve"]
    async with HeadlessEditor.started(command, root=folder) as editor:
        await editor.open(path, "python", text)
        result = await editor.generate(position=(3, 0), on_text=print)

The server is a real child process on standard input and output; the buffer is a
`SimulatedEditor`, so every habit it knows can be tried against the real server.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.client import LanguageClient

from streaming_code_generator.testing.editor import (
    Change,
    DidChange,
    EditorHabits,
    Position,
    Reply,
    SimulatedEditor,
)


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


GENERATE = "streamingCodeGenerator.generate"
STOP_TIMEOUT_S = 3.0
_ENCODINGS = {
    "utf-8": types.PositionEncodingKind.Utf8,
    "utf-16": types.PositionEncodingKind.Utf16,
    "utf-32": types.PositionEncodingKind.Utf32,
}


class HeadlessEditor:
    """One buffer in one editor, connected to one server process."""

    def __init__(self, client: LanguageClient, habits: EditorHabits) -> None:
        self.client = client
        self.habits = habits
        self.buffer = SimulatedEditor("", habits=habits)
        self.uri = ""
        self.log: list[str] = []
        """The texts of all `window/logMessage` so far."""
        self.progress: list[str] = []
        """The messages of work-done progress so far."""
        self.on_text: Callable[[str], None] = lambda _: None
        self.on_progress: Callable[[str], None] = lambda _: None
        self._edits = 0
        self._listen()

    @classmethod
    @asynccontextmanager
    async def started(
        cls,
        command: Sequence[str],
        *,
        root: Path,
        habits: EditorHabits | None = None,
        initialization_options: object = None,
        environment: Mapping[str, str] | None = None,
    ) -> AsyncIterator["HeadlessEditor"]:
        """Start the server, shake hands, and see to its end, whatever happens in the block.

        Args:
            command: What starts the server.
            root: The workspace's folder.
            habits: How the editor behaves.
            initialization_options: The client's own settings and announcements.
            environment: The server's variables; by default those of this process.
        """
        habits = habits or EditorHabits()
        client = LanguageClient("headless-editor", "1")
        editor = cls(client, habits)
        await client.start_io(*command, env=environment)
        try:
            await client.initialize_async(_introduction(root, habits, initialization_options))
            client.initialized(types.InitializedParams())
            yield editor
        finally:
            await editor.stop()

    async def open(self, path: Path, language_id: str, text: str) -> None:
        """Open a document with the given text."""
        self.uri = path.as_uri()
        self.buffer = SimulatedEditor(text, habits=self.habits)
        item = types.TextDocumentItem(self.uri, language_id, self.buffer.version, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))

    def close(self) -> None:
        """Close the document."""
        identifier = types.TextDocumentIdentifier(self.uri)
        self.client.text_document_did_close(types.DidCloseTextDocumentParams(identifier))

    async def generate(self, *, position: Position, **arguments: object) -> dict[str, Any]:
        """Run the command at a position and return its result as a plain mapping.

        Raises:
            JsonRpcException: The server answered with an error.
        """
        line, character = position
        argument = {
            "textDocument": {"uri": self.uri},
            "position": {"line": line, "character": character},
            "workDoneToken": "headless-progress",
            **arguments,
        }
        result = await self.client.workspace_execute_command_async(
            types.ExecuteCommandParams(GENERATE, [argument])
        )
        if not isinstance(result, dict):
            raise TypeError(f"the server answered with {type(result).__name__}, not an object")
        return result

    async def stop(self) -> None:
        """Say good-bye, and kill the server if it does not go."""
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self.client.shutdown_async(None)
                self.client.exit(None)
                await self.client.stop()  # type: ignore[no-untyped-call]  # pygls has no types here
        except TimeoutError:
            server = getattr(self.client, "_server", None)
            if server is not None and server.returncode is None:
                server.kill()

    def _listen(self) -> None:
        # pygls' decorators have no types, hence the plain calls.
        listen: Any = self.client.feature
        listen(types.WINDOW_LOG_MESSAGE)(lambda params: self.log.append(params.message))
        listen(types.PROGRESS)(lambda params: self._take_progress(params.value))
        listen(types.WORKSPACE_APPLY_EDIT)(lambda params: self._apply(params.edit))

    def _take_progress(self, value: object) -> None:
        if isinstance(value, dict):
            message = value.get("message")
        else:
            message = getattr(value, "message", None)
        if isinstance(message, str):
            self.progress.append(message)
            self.on_progress(message)

    def _apply(self, edit: types.WorkspaceEdit) -> types.ApplyWorkspaceEditResult:
        now_s = asyncio.get_running_loop().time()
        self._edits += 1
        _, received = received_edit(edit, self._edits)
        self.buffer.receive(received, now_s=now_s)
        self.on_text(self.buffer.text)
        applied = False
        for message in self.buffer.outbox(now_s):
            if isinstance(message, Reply):
                applied = message.applied
            elif isinstance(message, DidChange):
                # Behind the answer, which is sent when this function has returned.
                asyncio.get_running_loop().call_soon(self._report, message)
        if self.buffer.flush_at_s is not None:
            delay_s = max(0.0, self.buffer.flush_at_s - now_s)
            asyncio.get_running_loop().call_later(delay_s, self._flush)
        return types.ApplyWorkspaceEditResult(applied=applied)

    def _flush(self) -> None:
        for message in self.buffer.outbox(asyncio.get_running_loop().time()):
            if isinstance(message, DidChange):
                self._report(message)

    def _report(self, change: DidChange) -> None:
        identifier = types.VersionedTextDocumentIdentifier(version=change.version, uri=self.uri)
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                identifier, [content_change(c) for c in change.changes]
            )
        )


def _introduction(
    root: Path, habits: EditorHabits, initialization_options: object
) -> types.InitializeParams:
    general = types.GeneralClientCapabilities(position_encodings=[_ENCODINGS[habits.encoding]])
    edits = types.WorkspaceEditClientCapabilities(document_changes=True)
    return types.InitializeParams(
        capabilities=types.ClientCapabilities(
            general=general,
            workspace=types.WorkspaceClientCapabilities(apply_edit=True, workspace_edit=edits),
        ),
        root_uri=root.as_uri(),
        workspace_folders=[types.WorkspaceFolder(uri=root.as_uri(), name=root.name)],
        initialization_options=initialization_options,
    )
