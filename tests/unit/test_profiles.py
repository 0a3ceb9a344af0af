"""A profile is chosen by a request, and what is set for one endpoint does not follow to another."""

from collections.abc import Mapping

import pytest

from streaming_code_generator.errors import ConfigurationError
from streaming_code_generator.providers.choose import ProviderChoice, provider_choice
from streaming_code_generator.settings import (
    ModelSelection,
    ResolvedSettings,
    Secret,
    SettingsSources,
    resolve,
)

MINE = "https://mine.example/v1"
OTHER = "https://other.example/v1"
ENVIRONMENT = {"OPENAI_API_KEY": "mine", "OTHER_KEY": "other"}


def resolved_with(profile: Mapping[str, object], **options: object) -> ResolvedSettings:
    mine = {"baseUrl": MINE, "model": "m", "extraHeaders": {"X-Key": "header"}}
    return resolve(
        SettingsSources(
            environment=ENVIRONMENT,
            initialization_options={**mine, "profiles": {"it": profile}, **options},
        )
    )


def chosen(resolved: ResolvedSettings, **selection: str) -> ProviderChoice:
    asked = ModelSelection(profile="it", **selection)  # type: ignore[arg-type]  # names of fields
    return provider_choice(resolved.for_request(asked))


def test_a_profile_goes_before_all_other_settings() -> None:
    resolved = resolved_with({"temperature": 0.5, "maxOutputTokens": 9}, temperature=1)
    settings = resolved.for_request(ModelSelection(profile="it")).settings

    assert resolved.problems == ()
    assert (settings.temperature, settings.max_output_tokens) == (0.5, 9)
    assert resolved.settings.temperature == 1
    assert settings.model == "m"


def test_names_may_be_spelled_as_in_the_users_file() -> None:
    resolved = resolved_with({"max_output_tokens": 9})
    assert resolved.profiles["it"].settings.max_output_tokens == 9


def test_the_same_endpoint_keeps_its_key_and_headers() -> None:
    choice = chosen(resolved_with({"model": "small"}))

    assert (choice.base_url, choice.model, choice.api_key) == (MINE, "small", Secret("mine"))
    assert choice.extra_headers == (("X-Key", Secret("header")),)


def test_another_endpoint_gets_nothing_that_is_set_for_the_first() -> None:
    choice = chosen(resolved_with({"baseUrl": OTHER}, apiKeyCommand=["print-key"]))

    assert (choice.provider, choice.base_url, choice.model) == ("auto", OTHER, None)
    assert (choice.api_key, choice.api_key_command, choice.extra_headers) == (None, (), ())


def test_another_endpoint_gets_the_key_that_the_profile_names() -> None:
    profile = {"baseUrl": OTHER, "apiKeyEnv": "OTHER_KEY", "extraHeaders": {"X-Other": "a"}}
    resolved = resolved_with(profile)
    choice = chosen(resolved)

    assert choice.api_key == Secret("other")
    assert choice.extra_headers == (("X-Other", Secret("a")),)
    assert {"mine", "other", "header", "a"} == {each.reveal() for each in resolved.secrets}
    assert "other" not in repr(resolved.settings)


def test_another_endpoint_gets_the_key_of_the_profiles_command() -> None:
    choice = chosen(resolved_with({"baseUrl": OTHER, "apiKeyCommand": ["print-key"]}))
    assert (choice.api_key, choice.api_key_command) == (None, ("print-key",))


def test_the_editors_key_does_not_go_to_another_endpoint() -> None:
    assert chosen(resolved_with({"baseUrl": OTHER}, apiKey="stored")).api_key is None
    stored_for_it = resolved_with({"baseUrl": OTHER}, apiKey="stored", apiKeyOrigin=OTHER)
    assert chosen(stored_for_it).api_key == Secret("stored")


def test_an_embedded_model_in_a_profile_means_the_embedded_provider() -> None:
    assert chosen(resolved_with({"embeddedModel": "smollm2"})).provider == "embedded"


@pytest.mark.parametrize(
    "profile",
    [{"baseUrl": "ftp://canary"}, {"provider": "opnai"}, {"chunkSize": "x"}, {"profiles": {}}],
)
def test_a_profile_with_a_slip_is_not_used_at_all(profile: dict[str, object]) -> None:
    resolved = resolved_with(profile)

    assert "`it` cannot be used" in resolved.problems[-1]
    assert "canary" not in " ".join(resolved.problems)
    with pytest.raises(ConfigurationError, match="No profile `it` can be used"):
        resolved.for_request(ModelSelection(profile="it"))


@pytest.mark.parametrize("profiles", ["text", {"it": 1}, {"": {}}, [1], {"it": [1]}])
def test_what_are_no_profiles_is_refused(profiles: object) -> None:
    resolved = resolve(SettingsSources(initialization_options={"profiles": profiles}))

    (problem,) = resolved.problems
    assert "`profiles`" in problem
    assert resolved.profiles == {}


def test_a_workspace_brings_no_profiles() -> None:
    theirs = {"profiles": {"it": {"baseUrl": OTHER}}}
    resolved = resolve(SettingsSources(workspace_configuration=theirs))

    assert resolved.profiles == {}
    assert "may not choose where" in resolved.problems[0]


def test_a_request_may_choose_model_and_provider() -> None:
    resolved = resolved_with({"model": "small"})

    assert chosen(resolved, model="large").model == "large"
    embedded = chosen(resolved, provider="embedded", model="smollm2")
    assert (embedded.provider, embedded.embedded_model) == ("embedded", "smollm2")
    assert embedded.provider_origin == "the request"


def test_the_command_line_goes_before_a_profile() -> None:
    resolved = resolve(
        SettingsSources(
            environment=ENVIRONMENT,
            initialization_options={"profiles": {"it": {"baseUrl": OTHER, "model": "a"}}},
            command_line={"model": "b"},
        )
    )
    assert chosen(resolved).model == "b"
