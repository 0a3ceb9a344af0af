"""Indentation: the model's, measured and carried over to the document's."""

import re

from streaming_code_generator.core.extract.pieces import CodeTarget

_DEFAULT_UNIT = 4
_UNITS = (2, 4)
"""Widths, in columns, of a first change of indentation that are taken for the model's unit. Others,
such as the 14 columns of an argument below its bracket, are alignment."""

TAB_COLUMNS = 4


def columns(blanks: str, *, start: int = 0) -> int:
    """Return the column behind blanks that begin at column `start`; tabs go to the next stop."""
    for blank in blanks:
        start += TAB_COLUMNS - start % TAB_COLUMNS if blank == "\t" else 1
    return start


class Indentation:
    """Gives every line the document's indentation, keeping its difference to the first line."""

    def __init__(self, target: CodeTarget) -> None:
        self._base = target.base_indent
        self._unit = target.indent_unit
        self._last_level = re.compile(rf"(?:\t| {{1,{_width(target.indent_unit)}}})\Z")
        self._model_unit: int | None = None
        self._first: int | None = None
        self._first_may_be_stray = False

    def begin(self, column: int) -> None:
        """Count from the first line's column on."""
        self._first = column
        self._first_may_be_stray = column == 1

    def of(self, column: int) -> str:
        """Return the indentation of a later line that the model began at `column`."""
        difference = column - self._reference(column)
        if self._model_unit is None and abs(difference) in _UNITS:
            self._model_unit = abs(difference)
        levels, spaces = divmod(difference, self._model_unit or _DEFAULT_UNIT)
        if levels >= 0:
            return self._base + self._unit * levels + " " * spaces
        return self._outdented(-levels, spaces)

    def _reference(self, column: int) -> int:
        """Tell a stray space, such as tokenizers put before an answer, from an indented block."""
        if self._first_may_be_stray:
            self._first_may_be_stray = False
            self._first = column % 2
        return self._first or 0

    def _outdented(self, levels: int, spaces: int) -> str:
        indent = self._base
        for _ in range(levels):
            if not indent:
                return ""
            indent = self._last_level.sub("", indent)
        return indent + " " * spaces


def _width(unit: str) -> int:
    return len(unit) if unit and "\t" not in unit else _DEFAULT_UNIT
