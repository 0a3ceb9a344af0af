"""Replicas of llama.cpp behind Ray Serve's proxy: one class, for nodes without a GPU.

`serve.yaml` names `app` and its arguments. A replica starts llama.cpp in a child process of its
own, checks the client's key and passes requests and responses through, byte for byte. Ray Serve
chooses the replica, replaces one that died, and cancels the request of a client that left.
"""

import hmac
import json
import math
import os
import time
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path
from secrets import token_urlsafe
from typing import Annotated, Any

import aiohttp
from pydantic import BaseModel, Field
from ray import serve
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from streaming_code_generator.providers.embedded.catalogue import resolve_weights
from streaming_code_generator.providers.embedded.child import ServerConfig
from streaming_code_generator.providers.embedded.process import ChildServer

OPEN_PATHS = {
    "/v1/models",
    "/v1/chat/completions",
    "/v1/completions",
    "/infill",
    "/props",
    "/slots",
    "/tokenize",
}
"""What of llama.cpp's server a client may call."""

REPLICA_HEADER = "x-replica"
"""Says which replica answered: by it a team sees whether sessions stay where they are."""

EVENT_END = b"\n\n"
PROGRESS = b'"prompt_progress":'
"""As a field's name it stands in no text: there a quotation mark has a backslash before it."""
PROGRESS_EVERY_S = 1.0
"""A client that did not ask for progress gets so much, as a sign that the model is at work."""

MOST_BODY_BYTES = 4 * 1024 * 1024
"""A prompt that fills a context of a million tokens is shorter."""

ENGINE_NICENESS = 15
"""A model that computes or loads waits for those who pass on what is written and see what dies.

A program that was started still nicer stays so: only an administrator could change it.
"""

Count = Annotated[int, Field(gt=0)]


class ReplicaSettings(BaseModel, extra="forbid"):
    """The arguments that `serve.yaml` gives."""

    api_key_file: Path
    """The clients' keys, one a line; every node has the file. Read at start."""
    embedded_model: str | None = None
    """A model that `streaming-code-generator model install` put on every node; None: the best."""
    model_path: Path | None = None
    """A GGUF file on every node; it goes before the name."""
    slots: Count = 2
    """Generations that a replica works on at once; each costs memory for its context."""
    context_tokens: Count = 4096
    """Prompt and answer together, per slot."""
    batch_tokens: Count = 4
    """A client that left is noticed, and other slots write, between two batches of a prompt.

    Larger ones read a little faster: 11 ms a token in batches of 128, 13 to 16 in batches of 4.
    """
    threads: Count = 1
    prompt_cache_mib: Annotated[int, Field(ge=0)] = 512
    """Memory for the prompts of sessions whose slot another one has taken."""


