r"""Lines of a response: what ends one, and what it is: a fence, prose, code.

`\n`, `\r\n` and `\r` end a line, and nothing else does. Fences are read as in CommonMark 0.31,
section 4.5, with one difference: a fence may open at any indentation, as models put blocks into
lists. Whether a line is prose or code is told by rules of thumb, which lean on what models really
begin with; a comment counts as code, as it belongs into the document.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

LINE_LIMIT = 256
"""Most characters of a line held back to tell what the line is; a longer one is ordinary text."""

BLANK = " \t"
"""What indents a line or leaves it blank; a form feed, say, is an ordinary character."""

TAB_COLUMNS = 4


def columns(blanks: str, *, start: int = 0) -> int:
    """Return the column behind blanks that begin at column `start`; tabs go to the next stop."""
    for blank in blanks:
        start += TAB_COLUMNS - start % TAB_COLUMNS if blank == "\t" else 1
    return start


def segments(text: str) -> Iterator[str]:
    r"""Cut text that knows only `\n` behind each line end."""
    *lines, tail = text.split("\n")
    for line in lines:
        yield line + "\n"
    if tail:
        yield tail


class LineEndings:
    r"""Turns every line ending into `\n`, holding nothing back."""

    def __init__(self) -> None:
        self._after_carriage_return = False

    def feed(self, text: str) -> str:
        r"""Return the text with `\n` for every `\r\n` and `\r`, also where a chunk ends between."""
        if not text:
            return ""
        # A CRLF may be torn apart by the end of a chunk: the CR has ended its line already.
        if self._after_carriage_return:
            text = text.removeprefix("\n")
        self._after_carriage_return = text.endswith("\r")
        return text.replace("\r\n", "\n").replace("\r", "\n")


class LineSoFar:
    """The line that is being read, kept until it is taken."""

    def __init__(self) -> None:
        self.text = ""

    def add(self, segment: str) -> tuple[str, bool]:
        """Read on, at most to the line's end; return the line without that, and whether it came."""
        self.text += segment
        line = self.text.removesuffix("\n")
        return line, len(line) < len(self.text)

    def take(self) -> str:
        """Return the line, with its end if that has come, and begin another one."""
        text, self.text = self.text, ""
        return text


class LineHead:
    """Holds back a line for as long as it may be a line of a certain kind: a fence, of any sort."""

    def __init__(self) -> None:
        self.held = ""
        """The line so far, while it is undecided."""
        self.is_passing = False
        """Whether the line has begun, and is of another kind."""

    def feed(
        self, segment: str, kind: re.Pattern[str], first: str = "`~\n"
    ) -> tuple[str, str | None]:
        """Read on in a line that `kind` matches in full for as long as it may be of that kind.

        Args:
            segment: What comes, at most to the line's end.
            kind: Matches such a line, and each of its beginnings.
            first: The characters that such a line may begin with, or end at.

        Returns:
            Ordinary text to hand on, and the line that was completed, without its end, if it may
            still be of that kind.
        """
        if self.is_passing:
            self.is_passing = not segment.endswith("\n")
            return segment, None
        # Most lines begin with a character that no such line has.
        if not self.held:
            start = segment.lstrip(BLANK)
            if start and start[0] not in first:
                self.is_passing = not segment.endswith("\n")
                return segment, None
        # With `kind` matching fences: "``" is held, "``x" is let go at once, and the rest of that
        # line passes unseen; "``" and then "`py" and a line end make a line that is returned.
        self.held += segment
        line = self.held.removesuffix("\n")
        if len(line) > LINE_LIMIT or not kind.fullmatch(line):
            text, self.held = self.held, ""
            self.is_passing = not text.endswith("\n")
            return text, None
        if len(line) == len(self.held):
            return "", None
        self.held = ""
        return "", line


MAY_OPEN = re.compile(r"[ \t]*(?:`{0,2}|~{0,2}|`{3,}[^`]*|~{3,}.*)", re.DOTALL)
"""Matches a line, or its beginning, that is or may become the opening of a fence."""

