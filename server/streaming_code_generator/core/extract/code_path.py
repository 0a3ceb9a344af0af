"""The way of code through the filter, into the form in which it is to stand in the document.

Out of its dress, without repetitions, with such characters, indentation and line endings as the
document has.
"""

import re

from streaming_code_generator.core.extract.diffs import Placeholders
from streaming_code_generator.core.extract.dress import Dress
from streaming_code_generator.core.extract.parts import CodeTarget, Tally
from streaming_code_generator.core.extract.repetition import (
    OverlapAfter,
    OverlapBefore,
    RepeatedAbove,
    RepeatedBelow,
)
from streaming_code_generator.core.extract.response_lines import (
    BLANK,
    TAB_COLUMNS,
    columns,
    segments,
)
from streaming_code_generator.core.extract.wording import without_remark


class CodePath:
    """Reads code, a line's worth at most at a time, and returns what is to be inserted."""

    def __init__(self, target: CodeTarget, tally: Tally) -> None:
        self._tally = tally
        self._characters = Characters(target, tally)
        self._dress = Dress(target, tally)
        self._above = RepeatedAbove(target, tally)
        self._placeholders = Placeholders(target, tally)
        self._layout = Layout(target, tally)
        self._flush = FlushFirstLine(target, self._layout.indentation)
        self._is_plain = False
        """Whether the code has shown that it is not dressed up and repeats nothing above it."""
        self.looks_at = self._layout.looks_at
        """What is looked at within a line, besides `LOOKED_AT`."""

    @property
    def held_back(self) -> int:
        """Characters that may turn out to be no code, or not to be new."""
        holders = (
            self._characters,
            self._dress,
            self._above,
            self._placeholders,
            self._flush,
            self._layout,
        )
        return sum(holder.held_back for holder in holders)

    @property
    def passes_line(self) -> bool:
        """Whether the current line's rest is inserted as it comes."""
        return (
            self._is_plain
            and not self._characters.held
            and self._placeholders.is_inside_line
            and self._layout.passes_line
        )

    def expect_diff(self) -> None:
        """Take what comes for a diff."""
        self._dress.expect_diff()

    def feed(self, segment: str) -> str:
        """Return what is certain to be inserted."""
        segment = self._characters.feed(segment)
        if self._is_plain:
            text = self._placeholders.feed(segment)
            return self._layout.feed(text) if text else text
        shown = self._to_layout(self._dress.feed(segment))
        self._is_plain = (
            self._dress.is_passing and self._above.is_passing and self._flush.is_passing
        )
        return shown

    def finish(self) -> str:
        """Return what was held back and is to be inserted."""
        shown = self._to_layout(self._dress.feed(self._characters.finish()))
        shown += self._to_layout(self._dress.finish())
        shown += self._to_placeholders(self._above.finish())
        shown += self._to_flush(self._placeholders.finish())
        shown += self._lay_out(self._flush.finish()) + self._layout.finish()
        if self._above.has_header_of_place(self._placeholders.written) or (
            self._above.has_dropped_header and self._layout.closes_the_place
        ):
            self._tally.refuse(
                "the answer rewrites more than the place; select all that may change"
            )
        return shown

    def _to_layout(self, text: str) -> str:
        return "".join(
            self._to_placeholders(self._above.feed(segment)) for segment in segments(text)
        )

    def _to_placeholders(self, text: str) -> str:
        return "".join(
            self._to_flush(self._placeholders.feed(segment)) for segment in segments(text)
        )

    def _to_flush(self, text: str) -> str:
        return "".join(self._lay_out(self._flush.feed(segment)) for segment in segments(text))

    def _lay_out(self, text: str) -> str:
        return "".join(self._layout.feed(segment) for segment in segments(text))


