"""Editors whose model writes exactly what a test knows: nothing lost or doubled goes unseen."""

import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from scale.cluster import TwoReplicas
from streaming_code_generator.testing.headless import HeadlessEditor

BEFORE, AFTER = "import this\n\n", "\n\nprint('the end')\n"
SERVER = [sys.executable, "-P", "-m", "streaming_code_generator", "serve"]


def known_code(number: int, lines: int) -> str:
    """Return code that no other editor gets and no line of which occurs twice."""
    letter = "abcdefgh"[number]
    return "\n".join(f"{letter}{line} = {line}" for line in range(1, lines + 1))


def grammar_for(code: str) -> str:
    """Return a grammar that leaves the model no choice but to write this code in a block.

    Source: llama.cpp, `grammars/README.md`. A request that goes on with a response that was cut
    off gets the same grammar, so the model begins the block anew, as some models do.
    """
    return "root ::= " + json.dumps(f"```python\n{code}\n```")


def environment(endpoint: TwoReplicas, number: int, code: str) -> Mapping[str, str]:
    """Return the variables of a server whose model writes `code`."""
    settings = {
        "BASE_URL": endpoint.base_url,
        "MODEL": "smollm2-135m-instruct",
        "ON_INTERRUPT": "continue",
        "MAX_RETRIES": "8",
        "MAX_OUTPUT_TOKENS": "1500",
        "TIMEOUT_SECONDS": "300",
        "FIRST_CHUNK_TIMEOUT_SECONDS": "300",
        "STALL_TIMEOUT_SECONDS": "120",
        "EXTRA_BODY": json.dumps({"grammar": grammar_for(code)}),
        "EXTRA_HEADERS": json.dumps({"x-session-id": f"editor {number}"}),
    }
    named = {f"STREAMING_CODE_GENERATOR_{name}": value for name, value in settings.items()}
    return {**os.environ, **named, "OPENAI_API_KEY": endpoint.key}


@asynccontextmanager
async def editor_on(
    endpoint: TwoReplicas, folder: Path, number: int, code: str
) -> AsyncIterator[HeadlessEditor]:
    """Start an editor with a small file."""
    variables = environment(endpoint, number, code)
    async with HeadlessEditor.started(SERVER, root=folder, environment=variables) as editor:
        await editor.open(folder / f"file_{number}.py", "python", BEFORE + AFTER)
        yield editor
