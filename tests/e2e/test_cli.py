"""The command line as a whole, and its smaller commands."""

import json
from pathlib import Path

import pytest

from streaming_code_generator.testing.openai_replies import answer
from streaming_code_generator.testing.openai_server import OpenAIServer
from support.command_line import CommandLine, call_on_terminal
from support.embedded import needs_model

KEY = "sk-verysecret-0123456789"


@pytest.fixture
def command_line(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path)


async def test_version_is_the_packages(command_line: CommandLine) -> None:
    ended = await command_line.call("--version")

    assert ended.exit_code == 0
    assert ended.out.startswith("streaming-code-generator ")


async def test_help_names_every_command(command_line: CommandLine) -> None:
    ended = await command_line.call("--help")

    for command in ("serve", "generate", "demo", "model", "doctor"):
        assert f"    {command} " in ended.out


@pytest.mark.parametrize("arguments", [(), ("nonsense",), ("generate",), ("model", "remove")])
async def test_unusable_arguments_are_one_usage_error(
    command_line: CommandLine, arguments: tuple[str, ...]
) -> None:
    ended = await command_line.call(*arguments)

    assert ended.exit_code == 2
    assert "usage:" in ended.err
    assert "Traceback" not in ended.err


async def test_server_on_a_terminal_says_what_it_is() -> None:
    ended = await call_on_terminal("serve")

    assert ended.exit_code == 2
    assert ended.out == ""
    assert "language server" in ended.err


async def test_listening_beyond_this_machine_is_warned_of(command_line: CommandLine) -> None:
    """The address is one that no machine has, so that nothing is opened."""
    ended = await command_line.call("serve", "--tcp", "192.0.2.1:9")

    assert ended.exit_code == 1
    assert ended.err.startswith("Note: whoever reaches 192.0.2.1:9 can use this server")


@pytest.mark.parametrize("address", ["2087", "host:", ":1", "host:port", "127.0.0.1:65536"])
async def test_address_that_is_none_is_refused(command_line: CommandLine, address: str) -> None:
    ended = await command_line.call("serve", "--tcp", address)

    assert ended.exit_code == 2
    assert "HOST:PORT" in ended.err


async def test_only_one_transport_can_be_chosen(command_line: CommandLine) -> None:
    ended = await command_line.call("serve", "--stdio", "--tcp", "127.0.0.1:0")

    assert ended.exit_code == 2


async def test_model_list_names_the_known_models(command_line: CommandLine) -> None:
    ended = await command_line.call("model", "list")

    assert ended.exit_code == 0
    assert "smollm2" in ended.out
    assert "qwen2.5-coder-0.5b" in ended.out


async def test_unknown_model_is_one_line(command_line: CommandLine) -> None:
    ended = await command_line.call("model", "install", "nonsense")

    assert ended.exit_code == 1
    assert len(ended.err.splitlines()) == 1
    assert "smollm2" in ended.err


async def test_settings_are_printed_for_the_editors_manifest(command_line: CommandLine) -> None:
    ended = await command_line.call("settings", "--format", "vscode")

    properties = json.loads(ended.out)
    assert properties["streamingCodeGenerator.baseUrl"]["scope"] == "machine"


async def test_doctor_says_where_each_value_comes_from(command_line: CommandLine) -> None:
    command_line.config_file.write_text("chunk_size = 99\n", encoding="utf-8")
    async with OpenAIServer() as server:
        base_url = server.base_url
        ended = await command_line.call(
            "doctor",
            "--model",
            "loopback-model",
            variables={
                "OPENAI_API_KEY": KEY,
                "OPENAI_BASE_URL": base_url,
                "STREAMING_CODE_GENERATOR_MAX_RETRIES": "many",
            },
        )

    assert ended.exit_code == 0
    assert f"chunkSize = 99 (user configuration file: {command_line.config_file})" in ended.out
    assert f"baseUrl = {base_url} (environment: OPENAI_BASE_URL)" in ended.out
    assert "timeoutSeconds = 60 (default)" in ended.out
    assert "key: set for http://127.0.0.1" in ended.out
    assert "note  `maxRetries`" in ended.out
    assert "serves `loopback-model`" in ended.out
    assert "verysecret" not in ended.out + ended.err


