"""The wire formats of endpoints that people use, as they document them or as they were recorded.

Each is a whole answer of `x = 1`, with the quirks of its endpoint.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from streaming_code_generator.core.engine.generator import GenerationEngine, GenerationPolicy
from streaming_code_generator.core.messages import CompletionRequest, Message
from streaming_code_generator.core.results import GenerationFinished, GenerationResult
from streaming_code_generator.errors import APIError
from streaming_code_generator.providers.openai.openai_provider import OpenAIProvider
from streaming_code_generator.providers.openai.stream import Quirks
from streaming_code_generator.testing.openai_replies import DONE, Reply, answer, chunk, finish
from streaming_code_generator.testing.openai_server import OpenAIServer, RecordedRequest

ONCE = GenerationPolicy(max_retries=0)
REQUEST = CompletionRequest(
    messages=(Message(role="user", content="one line"),), temperature=0.2, max_output_tokens=50
)

STREAMS: dict[str, Sequence[str]] = {
    "OpenAI": (
        (
            '{"id":"c","object":"chat.completion.chunk","model":"m","service_tier":"default",'
            '"choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},'
            '"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"Wq"}'
        ),
        '{"choices":[{"index":0,"delta":{"content":"x ="},"finish_reason":null}],"usage":null}',
        '{"choices":[{"index":0,"delta":{"content":" 1"},"finish_reason":null}],"usage":null}',
        '{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}',
        '{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}',
        "[DONE]",
    ),
    "Azure OpenAI": (
        '{"choices":[],"prompt_filter_results":[{"prompt_index":0,"content_filter_results":{}}]}',
        '{"choices":[{"content_filter_results":{},"delta":{"content":"x = 1"},"index":0}]}',
        '{"choices":[{"content_filter_offsets":{"check_offset":4},"finish_reason":null}]}',
        '{"choices":[{"delta":{},"finish_reason":"stop","index":0}]}',
        '{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}',
        "[DONE]",
    ),
    "Ollama": (
        '{"choices":[{"index":0,"delta":{"role":"assistant","content":"x ="}}]}',
        '{"choices":[{"index":0,"delta":{"role":"assistant","content":" 1"}}]}',
        (
            '{"choices":[{"index":0,"delta":{"role":"assistant","content":""},'
            '"finish_reason":"stop"}]}'
        ),
        '{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}',
        "[DONE]",
    ),
    "LM Studio": (
        (
            '{"choices":[{"index":0,"delta":{"role":"assistant","content":"x = 1"},'
            '"logprobs":null,"finish_reason":null}],"system_fingerprint":"m"}'
        ),
        '{"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}',
        '{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}',
        "[DONE]",
    ),
    "llama.cpp": (
        (
            '{"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant",'
            '"content":null}}]}'
        ),
        '{"choices":[{"finish_reason":null,"index":0,"delta":{"content":"x = 1"}}]}',
        (
            '{"choices":[{"finish_reason":"stop","index":0,"delta":{}}],"timings":{"cache_n":4,'
            '"prompt_n":5,"predicted_n":3}}'
        ),
        "[DONE]",
    ),
    "vLLM": (
        '{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}',
        '{"choices":[{"index":0,"delta":{"content":"x ="},"finish_reason":null}]}',
        (
            '{"choices":[{"index":0,"delta":{"content":" 1"},"finish_reason":"stop",'
            '"stop_reason":null}]}'
        ),
        '{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}',
        "[DONE]",
    ),
    "LiteLLM": (
        '{"choices":[{"index":0,"delta":{"role":"assistant"}}]}',
        '{"choices":[{"index":0,"delta":{"content":"x = 1"}}]}',
        '{"choices":[{"finish_reason":"stop","index":0,"delta":{}}]}',
        (
            '{"choices":[{"index":0,"delta":{}}],'
            '"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}'
        ),
        "[DONE]",
    ),
    "OpenRouter": (
        (
            '{"provider":"P","choices":[{"index":0,"delta":{"role":"assistant","content":"",'
            '"reasoning":"hm","reasoning_details":[]}}]}'
        ),
        (
            '{"provider":"P","choices":[{"index":0,"delta":{"role":"assistant","content":"x = 1"},'
            '"native_finish_reason":null}]}'
        ),
        (
            '{"provider":"P","choices":[{"index":0,"delta":{"role":"assistant","content":""},'
            '"finish_reason":"stop","native_finish_reason":"STOP"}],'
            '"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"cost":0.1}}'
        ),
        "[DONE]",
    ),
    "Mistral": (
        (
            '{"choices":[{"index":0,"delta":{"role":"assistant","content":[{"type":"thinking",'
            '"thinking":[{"type":"text","text":"hm"}]}]}}]}'
        ),
        '{"choices":[{"index":0,"delta":{"content":[{"type":"text","text":"x ="}]}}]}',
        (
            '{"choices":[{"index":0,"delta":{"content":" 1"},"finish_reason":"stop"}],'
            '"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}'
        ),
        "[DONE]",
    ),
    "Anthropic": (
        (
            '{"id":"msg_1","choices":[{"index":0,"delta":{"role":"assistant","content":"x ="},'
            '"finish_reason":null}],"model":"m"}'
        ),
        '{"id":"msg_1","choices":[{"index":0,"delta":{"content":" 1"}}]}',
        '{"id":"msg_1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}',
        (
            '{"id":"msg_1","choices":[],'
            '"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}'
        ),
        "[DONE]",
    ),
    "Gemini": (
        (
            '{"choices":[{"delta":{"content":"x =","role":"assistant"},"index":0}],'
            '"usage":{"completion_tokens":1,"prompt_tokens":9,"total_tokens":10}}'
        ),
        (
            '{"choices":[{"delta":{"content":" 1","role":"assistant"},"finish_reason":"stop",'
            '"index":0}],"usage":{"completion_tokens":3,"prompt_tokens":9,"total_tokens":12}}'
        ),
        "[DONE]",
    ),
    "completions in place of a chat": (
        '{"choices":[{"index":0,"text":"x ="}]}',
        (
            '{"choices":[{"index":0,"text":" 1","finish_reason":"stop"}],'
            '"usage":{"completion_tokens":3,"prompt_tokens":9,"total_tokens":12}}'
        ),
    ),
}


WAYS = {
    "OpenAI": ("sends role-only chunks", "reports usage in a chunk of its own"),
    "Azure OpenAI": ("sends empty chunks", "reports usage in a chunk of its own"),
    "Ollama": ("reports usage in a chunk of its own",),
    "LM Studio": ("reports usage in a chunk of its own",),
    "llama.cpp": ("sends role-only chunks", "reports no usage"),
    "vLLM": (
        *("sends role-only chunks", "sends the last text with the finish reason"),
        "reports usage in a chunk of its own",
    ),
    "LiteLLM": ("sends role-only chunks", "reports usage with another chunk"),
    "OpenRouter": ("sends reasoning", "reports usage with another chunk"),
    "Mistral": (
        *("sends content as a list", "sends the last text with the finish reason"),
        "reports usage with another chunk",
    ),
    "Anthropic": ("reports usage in a chunk of its own",),
    "Gemini": ("sends the last text with the finish reason", "reports usage with every chunk"),
    "completions in place of a chat": (
        *("sends choices[].text", "reports usage with another chunk"),
        "ends without [DONE]",
    ),
}
"""What an endpoint does its own way, in the words of `doctor`."""


class Endpoint:
    """A loopback server and what a generation at it comes to."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self.requests: list[RecordedRequest] = []

    async def provider(self, *replies: Reply) -> OpenAIProvider:
        server = await self._stack.enter_async_context(OpenAIServer(*replies))
        self.requests = server.requests
        provider = OpenAIProvider(api_key=None, base_url=server.base_url, model="m")
        self._stack.push_async_callback(provider.aclose)
        return provider

    async def ways(self, *replies: Reply) -> tuple[str, ...]:
        """What the endpoint is seen to do its own way."""
        provider, quirks = await self.provider(*replies), Quirks()
        async with provider.open(REQUEST, quirks) as deltas:
            async for _ in deltas:
                pass
        return (*provider.corrections, *quirks.names())

    async def result(self, *replies: Reply, times: int = 1) -> GenerationResult:
        provider = await self.provider(*replies)
        for _ in range(times):
            *_, last = [event async for event in GenerationEngine(provider, ONCE).stream(REQUEST)]
        assert isinstance(last, GenerationFinished)
        return last.result


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    async with AsyncExitStack() as stack:
        yield Endpoint(stack)


