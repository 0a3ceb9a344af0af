"""Turns what a user asks for at a place of a document into the messages for a model.

They show a bounded stretch around the place that code goes to, and pieces of files.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from streaming_code_generator.core.messages import Message
from streaming_code_generator.core.placement.languages import content, indent_of, language
from streaming_code_generator.core.placement.target import Placement, selected_text
from streaming_code_generator.core.prompt.file_pieces import FilePiece, fenced

CHARACTERS_BEFORE = 1_200
"""About 300 to 400 tokens of code. On a processor a small model reads some 250 tokens a second, and
nothing is written until it has read them all."""
CHARACTERS_AFTER = 400
LINES_PER_STEP = 8
"""The stretch begins at a multiple of so many lines, so that requests for neighbouring places
share their beginning, which servers with a prompt cache then need not read again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    r"""Text around a place, its lines joined by `\n`."""

    before: str = ""
    after: str = ""
    selection: str = ""
    """What is to be replaced, whole, its common indentation taken away."""


def context_around(
    lines: Sequence[str],
    placement: Placement,
    *,
    characters_before: int = CHARACTERS_BEFORE,
    characters_after: int = CHARACTERS_AFTER,
) -> Context:
    """Return whole lines around a placement, but never more than so many characters.

    Args:
        lines: The document's lines, with their endings.
        placement: Where code goes.
        characters_before: Most characters before it; a longer line is cut at its beginning.
        characters_after: Most characters after it; a longer line is cut at its end.
    """
    if not lines:
        return Context()
    selection = selected_text(lines, placement).replace("\r\n", "\n").replace("\r", "\n")
    if selection:
        lead = indent_of(lines[placement.line])[: placement.column]
        selection = textwrap.dedent(lead + selection)
    return Context(
        before=_before(lines, placement, characters_before),
        after=_after(lines, placement, characters_after),
        selection=selection,
    )


