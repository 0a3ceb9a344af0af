"""Tokens are counted exactly, incrementally, without a network, and never get in the way."""

import asyncio
import socket
import sys
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiktoken.load import load_tiktoken_bpe

from streaming_code_generator.core import tokens_encodings
from streaming_code_generator.core.messages import Delta, Message, Usage
from streaming_code_generator.core.tokens import (
    LONG_TAIL,
    LiveTokenCount,
    LocalCount,
    TokenAccount,
    Tokenizers,
    estimated_prompt_tokens,
)
from streaming_code_generator.core.tokens_encodings import (
    MOST_CHARS_AT_ONCE,
    CountTokens,
    encoding_of,
    load_counter,
)

MESSAGES = (Message(role="user", content="def add(a, b):"),)
ENCODINGS = ["o200k_base", "cl100k_base"]
FRAGMENTS = [
    *("def", " add", "(a, b):", "\n", "\r\n", "\n\n    ", "\t", "  ", " ", "return", "123", "4567"),
    *("don", "'t", "'", "''", "/", "//", "// x\n/", "#", "==", "AbcDEF", "_x", "<|endoftext|>"),
    *("é", "e\u0301", "\ufb01", "中文字", "\uff0c", "😀", "👩\u200d👧", "ß", "\u01c5"),
    *("\u2028", "\u00a0", "\x0b", "\x1c", "\x85"),
]


@pytest.mark.parametrize("name", ENCODINGS)
@given(data=st.data())
def test_the_live_count_is_exact_at_every_step(name: str, data: st.DataObject) -> None:
    tokens_of = load_counter(name)
    whole = "".join(data.draw(st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=6))))
    count, fed = LiveTokenCount(tokens_of), 0
    for size in data.draw(st.lists(st.integers(0, 9), max_size=40)):
        count.feed(whole[fed : fed + size])
        fed = min(fed + size, len(whole))
        assert count.tokens == tokens_of(whole[:fed])


def test_a_long_tail_is_estimated_in_between_and_exact_in_the_end() -> None:
    tokens_of = load_counter("o200k_base")
    count = LiveTokenCount(tokens_of)
    text = "0123456789abcdef" * 500
    for start in range(0, len(text), 7):
        count.feed(text[start : start + 7])
    exact = tokens_of(text)
    assert len(text) > LONG_TAIL
    assert abs(count.tokens - exact) < exact / 4
    assert count.exact() == exact


def test_a_long_tail_is_not_counted_for_every_piece() -> None:
    counted_chars = 0

    def tokens_of(text: str) -> int:
        nonlocal counted_chars
        counted_chars += len(text)
        return 0

    count = LiveTokenCount(tokens_of)
    for _ in range(20_000):
        count.feed("中")
    assert counted_chars < 20_000 * 10 + LONG_TAIL**2


def test_words_that_come_letter_by_letter_are_settled_all_the_same() -> None:
    longest = 0

    def tokens_of(text: str) -> int:
        nonlocal longest
        longest = max(longest, len(text))
        return 0

    count = LiveTokenCount(tokens_of)
    for letter in "word " * 100:
        count.feed(letter)
    assert longest < 10


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-5.4-mini", ("o200k_base", True)),
        ("gpt-4", ("cl100k_base", True)),
        ("gpt-oss-120b", ("o200k_base", True)),
        ("smollm2", ("o200k_base", False)),
        ("davinci-002", ("cl100k_base", True)),
        ("text-davinci-003", ("o200k_base", False)),
    ],
)
def test_models_are_counted_with_their_own_encoding_or_the_newest(
    model: str, expected: tuple[str, bool]
) -> None:
    assert encoding_of(model) == expected


def test_special_tokens_in_a_text_are_ordinary_text() -> None:
    assert load_counter("o200k_base")("<|endoftext|>") > 1


@pytest.mark.parametrize("name", ENCODINGS)
def test_a_million_blanks_do_no_harm(name: str) -> None:
    assert load_counter(name)(" " * 1_000_000) < 1_000_000 / 10


def test_texts_too_long_for_one_go_are_counted_in_portions() -> None:
    tokens_of = load_counter("o200k_base")
    assert tokens_of("a b " * MOST_CHARS_AT_ONCE) == MOST_CHARS_AT_ONCE * 2 + 4


def test_no_connection_is_made_and_nothing_is_cached(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def no_network(*_: object) -> NoReturn:
        raise AssertionError("the network was asked for")

    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(socket.socket, "connect", no_network)
    tokens_encodings._build.__wrapped__("cl100k_base")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ENCODINGS)
def test_ranks_that_are_not_those_expected_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="are not tiktoken's"):
        tokens_encodings._carried_ranks(f"https://example/{name}.tiktoken", "0" * 64)


def test_the_standin_takes_what_tiktokens_loader_takes() -> None:
    assert load_tiktoken_bpe.__code__.co_varnames[:2] == ("tiktoken_bpe_file", "expected_hash")


# --- the account of one generation ----------------------------------------------------------


def words(text: str) -> int:
    return len(text.split())


def local_count(count: CountTokens | None = words, prompt: int = 5) -> LocalCount:
    return LocalCount(prompt_tokens=prompt, count=count, source="tiktoken" if count else "estimate")


