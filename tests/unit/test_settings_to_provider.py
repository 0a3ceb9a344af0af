"""What the provider and the generator are told of the settings."""

from streaming_code_generator.core.engine.from_settings import generation_policy
from streaming_code_generator.providers.choose import provider_choice
from streaming_code_generator.settings import Secret, Settings, SettingsSources, resolve


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
