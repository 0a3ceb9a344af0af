"""Prices: of known models at known endpoints only, and never 0 for what is not known."""

import sys
from dataclasses import replace

import pytest

from streaming_code_generator.core.attempts import Attempt
from streaming_code_generator.core.results import shown_usd
from streaming_code_generator.usage.ledger import listed_price

KNOWN = Attempt(
    began_at_s=1_790_000_000.0,
    seconds=1,
    purpose="generate",
    provider="openai",
    model="gpt-4o-2024-08-06",
    endpoint="https://api.openai.com/v1",
    status="completed",
    prompt_tokens=1_000_000,
    completion_tokens=100_000,
    cached_tokens=0,
    reasoning_tokens=0,
    token_source="provider",
)


def test_price_is_the_lists_for_the_model_at_its_endpoint() -> None:
    cost = listed_price(KNOWN)
    assert cost is not None
    # 2.50 and 10 dollars a million, as OpenAI has asked since August 2024.
    assert cost.usd == pytest.approx(3.5)
    assert cost.source == "genai-prices"


def test_what_was_cached_costs_less() -> None:
    cost, cached = listed_price(KNOWN), listed_price(replace(KNOWN, cached_tokens=500_000))
    assert cost is not None
    assert cached is not None
    assert cached.usd < cost.usd


@pytest.mark.parametrize(
    "unknown",
    [
        replace(KNOWN, model="no-such-model"),
        replace(KNOWN, endpoint="https://models.example.com/v1"),
        replace(KNOWN, endpoint="http://127.0.0.1:8080/v1"),
        replace(KNOWN, endpoint="embedded llama.cpp, model.gguf"),
        replace(KNOWN, prompt_tokens=0, completion_tokens=0),
    ],
)
def test_there_is_no_price_for_what_the_list_does_not_know(unknown: Attempt) -> None:
    assert listed_price(unknown) is None


def test_list_that_cannot_be_imported_prices_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    assert listed_price(KNOWN) is None


@pytest.mark.parametrize(
    ("usd", "shown"),
    [
        (12.3, "$12.30"),
        (1, "$1.00"),
        (0.123, "$0.12"),
        (0.1, "$0.10"),
        (0.0042, "$0.0042"),
        (0.00000123, "$0.0000012"),
        (0, "$0.00"),
    ],
)
def test_sums_are_shown_with_digits_that_say_something(usd: float, shown: str) -> None:
    assert shown_usd(usd) == shown
