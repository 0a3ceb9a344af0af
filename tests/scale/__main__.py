"""Measures the cluster of `serve.yaml`, with one replica and with two: `poe scale`.

Prints Markdown. Other work on the machine counts: times are those of a quiet one at best.
"""

import asyncio
import math
import os
import secrets
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2

from deploy.load import Load, run, summary
from scale.cluster import TwoReplicas, cpu_s_of, processes_of, two_replicas, wait_ended
from scale.editors import AFTER, BEFORE, editor_on, known_code
from streaming_code_generator.providers.embedded.catalogue import resolve_weights
from streaming_code_generator.providers.embedded.child import ServerConfig
from streaming_code_generator.providers.embedded.process import ChildServer
from streaming_code_generator.testing.headless import HeadlessEditor

ROUNDS = 3
DOCUMENTS = 8
CANCELS = 8
SECONDS = 45.0
REST_S = 10.0
STREAMS = 8
RESPONSES, TOKENS = 8, 48
LINES = 25
"""Of the code that each editor waits for when a replica is killed."""


def say(name: str, value: object) -> None:
    print(f"| {name} | {value} |", flush=True)


def spread(seconds: Sequence[float]) -> str:
    """Return median, least and most in milliseconds."""
    figures = (statistics.median(seconds), min(seconds), max(seconds))
    return "{:.0f} ms ({:.0f} to {:.0f})".format(*(1000 * figure for figure in figures))


class Client:
    """Requests to the cluster, in sessions."""

    def __init__(self, cluster: TwoReplicas, http: httpx2.AsyncClient) -> None:
        self._root = cluster.base_url.removesuffix("/v1")
        self._http = http

    async def ask(
        self, text: str, tokens: int, session: str | None, **more: object
    ) -> tuple[str, dict[str, Any]]:
        """Return which replica answered, and the usage."""
        reply = await self._http.post(
            f"{self._root}/v1/chat/completions",
            json={**_body(text, tokens), **more},
            headers={"x-session-id": session} if session else {},
        )
        return reply.headers["x-replica"], reply.raise_for_status().json()["usage"]

    @asynccontextmanager
    async def stream(
        self, text: str, session: str, tokens: int = 2000
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        body = {**_body(text, tokens), "stream": True, "ignore_eos": True}
        headers = {"x-session-id": session}
        url = f"{self._root}/v1/chat/completions"
        async with self._http.stream("POST", url, json=body, headers=headers) as reply:
            yield reply.aiter_bytes()

    async def running(self, session: str) -> int:
        reply = await self._http.get(f"{self._root}/slots", headers={"x-session-id": session})
        return sum(slot["is_processing"] for slot in reply.json())


def _body(text: str, tokens: int) -> dict[str, Any]:
    messages = [{"role": "user", "content": text}]
    return {"model": "any", "messages": messages, "max_tokens": tokens, "temperature": 0.0}


def document(number: int) -> str:
    lines = (f"def step_{n}_of_{number}(value): return value + {n}\n" for n in range(15))
    return f"# Module {number}\n" + "".join(lines)


async def affinity(client: Client, at_once: int, *, with_session: bool) -> None:
    """Have documents that grow ask in turns."""
    turns = asyncio.Semaphore(at_once)
    texts = [document(number) for number in range(DOCUMENTS)]
    where: list[str] = [""] * DOCUMENTS
    stayed: Counter[bool] = Counter()
    read, prompt = 0, 0

    async def ask(number: int) -> None:
        nonlocal read, prompt
        async with turns:
            session = f"document {number}" if with_session else None
            replica, usage = await client.ask(texts[number], 4, session)
        if where[number]:
            stayed[replica == where[number]] += 1
            prompt += usage["prompt_tokens"]
            read += usage["prompt_tokens"] - usage["prompt_tokens_details"]["cached_tokens"]
        where[number] = replica
        texts[number] += f"last = {len(texts[number])}\n"

    for _ in range(ROUNDS):
        await asyncio.gather(*(ask(number) for number in range(DOCUMENTS)))
    how = f"{'with' if with_session else 'without'} a session, {at_once} at a time"
    say(f"next request on the same replica, {how}", f"{stayed[True] / stayed.total():.0%}")
    say(f"prompt read again, {how}", f"{read / prompt:.0%}")


async def cancels(client: Client) -> None:
    """Leave streams, and look when their slot is free; in the middle of the prompt, too."""
    for what, text in (("writing", "Count to a thousand."), ("reading", document(0) * 3)):
        times_s = []
        for number in range(CANCELS):
            session = f"leaves {what}"
            async with client.stream(f"{number} {text}", session) as pieces:
                async for piece in pieces:
                    # The first ones say how much of the prompt has been read.
                    if what == "reading" or b'"content":"' in piece:
                        break
            left_s = time.monotonic()
            while await client.running(session):
                pass
            times_s.append(time.monotonic() - left_s)
        say(f"client leaves while the model is {what}: slot seen free after", spread(times_s))


async def death(client: Client, victim: int) -> None:
    """Kill a replica under streams, and look when those that it had break off."""
    begun = [asyncio.Event() for _ in range(STREAMS)]
    killed_s = 0.0
    broken_s: list[float] = []
    outcomes: Counter[str] = Counter()

    async def stream(number: int) -> None:
        has_begun = False
        try:
            async with client.stream(f"{number}: count.", f"dies {number}", TOKENS) as pieces:
                async for piece in pieces:
                    if b'"content":"' in piece:
                        has_begun = True
                        begun[number].set()
        except httpx2.HTTPError:
            outcomes["broke off"] += 1
            if has_begun:
                broken_s.append(time.monotonic() - killed_s)
        else:
            outcomes["ended"] += 1

    async with asyncio.timeout(300), asyncio.TaskGroup() as group:
        for number in range(STREAMS):
            group.create_task(stream(number))
        # Four have a slot. Which is whose is not known; two of any three are on one replica.
        while sum(event.is_set() for event in begun) < 3:  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.01)
        killed_s = time.monotonic()
        os.kill(victim, signal.SIGKILL)
    say("replica killed under 8 streams", ", ".join(f"{n} {what}" for what, n in outcomes.items()))
    if broken_s:
        say("streams that it had begun: broken off after", spread(broken_s))


