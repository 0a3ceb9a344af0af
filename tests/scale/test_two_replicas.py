"""Two replicas on two nodes serve editors, and one of them dies in the middle."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from scale.cluster import TwoReplicas, two_replicas, wait_ended
from scale.editors import AFTER, BEFORE, editor_on, known_code
from support.embedded import needs_model

pytest.importorskip("ray.serve", reason="the extra `scale` is not installed")
pytestmark = [needs_model, pytest.mark.slow]

EDITORS = int(os.environ.get("SCALE_EDITORS", "4"))
"""Up to 8; each is a process, which takes a second of a processor to start."""
LINES, LONGEST, LATE = 6, 40, 30
WITHIN_S = 400.0
"""For what takes a few seconds on a machine that does nothing else."""
REQUEST: dict[str, Any] = {"position": (2, 0), "prompt": "Count."}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoReplicas]:
    with two_replicas(tmp_path_factory.mktemp("cluster")) as running:
        if isinstance(running, str):
            pytest.skip(f"Ray does not start on this machine: {running}")
        yield running
    assert wait_ended(running.session) == []


@pytest.fixture
async def client(cluster: TwoReplicas) -> AsyncIterator[httpx2.AsyncClient]:
    headers = {"Authorization": f"Bearer {cluster.key}"}
    async with httpx2.AsyncClient(
        base_url=cluster.base_url, headers=headers, timeout=WITHIN_S, trust_env=False
    ) as client:
        yield client


def asked(document: str, tokens: int = 4) -> dict[str, object]:
    messages = [{"role": "user", "content": document}]
    return {"messages": messages, "max_tokens": tokens, "temperature": 0.0, "model": "any"}


async def test_a_wrong_key_and_other_paths_are_refused(
    cluster: TwoReplicas, client: httpx2.AsyncClient
) -> None:
    wrong = await client.get("/models", headers={"Authorization": "Bearer wrong"})
    other = await client.get(cluster.base_url.removesuffix("/v1") + "/metrics")
    right = await client.get("/models")

    assert (wrong.status_code, other.status_code, right.status_code) == (401, 404, 200)


async def test_a_session_stays_with_one_replica_which_has_read_the_beginning(
    client: httpx2.AsyncClient,
) -> None:
    document = "".join(f"def step_{n}(value): return value + {n}\n" for n in range(30))
    replicas = set()
    for n in range(3):
        reply = await client.post(
            "/chat/completions",
            json=asked(document + f"last = {n}\n"),
            headers={"x-session-id": "one document"},
        )
        replicas.add(reply.headers["x-replica"])
    usage = reply.json()["usage"]
    read_again = usage["prompt_tokens"] - usage["prompt_tokens_details"]["cached_tokens"]

    assert len(replicas) == 1
    assert read_again <= 0.3 * usage["prompt_tokens"]


async def test_a_client_that_leaves_frees_its_slot(
    cluster: TwoReplicas, client: httpx2.AsyncClient
) -> None:
    session = {"x-session-id": "leaves"}

    async def running() -> int:
        url = cluster.base_url.removesuffix("/v1") + "/slots"
        slots = (await client.get(url, headers=session)).json()
        return sum(slot["is_processing"] for slot in slots)

    body = {**asked("Count to a thousand.", tokens=2000), "stream": True}
    async with client.stream("POST", "/chat/completions", json=body, headers=session) as reply:
        pieces = reply.aiter_bytes()
        await anext(pieces)
        assert await running() == 1
    async with asyncio.timeout(WITHIN_S):
        while await running():
            pass


def seen(events: dict[str, asyncio.Event]) -> Callable[[str], None]:
    """Return what sets the event of each text that the document has."""

    def look(document: str) -> None:
        for text, event in events.items():
            if text in document:
                event.set()

    return look


async def test_a_replica_that_dies_under_its_editors_costs_no_character(
    cluster: TwoReplicas, client: httpx2.AsyncClient, tmp_path: Path
) -> None:
    codes = [known_code(number, LINES if number else LONGEST) for number in range(EDITORS)]
    begun = [asyncio.Event() for _ in codes]
    # Asked while nothing else runs, it is the replica that the first editor will get.
    session = {"x-session-id": "editor 0"}
    reply = await client.post("/chat/completions", json=asked("x", tokens=1), headers=session)
    victim = cluster.pids[reply.headers["x-replica"]]

    async with asyncio.timeout(WITHIN_S), AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        editors = [
            await stack.enter_async_context(editor_on(cluster, tmp_path, number, code))
            for number, code in enumerate(codes)
        ]
        is_late = asyncio.Event()
        for editor, event in zip(editors, begun, strict=True):
            editor.on_text = seen({"2 = 2": event, f"{LATE} = {LATE}": is_late})
        results = [group.create_task(editors[0].generate(**REQUEST))]
        await begun[0].wait()
        results += [group.create_task(editor.generate(**REQUEST)) for editor in editors[1:]]
        await asyncio.wait(
            waits := [group.create_task(event.wait()) for event in (*begun[1:], is_late)],
            return_when=asyncio.FIRST_COMPLETED,
        )
        os.kill(victim, signal.SIGKILL)
        await asyncio.wait(results)
        for wait in waits:
            wait.cancel()
    documents = [editor.buffer.text for editor in editors]

    assert documents == [BEFORE + code + AFTER for code in codes]
    assert any("went on" in warning for warning in results[0].result()["warnings"])
    assert any(message.startswith("Asking again") for message in editors[0].progress)
