"""What goes over the wire: names, arguments and errors of our own, and the messages of every edit.

Everything that a plug-in has to spell is here, and `editors/wire.json` is made from it.

`didOpen` and `didChange` have types of our own. LSP wants a whole number for every version; some
clients send null or none at all, for which lsprotocol refuses the message. But a change that is not
taken leaves an old copy behind, into which every later edit goes wrong.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn, TypeVar, cast, get_args
from urllib.parse import urlsplit

import attrs
from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams

from streaming_code_generator.editing.exchange import ReportedChange
from streaming_code_generator.errors import StreamingError
from streaming_code_generator.logs import redacted
from streaming_code_generator.settings.declarations import (
    SECTION,
    SPECS,
    ModelSelection,
    ProviderName,
)
from streaming_code_generator.settings.sources import (
    API_KEY,
    API_KEY_ORIGIN,
    GENERATION_UPDATES,
    MACHINE_SCOPED,
    UNDO_NOTIFICATIONS,
)

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

Target = Literal["document", "none"]

Token = str | int

MOST_DIAGNOSTICS = 10

MOST_MESSAGE_CHARACTERS = 300

MOST_POSITIONS = 100
"""Most places that one command generates at."""

ClientPosition = tuple[int, int]
"""Line and character, in the position encoding that was agreed with the client."""

ClientRange = tuple[ClientPosition, ClientPosition]

T = TypeVar("T")

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that does not exist yet, as the target of a generation."""

    uri: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """What a client's diagnostics say of a place."""

    line: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateArguments:
    """The arguments of a `generate` request; positions are the client's."""

    uri: str
    """The document that code goes to, or with target `none` that the request is about."""
    version: int | None = None
    rebase: bool = False
    """Whether a place of an older version is rebased to the present one, where that is known."""
    start: ClientPosition
    end: ClientPosition
    """Equal to `start` for an insertion."""
    positions: tuple[ClientPosition, ...] = ()
    """Several places to insert at, each once; `start` is the first of them."""
    prompt: str | None = None
    selection: ModelSelection = field(default_factory=ModelSelection)
    """What is to generate, if not what is set."""
    context_uris: tuple[str, ...] = ()
    """Files that the model is to be shown."""
    diagnostics: tuple[Diagnostic, ...] = ()
    """What is reported of the place."""
    target: Target | NewFile = "document"
    wait: bool = True
    work_done_token: Token | None = None
    partial_result_token: Token | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationReference:
    """Which generation `cancel`, `remove`, `accept` or `retry` means; nothing set: the last one."""

    id: str | None = None
    uri: str | None = None
    wait: bool = True
    work_done_token: Token | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoNotice:
    """Which version of which document an undo or a redo led to."""

    uri: str
    version: int | None


GENERATE_SHAPE = (
    f"`{GENERATE}` takes one object: "
    '{"textDocument": {"uri"}, "position", "positions" or "range", "prompt"?, "context"?, '
    '"profile"?, "model"?, "provider"?, "target"?, "wait"?}'
)


def invalid(message: str) -> NoReturn:
    """Refuse unusable arguments with one sentence that says what to send."""
    raise JsonRpcInvalidParams(message)


def request_failed(error: StreamingError) -> JsonRpcException:
    """Return the error response to a request that failed."""
    data: dict[str, Any] = {"kind": error.kind, "attempts": error.attempts}
    if error.partial_text:
        data["partialText"] = error.partial_text
    return JsonRpcException(
        redacted(error.message), code=int(types.LSPErrorCodes.RequestFailed), data=data
    )


def request_cancelled(reason: str, partial_text: str) -> JsonRpcException:
    """Return the error response to a request whose generation was cancelled by another request."""
    data = {"kind": "cancelled", **({"partialText": partial_text} if partial_text else {})}
    return JsonRpcException(reason, code=int(types.LSPErrorCodes.RequestCancelled), data=data)


def content_modified(message: str) -> JsonRpcException:
    """Return the error response to a request for an older version of its document."""
    return JsonRpcException(message, code=int(types.LSPErrorCodes.ContentModified))


INTERNAL = "Internal error; the server's log has the details."


def internal_error() -> JsonRpcException:
    """Return the error response to a request that failed by a fault of ours."""
    return JsonRpcException(
        INTERNAL, code=int(types.LSPErrorCodes.RequestFailed), data={"kind": "internal"}
    )


