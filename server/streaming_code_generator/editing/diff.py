"""Small edits between two texts: what to send, and what a client's change really did."""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import accumulate

LINE_DIFF_LIMIT = 2_000
"""Most lines on either side of a block that is diffed line by line at once."""
CHARACTER_DIFF_LIMIT = 2_000
"""Most characters on either side of a changed block that is diffed character by character."""
LINE_PAIRS_LIMIT = 100_000
"""Most pairs of equal lines of such a block. Larger blocks are first divided at lines that occur
once in either text; one that has none is taken for replaced as a whole."""
CHARACTER_PAIRS_LIMIT = 20_000
"""Most pairs of equal characters: comparing takes time by their number and more. A row of spaces
against one of twice its length would take a minute."""
KEPT_RUN_BITS = 20
LETTER_BITS = 5
SCRAP_BITS = 8
"""Less than this is a scrap, such as a line ending or a letter, of which there are many alike."""
RARE_BITS = 24
"""For characters that few keyboards have: they hardly stand in two places by chance."""
_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")
_LINE_END = re.compile(r"\r\n?|\n")


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace `[start, end)` of a text, in code points, by another text."""

    start: int
    end: int
    text: str

    @property
    def growth(self) -> int:
        """How many code points longer the text is afterwards."""
        return len(self.text) - (self.end - self.start)

    def shifted(self, by: int) -> "Edit":
        """Return the same edit `by` code points further on."""
        return Edit(self.start + by, self.end + by, self.text)


def collapsed(text: str) -> str:
    """Return a text in which a CRLF is one character: nobody types or removes half of it."""
    return text.replace("\r\n", "\r")


def bits(text: str) -> float:
    """Return how unlikely it is that a user types just this text, in bits."""
    # A chunk may hold megabytes: counted without looking at each character in Python.
    spaces = len(text) - sum(map(len, text.split()))
    rare = 0 if text.isascii() else len(text) - len(text.encode("ascii", "ignore"))
    return spaces + RARE_BITS * rare + LETTER_BITS * (len(text) - spaces - rare)


def common_prefix(a: str, b: str) -> int:
    """Return the length of the longest common prefix."""
    # The usual case: one text is the other's beginning.
    limit = min(len(a), len(b))
    if a[:limit] == b[:limit]:
        return limit
    low, high = 0, limit
    while low < high - 1:  # by bisection: slices compare at memory speed
        middle = (low + high) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle
    return low


def common_suffix(a: str, b: str, *, limit: int) -> int:
    """Return the length of the longest common suffix, at most `limit`."""
    if a[len(a) - limit :] == b[len(b) - limit :]:
        return limit
    low, high = 0, limit
    while low < high - 1:
        middle = (low + high) // 2
        if a[len(a) - middle : len(a) - low] == b[len(b) - middle : len(b) - low]:
            low = middle
        else:
            high = middle
    return low


def single_edit(old: str, new: str) -> Edit | None:
    """Return the one smallest edit between two texts, or None if they are equal.

    It is canonical: the longest common prefix is kept first, then the longest common suffix.
    """
    if old == new:
        return None
    # "aXa" to "aa": the prefix "a" is kept, so that the suffix may only be the last "a".
    prefix = common_prefix(old, new)
    suffix = common_suffix(old, new, limit=min(len(old), len(new)) - prefix)
    return Edit(prefix, len(old) - suffix, new[prefix : len(new) - suffix])


def line_edits(old: str, new: str) -> list[Edit]:
    """Return the edits that rewrite only the lines that differ, in order.

    Within a changed block of lines, what its ends have in common is kept too.
    """
    whole = single_edit(old, new)
    if whole is None:
        return []
    return list(_split_by_lines(old, whole))


def fine_edits(old: str, new: str) -> list[Edit]:
    """Return edits split further, character by character where blocks are small.

    For reading what another writer did: the less an edit claims, the less of our own text is taken
    for another author's.
    """
    return [
        fine
        for edit in line_edits(old, new)
        for fine in _split_by_characters(old[edit.start : edit.end], edit)
    ]


def anchored_edits(old: str, new: str, spans: Iterable[tuple[int, int]]) -> list[Edit]:
    """Return fine edits, with parts of the old text looked for in the new one first.

    Args:
        old: The text before.
        new: The text after.
        spans: The parts, as `[start, end)` of the old text, in order. Each that says something and
            stands once in either text is taken for unchanged, whatever else was moved around it.
    """
    edits: list[Edit] = []
    old_done = new_done = 0
    # Between two spans that are where they were, only what lies between them can have changed.
    for start, end in spans:
        text = old[start:end]
        place = new.find(text)
        # Counting would miss one that begins within another, as "\n}\n" does in "\n}\n}\n".
        stands_once = old.find(text) == old.rfind(text) and place == new.rfind(text)
        if text.strip() and stands_once and start >= old_done and place >= new_done:
            between = fine_edits(old[old_done:start], new[new_done:place])
            edits += [edit.shifted(old_done) for edit in between]
            old_done, new_done = end, place + end - start
    edits += [edit.shifted(old_done) for edit in fine_edits(old[old_done:], new[new_done:])]
    return edits


def apply_edits(text: str, edits: list[Edit]) -> str:
    """Apply edits, given in order and not overlapping, to a text."""
    parts, done = [], 0
    for edit in edits:
        parts += [text[done : edit.start], edit.text]
        done = edit.end
    return "".join([*parts, text[done:]])


def _split_by_lines(old: str, edit: Edit) -> Iterator[Edit]:
    # Widen to whole lines, so that unchanged lines between two changed ones are seen as such.
    line_start = max(old.rfind("\n", 0, edit.start), old.rfind("\r", 0, edit.start)) + 1
    ending = _LINE_END.search(old, edit.end)
    line_end = ending.end() if ending else len(old)
    before: list[str] = _LINE.findall(old[line_start:line_end])
    after = _LINE.findall(old[line_start : edit.start] + edit.text + old[edit.end : line_end])
    offsets = [*accumulate(map(len, before), initial=line_start)]
    for i1, i2, j1, j2 in _changed_blocks(before, after):
        block = single_edit("".join(before[i1:i2]), "".join(after[j1:j2]))
        if block is not None:
            yield block.shifted(offsets[i1])


def _changed_blocks(before: list[str], after: list[str]) -> Iterator[tuple[int, int, int, int]]:
    """Yield which lines became which: `before[i1:i2]` became `after[j1:j2]`."""
    if _is_comparable(before, after):
        matcher = SequenceMatcher(_is_blank, before, after, autojunk=False)
        for tag, i1, i2, j1, j2 in matcher.get_opcodes():
            if tag != "equal":
                yield i1, i2, j1, j2
        return
    # Too much for one comparison: the lines between two anchors are compared by themselves.
    i, j = 0, 0
    for next_i, next_j in [*_anchors(before, after), (len(before), len(after))]:
        old, new = before[i:next_i], after[j:next_j]
        if _is_comparable(old, new):
            for i1, i2, j1, j2 in _changed_blocks(old, new):
                yield i + i1, i + i2, j + j1, j + j2
        else:
            yield i, next_i, j, next_j
        i, j = next_i + 1, next_j + 1


def _is_blank(text: str) -> bool:
    """Whether a line or a character is no sign of what was kept: there are many like it."""
    return not text.strip()


def _is_comparable(before: list[str], after: list[str]) -> bool:
    if max(len(before), len(after)) > LINE_DIFF_LIMIT:
        return False
    return _equal_pairs(before, after) <= LINE_PAIRS_LIMIT


def _anchors(before: list[str], after: list[str]) -> list[tuple[int, int]]:
    """Return where lines stand that occur once in either text, as many as are in the same order.

    The idea is Bram Cohen's patience diff: what occurs once says most of what went where.

        before    "", x, "", y, ""    after    "", y, "", "", x, z
        once in either: x at (1, 4), y at (3, 1); in the same order: one of them, x
    """
    old, new = _once(before), _once(after)
    pairs = [(index, new[line]) for line, index in old.items() if line in new]
    # The longest increasing run, by the smallest last place of a run of each length.
    last_places: list[int] = []
    last_pairs: list[int] = []
    previous: list[int] = []
    for number, (_, place) in enumerate(pairs):
        length = bisect_left(last_places, place)
        previous.append(last_pairs[length - 1] if length else -1)
        last_places[length : length + 1] = [place]
        last_pairs[length : length + 1] = [number]
    run: list[tuple[int, int]] = []
    number = last_pairs[-1] if last_pairs else -1
    while number >= 0:
        run.append(pairs[number])
        number = previous[number]
    return run[::-1]


def _once(lines: list[str]) -> dict[str, int]:
    counts = Counter(lines)
    return {line: index for index, line in enumerate(lines) if counts[line] == 1}


def _split_by_characters(removed: str, edit: Edit) -> Iterator[Edit]:
    if not removed or not edit.text or max(len(removed), len(edit.text)) > CHARACTER_DIFF_LIMIT:
        yield edit
        return
    if _equal_pairs(removed, edit.text) > CHARACTER_PAIRS_LIMIT:
        yield edit
        return
    matcher = SequenceMatcher(_is_blank, removed, edit.text, autojunk=False)
    # What lies between two runs that were kept is one edit.
    done_old = done_new = 0
    for old, new, size in _kept_runs(matcher, removed, shorter=min(len(removed), len(edit.text))):
        if old > done_old or new > done_new:
            yield Edit(done_old, old, edit.text[done_new:new]).shifted(edit.start)
        done_old, done_new = old + size, new + size


def _kept_runs(
    matcher: SequenceMatcher[str], removed: str, *, shorter: int
) -> Iterator[tuple[int, int, int]]:
    """Yield where runs of characters stand in both texts, and their lengths; last, the ends.

    Any two texts have letters in common. Where less than half of the shorter one is the same, only
    runs that say something are: a user who writes `text` instead of `line 1` has not kept the `e`.
    """
    runs = matcher.get_matching_blocks()
    are_alike = 2 * sum(run.size for run in runs) >= shorter
    for old, new, size in runs:
        if not size or are_alike or bits(removed[old : old + size]) >= KEPT_RUN_BITS:
            yield old, new, size


def _equal_pairs(before: Sequence[str], after: Sequence[str]) -> int:
    counts = Counter(before)
    return sum(counts[item] for item in after)
