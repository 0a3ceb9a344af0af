r"""What a region is to hold while its generation's code grows, and until it stands there.

At a place where nothing was selected that is the code so far, between a prefix and a suffix. Over a
selection it is the new text so far and behind it what is left of the old one. New lines are matched
with old ones as they come, greedily and never going back: a line that stays as it is is not
touched, and an old line goes only when a new one has come in its place.

    selected          a = 1\nb = 2\nc = 3
    code so far       a = 1\nb = 20\nc
    the region        a = 1\nb = 20\nc = 3
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import accumulate, islice

from streaming_code_generator.editing.mirror import (
    LineEnding,
    content_length,
    split_lines,
    with_line_ending,
)
from streaming_code_generator.editing.region import ForeignChange
from streaming_code_generator.editing.tracked_document import (
    Plan,
    Step,
    TrackedDocument,
    plan_towards,
)
from streaming_code_generator.settings.declarations import EditPace

SIMILAR_RATIO = 0.6
"""From which likeness on, as `difflib` measures it, a line is taken for the next one's new form."""
HELD_SHARE = 0.8
"""The same, from which share of the old line on the new one holds it."""
HELD_LEAST_CHARACTERS = 8
COMPARED_CHARACTERS = 400
"""Longer lines are compared by their beginnings: the cost grows with the square of the length."""

_CANDIDATES = 16
"""Most old lines with a common beginning that are looked at for one unfinished line."""
_LINE_END = re.compile(r"\r\n|\n|\r(?!\Z)")
_NO_WORD = re.compile(r"[\W_]+")
_BLOCK_WORD = re.compile(
    r"begin|break|catch|continue|default|do|done|else|end|endif|esac|except|fi|finally|loop|next"
    r"|pass|return|then|try",
    re.IGNORECASE,
)


class WantedText:
    """What a region is to hold while code for it grows.

    Growing costs nothing but keeping the new code: the text is built when it is asked for, which is
    when an edit can go out.
    """

    def __init__(
        self, original: str, *, prefix: str = "", suffix: str = "", pace: EditPace = "live"
    ) -> None:
        self._prefix, self._suffix, self._pace = prefix, suffix, pace
        self._rewrite = SelectionRewrite(original) if original else None
        self._code = ""
        self._new_code: list[str] = []

    def grow(self, code: str) -> None:
        """Add what has come of the code."""
        self._new_code.append(code)

    def text(self) -> str | None:
        """Return the text that the region is to hold now; None while no code is due."""
        self._code = "".join((self._code, *self._new_code))
        self._new_code.clear()
        due = self._code if self._pace == "live" else paced(self._code, self._pace)
        if not due:
            return None
        target = self._prefix + due
        return (self._rewrite.desired(target) if self._rewrite else target) + self._suffix


def paced(text: str, pace: EditPace) -> str:
    r"""Return the part of a growing text that is due: all of it, whole lines, or nothing yet.

    A line is due with its ending; a `\r` at the very end may be half of one and is not.
    """
    match pace:
        case "live":
            return text
        case "lines":
            complete = text.removesuffix("\r")
            return text[: max(complete.rfind("\n"), complete.rfind("\r")) + 1]
        case "once":
            return ""


