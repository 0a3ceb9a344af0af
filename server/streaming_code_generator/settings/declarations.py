"""All settings, each declared once with all there is to say of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from pathlib import Path
from typing import Literal

from streaming_code_generator.settings.kinds import (
    Arguments,
    BaseUrl,
    BaseUrls,
    Choice,
    FilePath,
    FolderPaths,
    Headers,
    JsonObject,
    Number,
    Profile,
    ProfileNames,
    Profiles,
    ProxyUrl,
    Secret,
    SettingKind,
    Switch,
    Text,
    VariableName,
)

SECTION = "streamingCodeGenerator"
"""The settings' section in editors."""

VARIABLE_PREFIX = "STREAMING_CODE_GENERATOR_"
"""What the settings' environment variables begin with."""

ProviderName = Literal["auto", "openai", "embedded"]

TokenLimitField = Literal["auto", "max_completion_tokens", "max_tokens"]

ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh"]

Api = Literal["auto", "chat", "responses"]

SystemRole = Literal["auto", "system", "developer"]

OnInterrupt = Literal["keep", "continue", "remove"]

SessionAffinity = Literal["none", "header", "prompt_cache_key"]

ExplanationPlace = Literal[False, "comment"]

EditPace = Literal["live", "lines", "once"]

InlineCompletion = Literal["off", "invoked", "automatic"]

LogLevel = Literal["debug", "info", "warning", "error"]


class Scope(Enum):
    """Who may choose a setting; `trust` holds the rules."""

    ANYWHERE = "anywhere"
    """The opened workspace too."""
    USER = "user"
    """Only the user's own sources: it decides where code and keys go, or what is executed."""
    TRUST = "trust"
    """Only the configuration file and the environment: it decides what else is trusted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingSpec:
    """What is known of one setting besides its value."""

    name: str
    """The field's name, which is also its name in `config.toml`."""
    default: object
    kind: SettingKind
    description: str
    scope: Scope
    in_profiles: bool
    """Whether a profile may hold it: what concerns single requests."""

    @property
    def camel_name(self) -> str:
        """Its name in editors: `timeoutSeconds`."""
        return camel_case(self.name)

    @property
    def variable(self) -> str:
        """Its name in the environment: `STREAMING_CODE_GENERATOR_TIMEOUT_SECONDS`."""
        return VARIABLE_PREFIX + self.name.upper()


