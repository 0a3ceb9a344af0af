"""The output filter gives the same whatever chunks a response comes in, and holds little back."""

import time
from dataclasses import dataclass, replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from answers.corpus import Case, cases
from answers.test_filter import placement_of
from streaming_code_generator.core.extract.filter import HELD_BACK_LIMIT, OutputFilter, extract
from streaming_code_generator.core.extract.parts import (
    CodeTarget,
    Extraction,
    FilteredText,
    Part,
    Surroundings,
)

FRAGMENTS = [
    *[
        "--- a/x",
        "+++ b/x",
        "@@ -1 +1 @@",
        "-x = 1",
        "+y = 2",
        "<<<<<<< SEARCH",
        "=======",
        "1 | a",
    ],
    *["# ... existing code ...", "// rest of the code", "...", "```diff\n", "```sh\n", "`x = 1`"],
    *["class A:", "    def f(self):", "import os", "x = 2", "Usage:", "This is it."],
    *["`", "``", "```", "````", "~", "~~~", "~~~~", "```python", "``` \n", "\n```\n", "\n~~~\n"],
    *["<code>\n", "\n</code>\n", "</answer>", "<answer>\n", "{{INSERTED_CODE}}\n", "python\n"],
    *["[THINK]", "[/THINK]", "<|channel|>analysis<|message|>", "<|channel|>final<|message|>"],
    *[">>> x = 1\n", "... ", "$ ls\n", "x.py\n", "<<EOF\n", "```Let me know.", "`a` is the area."],
    *["Time complexity: O(1)", "This is a sentence of several words.", "Option 2:\n", "};"],
    *[
        "\ufeff",
        "<|cursor|>",
        "    <|cursor|>\n",
        "<|file_sep|>",
        "<|",
        "|>",
        "> ",
        "> ```python\n",
    ],
    *["\u00a0\u00a0", "a &lt; b", "&amp;", "&", ";", "In [1]: ", "   ...: ", "1\u2192a\n"],
    *["<tool_call>\n", '{"code": "x = 1"}\n', '{\n  "code":', "<path>a.py</path>\n", "a/b.py\n"],
    *["<pre><code>x", "</code></pre>", "'''python\n", "Copy code\n", "*** Begin Patch\n"],
    *["```python\nx = 1\nx = 2\n}\n```\n", "# filepath: a.py\n", "<details>\n", "\n\n"],
    *["<?php\n", "\n?>", "?", "?>\n", "Scenario: one", "Given two.", "[PYTHON]\n", "\n[/PYTHON]"],
    *['"x = 1\\ny = 2"', "print(default_api.write(content='x = 1')", "---\n", "[/INST]"],
    *["\n\nThis says what it does.\n", "<|return|>", "<|start|>assistant"],
    *["<think>", "</think>", "<", ">", "<thi", "</thi", "nk>"],
    *["<|im_end|>", "<|im_", "end|>", "</s>", "<s>", "<|end|>"],
    *["+    y = 2\n", "+ y\n", "import json\n", "\nLet me know if", "Sure!\n\n", "<!-- a -->\n"],
    *[
        "The error is:\n",
        "int main() {\n",
        "\n    return 0;\n}\n",
        "```python x = 1\n",
        "# a ```\n",
    ],
    *["\n", "\r", "\r\n", "\n\n", "\u2028", "\x0c", "\x85"],
    *[" ", "  ", "    ", "\t", "   \t", " " * 300],
    *["def add(", "a, b):", "return a + b", "x = 1", "}", ")", "):", '"', "b", "print("],
    *["Here is the function:", "This adds.", "Sure!", "Okay, the user wants it.", "a b"],
    *["\u4ee5\u4e0b\u662f\u4ee3\u7801", "\N{PARTY POPPER}", "\ud83d", "\udf89", "e\u0301", "'"],
]
responses = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=3)), max_size=25).map(
    "".join
)
surroundings = st.builds(
    Surroundings,
    above=st.sampled_from(
        [(), ("import os", "", "class A:", "    def f(self):"), ("x = 1",), ("int main() {",)]
    ),
    selected=st.sampled_from([(), ("x = 1", "x = 2", "}"), ("    return a + b",)]),
    below=st.sampled_from(
        [(), ("}",), ("x = 1", "x = 2"), ("    )", "b"), ("class A:", "    x = 1")]
    ),
)
targets = st.builds(
    CodeTarget,
    surroundings=surroundings,
    base_indent=st.sampled_from(["", "    ", "\t", "  ", "\t\t", "   "]),
    indent_unit=st.sampled_from(["    ", "\t", "  "]),
    line_ending=st.sampled_from(["\n", "\r\n", "\r"]),
    text_before=st.sampled_from(["", "    ", "\t", "def add(", "  x = ", "b", "}", "return"]),
    text_after=st.sampled_from(["", ")", "):", "):\n    pass", " b", "b", "}\r\n", '"', "  "]),
    language_id=st.sampled_from(["", "python", "c", "markdown", "shellscript", "php", "feature"]),
    is_prose=st.booleans(),
    ends_with_code=st.booleans(),
)


