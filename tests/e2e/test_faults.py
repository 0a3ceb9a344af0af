"""Every fault of an endpoint at every place, through the library and through the language server.

All cases run first, several at once; each test then looks at what came of one of them. A key, and a
secret in a file of the workspace, must appear nowhere in any of it.
"""

import asyncio
import io
import json
import re
import sys
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

import pytest
import pytest_asyncio
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from streaming_code_generator import StreamingCodeGenerator, StreamStats, StreamStatus, logs
from streaming_code_generator.errors import StreamingError
from streaming_code_generator.testing.openai_replies import Reply
from streaming_code_generator.testing.openai_server import OpenAIServer, RecordedRequest
from support.embedded import needs_model
from support.faults import CASES, RETRIES, SHORT_S, Case, Outcome
from support.lsp_client import EditorClient, connected
from support.lsp_process import DEADLINE_S, KEY, SERVER, children_of, server_environment

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "canary-of-a-file_4712"
AT_ONCE = 16
ABOVE = "a = 0\n"
"""What stands in the document above the place for the code."""
NAMES = [case.name for case in CASES]
BY_NAME = {case.name: case for case in CASES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """One case that has run."""

    outcome: Outcome
    is_closed: bool
    """Whether whatever showed that it was running shows its end."""
    document: str = ""
    """What the document then held; the library has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """All cases, and whatever was said in them."""

    ended: dict[str, Ended]
    requests: list[RecordedRequest]
    strangers: list[RecordedRequest]
    said: str
    """Logs, standard error, every message, and whatever was written to files."""


def _groups() -> Iterable[tuple[tuple[float, float], list[Case]]]:
    """Return the cases by their timeouts: those of one group share a generator or a server."""
    ordered = sorted(CASES, key=lambda case: case.timeouts)
    return [(timeouts, list(cases)) for timeouts, cases in groupby(ordered, lambda c: c.timeouts)]


def _reply(request: RecordedRequest) -> Reply:
    return BY_NAME[_name(request)].reply


def _name(request: RecordedRequest) -> str:
    found = re.search("fault <(.+)>", request.prompt)
    assert found is not None
    return found[1]


async def _all_connections_end(endpoint: OpenAIServer) -> None:
    """Wait until the client has closed them all; an endpoint that holds one never does itself."""
    if tasks := endpoint.connection_tasks:
        _, left = await asyncio.wait(tasks, timeout=DEADLINE_S)
        assert not left


T = TypeVar("T")


async def _some_at_once(running: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Run them, never more than `AT_ONCE`: each has a deadline, and the machine may be busy."""
    room = asyncio.Semaphore(AT_ONCE)

    async def run(one: Coroutine[Any, Any, T]) -> T:
        async with room:
            return await one

    return await asyncio.gather(*map(run, running))


async def _in_library(case: Case, generator: StreamingCodeGenerator) -> tuple[str, Ended]:
    pieces: list[str] = []
    progress: list[StreamStats] = []
    try:
        result = await generator.generate_code_with_explanation(
            f"fault <{case.name}>", pieces.append, progress.append
        )
    except StreamingError as error:
        outcome = Outcome(
            kind=error.kind,
            attempts=error.attempts,
            text="".join(pieces) if error.partial_text == "".join(pieces) else "other than shown",
            message=f"{error!r} {error.__cause__!r} {error.message}",
        )
        last = StreamStatus.ERROR
    else:
        outcome = Outcome(kind="completed", attempts=result.stats.attempts, text=result.text)
        last = StreamStatus.COMPLETED
    return case.name, Ended(outcome=outcome, is_closed=progress[-1].status is last)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def library_run() -> AsyncIterator[Run]:
    log = io.StringIO()
    sink = logs.install(log, level="debug")
    try:
        async with AsyncExitStack() as stack:
            endpoint = await stack.enter_async_context(OpenAIServer(reply_to=_reply))
            running = []
            for (first_chunk_s, stall_s), cases in _groups():
                generator = StreamingCodeGenerator(
                    KEY,
                    "loopback-model",
                    base_url=endpoint.base_url,
                    max_retries=RETRIES,
                    first_chunk_timeout=first_chunk_s,
                    stall_timeout=stall_s,
                )
                await stack.enter_async_context(generator)
                running += [_in_library(case, generator) for case in cases]
            ended = dict(await _some_at_once(running))
            await _all_connections_end(endpoint)
        said = log.getvalue()
    finally:
        sink.close()
    yield Run(ended=ended, requests=endpoint.requests, strangers=[], said=said)


async def _in_server(case: Case, client: EditorClient) -> tuple[str, Ended]:
    document = client.open(ABOVE)
    try:
        result = await client.generate(
            document, (1, 0), prompt=f"fault <{case.name}>", workDoneToken=case.name
        )
    except JsonRpcException as error:
        data = dict(error.data or {})
        is_failure = error.code == int(types.LSPErrorCodes.RequestFailed)
        outcome = Outcome(
            kind=data["kind"] if is_failure else f"code {error.code}",
            attempts=data["attempts"],
            text=data.get("partialText", ""),
            message=error.message,
        )
    else:
        outcome = Outcome(
            kind=result["status"], attempts=result["stats"]["attempts"], text=result["text"]
        )
    last = client.reported(case.name)[-1]
    document_text = document.text
    return case.name, Ended(
        outcome=outcome, is_closed=last["kind"] == "end", document=document_text
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server_run(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Run]:
    folder = tmp_path_factory.mktemp("workspace")
    (folder / ".env").write_text(f"DATABASE_PASSWORD={SECRET}\n")
    (folder / "credentials.json").write_text(json.dumps({"password": SECRET}))
    async with AsyncExitStack() as stack:
        endpoint = await stack.enter_async_context(OpenAIServer(reply_to=_reply))
        stranger = await stack.enter_async_context(OpenAIServer())
        clients = []
        failing: list[Coroutine[Any, Any, tuple[str, Ended]]] = []
        completing: list[Coroutine[Any, Any, tuple[str, Ended]]] = []
        homes = []
        for (first_chunk_s, stall_s), cases in _groups():
            homes.append(home := tmp_path_factory.mktemp("home"))
            variables = server_environment(
                home,
                endpoint.base_url,
                LOG_LEVEL="debug",
                MAX_RETRIES=str(RETRIES),
                MAX_CONCURRENT_GENERATIONS="64",
                FIRST_CHUNK_TIMEOUT_SECONDS=str(first_chunk_s),
                STALL_TIMEOUT_SECONDS=str(stall_s),
            )
            proxy = stranger.base_url.removesuffix("/v1")
            variables |= {"HTTP_PROXY": proxy, "ALL_PROXY": proxy, "http_proxy": proxy}
            client = await stack.enter_async_context(connected(folder, variables))
            clients.append(client)
            for case in cases:
                completes = case.expected.kind == "completed"
                (completing if completes else failing).append(_in_server(case, client))
        # An endpoint that has answered would be given 40 s to come back after a fault.
        ended = dict(await _some_at_once(failing) + await _some_at_once(completing))
        await _all_connections_end(endpoint)
    said = "".join(json.dumps(client.heard) + client.stderr for client in clients)
    said += "".join(map(_text_of_files, homes))
    yield Run(ended=ended, requests=endpoint.requests, strangers=stranger.requests, said=said)


def _text_of_files(folder: Path) -> str:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any(path.suffix == ".sqlite3" for path in files)
    return "".join(path.read_bytes().decode("latin-1") for path in files)


RUNS = pytest.mark.parametrize("run", ["library_run", "server_run"], indirect=True)


@pytest.fixture
def run(request: pytest.FixtureRequest) -> Run:
    chosen: Run = request.getfixturevalue(request.param)
    return chosen


@RUNS
@pytest.mark.parametrize("name", NAMES)
async def test_fault_ends_as_it_should(run: Run, name: str) -> None:
    expected, ended = BY_NAME[name].expected, run.ended[name]

    assert ended.outcome.kind == expected.kind, ended.outcome.message
    assert ended.outcome.attempts == expected.attempts
    assert ended.outcome.text == expected.text
    assert expected.message in ended.outcome.message
    assert ended.is_closed
    # On a machine that is busy, a short deadline may pass before the request has arrived.
    if BY_NAME[name].first_chunk_timeout_s != SHORT_S:
        assert [_name(request) for request in run.requests].count(name) == expected.attempts


@pytest.mark.parametrize("name", NAMES)
async def test_document_holds_what_arrived(server_run: Run, name: str) -> None:
    expected = BY_NAME[name].expected
    assert server_run.ended[name].document == ABOVE + expected.text


@RUNS
async def test_key_and_secrets_appear_nowhere(run: Run) -> None:
    for ended in run.ended.values():
        assert KEY not in ended.outcome.message
    for canary in (KEY, SECRET):
        assert canary not in run.said
    assert not run.strangers
    for request in run.requests:
        assert SECRET not in json.dumps(request.body)
        assert KEY not in json.dumps(request.body)
        assert [n for n, v in request.headers.items() if KEY in v] == ["authorization"]


@RUNS
async def test_log_says_more_than_usual(run: Run) -> None:
    """The canaries would have been there to be seen."""
    assert " DEBUG " in run.said


@needs_model
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux tells of a process")
async def test_child_process_of_the_embedded_model_gets_no_key(tmp_path: Path) -> None:
    environment = server_environment(
        tmp_path, "http://127.0.0.1:9/v1", EXTRA_HEADERS=json.dumps({"X-Key": SECRET})
    )
    # Started as users start it: Linux tells of a process the environment that it was started with.
    command = (sys.executable, "-P", *SERVER[1:])
    async with connected(tmp_path, environment, command=command) as client:
        await client.generate(client.open(ABOVE), (1, 0), prompt="x = 1", provider="embedded")
        (child,) = await children_of(client.process.pid)
        environments = [
            (Path("/proc") / str(pid) / "environ").read_bytes().decode()
            for pid in (client.process.pid, child)
        ]

    servers, childs = environments
    for canary in (KEY, SECRET):
        assert canary in servers
        assert canary not in childs
