r"""The loopback model server in a thread of its own, whose chunks go out when a test says so.

with Model() as model:
    script = model.on("a word in the prompt", ["def f():\n", "    pass\n"])
    ...
    script.release(1)
    script.release_all()
"""

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from types import TracebackType
from typing import Any, Self

from streaming_code_generator.testing.openai_replies import (
    DONE,
    Hold,
    Reply,
    chunk,
    event,
    finish,
)
from streaming_code_generator.testing.openai_server import OpenAIServer, RecordedRequest

DEADLINE_S = 20.0


class Script:
    """A reply in pieces, each behind a gate."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        key: str,
        pieces: Sequence[str],
        *,
        refusals: Sequence[Reply] = (),
        cost_usd: float | None = None,
    ) -> None:
        self.key = key
        self.pieces = tuple(pieces)
        self._refusals = list(refusals)
        self._cost = {} if cost_usd is None else {"cost": cost_usd}
        self.requests: list[RecordedRequest] = []
        self._loop = loop
        self._gates = tuple(asyncio.Event() for _ in (*pieces, "end"))
        self._released = 0

    @property
    def text(self) -> str:
        """The whole response."""
        return "".join(self.pieces)

    @property
    def released(self) -> str:
        """What was let out of it so far."""
        return "".join(self.pieces[: self._released])

    def release(self, count: int = 1) -> None:
        """Let the next pieces out; after the last one comes the end."""
        for gate in self._gates[self._released : self._released + count]:
            self._loop.call_soon_threadsafe(gate.set)
        self._released = min(self._released + count, len(self._gates))

    def release_all(self) -> None:
        """Let everything out."""
        self.release(len(self._gates))

    @property
    def is_released(self) -> bool:
        """Whether all of it was let out."""
        return self._released == len(self._gates)

    def reply(self) -> Reply:
        """Return the reply as the loopback server plays it; the refusals come before it."""
        if self._refusals:
            return self._refusals.pop(0)
        prompt, completion = 10, len(self.pieces)
        counts = {"prompt_tokens": prompt, "completion_tokens": completion} | self._cost
        total = {"total_tokens": prompt + completion}
        reported = event({"choices": [], "usage": counts | total})
        steps: list[bytes | Hold] = [chunk(role="assistant", content=None)]
        for gate, piece in zip(self._gates, self.pieces, strict=False):
            steps += [Hold(gate), chunk(piece)]
        steps += [Hold(self._gates[-1]), finish(), reported, DONE]
        return Reply(steps=steps)

    def was_left(self) -> bool:
        """Whether a client left a request before its reply was complete."""
        return any(request.disconnected.is_set() for request in self.requests)


class Model:
    """Answers each request by the first script whose key its prompt contains."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="model")
        self._scripts: list[Script] = []
        self._server = OpenAIServer(reply_to=self._reply_to)

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._server.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._run(self._server.__aexit__(kind, error, traceback))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE_S)
        self._loop.close()

    def _run(self, coroutine: Coroutine[Any, Any, object]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(DEADLINE_S)

    @property
    def environment(self) -> dict[str, str]:
        """What the language server must have in its environment to come here."""
        return {
            "OPENAI_BASE_URL": self._server.base_url,
            "OPENAI_API_KEY": "a-key-for-the-loopback",
            "STREAMING_CODE_GENERATOR_MODEL": "loopback-model",
            # Only where it is looked at: every key would be a request.
            "STREAMING_CODE_GENERATOR_INLINE_COMPLETION": "off",
        }

    def on(
        self,
        key: str,
        pieces: Sequence[str],
        *,
        refusals: Sequence[Reply] = (),
        cost_usd: float | None = None,
    ) -> Script:
        """Answer prompts that contain `key` by these pieces; a later one is asked first.

        Args:
            key: What the prompt must contain.
            pieces: The chunks.
            refusals: What is answered before, each once.
            cost_usd: What the endpoint says each answer costs.
        """
        script = Script(self._loop, key, pieces, refusals=refusals, cost_usd=cost_usd)
        self._scripts.insert(0, script)
        return script

    def _reply_to(self, request: RecordedRequest) -> Reply:
        for script in self._scripts:
            if script.key in request.prompt:
                script.requests.append(request)
                return script.reply()
        return Reply.error(400, f"No script for the prompt {request.prompt!r}")
