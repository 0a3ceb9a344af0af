"""How an endpoint is asked to fill in text at a cursor: the first way that it offers."""

import asyncio
import json

import pytest

from streaming_code_generator.core.complete.fill import (
    Excerpt,
    FillNotOfferedError,
    FillRequest,
    Window,
)
from streaming_code_generator.core.messages import Delta
from streaming_code_generator.errors import APIError
from streaming_code_generator.providers.choose import ProviderChoice, ProviderPool
from streaming_code_generator.providers.openai.openai_provider import OpenAIProvider
from streaming_code_generator.testing.openai_replies import DONE, Hold, Reply, event
from streaming_code_generator.testing.openai_server import OpenAIServer, RecordedRequest
from streaming_code_generator.testing.scripted import ScriptedProvider

REQUEST = FillRequest(
    window=Window(prefix="a\n", middle="b", rest=")", below="\nc"),
    excerpts=(Excerpt(name="shop/cart.py", text="def total(): ..."),),
    file_name="a.py",
)
INFILL = Reply(
    steps=(
        event({"content": "x", "stop": False}),
        event({"content": "", "stop": True, "stop_type": "limit"}),
    )
)
COMPLETION = Reply(
    steps=(
        event({"choices": [{"index": 0, "text": "x", "finish_reason": None}]}),
        event({"choices": [{"index": 0, "text": "", "finish_reason": "stop"}]}),
        DONE,
    )
)
NO_FIM = Reply.json({"error": {"code": 501, "message": "no prefix token"}}, status=501)


async def filled(provider: OpenAIProvider) -> list[Delta]:
    async with provider.open_fill(REQUEST) as deltas:
        return [delta async for delta in deltas]


def provider_of(server: OpenAIServer, model: str) -> OpenAIProvider:
    return OpenAIProvider(api_key="key", base_url=server.base_url, model=model)


async def test_llama_cpp_is_asked_in_its_own_words() -> None:
    async with OpenAIServer(INFILL) as server:
        provider = provider_of(server, "anything")
        deltas = await filled(provider)
        await provider.aclose()
    request = server.requests[0]
    body = request.body
    assert request.path == "/infill"
    assert request.headers["authorization"] == "Bearer key"
    assert (body["input_prefix"], body["prompt"], body["input_suffix"]) == ("a\n", "b", ")\nc")
    assert body["input_extra"] == [{"filename": "shop/cart.py", "text": "def total(): ..."}]
    assert body["stream"]
    assert "".join(delta.text for delta in deltas) == "x"
    assert deltas[-1].finish_reason == "length"


async def test_a_model_of_a_known_family_is_asked_with_its_markers_elsewhere() -> None:
    def reply(request: RecordedRequest) -> Reply:
        return Reply.error(404, "no such path") if request.path == "/infill" else COMPLETION

    async with OpenAIServer(reply_to=reply) as server:
        provider = provider_of(server, "qwen2.5-coder-7b")
        for _ in range(2):
            deltas = await filled(provider)
            assert "".join(delta.text for delta in deltas) == "x"
            assert deltas[-1].finish_reason == "stop"
        await provider.aclose()
    assert [each.path for each in server.requests] == [
        "/infill",
        "/v1/completions",
        "/v1/completions",
    ]
    body = server.requests[-1].body
    assert body["prompt"] == (
        "<|file_sep|>shop/cart.py\ndef total(): ...\n<|file_sep|>a.py\n"
        "<|fim_prefix|>a\n<|fim_suffix|>)\nc<|fim_middle|>b"
    )
    assert "suffix" not in json.dumps(list(body))


async def test_a_model_without_it_says_so_once() -> None:
    async with OpenAIServer(NO_FIM) as server:
        provider = provider_of(server, "smollm2")
        for _ in range(2):
            with pytest.raises(FillNotOfferedError):
                await filled(provider)
        await provider.aclose()
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [401, 429, 500, 503])
async def test_other_refusals_are_failures_and_prove_nothing(status: int) -> None:
    async with OpenAIServer(Reply.error(status, "not now"), INFILL) as server:
        provider = provider_of(server, "anything")
        with pytest.raises(APIError):
            await filled(provider)
        assert "".join(delta.text for delta in await filled(provider)) == "x"
        await provider.aclose()


async def test_leaving_closes_the_connection() -> None:
    held = Reply(steps=(INFILL.steps[0], Hold(asyncio.Event())))
    async with OpenAIServer(held) as server:
        provider = provider_of(server, "anything")
        async with provider.open_fill(REQUEST) as deltas:
            await anext(deltas)
        async with asyncio.timeout(30):
            await server.requests[0].disconnected.wait()
        await provider.aclose()


async def test_a_provider_that_only_chats_offers_nothing_else() -> None:
    pool = ProviderPool(lambda _: ScriptedProvider())
    provider = pool.provider(ProviderChoice())
    with pytest.raises(FillNotOfferedError):
        async with provider.open_fill(REQUEST):
            pass
    await pool.aclose()
