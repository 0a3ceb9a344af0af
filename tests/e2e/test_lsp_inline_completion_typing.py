"""Random typing over a model that is right only sometimes: what is shown fits the text."""

import asyncio
import random
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from streaming_code_generator.testing.openai_replies import Hold, Reply, event
from streaming_code_generator.testing.openai_server import OpenAIServer, RecordedRequest
from support.lsp_client import Buffer, EditorClient, connected
from support.lsp_process import DEADLINE_S, server_environment

STEPS = 60
HEAD = "# 000000\n"
TAIL = "\n\nprint(area(2, 0))\n"
# Small enough to be shown to the model whole, so that its requests say where they were made.
PROGRAM = (
    "def area(width, height):\n"
    "    product = width * height\n"
    "    assert product >= 0\n"
    "    return product\n"
    "\n"
    "def volume(width, height, depth):\n"
    "    return area(width, height) * depth"
)


@dataclass(frozen=True, slots=True)
class Said:
    """What the model was shown, and what it wrote."""

    before: str
    after: str
    text: str

    def fits(self, before: str, after: str, shown: str) -> bool:
        return self.after == after and (self.before + self.text).startswith(before + shown)


class Model:
    """Writes the program on, or something else; by pieces, each held back until it is let go."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._held: list[asyncio.Event] = []
        self._is_free = False
        self.said: list[Said] = []
        self.asked = asyncio.Event()

    def reply_to(self, request: RecordedRequest) -> Reply:
        before = request.body["input_prefix"] + request.body["prompt"]
        written = before[len(HEAD) :]
        text = PROGRAM[len(written) :] if PROGRAM.startswith(written) else "x = unknown()\n"
        if self._chance.random() < 0.4:
            at = self._chance.randrange(min(len(text), 12) + 1)
            text = text[:at] + self._chance.choice(["(y)", " + 1\n", "q\n    r\n", "\n", "))"])
        self.said.append(Said(before, request.body["input_suffix"], text))
        self.asked.set()
        steps: list[Any] = []
        for start in range(0, len(text), 5):
            gate = asyncio.Event()
            self._held.append(gate)
            steps += [Hold(gate), event({"content": text[start : start + 5], "stop": False})]
        if self._is_free:
            self.release()
        end = event({"content": "", "stop": True, "stop_type": "eos"})
        return Reply(steps=(*steps, end))

    def release(self, count: int | None = None) -> None:
        """Let the next pieces come, or all."""
        for gate in self._held[:count]:
            gate.set()
        del self._held[:count]

    def free(self, *, is_free: bool) -> None:
        """Let everything come at once from now on, or nothing."""
        self._is_free = is_free
        if is_free:
            self.release()


class User:
    """Types the program, corrects, goes elsewhere and takes what is shown."""

    def __init__(
        self, client: EditorClient, buffer: Buffer, model: Model, chance: random.Random
    ) -> None:
        self._client, self._buffer, self._model, self._chance = client, buffer, model, chance
        self.cursor = len(HEAD)
        self.shown = ""
        self.times_shown = 0
        self._changes = 0

    def step(self) -> Coroutine[Any, Any, None]:
        chance = self._chance.random()
        if chance < 0.5:
            self.type_on(self._chance.randint(1, 3))
        elif chance < 0.56:
            self.replace(self.cursor, self.cursor, self._chance.choice("xq( \n"))
        elif chance < 0.62:
            self.correct()
        elif chance < 0.68:
            self.replace(self.cursor, self.cursor, self.shown)
        elif chance < 0.9:
            self.change_elsewhere()
        else:
            self._model.release(self._chance.randint(1, 3))
        return self.ask(is_awaited=self._chance.random() < 0.5)

    def type_on(self, count: int) -> None:
        """Type what comes next in the program, or what is wrong away."""
        written = self._buffer.text[len(HEAD) : self.cursor]
        if PROGRAM.startswith(written):
            self.replace(self.cursor, self.cursor, PROGRAM[len(written) :][:count])
        else:
            self.correct()

    def correct(self) -> None:
        """Delete what is wrong, or else the last character."""
        written = self._buffer.text[len(HEAD) : self.cursor]
        right = next(n for n in range(len(written), -1, -1) if PROGRAM.startswith(written[:n]))
        self.replace(len(HEAD) + max(0, min(right, len(written) - 1)), self.cursor, "")

    def change_elsewhere(self) -> None:
        """Change a line above or below: what was suggested, was suggested for another text."""
        self._changes += 1
        if self._chance.random() < 0.5:
            self._client.type(self._buffer, 2, len(HEAD) - 1, f"{self._changes:06}")
        else:
            end = len(self._buffer.text) - len("))\n")
            self._client.type(self._buffer, end - 1, end, str(self._changes % 10))
        self.shown = ""

    def replace(self, start: int, end: int, text: str) -> None:
        self._client.type(self._buffer, start, end, text)
        self.shown = ""
        self.cursor = start + len(text)

    async def ask(self, *, is_awaited: bool) -> None:
        before = self._buffer.text[: self.cursor]
        after = self._buffer.text[self.cursor :]
        here = types.Position(before.count("\n"), len(before.rpartition("\n")[2]))
        kind = types.InlineCompletionTriggerKind
        trigger = self._chance.choice([kind.Invoked, kind.Automatic])
        answer = self._client.text_document_inline_completion_async(
            types.InlineCompletionParams(
                types.InlineCompletionContext(trigger),
                types.TextDocumentIdentifier(self._buffer.uri),
                here,
            )
        )
        look = asyncio.ensure_future(self._look(answer, before, after, here))
        if is_awaited:
            self._model.free(is_free=True)
            await look
            self._model.free(is_free=False)
        else:
            # Time for a stream to begin, with all its pieces held back.
            news = asyncio.ensure_future(self._model.asked.wait())
            await asyncio.wait({look, news}, timeout=0.2, return_when="FIRST_COMPLETED")
            news.cancel()
            self._model.asked.clear()

    async def _look(self, answer: Any, before: str, after: str, here: types.Position) -> None:
        async with asyncio.timeout(DEADLINE_S):
            result = await answer
        if result is None:
            return
        (item,) = result.items
        assert item.range == types.Range(here, here)
        shown = item.insert_text
        assert any(said.fits(before, after, shown) for said in self._model.said), (
            f"{shown!r} was never suggested at {before!r}"
        )
        assert shown.strip()
        self.times_shown += 1
        # An editor drops an answer for a text that it has no more.
        if self._buffer.text == before + after and len(before) == self.cursor:
            self.shown = shown


@pytest.mark.parametrize("seed", range(4))
async def test_what_is_shown_was_suggested_for_the_text_at_the_cursor(
    seed: int, tmp_path: Path
) -> None:
    chance = random.Random(seed)
    model = Model(random.Random(-seed - 1))
    async with OpenAIServer(reply_to=model.reply_to) as endpoint:
        environment = server_environment(tmp_path, endpoint.base_url, MAX_RETRIES="0")
        async with connected(tmp_path, environment) as client:
            buffer = client.open(HEAD + TAIL)
            user = User(client, buffer, model, chance)
            for _ in range(STEPS):
                await user.step()
            # Whatever went before: at a new place, what is suggested is shown.
            user.replace(user.cursor, user.cursor, "\nz")
            await user.ask(is_awaited=True)
            model.free(is_free=True)
            assert user.times_shown > STEPS // 10
            counts = (await client.command("status"))["completions"]
            assert 0 < counts["shown"] <= user.times_shown
