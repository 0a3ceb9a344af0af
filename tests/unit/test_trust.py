"""A key goes only where it was given for, and a folder does not choose where code goes."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming_code_generator.settings import (
    OPENAI_BASE_URL,
    ResolvedSettings,
    Secret,
    SettingsSources,
    resolve,
)
from streaming_code_generator.settings.declarations import SPECS, Scope, Settings
from streaming_code_generator.settings.endpoints import covers, origin_of
from streaming_code_generator.settings.trust import _REASONS

PREFIX = "STREAMING_CODE_GENERATOR_"
MINE = "https://mine.example/v1"
THEIRS = "https://theirs.example/v1"


@dataclass(frozen=True, kw_only=True)
class Case:
    """Sources, and what must come of them."""

    dotenv: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    options: dict[str, object] = field(default_factory=dict)
    configuration: dict[str, object] = field(default_factory=dict)
    user_file: str = ""
    base_url: str | None = None
    key: str | None = None
    told: tuple[str, ...] = ()
    """A word from each problem, in order."""


def resolved_in(folder: Path, case: Case) -> ResolvedSettings:
    lines = [f"{name}={value}\n" for name, value in case.dotenv.items()]
    (folder / ".env").write_text("".join(lines), encoding="utf-8")
    user_file = case.user_file.replace("HERE", folder.as_posix())
    (folder / "config.toml").write_text(user_file, encoding="utf-8")
    return resolve(
        SettingsSources(
            user_file=folder / "config.toml",
            workspace_root=folder,
            environment=case.environment,
            initialization_options=case.options,
            workspace_configuration=case.configuration,
        )
    )


MY_KEY = {"OPENAI_API_KEY": "mine"}
THEIR_KEY = {"OPENAI_API_KEY": "theirs"}
THEIR_URL = {"OPENAI_BASE_URL": THEIRS}
TRUSTING = f'trusted_workspace_endpoints = ["{THEIRS}"]'

CASES = {
    "my key, no URL: OpenAI": Case(environment=MY_KEY, key="mine"),
    "my key and my URL from the environment are a pair": Case(
        environment=MY_KEY | {"OPENAI_BASE_URL": MINE}, base_url=MINE, key="mine"
    ),
    "my key and my URL from my file": Case(
        environment=MY_KEY, user_file=f'base_url = "{MINE}"', base_url=MINE, key="mine"
    ),
    "my key and my URL from my options": Case(
        environment=MY_KEY, options={"baseUrl": MINE}, base_url=MINE, key="mine"
    ),
    "their .env's URL never gets my key": Case(
        environment=MY_KEY, dotenv=THEIR_URL, key="mine", told=("may not choose where",)
    ),
    "their .env's URL and key are ignored together": Case(
        dotenv=THEIR_URL | THEIR_KEY, told=("may not choose where", "not used")
    ),
    "their .env's key alone is not used": Case(dotenv=THEIR_KEY, told=("to `trusted_workspaces`",)),
    "in a folder that I allow it is for OpenAI": Case(
        dotenv=THEIR_KEY, user_file='trusted_workspaces = ["HERE"]', key="theirs"
    ),
    "and in one below it": Case(
        dotenv=THEIR_KEY, user_file='trusted_workspaces = ["/", "HERE/.."]', key="theirs"
    ),
    "a folder beside it is another one": Case(
        dotenv=THEIR_KEY,
        user_file='trusted_workspaces = ["HERE/below", "HERE-2"]',
        told=("to `trusted_workspaces`",),
    ),
    "where I allow OpenAI to all folders it is used": Case(
        dotenv=THEIR_KEY,
        user_file=f'trusted_workspace_endpoints = ["{OPENAI_BASE_URL}"]',
        key="theirs",
    ),
    "a folder cannot allow itself": Case(
        dotenv=THEIR_KEY | {f"{PREFIX}TRUSTED_WORKSPACES": "/"},
        configuration={"trustedWorkspaces": ["/"]},
        told=("counts only in", "counts only in", "to `trusted_workspaces`"),
    ),
    "their .env's key is not for my endpoint": Case(
        dotenv=THEIR_KEY,
        options={"baseUrl": MINE},
        base_url=MINE,
        told=("sent only to the base URL beside it",),
    ),
    "their .env names my endpoint, with a key for it": Case(
        dotenv={"OPENAI_BASE_URL": MINE} | THEIR_KEY,
        options={"baseUrl": MINE},
        user_file='trusted_workspaces = ["HERE"]',
        base_url=MINE,
        key="theirs",
    ),
    "nor is its key used where I have not allowed it": Case(
        dotenv={"OPENAI_BASE_URL": MINE} | THEIR_KEY,
        options={"baseUrl": MINE},
        base_url=MINE,
        told=("to `trusted_workspaces`",),
    ),
    "my key goes before theirs": Case(environment=MY_KEY, dotenv=THEIR_KEY, key="mine"),
    "their settings' URL never gets my key": Case(
        environment=MY_KEY,
        configuration={"baseUrl": THEIRS},
        key="mine",
        told=("may not choose where",),
    ),
    "their settings' URL never gets their .env's key": Case(
        dotenv=THEIR_KEY,
        configuration={"baseUrl": THEIRS},
        user_file='trusted_workspaces = ["HERE"]',
        key="theirs",
        told=("may not choose where",),
    ),
    "their settings' URL equals mine": Case(
        environment=MY_KEY,
        options={"baseUrl": MINE},
        configuration={"baseUrl": MINE + "/"},
        base_url=MINE,
        key="mine",
    ),
    "their settings count as mine where the client says so": Case(
        environment=MY_KEY,
        options={"endpointSettingsAreMachineScoped": True},
        configuration={"baseUrl": MINE},
        base_url=MINE,
        key="mine",
    ),
    "the announcement must be true, not only there": Case(
        environment=MY_KEY,
        options={"endpointSettingsAreMachineScoped": "true"},
        configuration={"baseUrl": THEIRS},
        key="mine",
        told=("may not choose where",),
    ),
    "a folder cannot make the announcement": Case(
        configuration={"endpointSettingsAreMachineScoped": True, "baseUrl": THEIRS},
        told=("may not choose where",),
    ),
    "trusted .env with its own key": Case(
        dotenv=THEIR_URL | THEIR_KEY, user_file=TRUSTING, base_url=THEIRS, key="theirs"
    ),
    "trust does not unbind my key": Case(
        environment=MY_KEY,
        dotenv=THEIR_URL,
        user_file=TRUSTING,
        base_url=THEIRS,
        told=("given for https://api.openai.com",),
    ),
    "trust by the environment": Case(
        environment={f"{PREFIX}TRUSTED_WORKSPACE_ENDPOINTS": THEIRS},
        configuration={"baseUrl": THEIRS},
        base_url=THEIRS,
    ),
    "a trusted path below my own host gets my key": Case(
        environment=MY_KEY | {"OPENAI_BASE_URL": MINE},
        configuration={"baseUrl": MINE + "/team"},
        user_file=f'trusted_workspace_endpoints = ["{MINE}"]',
        base_url=MINE + "/team",
        key="mine",
    ),
    "a folder cannot extend trust by its .env": Case(
        dotenv=THEIR_URL | {f"{PREFIX}TRUSTED_WORKSPACE_ENDPOINTS": THEIRS},
        told=("may not choose where", "counts only in"),
    ),
    "a folder cannot extend trust by its settings": Case(
        configuration={"baseUrl": THEIRS, "trustedWorkspaceEndpoints": [THEIRS]},
        told=("may not choose where", "counts only in"),
    ),
    "options cannot extend trust": Case(
        options={"trustedWorkspaceEndpoints": [THEIRS]},
        configuration={"baseUrl": THEIRS},
        told=("counts only in", "may not choose where"),
    ),
    "a folder cannot name the variable that is sent as a key": Case(
        environment=MY_KEY | {"AWS_SECRET_ACCESS_KEY": "aws"},
        dotenv={f"{PREFIX}API_KEY_ENV": "AWS_SECRET_ACCESS_KEY"},
        configuration={"apiKeyEnv": "AWS_SECRET_ACCESS_KEY"},
        key="mine",
        told=("sent as a key", "sent as a key"),
    ),
    "my key is not sent to OpenAI when my URL is unusable": Case(
        environment=MY_KEY | {"OPENAI_BASE_URL": "localhost:8080"},
        told=("http or https URL", "cannot be used"),
    ),
    "nor is theirs": Case(
        environment={"OPENAI_BASE_URL": "localhost:8080"},
        dotenv=THEIR_KEY,
        told=("http or https URL", "cannot be used"),
    ),
    "their key is not sent to OpenAI when their URL is unusable": Case(
        dotenv={"OPENAI_BASE_URL": "localhost:8080"} | THEIR_KEY,
        told=("http or https URL", "not used"),
    ),
    "another port is another place": Case(
        environment=MY_KEY | {"OPENAI_BASE_URL": "http://127.0.0.1:8080/v1"},
        configuration={"baseUrl": "http://127.0.0.1:9090/v1"},
        user_file='trusted_workspace_endpoints = ["http://127.0.0.1:9090"]',
        base_url="http://127.0.0.1:9090/v1",
        told=("given for http://127.0.0.1:8080",),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_keys_and_endpoints(tmp_path: Path, case: Case) -> None:
    resolved = resolved_in(tmp_path, case)

    assert resolved.settings.base_url == case.base_url
    assert resolved.api_key == (Secret(case.key) if case.key else None)
    assert len(resolved.problems) == len(case.told), resolved.problems
    for word, problem in zip(case.told, resolved.problems, strict=True):
        assert word in problem


@pytest.mark.parametrize(
    ("name", "chosen", "in_force"),
    [
        ("provider", "openai", "auto"),
        ("provider", "embedded", "embedded"),
        ("model_path", str(Path("/repo/evil.gguf")), None),
        ("api_key_env", "GITHUB_TOKEN", "OPENAI_API_KEY"),
        ("api_key_command", '["evil"]', ()),
        ("model", "small", "small"),
        ("embedded_model", "smollm2", "smollm2"),
        ("edits", "once", "once"),
    ],
)
@pytest.mark.parametrize("by", ["dotenv", "configuration"])
def test_what_a_folder_may_choose(
    tmp_path: Path, by: str, name: str, chosen: str, in_force: object
) -> None:
    first, *rest = name.split("_")
    camel = first + "".join(map(str.capitalize, rest))
    case = (
        Case(dotenv={PREFIX + name.upper(): chosen})
        if by == "dotenv"
        else Case(configuration={camel: json.loads(chosen) if chosen[0] == "[" else chosen})
    )

    resolved = resolved_in(tmp_path, case)

    assert getattr(resolved.settings, name) == in_force
    assert bool(resolved.problems) == (in_force != chosen)


def test_folder_cannot_bring_code_out_that_stays_at_home(tmp_path: Path) -> None:
    case = Case(
        environment=MY_KEY,
        options={"provider": "embedded"},
        configuration={"provider": "openai"},
    )

    assert resolved_in(tmp_path, case).settings.provider == "embedded"


def test_refusal_says_how_to_allow_it(tmp_path: Path) -> None:
    (problem,) = resolved_in(tmp_path, Case(configuration={"baseUrl": THEIRS})).problems

    assert f'add "{THEIRS}" to `trusted_workspace_endpoints`' in problem


def test_problems_never_hold_a_key(tmp_path: Path) -> None:
    case = Case(
        environment={"OPENAI_API_KEY": "sk-minesecret", "OPENAI_BASE_URL": MINE},
        dotenv={"OPENAI_API_KEY": "sk-theirsecret", "OPENAI_BASE_URL": THEIRS},
        user_file=f'trusted_workspace_endpoints = ["{THEIRS}"]',
        configuration={"baseUrl": "https://elsewhere.example"},
    )

    assert "secret" not in " ".join(resolved_in(tmp_path, case).problems)


@pytest.mark.parametrize(
    ("trusted", "url", "covered"),
    [
        ("https://a.example", "https://a.example/v1", True),
        ("https://a.example/", "https://a.example", True),
        ("https://a.example:443/v1", "https://A.example/v1", True),
        ("https://a.example/v1", "https://a.example/v1/team", True),
        ("https://a.example/v1", "https://a.example/v10", False),
        ("https://a.example/v1", "https://a.example", False),
        ("https://a.example", "http://a.example", False),
        ("https://a.example", "https://a.example:8443", False),
        ("https://a.example", "https://a.example.evil.example", False),
        ("https://a.example", "https://evil.example/a.example", False),
        ("http://[::1]:80", "http://[::1]", True),
    ],
)
def test_trusted_url_covers_its_own_path_and_below(trusted: str, url: str, covered: bool) -> None:  # noqa: FBT001
    assert covers(trusted, url) is covered


URLS = st.sampled_from([None, MINE, THEIRS, OPENAI_BASE_URL, "http://127.0.0.1:1", "no url"])
KEYS = st.sampled_from([None, "k"])


@given(
    env_url=URLS, env_key=KEYS, dotenv_url=URLS, dotenv_key=KEYS, option_url=URLS,
    configuration_url=URLS, trusted=st.lists(st.sampled_from([MINE, THEIRS]), max_size=2),
    is_allowed=st.booleans(),
)  # fmt: skip
def test_key_from_the_environment_never_leaves_the_users_own_endpoint(  # noqa: PLR0913 - one for each place
    tmp_path_factory: pytest.TempPathFactory,
    *,
    env_url: str | None,
    env_key: str | None,
    dotenv_url: str | None,
    dotenv_key: str | None,
    option_url: str | None,
    configuration_url: str | None,
    trusted: list[str],
    is_allowed: bool,
) -> None:
    """Over all combinations: my key goes only to my origin, their key only to theirs."""

    def variables(url: str | None, key: str | None) -> dict[str, str]:
        pairs = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": key}
        return {name: value for name, value in pairs.items() if value}

    case = Case(
        environment=variables(env_url, env_key and "mine"),
        dotenv=variables(dotenv_url, dotenv_key and "theirs"),
        options={"baseUrl": option_url},
        configuration={"baseUrl": configuration_url},
        user_file=f"trusted_workspace_endpoints = {trusted}\n"
        + ('trusted_workspaces = ["HERE"]' if is_allowed else ""),
    )
    resolved = resolved_in(tmp_path_factory.mktemp("case"), case)

    sent_to = origin_of(resolved.settings.base_url or OPENAI_BASE_URL)
    own_url = option_url or env_url or OPENAI_BASE_URL
    if resolved.api_key == Secret("mine"):
        assert own_url != "no url"
        assert sent_to == origin_of(own_url)
    if resolved.api_key == Secret("theirs"):
        assert dotenv_url != "no url"
        assert is_allowed or sent_to in map(origin_of, trusted)
        assert sent_to == origin_of(dotenv_url or OPENAI_BASE_URL)
    if resolved.settings.base_url not in {None, env_url, option_url}:
        assert any(covers(url, resolved.settings.base_url) for url in trusted)


def test_each_setting_that_a_workspace_may_not_choose_is_refused_with_its_reason() -> None:
    """None of them may break the reading of all others."""
    fitting: dict[str, object] = {
        "inlineCompletion": "automatic",
        "completionModel": "theirs",
        "completionBaseUrl": THEIRS,
        "budgetPerDay": 1000,
    }
    resolved = resolve(SettingsSources(workspace_configuration=fitting))
    refused = [problem.partition("`")[2].partition("`")[0] for problem in resolved.problems]
    assert refused == list(fitting)
    assert resolved.settings == Settings()


def test_there_is_a_reason_for_every_setting_of_the_users_own() -> None:
    own = {name for name, spec in SPECS.items() if spec.scope is Scope.USER}
    assert own == _REASONS.keys()
