"""The commands of `workspace/executeCommand`, one method each.

`generate` and `retry` start generations: places are reserved, a prompt is composed, code streams.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote, urlsplit

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from streaming_code_generator.core.attempts import UsageSums
from streaming_code_generator.core.engine.generator import GenerationEngine
from streaming_code_generator.editing.exchange import RangeTaken
from streaming_code_generator.errors import StreamingError, StreamProcessError
from streaming_code_generator.lsp.backend import Backend
from streaming_code_generator.lsp.client import Client
from streaming_code_generator.lsp.completions.completions import Completions
from streaming_code_generator.lsp.consent import BudgetGuard
from streaming_code_generator.lsp.documents.documents import Documents
from streaming_code_generator.lsp.documents.files import (
    new_workspace_file,
    secret_looking,
)
from streaming_code_generator.lsp.documents.open_document import OpenDocument, ReservedRange
from streaming_code_generator.lsp.generations.generation import (
    Cancelled,
    Completed,
    Failed,
    Generation,
)
from streaming_code_generator.lsp.generations.job import Job
from streaming_code_generator.lsp.generations.prompts import Prompts
from streaming_code_generator.lsp.generations.registry import Generations, Preparation
from streaming_code_generator.lsp.generations.reporter import result_object
from streaming_code_generator.lsp.generations.requests import make_job
from streaming_code_generator.lsp.protocol import CommandHandler
from streaming_code_generator.lsp.wire.arguments import (
    GenerateArguments,
    NewFile,
    invalid,
    parse_generate,
    parse_reference,
)
from streaming_code_generator.lsp.wire.error_responses import (
    content_modified,
    request_cancelled,
    request_failed,
)
from streaming_code_generator.lsp.wire.names import (
    ACCEPT,
    CANCEL,
    GENERATE,
    REMOVE,
    RETRY,
    STATUS,
    ClientRange,
)
from streaming_code_generator.providers.choose import completes
from streaming_code_generator.settings import ModelSelection, Settings
from streaming_code_generator.usage.ledger import sums_object

_NO_COMPLETIONS = {"requests": 0, "shown": 0, "accepted": 0, "rejected": 0}


@dataclass(slots=True, kw_only=True, eq=False)
class Commands:
    """Runs commands on what the server holds."""

    backend: Backend
    documents: Documents
    generations: Generations
    client: Client
    budget: BudgetGuard
    prompts: Prompts
    suggestions: Callable[[], Completions | None]
    """Returns those of ghost text, if there have been any."""

    def begin(self, name: str, arguments: object, ended: ExitStack) -> Coroutine[Any, Any, object]:
        """Begin a command: what it does before it returns comes before the next message.

        Args:
            name: One of `wire.COMMANDS`.
            arguments: As the client sent them.
            ended: What to close when the request has ended.
        """
        handlers: dict[str, CommandHandler] = {
            GENERATE: self.generate,
            RETRY: self.retry,
            CANCEL: self.cancel,
            REMOVE: self.remove,
            ACCEPT: self.accept,
            STATUS: self.status,
        }
        return handlers[name](arguments, ended)

    def generate(self, arguments: object, ended: ExitStack) -> Coroutine[Any, Any, object]:
        """Reserve the places at once; then start a generation in each and answer with the results.

        Cancellation: cancels the generations, if they are waited for.
        """
        parsed = parse_generate(arguments)
        if parsed.target != "none" and not self.client.capabilities.edits:
            invalid(
                "This client takes no edits (it does not announce `workspace.applyEdit`): "
                'send "target": "none", and take the code from the answer.'
            )
        if isinstance(parsed.target, NewFile):
            return self._generate_file(parsed)
        document = self.documents.get(parsed.uri)
        places = None
        if document is not None and document.is_open:
            # The next message may already change the document: the places must move with it.
            places = _reserve(parsed, document)
            for place in places:
                ended.callback(place.release)
        token = parsed.work_done_token
        preparation = ended.enter_context(self.generations.preparation(parsed.uri, token))
        return self._generate(parsed, places, preparation)

    async def retry(self, arguments: object, _ended: ExitStack) -> object:
        """Remove a generation's code and generate again, with the same request.

        Cancellation: cancels the new generation, if it is waited for.
        """
        reference = parse_reference(arguments, RETRY)
        generation = self.generations.meant(reference, RETRY)
        engine, _ = await self._present_engine(generation.job.selection)
        await self.generations.put_back(generation)
        region = generation.region
        if region is None or not region.is_tracked:
            invalid(f"The place of generation `{generation.id}` is gone: generate anew.")
        job = replace(
            generation.job,
            takes_over=region.region_id,
            is_awaited=reference.wait,
            work_done_token=reference.work_done_token,
            partial_result_token=None,
        )
        # The new generation takes over the region before the old one lets go of it, so that the
        # place is tracked throughout.
        again = self._start(job, region.document, engine)
        self.generations.forget(generation)
        return await _end_of(again)

    async def cancel(self, arguments: object, _: ExitStack) -> object:
        """Cancel one generation, or all; answer with the ids of those that were running."""
        return {"ids": self.generations.cancel(parse_reference(arguments, CANCEL))}

    async def remove(self, arguments: object, _: ExitStack) -> object:
        """Take a generation's code out of its document and put back what it replaced."""
        generation = self.generations.meant(parse_reference(arguments, REMOVE), REMOVE)
        await self.generations.put_back(generation)
        self.generations.forget(generation)
        self.documents.drop_unused_files()
        return {"id": generation.id, "status": "removed"}

    async def accept(self, arguments: object, _: ExitStack) -> object:
        """Stop tracking a generation's code: it is the user's own from now on."""
        generation = self.generations.meant(parse_reference(arguments, ACCEPT), ACCEPT)
        self.generations.forget(generation)
        self.documents.drop_unused_files()
        return {"id": generation.id, "status": "accepted"}

    async def status(self, _arguments: object, _: ExitStack) -> object:
        """Answer with running and recent generations, the totals, and how ghost text stands."""
        await self.backend.settings_read()
        generations, completions = self.generations, self.suggestions()
        spent = await self.backend.ledger.spent()
        counts = completions.counts() if completions else _NO_COMPLETIONS
        try:
            provider = self.backend.completion_provider().description
            when = completes(self.backend.resolved, provider)
        except StreamingError:
            when = "off"
        return {
            "running": [result_object(generation) for generation in generations.running],
            "recent": [result_object(generation) for generation in generations.ended],
            "totals": generations.totals(),
            "usage": {
                "session": _usage_object(spent.session),
                "today": _usage_object(spent.day) if spent.day else None,
            },
            "completions": {"when": when, **counts},
            "profiles": list(self.backend.resolved.profiles),
        }

    async def _generate(
        self,
        arguments: GenerateArguments,
        places: list[ReservedRange] | None,
        preparation: Preparation,
    ) -> object:
        engine, settings = await self._present_engine(arguments.selection)
        if places is None:
            places = _reserve(arguments, await self.documents.find(arguments.uri))
        jobs = await self._make_jobs(arguments, places, engine, settings)
        if preparation.is_cancelled:
            raise request_cancelled("Cancelled before anything was asked of the model.", "")
        document = places[0].document if arguments.target != "none" else None
        # With target `none` a file that is not open was read for its context alone.
        if document is None:
            self.documents.drop_unused_files()
        if not arguments.positions:
            return await _end_of(self._start(jobs[0], document, engine))

        async def end_of(generation: Generation) -> object:
            try:
                return await _end_of(generation)
            except JsonRpcException as error:  # one that fails does not fail the others
                return {**result_object(generation), "error": error.message}

        return {
            "generations": await asyncio.gather(
                *map(end_of, self._start_all(jobs, document, engine))
            )
        }

    async def _generate_file(self, arguments: GenerateArguments) -> object:
        """Have the client create a file, and generate what it is to hold.

        The file is created first, so that the code is seen to grow in it; where no code comes, it
        stays, empty.
        """
        if not self.client.capabilities.creates_files:
            invalid(
                "This client creates no files (it does not announce `create` in "
                "`workspace.workspaceEdit.resourceOperations`): create the file, and send it as "
                '"textDocument".'
            )
        _refuse_secrets(arguments.uri)
        if self.documents.get(arguments.uri) is not None:
            invalid('The file is open already: send it as "textDocument", with a place in it.')
        path = new_workspace_file(arguments.uri, self.documents.roots)
        engine, settings = await self._present_engine(arguments.selection)
        objection = await self.client.create_file(arguments.uri)
        if objection is not None:
            raise StreamProcessError(
                f"The editor did not create `{path.name}` ({objection}): create it yourself, and "
                "generate in it.",
                kind="document",
            )
        places = _reserve(arguments, self.documents.created(arguments.uri))
        (job,) = await self._make_jobs(arguments, places, engine, settings)
        return await _end_of(self._start(job, places[0].document, engine))

    async def _make_jobs(
        self,
        arguments: GenerateArguments,
        places: list[ReservedRange],
        engine: GenerationEngine,
        settings: Settings,
    ) -> list[Job]:
        """Resolve a request at each of its places, before any code changes the document."""
        try:
            prompts = await self.prompts.compose(arguments, places, engine, settings)
            first, *others = [
                make_job(
                    arguments,
                    place,
                    settings,
                    prompt,
                    session_id=self.backend.session_id(place.document.uri),
                )
                for place, prompt in zip(places, prompts, strict=True)
            ]
        finally:
            for place in places:
                place.release()
        # A token stands for one progress: the further generations have their own.
        return [first, *(replace(job, work_done_token=None) for job in others)]

    async def _present_engine(self, selection: ModelSelection) -> tuple[GenerationEngine, Settings]:
        """Return what a generation runs on, by the settings as they are now, and these.

        They are taken before anything else is waited for: another request may bring others.

        Raises:
            ConfigurationError: No model can be had, or the day's budget is spent.
        """
        await self.backend.settings_read()
        try:
            resolved = self.backend.resolved.for_request(selection)
            engine = self.backend.new_engine(resolved)
            await self.budget.admit(resolved.settings.budget_per_day)
        except StreamingError as error:
            self.client.log(error.message, types.MessageType.Error)
            raise
        return engine, resolved.settings

    def _start(
        self, job: Job, document: OpenDocument | None, engine: GenerationEngine
    ) -> Generation:
        """Start a generation.

        Raises:
            JsonRpcInvalidParams: Another generation is writing in the range.
        """
        if (suggestions := self.suggestions()) is not None:
            suggestions.yield_to_generation(engine.provider.description.endpoint)
        try:
            return self.generations.start(job, document, engine)
        except RangeTaken as taken:
            invalid(
                f"Generation `{taken.region_id}` is still writing in that range: "
                "wait for its end, or cancel it."
            )

    def _start_all(
        self, jobs: list[Job], document: OpenDocument | None, engine: GenerationEngine
    ) -> list[Generation]:
        """Start several generations, or none; raises as `_start` does."""
        started: list[Generation] = []
        try:
            started.extend(self._start(job, document, engine) for job in jobs)
        except BaseException:
            for generation in started:
                generation.cancel("Another place of the same request is taken.")
            raise
        return started


