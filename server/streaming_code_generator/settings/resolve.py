"""From all sources to the settings in force, each with where it came from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from streaming_code_generator.errors import ConfigurationError
from streaming_code_generator.settings.declarations import SPECS, ModelSelection, Settings
from streaming_code_generator.settings.endpoints import covers, keychain_command, leads_to
from streaming_code_generator.settings.kinds import Secret
from streaming_code_generator.settings.sources import (
    API_KEY,
    Assignment,
    Origin,
    Reading,
    SettingsSources,
    Source,
    read_profile,
    read_sources,
)
from streaming_code_generator.settings.trust import (
    KeyBindings,
    KeyCandidate,
    choose_key,
    is_within,
    judge,
    key_bindings,
    with_profile,
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
    profiles: Mapping[str, "ResolvedSettings"] = field(default_factory=dict)
    """By its name, what is in force for a request that chooses a profile."""

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What must appear in no log."""
        headers = (value for _, value in self.settings.extra_headers)
        proxy = urlsplit(self.settings.proxy.reveal() if self.settings.proxy else "").password
        of_profiles = (secret for each in self.profiles.values() for secret in each.secrets)
        key, password = self.api_key, Secret(proxy) if proxy else None
        return (*(each for each in (key, password) if each), *headers, *of_profiles)

    @property
    def means_endpoint(self) -> bool:
        """Whether generations go to an endpoint, and not to the embedded model."""
        if self.settings.provider == "auto":
            return bool(self.settings.base_url or self.api_key or self.api_key_command)
        return self.settings.provider == "openai"

    def for_request(self, selection: ModelSelection) -> "ResolvedSettings":
        """Return what is in force for one request.

        Raises:
            ConfigurationError: No such profile is set.
        """
        chosen = self
        if selection.profile is not None:
            if selection.profile not in self.profiles:
                known = ", ".join(f"`{name}`" for name in self.profiles)
                raise ConfigurationError(
                    f"No profile `{selection.profile}` can be used: "
                    + (f"there are {known}." if known else "`profiles` has none.")
                )
            # Its fallbacks are among the same profiles.
            chosen = replace(self.profiles[selection.profile], profiles=self.profiles)
        origin = Origin(source=Source.REQUEST)
        if selection.provider is not None:
            settings = replace(chosen.settings, provider=selection.provider)
            origins = {**chosen.origins, "provider": origin}
            chosen = replace(chosen, settings=settings, origins=origins)
        if selection.model is not None:
            if chosen.means_endpoint:
                settings = replace(chosen.settings, model=selection.model)
            else:
                settings = replace(chosen.settings, embedded_model=selection.model, model_path=None)
            chosen = replace(chosen, settings=settings)
        return chosen


def resolve(sources: SettingsSources) -> ResolvedSettings:
    """Read, judge and merge all sources; later ones win. Blocks for two small files.

    It never raises for what a source holds: whatever cannot be used is a problem.
    """
    reading = read_sources(sources)
    verdict = judge(reading.assignments)
    # By all assignments, the refused ones too: a key beside a URL in `.env` was given for that URL,
    # whether a workspace may choose it or not.
    given_for = key_bindings(reading.assignments, reading.client_key_origin)
    resolved = _merged(sources, reading, verdict.admitted, given_for)
    problems = [*reading.problems, *verdict.problems, *resolved.problems]
    profiles: dict[str, ResolvedSettings] = {}
    for profile in resolved.settings.profiles:
        own = read_profile(profile, problems)
        if own is not None:
            admitted, bindings = with_profile(verdict.admitted, own, given_for)
            profiles[profile.name] = _merged(sources, reading, admitted, bindings)
    problems += [
        f"`fallbacks` ({resolved.origins['fallbacks']}) names `{name}`, which is no profile that "
        "can be used: it is ignored."
        for name in resolved.settings.fallbacks
        if name not in profiles
    ]
    return replace(resolved, problems=tuple(problems), profiles=profiles)


def _merged(
    sources: SettingsSources,
    reading: Reading,
    admitted: Sequence[Assignment],
    given_for: KeyBindings,
) -> ResolvedSettings:
    """Return what the assignments come to, the last of each setting, with the key that fits."""
    chosen = {assignment.name: assignment for assignment in admitted}
    values: dict[str, object] = {name: assignment.value for name, assignment in chosen.items()}
    settings = Settings(**values)  # type: ignore[arg-type]  # each was parsed by its field's kind
    endpoint = settings.base_url or given_for.own
    candidates = _candidates(settings, sources, reading, given_for)
    # A workspace brings a key only if the user allows its folder, or what is sent to the endpoint
    # on anybody's account.
    folder, trusted = sources.workspace_root, settings.trusted_workspaces
    may_bring_key = folder is not None and any(is_within(folder, each) for each in trusted)
    allowed = settings.trusted_workspace_endpoints
    if not may_bring_key and not (endpoint and any(covers(url, endpoint) for url in allowed)):
        candidates = [
            replace(each, withheld_from=folder) if each.origin.from_workspace else each
            for each in candidates
        ]
    origins = {name: chosen[name].origin if name in chosen else DEFAULT_ORIGIN for name in SPECS}
    command: tuple[str, ...] = ()
    # An endpoint that a workspace chose gets nothing that was meant for the user's own.
    is_users_own = leads_to(endpoint, given_for.own)
    if not is_users_own:
        settings = replace(
            settings,
            extra_body=None,
            extra_headers=(),
            client_certificate=None,
            client_key=None,
        )
    if is_users_own and not (reading.client_key and leads_to(endpoint, given_for.client)):
        command = settings.api_key_command
        if settings.keyring and not command:
            command = keychain_command("get", str(endpoint))
    key, key_problem = (None, None) if command else choose_key(candidates, endpoint)
    refused = [key_problem] if key_problem and settings.provider != "embedded" else []
    key_origin = key.origin if key else None
    if command:
        key_origin = origins["api_key_command" if settings.api_key_command else "keyring"]
    return ResolvedSettings(
        settings=settings,
        origins=origins,
        api_key=key.secret if key else None,
        api_key_command=command,
        api_key_origin=key_origin,
        problems=tuple(refused),
    )


def _candidates(
    settings: Settings,
    sources: SettingsSources,
    reading: Reading,
    given_for: KeyBindings,
) -> list[KeyCandidate]:
    """Return the keys that were found, the one that goes before the others first."""
    name = settings.api_key_env
    environment = Origin(source=Source.ENVIRONMENT, detail=name)
    dotenv = Origin(source=Source.DOTENV, detail=name, from_workspace=True)
    client = Origin(source=Source.INITIALIZATION, detail=API_KEY)
    places = (
        (reading.client_key, client, given_for.client),
        (sources.environment.get(name, ""), environment, given_for.environment),
        (reading.dotenv.get(name, ""), dotenv, given_for.dotenv),
    )
    return [
        KeyCandidate(secret=Secret(key.strip()), origin=origin, given_for=binding)
        for key, origin, binding in places
        if key.strip()
    ]
