"""The definition that is needed stands in another file: is it in the prompt, at which budget?

Each task's workspace has the files of all other tasks as well, and some of them are open.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest

from streaming_code_generator.core.placement.target import code_target
from streaming_code_generator.core.prompt.build import CodeTask
from streaming_code_generator.core.prompt.choose_context import ContextQuery
from streaming_code_generator.core.prompt.compose import PromptProfile, compose
from streaming_code_generator.core.prompt.definitions import likely_files
from streaming_code_generator.core.prompt.file_pieces import FileSnapshot
from streaming_code_generator.core.tokens import FALLBACK_ENCODING, load_counter
from support.entries import Entry, Place, read_entries, read_place

FOLDER = Path(__file__).parent
LEAST_TASKS = 40
LEAST_SHARE = {2_000: 0.9, 1_000: 0.75}
OPENED = 4
"""How many of the other tasks' files are open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    name: str
    language_id: str
    prompt: str
    needs: str
    """A line of the definition that is needed."""
    path: str
    place: Place
    files: tuple[FileSnapshot, ...]


def snapshot(path: str, text: str) -> FileSnapshot:
    return FileSnapshot(uri=f"file:///w/{path}", path=path, lines=tuple(text.split("\n")))


def read_task(stem: str, entry: Entry) -> Task:
    files = []
    for part in f"\n{entry.texts['files']}".split("\n--- ")[1:]:
        path, _, text = part.partition("\n")
        files.append(snapshot(path, text))
    suffix = Path(files[0].path).suffix
    folder = Path(files[0].path).parts[0] if stem == "web" else ""
    return Task(
        name=entry.name,
        language_id=entry.fields.get("language", "python"),
        prompt=entry.fields["prompt"],
        needs=entry.fields["needs"],
        path=str(Path(folder, f"here{suffix}")),
        place=read_place(entry.texts["document"]),
        files=tuple(files),
    )


TASKS = [
    read_task(path.stem, entry)
    for path in sorted(FOLDER.glob("*.txt"))
    for entry in read_entries(
        path, fields={"language", "prompt", "needs"}, texts={"document", "files"}
    )
]


def is_in_the_prompt(task: Task, budget: int) -> bool:
    mine = snapshot(task.path, task.place.text)
    foreign = [file for each in TASKS if each != task for file in each.files]
    number = TASKS.index(task)
    opened = [foreign[(number * 7 + step * 13) % len(foreign)] for step in range(OPENED)]
    known = {file.path: file for file in [*foreign, *task.files] if file not in opened}
    workspace = [known[path] for path in likely_files(mine, task.prompt, known)]
    line = task.place.start[0]
    query = ContextQuery(
        file=mine,
        first_line=line,
        last_line=line,
        instruction=task.prompt,
        opened=tuple(opened),
        workspace=tuple(workspace),
    )
    prompt = compose(
        CodeTask(instruction=task.prompt, language_id=task.language_id),
        query,
        code_target(mine.lines, task.place.start, language_id=task.language_id),
        PromptProfile(context_tokens=budget, is_small=False),
        load_counter(FALLBACK_ENCODING),
    )
    assert prompt.tokens <= budget
    return any(
        task.needs in (line.strip() for line in message.content.split("\n"))
        for message in prompt.messages
    )


def test_each_task_has_what_it_needs_in_one_file_and_not_in_its_own() -> None:
    assert len(TASKS) >= LEAST_TASKS
    for task in TASKS:
        where = [file for file in task.files if task.needs in map(str.strip, file.lines)]
        assert len(where) == 1, task.name
        assert task.needs not in task.place.text


@pytest.mark.parametrize("budget", LEAST_SHARE)
def test_what_is_needed_from_other_files_is_in_the_prompt(budget: int) -> None:
    missed = [task.name for task in TASKS if not is_in_the_prompt(task, budget)]
    assert len(missed) <= (1 - LEAST_SHARE[budget]) * len(TASKS), missed
