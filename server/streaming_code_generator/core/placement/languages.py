"""What is known of a language by its LSP identifier: its name, its comment marks, its indentation.

The identifiers are those of the LSP specification, and the file types by which editors call
languages that it does not list.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise


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


SAMPLE_LINES = 400
"""Most lines looked at on either side of a place."""
BLANK = " \t"

_DEEPEST_STEP = 8
_OPENERS = (":", "{", "[", "(")
_CLOSERS = ("}", "]", ")", "end")


def content(line: str) -> str:
    """Return a line without its ending."""
    return line.rstrip("\r\n")


def indent_of(line: str) -> str:
    """Return the white space that a line begins with."""
    text = content(line)
    return text[: len(text) - len(text.lstrip(BLANK))]


def is_blank(line: str) -> bool:
    """Whether a line holds nothing but white space."""
    return not line.strip()


_LABELS = {"public:", "private:", "protected:"}
"""Lines of C++ that may stand at half a level."""


def indent_unit(lines: Sequence[str], line: int, *, default: str) -> str:
    """Return one level of indentation, as most lines around a place have it.

    Args:
        lines: The document's lines.
        line: Where to look around.
        default: The answer where no line is indented.
    """
    sample = lines[max(0, line - SAMPLE_LINES) : line + SAMPLE_LINES]
    # The line itself counts where it is blank, too: the user has indented it.
    indents = [
        indent_of(text)
        for number, text in enumerate(sample, max(0, line - SAMPLE_LINES))
        if not (is_blank(text) or text.strip() in _LABELS) or (number == line and indent_of(text))
    ]
    tabs = sum(indent.startswith("\t") for indent in indents)
    spaces = sum(indent.startswith(" ") for indent in indents)
    if tabs > spaces:
        return "\t"
    # By how many spaces lines are deeper than the one before them. One space is the star of a
    # comment, and more than a level is alignment.
    widths = [len(indent) for indent in indents if "\t" not in indent]
    differences = [after - before for before, after in pairwise(widths)]
    steps = Counter(each for each in differences if 1 < each <= _DEEPEST_STEP)
    return " " * steps.most_common(1)[0][0] if steps else default


def opens_block(code: str) -> bool:
    """Whether the line after this one belongs a level deeper."""
    return code.rstrip().endswith(_OPENERS)


def indent_of_new_line(lines: Sequence[str], line: int, unit: str) -> str:
    """Return the indentation that fits a line without any: that of its neighbourhood.

    That is the indentation of the line above, a level deeper if that opens a block. Behind blank
    lines, a shallower line below has its say, too, and so has the end of the document.
    """
    above = _nearest(lines, line, step=-1)
    if above is None:
        return ""
    indent = indent_of(lines[above])
    if opens_block(lines[above]):
        return indent + unit
    if above == line - 1:
        return indent
    # Behind blank lines the cursor may be behind the block above: a `def g()` below that is not
    # indented says so.
    below = _nearest(lines, line, step=1)
    if below is None:
        return ""
    # A statement before a line that closes a block is a level deeper than that line.
    closes = content(lines[below]).strip(BLANK).startswith(_CLOSERS)
    return min(indent, indent_of(lines[below]) + (unit if closes else ""), key=len)


def _nearest(lines: Sequence[str], line: int, *, step: int) -> int | None:
    for distance in range(1, SAMPLE_LINES):
        index = line + step * distance
        if not 0 <= index < len(lines):
            return None
        if not is_blank(lines[index]):
            return index
    return None
