"""Code goes where it was asked for, laid out as its place wants it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming_code_generator.core.extract.filter import extract
from streaming_code_generator.core.placement.comments import comment_at_or_above
from streaming_code_generator.core.placement.languages import indent_unit
from streaming_code_generator.core.placement.target import (
    Placement,
    code_target,
    selected_text,
    selection_target,
)

CODE = "def f():\n    return 1"


def document(text: str) -> tuple[list[str], tuple[int, int]]:
    """Return a text's lines, and the place that `|` marks in it."""
    before, _, after = text.partition("|")
    lines = (before + after).split("\n")
    ended = [line + "\n" for line in lines[:-1]] + lines[-1:]
    return ended, (before.count("\n"), len(before) - before.rfind("\n") - 1)


def applied(lines: list[str], placement: Placement, answer: str) -> str:
    code = extract(answer, placement.target).code
    head = "".join(lines[: placement.line]) + lines[placement.line][: placement.column]
    tail = lines[placement.end_line][placement.end_column :]
    tail += "".join(lines[placement.end_line + 1 :])
    return head + placement.prefix + code + placement.suffix + tail


def generated(text: str, answer: str = CODE, language_id: str = "python") -> str:
    """Return the document after code was asked for, in so many words, at the mark."""
    lines, place = document(text)
    return applied(lines, code_target(lines, place, language_id=language_id), answer)


def answered(text: str, answer: str = CODE, language_id: str = "python") -> str:
    """Return the document after the comment at the mark was taken for the prompt."""
    lines, place = document(text)
    comment = comment_at_or_above(lines, place[0], language_id)
    assert comment is not None
    placement = code_target(lines, place, after_comment=comment, language_id=language_id)
    return applied(lines, placement, answer)


AT_THE_PLACE = [
    pytest.param("|", CODE, id="an empty document"),
    pytest.param("a = 1\n|\nb = 2", f"a = 1\n{CODE}\nb = 2", id="an empty line"),
    pytest.param(
        "class A:\n|",
        "class A:\n    def f():\n        return 1\n",
        id="a level deeper below a line that opens a block",
    ),
    pytest.param(
        "class A:\n\n|\n",
        "class A:\n\n    def f():\n        return 1\n",
        id="the same with a blank line in between",
    ),
    pytest.param(
        "if x:\n    a = 1\n|\n    b = 2",
        "if x:\n    a = 1\n    def f():\n        return 1\n    b = 2",
        id="as deep as the line above",
    ),
    pytest.param(
        "def g():\n    return 2\n\n\n|\n",
        f"def g():\n    return 2\n\n\n{CODE}\n",
        id="at the top level behind a block at the end",
    ),
    pytest.param(
        "class A:\n    def g():\n        return 2\n\n|\n\n    def h(): ...",
        "class A:\n    def g():\n        return 2\n\n    def f():\n        return 1\n\n"
        "    def h(): ...",
        id="as deep as the next member",
    ),
    pytest.param(
        "class A:\n    x = 1\n        |",
        "class A:\n    x = 1\n        def f():\n            return 1",
        id="as deep as the cursor, where it is on a blank line",
    ),
    pytest.param("  |  \n", "    def f():\n        return 1\n", id="inside white space"),
    pytest.param("class A:|\n", "class A:\n    def f():\n        return 1\n", id="behind a colon"),
    pytest.param("# to do|\nx", f"# to do\n{CODE}\nx", id="behind a comment"),
    pytest.param("|x = 1\n", f"{CODE}\nx = 1\n", id="before code"),
    pytest.param(
        "if a:\n    |x = 1\n",
        "if a:\n    def f():\n        return 1\n    x = 1\n",
        id="before indented code",
    ),
    pytest.param(
        "if a:\n  |  x = 1\n",
        "if a:\n    def f():\n        return 1\n    x = 1\n",
        id="inside the indentation of code",
    ),
]


@pytest.mark.parametrize(("before", "after"), AT_THE_PLACE)
def test_code_goes_to_the_place(before: str, after: str) -> None:
    assert generated(before) == after


def test_an_expression_goes_into_its_line() -> None:
    assert generated("x = |\n", "1 + 2") == "x = 1 + 2\n"


