"""What a replica passes on of llama.cpp's stream; no cluster is needed for it."""

import math
import sys
from collections.abc import Iterable

import pytest

from scale.cluster import DEPLOYMENT
from streaming_code_generator.testing.openai_replies import DONE, chunk, event

pytest.importorskip("ray.serve", reason="the extra `scale` is not installed")
sys.path.insert(0, str(DEPLOYMENT))
from llama_replica import SparseProgress

pytestmark = pytest.mark.slow

READING = [
    event({"choices": [], "prompt_progress": {"total": 9, "processed": n}}) for n in range(9)
]
QUOTING = chunk('{"prompt_progress": 1}')


def passed_on(pieces: Iterable[bytes], *, every_s: float) -> bytes:
    progress = SparseProgress(every_s=every_s)
    return b"".join([*map(progress.feed, pieces), progress.rest])


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_prompts_progress_is_told_seldom_and_all_else_passed_on(size: int) -> None:
    stream = b"".join([*READING, QUOTING, DONE])
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]

    assert passed_on(pieces, every_s=math.inf) == READING[0] + QUOTING + DONE


def test_who_asks_for_progress_gets_all_of_it() -> None:
    stream = [*READING, QUOTING, b"data: without an end"]

    assert passed_on(stream, every_s=0) == b"".join(stream)
