"""Decides where generated code goes, and how it is to be laid out there."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from streaming_code_generator.core.extract.parts import CodeTarget, Surroundings
from streaming_code_generator.core.extract.response_lines import opening_fence
from streaming_code_generator.core.placement.comments import Comment, comment_at_or_above
from streaming_code_generator.core.placement.languages import (
    BLANK,
    SAMPLE_LINES,
    content,
    indent_of,
    indent_of_new_line,
    indent_unit,
    is_blank,
    language,
    opens_block,
)
from streaming_code_generator.core.syntax import is_text_behind

_CLOSERS = (")", "]", "}")
_ENDS_OF_STATEMENTS = (";", ",")

LINES_ABOVE = 1_000
"""How far above the code an answer's repetitions are known as such."""
LINES_BELOW = 400
_LONGEST_LINE = 2_000
_LINES_READ = 200
"""How far above a place a comment or a string that it is in may begin."""

_TEXTS = {"markdown", "mdx", "plaintext", "text", "latex", "tex", "plaintex", "restructuredtext"}
_TEXTS |= {"rst", "asciidoc", "org", "typst", "git-commit", "gitcommit", "norg", "quarto"}
_WITH_BLOCKS = {"markdown", "mdx", "quarto"}
_COLON_OPENS_A_BLOCK = re.compile(
    r"\s*(?:async\s+)?(?:def|class|if|elif|else|for|while|with|try|except|finally|match|case|proc"
    r"|func|method|iterator|when|of|switch|default)\b"
)
"""Statements; a colon behind anything else, such as a key, has its value on the same line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """The stretch of a document that code replaces; an empty one where it is inserted.

    Lines count from zero, columns in code points.
    """

    line: int
    column: int
    end_line: int
    end_column: int
    prefix: str = ""
    """What goes in before the code, without indentation, which the output filter adds."""
    suffix: str = ""
    """What goes in after the code."""
    target: CodeTarget


def code_target(
    lines: Sequence[str],
    place: tuple[int, int],
    *,
    after_comment: Comment | None = None,
    line_ending: str = "\n",
    language_id: str = "",
) -> Placement:
    """Return where the code of a request at a place goes.

    Without a comment that is the place itself; only at the end of a comment, or of a line that
    opens a block, it is a new line below, and before code a line of its own above. Code that a
    comment asks for goes below the comment: on the blank line the place is on, else on one that
    follows, else on a new one.

    Args:
        lines: The document's lines, with or without their endings.
        place: Line, and column in code points; past the end is the end.
        after_comment: The comment that is the prompt.
        line_ending: The document's.
        language_id: The language by its LSP identifier.
    """
    lines = lines or [""]
    line, column = _within(lines, place)
    unit = indent_unit(lines, line, default=language(language_id).indent_unit)
    bare = CodeTarget(language_id=language_id, indent_unit=unit, line_ending=line_ending)
    # Where the code for `|` goes, and what is put around it:
    #
    #     # add two numbers|      a new line below the comment; prefix: the line ending
    #     def add(a, b):|         a new line below, a level deeper; prefix: the line ending
    #         |                   (blank) right there, indented as its neighbours are
    #     x = |                   right there, behind what stands on the line
    #     |print(1)               a line of its own above; suffix: the line ending
    #     call(|)                 right there; the bracket behind it is not repeated
    comment, text = after_comment, content(lines[line])
    if comment is None and not is_blank(text) and is_blank(text[column:]):
        # It may be a comment's end, or the end of one of its lines.
        found = comment_at_or_above(lines, line, language_id)
        comment = found if found is not None and found.last_line >= line else None
    if comment is not None:
        placement = _below_comment(lines, line, comment, bare)
    else:
        placement = _at_place(lines, line, column, bare)
    line = placement.line
    is_last = line > 0 and line == len(lines) - 1 and not content(lines[line])
    if is_last and not placement.suffix:
        # A file that ends with a line ending keeps it: code on its empty last line gets one.
        placement = replace(placement, suffix=placement.target.line_ending)
    return _in_its_surroundings(lines, placement)


def selection_target(
    lines: Sequence[str],
    start: tuple[int, int],
    end: tuple[int, int],
    *,
    line_ending: str = "\n",
    language_id: str = "",
) -> Placement:
    """Return what code that replaces a selection really replaces.

    Blank lines at either end of the selection, and its last line ending, stay.

    Args:
        lines: The document's lines, with or without their endings.
        start: Line and column, in code points, of one end of the selection.
        end: The same of the other; a selection made backwards is turned round.
        line_ending: The document's.
        language_id: The language by its LSP identifier.
    """
    lines = lines or [""]
    places = sorted(_within(lines, place) for place in (start, end))
    (line, column), (end_line, end_column) = _without_blank_ends(lines, *places)
    unit = indent_unit(lines, line, default=language(language_id).indent_unit)
    placement = Placement(
        line=line,
        column=column,
        end_line=end_line,
        end_column=end_column,
        target=CodeTarget(
            language_id=language_id,
            base_indent=indent_of(lines[line]),
            indent_unit=unit,
            line_ending=line_ending,
            text_before=content(lines[line])[:column],
            text_after=content(lines[end_line])[end_column:],
        ),
    )
    return _in_its_surroundings(lines, placement)


def _in_its_surroundings(lines: Sequence[str], placement: Placement) -> Placement:
    """Add what stands above and below, which an answer may repeat."""
    first, last = placement.line, placement.end_line
    # Code on a new line below its place has that line above it; on a new line above, below it.
    above_end = first + 1 if placement.prefix else first
    goes_above = placement.suffix and content(lines[last])[placement.end_column :].strip()
    below_start = last if goes_above else last + 1
    surroundings = Surroundings(
        above=tuple(map(content, lines[max(0, above_end - LINES_ABOVE) : above_end])),
        selected=_selected_lines(lines, placement),
        below=tuple(map(content, lines[below_start : below_start + LINES_BELOW])),
    )
    target, is_prose = placement.target, _is_prose(lines, placement)
    near = lines[max(0, first - SAMPLE_LINES) : first + SAMPLE_LINES]
    if not (target.base_indent or target.indent_unit == "\t" or any(map(indent_of, near))):
        # No line is indented, so one way is as good as another: the model's own.
        target = replace(target, indent_unit="")
    tag = _tag_of_block(lines[: first + 1]) if target.language_id in _WITH_BLOCKS else ""
    if tag:
        # The code goes into a block of a document of text.
        target, is_prose = replace(target, language_id=tag), False
    return replace(placement, target=replace(target, surroundings=surroundings, is_prose=is_prose))


def _tag_of_block(lines: Sequence[str]) -> str:
    """Return what language the block is in that is open behind some lines of Markdown, if any."""
    block = None
    for line in map(content, lines):
        if block is None:
            block = opening_fence(line)
        elif block.is_closed_by(line):
            block = None
    return block.tag if block else ""


def _selected_lines(lines: Sequence[str], placement: Placement) -> tuple[str, ...]:
    if (placement.line, placement.column) == (placement.end_line, placement.end_column):
        return ()
    # The first line counts with its indentation, whether that is selected or not.
    selected = list(map(content, lines[placement.line : placement.end_line + 1]))
    selected[-1] = selected[-1][: placement.end_column]
    selected[0] = indent_of(selected[0]) + selected[0][placement.column :].lstrip(BLANK)
    return tuple(selected)


_WITH_EXPRESSIONS = {"javascript", "javascriptreact", "typescript", "typescriptreact"}
_WITH_EXPRESSIONS |= {"perl", "ruby"}
"""Languages in which a regular expression stands between slashes."""


def _is_prose(lines: Sequence[str], placement: Placement) -> bool:
    language_id = placement.target.language_id
    if language_id in _TEXTS:
        return True
    if placement.prefix or not language_id:
        return False
    first = max(0, placement.line - _LINES_READ)
    above = [content(line)[:_LONGEST_LINE] + "\n" for line in lines[first : placement.line]]
    before, after = placement.target.text_before, placement.target.text_after
    if language_id in _WITH_EXPRESSIONS and before[-1:] == after[:1] == "/":
        return True
    return is_text_behind(
        "".join(above) + content(lines[placement.line])[: placement.column], language_id
    )


def selected_text(lines: Sequence[str], placement: Placement) -> str:
    """Return what a placement replaces; the lines must have their endings."""
    first, last = placement.line, placement.end_line
    if first == last:
        return lines[first][placement.column : placement.end_column] if lines else ""
    between = "".join(lines[first + 1 : last])
    return lines[first][placement.column :] + between + lines[last][: placement.end_column]


def _below_comment(
    lines: Sequence[str], line: int, comment: Comment, target: CodeTarget
) -> Placement:
    # Behind code that opens a block, `for x in y:  # print each`, the block itself is meant.
    deeper = target.indent_unit if opens_block(comment.code_before) else ""
    target = replace(target, base_indent=comment.indent + deeper)
    following = comment.last_line + 1
    for below in (line, following):
        # A blank line may stand between the block that the comment is in, and what follows that.
        rest = lines[below + 1 : below + 2]
        separates = any(
            not is_blank(each) and len(indent_of(each)) < len(comment.indent) for each in rest
        ) and not content(lines[below])
        is_free = following <= below < len(lines) and is_blank(lines[below])
        if is_free and not (separates and below != line):
            return _on_blank_line(lines, below, target)
    column = len(content(lines[comment.last_line]))
    return _insertion(comment.last_line, column, target, prefix=target.line_ending)


def _on_blank_line(lines: Sequence[str], line: int, target: CodeTarget) -> Placement:
    """Go to the end of a blank line; white space that does not fit is there on purpose."""
    space = content(lines[line])
    # White space that is part of the indentation stays, as `text_before`, and is completed.
    fits = target.base_indent.startswith(space)
    base = target.base_indent if fits else space
    return _insertion(line, len(space), replace(target, base_indent=base, text_before=space))


def _at_place(lines: Sequence[str], line: int, column: int, target: CodeTarget) -> Placement:
    text = content(lines[line])
    before, after = text[:column], text[column:]
    if is_blank(text):
        base = text or indent_of_new_line(lines, line, target.indent_unit)
        return _on_blank_line(lines, line, replace(target, base_indent=base))
    if is_blank(before) and not after.startswith(_ENDS_OF_STATEMENTS):
        return _before_code(lines, line, column, target)
    target = replace(target, base_indent=indent_of(text), text_before=before, text_after=after)
    if is_blank(after) and _opens_block_below(before, target.language_id):
        # `def f():|` wants its body on a line below, one level deeper.
        base = target.base_indent + target.indent_unit
        target = replace(target, base_indent=base, text_before="", text_after="")
        return _insertion(line, column, target, prefix=target.line_ending)
    return _insertion(line, column, target)


def _opens_block_below(before: str, language_id: str) -> bool:
    code = before.rstrip()
    if code.endswith("{"):
        return True
    is_statement = not language_id or _COLON_OPENS_A_BLOCK.match(code) is not None
    return code.endswith(":") and is_statement and language_id not in {"yaml", "json", "jsonc"}


def _before_code(lines: Sequence[str], line: int, column: int, target: CodeTarget) -> Placement:
    """Put code on a line of its own above the code that the cursor stands before."""
    text = content(lines[line])
    closes = text.strip(BLANK).startswith(_CLOSERS)
    return _insertion(
        line,
        column,
        replace(
            target,
            base_indent=indent_of(text) + (target.indent_unit if closes else ""),
            text_before=text[:column],
            text_after=text[column:] if closes else "",
        ),
        suffix=target.line_ending + text[:column],
    )


def _insertion(
    line: int, column: int, target: CodeTarget, *, prefix: str = "", suffix: str = ""
) -> Placement:
    return Placement(
        line=line,
        column=column,
        end_line=line,
        end_column=column,
        prefix=prefix,
        suffix=suffix,
        target=target,
    )


def _within(lines: Sequence[str], place: tuple[int, int]) -> tuple[int, int]:
    line = max(0, min(place[0], len(lines) - 1))
    return line, max(0, min(place[1], len(content(lines[line]))))


def _without_blank_ends(
    lines: Sequence[str], start: tuple[int, int], end: tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Move the ends of a selection to its first and its last line that hold anything."""
    (line, column), (end_line, end_column) = start, end
    # A selection of whole lines ends at the start of the line behind them: that line's ending,
    # and blank lines at both ends, are not part of what is rewritten.
    while line < end_line and is_blank(content(lines[line])[column:]):
        line, column = line + 1, 0
    while end_line > line and is_blank(content(lines[end_line])[:end_column]):
        end_line -= 1
        end_column = len(content(lines[end_line]))
    if line == end_line and is_blank(content(lines[line])[column:end_column]):
        return start, end
    return (line, column), (end_line, end_column)


def explanation_comment(explanation: str, language_id: str, target: CodeTarget) -> str:
    """Return what goes in before the code, up to and with the indentation of the code's own line.

    Empty where a comment cannot stand: behind code on the same line, or in a language that has no
    comments.

    Args:
        explanation: What the model explained; its lines end in line feeds.
        language_id: The language by its LSP identifier.
        target: Where the code goes; the code's first line continues `text_before`.
    """
    lines = explanation.strip().split("\n")
    comments = language(language_id).comments
    if not lines[0] or target.text_before.strip():
        return ""
    if comments.line:
        mark = comments.line[0].rstrip()
        written = [f"{mark} {line}".rstrip() for line in lines]
    elif comments.block:
        opening, closing = comments.block[0]
        written = [opening, *(line.replace(closing, "") for line in lines), closing]
    else:
        return ""
    standing = target.text_before
    first_indent = target.base_indent.removeprefix(standing)
    joint = target.line_ending + target.base_indent
    return first_indent + joint.join(written) + target.line_ending + standing
