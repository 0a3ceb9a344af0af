"""A chat that is asked for the text at a cursor, where a model has no fill-in-the-middle."""

from streaming_code_generator.core.complete.fill import FillRequest, Window
from streaming_code_generator.core.messages import CompletionRequest, Message
from streaming_code_generator.core.placement.languages import indent_of, language
from streaming_code_generator.core.prompt.file_pieces import fenced
from streaming_code_generator.core.tokens import estimated_tokens

LINES_REPEATED = 10
"""So many lines up to the cursor are given to be completed; what is above them is only shown.

Even the smallest models complete code that they are given, by writing it out with what comes next;
to "answer with what comes next" and nothing else they are not able. What they repeat takes time."""


def chat_request(request: FillRequest) -> CompletionRequest:
    """Return a chat that asks for the code up to the cursor, completed."""
    window, name = request.window, language(request.language_id).name
    code = f"{name} code" if name else "text"
    above, given = _given(window)
    shown = [
        f"This is in {each.name}:\n{fenced(each.text, request.language_id)}"
        for each in request.excerpts
    ]
    if above.strip():
        shown.append(f"This stands above:\n{fenced(above, request.language_id)}")
    if window.suffix.strip():
        shown.append(f"This follows:\n{fenced(window.suffix.strip(), request.language_id)}")
    shown.append(f"Complete this {code}:\n{fenced(given, request.language_id)}")
    return CompletionRequest(
        messages=(
            Message(role="system", content=f"You write {code}. Answer with the code only."),
            Message(role="user", content="\n\n".join(shown)),
        ),
        max_output_tokens=request.max_output_tokens + estimated_tokens(len(given)),
        temperature=0.0,
        session_id=request.session_id,
    )


def _given(window: Window) -> tuple[str, str]:
    """Return what stands above the code to be completed, and that code."""
    lines = window.prefix.splitlines(keepends=True)
    return "".join(lines[:-LINES_REPEATED]), "".join(lines[-LINES_REPEATED:]) + window.middle


class ChatAnswer:
    r"""Makes of a chat's answer what goes in at the cursor.

    Fences are dropped, and so is what the answer repeats before it goes on. One that repeats it
    otherwise than it stands there has rewritten it: that is no suggestion.

        up to the cursor       answer                              text
        "a()\nx = f"           "```python\na()\nx = f(1)\n```"     "(1)"
        "a()\nx = f"           "(1)"                               "(1)"
        "a()\nx = f"           "a()\ny = g(1)"                     ""
        "if a:\n    "          "b\nc"                              "b\n    c"
    """

    def __init__(self, window: Window) -> None:
        self._middle = window.middle
        self._given = [line.strip() for line in _given(window)[1].split("\n")[:-1] if line.strip()]
        self._repeated: int | None = None
        """How many of the lines given have come, if the answer began with one of them."""
        self._partial = ""
        self._has_begun = False
        """Whether what comes belongs behind the cursor."""
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
            self.is_over = self._has_begun or self._repeated is not None
            return ""
        if self._has_begun:
            return (self._indent + line if line.strip() else line) + ending
        if not line.strip() or self._repeats(line.strip()):
            return ""
        self._has_begun = not self.is_over
        return self._first(line) + ending if self._has_begun else ""

    def _repeats(self, line: str) -> bool:
        """Whether a line is one of those given, in their order."""
        # Given "a", "b", "c": an answer may begin with "b", and then "c" has to follow; "d" behind
        # it says that the code was rewritten, and none of it fits.
        if self._repeated is None:
            if line not in self._given:
                return False
            self._repeated = self._given.index(line) + 1
            return True
        if self._repeated == len(self._given):
            return False
        self.is_over = line != self._given[self._repeated]
        self._repeated += 1
        return not self.is_over

    def _first(self, line: str) -> str:
        middle = self._middle
        # Behind "x = f" the line "x = f(1)" comes to "(1)"; on an indented blank line, "    ", the
        # answer may be indented already, or not at all.
        if not middle.strip():
            lacks = len(middle) - len(indent_of(line))
            self._indent = middle[:lacks] if lacks > 0 else ""
            return line.removeprefix(middle) if lacks <= 0 else line.lstrip()
        typed = middle.strip()
        if line.lstrip().startswith(typed):
            blanks = middle[len(middle.rstrip()) :]
            return line.lstrip()[len(typed) :].removeprefix(blanks)
        self.is_over = self._repeated is not None
        return "" if self.is_over else line
