"""The beginning of the answer, where it is decided once what the answer is.

- A fence: what came before it is explanation, what follows is code.
- A first line that looks like code: all of it is code, from its first characters on where they
  leave no doubt.
- A first line that reads like prose: nothing of it may reach the document before it is clear that
  no fence follows, so it is held back, for `LEAD_LIMIT` characters at most. Then it is code if the
  request asked for bare code, and explanation otherwise.
- `</think>` without an opening tag, before any of these: what came before it is reasoning, and the
  answer begins behind it. Chat templates that open the tag in the prompt cause this.
"""

import re

from streaming_code_generator.core.extract.fences import (
    MAY_OPEN,
    BareCode,
    LeadIn,
    Remainder,
    enter,
    opening_fence,
)
from streaming_code_generator.core.extract.parts import FilteredText, FilterStage, FilterStep, Part
from streaming_code_generator.core.extract.prose import reads_like_prose, starts_like_code
from streaming_code_generator.core.extract.response_lines import BLANK, LINE_LIMIT

CLOSING_TAG = "</think>"

LEAD_LIMIT = 16_384
"""Most characters of prose held back at the beginning of an answer, until it is known whether they
are reasoning, an introduction to a fenced block, or all there is. Some four thousand tokens: enough
for most reasoning without an opening tag. Code is never held back for this."""

_QUOTES = "`'\""
_ONE_LINE_BLOCK = re.compile(r"[ \t]*(`{3,})([^`]+)\1[ \t]*")


class Opening:
    """Reads one character at a time, so that the first sign decides however the text was cut."""

    def __init__(self, *, bare_code: bool, may_end_reasoning: bool) -> None:
        self._bare_code = bare_code
        self._may_end_reasoning = may_end_reasoning
        self._held: list[str] = []
        self._line = ""
        """The current line, up to one character more than `LINE_LIMIT`."""
        self._line_start = 0
        """Where the current line begins in what is held."""
        self._prose: bool | None = None
        """Whether the first line reads like prose; None before its end."""

    @property
    def held_back(self) -> int:
        """Characters read so far: none has been handed on."""
        return len(self._held)

    def feed(self, segment: str) -> FilterStep:
        """Read up to the character that decides."""
        for index, char in enumerate(segment):
            step = self._read(char)
            if step is not None:
                rest = step.rest + segment[index + 1 :]
                return FilterStep(pieces=step.pieces, following=step.following, rest=rest)
        return FilterStep()

    def finish(self) -> FilterStep:
        """Decide on what there is."""
        return self._at_line_end() or self._without_fence()

    def _read(self, char: str) -> FilterStep | None:
        self._held.append(char)
        if char == "\n":
            step = self._at_line_end()
            self._line, self._line_start = "", len(self._held)
        else:
            if len(self._line) <= LINE_LIMIT:
                self._line += char
            step = self._within_line(char)
        # Prose for this long is neither an introduction nor reasoning that is going to end.
        if step is None and len(self._held) >= LEAD_LIMIT:
            return self._without_fence()
        return step

    def _within_line(self, char: str) -> FilterStep | None:
        # What decides, by the first characters of an answer (`|` is where it is decided):
        #
        #     def f(|              starts like code: BareCode, from the "d" on
        #     ```py⏎|              a fence: FencedCode
        #     Here is it:⏎```py⏎|  prose is held, then a fence: explanation, FencedCode
        #     total⏎|              neither, so the whole line is judged: code
        #     so b is 2.</think>|  reasoning without an opening tag: what follows opens the answer
        if char == ">" and self._is_end_of_reasoning():
            text = "".join(self._held).removesuffix(CLOSING_TAG)
            answer = Opening(bare_code=self._bare_code, may_end_reasoning=False)
            return FilterStep(pieces=_pieces("reasoning", text), following=answer)
        if self._prose:
            return None
        if self._prose is not None:
            return None if self._may_be_special() else self._without_fence()
        if starts_like_code(self._line):
            self._prose = False
        elif len(self._line) > LINE_LIMIT:
            self._prose = reads_like_prose(self._line)
        return self._without_fence() if self._prose is False else None

    def _at_line_end(self) -> FilterStep | None:
        line = self._line
        fence = opening_fence(line) if len(line) <= LINE_LIMIT else None
        if fence is not None:
            lead = "".join(self._held[: self._line_start])
            step = enter(fence)
            pieces = _pieces("explanation", lead)
            return FilterStep(pieces=pieces, following=step.following, rest=step.rest)
        if self._prose is None:
            return self._at_first_line_end(line)
        if self._prose or not line.strip(BLANK):
            return None
        return self._without_fence()

    def _at_first_line_end(self, line: str) -> FilterStep | None:
        block = _ONE_LINE_BLOCK.fullmatch(line)
        if block is not None:
            # ```x = 1``` on one line: some models answer short requests so.
            code = FilteredText(part="code", text=block[2].strip(BLANK))
            return FilterStep(pieces=[code], following=Remainder())
        if line.strip(BLANK):
            self._prose = reads_like_prose(line)
        else:
            self._held.clear()
        return None

    def _may_be_special(self) -> bool:
        """Whether the line behind a first line of code may still be a fence or the tag."""
        if len(self._line) > LINE_LIMIT:
            return False
        may_be_tag = CLOSING_TAG.startswith(self._line.strip(BLANK))
        return may_be_tag or MAY_OPEN.fullmatch(self._line) is not None

    def _is_end_of_reasoning(self) -> bool:
        # A tag in quotes, as in `s.split("</think>")`, belongs to code about such tags.
        tail = "".join(self._held[-len(CLOSING_TAG) - 1 :])
        return (
            self._may_end_reasoning
            and tail.endswith(CLOSING_TAG)
            and tail.removesuffix(CLOSING_TAG) not in tuple(_QUOTES)
        )

    def _without_fence(self) -> FilterStep:
        following: FilterStage = BareCode() if self._bare_code or not self._prose else LeadIn()
        return FilterStep(following=following, rest="".join(self._held))


