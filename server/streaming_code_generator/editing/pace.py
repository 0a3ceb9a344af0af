"""How much of a growing text goes into the document at a time."""

from typing import Literal

Pace = Literal["live", "lines", "once"]
"""Every character as it comes, whole lines only, or everything at the end."""


def paced(text: str, mode: Pace, *, finished: bool) -> str:
    r"""Return the part of a text so far that is due.

    Args:
        text: What there is.
        mode: When text is due. A line is due with its ending; a `\r` at the very end may be half
            of one and is not.
        finished: Whether the text is complete, and so all of it due.
    """
    if finished or mode == "live":
        return text
    if mode == "once":
        return ""
    complete = text.removesuffix("\r")
    return text[: max(complete.rfind("\n"), complete.rfind("\r")) + 1]
