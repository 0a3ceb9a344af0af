"""How code is fitted into the place where it is going to stand."""

import pytest

from streaming_code_generator.core.extract.filter import OutputFilter, extract
from streaming_code_generator.core.extract.parts import CodeTarget

TABS = CodeTarget(indent_unit="\t")
TWO = CodeTarget(indent_unit="  ")
FOUR_DEEP = CodeTarget(base_indent="    ", text_before="    ")
METHOD = "def f(self):\n    if self:\n        return 1\n\nx = 2"

INDENTATION = [
    pytest.param(METHOD, CodeTarget(), METHOD, id="as_it_is"),
    pytest.param(
        METHOD,
        FOUR_DEEP,
        "def f(self):\n        if self:\n            return 1\n\n    x = 2",
        id="base_indentation_on_all_but_the_first_line",
    ),
    pytest.param(
        "if x:\n    y",
        CodeTarget(base_indent="    "),
        "    if x:\n        y",
        id="base_indentation_on_the_first_line_too",
    ),
    pytest.param(
        "if x:\n    y",
        CodeTarget(base_indent="    ", text_before="  "),
        "  if x:\n        y",
        id="the_missing_part_of_the_base_indentation",
    ),
    pytest.param(
        "        if x:\n            y\n        z",
        FOUR_DEEP,
        "if x:\n        y\n    z",
        id="difference_to_the_first_line",
    ),
    pytest.param(
        "    return 1\n\ndef g():\n    pass",
        CodeTarget(base_indent="        "),
        "        return 1\n\n    def g():\n        pass",
        id="outdented_below_the_first_line",
    ),
    pytest.param(
        "    return 1\n\ndef g():\n    pass",
        CodeTarget(base_indent="\t\t", indent_unit="\t"),
        "\t\treturn 1\n\n\tdef g():\n\t\tpass",
        id="outdented_in_tabs",
    ),
    pytest.param("   a\nb", CodeTarget(), "a\nb", id="no_half_a_level_left_of_the_margin"),
    pytest.param("    a\n  b\nc", CodeTarget(), "a\nb\nc", id="never_left_of_the_margin"),
    pytest.param(METHOD, TABS, METHOD.replace("    ", "\t"), id="four_spaces_to_tabs"),
    pytest.param("if x:\n  if y:\n    z", TABS, "if x:\n\tif y:\n\t\tz", id="two_spaces_to_tabs"),
    pytest.param(
        "if x:\n\tif y:\n\t\tz", CodeTarget(), "if x:\n    if y:\n        z", id="tabs_to_spaces"
    ),
    pytest.param(
        "if x:\n  if y:\n    z",
        CodeTarget(),
        "if x:\n    if y:\n        z",
        id="two_spaces_to_four",
    ),
    pytest.param(
        "if x:\n    if y:\n        z", TWO, "if x:\n  if y:\n    z", id="four_spaces_to_two"
    ),
    pytest.param(
        "call(a,\n              b)\nif x:\n    y",
        CodeTarget(),
        "call(a,\n              b)\nif x:\n    y",
        id="alignment_is_no_unit",
    ),
    pytest.param("/**\n * a\n */", TABS, "/**\n * a\n */", id="one_column_is_no_unit"),
    pytest.param("if x:\n    y\n      z", TABS, "if x:\n\ty\n\t  z", id="alignment_stays_spaces"),
    pytest.param("a\n  \n\t\nb", FOUR_DEEP, "a\n\n\n    b", id="blank_lines_get_none"),
    pytest.param(" if x:\n     y", CodeTarget(), "if x:\n    y", id="indented_by_one_column"),
    pytest.param(" if x:\n    y", CodeTarget(), "if x:\n    y", id="stray_space_before_all"),
    pytest.param("a  \nb \t", CodeTarget(), "a  \nb \t", id="blanks_at_line_ends_stay"),
    pytest.param("a\n" + " " * 400 + "b", CodeTarget(), "a\n" + " " * 400 + "b", id="very_deep"),
]


@pytest.mark.parametrize(("response", "target", "expected"), INDENTATION)
def test_lines_keep_their_difference_to_the_first(
    response: str, target: CodeTarget, expected: str
) -> None:
    assert extract(response, target).code == expected
    assert extract(f"~~~\n{response}\n~~~", target).code == expected


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("response_ending", ["\n", "\r\n", "\r"])
def test_lines_end_as_in_the_document(ending: str, response_ending: str) -> None:
    response = response_ending.join(["a", "", "b", "", ""])
    assert extract(response, CodeTarget(line_ending=ending)).code == f"a{ending}{ending}b"


