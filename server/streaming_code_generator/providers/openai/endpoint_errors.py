"""An endpoint's failures as this package's errors: kind, whether to retry, advice for the user.

Statuses and texts were seen on llama.cpp, vLLM, Ray Serve, LiteLLM, Xinference and OpenAI; the
same failure comes as different statuses, so its words are read as well.
"""

import base64
import email.utils
import errno
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streaming_code_generator.errors import APIError, ErrorKind, StreamingError, StreamProcessError
from streaming_code_generator.logs import redacted
from streaming_code_generator.settings.kinds import Secret

if TYPE_CHECKING:  # the SDK takes over half a second to import
    from openai import APIStatusError

Secrets = Sequence[Secret]
"""What an endpoint was sent and may repeat: it is masked in everything it says."""

_MOST_MESSAGE_CHARS = 300
_MOST_READ_CHARS = 4000
"""What a server says beyond that is not looked at."""
_LEAST_PIECE = 12
"""Fewer characters of a key are no secret, and may be those of a word."""

# llama.cpp: 400 `exceed_context_size_error`; LiteLLM: 400 `ContextWindowExceeded`; Xinference: an
# error in a stream that began with status 200.
_CONTEXT_LENGTH = re.compile(
    r"context[ _-]?(?:length|window|size)|ContextWindow|exceed_context|maximum context"
    r"|maximum model length|too many tokens|\b(?:prompt|inputs?|messages?) (?:is|are) too long",
    re.IGNORECASE,
)
# Refused for who asks and how often, or by a gateway, whatever else the words say.
_NEVER_CONTEXT_LENGTH = frozenset({401, 403, 404, 408, 429, 502, 503, 504})
# LiteLLM answers 429 when all of its backends are down: no limit of the user's.
_NO_DEPLOYMENT = re.compile(r"no deployments? available|in cooldown", re.IGNORECASE)
# OpenAI answers 429 for both: too many requests, which pass, and no money left, which does not.
# For the latter OpenRouter and DeepSeek answer 402, Anthropic 400.
_QUOTA = re.compile(
    r"insufficient[_ ](?:quota|credits|balance)|exceeded your current quota|credit balance|billing",
    re.IGNORECASE,
)
_BAD_REQUEST = 400
_PAYMENT_REQUIRED = 402
# Azure and OpenAI refuse a prompt with 400.
_CONTENT_FILTER = re.compile(r"content_filter|content_policy|content management policy")
# LiteLLM without a database answers 400 to a wrong key: it cannot look it up.
_NO_KEY_DATABASE = re.compile(r"no connected db", re.IGNORECASE)

# What an error inside a stream calls itself, where its status went out long ago.
# Source: OpenAI's and Anthropic's error codes and types.
_STATUS_OF_WORD: Mapping[str, int] = {
    "invalid_request_error": 400,
    "invalid_prompt": 400,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "model_not_found": 404,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
}

_TOO_EARLY = 425
_RETRYABLE_STATUSES = frozenset({408, 409, _TOO_EARLY, 429})

_KIND_OF_STATUS: Mapping[int, ErrorKind] = {
    401: "authentication",
    _PAYMENT_REQUIRED: "rate_limit",
    403: "authentication",
    404: "not_found",
    408: "timeout",
    429: "rate_limit",
}

