"""Measures all figures in one run and writes them as Markdown, JSON and SVG plots: `poe bench`.

Contestants take turns, so that what else the machine does hits them alike; read the ratios. Times
of processors are those of all threads of the process. Linux only.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import accumulate, pairwise, product
from pathlib import Path

from bench import completions, neovim
from bench.language_server import (
    MANY,
    LanguageServer,
    at_rest,
    barest_pygls,
    cpu_s,
    floor,
    memory_mib,
    our_server,
)
from bench.plot import plot
from bench.scenario import Place, Stream, Target, TextKind

URI = "file:///bench.py"
PLACES: tuple[Place, ...] = ("blank", "around", "selection")
KINDS: tuple[TextKind, ...] = ("ascii", "emoji")
FULL_RATE_CHUNKS = 5_000
PACED = Stream(chunks=300, rate=100)
WAITED_FOR = {
    "20,000 chunks": Stream(chunks=4 * FULL_RATE_CHUNKS),
    "one chunk of 4 MB": Stream(chunks=3, characters=4_000_000),
}

Figures = defaultdict[str, list[float]]
NewServer = Callable[[str, Stream], LanguageServer]
STREAMING: dict[str, NewServer] = {"": our_server, ": floor": floor}
"""The servers that stream, by what their figures' names end with."""


class Endpoint:
    """The loopback endpoint's process."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process = process
        self.base_url = f"http://127.0.0.1:{port}/v1"

    async def sent_at_s(self, count: int) -> list[float]:
        """Return when each of the chunks of a paced answer was sent."""
        assert self._process.stdout is not None
        return [float(await self._process.stdout.readline()) for _ in range(count)]


@asynccontextmanager
async def endpoint() -> AsyncIterator[Endpoint]:
    """Run the endpoint."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.endpoint"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Endpoint(process, int(float(await process.stdout.readline())))
    finally:
        process.stdin.close()
        await process.wait()


async def full_rate(model: Endpoint, target: Target, chunks: int) -> tuple[float, float, float]:
    """Return the processor time a chunk, in microseconds, chunks a second and updates a second."""
    stream = Stream(chunks=chunks, text=target.text)
    async with our_server(model.base_url, stream) as server:
        await server.initialize()
        await at_rest(server.pid)
        for uri in (f"{URI}.first.py", URI):  # the first warms up
            server.open(uri, target.document)
            began_s, began_cpu_s = time.monotonic(), cpu_s(server.pid)
            delivery = await server.generate(uri, target)
            cost_s = cpu_s(server.pid) - began_cpu_s
    took_s = delivery.edits[-1][0] - began_s
    return cost_s / chunks * 1e6, chunks / took_s, len(delivery.edits) / took_s


async def many(model: Endpoint, new_server: NewServer, *, at_once: bool) -> tuple[float, float]:
    """Return the chunks a second of many generations, and the processor time a chunk in us.

    Together or one after another: either way from the first request to the last response, since
    what a generation costs besides its chunks is then the same. Beside a single one, whose time
    begins with its first edit, the prompts of all others would count as theirs.
    """
    stream = Stream(chunks=2_000)
    async with new_server(model.base_url, stream) as server:
        await server.initialize()
        await at_rest(server.pid)
        server.open(f"{URI}.first.py", Target().document)
        await server.generate(f"{URI}.first.py", Target())  # warms up
        uris = [f"{URI}.{number}.py" for number in range(MANY)]
        for uri in uris:
            server.open(uri, Target().document)
        began_s, began_cpu_s = time.monotonic(), cpu_s(server.pid)
        if at_once:
            await asyncio.gather(*(server.generate(uri, Target()) for uri in uris))
        else:
            for uri in uris:
                await server.generate(uri, Target())
        took_s, cost_s = time.monotonic() - began_s, cpu_s(server.pid) - began_cpu_s
    chunks = MANY * stream.chunks
    return chunks / took_s, cost_s / chunks * 1e6


async def longest_wait_ms(model: Endpoint, stream: Stream) -> float:
    """Return how long another request waits at most while a stream comes in at full rate."""
    async with our_server(model.base_url, stream) as server:
        await server.initialize()
        await at_rest(server.pid)
        for uri in (f"{URI}.first.py", URI):
            server.open(uri, Target(place="around").document)
        # Both warm up: of its kind, the first request takes 10 ms whatever else there is.
        await server.generate(f"{URI}.first.py", Target(place="around"))
        await server.ask()
        generation = asyncio.create_task(server.generate(URI, Target(place="around")))
        longest_s = await server.longest_wait_s(generation)
        await generation
    return longest_s * 1e3