def _usage_object(sums: UsageSums) -> dict[str, object]:
    # In words too, so that no client has to know how sums of money and estimates are written.
    return {**sums_object(sums), "summary": str(sums)}


def _reserve(arguments: GenerateArguments, document: OpenDocument) -> list[ReservedRange]:
    """Reserve the places that a request names, in the document as it is now.

    Raises:
        JsonRpcInvalidParams: The file must not be touched.
        JsonRpcException: `ContentModified`, the client saw an older document.
    """
    _refuse_secrets(document.uri)
    wheres = [(each, each) for each in arguments.positions] or [(arguments.start, arguments.end)]
    version = document.mirror.version
    if arguments.version is not None and version is not None and arguments.version < version:
        wheres = [_carried(arguments, document, where) for where in wheres]
    point = document.mirror.point
    return [ReservedRange(document, point(*start), point(*end)) for start, end in wheres]


def _refuse_secrets(uri: str) -> None:
    path = unquote(urlsplit(uri).path)
    if secret_looking(path):
        name = path.rsplit("/", 1)[-1]
        invalid(f"`{name}` looks like it holds secrets: it is neither sent nor edited.")


def _carried(
    arguments: GenerateArguments, document: OpenDocument, where: ClientRange
) -> ClientRange:
    """Return where a place of an older version is now, if the request allows that."""
    version = arguments.version or 0
    carried = document.history.carried(where, version) if arguments.rebase else None
    if carried is None:
        raise content_modified(
            f"The document is at version {document.mirror.version}, the request is for "
            f"{version}: ask again for the current one."
        )
    return carried


async def _end_of(generation: Generation) -> object:
    """Answer at once, or with a generation's end, as its job says.

    Cancellation: cancels the generation, if it is waited for.

    Raises:
        JsonRpcException: `RequestCancelled` or `RequestFailed`.
    """
    if not generation.job.is_awaited:
        return {"id": generation.id, "status": "started"}
    try:
        await asyncio.shield(generation.done)
    except asyncio.CancelledError:
        generation.cancel()
        raise
    match generation.end:
        case Completed():
            return result_object(generation)
        case Cancelled(reason=reason):
            raise request_cancelled(reason, "".join(generation.account.text))
        case Failed(error=error):
            raise request_failed(error) from error
    raise RuntimeError(f"generation {generation.id} has not ended")
