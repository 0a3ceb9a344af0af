"""Fenced code blocks that no payload can close."""

import re

_BACKTICKS = re.compile(r"`{3,}")


def fenced(code: str, tag: str = "") -> str:
    """Return a fenced code block whose fence is longer than any run of backticks inside."""
    longest = max((len(run) for run in _BACKTICKS.findall(code)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{tag}\n{code.rstrip()}\n{fence}"
