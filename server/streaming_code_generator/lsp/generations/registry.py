"""All generations of one server, and what can be done with each of them.

Lenses, code actions, commands and the notifications to plug-ins all read the table `ABILITIES`;
`docs/protocol.md` has it in words. That the user types inside generated code changes nothing here:
it can still be accepted, removed (which keeps what was typed) and retried.
"""

import asyncio
import functools
import itertools
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from streaming_code_generator.core.engine.generator import GenerationEngine
from streaming_code_generator.core.engine.limits import ConcurrencyLimit
from streaming_code_generator.editing.exchange import Outcome
from streaming_code_generator.errors import StreamProcessError
from streaming_code_generator.lsp.documents.files import document_key
from streaming_code_generator.lsp.documents.open_document import OpenDocument
from streaming_code_generator.lsp.generations.generation import (
    Cancelled,
    Completed,
    End,
    Failed,
    Generation,
    GenerationListener,
    Stage,
)
from streaming_code_generator.lsp.generations.job import Job
from streaming_code_generator.lsp.wire.arguments import GenerationReference, invalid
from streaming_code_generator.lsp.wire.names import ACCEPT, CANCEL, REMOVE, RETRY, STATUS, Token

REMOVAL_TIMEOUT_S = 15.0
"""Longer than the writer itself waits for an editor that does not answer."""
MOST_FINISHED = 50
"""So many ended generations are remembered, for `status`, `remove` and `retry`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """Which commands apply to a generation at one stage."""

    offered: tuple[str, ...] = ()
    """What lenses and code actions offer."""
    without_id: frozenset[str] = frozenset()
    """Commands that mean it, if it is the last such, where no id is given."""
    by_id: frozenset[str] = frozenset()
    """Commands that are carried out where its id is given."""


ABILITIES: dict[Stage, Abilities] = {
    Stage.RUNNING: Abilities(
        offered=(CANCEL,),
        without_id=frozenset({CANCEL}),
        by_id=frozenset({CANCEL, REMOVE, RETRY}),
    ),
    Stage.STANDING: Abilities(
        offered=(ACCEPT, REMOVE, RETRY),
        without_id=frozenset({ACCEPT, REMOVE, RETRY}),
        by_id=frozenset({ACCEPT, REMOVE, RETRY}),
    ),
    Stage.BARE: Abilities(
        without_id=frozenset({RETRY}),
        by_id=frozenset({ACCEPT, REMOVE, RETRY}),
    ),
    Stage.FORGOTTEN: Abilities(),
}


def abilities(generation: Generation) -> Abilities:
    """Return what can be done with a generation now."""
    return ABILITIES[generation.stage]


_TOTALS = (
    "generations",
    "completed",
    "cancelled",
    "failed",
    "promptTokens",
    "completionTokens",
    "totalTokens",
)


def _totals_of(generation: Generation) -> "Counter[str]":
    """Return what a generation that has ended adds to the totals: tokens cost, however it ended."""
    stats = generation.account.stats
    ended = {Completed: "completed", Cancelled: "cancelled", Failed: "failed"}
    return Counter(
        {
            "generations": 1,
            ended[type(generation.end)]: 1,
            "promptTokens": stats.prompt_tokens,
            "completionTokens": stats.completion_tokens,
            "totalTokens": stats.total_tokens,
        }
    )


@dataclass(slots=True, eq=False)
class Preparation:
    """A request whose prompt is being composed: it has no generation yet."""

    uri: str
    token: Token | None
    is_cancelled: bool = False


class Generations:
    """The registry of generations; it owns their tasks. Used on the event loop only."""

    def __init__(
        self,
        concurrency: ConcurrencyLimit,
        listener: GenerationListener,
    ) -> None:
        self._concurrency = concurrency
        self._listener = listener
        self._generations: dict[str, Generation] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count(1)
        self._preparations: set[Preparation] = set()
        self._dropped_totals: Counter[str] = Counter()
        """The sums over the generations that are no longer remembered."""

    # Lifecycle

    @contextmanager
    def preparation(self, uri: str, token: Token | None) -> Iterator[Preparation]:
        """Let a request be cancelled before it has a generation; nothing comes of it then."""
        preparation = Preparation(uri, token)
        self._preparations.add(preparation)
        try:
            yield preparation
        finally:
            self._preparations.discard(preparation)

    def start(
        self, job: Job, document: OpenDocument | None, engine: GenerationEngine
    ) -> Generation:
        """Start a generation, whose code goes into the document, if one is given.

        Raises:
            RangeTaken: Another generation is writing in the range.
        """
        generation = Generation(f"g{next(self._numbers)}", job, document, self._listener)
        self._generations[generation.id] = generation
        self._listener.started(generation)
        task = generation.start(engine, self._concurrency)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # Their regions would otherwise have to move with every change for ever.
        for oldest in self.ended[:-MOST_FINISHED]:
            self.forget(oldest)
            self._dropped_totals += _totals_of(oldest)
            del self._generations[oldest.id]
        return generation

    def cancel(self, reference: GenerationReference) -> list[str]:
        """Cancel one generation, or all (of a document, if one is named); return their ids.

        With all, requests that have no generation yet are cancelled, too.
        """
        for preparation in self._preparations if reference.id is None else ():
            if reference.uri is None or document_key(reference.uri) == document_key(
                preparation.uri
            ):
                preparation.is_cancelled = True
        meant = [
            generation
            for generation in self.running
            if reference.id in (None, generation.id)
            and (reference.uri is None or generation.is_of(reference.uri))
        ]
        return [generation.id for generation in meant if generation.cancel()]

    def cancel_by_token(self, token: Token) -> None:
        """Cancel what reports under a progress token."""
        for preparation in self._preparations:
            preparation.is_cancelled |= preparation.token == token
        for generation in self.running:
            if generation.progress_token == token:
                generation.cancel()

    def forget(self, generation: Generation) -> None:
        """Stop tracking the region of a generation that has ended."""
        if generation.region and generation.region.is_tracked:
            generation.region.forget()
            self._listener.forgotten(generation)
        generation.release()

    async def put_back(self, generation: Generation) -> None:
        """Cancel a generation if it runs, and take its text out of the document.

        Raises:
            StreamProcessError: What stands there is mixed with other text, or the
                editor does not take the edit.
        """
        if generation.region and generation.region.is_rewritten:
            raise StreamProcessError(
                "The code was changed since it was generated, by a formatter or by hand: taking it "
                "out would leave fragments of that. Undo the change first, or delete the code.",
                kind="document",
            )
        # Taking out text that another generation has rewritten would take out that one's, too.
        for over in generation.region.laid_over() if generation.region else []:
            later = self._generations.get(over)
            if later is not None and later.stage in {Stage.RUNNING, Stage.STANDING}:
                raise StreamProcessError(
                    f"Generation `{over}` stands on the code of `{generation.id}`: "
                    "remove that one first.",
                    kind="document",
                )
        if generation.cancel():
            await asyncio.shield(generation.done)
        await generation.put_back(timeout_s=REMOVAL_TIMEOUT_S)

    async def aclose(self) -> None:
        """Cancel everything and wait until it has ended."""
        for generation in self.running:
            generation.cancel("The server is shutting down.")
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # Looking up

    @property
    def running(self) -> list[Generation]:
        """The generations that have not ended, queued ones too."""
        return [each for each in self._generations.values() if each.end is None]

    @property
    def ended(self) -> list[Generation]:
        """The remembered generations that have ended, the oldest first."""
        return [each for each in self._generations.values() if each.end is not None]

    def runs_at(self, endpoint: str) -> bool:
        """Whether a generation runs, or waits to, at an endpoint."""
        return any(
            each.engine is not None and each.engine.provider.description.endpoint == endpoint
            for each in self.running
        )

    def in_document(self, uri: str) -> list[Generation]:
        """Return the generations with a tracked region in a document, the oldest first."""
        return [
            each
            for each in self._generations.values()
            if each.region and each.region.is_tracked and each.is_of(uri)
        ]

    def meant(self, reference: GenerationReference, command: str) -> Generation:
        """Return the generation that a command is for: the one named, or the last that it suits.

        Raises:
            JsonRpcInvalidParams: There is none, or the command does not apply to it now.
        """
        if reference.id is not None:
            generation = self._generations.get(reference.id)
            if generation is None:
                invalid(f"No generation `{reference.id}` is known: `{STATUS}` lists them.")
        else:
            suited = [
                each
                for each in self._generations.values()
                if command in abilities(each).without_id
                and not (each.region and each.region.document.is_paused)
                and (reference.uri is None or each.is_of(reference.uri))
            ]
            if not suited:
                verb = command.rpartition(".")[2]
                invalid(f"No generation has text to {verb}: `{STATUS}` lists them.")
            # The last one is what the user has just seen.
            generation = suited[-1]
        if command not in abilities(generation).by_id:
            if generation.end is None:
                invalid(
                    f"Generation `{generation.id}` is still running: cancel it, or wait for its "
                    "end."
                )
            invalid(
                f"Generation `{generation.id}` is not followed any more: it was accepted or "
                "removed, its document was closed, or it never edited one."
            )
        return generation

    def totals(self) -> dict[str, int]:
        """Return the sums over all generations of the session, however they ended."""
        totals = self._dropped_totals + Counter({"generations": len(self.running)})
        for generation in self.ended:
            totals += _totals_of(generation)
        return {name: totals[name] for name in _TOTALS}

    # Documents

    def document_closed(self, document: OpenDocument) -> None:
        """Cancel what runs in a document, and track nothing in it any more."""
        for generation in list(self._generations.values()):
            if generation.region and generation.region.document is document:
                generation.document_closed()
                if generation.end is None:
                    # Its task still has to end; the region is needed until then.
                    forget = functools.partial(self._forget_ended, generation)
                    generation.done.add_done_callback(forget)
                else:
                    self.forget(generation)

    def _forget_ended(self, generation: Generation, _: "asyncio.Future[End]") -> None:
        self.forget(generation)

    def document_moved(self, document: OpenDocument) -> None:
        """Report regions that grew, moved, lost or regained text by a change of their document."""
        for generation in self._generations.values():
            region = generation.region
            if region and region.document is document and region.is_tracked:
                self._listener.moved(generation)

    def take_outcome(self, outcome: Outcome) -> None:
        """Pass on the outcome of a region's edits."""
        generation = self._generations.get(outcome.region_id)
        if generation is not None:
            generation.take_outcome(outcome)
