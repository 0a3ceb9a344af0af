"""Code that comes in a field of a JSON object: a tool call, or a form that a prompt asked for."""

import json
import re
from dataclasses import dataclass

_FIELDS = (
    *("code", "new_code", "new_string", "new_str", "new_text", "replacement", "insert_text"),
    *("file_text", "content", "contents", "text"),
)
"""What tools for editing call the text that they write, the surest first."""
_OLD = ("old_string", "old_str", "old_code", "old_text", "search")
_AROUND = ("arguments", "parameters", "input", "args", "params", "function")
_OTHERS = (
    *("name", "language", "placement", "explanation", "tool", "action", "command", "path"),
    *("file_path", "filename", "file", "type", "id", "thought", "reasoning", "description"),
)
_KEYS = "|".join((*_FIELDS, *_AROUND, *_OLD, *_OTHERS))
_BEGINNING = re.compile(rf'[\[\s]*\{{\s*"(?:{_KEYS})"\s*:')
_MAY_BEGIN = re.compile(r'[\[\s]*(?:\{\s*(?:"[a-z_]{0,16}(?:"\s*:?)?)?)?', re.DOTALL)


def may_hold_code(beginning: str) -> bool | None:
    """Whether a text that begins so may be such an object; None if more has to be seen."""
    if _BEGINNING.match(beginning):
        return True
    return None if _MAY_BEGIN.fullmatch(beginning) else False


@dataclass(frozen=True, slots=True)
class Edit:
    """The code of an object, and what it is to take the place of, if that is said."""

    new: str
    old: str | None = None


def edit_in(text: str) -> Edit | None:
    """Return the code in an object, or None if the text is no object with code in it."""
    # {"name": "edit", "arguments": {"path": "a.py", "code": "x = 1\n"}}: "x = 1\n"
    try:
        value = json.loads(text, strict=False)
    except ValueError:
        return None
    return _edit_of(value)


def _edit_of(value: object) -> Edit | None:
    if isinstance(value, list) and len(value) == 1:
        return _edit_of(value[0])
    if isinstance(value, str):
        return edit_in(value) if value.lstrip().startswith("{") else None
    if not isinstance(value, dict):
        return None
    for field in _FIELDS:
        found = value.get(field)
        if isinstance(found, str):
            old = next((value[key] for key in _OLD if isinstance(value.get(key), str)), None)
            return Edit(found, old or None)
    return next((edit for key in _AROUND if (edit := _edit_of(value.get(key))) is not None), None)
