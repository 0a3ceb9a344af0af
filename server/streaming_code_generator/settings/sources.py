"""Where settings stand, and reading them there, without judging where they come from."""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from io import StringIO
from pathlib import Path
from typing import TypeVar

from streaming_code_generator.logs import redacted
from streaming_code_generator.settings.declarations import (
    SECTION,
    SPECS,
    VARIABLE_PREFIX,
    SettingSpec,
)
from streaming_code_generator.settings.kinds import Profile


class Source(Enum):
    """A place that settings come from; the value names it in messages."""

    DEFAULT = "default"
    USER_FILE = "user configuration file"
    DOTENV = "the workspace's .env"
    ENVIRONMENT = "environment"
    INITIALIZATION = "initializationOptions"
    CONFIGURATION = "workspace/configuration"
    COMMAND_LINE = "command line"
    PROFILE = "profile"
    REQUEST = "the request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A source, and what the value is called or which file it stands in there."""

    source: Source
    detail: str = ""
    """The variable's name, the option, the file; empty for a default."""
    from_workspace: bool = False
    """Whether the opened folder's author may have chosen the value."""

    @classmethod
    def of_option(cls, name: str) -> "Origin":
        """Return that of an option on the command line, by the field of `Settings`."""
        return cls(source=Source.COMMAND_LINE, detail="--" + name.replace("_", "-"))

    def __str__(self) -> str:
        return f"{self.source.value}: {self.detail}" if self.detail else self.source.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One setting as one source has it: parsed, and not yet judged."""

    name: str
    """The field of `Settings`."""
    value: object
    """`None`: what stands there cannot be used. It is kept, because a key beside a base URL that
    cannot be used was not given for any other."""
    origin: Origin


Raw = TypeVar("Raw")

MACHINE_SCOPED = "endpointSettingsAreMachineScoped"
"""An announcement in `initializationOptions`: this client's `workspace/configuration` takes the
settings that decide about endpoints and keys from the user alone, never from a folder."""

GENERATION_UPDATES = "generationUpdates"
"""Another one: the client wants notifications of every generation's progress."""

UNDO_NOTIFICATIONS = "undoNotifications"
"""Another one: the client notifies of changes that were undo or redo."""

API_KEY = "apiKey"
"""A key from the client's own secret store. It is no setting: settings files must not hold keys."""

API_KEY_ORIGIN = "apiKeyOrigin"
"""Scheme, host and port that the key was stored for; unset, it is the user's own base URL's."""

_ANNOUNCEMENTS = frozenset({MACHINE_SCOPED, GENERATION_UPDATES, UNDO_NOTIFICATIONS, API_KEY_ORIGIN})

