"""The stages of an answer from its first fence on: the code, what follows it, and other blocks."""

import re
from collections.abc import Callable

from streaming_code_generator.core.extract.marks import element_in
from streaming_code_generator.core.extract.parts import (
    DIFF_TAGS,
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
    CORRECTS,
    EXPLAINS,
    MAY_HOLD_TAGS,
    OPENS_AN_ASIDE,
    SHOWS_ALL,
    SHOWS_OTHER,
    Written,
    ends_the_answer,
    is_code_below_lead,
    is_note,
    is_plain_sentence,
    may_be_note,
    reads_like_prose,
)
from streaming_code_generator.core.syntax import (
    CodeSoFar,
    is_for_shell,
    is_of_language,
    is_one_language,
    names_language,
)

BLOCK_LIMIT = 16_384
"""Most characters held back of blocks in another language, until the right one comes."""

_PROSE_TAGS = {"md", "markdown", "mdx", "gfm", "text", "txt", "plaintext", "rst", "tex", "latex"}
_REMEMBERED = 2_000
"""Characters of what came behind the code by which a further block is judged."""

_STATEMENT = re.compile(
    r"(?:[a-z+#]+ )??(?=(?:async )?def \w|#include|[A-Za-z_][\w.]*\(|[A-Za-z_][\w.]* = "
    r"|from [\w.]+ import|(?:import|class|const|let|var|function|func|fun|fn|public|return) \w)"
)
"""A statement on the line of the fence, maybe behind the language tag."""


def enter(
    fence: Fence, line: str, target: CodeTarget, written: Written | None = None
) -> FilterStep:
    """Go into the block behind a fence, if it may hold the code.

    The info string is dropped, unless the model forgot to begin a new line behind the backticks,
    so that it is the code's first line.

    Args:
        fence: The fence.
        line: Its line, or what of it belongs to the fence.
        target: Where the code goes.
        written: What is known of the code before.
    """
    statement = _STATEMENT.match(fence.info)
    rest = fence.info[statement.end() :] + "\n" if statement else ""
    dropped = line.removesuffix(rest.removesuffix("\n"))
    tag = statement[0].strip() if statement else fence.tag
    if not is_of_language(tag, target.language_id):
        return FilterStep(following=ForeignBlocks(fence, target), rest=line + "\n")
    if fence.tag and not rest and not target.is_prose and any(target.surroundings.selected):
        return FilterStep(following=_OldOrNew(fence, target), rest=line + "\n")
    return into(fence, dropped, target, rest=rest, written=written)


def into(
    fence: Fence, dropped: str, target: CodeTarget, *, rest: str, written: Written | None = None
) -> FilterStep:
    """Go into the block, and read the rest there."""
    block = FencedCode(fence, target, written)
    return FilterStep(
        pieces=[Dropped("fence", dropped)],
        following=block if fence.info or target.is_prose else _TagBelow(block, fence, target),
        rest=rest,
        is_diff=fence.tag in DIFF_TAGS,
    )


_LONGEST_TAG = 12
_MAY_BE_TAG = re.compile(rf"[A-Za-z+#]{{0,{_LONGEST_TAG}}}")


def is_tag(line: str, target: CodeTarget) -> bool:
    """Whether a line above the code only says what language it is in."""
    word = line.strip(BLANK)
    word = (word.removesuffix(":") if word[:1].isupper() else word).lower()
    return (
        1 < len(word) <= _LONGEST_TAG
        and not is_for_shell(word)
        and names_language(word, target.language_id)
    )


class _TagBelow(FilterStage):
    """The first line of a block without a tag, which may be the tag."""

    def __init__(self, block: "FencedCode", fence: Fence, target: CodeTarget) -> None:
        self._block = block
        self._fence = fence
        self._target = target
        self._held = ""

    @property
    def held_back(self) -> int:
        """Characters that may become the tag."""
        return len(self._held)

    def feed(self, segment: str) -> FilterStep:
        """Wait until the line is a tag or can be none."""
        self._held += segment
        line = self._held.removesuffix("\n")
        may_be_words = line[:1].isupper() and self._target.language_id != ""
        if line == self._held and len(line) <= LINE_LIMIT:
            if may_be_words or _MAY_BE_TAG.fullmatch(line):
                return FilterStep()
        elif may_be_words and is_plain_sentence(line):
            # A refusal, or a question, in a block: none of its lines are code.
            after = AfterCode(self._target, Written())
            return after.set_aside(self._fence, self._held.removesuffix("\n"))
        is_value = self._target.text_before.strip() != ""
        if line != self._held and not is_value and is_tag(line, self._target):
            return FilterStep(pieces=[Dropped("fence", line)], following=self._block)
        return self.finish()

    def finish(self) -> FilterStep:
        """Leave it to the block."""
        return FilterStep(following=self._block, rest=self._held)


