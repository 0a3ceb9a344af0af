"""The tasks by which models are measured can be solved, and not by leaving things as they are."""

import shutil

import pytest

from bench.quality.tasks import COMMANDS, Task, is_right, printed_by, tasks
from support.entries import offset

TASKS = tasks()
LEAST_TASKS = 40


def test_there_are_enough_tasks_and_each_has_a_name_of_its_own() -> None:
    assert len(TASKS) >= LEAST_TASKS
    assert len({str(task) for task in TASKS}) == len(TASKS)


@pytest.mark.parametrize("task", TASKS, ids=str)
def test_a_task_is_right_with_its_solution_alone(task: Task) -> None:
    if shutil.which(COMMANDS[task.language_id][0]) is None:
        pytest.skip(f"{COMMANDS[task.language_id][0]} is not installed")
    text, place = task.place.text, task.place
    solved = text[: offset(text, place.start)] + task.solution + text[offset(text, place.end) :]

    assert is_right(task, printed_by(task, solved)), printed_by(task, solved)
    assert not is_right(task, printed_by(task, text))
