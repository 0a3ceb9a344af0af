"""What is known of languages: what of a text is comment or string, which tags mean a language.

Pygments knows that; where the extra `context` is installed, tree-sitter's grammars know what a file
defines. Pygments is imported with the first lexer: it takes 1 MiB, which a server without a
document need not hold.
"""

import importlib
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache, lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pygments.lexer import Lexer
    from tree_sitter import Language, Node, Query

TokenKind = tuple[str, ...]
"""A kind of token by its name's parts, as Pygments has it."""

COMMENT: TokenKind = ("Comment",)
DIRECTIVES: tuple[TokenKind, ...] = (("Comment", "Preproc"), ("Comment", "PreprocFile"))
STRING: TokenKind = ("Literal", "String")
DOCSTRING: TokenKind = (*STRING, "Doc")
OPERATOR: TokenKind = ("Operator",)
PUNCTUATION: TokenKind = ("Punctuation",)
NAME: TokenKind = ("Name",)

_IDS = {
    "astro": "html",
    "bat": "batch",
    "dosbatch": "batch",
    "commonlisp": "common-lisp",
    "conf": "ini",
    "cuda-cpp": "cuda",
    "dockercompose": "yaml",
    "docker": "text",
    "dockerfile": "text",
    "dosini": "ini",
    "editorconfig": "ini",
    "fortran-modern": "fortran",
    "fortranfreeform": "fortran",
    "git-commit": "text",
    "git-rebase": "text",
    "gitcommit": "text",
    "gitrebase": "text",
    "gomod": "go",
    "javascriptreact": "jsx",
    "jsonc": "json",
    "markdown": "html",
    "md": "html",
    "mdx": "html",
    "objective-cpp": "objective-c++",
    "objcpp": "objective-c++",
    "ocaml.interface": "ocaml",
    "pgsql": "postgresql",
    "plaintex": "tex",
    "plsql": "sql",
    "proto3": "protobuf",
    "rmd": "r",
    "shellscript": "bash",
    "svelte": "html",
    "svg": "xml",
    "terraform-vars": "terraform",
    "typescriptreact": "tsx",
    "vb": "vb.net",
    "viml": "vim",
    "vue-html": "html",
    "vue": "html",
    "xsl": "xml",
}
"""LSP identifiers that Pygments does not know; Markdown and components are read as HTML."""


UNKNOWN, PLAIN_TEXT = "Unknown", "Plain text"
"""The names of our own lexers: of all languages that Pygments has none for, and of no language."""


@cache
def _own_lexers() -> "dict[str, type[Lexer]]":
    from pygments.lexer import RegexLexer  # noqa: PLC0415 - see the module's docstring
    from pygments.token import Comment, String, Text  # noqa: PLC0415 - the same

    class UnknownLexer(RegexLexer):
        # Comments and strings as most languages have them.
        name = UNKNOWN
        tokens = {  # noqa: RUF012 - how Pygments declares rules
            "root": [
                (r'"(?:\\.|[^"\\\n])*"', String),
                (r"'(?:\\.|[^'\\\n])*'", String),
                (r"/\*(?:.|\n)*?\*/", Comment.Multiline),
                (r"(?<![^\s;,{}()\[\]])(?:#|//|--).*", Comment.Single),
                (r"\w+|\s+|.", Text),
            ]
        }

    class TextLexer(RegexLexer):
        # A line may be marked as a comment, and quotation marks mean nothing.
        name = PLAIN_TEXT
        tokens = {  # noqa: RUF012 - how Pygments declares rules
            "root": [(r"^[ \t]*((?:#|//).*)", Comment.Single), (r".+|\n", Text)]
        }

    return {UNKNOWN: UnknownLexer, PLAIN_TEXT: TextLexer}


@cache
def _lexer_class(language_id: str) -> "type[Lexer]":
    from pygments.lexers import find_lexer_class_by_name  # noqa: PLC0415 - see the module's docstring
    from pygments.util import ClassNotFound  # noqa: PLC0415 - the same

    name = _IDS.get(language_id.lower(), language_id.lower())
    if name in {"text", "plaintext"}:
        return _own_lexers()[PLAIN_TEXT]
    try:
        return find_lexer_class_by_name(name)
    except ClassNotFound:
        return _own_lexers()[UNKNOWN]


