"""Keys in code are not sent, and stand in the answer again, however it is split."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming_code_generator.core.engine.generator import GenerationEngine, GenerationPolicy
from streaming_code_generator.core.masking import KeyMasking
from streaming_code_generator.core.messages import Delta
from streaming_code_generator.core.results import GenerationFinished
from streaming_code_generator.testing.scripted import Disconnect, ScriptedProvider, text_script
from support.generations import request_for

# Put together here, so that no scanner takes them for keys that were given away.
KEYS = {
    "OpenAI": "sk-proj-" + "a1B2" * 8,
    "Anthropic": "sk-ant-api03-" + "a1_B2-" * 8,
    "AWS": "AKIA" + "ABCDEFGH23456723",
    "GitHub": "ghp_" + "a1B2" * 9,
    "GitHub, fine-grained": "github_pat_" + "11ABCDEFG0" * 4,
    "GitLab": "glpat-" + "a1B2_" * 4,
    "Slack": "xoxb-" + "123456789012-abcdef",
    "Stripe": "sk_live_" + "a1B2" * 6,
    "Google": "AIza" + "a1B2_-x" * 5,
    "Hugging Face": "hf_" + "a1B2" * 9,
    "npm": "npm_" + "a1B2" * 9,
    "PyPI": "pypi-AgEIcHlwaS5vcmc" + "a1B2" * 12,
    "SendGrid": "SG." + "a" * 22 + "." + "b" * 43,
    "JWT": "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0In0." + "abc_DEF-123456",
    "private key": "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc=\n",
}


@pytest.mark.parametrize("name", KEYS)
def test_key_is_masked(name: str) -> None:
    masking = KeyMasking()
    masked = masking.masked(f'client = Client("{KEYS[name]}")\n')

    assert masked == 'client = Client("MASKED_KEY_1")\n' or name == "private key"
    assert KEYS[name] not in masked
    assert masking.count == 1


def test_password_of_a_url_is_masked_and_the_rest_stays() -> None:
    masking = KeyMasking()
    url = "postgres://me:hunter22@db.example/x"
    assert masking.masked(url) == "postgres://me:MASKED_KEY_1@db.example/x"


@pytest.mark.parametrize(
    "code",
    [
        "task-list-of-everything-in-here",
        "class='sk-circle-fade-dot-animation'",
        "commit = '0123456789abcdef0123456789abcdef01234567'",
        "url = f'postgres://me:{password}@db/x'",
        "url = 'postgres://me:${PASSWORD}@db/x'",
        "for key in keys: sk_live = key",
        "https://example.org:8080/a@b",
        "PRIVATE KEY",
        "AKIA",
    ],
)
def test_what_is_no_key_stays(code: str) -> None:
    masking = KeyMasking()
    assert masking.masked(code) == code
    assert masking.count == 0


def test_same_key_has_the_same_mask_and_others_have_others() -> None:
    masking = KeyMasking()
    first, second = KEYS["OpenAI"], KEYS["GitHub"]
    assert masking.masked(f"{first} {second} {first}") == "MASKED_KEY_1 MASKED_KEY_2 MASKED_KEY_1"
    assert masking.masked(first) == "MASKED_KEY_1"


def test_name_that_the_code_holds_is_no_mask() -> None:
    masking = KeyMasking()
    masked = masking.masked(f"MASKED_KEY_1 = '{KEYS['OpenAI']}'")
    assert masked == "MASKED_KEY_1 = 'MASKED_KEY_2'"
    assert masking.feed(masked) + masking.finish() == f"MASKED_KEY_1 = '{KEYS['OpenAI']}'"


@given(
    pieces=st.lists(
        st.sampled_from(
            ["MASKED_KEY_1", "MASKED_KEY_2", "MASKED_", "MASKED_KEY_", "M", "x = '", "2"]
        )
    ),
    cuts=st.lists(st.integers(0, 80)),
)
def test_keys_come_back_however_an_answer_is_split(pieces: list[str], cuts: list[int]) -> None:
    answer = " ".join(pieces)
    whole = KeyMasking()
    whole.masked(KEYS["OpenAI"] + " " + KEYS["GitHub"])
    expected = whole.feed(answer) + whole.finish()
    split = KeyMasking()
    split.masked(KEYS["OpenAI"] + " " + KEYS["GitHub"])
    edges = sorted({0, len(answer), *(cut for cut in cuts if cut < len(answer))})
    parts = [answer[start:end] for start, end in pairwise(edges)]

    assert "".join([split.feed(part) for part in parts]) + split.finish() == expected
    assert pieces.count("MASKED_KEY_2") == expected.count(KEYS["GitHub"])


async def answered(provider: ScriptedProvider, prompt: str, **policy: bool) -> GenerationFinished:
    engine = GenerationEngine(provider, GenerationPolicy(max_retries=1, backoff_s=0, **policy))
    *_, last = [event async for event in engine.stream(request_for(prompt))]
    assert isinstance(last, GenerationFinished)
    return last


async def test_generation_sends_no_key_and_answers_with_it() -> None:
    provider = ScriptedProvider(text_script("key = 'MASKED", "_KEY_", "1'\n"))
    result = (await answered(provider, f"key = '{KEYS['GitHub']}'")).result

    assert provider.requests[0].messages[-1].content == "key = 'MASKED_KEY_1'"
    assert result.text == f"key = '{KEYS['GitHub']}'\n"
    assert result.masked_keys == 1


async def test_retry_begins_with_nothing_held_back() -> None:
    provider = ScriptedProvider([Delta(text="MASKED_"), Disconnect()], text_script("MASKED_KEY_1"))
    result = (await answered(provider, KEYS["GitHub"])).result
    assert result.text == KEYS["GitHub"]


async def test_what_is_held_back_at_the_end_comes() -> None:
    result = (await answered(ScriptedProvider(text_script("MASKED_")), KEYS["GitHub"])).result
    assert result.text == "MASKED_"


async def test_masking_can_be_turned_off() -> None:
    provider = ScriptedProvider(text_script("x"))
    result = (await answered(provider, KEYS["GitHub"], masks_keys=False)).result
    assert provider.requests[0].messages[-1].content == KEYS["GitHub"]
    assert result.masked_keys == 0
