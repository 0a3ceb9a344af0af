"""A command that prints the key: the user's own, without a shell, late, once, and never shown."""

import asyncio
import sys
from pathlib import Path

import pytest

from streaming_code_generator.errors import ConfigurationError
from streaming_code_generator.providers.choose import choose_provider, provider_choice
from streaming_code_generator.providers.openai.openai_provider import OpenAIProvider
from streaming_code_generator.providers.openai.sdk import key_from_command
from streaming_code_generator.settings import ResolvedSettings, Secret, SettingsSources, resolve
from streaming_code_generator.testing.openai_replies import answer
from streaming_code_generator.testing.openai_server import OpenAIServer
from support.generations import result_of

KEY = "canary-key-0123456789"


def python(program: str) -> tuple[str, ...]:
    return sys.executable, "-c", program


def noting(runs: Path, printed: str = KEY) -> tuple[str, ...]:
    """Return a command that prints the key, and notes each time that it runs."""
    return python(f"open({str(runs)!r}, 'a').write('x'); print({printed!r})")


def test_first_line_is_the_key() -> None:
    assert key_from_command(python(f"print('{KEY} '); print('more')")) == Secret(KEY)


def test_command_is_run_by_the_first_request_and_only_once(tmp_path: Path) -> None:
    runs = tmp_path / "runs"

    async def generate() -> None:
        async with OpenAIServer(answer("a")) as server:
            for _ in range(2):
                provider = OpenAIProvider(
                    api_key=None,
                    api_key_command=noting(runs),
                    base_url=server.base_url,
                    model="m",
                )
                await provider.warm_up()
                assert server.requests or not runs.exists()
                await result_of(provider)
                await provider.aclose()
            assert {r.headers["authorization"] for r in server.requests} == {f"Bearer {KEY}"}

    asyncio.run(generate())
    assert runs.read_text() == "x"


def test_failure_is_not_remembered(tmp_path: Path) -> None:
    unlocked = tmp_path / "unlocked"
    program = f"import os; print({KEY!r}); exit(not os.path.exists({str(unlocked)!r}))"
    command = python(program)
    with pytest.raises(ConfigurationError):
        key_from_command(command)
    unlocked.touch()

    assert key_from_command(command) == Secret(KEY)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (python(f"print({KEY!r}); raise SystemExit(3)"), "ended with exit code 3"),
        (python("pass"), "printed nothing"),
        (("no-such-program-anywhere", KEY), "was not found"),
        (python(f"print('\\u201c{KEY}')"), "cannot be sent"),
    ],
    ids=["fails", "prints nothing", "is missing", "prints no key"],
)
def test_command_that_brings_no_key_is_said_to_without_showing_anything(
    command: tuple[str, ...], told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told) as caught:
        key_from_command(command)
    assert KEY not in caught.value.message


def test_no_shell_takes_part() -> None:
    program = "import sys; print(sys.argv[1])"
    assert key_from_command((*python(program), "$HOME;`id`")) == Secret("$HOME;`id`")


def with_command(**more: object) -> ResolvedSettings:
    options = {"apiKeyCommand": list(python("x")), "model": "m", **more}
    return resolve(
        SettingsSources(environment={"OPENAI_API_KEY": "other"}, initialization_options=options)
    )


def test_command_goes_before_a_key_of_the_environment_and_means_an_endpoint() -> None:
    resolved = with_command()

    assert resolved.api_key is None
    assert resolved.api_key_command == python("x")
    assert choose_provider(provider_choice(resolved)).description.name == "openai"


def test_key_of_the_clients_own_store_goes_before_the_command() -> None:
    resolved = with_command(apiKey="stored")

    assert resolved.api_key == Secret("stored")
    assert resolved.api_key_command == ()


def test_command_is_not_run_for_an_endpoint_that_a_workspace_chose(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        'api_key_command = ["pass"]\ntrusted_workspace_endpoints = ["https://theirs.example"]\n'
    )
    resolved = resolve(
        SettingsSources(
            user_file=tmp_path / "config.toml",
            workspace_configuration={"baseUrl": "https://theirs.example/v1"},
        )
    )

    assert resolved.settings.base_url == "https://theirs.example/v1"
    assert resolved.api_key_command == ()


@pytest.mark.parametrize("value", ["pass show key", ["pass", 1], [""], {"pass": 1}])
def test_command_is_a_list_of_texts(value: object) -> None:
    resolved = resolve(SettingsSources(initialization_options={"apiKeyCommand": value}))

    assert resolved.settings.api_key_command == ()
    assert "`apiKeyCommand`" in resolved.problems[0]
