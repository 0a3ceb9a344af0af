"""The arguments of the commands."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn, TypeVar, cast, get_args

from pygls.exceptions import JsonRpcInvalidParams

from streaming_code_generator.lsp.wire.names import GENERATE, ClientPosition, ClientRange, Token
from streaming_code_generator.lsp.wire.uris import is_uri
from streaming_code_generator.settings.declarations import SPECS, ModelSelection, ProviderName

Target = Literal["document", "none"]

MOST_DIAGNOSTICS = 10

MOST_MESSAGE_CHARACTERS = 300

MOST_POSITIONS = 100
"""Most places that one command generates at."""

T = TypeVar("T")


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


GENERATE_SHAPE = (
    f"`{GENERATE}` takes one object: "
    '{"textDocument": {"uri"}, "position", "positions" or "range", "prompt"?, "context"?, '
    '"profile"?, "model"?, "provider"?, "target"?, "wait"?}'
)


def invalid(message: str) -> NoReturn:
    """Refuse unusable arguments with one sentence that says what to send."""
    raise JsonRpcInvalidParams(message)


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
