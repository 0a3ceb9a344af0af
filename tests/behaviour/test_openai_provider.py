"""The OpenAI provider against real HTTP: requests, every quirk of real servers, every fault."""

import asyncio
import gc
import json
import logging
import threading
import warnings
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from typing import get_args

import pytest

from streaming_code_generator.core.engine.generator import GenerationEngine, GenerationPolicy
from streaming_code_generator.core.messages import CompletionRequest, Message, PromptProgress
from streaming_code_generator.core.results import EmptyChunkArrived, GenerationResult, TextArrived
from streaming_code_generator.errors import (
    APIError,
    ConfigurationError,
    StreamingError,
    StreamProcessError,
)
from streaming_code_generator.providers.openai.dialect import Dialect, dialect_for
from streaming_code_generator.providers.openai.openai_provider import OpenAIProvider
from streaming_code_generator.settings import Secret
from streaming_code_generator.testing.openai_replies import (
    DONE,
    KEEP_ALIVE,
    Drop,
    Hold,
    Reply,
    Step,
    answer,
    chunk,
    event,
    finish,
    split_bytes,
    usage,
)
from streaming_code_generator.testing.openai_server import OpenAIServer, RecordedRequest
from support.generations import DEADLINE_S, QUICK, events_of, request_for, result_of, texts

KEY = "sk-test-0123456789abcdef"
ONCE = GenerationPolicy(max_retries=0)
AGAIN = GenerationPolicy(max_retries=1, backoff_s=0.001, backoff_max_s=0.001)


