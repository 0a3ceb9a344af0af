"""Fill-in-the-middle prompts: how each family of models marks what precedes and what follows."""

import re
from dataclasses import dataclass

from streaming_code_generator.core.complete.fill import FillRequest
from streaming_code_generator.core.complete.window import Window


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
        return files + self._around(window)

    def _around(self, window: Window) -> str:
        before, after = window.prefix, window.suffix
        if self.is_suffix_first:
            # Mistral's own template puts no marker between the text before and the one to come.
            return f"{self.suffix}{after}{self.prefix}{before}{window.middle}"
        return f"{self.prefix}{before}{self.suffix}{after}{self.middle}{window.middle}"

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