def parse_generate(arguments: object) -> GenerateArguments:
    """Read the arguments of `generate`.

    Raises:
        JsonRpcInvalidParams: They cannot be used; the message says what to send.
    """
    given = _only_object(arguments, GENERATE_SHAPE)
    target = _target(given.get("target"))
    if isinstance(target, NewFile):
        uri, version, places = target.uri, None, [((0, 0), (0, 0))]
        if not (_optional(given, "prompt", str) or "").strip():
            invalid('Send a "prompt" that says what the new file is to hold.')
    else:
        document = given.get("textDocument")
        named = document.get("uri") if isinstance(document, Mapping) else None
        if not isinstance(document, Mapping) or not isinstance(named, str) or not named:
            invalid(
                f'Send the document as "textDocument": {{"uri": "file:///…"}}. {GENERATE_SHAPE}.'
            )
        uri, version = _uri(named, "textDocument.uri"), _optional(document, "version", int)
        places = _places(given)
    start, end = places[0]
    return GenerateArguments(
        uri=uri,
        version=version,
        rebase=_flag(given, "rebase", default=False),
        start=start,
        end=end,
        positions=tuple(position for position, _ in places) if _has(given, "positions") else (),
        prompt=_optional(given, "prompt", str),
        selection=_selection(given),
        context_uris=_context_uris(given, target),
        diagnostics=_diagnostics(_context(given)),
        target=target,
        wait=_flag(given, "wait", default=True),
        work_done_token=_token(given, "workDoneToken"),
        partial_result_token=_token(given, "partialResultToken"),
    )


def _selection(given: Mapping[str, Any]) -> ModelSelection:
    provider = _optional(given, "provider", str)
    if provider is not None and provider not in get_args(ProviderName):
        invalid(f'"provider" must be {SPECS["provider"].kind.summary}.')
    return ModelSelection(
        profile=_optional(given, "profile", str) or None,
        provider=cast("ProviderName | None", provider),
        model=_optional(given, "model", str) or None,
    )


def _context(given: Mapping[str, Any]) -> Mapping[str, Any]:
    context = given.get("context")
    if context is not None and not isinstance(context, Mapping):
        invalid('"context" must be {"uris"?: ["file:///…"], "diagnostics"?: […]}.')
    return context or {}


def _context_uris(given: Mapping[str, Any], target: Target | NewFile) -> tuple[str, ...]:
    uris = _context(given).get("uris") or ()
    if not isinstance(uris, list | tuple) or not all(isinstance(uri, str) for uri in uris):
        invalid('"context.uris" must be a list of URIs.')
    document = given.get("textDocument")
    if isinstance(target, NewFile) and isinstance(document, Mapping):
        # Where the user stands says what a new file is for.
        uris = [*uris, str(document.get("uri"))]
    return tuple(_uri(uri, "context.uris") for uri in uris)


def _diagnostics(context: Mapping[str, Any]) -> tuple[Diagnostic, ...]:
    """Read diagnostics of LSP's; what is unusual in them is left out: they are only a help."""
    given = context.get("diagnostics")
    found = []
    for each in given if isinstance(given, list | tuple) else ():
        match each:
            case {"message": str(message), "range": {"start": {"line": int(line)}}}:
                found.append(Diagnostic(line, " ".join(message.split())[:MOST_MESSAGE_CHARACTERS]))
    return tuple(found[:MOST_DIAGNOSTICS])


def _target(value: Any) -> Target | NewFile:
    match value or "document":
        case {"uri": str(uri)} if uri:
            return NewFile(_uri(uri, "target.uri"))
        case "document" | "none" as target:
            return cast("Target", target)
    invalid('"target" must be "document", "none", or {"uri": "file:///…"} for a new file.')


def parse_reference(arguments: object, command: str) -> GenerationReference:
    """Read the arguments of a command on a generation; none at all is the same as `{}`.

    Raises:
        JsonRpcInvalidParams: They cannot be used.
    """
    if arguments in (None, [], ()):
        return GenerationReference()
    given = _only_object(arguments, f'`{command}` takes one object: {{"id"?, "uri"?}}')
    uri = _optional(given, "uri", str)
    return GenerationReference(
        id=_optional(given, "id", str),
        uri=None if uri is None else _uri(uri, "uri"),
        wait=_flag(given, "wait", default=True),
        work_done_token=_token(given, "workDoneToken"),
    )


def parse_undo(params: object) -> UndoNotice:
    """Read the parameters of `didUndo`, as pygls hands over those of a notification it knows not.

    Raises:
        JsonRpcInvalidParams: They cannot be used.
    """
    document = getattr(params, "textDocument", None)
    uri, version = getattr(document, "uri", None), getattr(document, "version", None)
    if not isinstance(uri, str) or not isinstance(version, int | None):
        invalid(f'`{DID_UNDO}` takes {{"textDocument": {{"uri", "version"}}, "kind"}}.')
    return UndoNotice(uri=uri, version=version)


def with_work_done_token(arguments: object, token: Token | None) -> object:
    """Return a command's arguments with the token that stands beside them, if they have none."""
    if token is None or not isinstance(arguments, list | tuple) or len(arguments) > 1:
        return arguments
    argument = arguments[0] if arguments else {}
    if not isinstance(argument, Mapping) or argument.get("workDoneToken") is not None:
        return arguments
    return [{**argument, "workDoneToken": token}]


def is_uri(text: str) -> bool:
    """Return whether a text can be taken apart as a URI; `file://[` cannot."""
    try:
        urlsplit(text)
    except ValueError:
        return False
    return True


def _only_object(arguments: object, shape: str) -> Mapping[str, Any]:
    if isinstance(arguments, list | tuple) and len(arguments) == 1:
        argument = arguments[0]
        if isinstance(argument, Mapping):
            return argument
    invalid(f"{shape}.")


