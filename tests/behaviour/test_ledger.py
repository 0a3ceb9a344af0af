"""The ledger: every attempt, none of its text; generating goes on whatever is wrong with it."""

import asyncio
import random
import sqlite3
import stat
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from streaming_code_generator.core.attempts import Attempt, UsageSums
from streaming_code_generator.core.engine.generator import GenerationEngine, GenerationPolicy
from streaming_code_generator.core.results import Cost
from streaming_code_generator.errors import StreamingError
from streaming_code_generator.providers.openai.openai_provider import OpenAIProvider
from streaming_code_generator.testing.openai_replies import (
    DONE,
    Drop,
    Hold,
    Reply,
    chunk,
    event,
    finish,
)
from streaming_code_generator.testing.openai_server import OpenAIServer, RecordedRequest
from streaming_code_generator.testing.scripted import ScriptedProvider, text_script
from streaming_code_generator.usage import attempt_store
from streaming_code_generator.usage.attempt_store import AttemptStore
from streaming_code_generator.usage.ledger import Ledger
from support.generations import request_for


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "usage.sqlite3"


@pytest.fixture
async def ledger(path: Path) -> AsyncIterator[Ledger]:
    async with aclosing(Ledger(path)) as ledger:
        yield ledger


@pytest.fixture
def store(path: Path) -> Iterator[AttemptStore]:
    with closing(AttemptStore(path)) as store:
        yield store


def attempt(*, model: str = "m", cost: Cost | None = None) -> Attempt:
    return Attempt(
        began_at_s=1_790_000_000.0,
        seconds=1.5,
        purpose="generate",
        provider="openai",
        model=model,
        endpoint="https://api.example.com/v1",
        status="completed",
        prompt_tokens=10,
        completion_tokens=5,
        cached_tokens=4,
        reasoning_tokens=2,
        token_source="provider",
        cost=cost,
    )


def all_sums(path: Path) -> UsageSums:
    with closing(AttemptStore(path)) as store:
        return store.sums(since_s=0)


async def generate(ledger: Ledger, text: str = "print(1)") -> None:
    engine = GenerationEngine(ScriptedProvider(text_script(text)), record=ledger.record)
    async with aclosing(engine.stream(request_for("a prompt that is private"))) as events:
        async for _ in events:
            pass


class MixedEndpoint:
    """Answers with every kind of success and fault, and keeps an account of its own."""

    def __init__(self) -> None:
        self._chance = random.Random(13)
        self.kinds: Counter[str] = Counter()
        self.kind = ""
        """Of the latest answer."""
        self.reported: Counter[str] = Counter()

    def reply_to(self, _: RecordedRequest) -> Reply:
        kinds = ["whole", "whole", "silent", "500", "429", "dropped", "refused", "held"]
        kind = self.kind = self._chance.choice(kinds)
        self.kinds[kind] += 1
        prompt, completion = self._chance.randint(1, 5000), self._chance.randint(1, 900)
        match kind:
            case "500":
                return Reply.error(500, "engine died")
            case "429":
                return Reply.error(429, "slow down")
            case "refused":
                return Reply.error(400, "no such field")
            case "silent":
                return Reply(steps=(chunk("x = 1"), finish(), DONE))
        # What is reported with every chunk stands, also of a stream that breaks off.
        self.reported += Counter(prompt=prompt, completion=completion, cached=prompt // 2)
        counts = {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": prompt // 2},
        }
        report = event({"choices": [], "usage": counts})
        ends = {
            "whole": (finish(), report, DONE),
            "dropped": (report, Drop()),
            "held": (report, Hold(asyncio.Event())),
        }
        return Reply(steps=(chunk("x = 1"), *ends[kind]))


@pytest.mark.slow
async def test_sums_are_the_endpoints_own_over_a_thousand_attempts_with_faults(
    ledger: Ledger, path: Path
) -> None:
    endpoint = MixedEndpoint()
    policy = GenerationPolicy(backoff_s=0.001, backoff_max_s=0.001, max_retries=1)
    async with OpenAIServer(reply_to=endpoint.reply_to) as server:
        provider = OpenAIProvider(api_key=None, base_url=server.base_url, model="any")
        engine = GenerationEngine(provider, policy, record=ledger.record)
        async with aclosing(provider):
            while len(server.requests) < 1000:
                with suppress(StreamingError):
                    async with aclosing(engine.stream(request_for())) as events:
                        async for each in events:
                            # Cancelled where the endpoint would say nothing more.
                            is_reported = each.stats.token_source == "provider"
                            if endpoint.kind == "held" and is_reported:
                                break
        await ledger.aclose()

        sums = all_sums(path)
        assert sums.attempts == len(server.requests) == endpoint.kinds.total()
    with closing(sqlite3.connect(path)) as connection:
        query = """
            SELECT total(prompt_tokens), total(completion_tokens), total(cached_tokens)
            FROM attempts WHERE token_source = 'provider'
        """
        prompt, completion, cached = connection.execute(query).fetchone()
    assert Counter(prompt=prompt, completion=completion, cached=cached) == endpoint.reported
    assert sums.estimated == endpoint.kinds["silent"]
    assert sums.cancelled == endpoint.kinds["held"]
    assert sums.completed == endpoint.kinds["whole"] + endpoint.kinds["silent"]


_WRITER = """
import asyncio, sys
from pathlib import Path
from contextlib import aclosing
from streaming_code_generator.usage.ledger import Ledger
sys.path.insert(0, {tests!r})
from behaviour.test_ledger import attempt

async def main():
    async with aclosing(Ledger(Path({path!r}))) as ledger:
        for number in range(300):
            ledger.record(attempt(model=sys.argv[1]))
            await asyncio.sleep(0)
asyncio.run(main())
"""


async def test_two_processes_write_it_at_once(path: Path) -> None:
    tests = str(Path(__file__).parents[1])
    script = _WRITER.format(tests=tests, path=str(path))
    writers = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", script, name)
        for name in ("one", "two")
    ]
    assert [await writer.wait() for writer in writers] == [0, 0]
    with closing(AttemptStore(path)) as store:
        assert {name: each.attempts for name, each in store.sums_by("model").items()} == {
            "one": 300,
            "two": 300,
        }


