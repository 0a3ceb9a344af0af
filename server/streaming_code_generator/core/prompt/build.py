"""Turns what a user asks for at a place of a document into the messages for a model."""

import re
from dataclasses import dataclass

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
    sections = [*_surroundings(task), *shown, _request(task)]
    return (
        Message(role="system", content=system),
        Message(role="user", content="\n\n".join(sections)),
    )


def _answer(task: CodeTask) -> str:
    if task.explain:
        return "Answer with one code block, and after it a short explanation."
    return "Answer with the code only: no explanation, no Markdown fences."


def _code(task: CodeTask) -> str:
    name = language(task.language_id).name
    return f"{name} code" if name else "code or text"


def _surroundings(task: CodeTask) -> list[str]:
    name = " ".join(task.file_name.split())[:_NAME_LIMIT]
    where = f"the file {name}" if name else "the file"
    what = "the selection" if task.context.selection else "the cursor"
    stretches = [("before", task.context.before), ("after", task.context.after)]
    return [
        f"In {where}, {side} {what}:\n{fenced(text, task.language_id)}"
        for side, text in stretches
        if text.strip()
    ]


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


_BACKTICKS = re.compile(r"`{3,}")


def fenced(code: str, tag: str = "") -> str:
    """Return a fenced code block whose fence is longer than any run of backticks inside."""
    longest = max((len(run) for run in _BACKTICKS.findall(code)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{tag}\n{code.rstrip()}\n{fence}"