async def death_under_documents(cluster: TwoReplicas, folder: Path, victim: int) -> None:
    """Kill a replica under editors, and look when each hears of it, and what its document holds."""
    codes = [known_code(number, LINES) for number in range(STREAMS)]
    begun = [asyncio.Event() for _ in codes]
    killed_s = math.inf
    heard_s: dict[int, float] = {}

    def watch(number: int, editor: HeadlessEditor) -> None:
        def hears(message: str) -> None:
            if message.startswith("Asking again") and time.monotonic() > killed_s:
                heard_s.setdefault(number, time.monotonic() - killed_s)

        def grows(text: str) -> None:
            if "2 = 2" in text:
                begun[number].set()

        editor.on_progress, editor.on_text = hears, grows

    async with asyncio.timeout(600), AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        editors = [
            await stack.enter_async_context(editor_on(cluster, folder, number, code))
            for number, code in enumerate(codes)
        ]
        results = []
        for number, editor in enumerate(editors):
            watch(number, editor)
            asked = editor.generate(position=(2, 0), prompt="Count.")
            results.append(group.create_task(asked))
        # As above: two of any three are on one replica.
        while sum(event.is_set() for event in begun) < 3:  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.01)
        killed_s = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        await asyncio.wait(results)
    exact = sum(
        editor.buffer.text == BEFORE + code + AFTER
        for editor, code in zip(editors, codes, strict=True)
    )
    say(f"replica killed under {STREAMS} editors: documents exact", f"{exact} of {STREAMS}")
    if heard_s:
        name = f"{len(heard_s)} generations were on it: their users told after"
        say(name, spread([*heard_s.values()]))


async def throughput(client: Client, name: str) -> None:
    """Have responses of the same length written, so many at a time."""
    for at_once in (1, 2, 4, 8):
        turns = asyncio.Semaphore(at_once)

        async def write(number: int, turns: asyncio.Semaphore = turns) -> None:
            async with turns:
                await client.ask(f"{number}: count.", TOKENS, f"{number}", ignore_eos=True)

        began_s = time.monotonic()
        await asyncio.gather(*(write(number) for number in range(RESPONSES)))
        rate = RESPONSES * TOKENS / (time.monotonic() - began_s)
        say(f"{name}, {at_once} responses at a time", f"{rate:.0f} tokens/s")


