"""What the words of a response say: code or prose, and what of the blocks beside them.

Rules of thumb, which lean on what models really write. A comment counts as code, as it belongs into
the document.
"""

import re
from dataclasses import dataclass
from functools import cached_property

from streaming_code_generator.core.syntax import begins_with_syntax, has_words_in_a_row

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
    r"[^\W\d_]+(?:['\u2019][a-z]+)?(?:[ ,]+\w[\w'\u2019-]*){2,}[ ]?[.:!?\u2026]+[*_]*"
)
_SHORT = re.compile(r"[A-Z][a-z']+(?: [a-z']+)?[.!]")
_LEADS_ON = re.compile(r"[^\W\d_a-z][\w'\u2019]*(?:[ ,!?\u00a0]+[\w'\u2019\u00ab\u00bb\"-]+)+\s?:")
_STOPS_ARE_CODE = {"coq", "prolog", "erlang", "cobol", "pascal", "smalltalk", "lean"}
_BLOCK_OPENS = re.compile(
    r"\b(?:then|do)$|[{};]$|^\s*(?-i:if|for|while|with|elif|except|match|case)\b.*:$",
    re.IGNORECASE,
)
"""What a line of code has that opens a block, or ends by a sign."""
_REMARK_BEHIND = re.compile(r"(?<=\S)\s+(?:#|//|--) .*")
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


def without_remark(line: str) -> str:
    """Return a line of code without a comment behind it, and white space at its end."""
    return _REMARK_BEHIND.sub("", line).rstrip()


def reads_like_prose(line: str, language_id: str = "") -> bool:
    """Whether a line, or its first few hundred characters, is a sentence or a heading."""
    if starts_like_code(line, language_id) or _COMMENT.match(line.lstrip()):
        return False
    if language_id in _WITH_TARGETS and _SMALL_KEY.match(line):
        return False
    if _BLOCK_OPENS.search(without_remark(line)):
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


_BEGINS_WITH = {"json": '[{"]}', "jsonc": '[{"]}/', "html": "<{&", "xml": "<", "vue": "<{"}
"""Languages in which every line of code, below prose, begins with a sign."""
_SIGN_OF_CODE = re.compile(r"->|::|=>|[;{}=<>|\\$]|\w\(")
_NO_START = re.compile(r"\s*[-*>|#\u2022\d]")
_LEAST_SIGNS = 2
_CAPITAL_LABEL = re.compile(r"[A-Z][a-z]+: (?!.*[,{(\[]$)")
_SENTENCE_END = re.compile(r"[a-z]{2}[.!?:]$|^[A-Z][a-z]+ [a-z]+ [a-z]+")


def is_line_of_code(line: str, language_id: str = "") -> bool:
    """Whether a whole line below prose is where code begins."""
    # A line that is no item of a list may have signs that prose has not.
    signs = _SIGN_OF_CODE.findall(_INLINE_CODE.sub("", line))
    has_signs = len(signs) >= _LEAST_SIGNS and _NO_START.match(line) is None
    if language_id in _BEGINS_WITH and line.lstrip()[0] not in _BEGINS_WITH[language_id]:
        return False
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
        and not (_CAPITAL_LABEL.match(line) and language_id not in _KEYED)
        and not has_words_in_a_row(line, language_id)
    )


_OF_LIST = re.compile(r"\s*(?:[-*+>|\u2022]|\d+[.)]|\w\)|#+)(?: |$)")
_PLAIN = re.compile(r"[a-z]{2}[.!?]$|^[A-Z][a-z]+ [a-z]+ [a-z]+|^[A-Z]\w*:(?: |$)")
_COMMAND = re.compile(
    r"(?:\$ )?(?:sudo )?(?:pip3?|pipx|uv|poetry|conda|npm|npx|yarn|pnpm|gem|bundle|cargo|rustup|go"
    r"|composer|dotnet|mvn|gradle|apt(?:-get)?|brew|docker(?:-compose)?|kubectl|terraform|git|cd"
    r"|ls|cp|mv|rm|mkdir|touch|cat|grep|find|sed|awk|tar|unzip|curl|wget|ssh|chmod|make|cmake|gcc"
    r"|python3?|node|ruby|php|java|javac|bash|sh|systemctl|kill|ps|tr|sort|head|tail|xargs|rsync)"
    r" [\w./~*$\"'+-]"
)
"""What is typed into a shell."""
_TO_PEOPLE = re.compile(r"\b(?:the|you|your|this|they)\b(?![.(\[])")
_SHELLS = {"shellscript", "bash", "sh", "zsh", "fish"}
_ONE_SIGN = re.compile(
    rf"{_SIGN_OF_CODE.pattern}|^[\[({{\"'@:%$&~^\\]|\w:\w|\w\[|\+\+| :\w| \w+: "
    r"|\bdo(?: \|[\w, ]+\|)?$"
)


def is_command(text: str) -> bool:
    """Whether a line is what is typed into a shell."""
    return _COMMAND.match(text) is not None


