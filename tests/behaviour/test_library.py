"""The library's class as its users hold it: callbacks, results, errors, settings."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Any

import pytest

from streaming_code_generator import (
    APIError,
    ConfigurationError,
    StreamingCodeGenerator,
    StreamProcessError,
    StreamStats,
    StreamStatus,
)
from streaming_code_generator.core.engine.recovery import MOST_FAILURES
from streaming_code_generator.core.messages import Delta
from streaming_code_generator.testing.openai_replies import Reply, answer
from streaming_code_generator.testing.openai_server import OpenAIServer
from streaming_code_generator.testing.scripted import (
    Disconnect,
    Refuse,
    Script,
    ScriptedProvider,
    WaitFor,
    text_script,
)
from support.generations import DEADLINE_S

Make = Callable[..., StreamingCodeGenerator]
PIECES = ("```python\nprint(1)\n```\n", "", "It prints 1.")


def ignore(_: object) -> None:
    """Take a callback's argument and do nothing."""


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    async with AsyncExitStack() as stack:

        def made(*args: object, **kwargs: object) -> StreamingCodeGenerator:
            generator = StreamingCodeGenerator(*args, **kwargs)  # type: ignore[arg-type]  # as each test wants
            stack.push_async_callback(generator.aclose)
            return generator

        yield made


@pytest.fixture
def generator(make: Make) -> StreamingCodeGenerator:
    return make(provider=ScriptedProvider(text_script(*PIECES)))


async def test_pieces_are_called_back_in_order_and_empty_ones_are_not(
    generator: StreamingCodeGenerator,
) -> None:
    heard: list[str] = []
    result = await generator.generate_code_with_explanation("print one", heard.append)
    assert heard == [PIECES[0], PIECES[2]]
    assert result.text == result["text"] == "".join(PIECES)
    assert result.code.strip() == "print(1)"
    assert result.explanation.strip() == "It prints 1."
    assert result["stats"] is result.stats
    assert result["completion_time"] == result.completion_time > 0


async def test_callbacks_may_be_coroutine_functions(generator: StreamingCodeGenerator) -> None:
    heard: list[object] = []

    async def hear(argument: object) -> None:
        await asyncio.sleep(0)
        heard.append(argument)

    await generator.generate_code_with_explanation("x", hear, hear)
    assert [type(each) for each in heard[:3]] == [StreamStats, str, StreamStats]


async def test_progress_comes_for_every_chunk_and_once_more_at_the_end(
    generator: StreamingCodeGenerator,
) -> None:
    progress: list[StreamStats] = []
    result = await generator.generate_code_with_explanation("x", ignore, progress.append)
    assert [stats.chunks_processed for stats in progress] == [1, 2, 3, 4, 5, 6, 6]
    assert progress[-1] == result.stats
    assert progress[-1].status is StreamStatus.COMPLETED
    assert {stats.status for stats in progress[:-1]} == {StreamStatus.PROCESSING}


async def test_progress_comes_once_for_a_chunk_that_is_split(make: Make) -> None:
    generator = make(provider=ScriptedProvider(text_script("abcdef")), chunk_size=2)
    heard: list[str] = []
    progress: list[StreamStats] = []
    await generator.generate_code_with_explanation("x", heard.append, progress.append)
    assert heard == ["ab", "cd", "ef"]
    assert [stats.chunks_processed for stats in progress] == [1, 2, 3, 4, 4]


async def test_reasoning_is_not_called_back_but_counted(make: Make) -> None:
    script = [Delta(reasoning="hm"), Delta(text="x = 1"), Delta(finish_reason="stop")]
    heard: list[str] = []
    progress: list[StreamStats] = []
    generator = make(provider=ScriptedProvider(script))
    result = await generator.generate_code_with_explanation("x", heard.append, progress.append)
    assert (heard, result.text, result.reasoning) == (["x = 1"], "x = 1", "hm")
    assert len(progress) == 4


async def test_nobody_needs_to_listen(generator: StreamingCodeGenerator) -> None:
    result = await generator.generate_code_with_explanation("x", None)
    assert result.text == "".join(PIECES)


