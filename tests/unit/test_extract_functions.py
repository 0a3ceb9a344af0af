"""A function's body is brought into its place in whatever stretch of the file the answer has it.

`data/functions.txt` has functions of many languages. A line of `◆` stands above and below the
function, one of `▼` above its body and one of `▲` below.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest

from streaming_code_generator.core.extract.filter import OutputFilter
from streaming_code_generator.core.placement.target import (
    Placement,
    code_target,
    selected_text,
    selection_target,
)
from support.entries import read_entries

FILE = Path(__file__).parent / "data/functions.txt"
ENTRIES = {
    entry.name: entry
    for entry in read_entries(FILE, fields={"language", "fence"}, texts={"document"})
}
NOTE = "This adds up what there is, and returns the result."


@dataclass(frozen=True)
class Function:
    before: list[str]
    header: list[str]
    body: list[str]
    closing: list[str]
    after: list[str]

    @property
    def right(self) -> list[str]:
        return [*self.before, *self.header, *self.body, *self.closing, *self.after]

    @property
    def indent(self) -> str:
        return self.body[0][: len(self.body[0]) - len(self.body[0].lstrip())]


def function(document: str) -> Function:
    before, inside, after = (part.splitlines() for part in document.split("◆\n"))
    start, end = inside.index("▼"), inside.index("▲")
    return Function(before, inside[:start], inside[start + 1 : end], inside[end + 1 :], after)


def shallower(lines: list[str], indent: str) -> list[str]:
    return [line.removeprefix(indent) for line in lines]


def stretches(given: Function) -> dict[str, list[str]]:
    """Return what of the file an answer may have, in one indentation or another."""
    outer = given.header[-1][: len(given.header[-1]) - len(given.header[-1].lstrip())]
    whole = given.header + given.body + given.closing
    flat = shallower(given.body, given.indent)
    return {
        "body": flat,
        "body, a level deep": shallower(given.body, outer),
        "body, as in the file": given.body,
        "body, its first line flush": flat[:1] + given.body[1:],
        "body and its end": flat + shallower(given.closing, outer),
        "body and its end, as in the file": given.body + given.closing,
        "function": shallower(whole, outer),
        "function, as in the file": whole,
        "function without its end": shallower(given.header + given.body, outer),
        "file to the function's end": given.before + whole,
        "function and what follows": whole + given.after,
        "file": given.right,
    }


def answers(lines: list[str], fence: str) -> dict[str, str]:
    code = "\n".join(lines)
    return {
        "bare": code,
        "in a fence": f"```{fence}\n{code}\n```",
        "between words": f"Here it is:\n\n```{fence}\n{code}\n```\n\n{NOTE}",
        "with a stray fence": f"{code}\n```\n\n{NOTE}",
    }


def inserted(lines: list[str], placement: Placement, answer: str) -> str:
    machine = OutputFilter(placement.target)
    pieces = machine.feed(answer) + machine.finish()
    code, _ = machine.settled("".join(each.text for each in pieces if each.part == "code"))
    assert machine.problem is None
    text = "".join(lines)
    start = sum(map(len, lines[: placement.line])) + placement.column
    end = start + len(selected_text(lines, placement))
    return text[:start] + placement.prefix + code + placement.suffix + text[end:]


@pytest.mark.parametrize("name", ENTRIES)
def test_a_body_goes_to_the_cursor_whatever_stretch_of_the_file_the_answer_has(name: str) -> None:
    entry = ENTRIES[name]
    given = function(entry.texts["document"] + "\n")
    around = [*given.before, *given.header], [*given.closing, *given.after]
    lines = [f"{line}\n" for line in (*around[0], given.indent, *around[1])] + [""]
    place = len(around[0]), len(given.indent)
    placement = code_target(lines, place, language_id=entry.fields["language"])
    for stretch, answered in stretches(given).items():
        for form, answer in answers(answered, entry.fields["fence"]).items():
            text = inserted(lines, placement, answer)
            assert text == "\n".join([*given.right, ""]), (stretch, form)


@pytest.mark.parametrize("name", ENTRIES)
def test_a_selected_body_is_replaced_whatever_stretch_of_the_file_the_answer_has(name: str) -> None:
    entry = ENTRIES[name]
    given = function(entry.texts["document"] + "\n")
    old = [f"{given.indent}zero", *given.body[1:]]
    head = [*given.before, *given.header]
    lines = [f"{line}\n" for line in (*head, *old, *given.closing, *given.after)] + [""]
    ends = (len(head), 0), (len(head) + len(old) - 1, len(old[-1]))
    placement = selection_target(lines, *ends, language_id=entry.fields["language"])
    for stretch, answered in stretches(given).items():
        for form, answer in answers(answered, entry.fields["fence"]).items():
            text = inserted(lines, placement, answer)
            assert text == "\n".join([*given.right, ""]), (stretch, form)
