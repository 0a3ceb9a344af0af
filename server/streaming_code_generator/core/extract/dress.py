"""Forms in which code is handed over that are no part of it.

Line numbers, a console's prompts, a file's name, a diff; a field of a JSON object, as of a tool
call, or of a form that a prompt asked for.
"""

import ast
import json
import re
from dataclasses import dataclass

from streaming_code_generator.core.extract.diffs import (
    Applied,
    Hunk,
    apply_diff,
    apply_hunks,
)
from streaming_code_generator.core.extract.parts import DIFF_TAGS, OLD_TEXT, CodeTarget, Tally
from streaming_code_generator.core.extract.response_lines import BLANK, LINE_LIMIT, LineSoFar
from streaming_code_generator.core.extract.wording import is_line_of_code, starts_like_code
from streaming_code_generator.core.syntax import names_file

_FIELDS = (
    *("code", "new_code", "new_string", "new_str", "new_text", "replacement", "insert_text"),
    *("file_text", "content", "contents", "text"),
)
"""What tools for editing call the text that they write, the surest first."""
_OLD = ("old_string", "old_str", "old_code", "old_text", "search")
_AROUND = ("arguments", "parameters", "input", "args", "params", "function", "edits", "changes")
_OTHERS = (
    *("name", "language", "placement", "explanation", "tool", "action", "command", "path"),
    *("file_path", "filename", "file", "type", "id", "thought", "reasoning", "description"),
)
_KEYS = "|".join((*_FIELDS, *_AROUND, *_OLD, *_OTHERS))
_BEGINNING = re.compile(
    rf'[\[\s]*\{{\s*"(?:{_KEYS})"\s*:'
    r'|"[^"\s](?:[^"\\\n]|\\[^n\n])*\\n'
    r"|print\(default_api\.\w"
)
"""What an object begins with, a string with an escaped line end, and a call as Gemini writes it."""
_MAY_BEGIN = re.compile(
    r'[\[\s]*(?:\{\s*(?:"[a-z_]{0,16}(?:"\s*:?)?)?)?|"(?:[^"\s](?:[^"\\\n]|\\[^n\n])*\\?)?',
    re.DOTALL,
)
_CALL = "print(default_api."


def may_hold_code(beginning: str) -> bool | None:
    """Whether a text that begins so may be such a form; None if more has to be seen."""
    if _BEGINNING.match(beginning):
        return True
    may_begin = _MAY_BEGIN.fullmatch(beginning) or _CALL.startswith(beginning)
    return None if may_begin else False


@dataclass(frozen=True, slots=True)
class Substitution:
    """The code of an object, and what it is to take the place of, if that is said."""

    new: str
    old: str | None = None


def edit_in(text: str) -> Substitution | None:
    """Return the code in an object, or None if the text is no such form with code in it."""
    #     {"name": "edit", "arguments": {"path": "a.py", "code": "x = 1\n"}}      x = 1
    #     "x = 1\ny = 2"                                    the two lines
    #     print(default_api.write(path="a.py", content="x = 1\n"))                x = 1
    try:
        value = _arguments(text) if text.startswith(_CALL) else json.loads(text, strict=False)
    except (ValueError, SyntaxError):
        return None
    if isinstance(value, str) and "\n" in value.strip():
        return _edit_of(value) or Substitution(value)
    return _edit_of(value)


def _arguments(text: str) -> dict[str | None, object]:
    call = ast.parse(text.strip(), mode="eval").body
    inner = call.args[0] if isinstance(call, ast.Call) and call.args else call
    given = inner.keywords if isinstance(inner, ast.Call) else []
    return {each.arg: each.value.value for each in given if isinstance(each.value, ast.Constant)}