class _OldOrNew(FilterStage):
    """The beginning of a block that may only say what is selected: the new code follows then."""

    def __init__(self, fence: Fence, target: CodeTarget) -> None:
        self._fence = fence
        self._target = target
        self._expected = [line.strip() for line in target.surroundings.selected if line.strip()]
        self._held = ""
        self._line = ""
        self._matched = 0

    @property
    def held_back(self) -> int:
        """All of it."""
        return len(self._held) + len(self._line)

    def feed(self, segment: str) -> FilterStep:
        """Wait until the block differs from what is selected, or ends."""
        # "x = 1", "return a - b" is selected, and the answer shows that, or a part, in a block
        # before "It should be:" and a block with the code.
        self._line += segment
        if not segment.endswith("\n"):
            return FilterStep() if len(self._line) <= LINE_LIMIT else self.finish()
        line, self._line = self._line, ""
        is_opening = not self._held
        self._held += line
        text = line.strip()
        if is_opening or not text:
            return FilterStep()
        if self._fence.is_closed_by(line.removesuffix("\n")):
            if not self._matched:
                return self.finish()
            return FilterStep(following=ForeignBlocks(self._fence, self._target), rest=self._held)
        if not self._matched and text in self._expected:
            self._expected = self._expected[self._expected.index(text) :]
        if self._matched == len(self._expected) or text != self._expected[self._matched]:
            return self.finish()
        self._matched += 1
        return FilterStep() if len(self._held) <= BLOCK_LIMIT else self.finish()

    def finish(self) -> FilterStep:
        """Read it as code."""
        opening, _, text = (self._held + self._line).partition("\n")
        return into(self._fence, opening, self._target, rest=text)


