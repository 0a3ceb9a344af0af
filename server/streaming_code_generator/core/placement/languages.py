"""What is known of a language by its LSP identifier: its name, its comments, its indentation.

The identifiers are those of the LSP specification, and the file types by which editors call
languages that it does not list.
"""

from dataclasses import dataclass, replace
from functools import cache

DOUBLE = r'"(?:\\.|[^"\\\n])*"'
SINGLE = r"'(?:\\.|[^'\\\n])*'"
CHARACTER = r"'(?:\\[^\n]{1,8}?|[^'\\\n])'"
"""For languages in which a lone `'` is no quotation mark: a lifetime, a prime, a transposition."""
BACKTICK = "`"
TRIPLE = '"""'
TRIPLE_SINGLE = "'''"

_QUOTES = (DOUBLE, SINGLE)
_CHARACTERS = (DOUBLE, CHARACTER)
_C_BLOCK = (("/*", "*/"),)
_HTML_BLOCK = (("<!--", "-->"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comments:
    """How comments are written, and what only looks like one."""

    line: tuple[str, ...] = ()
    """Marks that make the rest of the line a comment."""
    block: tuple[tuple[str, str], ...] = ()
    """Marks that open and close a comment."""
    strings: tuple[str, ...] = _QUOTES
    """Regular expressions of quotations within a line, in which marks mean nothing."""
    long_quotes: tuple[str, ...] = (TRIPLE,)
    """Quotation marks around text of any number of lines."""
    docstrings: bool = False
    """Whether a triple-quoted string that stands alone is a comment, too."""
    at_line_start_only: bool = False
    """Whether a line mark counts only as the first thing on its line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """A language, as far as a prompt is concerned."""

    name: str
    """What a model calls it; empty if there is nothing to call it by."""
    comments: Comments
    indent_unit: str = "    "
    """One level of indentation where a document does not show its own."""


_C = Comments(line=("//",), block=_C_BLOCK)
_C_LIKE = Comments(line=("//",), block=_C_BLOCK, strings=_CHARACTERS)
_JAVASCRIPT = Comments(line=("//",), block=_C_BLOCK, long_quotes=(BACKTICK,))
_HASH = Comments(line=("#",))
_HASH_AT_START = replace(_HASH, at_line_start_only=True)
_PYTHON = Comments(line=("#",), long_quotes=(TRIPLE, TRIPLE_SINGLE), docstrings=True)
_DASHES = Comments(line=("--",), block=_C_BLOCK)
_HASKELL = Comments(line=("--",), block=(("{-", "-}"),), strings=_CHARACTERS)
_SEMICOLON = Comments(line=(";",), block=(("#|", "|#"),), strings=(DOUBLE,))
_PERCENT = Comments(line=("%",), strings=(DOUBLE,))
_ML = Comments(block=(("(*", "*)"),), strings=_CHARACTERS)
_MARKUP = Comments(block=_HTML_BLOCK, strings=(), long_quotes=())
_COMPONENT = Comments(line=("//",), block=_HTML_BLOCK + _C_BLOCK, strings=(), long_quotes=())
_INI = Comments(line=(";", "#"), at_line_start_only=True, strings=(), long_quotes=())
_TEXT = Comments(line=("#", "//"), at_line_start_only=True, strings=(), long_quotes=())
_UNKNOWN = Comments(line=("#", "//", "--"), block=_C_BLOCK)

_TWO, _FOUR, _TAB = "  ", "    ", "\t"

_TABLE: tuple[tuple[str, str, Comments, str], ...] = (
    ("ada", "Ada", Comments(line=("--",), strings=(DOUBLE,)), _FOUR),
    ("astro", "Astro", _COMPONENT, _TWO),
    ("awk", "AWK", _HASH, _FOUR),
    (
        "bat dosbatch",
        "batch",
        Comments(line=("REM ", "rem ", "::"), at_line_start_only=True),
        _FOUR,
    ),
    ("bazel starlark", "Starlark", _PYTHON, _FOUR),
    ("bibtex", "BibTeX", _PERCENT, _TWO),
    ("c", "C", _C, _FOUR),
    ("clojure", "Clojure", _SEMICOLON, _TWO),
    ("cmake", "CMake", Comments(line=("#",), block=(("#[[", "]]"),)), _TWO),
    ("coffeescript coffee", "CoffeeScript", Comments(line=("#",), block=(("###", "###"),)), _TWO),
    ("cpp cuda-cpp cuda", "C++", _C, _FOUR),
    ("crystal", "Crystal", _HASH, _TWO),
    ("csharp cs", "C#", _C, _FOUR),
    ("css", "CSS", Comments(block=_C_BLOCK), _TWO),
    ("cython", "Cython", _PYTHON, _FOUR),
    ("d", "D", _C, _FOUR),
    ("dart", "Dart", _C, _TWO),
    ("dockerfile", "Dockerfile", _HASH_AT_START, _FOUR),
    ("elixir", "Elixir", _HASH, _TWO),
    ("elm", "Elm", _HASKELL, _FOUR),
    ("erlang", "Erlang", _PERCENT, _FOUR),
    ("fish", "fish", _HASH, _FOUR),
    ("fortran fortran-modern FortranFreeForm", "Fortran", Comments(line=("!",)), _TWO),
    ("fsharp", "F#", Comments(line=("//",), block=(("(*", "*)"),), strings=_CHARACTERS), _FOUR),
    ("gdscript", "GDScript", _HASH, _TAB),
    ("git-commit gitcommit git-rebase gitrebase", "", _HASH_AT_START, _FOUR),
    ("gleam", "Gleam", _C_LIKE, _TWO),
    ("glsl hlsl wgsl", "shader", _C, _FOUR),
    (
        "go gomod",
        "Go",
        replace(_C_LIKE, long_quotes=(BACKTICK,)),
        _TAB,
    ),
    ("graphql", "GraphQL", _HASH, _TWO),
    ("groovy", "Groovy", _C, _FOUR),
    ("handlebars", "Handlebars", Comments(block=(("{{!--", "--}}"), *_HTML_BLOCK)), _TWO),
    ("haskell", "Haskell", _HASKELL, _TWO),
    ("html", "HTML", _MARKUP, _TWO),
    ("ini properties dosini conf editorconfig", "INI", _INI, _FOUR),
    ("java", "Java", _C, _FOUR),
    ("javascript", "JavaScript", _JAVASCRIPT, _TWO),
    (
        "javascriptreact",
        "JavaScript (React)",
        replace(_JAVASCRIPT, block=(("{/*", "*/}"), *_C_BLOCK)),
        _TWO,
    ),
    ("json jsonc json5", "JSON", _C, _TWO),
    ("julia", "Julia", Comments(line=("#",), block=(("#=", "=#"),), strings=_CHARACTERS), _FOUR),
    ("just", "justfile", _HASH, _FOUR),
    ("kotlin", "Kotlin", _C, _FOUR),
    ("latex tex plaintex", "LaTeX", replace(_PERCENT, strings=(), long_quotes=()), _TWO),
    ("less", "Less", _C, _TWO),
    ("lisp commonlisp", "Common Lisp", _SEMICOLON, _TWO),
    (
        "lua luau",
        "Lua",
        Comments(line=("--",), block=(("--[[", "]]"),), strings=(DOUBLE, SINGLE)),
        _FOUR,
    ),
    ("elisp emacs-lisp", "Emacs Lisp", _SEMICOLON, _TWO),
    ("makefile make", "Makefile", _HASH, _TAB),
    ("markdown mdx", "Markdown", _MARKUP, _TWO),
    (
        "matlab octave",
        "MATLAB",
        Comments(
            line=("%",), block=(("%{\n", "%}"),), strings=(DOUBLE, r"(?<![\w)\]'.])" + SINGLE)
        ),
        _FOUR,
    ),
    ("mojo", "Mojo", _PYTHON, _FOUR),
    (
        "nim",
        "Nim",
        Comments(line=("#",), block=(("#[", "]#"),), strings=_CHARACTERS),
        _TWO,
    ),
    ("nix", "Nix", Comments(line=("#",), block=_C_BLOCK, strings=(DOUBLE,)), _TWO),
    ("objective-c objc objective-cpp objcpp", "Objective-C", _C, _FOUR),
    ("ocaml ocaml.interface reason", "OCaml", _ML, _TWO),
    ("odin", "Odin", _C_LIKE, _TAB),
    (
        "pascal",
        "Pascal",
        Comments(line=("//",), block=(("{", "}"), ("(*", "*)")), strings=(SINGLE,)),
        _TWO,
    ),
    ("perl perl6 raku", "Perl", _HASH, _FOUR),
    ("php", "PHP", Comments(line=("//", "#"), block=_C_BLOCK + _HTML_BLOCK), _FOUR),
    ("plaintext text", "", _TEXT, _FOUR),
    ("powershell ps1", "PowerShell", Comments(line=("#",), block=(("<#", "#>"),)), _FOUR),
    ("prisma", "Prisma", _C, _TWO),
    ("proto proto3", "Protocol Buffers", _C, _TWO),
    ("python", "Python", _PYTHON, _FOUR),
    ("r rmd", "R", _HASH, _TWO),
    ("ruby", "Ruby", Comments(line=("#",), block=(("=begin\n", "=end"),)), _TWO),
    ("rust", "Rust", _C_LIKE, _FOUR),
    ("sass", "Sass", _C, _TWO),
    ("scala", "Scala", _C_LIKE, _TWO),
    ("scheme racket", "Scheme", _SEMICOLON, _TWO),
    ("scss", "SCSS", _C, _TWO),
    ("shellscript sh bash zsh ksh", "shell", _HASH, _FOUR),
    ("solidity", "Solidity", _C, _FOUR),
    ("sql mysql plsql pgsql postgres", "SQL", _DASHES, _FOUR),
    ("svelte", "Svelte", _COMPONENT, _TWO),
    ("swift", "Swift", _C, _FOUR),
    ("tcl", "Tcl", _HASH, _FOUR),
    (
        "terraform tf hcl terraform-vars",
        "Terraform",
        Comments(line=("#", "//"), block=_C_BLOCK, strings=(DOUBLE,)),
        _TWO,
    ),
    ("toml", "TOML", Comments(line=("#",), long_quotes=(TRIPLE, TRIPLE_SINGLE)), _FOUR),
    ("typescript", "TypeScript", _JAVASCRIPT, _TWO),
    (
        "typescriptreact",
        "TypeScript (React)",
        replace(_JAVASCRIPT, block=(("{/*", "*/}"), *_C_BLOCK)),
        _TWO,
    ),
    ("vb", "Visual Basic", Comments(line=("'",), strings=(DOUBLE,)), _FOUR),
    ("verilog systemverilog", "Verilog", replace(_C, strings=(DOUBLE,)), _FOUR),
    ("vhdl", "VHDL", Comments(line=("--",), strings=(DOUBLE,)), _FOUR),
    (
        "vim viml",
        "Vim script",
        Comments(line=('"',), at_line_start_only=True, strings=(), long_quotes=()),
        _FOUR,
    ),
    ("vue vue-html", "Vue", _COMPONENT, _TWO),
    ("xml xsl svg", "XML", _MARKUP, _TWO),
    ("yaml dockercompose", "YAML", _HASH, _TWO),
    ("zig", "Zig", Comments(line=("//",), strings=(DOUBLE, CHARACTER)), _FOUR),
)


@cache
def _languages() -> dict[str, Language]:
    return {
        identifier.lower(): Language(name=name, comments=comments, indent_unit=indent_unit)
        for identifiers, name, comments, indent_unit in _TABLE
        for identifier in identifiers.split()
    }


def language(language_id: str) -> Language:
    """Return what is known of a language; of an unknown one, the most common ways are assumed."""
    known = _languages().get(language_id.lower())
    return known or Language(name=language_id, comments=_UNKNOWN)
