"""What stands in an answer and is no text of it.

Tokens of chat templates, marks of a cursor, a quotation's `> `; tags around the answer, those of a
prompt's template or of a tool that the model thought it had.
"""

import re
from dataclasses import dataclass

from streaming_code_generator.core.extract.parts import OLD_TEXT, CodeTarget, Tally
from streaming_code_generator.core.extract.response_lines import BLANK, LINE_LIMIT, segments

END_TOKENS = (
    "<|im_end|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end|>",
    "<|return|>",
    "<end_of_turn>",
    "<\uff5cend\u2581of\u2581sentence\uff5c>",
    "</s>",
)
"""What ends a response in the chat templates of Qwen, Llama, Phi, gpt-oss, Gemma, DeepSeek and
Mistral. A server with another template than the model's lets it through as text."""
END_TOKENS_LIMIT = 64
"""Most characters at the end of a response that are looked at for such tokens."""


_END = re.compile(rf"(?:(?:{'|'.join(map(re.escape, END_TOKENS))})\s*)+")
_END_BEGUN = frozenset(token[:length] for token in END_TOKENS for length in range(1, len(token)))


class EndTokens:
    """Leaves out tokens at the very end of a response that the server took for text.

    Anywhere else they are text: a chat template, as code, is full of them.
    """

    def __init__(self) -> None:
        self.held = ""
        self._seen = ""
        self._is_struck = False
        """Whether there was an `<s>`, which HTML ends with `</s>`."""

    @property
    def held_back(self) -> int:
        """Characters that are no text if the response ends there."""
        return len(self.held)

    def feed(self, text: str) -> str:
        """Return what is text whatever comes behind it."""
        seen = self._seen + text
        self._seen = seen[-2:]
        if not self.held and "<" not in seen:
            return text
        self._is_struck |= "<s>" in seen
        text = self.held + text
        start = self._start(text)
        self.held = text[start:]
        return text[:start]

    def finish(self) -> tuple[str, str]:
        """Return the rest of the text, and the tokens that end the response."""
        end = self.held
        if not _END.fullmatch(end) or (self._is_struck and "</s>" in end):
            return end, ""
        return "", end

    @staticmethod
    def _start(text: str) -> int:
        # "x = 1\n<|im_end|>\n<|im" is held from the first "<": a token, and what may become one.
        # Once ">" is followed by anything else, all of it is text.
        start = text.find("<", max(0, len(text) - END_TOKENS_LIMIT))
        while start >= 0:
            ends = _END.match(text, start)
            rest = text[ends.end() if ends else start :]
            if not rest or rest in _END_BEGUN:
                return start
            start = text.find("<", start + 1)
        return len(text)


BYTE_ORDER_MARK = "\ufeff"
_CURSOR = (
    *("<|cursor|>", "<|user_cursor|>", "<|user_cursor_is_here|>", "<|cursor_position|>"),
    *("<|editable_region_start|>", "<|editable_region_end|>", "<|start_of_file|>"),
)
"""What prompts of editors mark places with, and models repeat: Zed's, and those made after it."""
_NEXT_FILE = (
    *("<|file_sep|>", "<|file_separator|>", "<|repo_name|>", "<|endoftext|>"),
    *("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|fim_pad|>"),
)
"""What begins another file, or another text, where Qwen, StarCoder and CodeGemma were trained."""
_MOST_BLANKS = 64
MARKS_LIMIT = 256
"""Most characters held back of what may be a mark, or a quotation, with the blanks around it."""


def _any_of(marks: tuple[str, ...]) -> str:
    return "|".join(map(re.escape, marks))


_BLANKS = rf"[ \t]{{0,{_MOST_BLANKS}}}"
_CURSOR_MARK = re.compile(
    rf"(?<=\n){_BLANKS}(?:{_any_of(_CURSOR)}){_BLANKS}\n|(?<![\"'`])(?:{_any_of(_CURSOR)})"
)
_NEXT_FILE_MARK = re.compile(rf"(?<![\"'`])(?:{_any_of(_NEXT_FILE)})")
_BEGUN = r"<(?:\|[a-z_]{0,24}\|?)?"
_UNDECIDED = re.compile(
    rf"(?<=\n){_BLANKS}(?:(?:{_any_of(_CURSOR)}){_BLANKS})?(?:{_BEGUN})?\Z|{_BEGUN}\Z"
)


