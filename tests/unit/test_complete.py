"""The machines behind suggestions: what is remembered, where a text ends, what a model is asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming_code_generator.core.complete.chat import ChatAnswer, chat_request
from streaming_code_generator.core.complete.fill import Excerpt, FillRequest, Window, markers_of
from streaming_code_generator.core.complete.fitting import CompletionText
from streaming_code_generator.core.complete.memory import LOOK_BACK, CompletionMemory
from streaming_code_generator.core.complete.window import (
    Place,
    place_at,
    typed_beyond,
    typed_since,
    window_at,
)

TEXT = st.text(alphabet="ab(\n é", max_size=12)


def lines_of(text: str) -> list[str]:
    return text.split("\n")


def place_in(text: str, cursor: int) -> Place:
    before = text[:cursor].split("\n")
    return place_at(lines_of(text), len(before) - 1, len(before[-1]))


def window_in(marked: str) -> Window:
    """Return the window at the `|` of a text."""
    before, after = marked.split("|")
    line = before.count("\n")
    return window_at(lines_of(before + after), line, len(before.split("\n")[-1]))


# Memory


@given(
    st.lists(st.tuples(TEXT, TEXT, TEXT), min_size=1, max_size=6),
    st.integers(0, 5),
    st.integers(0, 12),
)
def test_what_is_found_is_what_a_list_of_all_suggestions_holds(
    suggested: list[tuple[str, str, str]], which: int, typed: int
) -> None:
    memory = CompletionMemory()
    model: dict[tuple[str, str], str] = {}
    for before, after, text in suggested:
        memory.remember(place_in(before + after, len(before)), text)
        model[before, after] = text
    before, after, text = suggested[which % len(suggested)]
    now = before + text[:typed]
    found = memory.find(place_in(now + after, len(now)))
    expected = {
        rest[len(now) - len(then) :]
        for (then, behind), rest in model.items()
        if behind == after
        and now.startswith(then)
        and rest.startswith(now[len(then) :])
        and (then == now or len(rest) > len(now) - len(then))
    }
    if found is None:
        assert not expected
    # Behind an opened bracket the closing one may be the editor's: "(" is no closer here.
    else:
        assert found in expected


def test_a_long_document_scrolls_under_a_suggestion_of_several_lines() -> None:
    memory = CompletionMemory()
    before = "\n".join(f"line {number}" for number in range(60)) + "\n"
    memory.remember(place_in(before + "\nend", len(before)), "a\nb\nc\nd")
    now = before + "a\nb\nc\n"
    assert memory.find(place_in(now + "\nend", len(now))) == "d"


def test_a_suggestion_is_found_behind_a_bracket_that_the_editor_has_closed() -> None:
    memory = CompletionMemory()
    memory.remember(Place(before="x = f", after="\ny"), "(a, b)")
    assert memory.find(Place(before="x = f(", after=")\ny")) == "a, b)"
    assert memory.find(Place(before="x = f[", after="]\ny")) is None


def test_what_is_used_least_goes_first() -> None:
    memory = CompletionMemory(most=2)
    places = [Place(before="\n" * 40 + str(number), after="") for number in range(3)]
    for place in places[:2]:
        memory.remember(place, "text")
    assert memory.find(places[0]) == "text"
    memory.remember(places[2], "text")
    found = [memory.find(place) for place in places]
    assert found == ["text", None, "text"]


def test_only_so_much_is_looked_back_for() -> None:
    memory = CompletionMemory()
    text = "x" * (LOOK_BACK + 2)
    memory.remember(Place(before="", after=""), text)
    assert memory.find(Place(before=text[:LOOK_BACK], after="")) == "xx"
    assert memory.find(Place(before=text[: LOOK_BACK + 1], after="")) is None


def test_a_place_without_a_suggestion_is_remembered_as_such() -> None:
    memory = CompletionMemory()
    assert memory.find(Place(before="a", after="")) is None
    memory.remember(Place(before="a", after=""), "")
    assert memory.find(Place(before="a", after="")) == ""


# What has been typed of it


@given(TEXT, TEXT, TEXT, st.integers(0, 12))
def test_what_is_typed_as_expected_is_known(
    before: str, after: str, expected: str, count: int
) -> None:
    typed = expected[:count]
    anchor = (before.count("\n"), len(before.rsplit("\n", maxsplit=1)[-1]))
    origin = place_in(before + after, len(before))
    found = typed_since(origin, expected, lines_of(before + typed + after), anchor)
    assert found is not None
    assert before + found + after == before + typed + after


@given(TEXT, TEXT, TEXT, TEXT)
def test_text_that_is_said_to_be_typed_stands_there(
    before: str, after: str, expected: str, now: str
) -> None:
    anchor = (before.count("\n"), len(before.rsplit("\n", maxsplit=1)[-1]))
    origin = place_in(before + after, len(before))
    found = typed_since(origin, expected, lines_of(now), anchor)
    if found is not None:
        assert expected.startswith(found)
        assert now.startswith(before + found)
        assert now[len(before + found) :] in {after, ")" + after}


@given(TEXT, TEXT, st.text(alphabet="ab( é", max_size=12), st.integers(0, 12))
def test_what_is_typed_beyond_what_has_come_is_known(
    before: str, after: str, typed: str, count: int
) -> None:
    anchor = (before.count("\n"), len(before.rsplit("\n", maxsplit=1)[-1]))
    origin = place_in(before + after, len(before))
    lines = lines_of(before + typed + after)
    assert typed in typed_beyond(origin, typed[:count], lines, anchor)


@given(TEXT, TEXT, TEXT, TEXT)
def test_text_that_may_be_typed_beyond_what_has_come_stands_there(
    before: str, after: str, come: str, now: str
) -> None:
    anchor = (before.count("\n"), len(before.rsplit("\n", maxsplit=1)[-1]))
    origin = place_in(before + after, len(before))
    for typed in typed_beyond(origin, come, lines_of(now), anchor):
        assert typed.startswith(come)
        assert now.startswith(before + typed)
        assert now[len(before + typed) :] in {after, ")" + after}


@pytest.mark.parametrize(
    ("now", "typed"),
    [
        pytest.param("x = foo(\ny", ["foo("], id="one line"),
        pytest.param("x = foo()\ny", ["foo()", "foo("], id="a bracket that may be the editor's"),
        pytest.param("x = fo\n  a\ny", ["fo\n  a"], id="two lines"),
        pytest.param("x = bar\ny", [], id="something else"),
        pytest.param("x = foo\nz", [], id="another change below"),
        pytest.param("z = foo\ny", [], id="another change above"),
    ],
)
def test_what_may_be_typed_beyond(now: str, typed: list[str]) -> None:
    origin = place_in("x = \ny", 4)
    assert list(typed_beyond(origin, "fo", lines_of(now), (0, 4))) == typed


# Where a text ends


@pytest.mark.parametrize(
    ("marked", "text", "kept"),
    [
        pytest.param("x = |", "f(1)\ny = 2\n", "f(1)", id="one line"),
        pytest.param("x = f(|)", "1,\n  2", "1,", id="one line before a bracket"),
        pytest.param(
            "def f(|", "a):\n    b\n\n    return a\n\ndef g():\n", "a):\n    b", id="body"
        ),
        pytest.param("f(|", "{\n  a\n})\ng()\n", "{\n  a\n})", id="closing line"),
        pytest.param("if a:\n    |", "b = 1\n    c = 2\nd\n", "b = 1\n    c = 2", id="dedent"),
        pytest.param("if a:\n    |\n    z()", "b()\n    z()\n    c()\n", "b()", id="seam"),
        pytest.param("if a:\n    |", "b()\n" + "    b()\n" * 9, "b()", id="repetition"),
        pytest.param("|", "a\nb\n\nc\n", "a\nb", id="blank line at the margin"),
        pytest.param("if a:\n    |", "b\n\n    c\nd\n", "b\n\n    c", id="blank line in a block"),
    ],
)
def test_a_suggestion_ends_where_it_should(marked: str, text: str, kept: str) -> None:
    for size in range(1, len(text) + 1):
        machine = CompletionText(window_in(marked))
        for start in range(0, len(text), size):
            machine.feed(text[start : start + size])
        machine.finish(is_cut=False)
        assert machine.whole == kept


def test_a_line_that_was_cut_off_is_left_out() -> None:
    machine = CompletionText(window_in("if a:\n    |"))
    machine.feed("b = 1\n    c = ")
    assert (machine.whole, machine.so_far) == ("b = 1", "b = 1\n    c = ")
    machine.finish(is_cut=True)
    assert (machine.whole, machine.so_far) == ("b = 1", "b = 1")


# What a model is asked


def test_the_window_holds_whole_lines_and_begins_at_a_step() -> None:
    lines = [f"{number:09}\n" for number in range(100)] + ["abc|def"]
    window = window_at(lines, 100, 3, tokens_before=80, tokens_after=10)
    assert window.prefix.split("\n")[0] == f"{72:09}"
    assert (window.middle, window.rest, window.below) == ("abc", "|def", "")
    again = window_at([*lines[:100], "new\n", lines[100]], 101, 3, tokens_before=80)
    assert again.prefix.startswith(window.prefix)


@pytest.mark.parametrize(
    ("model", "prompt"),
    [
        ("qwen2.5-coder-0.5b-instruct", "<|fim_prefix|>a\n<|fim_suffix|>)\nz<|fim_middle|>b"),
        ("bigcode/starcoder2-3b", "<fim_prefix>a\n<fim_suffix>)\nz<fim_middle>b"),
        (
            "deepseek-coder:6.7b-base",
            "<｜fim▁begin｜>a\n<｜fim▁hole｜>)\nz<｜fim▁end｜>b",  # noqa: RUF001
        ),
        ("codestral-latest", "[SUFFIX])\nz[PREFIX]a\nb"),
    ],
)
def test_each_family_has_its_own_markers(model: str, prompt: str) -> None:
    markers = markers_of(model)
    assert markers is not None
    assert markers.prompt(FillRequest(window=window_in("a\nb|)\nz"))) == prompt


@pytest.mark.parametrize(
    ("model", "files"),
    [
        ("qwen2.5-coder-7b", "<|file_sep|>shop/cart.py\ndef total(): ...\n<|file_sep|>a.py\n"),
        ("starcoder2", "<file_sep>shop/cart.py\ndef total(): ...\n<file_sep>a.py\n"),
        ("codestral-latest", ""),
    ],
)
def test_other_files_come_first_where_a_family_marks_files(model: str, files: str) -> None:
    markers, window = markers_of(model), window_in("a\nb|)\nz")
    assert markers is not None
    alone = markers.prompt(FillRequest(window=window))
    excerpts = (Excerpt(name="shop/cart.py", text="def total(): ..."),)
    request = FillRequest(window=window, excerpts=excerpts, file_name="a.py")
    assert markers.prompt(request) == files + alone


def test_a_chat_is_shown_other_files_before_its_own() -> None:
    excerpts = (Excerpt(name="shop/cart.py", text="def total(): ..."),)
    request = FillRequest(window=window_in("a\nb|"), excerpts=excerpts)
    content = chat_request(request).messages[-1].content
    assert content.startswith("This is in shop/cart.py:\n```\ndef total(): ...\n```\n\n")


@pytest.mark.parametrize("model", ["gpt-5.4-mini", "smollm2-135m-instruct", "qwen3-8b", ""])
def test_other_models_have_none(model: str) -> None:
    assert markers_of(model) is None


def test_a_chat_is_shown_what_stands_around_the_cursor() -> None:
    request = chat_request(FillRequest(window=window_in("a\nb = |\nz"), language_id="python"))
    asked = request.messages[-1].content
    assert "a\nb =" in asked
    assert request.max_output_tokens
    assert asked.count("```python") == 2
    assert "z" in asked


@pytest.mark.parametrize(
    ("marked", "answer", "text"),
    [
        pytest.param("x = f|", "```python\nx = f(1)\n```\nThis is", "(1)\n", id="fence"),
        pytest.param("x = f|", "(1)", "(1)", id="bare"),
        pytest.param("x = |", "x = f(1)\n", "f(1)\n", id="repeated with its blank"),
        pytest.param("a()\nx = |", "a()\nx = 2", "2", id="the line above first"),
        pytest.param("a()\nx = |", "a()\ny = 2", "", id="another line instead"),
        pytest.param("a()\nb()\n|", "a()\nc()\nd()", "", id="lines rewritten"),
        pytest.param("a()\nb()\n|", "```\na()\nb()\n```\nIt", "", id="nothing more"),
        pytest.param("if a:\n    |", "b\nc\n", "b\n    c\n", id="without indentation"),
        pytest.param("if a:\n    |", "    b\n    c\n", "b\n    c\n", id="with indentation"),
    ],
)
def test_an_answer_becomes_what_goes_in(marked: str, answer: str, text: str) -> None:
    for size in range(1, len(answer) + 1):
        machine = ChatAnswer(window_in(marked))
        pieces = [answer[start : start + size] for start in range(0, len(answer), size)]
        assert "".join([*map(machine.feed, pieces), machine.finish()]) == text