_ADVICE: Mapping[ErrorKind, str] = {
    "authentication": "Check the API key for this endpoint (`OPENAI_API_KEY`, or the variable "
    "that `apiKeyEnv` names).",
    "not_found": "Check the model's name, and that the base URL ends as the server wants it "
    "(usually in `/v1`).",
    "rate_limit": "Wait a little, or run fewer generations at once.",
    "context_length": "The prompt with its context is too long for this model: select less, or "
    "use a model with a larger context.",
    "bad_request": "Check the model's name and the settings that go into the request.",
    "server": "The server has a problem of its own: look at its log, or try again later.",
    "timeout": "Try again later.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An error as a server words it, wherever it stood."""

    status: int | None = None
    """The HTTP status, or the status-like `code` of an error inside a stream."""
    code: str = ""
    """The error's `code` and `type`, in words."""
    message: str = ""


def refusal_of(body: object, status: int | None = None) -> Refusal:
    """Read an error body: an object with `error`, `detail` or `message`, or bare text."""
    error = _unwrapped(body)
    if not isinstance(error, dict):
        return Refusal(status=status, message=error if isinstance(error, str) else "")
    named = (error.get("code"), error.get("type"))
    words = [word for word in named if isinstance(word, str)]
    # LiteLLM sends the status as `"code": "500"`.
    code = str(error.get("code"))
    if status is None and re.fullmatch(r"[45]\d\d", code):
        status = int(code)
    if status is None:
        status = next((_STATUS_OF_WORD[word] for word in words if word in _STATUS_OF_WORD), None)
    message = error.get("message") or error.get("msg") or error.get("detail")
    return Refusal(
        status=status,
        code=" ".join(words),
        message=message if isinstance(message, str) else "",
    )


_MOST_WRAPPINGS = 4


def _unwrapped(body: object) -> object:
    """Return the innermost object that describes an error, or its text.

    FastAPI: `{"detail": [{"msg": "Field required", …}]}`; OpenAI: `{"error": {"message": …}}`;
    Gemini: `[{"error": {"message": …}}]`; Ray Serve: plain text.
    """
    error = body
    for _ in range(_MOST_WRAPPINGS):
        if isinstance(error, list) and error:
            error = error[0]
        elif isinstance(error, dict):
            inner = error.get("error") or error.get("detail")
            # What describes itself is not left for a mere word in it: `"error": "Bad Request"`.
            if not inner or (error.get("message") and not isinstance(inner, dict | list)):
                return error
            error = inner
    return error


def kind_of(refusal: Refusal) -> ErrorKind:
    """Return what kind of failure a refusal is."""
    words = f"{refusal.code} {refusal.message}"
    if _NO_DEPLOYMENT.search(words):
        return "server"
    if _NO_KEY_DATABASE.search(words):
        return "authentication"
    status = refusal.status
    if _CONTEXT_LENGTH.search(words) and status not in _NEVER_CONTEXT_LENGTH:
        return "context_length"
    if status == _BAD_REQUEST and _QUOTA.search(words):
        return "rate_limit"
    if status is None or status >= 500:  # noqa: PLR2004 - the class of server errors
        return "server"
    return _KIND_OF_STATUS.get(status, "bad_request")


def is_retryable(refusal: Refusal) -> bool:
    """Whether the same request may succeed a little later."""
    if kind_of(refusal) == "context_length" or _QUOTA.search(f"{refusal.code} {refusal.message}"):
        return False
    return kind_of(refusal) == "server" or refusal.status in _RETRYABLE_STATUSES


def short_message(words: str, secrets: Secrets) -> str:
    """Return a server's own words, on one line, short, and without keys or anything like one."""
    printable = "".join(c if c.isprintable() else " " for c in words[:_MOST_READ_CHARS])
    keys = [secret.reveal() for secret in secrets]
    message = " ".join(printable.split())
    for form in [form for key in keys for form in (key, *_in_base64(key))]:
        message = _without_pieces_of(form, message)
    message = redacted(message, keys)
    if message.startswith("<"):
        return "an HTML page"
    # VS Code makes a link of it, which may run a command.
    message = message.replace("](", "] (")
    if len(message) > _MOST_MESSAGE_CHARS:
        message = f"{message[:_MOST_MESSAGE_CHARS]}…"
    return message


def _in_base64(key: str) -> Iterator[str]:
    """Yield the key as a server may repeat it from `Authorization: Basic …`.

    What stands before the key moves it by none, one or two of the three bytes that make four
    characters. Those that hold bits of a neighbour, too, are left out: of `abc` behind one byte,
    which is `AGFiYw==`, that is `FiY`.
    """
    for bytes_before, shared in enumerate((0, 2, 3)):
        encoded = base64.b64encode(b"\0" * bytes_before + key.encode()).decode()
        whole = encoded.rstrip("=")
        yield whole[shared : None if whole == encoded else -1]


def _without_pieces_of(key: str, text: str) -> str:
    """Mask every part of a key that is long enough to be none by chance.

    A server may wrap a key or escape characters of it: of `sk-one/two` that is `sk-one%2Ftwo`.
    """
    parts, start = [], 0
    while start < len(text):
        end = start + _LEAST_PIECE
        if end > len(text) or text[start:end] not in key:
            parts.append(text[start])
            start += 1
            continue
        while end < len(text) and text[start : end + 1] in key:
            end += 1
        parts.append("***")
        start = end
    return "".join(parts)


def failure_of_status(
    refusal: Refusal, endpoint: str, *, secrets: Secrets, retry_after_s: float | None
) -> APIError:
    """Return the error for a response whose status is one."""
    kind = kind_of(refusal)
    said = short_message(refusal.message, secrets)
    answer = f"`{endpoint}` answered {refusal.status}{f' ({said})' if said else ''}."
    advice = _advice(refusal, kind, has_key=bool(secrets))
    return APIError(
        f"{answer} {advice}",
        kind=kind,
        status_code=refusal.status,
        retryable=is_retryable(refusal),
        retry_after_s=retry_after_s,
    )


def _advice(refusal: Refusal, kind: ErrorKind, *, has_key: bool) -> str:
    if _NO_DEPLOYMENT.search(refusal.message):
        return "The gateway has no model server that works at the moment: look at those behind it."
    is_empty = _QUOTA.search(f"{refusal.code} {refusal.message}")
    if is_empty or refusal.status == _PAYMENT_REQUIRED:
        return "The account's quota is used up: check its plan and billing."
    if _CONTENT_FILTER.search(f"{refusal.code} {refusal.message}"):
        return (
            "The provider's content filter refused the prompt: word it otherwise, or send less "
            "context."
        )
    if kind == "authentication" and not has_key:
        return "It wants an API key and none is set: set `OPENAI_API_KEY`."
    return _ADVICE[kind]


def failure_in_stream(error: object, endpoint: str, secrets: Secrets) -> APIError:
    """Return the error for an error object, or bare text, inside a stream that began well."""
    refusal = refusal_of(error)
    kind = kind_of(refusal)
    said = short_message(refusal.message, secrets) or "no message came with it"
    advice = _advice(refusal, kind, has_key=bool(secrets))
    return APIError(
        f"`{endpoint}` reported an error in its stream: {said.rstrip('.')}. {advice}",
        kind=kind,
        status_code=refusal.status,
        retryable=is_retryable(refusal),
    )


_REDIRECTS = range(300, 400)


@contextmanager
def translated(endpoint: str, secrets: Secrets) -> Iterator[None]:
    """Raise this package's errors instead of foreign ones, which become their causes.

    Raises:
        APIError: The request was refused or did not reach the endpoint.
        StreamProcessError: The response broke off.
    """
    try:
        yield
    except foreign_errors() as error:
        raise translation_of(error, endpoint, secrets) from cause_of(error, secrets)


def foreign_errors() -> tuple[type[Exception], ...]:
    """Return what the SDK and its client raise, for a request or while a response is read."""
    import aiohttp  # noqa: PLC0415 - a client exists, so it is imported already
    import httpx2  # noqa: PLC0415 - the same
    import openai  # noqa: PLC0415 - the same

    return (
        openai.OpenAIError,
        httpx2.HTTPError,
        httpx2.InvalidURL,
        httpx2.StreamError,
        # The SDK's transport hands on what it has no name for: an answer that is no HTTP.
        aiohttp.ClientError,
        # What is no text, no number a machine can hold, or nested without end, in a request or in
        # an answer: neither the SDK nor its client catches these.
        UnicodeError,
        OverflowError,
        RecursionError,
    )


def cause_of(error: Exception, secrets: Secrets) -> Exception | None:
    """Return the error as a traceback may show it: None if it, or its own cause, repeats a key."""
    # aiohttp's errors show the request's headers to whoever looks closer than `str`.
    shown = f"{error}{error!r}{error.__cause__}{error.__cause__!r}"
    repeats = any(secret.reveal() in shown for secret in secrets)
    return None if repeats else error


def translation_of(error: Exception, endpoint: str, secrets: Secrets = ()) -> StreamingError:
    """Return the error to raise instead of `error`, an exception of the SDK or its client."""
    import aiohttp  # noqa: PLC0415 - as above
    import httpx2  # noqa: PLC0415 - as above
    import openai  # noqa: PLC0415 - as above

    kind: ErrorKind
    refused = _refused_connection(error)
    match error:
        case openai.APIStatusError():
            return _refused(error, endpoint, secrets)
        case openai.APITimeoutError() | httpx2.TimeoutException() if refused is None:
            return APIError(
                f"`{endpoint}` did not accept a connection in time. Is the server running, and is "
                "the network up?",
                kind="timeout",
                retryable=True,
            )
        case openai.APIConnectionError():
            return _unreachable(refused or error.__cause__ or error, endpoint, secrets)
        case (
            httpx2.ConnectError()
            | httpx2.ProxyError()
            | httpx2.WriteError()
            | httpx2.TimeoutException()
        ):
            return _unreachable(refused or error, endpoint, secrets)
        case httpx2.TransportError() | httpx2.StreamError() | httpx2.DecodingError():
            return StreamProcessError(
                f"The connection to `{endpoint}` broke off before the response was complete.",
                kind="connection",
                retryable=True,
            )
        case aiohttp.ClientResponseError():
            what = f"What listens at `{endpoint}` answered with something that is not HTTP."
            kind, step = "connection", "Check the base URL and its port."
        case _:
            what = f"The request to `{endpoint}` could not be made ({type(error).__name__})."
            kind = "bad_request"
            step = "Check the base URL, the API key and the settings that go into the request."
    return APIError(f"{what} {step}", kind=kind)


def _refused_connection(error: BaseException) -> BaseException | None:
    """Return what failed to connect, where the SDK's transport calls it a timeout.

    It maps every connection error of aiohttp's to a timeout, a refused connection too.
    """
    import aiohttp  # noqa: PLC0415 - imported by the client already

    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, aiohttp.ClientConnectionError):
        cause = cause.__cause__
    if cause is None or isinstance(cause, TimeoutError):
        return None
    return cause.os_error if isinstance(cause, aiohttp.ClientConnectorError) else cause