class SelectionRewrite:
    """What a selection is to hold while a new text for it grows.

    One call costs little more than building its result.
    """

    def __init__(self, original: str) -> None:
        lines = [line for line in split_lines(original) if line]
        self._original = original
        self._contents = [line[: content_length(line)] for line in lines]
        self._offsets = list(accumulate(map(len, lines), initial=0))
        self._line_ending = lines[0][len(self._contents[0]) :] if lines else ""
        self._last_ending = self._line_ending if original.endswith(("\n", "\r")) else ""
        self._unique = _UniqueLines(self._contents)
        self._read = 0
        """Offset in the target behind its last line that is complete."""
        self._replaced = 0
        """How many of the old lines are gone."""
        self._next_is_going = False
        """Whether the next old line has got its new form, unless it still turns up itself."""

    def desired(self, target: str) -> str:
        """Return the text that the selection is to hold now.

        Args:
            target: All that has arrived of the new text; it begins with what had arrived before.
        """
        for line in self._new_lines(target):
            self._match(line)
        return self._shown(target)

    def _new_lines(self, target: str) -> Iterator[str]:
        while (end := _LINE_END.search(target, self._read)) is not None:
            line = target[self._read : end.start()]
            self._read = end.end()
            yield line

    def _match(self, line: str) -> None:
        """Take old lines out for one new, complete line."""
        # The old line had its new form in the line before, and has not turned up since.
        if self._next_is_going:
            self._take_out(self._replaced + 1)
        if line == self._next:
            self._take_out(self._replaced + 1)
        # One line was selected: whatever comes is instead of it.
        elif len(self._contents) == 1:
            self._take_out(1)
        # A line from further on: those that it has overtaken are gone.
        elif (later := self._unique.index(line)) is not None and later > self._replaced:
            self._take_out(later + 1)
        else:
            self._next_is_going = self._next is not None and _similar(line, self._next)

    @property
    def _next(self) -> str | None:
        """The first old line that is left."""
        left = self._replaced < len(self._contents)
        return self._contents[self._replaced] if left else None

    def _take_out(self, count: int) -> None:
        self._replaced = count
        self._next_is_going = False

    def _shown(self, target: str) -> str:
        # The line being written. Half of a CRLF is no line ending of its own.
        partial = target[self._read :].rstrip("\r")
        if self._next_is_going and not (self._next or "").startswith(partial):
            self._take_out(self._replaced + 1)
        if self._next is not None and self._may_stay_the_same(partial):
            return target[: self._read] + self._rest
        if len(self._contents) == 1:
            self._take_out(1)
        # An old line behind an unfinished new one must not be pulled up to it.
        closing = self._line_ending if self._next is not None else self._last_ending
        return target[: self._read] + partial + (closing if partial else "") + self._rest

    @property
    def _rest(self) -> str:
        return self._original[self._offsets[self._replaced] :]

    def _may_stay_the_same(self, partial: str) -> bool:
        """Whether an unfinished line may become an old one that is still there."""
        if not partial.strip() or (self._next or "").startswith(partial):
            return True
        return self._unique.has_beginning(partial, first=self._replaced)


class _UniqueLines:
    """The lines that occur only once and say something, to be found again wherever they are."""

    def __init__(self, lines: list[str]) -> None:
        counts = Counter(lines)
        self._index = {
            line: index
            for index, line in enumerate(lines)
            if counts[line] == 1 and _says_something(line)
        }
        self._sorted = sorted(self._index)

    def index(self, line: str) -> int | None:
        return self._index.get(line)

    def has_beginning(self, beginning: str, *, first: int) -> bool:
        """Whether one of the lines from `first` on begins so."""
        # Sorted, all lines with this beginning follow one another.
        start = bisect_left(self._sorted, beginning)
        for line in islice(self._sorted, start, start + _CANDIDATES):
            if not line.startswith(beginning):
                return False
            if self._index[line] >= first:
                return True
        return False


def _says_something(line: str) -> bool:
    """Whether a line is more than brackets, punctuation or a word that ends blocks."""
    words = _NO_WORD.sub("", line)
    return bool(words) and not _BLOCK_WORD.fullmatch(words)


def _similar(line: str, old: str) -> bool:
    """Whether a line may be an old one's new form, whatever their indentation."""
    line, old = line.strip()[:COMPARED_CHARACTERS], old.strip()[:COMPARED_CHARACTERS]
    if line == old:
        return True
    matcher = SequenceMatcher(None, line, old, autojunk=False)
    if (
        matcher.real_quick_ratio() > SIMILAR_RATIO
        and matcher.quick_ratio() > SIMILAR_RATIO
        and matcher.ratio() > SIMILAR_RATIO
    ):
        return True
    # The old line may be nearly all there: much was added, such as types to a signature.
    if len(old) < HELD_LEAST_CHARACTERS:
        return False
    runs = (block.size for block in matcher.get_matching_blocks())
    return sum(run for run in runs if run > 1) > HELD_SHARE * len(old)


@dataclass(slots=True)
class _Wish:
    text: str
    is_final: bool = False