async def account(local: LocalCount | None = None) -> TokenAccount:
    future: asyncio.Future[LocalCount] = asyncio.get_running_loop().create_future()
    if local is not None:
        future.set_result(local)
    return TokenAccount(future, MESSAGES)


def usage(prompt: int, completion: int, total: int | None = None) -> Usage:
    whole = prompt + completion if total is None else total
    return Usage(prompt_tokens=prompt, completion_tokens=completion, total_tokens=whole)


async def test_without_usage_the_local_count_stands() -> None:
    tokens = await account(local_count())
    tokens.add(Delta(text="a b c"))
    assert tokens.figures() == (5, 3, 8, "tiktoken")


async def test_content_and_reasoning_both_count() -> None:
    tokens = await account(local_count())
    tokens.add(Delta(text="a b", reasoning="c d e"))
    assert tokens.figures().completion == 5


async def test_the_providers_count_wins() -> None:
    tokens = await account(local_count())
    tokens.add(Delta(text="a b c"))
    tokens.add(Delta(usage=usage(7, 9)))
    assert tokens.figures() == (7, 9, 16, "provider")


async def test_usage_in_the_chunk_with_the_last_text_wins_too() -> None:
    tokens = await account(local_count())
    tokens.add(Delta(text="a b c", usage=usage(7, 9)))
    assert tokens.figures() == (7, 9, 16, "provider")


async def test_zeros_do_not_win_over_real_counts() -> None:
    tokens = await account(local_count())
    tokens.add(Delta(text="a b c", usage=usage(0, 0)))
    tokens.add(Delta(usage=usage(0, 0)))
    assert tokens.figures() == (5, 3, 8, "tiktoken")


async def test_zeros_after_a_real_count_do_not_undo_it() -> None:
    tokens = await account(local_count())
    tokens.add(Delta(usage=usage(7, 9)))
    tokens.add(Delta(usage=usage(0, 0)))
    assert tokens.figures() == (7, 9, 16, "provider")


async def test_usage_from_before_the_text_counts_for_the_prompt_only() -> None:
    tokens = await account(local_count())
    tokens.add(Delta(usage=usage(7, 0)))
    tokens.add(Delta(text="a b c"))
    assert tokens.figures() == (7, 3, 10, "tiktoken")


async def test_usage_of_the_prompt_alone_leaves_the_completion_to_the_local_count() -> None:
    tokens = await account(local_count())
    tokens.add(Delta(text="a b c"))
    tokens.add(Delta(usage=usage(7, 0)))
    assert tokens.figures() == (7, 3, 10, "tiktoken")


async def test_running_usage_is_followed() -> None:
    tokens = await account(local_count())
    for n in range(1, 4):
        tokens.add(Delta(text="a ", usage=usage(7, n * 2)))
    assert tokens.figures() == (7, 6, 13, "provider")


async def test_a_total_of_the_providers_own_is_kept() -> None:
    tokens = await account(local_count())
    tokens.add(Delta(text="a", usage=usage(7, 2, total=20)))
    assert tokens.figures().total == 20


async def test_until_the_tokenizer_is_there_tokens_are_estimated_then_caught_up() -> None:
    future: asyncio.Future[LocalCount] = asyncio.get_running_loop().create_future()
    tokens = TokenAccount(future, MESSAGES)
    tokens.add(Delta(text="a b c d e f g h"))
    assert (tokens.figures().completion, tokens.figures().source) == (4, "estimate")
    future.set_result(local_count())
    tokens.add(Delta(text=" i"))
    assert (tokens.figures().completion, tokens.figures().source) == (9, "tiktoken")


async def test_settling_waits_for_the_tokenizer() -> None:
    future: asyncio.Future[LocalCount] = asyncio.get_running_loop().create_future()
    tokens = TokenAccount(future, MESSAGES)
    tokens.add(Delta(text="a b c d e f g h"))
    settling = asyncio.ensure_future(tokens.settle())
    await asyncio.sleep(0)
    assert not settling.done()
    future.set_result(local_count())
    await settling
    assert tokens.figures() == (5, 8, 13, "tiktoken")


async def test_without_a_tokenizer_characters_are_divided_by_four() -> None:
    tokens = await account(local_count(count=None))
    tokens.add(Delta(text="abcde"))
    await tokens.settle()
    assert tokens.figures() == (5, 2, 7, "estimate")


async def test_a_tokenizer_that_cannot_be_loaded_fails_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "tiktoken.model", None)
    local = await Tokenizers().prepare("gpt-4o", MESSAGES)
    assert local.count is None
    assert local.source == "estimate"
    assert local.prompt_tokens == estimated_prompt_tokens(MESSAGES)
    assert "No tokenizer" in caplog.text


async def test_the_source_says_whether_the_models_own_encoding_is_known() -> None:
    tokenizers = Tokenizers()
    known = await tokenizers.prepare("gpt-4o", MESSAGES)
    unknown = await tokenizers.prepare("smollm2", MESSAGES)
    assert (known.source, unknown.source) == ("tiktoken", "estimate")
    assert known.prompt_tokens == load_counter("o200k_base")(MESSAGES[0].content) + 7
    await tokenizers.warm_up("gpt-4o")
    tokenizers.close()
