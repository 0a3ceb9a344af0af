"""A range of an older version is carried to the present, or said to be lost."""

import random

import pytest

from streaming_code_generator.editing.exchange import ReportedChange
from streaming_code_generator.editing.mirror import Mirror, PositionEncoding
from streaming_code_generator.lsp.documents.open_document import MOST_VERSIONS, ChangeHistory
from streaming_code_generator.lsp.wire.names import ClientRange

SELECTED: ClientRange = ((3, 2), (5, 4))


def carried(
    *changes: ReportedChange, where: ClientRange = SELECTED, encoding: PositionEncoding = "utf-16"
) -> ClientRange | None:
    history = ChangeHistory(encoding)
    history.note(7, changes)
    return history.carried(where, 7)


def change(start: tuple[int, int], end: tuple[int, int], text: str = "") -> ReportedChange:
    return ReportedChange((start, end), text)


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        pytest.param(change((0, 0), (0, 0), "a\nb\r\n"), ((5, 2), (7, 4)), id="lines above"),
        pytest.param(change((0, 0), (2, 0)), ((1, 2), (3, 4)), id="lines deleted above"),
        pytest.param(change((3, 0), (3, 1), "four"), ((3, 5), (5, 4)), id="on the first line"),
        pytest.param(change((3, 0), (3, 0), "a\n🙂"), ((4, 4), (6, 4)), id="line break on it"),
        pytest.param(change((2, 3), (3, 1), "x"), ((2, 5), (4, 4)), id="lines joined"),
        pytest.param(change((3, 2), (3, 2), "xy"), ((3, 4), (5, 4)), id="at the start"),
        pytest.param(change((5, 4), (5, 4), "xy"), ((3, 2), (5, 4)), id="at the end"),
        pytest.param(change((6, 0), (9, 0)), SELECTED, id="below"),
        pytest.param(change((4, 0), (4, 0), "a\n"), ((3, 2), (6, 4)), id="inside"),
        pytest.param(change((3, 2), (5, 4), "new"), ((3, 2), (3, 5)), id="replaced"),
        pytest.param(change((3, 2), (5, 4)), None, id="deleted"),
        pytest.param(change((3, 0), (4, 0)), None, id="its start deleted"),
        pytest.param(change((5, 0), (6, 0)), None, id="its end deleted"),
        pytest.param(ReportedChange(None, "all new"), None, id="whole text"),
    ],
)
def test_selection(reported: ReportedChange, expected: ClientRange | None) -> None:
    assert carried(reported) == expected


def test_position_goes_behind_what_is_typed_at_it() -> None:
    here: ClientRange = ((3, 2), (3, 2))

    assert carried(change((3, 2), (3, 2), "xy"), where=here) == ((3, 4), (3, 4))
    assert carried(change((3, 1), (3, 3)), where=here) is None


@pytest.mark.parametrize(("encoding", "column"), [("utf-8", 6), ("utf-16", 4), ("utf-32", 3)])
def test_columns_are_in_the_clients_units(encoding: PositionEncoding, column: int) -> None:
    assert carried(change((0, 0), (0, 0), "🙂"), where=((0, 2), (0, 2)), encoding=encoding) == (
        (0, column),
        (0, column),
    )


def test_versions_that_are_not_remembered_are_not_guessed_at() -> None:
    history = ChangeHistory("utf-16")
    for version in range(MOST_VERSIONS + 1):
        history.note(version, [change((0, 0), (0, 0), "\n")])

    assert history.carried(SELECTED, 0) is None
    assert history.carried(SELECTED, 1) == ((203, 2), (205, 4))
    assert history.carried(SELECTED, MOST_VERSIONS) == ((4, 2), (6, 4))
    history.note(None, [change((0, 0), (0, 0), "\n")])
    assert history.carried(SELECTED, MOST_VERSIONS) is None


def test_what_is_carried_still_stands_between_the_same_marks() -> None:
    chance = random.Random(20)
    kept = 0
    for _ in range(300):
        mirror = Mirror("".join(chance.choice("ab🙂\n") for _ in range(60)) + "[x\ny]" + "c\n" * 9)
        offset = mirror.text.index("[")
        start = mirror.advance(mirror.point(0, 0), offset)
        end = mirror.advance(start, 5)
        where = mirror.position(start), mirror.position(end)
        history = ChangeHistory("utf-16")
        for version in range(5):
            first, last = sorted(
                mirror.advance(mirror.point(0, 0), chance.randrange(len(mirror.text)))
                for _ in range(2)
            )
            text = "".join(chance.choice("de🙂\n") for _ in range(chance.randrange(4)))
            last = min(last, mirror.advance(first, 8))
            reported = ReportedChange((mirror.position(first), mirror.position(last)), text)
            history.note(version, [reported])
            mirror.splice(first, last, text)
        found = history.carried(where, 0)
        if found is not None and "[" in mirror.text and "]" in mirror.text:
            kept += 1
            text = mirror.slice(mirror.point(*found[0]), mirror.point(*found[1]))
            assert text.startswith("["), text
            assert text.endswith("]"), text
    assert kept > 100