_NO_BREAK_SPACE = "\u00a0"
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"', "&#39;": "'", "&#x27;": "'"}
_ENTITIES |= {"&apos;": "'", "&nbsp;": " "}
_ENTITY = re.compile("|".join(_ENTITIES))
_BEGUN = re.compile(r"&(?:#?\w{0,4})?\Z")
_SIGN = re.compile(r"[<>&]")
_QUOTE = re.compile(r"[\"'`]")
_MARKUP = {"html", "xml", "xsl", "svg", "vue", "svelte", "php", "markdown", "mdx", "astro"}
_MARKUP |= {"javascriptreact", "typescriptreact", "handlebars", "vue-html", "jinja", "erb"}


class Characters:
    """Writes such characters as code has them. In quotes they may be meant."""

    def __init__(self, target: CodeTarget, tally: Tally) -> None:
        self._tally = tally
        self._is_off = target.is_prose or not target.language_id
        self._may_be_escaped = target.language_id not in _MARKUP
        """Whether nothing has shown yet that the code is not escaped."""
        self._is_escaped = False
        self._has_quote = False
        """Whether the current line is known to have a quotation mark."""
        self._unread: list[str] = []
        """What of the line has not been looked at for that."""
        self.held = ""

    @property
    def held_back(self) -> int:
        """Characters that may be an escape."""
        return len(self.held)

    def feed(self, segment: str) -> str:
        """Return the code, at most to its line's end, as far as it is known."""
        if self._is_off:
            return segment
        if self.held or "&" in segment or (self._may_be_escaped and _SIGN.search(segment)):
            segment = self._unescaped(self.held + segment)
        if _NO_BREAK_SPACE in segment and not self._is_quoted(""):
            quote = _QUOTE.search(segment)
            end = quote.start() if quote else len(segment)
            segment = segment[:end].replace(_NO_BREAK_SPACE, " ") + segment[end:]
        self._unread.append(segment)
        if segment[-1:] == "\n":
            self._unread.clear()
            self._has_quote = False
        return segment

    def finish(self) -> str:
        """Return what was held back."""
        held, self.held = self.held, ""
        return held

    def _unescaped(self, text: str) -> str:
        #     if (a &lt; b)            outside quotes no code has this: all of it is escaped
        #     if (a < b && c)          a sign as it is: nothing is
        #     s.replace("&lt;", "<")   in quotes first: not known before the "<"
        self.held = ""
        begun = _BEGUN.search(text) if self._may_be_escaped or self._is_escaped else None
        if begun is not None:
            text, self.held = text[: begun.start()], begun[0]
        if self._may_be_escaped:
            for sign in _SIGN.finditer(text):
                entity = _ENTITY.match(text, sign.start())
                if entity is None:
                    self._may_be_escaped = False
                    break
                if not self._is_quoted(text[: sign.start()]):
                    self._may_be_escaped, self._is_escaped = False, True
                    return text[: sign.start()] + _ENTITY.sub(self._sign, text[sign.start() :])
        return _ENTITY.sub(self._sign, text) if self._is_escaped else text

    def _sign(self, entity: re.Match[str]) -> str:
        sign = _ENTITIES[entity[0]]
        self._tally.drop("escape", entity[0])
        self._tally.add(sign)
        return sign

    def _is_quoted(self, before: str) -> bool:
        """Whether there is a quotation mark on the line so far."""
        self._has_quote = self._has_quote or _QUOTE.search("".join(self._unread)) is not None
        self._unread.clear()
        return self._has_quote or _QUOTE.search(before) is not None


_DEFAULT_UNIT = 4
_UNITS = (2, 4)
"""Widths, in columns, of a first change of indentation that are taken for the model's unit. Others,
such as the 14 columns of an argument below its bracket, are alignment."""