_COMPILING = threading.Lock()
"""Held while a lexer is made: two that compile one class at once mix up its states."""


def load_lexer(language_id: str) -> None:
    """Read and compile the lexer of a language, which the first use of it would wait for.

    That takes tenths of a second: call it in a thread.
    """
    _lexer(language_id, "")


def _lexer(language_id: str, text: str) -> "Lexer":
    # What stands before the window has opened the PHP, if nothing in it does.
    options = {"startinline": "<?" not in text} if language_id.lower() == "php" else {}
    lexer_class = _lexer_class(language_id)
    with _COMPILING:
        return lexer_class(stripnl=False, ensurenl=False, **options)


def _tokens(text: str, language_id: str) -> Iterator[tuple[int, TokenKind, str]]:
    # Some lexers see a comment only with the line end behind it.
    return _lexer(language_id, text).get_tokens_unprocessed(text + "\n")


class CommentSpan(NamedTuple):
    """Where a comment is, or a string that documents."""

    is_docstring: bool
    start: int
    end: int


@lru_cache(maxsize=8)
def comment_spans(text: str, language_id: str) -> tuple[CommentSpan, ...]:
    """Return comments and docstrings in order; neighbours that are one are one."""
    found: list[CommentSpan] = []
    for offset, token, value in _tokens(text, language_id):
        is_docstring = _is(token, DOCSTRING)
        is_directive = any(_is(token, kind) for kind in DIRECTIVES)
        if not is_docstring and (is_directive or not _is(token, COMMENT)):
            continue
        end = min(offset + len(value), len(text))
        if found and found[-1].end == offset and found[-1].is_docstring == is_docstring:
            found[-1] = CommentSpan(is_docstring, found[-1].start, end)
        else:
            found.append(CommentSpan(is_docstring, offset, end))
    return tuple(found)


def _is(token: TokenKind, kind: TokenKind) -> bool:
    return token[: len(kind)] == kind


_LONG_QUOTES = ('"""', "'''")


@lru_cache(maxsize=8)
def reads_better_inside(window: str, language_id: str) -> str:
    """Return the quotation mark that a stretch of a file begins inside of; mostly none."""
    # Read from inside a docstring without knowing it, code turns into strings and text into code:
    # the reading with more operators and brackets outside of strings is the right one.
    marks = [mark for mark in _LONG_QUOTES if window.count(mark) % 2]
    if not marks or _lexer_class(language_id) is not _lexer_class("python"):
        return ""
    return max(
        ["", *marks],
        key=lambda mark: sum(
            _is(kind, OPERATOR) or _is(kind, PUNCTUATION)
            for _, kind, _ in _tokens(mark + window, language_id)
        ),
    )


_LONG_MARKS = (*_LONG_QUOTES, "`")
_SHIFTING = ("c", "csharp", "go", "java", "javascript", "kotlin", "python", "rust", "swift")
"""Languages in which "<<" begins no here document."""
_PAIRS = (
    *(("/*", "*/"), ("<!--", "-->"), ("--[[", "]]"), ("(*", "*)")),
    *(("{-", "-}"), ("#|", "|#"), ("#=", "=#"), ("=begin", "=end"), ('#"', '"#')),
)


_HERE_DOCUMENT = re.compile(r"<<[-~]?\s*['\"]?([A-Za-z_]\w*)")

_STRETCH_PIECES = 500
"""So many pieces of code, mostly lines, are joined and looked through at once: it takes one or two
milliseconds. At the end of 4 MB it would take 20, or a second."""
_MOST_LOOKED_AT = 50
"""So many times in one block it is asked what its code ends in: each may cost reading all of it."""


