"""Going on with a response that was cut off: the next request, and the seam where it goes on."""

import re
from dataclasses import replace

from streaming_code_generator.core.engine.routes import UNHEALTHY
from streaming_code_generator.core.messages import CompletionRequest, Message
from streaming_code_generator.errors import ErrorKind

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

    What may still turn out to be repeated is held back.
    """

    def __init__(self, text: str) -> None:
        self._tail = text[-MOST_OVERLAP:]
        self._is_in_block = len(_FENCE.findall(text)) % 2 == 1
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
                is_chance = len("".join(held[:length].split())) < least
                return held if is_chance else held[length:]
        return held
