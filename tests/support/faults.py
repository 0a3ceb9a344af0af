"""Every fault of an endpoint, at every place of a response, and what must come of each.

A table for more than one test: the library and the language server meet the same faults.
"""

import asyncio
import base64
import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from streaming_code_generator.testing.openai_replies import (
    DONE,
    KEEP_ALIVE,
    Drop,
    Hold,
    Reply,
    Step,
    chunk,
    event,
    finish,
    split_bytes,
    usage,
)
from support.lsp_process import KEY

WHOLE = "x = 1\ny = 2\n"
PART = "x = 1\n"
ROLE = chunk(role="assistant", content=None)

Steps = Callable[[], Sequence[Step]]

IN_STREAM: Mapping[str, Steps] = {
    "drop": lambda: (Drop(),),
    "end": lambda: (),
    "silence": lambda: (Hold(asyncio.Event()),),
    "keep-alives": lambda: (KEEP_ALIVE, KEEP_ALIVE, Hold(asyncio.Event())),
    "error": lambda: (event({"error": {"message": f"engine died, {KEY}", "code": 500}}), DONE),
    "error as text": lambda: (event({"error": f"engine died, {KEY}"}),),
    "error event": lambda: (b'event: error\ndata: {"message": "died, %b"}\n\n' % KEY.encode(),),
    "broken JSON": lambda: (b"data: {broken %b\n\n" % KEY.encode(), DONE),
    "no object": lambda: (b"data: [1]\n\n", DONE),
    "JSON without end": lambda: (b"data: " + b'{"a":' * 50_000 + b"\n\n",),
    "torn chunk": lambda: (chunk("z = 3")[:20],),
    "no UTF-8": lambda: (b"data: \xff\xfe\n\n",),
    "error event as text": lambda: (b"event: error\ndata: died, %b\n\n" % KEY.encode(),),
    "limit": lambda: (event({"error": {"message": "slow down", "code": "rate_limit_exceeded"}}),),
    "wrong key": lambda: (event({"error": {"message": "no", "type": "authentication_error"}}),),
    "finish reason of an error": lambda: (finish("error"), DONE),
}
"""Each as the steps that come instead of the rest of a stream."""

INSTEAD: Mapping[str, Reply] = {
    "no headers": Reply(before_headers=(Drop(),)),
    # Sent as an HTTP chunk, which is no beginning of a response.
    "no HTTP": Reply(before_headers=(b"SSH-2.0-OpenSSH_9.6\r\n",)),
    "redirect": Reply(status=307, headers={"Location": "http://127.0.0.2:9/v1/chat/completions"}),
    "nothing": Reply(),
    "overloaded": Reply.error(529, "Overloaded"),
    "filtered": Reply.json(
        {"error": {"message": "See our policy", "code": "content_filter"}}, status=400
    ),
    "key in two lines": Reply.error(400, f"no {KEY[:12]}\n{KEY[12:]}"),
    "key of a basic authentication": Reply.error(
        400, f"no {base64.b64encode(f'user:{KEY}'.encode()).decode()}"
    ),
    "control characters and links": Reply.error(400, "\x1b[31mred \u202e[here](command:x)"),
    "bad request": Reply.error(400, f"no such field, {KEY}"),
    "context too long": Reply.error(400, "maximum context length is 512 tokens"),
    "wrong key": Reply.error(401, f"Incorrect API key provided: {KEY}"),
    "forbidden": Reply.json({"detail": f"not for {KEY}"}, status=403),
    "no model": Reply.error(404, "the model does not exist"),
    "timeout of a gateway": Reply(status=504, steps=(b"upstream took too long",)),
    "too many": Reply.error(429, "slow down", headers={"Retry-After": "0.01"}),
    "too many for long": Reply.error(429, "slow down", headers={"Retry-After": "9999999999999"}),
    "no quota": Reply.error(429, "You exceeded your current quota"),
    "no credits": Reply.error(402, "Insufficient credits"),
    "no balance": Reply.error(400, "Your credit balance is too low"),
    "crash": Reply.json({"error": {"message": f"oops {KEY}"}}, status=500),
    "loading": Reply.error(503, "Loading model"),
    "page behind a byte order mark": Reply(steps=(b"\xef\xbb\xbf<html>",)),
    "page": Reply(content_type="text/html", steps=(f"<html>Log in {KEY}</html>".encode(),)),
    "other JSON": Reply.json({"hello": KEY}),
    "error with status 200": Reply.json({"error": {"message": f"not today, {KEY}"}}),
}
"""Each as the reply that comes instead of a stream."""

