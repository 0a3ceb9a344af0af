"""What stands around the insertion point already and is not to be repeated.

Whole lines above and below, and text before and behind it on its line.
"""

import re
from itertools import takewhile

from streaming_code_generator.core.extract.parts import CodeTarget, Tally
from streaming_code_generator.core.extract.response_lines import (
    BLANK,
    CLOSES_BY_WORD,
    LINE_LIMIT,
    LineSoFar,
    columns,
    depth_of,
    has_opened,
)

REPETITION_LIMIT = 65_536
"""Most characters held back as a repetition of lines above or below."""

_HEADER = re.compile(
    r"(?:(?:export|default|pub(?:\(\w+\))?|public|protected|private|internal|async|static|final"
    r"|abstract|virtual|override|inline|unsafe|const|open|suspend|local|data|sealed|partial)\s+)*"
    r"(?:def|class|function\*?|func|fn|sub|interface|struct|enum|trait|impl|module|namespace|object"
    r"|type|record|protocol|extension|contract|defmodule|defp?)\s+([\w.:]+)"
)
_FUNCTION = re.compile(
    r"(?!(?:return|else|new|throw|await|yield|case|delete|do|try|not|and|or|in|if|for|while)\b)"
    r"(?:[\w:<>,\[\]]+[*&]*\s+[*&]*)+(\w+)\s*\((?!.*;$)"
)
"""The header of a function in C and its like, which has the type first."""
_IMPORT = re.compile(
    r"import\b|from\s+\S+\s+import\b|#\s*include\b|use\s+[\w:\\]|using\s+\w|require(?:_once)?\b"
    r"|(?:const|let|var)\s.*=\s*require\(|package\s+\w|<\?php$|#!"
)
_IMPORT_WORDS = ("import", "from ", "#include", "use ", "using ", "require")
_AT_THE_TOP = re.compile(r"import\b|#\s*include\b|using\s+[A-Z][\w.]*;")
"""An import that no block may hold, in the languages below."""
_IMPORTS_AT_THE_TOP = {"c", "cpp", "csharp", "go", "java", "javascript", "javascriptreact"}
_IMPORTS_AT_THE_TOP |= {"kotlin", "swift", "typescript", "typescriptreact"}
_FROM = re.compile(r"^from\s+\S+|\bfrom\s*(?:\"[^\"]*\"|'[^']*')")
_NO_NAME = {"", "*", "as", "default", "from", "import", "self", "static", "type", "use", "using"}
_REMARK = re.compile(
    r"(?:#(?!include)|//|/\*|\*|--|;|%|\"\"\"|'''|<!--|@|\[)|.*(?:\"\"\"|'''|\*/|-->)$"
)
_COMMENT = re.compile(r"(?:#(?![!\[i])|//|--) ?\w")
_MARK = re.compile(r"(?:#|//|--|%|;)+ ?\S")
_OPENING_ALONE = {"{", "["}
_NESTS = re.compile(r"<(?:div|span|section|article|blockquote|fieldset|details|g|View|Box|Stack)>")
"""Elements that stand within their like, without attributes that would tell one from another."""
_OF_SECTIONS = {"toml", "ini", "properties", "dosini", "conf", "editorconfig"}
_CLOSES = re.compile(r"[\])}]+[:;,]?|\{")
_CERTAIN_LINES = 3
"""So many lines in a row stand nowhere twice by chance."""
_TELLING = re.compile(r"\w{3,}|<\w+>")
_WORD_LINE = re.compile(r"(?:end|else|fi|done|esac|endif|begin|then|do|pass|break)\b[;:]?")


def _header(line: str) -> re.Match[str] | None:
    """Match what opens a block that has a name; group 1 is that."""
    return _HEADER.match(line) or _FUNCTION.match(line)


def _alike(line: str) -> str:
    """Return a line as it is compared.

    Models write comments anew, with a capital or a stop, and align columns in their own way.
    """
    line = " ".join(line.split())
    return line.casefold().rstrip(" .:") if _COMMENT.match(line) else line


def _imported(statement: str) -> set[str]:
    """Return the names, or the files, that an import brings."""
    words = re.split(r"[\s(){},;]+", _FROM.sub("", statement))
    return {word.rpartition("::")[2] for word in words} - _NO_NAME


def _opened(line: str) -> int:
    """Return how many brackets of an import a line leaves to be closed on another one."""
    return line.count("(") + line.count("{") - line.count(")") - line.count("}")