async def test_what_a_callback_raises_ends_the_generation(make: Make) -> None:
    provider = ScriptedProvider(text_script("a", "b", "c"))
    heard: list[str] = []

    def refuse(text: str) -> None:
        heard.append(text)
        if text == "b":
            raise ValueError("words that are not repeated")

    with pytest.raises(StreamProcessError) as caught:
        await make(provider=provider).generate_code_with_explanation("x", refuse)
    assert isinstance(caught.value.__cause__, ValueError)
    assert (caught.value.kind, caught.value.partial_text) == ("callback", "ab")
    assert "ValueError" in caught.value.message
    assert "not repeated" not in caught.value.message
    assert heard == ["a", "b"]
    assert provider.open_streams == 0


async def test_what_a_progress_callback_raises_ends_it_too(
    generator: StreamingCodeGenerator,
) -> None:
    async def refuse(_: StreamStats) -> None:
        raise ValueError

    with pytest.raises(StreamProcessError, match="progress callback raised ValueError"):
        await generator.generate_code_with_explanation("x", ignore, refuse)


async def test_a_failure_is_the_last_progress(make: Make) -> None:
    progress: list[StreamStats] = []
    generator = make(provider=ScriptedProvider([Delta(text="half"), Disconnect()]))
    with pytest.raises(StreamProcessError) as caught:
        await generator.generate_code_with_explanation("x", ignore, progress.append)
    assert [stats.status.name for stats in progress] == ["PROCESSING", "ERROR"]
    assert caught.value.partial_text == "half"


async def test_cancelling_is_the_last_progress(make: Make) -> None:
    provider = ScriptedProvider([Delta(text="half"), WaitFor(event=asyncio.Event())])
    progress: list[StreamStats] = []
    arrived = asyncio.Event()
    task = asyncio.create_task(
        make(provider=provider).generate_code_with_explanation(
            "x", lambda _: arrived.set(), progress.append
        )
    )
    await asyncio.wait_for(arrived.wait(), DEADLINE_S)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, DEADLINE_S)
    assert progress[-1].status is StreamStatus.CANCELLED
    assert provider.open_streams == 0


async def test_a_callback_may_be_cancelled(generator: StreamingCodeGenerator) -> None:
    waiting = asyncio.Event()

    async def wait_for_ever(_: str) -> None:
        waiting.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(generator.generate_code_with_explanation("x", wait_for_ever))
    await asyncio.wait_for(waiting.wait(), DEADLINE_S)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, DEADLINE_S)


async def test_stream_gives_the_same_as_events(generator: StreamingCodeGenerator) -> None:
    async with aclosing(generator.stream("x")) as events:
        kinds = [event.kind async for event in events]
    assert kinds == ["empty", "text", "empty", "text", "empty", "empty", "finished"]


async def test_stream_may_be_left_early(make: Make) -> None:
    provider = ScriptedProvider(text_script("a", "b"))
    async with aclosing(make(provider=provider).stream("x")) as events:
        async for event in events:
            if event.kind == "text":
                break
    assert provider.open_streams == 0


@pytest.mark.parametrize(("given", "attempts"), [(0, 1), (1, 2), (None, 3)])
async def test_retries_may_be_set_for_one_generation(
    make: Make, given: int | None, attempts: int
) -> None:
    async with OpenAIServer(Reply.error(503, "busy", headers={"retry-after-ms": "1"})) as server:
        generator = make("key", base_url=server.base_url, model="m", max_retries=2)
        with pytest.raises(APIError) as caught:
            await generator.generate_code_with_explanation("x", ignore, max_retries=given)
    counted = "1 attempt" if attempts == 1 else f"{attempts} attempts"
    assert f"Gave up after {counted}: " in caught.value.message
    assert "busy" in caught.value.message
    assert caught.value.attempts == len(server.requests) == attempts


async def test_what_is_asked_for_reaches_the_endpoint(make: Make) -> None:
    async with OpenAIServer() as server:
        generator = make(
            "the-key",
            "the-model",
            base_url=server.base_url,
            max_output_tokens=55,
            temperature=0.25,
            system_prompt="Answer in verse.",
        )
        await generator.generate_code_with_explanation("the prompt", ignore)
    (request,) = server.requests
    assert request.headers["authorization"] == "Bearer the-key"
    assert request.body["model"] == "the-model"
    assert request.body["max_tokens"] == 55
    assert request.body["temperature"] == 0.25
    assert [message["content"] for message in request.body["messages"]] == [
        "Answer in verse.",
        "the prompt",
    ]


