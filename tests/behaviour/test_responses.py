"""The Responses API of OpenAI, as it is documented: what is sent, and what its events come to."""

import json
from collections.abc import Mapping

import pytest

from streaming_code_generator.core.engine.generator import GenerationEngine, GenerationPolicy
from streaming_code_generator.core.messages import CompletionRequest, Message
from streaming_code_generator.core.results import GenerationFinished, GenerationResult
from streaming_code_generator.errors import APIError, StreamProcessError
from streaming_code_generator.providers.openai.openai_provider import OpenAIProvider
from streaming_code_generator.settings.declarations import Api
from streaming_code_generator.testing.openai_replies import Reply, answer
from streaming_code_generator.testing.openai_server import OpenAIServer, RecordedRequest

ONCE = GenerationPolicy(max_retries=0)
REQUEST = CompletionRequest(
    messages=(
        Message(role="system", content="Be terse."),
        Message(role="user", content="one line"),
    ),
    temperature=0.2,
    max_output_tokens=50,
    reasoning_effort="low",
)
USAGE = {
    "input_tokens": 9,
    "input_tokens_details": {"cached_tokens": 4},
    "output_tokens": 3,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 12,
}


def stream(*events: Mapping[str, object]) -> Reply:
    lines = (f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in events)
    return Reply(steps=("".join(lines).encode(),))


def said(kind: str, delta: str) -> Mapping[str, object]:
    return {"type": f"response.{kind}.delta", "item_id": "i", "output_index": 0, "delta": delta}


def ended(kind: str = "completed", **more: object) -> dict[str, object]:
    response = {"object": "response", "model": "m-1", "status": kind, "usage": USAGE, **more}
    return {"type": f"response.{kind}", "response": response}


CREATED: dict[str, object] = {
    "type": "response.created",
    "response": {"object": "response", "model": "m", "usage": None, "error": None, "output": []},
}
ITEM: dict[str, object] = {"type": "response.output_item.added", "item": {"type": "message"}}
DONE: dict[str, object] = {"type": "response.output_text.done", "text": "x = 1"}
WHOLE = stream(CREATED, ITEM, said("output_text", "x ="), said("output_text", " 1"), DONE, ended())


class Endpoint:
    """A loopback server and what a generation at it comes to."""

    def __init__(self) -> None:
        self.requests: list[RecordedRequest] = []

    async def result(
        self, *replies: Reply, api: Api = "responses", times: int = 1
    ) -> GenerationResult:
        async with OpenAIServer(*replies) as server:
            self.requests = server.requests
            provider = OpenAIProvider(
                api_key="k", base_url=server.base_url, model="m", api=api, extra_body={"top_p": 1}
            )
            engine = GenerationEngine(provider, ONCE)
            for _ in range(times):
                *_, last = [event async for event in engine.stream(REQUEST)]
            await provider.aclose()
        assert isinstance(last, GenerationFinished)
        return last.result


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


async def test_response_is_streamed_and_its_figures_are_the_endpoints(endpoint: Endpoint) -> None:
    result = await endpoint.result(WHOLE)

    assert (result.text, result.model, result.is_complete) == ("x = 1", "m-1", True)
    stats = result.stats
    assert (stats.prompt_tokens, stats.completion_tokens, stats.token_source) == (9, 3, "provider")
    assert (stats.cached_tokens, stats.reasoning_tokens) == (4, 2)
    (request,) = endpoint.requests
    assert request.path == "/v1/responses"
    assert request.headers["authorization"] == "Bearer k"
    assert request.body == {
        "model": "m",
        "stream": True,
        "store": False,
        "input": [
            {"role": "system", "content": "Be terse."},
            {"role": "user", "content": "one line"},
        ],
        "max_output_tokens": 50,
        "temperature": 0.2,
        "reasoning": {"effort": "low"},
        "top_p": 1,
    }


async def test_reasoning_and_refusals_are_kept_apart(endpoint: Endpoint) -> None:
    thought = said("reasoning_summary_text", "hm")
    result = await endpoint.result(stream(CREATED, thought, said("refusal", "No."), ended()))
    assert (result.reasoning, result.text) == ("hm", "No.")


@pytest.mark.parametrize(
    ("reason", "expected"), [("max_output_tokens", "length"), ("content_filter", "content_filter")]
)
async def test_incomplete_response_is_reported_as_that(
    endpoint: Endpoint, reason: str, expected: str
) -> None:
    last = ended("incomplete", incomplete_details={"reason": reason})
    result = await endpoint.result(stream(CREATED, said("output_text", "x"), last))
    assert (result.finish_reason, result.is_complete) == (expected, False)


async def test_failed_response_is_an_error(endpoint: Endpoint) -> None:
    failed = ended("failed", error={"code": "server_error", "message": "The model failed: k"})
    with pytest.raises(APIError, match="The model failed") as raised:
        await endpoint.result(stream(CREATED, failed))
    assert raised.value.kind == "server"


async def test_error_event_is_an_error(endpoint: Endpoint) -> None:
    error = {"type": "error", "code": "rate_limit_exceeded", "message": "slow down", "param": None}
    with pytest.raises(APIError, match="slow down"):
        await endpoint.result(stream(CREATED, error))


async def test_stream_that_breaks_off_is_incomplete(endpoint: Endpoint) -> None:
    with pytest.raises(StreamProcessError) as raised:
        await endpoint.result(stream(CREATED, said("output_text", "x =")))
    assert raised.value.partial_text == "x ="


async def test_response_that_is_not_streamed_is_read(endpoint: Endpoint) -> None:
    content = [{"type": "output_text", "text": "x = 1", "annotations": []}]
    output = [{"type": "reasoning", "summary": []}, {"type": "message", "content": content}]
    body = {"object": "response", "status": "completed", "output": output, "usage": USAGE}
    result = await endpoint.result(Reply.json(body))
    assert (result.text, result.stats.completion_tokens) == ("x = 1", 3)


@pytest.mark.parametrize(
    ("status", "complaint"),
    [
        (404, "This model is only supported in v1/responses and not in v1/chat/completions."),
        (400, "Use the Responses API for this model."),
    ],
)
async def test_auto_goes_over_to_responses_once(
    endpoint: Endpoint, status: int, complaint: str
) -> None:
    result = await endpoint.result(Reply.error(status, complaint), WHOLE, api="auto", times=2)

    assert result.text == "x = 1"
    paths = [request.path for request in endpoint.requests]
    assert paths == ["/v1/chat/completions", "/v1/responses", "/v1/responses"]


async def test_chat_that_is_set_stays_a_chat(endpoint: Endpoint) -> None:
    with pytest.raises(APIError, match="only supported in v1/responses"):
        await endpoint.result(Reply.error(404, "only supported in v1/responses"), api="chat")
    assert len(endpoint.requests) == 1


async def test_model_that_is_not_found_is_not_asked_for_elsewhere(endpoint: Endpoint) -> None:
    with pytest.raises(APIError, match="does not exist"):
        await endpoint.result(Reply.error(404, "The model does not exist: temperature"), api="auto")
    assert len(endpoint.requests) == 1


async def test_temperature_that_is_refused_is_left_out(endpoint: Endpoint) -> None:
    complaint = "Unsupported parameter: 'temperature' is not supported with this model."
    await endpoint.result(Reply.error(400, complaint), WHOLE)
    assert ["temperature" in request.body for request in endpoint.requests] == [True, False]


async def test_api_chat_is_left_as_it_was(endpoint: Endpoint) -> None:
    assert (await endpoint.result(answer("x = 1"), api="auto")).text == "x = 1"