def _imports_in(lines: list[str]) -> dict[str, int]:
    """Return the imports among stripped lines, without white space, and where each ends."""
    imports = {}
    statement, still_open = "", 0
    for number, line in enumerate(lines):
        if statement or (line.startswith(_IMPORT_WORDS) and _IMPORT.match(line)):
            statement += line + "\n"
            still_open += _opened(line)
        if statement and still_open <= 0:
            imports[statement] = number
            statement, still_open = "", 0
    return imports


class RepeatedAbove:
    """Drops the lines that an answer begins with and that stand above it.

    They are repeated where they lead up to the code: headers of the blocks around it, the lines
    right above, imports from anywhere above.
    """

    def __init__(self, target: CodeTarget, tally: Tally) -> None:
        above = target.surroundings.above
        self._tally = tally
        self._lines = [_alike(line.strip()) for line in above]
        self._around = _headers_around(above, target)
        remarks = takewhile(lambda line: not line or _REMARK.match(line), reversed(self._lines))
        self._skipped = len(self._lines) - len(list(remarks))
        """From this line on all lines are comments or blank: an answer may leave them out."""
        self._is_inside_text = target.is_prose
        self._last = max((number for number, line in enumerate(self._lines) if line), default=-1)
        self._starts = {line[:1] for line in self._lines if line}
        self._headers = {
            match[1]: number
            for number in sorted(self._around)
            if (match := _header(self._lines[number]))
        }
        self._before = " ".join(target.text_before.split())
        self._imports = _imports_in(self._lines)
        self._imported = {name for statement in self._imports for name in _imported(statement)}
        self._is_nested = target.language_id in _IMPORTS_AT_THE_TOP and bool(self._around)
        self._may_have_imports = bool(self._headers or self._before or self._is_nested) or any(
            map(_IMPORT.match, self._lines)
        )
        """Whether an answer that begins with imports may be the file, or have the place's line."""
        self.is_passing = not (self._starts or self._before)
        self._line = LineSoFar()
        self._accepted = ""
        """What is repeated for certain."""
        self._held = ""
        """Lines behind that, which match and may turn out to be a repetition."""
        self._at = -1
        """The line above that matched last."""
        self._inside_header = False
        self.has_dropped_header = False
        """Whether the answer has begun with what opens the block around the place."""
        self._is_new = False
        """Whether what is held has an import that is new."""
        self._is_of_the_top = False
        """Whether that import is one above with changes, or one that the place cannot hold."""
        self._statement = ""
        """The lines of an import that goes on."""
        self._open = 0
        """How many of its brackets are still to be closed."""

    @property
    def held_back(self) -> int:
        """Characters that may be a repetition."""
        return len(self._line.text) + len(self._statement) + len(self._held)

    def feed(self, segment: str) -> str:  # noqa: PLR0911, C901 - one for each kind of line
        """Return what is certainly no repetition."""
        if self.is_passing:
            return segment
        line, is_whole = self._line.add(segment)
        start = _alike(line.strip(BLANK))
        if not is_whole:
            return "" if len(line) <= LINE_LIMIT and self._may_match(start) else self._pass()
        if not start and not self._statement:
            self._held += self._line.take()
            return "" if len(self._held) <= REPETITION_LIMIT else self._pass()
        if self._inside_header:
            self._accepted += self._line.take()
            self._inside_header = not start.startswith(")")
            return ""
        if self._takes_import(start):
            return ""
        if self._is_of_the_top:
            self._accept()
        number = self._matching(start)
        if self._is_new and self._before and start.startswith(self._before):
            self._accept()
            return self._pass()
        if number is None or len(self._held) > REPETITION_LIMIT:
            return self._pass()
        # A file whose last lines above the place (`|`) are these:
        #
        #     import re                  4  repeated wherever it stands above
        #     class Shape:               5  around the place: repeated
        #         def name(self): ...    6  neither: an answer that repeats it goes on from there
        #         def area(self):        7  around the place
        #             '''The area.'''    8  a comment: an answer may leave it out
        #             |
        self._held += self._line.take()
        self._at = number
        is_header = number in self._around
        is_opening = (start in _OPENING_ALONE and number == 0) or _NESTS.fullmatch(start)
        if is_opening and not self._accepted:
            # It may open a value of its own: what follows it tells.
            return ""
        leads_up = number >= self._skipped - 1 or _IMPORT.match(start)
        if is_header or (leads_up and not self._is_new):
            self._accept()
        if is_header and _header(start) and not start.endswith((":", "{", "do", ")", ";")):
            self._inside_header = start.count("(") > start.count(")")
        self.has_dropped_header |= is_header
        return ""

    def finish(self) -> str:
        """Return what was held back; a whole last line may be a repetition, too."""
        if self.is_passing:
            return ""
        if self._line.text:
            shown = self.feed("\n")
            return shown.removesuffix("\n") if shown else self._pass().removesuffix("\n")
        return self._pass().removesuffix("\n")

    def has_header_of_place(self, code: list[str]) -> bool:
        """Whether code, in which no repetition is left, repeats what is around all of the place."""
        if not self._headers:
            return False
        outermost = self._lines[min(self._headers.values())]
        return any(line.strip() == outermost for line in "".join(code).split("\n"))

    def _takes_import(self, start: str) -> bool:
        # "import json", which is new, may be the top of a file whose "import os", or "class Shape:"
        # around the place, is still to come. "from os import path, sep" is there with changes, if
        # "from os import path" stands above.
        is_import = start.startswith(_IMPORT_WORDS) and _IMPORT.match(start) is not None
        if not self._may_have_imports or not (self._statement or is_import):
            return False
        self._statement += self._line.take()
        self._open += _opened(start)
        if self._open > 0 and len(self._statement) <= REPETITION_LIMIT:
            return True
        text, self._statement, self._open = self._statement, "", 0
        statement = "".join(line.strip() + "\n" for line in text.split("\n")[:-1])
        number = self._imports.get(statement)
        if number is None:
            self._held += text
            self._is_new = True
            is_changed = not self._imported.isdisjoint(_imported(statement))
            is_nested = self._is_nested and _AT_THE_TOP.match(statement) is not None
            self._is_of_the_top |= is_changed or is_nested
            return True
        self._held, text = ("", self._held + text) if not self._is_new else (self._held, text)
        self._accepted += text
        self._at = number
        return True

    def _accept(self) -> None:
        held, self._held = self._held, ""
        if not self._is_new:
            self._accepted += held
            return
        self._is_new = self._is_of_the_top = False
        for line in held.splitlines(keepends=True):
            # "import (" says nothing of what is new.
            if _imported(line) <= self._imported or _alike(line.strip()) in self._lines:
                self._accepted += line
            else:
                self._tally.leave_out(line)

    def _may_match(self, start: str) -> bool:
        if not start or self._inside_header or self._statement:
            return True
        if self._may_have_imports and (
            start.startswith(_IMPORT_WORDS) or any(w.startswith(start) for w in _IMPORT_WORDS)
        ):
            return True
        before = self._before if self._is_new else ""
        if before and before[: len(start)] == start[: len(before)]:
            return True
        if start[0] not in self._starts:
            return False
        if any(line.startswith(start) for line in self._lines):
            return True
        header = _header(start)
        return header is not None and any(
            name.startswith(header[1]) if header.end() == len(start) else name == header[1]
            for name in self._headers
        )

    def _matching(self, start: str) -> int | None:
        match = _header(start)
        # A header may say more than the one above, but up to the name it has to be the same.
        if (
            match is not None
            and self._headers.get(match[1], -1) > self._at
            and any(line.startswith(start[: match.start(1)]) for line in self._lines)
        ):
            return self._headers[match[1]]
        found = [
            number
            for number, line in enumerate(self._lines[self._at + 1 :], self._at + 1)
            if line == start
        ]
        is_opening = (start in _OPENING_ALONE and found[:1] == [0]) or (
            self._is_inside_text and _OPENS_TEXT.fullmatch(start) and found[-1:] == [self._last]
        )
        # "# %%", or a name alone, tells little, but nobody writes it twice in a row.
        is_right_above = found[-1:] == [self._last] and (
            _MARK.match(start) is not None or (start.isidentifier() and not _WORD_LINE.match(start))
        )
        if not found or not (
            _TELLING.search(start)
            or self._accepted
            or self._held.strip()
            or is_opening
            or is_right_above
        ):
            return None
        follows = next((n for n in range(self._at + 1, self._last + 1) if self._lines[n]), -1)
        if (self._accepted or self._held.strip()) and follows in found:
            return follows
        around = [number for number in found if number in self._around]
        if around:
            return around[-1]
        behind = [number for number in found if number >= self._skipped - 1]
        return behind[0] if behind else found[0]

    def _pass(self) -> str:
        self.is_passing = True
        if self._is_of_the_top and self._line.text.strip():
            self._accept()
        self._tally.drop("repetition", self._accepted)
        text = self._held + self._statement + self._line.take()
        self._held = self._statement = ""
        return text