BEFORE = [
    pytest.param("def add(", "def add(a, b):", "a, b):", id="whole_line"),
    pytest.param("def add(", "a, b):", "a, b):", id="nothing_repeated"),
    pytest.param("    def add(", "def add(a, b):", "a, b):", id="without_its_indentation"),
    pytest.param("def add(", "    def add(a, b):", "a, b):", id="with_other_indentation"),
    pytest.param("def add(", "add(a, b):", "a, b):", id="the_end_of_the_line"),
    pytest.param("x = obj.method", "method(1)", "(1)", id="the_last_word"),
    pytest.param("x = submethod", "method(1)", "method(1)", id="half_a_word_is_chance"),
    pytest.param("foo(a", "abs(b)", "abs(b)", id="one_character_is_chance"),
    pytest.param("f((((", "(((1", "(((1", id="brackets_alone_are_chance"),
    pytest.param("x = ", "x = 1", "1", id="blank_at_the_end"),
    pytest.param("x =", "x = 1", " 1", id="blank_in_the_response"),
    pytest.param("}", "} else {", " else {", id="a_whole_line_of_one_character"),
    pytest.param("x" * 300 + " name(", "name(1)", "1)", id="overlong_line"),
    pytest.param("x" * 300, "x" * 300 + "y", "x" * 300 + "y", id="overlong_line_is_not_compared"),
    pytest.param("def add(", "def add(", "", id="nothing_new"),
    pytest.param("def add(", "def ad", "def ad", id="cut_off_in_the_repetition"),
    pytest.param("# add", "# add\nx = 1", "\nx = 1", id="line_that_is_complete"),
    pytest.param("return", "  x", " x", id="one_space_behind_a_word"),
    pytest.param("f(", "  x", "x", id="no_space_behind_a_bracket"),
    pytest.param("x = ", "  1", "1", id="no_second_space"),
]


@pytest.mark.parametrize(("before", "response", "expected"), BEFORE)
def test_what_stands_before_the_cursor_is_not_repeated(
    before: str, response: str, expected: str
) -> None:
    target = CodeTarget(text_before=before)
    assert extract(f"```\n{response}\n```", target).code == expected


def test_half_a_repetition_that_ends_the_response_is_code() -> None:
    assert extract("```\ndef ad", CodeTarget(text_before="def add(")).code == "def ad"


def test_lines_behind_a_repeated_beginning_keep_their_indentation() -> None:
    target = CodeTarget(base_indent="    ", text_before="    def add(")
    for indent in ("", "    ", "        "):
        response = f"{indent}def add(a):\n{indent}    return a"
        assert extract(response, target).code == "a):\n        return a"


def test_single_space_before_the_rest_of_a_line_is_no_indentation() -> None:
    response = " x if a else (\n    y\n)"
    assert extract(response, CodeTarget(text_before="return")).code == response


AFTER = [
    pytest.param("):", "a, b):", "a, b", id="the_rest_of_the_line"),
    pytest.param("):\n    pass", "a, b):", "a, b", id="only_the_rest_of_the_line_counts"),
    pytest.param(")\r\n", "a)", "a", id="line_ending_of_the_document"),
    pytest.param(")", "a", "a", id="nothing_repeated"),
    pytest.param(")", "foo(1)", "foo(1)", id="bracket_of_its_own"),
    pytest.param(")", "foo(1))", "foo(1)", id="bracket_too_many"),
    pytest.param("}", "{\n    a\n}\n}", "{\n    a\n}\n", id="brace_on_a_line_of_its_own"),
    pytest.param(";", "x = 1;", "x = 1", id="semicolon"),
    pytest.param('"', 'hello"', "hello", id="closing_quote"),
    pytest.param('"', '"hello"', '"hello"', id="quote_of_its_own"),
    pytest.param(" + tail", "head + tail", "head", id="words"),
    pytest.param("b", "verb", "verb", id="half_a_word_is_chance"),
    pytest.param("))", "a)", "a)", id="half_of_it"),
    pytest.param(") ", "a)\n\n", "a", id="blanks_at_the_end"),
    pytest.param("  \nx", "x", "x", id="blank_rest_of_the_line"),
    pytest.param("))-", "x)))-", "x)", id="beginnings_that_overlap"),
    pytest.param(")-)", "x)-)-)", "x)-", id="repetitions_that_overlap"),
    pytest.param(", aab", "x, a, aab", "x, a", id="repetition_begins_again"),
    pytest.param(")" * 300, ")" * 300, ")" * 300, id="overlong_line_is_not_compared"),
]


@pytest.mark.parametrize(("after", "response", "expected"), AFTER)
def test_what_stands_behind_the_cursor_is_not_repeated(
    after: str, response: str, expected: str
) -> None:
    target = CodeTarget(text_after=after)
    assert extract(f"```\n{response}\n```", target).code == expected


def test_what_may_repeat_the_rest_of_the_line_is_not_shown_before_the_end() -> None:
    machine = OutputFilter(CodeTarget(text_after="):"))
    pieces = machine.feed("```\nx = a):")
    assert "".join(piece.text for piece in pieces) == "x = a"
    pieces = machine.feed(" b")
    assert "".join(piece.text for piece in pieces) == "): b"
