"""Composes a prompt within its budget: the request, and as much context as fits beside it.

The model's name and its place say what kind of prompt it gets, and how long that may be.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from streaming_code_generator.core.messages import Message, ProviderDescription
from streaming_code_generator.core.placement.target import Placement
from streaming_code_generator.core.prompt.build import (
    CodeTask,
    Context,
    build_messages,
    context_around,
)
from streaming_code_generator.core.prompt.choose_context import (
    ContextQuery,
    choose_context,
    scope_headers,
)
from streaming_code_generator.core.prompt.file_pieces import (
    CountTokens,
    FilePiece,
    fenced,
    is_longer,
    rules_piece,
)
from streaming_code_generator.core.tokens import framing_tokens
from streaming_code_generator.settings.endpoints import is_loopback_host

SMALL_EMBEDDED_TOKENS = 400
"""A processor reads some 250 tokens a second, and nothing is written before."""
LOCAL_TOKENS = 2_000
REMOTE_TOKENS = 6_000

_SMALL_BILLIONS = 1.0
_SIZE = re.compile(r"(?<![\d.a-z])(\d+(?:\.\d+)?)([bm])(?![a-z0-9])")
_SMALL_BY_NAME = re.compile(r"smollm2?$|smollm2?:latest|tinyllama")


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptProfile:
    """How a model is asked."""

    context_tokens: int
    """Most tokens of a prompt."""
    is_small: bool
    """Whether the model is shown one example, and of its file only what encloses the place.

    Measured with SmolLM2 on 14 executed tasks: as many right, in a third of the time.
    """


def profile_of(description: ProviderDescription, context_tokens: int | None) -> PromptProfile:
    """Return how a provider's model is asked.

    Args:
        description: The provider.
        context_tokens: What is set, if anything.
    """
    # "smollm2-135m-instruct", "qwen2.5-coder-0.5b", "gemma3:270m"; not "gpt-4.1-mini", "qwen3-8b".
    name = description.model.lower().rsplit("/", 1)[-1]
    sizes = [float(size) / (1000 if unit == "m" else 1) for size, unit in _SIZE.findall(name)]
    is_small = bool(_SMALL_BY_NAME.search(name)) or any(size <= _SMALL_BILLIONS for size in sizes)
    if context_tokens is None:
        if description.name == "embedded":
            context_tokens = SMALL_EMBEDDED_TOKENS if is_small else LOCAL_TOKENS
        else:
            is_local = is_loopback_host(urlsplit(description.endpoint).hostname or "")
            context_tokens = LOCAL_TOKENS if is_local else REMOTE_TOKENS
    return PromptProfile(context_tokens=context_tokens, is_small=is_small)


CHARACTERS_NEAR_BEFORE = 200
CHARACTERS_NEAR_AFTER = 100
"""What shows the place itself; everything else is shown in pieces, which stay the same."""

PLACE_TOKENS = 120
"""What shows the place has rarely more tokens, and is given so many."""
ROOM_STEP = 64
"""Files get a multiple of so many tokens: a few more or less for the request or the place must not
show another line of a file, from which on nothing is found in a prompt cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What is sent, and what it shows of which file."""

    messages: tuple[Message, ...]
    pieces: tuple[FilePiece, ...] = ()
    tokens: int = 0
    """Of all messages, as they were counted."""
    budget: int = 0


class SelectionTooLongError(ValueError):
    """The selection does not fit into the budget."""

    def __init__(self, tokens: int, budget: int) -> None:
        self.tokens = tokens
        self.budget = budget
        super().__init__(
            f"The selection has {tokens} tokens, and a prompt may have {budget} "
            "(`contextTokens`) with the request: select less, or set that higher."
        )


def compose(
    task: CodeTask,
    query: ContextQuery,
    placement: Placement,
    profile: PromptProfile,
    count: CountTokens,
) -> Prompt:
    """Return the prompt for a request; never longer than the budget by more than the request.

    Args:
        task: What is asked for, without context.
        query: Where, and the files that may be shown.
        placement: Where the code goes, in the file of the query.
        profile: How the model is asked.
        count: Counts a text's tokens.

    Raises:
        SelectionTooLongError: It cannot be sent, and must not be cut.
    """
    lines, budget = query.file.lines, profile.context_tokens
    near = context_around(
        lines,
        placement,
        characters_before=CHARACTERS_NEAR_BEFORE,
        characters_after=CHARACTERS_NEAR_AFTER,
    )
    # A selection that is itself the request stands there already.
    selection = near.selection if task.instruction.strip() != near.selection.strip() else ""
    bare = replace(task, context=Context(selection=selection), example=profile.is_small)
    if _size(bare, count) > budget and near.selection.strip():
        raise SelectionTooLongError(count(fenced(near.selection)), budget)
    if profile.is_small:
        shown = scope_headers(lines, placement.line)
        if task.language_id in _OF_TABLES:
            shown = tables(lines)
        near = Context(
            before="\n".join(lines[number].rstrip("\r\n") for number in shown),
            selection=selection,
        )
    task = replace(bare, context=replace(near, selection=selection))
    if _size(task, count) > budget:
        task = bare
    pieces: list[FilePiece] = []
    if not profile.is_small:
        request = _size(bare, count)
        place = max(_size(task, count) - request, PLACE_TOKENS)
        room = (budget - request - place) // ROOM_STEP * ROOM_STEP
        rules = rules_piece(query.rules, room // 2, count) if query.rules else None
        pieces = [rules] if rules else []
        pieces += choose_context(query, room - (rules.tokens if rules else 0), count)
    near_characters = len(near.before) + len(near.after) + len(near.selection)
    if not is_longer(lines, near_characters):
        # What shows the place shows the whole file.
        pieces = [piece for piece in pieces if piece.file != query.file]
    # Joined text has rarely more tokens than its parts; if it has, the last piece goes.
    while True:
        composed = replace(task, pieces=tuple(pieces))
        tokens = _size(composed, count)
        if tokens <= budget or not pieces:
            break
        pieces.pop()
    return Prompt(
        messages=build_messages(composed), pieces=tuple(pieces), tokens=tokens, budget=budget
    )


_TABLE = re.compile(r"\s*CREATE\s+(?:TEMP\w*\s+)?(?:TABLE|VIEW)\b", re.IGNORECASE)
_OF_TABLES = {"sql", "mysql", "pgsql", "plsql"}
_MOST_TABLE_LINES = 20


def tables(lines: Sequence[str]) -> list[int]:
    """Return the numbers of the lines that declare tables: no query is written without."""
    numbers: list[int] = []
    is_inside = False
    for number, line in enumerate(lines):
        is_inside = is_inside or _TABLE.match(line) is not None
        if is_inside:
            numbers.append(number)
            is_inside = not line.rstrip().endswith(";")
    return numbers[:_MOST_TABLE_LINES]


def _size(task: CodeTask, count: CountTokens) -> int:
    messages = build_messages(task)
    return sum(count(message.content) for message in messages) + framing_tokens(messages)