async def test_doctor_asks_an_endpoint_on_this_machine_past_the_proxy(
    command_line: CommandLine,
) -> None:
    # The proxy would see the key.
    async with OpenAIServer() as server, OpenAIServer() as proxy:
        address = proxy.base_url.removesuffix("/v1")
        ended = await command_line.call(
            "doctor",
            "--model",
            "loopback-model",
            variables={
                "OPENAI_API_KEY": KEY,
                "OPENAI_BASE_URL": server.base_url,
                **dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"), address),
                "NO_PROXY": "",
                "no_proxy": "",
            },
        )
        connections = proxy.connections_seen

    assert "serves `loopback-model`" in ended.out
    assert connections == 0


@pytest.mark.parametrize("command", [pytest.param("demo", marks=pytest.mark.slow), "generate"])
async def test_modules_in_the_working_directory_are_not_executed(
    tmp_path: Path, command: str
) -> None:
    command_line = CommandLine(tmp_path, fresh=True)
    executed = command_line.folder / "executed"
    program = f"open({str(executed)!r}, 'a').write(__name__)\n"
    for name in ("pygls", "openai", "httpx2", "tenacity"):
        (command_line.folder / f"{name}.py").write_text(program, encoding="utf-8")
    prompt = ["x"] if command == "generate" else []
    async with OpenAIServer(answer("```python\nx = 1\n```")) as server:
        ended = await command_line.call(
            command,
            *prompt,
            variables={
                "OPENAI_BASE_URL": server.base_url,
                "STREAMING_CODE_GENERATOR_MODEL": "any",
            },
        )

    assert ended.exit_code == 0, ended.err
    assert not executed.exists()


async def test_doctor_fails_when_the_endpoint_in_use_is_down(command_line: CommandLine) -> None:
    async with OpenAIServer() as server:
        gone = server.base_url
    ended = await command_line.call("doctor", "--base-url", gone, "--model", "any")

    assert ended.exit_code == 1
    assert f"FAIL  endpoint: {gone} cannot be reached" in ended.out


async def test_doctor_notes_a_key_that_travels_unencrypted(command_line: CommandLine) -> None:
    ended = await command_line.call(
        "doctor",
        "--base-url=http://model.invalid/v1",
        "--provider=embedded",
        variables={"OPENAI_API_KEY": KEY},
    )

    assert "note  key: set for http://model.invalid" in ended.out
    assert "unencrypted" in ended.out


async def test_doctor_fails_without_a_key_that_is_needed(command_line: CommandLine) -> None:
    ended = await command_line.call("doctor", "--provider", "openai")

    assert ended.exit_code == 1
    assert "FAIL  provider: No API key" in ended.out


async def test_doctor_notes_a_model_that_the_endpoint_does_not_list(
    command_line: CommandLine,
) -> None:
    async with OpenAIServer() as server:
        ended = await command_line.call("doctor", "--base-url", server.base_url, "--model", "no")

    assert ended.exit_code == 0
    assert "does not list `no`; it lists loopback-model" in ended.out


@needs_model
async def test_doctor_asks_no_endpoint_when_the_embedded_model_is_taken(
    command_line: CommandLine,
) -> None:
    ended = await command_line.call("doctor")

    assert ended.exit_code == 0
    assert "provider: embedded" in ended.out
    assert "endpoint: not in use, not asked" in ended.out
    assert "embedded: answers" in ended.out


@needs_model
async def test_doctor_fails_on_a_model_file_that_is_none(command_line: CommandLine) -> None:
    broken = command_line.folder / "broken.gguf"
    broken.write_bytes(b"GGUF" + b"\0" * 100)
    ended = await command_line.call("doctor", "--model-path", str(broken))

    assert ended.exit_code == 1
    assert "FAIL" in ended.out
