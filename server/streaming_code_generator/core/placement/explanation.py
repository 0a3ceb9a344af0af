"""Puts a model's explanation before its code, as a comment of the language."""

from streaming_code_generator.core.extract import CodeTarget
from streaming_code_generator.core.placement.languages import language


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