class Marks:
    """Leaves out marks of a cursor, and ends the answer where the model begins another file.

    Code about such marks has them in quotes, and a text may be about them, too.
    """

    def __init__(self, target: CodeTarget, tally: Tally) -> None:
        self._tally = tally
        self._is_text = target.is_prose or not target.language_id
        self._is_first = True
        self.held = ""
        self._last = "\n"
        """The last character read before what is held."""
        self.is_over = False
        """Whether what follows belongs to another file."""

    @property
    def held_back(self) -> int:
        """Characters that may be a mark, with the blanks around it."""
        return len(self.held)

    def feed(self, text: str) -> str:
        """Return what is text whatever comes behind it."""
        if self._is_first and text:
            self._is_first = False
            if text[0] == BYTE_ORDER_MARK:
                self._tally.drop("mark", BYTE_ORDER_MARK)
                text = text[1:]
        if self._is_text or not text:
            return text
        if self.is_over:
            self._tally.drop("end token", text)
            return ""
        if not self.held and "<" not in text and text[-1] not in BLANK:
            self._last = text[-1]
            return text
        # "a\n    <|cur" is held from the blanks on: the mark's line goes as a whole, if nothing
        # else stands there.
        text = self._last + self.held + text
        undecided = _UNDECIDED.search(text, 1)
        end = undecided.start() if undecided else len(text)
        self.held = text[end:]
        self._last = text[end - 1]
        return self._without_marks(text[:end])

    def finish(self) -> str:
        """Return what was held back."""
        held, self.held = self.held, ""
        return self._without_marks(self._last + held) if held and not self.is_over else ""

    def _without_marks(self, text: str) -> str:
        """Return a text without its marks, and without its first character."""
        following = _NEXT_FILE_MARK.search(text)
        if following is not None:
            self._tally.drop("end token", text[following.start() :] + self.held)
            self.held, self.is_over = "", True
            text = text[: following.start()]
        for mark in _CURSOR_MARK.finditer(text):
            self._tally.drop("mark", mark[0])
        return _CURSOR_MARK.sub("", text)[1:]


_READ_FROM = {"shellscript", "powershell", "bat", "haskell", "literate haskell", "diff", "patch"}
"""Languages in which a line may begin with `>`."""
_FENCES = ("```", "~~~")


class Quotation:
    """Takes the `> ` off the lines of an answer that is a quotation, or has its code in one."""

    def __init__(self, target: CodeTarget, tally: Tally) -> None:
        self._tally = tally
        self._is_text = (
            target.is_prose or not target.language_id or target.text_before.strip(BLANK) != ""
        )
        self._may_be_code = target.language_id in _READ_FROM
        self._is_first = True
        """Whether nothing but blank lines has come."""
        self._is_quoted = False
        self._is_at_start = True
        self.held = ""
        """The beginning of a line that may be quoted."""

    @property
    def held_back(self) -> int:
        """Characters at the beginning of a line."""
        return len(self.held)

    def feed(self, text: str) -> str:
        """Return what the text is without the marks of a quotation."""
        if self._is_text or not text:
            return text
        if not self.held and text.find("\n", 0, -1) < 0:
            return self._within_line(text)
        text, self.held = self.held + text, ""
        return "".join(map(self._within_line, segments(text)))

    def finish(self) -> str:
        """Return what was held back."""
        held, self.held = self.held, ""
        return held

    def _within_line(self, text: str) -> str:
        if self._is_at_start:
            shown = self._line_start(text)
            if shown is None:
                self.held = text
                return ""
            self._is_first = self._is_first and not text.strip(BLANK + "\n")
            self._is_at_start = text.endswith("\n")
            return shown
        self._is_at_start = text.endswith("\n")
        return text

    def _line_start(self, text: str) -> str | None:
        #     > Here it is:     the answer begins with a quotation: each line loses its mark
        #     > ```python       so it does from a fence in a quotation on
        #     x > y             is none, nor is ">>> x"
        start = text.lstrip(BLANK)
        if not start.startswith(">"):
            self._is_quoted &= not start.strip("\n")
            return text if start or len(text) > _MOST_BLANKS else None
        if start == ">":
            return None
        body = start[1:].removeprefix(" ")
        if not self._is_quoted and (self._may_be_code or not self._is_first):
            if body in {"", "`", "``", "~", "~~"}:
                return None
            if not body.startswith(_FENCES):
                return text
        elif start[1] == ">":
            return text
        self._is_quoted = True
        self._tally.drop("quotation", ">")
        return body


