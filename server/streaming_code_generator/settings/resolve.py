"""From all sources to the settings in force, each with where it came from."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from streaming_code_generator.settings.declarations import SPECS, Settings
from streaming_code_generator.settings.endpoints import covers, leads_to, normalised_base_url
from streaming_code_generator.settings.origins import Origin, Source
from streaming_code_generator.settings.secret import Secret
from streaming_code_generator.settings.sources import (
    API_KEY,
    Reading,
    SettingsSources,
    read_sources,
)
from streaming_code_generator.settings.trust import (
    KeyCandidate,
    choose_key,
    is_within,
    judge,
    key_bindings,
)

DEFAULT_ORIGIN = Origin(source=Source.DEFAULT)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedSettings:
    """The settings in force, and how they came about."""

    settings: Settings
    origins: Mapping[str, Origin]
    """For every field of `Settings`, by name."""
    api_key: Secret | None
    """The key that may be sent to the endpoint in force; `None`: there is none."""
    api_key_command: tuple[str, ...]
    """What prints that key, if it goes before all keys that were found."""
    api_key_origin: Origin | None
    problems: tuple[str, ...]
    """One message for each value that is ignored, to be shown to users."""

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What must appear in no log."""
        headers = (value for _, value in self.settings.extra_headers)
        return (*([self.api_key] if self.api_key else []), *headers)


def resolve(sources: SettingsSources) -> ResolvedSettings:
    """Read, judge and merge all sources; later ones win. Blocks for two small files.

    It never raises for what a source holds: whatever cannot be used is a problem.
    """
    reading = read_sources(sources)
    verdict = judge(reading.assignments)
    chosen = {assignment.name: assignment for assignment in verdict.admitted}
    values: dict[str, object] = {name: assignment.value for name, assignment in chosen.items()}
    settings = Settings(**values)  # type: ignore[arg-type]  # each was parsed by its field's kind
    # By all assignments, the refused ones too: a key beside a URL in `.env` was given for that URL,
    # whether a workspace may choose it or not.
    given_for = key_bindings(reading.assignments)
    endpoint = settings.base_url or given_for[Source.ENVIRONMENT]
    candidates = _candidates(settings, sources, reading, given_for)
    if not _may_bring_a_key(sources.workspace_root, settings, endpoint):
        folder = sources.workspace_root
        candidates = [
            replace(each, withheld_from=folder) if each.origin.from_workspace else each
            for each in candidates
        ]
    origins = {name: chosen[name].origin if name in chosen else DEFAULT_ORIGIN for name in SPECS}
    command: tuple[str, ...] = ()
    # An endpoint that a workspace chose gets nothing that was meant for the user's own.
    is_users_own = leads_to(endpoint, given_for[Source.ENVIRONMENT])
    if not is_users_own:
        settings = replace(settings, extra_body=None, extra_headers=())
    if is_users_own and not reading.client_key:
        command = settings.api_key_command
    key, key_problem = (None, None) if command else choose_key(candidates, endpoint)
    refused = [key_problem] if key_problem and settings.provider != "embedded" else []
    key_origin = origins["api_key_command"] if command else key.origin if key else None
    return ResolvedSettings(
        settings=settings,
        origins=origins,
        api_key=key.secret if key else None,
        api_key_command=command,
        api_key_origin=key_origin,
        problems=(*reading.problems, *verdict.problems, *refused),
    )


def _candidates(
    settings: Settings,
    sources: SettingsSources,
    reading: Reading,
    given_for: Mapping[Source, str | None],
) -> list[KeyCandidate]:
    """Return the keys that were found, the one that goes before the others first."""
    name = settings.api_key_env
    environment = Origin(source=Source.ENVIRONMENT, detail=name)
    dotenv = Origin(source=Source.DOTENV, detail=name, from_workspace=True)
    client = Origin(source=Source.INITIALIZATION, detail=API_KEY)
    places = (
        (reading.client_key, client, _client_key_binding(reading, given_for)),
        (sources.environment.get(name, ""), environment, given_for[Source.ENVIRONMENT]),
        (reading.dotenv.get(name, ""), dotenv, given_for[Source.DOTENV]),
    )
    return [
        KeyCandidate(secret=Secret(key.strip()), origin=origin, given_for=binding)
        for key, origin, binding in places
        if key.strip()
    ]


def _may_bring_a_key(folder: Path | None, settings: Settings, endpoint: str | None) -> bool:
    """Whether the user allows the folder, or what is sent to the endpoint on anybody's account."""
    if endpoint and any(covers(url, endpoint) for url in settings.trusted_workspace_endpoints):
        return True
    trusted = settings.trusted_workspaces
    return folder is not None and any(is_within(folder, each) for each in trusted)


def _client_key_binding(reading: Reading, given_for: Mapping[Source, str | None]) -> str | None:
    """Return what the client's key was stored for; None if it says something unreadable."""
    if not reading.client_key_origin:
        return given_for[Source.ENVIRONMENT]
    try:
        return normalised_base_url(reading.client_key_origin)
    except ValueError:
        return None