def is_code_below_lead(line: str, language_id: str) -> bool:
    """Whether a whole line is code, right below words such as "Here is it:", which lead to it."""
    #     raise Oops            begins with a keyword
    #     main :: IO ()         has a sign that prose has not
    #     pip install it        a command, which is code in a script alone
    #     - the first step      an item, which is code in YAML alone
    #     renamed it            nothing of this
    if is_line_of_code(line, language_id):
        return True
    text = line.strip()
    words = "" if _COMMENT.match(text) else _INLINE_CODE.sub("", text)
    if reads_like_prose(text, language_id) or _PLAIN.search(text) or _TO_PEOPLE.search(words):
        return False
    if is_command(text):
        return language_id in _SHELLS
    if _RULE.fullmatch(text) or line[0].isspace():
        return False
    if _OF_LIST.match(text) and (text[0] != "-" or language_id not in _KEYED):
        return False
    may_be = _ONE_SIGN.search(text) or begins_with_syntax(text, language_id)
    return bool(may_be) and not has_words_in_a_row(text, language_id)


_MAY_BE_NOTE = re.compile(
    r"\(?[A-Z](?![A-Z_]{2})|[*_]{1,3}[A-Z]|#{2,}|\d+[.)]\ |-\ [A-Z*`]|[^\x00-\x7f]"
)
_MAY_BECOME_NOTE = re.compile(r"\(?[A-Z][A-Z]?|\(|[*_]+|#+|\d+[.)]?|-+\ ?")
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
_PLAIN_SENTENCE = re.compile(
    r"[A-Z][a-z']*[,.!]?(?: (?:[\w'-]+|`[^`]+`)[,.!:]?){3,} (?:[\w'-]+|`[^`]+`)[.!:]"
)


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


SHOWS_OTHER = re.compile(
    r"\b(?:(?:errors?|exceptions?)(?! handling)|traceback|outputs?|pseudo-?code|structure|layout"
    r"|tree|logs?|message|currently|original|before|wrong|incorrect|old)\b",
    re.IGNORECASE,
)
"""Words before a block that may hold something else than the code."""

OPENS_AN_ASIDE = re.compile(
    r"""\b(?:usage|us(?:e|ing)\ (?:it|this|the|of)|examples?|test|tests|run|call(?:ing)?|output
    |prints?|results?|executable|install\w*|alternativ\w*|approach|variant
    |(?:option|method|solution|way)\ (?:\d|two|b)|or|instead|another|shorter|simpler|version
    |equivalent\w*|verify|try|demo|if\ you|previously|before|original|old|wrong|don't|expected
    |would)\b""",
    re.IGNORECASE | re.VERBOSE,
)
"""Words, before a further block, by which it is not part of the code."""

OFFERS_SEVERAL = re.compile(
    r"\b(?:two|three|four|several|multiple|various|different|(?:a )?few|couple of) (?:\w+ ){0,2}"
    r"(?:ways|options|approaches|solutions|variants|alternatives|possibilities)\b",
    re.IGNORECASE,
)
"""Words before a block that announce more than one, of which each would do."""

CORRECTS = re.compile(
    r"\b(?:wait|oops|(?:i|my) (?:apologi[sz]e|mistake|apologies)|i made an? (?:mistake|error|typo)"
    r"|(?:that|this|it|which)(?: is|['\u2019]s| was) (?:\w+ )?(?:wrong|incorrect)"
    r"|let me (?:fix|correct|revise|redo)\b|(?:corrected|fixed) (?:\w+ ){0,2}"
    r"(?:code|version|function|method|class|implementation|solution|block|script|query)"
    r"|(?:is|was|there['\u2019]s|has|had) an? (?:\w+ )?(?:mistake|bug|typo)"
    r"|(?:but|however),? (?:this|that|it)(?: \w+)? (?:fails|breaks|crashes"
    r"|(?:does|will)(?:n['\u2019]t| not) work|won['\u2019]t work))\b",
    re.IGNORECASE,
)
"""Words before a further block by which it takes the place of the one above."""

EXPLAINS = re.compile(
    r"\bbreak(?:ing|s)?\ (?:\w+\ ){0,2}down\b|\bbreakdown\b|\bexpla(?:ined|nation)\b"
    r"|\bhow\ (?:it|this|the\ code)\ works\b|\bline\ by\ line\b",
    re.IGNORECASE,
)
"""Words from which on all blocks only show what the code does."""
SHOWS_ALL = re.compile(
    r"\b(?:complete|full|whole|entire|final)\ (?:\w+\ )?(?:code|program|script|file|version"
    r"|solution|implementation|function|class)\b|\ball\ together\b",
    re.IGNORECASE,
)
"""Words before a block that has once more what came in parts."""

