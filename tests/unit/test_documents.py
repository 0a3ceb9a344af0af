"""Documents that are closed and come back, on a loop whose clock is put forward."""

import asyncio
from collections.abc import Callable, Coroutine

from streaming_code_generator.editing.exchange import Outcome
from streaming_code_generator.editing.mirror import Point
from streaming_code_generator.editing.writer import DocumentWriter
from streaming_code_generator.lsp.documents.documents import Documents
from streaming_code_generator.lsp.documents.open_document import (
    AppliedEdits,
    EditForm,
    OpenDocument,
)
from streaming_code_generator.lsp.wire.document_messages import OpenedDocument

OLD, NEW = "file:///old.py", "file:///new.py"
TEXT = "a = 1\n"


class Clock(asyncio.SelectorEventLoop):
    """A loop that can be put forward."""

    ahead_s = 0.0

    def time(self) -> float:
        return super().time() + self.ahead_s

    async def forward(self, seconds: float) -> None:
        """Let time go by, and what is due then happen."""
        self.ahead_s += seconds
        due = asyncio.Event()
        self.call_later(0, due.set)
        await due.wait()


class Ignored:
    """Listens to regions, and does nothing."""

    def take_outcome(self, outcome: Outcome) -> None:
        pass

    def document_moved(self, document: OpenDocument) -> None:
        pass


def new_document(uri: str, writer: DocumentWriter) -> OpenDocument:
    def send(*_: object) -> None:
        raise NotImplementedError

    return OpenDocument(uri, writer, send, Ignored(), edit_form=EditForm(AppliedEdits()))


def opened(uri: str, text: str = TEXT) -> OpenedDocument:
    return OpenedDocument(uri=uri, language_id="python", version=1, text=text)


def generating(documents: Documents, uri: str) -> OpenDocument:
    """Open a document in which a generation has a place."""
    documents.opened(opened(uri))
    document = documents.get(uri)
    assert document is not None
    document.writer.open_region("generation", Point(1, 0), Point(1, 0))
    return document


Scenario = Callable[[Documents, Clock, list[OpenDocument]], Coroutine[None, None, None]]


def run(scenario: Scenario) -> None:
    """Run a scenario with the documents, their clock, and those that have ended."""

    async def main() -> None:
        loop, ended = asyncio.get_running_loop(), list[OpenDocument]()
        assert isinstance(loop, Clock)
        await scenario(Documents(new_document, ended.append), loop, ended)

    with asyncio.Runner(loop_factory=Clock) as runner:
        runner.run(main())


def test_rename_may_take_as_long_as_the_editor_lets_others_take_part() -> None:
    async def scenario(documents: Documents, clock: Clock, ended: list[OpenDocument]) -> None:
        document = generating(documents, OLD)
        documents.renamed(OLD, NEW)
        await clock.forward(60)
        documents.closed(OLD)
        await clock.forward(10)
        documents.opened(opened(NEW, "# saved\n" + TEXT))
        assert documents.get(NEW) is document
        assert ended == []

    run(scenario)


def test_document_that_does_not_come_back_ends() -> None:
    async def scenario(documents: Documents, clock: Clock, ended: list[OpenDocument]) -> None:
        document = generating(documents, OLD)
        documents.renamed(OLD, NEW)
        documents.closed(OLD)
        await clock.forward(20)
        assert ended == [document]

    run(scenario)


def test_name_that_is_given_anew_after_a_rename_is_a_document_of_its_own() -> None:
    async def scenario(documents: Documents, clock: Clock, ended: list[OpenDocument]) -> None:
        documents.opened(opened(OLD))
        documents.renamed(OLD, NEW)
        documents.closed(OLD)
        documents.opened(opened(NEW))
        fresh = generating(documents, OLD)
        documents.closed(OLD)
        await clock.forward(1)
        assert ended[-1] is fresh
        assert documents.get(NEW) is not fresh

    run(scenario)