def _before(lines: Sequence[str], placement: Placement, limit: int) -> str:
    # The line of the cursor comes first of all; the lines above take what it leaves of the limit.
    last = content(lines[placement.line])[: placement.column]
    if len(last) >= limit:
        return last[len(last) - limit :]
    first, left = placement.line, limit - len(last)
    while first > 0 and len(content(lines[first - 1])) < left:
        first -= 1
        left -= len(content(lines[first])) + 1
    # Lines 13 to 40 fit; the context starts at 16, and does so for a cursor some lines further
    # down as well: the prompt's beginning is the same, and a server's prompt cache holds it.
    stepped = -(-first // LINES_PER_STEP) * LINES_PER_STEP
    first = stepped if stepped < placement.line else first
    above = [content(line) + "\n" for line in lines[first : placement.line]]
    return ("".join(above) + last).lstrip("\n")


def _after(lines: Sequence[str], placement: Placement, limit: int) -> str:
    shown = content(lines[placement.end_line])[placement.end_column :][:limit]
    following = placement.end_line + 1
    for line in lines[following : following + limit]:
        if len(shown) + 1 + len(content(line)) > limit:
            break
        shown += "\n" + content(line)
    return shown.rstrip()


_NAME_LIMIT = 120
_NO_CONTEXT = Context()


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeTask:
    """One request for code in a document."""

    instruction: str
    """What the user wants, in their own words."""
    language_id: str = ""
    """The language by its LSP identifier."""
    file_name: str = ""
    """The file's own name, without its folders."""
    context: Context = _NO_CONTEXT
    pieces: tuple[FilePiece, ...] = ()
    """Stretches of this file and of others, in the order in which they are shown."""
    diagnostics: tuple[str, ...] = ()
    """What is reported of the place, a line each."""
    example: bool = False
    """Whether an example is shown, which small models need more than anything else."""
    explain: bool = False
    """Whether an explanation is wanted besides the code."""
    system_prompt: str | None = None
    """The user's own system prompt, in place of the built-in one."""


def build_messages(task: CodeTask) -> tuple[Message, ...]:
    """Return the messages: what changes least comes first, the instruction last."""
    standard = f"You are a programmer. You write {_code(task)}. {_answer(task)}"
    system = task.system_prompt or standard
    selection = task.context.selection
    shown = [f"The selection:\n{fenced(selection, task.language_id)}"] if selection.strip() else []
    if task.diagnostics:
        shown.append("\n".join(["Reported there:", *task.diagnostics]))
    # Small models follow what they read last: the instruction stands at the end.
    sections = [*_surroundings(task), *shown, _request(task)]
    pieces = "".join(piece.rendered for piece in task.pieces)
    return (
        Message(role="system", content=system),
        *(_example(task) if task.example else ()),
        Message(role="user", content=pieces + "\n\n".join(sections)),
    )


def _surroundings(task: CodeTask) -> list[str]:
    name = " ".join(task.file_name.split())[:_NAME_LIMIT]
    where = f"the file {name}" if name else "the file"
    what = "the selection" if task.context.selection else "the cursor"
    return [
        f"In {where}, {side} {what}:\n{fenced(text, task.language_id)}"
        for side, text in (("before", task.context.before), ("after", task.context.after))
        if text.strip()
    ]


_TABLE = "CREATE TABLE cars (color TEXT, doors INTEGER);"
_DOUBLE = "double a number"
_EXAMPLES = {
    "python": (_DOUBLE, "def double(n):\n    return 2 * n"),
    "javascript": (_DOUBLE, "function double(n) {\n  return 2 * n;\n}"),
    "typescript": (_DOUBLE, "function double(n: number): number {\n  return 2 * n;\n}"),
    "go": (_DOUBLE, "func double(n int) int {\n\treturn 2 * n\n}"),
    "rust": (_DOUBLE, "fn double(n: i64) -> i64 {\n    2 * n\n}"),
    "c": (_DOUBLE, "int twice(int n) {\n    return 2 * n;\n}"),
    "ruby": (_DOUBLE, "def double(n)\n  2 * n\nend"),
    "lua": (_DOUBLE, "function double(n)\n    return 2 * n\nend"),
    "shellscript": (
        "print the lines of notes.txt that have the word red",
        "grep red notes.txt",
    ),
    "sql": (
        "select the color of each car that has 4 doors, sorted by color",
        "SELECT color FROM cars WHERE doors = 4 ORDER BY color;",
    ),
}
"""What a small model is shown to have been asked, and how it answered. What is typical of a
language differs: statements for a shell and a database, functions for the others."""


def _example(task: CodeTask) -> tuple[Message, ...]:
    example = _EXAMPLES.get(task.language_id)
    if example is None:
        return ()
    instruction, answer = example
    context = Context(before=_TABLE) if task.language_id == "sql" else _NO_CONTEXT
    asked = CodeTask(instruction=instruction, language_id=task.language_id, context=context)
    return (
        Message(role="user", content="\n\n".join([*_surroundings(asked), _request(asked)])),
        Message(role="assistant", content=answer),
    )


def _answer(task: CodeTask) -> str:
    if task.explain:
        return "Answer with one code block, and after it a short explanation."
    return "Answer with the code only: no explanation, no Markdown fences."


def _code(task: CodeTask) -> str:
    name = language(task.language_id).name
    return f"{name} code" if name else "code or text"


def _request(task: CodeTask) -> str:
    instruction = task.instruction.strip()
    if task.context.selection.strip():
        return f"Rewrite the selection: {instruction}\n{_answer(task)}"
    if task.context.before.strip() or task.context.after.strip():
        return (
            f"Write the {_code(task)} that goes in at the cursor: {instruction}\n"
            f"Do not repeat what is there already. {_answer(task)}"
        )
    return f"Write {_code(task)}: {instruction}\n{_answer(task)}"