async def test_locked_file_fails_no_generation_and_is_written_later(
    ledger: Ledger, path: Path
) -> None:
    with closing(AttemptStore(path)):
        pass
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        await generate(ledger)
        assert (await ledger.spent()).session.attempts == 1
        other.execute("ROLLBACK")
    spent = await ledger.spent()
    assert spent.day is not None
    assert spent.day.attempts == 1


async def test_full_disk_fails_no_generation(
    ledger: Ledger, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = attempt_store._opened

    def on_full_disk(path: Path) -> sqlite3.Connection:
        connection = opened(path)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        return connection

    monkeypatch.setattr(attempt_store, "_opened", on_full_disk)
    for _ in range(200):
        ledger.record(attempt())
    await generate(ledger)
    spent = await ledger.spent()
    assert spent.session.attempts == 201
    with pytest.raises(sqlite3.OperationalError, match="full"), closing(AttemptStore(path)) as full:
        full.add([attempt()] * 201)


async def test_folder_that_cannot_be_made_fails_no_generation(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    async with aclosing(Ledger(tmp_path / "file" / "usage.sqlite3")) as ledger:
        await generate(ledger)
        spent = await ledger.spent()
    assert (spent.session.attempts, spent.day) == (1, None)


def _write_garbage(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"no database" * 1000)


async def test_broken_file_is_kept_and_a_new_one_begins(ledger: Ledger, path: Path) -> None:
    _write_garbage(path)
    await generate(ledger)
    spent = await ledger.spent()
    assert spent.day is not None
    assert spent.day.attempts == 1
    assert path.with_name("usage.sqlite3.broken").read_bytes() == b"no database" * 1000


def test_file_that_breaks_while_it_is_open_is_kept_too(store: AttemptStore, path: Path) -> None:
    store.add([attempt()] * 500)
    store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store._connection.execute("PRAGMA shrink_memory")
    _write_garbage(path)
    store.add([attempt()])
    assert store.sums(since_s=0).attempts == 1
    assert path.with_name("usage.sqlite3.broken").exists()


async def test_file_that_was_deleted_is_made_anew(ledger: Ledger, path: Path) -> None:
    await generate(ledger)
    await ledger.spent()
    for each in path.parent.iterdir():
        each.unlink()
    await generate(ledger)
    await ledger.aclose()
    assert all_sums(path).attempts == 1


def test_file_of_a_newer_version_is_left_alone(store: AttemptStore, path: Path) -> None:
    store._connection.execute("PRAGMA user_version = 2")
    with pytest.raises(sqlite3.NotSupportedError, match="newer"):
        AttemptStore(path)


def test_only_its_user_can_read_it(store: AttemptStore, path: Path) -> None:
    store.add([attempt()])
    names = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    assert names == dict.fromkeys(
        ("usage.sqlite3", "usage.sqlite3-wal", "usage.sqlite3-shm"), 0o600
    )
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_no_text_is_in_it(ledger: Ledger, path: Path) -> None:
    await generate(ledger, "print('generated')")
    await ledger.spent()
    held = b"".join(each.read_bytes() for each in path.parent.iterdir())
    assert b"scripted" in held
    assert b"private" not in held
    assert b"generated" not in held


async def test_name_of_a_model_that_cannot_be_stored_is_not_taken(
    ledger: Ledger, path: Path
) -> None:
    odd = b'data: {"model": "\\ud83d", "choices": [{"delta": {"content": "x = 1"}}]}\n\n'
    async with OpenAIServer(Reply(steps=(odd, finish(), DONE))) as server:
        provider = OpenAIProvider(api_key=None, base_url=server.base_url, model="any")
        engine = GenerationEngine(provider, record=ledger.record)
        async with aclosing(provider), aclosing(engine.stream(request_for())) as events:
            async for _ in events:
                pass
    await ledger.spent()
    with closing(AttemptStore(path)) as store:
        assert [*store.sums_by("model")] == ["any"]


def test_oldest_rows_go_beyond_the_most(
    store: AttemptStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempt_store, "MOST_ROWS", 10)
    store.add([attempt(model="old")] * 5 + [attempt(model="new")] * 9)
    with closing(AttemptStore(path)) as again:
        counts = {name: each.attempts for name, each in again.sums_by("model").items()}
    assert counts == {"new": 9, "old": 1}


async def test_costs_are_summed_apart_from_what_has_no_price(ledger: Ledger) -> None:
    ledger.record(attempt())
    assert (await ledger.spent()).session.cost_usd is None
    ledger.record(attempt(cost=Cost(0.25, "provider")))
    ledger.record(attempt(cost=Cost(0.5, "provider")))
    session = (await ledger.spent()).session
    assert (session.cost_usd, session.unpriced) == (0.75, 1)
    assert str(session).endswith(", $0.75 and 1 without a price")


async def test_session_adds_up_to_what_the_file_holds(ledger: Ledger, path: Path) -> None:
    estimated = replace(attempt(), token_source="estimate", cost=Cost(0.5, "genai-prices"))
    refused = replace(attempt(), status="failed", prompt_tokens=0, completion_tokens=0)
    for each in (attempt(cost=Cost(0.25, "provider")), estimated, attempt(), refused):
        ledger.record(each)
    session = (await ledger.spent()).session
    assert session == all_sums(path)
    assert session.token_sources == ("estimate", "provider")
    assert session.cost_sources == ("genai-prices", "provider")


async def test_what_the_endpoint_says_it_cost_is_in_the_result(ledger: Ledger) -> None:
    counts = {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10, "cost": 0.0042}
    priced = Reply(steps=(chunk("x"), finish(), event({"choices": [], "usage": counts}), DONE))
    async with OpenAIServer(Reply.error(500, "died"), priced) as server:
        provider = OpenAIProvider(api_key=None, base_url=server.base_url, model="any")
        policy = GenerationPolicy(backoff_s=0.001)
        engine = GenerationEngine(provider, policy, record=ledger.record)
        async with aclosing(provider), aclosing(engine.stream(request_for())) as events:
            *_, last = [each async for each in events]
    assert last.stats.cost == Cost(0.0042, "provider")
    session = (await ledger.spent()).session
    assert (session.attempts, session.failed, session.cost_usd) == (2, 1, 0.0042)


async def test_price_list_prices_what_the_endpoint_does_not(path: Path) -> None:
    async with aclosing(Ledger(path, price=lambda _: Cost(2.0, "genai-prices"))) as ledger:
        engine = GenerationEngine(ScriptedProvider(text_script("x")), record=ledger.record)
        async with aclosing(engine.stream(request_for())) as events:
            *_, last = [each async for each in events]
        assert last.stats.cost == Cost(2.0, "genai-prices")
    assert all_sums(path).cost_usd == 2.0