class FencedCode(FilterStage):
    """Inside the block that holds the code, up to the line that closes it.

    The block's own indentation, in a list say, needs no care here: the layout counts from the
    first line.
    """

    def __init__(self, fence: Fence, target: CodeTarget, written: Written | None = None) -> None:
        self._fence = fence
        self._target = target
        self._written = written or Written()
        """What is known of the blocks before this one."""
        self._head = LineHead()
        self._may_be_fence = fence.may_be_fence
        self._behind = ClosingBehindCode()
        self._code = CodeSoFar(target.language_id or fence.tag)
        self._is_text = target.is_prose if fence.tag in {"", *_PROSE_TAGS} else False
        self._is_text = self._is_text or fence.tag in {"md", "markdown", "mdx", "gfm"}
        self._line_begins = f"`~\n{fence.character}"
        self._inner: Fence | None = None
        """The block inside this one that is open."""
        self._suspect = ""
        """A line that may close this block, and the blank ones below, until more is known."""
        self._suspect_ends_inner = False
        self.may_have_note = target.language_id not in {"", *MAY_HOLD_TAGS} and not self._is_text
        """Whether a sentence below a blank line would be none of the code."""

    @property
    def held_back(self) -> int:
        """Characters that may close the block."""
        return len(self._head.held) + len(self._behind.held) + len(self._suspect)

    @property
    def passes_line(self) -> bool:
        """Whether the line is known to be no fence."""
        return self._head.is_passing and not (self._behind.held or self._suspect)

    def feed(self, segment: str) -> FilterStep:
        """Pass on everything but the closing line."""
        if self._suspect:
            return self._below_suspect(segment)
        text, line = self._head.feed(segment, self._may_be_fence, self._line_begins)
        if line is not None:
            return self._at_fence(line)
        if "`" not in text and not self._behind.held:
            self._code.append(text)
            return code(text)
        return self._within_line(text)

    def finish(self) -> FilterStep:
        """Drop a closing fence that no line end followed; anything else is code."""
        if self._suspect:
            # A fence that ends the response closes the block, whatever it seemed to close.
            suspect, self._suspect = self._suspect, ""
            return FilterStep(pieces=[Dropped("fence", suspect)])
        line, self._head.held = self._head.held, ""
        if self._fence.is_closed_by(line):
            return FilterStep(pieces=[Dropped("fence", line)])
        if line.strip(BLANK) == 2 * self._fence.character:
            # The response was cut off in the middle of the fence.
            return FilterStep(pieces=[Dropped("fence", line)])
        fence = None if self._is_text else opening_fence(line)
        if fence is not None and reads_like_prose(fence.info) and not self.is_inside_text():
            return self._closed_with_words(line, fence)
        if self._behind.held:
            text, ticks = self._behind.finish(self._fence.length, self._code.newest)
            return FilterStep(pieces=[*code(text).pieces, Dropped("fence", ticks)])
        return code(line)

    def _within_line(self, text: str) -> FilterStep:
        if self._is_text or self._fence.character != "`":
            self._code.append(text)
            return code(text)
        shown, fence = self._behind.feed(text, self._fence.length, self._code.newest)
        self._code.append(shown)
        if not fence:
            return code(shown)
        return FilterStep(
            pieces=[*code(shown).pieces, Dropped("fence", fence)], following=self.after()
        )

    def _at_fence(self, line: str) -> FilterStep:  # noqa: PLR0911 - one for each kind of line
        # What a fence does depends on what is written in the block. In Markdown, with the block
        # itself opened by "```markdown":
        #
        #     ```sh       opens an inner block: it has a tag
        #     make
        #     ```         closes the inner block; were it the answer's last line, this one
        #
        #     ```         text right below: opens an inner block
        #     output
        #     ```         closes the inner block
        #     ```         nothing, or a blank line below: closes this block
        #
        # In code a fence stands in a docstring or a comment; everywhere else it ends the code.
        inner, self._inner = self._inner, None
        if inner is not None:
            if inner.is_closed_by(line):
                self._suspect, self._suspect_ends_inner = line + "\n", True
                return FilterStep()
            self._inner = inner
            return self._kept(line)
        fence = opening_fence(line)
        closes = self._fence.is_closed_by(line)
        if closes and self._fence.character in "'\"":
            return FilterStep(pieces=[Dropped("fence", line)], following=self.after())
        if fence is None or fence.length < self._fence.length:
            return self._kept(line)
        if self._is_text:
            if closes:
                self._suspect, self._suspect_ends_inner = line + "\n", False
                return FilterStep()
            self._inner = fence if fence.info else None
            return self._kept(line)
        if reads_like_prose(fence.info) and not self.is_inside_text():
            return self._closed_with_words(line, fence)
        may_follow = self._target.language_id and fence.indent_columns <= self._fence.indent_columns
        if not (closes or may_follow) or self.is_inside_text():
            return self._kept(line)
        if closes:
            return FilterStep(pieces=[Dropped("fence", line)], following=self.after())
        # "```sh" behind the code: this block was never closed.
        return FilterStep(following=self.after(), rest=line + "\n")

    def _closed_with_words(self, line: str, fence: Fence) -> FilterStep:
        # "```Let me know": the model forgot to begin a new line behind the block.
        closing = line[: len(line) - len(fence.info)]
        return FilterStep(
            pieces=[Dropped("fence", closing)], following=self.after(), rest=fence.info + "\n"
        )

    def is_inside_text(self) -> bool:
        """Whether the code so far ends within a comment or a string."""
        return self._code.is_inside_text()

    def _below_suspect(self, segment: str) -> FilterStep:
        ends_inner, suspect = self._suspect_ends_inner, self._suspect
        if not segment.strip(BLANK + "\n") and len(suspect) < LINE_LIMIT:
            self._suspect += segment
            if ends_inner or not segment.endswith("\n"):
                return FilterStep()
            segment = ""
        self._suspect = ""
        if not ends_inner and suspect.count("\n") > 1 - (not segment):
            fence = Dropped("fence", suspect)
            return FilterStep(pieces=[fence], following=self.after(), rest=segment)
        if not ends_inner:
            self._inner = opening_fence(suspect.split("\n")[0])
        self._code.append(suspect)
        return FilterStep(pieces=code(suspect).pieces, following=self, rest=segment)

    def _kept(self, line: str) -> FilterStep:
        self._code.append(line + "\n")
        step = code(line + "\n")
        if not line.strip(BLANK) and self.may_have_note and self._inner is None:
            step.following = _BelowBlankLine(self, self._fence, self._target.language_id)
        return step

    def after(self) -> "AfterCode":
        """Return the stage behind the block."""
        written = self._written.with_block(self._code.text)
        return AfterCode(self._target, written, self._fence.tag)


