"""The key in the operating system's keychain, by the real program of the package keyring."""

from pathlib import Path

import pytest

from streaming_code_generator.testing.openai_replies import answer
from streaming_code_generator.testing.openai_server import OpenAIServer
from support.command_line import CommandLine

KEY = "canary-key-0123456789"
TESTS = Path(__file__).parents[1]


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    return {
        "PYTHON_KEYRING_BACKEND": "support.keychain.FileKeychain",
        "PYTHONPATH": str(TESTS),
        "KEYCHAIN_FILE": str(tmp_path / "keychain.json"),
        "STREAMING_CODE_GENERATOR_KEYRING": "true",
    }


async def test_key_is_stored_used_and_deleted(tmp_path: Path, variables: dict[str, str]) -> None:
    command_line = CommandLine(tmp_path)
    async with OpenAIServer(answer("x = 1")) as server:
        endpoint = ("--base-url", server.base_url)
        generate = ("generate", "x", *endpoint, "--model", "any")
        stored = await command_line.call(
            "key", "set", *endpoint, stdin=f"{KEY}\n".encode(), variables=variables
        )
        ended = await command_line.call(*generate, variables=variables)
        deleted = await command_line.call("key", "delete", *endpoint, variables=variables)
        without = await command_line.call(*generate, variables=variables)

    assert (stored.exit_code, deleted.exit_code) == (0, 0), stored.err
    assert (ended.exit_code, ended.out) == (0, "x = 1\n"), ended.err
    (request,) = server.requests
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert without.exit_code == 1
    assert "`streaming-code-generator key set --base-url http://127.0.0.1" in without.err
    for each in (stored, ended, deleted, without):
        assert KEY not in each.out + each.err