_TAG = re.compile(r"<([A-Za-z][\w:.-]*)((?:\s+[\w:.-]+=(?:\"[^\"]*\"|'[^']*'))*)\s*>")
_MAY_BE_TAG = re.compile(r"<(?:[A-Za-z][\w:.-]*(?:\s[^<>]*)?>?)?.*")
_BRACKETS = re.compile(
    r"\[(PYTHON|JAVASCRIPT|TYPESCRIPT|JAVA|CPP|CSHARP|PHP|BASH|SQL|CODE|ANSWER|SOLUTION)\][ \t]*"
)
"""What Code Llama, and models taught by it, put around code."""
_TEMPLATE = re.compile(r"\{\{[A-Z_]+\}\}[ \t]*")
_NOTE = re.compile(r"<!--.*-->[ \t]*")
_MAY_BE_TEMPLATE = re.compile(r"\{\{?[A-Z_]*\}?\}?[ \t]*|\[[A-Z]{0,10}\]?[ \t]*")
_KNOWN = re.compile(
    r"code|output|answer|response|result|solution|completion|document|source|rewrite_this"
    r"|(?:rewritten|inserted|generated|updated|modified|final|new|replacement)[-_]?(?:code|answer)"
    r"|insert_here|write_to_file|replace_in_file|create_file|insert_code|edit_file|tool_call"
    r"|antArtifact|artifact|boltArtifact|boltAction|lov-write|file_content|code_block|codeblock"
)
"""What prompts of editors and agents have models put their answers in, by name."""
_OF_HTML = {"code", "output", "source", "pre", "p", "div", "span"}
_MARKUP = {
    "html",
    "markdown",
    "vue",
    "svelte",
    "javascriptreact",
    "typescriptreact",
    "php",
    "astro",
}
_MAY_HOLD_MARKUP = {*_MARKUP, "javascript", "typescript", "jinja", "erb", "handlebars", "mdx", ""}
_OF_SECTIONS = {"ini", "properties", "toml", "dosini", "conf", "editorconfig"}
"""Languages in which a line in brackets is code."""
_XML = {"xml", "xsl", "svg"}
"""Languages in which any name may be a tag's."""
_TAGS = re.compile(rf"(?:{_TAG.pattern}[ \t]*)+")
_ELEMENT = re.compile(rf"{_TAG.pattern}[^<>]*</\1>[ \t]*")


@dataclass(frozen=True, slots=True)
class Wrapper:
    """What stands in front of the answer in a line."""

    text: str
    closing: str
    """The tag that ends the answer; empty if none does."""


def may_become_wrapper(beginning: str) -> bool:
    """Whether a line that begins so may turn out to be around the answer."""
    pattern = _MAY_BE_TAG if beginning.startswith("<") else _MAY_BE_TEMPLATE
    return pattern.fullmatch(beginning) is not None