class Indentation:
    """Gives every line the document's indentation, keeping its difference to the first line."""

    def __init__(self, target: CodeTarget) -> None:
        self._base = target.base_indent
        self._unit = target.indent_unit
        width = len(self._unit) if self._unit and "\t" not in self._unit else _DEFAULT_UNIT
        self._last_level = re.compile(rf"(?:\t| {{1,{width}}})\Z")
        self._model_unit: int | None = None
        self._first: int | None = None
        self._first_may_be_stray = False

    def begin(self, column: int) -> None:
        """Count from the first line's column on."""
        self._first = column
        self._first_may_be_stray = column == 1

    def is_first(self, column: int) -> bool:
        """Whether a line is as deep as the first one."""
        return column == self._first and not self._first_may_be_stray

    def move_to(self, indent: str) -> None:
        """Let what is as deep as the first line stand at another indentation from now on."""
        self._base = indent

    def count_from(self, column: int, unit: int | None = None) -> None:
        """Count from another column: the first line had lost its indentation."""
        self._first = column
        self._first_may_be_stray = False
        self._model_unit = unit

    def of(self, column: int, blanks: str) -> str:
        """Return the indentation of a later line that the model began at `column`, by `blanks`."""
        if self._first_may_be_stray:
            # Tokenizers put a stray space before an answer. The second line shows whether one
            # space is that, or an indented block:   " a", "b" -> 0    " a", " b" -> 1
            self._first_may_be_stray = False
            self._first = column % 2
        difference = column - (self._first or 0)
        if not self._unit and difference > 0:
            own = "\t" * (difference // TAB_COLUMNS) if "\t" in blanks else " " * difference
            return self._base + own
        if self._model_unit is None and abs(difference) in _UNITS:
            self._model_unit = abs(difference)
        # Base "    ", unit a tab; the model wrote two spaces a level, its first line at column 2:
        #
        #     model's line    column    difference    document's indentation
        #     "  if x:"       2         (first line)  "    "
        #     "    y()"       4         2             "    " + one tab
        #     "      z)"      6         4             "    " + two tabs
        #     "     # 7"      5         3             "    " + one tab + " "   (alignment stays)
        #     "end"           0         -2            one level less than "    "
        if self._model_unit is None and difference > 0 and "\t" not in blanks:
            return self._base + " " * difference
        levels, spaces = divmod(difference, self._model_unit or _DEFAULT_UNIT)
        if levels >= 0:
            return self._base + self._unit * levels + " " * spaces
        indent = self._base
        for _ in range(-levels):
            if not indent:
                return ""
            indent = self._last_level.sub("", indent)
        return indent + " " * spaces


_GOES_DEEPER = re.compile(
    r"(?::\s*-?[?%]>|[:{(\[\\=+*/|&-]|=>|->|\b(?:do|then|else|begin|and|or|where|of)"
    r"|:\s*>[+-]?|\bfunction\s*\([^()]*\))\s*$"
    r"|^\s*<(?!(?:area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr)\b)"
    r"[A-Za-z](?:[^<>]*[^<>/])?(?:>\s*)?$|^[^()]+\)\s*$"
    r"|^\s*(?:if|for|foreach|while|else if|catch)\b.*\)\s*$|=\s*(?:if|case|unless)\b"
    r"|^\s*(?:Feature|Rule|Background|Scenario(?: Outline| Template)?|Examples?):"
    r"|^\s*(?:def|class|module|if|unless|while|until|for|case|begin|function|local function|sub"
    r"|proc|switch|else|elsif|try|with|match|loop)\b(?!.*[;:].*\S)"
    r"|^\s*(?i:SELECT|FROM|WHERE|SET|VALUES|GROUP BY|ORDER BY|HAVING)\s*$"
)
_REMARK = re.compile(r"(?:#(?![!\[])|//|--|/\*|;|%)(?!.*\{$)")
_BRACKETS = {"(": ")", "[": "]", "{": "}"}
_CONTINUES = re.compile(r"[.?|&+*>=]|/(?![/*])|<(?![/!A-Za-z])|:[^:]|(?:and|or)\b")
_CLOSES = re.compile(r"[\])}]|</|(?:end|fi|done|esac)\b")
_TELLING_LENGTH = 5
"""So many characters show whether a line goes on with the one above, or closes something."""
_MOST_BLANKS = 1_000
"""Further blanks at the beginning of a line are no indentation."""


def _is_below_word(first: str, depth: int) -> bool:
    """Whether a line that deep is aligned with the first one: `b` below the `a` of `call(a,`."""
    before = first[max(0, depth - 1) :]
    begins_word = len(before) > 1 and not before[1].isspace()
    is_odd = depth % 2 == 1 and depth > 1 and before[:1] == " "
    closing = _BRACKETS.get(before[:1])
    is_inside = closing is not None and before.count(before[0]) > before.count(closing)
    return begins_word and (is_odd or is_inside)


class FlushFirstLine:
    """Passes code on, and gives the layout the column to count from once the second line shows.

    The code goes on where the cursor is, behind the indentation of its line. Some models leave out
    what stands there already, and indent the other lines as in the file.
    """

    def __init__(self, target: CodeTarget, indentation: Indentation) -> None:
        self._base = columns(target.base_indent)
        self._unit = columns(target.indent_unit)
        levels = max(1, self._base // (self._unit or _DEFAULT_UNIT))
        self._origins = dict.fromkeys((self._base, *(levels * unit for unit in _UNITS)))
        """Where the place is in the file, by the document's own unit and by those of models."""
        self._steps = {origin: origin // levels for origin in self._origins}
        self._steps[self._base] = self._unit
        self._indentation = indentation
        self.is_passing = not self._base
        self._first = ""
        """The first line that is not blank."""
        self._has_first = False
        self._held = ""
        """What a later line begins with."""
        self._is_inside_line = False
        self._depth: int | None = None
        """Where the lines stand that are one level deeper than the first, whatever the unit is."""

    @property
    def held_back(self) -> int:
        """Characters at the beginning of a later line."""
        return len(self._held)

    def feed(self, segment: str) -> str:
        """Return what can be laid out."""
        if self.is_passing:
            return segment
        if not self._has_first:
            self._first += segment
            if not self._first.strip():
                self._first = "" if segment.endswith("\n") else self._first
                return segment
            if self._first[0] in BLANK:
                self.is_passing = True
            self._has_first = segment.endswith("\n")
            return segment
        if not self._is_inside_line:
            self._held += segment
            start = self._held.lstrip(BLANK)
            is_open = not segment.endswith("\n")
            if is_open and len(start) < _TELLING_LENGTH and len(self._held) < _MOST_BLANKS:
                return ""
            segment = self.finish()
        self._is_inside_line = not segment.endswith("\n")
        return segment

    def finish(self) -> str:
        """Return what was held back."""
        held, self._held = self._held, ""
        if not held.strip():
            return held
        start = held.lstrip(BLANK)
        blanks = held[: len(held) - len(start)]
        depth = columns(blanks)
        if self._depth is None:
            origin = self._origin(depth, start, is_tab="\t" in blanks)
            self._indentation.count_from(origin)
        elif depth != self._depth:
            # Two columns more or less mean levels of two.
            origin = _UNITS[0] if depth % _DEFAULT_UNIT else 0
            self._indentation.count_from(origin, self._depth - origin)
            self._depth = None
        self.is_passing = self._depth is None
        return held

    def _origin(self, depth: int, start: str, *, is_tab: bool) -> int:
        # The place is 4 columns deep, which is one level, and the first line has none:
        #
        #     "x = 1", then column 4, or 2    as deep as the place: as in the file
        #     "if x:", then column 8          a level deeper than the place: as in the file
        #     "if x:", then column 2          a level deeper than the first: counted from that
        #     "if x:", then column 4          either, in levels of two or of four; the first line
        #                                     of another depth shows: 2 and 6, or 0 and 8
        first = without_remark("" if _REMARK.match(self._first) else self._first)
        if _is_below_word(first, depth):
            return 0
        has_open_bracket = any(first.count(a) > first.count(b) for a, b in _BRACKETS.items())
        opens = (
            has_open_bracket
            or _GOES_DEEPER.search(first)
            or (first.startswith("- ") and not start.startswith("- "))
        )
        is_brace_below = start.rstrip() == "{" and not has_open_bracket and first[-1:] == ")"
        is_closing = _CLOSES.match(start) or is_brace_below
        if is_closing or not (opens or _CONTINUES.match(start)):
            at = depth in self._origins
            return depth if at else self._base if depth > self._base else 0
        # "a" and "|> b" at 4 where levels are of 2: two levels deeper than the first is too deep.
        if depth == self._base > self._unit and (start[0] == "|" or depth not in _UNITS):
            return depth
        if depth == _DEFAULT_UNIT and _UNITS[0] in self._origins and not is_tab:
            self._depth = depth
            return 0
        deeper = (origin for origin, step in self._steps.items() if depth == origin + step)
        origin = next(deeper, self._base if 0 < depth - self._base <= 2 * _DEFAULT_UNIT else 0)
        return 0 if depth in _UNITS else origin


class ClosingTagOfPhp:
    """Drops `?>` from the code's end if the document has opened what it closes."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._open = 0
        """How many tags the code has opened and not closed."""
        self._read = ""
        """The last character counted, which may be half a tag."""
        self.held = ""

    def feed(self, text: str) -> str:
        """Return what is certain to stay."""
        # Behind "<?php" in the document, whose repetition is gone already:
        #
        #     echo date("Y");⏎?>             closes what the code has not opened: dropped at the end
        #     <?php endif; ?>                 closes its own
        #     ?>⏎<p><?= $name ?></p>⏎<?php   more follows, so it is meant
        text = self.held + text
        kept = len(_TAG_AT_END.sub("", text))
        text, self.held = text[:kept], text[kept:]
        counted = self._read + text
        self._open += counted.count("<?") - counted.count("?>")
        self._read = counted[-1:]
        return text

    def finish(self) -> str:
        """Return the tag, unless it is superfluous."""
        held, self.held = self.held, ""
        if held.strip() == "?>" and self._open <= 0:
            self._tally.drop("repetition", held)
            return ""
        return held


_TAG_AT_END = re.compile(r"\n\s*\?(?:>\s*)?\Z")
"""Matches the tag on a line of its own."""


_METHOD = re.compile(r"(?:async )?def \w+\((?:self|cls)\b|@\w")
_MAY_BE_METHOD = re.compile(r"@|a[sync]{0,4} ?|(?:async )?(?:d|de|def|def \w{0,80}(?:\(\w{0,4})?)")
"""Matches the beginnings of those, and more."""


def _method_around(target: CodeTarget) -> str | None:
    """Return the indentation of the method that the code is the body of, if it is Python's."""
    depth = columns(target.base_indent)
    if target.language_id != "python" or not depth:
        return None
    for line in reversed(target.surroundings.above):
        start = line.lstrip(BLANK)
        indent = line[: len(line) - len(start)]
        if start and columns(indent) < depth:
            return indent if _METHOD.match(start) else None
    return None


class Layout:
    """Indents, drops blank lines at both ends and repetitions, and ends lines as the document does.

    A line end is given out together with the line behind it, so the code never ends with one.
    Until then it is only counted, which is why any number of blank lines holds back no text.
    """

    def __init__(self, target: CodeTarget, tally: Tally) -> None:
        self._target = target
        self._line_ending = target.line_ending
        self.indentation = Indentation(target)
        self._before = OverlapBefore(target, tally)
        self._after = OverlapAfter(target.text_after, tally)
        self._below = RepeatedBelow(target, tally)
        self._end = ClosingTagOfPhp(tally) if target.language_id == "php" else None
        self._first_line_open = True
        self._inside_line = False
        self._blanks = ""
        """What the current line begins with, as far as it can matter."""
        self._first_blanks = ""
        """What the first line began with."""
        self._line_ends = 0
        self._method = _method_around(target)
        self._start = ""
        """The beginning of a line that may be that of another method."""
        self.looks_at = self._after.begins_with
        """What a repetition of the text behind the cursor begins with."""

    @property
    def passes_line(self) -> bool:
        """Whether the current line's rest passes as it comes, but for what is looked at."""
        return (
            self._inside_line
            and not self._first_line_open
            and not self._after.matched
            and self._below.passes_line
            and not (self._end and self._end.held)
        )

    @property
    def held_back(self) -> int:
        """Characters that may repeat what stands around the insertion point."""
        end = len(self._end.held) if self._end else 0
        end += len(self._start)
        return self._before.held_back + self._after.held_back + self._below.held_back + end

    @property
    def closes_the_place(self) -> bool:
        """Whether the code closes what the document has opened and closes itself."""
        return self._below.closes_the_place

    def feed(self, segment: str) -> str:
        r"""Lay out at most one line's worth: a `\n` may only be the segment's last character."""
        line = segment.removesuffix("\n")
        text = self._within_line(line)
        if len(line) < len(segment):
            text += self._begin_line()
            text += self._close_first_line() if self._inside_line else ""
            if not self._first_line_open:
                self._line_ends += 1
            self._inside_line, self._blanks = False, ""
        text = self._after.feed(self._below.feed(text))
        if self._end is not None:
            text = self._end.feed(text)
        return text if self._line_ending == "\n" else text.replace("\n", self._line_ending)

    def finish(self) -> str:
        """Return what was held back and is to stand in the document."""
        text = self._below.feed(self._begin_line() + self._close_first_line())
        text += self._below.finish()
        text = self._after.feed(text) + self._after.finish()
        if self._end is not None:
            text = self._end.feed(text) + self._end.finish()
        return text.replace("\n", self._line_ending)

    def _within_line(self, text: str) -> str:
        if self._inside_line:
            return self._body(text)
        body = text if self._start else text.lstrip(BLANK)
        if len(self._blanks) < _MOST_BLANKS:
            self._blanks += text[: len(text) - len(body)]
        self._start += body
        if not self._start or self._may_be_method():
            return ""
        return self._begin_line()

    def _may_be_method(self) -> bool:
        return (
            self._method is not None
            and not self._first_line_open
            and self.indentation.is_first(columns(self._blanks))
            and _MAY_BE_METHOD.fullmatch(self._start) is not None
        )

    def _begin_line(self) -> str:
        body, self._start = self._start, ""
        if not body:
            return ""
        self._inside_line = True
        if self._first_line_open:
            self._first_blanks = self._blanks
            self.indentation.begin(columns(self._blanks))
            return self._body(body)
        # Line ends come out in front of the next line that has text, so that code never ends with
        # one; blank lines between get no indentation.
        line_ends, self._line_ends = self._line_ends, 0
        # A block in a list is five deep, say: a tab behind those five blanks is one level, while
        # counted from the margin it would end at column 8.
        first = self._first_blanks if self._blanks.startswith(self._first_blanks) else ""
        column = columns(first) + columns(self._blanks[len(first) :])
        # Behind "return 1", the body of a method, comes "def other(self):", just as deep.
        if self._method is not None and self.indentation.is_first(column) and _METHOD.match(body):
            self.indentation.move_to(self._method)
        return "\n" * line_ends + self.indentation.of(column, self._blanks) + self._body(body)

    def _body(self, text: str) -> str:
        if not self._first_line_open:
            return text
        resolved = self._before.feed(text)
        return "" if resolved is None else self._first_line(*resolved)

    def _close_first_line(self) -> str:
        if not self._first_line_open or not self._inside_line:
            return ""
        return self._first_line(*self._before.finish())

    def _first_line(self, text: str, repeats: bool) -> str:  # noqa: FBT001 - one result, unpacked
        self._first_line_open = False
        return text if repeats else self._lead() + text

    def _lead(self) -> str:
        """Return what the first line needs before it: indentation, or a space after a word."""
        before = self._target.text_before
        if before.strip(BLANK):
            needs_space = self._first_blanks and before[-1] not in BLANK + "".join(_BRACKETS)
            return " " if needs_space else ""
        base = self._target.base_indent
        return base.removeprefix(before) if base.startswith(before) else ""
