"""Every fault of an endpoint, at every place of a response, and what must come of each.

A table for more than one test: the library and the language server meet the same faults.
"""

import asyncio
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
}
"""Each as the steps that come instead of the rest of a stream."""

INSTEAD: Mapping[str, Reply] = {
    "no headers": Reply(before_headers=(Drop(),)),
    "bad request": Reply.error(400, f"no such field, {KEY}"),
    "context too long": Reply.error(400, "maximum context length is 512 tokens"),
    "wrong key": Reply.error(401, f"Incorrect API key provided: {KEY}"),
    "forbidden": Reply.json({"detail": f"not for {KEY}"}, status=403),
    "no model": Reply.error(404, "the model does not exist"),
    "timeout of a gateway": Reply(status=504, steps=(b"upstream took too long",)),
    "too many": Reply.error(429, "slow down", headers={"Retry-After": "0.01"}),
    "too many for long": Reply.error(429, "slow down", headers={"Retry-After": "9999999999999"}),
    "no quota": Reply.error(429, "You exceeded your current quota"),
    "crash": Reply.json({"error": {"message": f"oops {KEY}"}}, status=500),
    "loading": Reply.error(503, "Loading model"),
    "page": Reply(content_type="text/html", steps=(f"<html>Log in {KEY}</html>".encode(),)),
    "other JSON": Reply.json({"hello": KEY}),
    "error with status 200": Reply.json({"error": {"message": f"not today, {KEY}"}}),
}
"""Each as the reply that comes instead of a stream."""


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
    _instead("no headers", "connection", "Cannot reach", is_repeated=True),
    _instead("bad request", "bad_request", "no such field, ***"),
    _instead("context too long", "context_length", "select less"),
    _instead("wrong key", "authentication", "Check the API key"),
    _instead("forbidden", "authentication", "not for ***"),
    _instead("no model", "not_found", "Check the model's name"),
    _instead("timeout of a gateway", "server", "took too long", is_repeated=True),
    _instead("too many", "rate_limit", "Wait a little", is_repeated=True),
    _instead("too many for long", "rate_limit", "asks to wait"),
    _instead("no quota", "rate_limit", "quota is used up"),
    _instead("crash", "server", "oops ***", is_repeated=True),
    _instead("loading", "server", "Loading model", is_repeated=True),
    _instead("page", "stream", "HTML page"),
    _instead("other JSON", "stream", "JSON that is no completion"),
    _instead("error with status 200", "server", "not today, ***", is_repeated=True),
    Case(
        name="none",
        reply=Reply(steps=(ROLE, chunk(WHOLE), finish(), usage(3, 2), DONE)),
        expected=Outcome(kind="completed", attempts=1, text=WHOLE),
    ),
)