def _refused(error: "APIStatusError", endpoint: str, secrets: Secrets) -> APIError:
    response = error.response
    if error.status_code in _REDIRECTS:
        return APIError(
            f"`{endpoint}` answered {error.status_code}, a redirect, which is not followed: set "
            "the base URL to where the server really is.",
            kind="not_found",
            status_code=error.status_code,
        )
    body = error.body if error.body is not None else response.text
    refusal = refusal_of(body, error.status_code)
    wait_s = retry_after_s(response.headers)
    return failure_of_status(refusal, endpoint, secrets=secrets, retry_after_s=wait_s)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds a server asks to wait: `retry-after-ms`, or `Retry-After`.

    Source: RFC 9110, 10.2.3 (seconds or a date); the header in milliseconds is OpenAI's.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    asked = headers.get("retry-after", "")
    seconds = _number(asked)
    if seconds is not None:
        return seconds
    try:
        date = email.utils.parsedate_tz(asked)
        return max(email.utils.mktime_tz(date) - time.time(), 0.0) if date else None
    except (ValueError, OverflowError):  # a year that no clock knows
        return None


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 < number < float("inf") else None


def _unreachable(cause: BaseException, endpoint: str, secrets: Secrets) -> APIError:
    reason = short_message(str(cause) or type(cause).__name__, secrets)
    if "WRONG_VERSION_NUMBER" in reason or "RECORD_LAYER_FAILURE" in reason:
        return speaks_no_tls(endpoint)
    if (step := _certificate_advice(reason)) is not None:
        return APIError(
            f"No trusted connection to `{endpoint}`: {reason.rstrip('.')}. {step}",
            kind="connection",
        )
    step = "Is the server running, and is the base URL right?"
    # With TLS 1.3 the refusal of a client may be lost when the connection is torn down.
    if endpoint.startswith("https:") and getattr(cause, "errno", None) == errno.ECONNRESET:
        step += " One that wants a certificate from you (`clientCertificate`) may end it like this."
    return APIError(
        f"Cannot reach `{endpoint}`: {reason.rstrip('.')}. {step}",
        kind="connection",
        retryable=True,
    )