async def test_the_model_is_asked_for_code_and_an_explanation(make: Make) -> None:
    provider = ScriptedProvider(text_script("a"))
    await make(provider=provider).generate_code_with_explanation("x", ignore)
    system, _ = provider.requests[0].messages
    assert system.role == "system"
    assert "fenced code block" in system.content
    assert "explanation" in system.content


async def test_a_closed_generator_has_closed_its_provider() -> None:
    provider = ScriptedProvider(text_script("a"))
    async with StreamingCodeGenerator(provider=provider):
        assert not provider.is_closed
    assert provider.is_closed


# --- where the model comes from ---------------------------------------------------------------


def test_a_key_means_openai(make: Make) -> None:
    described = make("sk-given").provider
    assert (described.name, described.endpoint) == ("openai", "https://api.openai.com/v1")
    assert described.reason == "an API key is set (the `api_key` argument)"


def test_a_base_url_means_that_endpoint_without_a_key(make: Make) -> None:
    described = make(base_url="http://127.0.0.1:9/v1", model="m").provider
    assert (described.name, described.endpoint) == ("openai", "http://127.0.0.1:9/v1")
    assert described.reason == "a base URL is set (the `base_url` argument)"


@pytest.mark.parametrize("arguments", [("k",), ("k", None, 60, 1524, "http://127.0.0.1:9/v1")])
def test_without_a_model_there_is_a_default(make: Make, arguments: tuple[object, ...]) -> None:
    assert make(*arguments).provider.model == "gpt-5.4-mini"


def test_the_environment_is_asked_where_no_argument_is_given(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-from-the-environment")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("STREAMING_CODE_GENERATOR_MODEL", "set-model")
    described = make().provider
    assert (described.endpoint, described.model) == ("http://127.0.0.1:9/v1", "set-model")


def test_an_argument_goes_before_what_is_set(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMING_CODE_GENERATOR_PROVIDER", "embedded")
    monkeypatch.setenv("STREAMING_CODE_GENERATOR_MODEL", "set-model")
    assert make("sk-given", "given-model").provider.model == "given-model"


async def test_result_says_which_provider_was_taken_and_why(make: Make) -> None:
    async with OpenAIServer(answer("a")) as server:
        generator = make("k", base_url=server.base_url, model="m")
        result = await generator.generate_code_with_explanation("x", ignore)
    assert result.provider == "openai: a base URL is set (the `base_url` argument)"


def test_without_anything_it_says_what_to_set(make: Make, tmp_path: Path) -> None:
    missing = tmp_path / "missing.gguf"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("STREAMING_CODE_GENERATOR_MODEL_PATH", str(missing))
        with pytest.raises(ConfigurationError):
            make()


@pytest.mark.parametrize("url", ["not a url", "ftp://x/v1", "http://user:hidden@x/v1"])
def test_a_bad_url_is_refused_and_its_password_not_shown(make: Make, url: str) -> None:
    with pytest.raises(ConfigurationError, match="base URL") as caught:
        make("k", base_url=url, model="m")
    assert "hidden" not in caught.value.message


@pytest.mark.parametrize("wrong", [{"timeout": 0}, {"chunk_size": 0}, {"max_retries": -1}])
def test_a_value_out_of_range_is_refused(make: Make, wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError):
        make("k", **wrong)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"provider": "opnai"}, "`provider`"),
        ({"temperature": 9}, "`temperature`"),
        ({"temperature": float("nan")}, "`temperature`"),
        ({"max_output_tokens": 0}, "`max_output_tokens`"),
    ],
)
def test_an_argument_that_cannot_be_used_is_refused(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        StreamingCodeGenerator("any key", base_url="http://127.0.0.1:9/v1", **arguments)


UNCLOSED = """
import asyncio
from streaming_code_generator import StreamingCodeGenerator
from streaming_code_generator.testing.openai_replies import answer
from streaming_code_generator.testing.openai_server import OpenAIServer

async def main():
    async with OpenAIServer(answer("a")) as server:
        generator = StreamingCodeGenerator("any", base_url=server.base_url, model="m")
        return generator, await generator.generate_code_with_explanation("x", None)

kept, _ = asyncio.run(main())
asyncio.run(main())
"""


def test_a_program_that_closes_nothing_ends_without_a_word() -> None:
    command = [sys.executable, "-W", "error", "-c", UNCLOSED]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


async def test_interrupted_response_goes_on_where_that_is_wanted() -> None:
    scripts: list[Script] = [[Delta(text="x = 1\n"), Disconnect()], text_script("y = 2\n")]
    kept = StreamingCodeGenerator(provider=ScriptedProvider(*scripts))
    with pytest.raises(StreamProcessError) as caught:
        await kept.generate_code_with_explanation("x", None)
    assert caught.value.partial_text == "x = 1\n"

    continuing = StreamingCodeGenerator(
        provider=ScriptedProvider(*scripts), on_interrupt="continue"
    )
    result = await continuing.generate_code_with_explanation("x", None)
    assert result.text == "x = 1\ny = 2\n"


async def test_response_cut_off_at_the_limit_goes_on_as_often_as_is_said() -> None:
    cut = text_script("x = 1\n", finish_reason="length")
    provider = ScriptedProvider(cut, text_script("y = 2\n"))
    generator = StreamingCodeGenerator(provider=provider, max_continuations=1)
    result = await generator.generate_code_with_explanation("x", None)
    assert (result.text, result.is_complete) == ("x = 1\ny = 2\n", True)


@pytest.mark.parametrize("argument", [{"on_interrupt": "remove"}, {"max_continuations": 99}])
def test_unusable_ways_of_going_on_are_refused(argument: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(argument))):
        StreamingCodeGenerator(provider=ScriptedProvider(), **argument)


