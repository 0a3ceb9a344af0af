"""The examples in the documents do what they say."""

import os
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE
from collections.abc import Mapping
from pathlib import Path

import pytest

from streaming_code_generator.testing.openai_replies import answer
from streaming_code_generator.testing.openai_server import OpenAIServer

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


async def run(example: str, prompt: str, variables: Mapping[str, str]) -> tuple[int, str, str]:
    process = await create_subprocess_exec(
        *(sys.executable, EXAMPLES / example, prompt),
        stdout=PIPE,
        stderr=PIPE,
        env={**os.environ, **variables},
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_the_library_example_prints_the_response_and_the_code() -> None:
    async with OpenAIServer(answer("```python\nx = 1\n```\n", "It is one.")) as server:
        variables = {
            "OPENAI_BASE_URL": server.base_url,
            "STREAMING_CODE_GENERATOR_MODEL": "scripted",
        }
        code, out, err = await run("generate.py", "one", variables)

    assert (code, err) == (0, "")
    assert out.startswith("```python\nx = 1\n```\nIt is one.\n\nThe code alone:\nx = 1\n")
    assert out.endswith(" s: loopback-model\n")


@pytest.mark.parametrize(
    ("prompt", "code", "said"),
    [
        pytest.param("add two numbers", 0, "It adds them.\nexplained: It adds them.\n", id="known"),
        pytest.param("something else", 1, "No page answers this prompt", id="unknown"),
    ],
)
async def test_the_example_of_an_own_provider_answers(prompt: str, code: int, said: str) -> None:
    ended, out, err = await run("own_provider.py", prompt, {})

    assert ended == code
    assert said in (err if code else out)