def take_apart(chunks: list[str], target: CodeTarget) -> Extraction:
    machine = OutputFilter(target)
    pieces = [piece for chunk in chunks for piece in machine.feed(chunk)]
    parts = joined(pieces + machine.finish())
    return replace(parts, code=machine.settled(parts.code)[0])


def joined(pieces: list[FilteredText]) -> Extraction:
    parts: dict[Part, str] = {"code": "", "explanation": "", "reasoning": ""}
    for piece in pieces:
        parts[piece.part] += piece.text
    return Extraction(
        code=parts["code"], explanation=parts["explanation"], reasoning=parts["reasoning"]
    )


def cut(text: str, places: list[int]) -> list[str]:
    ends = sorted(place % (len(text) + 1) for place in places)
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]


@given(responses, targets)
@example(" " * 300 + "\n<think>a</think>b", CodeTarget())
@example("x = 1\n" + " " * 300 + "y", CodeTarget())
@example("x = 1\n```" + "\n" * 300 + "This is it.", CodeTarget())
@example("a\r\n\r\n```\r\nb\r\n```\r\n", CodeTarget())
def test_single_characters_give_what_the_whole_gives(text: str, target: CodeTarget) -> None:
    assert take_apart(list(text), target) == extract(text, target)


@given(responses, targets, st.lists(st.integers(min_value=0, max_value=10_000), max_size=8))
@example("<s>a</s>", CodeTarget(), [1, 2])
def test_any_chunks_give_what_the_whole_gives(
    text: str, target: CodeTarget, places: list[int]
) -> None:
    assert take_apart(cut(text, places), target) == extract(text, target)


