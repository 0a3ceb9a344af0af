"""Keys in what a model is shown: masked before they are sent, put back in what it answers."""

import re
from dataclasses import dataclass, replace

from streaming_code_generator.core.messages import CompletionRequest


@dataclass(frozen=True, slots=True)
class _Shape:
    """What keys of one kind look like; group 1, where there is one, is the key alone."""

    hint: str
    """What a text must hold for the pattern to be tried at all."""
    pattern: re.Pattern[str]


def _shape(hint: str, pattern: str) -> _Shape:
    return _Shape(hint, re.compile(pattern))


# Sources: the providers' own documents of their prefixes and lengths, and the rules of gitleaks
# (github.com/gitleaks/gitleaks, config/gitleaks.toml). Only what has a form of its own: a guess by
# randomness would mask hashes and test data, and the model would see other code than there is.
_SHAPES = (
    _shape("PRIVATE KEY", r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----[\s\S]+?(?=-----END|\Z)"),
    # OpenAI, Anthropic, OpenRouter, DeepSeek; without a digit it is a class of a style sheet.
    _shape("sk-", r"\bsk-(?=[A-Za-z_\-]*\d)[A-Za-z0-9_\-]{20,}"),
    _shape("A", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b"),  # AWS
    _shape("gh", r"\bgh[pousr]_[A-Za-z0-9]{36,}"),  # GitHub
    _shape("github_pat_", r"\bgithub_pat_[A-Za-z0-9_]{22,}"),
    _shape("glpat-", r"\bglpat-[A-Za-z0-9_\-]{20,}"),  # GitLab
    _shape("xox", r"\bxox[abeoprs]-[A-Za-z0-9\-]{10,}"),  # Slack
    _shape("k_", r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"),  # Stripe
    _shape("AIza", r"\bAIza[A-Za-z0-9_\-]{35}"),  # Google
    _shape("hf_", r"\bhf_[A-Za-z0-9]{30,}"),  # Hugging Face
    _shape("gsk_", r"\bgsk_[A-Za-z0-9]{40,}"),  # Groq
    _shape("xai-", r"\bxai-[A-Za-z0-9]{40,}"),
    _shape("npm_", r"\bnpm_[A-Za-z0-9]{36}\b"),
    _shape("pypi-", r"\bpypi-AgE[A-Za-z0-9_\-]{50,}"),
    _shape("SG.", r"\bSG\.[A-Za-z0-9_\-]{22}\.[A-Za-z0-9_\-]{43}"),  # SendGrid
    _shape("eyJ", r"\beyJ[A-Za-z0-9_\-]{10,}\.eyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{10,}"),  # JWT
    # A password in a URL, but no `${PASSWORD}`, `{password}` or `<password>`.
    _shape("://", r"\b[a-z][a-z0-9+.\-]*://[^\s/:@'\"`]*:([^\s/:@'\"`${}<>%]{3,})@"),
)

_PLACEHOLDER = re.compile(r"MASKED_KEY_\d+")
_NAME = "MASKED_KEY_"


class KeyMasking:
    """The keys of one request and what stands for each; the same key always gets the same mask.

        shown to the model      client = Client("MASKED_KEY_1")
        its answer              client = Client("MASKED_KEY_1", timeout=5)
        put back                client = Client("sk-…", timeout=5)

    So code that is rewritten keeps its keys, although no model has seen them.
    """

    def __init__(self, *, is_off: bool = False) -> None:
        self._is_off = is_off
        self._masks: dict[str, str] = {}
        self._keys: dict[str, str] = {}
        self._last = 0
        self._held = ""

    @property
    def count(self) -> int:
        """How many different keys were masked."""
        return len(self._masks)

    def masked(self, text: str) -> str:
        """Return a text as it may be sent."""
        if self._is_off:
            return text
        # Most texts hold no key: looking for a few characters is far cheaper than the patterns.
        for shape in _SHAPES:
            if shape.hint in text:
                text = self._without(shape, text)
        return text

    def masked_request(self, request: CompletionRequest) -> CompletionRequest:
        """Return a request as it may be sent."""
        messages = tuple(
            replace(message, content=self.masked(message.content)) for message in request.messages
        )
        return replace(request, messages=messages)

    def feed(self, text: str) -> str:
        """Return an answer with its keys put back; what may be the start of a mask is held back."""
        if not self._masks:
            return text
        text = self._held + text
        kept = _start_of_mask(text)
        self._held = text[kept:]
        return self._restored(text[:kept])

    def finish(self) -> str:
        """Return what is still held back."""
        held, self._held = self._held, ""
        return self._restored(held)

    def _without(self, shape: _Shape, text: str) -> str:
        def mask(found: re.Match[str]) -> str:
            start, end = found.span(shape.pattern.groups)
            before, behind = found[0][: start - found.start()], found[0][end - found.start() :]
            key = text[start:end]
            if key not in self._masks:
                self._last += 1
                # The code itself may hold such a name.
                while f"{_NAME}{self._last}" in text:
                    self._last += 1
                self._masks[key] = f"{_NAME}{self._last}"
                self._keys[self._masks[key]] = key
            return before + self._masks[key] + behind

        return shape.pattern.sub(mask, text)

    def _restored(self, text: str) -> str:
        return _PLACEHOLDER.sub(lambda found: self._keys.get(found[0], found[0]), text)


def _start_of_mask(text: str) -> int:
    """Return where a mask begins that the end of a text may have cut off; its length if none."""
    # Of "key = MASKED_KEY_1" all from the mask on waits: the next chunk may bring another digit. Of
    # "key = MASK" the "MASK" does, which may become one.
    start = text.rfind(_NAME)
    if start >= 0 and (text[start + len(_NAME) :].isdigit() or text.endswith(_NAME)):
        return start
    for length in range(min(len(_NAME) - 1, len(text)), 0, -1):
        if text.endswith(_NAME[:length]):
            return len(text) - length
    return len(text)
