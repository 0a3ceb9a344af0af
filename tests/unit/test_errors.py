"""The error tree, and what an endpoint's refusal becomes in it."""

import email.utils
import time

import httpx2
import openai
import pytest

from streaming_code_generator.errors import (
    APIError,
    ConfigurationError,
    StreamingError,
    StreamProcessError,
)
from streaming_code_generator.providers.openai.endpoint_errors import (
    kind_of,
    refusal_of,
    retry_after_s,
    translated,
    translation_of,
)
from streaming_code_generator.settings import Secret

ENDPOINT = "https://llm.example/v1"
REQUEST = httpx2.Request("POST", f"{ENDPOINT}/chat/completions")
KEY_TEXT = "my-own-key-0123456789"
KEY = (Secret(KEY_TEXT),)


def subclasses(base: type[Exception]) -> set[type[Exception]]:
    below = {deeper for sub in base.__subclasses__() for deeper in subclasses(sub)}
    return {base, *below}


FOREIGN = {
    foreign
    for base in (openai.OpenAIError, httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL)
    for foreign in subclasses(base)
    if foreign.__module__.partition(".")[0] in {"openai", "httpx2"}
}


def instance(foreign: type[Exception]) -> Exception:
    """Make an instance without its constructor, each class's being different."""
    error = foreign.__new__(foreign)
    Exception.__init__(error, "foreign words")
    if isinstance(error, openai.APIStatusError):
        status = getattr(foreign, "status_code", 500)
        error.status_code, error.body = status, {"message": "foreign words"}
        error.response = httpx2.Response(status, request=REQUEST)
    return error


def refused(status: int, body: object, headers: dict[str, str] | None = None) -> APIError:
    response = httpx2.Response(status, headers=headers, request=REQUEST)
    foreign = openai.APIStatusError("x", response=response, body=body)
    error = translation_of(foreign, ENDPOINT, KEY)
    assert isinstance(error, APIError)
    return error


@pytest.mark.parametrize("kind", [ConfigurationError, APIError, StreamProcessError])
def test_all_errors_are_streaming_errors(kind: type[StreamingError]) -> None:
    assert issubclass(kind, StreamingError)


def test_the_walk_finds_the_sdks_classes() -> None:
    assert {openai.RateLimitError, openai.APITimeoutError, httpx2.ReadError} <= FOREIGN


@pytest.mark.parametrize("foreign", sorted(FOREIGN, key=str))
def test_every_foreign_exception_becomes_one_of_ours(foreign: type[Exception]) -> None:
    original = instance(foreign)
    with pytest.raises(StreamingError) as caught, translated(ENDPOINT, KEY):
        raise original
    assert caught.value.__cause__ is original
    assert caught.value.kind != "internal"
    assert ENDPOINT in caught.value.message


@pytest.mark.parametrize(
    ("status", "body", "kind", "retryable"),
    [
        pytest.param(401, {"error": {"message": "bad"}}, "authentication", False, id="401"),
        pytest.param(401, {"error": "Unauthorized"}, "authentication", False, id="vllm 401"),
        pytest.param(401, {"detail": "no"}, "authentication", False, id="xinference 401"),
        pytest.param(400, {"message": "No connected db."}, "authentication", False, id="litellm"),
        pytest.param(403, None, "authentication", False, id="403"),
        pytest.param(404, {"detail": "no model"}, "not_found", False, id="ray 404"),
        pytest.param(429, {"message": "slow down"}, "rate_limit", True, id="429"),
        pytest.param(
            429, {"message": "No deployments available, in cooldown"}, "server", True, id="cooldown"
        ),
        pytest.param(
            429, {"code": "insufficient_quota", "message": "x"}, "rate_limit", False, id="quota"
        ),
        pytest.param(400, {"message": "bad field"}, "bad_request", False, id="400"),
        pytest.param(
            400,
            {"code": "context_length_exceeded"},
            "context_length",
            False,
            id="c",
        ),
        pytest.param(
            400, {"type": "exceed_context_size_error", "code": 400}, "context_length", False, id="l"
        ),
        pytest.param(
            400, {"message": "ContextWindowExceededError"}, "context_length", False, id="litellm c"
        ),
        pytest.param(500, "Internal Server Error", "server", True, id="500 text"),
        pytest.param(502, "<html>Bad gateway</html>", "server", True, id="502 html"),
        pytest.param(503, None, "server", True, id="503"),
        pytest.param(408, None, "timeout", True, id="408"),
        pytest.param(422, {"detail": [{"msg": "extra field"}]}, "bad_request", False, id="422"),
        pytest.param(504, {"message": "upstream took too long"}, "server", True, id="504"),
        pytest.param(502, {"message": "maximum context length"}, "server", True, id="502 context"),
        pytest.param(400, {"message": "took too long"}, "bad_request", False, id="slow"),
        pytest.param(
            400, {"message": "Input is too long for this model"}, "context_length", False, id="long"
        ),
        pytest.param(
            400,
            {"message": "The prompt (9 tokens) is longer than the maximum model length of 8."},
            "context_length",
            False,
            id="vllm c",
        ),
    ],
)
def test_a_refusal_is_of_a_kind(status: int, body: object, kind: str, *, retryable: bool) -> None:
    error = refused(status, body)
    assert (error.kind, error.retryable, error.status_code) == (kind, retryable, status)


