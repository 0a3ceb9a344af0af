"""What of a suggestion may be shown: nothing that the document has already."""

from collections.abc import Sequence

from streaming_code_generator.core.complete.window import Window

MOST_REPEATED_LINES = 16


def fitting(text: str, window: Window) -> str:
    """Return what of a text is fit to be shown at a window's cursor, or "".

    Nothing that the lines above or below say already; nothing at all where code stands to the
    right of the cursor; what closes there already is not closed again.
    """
    text = text.rstrip()
    if not window.is_open or not text:
        return ""
    # A model that does not see where the cursor is writes the line below as if it came here.
    if text.split("\n")[0].strip() == window.line_below.strip() != "":
        return ""
    text = _without_closers(text, window.rest.rstrip())
    lines = (window.middle + text).split("\n")
    kept = lines[: len(lines) - _overlap_below(lines, _lines_of(window.below))]
    if not kept or _repeats_above(kept, _lines_of(window.prefix)):
        return ""
    shown = "\n".join(kept)
    # Where all that is left is what the user has typed already, there is nothing to show.
    return shown[len(window.middle) :].rstrip()


def _lines_of(text: str) -> list[str]:
    return [line.rstrip() for line in text.split("\n") if line.strip()]


def _without_closers(text: str, rest: str) -> str:
    """Return a text without what stands behind the cursor: of "a, b)" before `)` it is "a, b"."""
    for length in range(min(len(rest), len(text)), 0, -1):
        if text.endswith(rest[:length]):
            return text[:-length]
    return text


def _overlap_below(lines: Sequence[str], below: Sequence[str]) -> int:
    """Return how many lines at a text's end are those below.

    A single closing line such as `}` is too common to say anything, unless it is all there is.
    """
    written = [(index, line.rstrip()) for index, line in enumerate(lines) if line.strip()]
    # From the text's first line that is the one below, all the rest has to be there as well; the
    # text may go on behind what the window shows, or end before it.
    for number, (index, line) in enumerate(written):
        if not below or line != below[0]:
            continue
        rest = [each for _, each in written[number:]]
        shared = min(len(rest), len(below), MOST_REPEATED_LINES)
        if rest[:shared] == below[:shared]:
            return len(lines) - index
    return 0


def _repeats_above(lines: Sequence[str], above: Sequence[str]) -> bool:
    """Whether a text's lines are just those that precede it."""
    written = [line.rstrip() for line in lines if line.strip()]
    says_something = any(character.isalnum() for line in written for character in line)
    return says_something and written == list(above[len(above) - len(written) :])
