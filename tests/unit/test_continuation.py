"""A response that was cut off goes on where it ended, with nothing twice."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming_code_generator.core.engine.generator import GenerationPolicy
from streaming_code_generator.core.engine.recovery import (
    LEAST_LINE_OVERLAP,
    LEAST_OVERLAP,
    Seam,
)
from streaming_code_generator.core.messages import Delta, Usage
from streaming_code_generator.errors import APIError, ErrorKind, StreamProcessError
from streaming_code_generator.testing.scripted import (
    Disconnect,
    Refuse,
    ScriptedProvider,
    text_script,
)
from support.generations import events_of, result_of, texts

BLOCK = "```python\ndef area(w, h):\n    return w"
GOING_ON = GenerationPolicy(backoff_s=0, continues_interrupted=True, max_retries=2)


def joined(text: str, *continuation: str) -> str:
    seam = Seam(text)
    return text + "".join(map(seam.feed, continuation)) + seam.finish()


@pytest.mark.parametrize(
    ("text", "continuation", "whole"),
    [
        pytest.param(BLOCK, " * h\n```", f"{BLOCK} * h\n```", id="goes on"),
        pytest.param(
            BLOCK, "    return w * h\n```", f"{BLOCK} * h\n```", id="begins the line anew"
        ),
        pytest.param(BLOCK, "```python\n * h\n```", f"{BLOCK} * h\n```", id="opens a block anew"),
        pytest.param(BLOCK, "```py\n    return w * h\n```", f"{BLOCK} * h\n```", id="both of it"),
        pytest.param(f"{BLOCK}\n", "```\nIt works.", f"{BLOCK}\n```\nIt works.", id="closes it"),
        pytest.param("x = 1\n\n", "\n\ny = 2\n", "x = 1\n\n\n\ny = 2\n", id="blank lines"),
        pytest.param("f(g(", "(1))", "f(g((1))", id="alike by chance"),
        pytest.param("Say:\n", "```py\nx\n```", "Say:\n```py\nx\n```", id="its first block"),
    ],
)
def test_what_is_repeated_at_the_seam_is_dropped(text: str, continuation: str, whole: str) -> None:
    assert joined(text, continuation) == whole
    assert joined(text, *continuation) == whole


@pytest.mark.parametrize("before", ["", "Here it is:\n"])
def test_response_that_is_begun_anew_is_the_same_wherever_it_was_cut_off(before: str) -> None:
    whole = f"{before}```python\na = 1\nb = 2\n\nc = 3\n```"
    for at in range(len(before) + 3 if before else 1, len(whole)):
        anew = whole.removeprefix(before)
        assert joined(whole[:at], anew) == whole
        assert joined(whole[:at], *anew) == whole


@given(st.text("ab \n`~py"), st.lists(st.text("ab \n`~py")))
def test_seam_is_the_same_for_every_split(text: str, pieces: list[str]) -> None:
    assert joined(text, *pieces) == joined(text, "".join(pieces))


@given(st.text("abcdef(\n", min_size=LEAST_OVERLAP * 3), st.text("ghi"), st.integers(0, 40))
def test_nothing_new_is_lost(text: str, new: str, repeated: int) -> None:
    repetition = text[-repeated:] if repeated else ""
    is_plain = len("".join(repetition.split())) < LEAST_LINE_OVERLAP
    assert joined(text, repetition + new).endswith((repetition if is_plain else "") + new)


async def test_interrupted_response_goes_on_from_the_text_so_far() -> None:
    provider = ScriptedProvider(
        (Delta(text="x = 1\ny = tw"), Disconnect()), text_script("y = two\n", "z = 3\n")
    )
    events = await events_of(provider, GOING_ON)
    assert "".join(texts(events)) == "x = 1\ny = two\nz = 3\n"
    asked = provider.requests[1].messages
    assert [message.role for message in asked[-2:]] == ["assistant", "user"]
    assert asked[-2].content == "x = 1\ny = tw"


async def test_result_says_that_it_went_on() -> None:
    provider = ScriptedProvider((Delta(text="x = 1\n"), Disconnect()), text_script("y = 2\n"))
    result = await result_of(provider, GOING_ON)
    assert result.is_complete
    assert result.warnings == ("went on after an interruption (connection)",)
    assert result.stats.attempts == 2
    # One for each part as it is: the first was never reported.
    assert result.stats.token_source != "provider"
    assert result.stats.completion_tokens > 1


async def test_response_that_breaks_off_again_without_anything_new_is_given_up() -> None:
    provider = ScriptedProvider((Delta(text="x = 1\n"), Disconnect()), (Disconnect(),))
    with pytest.raises(StreamProcessError, match="kept") as caught:
        await events_of(provider, GOING_ON)
    assert caught.value.partial_text == "x = 1\n"
    assert caught.value.attempts == 1 + 3


@pytest.mark.parametrize(
    ("kind", "requests"),
    [
        *(("connection", 2), ("server", 2), ("rate_limit", 2), ("stream", 2)),
        *(("authentication", 1), ("context_length", 1), ("bad_request", 1), ("not_found", 1)),
    ],
)
async def test_only_what_is_likely_to_pass_is_gone_on_after(kind: ErrorKind, requests: int) -> None:
    refused = Refuse(error=APIError("refused in the middle", kind=kind))
    provider = ScriptedProvider((Delta(text="x = 1\n"), refused), text_script("y = 2\n"))
    with suppress(StreamProcessError):
        await events_of(provider, GOING_ON)
    assert len(provider.requests) == requests


async def test_interruptions_come_to_an_end() -> None:
    lines = ("first line\n", "second line\n", "third line\n", "fourth line\n")
    provider = ScriptedProvider(*((Delta(text=line), Disconnect()) for line in lines))
    with pytest.raises(StreamProcessError) as caught:
        await events_of(provider, GOING_ON)
    assert caught.value.partial_text == "first line\nsecond line\nthird line\n"


async def test_interrupted_response_is_kept_where_nothing_else_is_set() -> None:
    provider = ScriptedProvider((Delta(text="x = 1\n"), Disconnect()))
    with pytest.raises(StreamProcessError):
        await events_of(provider)
    assert len(provider.requests) == 1


async def test_response_goes_on_at_the_token_limit_as_often_as_is_set() -> None:
    provider = ScriptedProvider(
        text_script("x = ", finish_reason="length"),
        text_script("1\ny = ", finish_reason="length"),
        text_script("2\n", finish_reason="length"),
    )
    result = await result_of(provider, GenerationPolicy(max_continuations=2))
    assert result.text == "x = 1\ny = 2\n"
    assert result.finish_reason == "length"
    assert len(provider.requests) == 3


async def test_tokens_of_all_parts_are_added_up() -> None:
    def part(text: str, reason: str, prompt: int) -> tuple[Delta, ...]:
        usage = Usage(prompt_tokens=prompt, completion_tokens=4, total_tokens=prompt + 4)
        return Delta(text=text), Delta(finish_reason=reason), Delta(usage=usage)

    provider = ScriptedProvider(part("x = ", "length", 10), part("1\n", "stop", 20))
    result = await result_of(provider, GenerationPolicy(max_continuations=1))
    assert (result.stats.prompt_tokens, result.stats.completion_tokens) == (30, 8)
    assert result.stats.total_tokens == 38
    assert result.stats.token_source == "provider"
