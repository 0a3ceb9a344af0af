"""Small tasks whose result is executed: a document, what is asked for, and what is to be printed.

They stand in the `.txt` files of this folder, one for each language. `check` is code that is put
behind the document, `solution` what a programmer would write at the place; it is never shown to
the model, and proves that the task can be solved.
"""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from support.entries import Entry, Place, read_entries, read_place

FOLDER = Path(__file__).parent
TIMEOUT_S = 20.0
COMMANDS = {
    "python": (sys.executable,),
    "javascript": ("node",),
    "shellscript": ("bash",),
    "sql": ("sqlite3", ":memory:", "-batch", "-init"),
}
"""What executes the file that is named behind it."""
SUFFIXES = {"python": ".py", "javascript": ".js", "shellscript": ".sh", "sql": ".sql"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is asked for at a place of a document, and what its program is to print then."""

    name: str
    language_id: str
    place: Place
    prompt: str | None
    """None: the comment at the cursor."""
    solution: str
    check: str
    prints: str

    def __str__(self) -> str:
        """Return what names the task in a report."""
        return f"{self.language_id}: {self.name}"


def tasks() -> list[Task]:
    """Return all tasks, in the order of their files."""
    return [
        _task(path.stem, entry)
        for path in sorted(FOLDER.glob("*.txt"))
        for entry in read_entries(
            path, fields={"prompt"}, texts={"document", "solution", "check", "prints"}
        )
    ]


def _task(language_id: str, entry: Entry) -> Task:
    return Task(
        name=entry.name,
        language_id=language_id,
        place=read_place(entry.texts["document"]),
        prompt=entry.fields.get("prompt"),
        solution=entry.texts["solution"],
        check=entry.texts.get("check", ""),
        prints=entry.texts["prints"],
    )


def printed_by(task: Task, document: str) -> str:
    """Execute a document with the task's check behind it, and return what it prints.

    It runs in a folder of its own and without this process's variables, and is ended after
    `TIMEOUT_S`; it is not confined otherwise.
    """
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as output:
        path = Path(folder, f"task{SUFFIXES[task.language_id]}")
        path.write_text(f"{document}\n{task.check}\n", encoding="utf-8")
        try:
            subprocess.run(
                [*COMMANDS[task.language_id], str(path)],
                cwd=folder,
                env={"PATH": os.environ["PATH"]},
                stdin=subprocess.DEVNULL,
                # Not a pipe: what the program has started may hold one open after it has ended.
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"(it did not end within {TIMEOUT_S:.0f} s)"
        output.seek(0)
        return output.read().decode("utf-8", "replace")


def is_right(task: Task, printed: str) -> bool:
    """Return whether a program printed what the task asks for, final line ends aside."""
    return printed.rstrip("\n") == task.prints.rstrip("\n")