class Wishes:
    """The wanted text of every region that wants any."""

    def __init__(self, document: TrackedDocument) -> None:
        self._document = document
        self._wishes: dict[str, _Wish] = {}
        self._running: set[str] = set()
        """The regions of generations that have not ended."""
        self._settled_texts: dict[str, str] = {}
        """By region, the text that it was last brought to for good."""
        self._line_ending: LineEnding | None = None
        """The one that the client turns ours into; None if it keeps them."""

    def __contains__(self, region_id: str) -> bool:
        """Whether a region wants text."""
        return region_id in self._wishes

    def __iter__(self) -> Iterator[str]:
        """Iterate over the regions that want text."""
        return iter(list(self._wishes))

    def is_running(self, region_id: str) -> bool:
        """Whether a region's generation has not ended."""
        return region_id in self._running

    def is_putting_back(self, region_id: str) -> bool:
        """Whether what stood in a region before its generation is to stand there for good."""
        wish = self._wishes.get(region_id)
        original = self._document.region(region_id).original
        return wish is not None and wish.is_final and wish.text == original

    def begin(self, region_id: str) -> None:
        """Let a region want text from now on."""
        self._running.add(region_id)

    def want(self, region_id: str, text: str) -> None:
        """Set what the region of a running generation should hold now."""
        if region_id in self._running:
            self._wishes[region_id] = _Wish(self._as_client_writes(text))

    def want_for_good(self, region_id: str, text: str) -> None:
        """Set what a region should hold at the end."""
        self._running.add(region_id)
        self._wishes[region_id] = _Wish(self._as_client_writes(text), is_final=True)

    def follow_original(self, region_id: str, before: str) -> None:
        """Put back what a region's original is now, if what it was before is to be put back.

        It is known only when the first edit lands: what the user had removed of it is no part.
        """
        wish, original = self._wishes.get(region_id), self._document.region(region_id).original
        if (
            wish
            and wish.is_final
            and original != before
            and wish.text == self._as_client_writes(before)
        ):
            wish.text = self._as_client_writes(original)

    def want_settled_again(self, region_id: str) -> None:
        """Want what a region was last brought to for good, unless it wants something else."""
        if region_id not in self._wishes and region_id in self._settled_texts:
            self.want_for_good(region_id, self._settled_texts[region_id])

    def stop(self, region_id: str) -> None:
        """Want nothing more of a region."""
        self._wishes.pop(region_id, None)
        self._running.discard(region_id)

    def forget(self, region_id: str) -> None:
        """Want nothing more of a region, nor what it was once brought to."""
        self.stop(region_id)
        self._settled_texts.pop(region_id, None)

    @property
    def has_final(self) -> bool:
        """Whether any region wants what it should hold at the end."""
        return any(wish.is_final for wish in self._wishes.values())

    def growth(self) -> tuple[Step, ForeignChange] | None:
        """Return the one step that is due, if only one region wants text, and that at its end."""
        if len(self._wishes) != 1:
            return None
        ((region_id, wish),) = self._wishes.items()
        return self._document.growth(region_id, wish.text)

    def plan(self) -> Plan:
        """Return the steps that bring all regions to what they want."""
        # Regions that hold what they want come to no step.
        return plan_towards(self._document, {key: wish.text for key, wish in self._wishes.items()})

    def settled(self, busy: set[str]) -> list[str]:
        """Return the regions that hold what they should hold at the end, and stop wanting it.

        Args:
            busy: Regions of which an edit is on its way.
        """
        held = [
            region_id
            for region_id, wish in self._wishes.items()
            if wish.is_final
            and region_id not in busy
            and self._document.region(region_id).own_text == wish.text
        ]
        for region_id in held:
            self._settled_texts[region_id] = self._wishes[region_id].text
            self.stop(region_id)
        return held

    def convert(self, line_ending: LineEnding) -> None:
        """Want every text with the line ending that the client writes instead of ours."""
        self._line_ending = line_ending
        for wish in self._wishes.values():
            wish.text = self._as_client_writes(wish.text)

    def _as_client_writes(self, text: str) -> str:
        """Return a text with the client's own line endings, where it has such."""
        return with_line_ending(text, self._line_ending) if self._line_ending else text