class LlamaReplica:
    """One llama.cpp server and the requests that Ray Serve sends its way."""

    async def __init__(  # type: ignore[misc]  # Ray Serve awaits it
        self, settings: ReplicaSettings
    ) -> None:
        """Load the model; the replica takes requests once it has.

        Raises:
            ConfigurationError: The model or the keys are not on this node.
        """
        self._keys = read_keys(settings.api_key_file.expanduser())
        weights = resolve_weights(
            embedded_model=settings.embedded_model, model_path=settings.model_path
        )
        # A key that no other program on the node knows.
        self._own_key = token_urlsafe(32)
        self._child = ChildServer(
            ServerConfig(
                model_path=str(weights.path),
                model_id=weights.model_id,
                api_key=self._own_key,
                slots=settings.slots,
                context_tokens=settings.context_tokens,
                batch_tokens=settings.batch_tokens,
                threads=settings.threads,
                prompt_cache_mib=settings.prompt_cache_mib,
            )
        )
        # Before the model is loaded: threads keep what they are started with.
        niceness = max(ENGINE_NICENESS, os.getpriority(os.PRIO_PROCESS, self._child.pid))
        os.setpriority(os.PRIO_PROCESS, self._child.pid, niceness)
        await self._child.wait_ready()
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None))
        self._replica_id = serve.get_replica_context().replica_id.unique_id

    async def check_health(self) -> None:
        """Have Ray Serve replace this replica once llama.cpp has ended."""
        if self._child.has_ended:
            raise RuntimeError(f"llama.cpp {self._child.describe_end()}")

    async def __call__(self, request: Request) -> Response:
        """Pass a request through.

        Cancellation: closes the connection to llama.cpp, which stops within a token, or within a
        batch of the prompt.
        """
        if not self._is_known(request.headers.get("authorization", "")):
            return refusal(HTTPStatus.UNAUTHORIZED, "The API key is missing or wrong.")
        if request.url.path not in OPEN_PATHS:
            return refusal(HTTPStatus.NOT_FOUND, "There is nothing at this path.")
        body = await request.body()
        if len(body) > MOST_BODY_BYTES:
            return refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request is too long.")
        fields = streamed_request(body)
        # llama.cpp looks whether its client is still there when it has something to send: without
        # progress it reads a long prompt to its end for nobody.
        sent = json.dumps({"return_progress": True} | fields).encode() if fields else body
        wants_progress = fields.get("return_progress", False)
        response = await self._session.request(
            request.method,
            self._child.url + request.url.path,
            data=sent,
            headers={
                "authorization": f"Bearer {self._own_key}",
                "content-type": request.headers.get("content-type", "application/json"),
            },
        )
        return StreamingResponse(
            relayed(response, progress_every_s=0 if wants_progress else PROGRESS_EVERY_S),
            status_code=response.status,
            media_type=response.headers.get("content-type"),
            headers={REPLICA_HEADER: self._replica_id},
        )

    def _is_known(self, authorization: str) -> bool:
        scheme, _, key = authorization.partition(" ")
        given = key.strip().encode()
        # Compares with every key, so that the time says nothing about which one it resembles.
        matches = [hmac.compare_digest(given, known) for known in self._keys]
        return scheme.lower() == "bearer" and any(matches)


async def relayed(
    response: aiohttp.ClientResponse, *, progress_every_s: float
) -> AsyncIterator[bytes]:
    """Yield the body as it comes; a client that leaves closes the connection to llama.cpp."""
    progress = SparseProgress(every_s=progress_every_s)
    async with response:
        async for piece in response.content.iter_any():
            if passed_on := progress.feed(piece):
                yield passed_on
        if progress.rest:
            yield progress.rest


class SparseProgress:
    """Leaves out of a stream most of what tells how much of the prompt has been read.

    There is one such event for each batch, and each would cost the proxy as much as a token does.
    """

    def __init__(self, *, every_s: float) -> None:
        """Let one through each time so many seconds have passed; all, if that is 0."""
        self._every_s = every_s
        self._told_s = -math.inf
        self.rest = b""
        """An event that has not come whole yet."""

    def feed(self, piece: bytes) -> bytes:
        """Return what of the events that are whole now is to be passed on."""
        *events, self.rest = (self.rest + piece).split(EVENT_END)
        return b"".join(event + EVENT_END for event in events if not self._leaves_out(event))

    def _leaves_out(self, event: bytes) -> bool:
        if PROGRESS not in event:
            return False
        now_s = time.monotonic()
        is_early = now_s - self._told_s < self._every_s
        if not is_early:
            self._told_s = now_s
        return is_early


def streamed_request(body: bytes) -> dict[str, Any]:
    """Return the fields of a request for a stream; none if it is another."""
    try:
        fields = json.loads(body)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) and fields.get("stream") is True else {}


def read_keys(path: Path) -> tuple[bytes, ...]:
    """Return the keys in a file, one a line; lines that begin with `#` are comments.

    Raises:
        RuntimeError: There are none: an endpoint that everybody may use is not started.
    """
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise RuntimeError(f"the key file `{path}` cannot be read: {error.strerror}") from error
    keys = [line.strip() for line in lines]
    found = tuple(key.encode() for key in keys if key and not key.startswith("#"))
    if not found:
        raise RuntimeError(f"no key stands in `{path}`: write one a line")
    return found


def refusal(status: HTTPStatus, message: str) -> Response:
    """Return an error in the form of OpenAI's API."""
    return JSONResponse(
        {"error": {"message": message, "type": "invalid_request_error", "code": status.value}},
        status_code=status,
    )


def app(settings: ReplicaSettings) -> Any:
    """Return the application; how many replicas it has, and where, stands in `serve.yaml`."""
    return serve.deployment(LlamaReplica).options(name="llama").bind(settings)
