"""Tokens are estimated as text comes, counted at the end, without a network or a failure."""

import asyncio
import hashlib
import inspect
import json
import socket
import sys
import threading
from pathlib import Path
from typing import NoReturn

import pytest
from tiktoken.load import load_tiktoken_bpe

from streaming_code_generator.core import tokens as tokens_module
from streaming_code_generator.core.attempts import AttemptMeter, TokenFigures, token_figures
from streaming_code_generator.core.messages import Delta, Message, ProviderDescription, Usage
from streaming_code_generator.core.tokens import (
    MOST_CHARS_AT_ONCE,
    CountTokens,
    LocalCount,
    Tokenizers,
    encoding_of,
    estimated_prompt_tokens,
    load_counter,
    tokens_without_tokenizer,
)

MESSAGES = (Message(role="user", content="def add(a, b):"),)
ENCODINGS = ["o200k_base", "cl100k_base"]


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
    tokens_module._build.__wrapped__("cl100k_base")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ENCODINGS)
def test_ranks_that_are_not_those_expected_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="are not tiktoken's"):
        tokens_module._carried_ranks(f"https://example/{name}.tiktoken", "0" * 64)


def test_the_standin_takes_what_tiktokens_loader_takes() -> None:
    assert load_tiktoken_bpe.__code__.co_varnames[:2] == ("tiktoken_bpe_file", "expected_hash")


# --- the figures of an attempt --------------------------------------------------------------


PROVIDER = ProviderDescription(name="p", model="m", endpoint="e", reason="r")


def meter() -> AttemptMeter:
    return AttemptMeter(PROVIDER, "generate", MESSAGES)


def figures(tokens: AttemptMeter, counted: LocalCount | None = None) -> TokenFigures:
    return token_figures([tokens], counted)


COUNTED = LocalCount(prompt=5, completion=3, source="tiktoken")


def usage(prompt: int, completion: int, total: int | None = None) -> Usage:
    whole = prompt + completion if total is None else total
    return Usage(prompt_tokens=prompt, completion_tokens=completion, total_tokens=whole)


def test_while_text_arrives_tokens_are_estimated_from_characters() -> None:
    tokens = meter()
    tokens.add(Delta(text="abcd", reasoning="efghi"))
    prompt = estimated_prompt_tokens(MESSAGES)
    assert figures(tokens) == (prompt, 3, prompt + 3, "estimate")


def test_without_usage_the_local_count_stands() -> None:
    tokens = meter()
    tokens.add(Delta(text="a b c"))
    assert not tokens.is_reported
    assert figures(tokens, COUNTED) == (5, 3, 8, "tiktoken")


def test_the_providers_count_wins() -> None:
    tokens = meter()
    tokens.add(Delta(text="a b c"))
    tokens.add(Delta(usage=usage(7, 9)))
    assert tokens.is_reported
    assert figures(tokens) == (7, 9, 16, "provider")


def test_usage_in_the_chunk_with_the_last_text_wins_too() -> None:
    tokens = meter()
    tokens.add(Delta(text="a b c", usage=usage(7, 9)))
    assert figures(tokens) == (7, 9, 16, "provider")


def test_zeros_do_not_win_over_real_counts() -> None:
    tokens = meter()
    tokens.add(Delta(text="a b c", usage=usage(0, 0)))
    tokens.add(Delta(usage=usage(0, 0)))
    assert figures(tokens, COUNTED) == (5, 3, 8, "tiktoken")


def test_zeros_after_a_real_count_do_not_undo_it() -> None:
    tokens = meter()
    tokens.add(Delta(usage=usage(7, 9)))
    tokens.add(Delta(usage=usage(0, 0)))
    assert figures(tokens) == (7, 9, 16, "provider")


def test_usage_from_before_the_text_counts_for_the_prompt_only() -> None:
    tokens = meter()
    tokens.add(Delta(usage=usage(7, 0)))
    tokens.add(Delta(text="a b c"))
    assert not tokens.is_reported
    assert figures(tokens, COUNTED) == (7, 3, 10, "tiktoken")