class _BelowBlankLine(FilterStage):
    """A line in a block, and what follows it if it is a note: then the block may not be closed."""

    def __init__(self, block: FencedCode, fence: Fence, language_id: str) -> None:
        self._block = block
        self._fence = fence
        self._language_id = language_id
        self._held = ""
        self._line = ""
        self._is_note = False

    @property
    def held_back(self) -> int:
        """All of it."""
        return len(self._held)

    def feed(self, segment: str) -> FilterStep:
        """Give the line back to the block, unless it is a note; then wait for the block's end."""
        # Behind "return a + b" and a blank line, in a block:
        #
        #     "d"                      no note begins so: back to the block
        #     "This adds.", "```"      the block is closed: all of it was code
        #     "This adds.", "```sh"    another block opens: a note, and the code has ended above it
        #     "This adds.", the end    a note
        self._held += segment
        self._line += segment
        line = self._line.removesuffix("\n")
        is_whole = line != self._line
        if not self._is_note and not is_whole and len(line) <= LINE_LIMIT:
            return FilterStep() if may_be_note(line, self._language_id) else self._back()
        if not is_whole:
            return FilterStep() if len(self._held) <= BLOCK_LIMIT else self._back()
        self._line = ""
        if not self._is_note:
            self._is_note = self._reads_like_note(line)
            return FilterStep() if self._is_note else self._back()
        fence = opening_fence(line)
        is_closed = self._fence.is_closed_by(line) or (fence and reads_like_prose(fence.info))
        if is_closed or len(self._held) > BLOCK_LIMIT:
            return self._back()
        if fence is not None and fence.info:
            return FilterStep(following=self._block.after(), rest=self._held)
        return FilterStep()

    def finish(self) -> FilterStep:
        """Leave a note to the explanation."""
        is_note = self._is_note or self._reads_like_note(self._line)
        return (
            FilterStep(following=self._block.after(), rest=self._held) if is_note else self._back()
        )

    def _reads_like_note(self, line: str) -> bool:
        is_note_here = line != "" and is_note(line, self._language_id)
        return is_note_here and not self._block.is_inside_text()

    def _back(self) -> FilterStep:
        if self._is_note:
            self._block.may_have_note = False
        return FilterStep(following=self._block, rest=self._held)