_HEALTHY = ROLE + chunk(PART) + chunk("y = 2\n") + finish() + usage(3, 2) + DONE


def _odd_usage(prompt_tokens: object, completion_tokens: object) -> bytes:
    counts = {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}
    return event({"choices": [], "usage": counts})


_ECHOES = dict.fromkeys(("id", "model", "provider", "system_fingerprint", "role", "name"), KEY)

ODD: Mapping[str, Reply] = {
    "none": Reply(steps=(_HEALTHY,)),
    "byte order mark": Reply(steps=(b"\xef", b"\xbb\xbf" + _HEALTHY)),
    "carriage returns": Reply(steps=(_HEALTHY.replace(b"\n", b"\r"),)),
    "no blank behind the colon": Reply(steps=(_HEALTHY.replace(b"data: ", b"data:"),)),
    "single bytes": Reply(steps=split_bytes((_HEALTHY,), 1)),
    "gzip": Reply(headers={"Content-Encoding": "gzip"}, steps=(gzip.compress(_HEALTHY),)),
    "keep-alives between": Reply(steps=(KEEP_ALIVE, ROLE, KEEP_ALIVE, chunk(WHOLE), finish())),
    "a second answer": Reply(
        steps=(
            event({"choices": [{"index": 1, "delta": {"content": "z"}, "finish_reason": "stop"}]}),
            _HEALTHY,
        )
    ),
    "message beside the deltas": Reply(
        steps=(
            chunk(WHOLE),
            event({"choices": [{"delta": {}, "message": {"content": WHOLE}}]}),
            finish(),
        )
    ),
    "message in a stream": Reply(
        steps=(event({"choices": [{"message": {"content": WHOLE}, "finish_reason": "stop"}]}),)
    ),
    "whole answer behind a byte order mark": Reply(
        content_type="application/json",
        steps=(
            b"\xef\xbb\xbf"
            + json.dumps(
                {"choices": [{"message": {"content": WHOLE}, "finish_reason": "stop"}]}
            ).encode(),
        ),
    ),
    "negative usage": Reply(steps=(chunk(WHOLE), finish(), _odd_usage(-1, -2), DONE)),
    "usage beyond measure": Reply(steps=(chunk(WHOLE), finish(), _odd_usage(10**40, 1e99), DONE)),
    "usage that is true": Reply(
        steps=(chunk(WHOLE), finish(), _odd_usage(prompt_tokens=True, completion_tokens=True), DONE)
    ),
    "content filter": Reply(steps=(chunk(WHOLE), finish("content_filter"), DONE)),
    "a key in all other fields": Reply(
        headers={"x-request-id": KEY, "x-ratelimit-remaining-requests": KEY},
        steps=(
            event(_ECHOES | {"choices": [_ECHOES | {"delta": _ECHOES | {"content": WHOLE}}]}),
            event(_ECHOES | {"choices": [_ECHOES | {"delta": {}, "finish_reason": "stop"}]}),
            event(
                _ECHOES | {"choices": [], "usage": dict.fromkeys(("prompt_tokens", "cost"), KEY)}
            ),
            DONE,
        ),
    ),
    "a reason that echoes": Reply(steps=(chunk(WHOLE), finish(f"stop {KEY}"), DONE)),
}
"""Each as a reply that is odd, and whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a generation ended."""

    kind: str
    """The error's kind; `completed` where it is none."""
    attempts: int
    text: str
    """What arrived of the response."""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One fault at one place."""

    name: str
    reply: Reply
    expected: Outcome
    """Its message is a part of the error's."""
    first_chunk_timeout_s: float = 60.0
    stall_timeout_s: float = 60.0
    """Short only for those that must run into it: no other fails on a machine that is busy."""

    @property
    def timeouts(self) -> tuple[float, float]:
        """Both, the cases of one server."""
        return self.first_chunk_timeout_s, self.stall_timeout_s


SHORT_S = 0.2
RETRIES = 1
"""The retries that the outcomes below are for."""

_REPEATED = 1 + RETRIES


