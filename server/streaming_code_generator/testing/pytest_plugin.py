"""Fixtures for tests of language servers that edit while a user types.

    pytest_plugins = ["streaming_code_generator.testing.pytest_plugin"]

Each gives something to call, so that a test says what it needs, and cleans up after it. Needs
pytest, which nothing else in this package does; for the two asynchronous ones, any plug-in that
runs `async def` tests on asyncio.
"""

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

import pytest

from streaming_code_generator.testing.editor import EditorHabits, SimulatedEditor
from streaming_code_generator.testing.headless import HeadlessEditor
from streaming_code_generator.testing.openai_server import OpenAIServer

__all__ = ["headless_editor", "openai_server", "simulated_editor"]


class OpensEditor(Protocol):
    """Opens a simulated editor with a text; `habits` says how its client behaves."""

    def __call__(self, text: str, habits: EditorHabits | None = None) -> SimulatedEditor:
        """Return the editor."""


class StartsServer(Protocol):
    """Starts a language server with a headless editor attached, for an `async with` block."""

    def __call__(
        self,
        habits: EditorHabits | None = None,
        *,
        command: list[str] | None = None,
        environment: Mapping[str, str] | None = None,
        options: object = None,
    ) -> AbstractAsyncContextManager[HeadlessEditor]:
        """Return the block's context manager.

        Args:
            habits: How the editor behaves.
            command: What starts the server; this package's own by default.
            environment: Variables to add to those of the test.
            options: The `initializationOptions`.
        """


@pytest.fixture
def simulated_editor() -> OpensEditor:
    """Open in-process editors: real buffers with the habits of real clients, in virtual time."""

    def open_editor(text: str, habits: EditorHabits | None = None) -> SimulatedEditor:
        return SimulatedEditor(text, habits=habits)

    return open_editor


@pytest.fixture
def headless_editor(tmp_path: Path) -> StartsServer:
    """Start a server as a child process, with an editor that speaks LSP to it.

    The workspace is the test's `tmp_path`; the server ends with the `async with` block.
    """

    def start(
        habits: EditorHabits | None = None,
        *,
        command: list[str] | None = None,
        environment: Mapping[str, str] | None = None,
        options: object = None,
    ) -> AbstractAsyncContextManager[HeadlessEditor]:
        own = [sys.executable, "-P", "-m", "streaming_code_generator", "serve", "--stdio"]
        return HeadlessEditor.started(
            command or own,
            root=tmp_path,
            habits=habits,
            initialization_options=options,
            environment={**os.environ, **(environment or {})},
        )

    return start


@pytest.fixture
def openai_server() -> Callable[..., OpenAIServer]:
    """Make loopback model servers: give the replies, use each in an `async with` block."""
    return OpenAIServer