async def paced(model: Endpoint, new_server: NewServer) -> tuple[float, float, float]:
    """Return median and 99th percentile of a chunk's way in ms, and its processor time in us."""
    target = Target()
    async with new_server(model.base_url, PACED) as server:
        await server.initialize()
        await at_rest(server.pid)
        for uri in (f"{URI}.first.py", URI):
            server.open(uri, target.document)
            began_cpu_s = cpu_s(server.pid)
            delivery = await server.generate(uri, target)
            sent = await model.sent_at_s(PACED.chunks)
            cost_us = (cpu_s(server.pid) - began_cpu_s) / PACED.chunks * 1e6
    return *_median_and_p99_ms(delivery.edits, sent), cost_us


def _median_and_p99_ms(
    edits: list[tuple[float, int]], sent: list[float], *, before: int = 0
) -> tuple[float, float]:
    """Return how long after it was sent what can be seen of a chunk stood in the document.

    A line's ending goes out with what follows it: at the end of the code there is none.

    Args:
        edits: When each edit came, and how many characters had come by then.
        sent: When each chunk was sent.
        before: Characters that come before the code: a fence that is kept.
    """
    # The fence, the last piece before it (whose end may be trimmed) and the prose are left out.
    pieces = list(PACED.pieces())[1:-2]
    lengths = (
        end - len(piece) + len(piece.rstrip())
        for end, piece in zip(accumulate(map(len, pieces)), pieces, strict=True)
    )
    arrivals = iter(edits)
    at_s, characters = next(arrivals)
    delays_ms = []
    for sent_at_s, needed in zip(sent[1:-2], lengths, strict=True):
        while characters < before + needed:
            at_s, characters = next(arrivals)
        delays_ms.append((at_s - sent_at_s) * 1e3)
    return statistics.median(delays_ms), statistics.quantiles(delays_ms, n=100)[98]


async def in_neovim(model: Endpoint, plugins: Path | None) -> dict[str, float]:
    """Return what the plug-ins that are there come to in a real Neovim."""
    figures: dict[str, float] = {}
    for contestant in neovim.CONTESTANTS:
        if (paths := neovim.runtime_paths(contestant, plugins)) is None:
            continue
        whole = await neovim.streamed(contestant, paths, model.base_url, Stream())
        took_s = whole.updates[-1][0] - whole.began_s
        figures[f"Neovim: chunks a second: {contestant}"] = FULL_RATE_CHUNKS / took_s
        moments = {round(at_s, 3) for at_s, _ in whole.updates}
        figures[f"Neovim: moments of change a second: {contestant}"] = len(moments) / took_s
        figures[f"Neovim: CPU a chunk, µs: {contestant}"] = whole.cpu_s / FULL_RATE_CHUNKS * 1e6
        figures[f"Neovim: editor blocked, ms: {contestant}"] = whole.blocked_ms
        if any(later < earlier for (_, earlier), (_, later) in pairwise(whole.updates)):
            continue  # what is written anew each time arrives at no moment that could be named
        slow = await neovim.streamed(contestant, paths, model.base_url, PACED)
        sent = (await model.sent_at_s(2 * PACED.chunks))[PACED.chunks :]  # the first time warms up
        _, come = slow.updates[-1]
        fence, *code, _ = map(len, PACED.pieces())
        kept = fence if come >= fence + sum(code) else 0
        median, p99 = _median_and_p99_ms(slow.updates, sent, before=kept)
        figures[f"Neovim, 100 chunks a second: chunk to buffer, ms, median: {contestant}"] = median
        figures[f"Neovim, 100 chunks a second: chunk to buffer, ms, p99: {contestant}"] = p99
    return figures


async def start(model: Endpoint, *, ours_first: bool) -> dict[str, float]:
    """Return how long the servers take to start, what they hold at rest, and the first edit."""
    figures: dict[str, float] = {}
    servers = [("ours", our_server(model.base_url, PACED)), ("pygls", barest_pygls())]
    for name, server in servers if ours_first else reversed(servers):
        async with server:
            await server.initialize()
            figures[f"start to `initialize`, ms: {name}"] = (
                time.monotonic() - server.started_at_s
            ) * 1e3
            await at_rest(server.pid)
            figures[f"memory at rest, MiB: {name}"] = memory_mib(server.pid)
    short = Stream(chunks=10)
    async with our_server(model.base_url, short) as server:
        await server.initialize()
        server.open(URI, Target().document)
        delivery = await server.generate(URI, Target())
        first_ms = (delivery.edits[0][0] - server.started_at_s) * 1e3
    return {**figures, "start to the first edit, ms: ours": first_ms}


