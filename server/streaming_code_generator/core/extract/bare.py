"""The stages of an answer without a fence around it: code, or text for a document of text."""

import re

from streaming_code_generator.core.extract.blocks import AfterCode
from streaming_code_generator.core.extract.marks import ClosingTag, is_closing
from streaming_code_generator.core.extract.parts import (
    CodeTarget,
    Dropped,
    FilteredText,
    FilterStage,
    FilterStep,
    code,
    explanation,
)
from streaming_code_generator.core.extract.response_lines import (
    BLANK,
    LINE_LIMIT,
    MAY_OPEN,
    ClosingBehindCode,
    Fence,
    LineHead,
    opening_fence,
)
from streaming_code_generator.core.extract.wording import (
    Written,
    is_note,
    is_plain_sentence,
    may_be_note,
    reads_like_prose,
)
from streaming_code_generator.core.syntax import CodeSoFar

_MAY_END = re.compile(rf"{MAY_OPEN.pattern}|[ \t]*(?:</?[\w:.-]*>?[ \t]*)+", re.DOTALL)
"""Matches a line, or its beginning, that may be a fence or close the tag around the answer."""
_WHITE_SPACE = BLANK + "\n"


class BareCode(FilterStage):
    """Code without a fence, up to a stray fence or a note behind a blank line.

    In a document whose language is known, a fence outside comments and strings is no code.
    """

    def __init__(
        self, target: CodeTarget, *, closing: str = "", is_indented_block: bool = False
    ) -> None:
        self._target = target
        self._is_indented_block = is_indented_block
        """Whether it is a block of Markdown by its indentation, and ends with that."""
        self._closing = ClosingTag(closing) if closing else None
        self._head = LineHead()
        self._behind = ClosingBehindCode()
        self._code = CodeSoFar(target.language_id)
        self._at_line_start = True
        self._below_blank_line = False
        self._is_judged = False
        """Whether the current line is known to be no note."""
        self._note = ""
        """A line that may be a note behind the code."""

    @property
    def held_back(self) -> int:
        """Characters of a line that may be no code."""
        closing = len(self._closing.held) if self._closing else 0
        return len(self._head.held) + len(self._note) + len(self._behind.held) + closing

    @property
    def passes_line(self) -> bool:
        """Whether the line is known to be no fence and no note."""
        may_close = self._closing is not None and not self._closing.is_tag
        is_open = self._head.is_passing and not self._at_line_start
        return is_open and not may_close and not self.held_back

    def feed(self, segment: str) -> FilterStep:
        """Pass on everything that is code."""
        if self._closing is None:
            return self._read(segment)
        text, tag = self._closing.feed(segment)
        if not tag:
            return self._read(text) if text else FilterStep()
        return self._closed(text, tag)

    def _closed(self, text: str, tag: str) -> FilterStep:
        """Read the last text in front of the tag, and end there."""
        self._closing = None
        pieces: list[FilteredText | Dropped] = []
        step = self._read(text) if text else FilterStep()
        while step.following is self:
            pieces += step.pieces
            step = self._read(step.rest)
        pieces += step.pieces
        if step.following is None:
            step = self.finish()
            pieces += step.pieces
        pieces.append(Dropped("wrapper", tag))
        return FilterStep(pieces=pieces, following=step.following or self._after(), rest=step.rest)

    def _read(self, segment: str) -> FilterStep:
        if self._note or (self._at_line_start and self._code.newest and not self._is_judged):
            # A line that begins with a small letter, or blanks and anything, is no note.
            is_code = "a" <= segment[0] <= "z" or (segment[0] in BLANK and not segment.isspace())
            if self._note or self._is_indented_block or not is_code:
                return self._note_or_code(segment)
            self._below_blank_line, self._is_judged = False, True
        text, line = self._head.feed(segment, MAY_OPEN)
        if line is not None:
            fence = opening_fence(line)
            if fence is not None and not self._code.is_inside_text():
                if fence.info:
                    return FilterStep(following=self._after(), rest=line + "\n")
                return FilterStep(pieces=[Dropped("fence", line)], following=self._after())
            text = line + "\n"
        return self._passed(text)

    def finish(self) -> FilterStep:
        """Drop a fence or a tag that ends the response."""
        if self._closing is not None:
            text, tag = self._closing.finish()
            if tag or text:
                return self._closed(text, tag)
        if self._note:
            note, self._note = self._note, ""
            if self._is_note(note):
                return FilterStep(following=self._after(), rest=note)
            return code(note)
        if self._behind.held:
            text, fence = self._behind.finish(3, self._code.newest)
            return FilterStep(pieces=[*code(text).pieces, Dropped("fence", fence)])
        line, self._head.held = self._head.held, ""
        if opening_fence(line) and not self._code.is_inside_text():
            return FilterStep(pieces=[Dropped("fence", line)])
        return code(line)

    def _passed(self, text: str) -> FilterStep:
        if "`" in text or self._behind.held:
            text, fence = self._behind.feed(text, 3, self._code.newest)
            if fence:
                self._code.append(text)
                pieces = [*code(text).pieces, Dropped("fence", fence)]
                return FilterStep(pieces=pieces, following=self._after())
        if text:
            self._below_blank_line = self._at_line_start and not text.strip(_WHITE_SPACE)
            self._at_line_start = text[-1] == "\n"
            self._is_judged = False
            self._code.append(text)
        return code(text)

    def _note_or_code(self, segment: str) -> FilterStep:
        # Behind "return a + b" and a blank line:
        #
        #     "d"           no note begins so: code from here on
        #     "This f"      may be a note: held back to the line's end
        #     "This func"   … and is one: the rest is explanation
        self._note += segment
        line = self._note.removesuffix("\n")
        if not line.strip(BLANK) and len(line) < LINE_LIMIT:
            if line == self._note:
                return FilterStep()
            text, self._note = self._note, ""
            self._code.append(text)
            self._below_blank_line = True
            return code(text)
        is_whole = len(line) < len(self._note) or len(line) > LINE_LIMIT
        may_be_text = self._is_indented_block and self._below_blank_line and line[0] not in BLANK
        if not is_whole and (may_be_text or may_be_note(line, self._target.language_id)):
            return FilterStep()
        text, self._note = self._note, ""
        if is_whole and self._is_note(line):
            return FilterStep(following=self._after(), rest=text)
        self._below_blank_line, self._is_judged = False, True
        return FilterStep(following=self, rest=text)

    def _is_note(self, line: str) -> bool:
        # Directly below code, only a plain sentence is one.
        if self._is_indented_block and self._below_blank_line:
            return not line.startswith((" ", "\t")) and bool(line.strip())
        may_be = self._below_blank_line or is_plain_sentence(line)
        return (
            may_be and is_note(line, self._target.language_id) and not self._code.is_inside_text()
        )

    def _after(self) -> AfterCode:
        written = Written().with_block(self._code.text)
        return AfterCode(self._target, written, without_fence=lambda: BareCode(self._target))