def wrapper_of(line: str, target: CodeTarget) -> Wrapper | None:
    """Return what of a whole line is around the answer, if anything is."""
    # In Python no line of code begins with a tag; in HTML most do, and only a name that it does
    # not have is no part of the code:
    #
    #     <write_to_file>                     a tool call
    #     <path>a.py</path>                   an argument that is not the code
    #     <content>                           behind it the code begins
    #     <pre><code class="language-cpp">int x;
    is_note = _NOTE.fullmatch(line) and target.language_id not in _MAY_HOLD_MARKUP | _XML
    if _TEMPLATE.fullmatch(line) or (is_note and not target.is_prose):
        return Wrapper(line, "")
    brackets = _BRACKETS.fullmatch(line)
    if brackets is not None and not target.is_prose and target.language_id not in _OF_SECTIONS:
        return Wrapper(line, f"[/{brackets[1]}]")
    tag = _TAG.match(line)
    if tag is None or target.text_before.strip() or not _may_wrap(tag[1], target):
        return None
    is_of_html = tag[1] in _OF_HTML
    if _ELEMENT.fullmatch(line) and not is_of_html and target.language_id not in _MAY_HOLD_MARKUP:
        return None if _KNOWN.fullmatch(tag[1]) else Wrapper(line, "")
    tags = _TAGS.match(line)
    if tags is None:
        return None
    return Wrapper(tags[0], f"</{_TAG.findall(tags[0])[-1][0]}>")


def _may_wrap(name: str, target: CodeTarget) -> bool:
    """Whether a tag of this name is none of the document's own."""
    language_id = target.language_id
    if (
        language_id in _XML
        or name in OLD_TEXT
        or (name in _OF_HTML and (language_id in _MARKUP or target.is_prose))
    ):
        return False
    if name == "script" and language_id in {"javascript", "typescript"}:
        return True
    may_be_any = language_id not in _MAY_HOLD_MARKUP and not target.is_prose
    is_no_html = "_" in name and language_id in {"javascript", "typescript"}
    return may_be_any or is_no_html or _KNOWN.fullmatch(name) is not None


_CLOSING_TAGS = re.compile(r"(?:</[\w:.-]+>\s*)*")
_MAY_CLOSE_MORE = re.compile(r"(?:[ \t]*</[\w:.-]+>)*[ \t]*(?:<(?:/[\w:.-]*)?)?")


def is_closing(line: str, closing: str) -> bool:
    """Whether a whole line closes the tag around the answer, and others around that maybe."""
    text = line.strip()
    return (
        bool(closing)
        and text.startswith(closing)
        and _CLOSING_TAGS.fullmatch(text[len(closing) :]) is not None
    )


class ClosingTag:
    """Finds the tag that ends the answer at the end of a line: "return x</code>"."""

    def __init__(self, closing: str) -> None:
        self._closing = closing
        self.is_tag = closing.startswith("<")
        """Whether it begins as tags do, not with a bracket."""
        self.held = ""

    def feed(self, segment: str) -> tuple[str, str]:
        """Return what is no such tag, and the tag if it has turned out to be one."""
        text = self.held + segment
        self.held = ""
        line = text.removesuffix("\n")
        start = line.find(self._closing[0])
        while start >= 0:
            rest = line[start:]
            begun = self._closing.startswith(rest) or (
                rest.startswith(self._closing)
                and _MAY_CLOSE_MORE.fullmatch(rest[len(self._closing) :]) is not None
            )
            if begun and len(line) == len(text) and len(rest) <= LINE_LIMIT:
                self.held = rest
                return text[:start], ""
            if is_closing(rest, self._closing) and begun:
                return text[:start] + text[len(line) :], rest
            start = line.find(self._closing[0], start + 1)
        return text, ""

    def finish(self) -> tuple[str, str]:
        """Decide on what is held back at the end of the response."""
        text, tag = self.feed("\n")
        return text.removesuffix("\n"), tag


_STYLE_OR_SCRIPT = re.compile(r"<(?:style|script)\b[^>]*>\n?(.*?)</(?:style|script)>", re.DOTALL)
_IN_STYLE_OR_SCRIPTS = {"css", "scss", "less", "javascript", "typescript"}


def element_in(block: str, language_id: str) -> slice | None:
    """Return where in a block the code is: in its only element, if it is a page around that."""
    # In a style sheet "<style>", "p { color: red }", "</style>" is the rule alone.
    elements = list(_STYLE_OR_SCRIPT.finditer(block)) if language_id in _IN_STYLE_OR_SCRIPTS else []
    if len(elements) == 1:
        return slice(*elements[0].span(1))
    is_page = language_id in _IN_STYLE_OR_SCRIPTS and block.lstrip().startswith("<")
    return None if is_page else slice(0, len(block))
