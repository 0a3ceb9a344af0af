"""Puts an endpoint under the load of some editors, and prints what each of them waits for.

    python server/deploy/load.py --endpoint http://127.0.0.1:8000/v1 --editors 8 --seconds 20

An editor has a document of its own, which grows, and a session. Again and again it generates code
to the end, generates and cancels in the middle, or types: asks for a suggestion with each key and
gives it up with the next. The order is the same for the same `--seed`. It is bounded: by time, by
editors, and to endpoints on this machine unless `--remote` is given.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from streaming_code_generator.core.messages import CompletionRequest, Message, Provider
from streaming_code_generator.errors import StreamingError
from streaming_code_generator.providers.openai.openai_provider import OpenAIProvider
from streaming_code_generator.settings import Secret
from streaming_code_generator.settings.endpoints import is_loopback

MOST_EDITORS = 64
MOST_SECONDS = 300.0
SUGGESTION_TOKENS = 16
KEYS = 3
"""That are typed in a row."""
BETWEEN_KEYS_S = 0.15
THINKING_S = 0.1
"""Between two things that an editor does; much less than a user's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is to be done."""

    endpoint: str
    model: str
    key: str | None
    editors: int
    seconds: float
    tokens: int
    """The most that a generation writes."""
    cancelled: float
    """The share of what is begun that is cancelled in the middle."""
    typed: float
    """The share that is typing."""
    seed: int
    session_header: str
    """The header with the editor's session; empty for none."""


@dataclass(slots=True, kw_only=True)
class Figures:
    """What one editor saw; times in seconds."""

    first_token_s: list[float] = field(default_factory=list)
    per_token_s: list[float] = field(default_factory=list)
    """For each whole response: from the first to the last text, by its chunks."""
    chunks: int = 0
    """Chunks with text, which are tokens where the endpoint sends each by itself."""
    finished: int = 0
    cancelled: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    errors: Counter[str] = field(default_factory=Counter)


class LoadEditor:
    """One editor: a document, a session and what it has to wait for."""

    def __init__(self, number: int, load: Load) -> None:
        self.figures = Figures()
        self._load = load
        self._random = random.Random(f"{load.seed} {number}")  # noqa: S311 - an order, no secret
        self._document = f"# Module {number}\n" + "".join(
            f"def step_{line}_of_{number}(value):\n    return value + {line}\n"
            for line in range(12)
        )
        session = Secret(f"load-{load.seed}-{number}")
        headers = ((load.session_header, session),) if load.session_header else ()
        self._provider: Provider = OpenAIProvider(
            api_key=load.key, base_url=load.endpoint, model=load.model, extra_headers=headers
        )

    async def work(self, until_s: float) -> None:
        """Do one thing after the other until then; what runs at that time is cancelled."""
        async with aclosing(self._provider):
            try:
                async with asyncio.timeout_at(until_s):
                    while True:
                        await self._do_something()
                        await asyncio.sleep(THINKING_S)
            except TimeoutError:
                pass

    async def _do_something(self) -> None:
        choice = self._random.random()
        if choice < self._load.typed:
            for _ in range(KEYS):
                self._document += self._random.choice("abcdefgh")
                await self._abandoned(SUGGESTION_TOKENS, within_s=BETWEEN_KEYS_S)
        elif choice < self._load.typed + self._load.cancelled:
            await self._abandoned(self._load.tokens, within_s=1.0)
        else:
            await self._generate(self._load.tokens)
            self._document += f"\nresult_{self.figures.finished} = {self.figures.finished}\n"

    async def _abandoned(self, tokens: int, *, within_s: float) -> None:
        try:
            async with asyncio.timeout(within_s):
                await self._generate(tokens)
        except TimeoutError:
            self.figures.cancelled += 1

    async def _generate(self, tokens: int) -> None:
        figures, began_s = self.figures, time.monotonic()
        first_s, last_s, chunks = None, 0.0, 0
        messages = (
            Message(role="system", content="You write Python code."),
            Message(role="user", content=f"{self._document}\n# Go on with this module:\n"),
        )
        request = CompletionRequest(messages=messages, max_output_tokens=tokens, temperature=0.0)
        try:
            async with self._provider.open(request) as deltas:
                async for delta in deltas:
                    if delta.usage is not None:
                        figures.prompt_tokens += delta.usage.prompt_tokens
                        figures.cached_tokens += delta.usage.cached_tokens
                    if delta.is_empty:
                        continue
                    last_s = time.monotonic()
                    chunks += 1
                    figures.chunks += 1
                    if first_s is None:
                        first_s = last_s
                        figures.first_token_s.append(first_s - began_s)
        except StreamingError as error:
            figures.errors[getattr(error, "kind", type(error).__name__)] += 1
            return
        figures.finished += 1
        if first_s is not None and chunks > 1:
            figures.per_token_s.append((last_s - first_s) / (chunks - 1))


