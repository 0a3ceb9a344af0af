"""Tags around an answer: of a prompt's template, of a tool that the model thought it had."""

import re
from dataclasses import dataclass

from streaming_code_generator.core.extract.code.diffs import OLD_TEXT
from streaming_code_generator.core.extract.parts import CodeTarget
from streaming_code_generator.core.extract.response_lines import LINE_LIMIT

_TAG = re.compile(r"<([A-Za-z][\w:.-]*)((?:\s+[\w:.-]+=(?:\"[^\"]*\"|'[^']*'))*)\s*>")
_MAY_BE_TAG = re.compile(r"<(?:[A-Za-z][\w:.-]*(?:\s[^<>]*)?>?)?.*")
_TEMPLATE = re.compile(r"\{\{[A-Z_]+\}\}[ \t]*")
_MAY_BE_TEMPLATE = re.compile(r"\{\{?[A-Z_]*\}?\}?[ \t]*")
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
    if _TEMPLATE.fullmatch(line):
        return Wrapper(line, "")
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
        self.held = ""

    def feed(self, segment: str) -> tuple[str, str]:
        """Return what is no such tag, and the tag if it has turned out to be one."""
        text = self.held + segment
        self.held = ""
        line = text.removesuffix("\n")
        start = line.find("<")
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
            start = line.find("<", start + 1)
        return text, ""

    def finish(self) -> tuple[str, str]:
        """Decide on what is held back at the end of the response."""
        text, tag = self.feed("\n")
        return text.removesuffix("\n"), tag
