"""Text to be filled in at a cursor: what is asked for, who can, and the markers of each model."""

import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from streaming_code_generator.core.messages import Delta

MOST_FILL_TOKENS = 96
"""Of one suggestion at a cursor."""


_CLOSING = re.compile(r"[\s)\]}>\"'`;:,]*")
"""What may stand right of a cursor at which something is still to be typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    r"""The text around a cursor as a model sees it, its lines joined by `\n`."""

    prefix: str
    """The lines above the cursor's own, each with its ending."""
    middle: str
    """The cursor's line before the cursor; models read it last, so that it may grow cheaply."""
    rest: str
    """The cursor's line behind the cursor."""
    below: str
    r"""The lines below: empty, or begun with the `\n` that ends the cursor's line."""

    @property
    def suffix(self) -> str:
        """All that follows the cursor."""
        return self.rest + self.below

    @property
    def is_open(self) -> bool:
        """Whether something may be suggested: nothing but closing characters is to the right."""
        return _CLOSING.fullmatch(self.rest) is not None

    @property
    def line_above(self) -> str:
        """The last line above that is not blank, or ""."""
        return next((line for line in reversed(self.prefix.split("\n")) if line.strip()), "")

    @property
    def line_below(self) -> str:
        """The first line below that is not blank, or ""."""
        return next((line for line in self.below.split("\n") if line.strip()), "")


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
    max_output_tokens: int = MOST_FILL_TOKENS
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Markers:
    """The special tokens of one family."""

    prefix: str
    suffix: str
    middle: str
    is_suffix_first: bool = False
    """Whether what follows is shown before what precedes."""
    file: str = ""
    """What precedes a file's name, where a prompt may hold several files."""
    ends: tuple[str, ...]
    """Further tokens with which a model ends its text, or begins what is no part of it."""

    def prompt(self, request: FillRequest) -> str:
        """Return the prompt after which the model writes what goes in at the cursor.

        The cursor's own line comes last, so that a longer one costs a server nothing but itself.
        """
        window, files = request.window, ""
        if self.file and request.excerpts:
            others = (f"{self.file}{each.name}\n{each.text}\n" for each in request.excerpts)
            files = "".join(others) + f"{self.file}{request.file_name}\n"
        before, after = f"{self.prefix}{window.prefix}", f"{self.suffix}{window.suffix}"
        if self.is_suffix_first:
            # Mistral's own template puts no marker between the text before and the one to come.
            return f"{files}{after}{before}{window.middle}"
        return f"{files}{before}{after}{self.middle}{window.middle}"

    @property
    def all(self) -> tuple[str, ...]:
        """All tokens at which a text has ended."""
        return (
            tuple(token for token in (self.prefix, self.suffix, self.middle) if token) + self.ends
        )


# Sources: the models' own cards and tokenizer configurations.
_QWEN = Markers(
    prefix="<|fim_prefix|>",
    suffix="<|fim_suffix|>",
    middle="<|fim_middle|>",
    file="<|file_sep|>",
    ends=("<|endoftext|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>", "<|im_end|>"),
)
_STARCODER = Markers(
    prefix="<fim_prefix>",
    suffix="<fim_suffix>",
    middle="<fim_middle>",
    file="<file_sep>",
    ends=("<|endoftext|>", "<fim_pad>", "<file_sep>", "<repo_name>"),
)
_DEEPSEEK = Markers(
    prefix="<｜fim▁begin｜>",  # noqa: RUF001 - DeepSeek's tokens are spelled so
    suffix="<｜fim▁hole｜>",  # noqa: RUF001
    middle="<｜fim▁end｜>",  # noqa: RUF001
    ends=("<｜end▁of▁sentence｜>", "<|EOT|>"),  # noqa: RUF001
)
_CODESTRAL = Markers(
    prefix="[PREFIX]", suffix="[SUFFIX]", middle="", is_suffix_first=True, ends=("</s>",)
)
_FAMILIES = (
    (re.compile(r"qwen-?[\d.]*-?coder|codeqwen|granite.*code|seed-coder"), _QWEN),
    (re.compile(r"starcoder|santacoder|stable-?code"), _STARCODER),
    (re.compile(r"deepseek-?coder(?!.*instruct)|deepseek-?coder-?v2"), _DEEPSEEK),
    (re.compile(r"codestral"), _CODESTRAL),
)


def markers_of(model: str) -> Markers | None:
    """Return the markers that a model was trained with, by its name; None if it has none."""
    name = model.lower().replace("_", "-")
    return next((markers for pattern, markers in _FAMILIES if pattern.search(name)), None)