def _headers_around(above: tuple[str, ...], target: CodeTarget) -> set[int]:
    """Return the numbers of the lines that open the blocks around the place."""
    around = set()
    depth = columns(target.base_indent)
    for number in range(len(above) - 1, -1, -1):
        line = above[number]
        text = line.strip()
        if not text or _REMARK.match(text):
            continue
        indent = depth_of(line)
        if indent < depth:
            around.add(number)
            depth = indent if not _CLOSES.fullmatch(text) else indent + 1
        elif indent == depth and (number + 1) in around and _CLOSES.fullmatch(above[number + 1]):
            around.add(number)
    if target.language_id in _OF_SECTIONS:
        # A section has no indentation of its own: the last "[dependencies]" above is around it.
        sections = [number for number, line in enumerate(above) if line.startswith("[")]
        around.update(sections[-1:])
    return around


_LEAVES = re.compile(r"\s*(?:return|raise|throw|break|continue)\b")
"""What the last statement of a block begins with, behind which nothing is reached."""
_NOTE_BEHIND = re.compile(r"\s+(?://|/\*).*")
_MAY_BE_NOTE_BEHIND = re.compile(r"\s+(?:/|(?://|/\*).*)?")


def _bracket(line: str) -> str:
    """Return a closing line without what a model leaves out of it, as of `};`."""
    return line.strip().rstrip(";,")