_ENDS_THE_ANSWER = re.compile(
    r"(?:[*_#>\s-]*)(?:this|in this|that|explanation|notes?|usage|examples?"
    r"|example usage|output|let me|let's|i|make sure|remember|you can|you could"
    r"|to (?:use|run|test|call|try)|how"
    r"|alternatively|or|key|where|here(?:'s| is) (?:how|an? (?:explanation|breakdown"
    r"|example|brief))|hope|feel free|if you|when|please|as you|explained|breakdown)\b",
    re.IGNORECASE,
)
"""How what is written behind the code begins, if it is about the code."""

_GOES_ON = re.compile(
    r"[*_#>\s-]*(?:and|then|next|also|finally|second|third|now|plus|step|with|part|file|\d+[.)]"
    r"|the (?:other|helper|second|rest|next|remaining|implementation))\b",
    re.IGNORECASE,
)
_NAMES_FILE = re.compile(r"[*_#>`\s]*[\w./-]*\w\.\w{1,5}[*_`\s]*")
"""A heading with a file's name, above that file's block."""


def ends_the_answer(said: str) -> bool:
    """Whether nothing more of the code comes, by what has been said behind it so far."""
    # Behind the code of an answer, and whether it ends there where no explanation is wanted:
    #
    #     "This f"                   begins like a remark: it ends
    #     "And the helper it"        may lead to another part: wait for the line's end
    #     "And the helper it uses:"  leads to another part: wait for the block
    #     "It is fast.\n"            does not lead anywhere: it ends
    said = said.lstrip()
    if not said or CORRECTS.search(said):
        return False
    if _ENDS_THE_ANSWER.match(said) and not _ENDS_THE_ANSWER.fullmatch(said):
        return not _GOES_ON.match(said)
    line, ended, _ = said.partition("\n")
    leads_on = line.rstrip(" *_").endswith(":") or _NAMES_FILE.fullmatch(line)
    return bool(ended) and not leads_on and not _GOES_ON.match(line)


_DEFINITION = re.compile(
    r"^[ \t]*(?:(?:export|default|pub|public|private|async|static|final|abstract)\ )*"
    r"(?:def|class|function|func|fn|const|let|var|interface|struct|enum|type|trait|module)"
    r"[ \t]+(\w+)",
    re.MULTILINE,
)
_CALL = re.compile(
    r"[ \t]*(?:(?:const|let|var|val|auto|final)\ )?(?:\w+\s*:?=\s*)?(?:(?:await|new)\ )?(\w+)\("
)
_TRIES_IT = re.compile(
    r"[ \t]*(?:print\w*\s*\(|console\.|assert\b|>>> |\$ |puts |echo |fmt\.Print|System\.out"
    r"|chmod \+x |\./\w)"
)
_IMPORT = re.compile(
    r"[ \t]*(?:import\b|from\s+\S+\s+import\b|#\s*include\b|use\s|using\s|require\b"
    r"|(?:const|let|var)\s.*=\s*require\(|package\s|#|//)"
)
_LINE = re.compile(r"[^\n]+")


WORDS_READ = 20_000
"""Whether code is a new version of other code shows in so much of it."""


@dataclass(frozen=True)
class Written:
    """What is known of an answer's code so far, so that no block has to be read again.

    The last block is read when this is first asked: mostly none follows, and nothing is.
    """

    names_before: frozenset[str] = frozenset()
    words_before: frozenset[str] = frozenset()
    had_only_imports: bool = True
    last_block: str = ""
    is_one_of_several: bool = False
    """Whether each block that follows says the same in another way."""

    @cached_property
    def names(self) -> frozenset[str]:
        """What is defined in it."""
        return self.names_before.union(_DEFINITION.findall(self.last_block))

    @cached_property
    def words(self) -> frozenset[str]:
        """Those of each block's first `WORDS_READ` characters."""
        return self.words_before.union(re.findall(r"\w+", self.last_block[:WORDS_READ]))

    @cached_property
    def has_only_imports(self) -> bool:
        """Whether no line is anything else."""
        # One by one: mostly the first says it.
        lines = (line[0] for line in _LINE.finditer(self.last_block) if line[0].strip())
        return self.had_only_imports and all(map(_IMPORT.match, lines))

    @property
    def is_import_only(self) -> bool:
        """Whether there are imports and nothing that uses them: more has to come."""
        return bool(self.words) and self.has_only_imports

    def is_replaced_by(self, code: str) -> bool:
        """Whether other code has all that this has, as far as that can be seen."""
        other = Written().with_block(code)
        is_alike = 2 * len(self.words & other.words) >= len(self.words)
        return is_alike and self.names <= other.names and not other.is_import_only

    def with_block(self, code: str) -> "Written":
        """Return what is known once a further block has come."""
        return Written(self.names, self.words, self.has_only_imports, code, self.is_one_of_several)

    def is_shown_by(self, first_line: str) -> bool:
        """Whether a further block that begins so tries the code out, or says it anew."""
        again, called = _DEFINITION.match(first_line), _CALL.match(first_line)
        return bool(
            _TRIES_IT.match(first_line)
            or (again and again[1] in self.names)
            or (called and called[1] in self.names)
        )
