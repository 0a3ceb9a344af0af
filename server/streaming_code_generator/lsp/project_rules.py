"""A project's own rules for whoever writes its code: `AGENTS.md`, and what the user says to it.

A model follows what it reads, and a folder that was cloned may have anything written in it. So the
rules are shown to a model only once the user has allowed them, for that folder and that text: a
changed text is asked about anew. They are one file, cut at a size; what they include or link to is
never read.
"""

import asyncio
import json
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

from platformdirs import user_state_path

from streaming_code_generator.core.prompt.file_pieces import FileSnapshot
from streaming_code_generator.lsp.client import Client
from streaming_code_generator.lsp.documents.context_files import Showable

logger = logging.getLogger(__name__)

NEAREST = "AGENTS.md"
"""Looked for from the document's folder upwards: https://agents.md"""
ELSE = Path(".github", "copilot-instructions.md")
MOST_BYTES = 100_000
MOST_VERDICTS = 1_000
"""The oldest go beyond that."""
ANSWER_S = 600.0

SHOW, NEVER = "Show the rules to the model", "Never"

Verdict = Literal["allowed", "refused"]


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

    def verdict(self, rules: Rules) -> Verdict | None:
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
        answer = await self._client.ask(question, (SHOW, NEVER), timeout_s=ANSWER_S)
        if answer in {SHOW, NEVER}:
            verdict: Verdict = "allowed" if answer == SHOW else "refused"
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


def _read_verdicts() -> dict[str, Verdict]:
    try:
        verdicts = json.loads(_verdicts_path().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return verdicts if isinstance(verdicts, dict) else {}


def _write_verdict(key: str, verdict: Verdict) -> None:
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
