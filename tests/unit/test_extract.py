"""What the output filter makes of whole responses, rule by rule."""

import pytest

from streaming_code_generator.core.extract.filter import OutputFilter, extract
from streaming_code_generator.core.extract.opening import LEAD_LIMIT
from streaming_code_generator.core.extract.parts import CodeTarget, Extraction, FilteredText, Part

ADD = "def add(a, b):\n    return a + b"
OF_TEXT = CodeTarget(language_id="markdown", is_prose=True)
CODE_ALONE = CodeTarget(ends_with_code=True)


def extraction(code: str = "", explanation: str = "", reasoning: str = "") -> Extraction:
    return Extraction(code=code, explanation=explanation, reasoning=reasoning)


def feed_characters(text: str, machine: OutputFilter) -> list[FilteredText]:
    return [piece for char in text for piece in machine.feed(char)]


def shown(pieces: list[FilteredText], part: Part) -> str:
    return "".join(piece.text for piece in pieces if piece.part == part)


FENCES = [
    pytest.param(f"```python\n{ADD}\n```", extraction(ADD), id="language_tag_is_dropped"),
    pytest.param(f"```\n{ADD}\n```\n", extraction(ADD), id="no_language_tag"),
    pytest.param(
        f'```python title="add.py" {{1,3}}\n{ADD}\n```',
        extraction(ADD),
        id="attributes_are_dropped",
    ),
    pytest.param(f"``` python\n{ADD}\n```", extraction(ADD), id="blank_before_the_tag"),
    pytest.param(f"~~~python\n{ADD}\n~~~", extraction(ADD), id="tildes"),
    pytest.param("```{r}\nx <- 1\n```", extraction("x <- 1"), id="tag_in_braces"),
    pytest.param("~~~\na\n```\nb\n~~~", extraction("a\n```\nb"), id="backticks_inside_tildes"),
    pytest.param("```\na\n~~~\nb\n```", extraction("a\n~~~\nb"), id="tildes_inside_backticks"),
    pytest.param(
        "````md\n# T\n```sh\nls\n```\n````", extraction("# T\n```sh\nls\n```"), id="longer_fence"
    ),
    pytest.param("```\na\n`````\nb", extraction("a", "b"), id="closed_by_a_longer_fence"),
    pytest.param("```\na\n```  \t\nb", extraction("a", "b"), id="blanks_behind_the_closing_fence"),
    pytest.param("```\na\n``` b\n```", extraction("a\n``` b"), id="text_behind_a_fence_keeps_open"),
    pytest.param("```js\n`a`\n``\n```", extraction("`a`\n``"), id="single_backticks_survive"),
    pytest.param(
        '```py\n"""\n    ```\n    x\n    ```\n"""\n```',
        extraction('"""\n    ```\n    x\n    ```\n"""'),
        id="fences_deep_inside_code_survive",
    ),
    pytest.param(f"```python\n{ADD}\n", extraction(ADD), id="never_closed"),
    pytest.param(f"```python\n{ADD}", extraction(ADD), id="never_closed_mid_line"),
    pytest.param("```\na\n``", extraction("a"), id="half_a_closing_fence"),
    pytest.param("```python", extraction(), id="nothing_behind_the_opening_fence"),
    pytest.param("```", extraction(), id="nothing_but_backticks"),
    pytest.param("```\n```", extraction(), id="empty_block"),
    pytest.param("```print(1)```", extraction("print(1)"), id="fences_on_one_line"),
    pytest.param(f"```{ADD}\n```", extraction(ADD), id="code_right_behind_the_fence"),
    pytest.param(
        "```print(1)", extraction("print(1)"), id="code_right_behind_the_fence_at_the_end"
    ),
    pytest.param(
        "1. Do:\n\n   ```py\n   if x:\n       y\n   ```\n2. Be.",
        extraction("if x:\n    y", "1. Do:\n\n2. Be."),
        id="in_a_list",
    ),
    pytest.param(
        "\t```py\n\tif x:\n\t\ty\n\t```", extraction("if x:\n    y"), id="indented_by_a_tab"
    ),
    pytest.param("\n \n\n```py\nx\n```", extraction("x"), id="blank_lines_before"),
    pytest.param("```py\n\n \nx\n\n\n```", extraction("x"), id="blank_lines_inside_are_trimmed"),
    pytest.param("```\r\na\r\n\r\nb\r\n```\r\nc", extraction("a\n\nb", "c"), id="crlf"),
    pytest.param("```\ra\r\rb\r```\rc", extraction("a\n\nb", "c"), id="lone_cr"),
    pytest.param(
        "```\na\x0cb\u2028c\x85\n\x0c\nd\n```",
        extraction("a\x0cb\u2028c\x85\n\x0c\nd"),
        id="other_separators_are_ordinary",
    ),
    pytest.param(
        "```\n\ud800\udc00 \udfff\n```", extraction("\ud800\udc00 \udfff"), id="surrogates"
    ),
]