# OpenSSL's names for the alerts of TLS (RFC 8446, 6.2).
_WANTS_A_CLIENT = re.compile(
    "ALERT_(?:CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|UNKNOWN_CA|BAD_CERTIFICATE"
    "|CERTIFICATE_UNKNOWN|ACCESS_DENIED)"
)


def _certificate_advice(reason: str) -> str | None:
    """Return what to do about a failure of certificates; None where it is none."""
    if _WANTS_A_CLIENT.search(reason):
        return (
            "The endpoint wants another certificate from you, or one at all: set "
            "`clientCertificate`, and `clientKey` if the key is in a file of its own."
        )
    if "CERTIFICATE_VERIFY_FAILED" not in reason:
        return None
    if "mismatch" in reason:
        return "It is for another host: check the base URL."
    if "expired" in reason or "not yet valid" in reason:
        return "Its certificate has to be renewed; is this machine's clock right?"
    return (
        "Check the base URL. Where an authority of your own signed the certificate, or a proxy "
        "opens connections, set `caBundle` to the file with that authority's certificate."
    )


def speaks_no_tls(endpoint: str) -> APIError:
    """Return the error for an endpoint that does not answer a TLS handshake."""
    plain = endpoint.replace("https://", "http://", 1)
    return APIError(
        f"`{endpoint}` accepts connections but speaks no TLS. If that is as it should be, set the "
        f"base URL to `{plain}`.",
        kind="connection",
    )


def behind_proxy(error: APIError) -> APIError:
    """Return the error for an endpoint that was not reached through a proxy."""
    return APIError(
        f"{error.message} The way there leads through a proxy: check that too (`proxy`, or "
        "`HTTPS_PROXY` and `NO_PROXY` in the environment).",
        kind=error.kind,
        retryable=error.retryable,
    )