async def reader(name: str, model: Endpoint, stream: Stream) -> float:
    """Return the processor time that a chunk costs a reader, in microseconds."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.readers", name, model.base_url, stream.name),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    if stream.rate:
        await model.sent_at_s(2 * stream.chunks)  # read twice, the first time to warm up
    return float(output)


async def first_text_ms(model: Endpoint) -> float:
    """Return how long after its process was started the SDK alone has the first text."""
    began_s = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.readers", "first", model.base_url, Stream(chunks=10).name),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    return (float(output) - began_s) * 1e3


async def measure(repeats: int, sizes: list[int], plugins: Path | None) -> Figures:
    """Measure everything `repeats` times, one after the other."""
    figures: Figures = defaultdict(list)
    async with endpoint() as model:
        for number in range(repeats):
            for name in ("raw", "sdk"):
                full_rate_us = await reader(name, model, Stream(chunks=FULL_RATE_CHUNKS))
                figures[f"CPU a chunk, µs: {name} reader"].append(full_rate_us)
                paced_us = await reader(name, model, PACED)
                figures[f"100 chunks a second: CPU a chunk, µs: {name} reader"].append(paced_us)
            for lines, place, kind in product(sizes, PLACES, KINDS):
                target = Target(lines=lines, place=place, text=kind)
                what = f"{place}, {lines:,} lines, {kind}"
                cost, speed, updates = await full_rate(model, target, FULL_RATE_CHUNKS)
                figures[f"CPU a chunk, µs: {what}"].append(cost)
                figures[f"chunks a second: {what}"].append(speed)
                figures[f"updates a second: {what}"].append(updates)
            long, _, _ = await full_rate(model, Target(place="around"), 4 * FULL_RATE_CHUNKS)
            figures["CPU a chunk, µs: around, 100 lines, ascii, four times as long"].append(long)
            for of, new_server in STREAMING.items():
                for how in ("one after another", "at once"):
                    speed, cost = await many(model, new_server, at_once=how == "at once")
                    figures[f"chunks a second: {MANY} {how}{of}"].append(speed)
                    figures[f"CPU a chunk, µs: {MANY} {how}{of}"].append(cost)
                median, p99, cost = await paced(model, new_server)
                figures[f"100 chunks a second: chunk to edit, ms, median{of}"].append(median)
                figures[f"100 chunks a second: chunk to edit, ms, p99{of}"].append(p99)
                figures[f"100 chunks a second: CPU a chunk, µs{of}"].append(cost)
            for what, stream in WAITED_FOR.items():
                waited = await longest_wait_ms(model, stream)
                figures[f"longest wait for an answer, ms: {what}"].append(waited)
            for name, value in (await start(model, ours_first=number % 2 == 0)).items():
                figures[name].append(value)
            for name, value in (await completions.measured(max(sizes))).items():
                figures[name].append(value)
            for name, value in (await in_neovim(model, plugins)).items():
                figures[name].append(value)
            alone = await first_text_ms(model)
            figures["start to the first text, ms: SDK alone"].append(alone)
    return figures


def table(figures: Figures) -> str:
    """Return the figures as Markdown: median, least and most."""
    lines = ["| figure | median | least | most |", "| --- | --- | --- | --- |"]
    for name, values in figures.items():
        cells = (statistics.median(values), min(values), max(values))
        lines.append(f"| {name} | {' | '.join(f'{value:,.1f}' for value in cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print the table and write both forms."""
    parser = argparse.ArgumentParser(prog="bench", description="Measure the way of a chunk.")
    parser.add_argument("--repeats", type=int, default=7, help="how often each is measured (7)")
    parser.add_argument(
        "--lines", type=int, nargs="+", default=[100, 10_000, 100_000], help="document sizes"
    )
    parser.add_argument(
        "--plugins", type=Path, help="a folder of Neovim plug-ins to measure beside ours"
    )
    parser.add_argument("--out", type=Path, default=Path("bench-results"), help="a folder")
    arguments = parser.parse_args()
    figures = asyncio.run(measure(arguments.repeats, arguments.lines, arguments.plugins))
    arguments.out.mkdir(exist_ok=True)
    (arguments.out / "figures.json").write_text(json.dumps(figures, indent=1, ensure_ascii=False))
    (arguments.out / "figures.md").write_text(table(figures))
    for name in ("CPU a chunk, µs", "start to"):
        chosen = {each: values for each, values in figures.items() if each.startswith(name)}
        file = arguments.out / f"{name.split(',')[0].replace(' ', '-').lower()}.svg"
        file.write_text(plot("CPU a chunk, µs" if name.startswith("CPU") else "Start, ms", chosen))
    sys.stdout.write(table(figures))


if __name__ == "__main__":
    main()