BASE_URL_VARIABLE = "OPENAI_BASE_URL"
"""The SDK's own variable; our own one goes before it within the same source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsSources:
    """Where to look, in rising order; what is left out is not looked at."""

    user_file: Path | None = None
    workspace_root: Path | None = None
    """The opened folder, whose `.env` is read."""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    initialization_options: object = field(default=None, repr=False)
    """As the client sent them: flat, or under the section's name."""
    workspace_configuration: object = field(default=None, repr=False)
    """The client's answer for the section, or what `didChangeConfiguration` carried."""
    command_line: Mapping[str, object] = field(default_factory=dict)
    """By the fields' names; `None` stands for an option that was not given."""

    @classmethod
    def of_process(
        cls,
        *,
        workspace_root: Path | None = None,
        command_line: Mapping[str, object] | None = None,
    ) -> "SettingsSources":
        """Look where this process runs: its environment and its user's configuration file."""
        return cls(
            user_file=user_file_path(),
            workspace_root=workspace_root,
            environment=dict(os.environ),
            command_line=command_line or {},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the sources hold, in rising order."""

    assignments: tuple[Assignment, ...]
    problems: tuple[str, ...]
    dotenv: Mapping[str, str] = field(repr=False)
    """All variables of the workspace's `.env`, for the key that one of them may hold."""
    client_key: str = field(default="", repr=False)
    """The key that the client sent from its secret store."""
    client_key_origin: str = ""
    """What that key was stored for; empty if the client does not say."""


def user_file_path() -> Path:
    """Return where the user's `config.toml` is looked for, whether it exists or not."""
    from platformdirs import user_config_path  # noqa: PLC0415 - not needed by every command

    return user_config_path("streaming-code-generator", appauthor=False) / "config.toml"


def read_sources(sources: SettingsSources) -> Reading:
    """Read all sources. Blocks for two small files; nothing in them makes it raise."""
    problems: list[str] = []
    root = sources.workspace_root
    dotenv = read_dotenv(root / ".env" if root else None, problems)
    assignments = (
        *_from_user_file(sources.user_file, problems),
        *_from_variables(dotenv, Source.DOTENV, problems),
        *_from_variables(sources.environment, Source.ENVIRONMENT, problems),
        *_from_client(sources, problems),
        *(
            assignment
            for name, raw in sources.command_line.items()
            for assignment in _parsed(name, raw, Origin.of_option(name), problems)
        ),
    )
    return Reading(
        assignments=assignments,
        problems=tuple(problems),
        dotenv=dotenv,
        client_key=_client_text(sources, API_KEY),
        client_key_origin=_client_text(sources, API_KEY_ORIGIN),
    )


def _client_text(sources: SettingsSources, name: str) -> str:
    options = _unwrapped(sources.initialization_options, Source.INITIALIZATION, [])
    text = options.get(name)
    return text.strip() if isinstance(text, str) else ""


def _from_user_file(path: Path | None, problems: list[str]) -> Iterator[Assignment]:
    origin = Origin(source=Source.USER_FILE, detail=str(path))
    for name, raw in read_toml(path, problems).items():
        if name not in SPECS:
            problems.append(unknown(name, tuple(SPECS), origin))
        else:
            yield from _parsed(name, raw, origin, problems)


def _from_variables(
    variables: Mapping[str, str], source: Source, problems: list[str]
) -> Iterator[Assignment]:
    known = {spec.variable: name for name, spec in SPECS.items()}
    origin = partial(Origin, source=source, from_workspace=source is Source.DOTENV)
    # First, so that our own variable, which comes later, wins within the same source.
    if url := variables.get(BASE_URL_VARIABLE):
        yield from _parsed_text("base_url", url, origin(detail=BASE_URL_VARIABLE), problems)
    for variable in sorted(key for key in variables if key.startswith(VARIABLE_PREFIX)):
        if variable not in known:
            problems.append(unknown(variable, tuple(known), origin()))
        else:
            named = origin(detail=variable)
            yield from _parsed_text(known[variable], variables[variable], named, problems)


def _from_client(sources: SettingsSources, problems: list[str]) -> Iterator[Assignment]:
    options = _unwrapped(sources.initialization_options, Source.INITIALIZATION, problems)
    yield from _from_object(options, Source.INITIALIZATION, problems, from_workspace=False)
    # LSP does not say whether an answer comes from the user's settings or the folder's: it counts
    # as the folder's, unless the client keeps such settings out of folders.
    answer = _unwrapped(sources.workspace_configuration, Source.CONFIGURATION, problems)
    machine_scoped = options.get(MACHINE_SCOPED) is True
    yield from _from_object(
        answer, Source.CONFIGURATION, problems, from_workspace=not machine_scoped
    )


def _from_object(
    options: Mapping[str, object], source: Source, problems: list[str], *, from_workspace: bool
) -> Iterator[Assignment]:
    known = {spec.camel_name: name for name, spec in SPECS.items()}
    origin = Origin(source=source, from_workspace=from_workspace)
    for key, raw in options.items():
        if key in known:
            yield from _parsed(known[key], raw, origin, problems)
        elif key not in _ANNOUNCEMENTS and (key, source) != (API_KEY, Source.INITIALIZATION):
            problems.append(unknown(key, tuple(known), origin))


def read_profile(profile: Profile, problems: list[str]) -> tuple[Assignment, ...] | None:
    """Return the settings of a profile, spelled as in editors or as in `config.toml`.

    One that cannot be used makes the whole profile unusable: else a slip could send code to
    another place than the profile was made for.
    """
    origin = Origin(source=Source.PROFILE, detail=profile.name)
    known = {name: spec for name, spec in SPECS.items() if spec.in_profiles}
    known |= {spec.camel_name: spec for spec in known.values()}
    found: list[str] = []
    assignments: list[Assignment] = []
    for key, raw in json.loads(profile.given).items():
        if key in known:
            assignments += _parsed(known[key].name, raw, origin, found)
        else:
            found.append(unknown(key, tuple(known), origin))
    problems += found
    if found:
        problems.append(f"The profile `{_shown(profile.name)}` cannot be used until it is mended.")
        return None
    return tuple(assignments)


def _unwrapped(options: object, source: Source, problems: list[str]) -> dict[str, object]:
    """Return a client's settings as one flat object, whichever way it nests them."""
    if options is None:
        return {}
    if not isinstance(options, Mapping):
        problems.append(f"{source.value} must be an object with settings; it is ignored.")
        return {}
    flat = {str(key): raw for key, raw in options.items() if key != SECTION}
    section = options.get(SECTION)
    return flat | _unwrapped(section, source, problems)


def _parsed(name: str, raw: object, origin: Origin, problems: list[str]) -> Iterator[Assignment]:
    if raw is not None and raw != "":
        yield _assignment(name, raw, origin, problems, parse=SPECS[name].kind.parse)


def _parsed_text(name: str, text: str, origin: Origin, problems: list[str]) -> Iterator[Assignment]:
    if stripped := text.strip():
        yield _assignment(name, stripped, origin, problems, parse=SPECS[name].kind.parse_text)


def _assignment(
    name: str, raw: Raw, origin: Origin, problems: list[str], *, parse: Callable[[Raw], object]
) -> Assignment:
    try:
        value = parse(raw)
    except ValueError:
        problems.append(unfit(SPECS[name], raw, origin))
        value = None
    return Assignment(name=name, value=value, origin=origin)


MOST_BYTES = 1_000_000
"""A larger file is no settings file, and reading it would keep an editor waiting."""


def read_toml(path: Path | None, problems: list[str]) -> Mapping[str, object]:
    """Return the file's values; empty, with a problem noted, where it cannot be used."""
    text = _text_of(path, problems)
    if not text:
        return {}
    import tomllib  # noqa: PLC0415 - most users have no such file

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        # Where the error lies, without the text that stands there: it may be a key.
        _, separator, place = str(exc).rpartition("(")
        where = place.rstrip(")") if separator else "no place given"
        problems.append(f"`{path}` is not valid TOML ({where}); it is ignored. Correct it.")
        return {}


def read_dotenv(path: Path | None, problems: list[str]) -> Mapping[str, str]:
    """Return the file's variables, changing no environment.

    Nothing is interpolated: a workspace's `${GITHUB_TOKEN}` must not become that token's value.
    """
    text = _text_of(path, problems)
    if not text:
        return {}
    from dotenv import dotenv_values  # noqa: PLC0415 - most workspaces have no such file

    # python-dotenv would interpolate by the process's environment.
    values = dotenv_values(stream=StringIO(text), interpolate=False)
    return {name: value for name, value in values.items() if value is not None}


def _text_of(path: Path | None, problems: list[str]) -> str:
    """Return a regular file's text, or nothing; a pipe of that name would block for ever."""
    try:
        if path is None or not path.is_file():
            return ""
        if path.stat().st_size > MOST_BYTES:
            problems.append(f"`{path}` is larger than {MOST_BYTES} bytes; it is ignored.")
            return ""
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        problems.append(f"`{path}` cannot be read as UTF-8 text ({type(exc).__name__}).")
        return ""


_MOST_SHOWN = 60
_KEY_NAMES = frozenset({"apikey", "openaiapikey", "key", "token"})


def unknown(name: str, known: Sequence[str], origin: Origin) -> str:
    """Return the message about a setting that does not exist, with the one probably meant."""
    if _plain(name).removeprefix("streamingcodegenerator") in _KEY_NAMES:
        return (
            f"`{_shown(name)}` ({origin}) is ignored: keys are never settings. Put the key into "
            "the environment variable `OPENAI_API_KEY`, or into one that `apiKeyEnv` names."
        )
    return f"Unknown setting `{_shown(name)}` ({origin}) is ignored.{_meant(name, known)}"


def unfit(spec: SettingSpec, raw: object, origin: Origin) -> str:
    """Return the message about a value that is not of the setting's kind."""
    try:
        spelled = raw if isinstance(raw, str) else json.dumps(raw)
    except (TypeError, ValueError):  # a date from TOML
        spelled = str(raw)
    found = f", not `{_shown(spelled)}`" if spec.kind.may_be_shown else ""
    then = "it is ignored"
    if spec.name == "provider" and not origin.from_workspace and origin.source != Source.PROFILE:
        then = "until it is corrected the embedded model is used, which sends nothing anywhere"
    return f"`{spec.camel_name}` ({origin}) must be {spec.kind.summary}{found}; {then}."


def _meant(name: str, known: Sequence[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only when something is wrong

    by_plain_name = {_plain(candidate): candidate for candidate in known}
    close = get_close_matches(_plain(name), by_plain_name, n=1)
    return f" Did you mean `{by_plain_name[close[0]]}`?" if close else ""


def _plain(name: str) -> str:
    """Return the name's letters only, so that styles of writing compare equal."""
    return "".join(character for character in name.lower() if character.isalnum())


def _shown(text: str) -> str:
    line = redacted(" ".join(text.split()))
    return line if len(line) <= _MOST_SHOWN else line[: _MOST_SHOWN - 1] + "…"