class AfterCode(FilterStage):
    """What follows the code: explanation, unless a further block is another part of the code.

    Where no explanation is wanted, the answer is over as soon as what follows is seen to be one.
    Until then the generation may end at any silence.
    """

    def __init__(
        self,
        target: CodeTarget,
        written: Written,
        tag: str = "",
        *,
        without_fence: Callable[[], FilterStage] | None = None,
    ) -> None:
        self._target = target
        self._tag = tag
        self._without_fence = without_fence
        """Makes the stage of code as it came so far, if that was not in a block."""
        self._line = ""
        """Behind words that lead to a correction, a line that may be its first."""
        self.written = written
        """What is known of the code before."""
        has_code = bool(written.words) and not written.is_import_only
        self.may_be_over = target.ends_with_code and has_code
        self._head = LineHead()
        self._between = ""
        """The beginning of what came behind the code."""
        self._aside: Fence | None = None
        """A further block that is open and not part of the code."""
        self._only_explains = False

    @property
    def held_back(self) -> int:
        """Characters of a line that may open or close a block, or begin a correction."""
        return len(self._head.held) + len(self._line)

    def feed(self, segment: str) -> FilterStep:
        """Pass on everything, up to a block that is another part."""
        if self._line or self._may_be_correction():
            self._line += segment
            if not self._line.endswith("\n") and len(self._line) <= LINE_LIMIT:
                return FilterStep()
            segment, self._line = self._line, ""
            language_id = self._target.language_id
            line = segment.strip(BLANK + "\n") and segment.removesuffix("\n")
            is_code = line and not opening_fence(line) and is_code_below_lead(line, language_id)
            if self._without_fence is not None and is_code:
                following, corrects = self._without_fence(), self.written.is_replaced_by
                return FilterStep(following=following, rest=segment, corrects=corrects)
        return self._read(segment)

    def _read(self, segment: str) -> FilterStep:
        kind = MAY_OPEN if self._aside is None else self._aside.may_be_fence
        text, line = self._head.feed(segment, kind)
        if line is None:
            return self._passed(text)
        if self._aside is not None:
            if self._aside.is_closed_by(line):
                self._aside, self._between = None, ""
            return explanation(line + "\n")
        fence = opening_fence(line)
        if fence is None:
            return self._passed(line + "\n")
        is_of_code = is_of_language(fence.tag, self._target.language_id) and (
            not fence.tag or not self._tag or is_one_language(fence.tag, self._tag)
        )
        if is_of_code and not self._only_explains and CORRECTS.search(self._between):
            block = FencedCode(fence, self._target)
            dropped = [Dropped("fence", line)]
            return FilterStep(pieces=dropped, following=block, corrects=self.written.is_replaced_by)
        self._only_explains = self._only_explains or bool(EXPLAINS.search(self._between))
        is_again = not self.written.is_import_only and SHOWS_ALL.search(self._between)
        is_other = is_again or self.written.is_one_of_several
        is_aside = self._only_explains or is_other or OPENS_AN_ASIDE.search(self._between)
        if is_of_code and not is_aside:
            return FilterStep(following=_FurtherBlock(self, fence, line))
        return self.set_aside(fence, line)

    def finish(self) -> FilterStep:
        """Pass on what turned out to be no fence."""
        line, self._head.held, self._line = self._head.held + self._line, "", ""
        return explanation(line)

    def _may_be_correction(self) -> bool:
        """Whether a line begins here, without a fence, below words that lead to a correction."""
        return (
            self._without_fence is not None
            and not self._head.held
            and len(self._between) < _REMEMBERED
            and self._between[-1:] == "\n"
            and self._between.rstrip().endswith(":")
            and CORRECTS.search(self._between) is not None
        )

    def set_aside(self, fence: Fence, line: str) -> FilterStep:
        """Leave a further block to the explanation."""
        if self.may_be_over:
            return FilterStep(pieces=explanation(line + "\n").pieces, is_end=True)
        self._aside = fence
        return FilterStep(pieces=explanation(line + "\n").pieces, following=self)

    def go_on(self, fence: Fence, line: str, first_line: str) -> FilterStep:
        """Go into a further block, a blank line below the code so far."""
        block = FencedCode(fence, self._target, self.written)
        return FilterStep(pieces=[Dropped("fence", line)], following=block, rest="\n" + first_line)

    def _passed(self, text: str) -> FilterStep:
        if len(self._between) < _REMEMBERED:
            self._between += text
        is_end = (
            self._target.ends_with_code
            and self._aside is None
            and not self.written.is_import_only
            and ends_the_answer(self._between)
        )
        return FilterStep(pieces=explanation(text).pieces, is_end=is_end)


class _FurtherBlock(FilterStage):
    """The first line of a further block, which decides whether it is a part of the code."""

    def __init__(self, after: AfterCode, fence: Fence, line: str) -> None:
        self._after = after
        self._fence = fence
        self._line = line
        self._first = ""

    @property
    def held_back(self) -> int:
        """The block's opening and first line."""
        return len(self._line) + 1 + len(self._first)

    def feed(self, segment: str) -> FilterStep:
        """Wait for a whole line."""
        self._first += segment
        line = self._first.strip("\n")
        if not line.strip(BLANK) and len(self._first) < LINE_LIMIT:
            return FilterStep()
        if not self._first.endswith("\n") and len(line) < LINE_LIMIT:
            return FilterStep()
        if self._after.written.is_shown_by(line):
            step = self._after.set_aside(self._fence, self._line)
            following = step.following or self._after
            return FilterStep(
                pieces=step.pieces, following=following, rest=self._first, is_end=step.is_end
            )
        return self._after.go_on(self._fence, self._line, self._first)

    def finish(self) -> FilterStep:
        """Leave a block that never came to the explanation."""
        return explanation(self._line + "\n" + self._first)


