"""The output filter: any chunking of a response in; code, explanation and reasoning out."""

from streaming_code_generator.core.extract.filter import (
    HELD_BACK_LIMIT,
    OutputFilter,
    extract,
)
from streaming_code_generator.core.extract.parts import (
    CodeTarget,
    Extraction,
    FilteredText,
    Part,
    Rule,
    Surroundings,
)

__all__ = [
    "HELD_BACK_LIMIT",
    "CodeTarget",
    "Extraction",
    "FilteredText",
    "OutputFilter",
    "Part",
    "Rule",
    "Surroundings",
    "extract",
]
