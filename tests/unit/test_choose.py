"""Which provider is taken for what the user set, why, and what is said when none can be."""

import subprocess
import sys
from dataclasses import replace
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Literal

import pytest

from streaming_code_generator.errors import ConfigurationError
from streaming_code_generator.providers.choose import ProviderChoice, choose_provider
from streaming_code_generator.providers.embedded.catalogue import Installation
from streaming_code_generator.settings import Secret
from streaming_code_generator.settings.endpoints import is_openai

LOCAL = "http://127.0.0.1:8080/v1"
WITH_BINDING = Installation(find_spec=lambda name: ModuleSpec(name, None))


@pytest.fixture
def gguf(tmp_path: Path) -> str:
    path = tmp_path / "own.gguf"
    path.write_bytes(b"GGUF")
    return str(path)


def test_auto_takes_the_endpoint_when_a_base_url_is_set() -> None:
    choice = ProviderChoice(base_url=LOCAL, base_url_origin="environment", model="m")
    taken = choose_provider(choice).description
    assert (taken.name, taken.model) == ("openai", "m")
    assert taken.reason == "a base URL is set (environment)"
    assert "127.0.0.1:8080" in taken.endpoint


def test_auto_takes_openai_when_only_a_key_is_set() -> None:
    choice = ProviderChoice(api_key=Secret("sk-secret"), api_key_origin="environment")
    taken = choose_provider(choice).description
    assert taken.name == "openai"
    assert taken.reason == "an API key is set (environment)"
    assert "api.openai.com" in taken.endpoint


def test_auto_takes_the_embedded_model_when_neither_is_set(gguf: str) -> None:
    taken = choose_provider(ProviderChoice(model_path=gguf), installation=WITH_BINDING).description
    assert (taken.name, taken.model) == ("embedded", "own")
    assert taken.reason == "no API key and no base URL is set"


def test_embedded_is_taken_in_spite_of_a_key_when_asked_for(gguf: str) -> None:
    choice = ProviderChoice(
        provider="embedded", provider_origin="command line", api_key=Secret("sk-1"), model_path=gguf
    )
    taken = choose_provider(choice, installation=WITH_BINDING).description
    assert taken.name == "embedded"
    assert taken.reason == "`provider` is set to `embedded` (command line)"


def test_openai_without_a_key_says_where_to_set_one() -> None:
    with pytest.raises(ConfigurationError, match=r"No API key for .*set `MY_KEY` in the environ"):
        choose_provider(ProviderChoice(provider="openai", api_key_env="MY_KEY"))


def test_own_endpoint_needs_no_key() -> None:
    choice = ProviderChoice(provider="openai", base_url=LOCAL, model="m")
    assert choose_provider(choice).description.name == "openai"


def test_own_endpoint_needs_a_model() -> None:
    with pytest.raises(ConfigurationError, match="set `model` to one it serves"):
        choose_provider(ProviderChoice(base_url=LOCAL))


@pytest.mark.parametrize(
    "url", ["ftp://host/v1", "host:80", "http://[::1", "http://u:secret@host/v1", "http://h:x/v1"]
)
def test_unusable_base_url_is_refused_without_repeating_it(url: str) -> None:
    choice = ProviderChoice(base_url=url, base_url_origin="config.toml", model="m")
    with pytest.raises(ConfigurationError, match=r"The base URL \(config\.toml\) ") as caught:
        choose_provider(choice)
    assert "secret" not in caught.value.message


def test_unknown_embedded_model_is_reported_as_such() -> None:
    with pytest.raises(ConfigurationError, match="No embedded model is called `gpt`"):
        choose_provider(ProviderChoice(embedded_model="gpt"))


@pytest.mark.parametrize("provider", ["auto", "embedded"])
def test_no_model_at_all_names_the_one_command(
    tmp_path: Path, provider: Literal["auto", "embedded"]
) -> None:
    nothing = Installation(folder=tmp_path, find_spec=lambda _name: None)
    with pytest.raises(
        ConfigurationError, match="Run `streaming-code-generator model install smollm2`"
    ):
        choose_provider(ProviderChoice(provider=provider), installation=nothing)


def test_no_model_at_all_names_the_other_ways_too(tmp_path: Path) -> None:
    nothing = Installation(folder=tmp_path, find_spec=lambda _name: None)
    with pytest.raises(ConfigurationError, match="set `OPENAI_API_KEY` or `baseUrl`"):
        choose_provider(ProviderChoice(), installation=nothing)


def test_key_is_not_shown() -> None:
    assert "sk-secret" not in repr(ProviderChoice(api_key=Secret("sk-secret")))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.openai.com/v1", True),
        ("https://api.openai.com.evil.example/v1", False),
        ("http://api.openai.com/v1", False),
        (LOCAL, False),
    ],
)
def test_openai_is_known_by_its_whole_origin(url: str, *, expected: bool) -> None:
    assert is_openai(url) is expected


def test_choosing_loads_neither_the_sdk_nor_the_binding() -> None:
    code = (
        "import sys; import streaming_code_generator.providers.choose; "
        "sys.exit(bool({'openai', 'httpx2', 'xllamacpp'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == 0


@pytest.mark.parametrize("url", ["http://llm.example/v1", "http://192.168.1.2:8000/v1"])
def test_endpoint_that_is_not_encrypted_is_used_only_if_allowed(url: str) -> None:
    choice = ProviderChoice(base_url=url, model="m")
    with pytest.raises(ConfigurationError, match="`allowPlainHttp`"):
        choose_provider(choice)
    allowed = choose_provider(replace(choice, allow_plain_http=True))
    assert allowed.description.endpoint == url


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/v1", "http://localhost/v1", "http://[::1]/v1"])
def test_endpoint_on_this_machine_needs_no_encryption(url: str) -> None:
    assert choose_provider(ProviderChoice(base_url=url, model="m")).description.endpoint == url