@pytest.mark.parametrize("name", STREAMS)
async def test_stream_is_understood(endpoint: Endpoint, name: str) -> None:
    comment = ": OPENROUTER PROCESSING\n\n"
    body = comment + "".join(f"data: {data}\n\n" for data in STREAMS[name])

    result = await endpoint.result(Reply(steps=(body.encode(),)))

    assert result.text == "x = 1"
    assert result.is_complete
    assert result.reasoning == ("hm" if name in {"OpenRouter", "Mistral"} else "")
    assert result.stats.token_source == "provider"
    assert (result.stats.prompt_tokens, result.stats.completion_tokens) == (9, 3)


@pytest.mark.parametrize("name", STREAMS)
async def test_what_it_does_its_own_way_is_seen(endpoint: Endpoint, name: str) -> None:
    body = "".join(f"data: {data}\n\n" for data in STREAMS[name])
    assert await endpoint.ways(Reply(steps=(body.encode(),))) == WAYS[name]


REFUSAL = (
    b'data: {"choices":[{"delta":{"content":null,"refusal":"I cannot help."}}]}\n\n'
    b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)


async def test_refusal_is_text(endpoint: Endpoint) -> None:
    assert (await endpoint.result(Reply(steps=(REFUSAL,)))).text == "I cannot help."
    assert "sends a refusal" in await endpoint.ways(Reply(steps=(REFUSAL,)))