class CodeSoFar:
    """Code as it comes, and whether it ends inside a comment or a string."""

    def __init__(self, language_id: str) -> None:
        self.newest: list[str] = []
        """The newest pieces, the line that has not ended among them; empty if nothing has come."""
        self._language_id = language_id.lower()
        self._stretches: list[str] = []
        """What came before those, up to the end of a line."""
        self._counts: Counter[str] = Counter()
        """How often each mark stands in it."""
        self._opened = ""
        """What encloses its end, if it is JavaScript: see `_read_script`."""
        self._looked_at = 0

    @property
    def text(self) -> str:
        """All of it."""
        return "".join((*self._stretches, *self.newest))

    def append(self, text: str) -> None:
        """Add the next piece."""
        if len(self.newest) >= _STRETCH_PIECES and self.newest[-1].endswith("\n"):
            stretch = "".join(self.newest)
            self.newest.clear()
            self._stretches.append(stretch)
            self._counts += self._counted(stretch)
            if self._is_script and (self._opened or "`" in stretch or "/*" in stretch):
                self._opened = _read_script(stretch, self._opened)
        self.newest.append(text)

    def is_inside_text(self) -> bool:
        """Whether a new line behind it would stand inside a comment or a string."""
        self._looked_at += 1
        if self._looked_at > _MOST_LOOKED_AT:
            return False
        # Most code has nothing open at all, and need not be read by a lexer: that takes three
        # microseconds a character. "<<" shifts in most languages, and "/*" stands in Python's
        # paths.
        newest = "".join(self.newest)
        counts = self._counts + self._counted(newest)
        may_be_open = any(counts[mark] % 2 for mark in _LONG_MARKS) or any(
            counts[opening] > counts[closing] for opening, closing in _PAIRS
        )
        if self._is_script:
            # Mostly, a backtick too many stands in a comment, and "/*" in the path of many files.
            may_be_open = may_be_open or counts["\\`"] > 0
            ends_in = _read_script(newest, self._opened) if may_be_open else ""
            return ends_in[-1:] in {"`", "*"}
        if not may_be_open and not (counts["<<"] and _may_be_in_document(self.text)):
            return False
        return is_text_behind(self.text + "\n", self._language_id)

    @property
    def _is_script(self) -> bool:
        return names_language("javascript", self._language_id)

    def _counted(self, text: str) -> "Counter[str]":
        if names_language("python", self._language_id):
            return Counter({mark: text.count(mark) for mark in _LONG_QUOTES})
        is_shifting = any(names_language(each, self._language_id) for each in _SHIFTING)
        others = ("\\`",) if self._is_script else () if is_shifting else ("<<",)
        marks = (*_LONG_MARKS, *chain.from_iterable(_PAIRS), *others)
        return Counter({mark: text.count(mark) for mark in marks})


def _may_be_in_document(text: str) -> bool:
    """Whether the end of a here document may be missing."""
    return any(
        re.compile(rf"^\s*{opened[1]}\b", re.MULTILINE).search(text, opened.end()) is None
        for opened in _HERE_DOCUMENT.finditer(text)
    )


def inside_text(text: str, language_id: str) -> bool:
    """Whether a new line behind some code would stand inside a comment or a string."""
    code = CodeSoFar(language_id)
    code.append(text)
    return code.is_inside_text()


_SCRIPT = r"""
    //.* | /\* | ` | "(?:\\[\s\S]|[^"\\\n])*" | '(?:\\[\s\S]|[^'\\\n])*'
    | /(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\[\n])+/
"""
_IN_SCRIPT = {
    "": re.compile(_SCRIPT, re.VERBOSE),
    "{": re.compile(rf"{_SCRIPT} | [{{}}]", re.VERBOSE),
    "`": re.compile(r"\\[\s\S]|`|\$\{"),
    "*": re.compile(r"\*/"),
}
"""What counts in code, in a substitution or a block there, in a template, and in a comment."""
_BEGINS_PATTERN = re.compile(
    r"""(?x) (?: \A | [=(,:\[!&|?{;+\-*%~^] | => | (?<![\w$.])(?:return|typeof|case|in|of|do|else
    |void|delete|throw|yield|await) ) \s* \Z"""
)
"""What stands before a regular expression; behind anything else, a slash divides."""
_LONGEST_BEFORE = 40