def _uri(uri: str, name: str) -> str:
    if not is_uri(uri):
        invalid(f'"{name}" is not a URI: send the document\'s own, such as "file:///…".')
    return uri


def _places(given: Mapping[str, Any]) -> list[ClientRange]:
    if _has(given, "range"):
        value = given["range"]
        if not isinstance(value, Mapping):
            invalid('"range" must be {"start": {…}, "end": {…}}.')
        start, end = (
            _position(value.get("start"), "range.start"),
            _position(value.get("end"), "range.end"),
        )
        return [(min(start, end), max(start, end))]  # a selection may have been made backwards
    if _has(given, "positions"):
        values = given["positions"]
        if not isinstance(values, list | tuple) or not values or len(values) > MOST_POSITIONS:
            invalid(f'"positions" must be a list of 1 to {MOST_POSITIONS} positions.')
        several = [_position(each, f"positions[{n}]") for n, each in enumerate(values)]
        # Two cursors in one place are one cursor.
        return [(position, position) for position in dict.fromkeys(several)]
    if _has(given, "position"):
        position = _position(given["position"], "position")
        return [(position, position)]
    invalid(
        'Send "position" or "positions" (where to insert) or "range" (what to replace). '
        f"{GENERATE_SHAPE}."
    )


def _has(given: Mapping[str, Any], name: str) -> bool:
    return given.get(name) is not None


def _position(value: object, name: str) -> ClientPosition:
    if isinstance(value, Mapping):
        line, character = value.get("line"), value.get("character")
        if _is_count(line) and _is_count(character):
            return int(line), int(character)  # type: ignore[arg-type]  # both are whole numbers
    invalid(f'"{name}" must be {{"line": n, "character": n}} with whole numbers from 0.')


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _flag(given: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = given.get(name)
    if value is None:
        return default
    if isinstance(value, bool):
        return value
    invalid(f'"{name}" must be true or false.')


def _token(given: Mapping[str, Any], name: str) -> Token | None:
    value = given.get(name)
    if value is None or (isinstance(value, str | int) and not isinstance(value, bool)):
        return value
    invalid(f'"{name}" must be a string or a whole number.')


def _optional(given: Mapping[str, Any], name: str, kind: type[T]) -> T | None:
    value = given.get(name)
    if value is None or (isinstance(value, kind) and not isinstance(value, bool)):
        return value
    invalid(f'"{name}" must be a {"string" if kind is str else "whole number"}.')


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

    def reported(self) -> ReportedChange:
        """Return what has changed, in the client's positions."""
        if self.range is None:
            return ReportedChange(None, self.text)
        start, end = self.range.start, self.range.end
        where = ((start.line, start.character), (end.line, end.character))
        return ReportedChange(where, self.text)


@attrs.frozen(kw_only=True)
class DidChangeParams:
    """The changes that led to a version, in order."""

    text_document: VersionedDocument
    content_changes: Sequence[ContentChange]

    def document_change(self) -> DocumentChange:
        """Return what has changed."""
        changes = [change.reported() for change in self.content_changes]
        return DocumentChange(self.text_document.uri, self.text_document.version, changes)


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


def reported_changes(params: Any) -> DocumentChange | None:
    """Return the parameters of a `didChange`; None if they are unusual."""
    # By `match` this would take four times as long, for every edit.
    try:
        uri, version = params["textDocument"]["uri"], params["textDocument"]["version"]
        changes = [_reported(content) for content in params["contentChanges"]]
    except (TypeError, KeyError, ValueError):
        return None
    is_usual = isinstance(uri, str) and isinstance(version, int)
    return DocumentChange(uri, version, changes) if is_usual else None


def _reported(content: Any) -> ReportedChange:
    start, end, text = content["range"]["start"], content["range"]["end"], content["text"]
    line, character = start["line"], start["character"]
    end_line, end_character = end["line"], end["character"]
    for number in (line, character, end_line, end_character):
        if not isinstance(number, int) or number < 0:
            raise ValueError(number)
    if not isinstance(text, str):
        raise TypeError(text)
    return ReportedChange(((line, character), (end_line, end_character)), text)


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


def wire_names() -> dict[str, object]:
    """Return commands, settings, announcements, notifications and states by their names."""
    return {
        "serverName": SERVER_NAME,
        "section": SECTION,
        "commands": {command.rpartition(".")[2]: command for command in COMMANDS},
        "notifications": {
            "didUpdateGeneration": DID_UPDATE_GENERATION,
            "didUndo": DID_UNDO,
        },
        "generationStates": list(get_args(GenerationState)),
        "initializationOptions": {
            "apiKey": API_KEY,
            "apiKeyOrigin": API_KEY_ORIGIN,
            "endpointSettingsAreMachineScoped": MACHINE_SCOPED,
            "generationUpdates": GENERATION_UPDATES,
            "undoNotifications": UNDO_NOTIFICATIONS,
        },
        "settings": [spec.camel_name for spec in SPECS.values()],
    }