async def bare_throughput(servers: int) -> None:
    """Do the same with llama.cpp alone, without Ray: what these processors can do at best."""
    weights = resolve_weights(embedded_model="smollm2", model_path=None)
    key = secrets.token_hex(16)
    config = ServerConfig(
        model_path=str(weights.path),
        model_id=weights.model_id,
        api_key=key,
        slots=2,
        context_tokens=4096,
        batch_tokens=128,
        threads=1,
        prompt_cache_mib=512,
    )
    children = [ChildServer(config) for _ in range(servers)]
    try:
        await asyncio.gather(*(child.wait_ready() for child in children))
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx2.AsyncClient(headers=headers, timeout=300, trust_env=False) as http:

            async def write(number: int) -> None:
                body = {**_body(f"{number}: count.", TOKENS), "ignore_eos": True}
                url = children[number % servers].url + "/v1/chat/completions"
                (await http.post(url, json=body)).raise_for_status()

            began_s, used_s = time.monotonic(), sum(cpu_s_of(child.pid) for child in children)
            await asyncio.gather(*(write(number) for number in range(RESPONSES)))
            rate = RESPONSES * TOKENS / (time.monotonic() - began_s)
            used_s = sum(cpu_s_of(child.pid) for child in children) - used_s
            say(f"{servers} bare llama.cpp, 8 responses at a time", f"{rate:.0f} tokens/s")
            # What other programs do to the machine changes the rate, and this hardly.
            a_token = f"{1000 * used_s / (RESPONSES * TOKENS):.1f} ms"
            say(f"{servers} bare llama.cpp: processor time a token", a_token)
    finally:
        await asyncio.gather(*(child.stop() for child in children))


async def under_load(cluster: TwoReplicas, editors: int) -> None:
    load = Load(
        endpoint=cluster.base_url,
        model="any",
        key=cluster.key,
        editors=editors,
        seconds=SECONDS,
        tokens=48,
        cancelled=0.2,
        typed=0.2,
        seed=1,
        session_header="x-session-id",
    )
    resting = cpu_ms(cluster)
    await asyncio.sleep(REST_S)
    before = cpu_ms(cluster)
    all_figures = await run(load)
    chunks = sum(figures.chunks for figures in all_figures)
    for name, figure in summary(load, all_figures).items():
        say(f"{editors} editors that generate, type and cancel: {name}", figure)
    for name, after_ms in cpu_ms(cluster).items():
        at_rest_ms = (before[name] - resting[name]) * SECONDS / REST_S
        used_ms = after_ms - before[name] - at_rest_ms
        say(f"processor time a chunk: {name}", f"{used_ms / max(chunks, 1):.1f} ms")


def cpu_ms(cluster: TwoReplicas) -> dict[str, float]:
    """Return the processors' time that each kind of process on a chunk's way has used."""
    kinds = {"proxy": "ray::ProxyActor", "replica": "ray::ServeReplica", "llama.cpp": "embedded"}
    running = processes_of(cluster.session)
    return {
        kind: sum(1000 * process.cpu_s for process in running if name in process.command)
        for kind, name in kinds.items()
    }


async def measure(cluster: TwoReplicas, replicas: int, folder: Path) -> None:
    victims = list(cluster.pids.values())
    headers = {"Authorization": f"Bearer {cluster.key}"}
    async with httpx2.AsyncClient(headers=headers, timeout=300, trust_env=False) as http:
        client = Client(cluster, http)
        await throughput(client, f"{replicas} replica(s)")
        if replicas == 1:
            return
        # As many as one replica has slots; then more, so that sessions go elsewhere at times.
        await affinity(client, 2, with_session=False)
        await affinity(client, 2, with_session=True)
        await affinity(client, 4, with_session=True)
        await cancels(client)
        await under_load(cluster, 8)
        await death_under_documents(cluster, folder, victims.pop())
        await death(client, victims.pop())


def main() -> int:
    print("| figure | measured |\n| --- | --- |")
    print(f"| load of the machine before | {os.getloadavg()[0]:.1f} |")
    for replicas in (1, 2):
        asyncio.run(bare_throughput(replicas))
        began_s = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            with two_replicas(Path(folder), replicas=replicas) as cluster:
                if isinstance(cluster, str):
                    print(cluster, file=sys.stderr)
                    return 1
                say(f"{replicas} replica(s) serve after", f"{time.monotonic() - began_s:.0f} s")
                asyncio.run(measure(cluster, replicas, Path(folder)))
                ended_s = time.monotonic()
            left = wait_ended(cluster.session)
            say("down after", f"{time.monotonic() - ended_s:.0f} s, {len(left)} processes left")
    return 0


if __name__ == "__main__":
    sys.exit(main())
