"""Translates what the SDK and its HTTP client raise into this package's errors, in one place."""

import email.utils
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from streaming_code_generator.errors import APIError, StreamingError, StreamProcessError
from streaming_code_generator.providers.openai.refusals import failure_of_status, refusal_of

if TYPE_CHECKING:  # the SDK takes over half a second to import
    from openai import APIStatusError

_REDIRECTS = range(300, 400)


@contextmanager
def translated(endpoint: str, api_key: str | None) -> Iterator[None]:
    """Raise this package's errors instead of foreign ones, which become their causes.

    Raises:
        APIError: The request was refused or did not reach the endpoint.
        StreamProcessError: The response broke off.
    """
    import httpx2  # noqa: PLC0415 - a client exists, so it is imported already
    import openai  # noqa: PLC0415 - the same

    try:
        yield
    except (openai.OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
        raise translation_of(error, endpoint, api_key) from error


def translation_of(error: Exception, endpoint: str, api_key: str | None = None) -> StreamingError:
    """Return the error to raise instead of `error`, an exception of the SDK or its client."""
    import httpx2  # noqa: PLC0415 - as above
    import openai  # noqa: PLC0415 - as above

    match error:
        case openai.APIStatusError():
            return _refused(error, endpoint, api_key)
        case openai.APITimeoutError() | httpx2.TimeoutException():
            return _too_slow(endpoint)
        case openai.APIConnectionError():
            return _unreachable(error.__cause__ or error, endpoint)
        case httpx2.ConnectError() | httpx2.ProxyError() | httpx2.WriteError():
            return _unreachable(error, endpoint)
        case httpx2.TransportError() | httpx2.StreamError() | httpx2.DecodingError():
            return _broken_off(endpoint)
        case _:
            return _impossible(error, endpoint)


def _refused(error: "APIStatusError", endpoint: str, api_key: str | None) -> APIError:
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
    return failure_of_status(refusal, endpoint, secret=api_key, retry_after_s=wait_s)


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
    date = email.utils.parsedate_tz(asked)
    return max(email.utils.mktime_tz(date) - time.time(), 0.0) if date else None


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 < number < float("inf") else None


def _too_slow(endpoint: str) -> APIError:
    return APIError(
        f"`{endpoint}` did not accept a connection in time. Is the server running, and is the "
        "network up?",
        kind="timeout",
        retryable=True,
    )


def _unreachable(cause: BaseException, endpoint: str) -> APIError:
    reason = str(cause) or type(cause).__name__
    return APIError(
        f"Cannot reach `{endpoint}`: {reason.rstrip('.')}. Is the server running, and is the base "
        "URL right?",
        kind="connection",
        retryable=True,
    )


def _broken_off(endpoint: str) -> StreamProcessError:
    return StreamProcessError(
        f"The connection to `{endpoint}` broke off before the response was complete.",
        kind="connection",
        retryable=True,
    )


def _impossible(error: Exception, endpoint: str) -> APIError:
    return APIError(
        f"The request to `{endpoint}` could not be made ({type(error).__name__}). Check the base "
        "URL and the API key.",
        kind="bad_request",
    )
