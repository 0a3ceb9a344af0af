"""Applies a diff, or a pair of old and new text, to the place that the code is for."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from streaming_code_generator.core.extract.parts import Surroundings

_HEADERS = ("diff ", "index ", "--- ", "+++ ", "new file", "deleted file", "*** ", "Index: ", "===")
OLD_TEXT = ("old_string", "old_str", "old_code", "old_text", "search", "original")
"""Tags around the text that an edit is to find, in the tools of several agents."""
_OLD_AND_NEW = re.compile(
    rf"<({'|'.join(OLD_TEXT)})>\n?(.*?)\n?</\1>"
    r"\s*<(new_string|new_str|new_code|new_text|replace|updated)>\n?(.*?)\n?</\3>",
    re.DOTALL,
)
_NO_NEWLINE = "\\ No newline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunk:
    """Lines to be found, and what they become."""

    old: tuple[str, ...]
    new: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What the selection, or the empty place of a cursor, becomes."""

    lines: list[str] = field(default_factory=list)
    problem: str | None = None
    is_no_diff: bool = False


def apply_diff(text: str, surroundings: Surroundings) -> Applied:
    """Return what a diff makes of the lines that the code replaces.

    It is applied where its lines are found exactly once, and only if it changes nothing else.
    """
    # The selection is "b" in "a", "b", "c"; the diff is
    #
    #      a       found at line 0
    #     -b       found at line 1: inside the selection, so this may go
    #     +B
    #      c       found at line 2
    #
    # and the selection becomes "B". With "-a" in it, it would be refused.
    return apply_hunks(list(_hunks(text)), surroundings)


def apply_hunks(hunks: Sequence[Hunk], surroundings: Surroundings) -> Applied:
    """Return what some hunks make of the lines that the code replaces."""
    if not any(hunk.old != hunk.new for hunk in hunks):
        return Applied(is_no_diff=not hunks, problem="the answer is a diff that changes nothing")
    start, length = len(surroundings.above), len(surroundings.selected)
    document = [*surroundings.above, *surroundings.selected, *surroundings.below]
    selected = list(surroundings.selected)
    shift = 0
    for hunk in hunks:
        old, new = _changed(hunk)
        if not hunk.old:
            if len(hunks) > 1:
                return Applied(problem="the answer is a diff that does not say where it belongs")
            return Applied(lines=list(new))
        place = _place(document, hunk.old, start, length)
        if place is None:
            return Applied(problem="the answer is a diff that does not fit what stands there")
        before = _common(hunk.old, hunk.new)
        first = place[before] if before < len(place) else place[-1] + 1
        last = first + len(old)
        if length:
            is_inside = start <= first and last <= start + length
        else:
            between = document[min(first, start) : max(first, start)]
            is_inside = not old and not any(line.strip() for line in between)
            first = last = start
        if not is_inside:
            return Applied(problem="the answer is a diff that changes lines outside the place")
        new_lines = _as_deep(new, hunk.old[0], document[place[0]])
        selected[first - start + shift : last - start + shift] = new_lines
        shift += len(new) - len(old)
    return Applied(lines=selected)


def _changed(hunk: Hunk) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return a hunk's lines without those that are the same at both ends."""
    before = _common(hunk.old, hunk.new)
    old, new = hunk.old[before:], hunk.new[before:]
    behind = _common(old[::-1], new[::-1])
    return old[: len(old) - behind], new[: len(new) - behind]


def _as_deep(lines: Sequence[str], old: str, there: str) -> list[str]:
    """Return lines as much deeper as a line stands in the document than in the hunk."""
    indent = there[: len(there) - len(there.lstrip())]
    less = old[: len(old) - len(old.lstrip())]
    if not indent.endswith(less):
        return list(lines)
    more = indent[: len(indent) - len(less)]
    return [more + line if line.strip() else line for line in lines]


def _common(some: Sequence[str], others: Sequence[str]) -> int:
    """Return how many lines are the same at the beginning."""
    same = (line == other for line, other in zip(some, others, strict=False))
    return sum(1 for _ in takewhile(bool, same))


def _place(
    document: Sequence[str], old: Sequence[str], start: int, length: int
) -> list[int] | None:
    """Return the numbers of the lines that a hunk is about, if it can mean no others."""
    for alike in (str.rstrip, str.strip):
        wanted = [alike(line) for line in old]
        lines = [alike(line) for line in document]
        found = [
            at for at in range(len(lines) - len(old) + 1) if lines[at : at + len(old)] == wanted
        ]
        near = [at for at in found if at <= start + length and at + len(old) >= start]
        places = near if len(near) == 1 else found
        if len(places) == 1:
            return list(range(places[0], places[0] + len(old)))
        if places:
            return None
    return None


def _hunks(text: str) -> Iterator[Hunk]:
    lines = text.removesuffix("\n").split("\n")
    if text.lstrip().startswith(tuple(f"<{name}>" for name in OLD_TEXT)):
        for match in _OLD_AND_NEW.finditer(text):
            yield Hunk(old=tuple(match[2].split("\n")), new=tuple(match[4].split("\n")))
    elif any(line.startswith("<<<<<<<") for line in lines):
        yield from _pairs(lines)
    elif any(line[:1] in {"+", "-"} for line in lines):
        yield from _hunks_of_diff(lines)


def _hunks_of_diff(lines: Sequence[str]) -> Iterator[Hunk]:
    old: list[str] = []
    new: list[str] = []
    is_inside = not any(line.startswith("@@") for line in lines)
    for line in lines:
        if line.startswith("@@"):
            if old or new:
                yield _hunk(old, new)
            old, new, is_inside = [], [], True
        elif line.startswith(_HEADERS) or line.startswith(_NO_NEWLINE) or not is_inside:
            continue
        elif line.startswith("+"):
            new.append(line[1:])
        elif line.startswith("-"):
            old.append(line[1:])
        else:
            same = line.removeprefix(" ")
            old.append(same)
            new.append(same)
    if old or new:
        yield _hunk(old, new)


def _hunk(old: list[str], new: list[str]) -> Hunk:
    # Blank lines at the ends of a block are no context.
    while old and new and old[-1] == new[-1] and not old[-1].strip():
        del old[-1], new[-1]
    while old and new and old[0] == new[0] and not old[0].strip():
        del old[0], new[0]
    return Hunk(old=tuple(old), new=tuple(new))


def _pairs(lines: Sequence[str]) -> Iterator[Hunk]:
    """Yield the hunks of blocks of old text, a line of `=`, and new text."""
    old: list[str] = []
    new: list[str] = []
    into: list[str] | None = None
    for line in lines:
        if line.startswith("<<<<<<<"):
            old, new = [], []
            into = old
        elif line.startswith("=======") and into is old:
            into = new
        elif line.startswith(">>>>>>>"):
            yield Hunk(old=tuple(old), new=tuple(new))
            into = None
        elif into is not None:
            into.append(line)