def _read_script(text: str, opened: str) -> str:
    """Read JavaScript or TypeScript on, up to the end of a line.

    Args:
        text: What comes.
        opened: What encloses it, the innermost last: "`" for a template, "{" for a substitution in
            one or a block there, "*" for a comment.

    Returns:
        What encloses its end.
    """
    # In "`a ${ {b: `c`}.b } d", the second backtick opens a template inside the first one, and "}"
    # ends the substitution only behind the object's own. A lexer of Pygments does not count these.
    at = 0
    while found := _IN_SCRIPT[opened[-1:]].search(text, at):
        mark, at = found[0], found.end()
        if mark in {"}", "*/"} or mark == opened[-1:] == "`":
            opened = opened[:-1]
        elif mark in {"`", "{", "${", "/*"}:
            opened += mark[-1]
        elif mark[0] == "/" and mark[1] != "/":
            start = found.start()
            if not _BEGINS_PATTERN.search(text, max(start - _LONGEST_BEFORE, 0), start):
                at = start + 1  # it divides
    return opened


_ENDS = ("*/", "-->", '"""', "'''", "`", "]]", "=end", "*)", "-}", "|#", "=#", '"#')


@lru_cache(maxsize=8)
def is_text_behind(text: str, language_id: str) -> bool:
    """Whether what is written right behind some code is part of a comment or a string."""
    # Behind "cat <<EOF" a lexer sees a here document only if that ends, too. So a word is put
    # behind the text, and every ending that may be missing behind that:
    #
    #     cat <<EOF
    #     word         inside a string, since the next line ends one
    #     EOF
    ends = (*_HERE_DOCUMENT.findall(text), *_ENDS)
    whole = "\n".join([text + "word", *ends])
    for offset, kind, value in _tokens(whole, language_id):
        if offset + len(value) > len(text):
            return _is(kind, COMMENT) or _is(kind, STRING)
    return False


_NEUTRAL = {"", "text", "txt", "plaintext", "plain", "code", "diff", "udiff", "patch", "output"}
_SHELLS = {"bash", "sh", "shell", "zsh", "fish", "ksh", "console", "terminal", "cmd", "bat"}
_SHELLS |= {"batch", "powershell", "ps1", "pwsh", "shell-session", "doscon", "shellscript"}
_FAMILIES = (
    _SHELLS,
    {"js", "javascript", "jsx", "ts", "typescript", "tsx", "node", "mjs", "javascriptreact"}
    | {"typescriptreact"},
    {"py", "python", "python3", "py3", "cython", "starlark", "bazel", "mojo", "sage"},
    {"c", "cpp", "c++", "cxx", "cc", "h", "hpp", "objective-c", "objc", "objective-cpp", "cuda"}
    | {"arduino", "cuda-cpp"},
    {"css", "scss", "sass", "less"},
    {"json", "jsonc", "json5"},
    {"yaml", "yml", "dockercompose", "docker-compose"},
    {"html", "xml", "vue", "svelte", "astro", "html5", "xhtml", "svg", "xsl", "vue-html", "htm"}
    | {"handlebars", "jinja", "django", "jinja2", "erb", "html+php"},
    {"rb", "ruby", "erb"},
    {"rs", "rust"},
    {"go", "golang"},
    {"cs", "csharp", "c#"},
    {"kt", "kotlin", "kts"},
    {"md", "markdown", "mdx", "gfm"},
    {"tex", "latex", "plaintex", "bibtex"},
    {"make", "makefile", "mk", "just"},
    {"docker", "dockerfile"},
    {"terraform", "tf", "hcl", "terraform-vars"},
    {"sql", "mysql", "plsql", "pgsql", "postgres", "postgresql", "sqlite", "tsql"},
    {"vim", "viml", "vimscript"},
    {"el", "elisp", "emacs-lisp", "lisp", "common-lisp", "commonlisp"},
    {"hs", "haskell"},
    {"ex", "elixir", "exs"},
    {"ini", "properties", "dosini", "conf", "cfg", "editorconfig", "toml"},
    {"fs", "fsharp", "f#"},
    {"ml", "ocaml", "reason"},
    {"pl", "perl"},
    {"vb", "vbnet", "vb.net", "visualbasic"},
    {"m", "matlab", "octave"},
    {"proto", "protobuf", "proto3"},
)
"""What models call one language, and languages that stand for one another in a document."""