def test_a_message_names_the_endpoint_the_answer_and_the_next_step() -> None:
    assert refused(404, {"error": {"message": "no model `x`"}}).message == (
        "`https://llm.example/v1` answered 404 (no model `x`). Check the model's name, and that "
        "the base URL ends as the server wants it (usually in `/v1`)."
    )


@pytest.mark.parametrize(
    "body",
    [
        [{"error": {"message": "no such field", "code": 400}}],
        {"error": [{"message": "no such field"}]},
        {"detail": {"error": {"message": "no such field"}}},
        {"message": "no such field", "error": "Bad Request"},
    ],
    ids=["gemini", "list", "nested", "beside"],
)
def test_the_servers_words_are_found_wherever_they_stand(body: object) -> None:
    assert "(no such field)" in refused(400, body).message


def test_a_key_in_the_servers_words_is_masked() -> None:
    message = refused(401, {"message": f"Incorrect key {KEY_TEXT}, and sk-abc123def456"}).message
    assert KEY_TEXT not in message
    assert "sk-abc" not in message


def test_the_servers_words_are_kept_short_and_on_one_line() -> None:
    message = refused(500, "a\nb" + "x" * 5000).message
    assert "a bxxx" in message
    assert len(message) < 600


def test_a_page_of_html_is_not_repeated() -> None:
    assert "(an HTML page)" in refused(502, "<html><body>secret page").message


def test_a_redirect_is_not_followed_and_says_so() -> None:
    error = refused(307, None)
    assert "redirect" in error.message
    assert not error.retryable


def test_what_a_server_asks_to_wait_is_known() -> None:
    assert refused(429, None, {"retry-after": "7"}).retry_after_s == 7


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "0"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
        ({"retry-after": "Fri, 31 Dec 99999999999 23:59:59 GMT"}, None),
    ],
)
def test_retry_after_in_all_its_forms(headers: dict[str, str], expected: float | None) -> None:
    assert retry_after_s(headers) == expected


def test_retry_after_as_a_date() -> None:
    date = email.utils.formatdate(time.time() + 60, usegmt=True)
    wait_s = retry_after_s({"retry-after": date})
    assert wait_s is not None
    assert 50 < wait_s <= 60


def test_a_status_inside_a_streamed_error_counts() -> None:
    assert refusal_of({"error": {"message": "x", "code": "500"}}).status == 500
    assert kind_of(refusal_of({"message": "x", "code": "429"})) == "rate_limit"


@pytest.mark.parametrize(
    "foreign",
    [
        UnicodeEncodeError("utf-8", "m\ud800", 1, 2, "surrogates not allowed"),
        RecursionError("maximum recursion depth exceeded"),
        OverflowError("signed integer is greater than maximum"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_a_request_or_an_answer_can_provoke_becomes_one_of_ours(foreign: Exception) -> None:
    with pytest.raises(StreamingError) as caught, translated(ENDPOINT, KEY):
        raise foreign
    assert ENDPOINT in caught.value.message


def test_a_key_in_the_words_of_the_http_client_is_masked() -> None:
    foreign = openai.APIConnectionError(request=REQUEST)
    foreign.__cause__ = httpx2.LocalProtocolError(f"Illegal header value b'Bearer {KEY_TEXT}'")
    assert KEY_TEXT not in translation_of(foreign, ENDPOINT, KEY).message


def test_errors_that_no_endpoint_is_to_blame_for_are_not_translated() -> None:
    with pytest.raises(KeyError), translated(ENDPOINT, KEY):
        raise KeyError
