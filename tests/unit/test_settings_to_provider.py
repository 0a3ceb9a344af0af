"""What the provider and the generator are told of the settings."""

import json
from pathlib import Path

import pytest

from streaming_code_generator.core.engine.generator import generation_policy
from streaming_code_generator.core.messages import ProviderDescription
from streaming_code_generator.providers.choose import (
    completes,
    completion_choice,
    completion_request,
    provider_choice,
)
from streaming_code_generator.providers.openai.sdk import Network
from streaming_code_generator.settings import (
    ModelSelection,
    ResolvedSettings,
    Secret,
    Settings,
    SettingsSources,
    resolve,
)


def test_choice_says_where_what_decides_comes_from() -> None:
    choice = provider_choice(
        resolve(
            SettingsSources(
                environment={"OPENAI_API_KEY": "k"},
                initialization_options={"baseUrl": "http://127.0.0.1:1/v1", "model": "m"},
            )
        )
    )

    assert choice.api_key == Secret("k")
    assert choice.api_key_origin == "environment: OPENAI_API_KEY"
    assert choice.base_url_origin == "initializationOptions"
    assert choice.provider_origin == "default"
    assert choice.model == "m"


def test_auto_leaves_the_dialect_to_the_provider() -> None:
    choice = provider_choice(resolve(SettingsSources()))

    assert choice.token_limit_field is None
    assert choice.system_role is None
    assert choice.api_key is None


def test_policy_holds_deadlines_retries_and_chunk_size() -> None:
    policy = generation_policy(
        Settings(
            timeout_seconds=1,
            first_chunk_timeout_seconds=2,
            stall_timeout_seconds=3,
            max_retries=4,
            chunk_size=5,
        )
    )

    assert policy.timeout_s == 1
    assert policy.first_chunk_timeout_s == 2
    assert policy.stall_timeout_s == 3
    assert policy.max_retries == 4
    assert policy.chunk_size == 5


MINE = "https://mine.example/v1"
EXTRA = {"extraBody": {"top_k": 4, "seed": 1}, "extraHeaders": {"X-Team": "canary"}}


def test_what_is_extra_reaches_the_users_own_endpoint() -> None:
    options = EXTRA | {"baseUrl": "http://127.0.0.1:1/v1", "model": "m"}
    resolved = resolve(SettingsSources(initialization_options=options))
    choice = provider_choice(resolved)

    assert json.loads(choice.extra_body or "") == EXTRA["extraBody"]
    assert choice.extra_headers == (("X-Team", Secret("canary")),)
    assert resolved.secrets == (Secret("canary"),)
    assert "canary" not in repr(resolved)
    assert hash(choice) == hash(provider_choice(resolved))


def test_what_is_extra_reaches_no_endpoint_that_a_workspace_chose(tmp_path: Path) -> None:
    user_file = tmp_path / "config.toml"
    user_file.write_text("""
        trusted_workspace_endpoints = ["https://theirs.example"]
        extra_body = {seed = 1}
        extra_headers = {X-Team = "canary"}
    """)
    theirs = {"baseUrl": "https://theirs.example/v1", "model": "m"}
    sources = SettingsSources(user_file=user_file, workspace_configuration=theirs)
    choice = provider_choice(resolve(sources))

    assert choice.base_url == "https://theirs.example/v1"
    assert (choice.extra_body, choice.extra_headers) == (None, ())


def test_workspace_chooses_nothing_extra() -> None:
    resolved = resolve(SettingsSources(workspace_configuration=EXTRA))

    assert (resolved.settings.extra_body, resolved.settings.extra_headers) == (None, ())
    assert len(resolved.problems) == 2
    assert "canary" not in " ".join(resolved.problems)


@pytest.mark.parametrize(
    "options",
    [
        {"extraBody": "text"},
        {"extraBody": {"messages": []}},
        {"extraBody": {"stream": False}},
        {"extraHeaders": {"X-A": "canary\n"}},
        {"extraHeaders": {"X A": "canary"}},
        {"extraHeaders": {"Host": "canary"}},
        {"extraHeaders": {"X-A": 1}},
        {"extraHeaders": ["X-A"]},
        {"reasoningEffort": "canary-much"},
    ],
)
def test_what_cannot_be_sent_is_refused(options: dict[str, object]) -> None:
    resolved = resolve(SettingsSources(initialization_options=options))

    assert (resolved.settings.extra_body, resolved.settings.extra_headers) == (None, ())
    assert resolved.settings.reasoning_effort is None
    (problem,) = resolved.problems
    assert "reasoningEffort" in problem or "canary" not in problem


