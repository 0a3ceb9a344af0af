"""`demo`: the real server writes into a document before your eyes."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

from pygls.exceptions import JsonRpcException
from rich.console import Console

from streaming_code_generator.cli.demo_screen import DemoScreen, screen_for
from streaming_code_generator.errors import StreamProcessError
from streaming_code_generator.testing.headless import HeadlessEditor

DOCUMENT = '''\
"""Things to do with numbers."""


# Return the n-th Fibonacci number.

'''
POSITION = (4, 0)
MOST_TOKENS = 240
"""Enough for a function, and soon over on a slow machine."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what to ask for."""
    parser.add_argument(
        "--prompt", help="what to generate, instead of what the document's comment asks for"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the demo; 0 only if the code arrived in the document.

    Raises:
        StreamProcessError: The generation failed, or its code is not in the document.
    """
    console = Console()
    with screen_for(console) as screen, tempfile.TemporaryDirectory() as folder:
        try:
            asyncio.run(show_demo(Path(folder).resolve(), arguments.prompt, screen))
        except JsonRpcException as error:
            raise StreamProcessError(error.message) from error
    return 0


async def show_demo(folder: Path, prompt: str | None, screen: DemoScreen) -> None:
    """Let a headless editor run the command in a new document in a folder.

    Cancellation: ends the server.

    Raises:
        JsonRpcException: The generation failed.
        StreamProcessError: The code is not in the document.
    """
    path = folder / "numbers.py"
    path.write_text(DOCUMENT, encoding="utf-8")
    command = [sys.executable, "-m", "streaming_code_generator", "serve", "--stdio"]
    options = {"maxOutputTokens": MOST_TOKENS}
    screen.say(f"Starting the server: {' '.join(['python', *command[1:]])}")
    async with HeadlessEditor.started(
        command, root=folder, initialization_options=options
    ) as editor:
        await editor.open(path, "python", DOCUMENT)
        screen.say(f"A headless editor opened {path.name} and runs streamingCodeGenerator.generate")
        screen.show_text(DOCUMENT)
        editor.on_text = screen.show_text
        editor.on_progress = screen.show_progress
        asked = {"prompt": prompt} if prompt else {}
        result = await editor.generate(position=POSITION, **asked)
        _check(result, editor)
        screen.finish(editor.buffer.text, editor.log[-2:], str(result["provider"]))


def _check(result: dict[str, Any], editor: HeadlessEditor) -> None:
    code = str(result["code"])
    if not code or code not in editor.buffer.text:
        raise StreamProcessError(
            "The generated code is not in the document: run `streaming-code-generator doctor`."
        )