def _edit_of(value: object) -> Substitution | None:
    if isinstance(value, list) and len(value) == 1:
        return _edit_of(value[0])
    if isinstance(value, str):
        return edit_in(value) if value.lstrip().startswith("{") else None
    if not isinstance(value, dict):
        return None
    for field in _FIELDS:
        found = value.get(field)
        if isinstance(found, str):
            old = next((value[key] for key in _OLD if isinstance(value.get(key), str)), None)
            return Substitution(found, old or None)
    return next((edit for key in _AROUND if (edit := _edit_of(value.get(key))) is not None), None)


DIFF_LIMIT = 65_536
"""Most characters of a diff: it can only be applied when it is whole."""

_NUMBERED = re.compile(r"[ \t]*(\d+)(?:([ \t]*[|\u2502]|:|\u2192|[ ](?=[ ])|\t|[ ])(.*))?")
_MAY_BE_NUMBERED = re.compile(r"[ \t]*\d*")
_DIFF_BEGINNINGS = (
    *("--- ", "diff --git ", "@@ ", "*** Begin Patch", "<<<<<<< ", "Index: "),
    *(f"<{name}>" for name in OLD_TEXT),
)
_DIFF_LINE = re.compile(
    r"--- \S.*|diff --git .*|@@ .*@@.*|@@ ?\.\.\. ?@@|\*\*\* Begin Patch"
    r"|<<<<<<< ?(?:SEARCH|ORIGINAL|HEAD).*|Index: \S+"
    rf"|<(?:{'|'.join(OLD_TEXT)})>.*"
)
_ADDED = re.compile(r"\+(?!\+| \S).*")
_ADDED_STATEMENT = re.compile(r"\+(?!\+).*")
_CHANGED = re.compile(r"-(?![->]).*")
_BEGIN_WITH_DASHES = {"yaml", "yml", "dockercompose", "haml", "slim", "gherkin"}


_PROMPTS = {
    "python": (re.compile(r">>> |In \[\d+\]: "), re.compile(r"\.\.\. ?| {2,}\.\.\.: ?")),
    "shellscript": (re.compile(r"\$ "), re.compile(r"> ")),
    "powershell": (re.compile(r"PS(?: [A-Z]:[^>]*| [~/][^>]*)?> ?"), re.compile(r">> ?")),
}
"""What a console shows in front of a command, and of its further lines: Python's own, IPython's,
that of a shell."""
_MAY_BE_PROMPT = {
    "python": re.compile(r">{0,3}|>>> .*|I|In|In |In \[\d*\]?:?|In \[\d+\]: .*"),
    "shellscript": re.compile(r"\$?|\$ .*"),
    "powershell": re.compile(r"P|PS|PS[ >].*"),
}
_PATH = re.compile(r"[\w./-]*\w\.\w{1,5}:?")
_LABELLED = re.compile(
    r"(?:#|//|--|;|%|/\*|<!--) *(?:(filepath|file path|filename|file): *)?([^\s*]+\.\w{1,5})"
    r" *(?:\*/|-->)?",
    re.IGNORECASE,
)
"""A comment with nothing but a file's name, by which models say which file a block is for."""
_MAY_NAME_FILE = re.compile(
    r"[\w./-]+:?|(?:#|//?|--?|;|%|/\*|<(?:!-?-?)?) *(?:file ?(?:path|name)?:? *)?[\w./-]*"
    r" *(?:\*/?|--?>?)?",
    re.IGNORECASE,
)
_OF_OBJECTS = {"json", "jsonc", "json5", "yaml", "jsonl"}
_HERE_DOCUMENT = re.compile(r"<<-?\s*['\"]?(\w+)")


class Numbered:
    """One line with its number taken off."""

    __slots__ = ("form", "number", "text")

    def __init__(self, number: int, form: str, text: str) -> None:
        self.number = number
        self.form = form
        self.text = text


def _numbered(line: str) -> Numbered | None:
    match = _NUMBERED.fullmatch(line)
    if match is None:
        return None
    form = (match[2] or "").strip(BLANK) or "blank"
    return Numbered(int(match[1]), form, match[3] or "")


