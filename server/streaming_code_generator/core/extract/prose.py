"""Whether a line is prose or code.

Rules of thumb, for the first line of an answer without a fence. They lean on what models really
begin with; a comment counts as code, as it belongs into the document.
"""

import re

_CODE_START = re.compile(
    r"""
    (?:\ {2,}|\t)[\ \t]*[^\s`~<]                 # indented, and no fence or tag
    | \ ?(?:
        (?:async\ )?def\ \w+\(
      | class\ \w+[:({]
      | from\ [\w.]+\ import\ [\w(*]
      | \#include | \#! | // | /\* | <[A-Za-z!?] | @\w | \{ | \"\"\" | '''
      | [A-Za-z_][\w.]*\(                        # a call
      | (?:(?:export|const|let|var|static|final|public|private|auto|int|char|double)\ )*
        [A-Za-z_][\w.]*(?:\[[^\]\s]*\])*         # an assignment to a name, field or item
        \ ?(?::\ ?[\w.\[\],|\ ]+?)?\ ?[-+*/%|&^:]?=[^=]
    )
    """,
    re.VERBOSE,
)
_COMMENT = re.compile(r"#(?!#)|//|/\*|--|;|%|\"\"\"|'''|<|\{|@")
_MARKUP = re.compile(r"\A(?:[*_>#\s-]|\d+[.)]\s)+")
_INLINE_CODE = re.compile(r"`[^`]*`|\"[^\"]*\"")
_CODE_MARK = re.compile(r"[;{}=+<>|&@\\]|\w[(\[]|->|::|\w\.\w|\w_\w|^\W*\)")
_WORD = re.compile(r"\w+(?:['\u2019]\w+)?")
_SENTENCE = re.compile(r"[^\W\d_]+(?:[ ,]+[^\W\d_][\w'\u2019-]*){2,}[ ]?[.:!?\u2026]+[*_]*")
_OPENER = re.compile(
    r"(?:sure|certainly|of course|absolutely|okay|ok|alright|great|sorry|unfortunately|hmm|wait"
    r"|here(?:['\u2019]s| is| are| you)|below (?:is|are)|the (?:following|code|function|user)"
    r"|this (?:is|code|function|program|script|class|implementation|snippet|example)"
    r"|let(?:['\u2019]s| me| us)|i['\u2019](?:ll|m|ve|d)"
    r"|i (?:am|can|have|will|need|cannot|should|think)"
    r"|you can|we (?:need|can|have|are|will|should)|first,|well,|so,|now,|note that|note:"
    r"|explanation|solution|answer|as an ai|to (?:do|solve|create|implement|write|add))(?!\w)",
    re.IGNORECASE,
)
_COMMON_WORD = re.compile(
    r"an?|are|be|been|below|can|could|does|following|has|have|here|how|i|it(?:'?s)?|just|let's|like"
    r"|me|must|my|needs?|of|our|please|provided|should|simple|that|the|their|them|then|there|these"
    r"|they|this|those|two|us(?:e[drs]?|ing)|wants?|we|what|which|will|would|your?"
)
"""Words that English can hardly do without, and that no language has for keywords."""

_FOREIGN_LETTERS = 4
"""So many letters outside ASCII, outside quotes, speak for prose in another language."""


def starts_like_code(beginning: str) -> bool:
    """Whether a line that begins so is code, whatever follows.

    Once true it stays true for every longer beginning, so it may be asked at any time.
    """
    return _CODE_START.match(beginning) is not None


def reads_like_prose(line: str) -> bool:
    """Whether a line, or its first few hundred characters, is a sentence or a heading."""
    if starts_like_code(line) or _COMMENT.match(line.lstrip()):
        return False
    # Signs of prose against marks of code:
    #
    #     Here is the function you need:    8 to 0    prose
    #     This returns x.                   3 to 0    prose
    #     result                            0 to 0    code
    #     SELECT name FROM users            0 to 0    code
    text = _INLINE_CODE.sub("", _MARKUP.sub("", line, count=1)).strip()
    prose = _signs_of_prose(text) + 2 * line.lstrip().startswith("##")
    return prose > 1 and prose > len(_CODE_MARK.findall(text))


def _signs_of_prose(text: str) -> int:
    words = {word.lower() for word in _WORD.findall(text)}
    letters = sum(char.isalpha() for char in text if not char.isascii())
    return (
        sum(_COMMON_WORD.fullmatch(word) is not None for word in words)
        + 2 * bool(_OPENER.match(text))
        + 2 * bool(text[:1].isupper() and _SENTENCE.fullmatch(text))
        + 2 * (letters >= _FOREIGN_LETTERS)
    )
