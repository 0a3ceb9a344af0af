"""The error responses of our own."""

from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams

from streaming_code_generator.errors import StreamingError
from streaming_code_generator.logs import redacted


def request_failed(error: StreamingError) -> JsonRpcException:
    """Return the error response to a request that failed."""
    data: dict[str, Any] = {"kind": error.kind, "attempts": error.attempts}
    if error.partial_text:
        data["partialText"] = error.partial_text
    return JsonRpcException(
        redacted(error.message), code=int(types.LSPErrorCodes.RequestFailed), data=data
    )


def request_cancelled(reason: str, partial_text: str) -> JsonRpcException:
    """Return the error response to a request whose generation was cancelled by another request."""
    data = {"kind": "cancelled", **({"partialText": partial_text} if partial_text else {})}
    return JsonRpcException(reason, code=int(types.LSPErrorCodes.RequestCancelled), data=data)


def content_modified(message: str) -> JsonRpcException:
    """Return the error response to a request for an older version of its document."""
    return JsonRpcException(message, code=int(types.LSPErrorCodes.ContentModified))


def unfit_parameters(method: str) -> JsonRpcInvalidParams:
    """Return the error response to a message whose parameters cannot be read.

    It says nothing of what stands there, which may be a document's text.
    """
    return JsonRpcInvalidParams(f"The parameters of `{method}` do not fit the protocol.")


INTERNAL = "Internal error; the server's log has the details."


def internal_error() -> JsonRpcException:
    """Return the error response to a request that failed by a fault of ours."""
    return JsonRpcException(
        INTERNAL, code=int(types.LSPErrorCodes.RequestFailed), data={"kind": "internal"}
    )
