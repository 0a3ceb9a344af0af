"""Who may decide where code and keys go.

The user's own sources are the configuration file, the environment, `initializationOptions` and
the command line. The workspace's sources are its `.env` and `workspace/configuration`, because
LSP does not tell whether a value there stands in the user's settings or in the opened folder's.
A client whose endpoint settings cannot stand in a folder says so in `initializationOptions`
(`endpointSettingsAreMachineScoped`); its `workspace/configuration` is then the user's own.

1. A key is bound to one origin: scheme, host and port. It is sent nowhere else.
   - A key from the environment, or from the client's secret store (`apiKey` in
     `initializationOptions`), is bound to the base URL of the user's own sources, and to OpenAI
     where they name none; the client may say itself what it was stored for (`apiKeyOrigin`).
   - A key from a workspace's `.env` is bound to the base URL in that same `.env`, and to OpenAI
     where it names none. It is used only where the user allows the folder (`trustedWorkspaces`) or
     the endpoint (`trustedWorkspaceEndpoints`): `auto` would take OpenAI for it, and a user
     without a key send code there on another user's account.
   - A key beside a base URL that cannot be used is not sent anywhere.
2. A workspace may not choose an endpoint (`baseUrl`), unless the user chose the same one or
   lists it in `trustedWorkspaceEndpoints`. The list lets requests go there; it does not unbind
   the user's key from where it belongs.
3. A workspace may not choose the `provider`, except `embedded`, which sends nothing anywhere.
4. A workspace may not choose `apiKeyEnv`: any variable could be sent away as a key.
   Nor `apiKeyCommand`: it is executed. The key it prints is bound as one from the environment.
   Nor `extraBody` and `extraHeaders`: gateways take from them where to send a request. They go to
   the user's own endpoint alone, as the user's key does.
5. A workspace may not choose `modelPath`: the file would be parsed by native code.
6. `trustedWorkspaceEndpoints` and `trustedWorkspaces` count only in the configuration file and
   the environment.
7. `profiles` are the user's own. What is set for one endpoint (`model`, keys, `extraBody`,
   `extraHeaders` and the like) does not follow to another one that a profile names.
8. A `provider` of the user's own that cannot be used (a typing error) means `embedded`: who
   meant to keep the code at home must not send it out by a slip.

What is refused is named, with the way to allow it. Everything here is a pure function.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from streaming_code_generator.settings.declarations import SPECS, Scope
from streaming_code_generator.settings.endpoints import (
    OPENAI_BASE_URL,
    covers,
    leads_to,
    normalised_base_url,
    origin_of,
)
from streaming_code_generator.settings.kinds import Secret
from streaming_code_generator.settings.sources import Assignment, Origin, Source

TRUST_SOURCES = frozenset({Source.USER_FILE, Source.ENVIRONMENT})
"""Where `trustedWorkspaceEndpoints` and `trustedWorkspaces` count."""

_OWN_SOURCES = "your `config.toml`, the environment or the editor's `initializationOptions`"
_REASONS = {
    "base_url": "a workspace may not choose where code and keys are sent",
    "provider": "a workspace may not choose who gets the code",
    "api_key_env": "a workspace may not choose which variable is sent as a key",
    "api_key_command": "a workspace may not choose what is executed",
    "keyring": "a workspace may not choose what is sent as a key",
    "extra_body": "a workspace may not choose what a gateway does with the code",
    "extra_headers": "a workspace may not choose what is sent beside a key",
    "session_affinity": "a workspace may not choose what is sent beside a key",
    "model_path": "a workspace may not choose a model file to load",
    "fallbacks": "a workspace may not choose where code and keys are sent",
    "allow_plain_http": "a workspace may not choose who can read what is sent",
    "mask_keys": "a workspace may not choose what is sent",
    "proxy": "a workspace may not choose where code and keys are sent",
    "ca_bundle": "a workspace may not choose who is trusted",
    "client_certificate": "a workspace may not choose as whom you appear",
    "client_key": "a workspace may not choose as whom you appear",
    "inline_completion": "a workspace may not choose when code is sent",
    "completion_model": "a workspace may not choose who gets the code",
    "completion_base_url": "a workspace may not choose where code and keys are sent",
    "budget_per_day": "a workspace may not choose what you spend",
    "profiles": "a workspace may not choose where code and keys are sent",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The assignments that count, in rising order, and the messages about the others."""

    admitted: tuple[Assignment, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyCandidate:
    """A key that was found, and the base URL it was given for."""

    secret: Secret
    origin: Origin
    given_for: str | None
    """`None`: for one that cannot be used."""
    withheld_from: Path | None = None
    """The folder that brings it, if the user has to allow that first."""


def judge(assignments: Sequence[Assignment]) -> Verdict:
    """Decide which assignments count; they come in rising order."""
    usable = []
    for assignment in assignments:
        if assignment.value is not None:
            usable.append(assignment)
        elif assignment.name == "provider" and not assignment.origin.from_workspace:
            # The user meant to choose: a slip must not send the code out.
            usable.append(replace(assignment, value="embedded"))
    own: dict[str, object] = {name: spec.default for name, spec in SPECS.items()}
    own |= {a.name: a.value for a in usable if not a.origin.from_workspace and _may_stand(a)}
    admitted = tuple(a for a in usable if _is_admitted(a, own["trusted_workspace_endpoints"]))
    refused = (a for a in usable if a not in admitted and a.value != own[a.name])
    return Verdict(admitted=admitted, problems=tuple(map(_refusal, refused)))


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyBindings:
    """The base URL that a key of each source was given for; `None`: one that cannot be used."""

    own: str | None
    """The user's own endpoint: what `apiKeyCommand`, `extraBody` and `extraHeaders` are for."""
    environment: str | None
    client: str | None
    dotenv: str | None


def key_bindings(assignments: Iterable[Assignment], client_key_origin: str = "") -> KeyBindings:
    """Return what keys were given for; of several base URLs of a source, the last one counts.

    Args:
        assignments: What all sources hold.
        client_key_origin: What a client says that its key was stored for, if it does.
    """
    own: str | None = OPENAI_BASE_URL
    dotenv: str | None = OPENAI_BASE_URL
    for assignment in assignments:
        if assignment.name == "base_url":
            url = None if assignment.value is None else str(assignment.value)
            if not assignment.origin.from_workspace:
                own = url
            elif assignment.origin.source is Source.DOTENV:
                dotenv = url
    client = own
    if client_key_origin:
        try:
            client = normalised_base_url(client_key_origin)
        except ValueError:
            client = None
    return KeyBindings(own=own, environment=own, client=client, dotenv=dotenv)


_OF_ONE_ENDPOINT = frozenset(
    {
        "model",
        "api_key_env",
        "api_key_command",
        "keyring",
        "extra_body",
        "extra_headers",
        "allow_plain_http",
        "api",
        "session_affinity",
        "client_certificate",
        "client_key",
        "token_limit_field",
        "system_role",
    }
)
"""What is set for one endpoint and means nothing to another one, or must not reach it."""


def with_profile(
    admitted: Sequence[Assignment], own: Sequence[Assignment], given_for: KeyBindings
) -> tuple[tuple[Assignment, ...], KeyBindings]:
    """Return the assignments under a profile, and what keys were given for there.

    What is set for one endpoint stays with it: a profile with another one brings its own. A key of
    the environment goes there only if the profile names its variable. The command line, which is
    for one request as well, goes before the profile.
    """
    given = tuple(each for each in admitted if each.origin.source is Source.COMMAND_LINE)
    admitted = tuple(each for each in admitted if each not in given)
    by_name = {assignment.name: assignment for assignment in own}
    if by_name.keys() & {"base_url", "embedded_model", "model_path"} and "provider" not in by_name:
        provider = "auto" if "base_url" in by_name else "embedded"
        own = (*own, Assignment(name="provider", value=provider, origin=own[0].origin))
    url = by_name["base_url"].value if "base_url" in by_name else None
    if url is None or leads_to(str(url), given_for.own):
        return (*admitted, *own, *given), given_for
    others = tuple(each for each in admitted if each.name not in _OF_ONE_ENDPOINT)
    environment = str(url) if "api_key_env" in by_name else given_for.environment
    return (*others, *own, *given), replace(given_for, own=str(url), environment=environment)


def choose_key(
    candidates: Sequence[KeyCandidate], base_url: str | None
) -> tuple[KeyCandidate | None, str | None]:
    """Return the first key that is bound to the endpoint, else the message about the others.

    Without a base URL (the one that was meant cannot be used) no key is sent anywhere.
    """
    # The key of `config.toml`'s endpoint is not sent to the one a workspace chose, although that
    # may be trusted with requests: being allowed to choose does not unbind a key.
    for candidate in candidates:
        if not base_url or not leads_to(base_url, candidate.given_for):
            continue
        if candidate.withheld_from is None:
            return candidate, None
        return None, (
            f"The key ({candidate.origin}) is not used: your code would go to "
            f"{origin_of(base_url)} on the account of whoever put it there. To allow it, add "
            f'"{candidate.withheld_from}" to `trusted_workspaces` in your `config.toml`.'
        )
    return None, _key_refusal(candidates[0], base_url) if candidates else None


def _may_stand(assignment: Assignment) -> bool:
    """Whether the source is one in which the setting counts at all."""
    if SPECS[assignment.name].scope is Scope.TRUST:
        return assignment.origin.source in TRUST_SOURCES
    return True


def _is_admitted(assignment: Assignment, trusted: object) -> bool:
    if not _may_stand(assignment):
        return False
    if not assignment.origin.from_workspace or SPECS[assignment.name].scope is Scope.ANYWHERE:
        return True
    # The embedded model sends nothing anywhere: a folder may ask for that.
    if assignment.name == "provider":
        return assignment.value == "embedded"
    if assignment.name == "base_url" and isinstance(trusted, tuple):
        return any(covers(url, str(assignment.value)) for url in trusted)
    return False


def _refusal(assignment: Assignment) -> str:
    spec = SPECS[assignment.name]
    if spec.scope is Scope.TRUST:
        return (
            f"`{spec.camel_name}` ({assignment.origin}) is ignored: it counts only in your "
            f"`config.toml` and in the environment (`{spec.variable}`)."
        )
    ignored = f"`{spec.camel_name}` ({assignment.origin}) is ignored: {_REASONS[spec.name]}."
    if assignment.name == "base_url":
        return (
            f'{ignored} To allow it, add "{assignment.value}" to `trusted_workspace_endpoints` '
            "in your `config.toml`."
        )
    return f"{ignored} Set it in {_OWN_SOURCES}."


def is_within(folder: Path, trusted: Path) -> bool:
    """Whether a folder is the trusted one or lies below it, symbolic links followed."""
    return folder.resolve().is_relative_to(trusted.resolve())


def _key_refusal(refused: KeyCandidate, base_url: str | None) -> str:
    ignored = f"The key ({refused.origin}) is not used: "
    if base_url is None or refused.given_for is None:
        return f"{ignored}the base URL beside it cannot be used. Correct that one."
    step = (
        "A key in a workspace's `.env` is sent only to the base URL beside it"
        if refused.origin.from_workspace
        else f"To send it there, set `baseUrl` in {_OWN_SOURCES}"
    )
    return (
        f"{ignored}it was given for {origin_of(refused.given_for)}, and requests go to "
        f"{origin_of(base_url)}. {step}."
    )