class RepeatedBelow:
    """Drops from the code's end the lines that stand below it.

    It reads the code as it is laid out, so that lines are compared with their indentation.
    """

    def __init__(self, target: CodeTarget, tally: Tally) -> None:
        below = [line.rstrip() for line in target.surroundings.below]
        self._below = [line for line in below if line]
        self._base = columns(target.base_indent)
        self._is_inside_text = target.is_prose
        self._tally = tally
        self._matched = 0
        """So many of the lines below, blank ones left out, the code ends with."""
        self._held = ""
        """The text of those lines, and of the one that may be the next."""
        self._line = ""
        self._released: list[str] = []
        self.passes_line = True
        """Whether the current line is certainly none of those."""
        self._is_changed = False
        """Whether the first of those lines leaves the block in other words than the one below."""
        self._left_out: str | None = None
        """The line from which on the answer is what stands below, with changes."""

    @property
    def held_back(self) -> int:
        """Characters that may be the repetition."""
        return len(self._held)

    def feed(self, text: str) -> str:
        """Return what is certainly no repetition."""
        if not self._below:
            return text
        if self._left_out is not None:
            return self._leave_out(text)
        if self.passes_line and self._passes(text):
            self._released.append(text)
            return text
        shown = ""
        for piece in re.split(r"(?<=\n)", text):
            shown += self._read(piece)
        if shown:
            self._released.append(shown)
        return shown

    def finish(self) -> str:
        """Return what was held back, unless it is the repetition."""
        if not self._below:
            return ""
        if self._left_out is not None:
            self._tally.leave_out(self._left_out)
            return ""
        line = self._line.rstrip()
        if self._is_next(line):
            self._matched += 1
            line = ""
        held, self._held = self._held, ""
        if not self._matched or line or not self._is_superfluous(held):
            return held
        if not self._is_changed:
            self._tally.drop("repetition", held)
        elif "".join(self._released).strip():
            self._tally.leave_out(held)
        else:
            return held
        return ""

    @property
    def closes_the_place(self) -> bool:
        """Whether finished code closes, or leaves, a block that is closed below, too."""
        # "f() {" was dropped as a repetition, "return 1;" and "}" are the code, and below stand
        # "return 0;" and "}": the answer is all of f, and what is below it would be outside.
        code = "".join(self._released)
        last = code.rstrip().rpartition("\n")[2]
        closes = _CLOSES.fullmatch(last.strip()) and code.count("}") > code.count("{")
        is_closed_below = any(
            line.lstrip()[0] == "}" and depth_of(line) < self._base for line in self._below
        )
        return self._is_changed or (bool(closes) and is_closed_below)

    def _passes(self, text: str) -> bool:
        """Whether a stretch begins no line that may be the first one below."""
        if "\n" not in text:
            return True
        start = text.lstrip("\n")
        if "\n" in start or start.isspace() or not start or text[0] != "\n":
            return False
        return not self._may_be(self._below[0], start)

    def _may_be(self, expected: str, start: str) -> bool:
        """Whether a line that begins so may be an expected one; behind the last one none is."""
        if not expected:
            return False
        if expected.startswith(start.rstrip()):
            return True
        if start.startswith(expected) and _MAY_BE_NOTE_BEHIND.fullmatch(start[len(expected) :]):
            return True
        if self._leaves_as(expected, start):
            return True
        bare = expected.lstrip()
        closes = _CLOSES.fullmatch(bare) if bare[0] in "])}" else CLOSES_BY_WORD.fullmatch(bare)
        return closes is not None and bare.startswith(start.strip())

    def _read(self, piece: str) -> str:  # noqa: PLR0911 - one for each kind of line
        # Below the place stand "}" and "run()". The code ends in three lines:
        #
        #     "  }"     is not "}": handed on
        #     "}"       is the first line below: held back
        #     "run()"   is the second: held back, and dropped at the end
        if not piece:
            return ""
        if self.passes_line:
            if not piece.endswith("\n"):
                return piece
            self.passes_line = False
            self._held, self._line, self._matched = "\n", "", 0
            return piece[:-1]
        self._held += piece
        self._line += piece
        line = self._line.rstrip()
        expected = self._below[self._matched] if self._matched < len(self._below) else ""
        if not line.strip():
            if piece.endswith("\n"):
                self._line = ""
            return ""
        if piece.endswith("\n"):
            if self._is_next(line):
                self._matched += 1
                self._line = ""
                return ""
            return self._release()
        return "" if self._may_be(expected, line) else self._release()

    def _is_next(self, line: str) -> bool:
        expected = self._below[self._matched] if self._matched < len(self._below) else ""
        if self._leaves_as(expected, line) and line != expected:
            self._is_changed = True
            return True
        # A closing bracket counts at any depth: the code's brackets tell whose it is.
        return line != "" and (
            _NOTE_BEHIND.sub("", line) == _NOTE_BEHIND.sub("", expected)
            or (_bracket(line) == _bracket(expected) and bool(_CLOSES.fullmatch(line.strip())))
            or (line.strip() == expected.strip() and bool(CLOSES_BY_WORD.fullmatch(line.strip())))
        )

    def _leaves_as(self, expected: str, line: str) -> bool:
        """Whether a line leaves the block as the first one below does: it would not be reached."""
        word, other = _LEAVES.match(expected), _LEAVES.match(line)
        return not self._matched and word is not None and other is not None and word[0] == other[0]

    def _release(self) -> str:
        # Below the place in a function stand "}", "int main() {", "run();" and "}":
        #
        #     }                closes the function, which the code has not opened
        #     int main() {     stands below: the answer is the file
        #     return 0;        does not: what it changes down there is left out
        text, line = self._held, self._line
        held = text[: len(text) - len(line)]
        if self._matched and line:
            lines = [each.strip() for each in held.split("\n") if each.strip()]
            is_telling = any(_TELLING.search(x) and not _WORD_LINE.match(x) for x in lines[1:])
            is_long = len(lines) >= _CERTAIN_LINES or self._ends_the_place(held)
            if any(map(_header, lines)) or (is_telling and is_long):
                self._tally.drop("repetition", held)
                self._held = self._line = self._left_out = ""
                return self._leave_out(line)
            # The line that does not fit may be the first one below after all.
            before = held.rstrip("\n")
            self._held, self._line, self._matched = held[len(before) :], "", 0
            self._is_changed = False
            return before + self._read(line)
        self._held = self._line = ""
        self._matched, self._is_changed = 0, False
        if text.endswith("\n"):
            self._held = "\n"
            return text[:-1]
        self.passes_line = True
        return text

    def _leave_out(self, text: str) -> str:
        # The first line is kept, to be shown.
        assert self._left_out is not None  # noqa: S101 - this is only called behind it
        if "\n" in self._left_out or len(self._left_out) > LINE_LIMIT:
            self._tally.drop("repetition", text)
        else:
            self._left_out += text
        return ""

    def _is_superfluous(self, held: str) -> bool:
        """Whether what is held belongs to the document and not to the code."""
        lines = [line for line in held.split("\n") if line.strip()]
        if any(
            _TELLING.search(line)
            and not (_WORD_LINE.match(line.strip()) or CLOSES_BY_WORD.fullmatch(line.strip()))
            for line in lines
        ):
            return True
        if self._is_inside_text and lines[0].strip() in _ENDS_OF_TEXT:
            return True
        # "_ => 0," and "}", the end of what stands around the place.
        if any(depth_of(line) < self._base for line in lines[1:]):
            return True
        return self._ends_the_place(held)

    def _ends_the_place(self, held: str) -> bool:
        """Whether the first line held closes what the code has not opened, or is less deep."""
        first = next(line for line in held.split("\n") if line.strip())
        indent = depth_of(first)
        code = "".join(self._released)
        if CLOSES_BY_WORD.fullmatch(first.strip()):
            return indent < self._base or not has_opened(code, first.strip(), self._base)
        if not _CLOSES.match(first.strip()):
            return indent < self._base
        return indent < self._base or any(
            code.count(opening) < code.count(closing) + held.count(closing)
            for opening, closing in ("()", "[]", "{}")
            if closing in held
        )