@pytest.mark.parametrize(("response", "expected"), FENCES)
def test_fenced_block_is_the_code(response: str, expected: Extraction) -> None:
    assert extract(response) == expected


PROSE_AND_FENCES = [
    pytest.param(
        f"Here is it:\n\n```python\n{ADD}\n```\n\nIt adds.",
        extraction(ADD, "Here is it:\n\nIt adds."),
        id="prose_around",
    ),
    pytest.param(
        f"Sure!\n\nThe function\nadds.\n```python\n{ADD}\n```",
        extraction(ADD, "Sure!\n\nThe function\nadds."),
        id="several_lines_of_prose",
    ),
    pytest.param(
        f"add.py\n\n```python\n{ADD}\n```", extraction(ADD, "add.py"), id="file_name_before"
    ),
    pytest.param(
        "Here are two:\n```py\na\n```\nor\n```js\nb\n```\nDone.",
        extraction("a", "Here are two:\n\nor\n```js\nb\n```\nDone."),
        id="further_blocks_are_explanation",
    ),
    pytest.param(
        "Here is `x`:\n``\n```py\nx\n```",
        extraction("x", "Here is `x`:\n``"),
        id="two_backticks_are_no_fence",
    ),
    pytest.param(
        "Here is it:\n```a`b\n```py\nx\n```",
        extraction("x", "Here is it:\n```a`b"),
        id="backtick_in_the_tag_is_no_fence",
    ),
    pytest.param(
        "Here is it:\n```" + "a" * 300 + "\n```py\nx\n```",
        extraction("x", "Here is it:\n```" + "a" * 300),
        id="overlong_tag_is_no_fence",
    ),
    pytest.param(
        "Here is it:\n```py", extraction("", "Here is it:"), id="cut_off_in_the_opening_fence"
    ),
]


@pytest.mark.parametrize(("response", "expected"), PROSE_AND_FENCES)
def test_prose_around_a_fenced_block_is_explanation(response: str, expected: Extraction) -> None:
    assert extract(response) == expected