class ForeignBlocks(FilterStage):
    """Blocks in another language, held back until one in the document's comes, or nothing."""

    def __init__(self, fence: Fence, target: CodeTarget) -> None:
        self._fence: Fence | None = fence
        self._target = target
        self._line = ""
        self._lines: list[str] = []
        self._length = 0
        self._blocks: list[tuple[Fence, int, int | None]] = []
        """Each block's fence, the number of its opening line, and of its closing one."""

    @property
    def held_back(self) -> int:
        """All of it."""
        return self._length

    def feed(self, segment: str) -> FilterStep:
        """Wait for a block in the document's language."""
        # "Install it first:", a block of sh, "Then:", a block of python, in a Python document: the
        # sh block is explanation once the python block opens. Had that never come, it would have
        # been all there is.
        self._length += len(segment)
        self._line += segment
        if self._length > BLOCK_LIMIT:
            text = self._take()
            return FilterStep(pieces=explanation(text).pieces, following=LeadIn(self._target))
        if not segment.endswith("\n"):
            return FilterStep()
        line, self._line = self._line.removesuffix("\n"), ""
        number = len(self._lines)
        self._lines.append(line + "\n")
        if not self._blocks:
            assert self._fence is not None  # noqa: S101 - the line that led here opens a block
            self._blocks.append((self._fence, number, None))
        elif self._fence is not None:
            if self._fence.is_closed_by(line):
                self._blocks[-1] = (*self._blocks[-1][:2], number)
                self._fence = None
        elif (fence := opening_fence(line)) is not None:
            if is_of_language(fence.tag, self._target.language_id) and fence.tag:
                self._lines.pop()
                before = "".join(self._lines)
                step = enter(fence, line, self._target)
                return FilterStep(
                    pieces=[*explanation(before).pieces, *step.pieces],
                    following=step.following,
                    rest=step.rest,
                    is_diff=step.is_diff,
                )
            self._fence = fence
            self._blocks.append((fence, number, None))
        return FilterStep()

    def finish(self) -> FilterStep:
        """Take the only block, if it is one of code, for what was asked for."""
        if self._line:
            step = self.feed("\n")
            if step.following is not None:
                return step
        chosen = self._chosen()
        if chosen is not None:
            _, opened, closed = self._blocks[chosen]
            end = len(self._lines) if closed is None else closed
            inside, behind = "".join(self._lines[opened + 1 : end]), self._lines[end:]
            element = element_in(inside, self._target.language_id)
            if element is None:
                return explanation(self._take())
            pieces: list[FilteredText | Dropped] = [
                *explanation("".join(self._lines[:opened])).pieces,
                Dropped("fence", self._lines[opened]),
                Dropped("wrapper", inside[: element.start]),
                *code(inside[element]).pieces,
                Dropped("wrapper", inside[element.stop :]),
                Dropped("fence", "".join(behind[:1])),
                *explanation("".join(behind[1:])).pieces,
            ]
            return FilterStep(pieces=pieces)
        return explanation(self._take())

    def _chosen(self) -> int | None:
        #     "The error is:", a block without a tag      shows something else
        #     "Convert it:", a block without a tag        the code
        #     "Usage:", a block without a tag             an aside
        if len(self._blocks) == 1:
            is_shell = is_for_shell(self._blocks[0][0].tag)
            may_run = self._target.is_prose or self._target.language_id in _RUN_COMMANDS
            return 0 if not is_shell or may_run else None
        plain = [n for n, (fence, _, _) in enumerate(self._blocks) if not fence.tag]
        for number in plain[bool(plain and plain[0] == 0) :]:
            behind = self._blocks[number - 1][2] or 0
            between = "".join(self._lines[behind : self._blocks[number][1]])
            if not (SHOWS_OTHER.search(between) or OPENS_AN_ASIDE.search(between)):
                return number
        return plain[0] if plain else None

    def _take(self) -> str:
        text = "".join(self._lines) + self._line
        self._lines, self._line = [], ""
        return text


_RUN_COMMANDS = {"", "dockerfile", "makefile", "make", "just", "yaml", "markdown", "plaintext"}


class LeadIn(FilterStage):
    """Prose before the first fence, passed on as it comes."""

    def __init__(self, target: CodeTarget) -> None:
        self._target = target
        self._head = LineHead()

    @property
    def held_back(self) -> int:
        """Characters of a line that may open a block."""
        return len(self._head.held)

    def feed(self, segment: str) -> FilterStep:
        """Pass on everything up to the opening line."""
        text, line = self._head.feed(segment, MAY_OPEN)
        if line is None:
            return explanation(text)
        fence = opening_fence(line)
        return enter(fence, line, self._target) if fence else explanation(line + "\n")

    def finish(self) -> FilterStep:
        """Pass on what turned out to be no fence."""
        line, self._head.held = self._head.held, ""
        if opening_fence(line):
            return FilterStep(pieces=[Dropped("fence", line)])
        return explanation(line)