def camel_case(name: str) -> str:
    """Return a snake_case name in camelCase."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _about(
    kind: SettingKind,
    description: str,
    *,
    scope: Scope = Scope.ANYWHERE,
    in_profiles: bool = True,
) -> Mapping[str, object]:
    return {
        "kind": kind,
        "description": description,
        "scope": scope,
        "in_profiles": in_profiles,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The values in force; `None` leaves the choice to the provider."""

    provider: ProviderName = field(
        default="auto",
        metadata=_about(
            Choice(("auto", "openai", "embedded")),
            "Who generates: an OpenAI-compatible endpoint, the embedded model, or (`auto`) the "
            "endpoint when a key or a base URL is set and else the embedded model.",
            scope=Scope.USER,
        ),
    )
    base_url: str | None = field(
        default=None,
        metadata=_about(
            BaseUrl(),
            "The base URL of an OpenAI-compatible endpoint; unset means OpenAI's.",
            scope=Scope.USER,
        ),
    )
    model: str | None = field(
        default=None,
        metadata=_about(
            Text(may_be_shown=True), "The model to ask the endpoint for; unset means a default."
        ),
    )
    api_key_env: str = field(
        default="OPENAI_API_KEY",
        metadata=_about(
            VariableName(),
            "The name of the environment variable that holds the key; keys are never settings.",
            scope=Scope.USER,
        ),
    )
    api_key_command: tuple[str, ...] = field(
        default=(),
        metadata=_about(
            Arguments(),
            "A program and its arguments that print the key, run once, without a shell, by the "
            "first request; in the environment as a JSON array.",
            scope=Scope.USER,
        ),
    )
    keyring: bool = field(
        default=False,
        metadata=_about(
            Switch(),
            "Whether the key is taken from the operating system's keychain, where "
            "`streaming-code-generator key set` stores it; needs the extra `keyring`.",
            scope=Scope.USER,
        ),
    )
    embedded_model: str | None = field(
        default=None,
        metadata=_about(
            Text(may_be_shown=True),
            "The embedded model, by a name that `model list` knows; unset means the best that is "
            "installed.",
        ),
    )
    model_path: Path | None = field(
        default=None,
        metadata=_about(
            FilePath(),
            "A GGUF file to use as the embedded model instead of a known one.",
            scope=Scope.USER,
        ),
    )
    timeout_seconds: float = field(
        default=60.0,
        metadata=_about(Number(0.1, 3600), "Seconds for a whole generation, retries included."),
    )
    connect_timeout_seconds: float = field(
        default=5.0, metadata=_about(Number(0.1, 600), "Seconds to connect to the endpoint.")
    )
    first_chunk_timeout_seconds: float = field(
        default=60.0,
        metadata=_about(
            Number(0.1, 3600),
            "Seconds until the first text of a response, or a sign that the prompt is being read; "
            "a model that is loading needs them.",
        ),
    )
    stall_timeout_seconds: float = field(
        default=20.0,
        metadata=_about(
            Number(0.1, 3600),
            "Seconds between two chunks after which a stream counts as stalled; keep-alives and "
            "empty chunks do not extend them.",
        ),
    )
    max_retries: int = field(
        default=3,
        metadata=_about(
            Number(0, 10, whole=True),
            "Retries after the first attempt, made only while no text has been shown.",
        ),
    )
    on_interrupt: OnInterrupt = field(
        default="keep",
        metadata=_about(
            Choice(("keep", "continue", "remove")),
            "What becomes of code whose stream breaks off: it stays, the model is asked to go on "
            "from there, or it is taken out again.",
        ),
    )
    max_continuations: int = field(
        default=0,
        metadata=_about(
            Number(0, 10, whole=True),
            "How often a response that was cut off at the token limit is asked to go on.",
        ),
    )
    max_output_tokens: int | None = field(
        default=None,
        metadata=_about(
            Number(1, 1_000_000, whole=True),
            "The most tokens to generate, hidden reasoning included; unset leaves it to the "
            "endpoint, and is 1024 for the embedded model.",
        ),
    )
    temperature: float | None = field(
        default=None,
        metadata=_about(Number(0, 2), "The sampling temperature; unset leaves it to the model."),
    )
    reasoning_effort: ReasoningEffort | None = field(
        default=None,
        metadata=_about(
            Choice(("none", "minimal", "low", "medium", "high", "xhigh")),
            "How much a reasoning model thinks before it answers; unset leaves it to the model.",
        ),
    )
    extra_body: str | None = field(
        default=None,
        repr=False,
        metadata=_about(
            JsonObject(),
            "Further fields of every request's body, for what only your endpoint knows; in the "
            "environment as JSON.",
            scope=Scope.USER,
        ),
    )
    extra_headers: tuple[tuple[str, Secret], ...] = field(
        default=(),
        metadata=_about(
            Headers(),
            "Further headers of every request to your endpoint, never shown; in the environment as "
            "JSON.",
            scope=Scope.USER,
        ),
    )
    profiles: tuple[Profile, ...] = field(
        default=(),
        metadata=_about(
            Profiles(),
            "Settings under names of your own, for requests that choose one: "
            '`{"fast": {"model": "…", "temperature": 0}}`; in the environment as JSON.',
            scope=Scope.USER,
            in_profiles=False,
        ),
    )
    fallbacks: tuple[str, ...] = field(
        default=(),
        metadata=_about(
            ProfileNames(),
            "The profiles that are asked instead, in this order, where a generation fails before "
            "any text came; the result names the one that answered.",
            scope=Scope.USER,
        ),
    )
    proxy: Secret | None = field(
        default=None,
        metadata=_about(
            ProxyUrl(),
            "The proxy for endpoints that are not on this machine, never shown; unset means that "
            "of the environment (`HTTPS_PROXY`, `NO_PROXY`, …).",
            scope=Scope.USER,
        ),
    )
    ca_bundle: Path | None = field(
        default=None,
        metadata=_about(
            FilePath(),
            "A PEM file with the certificates of authorities that are trusted besides the "
            "system's: those of a company, or of a proxy that opens connections.",
            scope=Scope.USER,
        ),
    )
    client_certificate: Path | None = field(
        default=None,
        metadata=_about(
            FilePath(),
            "A PEM file with the certificate that the endpoint asks for, and perhaps its key.",
            scope=Scope.USER,
        ),
    )
    client_key: Path | None = field(
        default=None,
        metadata=_about(
            FilePath(),
            "A PEM file with the key of `clientCertificate`, without a password, where that file "
            "does not hold it.",
            scope=Scope.USER,
        ),
    )
    allow_plain_http: bool = field(
        default=False,
        metadata=_about(
            Switch(),
            "Whether an `http://` endpoint that is not on this machine is used: whoever is on the "
            "way can read your code and key.",
            scope=Scope.USER,
        ),
    )
    mask_keys: bool = field(
        default=True,
        metadata=_about(
            Switch(),
            "Whether keys in the code are masked before it is sent to a model, and put back in "
            "what it answers.",
            scope=Scope.USER,
        ),
    )
    session_affinity: SessionAffinity = field(
        default="none",
        metadata=_about(
            Choice(("none", "header", "prompt_cache_key")),
            "How a document's requests are marked as belonging together, so that a gateway sends "
            "them to the replica that has read the prompt's beginning: by the header "
            "`x-session-id`, by the field `prompt_cache_key`, or not at all; the mark names no "
            "user and no file.",
            scope=Scope.USER,
        ),
    )
    chunk_size: int = field(
        default=1524,
        metadata=_about(
            Number(1, 1_000_000, whole=True), "The most characters handed on in one piece."
        ),
    )
    api: Api = field(
        default="auto",
        metadata=_about(
            Choice(("auto", "chat", "responses")),
            "How the endpoint is asked: chat completions, or OpenAI's Responses API; `auto` takes "
            "the second where the endpoint answers that a model wants it.",
        ),
    )
    token_limit_field: TokenLimitField = field(
        default="auto",
        metadata=_about(
            Choice(("auto", "max_completion_tokens", "max_tokens")),
            "The request field that limits the output; older servers know only `max_tokens`.",
        ),
    )
    system_role: SystemRole = field(
        default="auto",
        metadata=_about(
            Choice(("auto", "system", "developer")),
            "The role under which the system prompt is sent; older servers know only `system`.",
        ),
    )
    system_prompt: str | None = field(
        default=None,
        metadata=_about(
            Text(multiline=True), "Instructions to the model instead of the built-in ones."
        ),
    )
    context_tokens: int | None = field(
        default=None,
        metadata=_about(
            Number(0, 1_000_000, whole=True),
            "The most tokens of a whole prompt that files and the selection may fill it up to; "
            "unset means 400 for a small embedded model, 2000 for an endpoint on this machine and "
            "for larger embedded models, and 6000 elsewhere.",
        ),
    )
    insert_explanation: ExplanationPlace = field(
        default=False,
        metadata=_about(
            Choice((False, "comment")),
            "Whether the model's explanation is put before the code as a comment.",
        ),
    )
    edits: EditPace = field(
        default="live",
        metadata=_about(
            Choice(("live", "lines", "once")),
            "How the code reaches the document: as it arrives, by whole lines, or all at the end.",
        ),
    )
    inline_completion: InlineCompletion | None = field(
        default=None,
        metadata=_about(
            Choice(("off", "invoked", "automatic")),
            "When ghost text is suggested at the cursor: never, when you ask for it, or while you "
            "type; unset means `automatic` for the embedded model and endpoints on this machine, "
            "and else `off`, because each suggestion is a request.",
            scope=Scope.USER,
            in_profiles=False,
        ),
    )
    completion_model: str | None = field(
        default=None,
        metadata=_about(
            Text(may_be_shown=True),
            "The model to ask the endpoint for ghost text; unset means the one that generates.",
            scope=Scope.USER,
            in_profiles=False,
        ),
    )
    completion_base_url: str | None = field(
        default=None,
        metadata=_about(
            BaseUrl(),
            "The base URL of the endpoint for ghost text; unset means the one that generates. "
            "Your key goes there only if it has the same scheme, host and port as `baseUrl`.",
            scope=Scope.USER,
            in_profiles=False,
        ),
    )
    max_concurrent_generations: int = field(
        default=4,
        metadata=_about(
            Number(1, 64, whole=True),
            "Generations that run at once at one endpoint; others wait.",
            in_profiles=False,
        ),
    )
    budget_per_day: float | None = field(
        default=None,
        metadata=_about(
            Number(0, 10_000),
            "What may be spent a day, in US dollars, as far as prices are known; a warning at four "
            "fifths of it, and a question before each generation once it is spent.",
            scope=Scope.USER,
            in_profiles=False,
        ),
    )
    log_level: LogLevel = field(
        default="info",
        metadata=_about(
            Choice(("debug", "info", "warning", "error")),
            "How much the server's log tells.",
            in_profiles=False,
        ),
    )
    trusted_workspace_endpoints: tuple[str, ...] = field(
        default=(),
        metadata=_about(
            BaseUrls(),
            "Base URLs that a workspace's own settings or `.env` may choose; counts only in "
            "`config.toml` and the environment.",
            scope=Scope.TRUST,
            in_profiles=False,
        ),
    )
    trusted_workspaces: tuple[Path, ...] = field(
        default=(),
        metadata=_about(
            FolderPaths(),
            "Folders whose `.env` may bring the key that is used in them and below; counts only in "
            "`config.toml` and the environment.",
            scope=Scope.TRUST,
            in_profiles=False,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSelection:
    """What one request has instead of what is set; None leaves it at that."""

    profile: str | None = None
    provider: ProviderName | None = None
    model: str | None = None
    """As the endpoint calls it, or of the embedded models, as `model list` does."""


# A setting is added by a field of `Settings`: sources, rules of trust, the documents' table and
# VS Code's manifest all read this mapping.
SPECS: Mapping[str, SettingSpec] = {
    declared.name: SettingSpec(name=declared.name, default=declared.default, **declared.metadata)
    for declared in fields(Settings)
}
"""What is known of each setting, by its field's name, in the order of declaration."""