async def test_reasoning_is_seen_by_its_field(endpoint: Endpoint) -> None:
    thinking = chunk(None, reasoning_content="hm")
    ways = await endpoint.ways(Reply(steps=(thinking, chunk("x = 1"), finish(), DONE)))
    assert ways == ("sends reasoning_content", "reports no usage")


WHOLE = Reply.json({"choices": [{"message": {"content": "x = 1"}, "finish_reason": "stop"}]})


@pytest.mark.parametrize(
    ("complaint", "reply", "field"),
    [
        pytest.param(
            "Unsupported value: 'temperature' does not support 0.2 with this model. Only the "
            "default (1) value is supported.",
            answer("x = 1"),
            "temperature",
            id="temperature",
        ),
        pytest.param(
            "Unsupported value: 'stream' does not support true with this model.",
            WHOLE,
            "stream",
            id="stream",
        ),
        pytest.param(
            "Extra inputs are not permitted: stream_options",
            answer("x = 1"),
            "stream_options",
            id="stream_options (Mistral)",
        ),
    ],
)
async def test_field_that_is_refused_is_left_out_from_then_on(
    endpoint: Endpoint, complaint: str, reply: Reply, field: str
) -> None:
    result = await endpoint.result(Reply.error(400, complaint), reply, times=2)

    assert result.text == "x = 1"
    refused, *others = endpoint.requests
    assert refused.body[field]
    assert [bool(request.body.get(field)) for request in others] == [False, False]
    assert f"refuses {field}" in await endpoint.ways(Reply.error(400, complaint), reply)


async def test_value_out_of_range_is_the_users_to_mend(endpoint: Endpoint) -> None:
    with pytest.raises(APIError, match="temperature"):
        await endpoint.result(Reply.error(400, "temperature must be between 0 and 0.1"))
    assert len(endpoint.requests) == 1


async def test_deployment_of_azures_older_form_gets_its_version_and_its_own_key_header() -> None:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(OpenAIServer(answer("x = 1")))
        root = server.base_url.removesuffix("/v1")
        provider = OpenAIProvider(
            api_key="azure-key-0123456789",
            base_url=f"{root}/openai/deployments/mine/?api-version=2024-10-21",
            model="mine",
        )
        stack.push_async_callback(provider.aclose)
        deltas = await stack.enter_async_context(provider.open(REQUEST))
        assert [delta.text async for delta in deltas if delta.text] == ["x = 1"]

    (request,) = server.requests
    path = "/openai/deployments/mine/chat/completions?api-version=2024-10-21"
    assert request.path == path
    assert request.headers["api-key"] == "azure-key-0123456789"
    assert "authorization" not in request.headers
    assert provider.description.endpoint == f"{root}/openai/deployments/mine/"


@pytest.mark.parametrize(
    "refusal",
    [
        Reply.error(400, "System role not supported"),
        Reply.error(500, "Jinja Exception: System role not supported"),
        Reply.error(
            400, "Unsupported value: 'messages[0].role' does not support 'system' with this model."
        ),
    ],
)
async def test_instructions_begin_the_request_where_there_is_no_role_for_them(
    endpoint: Endpoint, refusal: Reply
) -> None:
    provider = await endpoint.provider(refusal, answer("x = 1"))
    instructions = Message(role="system", content="Be brief.")
    request = replace(REQUEST, messages=(instructions, *REQUEST.messages))

    for _ in range(2):
        async with provider.open(request) as deltas:
            assert [delta.text async for delta in deltas if delta.text] == ["x = 1"]

    sent = [each.body["messages"] for each in endpoint.requests]
    assert [len(messages) for messages in sent] == [2, 1, 1]
    assert sent[-1] == [{"role": "user", "content": "Be brief.\n\none line"}]
    assert provider.corrections == ("refuses the system role",)
