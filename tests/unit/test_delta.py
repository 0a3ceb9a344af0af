"""A chunk of the usual shape is read the short way, and says what the careful way says."""

import json
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming_code_generator.core.messages import Delta
from streaming_code_generator.errors import StreamingError
from streaming_code_generator.providers.openai.stream import delta_of, delta_with_care

_PLACES = (
    *product(("chunk",), ("choices", "error", "type", "object", "usage", "timings", "model")),
    *product(("chunk",), ("stop", "stop_type", "prompt_progress", "content", "response", "id")),
    *product(("choice",), ("delta", "finish_reason", "message", "text")),
    *product(("delta",), ("content", "reasoning", "reasoning_content", "refusal", "role")),
)
_VALUES: tuple[Any, ...] = (
    *(None, "", "x", "error", "response.completed", "response", "stop", 0, 1, True, False),
    *([], {}, ["x"], {"x": 1}, {"content": "y"}, {"message": "bad"}),
    {"total": 9, "processed": 3},
    {"total_tokens": 3, "prompt_tokens": 1},
    {"predicted_n": 2, "prompt_n": 1},
    [{"type": "text", "text": "t"}],
    [{"type": "thinking", "thinking": "t"}],
)
_Change = tuple[tuple[str, str], Any]


def _usual_chunk_but(*changes: _Change) -> dict[str, Any]:
    delta: dict[str, Any] = {"content": "text"}
    choice: dict[str, Any] = {"index": 0, "delta": delta, "finish_reason": None}
    chunk: dict[str, Any] = {"id": "1", "model": "m", "choices": [choice], "usage": None}
    parts = {"chunk": chunk, "choice": choice, "delta": delta}
    for (part, name), value in changes:
        parts[part][name] = value
    return chunk


def _with_care(chunk: dict[str, Any], kind: str) -> Delta | str:
    try:
        return delta_with_care(chunk, "endpoint", is_error=kind == "error")
    except StreamingError as error:
        return error.message


def _read(text: str, kind: str = "") -> Delta | str:
    try:
        return delta_of(text, kind, "endpoint")
    except StreamingError as error:
        return error.message


def test_the_usual_chunk_is_its_text() -> None:
    assert _read(json.dumps(_usual_chunk_but())) == Delta(text="text", model="m")


@pytest.mark.parametrize("place", _PLACES, ids=".".join)
def test_whatever_stands_at_a_place_counts_as_it_does_with_care(place: tuple[str, str]) -> None:
    for value, kind in product(_VALUES, ("", "error", "message")):
        chunk = _usual_chunk_but((place, value))
        assert _read(json.dumps(chunk), kind) == _with_care(chunk, kind)


@given(
    changes=st.lists(st.tuples(st.sampled_from(_PLACES), st.sampled_from(_VALUES)), max_size=4),
    kind=st.sampled_from(["", "error", "message"]),
)
def test_any_chunk_says_what_it_does_with_care(changes: list[_Change], kind: str) -> None:
    chunk = _usual_chunk_but(*changes)
    assert _read(json.dumps(chunk), kind) == _with_care(chunk, kind)


@pytest.mark.parametrize("before", ["", " ", "\t"])
@pytest.mark.parametrize("after", ["", " ", "\n"])
def test_white_space_around_a_chunk_counts_for_nothing(before: str, after: str) -> None:
    text = json.dumps(_usual_chunk_but())
    assert _read(before + text + after) == Delta(text="text", model="m")


@pytest.mark.parametrize("text", ['{"choices": []} x', "{", "[]", "1", "[" * 100_000])
def test_what_is_no_object_is_an_error(text: str) -> None:
    assert "not a JSON object" in str(_read(text))
