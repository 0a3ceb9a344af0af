"""Where settings are read from, which of them wins, and what is said of unusable ones."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming_code_generator.settings import (
    SPECS,
    ResolvedSettings,
    Secret,
    Settings,
    SettingsSources,
    Source,
    resolve,
)
from streaming_code_generator.settings.endpoints import is_loopback_host

PREFIX = "STREAMING_CODE_GENERATOR_"


def user_file(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def from_client(options: object) -> ResolvedSettings:
    return resolve(SettingsSources(initialization_options=options))


def from_environment(**variables: str) -> ResolvedSettings:
    return resolve(SettingsSources(environment=variables))


def test_without_any_source_the_defaults_hold() -> None:
    resolved = resolve(SettingsSources())

    assert resolved.settings == Settings()
    assert resolved.problems == ()
    assert resolved.api_key is None
    assert {origin.source for origin in resolved.origins.values()} == {Source.DEFAULT}


def test_each_source_wins_over_the_ones_before_it(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"{PREFIX}MODEL=from-dotenv\n", encoding="utf-8")
    layers: list[tuple[str, object, Source]] = [
        ("user_file", user_file(tmp_path, 'model = "from-file"'), Source.USER_FILE),
        ("workspace_root", tmp_path, Source.DOTENV),
        ("environment", {f"{PREFIX}MODEL": "from-environment"}, Source.ENVIRONMENT),
        ("initialization_options", {"model": "from-options"}, Source.INITIALIZATION),
        ("workspace_configuration", {"model": "from-configuration"}, Source.CONFIGURATION),
        ("command_line", {"model": "from-command-line"}, Source.COMMAND_LINE),
    ]
    given_so_far: dict[str, Any] = {}
    for name, value, source in layers:
        given_so_far[name] = value
        resolved = resolve(SettingsSources(**given_so_far))
        assert resolved.origins["model"].source is source
        assert resolved.settings.model is not None
        assert resolved.settings.model.startswith("from-")


def test_origin_names_the_variable_or_the_file(tmp_path: Path) -> None:
    path = user_file(tmp_path, "chunk_size = 10")
    resolved = resolve(SettingsSources(user_file=path, environment={f"{PREFIX}MAX_RETRIES": "1"}))

    assert str(resolved.origins["chunk_size"]) == f"user configuration file: {path}"
    assert str(resolved.origins["max_retries"]) == f"environment: {PREFIX}MAX_RETRIES"
    assert str(resolved.origins["model"]) == "default"


@pytest.mark.parametrize(
    "options",
    [
        {"model": "m"},
        {"streamingCodeGenerator": {"model": "m"}},
        {"model": "other", "streamingCodeGenerator": {"model": "m"}},
    ],
    ids=["flat", "under the section", "both"],
)
def test_client_may_send_options_flat_or_under_the_section(options: object) -> None:
    resolved = from_client(options)

    assert resolved.settings.model == "m"
    assert resolved.problems == ()


@pytest.mark.parametrize("options", [None, {}, {"streamingCodeGenerator": None}, {"model": None}])
def test_absent_options_are_no_problem(options: object) -> None:
    assert from_client(options).settings == Settings()
    assert from_client(options).problems == ()


@pytest.mark.parametrize("options", ["model=x", 5, ["model"], True])
def test_options_that_are_no_object_are_named(options: object) -> None:
    (problem,) = from_client(options).problems

    assert "initializationOptions" in problem


@pytest.mark.parametrize("unset", [None, ""])
def test_null_and_empty_text_leave_a_setting_to_the_source_below(unset: object) -> None:
    resolved = resolve(
        SettingsSources(
            environment={f"{PREFIX}MODEL": "m", f"{PREFIX}BASE_URL": "http://127.0.0.1:1/v1"},
            workspace_configuration={"model": unset, "baseUrl": unset},
        )
    )

    assert resolved.settings.model == "m"
    assert resolved.settings.base_url == "http://127.0.0.1:1/v1"
    assert resolved.problems == ()


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("temprature", "temperature"),
        ("max_retries", "maxRetries"),
        ("TimeoutSecond", "timeoutSeconds"),
    ],
)
def test_unknown_option_is_named_with_the_one_probably_meant(wrong: str, meant: str) -> None:
    resolved = from_client({wrong: 1, "chunkSize": 7})

    (problem,) = resolved.problems
    assert f"`{wrong}`" in problem
    assert f"Did you mean `{meant}`?" in problem
    assert resolved.settings.chunk_size == 7


def test_unknown_variable_and_unknown_file_key_are_named(tmp_path: Path) -> None:
    resolved = resolve(
        SettingsSources(
            user_file=user_file(tmp_path, "timeout = 5"),
            environment={f"{PREFIX}TIMEOUT_SECOND": "5"},
        )
    )

    in_file, in_environment = resolved.problems
    assert "`timeout`" in in_file
    assert f"Did you mean `{PREFIX}TIMEOUT_SECONDS`?" in in_environment


def test_key_among_the_editors_settings_is_refused_without_being_repeated() -> None:
    resolved = resolve(SettingsSources(workspace_configuration={"apiKey": "sk-verysecret"}))

    (problem,) = resolved.problems
    assert "keys are never settings" in problem
    assert "verysecret" not in problem
    assert resolved.api_key is None


def test_key_from_the_clients_secret_store_is_bound_to_the_users_own_endpoint() -> None:
    own = {"apiKey": "secret", "baseUrl": "https://own.example/v1"}
    theirs = {"baseUrl": "https://theirs.example/v1"}

    resolved = resolve(SettingsSources(initialization_options=own, workspace_configuration=theirs))

    assert resolved.settings.base_url == "https://own.example/v1"
    assert resolved.api_key is not None
    assert resolved.api_key.reveal() == "secret"
    assert "secret" not in repr(resolved)


def test_key_that_the_client_stored_for_another_host_is_not_sent_to_the_files() -> None:
    resolved = resolve(
        SettingsSources(
            environment={"OPENAI_BASE_URL": "https://own.example/v1"},
            initialization_options={"apiKey": "secret", "apiKeyOrigin": "https://api.openai.com"},
        )
    )

    assert resolved.settings.base_url == "https://own.example/v1"
    assert resolved.api_key is None
    assert "given for https://api.openai.com" in " ".join(resolved.problems)


@pytest.mark.parametrize("origin", ["http://[bad", "https://host:port", "no address"])
def test_key_stored_for_something_unreadable_is_sent_nowhere(origin: str) -> None:
    resolved = from_client({"apiKey": "secret", "apiKeyOrigin": origin})

    assert resolved.api_key is None
    assert "is not used" in " ".join(resolved.problems)


@pytest.mark.parametrize("name", ["api_key", "openaiApiKey"])
def test_key_among_the_settings_is_refused_without_being_repeated(name: str) -> None:
    resolved = from_client({name: "sk-verysecret"})

    (problem,) = resolved.problems
    assert "keys are never settings" in problem
    assert "OPENAI_API_KEY" in problem
    assert "verysecret" not in problem
    assert resolved.api_key is None


@pytest.mark.parametrize(
    ("option", "raw"),
    [
        ("maxRetries", True),
        ("maxRetries", -1),
        ("maxRetries", 11),
        ("maxRetries", 1.5),
        ("maxRetries", "three"),
        ("timeoutSeconds", 0),
        ("timeoutSeconds", float("nan")),
        ("timeoutSeconds", float("inf")),
        ("timeoutSeconds", "60"),
        ("temperature", 2.1),
        ("temperature", [1]),
        ("edits", "sometimes"),
        ("edits", True),
        ("insertExplanation", True),
        ("insertExplanation", 0),
        ("provider", {}),
        ("model", 4),
        ("modelPath", "relative/model.gguf"),
        ("logLevel", "loud"),
    ],
)
def test_ill_typed_value_is_named_and_the_rest_still_works(option: str, raw: object) -> None:
    resolved = from_client({option: raw, "chunkSize": 7})

    (problem,) = resolved.problems
    assert f"`{option}`" in problem
    assert "initializationOptions" in problem
    assert "must be" in problem
    assert resolved.settings.chunk_size == 7


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("MAX_RETRIES", " 2 ", "max_retries", 2),
        ("TIMEOUT_SECONDS", "1.5", "timeout_seconds", 1.5),
        ("TEMPERATURE", "0", "temperature", 0.0),
        ("EDITS", "LINES", "edits", "lines"),
        ("INSERT_EXPLANATION", "false", "insert_explanation", False),
        ("INSERT_EXPLANATION", "comment", "insert_explanation", "comment"),
        ("BASE_URL", "http://127.0.0.1:8080/v1/", "base_url", "http://127.0.0.1:8080/v1"),
        (
            "TRUSTED_WORKSPACE_ENDPOINTS",
            "https://a.example, http://b.example/v1",
            "trusted_workspace_endpoints",
            ("https://a.example", "http://b.example/v1"),
        ),
    ],
)
def test_variables_are_parsed_to_their_types(
    variable: str, text: str, field: str, value: object
) -> None:
    resolved = from_environment(**{PREFIX + variable: text})

    assert getattr(resolved.settings, field) == value
    assert resolved.problems == ()


def test_whole_numbers_may_come_as_floats_from_clients_that_know_no_others() -> None:
    retries = from_client({"maxRetries": 2.0}).settings.max_retries

    assert retries == 2
    assert isinstance(retries, int)


def test_explanation_may_be_switched_off_by_json_false() -> None:
    resolved = resolve(
        SettingsSources(
            initialization_options={"insertExplanation": "comment"},
            workspace_configuration={"insertExplanation": False},
        )
    )

    assert resolved.settings.insert_explanation is False


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/v1",
        "127.0.0.1:8080",
        "http://",
        "http://user:hunter2@host/v1",
        "http://hunter2@host/v1",
        "https://api.openai.com\\@hunter2.example/v1",
        "http://host/v1?key=hunter2",
        "http://host/v1?api-version=2024&key=hunter2",
        "http://host/#hunter2",
        "http://host:hunter2/v1",
        "http://host/a/../hunter2",
        "http://host/a/%2E%2e/hunter2",
        "http://[::1/hunter2",
        "http://ho st/hunter2",
        "http://host\n/hunter2",
    ],
)
def test_unusable_base_url_is_refused_without_being_repeated(url: str) -> None:
    resolved = from_client({"baseUrl": url})

    (problem,) = resolved.problems
    assert "`baseUrl`" in problem
    assert "http or https URL" in problem
    assert "hunter2" not in problem
    assert resolved.settings.base_url is None


def test_key_in_place_of_a_variables_name_is_not_repeated() -> None:
    (problem,) = from_environment(**{f"{PREFIX}API_KEY_ENV": "sk-verysecret"}).problems

    assert "name of an environment variable" in problem
    assert "verysecret" not in problem


def test_sdk_variables_mean_what_they_mean_to_the_sdk() -> None:
    resolved = from_environment(OPENAI_API_KEY="k", OPENAI_BASE_URL="http://127.0.0.1:1/v1")

    assert resolved.api_key == Secret("k")
    assert resolved.settings.base_url == "http://127.0.0.1:1/v1"
    assert str(resolved.origins["base_url"]) == "environment: OPENAI_BASE_URL"


def test_own_variable_goes_before_the_sdks() -> None:
    resolved = from_environment(
        OPENAI_BASE_URL="http://127.0.0.1:1/v1",
        **{f"{PREFIX}BASE_URL": "http://127.0.0.1:2/v1"},
    )

    assert resolved.settings.base_url == "http://127.0.0.1:2/v1"


def test_key_is_read_from_the_variable_that_is_named() -> None:
    resolved = from_environment(
        OPENAI_API_KEY="other", MINE="mine", **{f"{PREFIX}API_KEY_ENV": "MINE"}
    )

    assert resolved.api_key == Secret("mine")
    assert str(resolved.api_key_origin) == "environment: MINE"


def test_empty_key_counts_as_none() -> None:
    assert from_environment(OPENAI_API_KEY="  ").api_key is None


def test_mistyped_provider_keeps_the_code_at_home() -> None:
    resolved = from_environment(OPENAI_API_KEY="k", **{f"{PREFIX}PROVIDER": "embeded"})

    (problem,) = resolved.problems
    assert "`embeded`" in problem
    assert resolved.settings.provider == "embedded"


@pytest.mark.parametrize(
    "text", ["model = ", "model = sk-verysecret", b"\xff\xfe".decode("latin-1")]
)
def test_broken_file_is_named_and_not_quoted(tmp_path: Path, text: str) -> None:
    path = user_file(tmp_path, text)
    resolved = resolve(SettingsSources(user_file=path))

    (problem,) = resolved.problems
    assert str(path) in problem
    assert "verysecret" not in problem
    assert resolved.settings == Settings()


def test_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xff\xfe\x00")

    (problem,) = resolve(SettingsSources(user_file=path)).problems

    assert "UTF-8" in problem


def test_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xef\xbb\xbfchunk_size = 9\r\n")

    assert resolve(SettingsSources(user_file=path)).settings.chunk_size == 9


def test_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = user_file(tmp_path, "#" * 1_000_001)

    (problem,) = resolve(SettingsSources(user_file=path)).problems

    assert "larger" in problem


def test_values_toml_knows_and_json_does_not_are_named(tmp_path: Path) -> None:
    path = user_file(tmp_path, "max_retries = 2026-11-22")

    (problem,) = resolve(SettingsSources(user_file=path)).problems

    assert "2026-11-22" in problem


def test_sources_and_resolved_settings_do_not_print_keys() -> None:
    sources = SettingsSources(
        environment={"OPENAI_API_KEY": "verysecret"},
        initialization_options={"apiKey": "verysecret"},
    )

    assert "verysecret" not in repr(sources)
    assert "verysecret" not in repr(resolve(sources))


def test_every_setting_can_come_from_every_kind_of_source() -> None:
    for spec in SPECS.values():
        assert spec.camel_name.isalnum()
        assert spec.variable == PREFIX + spec.name.upper()
        assert spec.description.endswith(".")


def test_defaults_are_values_that_would_be_accepted() -> None:
    for spec in SPECS.values():
        if spec.default is not None:
            assert spec.kind.parse(spec.default) == spec.default


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
NAMES = st.sampled_from([spec.camel_name for spec in SPECS.values()]) | st.text(max_size=10)


@given(options=st.dictionaries(NAMES, JSON, max_size=5) | JSON)
def test_no_options_make_resolving_fail(options: object) -> None:
    """Whatever a client sends, each value is in force, unset, or named in a problem."""
    resolved = from_client(options)

    for name, origin in resolved.origins.items():
        is_default = getattr(resolved.settings, name) == SPECS[name].default
        assert is_default or origin.source is Source.INITIALIZATION


@given(text=st.text(max_size=40))
def test_no_variable_makes_resolving_fail(text: str) -> None:
    variables = {spec.variable: text for spec in SPECS.values()}

    assert isinstance(from_environment(**variables).settings, Settings)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("127.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example", False),
        ("0.0.0.0", False),  # noqa: S104 - only a name here
        ("", False),
    ],
)
def test_only_an_address_of_this_machine_counts_as_loopback(host: str, *, expected: bool) -> None:
    assert is_loopback_host(host) is expected