OVERLAP_LIMIT = 256
"""Most characters compared on either side. A longer line before the cursor counts with its end
only, a longer one behind it not at all."""

_LEAST_WORD_CHARACTERS = 3
"""What a response must repeat of the end of a line to be taken for a repetition: less could be
chance. The whole line is one however short it is."""

_PAIRS = {")": "(", "]": "[", "}": "{"}
_QUOTES = "\"'`/$"
_OPENS_TAG = re.compile(r"(?:<\?(?:=|php\b)|<%[=-]?|\{\{|\{%|\$\{)[ \t]*\Z")
_CLOSES_TAG = re.compile(r"[ \t]*(?:\?>|-?%>|%\}|[\])}]+)")
"""What a template has around code, in front of the cursor and behind it."""


class OverlapBefore:
    """Drops from the first line's beginning what it repeats of the line before the cursor."""

    def __init__(self, target: CodeTarget, tally: Tally) -> None:
        self._tally = tally
        line, is_inside_text = target.text_before.lstrip(" \t"), target.is_prose
        around = target.text_before.rstrip()[-1:] + target.text_after.lstrip()[:1]
        self._around = around if around in {"[]", "()"} else ""
        """The brackets around the place, which may be repeated around the code."""
        endings = [line[start:] for start in _telling_starts(line)]
        mark = (_OPENS_TEXT if is_inside_text else _OPENS_TAG).search(line)
        if mark is not None and line != mark[0]:
            endings += [mark[0], mark[0].strip()]
        whole = [line] if 0 < len(line) <= OVERLAP_LIMIT and line not in endings else []
        self._candidates = whole + endings
        """What would be dropped, longest first."""
        self._held = ""

    @property
    def held_back(self) -> int:
        """Characters that may still become a repetition."""
        return len(self._held)

    def feed(self, text: str) -> tuple[str, bool] | None:
        """Read on in the first line.

        Returns:
            The line so far without what it repeats, and whether it repeats anything; None while
            that is open.
        """
        # `text_before` is "def add(", and models go on with it, or begin the line again:
        #
        #     "a, b):"           no candidate fits: nothing is repeated
        #     "def add(a, b):"   repeats it all: "a, b):" is inserted
        #     "add(a, b):"       repeats its end from a word on: "a, b):" again
        #     "de"               may still become a repetition: None, wait for more
        self._held += text
        if self._around and self._held[0] == self._around[0] and len(self._held) <= OVERLAP_LIMIT:
            return None
        self._candidates = [
            candidate
            for candidate in self._candidates
            if candidate.startswith(self._held) or self._held.startswith(candidate)
        ]
        if self._candidates and len(self._candidates[0]) > len(self._held):
            return None
        return self.finish()

    def finish(self) -> tuple[str, bool]:
        """Decide on what has been read."""
        text, self._held = self._held, ""
        # Between "[" and "]", "[1, 2]" repeats both; "[1], [2]" does not.
        is_short = self._around != "" and len(text) <= OVERLAP_LIMIT
        is_around = is_short and text[:1] + text[-1:] == self._around
        if is_around and not re.search(r"[\[\]()]", text[1:-1]):
            self._tally.drop("repetition", self._around)
            return text[1:-1], True
        for candidate in self._candidates:
            # "on: " stands there, and the line "on:" comes, with the value below it.
            if text.startswith(candidate) or text == candidate.rstrip():
                self._tally.drop("repetition", candidate)
                return text[len(candidate) :], True
        return text, False


