"""`demo`: the real server writes into a document before your eyes."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from pygls.exceptions import JsonRpcException
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.syntax import Syntax
from rich.text import Text

from streaming_code_generator.errors import StreamProcessError
from streaming_code_generator.testing.headless import HeadlessEditor

DOCUMENT = '''\
"""Things to do with numbers."""


# Return the n-th Fibonacci number.

'''
POSITION = (4, 0)
MOST_TOKENS = 240
"""Enough for a function, and soon over on a slow machine."""


class DemoScreen(Protocol):
    """Where the demo shows what happens."""

    def say(self, line: str) -> None:
        """Announce a step."""

    def show_text(self, text: str) -> None:
        """Show the document as it stands."""

    def show_progress(self, message: str) -> None:
        """Show the latest progress message."""

    def finish(self, text: str, report: Sequence[str], provider: str) -> None:
        """Show the document and the final report."""


@contextmanager
def screen_for(console: Console) -> Iterator[DemoScreen]:
    """Return the screen that fits where the console writes to."""
    if console.is_terminal:
        with Live(console=console, refresh_per_second=20) as live:
            yield LiveScreen(console, live)
    else:
        yield PlainScreen(console)


class LiveScreen:
    """The document grows in a panel, the progress message stands below it."""

    def __init__(self, console: Console, live: Live) -> None:
        self._console = console
        self._live = live
        self._text = ""
        self._progress = ""

    def say(self, line: str) -> None:
        """Announce a step above the panel."""
        self._console.print(Text(line, style="dim"))

    def show_text(self, text: str) -> None:
        """Redraw the document."""
        self._text = text
        self._draw()

    def show_progress(self, message: str) -> None:
        """Redraw the progress message."""
        self._progress = message
        self._draw()

    def finish(self, text: str, report: Sequence[str], provider: str) -> None:
        """Leave the finished document standing and print the report below it."""
        self._text, self._progress = text, ""
        self._draw()
        self._live.stop()
        _print_report(self._console, report, provider)

    def _draw(self) -> None:
        code = Syntax(self._text, "python", background_color="default")
        panel = Panel(code, title="numbers.py", title_align="left", border_style="cyan")
        progress = Text(self._progress, style="cyan", no_wrap=True, overflow="ellipsis")
        self._live.update(Group(panel, progress))


class PlainScreen:
    """Every change is a line: what was added, and each progress message."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._text = ""

    def say(self, line: str) -> None:
        """Print a step."""
        self._print(line)

    def show_text(self, text: str) -> None:
        """Print what came to the document."""
        added = len(text) - len(self._text)
        start = next(
            (i for i, (a, b) in enumerate(zip(self._text, text, strict=False)) if a != b),
            min(len(self._text), len(text)),
        )
        if added > 0 and self._text:
            self._print(f"document +{added} characters: {text[start : start + added]!r}")
        self._text = text

    def show_progress(self, message: str) -> None:
        """Print a progress message."""
        self._print(f"progress: {message}")

    def finish(self, text: str, report: Sequence[str], provider: str) -> None:
        """Print the document and the report."""
        self._print(f"--- numbers.py\n{text}\n---")
        _print_report(self._console, report, provider)

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def _print_report(console: Console, report: Sequence[str], provider: str) -> None:
    response, *summary = report
    for title, body in (("Response", response), ("Provider", provider), ("Report", *summary)):
        console.print(Text(f"{title}: ", style="bold"), end="")
        console.print(body, markup=False, highlight=False, soft_wrap=True)


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
    # `-P`: the folder that the demo is called in may be a stranger's project, and Python would
    # otherwise import the server's modules from there.
    command = [sys.executable, "-P", "-m", "streaming_code_generator", "serve", "--stdio"]
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
        code = str(result["code"])
        if not code or code not in editor.buffer.text:
            raise StreamProcessError(
                "The generated code is not in the document: run `streaming-code-generator doctor`."
            )
        screen.finish(editor.buffer.text, editor.log[-2:], str(result["provider"]))
