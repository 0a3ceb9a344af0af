"""What the user is asked before a request goes out: money, and a project's own rules.

The day's budget: a warning when it runs low, a question once it is spent.

The rules of a project for those who write its code, `AGENTS.md`: a model follows what it reads, and
a folder that was cloned may have anything written in it. So they are shown to a model only once the
user has allowed them, for that folder and that text: a changed text is asked about anew. They are
one file, cut at a size; what they include or link to is never read.
"""

import asyncio
import json
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Literal

from lsprotocol import types
from platformdirs import user_state_path

from streaming_code_generator.core.prompt.file_pieces import FileSnapshot
from streaming_code_generator.errors import ConfigurationError
from streaming_code_generator.lsp.client import Client
from streaming_code_generator.lsp.documents.files import Showable
from streaming_code_generator.usage.ledger import BudgetState, Ledger, budget_state

logger = logging.getLogger(__name__)

GENERATE = "Generate"

GENERATE_ALL_DAY = "Generate all day"

STOP = "Stop"

BUDGET_ANSWER_S = 120.0
"""Longest wait for the user's answer; then it is no."""


class BudgetGuard:
    """Asks before a generation that would go beyond the budget; one question at a time."""

    def __init__(self, ledger: Ledger, client: Client) -> None:
        self._ledger = ledger
        self._client = client
        self._asking = asyncio.Lock()
        self._warned_on: date | None = None
        self._allowed_on: date | None = None
        """The day for which the user has let generating go on."""

    async def admit(self, budget_usd: float | None) -> None:
        """Let a generation begin, if need be after asking the user.

        Cancellation: at once; the answer then counts for nothing.

        Raises:
            ConfigurationError: The budget is spent, and the user did not agree to go on.
        """
        if budget_usd is None:
            return
        async with self._asking:
            spent = await self._ledger.spent()
            budget = budget_state(budget_usd, spent)
            if spent.session.unpriced:
                self._client.log_once(
                    "`budgetPerDay` does not count requests whose price is not known, and there "
                    "are some: see `streaming-code-generator usage`."
                )
            if budget.is_spent and self._allowed_on != _today():
                await self._ask(budget)
            elif budget.is_low and self._warned_on != _today():
                self._warned_on = _today()
                self._client.show(
                    f"{budget} of today's budget (`budgetPerDay`) is spent.",
                    types.MessageType.Warning,
                )

    async def is_spent(self, budget_usd: float | None) -> bool:
        """Whether requests that no user made, as for ghost text, have to wait until tomorrow."""
        if budget_usd is None or self._allowed_on == _today():
            return False
        return budget_state(budget_usd, await self._ledger.spent()).is_spent

    async def _ask(self, budget: BudgetState) -> None:
        question = f"Today's budget is spent: {budget}. Generate anyway?"
        answer = await self._client.ask(
            question, (GENERATE, GENERATE_ALL_DAY, STOP), timeout_s=BUDGET_ANSWER_S
        )
        if answer == GENERATE_ALL_DAY:
            self._allowed_on = _today()
        elif answer != GENERATE:
            raise ConfigurationError(
                f"Today's budget is spent: {budget}. Nothing was generated; to go on, raise "
                "`budgetPerDay`, or answer the question with "
                f"`{GENERATE}`."
            )


def _today() -> date:
    return datetime.now().astimezone().date()


NEAREST = "AGENTS.md"
"""Looked for from the document's folder upwards: https://agents.md"""

ELSE = Path(".github", "copilot-instructions.md")

MOST_BYTES = 100_000

MOST_VERDICTS = 1_000
"""The oldest go beyond that."""

RULES_ANSWER_S = 600.0

SHOW, NEVER = "Show the rules to the model", "Never"

RulesVerdict = Literal["allowed", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules that hold for a document."""

    folder: Path
    """The folder of the workspace."""
    file: FileSnapshot

    @property
    def key(self) -> str:
        """A hash of the folder, the file's place in it and its whole text."""
        parts = (str(self.folder), self.file.path, *self.file.lines)
        return sha256("\n".join(parts).encode()).hexdigest()


def rules_for(document: Path | None, roots: Iterable[Path], showable: Showable) -> Rules | None:
    """Return the rules that are nearest to a document; it blocks.

    None is also what a link, an ignored file, or one that is no text is.
    """
    for root in [] if document is None else roots:
        if document is not None and document.is_relative_to(root):
            folders = [each for each in document.parents if each.is_relative_to(root)]
            for path in (*(folder / NEAREST for folder in folders), root / ELSE):
                text = _text(path, root, showable)
                if text is not None:
                    shown = path.relative_to(root).as_posix()
                    lines = tuple(text.strip().split("\n"))
                    file = FileSnapshot(
                        uri=path.as_uri(), path=shown, language_id="markdown", lines=lines
                    )
                    return Rules(folder=root, file=file)
    return None


def _text(path: Path, root: Path, showable: Showable) -> str | None:
    try:
        # A link may lead anywhere, that of a folder on the way too.
        if path.resolve() != root.resolve() / path.relative_to(root) or not path.is_file():
            return None
        if path.stat().st_size > MOST_BYTES or not showable.may_be_shown(path.as_uri()):
            return None
        text = path.read_text("utf-8")
    except (OSError, RuntimeError, UnicodeDecodeError):
        return None
    return text.replace("\r\n", "\n") if text.strip() and "\0" not in text else None


class RulesConsent:
    """Knows which rules the user has allowed, and asks about others, each once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._asked: set[str] = set()
        self._asking: set[asyncio.Task[None]] = set()

    def verdict(self, rules: Rules) -> RulesVerdict | None:
        """Return what the user has said to rules; it blocks."""
        return _read_verdicts().get(rules.key)

    def ask(self, rules: Rules) -> None:
        """Ask about rules, unless that has been done; no request waits for the answer."""
        if rules.key in self._asked:
            return
        self._asked.add(rules.key)
        asking = asyncio.create_task(self._ask(rules), name="rules")
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)

    async def _ask(self, rules: Rules) -> None:
        path = rules.folder / rules.file.path
        question = (
            f"This project has rules for models: {path}. Read them first: a model follows what "
            "they say. Are they to be shown with your requests?"
        )
        answer = await self._client.ask(question, (SHOW, NEVER), timeout_s=RULES_ANSWER_S)
        if answer in {SHOW, NEVER}:
            verdict: RulesVerdict = "allowed" if answer == SHOW else "refused"
            await asyncio.to_thread(_write_verdict, rules.key, verdict)
            self._client.log(f"rules {path}: {verdict}")
        else:
            self._client.log(f"rules {path}: not shown to the model, as you have not allowed it")

    async def aclose(self) -> None:
        """Wait for no answer any more; what has been answered stands."""
        for asking in self._asking:
            asking.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)


def _verdicts_path() -> Path:
    return user_state_path("streaming-code-generator", appauthor=False) / "rules.json"


def _read_verdicts() -> dict[str, RulesVerdict]:
    try:
        verdicts = json.loads(_verdicts_path().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return verdicts if isinstance(verdicts, dict) else {}


def _write_verdict(key: str, verdict: RulesVerdict) -> None:
    path = _verdicts_path()
    verdicts = {**_read_verdicts(), key: verdict}
    kept = dict(list(verdicts.items())[-MOST_VERDICTS:])
    written = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        written.write_text(json.dumps(kept, indent=1), "utf-8")
        # In one step: another server may be reading it.
        written.replace(path)
    except OSError as error:
        logger.warning("%s cannot be written: %s", path, error)
