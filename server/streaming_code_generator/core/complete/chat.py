"""Completing by a chat, for models without fill-in-the-middle: the request, and its answer."""

from streaming_code_generator.core.complete.fill import FillRequest
from streaming_code_generator.core.complete.window import Window
from streaming_code_generator.core.context.pieces import fenced
from streaming_code_generator.core.messages import CompletionRequest, Message
from streaming_code_generator.core.placement.languages import indent_of, language

_SYSTEM = (
    "You complete {code} while it is being typed. Answer with the text that comes next at the "
    "cursor, and nothing else: no explanation, no Markdown fences."
)
_LEAST_REPEATED = 2
"""Characters: a shorter beginning of a line proves nothing."""


def chat_request(request: FillRequest) -> CompletionRequest:
    """Return a chat that asks for what comes next at the cursor."""
    window, name = request.window, language(request.language_id).name
    code = f"{name} code" if name else "text"
    shown = [f"The code up to the cursor:\n{fenced(window.prefix + window.middle)}"]
    if window.suffix.strip():
        shown.insert(0, f"What stands behind the cursor:\n{fenced(window.suffix.strip())}")
    line = window.middle.strip()
    ask = f"Go on behind `{line}`." if line else "Write the lines that come next."
    return CompletionRequest(
        messages=(
            Message(role="system", content=_SYSTEM.format(code=code)),
            Message(role="user", content="\n\n".join([*shown, ask])),
        ),
        max_output_tokens=request.max_output_tokens,
        temperature=0.0,
    )


class ChatAnswer:
    r"""Makes of a chat's answer what goes in at the cursor.

    Fences are dropped, and so is what the answer repeats before it goes on:

        cursor's line     answer                          text
        "x = f"           "```python\nx = f(1)\n```"      "(1)"
        "x = f"           "(1)"                           "(1)"
        "    " (blank)    "a = 1\nb = 2"                  "a = 1\n    b = 2"
    """

    def __init__(self, window: Window) -> None:
        self._window = window
        self._partial = ""
        self._said_something = False
        self._indent = ""
        """What every line lacks but the first, which the cursor's line has indented."""
        self.is_over = False
        """Whether what follows is no code."""

    def feed(self, text: str) -> str:
        """Read on, and return what is known to go in: whole lines."""
        self._partial += text.replace("\r\n", "\n")
        *lines, self._partial = self._partial.split("\n")
        return "".join(self._taken(line, "\n") for line in lines)

    def finish(self) -> str:
        """Return what is left of a line that had no ending."""
        rest, self._partial = self._partial, ""
        return self._taken(rest, "")

    def _taken(self, line: str, ending: str) -> str:
        if self.is_over:
            return ""
        if line.lstrip().startswith("```"):
            self.is_over = self._said_something
            return ""
        if self._said_something:
            return (self._indent + line if line.strip() else line) + ending
        above = self._window.line_above.strip()
        if not line.strip() or (above and line.strip() == above):
            return ""
        self._said_something = True
        return self._first(line) + ending

    def _first(self, line: str) -> str:
        middle = self._window.middle
        if not middle.strip():
            lacks = len(middle) - len(indent_of(line))
            self._indent = middle[:lacks] if lacks > 0 else ""
            return line.removeprefix(middle) if lacks <= 0 else line.lstrip()
        # Of the line that the user has typed it may repeat all, or what stands behind its indent.
        typed = middle.strip()
        if len(typed) >= _LEAST_REPEATED and line.lstrip().startswith(typed):
            said = line.lstrip()[len(typed) :]
            trailing = middle[len(middle.rstrip()) :]
            return said.removeprefix(trailing)
        return line
