"""After a failure: a fallback, a pause for an endpoint, or the rest of what was cut off.

An endpoint that keeps failing gets no requests for a while:

    closed      failures are counted; what succeeds sets them to 0
    open        after 5 in a row: no request for 15 s, then one
    open again  that one failed too: none for 30 s, then 60 s, then 120 s each time

A response that was cut off is gone on with by another request (`continued`), and what that repeats
of it is taken out where the two meet (`Seam`).

No I/O: the clock goes in.
"""

import asyncio
import re
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from streaming_code_generator.core.messages import (
    CompletionRequest,
    Message,
    Provider,
    ProviderDescription,
)
from streaming_code_generator.errors import ErrorKind, StreamingError

MOST_FAILURES = 5
OPEN_S = 15.0
MOST_OPEN_S = 120.0

UNHEALTHY: frozenset[ErrorKind] = frozenset({"connection", "timeout", "server", "rate_limit"})
"""Failures that are the endpoint's own, whatever the request."""


class CircuitBreaker:
    """Counts one endpoint's failures; times are in seconds on any clock that does not go back."""

    def __init__(self) -> None:
        self._failures = 0
        self._open_until_s: float | None = None
        self._open_s = OPEN_S

    def is_open(self, now_s: float) -> bool:
        """Whether the endpoint should get no request now.

        Once the time is over, one caller gets a no and is expected to send one; the others wait
        for the outcome, or for as long again if none comes.
        """
        if self._open_until_s is None:
            return False
        if now_s < self._open_until_s:
            return True
        # The one caller that gets through is the trial: for the others it stays open meanwhile.
        self._open_until_s = now_s + self._open_s
        return False

    def failed(self, now_s: float) -> None:
        """Count a failed attempt."""
        self._failures += 1
        if self._open_until_s is not None:
            self._open_s = min(self._open_s * 2, MOST_OPEN_S)
        if self._failures >= MOST_FAILURES:
            self._open_until_s = now_s + self._open_s

    def succeeded(self) -> None:
        """Begin anew: the endpoint has answered."""
        self._failures, self._open_until_s, self._open_s = 0, None, OPEN_S


class CircuitBreakers:
    """One for each endpoint that got a request."""

    def __init__(self) -> None:
        self._breakers: defaultdict[str, CircuitBreaker] = defaultdict(CircuitBreaker)

    def of(self, endpoint: str) -> CircuitBreaker:
        """Return an endpoint's own."""
        return self._breakers[endpoint]


FALLS_BACK: frozenset[ErrorKind] = UNHEALTHY | {"stream", "authentication", "not_found"}
"""What another endpoint may do better; what is wrong with a request is wrong everywhere."""

Admit = Callable[[ProviderDescription], Awaitable[None]]
"""Awaited before a request goes to a provider; returns once there is room at its endpoint."""


