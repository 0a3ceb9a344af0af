"""An editor for end-to-end tests: pytest-lsp's client with buffers that really take edits.

It introduces itself as a real editor does, applies the server's edits to its buffers with that
editor's habits, reports the changes, and remembers everything the server said.
"""

import asyncio
import copy
import json
import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal, cast

from lsprotocol import types
from pygls.io_ import run_async
from pygls.lsp.client import LanguageClient as PlainClient
from pygls.protocol import default_converter
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities
from pytest_lsp.client import DEFAULT_CLIENT_FEATURES, register_lsp_features
from pytest_lsp.protocol import LanguageClientProtocol

from streaming_code_generator.testing.editor import (
    DidChange,
    EditorHabits,
    Position,
    Reply,
    SimulatedEditor,
)
from streaming_code_generator.testing.headless import content_change, received_edit
from support.fork_server import start_forked
from support.lsp_process import DEADLINE_S, ENDED_WITHIN_S, SERVER, check_last_words

# What they have learnt of LSP's types, they need not learn again for each client.
_converter = cache(default_converter)
_announced_by = cache(client_capabilities)
COMMAND = "streamingCodeGenerator."
UPDATE = "streamingCodeGenerator/didUpdateGeneration"

Refusal = Literal["false", "error", "null"]
"""How an edit is refused: `applied: false` (VS Code), an error (Emacs), or a null result."""
REFUSALS: dict[Refusal, dict[str, Any]] = {
    "false": {"result": {"applied": False}},
    "error": {"error": {"code": 32603, "message": "Edits require another version"}},
    "null": {"result": None},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How an editor presents itself, and how it behaves."""

    capabilities: str
    """The name under which pytest-lsp keeps what the editor announces."""
    habits: EditorHabits
    refusal: Refusal = "false"


VISUAL_STUDIO_CODE = Profile(capabilities="visual-studio-code", habits=EditorHabits())
NEOVIM = Profile(
    capabilities="neovim@v0.11.0",
    habits=EditorHabits(
        encoding="utf-8", stale_edits="pretend", change_delay_s=0.05, changes="diff"
    ),
)
EMACS = Profile(
    capabilities="emacs",
    habits=EditorHabits(encoding="utf-32", reply="last", change_delay_s=0.03),
    refusal="error",
)
PROFILES = {"visual-studio-code": VISUAL_STUDIO_CODE, "neovim": NEOVIM, "emacs": EMACS}


class EditProtocol(LanguageClientProtocol):
    """Hands every message to the editor as it came, and leaves the answers to edits to it."""

    _server: "EditorClient"

    def structure_message(self, data: dict[str, Any]) -> Any:
        if "jsonrpc" in data:
            self._server.hear(data)
        return super().structure_message(data)

    def _handle_request(self, msg_id: Any, method_name: str, params: Any) -> None:
        if method_name == types.WORKSPACE_APPLY_EDIT:
            self._server.take_edit(msg_id, params)
        elif method_name in self._server.refused:
            self._send_response(msg_id, error=types.ResponseError(-32601, "not here"))
        elif method_name in self._server.unanswered:
            pass
        else:
            handle: Any = super()._handle_request  # pytest-lsp has no types here
            handle(msg_id, method_name, params)


@dataclass(slots=True, eq=False)
class Buffer:
    """One open document in the editor."""

    uri: str
    language_id: str
    editor: SimulatedEditor
    refusal: Refusal
    answers: dict[int, Any] = field(default_factory=dict)
    """The ids of the requests behind edits that are not answered yet."""

    @property
    def text(self) -> str:
        return self.editor.text


@dataclass(frozen=True, slots=True)
class Call:
    """A command that is running."""

    client: "EditorClient"
    request_id: str
    answer: "Future[Any]"

    async def result(self) -> dict[str, Any]:
        async with asyncio.timeout(DEADLINE_S):
            result: dict[str, Any] = await asyncio.wrap_future(self.answer)
        return result

    def cancel(self) -> None:
        """Send what an editor sends to cancel a request."""
        self.client.cancel_request(types.CancelParams(id=self.request_id))


class EditorClient(LanguageClient):
    """One editor, connected to one server process."""

    def __init__(self, profile: Profile, root: Path) -> None:
        super().__init__(converter_factory=_converter, protocol_cls=EditProtocol)
        register_lsp_features(self, {**DEFAULT_CLIENT_FEATURES, **_OWN_FEATURES})
        self.profile = profile
        self.root = root
        self.buffers: dict[str, Buffer] = {}
        self.heard: list[dict[str, Any]] = []
        """Every message of the server's, as it came."""
        self.unanswered: set[str] = set()
        """Requests of the server's that get no answer."""
        self.refused: set[str] = set()
        """Requests of the server's that get an error."""
        self.gone: set[str] = set()
        """The names of documents that have another one now."""
        self.knows_versions = True
        """Whether `documentChanges` are understood; else they are refused."""
        self.stderr_bytes = bytearray()
        self._edits_seen = 0
        self._calls = 0
        self._names = 0
        self._news = asyncio.Event()

    async def start_io(self, cmd: str, *args: Any, **kwargs: Any) -> None:
        """Start the server, keeping what it logs."""
        if sys.platform == "linux" and (cmd, *args) == SERVER:
            await self._start_forked(kwargs["env"])
        else:
            await PlainClient.start_io(self, cmd, *args, **kwargs)
        self._stderr_forwarder = asyncio.create_task(self._keep_stderr())

    async def _start_forked(self, environment: Mapping[str, str]) -> None:
        """Do what pygls does, with a process that is here sooner."""
        self._server = cast(
            "asyncio.subprocess.Process",
            await start_forked("serve", "--stdio", environment=environment),
        )
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self.protocol.set_writer(self._server.stdin)
        reading = run_async(
            stop_event=self._stop_event,
            reader=self._server.stdout,
            protocol=self.protocol,
            logger=logging.getLogger(__name__),
            error_handler=self.report_server_error,
        )
        ending = self._server_exit()  # type: ignore[no-untyped-call]  # pygls has no types here
        self._async_tasks += [asyncio.create_task(task) for task in (reading, ending)]

    async def _keep_stderr(self) -> None:
        assert self._server is not None
        assert self._server.stderr is not None
        while line := await self._server.stderr.readline():
            self.stderr_bytes += line
            self._news.set()

    @property
    def process(self) -> asyncio.subprocess.Process:
        assert self._server is not None
        return self._server

    @property
    def stderr(self) -> str:
        """What the server logged so far."""
        return self.stderr_bytes.decode()

    # What the server said

    def hear(self, message: dict[str, Any]) -> None:
        # pygls turns the nested objects of some messages into others, in place.
        self.heard.append(copy.deepcopy(message))
        self._news.set()

    def said(self, method: str, since: int = 0) -> list[dict[str, Any]]:
        """Return the parameters of all messages of a kind, in order."""
        return [m.get("params", {}) for m in self.heard[since:] if m.get("method") == method]

    def reported(self, token: str, since: int = 0) -> list[dict[str, Any]]:
        """Return the values sent under a progress token, in order."""
        return [p["value"] for p in self.said(types.PROGRESS, since) if p["token"] == token]

    def logged(self, since: int = 0) -> list[str]:
        """Return the messages for the editor's log, in order."""
        return [p["message"] for p in self.said(types.WINDOW_LOG_MESSAGE, since)]

    async def until(self, true: Callable[[], object], what: str = "it") -> None:
        """Wait until something is so, looking again whenever anything arrives."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                while not true():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            last = "\n".join(json.dumps(message)[:300] for message in self.heard[-12:])
            raise AssertionError(f"waited in vain for {what}; heard last:\n{last}") from None

    # Documents

    def open(  # noqa: PLR0913 - a document has that many sides
        self,
        text: str,
        *,
        language_id: str = "python",
        suffix: str = ".py",
        habits: EditorHabits | None = None,
        refusal: Refusal | None = None,
        path: Path | None = None,
        uri: str | None = None,
    ) -> Buffer:
        """Open a document of its own, which need not be on disk."""
        self._names += 1
        uri = uri or (path or self.root / f"document{self._names}{suffix}").as_uri()
        editor = SimulatedEditor(text, habits=habits or self.profile.habits)
        buffer = Buffer(uri, language_id, editor, refusal or self.profile.refusal)
        self.buffers[uri] = buffer
        self.tell_open(buffer)
        return buffer

    def tell_open(self, buffer: Buffer) -> None:
        """Say that a document is open, with the text it has."""
        item = types.TextDocumentItem(
            buffer.uri, buffer.language_id, buffer.editor.version, buffer.text
        )
        self.text_document_did_open(types.DidOpenTextDocumentParams(item))

    def tell_closed(self, uri: str) -> None:
        """Say that a document is not open any more."""
        identifier = types.TextDocumentIdentifier(uri)
        self.text_document_did_close(types.DidCloseTextDocumentParams(identifier))

    def move(self, buffer: Buffer, uri: str) -> None:
        """Give a document another name, without telling the server."""
        del self.buffers[buffer.uri]
        self.gone.add(buffer.uri)
        buffer.uri = uri
        self.buffers[uri] = buffer

    def close(self, buffer: Buffer) -> None:
        """Close a document."""
        buffer.editor.close()
        self.tell_closed(buffer.uri)

    def type(self, buffer: Buffer, start: int, end: int, text: str) -> None:
        """Let the user replace `[start, end)` of a document, in code points."""
        buffer.editor.replace(start, end, text, now_s=self._now_s())
        self._post(buffer)

    def undo(self, buffer: Buffer) -> None:
        """Let the user undo the last step in a document."""
        buffer.editor.undo(now_s=self._now_s())
        self._post(buffer)

    def redo(self, buffer: Buffer) -> None:
        """Let the user redo what was undone last in a document."""
        buffer.editor.redo(now_s=self._now_s())
        self._post(buffer)

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()

    def take_edit(self, msg_id: Any, params: types.ApplyWorkspaceEditParams) -> None:
        """Apply an edit of the server's, or refuse it, by habit."""
        match params.edit.document_changes:
            case [types.CreateFile(uri=new)]:
                Path(new.removeprefix("file://")).touch(exist_ok=False)
                self._answer(msg_id, "false" if new in self.gone else None)
                return
        self._edits_seen += 1
        uri, edit = received_edit(params.edit, self._edits_seen)
        if uri in self.gone or (params.edit.document_changes and not self.knows_versions):
            self._answer(msg_id, "false")
            return
        buffer = self.buffers.get(uri) or self._open_from_disk(uri)
        buffer.answers[edit.edit_id] = msg_id
        buffer.editor.receive(edit, now_s=self._now_s())
        self._post(buffer)

    def _open_from_disk(self, uri: str) -> Buffer:
        path = Path(uri.removeprefix("file://"))
        return self.open(path.read_bytes().decode(), path=path)

    def _post(self, buffer: Buffer) -> None:
        """Send what the buffer has to say now, and come back for the rest."""
        for message in buffer.editor.outbox(self._now_s()):
            if isinstance(message, Reply):
                refusal = None if message.applied else buffer.refusal
                self._answer(buffer.answers.pop(message.edit_id), refusal)
            elif isinstance(message, DidChange):  # this client does not tell of undo
                self._report(buffer, message)
        due_s = buffer.editor.flush_at_s
        if due_s is not None:
            asyncio.get_running_loop().call_at(due_s + 0.001, self._post, buffer)
        self._news.set()

    def _answer(self, msg_id: Any, refusal: Refusal | None = None) -> None:
        outcome = REFUSALS[refusal] if refusal else {"result": {"applied": True}}
        self.protocol._send_data({"jsonrpc": "2.0", "id": msg_id, **outcome})

    def _report(self, buffer: Buffer, change: DidChange) -> None:
        identifier = types.VersionedTextDocumentIdentifier(change.version, buffer.uri)
        events = [content_change(one) for one in change.changes]
        self.text_document_did_change(types.DidChangeTextDocumentParams(identifier, events))

    # Commands

    def begin(self, name: str, argument: Mapping[str, Any] | None = None) -> Call:
        """Send a command without waiting for its answer."""
        self._calls += 1
        request_id = f"call-{self._calls}"
        params = types.ExecuteCommandParams(COMMAND + name, [dict(argument or {})])
        answer = self.protocol.send_request(
            types.WORKSPACE_EXECUTE_COMMAND, params, msg_id=request_id
        )
        return Call(self, request_id, answer)

    async def command(self, name: str, argument: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send a command and return its answer."""
        return await self.begin(name, argument).result()

    def begin_generate(
        self, buffer: Buffer | str, place: Position | tuple[Position, Position], **more: Any
    ) -> Call:
        """Ask for code at a position, or instead of a selection."""
        uri = buffer if isinstance(buffer, str) else buffer.uri
        argument = {"textDocument": {"uri": uri}, **_place(place), **more}
        for token in (more.get("workDoneToken"), more.get("partialResultToken")):
            if token is not None:
                self.progress_reports.setdefault(token, [])
        return self.begin("generate", argument)

    async def generate(
        self, buffer: Buffer | str, place: Position | tuple[Position, Position], **more: Any
    ) -> dict[str, Any]:
        """Ask for code and wait for the result."""
        return await self.begin_generate(buffer, place, **more).result()

    async def ask(self, method: str, params: object) -> Any:
        """Send a request and return the result as it came: lsprotocol takes some for others."""
        self._calls += 1
        request_id = f"call-{self._calls}"
        answer = self.protocol.send_request(method, params, msg_id=request_id)
        async with asyncio.timeout(DEADLINE_S):
            await asyncio.wrap_future(answer)
        return next(m["result"] for m in self.heard if m.get("id") == request_id)

    async def ping(self) -> None:
        """Make sure that the server has read everything so far and still answers."""
        await self.command("status")


def _update(client: EditorClient, params: Any) -> None:
    """Take note; the message itself is kept with all others."""


_OWN_FEATURES: dict[str, Any] = {
    UPDATE: _update,
    types.WORKSPACE_CODE_LENS_REFRESH: _update,
    types.CLIENT_REGISTER_CAPABILITY: _update,
}


def _place(place: Any) -> dict[str, Any]:
    if isinstance(place[0], int):
        return {"position": {"line": place[0], "character": place[1]}}
    start, end = ({"line": line, "character": character} for line, character in place)
    return {"range": {"start": start, "end": end}}


@asynccontextmanager
async def connected(  # noqa: PLR0913 - an editor too
    root: Path,
    environment: Mapping[str, str],
    *,
    profile: Profile = VISUAL_STUDIO_CODE,
    options: object = None,
    configuration: Mapping[str, Any] | None = None,
    adjust: Callable[[types.ClientCapabilities], None] = lambda _: None,
    habits: EditorHabits | None = None,
    unanswered: Iterable[str] = (),
    command: Sequence[str] = SERVER,
) -> AsyncIterator[EditorClient]:
    """Start a server, shake hands as an editor, and see to a proper end.

    Args:
        root: The opened folder.
        environment: The server's, whole.
        profile: Which editor it is.
        options: `initializationOptions`.
        configuration: The section's settings, for a server that asks.
        adjust: Changes what the editor announces.
        habits: Instead of the profile's.
        unanswered: Requests of the server's that get no answer.
        command: What starts the server.
    """
    if habits is not None:
        profile = replace(profile, habits=habits)
    config = ClientServerConfig(
        server_command=list(command),
        client_factory=partial(EditorClient, profile, root),
        server_env=dict(environment),
    )
    client = await config.start()
    assert isinstance(client, EditorClient)
    client.set_configuration(dict(configuration or {}), section=COMMAND[:-1])
    client.unanswered.update(unanswered)
    capabilities = copy.deepcopy(_announced_by(profile.capabilities))
    adjust(capabilities)
    try:
        async with asyncio.timeout(DEADLINE_S):
            await client.initialize_session(_introduction(root, capabilities, options))
        yield client
    finally:
        await _end(client)
    check_last_words(client.stderr, json.dumps(client.heard))


def _introduction(
    root: Path, capabilities: types.ClientCapabilities, options: object
) -> types.InitializeParams:
    return types.InitializeParams(
        capabilities=capabilities,
        root_uri=root.as_uri(),
        workspace_folders=[types.WorkspaceFolder(uri=root.as_uri(), name=root.name)],
        initialization_options=options,
    )


async def _end(client: EditorClient) -> None:
    if client.process.returncode is None:
        try:
            async with asyncio.timeout(ENDED_WITHIN_S):
                await client.shutdown_session()
        except TimeoutError:
            client.process.kill()
            logging.getLogger(__name__).warning("the server had to be killed")
            raise
    forwarder = client._stderr_forwarder
    assert forwarder is not None
    async with asyncio.timeout(ENDED_WITHIN_S):
        await forwarder
        await client.stop()  # type: ignore[no-untyped-call]  # pytest-lsp has no types here