def test_what_stands_around_the_cursor_is_not_repeated() -> None:
    assert generated("print(|)\n", "print(1)") == "print(1)\n"


def test_a_body_goes_between_its_brackets() -> None:
    text = "function f() {\n|}\n"
    assert generated(text, "return 1;", "javascript") == "function f() {\n  return 1;\n}\n"


def test_code_before_a_closing_bracket_is_inside() -> None:
    text = "if (x) {\n  y;\n\n|\n}\n"
    assert generated(text, "z;", "javascript") == "if (x) {\n  y;\n\n  z;\n}\n"


def test_a_repeated_closing_bracket_is_dropped() -> None:
    assert generated("{\n|}\n", "x;\n}", "c").count("}") == 1


BELOW_A_COMMENT = [
    pytest.param("# do it|", f"# do it\n{CODE}", id="at the end of the document"),
    pytest.param("# do it|\n", f"# do it\n{CODE}\n", id="on the empty last line"),
    pytest.param("# do it\n|", f"# do it\n{CODE}\n", id="with the cursor there"),
    pytest.param("# |do it\n\nx = 1\n", f"# do it\n{CODE}\nx = 1\n", id="on the next blank line"),
    pytest.param("# do it|\nx = 1\n", f"# do it\n{CODE}\nx = 1\n", id="on a new line"),
    pytest.param("# do it\n|x = 1\n", f"# do it\n{CODE}\nx = 1\n", id="above the code it is for"),
    pytest.param("# do it\n\n|\nx = 1\n", f"# do it\n\n{CODE}\nx = 1\n", id="on the cursor's line"),
    pytest.param(
        "# do\n# |it\n# now\nx", f"# do\n# it\n# now\n{CODE}\nx", id="below the whole run"
    ),
    pytest.param(
        "class A:\n    # do it|\n    x = 1\n",
        "class A:\n    # do it\n    def f():\n        return 1\n    x = 1\n",
        id="as deep as the comment",
    ),
    pytest.param(
        "class A:\n    # do it\n|\n",
        "class A:\n    # do it\n    def f():\n        return 1\n",
        id="as deep as the comment on an empty line",
    ),
    pytest.param(
        "    # do it\n  |\n", "    # do it\n    def f():\n        return 1\n", id="missing spaces"
    ),
    pytest.param(
        "# do it\n    |\n", "# do it\n    def f():\n        return 1\n", id="as deep as the cursor"
    ),
    pytest.param("x = 1  # do it|\n", f"x = 1  # do it\n{CODE}\n", id="below a trailing comment"),
    pytest.param(
        "if x:  # do it|\n",
        "if x:  # do it\n    def f():\n        return 1\n",
        id="deeper below a trailing comment that opens a block",
    ),
    pytest.param(
        'def g():\n    """Do it."""|\n',
        'def g():\n    """Do it."""\n    def f():\n        return 1\n',
        id="below a docstring",
    ),
]


@pytest.mark.parametrize(("before", "after"), BELOW_A_COMMENT)
def test_code_goes_below_its_comment(before: str, after: str) -> None:
    assert answered(before) == after


def test_a_block_comment_is_passed_as_a_whole() -> None:
    assert answered("/*\n * do| it\n */\nx;\n", "y;", "c") == "/*\n * do it\n */\ny;\nx;\n"


def test_new_lines_end_as_the_document_does() -> None:
    lines = ["# do it\r\n", "x = 1\r\n"]
    comment = comment_at_or_above(lines, 0, "python")
    placement = code_target(lines, (0, 0), after_comment=comment, line_ending="\r\n")
    assert applied(lines, placement, CODE) == "# do it\r\ndef f():\r\n    return 1\r\nx = 1\r\n"


def selected(text: str, answer: str = "new") -> str:
    """Return the document after the selection between two marks was replaced."""
    lines, start = document(text.replace("|", "", 1)[::-1].replace("|", "", 1)[::-1])
    before, between, _ = text.split("|")
    head = before + between
    start = (before.count("\n"), len(before) - before.rfind("\n") - 1)
    end = (head.count("\n"), len(head) - head.rfind("\n") - 1)
    placements = {
        selection_target(lines, one, other) for one, other in [(start, end), (end, start)]
    }
    assert len(placements) == 1
    return applied(lines, placements.pop(), answer)


