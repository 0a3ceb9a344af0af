"""Has a model solve small tasks in a real document and executes what comes of it: `poe quality`.

The model is the one that your settings name, as for `streaming-code-generator generate`; variables
such as `STREAMING_CODE_GENERATOR_PROVIDER=embedded` choose another. What the model writes is
executed on this machine, with your rights.
"""

import argparse
import asyncio
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from pygls.exceptions import JsonRpcException

from bench.quality.tasks import SUFFIXES, Task, is_right, printed_by, tasks
from streaming_code_generator.testing.headless import HeadlessEditor
from support.entries import offset

SERVER = (sys.executable, "-P", "-m", "streaming_code_generator", "serve", "--stdio")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What came of one task."""

    task: Task
    is_right: bool
    document: str
    printed: str
    answer: str = ""
    model: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    elapsed_s: float = 0.0


async def attempt(editor: HeadlessEditor, root: Path, task: Task, number: int) -> Attempt:
    """Have the server's model solve a task in a document of its own."""
    path = root / f"task_{number}{SUFFIXES[task.language_id]}"
    await editor.open(path, task.language_id, task.place.text)
    start, end = (
        {"line": line, "character": column} for line, column in (task.place.start, task.place.end)
    )
    arguments: dict[str, object] = {} if task.prompt is None else {"prompt": task.prompt}
    if start != end:
        arguments["range"] = {"start": start, "end": end}
        editor.buffer.select(
            offset(task.place.text, task.place.start), offset(task.place.text, task.place.end)
        )
    try:
        result = await editor.generate(position=task.place.start, **arguments)
    except JsonRpcException as error:
        return Attempt(task=task, is_right=False, document=editor.buffer.text, printed=str(error))
    finally:
        # What stays open would be shown with the next task.
        editor.close()
    document, stats = editor.buffer.text, result["stats"]
    printed = printed_by(task, document)
    return Attempt(
        task=task,
        is_right=is_right(task, printed),
        document=document,
        printed=printed,
        answer=result["text"],
        model=result["model"],
        prompt_tokens=stats["promptTokens"],
        completion_tokens=stats["completionTokens"],
        elapsed_s=stats["elapsedSeconds"],
    )


async def measure(chosen: list[Task], options: dict[str, object], *, shows: bool) -> list[Attempt]:
    """Solve tasks one after the other, and print each as it is done."""
    attempts: list[Attempt] = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        async with HeadlessEditor.started(
            SERVER, root=root, initialization_options=options
        ) as editor:
            for number, task in enumerate(chosen):
                done = await attempt(editor, root, task, number)
                attempts.append(done)
                verdict = "right" if done.is_right else "WRONG"
                tokens = f"{done.prompt_tokens:5} + {done.completion_tokens:4} tokens"
                sys.stdout.write(f"{verdict}  {tokens}  {done.elapsed_s:6.1f} s  {task}\n")
                if shows and not done.is_right:
                    sys.stdout.write(
                        f"{done.document}\n--- printed:\n{done.printed}\n--- the answer:\n"
                        f"{done.answer}\n---\n"
                    )
                sys.stdout.flush()
    return attempts


def summary(attempts: list[Attempt]) -> str:
    """Return what the attempts come to, by language and in all, as Markdown."""
    groups: dict[str, list[Attempt]] = defaultdict(list)
    for each in attempts:
        groups[each.task.language_id].append(each)
    groups["all"] = attempts
    lines = [
        f"Model: {', '.join(sorted({each.model for each in attempts if each.model}))}",
        "",
        "| language | right | prompt tokens | completion tokens | seconds |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, group in groups.items():
        right = f"{sum(each.is_right for each in group)} of {len(group)}"
        asked = sum(each.prompt_tokens for each in group)
        written = sum(each.completion_tokens for each in group)
        took_s = sum(each.elapsed_s for each in group)
        lines.append(f"| {name} | {right} | {asked:,} | {written:,} | {took_s:.1f} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="quality", description="Execute what a model writes.")
    parser.add_argument("words", nargs="*", help="only tasks whose names have one of these")
    parser.add_argument("--max-tokens", type=int, default=400, help="most tokens a task (400)")
    parser.add_argument("--temperature", type=float, help="unset leaves it to the model")
    parser.add_argument("--show", action="store_true", help="show the documents that are wrong")
    arguments = parser.parse_args()
    words = arguments.words or [""]
    chosen = [task for task in tasks() if any(word in str(task) for word in words)]
    options: dict[str, object] = {"maxOutputTokens": arguments.max_tokens}
    if arguments.temperature is not None:
        options["temperature"] = arguments.temperature
    attempts = asyncio.run(measure(chosen, options, shows=arguments.show))
    sys.stdout.write(f"\n{summary(attempts)}")


if __name__ == "__main__":
    main()
