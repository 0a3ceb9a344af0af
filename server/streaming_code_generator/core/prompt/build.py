"""Turns what a user asks for at a place of a document into the messages for a model."""

from dataclasses import dataclass

from streaming_code_generator.core.context.file_pieces import FilePiece, fenced
from streaming_code_generator.core.messages import Message
from streaming_code_generator.core.placement.languages import language
from streaming_code_generator.core.prompt.context import Context

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