def _in_stream(name: str, kind: str, message: str, *, is_repeated: bool = True) -> list[Case]:
    steps = IN_STREAM[name]
    is_silent = "silence" in name or "keep" in name
    early = Outcome(kind=kind, attempts=_REPEATED if is_repeated else 1, text="", message=message)
    middle = Outcome(kind=kind, attempts=1, text=PART, message="had arrived are kept")
    # All that is shown comes in one piece: no deadline can cut between.
    begun, ended = ROLE + chunk(PART), ROLE + chunk(WHOLE) + finish()
    return [
        Case(
            name=f"{name}, before",
            reply=Reply(steps=(ROLE, *steps())),
            expected=early,
            first_chunk_timeout_s=SHORT_S if is_silent else 60.0,
        ),
        Case(
            name=f"{name}, middle",
            reply=Reply(steps=(begun, *steps())),
            expected=middle,
            stall_timeout_s=SHORT_S if is_silent else 60.0,
        ),
        # All has been said: what is wrong with the rest is no fault of the generation's.
        Case(
            name=f"{name}, at the end",
            reply=Reply(steps=(ended, *steps())),
            expected=Outcome(kind="completed", attempts=1, text=WHOLE),
        ),
    ]


def _instead(name: str, kind: str, message: str, *, is_repeated: bool = False) -> Case:
    expected = Outcome(
        kind=kind, attempts=_REPEATED if is_repeated else 1, text="", message=message
    )
    return Case(name=name, reply=INSTEAD[name], expected=expected)


CASES: tuple[Case, ...] = (
    *_in_stream("drop", "connection", "broke off"),
    *_in_stream("end", "stream", "ended early"),
    *_in_stream("silence", "timeout", "sent nothing", is_repeated=False),
    *_in_stream("keep-alives", "timeout", "sent nothing", is_repeated=False),
    *_in_stream("error", "server", "engine died, ***"),
    *_in_stream("error as text", "server", "engine died, ***"),
    *_in_stream("error event", "server", "died, ***"),
    *_in_stream("broken JSON", "stream", "not a JSON object"),
    *_in_stream("no object", "stream", "not a JSON object"),
    *_in_stream("JSON without end", "stream", "not a JSON object"),
    *_in_stream("torn chunk", "stream", "ended early"),
    *_in_stream("no UTF-8", "stream", "not a JSON object"),
    *_in_stream("error event as text", "server", "died, ***"),
    *_in_stream("limit", "rate_limit", "slow down"),
    *_in_stream("wrong key", "authentication", "Check the API key", is_repeated=False),
    *_in_stream("finish reason of an error", "server", "ended with `error`"),
    _instead("no headers", "connection", "Cannot reach", is_repeated=True),
    _instead("no HTTP", "connection", "something that is not HTTP"),
    _instead("redirect", "not_found", "a redirect, which is not followed"),
    _instead("nothing", "stream", "held nothing at all", is_repeated=True),
    _instead("overloaded", "server", "Overloaded", is_repeated=True),
    _instead("filtered", "bad_request", "content filter refused the prompt"),
    _instead("key in two lines", "bad_request", "no *** ***"),
    _instead("key of a basic authentication", "bad_request", "no dXNlcjp***"),
    _instead("control characters and links", "bad_request", "([31mred [here] (command:x))"),
    _instead("page behind a byte order mark", "stream", "HTML page"),
    _instead("bad request", "bad_request", "no such field, ***"),
    _instead("context too long", "context_length", "select less"),
    _instead("wrong key", "authentication", "Check the API key"),
    _instead("forbidden", "authentication", "not for ***"),
    _instead("no model", "not_found", "Check the model's name"),
    _instead("timeout of a gateway", "server", "took too long", is_repeated=True),
    _instead("too many", "rate_limit", "Wait a little", is_repeated=True),
    _instead("too many for long", "rate_limit", "asks to wait"),
    _instead("no quota", "rate_limit", "quota is used up"),
    _instead("no credits", "rate_limit", "quota is used up"),
    _instead("no balance", "rate_limit", "quota is used up"),
    _instead("crash", "server", "oops ***", is_repeated=True),
    _instead("loading", "server", "Loading model", is_repeated=True),
    _instead("page", "stream", "HTML page"),
    _instead("other JSON", "stream", "JSON that is no completion"),
    _instead("error with status 200", "server", "not today, ***", is_repeated=True),
    *(
        Case(name=name, reply=reply, expected=Outcome(kind="completed", attempts=1, text=WHOLE))
        for name, reply in ODD.items()
    ),
)
