"""Text is handed on in bounded pieces, and no character is torn apart."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming_code_generator.core.engine.limits import GenerationPolicy
from streaming_code_generator.core.engine.run import ChunkSplitter, GenerationRun, TextPiece
from streaming_code_generator.core.messages import Delta, ProviderDescription
from support.generations import request_for

CHARACTERS = st.text(alphabet="ab\r\n é😀𐍈\ufffd", max_size=40)


def split(limit: int, *texts: str) -> list[str]:
    splitter = ChunkSplitter(limit)
    pieces = [piece for text in texts for piece in splitter.feed(text)]
    return pieces + splitter.finish()


def torn(text: str) -> list[str]:
    """Return the text in UTF-16 code units, as a server that tears surrogate pairs sends it."""
    units = text.encode("utf-16-le")
    return [units[i : i + 2].decode("utf-16-le", "surrogatepass") for i in range(0, len(units), 2)]


def test_a_short_delta_is_handed_on_as_it_is() -> None:
    assert split(10, "hello", "", "you") == ["hello", "you"]


def test_a_long_delta_is_split_at_the_limit() -> None:
    assert split(3, "abcdefgh") == ["abc", "def", "gh"]


def test_crlf_is_not_split() -> None:
    assert split(3, "ab\r\ncd") == ["ab", "\r\nc", "d"]


def test_crlf_is_split_only_where_one_character_is_all_that_may_come() -> None:
    assert split(1, "\r\n") == ["\r", "\n"]


def test_surrogates_in_two_deltas_are_joined() -> None:
    assert split(10, "a\ud83d", "\ude00b") == ["a", "😀b"]


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param(["\ud83d"], id="high at the end"),
        pytest.param(["\ude00"], id="low alone"),
        pytest.param(["\ud83d", "x"], id="high before a letter"),
        pytest.param(["\ud83d", "\ud83d"], id="two high ones"),
    ],
)
def test_a_surrogate_without_its_half_becomes_a_replacement_character(texts: list[str]) -> None:
    joined = "".join(split(10, *texts))
    assert "\ufffd" in joined
    joined.encode()


@given(text=CHARACTERS, limit=st.integers(1, 9))
def test_nothing_is_lost_and_no_piece_is_too_long(text: str, limit: int) -> None:
    pieces = split(limit, text)
    assert "".join(pieces) == text
    assert all(0 < len(piece) <= limit for piece in pieces)


@given(text=CHARACTERS, limit=st.integers(2, 9))
def test_no_crlf_within_a_delta_is_split(text: str, limit: int) -> None:
    pieces = split(limit, text)
    assert not any(a.endswith("\r") and b.startswith("\n") for a, b in pairwise(pieces))


@given(text=CHARACTERS, limit=st.integers(1, 9))
def test_torn_surrogate_pairs_are_always_joined_again(text: str, limit: int) -> None:
    assert "".join(split(limit, *torn(text))) == text


def test_a_long_chunk_is_cut_as_its_pieces_are_taken() -> None:
    run = GenerationRun(GenerationPolicy(chunk_size=1_000))
    run.start(
        ProviderDescription(name="n", model="m", endpoint="e", reason="r"),
        request_for("x").messages,
    )
    text = "🦀é = 'x'\r\n" * 30_000

    pieces = iter(run.add(Delta(text=text, reasoning="hm " * 30_000)))
    first = next(pieces)
    taken_then = [*run.content]
    rest = [*pieces]

    assert isinstance(first, TextPiece)
    assert first.part == "reasoning"
    assert taken_then == []
    assert run.text == text
    shown = [piece for piece in (first, *rest) if isinstance(piece, TextPiece)]
    assert all(len(piece.text) <= 1_000 for piece in shown)
    assert "".join(piece.text for piece in shown if piece.part == "reasoning") == "hm " * 30_000
    assert [piece.text for piece in shown if piece.part == "content"] == run.content
    assert not any(a.endswith("\r") and b.startswith("\n") for a, b in pairwise(run.content))
    assert run.stats().chunks_processed == 1