BARE = [
    pytest.param(ADD + "\n", extraction(ADD), id="code"),
    pytest.param("    x = 1\n    y = 2", extraction("x = 1\ny = 2"), id="indented_code"),
    pytest.param("a, b):", extraction("a, b):"), id="the_rest_of_a_line"),
    pytest.param("", extraction(), id="nothing"),
    pytest.param(" \n\r\n\t", extraction(), id="only_blanks"),
    pytest.param("x\n\n    y", extraction("x\n\n    y"), id="unclear_first_line"),
    pytest.param(
        "x = 1\n```sh\nls\n```\n", extraction("x = 1\n```sh\nls\n```"), id="fences_later_are_code"
    ),
    pytest.param(
        "x = 1\n```\nls -l\n```\ny = 2",
        extraction("x = 1\n```\nls -l\n```\ny = 2"),
        id="untagged_fences_later_are_code",
    ),
    pytest.param(f"{ADD}\n```", extraction(ADD), id="stray_closing_fence_at_the_end"),
    pytest.param(f"{ADD}\n```\n\n", extraction(ADD), id="stray_closing_fence_and_blank_lines"),
    pytest.param(
        f"{ADD}\n```\n\nThis function adds.\nWell.",
        extraction(ADD, "This function adds.\nWell."),
        id="stray_closing_fence_and_prose",
    ),
    pytest.param(
        f"{ADD}\n```\nThis is it",
        extraction(ADD, "This is it"),
        id="stray_closing_fence_and_half_a_line",
    ),
    pytest.param(
        "x = 1\n```\nls -l\n```\nThis is it.",
        extraction("x = 1\n```\nls -l\n```\nThis is it."),
        id="prose_behind_a_block_inside_the_code",
    ),
    pytest.param(
        "x = 1\n```sh\nls\n```\ny = 2\n```",
        extraction("x = 1\n```sh\nls\n```\ny = 2"),
        id="stray_closing_fence_behind_a_block_inside_the_code",
    ),
    pytest.param(
        "x = 1\n```" + "\n" * 300 + "This is it.",
        extraction("x = 1\n```" + "\n" * 300 + "This is it."),
        id="prose_too_far_behind_a_fence",
    ),
    pytest.param(
        "a b\n" + " " * 300 + "x\n```py\ny\n```",
        extraction("a b\n" + " " * 300 + "x\n```py\ny\n```"),
        id="second_line_too_deep_to_tell",
    ),
    pytest.param(
        "x = '<think>a</think>'\n<think>b</think>",
        extraction("x = '<think>a</think>'\n<think>b</think>"),
        id="tags_in_code_survive",
    ),
]


@pytest.mark.parametrize(("response", "expected"), BARE)
def test_answer_without_a_fence_is_code(response: str, expected: Extraction) -> None:
    assert extract(response) == expected


def test_prose_without_a_fence_is_the_code_where_text_is_wanted() -> None:
    response = "Here is a line.\nAnd here is another.\n"
    assert extract(response, OF_TEXT) == extraction("Here is a line.\nAnd here is another.")


def test_prose_without_a_fence_is_explanation_otherwise() -> None:
    response = "I cannot do that.\n\n```"
    assert extract(response) == extraction("", "I cannot do that.")


PROSE = "".join(f"Here is line {number} of what you have.\n" for number in range(1000))


def test_prose_beyond_the_limit_is_released() -> None:
    assert len(PROSE) > LEAD_LIMIT
    assert shown(OutputFilter().feed(PROSE), "explanation") == PROSE.rstrip("\n")


def test_prose_beyond_the_limit_still_leads_to_a_fence() -> None:
    explanation = PROSE.rstrip("\n")
    assert extract(PROSE + "```py\nx\n```") == extraction("x", explanation)
    assert extract(PROSE + "```py") == extraction("", explanation)