_MAY_BE_FENCE = {
    "`": re.compile(r"[ \t]*(?:`{0,2}|`{3,}[^`]*)", re.DOTALL),
    "~": re.compile(r"[ \t]*(?:~{0,2}|~{3,}.*)", re.DOTALL),
    "'": re.compile(r"[ \t]*'{0,3}"),
    '"': re.compile(r"[ \t]*\"{0,3}"),
}
_OPENING = re.compile(r"([ \t]*)(`{3,}|~{3,})(.*)", re.DOTALL)
_BEHIND_TEXT = re.compile(r"(.*?\S)[ \t]*(?<!`)(`{3,})([\w+#.-]*)[ \t]*")
_CLOSING_INDENT_COLUMNS = 3
"""How much deeper than its opening a fence may close; deeper ones belong to the code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """A fence that opens a block, or looks so."""

    character: str
    length: int
    indent_columns: int
    info: str
    """Language tag and attributes."""

    @property
    def tag(self) -> str:
        """The language tag alone: `python` of `python title="a.py"`, `r` of `{r}`."""
        word = self.info.partition(" ")[0].partition(":")[0]
        return word.strip("{}.").partition("=")[0].partition(",")[0].lower()

    @property
    def may_be_fence(self) -> re.Pattern[str]:
        """What matches a line, or its beginning, that may close this block or open another."""
        return _MAY_BE_FENCE[self.character]

    def is_closed_by(self, line: str) -> bool:
        """Whether the line closes the block: nothing but a fence at least as long."""
        run = line.strip(BLANK)
        return (
            len(run) >= self.length
            and run == self.character * len(run)
            and columns(line[: -len(line.lstrip(BLANK))])
            <= self.indent_columns + _CLOSING_INDENT_COLUMNS
        )


def opening_fence(line: str) -> Fence | None:
    """Read a whole line, without its end, as the opening of a fence."""
    match = _OPENING.fullmatch(line)
    if match is None or not MAY_OPEN.fullmatch(line):
        return None
    indent, run, info = match.groups()
    return Fence(
        character=run[0], length=len(run), indent_columns=columns(indent), info=info.strip(BLANK)
    )


_OF_QUOTES = re.compile(r"('''|\"\"\")([a-z+#]+)[ \t]*")


def fence_of_quotes(line: str) -> Fence | None:
    """Read a whole line as a fence that small models make of three quotation marks and a tag."""
    match = _OF_QUOTES.fullmatch(line)
    if match is None:
        return None
    return Fence(character=match[1][0], length=3, indent_columns=0, info=match[2])


def fence_behind(line: str) -> tuple[str, Fence] | None:
    """Return the text and the fence of a line that opens a block behind a sentence."""
    # "Here is the function: ```python" is how some models begin a block.
    match = _BEHIND_TEXT.fullmatch(line)
    if match is None or "```" in match[1]:
        return None
    return match[1], Fence(character="`", length=len(match[2]), indent_columns=0, info=match[3])


_NOT_CODE = re.compile(r"[ \t]*(?://|#|\*|--|;|%|\"\"\"|'''|<!--)")


class ClosingBehindCode:
    """Finds a fence at the end of a line of code: "return x```".

    Only backticks at the end of what has come are held back: most code has none.
    """

    def __init__(self) -> None:
        self.held = ""

    def feed(self, text: str, length: int, written: list[str]) -> tuple[str, str]:
        """Read on in a line that does not begin with a fence.

        Args:
            text: What comes, at most to the line's end.
            length: How many backticks opened the block.
            written: The code so far, up to what is held back.

        Returns:
            The code to hand on, and the fence if it has turned out to be one.
        """
        text = self.held + text
        line = text.removesuffix("\n")
        kept = line.rstrip("`")
        run = line[len(kept) :]
        self.held = ""
        if len(line) == len(text):
            # What is longer than the fence that opened the block closes it no more.
            self.held = run if len(run) <= length else ""
            return line.removesuffix(self.held), ""
        before = _line_so_far(written) + kept
        is_behind_text = before.strip(BLANK) != ""
        if (
            is_behind_text
            and len(run) == length
            and "```" not in before
            and not _NOT_CODE.match(before)
        ):
            return kept + "\n", run
        return text, ""

    def finish(self, length: int, written: list[str]) -> tuple[str, str]:
        """Decide on what is held back at the end of the response."""
        code, fence = self.feed("\n", length, written)
        return code.removesuffix("\n"), fence


def _line_so_far(written: list[str]) -> str:
    line = ""
    for text in reversed(written):
        line = text + line
        if "\n" in text:
            break
    return line.rpartition("\n")[2]


_CODE_START = re.compile(
    r"""
    (?:\ {2,}|\t)[\ \t]*[^\s`~<]                 # indented, and no fence or tag
    | \ ?(?:
        (?:async\ )?def\ \w+\(
      | class\ \w+[:({]
      | from\ [\w.]+\ import\ [\w(*]
      | \#include | \#! | // | /\* | <[A-Za-z!?] | @\w | \{ | \"\"\" | '''[^a-z\n]
      | \*{3}\ Begin\ Patch | diff\ --git\ | @@\ -
      | [A-Za-z_][\w.]*\(                        # a call
      | (?:(?:export|const|let|var|static|final|public|private|auto|int|char|double)\ )*
        [A-Za-z_][\w.]*(?:\[[^\]\s]*\])*         # an assignment to a name, field or item
        \ ?(?::\ ?[\w.\[\],|\ ]+?)?\ ?[-+*/%|&^:?]?=[^=]
    )
    """,
    re.VERBOSE,
)
_COMMENT = re.compile(r"#(?!#)|//|/\*|--|;|%|\"\"\"|'''|<|\{|@")
_MARKUP = re.compile(r"\A(?:[*_>#\s-]|\d+[.)]\s|[\u2190-\u2bff\ufe0f\u200d\U0001f000-\U0001faff])+")
"""What a line of Markdown begins with: marks of lists and headings, pictures."""
_STEP = re.compile(r"\s*\d+[.)]\s+[A-Z*]")
"""What the lines of a numbered list begin with, which name what to do."""
_INLINE_CODE = re.compile(r"`[^`]*`|\"[^\"]*\"")
_CODE_MARK = re.compile(r"[;{}=+<>|&@\\]|\w[(\[]|->|::|\w\.\w|\w_\w|^\W*\)")
_WORD = re.compile(r"\w+(?:['\u2019]\w+)?")
_SENTENCE = re.compile(
    r"[^\W\d_]+(?:['\u2019][a-z]+)?(?:[ ,]+[^\W\d_][\w'\u2019-]*){2,}[ ]?[.:!?\u2026]+[*_]*"
)
_SHORT = re.compile(r"[A-Z][a-z']+(?: [a-z']+)?[.!]")
_LEADS_ON = re.compile(r"[^\W\d_a-z][\w'\u2019]*(?:[ ,!?\u00a0]+[\w'\u2019\u00ab\u00bb\"-]+)+\s?:")
_STOPS_ARE_CODE = {"coq", "prolog", "erlang", "cobol", "pascal", "smalltalk", "lean"}
_BLOCK_OPENS = re.compile(r"\b(?:then|do)$", re.IGNORECASE)
"""How a line of code ends that opens a block by a word."""
_FIRST_SENTENCE = re.compile(rf"{_SENTENCE.pattern}(?:\s|$)")
_OPENER = re.compile(
    r"(?:sure|certainly|of course|absolutely|okay|ok|alright|great|sorry|unfortunately|hmm|wait"
    r"|here(?:['\u2019]s| is| are| you)|below (?:is|are)|the (?:following|code|function|user)"
    r"|this (?:is|code|function|program|script|class|implementation|snippet|example)"
    r"|let(?:['\u2019]s| me| us)|i['\u2019](?:ll|m|ve|d)"
    r"|i (?:am|can|have|will|need|cannot|should|think)"
    r"|you can|we (?:need|can|have|are|will|should)|first,|well,|so,|now,|note that|note:"
    r"|step \d|explanation|solution|answer|as an ai"
    r"|to (?:do|solve|create|implement|write|add))(?!\w)",
    re.IGNORECASE,
)
_COMMON_WORD = re.compile(
    r"an?|are|be|been|below|can|could|does|following|has|have|here|how|i|it(?:'?s)?|just|let's|like"
    r"|me|must|my|needs?|of|our|please|provided|should|simple|that|the|their|them|then|there|these"
    r"|they|this|those|two|us(?:e[drs]?|ing)|wants?|we|what|which|will|would|your?"
)
"""Words that English can hardly do without, and that no language has for keywords."""

_FOREIGN_LETTERS = 4
"""So many letters outside ASCII, outside quotes, speak for prose in another language."""


_HEADING = re.compile(
    r"(?:(?:\w+ )?code|answer|solution|implementation|(?:brief |short )?explanations?"
    r"|(?:example )?usage|(?:usage )?examples?|example output|notes?|output"
    r"|how it works|how to use(?: it| this)?|key (?:points|changes)|changes(?: made)?"
    r"|what changed|summary|test(?:s|ing)?|result|breakdown|installation|alternatives?)[ ]?:?[*_]*",
    re.IGNORECASE,
)
"""What stands above the parts of an answer that are not code."""


QUOTED_BY_BACKTICKS = {"javascript", "typescript", "javascriptreact", "typescriptreact", "go"}
QUOTED_BY_BACKTICKS |= {"shellscript", "perl", "ruby", "sql", "mysql", "r"}
"""Languages in which a line of code may begin with a backtick."""


_KEYED = {"yaml", "yml", "dockercompose", "ini", "properties", "toml"}
_WITH_TARGETS = {*_KEYED, "makefile", "make", "just"}
_SMALL_KEY = re.compile(r"\s*(?:- )?[a-z_.][\w./%-]*:(?: |$)")
"""What the lines of such languages begin with: a key, or a target."""
_OF_LISTS = {"lisp", "commonlisp", "elisp", "emacs-lisp", "clojure", "scheme", "racket", "fennel"}
_LIST = re.compile(r"[('`]*\([\w*+!?<>=/.:-]+(?:[ )]|$)")
_SECTION = re.compile(r"\[{1,2}[\w.\"' -]+\]{1,2}")

_STEPS = re.compile(
    r"\s*(?:(?:Given|When|Then|And|But) |(?:Feature|Rule|Background|Scenario(?: Outline| Template)?"
    r"|Examples?|Scenarios):)"
)
"""What the lines of Gherkin begin with, which are sentences otherwise."""
_OF_STEPS = {"gherkin", "cucumber", "feature"}


def starts_like_code(beginning: str, language_id: str = "") -> bool:
    """Whether a line that begins so is code, whatever follows.

    Once true it stays true for every longer beginning, so it may be asked at any time.
    """
    is_step = language_id in _OF_STEPS and _STEPS.match(beginning) is not None
    return is_step or _CODE_START.match(beginning) is not None


def reads_like_prose(line: str, language_id: str = "") -> bool:
    """Whether a line, or its first few hundred characters, is a sentence or a heading."""
    if starts_like_code(line, language_id) or _COMMENT.match(line.lstrip()):
        return False
    if language_id in _WITH_TARGETS and _SMALL_KEY.match(line):
        return False
    if _BLOCK_OPENS.search(line):
        return False
    # Signs of prose against marks of code:
    #
    #     Here is the function you need:    8 to 0    prose
    #     This returns x.                   3 to 0    prose
    #     result                            0 to 0    code
    #     SELECT name FROM users            0 to 0    code
    text = _INLINE_CODE.sub("", _MARKUP.sub("", line, count=1)).strip()
    words = {word.lower() for word in _WORD.findall(text)}
    letters = sum(char.isalpha() for char in text if not char.isascii())
    is_capital = text[:1].isupper() and not text.isupper()
    has_name = "`" in line and text.endswith((".", ":"))
    signs = (
        line.lstrip().startswith(("##", "**", "__")),
        _STEP.match(line),
        _OPENER.match(text),
        is_capital and (has_name or _FIRST_SENTENCE.match(text)),
        # A sentence may begin with a name in backticks, which is gone by now.
        line.startswith("`") and _SENTENCE.fullmatch(text),
        language_id not in _STOPS_ARE_CODE and _SHORT.fullmatch(text),
        language_id not in _WITH_TARGETS and _LEADS_ON.fullmatch(text),
        letters >= _FOREIGN_LETTERS,
    )
    prose = sum(_COMMON_WORD.fullmatch(word) is not None for word in words)
    prose += 3 * bool(_HEADING.fullmatch(text) and (":" in text or "*" in text))
    prose += 2 * sum(map(bool, signs))
    return prose > 1 and prose > len(_CODE_MARK.findall(text))


_CODE_LINE = re.compile(
    r"""
    (?:async\ )?def\ \w | class\ [A-Z]\w*[\s:({<] | import\ [\w{*"'.] | from\ [\w.]+\ import\b
  | (?:export|const|let|var|function|func|fn|pub|impl|struct|enum|interface|public|private
      |protected|static|package|namespace|using|module|local|type|require)\ [\w{*]
  | (?:if|for|while|with|try|elif|match|switch|foreach)\b.*[:{)]$ | return\b.*[;\w)\]}"']$
  | [A-Z]{3,}\ [\w*("'\[$./@{-]               # SQL, a Dockerfile
  | [\w.$()/%-]+\ ?:\ *\$                      # a target of a makefile
  | \#include | \#! | <[A-Za-z!?/] | @\w+(?:\(|$) | [\[{(]\s*$ | [A-Za-z_][\w.]*\(.*\)?[;:{]?$
  | [A-Za-z_][\w.]*(?:\[[^\]\s]*\])*\ ?(?::\ ?[\w.\[\],|\ ]+?)?\ ?[-+*/%|&^:?]?=[^=]
  | [A-Za-z_@#$].*[{};]$ | \.[\w-]+\ *\{ | [\w-]+:\ *[\w"'\[{-].*$(?<![.!?]) | \#\ \w
    """,
    re.VERBOSE,
)


_SIGN_OF_CODE = re.compile(r"->|::|=>|[;{}=<>|\\$]|\w\(")
_NO_START = re.compile(r"\s*[-*>|#\u2022\d]")
_LEAST_SIGNS = 2
_SENTENCE_END = re.compile(r"[a-z]{2}[.!?:]$|^[A-Z][a-z]+ [a-z]+ [a-z]+")


def is_line_of_code(line: str, language_id: str = "") -> bool:
    """Whether a whole line below prose is where code begins."""
    # A line that is no item of a list may have signs that prose has not.
    signs = _SIGN_OF_CODE.findall(_INLINE_CODE.sub("", line))
    has_signs = len(signs) >= _LEAST_SIGNS and _NO_START.match(line) is None
    # Lists and quotations belong to the prose; so does what reads like it with code in between,
    # as "`x = 1` sets the value." does.
    if language_id in _OF_STEPS and _STEPS.match(line):
        return True
    if language_id in _KEYED and _SECTION.fullmatch(line):
        return True
    if language_id in _WITH_TARGETS and _SMALL_KEY.match(line):
        return not line.rstrip().endswith((".", "!", "?"))
    if language_id in _OF_LISTS and _LIST.match(line):
        return True
    return (
        bool(_CODE_LINE.match(line) or has_signs)
        and not reads_like_prose(line, language_id)
        and not _SENTENCE_END.search(line)
    )


_MAY_BE_NOTE = re.compile(
    r"[A-Z](?![A-Z_]{2})|[*_]{1,3}[A-Z]|#{2,}|\d+[.)]\ |-\ [A-Z*`]|[^\x00-\x7f]"
)
_MAY_BECOME_NOTE = re.compile(r"[A-Z][A-Z]?|[*_]+|#+|\d+[.)]?|-+\ ?")
_NAME_IN_FRONT = re.compile(r"`(?:[^`\n]+(?:`(?: .*)?)?)?$")
"""Matches a sentence that begins with a name in backticks, and each of its beginnings."""
_KEY = re.compile(r"[\w.-]+:(?: |$)|- ")
_TAG_OF_TEXT = re.compile(r"<(?:d(?:e(?:t(?:a(?:i(?:l(?:s(?:>.*)?)?)?)?)?)?)?)?$")
MAY_HOLD_TAGS = {"html", "markdown", "mdx", "xml", "xsl", "svg", "vue", "svelte", "php", "astro"}
MAY_HOLD_TAGS |= {"javascriptreact", "typescriptreact", "handlebars", "jinja", "erb"}


def may_be_note(beginning: str, language_id: str) -> bool:
    """Whether a line that begins so may turn out to be a note behind the code."""
    if language_id in _KEYED and _KEY.match(beginning):
        return False
    if beginning[0] == "<" and language_id and language_id not in MAY_HOLD_TAGS:
        return beginning == "<" or _TAG_OF_TEXT.match(beginning) is not None
    if beginning[0] == "`" and language_id not in QUOTED_BY_BACKTICKS:
        return _NAME_IN_FRONT.match(beginning) is not None
    return bool(
        _MAY_BECOME_NOTE.fullmatch(beginning)
        or (_MAY_BE_NOTE.match(beginning) and not starts_like_code(beginning, language_id))
    )


_RULE = re.compile(r"-{3,}|\*{3,}|_{3,}")
"""A rule of Markdown."""
_WITH_RULES = {
    "yaml",
    "yml",
    "dockercompose",
    "sql",
    "mysql",
    "lua",
    "haskell",
    "ada",
    "elm",
    "vhdl",
}
"""Languages in which such a line is code, or a comment."""
_LABEL = re.compile(r"[A-Z][a-z]+(?: [a-z]+){1,3}: ?\S.*")
_PLAIN_SENTENCE = re.compile(r"[A-Z][a-z']*(?: (?:[\w'-]+|`[^`]+`),?){4,}[.!:]")


def is_note(line: str, language_id: str) -> bool:
    """Whether a whole line, behind code and a blank line, is a note about it."""
    # "Time complexity: O(1)" is no sentence, and no code where keys have no blanks in them.
    is_label = language_id not in _KEYED and _LABEL.fullmatch(line.strip()) is not None
    is_tag = line.startswith("<") and line.rstrip().endswith(">")
    if _RULE.fullmatch(line.strip()):
        return language_id not in _WITH_RULES
    return may_be_note(line, language_id) and (
        is_tag or is_label or reads_like_prose(line, language_id)
    )


def is_plain_sentence(line: str) -> bool:
    """Whether a line is a sentence of several words that nobody takes for code."""
    return _PLAIN_SENTENCE.fullmatch(line.strip()) is not None


_GREETING = re.compile(
    r"(?:sure|certainly|of course|absolutely|okay|ok|alright|great|no problem|got it)\b",
    re.IGNORECASE,
)
_LEADS = re.compile(
    r"(?:sure|certainly|of course|absolutely|okay|ok|alright|great|no problem|got it"
    r"|here(?:['\u2019]s| is| are)|below (?:is|are)|i(?:['\u2019]ve| have))\b",
    re.IGNORECASE,
)
_LONGEST_LEAD = 14


def leads_to_text(line: str) -> bool:
    """Whether a line, or its beginning, speaks to the user in front of the text they asked for."""
    start = line.lstrip()
    may_lead = any(lead.startswith(start.lower()) for lead in _LEADING_WORDS)
    return (len(start) < _LONGEST_LEAD and may_lead) or _LEADS.match(start) is not None


_LEADING_WORDS = (
    *("sure", "certainly", "of course", "absolutely", "okay", "alright", "great", "no problem"),
    *("got it", "here's", "here\u2019s", "here is", "here are", "below is", "below are"),
    *("i've", "i\u2019ve", "i have"),
)


def is_greeting(text: str) -> bool:
    """Whether a text, one or two lines before the one asked for, only speaks to the user."""
    return _GREETING.match(text.lstrip()) is not None