_HOSTS = {"html", "vue", "svelte", "astro", "vue-html", "handlebars", "php", "markdown", "mdx"}
_GUESTS = {"js", "javascript", "ts", "typescript", "css", "scss", "html", "jsx", "tsx", "php"}
"""Languages of documents that hold stretches in others, and those."""


def is_of_language(tag: str, language_id: str) -> bool:
    """Whether a block with this tag may be for a document in this language.

    Only a tag that is known to be another language's says no.
    """
    tag, language_id = tag.lower(), language_id.lower()
    if language_id in _NEUTRAL or (language_id in _HOSTS and tag in _GUESTS):
        return True
    return is_one_language(tag, language_id)


def is_one_language(tag: str, other: str) -> bool:
    """Whether two names may mean the same language."""
    if tag in _NEUTRAL or tag == other or any(tag in each and other in each for each in _FAMILIES):
        return True
    known = any(tag in each for each in _FAMILIES) or _lexer_class(tag).name != UNKNOWN
    return not known or _lexer_class(tag) is _lexer_class(other)


def names_language(word: str, language_id: str) -> bool:
    """Whether a word, in small letters, is a name of a language that is known."""
    return bool(word) and (
        word == language_id or any(word in each and language_id in each for each in _FAMILIES)
    )


def names_file(path: str, language_id: str) -> bool:
    """Whether a path is that of a file in a language; in any one if that is empty."""
    name = path.rpartition("/")[2]
    if not language_id:
        from pygments.lexers import find_lexer_class_for_filename  # noqa: PLC0415 - see above

        return find_lexer_class_for_filename(name) is not None
    return any(fnmatch(name, pattern) for pattern in _lexer_class(language_id).filenames)


_OF_CODE = (("Keyword",), COMMENT, (*NAME, "Builtin"), (*NAME, "Decorator"), OPERATOR)
_NAMES_APART = frozenset(
    {"python", "javascript", "javascriptreact", "lua", "rust", "php", "r", "julia", "json", "jsonc"}
)
"""Languages in which something always stands between two names."""
_NAMES_IN_ROWS = frozenset(
    """
    clojure cobol commonlisp css cucumber dockercompose dockerfile elisp elm emacs-lisp
    feature fsharp gherkin haskell html ini just less lisp make makefile mysql nginx nix ocaml pgsql
    powershell properties sass scheme scss sql svelte tcl toml vim viml vue xml yaml yml
    """.split()  # noqa: SIM905 - a list of so many literals is not readable
).union(_SHELLS, {""})
"""Languages in which any number of names may stand side by side."""


def has_words_in_a_row(line: str, language_id: str) -> bool:
    """Whether names stand side by side where the language has no use for that: it is prose."""
    #     let the caller decide     "the caller decide" are three names
    #     Foo bar = baz             "Foo bar" are two, which C has and Python has not
    if language_id in _NAMES_IN_ROWS:
        return False
    most = 1 if language_id in _NAMES_APART else 2
    names = 0
    for _, token, text in _tokens(line, language_id):
        if text.strip():
            names = names + 1 if _is(token, NAME) else 0
        if names > most:
            return True
    return False


def begins_with_syntax(line: str, language_id: str) -> bool:
    """Whether a line begins with a keyword, a built-in name or a comment of its language."""
    first = next((token for _, token, text in _tokens(line, language_id) if text.strip()), ())
    return any(_is(first, kind) for kind in _OF_CODE)


def is_for_shell(tag: str) -> bool:
    """Whether a tag says that a block holds commands to type, or what they print."""
    return tag.lower() in _SHELLS