class Dress:
    """Takes line numbers off, and applies a diff; everything else passes as soon as it is seen.

    12 | def area(w, h):      numbered by one, twice: the numbers go
    13 |     return w * h

    @@ -1,2 +1,2 @@           a diff: held to its end, and applied to what stands there
    """

    def __init__(self, target: CodeTarget, tally: Tally) -> None:
        self._target = target
        self._tally = tally
        self.is_passing = target.language_id in DIFF_TAGS
        """Whether everything passes from now on."""
        self._held = ""
        """Whole lines, of which nothing has been handed on."""
        self._line = LineSoFar()
        self._context: frozenset[str] = frozenset()
        """What a diff may begin with that has no header: lines of the selection, a blank deeper."""
        if target.language_id and not target.is_prose:
            self._context = frozenset(f" {line.rstrip()}" for line in target.surroundings.selected)
            self._context -= {" ", *target.surroundings.selected}
        self._numbered: Numbered | None = None
        """The last line with a number."""
        self._takes_numbers_off = False
        self._is_diff = False
        self._prompts = _PROMPTS.get(target.language_id)
        self._may_be_prompt = _MAY_BE_PROMPT.get(target.language_id)
        self._may_be_object = not (
            target.is_prose or target.language_id in _OF_OBJECTS or target.text_before.strip()
        )
        self._is_object = False
        self._is_console = False
        self._until = ""
        """The line that ends what a command is given to read."""
        self._long_line_stays: bool | None = None
        """Whether the rest of a line too long to be held is code; None outside of such a line."""

    @property
    def held_back(self) -> int:
        """Characters of which it is not known what they are."""
        return len(self._held) + len(self._line.text)

    def expect_diff(self) -> None:
        """Take what comes for a diff: its block is called one."""
        self._is_diff = not self.is_passing

    def feed(self, segment: str) -> str:
        """Return what is certainly code."""
        if self.is_passing:
            return segment
        line, is_whole = self._line.add(segment)
        if self._is_diff or self._is_object:
            return self._gather(is_whole=is_whole)
        if self._takes_numbers_off or self._is_console:
            return self._undressed(line, is_whole=is_whole)
        is_first = not self._held and self._numbered is None
        if is_first and self._may_be_object and may_hold_code(line):
            self._is_object = True
            return self._gather(is_whole=is_whole)
        if len(line) <= LINE_LIMIT and (not line.strip(BLANK) or self._may_be_dressed(line)):
            return self._at_line_end(line) if is_whole else ""
        return self._pass()

    def finish(self) -> str:
        """Return what was held back, as what it has turned out to be."""
        if self._line.text and not self.is_passing:
            # A last line without its ending is read as one that has it.
            shown = self.feed("\n")
            if shown or not (self._held or self._line.text):
                return shown.removesuffix("\n")
        if self._is_object:
            return self._unwrapped()
        if self._is_diff:
            text, self._held = self._held + self._line.take(), ""
            return self._result(text, apply_diff(text, self._target.surroundings))
        return self._pass().removesuffix("\n")

    def _may_be_dressed(self, line: str) -> bool:
        if self._numbered is not None or self._held.strip():
            return True
        if self._target.is_prose or self._target.text_before.strip():
            return False
        start = line.lstrip(BLANK)
        if start[:1].isdigit():
            return bool(_MAY_BE_NUMBERED.fullmatch(line) or _numbered(line))
        if self._may_be_object and may_hold_code(line) is not False:
            return True
        if self._may_be_prompt is not None and self._may_be_prompt.fullmatch(line):
            return True
        may_name_file = (
            self._target.language_id != "" and _MAY_NAME_FILE.fullmatch(line) is not None
        )
        return (
            may_name_file
            or self._is_changed(line)
            or any(context.startswith(line) for context in self._context)
            or any(mark.startswith(line) or line.startswith(mark) for mark in _DIFF_BEGINNINGS)
        )

    def _is_changed(self, line: str) -> bool:
        """Whether a first line says by a sign that it is new, or that one of the selection goes."""
        #     +    log(x)     no statement begins so: a diff, without a header
        #     + tax           so, too, behind "f();", but behind "price" it may be a term
        #     -    return a   so, too, over a selection
        if not self._target.language_id:
            return False
        selected = self._target.surroundings.selected
        first = next((line.strip() for line in selected if line.strip()), "")
        above = next((x for x in reversed(self._target.surroundings.above) if x.strip()), ";")
        added = _ADDED_STATEMENT if above.rstrip()[-1] in ";{}:" else _ADDED
        is_new = added.fullmatch(line) or (
            first
            and _CHANGED.fullmatch(line)
            and self._target.language_id not in _BEGIN_WITH_DASHES
        )
        return bool(is_new) and first[:1] != line[0]

    def _at_line_end(self, line: str) -> str:  # noqa: PLR0911 - one for each kind of line
        is_first = self._numbered is None and not self._held.strip(BLANK + "\n")
        if is_first and not line.strip(BLANK):
            return self._line.take()
        if self._numbered is not None:
            return self._at_second_line(self._numbered, line)
        if self._held.strip():
            return self._at_line_below(line)
        if self._may_be_object and may_hold_code(self._line.text) is None:
            self._held += self._line.take()
            return ""
        self._numbered = _numbered(line)
        if self._numbered is not None:
            self._held += self._line.take()
            return ""
        if self._prompts is not None and self._prompts[0].match(line):
            self._is_console = True
            return self._without_prompt(line)
        if line.rstrip() in self._context:
            self._held += self._line.take()
            return ""
        if line.startswith("--- ") or _PATH.fullmatch(line) or _LABELLED.fullmatch(line):
            self._held += self._line.take()
            return ""
        if _DIFF_LINE.fullmatch(line) or self._is_changed(line):
            self._is_diff = True
            return self._gather(is_whole=True)
        return self._pass()

    def _at_line_below(self, line: str) -> str:
        #     --- a/x.py     and "+++ b/x.py": a diff
        #     src/x.py       and "<<<<<<< SEARCH": a diff; anything else: the file's name goes
        #     {              and "code": "…": an object
        #      def f():      a line of the selection, one blank deeper, and "-    a": a diff
        if self._held.lstrip()[0] in "{[":
            may_hold = may_hold_code(self._held + self._line.text)
            self._is_object = bool(may_hold)
            return self._gather(is_whole=True) if may_hold is not False else self._pass()
        if self._held.partition("\n")[0].rstrip() in self._context:
            self._is_diff = line.startswith(("+", "-"))
            if not self._is_diff and line.rstrip() in self._context:
                self._held += self._line.take()
                return ""
            return self._gather(is_whole=True) if self._is_diff else self._pass()
        is_old_file = self._held.startswith("--- ")
        marks = ("+++ ",) if is_old_file else ("<<<<<<< ", "--- ", "@@ ")
        self._is_diff = line.startswith(marks)
        if self._is_diff:
            return self._gather(is_whole=True)
        name = self._held.strip()
        comment = _LABELLED.fullmatch(name)
        path = comment[2] if comment else name.rstrip(":")
        language_id = "" if comment else self._target.language_id
        is_label = (comment and comment[1]) or names_file(path, language_id)
        around = self._target.surroundings
        is_own = any(line.strip() == name for line in around.selected) or not any(
            line.strip() for line in (*around.above, *around.selected, *around.below)
        )
        if is_label and not (is_old_file or (comment and is_own)):
            self._tally.drop("wrapper", self._held)
            self._held = ""
            if not line.strip(BLANK):
                return self._line.take()
        return self._pass()

    def _at_second_line(self, first: Numbered, line: str) -> str:
        # One line that begins with a number may be anything: a list, a matrix, Fortran. Two in
        # sequence, numbered in the same form, were numbered.
        second = _numbered(line)
        if (
            second is None
            or second.number != first.number + 1
            or (
                "blank" not in {first.form, second.form} - {first.form}
                and second.form != first.form
            )
        ):
            return self._pass()
        is_code = any(
            starts_like_code(text) or is_line_of_code(text) or not text.strip()
            for text in (first.text, second.text)
        )
        # `1: "one",` and `2: "two",` are the entries of a dictionary.
        if first.form == ":" and (not is_code or second.text.endswith(",")):
            return self._pass()
        self._takes_numbers_off = True
        held, self._held = self._held.removesuffix("\n"), ""
        self._numbered = Numbered(first.number - 1, first.form, "")
        shown = self._strip(held)
        return shown + self._without_number(line)

    def _without_number(self, line: str) -> str:
        self._line.take()
        return self._strip(line)

    def _without_prompt(self, line: str) -> str:
        #     >>> def one():         what is typed stays
        #     ...     return 1
        #     ...                    an empty line of it
        #     >>> one()
        #     1                      what was printed goes
        self._line.take()
        if self._until:
            self._until = "" if line.strip() == self._until else self._until
            return line + "\n"
        for prompt in self._prompts or ():
            shown = prompt.match(line + " ")
            if shown is not None:
                self._tally.drop("console prompt", shown[0])
                given = _HERE_DOCUMENT.search(line)
                self._until = given[1] if given and shown[0] == "$ " else ""
                return line[shown.end() :] + "\n"
        self._tally.drop("console prompt", line)
        return "\n" if not line.strip(BLANK) else ""

    def _undressed(self, line: str, *, is_whole: bool) -> str:
        # Of a long line the beginning decides: it may never end.
        if self._long_line_stays is None:
            if not is_whole and len(line) <= LINE_LIMIT:
                return ""
            strip = self._without_number if self._takes_numbers_off else self._without_prompt
            text = strip(line)
            if not is_whole:
                text = text.removesuffix("\n")
                self._long_line_stays = bool(text)
            return text
        text = self._line.take()
        if not self._long_line_stays:
            self._tally.drop("console prompt", text)
            text = ""
        self._long_line_stays = None if is_whole else self._long_line_stays
        return text

    def _strip(self, line: str) -> str:
        numbered = _numbered(line)
        expected = self._numbered.number + 1 if self._numbered else None
        # A line that nobody has numbered is one that the model forgot, or prose behind the code.
        if numbered is None or numbered.number != expected:
            return line + "\n"
        self._numbered = numbered
        self._tally.drop("line number", line[: len(line) - len(numbered.text)])
        text = numbered.text
        # The blank behind the mark belongs to the number, further ones are indentation.
        if numbered.form in {"|", "\u2502", ":"}:
            text = text.removeprefix(" ")
        return text + "\n"

    def _gather(self, *, is_whole: bool) -> str:
        if is_whole or len(self._held) + len(self._line.text) > DIFF_LIMIT:
            self._held += self._line.take()
        if len(self._held) > DIFF_LIMIT and self._is_object:
            return self._pass()
        if len(self._held) > DIFF_LIMIT:
            self._tally.refuse("the answer is a diff that is too long to be applied")
            self._tally.drop("diff", self._held)
            self._held = ""
        return ""

    def _unwrapped(self) -> str:
        text, self._held = self._held, ""
        edit = edit_in(text)
        if edit is None:
            return text.removesuffix("\n")
        if edit.old is not None:
            hunk = Hunk(old=tuple(edit.old.split("\n")), new=tuple(edit.new.split("\n")))
            return self._result(text, apply_hunks([hunk], self._target.surroundings))
        self._tally.unwrap("wrapper", text, edit.new)
        return edit.new

    def _result(self, text: str, result: Applied) -> str:
        if result.is_no_diff:
            return text.removesuffix("\n")
        self._tally.drop("diff", text)
        if result.problem is not None:
            self._tally.refuse(result.problem)
            return ""
        code = "\n".join(result.lines)
        self._tally.add(code)
        return code

    def _pass(self) -> str:
        self.is_passing = True
        text, self._held = self._held + self._line.take(), ""
        return text
