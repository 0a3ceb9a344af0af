"""What is known of a language by its LSP identifier: its name, its comment marks, its indentation.

The identifiers are those of the LSP specification, and the file types by which editors call
languages that it does not list.
"""

from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True, kw_only=True)
class Comments:
    """The marks around comments."""

    line: tuple[str, ...] = ()
    """Marks that make the rest of the line a comment."""
    block: tuple[tuple[str, str], ...] = ()
    """Marks that open and close a comment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """A language, as far as a prompt is concerned."""

    name: str
    """What a model calls it; empty if there is nothing to call it by."""
    comments: Comments
    indent_unit: str = "    "
    """One level of indentation where a document does not show its own."""


_SLASHES = Comments(line=("//",), block=(("/*", "*/"),))
_HASH = Comments(line=("#",))
_DASHES = Comments(line=("--",), block=(("/*", "*/"),))
_HASKELL = Comments(line=("--",), block=(("{-", "-}"),))
_SEMICOLON = Comments(line=(";",), block=(("#|", "|#"),))
_PERCENT = Comments(line=("%",))
_MARKUP = Comments(block=(("<!--", "-->"),))
_COMPONENT = Comments(line=("//",), block=(("<!--", "-->"), ("/*", "*/")))
_INI = Comments(line=(";", "#"))
_TEXT = Comments(line=("#", "//"))
_UNKNOWN = Comments(line=("#", "//", "--"), block=(("/*", "*/"),))
_REACT = Comments(line=("//",), block=(("{/*", "*/}"), ("/*", "*/")))

_TWO, _FOUR, _TAB = "  ", "    ", "\t"

_TABLE: tuple[tuple[str, str, Comments, str], ...] = (
    ("ada", "Ada", Comments(line=("--",)), _FOUR),
    ("astro", "Astro", _COMPONENT, _TWO),
    ("awk", "AWK", _HASH, _FOUR),
    ("bat dosbatch", "batch", Comments(line=("REM ", "rem ", "::")), _FOUR),
    ("bazel starlark", "Starlark", _HASH, _FOUR),
    ("bibtex", "BibTeX", _PERCENT, _TWO),
    ("c", "C", _SLASHES, _FOUR),
    ("clojure", "Clojure", _SEMICOLON, _TWO),
    ("cmake", "CMake", Comments(line=("#",), block=(("#[[", "]]"),)), _TWO),
    ("coffeescript coffee", "CoffeeScript", Comments(line=("#",), block=(("###", "###"),)), _TWO),
    ("cpp cuda-cpp cuda", "C++", _SLASHES, _FOUR),
    ("crystal", "Crystal", _HASH, _TWO),
    ("csharp cs", "C#", _SLASHES, _FOUR),
    ("css", "CSS", Comments(block=(("/*", "*/"),)), _TWO),
    ("cython", "Cython", _HASH, _FOUR),
    ("d", "D", _SLASHES, _FOUR),
    ("dart", "Dart", _SLASHES, _TWO),
    ("dockerfile", "Dockerfile", _HASH, _FOUR),
    ("elixir", "Elixir", _HASH, _TWO),
    ("elm", "Elm", _HASKELL, _FOUR),
    ("erlang", "Erlang", _PERCENT, _FOUR),
    ("fish", "fish", _HASH, _FOUR),
    ("fortran fortran-modern FortranFreeForm", "Fortran", Comments(line=("!",)), _TWO),
    ("fsharp", "F#", Comments(line=("//",), block=(("(*", "*)"),)), _FOUR),
    ("gdscript", "GDScript", _HASH, _TAB),
    ("git-commit gitcommit git-rebase gitrebase", "", _HASH, _FOUR),
    ("gleam", "Gleam", _SLASHES, _TWO),
    ("glsl hlsl wgsl", "shader", _SLASHES, _FOUR),
    ("go gomod", "Go", _SLASHES, _TAB),
    ("graphql", "GraphQL", _HASH, _TWO),
    ("groovy", "Groovy", _SLASHES, _FOUR),
    ("handlebars", "Handlebars", Comments(block=(("{{!--", "--}}"), ("<!--", "-->"))), _TWO),
    ("haskell", "Haskell", _HASKELL, _TWO),
    ("html", "HTML", _MARKUP, _TWO),
    ("ini properties dosini conf editorconfig", "INI", _INI, _FOUR),
    ("java", "Java", _SLASHES, _FOUR),
    ("javascript", "JavaScript", _SLASHES, _TWO),
    ("javascriptreact", "JavaScript (React)", _REACT, _TWO),
    ("json jsonc json5", "JSON", _SLASHES, _TWO),
    ("julia", "Julia", Comments(line=("#",), block=(("#=", "=#"),)), _FOUR),
    ("just", "justfile", _HASH, _FOUR),
    ("kotlin", "Kotlin", _SLASHES, _FOUR),
    ("latex tex plaintex", "LaTeX", _PERCENT, _TWO),
    ("less", "Less", _SLASHES, _TWO),
    ("lisp commonlisp", "Common Lisp", _SEMICOLON, _TWO),
    ("lua luau", "Lua", Comments(line=("--",), block=(("--[[", "]]"),)), _FOUR),
    ("elisp emacs-lisp", "Emacs Lisp", _SEMICOLON, _TWO),
    ("makefile make", "Makefile", _HASH, _TAB),
    ("markdown mdx", "Markdown", _MARKUP, _TWO),
    ("matlab octave", "MATLAB", Comments(line=("%",), block=(("%{\n", "%}"),)), _FOUR),
    ("mojo", "Mojo", _HASH, _FOUR),
    ("nim", "Nim", Comments(line=("#",), block=(("#[", "]#"),)), _TWO),
    ("nix", "Nix", Comments(line=("#",), block=(("/*", "*/"),)), _TWO),
    ("objective-c objc objective-cpp objcpp", "Objective-C", _SLASHES, _FOUR),
    ("ocaml ocaml.interface reason", "OCaml", Comments(block=(("(*", "*)"),)), _TWO),
    ("odin", "Odin", _SLASHES, _TAB),
    ("pascal", "Pascal", Comments(line=("//",), block=(("{", "}"), ("(*", "*)"))), _TWO),
    ("perl perl6 raku", "Perl", _HASH, _FOUR),
    ("php", "PHP", Comments(line=("//", "#"), block=(("/*", "*/"), ("<!--", "-->"))), _FOUR),
    ("plaintext text", "", _TEXT, _FOUR),
    ("powershell ps1", "PowerShell", Comments(line=("#",), block=(("<#", "#>"),)), _FOUR),
    ("prisma", "Prisma", _SLASHES, _TWO),
    ("proto proto3", "Protocol Buffers", _SLASHES, _TWO),
    ("python", "Python", _HASH, _FOUR),
    ("r rmd", "R", _HASH, _TWO),
    ("ruby", "Ruby", Comments(line=("#",), block=(("=begin\n", "=end"),)), _TWO),
    ("rust", "Rust", _SLASHES, _FOUR),
    ("sass", "Sass", _SLASHES, _TWO),
    ("scala", "Scala", _SLASHES, _TWO),
    ("scheme racket", "Scheme", _SEMICOLON, _TWO),
    ("scss", "SCSS", _SLASHES, _TWO),
    ("shellscript sh bash zsh ksh", "shell", _HASH, _FOUR),
    ("solidity", "Solidity", _SLASHES, _FOUR),
    ("sql mysql plsql pgsql postgres", "SQL", _DASHES, _FOUR),
    ("svelte", "Svelte", _COMPONENT, _TWO),
    ("swift", "Swift", _SLASHES, _FOUR),
    ("tcl", "Tcl", _HASH, _FOUR),
    (
        "terraform tf hcl terraform-vars",
        "Terraform",
        Comments(line=("#", "//"), block=(("/*", "*/"),)),
        _TWO,
    ),
    ("toml", "TOML", _HASH, _FOUR),
    ("typescript", "TypeScript", _SLASHES, _TWO),
    ("typescriptreact", "TypeScript (React)", _REACT, _TWO),
    ("vb", "Visual Basic", Comments(line=("'",)), _FOUR),
    ("verilog systemverilog", "Verilog", _SLASHES, _FOUR),
    ("vhdl", "VHDL", Comments(line=("--",)), _FOUR),
    ("vim viml", "Vim script", Comments(line=('"',)), _FOUR),
    ("vue vue-html", "Vue", _COMPONENT, _TWO),
    ("xml xsl svg", "XML", _MARKUP, _TWO),
    ("yaml dockercompose", "YAML", _HASH, _TWO),
    ("zig", "Zig", Comments(line=("//",)), _FOUR),
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