GRAMMARS: Mapping[str, tuple[str, str]] = {
    "c": ("tree_sitter_c", "language"),
    "cpp": ("tree_sitter_cpp", "language"),
    "csharp": ("tree_sitter_c_sharp", "language"),
    "go": ("tree_sitter_go", "language"),
    "java": ("tree_sitter_java", "language"),
    "javascript": ("tree_sitter_javascript", "language"),
    "javascriptreact": ("tree_sitter_javascript", "language"),
    "php": ("tree_sitter_php", "language_php"),
    "python": ("tree_sitter_python", "language"),
    "ruby": ("tree_sitter_ruby", "language"),
    "rust": ("tree_sitter_rust", "language"),
    "shellscript": ("tree_sitter_bash", "language"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "typescriptreact": ("tree_sitter_typescript", "language_tsx"),
}
"""By LSP's identifier of a language: the grammar's module, and its function."""

_ALSO_MARKED_BY: Mapping[str, str] = {"tree_sitter_typescript": "tree_sitter_javascript"}
"""Grammars whose query marks only what theirs has beyond another one's."""

_NO_CODE = ("comment", "string", "heredoc")
"""Nodes in whose names one of these stands hold text, which may look like a definition."""


@dataclass(frozen=True, slots=True)
class MarkedDefinition:
    """A definition that a grammar's query has marked."""

    name: str
    line: int
    """Where its name stands, from 0."""
    end: int
    """The first line behind it."""
    owner: str
    """The name of the definition that it stands in; empty where there is none."""


class SyntaxTree:
    """A file, parsed. Files that do not parse have a tree, too, with holes."""

    def __init__(self, root: "Node", query: "Query | None") -> None:
        self._root = root
        self._query = query

    def definitions(self) -> Iterator[MarkedDefinition]:
        """Yield what the query marks, in the order in which it begins."""
        around: list[tuple[Node, str]] = []
        for node, name in sorted(self._marked(), key=lambda each: each[0].start_byte):
            while around and around[-1][0].end_byte <= node.start_byte:
                around.pop()
            owner = around[-1][1] if around else ""
            text = (name.text or b"").decode(errors="replace")
            yield MarkedDefinition(text, name.start_point.row, node.end_point.row + 1, owner)
            around.append((node, text))

    def _marked(self) -> "Iterator[tuple[Node, Node]]":
        if self._query is None:
            return
        from tree_sitter import QueryCursor  # noqa: PLC0415 - an optional extra

        for _, captures in QueryCursor(self._query).matches(self._root):
            names = captures.get("name", [])
            for mark, nodes in captures.items():
                if mark.startswith("definition.") and names:
                    yield nodes[0], names[0]

    def is_code(self, line: int, column: int) -> bool:
        """Whether what begins at a column, in bytes, is neither in a comment nor in a string."""
        node = self._root.descendant_for_point_range((line, column), (line, column))
        return node is None or not any(word in node.type for word in _NO_CODE)


def syntax_tree(lines: Sequence[str], language_id: str) -> SyntaxTree | None:
    """Return a file's tree; None where there is no grammar for its language."""
    grammar = _grammar(language_id)
    if grammar is None:
        return None
    from tree_sitter import Parser  # noqa: PLC0415 - an optional extra

    language, query = grammar
    # A parser for each file: they are cheap, and belong to one thread.
    tree = Parser(language).parse("\n".join(lines).encode(errors="replace"))
    return SyntaxTree(tree.root_node, query)


@cache
def _grammar(language_id: str) -> "tuple[Language, Query | None] | None":
    module_name, function = GRAMMARS.get(language_id, ("", ""))
    try:
        from tree_sitter import Language, Query  # noqa: PLC0415 - an optional extra

        modules: list[Any] = [
            importlib.import_module(name)
            for name in (module_name, _ALSO_MARKED_BY.get(module_name))
            if name
        ]
    except ImportError:
        return None
    if not modules:
        return None
    language = Language(getattr(modules[0], function)())
    marks = [getattr(module, "TAGS_QUERY", None) or "" for module in modules]
    if not any(marks):
        return language, None
    source = "\n".join(marks).encode()
    query = Query(language, source.decode())
    for pattern in range(query.pattern_count):
        start, end = query.start_byte_for_pattern(pattern), query.end_byte_for_pattern(pattern)
        # What marks calls and the like is left out: there is much of it.
        if b"@definition." not in source[start:end]:
            query.disable_pattern(pattern)
    return language, query
