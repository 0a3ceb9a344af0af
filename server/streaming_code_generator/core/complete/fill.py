"""The request for a completion, to providers that can do more than chat."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from streaming_code_generator.core.complete.window import Window
from streaming_code_generator.core.messages import Delta

MOST_TOKENS = 96
"""Of one suggestion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """Code of another file that is used at the cursor."""

    name: str
    """The file's, relative to the workspace."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FillRequest:
    """Text to be filled in at a cursor, in no provider's own words."""

    window: Window
    excerpts: tuple[Excerpt, ...] = ()
    """What the model is shown besides, where there is a way to show it."""
    language_id: str = ""
    """The document's language, by its LSP identifier."""
    file_name: str = ""
    """The document's own name, without its folders."""
    max_output_tokens: int = MOST_TOKENS
    session_id: str = ""
    """As in `CompletionRequest`."""


class FillNotOfferedError(Exception):
    """The model, or its server, has no fill-in-the-middle: a chat may do instead."""


@runtime_checkable
class FillsIn(Protocol):
    """A provider whose model fills in the middle of a text; `Provider` is what else it is."""

    def open_fill(self, request: FillRequest) -> AbstractAsyncContextManager[AsyncIterator[Delta]]:
        """Send the request and yield its chunks until the stream ends.

        One attempt, with the errors of `Provider.open`.

        Cancellation: leaving the context, or cancelling the task inside it, closes the connection.

        Raises:
            FillNotOfferedError: On entering, if it turns out that it cannot be done here.
        """
        ...