class Site:
    """A loopback server and a provider that speaks to it."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self.server: OpenAIServer

    async def provider(self, *answers: Reply, **options: object) -> OpenAIProvider:
        self.server = await self._stack.enter_async_context(OpenAIServer(*answers))
        settings = {"api_key": KEY, "base_url": self.server.base_url, "model": "m", **options}
        provider = OpenAIProvider(**settings)  # type: ignore[arg-type]  # tests give what fits
        self._stack.push_async_callback(provider.aclose)
        return provider

    async def result(self, *steps: Step) -> GenerationResult:
        return await result_of(await self.provider(Reply(steps=steps)), ONCE)

    async def failure(self, *answers: Reply, policy: GenerationPolicy = ONCE) -> StreamingError:
        provider = await self.provider(*answers)
        with pytest.raises(StreamingError) as caught:
            await events_of(provider, policy)
        assert KEY not in caught.value.message
        assert self.server.base_url in caught.value.message
        return caught.value

    async def broken(self, *steps: Step) -> StreamingError:
        return await self.failure(Reply(steps=steps))


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        yield Site(stack)


# --- the request ----------------------------------------------------------------------------


async def test_the_request_is_a_streamed_chat_completion_with_usage(site: Site) -> None:
    provider = await site.provider(answer("a"), model="some-model")
    request = CompletionRequest(
        messages=(Message(role="system", content="be brief"), Message(role="user", content="é")),
        max_output_tokens=77,
        temperature=0.5,
    )
    async for _ in GenerationEngine(provider).stream(request):
        pass
    (sent,) = site.server.requests
    assert (sent.method, sent.path) == ("POST", "/v1/chat/completions")
    assert sent.headers["authorization"] == f"Bearer {KEY}"
    assert sent.body == {
        "model": "some-model",
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "é"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 77,
        "temperature": 0.5,
    }


async def test_what_is_not_set_is_not_sent(site: Site) -> None:
    await result_of(await site.provider(answer("a")))
    assert set(site.server.requests[0].body) == {"model", "messages", "stream", "stream_options"}


async def test_extra_fields_are_sent_along(site: Site) -> None:
    await result_of(await site.provider(answer("a"), extra_body={"return_progress": True}))
    assert site.server.requests[0].body["return_progress"] is True


async def test_extra_headers_are_sent_and_never_shown(site: Site) -> None:
    headers = (("x-team", Secret("canary-team-0123")), ("authorization", Secret("Other scheme")))
    refusal = Reply.error(400, "no team canary-team-0123")
    provider = await site.provider(refusal, extra_headers=headers)
    with pytest.raises(APIError, match=r"no team \*\*\*") as caught:
        await events_of(provider, ONCE)
    (sent,) = site.server.requests
    assert sent.headers["x-team"] == "canary-team-0123"
    assert sent.headers["authorization"] == "Other scheme"
    assert "canary" not in caught.value.message


async def test_how_much_to_think_is_sent_where_it_is_set(site: Site) -> None:
    request = replace(request_for(), reasoning_effort="low")
    provider = await site.provider(answer("a"))
    async for _ in GenerationEngine(provider).stream(request):
        pass
    assert site.server.requests[0].body["reasoning_effort"] == "low"


async def test_without_a_key_no_authorization_is_sent(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a key for another place")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "another one")
    await result_of(await site.provider(answer("a"), api_key=None))
    assert "authorization" not in site.server.requests[0].headers


async def test_a_proxy_is_not_asked_for_this_machine(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert (await result_of(await site.provider(answer("a")), ONCE)).text == "a"


@pytest.mark.parametrize(
    ("base_url", "model", "expected"),
    [
        ("https://api.openai.com/v1", "gpt-5.4-mini", ("max_completion_tokens", "developer")),
        ("https://api.openai.com/v1", "o3", ("max_completion_tokens", "developer")),
        ("https://api.openai.com/v1", "gpt-4o", ("max_completion_tokens", "system")),
        ("http://127.0.0.1:8080/v1", "gpt-5.4-mini", ("max_tokens", "system")),
        ("https://api.openai.com.example/v1", "gpt-5", ("max_tokens", "system")),
    ],
)
def test_automatic_names_go_by_host_and_model(
    base_url: str, model: str, expected: tuple[str, str]
) -> None:
    dialect = dialect_for(base_url, model, "auto", "auto")
    assert (dialect.token_limit_field, dialect.system_role) == expected


def test_names_that_are_set_are_taken() -> None:
    dialect = dialect_for("http://x", "m", "max_completion_tokens", "developer", "chat")
    assert dialect == Dialect(
        token_limit_field="max_completion_tokens",
        system_role="developer",
    )


@pytest.mark.parametrize(
    "refusal",
    [
        Reply.error(400, "Unknown parameter: 'stream_options'"),
        Reply.json({"detail": [{"loc": ["body", "stream_options"], "msg": "extra"}]}, status=422),
    ],
    ids=["openai's words", "pydantic's words"],
)
async def test_a_server_that_refuses_to_count_is_asked_without_it_and_only_once(
    site: Site, refusal: Reply
) -> None:
    provider = await site.provider(refusal, answer("a"), answer("b"))
    assert (await result_of(provider, ONCE)).text == "a"
    assert (await result_of(provider, ONCE)).text == "b"
    asked = ["stream_options" in request.body for request in site.server.requests]
    assert asked == [True, False, False]


async def test_a_server_that_corrects_the_token_limits_name_is_followed(site: Site) -> None:
    refusal = Reply.error(400, "'max_tokens' is unsupported, use 'max_completion_tokens' instead")
    both = Reply.error(400, "no stream_options either")
    provider = await site.provider(refusal, both, answer("a"))
    for _ in range(2):
        async with provider.open(replace(request_for(), max_output_tokens=9)) as deltas:
            assert "a" in [delta.text async for delta in deltas]
    sent = [
        {"max_tokens", "max_completion_tokens", "stream_options"} & set(request.body)
        for request in site.server.requests
    ]
    assert sent == [
        {"max_tokens", "stream_options"},
        {"max_completion_tokens", "stream_options"},
        {"max_completion_tokens"},
        {"max_completion_tokens"},
    ]


async def test_a_token_limits_name_that_was_set_is_kept(site: Site) -> None:
    refusal = Reply.error(400, "use 'max_completion_tokens' instead")
    provider = await site.provider(refusal, token_limit_field="max_tokens")
    with pytest.raises(APIError, match="use 'max_completion_tokens'"):
        await events_of(provider, ONCE)
    assert len(site.server.requests) == 1


async def test_another_refusal_is_not_mistaken_for_that(site: Site) -> None:
    error = await site.failure(Reply.error(400, "Unknown parameter: 'temperature'"))
    assert "temperature" in error.message
    assert len(site.server.requests) == 1


async def test_refusals_at_the_same_time_are_all_answered_without_it() -> None:
    def reply_to(request: RecordedRequest) -> Reply:
        asks = "stream_options" in request.body
        return Reply.error(400, "no stream_options here") if asks else answer("a")

    async with OpenAIServer(reply_to=reply_to) as server:
        provider = OpenAIProvider(api_key=KEY, base_url=server.base_url, model="m")
        results = await asyncio.gather(*(result_of(provider, ONCE) for _ in range(8)))
        await provider.aclose()
    assert {result.text for result in results} == {"a"}


async def test_an_endpoint_on_this_machine_gets_a_connection_for_each_generation(
    site: Site,
) -> None:
    """Some local servers close idle connections under the request that is just being sent."""
    provider = await site.provider(answer("a"))
    for _ in range(3):
        await result_of(provider)
    assert {request.connection for request in site.server.requests} == {1, 2, 3}


@contextmanager
def server_in_a_thread(reply: Reply) -> Iterator[str]:
    """Run a server in an event loop of its own, and give its base URL."""
    base_url: Future[str] = Future()
    stopping: Future[asyncio.Event] = Future()

    async def serve() -> None:
        stop = asyncio.Event()
        async with OpenAIServer(reply) as server:
            base_url.set_result(server.base_url)
            stopping.set_result(stop)
            await stop.wait()

    runner = asyncio.Runner()
    thread = threading.Thread(target=runner.run, args=(serve(),))
    thread.start()
    try:
        yield base_url.result(DEADLINE_S)
    finally:
        runner.get_loop().call_soon_threadsafe(stopping.result().set)
        thread.join()
        runner.close()


def test_one_provider_serves_one_event_loop_after_the_other() -> None:
    with server_in_a_thread(answer("a")) as base_url, warnings.catch_warnings():
        # A loop that is gone cannot close its connections; collecting them says so.
        warnings.simplefilter("ignore", ResourceWarning)
        provider = OpenAIProvider(api_key=KEY, base_url=base_url, model="m")
        results = [asyncio.run(result_of(provider, ONCE)) for _ in range(3)]
        del provider
        gc.collect()
    assert [result.text for result in results] == ["a"] * 3


async def test_nothing_of_a_request_is_logged(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="streaming_code_generator"):
        await result_of(await site.provider(answer("a")), ONCE, prompt="a very secret prompt")
    assert "secret prompt" not in caplog.text
    assert KEY not in caplog.text


# --- the quirks of real servers -------------------------------------------------------------

ROLE_NULL = chunk(None, role="assistant")
ROLE_ONLY = event({"choices": [{"index": 0, "delta": {"role": "assistant"}}]})
HELLO = (chunk("Hel"), chunk("lo"))
REAL_USAGE = {"prompt_tokens": 11, "completion_tokens": 2, "total_tokens": 13}
ZERO_USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


def last_chunk(**fields: object) -> bytes:
    return event({"choices": [{"delta": {}, "finish_reason": "stop"}], **fields})


QUIRKS: dict[str, Sequence[bytes]] = {
    "first chunk with content null (llama.cpp)": (ROLE_NULL, *HELLO, finish(), DONE),
    "first chunk with empty content (vLLM)": (chunk("", role="a"), *HELLO, finish(), DONE),
    "first chunk with a role alone (LiteLLM)": (ROLE_ONLY, *HELLO, finish(), DONE),
    "repeated role chunks": (ROLE_NULL, ROLE_NULL, *HELLO, ROLE_NULL, finish(), DONE),
    "finish chunk carries the last text (vLLM)": (
        chunk("Hel"),
        event({"choices": [{"delta": {"content": "lo"}, "finish_reason": "stop"}]}),
        DONE,
    ),
    "finish chunk with empty content": (
        *HELLO,
        event({"choices": [{"delta": {"content": ""}, "finish_reason": "stop"}]}),
        DONE,
    ),
    "no choices": (*HELLO, event({"id": "x"}), finish(), DONE),
    "choices null": (*HELLO, event({"choices": None}), finish(), DONE),
    "choices empty": (event({"choices": []}), *HELLO, finish(), DONE),
    "delta null": (event({"choices": [{"delta": None}]}), *HELLO, finish(), DONE),
    "choice null": (event({"choices": [None]}), *HELLO, finish(), DONE),
    "fields of the wrong type": (
        event({"choices": [{"delta": {"content": 7}}], "usage": "none", "model": 3}),
        *HELLO,
        finish(),
        DONE,
    ),
    "unknown fields": (event({"choices": [], "x": {"y": 1}, "error": None}), *HELLO, finish()),
    "no [DONE]": (*HELLO, finish()),
    "data after [DONE]": (*HELLO, finish(), DONE, chunk(" more"), b"data: {broken\n\n"),
    "data after [DONE] in the same bytes": (
        b"".join((*HELLO, finish(), DONE, chunk(" more"), b"data: {broken\n\n")),
    ),
    "comments and pings": (KEEP_ALIVE, *HELLO, b": ping\n\n", finish(), DONE),
    "empty data": (b"data:\n\n", *HELLO, b"data: \n\n", finish(), DONE),
    "CRLF": tuple(step.replace(b"\n", b"\r\n") for step in (*HELLO, finish(), DONE)),
    "no blank line at the end": (*HELLO, finish().rstrip()),
}


@pytest.mark.parametrize("steps", QUIRKS.values(), ids=QUIRKS.keys())
async def test_a_quirk_is_no_error(site: Site, steps: Sequence[bytes]) -> None:
    result = await site.result(*steps)
    assert (result.text, result.finish_reason) == ("Hello", "stop")


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        pytest.param((*HELLO, finish(), usage(11, 2), DONE), (11, 2), id="own chunk"),
        pytest.param((*HELLO, last_chunk(usage=REAL_USAGE), DONE), (11, 2), id="finish chunk"),
        pytest.param(
            (*HELLO, finish(), event({"choices": [{"delta": {}}], "usage": REAL_USAGE}), DONE),
            (11, 2),
            id="last chunk with choices (LiteLLM)",
        ),
        pytest.param(
            (
                *(event({"choices": [{"delta": {"content": "x"}}], "usage": ZERO_USAGE}),) * 2,
                last_chunk(usage=REAL_USAGE),
            ),
            (11, 2),
            id="zeros before the real ones",
        ),
        pytest.param(
            (*HELLO, last_chunk(usage=REAL_USAGE), event({"choices": [], "usage": ZERO_USAGE})),
            (11, 2),
            id="zeros after the real ones",
        ),
        pytest.param(
            (*HELLO, last_chunk(usage={"input_tokens": 11, "output_tokens": 2})),
            (11, 2),
            id="names of the responses API",
        ),
        pytest.param(
            (*HELLO, last_chunk(timings={"prompt_n": 4, "cache_n": 7, "predicted_n": 2}), DONE),
            (11, 2),
            id="timings (llama.cpp)",
        ),
    ],
)
async def test_usage_is_found_wherever_it_stands(
    site: Site, steps: Sequence[bytes], expected: tuple[int, int]
) -> None:
    stats = (await site.result(*steps)).stats
    counts = (stats.prompt_tokens, stats.completion_tokens)
    assert (*counts, stats.token_source) == (*expected, "provider")


@pytest.mark.parametrize(
    ("reported", "cached", "reasoning"),
    [
        pytest.param(
            {
                "usage": {
                    **REAL_USAGE,
                    "prompt_tokens_details": {"cached_tokens": 8},
                    "completion_tokens_details": {"reasoning_tokens": 1},
                }
            },
            8,
            1,
            id="chat completions",
        ),
        pytest.param(
            {
                "usage": {
                    "input_tokens": 11,
                    "input_tokens_details": {"cached_tokens": 8},
                    "output_tokens": 2,
                    "output_tokens_details": {"reasoning_tokens": 1},
                }
            },
            8,
            1,
            id="responses",
        ),
        pytest.param({"usage": {**REAL_USAGE, "prompt_cache_hit_tokens": 8}}, 8, 0, id="DeepSeek"),
        pytest.param(
            {"timings": {"prompt_n": 4, "cache_n": 7, "predicted_n": 2}}, 7, 0, id="llama.cpp"
        ),
        pytest.param({"usage": {**REAL_USAGE, "prompt_tokens_details": None}}, 0, 0, id="null"),
    ],
)
async def test_cached_and_reasoning_tokens_are_in_the_figures(
    site: Site, reported: dict[str, object], cached: int, reasoning: int
) -> None:
    stats = (await site.result(*HELLO, last_chunk(**reported), DONE)).stats
    assert (stats.cached_tokens, stats.reasoning_tokens) == (cached, reasoning)


async def test_zeros_in_every_chunk_do_not_win(site: Site) -> None:
    zeros = [event({"choices": [{"delta": {"content": "x"}}], "usage": ZERO_USAGE})] * 3
    stats = (await site.result(*zeros, last_chunk(usage=ZERO_USAGE))).stats
    assert (stats.completion_tokens > 0, stats.token_source) == (True, "estimate")


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
async def test_reasoning_comes_by_either_name(site: Site, field: str) -> None:
    result = await site.result(chunk(None, **{field: "hm"}), *HELLO, finish(), DONE)
    assert (result.text, result.reasoning) == ("Hello", "hm")


async def test_prompt_progress_is_read(site: Site) -> None:
    progress = {"prompt_progress": {"total": 90, "cache": 0, "processed": 30, "time_ms": 5}}
    steps = (event({"choices": [], **progress}), *HELLO, finish(), DONE)
    first, *_ = await events_of(await site.provider(Reply(steps=steps)))
    assert isinstance(first, EmptyChunkArrived)
    assert first.prompt_progress == PromptProgress(processed=30, total=90)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
async def test_text_survives_any_splitting_of_its_bytes(site: Site, size: int) -> None:
    steps = split_bytes((chunk("é😀"), chunk("\r\n中"), finish(), DONE), size)
    assert (await site.result(*steps)).text == "é😀\r\n中"


async def test_a_surrogate_pair_torn_over_two_chunks_is_joined(site: Site) -> None:
    torn = [b'data: {"choices":[{"delta":{"content":"\\ud83d"}}]}\n\n',
            b'data: {"choices":[{"delta":{"content":"\\ude00"}}]}\n\n']  # fmt: skip
    assert (await site.result(*torn, finish(), DONE)).text == "😀"


async def test_a_server_that_does_not_stream_is_understood(site: Site) -> None:
    whole = {"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]}
    result = await result_of(await site.provider(Reply.json(whole)), ONCE)
    assert result.text == "Hello"


# --- faults ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        pytest.param({"message": "engine died"}, "server", "engine died", id="object"),
        pytest.param({"message": "x", "code": "500"}, "server", "x", id="LiteLLM"),
        pytest.param("it failed", "server", "it failed", id="string (Xinference)"),
        pytest.param(
            "Requested tokens exceed context window of 2048",
            "context_length",
            "2048",
            id="string, prompt too long",
        ),
        pytest.param({"code": "429", "message": "slow"}, "rate_limit", "slow", id="rate limit"),
    ],
)
async def test_an_error_in_the_stream_is_an_error(
    site: Site, error: object, kind: str, words: str
) -> None:
    failure = await site.broken(event({"error": error}), DONE)
    assert isinstance(failure, APIError)
    assert failure.kind == kind
    assert words in failure.message


async def test_a_key_that_an_error_in_the_stream_repeats_is_masked(site: Site) -> None:
    key = "no-known-prefix-0123456789"
    provider = await site.provider(
        Reply(steps=(event({"error": {"message": f"bad key {key}"}}),)), api_key=key
    )
    with pytest.raises(APIError, match=r"bad key \*\*\*") as caught:
        await events_of(provider, ONCE)
    assert key not in caught.value.message


@pytest.mark.parametrize(
    "key",
    [
        "canary-key-01\nsecond-line-02",
        "\u201ccanary-key-01\u201d",
        "canary-key-01\x00",
        "ключ-key-01",
    ],
    ids=["line break", "curly quotes", "null", "not ASCII"],
)
def test_a_key_that_no_request_can_carry_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ConfigurationError, match="API key") as caught:
        OpenAIProvider(api_key=key, base_url="http://127.0.0.1:9/v1", model="m")
    assert "canary" not in str(caught.value)
    assert "key-01" not in str(caught.value)
    assert "second" not in str(caught.value)


async def test_white_space_around_a_key_is_not_sent(site: Site) -> None:
    await result_of(await site.provider(answer("a"), api_key=f" {KEY}\n"))
    assert site.server.requests[0].headers["authorization"] == f"Bearer {KEY}"


DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000


@pytest.mark.parametrize(
    "reply",
    [
        Reply(steps=(b"data: " + DEEP + b"\n\n",)),
        Reply(steps=(DEEP,)),
        Reply(status=400, steps=(DEEP,)),
        Reply(
            status=400, content_type="application/json", steps=(b'{"e":' * 900 + b"1" + b"}" * 900,)
        ),
    ],
    ids=["chunk", "body", "refusal", "refusal that can just be parsed"],
)
async def test_json_nested_without_end_is_an_error_like_others(site: Site, reply: Reply) -> None:
    await site.failure(reply)


async def test_a_model_whose_name_is_no_text_is_an_error_like_others(site: Site) -> None:
    provider = await site.provider(answer("a"), model="m\ud800")
    with pytest.raises(APIError, match="could not be made"):
        await events_of(provider, ONCE)


async def test_an_array_in_place_of_a_stream_is_read_as_the_error_it_holds(site: Site) -> None:
    error = await site.broken(json.dumps([{"error": {"message": "no", "code": 400}}]).encode())
    assert error.kind == "bad_request"


async def test_a_count_that_cannot_be_one_is_not_believed(site: Site) -> None:
    counts = {"prompt_tokens": 1, "completion_tokens": 10**400, "total_tokens": 10**400}
    result = await site.result(chunk("a"), finish(), event({"choices": [], "usage": counts}), DONE)
    assert result.stats.tokens_per_second < 10**9


async def test_an_error_event_with_other_json_is_an_error(site: Site) -> None:
    failure = await site.broken(b'event: error\ndata: {"message": "engine died"}\n\n')
    assert "engine died" in failure.message


async def test_an_error_after_text_keeps_the_text(site: Site) -> None:
    failure = await site.broken(*HELLO, event({"error": {"message": "engine died"}}))
    assert isinstance(failure, StreamProcessError)
    assert failure.partial_text == "Hello"
    assert "engine died" in failure.message


async def test_text_before_broken_json_in_the_same_bytes_is_kept(site: Site) -> None:
    failure = await site.broken(b"".join((*HELLO, b"data: {broken\n\n")))
    assert isinstance(failure, StreamProcessError)
    assert failure.partial_text == "Hello"
    assert "not a JSON object" in failure.message


@pytest.mark.parametrize("body", [b"data: [1]\n\n", b"data: 7\n\n", b"data: nonsense\n\n"])
async def test_a_chunk_that_is_no_object_is_an_error(site: Site, body: bytes) -> None:
    assert "not a JSON object" in (await site.broken(body)).message


async def test_an_event_that_the_end_tore_is_an_early_end(site: Site) -> None:
    failure = await site.broken(*HELLO, chunk("x")[:20])
    assert "ended early" in failure.message


async def test_a_page_of_html_is_no_stream(site: Site) -> None:
    page = Reply(steps=(b"\n <html><body>Log in</body></html>",), content_type="text/html")
    failure = await site.failure(page)
    assert "HTML page instead of a stream" in failure.message
    assert "Log in" not in failure.message


@pytest.mark.parametrize("body", [{"hello": "world"}, {}])
async def test_other_json_is_no_stream(site: Site, body: object) -> None:
    failure = await site.failure(Reply.json(body))
    assert "JSON that is no completion" in failure.message


async def test_an_error_with_status_200_and_no_stream_is_an_error(site: Site) -> None:
    failure = await site.failure(Reply.json({"error": {"message": "not today"}}))
    assert "not today" in failure.message


async def test_a_chunk_without_end_is_given_up(site: Site) -> None:
    failure = await site.failure(Reply(steps=(b"data: " + b"x" * 1_000_000,) * 9))
    assert "one chunk without end" in failure.message


async def test_an_error_without_end_is_read_no_further_than_a_message_needs(site: Site) -> None:
    without_end = (b"oops " * 20_000, Hold(asyncio.Event()))
    error = await site.failure(Reply(status=500, content_type="text/plain", steps=without_end))
    assert "answered 500 (oops oops" in error.message
    await site.server.requests[0].disconnected.wait()


async def test_only_a_done_is_nothing(site: Site) -> None:
    assert "held nothing" in (await site.broken(DONE)).message


async def test_keep_alives_do_not_extend_the_silence(site: Site) -> None:
    gates = [asyncio.Event() for _ in range(100)]
    steps = [step for gate in gates for step in (Hold(gate), KEEP_ALIVE)]
    provider = await site.provider(Reply(steps=(*HELLO, *steps, finish())))
    # The clock of the keep-alives starts once nothing has to be imported any more.
    await provider.warm_up()
    for n, gate in enumerate(gates):
        asyncio.get_running_loop().call_later(0.02 * n, gate.set)
    with pytest.raises(StreamProcessError, match="stalled"):
        await events_of(provider, GenerationPolicy(stall_timeout_s=0.1))


async def test_headers_that_never_come_end_with_the_first_deadline(site: Site) -> None:
    provider = await site.provider(Reply(before_headers=(Hold(asyncio.Event()),)))
    policy = GenerationPolicy(first_chunk_timeout_s=0.05, max_retries=0)
    with pytest.raises(APIError, match="sent nothing for") as caught:
        await events_of(provider, policy)
    assert caught.value.kind == "timeout"


async def test_a_connection_dropped_instead_of_headers_is_made_again(site: Site) -> None:
    provider = await site.provider(Reply(before_headers=(Drop(),)), answer("a"))
    assert (await result_of(provider, AGAIN)).stats.attempts == 2


async def test_an_endpoint_that_is_down_says_where_it_was_looked_for() -> None:
    async with OpenAIServer() as server:
        url = server.base_url
    provider = OpenAIProvider(api_key=KEY, base_url=url, model="m")
    with pytest.raises(APIError) as caught:
        await events_of(provider, AGAIN)
    await provider.aclose()
    assert caught.value.kind == "connection"
    assert caught.value.message.startswith(f"Gave up after 2 attempts: Cannot reach `{url}`:")


async def test_an_endpoint_that_speaks_no_tls_says_so_and_is_not_asked_again(site: Site) -> None:
    await site.provider(answer("a"))

    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as plain:
        port = plain.sockets[0].getsockname()[1]
        provider = OpenAIProvider(api_key=KEY, base_url=f"https://127.0.0.1:{port}/v1", model="m")
        with pytest.raises(APIError, match=r"no TLS.*http://") as caught:
            await events_of(provider, AGAIN)
    assert caught.value.attempts == 1


async def test_an_endpoint_silent_to_the_tls_handshake_is_not_taken_for_a_slow_one(
    site: Site,
) -> None:
    # It waits for a line, as an HTTP server does, and so never answers the handshake.
    await site.provider(answer("a"))
    provider = OpenAIProvider(
        api_key=KEY,
        base_url=site.server.base_url.replace("http:", "https:"),
        model="m",
        connect_timeout_s=0.2,
    )
    with pytest.raises(APIError, match=r"no TLS.*http://") as caught:
        await events_of(provider, AGAIN)
    assert caught.value.attempts == 1


@pytest.mark.parametrize("proxy", ["socks5://me:canary-pw@127.0.0.1:9", "nonsense://x"])
async def test_a_proxy_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, proxy)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    provider = OpenAIProvider(api_key=KEY, base_url="https://llm.example/v1", model="m")
    await provider.warm_up()
    with pytest.raises(ConfigurationError, match="`HTTPS_PROXY`") as caught:
        await events_of(provider, ONCE)
    assert "canary" not in caught.value.message


async def test_a_retry_waits_as_long_as_the_server_asks(site: Site) -> None:
    busy = Reply.error(429, "slow down", headers={"Retry-After": "0.05"})
    provider = await site.provider(busy, answer("a"))
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert (await result_of(provider, AGAIN)).text == "a"
    assert loop.time() - began >= 0.05


@pytest.mark.parametrize("status", [401, 404, 400])
async def test_what_the_user_must_mend_is_not_repeated(site: Site, status: int) -> None:
    failure = await site.failure(Reply.error(status, "no"), policy=QUICK)
    assert isinstance(failure, APIError)
    assert failure.status_code == status
    assert len(site.server.requests) == 1


async def test_a_missing_key_is_named_as_such(site: Site) -> None:
    provider = await site.provider(Reply.error(401, "who are you"), api_key=None)
    with pytest.raises(APIError, match="none is set: set `OPENAI_API_KEY`"):
        await events_of(provider, ONCE)


async def test_a_url_with_credentials_is_shown_without_them() -> None:
    provider = OpenAIProvider(
        api_key=KEY, base_url="http://user:hidden@127.0.0.1:9/v1?key=hidden", model="m"
    )
    assert provider.description.endpoint == "http://127.0.0.1:9/v1"
    with pytest.raises(APIError) as caught:
        await events_of(provider, ONCE)
    await provider.aclose()
    assert "hidden" not in caught.value.message


# --- leaving early --------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [(), HELLO], ids=["before text", "after text"])
async def test_cancelling_closes_the_connection_at_once(site: Site, steps: Sequence[bytes]) -> None:
    provider = await site.provider(Reply(steps=(*steps, Hold(asyncio.Event()))))
    arrived = asyncio.Event()

    async def generate() -> None:
        async for event_ in GenerationEngine(provider, QUICK).stream(request_for()):
            if isinstance(event_, TextArrived):
                arrived.set()

    await provider.warm_up()
    before = asyncio.all_tasks()
    task = asyncio.create_task(generate())
    await asyncio.wait_for((arrived if steps else site.server.request_came).wait(), DEADLINE_S)
    task.cancel()
    cancelled_at = asyncio.get_running_loop().time()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, DEADLINE_S)
    (request,) = site.server.requests
    await asyncio.wait_for(request.disconnected.wait(), DEADLINE_S)
    assert request.disconnected_at is not None
    assert request.disconnected_at - cancelled_at < 1
    await asyncio.sleep(0)
    left = asyncio.all_tasks() - before - site.server.connection_tasks
    assert left == set()


async def test_leaving_the_context_closes_the_connection(site: Site) -> None:
    provider = await site.provider(Reply(steps=(*HELLO, Hold(asyncio.Event()))))
    async with provider.open(request_for()) as deltas:
        assert (await anext(deltas)).text == "Hel"
    (request,) = site.server.requests
    await asyncio.wait_for(request.disconnected.wait(), DEADLINE_S)


async def test_a_stall_closes_the_connection(site: Site) -> None:
    provider = await site.provider(Reply(steps=(*HELLO, Hold(asyncio.Event()))))
    with pytest.raises(StreamProcessError):
        await events_of(provider, GenerationPolicy(stall_timeout_s=0.02))
    await asyncio.wait_for(site.server.requests[0].disconnected.wait(), DEADLINE_S)


def test_the_default_model_is_one_the_sdk_knows_and_says_no_end_of() -> None:
    from openai.types import shared  # noqa: PLC0415 - the only test that needs it

    from streaming_code_generator.providers.openai.openai_provider import DEFAULT_MODEL  # noqa: PLC0415

    assert f'"{DEFAULT_MODEL}"' in json.dumps(get_args(shared.chat_model.ChatModel))


async def test_the_recorded_texts_come_in_order(site: Site) -> None:
    assert texts(await events_of(await site.provider(answer("a", "b", "c")))) == ["a", "b", "c"]