async def unlimited(_provider: ProviderDescription) -> None:
    """Admit at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """A provider that gets the request instead."""

    name: str
    """As the user calls it."""
    provider: Provider
    request: CompletionRequest
    """Its request, without messages: these are the same for all."""


class Routes:
    """The providers of one generation, one after another. Made inside a running event loop."""

    def __init__(
        self,
        provider: Provider,
        fallbacks: Sequence[Fallback],
        breakers: CircuitBreakers,
        admit: Admit = unlimited,
    ) -> None:
        self.provider = provider
        """The one that gets the next request."""
        self.fallback: Fallback | None = None
        """What it is, if not the first."""
        self._breakers = breakers
        self._admit = admit
        self._left = deque(fallbacks)
        self._loop = asyncio.get_running_loop()

    def skip_unhealthy(self) -> bool:
        """Begin with a fallback if the first one keeps failing; whether that is so."""
        if not self._left or not self._is_open(self.provider):
            return False
        # Where all keep failing, the first gets the request: else none would ever be tried.
        healthy = [each for each in self._left if not self._is_open(each.provider)]
        if not healthy:
            return False
        self._left = deque(healthy)
        self._take_next()
        return True

    def go_over(self, error: StreamingError) -> bool:
        """Take the next one after a failure; False where there is none, or it would not help."""
        if not self._left or error.kind not in FALLS_BACK:
            return False
        self._take_next()
        return True

    async def wait_for_room(self) -> None:
        """Wait until the next request may be sent."""
        await self._admit(self.provider.description)

    def adapted(self, request: CompletionRequest) -> CompletionRequest:
        """Return the request as its provider is to get it."""
        if self.fallback is None:
            return request
        return replace(
            self.fallback.request, messages=request.messages, session_id=request.session_id
        )

    def failed(self, error: StreamingError) -> None:
        """Count a failed attempt against the endpoint, if it is its own fault."""
        if error.kind in UNHEALTHY:
            self._breaker(self.provider).failed(self._loop.time())

    def succeeded(self) -> None:
        """Count an answer for the endpoint."""
        self._breaker(self.provider).succeeded()

    def _take_next(self) -> None:
        self.fallback = self._left.popleft()
        self.provider = self.fallback.provider

    def _is_open(self, provider: Provider) -> bool:
        return self._breaker(provider).is_open(self._loop.time())

    def _breaker(self, provider: Provider) -> CircuitBreaker:
        return self._breakers.of(provider.description.endpoint)


GO_ON = (
    "Your answer was cut off. Go on exactly where it ended, in the middle of a line if need be. "
    "Repeat nothing of it, begin no new code block, and say nothing about this."
)

RECOVERS: frozenset[ErrorKind] = UNHEALTHY | {"stream"}
"""Interruptions after which an endpoint is likely to go on; a key that is refused in the middle of
a response, or a text that has grown too long, is refused again."""

MOST_OVERLAP = 2000
"""Most characters at the end of the text so far that a continuation is compared with."""

LEAST_OVERLAP = 6
"""Fewer characters that are the same, white space aside, are alike by chance: `    ` or `)\n`."""

LEAST_LINE_OVERLAP = 3
"""The same where the line that was cut off is begun anew: `y = tw`, but not `}`."""

_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})", re.MULTILINE)
_REOPENED = re.compile(r"[ \t\r\n]*(?:`{3,}|~{3,})[\w+#.-]+[ \t]*\r?\n")
_MAY_REOPEN = re.compile(r"[ \t\r\n]*(?:(?:`{1,}|~{1,})[\w+#.-]*[ \t]*\r?)?")


def continued(request: CompletionRequest, text: str) -> CompletionRequest:
    """Return the request for the rest of a response of which `text` has come."""
    so_far = (
        Message(role="assistant", content=text),
        Message(role="user", content=GO_ON),
    )
    return replace(request, messages=(*request.messages, *so_far))


class Seam:
    r"""Takes from a continuation what it repeats of the text before it.

    Models begin the line that they were in anew, or their code block:

        text so far     ```python\ndef area(w, h):\n    return w
        continuation    ```python\n    return w * h\n```
        goes on with     * h\n```

    Little that is the same is alike by chance, unless it is all that had come, or all of the block
    that is opened anew. What may still turn out to be repeated is held back.
    """

    def __init__(self, text: str) -> None:
        self._tail = text[-MOST_OVERLAP:]
        self._begun_anew = text
        """What one that begins anew repeats, however little that is."""
        fences = [*_FENCE.finditer(text)]
        _, line_end, code = text[fences[-1].end() :].partition("\n") if fences else ("", "", "")
        # A fence whose line is not whole goes on, too, and has opened nothing yet.
        self._is_in_block = len(fences) % 2 == 1 and bool(line_end)
        self._code = code
        self._held = ""
        self._is_closed = not text

    def feed(self, text: str) -> str:
        """Return what of the continuation is known to be new."""
        if self._is_closed:
            return text
        self._held += text
        if self._is_in_block:
            if _MAY_REOPEN.fullmatch(self._held):
                return ""
            if _REOPENED.match(self._held):
                self._held = _REOPENED.sub("", self._held, count=1)
                self._begun_anew = self._code
            self._is_in_block = False
        # Of "…return w" with "ret" held back, "return w" may still come: all of "ret" stands in the
        # tail. With "rest" held back nothing can overlap any more.
        may_overlap_more = any(
            self._tail.startswith(self._held, start)
            for start in range(len(self._tail) - len(self._held) + 1)
        )
        return "" if may_overlap_more else self.finish()

    def finish(self) -> str:
        """Return what is new of what was held back; nothing is held back from now on."""
        held, self._held = self._held, ""
        if self._is_closed:
            return held
        self._is_closed = True
        # The longest beginning of what has come that the text so far ends with is repeated: behind
        # "…\n    return w", of "    return w * h" that is "    return w".
        for length in range(min(len(held), len(self._tail)), 0, -1):
            if self._tail.endswith(held[:length]):
                is_line = self._tail[:-length].endswith("\n") and "\n" not in held[:length]
                least = LEAST_LINE_OVERLAP if is_line else LEAST_OVERLAP
                is_little = len("".join(held[:length].split())) < least
                is_chance = is_little and held[:length] != self._begun_anew
                return held if is_chance else held[length:]
        return held