async def run(load: Load) -> list[Figures]:
    """Have all editors work at once, and return what each saw."""
    editors = [LoadEditor(number, load) for number in range(load.editors)]
    until_s = asyncio.get_running_loop().time() + load.seconds
    async with asyncio.TaskGroup() as group:
        for editor in editors:
            group.create_task(editor.work(until_s))
    return [editor.figures for editor in editors]


def fairness(shares: Sequence[float]) -> float:
    """Return 1 where all have the same, 1/n where one has it all.

    Source: Jain, Chiu, Hawe, "A Quantitative Measure of Fairness", 1984.
    """
    squares = sum(share * share for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else 1.0


def summary(load: Load, all_figures: Sequence[Figures]) -> dict[str, object]:
    """Return the figures of all editors together."""
    first = sorted(time_s for figures in all_figures for time_s in figures.first_token_s)
    per_token = sorted(time_s for figures in all_figures for time_s in figures.per_token_s)
    prompt = sum(figures.prompt_tokens for figures in all_figures)
    cached = sum(figures.cached_tokens for figures in all_figures)
    errors = sum((figures.errors for figures in all_figures), Counter[str]())
    return {
        "editors": load.editors,
        "seconds": load.seconds,
        "first_token_s": _spread(first),
        "per_token_s": _spread(per_token),
        "chunks_per_s": round(sum(f.chunks for f in all_figures) / load.seconds, 1),
        "finished": sum(figures.finished for figures in all_figures),
        "cancelled": sum(figures.cancelled for figures in all_figures),
        "errors": dict(errors),
        "prompt_read_again": round(1 - cached / prompt, 3) if prompt else None,
        "fairness": round(fairness([figures.chunks for figures in all_figures]), 3),
    }


def _spread(times_s: Sequence[float]) -> dict[str, float] | None:
    if len(times_s) < 2:  # noqa: PLR2004 - quantiles need two
        return None
    percentiles = statistics.quantiles(times_s, n=100, method="inclusive")
    return {
        "median": round(percentiles[49], 4),
        "p95": round(percentiles[94], 4),
        "most": round(max(times_s), 4),
    }


def main() -> int:
    """Put the load on, and print the figures as JSON; 1 if anything failed."""
    description, _, details = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=description,
        epilog=details,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--endpoint", required=True, metavar="URL")
    parser.add_argument("--model", default="any", help="as the endpoint lists it")
    parser.add_argument("--editors", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--tokens", type=int, default=48, help="the most of one generation")
    parser.add_argument("--cancelled", type=float, default=0.2, help="share of what is begun")
    parser.add_argument("--typed", type=float, default=0.2, help="share of what is begun")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--session-header", default="x-session-id", help="'' sends none")
    parser.add_argument("--remote", action="store_true", help="allow other machines' endpoints")
    arguments = parser.parse_args()
    if not (arguments.remote or is_loopback(arguments.endpoint)):
        parser.error("the endpoint is not on this machine; --remote allows it")
    if not (0 < arguments.editors <= MOST_EDITORS and 0 < arguments.seconds <= MOST_SECONDS):
        parser.error(f"at most {MOST_EDITORS} editors and {MOST_SECONDS:.0f} seconds")
    given = {name: value for name, value in vars(arguments).items() if name != "remote"}
    load = Load(**given, key=os.environ.get("OPENAI_API_KEY"))
    figures = summary(load, asyncio.run(run(load)))
    print(json.dumps(figures, indent=2))
    return 1 if figures["errors"] else 0


if __name__ == "__main__":
    sys.exit(main())
