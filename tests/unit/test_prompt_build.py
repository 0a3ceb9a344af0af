"""Messages for a model: bounded, whole lines, the instruction last, fences that hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming_code_generator.core.placement.target import code_target, selection_target
from streaming_code_generator.core.prompt.build import (
    CHARACTERS_AFTER,
    CHARACTERS_BEFORE,
    LINES_PER_STEP,
    CodeTask,
    Context,
    build_messages,
    context_around,
)
from streaming_code_generator.core.prompt.file_pieces import fenced


def user_message(task: CodeTask) -> str:
    system, user = build_messages(task)
    assert (system.role, user.role) == ("system", "user")
    return user.content


def test_a_request_without_context_is_short() -> None:
    assert user_message(CodeTask(instruction=" add two numbers\n", language_id="python")) == (
        "Write Python code: add two numbers\n"
        "Answer with the code only: no explanation, no Markdown fences."
    )


def test_the_instruction_comes_after_everything_else() -> None:
    context = Context(before="BEFORE", after="AFTER", selection="SELECTION")
    task = CodeTask(instruction="INSTRUCTION", language_id="c", file_name="a.c", context=context)
    text = user_message(task)
    order = ["a.c", "BEFORE", "AFTER", "SELECTION", "INSTRUCTION"]
    assert [text.index(word) for word in order] == sorted(text.index(word) for word in order)


def test_the_beginning_is_the_same_for_every_instruction() -> None:
    context = Context(before="x = 1\n", after="y = 2")
    one, other = (
        user_message(CodeTask(instruction=instruction, context=context)) for instruction in "ab"
    )
    assert one[: one.index("Write")] == other[: other.index("Write")]


def test_the_language_is_named() -> None:
    system, user = build_messages(CodeTask(instruction="x", language_id="csharp"))
    assert "C# code" in system.content
    assert "C# code" in user.content


def test_plain_text_is_not_called_a_language() -> None:
    system, _ = build_messages(CodeTask(instruction="x", language_id="plaintext"))
    assert "code or text" in system.content


def test_an_explanation_is_asked_for_where_it_is_wanted() -> None:
    system, user = build_messages(CodeTask(instruction="x", explain=True))
    assert "short explanation" in system.content
    assert "no explanation" not in system.content + user.content


def test_the_user_s_system_prompt_takes_the_built_in_one_s_place() -> None:
    task = CodeTask(instruction="x", system_prompt="Write haiku.")
    assert build_messages(task)[0].content == "Write haiku."


def test_a_file_name_cannot_break_out_of_its_line() -> None:
    task = CodeTask(instruction="x", file_name="a\n\nb.py", context=Context(before="x"))
    assert "In the file a b.py, before the cursor:" in user_message(task)


@given(st.text(alphabet="`a\n ~"))
def test_a_fence_is_longer_than_what_it_holds(code: str) -> None:
    opening, *inside, closing = fenced(code, "md").split("\n")
    assert opening == closing + "md"
    assert set(closing) == {"`"}
    assert len(closing) >= 3
    assert not any(closing in line for line in inside)


LONG = [f"line_{number:05} = compute({number})\r\n" for number in range(1_000)]


def test_context_is_whole_lines_within_its_bounds() -> None:
    context = context_around(LONG, code_target(LONG, (500, 0)))
    before, after = context.before.split("\n"), context.after.split("\n")
    assert before[-1] == ""
    assert before[-2] + "\r\n" == LONG[499]
    assert after[0] + "\r\n" == LONG[500]
    assert all(f"{line}\r\n" in LONG for line in before[:-1] + after)
    assert CHARACTERS_BEFORE / 2 < len(context.before) <= CHARACTERS_BEFORE
    assert CHARACTERS_AFTER / 2 < len(context.after) <= CHARACTERS_AFTER


def test_neighbouring_places_share_the_beginning_of_their_context() -> None:
    first = LONG.index(next(line for line in LONG if line.startswith("line_00504")))
    beginnings = {
        context_around(LONG, code_target(LONG, (line, 0))).before.split("\n")[0]
        for line in range(first, first + LINES_PER_STEP - 1)
    }
    assert len(beginnings) <= 2


@pytest.mark.parametrize("column", [0, 5_000, 9_999])
def test_a_long_line_is_cut(column: int) -> None:
    lines = ["😀" * 10_000 + "\n"]
    context = context_around(lines, code_target(lines, (0, column)))
    assert context.before == "😀" * min(column, CHARACTERS_BEFORE)
    assert context.after == "😀" * min(10_000 - column, CHARACTERS_AFTER)


def test_a_selection_is_whole_and_without_its_indentation() -> None:
    lines = ["class A:\r\n", "    def f():\r\n", "        pass\r\n", "x = 1"]
    context = context_around(lines, selection_target(lines, (1, 4), (2, 12)))
    assert context.selection == "def f():\n    pass"
    assert context.before.rstrip() == "class A:"
    assert context.after == "\nx = 1"


@given(
    st.lists(st.text(alphabet="ab😀\t ", max_size=30), min_size=1, max_size=60),
    st.integers(0, 60),
    st.integers(0, 30),
    st.integers(1, 200),
)
def test_context_is_always_what_stands_there(
    texts: list[str], line: int, column: int, limit: int
) -> None:
    lines = [text + "\n" for text in texts]
    placement = code_target(lines, (line, column))
    context = context_around(lines, placement, characters_before=limit, characters_after=limit)
    head = "".join(lines[: placement.line]) + lines[placement.line][: placement.column]
    tail = "".join(lines)[len(head) :]
    assert head.endswith(context.before)
    assert tail.startswith(context.after)
    assert max(len(context.before), len(context.after)) <= limit


def test_a_document_without_lines_has_no_context() -> None:
    assert context_around([], code_target([], (0, 0))) == Context()
