"""Code that says only what changes: a diff, old and new text, "... existing code ...".

It is applied to the place that the code is for.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from streaming_code_generator.core.extract.parts import OLD_TEXT, CodeTarget, Surroundings, Tally
from streaming_code_generator.core.extract.response_lines import (
    BLANK,
    LINE_LIMIT,
    depth_of,
    has_opened,
)
from streaming_code_generator.core.syntax import inside_text

_HEADERS = ("diff ", "index ", "--- ", "+++ ", "new file", "deleted file", "*** ", "Index: ", "===")
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
        before = _common(hunk.old, hunk.new)
        old, new = hunk.old[before:], hunk.new[before:]
        behind = _common(old[::-1], new[::-1])
        old, new = old[: len(old) - behind], new[: len(new) - behind]
        if not hunk.old:
            if len(hunks) > 1:
                return Applied(problem="the answer is a diff that does not say where it belongs")
            return Applied(lines=list(new))
        place = _place(document, hunk.old, start, length)
        if place is None:
            return Applied(problem="the answer is a diff that does not fit what stands there")
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


PLACEHOLDER_LIMIT = 65_536
"""Most characters held from the first placeholder on: what it stands for is known at the end."""

_MARK = re.compile(r"[ \t]*(?:\{?/\*+|//+|#+|--+|<!--|;+|%+|\(\*|\{-)?[ \t]*")
_HAS_MARK = re.compile(r"[ \t]*(?:\{?/\*+|//+|#+|--+|<!--|;+|%+|\(\*|\{-)")
_END_MARK = re.compile(r"[ \t]*(?:\*+/\}?|-->|\*\)|-\})?[ \t]*$")
_DOTS = r"(?:\.{3,}|\u2026)"
_THING = r"(?:code|content|lines?|functions?|methods?|class(?:es)?|file|logic|implementation|body"
_THING += r"|imports?|fields?|properties|tests?|module|script|component|definitions?|rows?|parts?)"
_SAYS_SO = re.compile(
    rf"""
    {_DOTS} [\s\])]* \W*                                              # "..."
  | {_DOTS} .* \b(?:existing|rest|remain\w*|other|same|unchanged|previous|omitted|as\ before|code
      |here|implementation|more|keep|etc|above|below|original|continue[sd]?)\b .*   # "... rest"
  | {_DOTS} .* {_DOTS}                                               # "... anything ..."
  | [(\[{{<]* \s* (?:the\ )?(?:rest|remainder)\ of\ (?:the\ |your\ )?\w+(?:\ \w+){{0,2}}
      (?:\ (?:remains?|stays?|is|are|goes|unchanged|here|as)\b .*)? \W*
  | [(\[{{<]* \s* (?:your\ |the\ |all\ )?existing\ {_THING}(?:\ (?:here|above|below|goes|remains?
      |stays?|unchanged|continues)\b .*)? \W*
  | [(\[{{<]* \s* (?:the\ )?(?:other|remaining|previous)\ {_THING}\ (?:here|remains?|stays?
      |unchanged|as\ before|go(?:es)?|above|below)\b .*
  | [(\[{{<]* \s* (?:unchanged|same\ as\ (?:before|above)|no\ changes?(?:\ here)?) \W*
  | (?:[\w-]+\ ){{1,4}}(?:remains?\ |stays?\ )?unchanged\W*
  | [(\[{{<]* \s* keep\ (?:the\ )?(?:rest|existing|other)\b .*
    """,
    re.VERBOSE | re.IGNORECASE,
)
_BEGINNINGS = (
    *("...", "\u2026", "(", "[", "{", "<", "rest of", "the rest of", "the remainder of"),
    *("remainder of", "existing ", "your existing", "the existing", "all existing", "other "),
    *("the other", "remaining ", "the remaining", "previous ", "the previous", "unchanged"),
    *("same as", "no change", "keep "),
)
_MAY_BE_UNCHANGED = re.compile(r"[\w-]{1,24}(?: [\w-]{0,24}){0,6}\W{0,3}")
"""Matches the beginning of "all other fields stay unchanged"."""
_MARKS = ("/*", "//", "{/*", "<!--", "--", "(*", "{-", "...")
_FIRST = frozenset("#/-<;%({[.\u2026+")
_ADDED = re.compile(r"\+[ \t]{1,64}\S")
_MAY_BE_ADDED = re.compile(r"\+[ \t]{0,64}")
_CLOSERS = re.compile(r"(?:[\])}]+[;,:]?|end|fi|done|esac|</\w+>)")


def is_placeholder(line: str, language_id: str) -> bool:
    """Whether a line stands for code that is not repeated."""
    body = _END_MARK.sub("", _MARK.sub("", line, count=1))
    if not body or not _SAYS_SO.fullmatch(body.strip()):
        return False
    if _HAS_MARK.match(line):
        return True
    # In Python `...` is a statement; without a comment mark only dots make a placeholder.
    return body.startswith("\u2026") or (
        body.startswith("...") and (language_id != "python" or len(body.strip(". ")) > 1)
    )


def _may_be_placeholder(beginning: str) -> bool:
    start = beginning.lstrip(BLANK)
    if not start:
        return True
    if any(mark.startswith(start) for mark in _MARKS):
        return True
    body = _MARK.sub("", beginning, count=1).lower()
    if not body or _MAY_BE_ADDED.fullmatch(beginning):
        return True
    if not _HAS_MARK.match(beginning):
        return body[0] in ".\u2026" and ("...".startswith(body[:3]) or body[0] == "\u2026")
    return _MAY_BE_UNCHANGED.fullmatch(body) is not None or any(
        known.startswith(body) or body.startswith(known) for known in _BEGINNINGS
    )


class Placeholders:
    """Fills in, from the selection, what lines stand for, or drops them where they say nothing.

    The code is handed on as it comes up to the first of them. What they stand for is known once the
    lines around them are, so the rest is held to the end.
    """

    def __init__(self, target: CodeTarget, tally: Tally) -> None:
        self._target = target
        self._tally = tally
        self._line = ""
        self.is_inside_line = False
        """Whether the line has begun, and is no placeholder."""
        self.written: list[str] = []
        """The code before the first placeholder."""
        self._rest: list[str] | None = None
        """From the first placeholder on, whole lines."""
        self._rest_length = 0

    @property
    def held_back(self) -> int:
        """Characters that may be a placeholder, or behind one."""
        return len(self._line) + self._rest_length

    def feed(self, segment: str) -> str:  # noqa: PLR0911 - most lines are done with at once
        """Return what stands before the first placeholder."""
        if self.is_inside_line:
            self.is_inside_line = not segment.endswith("\n")
            self.written.append(segment)
            return segment
        if self._rest is None and not self._line:
            start = segment.lstrip(BLANK)
            if start and start[0] not in _FIRST:
                self.is_inside_line = not segment.endswith("\n")
                self.written.append(segment)
                return segment
        self._line += segment
        if self._rest is not None:
            if segment.endswith("\n") or len(self._line) > PLACEHOLDER_LIMIT:
                self._hold(self._take_line())
            return ""
        start = self._line.lstrip(BLANK)
        if start and start[0] not in _FIRST:
            return self._pass(segment)
        line = self._line.removesuffix("\n")
        if not segment.endswith("\n"):
            may_be = len(line) <= LINE_LIMIT and _may_be_placeholder(line)
            return "" if may_be else self._pass(segment)
        if not is_placeholder(line, self._target.language_id):
            return self._pass(segment)
        self._rest = []
        self._hold(self._take_line())
        return ""

    def _hold(self, line: str) -> None:
        assert self._rest is not None  # noqa: S101 - a placeholder has come
        self._rest.append(line)
        self._rest_length += len(line)
        if self._rest_length > PLACEHOLDER_LIMIT:
            self._tally.refuse("the answer leaves parts out and is too long to be filled in")
            self._tally.drop("placeholder", "".join(self._rest))
            self._rest, self._rest_length = [], 0

    def finish(self) -> str:
        """Return the rest, with what the placeholders stand for, if that is known."""
        line = self._take_line()
        if self._rest is None:
            if not is_placeholder(line, self._target.language_id):
                return line
            self._rest = []
        if line:
            self._rest.append(line)
        rest, self._rest = self._rest, None
        return self._filled_in(rest)

    def _pass(self, segment: str) -> str:
        self.is_inside_line = not segment.endswith("\n")
        text = self._take_line()
        if _ADDED.match(text) and self._target.language_id and not self._target.is_prose:
            # Behind "- a" it goes on with a term; in a string it is a line of that.
            above = "".join(self.written)
            is_term = not above.strip() or above.lstrip().startswith(("-", "+"))
            if not is_term and not inside_text(above, self._target.language_id):
                self._tally.refuse("the answer marks some lines as new, and is no diff")
        self.written.append(text)
        return text

    def _take_line(self) -> str:
        line, self._line = self._line, ""
        return line

    def _filled_in(self, rest: Sequence[str]) -> str:
        parts: list[list[str]] = ["".join(self.written).split("\n")]
        for line in rest:
            text = line.removesuffix("\n")
            if is_placeholder(text, self._target.language_id):
                self._tally.drop("placeholder", text)
                parts.append([])
            else:
                parts[-1].append(text)
        parts = [[line for line in part if line.strip()] and part for part in parts]
        if not any(parts):
            return ""
        # Code before and code behind a placeholder: what is between them in the selection?
        #
        #     selection      answer                       filled in
        #     a = first()    a = second()                 a = second()
        #     more()         // ... existing code ...     more()
        #     last()         last()                       last()
        selected = self._target.surroundings.selected
        filled = _between(parts, selected) if selected else _alone(parts)
        rest_text = "\n".join(line for part in parts[1:] for line in part)
        if filled is None:
            self._tally.refuse(
                "the answer leaves out code that is there already, and it is not clear where"
            )
            self._tally.drop("refused", rest_text)
            return ""
        if selected and all(_CLOSERS.fullmatch(line.strip()) for line in parts[-1] if line):
            # What closes the class around the selection, which has its own end.
            before = [line for part in (parts[0], *filled[:-1]) for line in part]
            filled[-1] = _opened(before, [line for line in parts[-1] if line])
            closing = "\n".join(parts[-1])
            self._tally.unwrap("repetition", closing, "\n".join(filled[-1]))
        text = "\n".join(line for part in filled for line in part)
        if selected:
            # What was filled in is every other part, beside what was answered.
            self._tally.add("\n".join(line for part in filled[::2] for line in part))
        else:
            self._tally.unwrap("repetition", rest_text, text)
        return text


def _alone(parts: Sequence[list[str]]) -> list[list[str]] | None:
    """Return what follows the first placeholder, if all that is new is in one part."""
    #     class Stack         repeated, and gone by now
    #       # ... existing
    #       def empty?        the only new part
    #       end
    #       # ... existing
    #     end                 closes what the part has not opened: stands below
    new = [
        part
        for part in parts
        if any(line and not _CLOSERS.fullmatch(line.strip()) for line in part)
    ]
    if len(new) > 1:
        return None
    number = parts.index(new[0]) if new else 0
    behind = [line for part in parts[number + 1 :] for line in part if line.strip()]
    behind = _opened(parts[number], behind)
    return [parts[number], behind] if number else [behind]


def _opened(code: Sequence[str], closing: Sequence[str]) -> list[str]:
    """Return those of some closing lines behind code that close what it has opened."""
    kept = list(code)
    for line in closing:
        if _has_opened("\n".join(kept), line.strip()):
            kept.append(line)
    return kept[len(code) :]


def _has_opened(code: str, closing: str) -> bool:
    brackets = dict(zip(")]}", "([{", strict=True))
    if closing[0] in brackets:
        return code.count(brackets[closing[0]]) > code.count(closing[0])
    return has_opened(code, closing, depth_of(code.lstrip("\n")))


def _between(parts: Sequence[list[str]], selected: Sequence[str]) -> list[list[str]] | None:
    """Return what goes in for each placeholder, each followed by the part behind it."""
    lines = [line.strip() for line in selected]
    at = 0
    filled: list[list[str]] = []
    for number, part in enumerate(parts[1:], 1):
        before = parts[number - 1]
        start = _behind(before, lines, at) if before else at
        if start is None:
            return None
        end = len(lines)
        if any(line.strip() for line in part):
            found = _first_of(part, lines, start, is_last=number == len(parts) - 1)
            if found is None:
                return None
            end = found
        shift = _shift(before, part, selected)
        between = [
            " " * max(0, depth_of(line) - shift) + line.lstrip(BLANK) if line.strip() else ""
            for line in selected[start:end]
        ]
        filled += [between, part]
        at = end
    return filled


def _behind(part: Sequence[str], lines: Sequence[str], at: int) -> int | None:
    """Return the line behind the last one of a part that is found among others."""
    texts = [line.strip() for line in part if line.strip()]
    for number in range(len(texts) - 1, -1, -1):
        found = [index for index in range(at, len(lines)) if lines[index] == texts[number]]
        if len(found) == 1:
            index = found[0] + 1
            for text in texts[number + 1 :]:
                if index < len(lines) and lines[index] == text:
                    index += 1
            return index
    # No line of it stands there: the first takes the place of one that it resembles, or is new.
    if at or len(texts) > 1 or len(lines) <= 1:
        return None
    words = [set(re.findall(r"\w+", text)) for text in (texts[0], lines[0])] if texts else []
    return len(texts) if set.intersection(*words or [set()]) else 0


def _first_of(
    part: Sequence[str], lines: Sequence[str], start: int, *, is_last: bool
) -> int | None:
    """Return where the first line of a part that is found among others stands."""
    texts = [line.strip() for line in part if line.strip()]
    found = [index for index in range(start, len(lines)) if lines[index] == texts[0]]
    if is_last and texts == [text for text in lines[len(lines) - len(texts) :] if text]:
        return len(lines) - len(texts)
    return found[0] if len(found) == 1 else None


def _shift(before: Sequence[str], behind: Sequence[str], selected: Sequence[str]) -> int:
    """Return by how many columns the answer's lines are less deep than the document's."""
    depths = {line.strip(): depth_of(line) for line in reversed(selected) if line.strip()}
    for line in [*reversed(before), *behind]:
        if line.strip() in depths:
            return depths[line.strip()] - depth_of(line)
    return 0