def test_every_cut_in_two_gives_what_the_whole_gives() -> None:
    text = "<think>\r\nHm.</think>\r\nHere is:\r\n  ````py x\r\n"
    text += "  if a:\r\n\t  ```b)\r\n  ````\r\n\r\nOk"
    target = CodeTarget(indent_unit="\t", line_ending="\r\n", text_before="if ", text_after=")")
    expected = extract(text, target)
    assert expected == Extraction(
        code="a:\r\n\t```b", explanation="Here is:\n\nOk", reasoning="Hm."
    )
    for place in range(len(text) + 1):
        assert take_apart([text[:place], text[place:]], target) == expected


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response put together so that what is to come out of it is known."""

    response: str
    expected: Extraction


levels = st.integers(min_value=0, max_value=3)
words = st.text(alphabet="abc_=+()\u00e9\u2028", min_size=1, max_size=8)
code_lines = st.lists(
    st.one_of(st.just(""), st.builds(lambda level, word: "    " * level + word, levels, words)),
    min_size=1,
    max_size=8,
)


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    """A fenced block of lines without fence characters, with or without text around it."""
    lines = [draw(words), *draw(code_lines), "    " + draw(words)]
    fence = draw(st.sampled_from(["`", "~"])) * draw(st.integers(3, 5))
    indent = draw(st.sampled_from(["", "  ", "   ", "\t", "      "]))
    info = draw(st.sampled_from(["", "QQQ", " QQQ", 'QQQ title="QQQ"']))
    thought = draw(st.sampled_from(["", "Hm. `x`\n\n```\ny"]))
    lead = draw(st.sampled_from(["", "Here is the function:", "Sure!\n\n- `one`\n- ``two``"]))
    tail = draw(st.sampled_from(["", "It adds.", "Or:\n```sh\nls\n```"]))
    ending = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    block = [f"{indent}{fence}{info}", *(indent + line for line in lines), indent + fence]
    response = "\n".join([*([lead] if lead else []), *block, *([tail] if tail else [])])
    if thought:
        response = f"<think>{thought}</think>{response}"
    return Answer(
        response=response.replace("\n", ending),
        expected=Extraction(
            code="\n".join(lines),
            explanation="\n\n".join(part for part in (lead, tail) if part),
            reasoning=thought,
        ),
    )


@dataclass(frozen=True, slots=True)
class SideBySide:
    """A filter, and one in which every chunk goes through every stage: they say the same."""

    filter: OutputFilter
    through_stages: OutputFilter

    def feed(self, chunk: str) -> None:
        assert self.filter.feed(chunk) == self.through_stages.feed_stages(chunk)
        self._compare()

    def feed_reasoning(self, chunk: str) -> None:
        assert self.filter.feed_reasoning(chunk) == self.through_stages.feed_reasoning(chunk)
        self._compare()

    def finish(self) -> None:
        assert self.filter.finish() == self.through_stages.finish()
        self._compare()

    def _compare(self) -> None:
        for name in ("held_back", "is_over", "may_be_over", "is_loop", "dropped", "added"):
            assert getattr(self.filter, name) == getattr(self.through_stages, name), name
        assert self.filter.problem == self.through_stages.problem


@given(responses, targets, st.lists(st.integers(0, 10_000), max_size=40), st.integers(0, 10_000))
def test_a_chunk_within_a_line_comes_out_as_it_would_through_every_stage(
    text: str, target: CodeTarget, places: list[int], reasoning_at: int
) -> None:
    machines = SideBySide(OutputFilter(target), OutputFilter(target))
    chunks = cut(text, places)
    for number, chunk in enumerate(chunks):
        machines.feed(chunk)
        if number == reasoning_at % len(chunks):
            machines.feed_reasoning("Hm.")
    machines.finish()


@pytest.mark.parametrize("fence", ["```c\n", ""], ids=["fenced", "bare"])
@pytest.mark.parametrize(
    "chunk",
    [
        *[" &lt; b", "```", " =\u00a0b", "<|im_end|>", "<|cursor|>", "<|file_sep|>b", ")", "\r"],
        *["\nb", " > b &gt; c", "</s", "b" * 600, "\u00a0'"],
    ],
)
def test_a_chunk_within_a_line_that_matters_comes_out_as_it_would_through_every_stage(
    fence: str, chunk: str
) -> None:
    target = CodeTarget(language_id="c", text_after=")", base_indent="  ", line_ending="\r\n")
    machines = SideBySide(OutputFilter(target), OutputFilter(target))
    for text in (fence, "  x = 1;\n", "  value", "(a", chunk, "c", ";", "\n", "}"):
        machines.feed(text)
    machines.finish()


def test_a_chunk_within_a_line_of_code_passes_no_stage() -> None:
    read: list[str] = []

    class Watched(OutputFilter):
        def feed_stages(self, text: str) -> list[FilteredText]:
            read.append(text)
            return super().feed_stages(text)

    machine = Watched(CodeTarget(language_id="python", text_after=")"))
    machine.feed("```py\nx = 1\n")
    read.clear()
    chunks = ["total", " = ", "sum", "(", "xs", ")", "\n", "n", "ext", " < ", "x"]
    pieces = [machine.feed(chunk) for chunk in chunks]
    assert read == ["total", ")", "\n", "n", " < "]
    assert pieces[1] == [FilteredText(part="code", text=" = ")]


@given(answers())
def test_fenced_answer_comes_apart_as_it_was_put_together(answer: Answer) -> None:
    assert take_apart(list(answer.response), CodeTarget()) == answer.expected


def test_a_line_of_another_white_space_is_no_blank_line() -> None:
    answer = take_apart(["```\n\u2028\n\nx = 1\n```\n"], CodeTarget())
    assert answer.code == "\u2028\n\nx = 1"


@given(answers(), st.lists(st.integers(min_value=0, max_value=10_000), max_size=40))
def test_fence_never_flashes_in_the_code(answer: Answer, places: list[int]) -> None:
    machine = OutputFilter()
    code = ""
    for chunk in cut(answer.response, places):
        for piece in machine.feed(chunk):
            assert piece.text
            if piece.part == "code":
                code += piece.text
                assert not set(piece.text) & set("`~Q")
                assert answer.expected.code.startswith(code)


@given(responses, targets)
def test_what_comes_at_the_end_was_held_back_within_bounds(text: str, target: CodeTarget) -> None:
    machine = OutputFilter(target)
    for char in text:
        machine.feed(char)
    held_back = machine.held_back
    assert held_back <= HELD_BACK_LIMIT
    released = sum(len(piece.text) for piece in machine.finish() if piece.part != "code")
    assert released <= held_back


@pytest.mark.parametrize(
    "beginning", ["", "x = 1\n", "```\n", "<think>", "Sure!\n", "~~~\nx\n~~~\nx"]
)
def test_endless_repetition_holds_back_no_more_than_the_limit(beginning: str) -> None:
    lines = ["Here is the thing.\n", "```\n```a\n", "`` \n", "x\n```\n\n", "x\r\n  \r\n"]
    # "\n" and "\n\n" are the same, over and over.
    for chunk in {pattern * -(-1000 // len(pattern)) for pattern in (*FRAGMENTS, *lines)}:
        machine = OutputFilter(CodeTarget(text_before="a" * 1000, text_after="b" * 200))
        machine.feed(beginning)
        fed = 0
        # What exceeds the limit in the end is held back from the first thousands of characters on.
        while fed < 3000 or (machine.held_back > fed // 3 and fed < HELD_BACK_LIMIT + 3000):
            machine.feed(chunk)
            fed += len(chunk)
        assert machine.held_back <= HELD_BACK_LIMIT, repr(chunk[:20])


@pytest.mark.parametrize("fence", ["", "```\n"], ids=["bare", "fenced"])
def test_ordinary_code_is_held_back_for_no_more_than_an_indentation(fence: str) -> None:
    code = "def add(a, b):\n    if a:\n        return a + b  # `sum`\n\n    return b\n"
    machine = OutputFilter()
    machine.feed(fence)
    lag = []
    for char in code * 20:
        machine.feed(char)
        lag.append(machine.held_back)
    assert max(lag[len("def add(") :]) <= len("        ")


@pytest.mark.parametrize(
    "text",
    [
        "def add(a, b):\n    return (a + b)\n\n" * 540,
        "```\n" + "x = ``a``\n" * 2000,
        "Here is what you want. " * 870,
        "x = 1\n" + " \n" * 10_000,
        "x = 1\n" + "```a\n" * 4000,
        "x" + ")" * 20_000,
        "<think>" + "<" * 20_000,
    ],
    ids=["code", "backticks", "prose", "blank_lines", "fences", "repetitions", "angles"],
)
def test_twenty_thousand_single_characters_take_less_than_half_a_second(text: str) -> None:
    machine = OutputFilter(CodeTarget(text_before="a" * 250, text_after=")" * 250))
    started = time.process_time()
    for char in text:
        machine.feed(char)
    machine.finish()
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    "text",
    ["x = 1\n" + "&" * 20_000, "x = 1\n" + "\u00a0" * 20_000, "x\n" + "  <|cursor|> " * 1_500],
    ids=["escapes", "no_break_spaces", "marks"],
)
def test_the_same_goes_for_what_is_looked_for_in_code_alone(text: str) -> None:
    machine = OutputFilter(CodeTarget(language_id="python"))
    started = time.process_time()
    for char in text:
        machine.feed(char)
    machine.finish()
    assert time.process_time() - started < 2


def weight(text: str) -> int:
    return sum(not char.isspace() for char in text)


@given(responses, targets.filter(lambda target: not target.ends_with_code))
def test_each_character_is_in_one_part_or_was_dropped_by_a_rule(
    text: str, target: CodeTarget
) -> None:
    parts = extract(text, target)
    given_out = weight(parts.code) + weight(parts.explanation) + weight(parts.reasoning)
    assert given_out + sum(parts.dropped.values()) == weight(text) + parts.added


def test_what_was_dropped_is_counted_by_its_rule() -> None:
    target = CodeTarget(
        language_id="python",
        base_indent="    ",
        text_before="    ",
        surroundings=Surroundings(above=("def f():",)),
    )
    parts = extract("<think>Hm.</think>```python\ndef f():\n    return 1\n```", target)
    assert parts.dropped == {"think tag": 15, "fence": 12, "repetition": 7}


CASES = cases()
NAMED = {case.name: case for case in CASES}
cuts = st.lists(st.integers(min_value=0, max_value=10_000), max_size=8)


@given(st.sampled_from(CASES), st.lists(st.integers(0, 10_000), max_size=200))
def test_a_chunk_of_a_real_answer_comes_out_as_it_would_through_every_stage(
    case: Case, places: list[int]
) -> None:
    target = placement_of(case).target
    for chunks in (cut(case.answer, places), list(case.answer)):
        machines = SideBySide(OutputFilter(target), OutputFilter(target))
        for chunk in chunks:
            machines.feed(chunk)
        machines.finish()


@given(st.sampled_from(CASES), st.sampled_from(CASES), st.integers(0, 10_000), cuts)
@example(
    NAMED["repetition: function in lua, bare"],
    NAMED["stray-fences: bare code with a fence behind it"],
    0,
    [],
)
@example(
    NAMED["chats: wrong line in a block, then the right one"],
    NAMED["indentation: value of a property in css"],
    79,
    [],
)
def test_pieces_of_two_real_answers_come_apart_alike_however_they_are_cut(
    case: Case, other: Case, place: int, places: list[int]
) -> None:
    target = replace(placement_of(case).target, ends_with_code=False)
    text = case.answer[: place % (len(case.answer) + 1)] + other.answer
    whole = extract(text, target)
    for chunks in (cut(text, places), list(text)):
        machine = OutputFilter(target)
        pieces = [piece for chunk in chunks for piece in machine.feed(chunk)] + machine.finish()
        code, dropped = machine.settled(joined(pieces).code)
        assert replace(joined(pieces), code=code) == whole
        assert (dropped, machine.added) == (whole.dropped, whole.added)
    given_out = weight(whole.code) + weight(whole.explanation) + weight(whole.reasoning)
    assert given_out + sum(whole.dropped.values()) == weight(text) + whole.added