def _pieces(part: Part, text: str) -> list[FilteredText]:
    return [FilteredText(part=part, text=text)] if text else []


OPENING_TAG = "<think>"

_BLANK_LINES = re.compile(rf"\A(?:[ \t]{{0,{LINE_LIMIT}}}\n)+")


class BeforeAnswer:
    """The first non-blank characters of the response, which may be the opening tag."""

    def __init__(self, *, bare_code: bool) -> None:
        self._bare_code = bare_code
        self._held = ""

    @property
    def held_back(self) -> int:
        """Characters of what may become the opening tag, with the blanks before it."""
        return len(self._held)

    def feed(self, segment: str) -> FilterStep:
        """Wait until the tag is there or can no longer come."""
        self._held = _BLANK_LINES.sub("", self._held + segment, count=1)
        word = self._held.lstrip(BLANK)
        if len(self._held) - len(word) > LINE_LIMIT:
            return self.finish()
        if word.startswith(OPENING_TAG):
            rest = word.removeprefix(OPENING_TAG)
            return FilterStep(following=Reasoning(bare_code=self._bare_code), rest=rest)
        return FilterStep() if OPENING_TAG.startswith(word) else self.finish()

    def finish(self) -> FilterStep:
        """Leave it to the answer: there is no opening tag."""
        answer = Opening(bare_code=self._bare_code, may_end_reasoning=True)
        return FilterStep(following=answer, rest=self._held)


class Reasoning:
    """Between the tags."""

    def __init__(self, *, bare_code: bool) -> None:
        self._bare_code = bare_code
        self._held = ""

    @property
    def held_back(self) -> int:
        """Characters of what may become the closing tag."""
        return len(self._held)

    def feed(self, segment: str) -> FilterStep:
        """Pass on everything up to the closing tag."""
        text, tag, rest = (self._held + segment).partition(CLOSING_TAG)
        if tag:
            answer = Opening(bare_code=self._bare_code, may_end_reasoning=False)
            return _reasoning(text, following=answer, rest=rest)
        start = text.rfind("<", max(0, len(text) - len(CLOSING_TAG)))
        tail = text[start:] if start >= 0 else ""
        # "…so </thi" may go on as the tag: its beginning is held back.
        self._held = tail if CLOSING_TAG.startswith(tail) else ""
        return _reasoning(text[: len(text) - len(self._held)])

    def finish(self) -> FilterStep:
        """Pass on the beginning of a tag that never came."""
        text, self._held = self._held, ""
        return _reasoning(text)


def _reasoning(text: str, *, following: FilterStage | None = None, rest: str = "") -> FilterStep:
    pieces = [FilteredText(part="reasoning", text=text)] if text else []
    return FilterStep(pieces=pieces, following=following, rest=rest)