REASONING = [
    pytest.param(f"<think>Hm.</think>{ADD}", extraction(ADD, "", "Hm."), id="tags"),
    pytest.param(
        f" \n<think>\nHm.\n\nYes.\n</think>\n\n```py\n{ADD}\n```",
        extraction(ADD, "", "Hm.\n\nYes."),
        id="tags_on_lines_of_their_own",
    ),
    pytest.param(f"<think>\n\n</think>\n\n{ADD}", extraction(ADD), id="empty_reasoning"),
    pytest.param(
        "<think>a <b> </thin </think>x = 1", extraction("x = 1", "", "a <b> </thin"), id="angles"
    ),
    pytest.param(
        "<think>Try\n```py\ny\n```\n</think>\n```py\nx\n```",
        extraction("x", "", "Try\n```py\ny\n```"),
        id="fences_in_reasoning",
    ),
    pytest.param("<think>Hm", extraction("", "", "Hm"), id="never_closed"),
    pytest.param("<think>Hm</thi", extraction("", "", "Hm</thi"), id="cut_off_in_the_closing_tag"),
    pytest.param("<thi", extraction("<thi"), id="cut_off_in_the_opening_tag"),
    pytest.param(
        "<think>a</think>\n<think>b</think>",
        extraction("<think>b</think>", "", "a"),
        id="only_once",
    ),
    pytest.param(
        "<think>a</think>b c\n</think>\nx",
        extraction("b c\n</think>\nx", "", "a"),
        id="ends_only_once",
    ),
    pytest.param(
        "Okay, the user wants it.\n\nSo I add.\n</think>\n\n" + ADD,
        extraction(ADD, "", "Okay, the user wants it.\n\nSo I add."),
        id="closing_tag_alone",
    ),
    pytest.param(
        "Okay, I add.</think>" + ADD, extraction(ADD, "", "Okay, I add."), id="closing_tag_in_line"
    ),
    pytest.param("\n</think>\n" + ADD, extraction(ADD), id="closing_tag_first"),
    pytest.param(
        "a b\n </think>\nx = 1", extraction("x = 1", "", "a b"), id="closing_tag_on_second_line"
    ),
    pytest.param(
        "Here is how to strip `</think>`:\n```py\nx\n```",
        extraction("x", "Here is how to strip `</think>`:"),
        id="closing_tag_in_quotes",
    ),
    pytest.param(
        "Here is it:\n```py\nx\n```\nIt ends with </think>",
        extraction("x", "Here is it:\n\nIt ends with </think>"),
        id="closing_tag_behind_the_code",
    ),
    pytest.param(
        "```py\nx = 1\n# </think>\n```",
        extraction("x = 1\n# </think>"),
        id="closing_tag_in_a_block",
    ),
    pytest.param("x = 1\n</think>", extraction("x = 1\n</think>"), id="closing_tag_in_bare_code"),
]


@pytest.mark.parametrize(("response", "expected"), REASONING)
def test_reasoning_is_found_at_the_start_only(response: str, expected: Extraction) -> None:
    assert extract(response) == expected


def test_reasoning_field_is_a_stream_of_its_own() -> None:
    machine = OutputFilter()
    pieces = machine.feed_reasoning("\nFirst\r") + machine.feed_reasoning("\nthis. ")
    pieces += machine.feed("x = ") + machine.feed_reasoning("Late.") + machine.feed("1")
    pieces += machine.finish()
    assert shown(pieces, "reasoning") == "First\nthis. Late."
    assert shown(pieces, "code") == "x = 1"


def test_feeding_after_the_end_is_refused() -> None:
    machine = OutputFilter()
    machine.feed("x")
    assert machine.finish() == [FilteredText(part="code", text="x")]
    assert machine.finish() == []
    with pytest.raises(RuntimeError, match="finished"):
        machine.feed("y")
    with pytest.raises(RuntimeError, match="finished"):
        machine.feed_reasoning("y")


@pytest.mark.parametrize(
    ("beginning", "expected"),
    [
        pytest.param("def add(", "def add(", id="definition"),
        pytest.param("x = 1", "x = 1", id="assignment"),
        pytest.param("```python\ndef", "def", id="fenced"),
        pytest.param("    return", "return", id="indented"),
        pytest.param("return x\ny", "return x\ny", id="unclear_until_the_second_line"),
    ],
)
def test_code_is_shown_as_it_comes(beginning: str, expected: str) -> None:
    assert shown(feed_characters(beginning, OutputFilter()), "code") == expected


def test_reasoning_is_shown_as_it_comes() -> None:
    assert shown(feed_characters("<think>Hm", OutputFilter()), "reasoning") == "Hm"


def test_nothing_of_prose_is_shown_as_code_before_a_fence() -> None:
    lead = "Here is a function that you can use:\n\n" * 20
    assert feed_characters(lead, OutputFilter()) == []