_FAREWELLS = ("Let me know", "Feel free", "I hope this", "Would you like", "If you'd like")
_FAREWELL_BEGUN = "|".join(
    rf"{words[:length]}{'.*' if words[:length] == words else ''}"
    for words in _FAREWELLS
    for length in range(1, len(words) + 1)
)
_MAY_END_OF_CHAT = re.compile(rf"{_MAY_END.pattern}|{_FAREWELL_BEGUN}", re.DOTALL)
_FIRST_OF_FAREWELLS = "".join({words[0] for words in _FAREWELLS})


class _Farewell(FilterStage):
    """A line in which a model takes leave, if it has greeted and no more text follows."""

    def __init__(self, text: "BareText", line: str) -> None:
        self._text = text
        self._held = line

    @property
    def held_back(self) -> int:
        """The line, and blank ones below."""
        return len(self._held)

    def feed(self, segment: str) -> FilterStep:
        """Wait for the end."""
        self._held += segment
        if not segment.strip(_WHITE_SPACE) and len(self._held) <= 2 * LINE_LIMIT:
            return FilterStep()
        return FilterStep(pieces=code(self._held).pieces, following=self._text)

    def finish(self) -> FilterStep:
        """Leave it to the explanation."""
        return explanation(self._held)


class BareText(FilterStage):
    """All of it is wanted, fences too: text, or code in no language that is known.

    One exception: a fence without a language tag that none has opened, at the end of the response
    or, in code, with prose behind it. It closes a block that the model only thought it had opened.
    """

    def __init__(
        self,
        target: CodeTarget,
        *,
        inner: Fence | None = None,
        closing: str = "",
        has_greeted: bool = False,
    ) -> None:
        self._target = target
        self._has_greeted = has_greeted
        """Whether words to the user came before the text, so that some may come behind it."""
        self._closing = closing
        """What closes the tag around the answer, if one was opened."""
        self._head = LineHead()
        self._inner = inner
        """The fence that the text itself has opened."""
        self._suspect: Fence | None = None
        """A fence that may be the end of the code."""
        self._held = ""
        """The suspect's line and the blank ones behind it."""
        self._next_line = ""

    @property
    def held_back(self) -> int:
        """Characters of a fence that may be the end, and of the line behind it."""
        return len(self._head.held) + len(self._held) + len(self._next_line)

    @property
    def passes_line(self) -> bool:
        """Whether the line is known to be no fence."""
        return self._head.is_passing and self._suspect is None

    def feed(self, segment: str) -> FilterStep:
        """Pass on everything but a closing fence that may belong to no opening one."""
        if self._suspect is not None:
            return self._below(self._suspect, segment)
        # Text without a fence of its own around it may hold fences: a README, a docstring.
        #
        #     Usage               text
        #     ```sh               an inner fence opens: it has a language tag
        #     make                text
        #     ```                 it closes
        #     ```                 bare, and none is open: the suspect, held back
        #     This runs make.     prose behind it: the suspect was the end, this is explanation
        kind = _MAY_END if self._inner is None else self._inner.may_be_fence
        first = "`~\n<" if self._closing else "`~\n"
        if self._has_greeted and self._inner is None:
            kind, first = _MAY_END_OF_CHAT, first + _FIRST_OF_FAREWELLS
        text, line = self._head.feed(segment, kind, first)
        if line is None:
            return code(text)
        if line.startswith(_FAREWELLS):
            return FilterStep(following=_Farewell(self, line + "\n"))
        if is_closing(line, self._closing):
            after = AfterCode(self._target, Written())
            return FilterStep(pieces=[Dropped("wrapper", line)], following=after)
        if self._inner is None:
            fence = opening_fence(line)
            if fence is not None and not fence.info:
                self._suspect, self._held = fence, line + "\n"
                return FilterStep()
            self._inner = fence
        elif self._inner.is_closed_by(line):
            self._inner = None
        return code(line + "\n")

    def finish(self) -> FilterStep:
        """Drop a fence that ends the response."""
        if self._suspect is not None:
            if self._next_line.strip(BLANK):
                return self._resolve(self._suspect)
            return FilterStep(pieces=[Dropped("fence", self._held)])
        line, self._head.held = self._head.held, ""
        if self._has_greeted and self._inner is None and line.startswith(_FAREWELLS):
            return explanation(line)
        if is_closing(line, self._closing):
            return FilterStep(pieces=[Dropped("wrapper", line)])
        fence = opening_fence(line) if self._inner is None else None
        if fence is not None and not fence.info:
            return FilterStep(pieces=[Dropped("fence", line)])
        return code(line)

    def _below(self, suspect: Fence, segment: str) -> FilterStep:
        self._next_line += segment
        line = self._next_line.removesuffix("\n")
        # A line of prose behind the suspect ends the code; code behind it makes the suspect the
        # opening of an inner block. Blank lines decide nothing and are held with it.
        if len(self._held) + len(line) > LINE_LIMIT:
            return self._keep(suspect)
        if len(line) == len(self._next_line):
            return FilterStep()
        if line.strip(BLANK):
            return self._resolve(suspect)
        self._held += self._next_line
        self._next_line = ""
        return FilterStep()

    def _resolve(self, suspect: Fence) -> FilterStep:
        if not self._target.is_prose and reads_like_prose(self._next_line):
            return FilterStep(
                pieces=[Dropped("fence", self._held)],
                following=AfterCode(self._target, Written()),
                rest=self._next_line,
            )
        return self._keep(suspect)

    def _keep(self, suspect: Fence) -> FilterStep:
        text = FilteredText(part="code", text=self._held)
        following = BareText(
            self._target, inner=suspect, closing=self._closing, has_greeted=self._has_greeted
        )
        return FilterStep(pieces=[text], following=following, rest=self._next_line)
