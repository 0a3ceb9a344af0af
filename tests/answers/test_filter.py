"""Every answer of the corpus makes the right document, whatever chunks it comes in."""

import pytest

from answers.corpus import Case, cases_by_kind, chunkings
from streaming_code_generator.core.extract.filter import OutputFilter, extract
from streaming_code_generator.core.extract.parts import FilteredText
from streaming_code_generator.core.placement.comments import comment_at_or_above
from streaming_code_generator.core.placement.target import Placement, code_target, selection_target
from support.entries import offset

KINDS = cases_by_kind()
CASES = [case for kind in KINDS.values() for case in kind]
LEAST_CASES = 200


def test_there_are_enough_cases_and_each_has_a_name_of_its_own() -> None:
    assert len(CASES) >= LEAST_CASES
    assert len({case.name for case in CASES}) == len(CASES)


def placement_of(case: Case) -> Placement:
    lines = case.document.splitlines(keepends=True) or [""]
    if lines[-1].endswith("\n"):
        lines.append("")
    if case.start != case.end:
        return selection_target(lines, case.start, case.end, language_id=case.language_id)
    comment = None
    if case.prompt is None:
        comment = comment_at_or_above(lines, case.start[0], case.language_id)
        assert comment is not None
    return code_target(lines, case.start, after_comment=comment, language_id=case.language_id)


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_makes_the_right_document(kind: str, subtests: pytest.Subtests) -> None:
    for case in KINDS[kind]:
        with subtests.test(case.name):
            check(case)


def check(case: Case) -> None:
    placement = placement_of(case)
    for name, chunks in chunkings(case.answer).items():
        machine = OutputFilter(placement.target)
        pieces = [piece for chunk in chunks for piece in machine.feed(chunk)] + machine.finish()
        code, _ = machine.settled(joined(pieces))
        text = case.document
        if code:
            head = text[: offset(text, (placement.line, placement.column))]
            tail = text[offset(text, (placement.end_line, placement.end_column)) :]
            text = head + placement.prefix + code + placement.suffix + tail
        assert text == case.right, name
        if case.warning is not None:
            assert machine.problem is not None
            assert case.warning in machine.problem
        elif machine.problem is not None:
            pytest.fail(f"{name}: {machine.problem}")


def test_each_character_is_in_one_part_or_was_dropped_by_a_rule() -> None:
    for case in CASES:
        parts = extract(case.answer, placement_of(case).target)
        given_out = weight(parts.code) + weight(parts.explanation) + weight(parts.reasoning)
        accounted_for = given_out + sum(parts.dropped.values())
        assert accounted_for == weight(case.answer) + parts.added, case.name


def weight(text: str) -> int:
    return sum(not char.isspace() for char in text)


def joined(pieces: list[FilteredText]) -> str:
    return "".join(piece.text for piece in pieces if piece.part == "code")
