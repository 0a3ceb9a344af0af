"""What the loopback server may answer, healthy or not, written as steps.

Reply(steps=(chunk("Hello"), finish(), usage(3, 1), DONE))      a healthy stream
Reply(steps=(chunk("Hel"), Drop()))                             the socket is dropped
Reply(steps=(chunk("Hel"), Hold(asyncio.Event())))              silence, until the event
Reply.error(429, "slow down", headers={"Retry-After": "1"})     a refusal
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Drop:
    """Abort the connection, as a server that crashes does."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Send nothing until `event` is set; never more, if it is not set."""

    event: asyncio.Event


Step = bytes | Drop | Hold
"""Bytes are sent as they are, and flushed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer to one request."""

    steps: Sequence[Step] = ()
    """The body; a body that ends without `Drop` ends properly."""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "text/event-stream"
    before_headers: Sequence[Step] = ()
    """`Hold` makes the headers late, `Drop` makes them never come."""

    @classmethod
    def error(
        cls, status: int, message: str, *, headers: Mapping[str, str] | None = None
    ) -> "Reply":
        """Return a refusal in OpenAI's words."""
        return cls.json({"error": {"message": message}}, status=status, headers=headers)

    @classmethod
    def json(
        cls, body: object, *, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> "Reply":
        """Return a reply of one JSON document."""
        return cls(
            status=status,
            headers=headers or {},
            content_type="application/json",
            steps=(json.dumps(body).encode(),),
        )


def answer(*pieces: str, model: str = "loopback-model") -> Reply:
    """Return a healthy reply: the role, the pieces, the finish, the usage, `[DONE]`."""
    return Reply(
        steps=(
            chunk(role="assistant", content=None, model=model),
            *(chunk(piece, model=model) for piece in pieces),
            finish(),
            usage(10, len(pieces)),
            DONE,
        )
    )


def event(body: object) -> bytes:
    """Return one event whose data is `body` as JSON."""
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n"


def chunk(content: str | None = "", *, model: str = "loopback-model", **delta: object) -> bytes:
    """Return a chunk whose delta has `content` and whatever else is given."""
    choice = {"index": 0, "delta": {"content": content, **delta}, "finish_reason": None}
    return event({"object": "chat.completion.chunk", "model": model, "choices": [choice]})


def finish(reason: str = "stop") -> bytes:
    """Return the chunk that names the finish reason."""
    return event({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})


def usage(prompt_tokens: int, completion_tokens: int) -> bytes:
    """Return a chunk of usage alone."""
    counts = {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }
    return event({"choices": [], "usage": counts})


DONE = b"data: [DONE]\n\n"
KEEP_ALIVE = b": keep-alive\n\n"


def split_bytes(steps: Sequence[bytes], size: int) -> tuple[bytes, ...]:
    """Return the same bytes in portions of `size`, wherever that cuts."""
    whole = b"".join(steps)
    return tuple(whole[start : start + size] for start in range(0, len(whole), size))