def refusing() -> ScriptedProvider:
    down = Refuse(error=APIError("it is down", kind="connection", retryable=True))
    return ScriptedProvider([down], model="first", endpoint="first")


async def test_another_generator_answers_where_the_first_one_fails(make: Make) -> None:
    spare = ScriptedProvider(text_script("x = 1"), model="spare", endpoint="spare")
    first = refusing()
    other = make(provider=spare, temperature=0.5)
    generator = make(provider=first, max_retries=0, fallbacks=[other])
    results = [
        await generator.generate_code_with_explanation("x", None) for _ in range(MOST_FAILURES + 2)
    ]

    assert {(result.text, result.fallback, result.model) for result in results} == {
        ("x = 1", "spare", "spare")
    }
    assert spare.requests[0].temperature == 0.5
    # One that keeps failing is passed over.
    assert len(first.requests) == MOST_FAILURES
    await generator.aclose()
    assert (first.is_closed, spare.is_closed) == (True, False)


async def test_profiles_answer_where_the_endpoint_that_is_set_fails(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with OpenAIServer(Reply.error(500, "down")) as down, OpenAIServer(answer("x = 1")) as up:
        profiles = json.dumps({"spare": {"baseUrl": up.base_url, "model": "spare-model"}})
        for name, value in {
            "BASE_URL": down.base_url,
            "MODEL": "first-model",
            "PROFILES": profiles,
            "FALLBACKS": "spare",
        }.items():
            monkeypatch.setenv(f"STREAMING_CODE_GENERATOR_{name}", value)

        as_set = make(max_retries=0)
        named = make(base_url=down.base_url, max_retries=0, fallbacks=["spare"])
        for generator in (as_set, named):
            result = await generator.generate_code_with_explanation("x", None)
            assert (result.text, result.fallback) == ("x = 1", "spare")
        # What is passed says more than what is set.
        without = (make(base_url=down.base_url, max_retries=0), make(fallbacks=(), max_retries=0))
        for generator in without:
            with pytest.raises(APIError, match="down"):
                await generator.generate_code_with_explanation("x", None)
        assert len(up.requests) == 2
        with pytest.raises(ConfigurationError, match=r"No profile `spar` can be used: .*`spare`"):
            make(fallbacks=["spar"])