def test_usage_of_the_prompt_alone_leaves_the_completion_to_the_local_count() -> None:
    tokens = meter()
    tokens.add(Delta(text="a b c"))
    tokens.add(Delta(usage=usage(7, 0)))
    assert figures(tokens, COUNTED) == (7, 3, 10, "tiktoken")


def test_running_usage_is_followed() -> None:
    tokens = meter()
    for n in range(1, 4):
        tokens.add(Delta(text="a ", usage=usage(7, n * 2)))
    assert figures(tokens) == (7, 6, 13, "provider")


def test_a_total_of_the_providers_own_is_kept() -> None:
    tokens = meter()
    tokens.add(Delta(text="a", usage=usage(7, 2, total=20)))
    assert figures(tokens).total == 20


def test_an_answer_that_goes_on_in_another_attempt_has_the_tokens_of_both() -> None:
    first, second = meter(), meter()
    first.add(Delta(text="abcd", usage=usage(7, 3)))
    second.add(Delta(text="efgh"))
    assert token_figures([first, second]) == (7, 3, 10, "estimate")
    second.add(Delta(usage=usage(12, 5)))
    assert token_figures([first, second]) == (19, 8, 27, "provider")


# --- counting at the end --------------------------------------------------------------------


async def test_a_tokenizer_that_cannot_be_loaded_fails_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "tiktoken.model", None)
    assert await Tokenizers().count("gpt-4o", MESSAGES, ("a",)) is None
    assert "No tokenizer" in caplog.text


async def test_a_count_that_takes_too_long_is_done_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    may_end = threading.Event()

    def load_slowly(_name: str) -> CountTokens:
        may_end.wait()
        return len

    monkeypatch.setattr(tokens_module, "load_counter", load_slowly)
    monkeypatch.setattr(tokens_module, "COUNT_WAIT_S", 0.0)
    assert await Tokenizers().count("gpt-4o", MESSAGES, ("a",)) is None
    may_end.set()


async def test_prompts_are_composed_in_the_order_in_which_they_came() -> None:
    """Else a later command could be served before an earlier one."""
    tokenizers, may_end, done = Tokenizers(), threading.Event(), list[str]()

    def first(_count: CountTokens) -> None:
        may_end.wait(10)
        done.append("first")

    def second(_count: CountTokens) -> None:
        done.append("second")

    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(tokenizers.run(None, first))
        tasks.create_task(tokenizers.run(None, second))
        tasks.create_task(asyncio.to_thread(may_end.set))
    tokenizers.close()
    assert done == ["first", "second"]


async def test_the_source_says_whether_the_models_own_encoding_is_known() -> None:
    tokenizers = Tokenizers()
    known = await tokenizers.count("gpt-4o", MESSAGES, ("a b", "c"))
    unknown = await tokenizers.count("smollm2", MESSAGES, ("a b", "c"))
    tokenizers.close()
    assert known is not None
    assert unknown is not None
    assert (known.source, unknown.source) == ("tiktoken", "estimate")
    assert known.prompt == load_counter("o200k_base")(MESSAGES[0].content) + 7
    assert known.completion == 3


@pytest.mark.parametrize(
    "text",
    [
        inspect.getsource(tokens_module),
        inspect.getsource(asyncio.events),
        json.dumps({str(n): hashlib.sha256(bytes([n])).hexdigest() for n in range(100)}, indent=2),
        "Приветствие и прощание, 你好世界 \N{SNOWMAN}\n" * 40,
        "# ------------------------------------------------\n" * 40,
    ],
    ids=["code", "comments", "hashes", "other scripts", "rows of signs"],
)
def test_without_a_tokenizer_no_fewer_tokens_are_taken_for_a_text_than_it_has(text: str) -> None:
    counted = load_counter("o200k_base")(text)
    assert 0.95 * counted <= tokens_without_tokenizer(text) <= 2.5 * counted


def test_without_a_tokenizer_any_text_is_counted() -> None:
    assert tokens_without_tokenizer("") == 0
    assert tokens_without_tokenizer("def area(w2):") == 6
    assert tokens_without_tokenizer("\ud800") > 0