SELECTIONS = [
    pytest.param("a\n|b\n|c\n", "a\nnew\nc\n", id="whole lines keep the last ending"),
    pytest.param("a\n|b|\nc\n", "a\nnew\nc\n", id="a line's content"),
    pytest.param("x = |1 + 2|; y\n", "x = new; y\n", id="part of a line"),
    pytest.param("if x:\n    |a = 1\n    b = 2|\nc", "if x:\n    new\nc", id="from the first word"),
    pytest.param("if x:\n|    a = 1\n    b = 2\n|c", "if x:\n    new\nc", id="with indentation"),
    pytest.param("if x:\n  |  a = 1\n|c", "if x:\n    new\nc", id="from inside the indentation"),
    pytest.param("a\n|\n\nb\n\n\n|c", "a\n\n\nnew\n\n\nc", id="blank lines at both ends stay"),
    pytest.param("a|\nb|\nc", "a\nnew\nc", id="from the end of the line before"),
    pytest.param("a\n|\n\n|b", "a\nnewb", id="nothing but blank lines"),
    pytest.param("||", "new", id="nothing at all"),
]


@pytest.mark.parametrize(("before", "after"), SELECTIONS)
def test_a_selection_is_replaced(before: str, after: str) -> None:
    assert selected(before) == after


def test_a_replacement_takes_the_indentation_of_the_selection() -> None:
    assert selected("class A:\n    |def g():\n        pass|\n", CODE) == (
        "class A:\n    def f():\n        return 1\n"
    )


def test_the_selected_text_is_what_goes() -> None:
    lines = ["ab\r\n", "cd\r\n", "ef"]
    assert selected_text(lines, selection_target(lines, (0, 1), (2, 1))) == "b\r\ncd\r\ne"
    assert selected_text(lines, selection_target(lines, (1, 0), (1, 1))) == "c"


UNITS = [
    pytest.param(["a", "\tb", "\tc", "  d"], "\t", id="tabs"),
    pytest.param(["a", "  b", "    c", "      d", "e"], "  ", id="two spaces"),
    pytest.param(
        ["a", "    b", "                 c", "    d", "        e"], "    ", id="alignment"
    ),
    pytest.param(["/*", " * a", " */", "a", "   b"], "   ", id="stars"),
    pytest.param(["a", "", "b"], "default", id="none"),
]


@pytest.mark.parametrize(("lines", "unit"), UNITS)
def test_the_unit_of_indentation_is_the_document_s(lines: list[str], unit: str) -> None:
    assert indent_unit(lines, 0, default="default") == unit


@pytest.mark.parametrize(
    ("language_id", "text", "unit"),
    [
        ("go", "", "\t"),
        ("typescript", "", ""),
        ("typescript", "if (x) {", "  "),
        ("python", "if x:", "    "),
        ("?", "", ""),
    ],
)
def test_where_no_line_is_indented_the_model_s_way_is_kept_but_for_tabs_and_the_first_level(
    language_id: str, text: str, unit: str
) -> None:
    assert code_target([text], (0, len(text)), language_id=language_id).target.indent_unit == unit


@given(
    st.lists(st.sampled_from(["", "  ", "# c", "    x = 1", "if y:", "\t}", "😀 z"]), min_size=1),
    st.tuples(st.integers(-1, 9), st.integers(-1, 12)),
    st.tuples(st.integers(-1, 9), st.integers(-1, 12)),
)
def test_a_placement_is_always_inside_the_document(
    texts: list[str], place: tuple[int, int], other: tuple[int, int]
) -> None:
    comment = comment_at_or_above(texts, place[0], "python")
    placements = [
        code_target(texts, place),
        code_target(texts, place, after_comment=comment),
        selection_target(texts, place, other),
    ]
    for placement in placements:
        assert 0 <= placement.line <= placement.end_line < len(texts)
        assert 0 <= placement.column <= len(texts[placement.line])
        assert 0 <= placement.end_column <= len(texts[placement.end_line])
        assert (placement.line, placement.column) <= (placement.end_line, placement.end_column)


@pytest.mark.parametrize("place", [(0, 0), (5, 7)])
def test_a_document_without_lines_is_one_empty_line(place: tuple[int, int]) -> None:
    assert applied([""], code_target([], place), CODE) == CODE