class OverlapAfter:
    """Drops from the code's end what it repeats of the line behind the cursor.

    Editors that close brackets by themselves leave `)` there, and models write it again. It is
    dropped only where the code has no use for it: `foo(1)` before `)` keeps its bracket.
    """

    def __init__(self, text_after: str, tally: Tally) -> None:
        self._tally = tally
        line = text_after.replace("\r", "\n").partition("\n")[0].rstrip(" \t")
        comparable = line.strip(" \t") and len(line) <= OVERLAP_LIMIT
        self._repeated = line if comparable else ""
        self.begins_with = self._repeated[:1]
        """What the repetition can begin with, if there can be one."""
        tag = _CLOSES_TAG.match(self._repeated)
        self._tag = tag[0] if tag else ""
        """What of it may be repeated alone."""
        self.matched = 0
        """How much of the repetition's beginning the text ends with: so much is held back."""
        unpaired = [
            opening + closing
            for closing, opening in _PAIRS.items()
            if self._repeated.count(closing) > self._repeated.count(opening)
        ]
        is_quote = self.begins_with in _QUOTES
        self._counts: dict[str, int] = dict.fromkeys(
            self.begins_with if is_quote else "".join(unpaired), 0
        )
        """Those characters of the code whose number decides: a quotation mark, or brackets."""
        self._last = ""

    @property
    def held_back(self) -> int:
        """Characters that may be the repetition, or its beginning."""
        return self.matched

    def feed(self, text: str) -> str:
        """Return what is certainly no repetition."""
        if not self._repeated:
            return text
        # `text_after` is ")", code "foo(1))" in the chunks "foo(1" and "))":
        #
        #     "foo(1"   matches nothing of ")": released
        #     "))"      the first ")" is matched, then let go by the second, which is held
        #     end       "foo(1)" is complete without it: dropped; behind "foo(1" it would stay
        text = self._repeated[: self.matched] + text
        longest = range(min(len(text), len(self._repeated)), 0, -1)
        self.matched = next((n for n in longest if text.endswith(self._repeated[:n])), 0)
        released = text[: len(text) - self.matched]
        for char in self._counts:
            self._counts[char] += released.count(char)
        self._last = released[-1:] or self._last
        return released

    def finish(self) -> str:
        """Return what was held back, unless it is the repetition."""
        held, self.matched = self._repeated[: self.matched], 0
        is_quote = held != "" and not held.strip(_QUOTES)
        is_whole = held in {self._repeated, self._tag}
        if held and (is_quote or is_whole) and self._is_superfluous():
            self._tally.drop("repetition", held)
            return ""
        return held

    def _is_superfluous(self) -> bool:
        """Whether the code is complete without the repetition."""
        first = self._repeated[0]
        if _is_word(first) and _is_word(self._last):
            return False
        if first in _QUOTES:
            return self._counts[first] % 2 == 0
        return all(
            self._counts[opening] <= self._counts[closing]
            for closing, opening in _PAIRS.items()
            if closing in self._counts
        )


_ENDS_OF_TEXT = {"*/", "-->", '"""', "'''", "-}", "*)", "]]"}
_OPENS_TEXT = re.compile(r"(?:(?:(?<!\w)[a-z]{1,2})?[\"'`$]{1,3}|(?<!\w)[/#*;%!<-]+[ \t]*)\Z")
"""Matches what opens a string or a comment, at the end of what stands before the cursor."""


def _telling_starts(line: str) -> list[int]:
    """Return, in order, where an ending of the line begins that repeats more than chance would.

    It begins at a word, or between words, and holds enough characters of words.
    """
    # Of "return self.total(" these are taken for repetitions: the whole of it, " self.total(",
    # "self.total(", ".total(" and "total(". Shorter ends, "al(" or "(", may be there by chance.
    starts = []
    word_characters = 0
    for start in range(len(line) - 1, max(0, len(line) - OVERLAP_LIMIT) - 1, -1):
        word_characters += _is_word(line[start])
        inside_word = start > 0 and _is_word(line[start]) and _is_word(line[start - 1])
        if word_characters >= _LEAST_WORD_CHARACTERS and not inside_word:
            starts.append(start)
    return starts[::-1]


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"
