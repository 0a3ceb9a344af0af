"""Suggestions of one document, without a server around them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from streaming_code_generator.core.attempts import unrecorded
from streaming_code_generator.core.complete.window import Place
from streaming_code_generator.core.messages import CompletionRequest, Delta
from streaming_code_generator.editing.exchange import Outcome
from streaming_code_generator.editing.writer import DocumentWriter
from streaming_code_generator.lsp.completions.completion_stream import Cursor
from streaming_code_generator.lsp.completions.completions import Completions, Means, Outcomes
from streaming_code_generator.lsp.documents.open_document import (
    AppliedEdits,
    EditForm,
    OpenDocument,
)
from streaming_code_generator.testing.scripted import ScriptedProvider, text_script

MOST_LOOKS = 100


class NoGeneration:
    """Listens to a document in which nothing is generated."""

    def take_outcome(self, outcome: Outcome) -> None:
        raise NotImplementedError

    def document_moved(self, document: OpenDocument) -> None:
        raise NotImplementedError


def new_document(uri: str, writer: DocumentWriter) -> OpenDocument:
    def send(*_: object) -> None:
        raise NotImplementedError

    return OpenDocument(uri, writer, send, NoGeneration(), edit_form=EditForm(AppliedEdits()))


class SlowToClose(ScriptedProvider):
    """A provider whose first connection closes when it is let go."""

    def __init__(self) -> None:
        super().__init__(text_script("1\n"), text_script("3\n"))
        self.may_close = asyncio.Event()

    @asynccontextmanager
    async def open(self, request: CompletionRequest) -> AsyncIterator[AsyncIterator[Delta]]:
        async with super().open(request) as deltas:
            try:
                yield deltas
            finally:
                await self.may_close.wait()


class LookedAt(Cursor):
    """A cursor that may be looked at a few times only, so that a loop without end is seen."""

    looks = 0

    def typed_at(self, place: Place, expected: str, anchor: tuple[int, int]) -> str | None:
        LookedAt.looks += 1
        assert LookedAt.looks < MOST_LOOKS, "it is looked at over and over"
        return super().typed_at(place, expected, anchor)


async def test_key_behind_a_whole_suggestion_waits_for_its_connection_to_close() -> None:
    provider = SlowToClose()
    completions = Completions(on_failure=print)
    document = new_document("file:///a.py", DocumentWriter("", version=1, encoding="utf-16"))
    means = Means(
        provider=provider,
        is_busy=lambda: False,
        record=unrecorded,
        language_id="python",
        file_name="a.py",
        session_id="",
        timeout_s=60.0,
        masks_keys=True,
    )
    async with asyncio.timeout(10):
        first = Cursor(["x = \n"], 0, 4)
        assert await completions.suggest(document, first, means, is_invoked=True) == "1"

        typed_beyond = LookedAt(["x = 12\n"], 0, 6)
        second = asyncio.create_task(
            completions.suggest(document, typed_beyond, means, is_invoked=True)
        )
        for _ in range(20):
            await asyncio.sleep(0)
        assert not second.done()
        assert len(provider.requests) == 1

        provider.may_close.set()
        assert await second == "3"
    assert len(provider.requests) == 2
    await completions.aclose()


def shown_and_typed(outcomes: Outcomes, suggestion: str, typed: str) -> None:
    """Show a suggestion at the end of a line, and type."""
    outcomes.look_at(0)
    outcomes.show(Cursor("x = \n".splitlines(keepends=True), 0, 4), suggestion)
    for count in range(1, len(typed) + 1):
        outcomes.changed(f"x = {typed[:count]}\n".splitlines(keepends=True))


def test_wait_grows_while_nothing_that_is_suggested_on_a_line_is_typed() -> None:
    outcomes = Outcomes()
    rests_s = []
    for _ in range(6):
        rests_s.append(outcomes.rest_s)
        shown_and_typed(outcomes, "wrong", "z")
    assert rests_s == [0.075, 0.075, 0.075, 0.15, 0.3, 0.3]

    outcomes.look_at(1)
    assert outcomes.rest_s == 0.075


def test_wait_is_short_again_once_a_suggestion_is_typed_in_part() -> None:
    outcomes = Outcomes()
    for _ in range(6):
        shown_and_typed(outcomes, "wrong", "z")
    shown_and_typed(outcomes, "right", "rigz")
    assert outcomes.rest_s == 0.075