def test_environment_spells_what_is_extra_as_json() -> None:
    prefix = "STREAMING_CODE_GENERATOR_"
    environment = {
        f"{prefix}EXTRA_BODY": '{"seed": 1}',
        f"{prefix}EXTRA_HEADERS": '{"X-Team": "a"}',
        f"{prefix}REASONING_EFFORT": "low",
    }
    settings = resolve(SettingsSources(environment=environment)).settings

    assert settings.extra_body == '{"seed": 1}'
    assert settings.extra_headers == (("X-Team", Secret("a")),)
    assert settings.reasoning_effort == "low"


def test_length_of_a_response_is_left_to_the_endpoint() -> None:
    assert completion_request(Settings(), ()).max_output_tokens is None


def options_resolved(**options: object) -> ResolvedSettings:
    environment = {"OPENAI_API_KEY": "k"}
    return resolve(SettingsSources(environment=environment, initialization_options=options))


def test_suggestions_come_from_where_generations_do() -> None:
    resolved = options_resolved(baseUrl="http://127.0.0.1:1/v1", model="m")
    assert completion_choice(resolved) == provider_choice(resolved)


def test_suggestions_may_have_a_model_of_their_own() -> None:
    choice = completion_choice(options_resolved(completionModel="small", model="m"))
    assert (choice.model, choice.api_key) == ("small", Secret("k"))


@pytest.mark.parametrize(
    ("url", "key"),
    [("http://127.0.0.1:1/other/v1", Secret("k")), ("http://127.0.0.1:2/v1", None)],
    ids=["the same origin", "another origin"],
)
def test_the_key_goes_to_no_other_endpoint_for_suggestions(url: str, key: Secret | None) -> None:
    choice = completion_choice(
        options_resolved(
            baseUrl="http://127.0.0.1:1/v1",
            completionBaseUrl=url,
            extraHeaders={"X-Key": "secret"},
        )
    )
    assert (choice.base_url, choice.api_key) == (url, key)
    assert bool(choice.extra_headers) == bool(key)


@pytest.mark.parametrize(
    ("name", "endpoint", "mode"),
    [
        ("embedded", "embedded llama.cpp, model.gguf", "automatic"),
        ("openai", "http://127.0.0.1:8080/v1", "automatic"),
        ("openai", "https://api.openai.com/v1", "off"),
    ],
)
def test_suggestions_come_by_themselves_where_they_cost_nothing(
    name: str, endpoint: str, mode: str
) -> None:
    provider = ProviderDescription(name=name, model="m", endpoint=endpoint, reason="")
    assert completes(options_resolved(), provider) == mode
    assert completes(options_resolved(inlineCompletion="invoked"), provider) == "invoked"


NETWORK = {
    "proxy": "http://me:canary@proxy.example:3128",
    "caBundle": "/etc/authority.pem",
    "clientCertificate": "/etc/me.pem",
    "clientKey": "/etc/me.key",
}


def test_network_reaches_the_provider_and_its_password_no_log() -> None:
    resolved = options_resolved(**NETWORK)
    network = provider_choice(resolved).network

    assert network.proxy is not None
    assert network.proxy.reveal() == NETWORK["proxy"]
    assert network.ca_bundle == Path("/etc/authority.pem")
    assert (network.client_certificate, network.client_key) == (
        Path("/etc/me.pem"),
        Path("/etc/me.key"),
    )
    assert Secret("canary") in resolved.secrets
    assert "canary" not in repr(resolved)


def test_client_certificate_is_shown_to_no_other_endpoint() -> None:
    profiles = {"profiles": {"it": {"baseUrl": "https://other.example/v1", "model": "m"}}}
    resolved = options_resolved(
        **NETWORK, **profiles, completionBaseUrl="https://other.example/v1", baseUrl=MINE
    )
    of_profile = resolved.for_request(ModelSelection(profile="it"))

    for choice in (completion_choice(resolved), provider_choice(of_profile)):
        assert choice.network.client_certificate is choice.network.client_key is None
        assert choice.network.ca_bundle is not None
    assert provider_choice(resolved).network.client_certificate is not None


@pytest.mark.parametrize(
    "proxy",
    ["proxy.example:3128", "socks5://canary@proxy", "http://canary@", "http://p/?canary", 1],
)
def test_what_is_no_proxy_is_refused(proxy: object) -> None:
    resolved = options_resolved(proxy=proxy)

    assert resolved.settings.proxy is None
    (problem,) = resolved.problems
    assert "`proxy`" in problem
    assert "canary" not in problem


def test_a_workspace_chooses_no_network() -> None:
    resolved = resolve(SettingsSources(workspace_configuration=NETWORK))

    assert provider_choice(resolved).network == Network()
    assert len(resolved.problems) == len(NETWORK)
