"""The beginning of the answer: what stands in front of it, and what the answer is, decided once.

In front of it may be reasoning between tags, and a tag around all of it. Then comes one of these:

- A fence: what came before it is explanation, what follows is code.
- A first line that looks like code: all of it is code, from its first characters on where they
  leave no doubt.
- A first line that reads like prose: nothing of it may reach the document before it is clear that
  no fence and no line of code follows, so it is held back, for `LEAD_LIMIT` characters at most.
  Prose alone is explanation; only where text is wanted, it is the answer.
- `</think>` without an opening tag, before any of these: what came before it is reasoning, and the
  answer begins behind it. Chat templates that open the tag in the prompt cause this.
"""

import re

from streaming_code_generator.core.extract.bare import BareCode, BareText
from streaming_code_generator.core.extract.blocks import (
    AfterCode,
    ForeignBlocks,
    LeadIn,
    enter,
    is_tag,
)
from streaming_code_generator.core.extract.marks import may_become_wrapper, wrapper_of
from streaming_code_generator.core.extract.parts import (
    CodeTarget,
    Dropped,
    FilteredText,
    FilterStage,
    FilterStep,
    Part,
)
from streaming_code_generator.core.extract.response_lines import (
    BLANK,
    LINE_LIMIT,
    MAY_OPEN,
    Fence,
    fence_behind,
    fence_of_quotes,
    opening_fence,
)
from streaming_code_generator.core.extract.wording import (
    OFFERS_SEVERAL,
    QUOTED_BY_BACKTICKS,
    SHOWS_OTHER,
    Written,
    is_code_below_lead,
    is_command,
    is_greeting,
    is_line_of_code,
    leads_to_text,
    reads_like_prose,
    starts_like_code,
)
from streaming_code_generator.core.syntax import is_of_language, names_language

CLOSING_TAG = "</think>"
OPENING_TAGS = {"<think>", "<thinking>", "<thought>", "<reasoning>", "[THINK]"}

FINAL_CHANNEL = "<|channel|>final<|message|>"
THINKING = {
    "<think>": CLOSING_TAG,
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<reasoning>": "</reasoning>",
    "<seed:think>": "</seed:think>",
    "[THINK]": "[/THINK]",
    "\u25c1think\u25b7": "\u25c1/think\u25b7",
    "<|channel|>analysis<|message|>": f"<|end|><|start|>assistant{FINAL_CHANNEL}",
}
"""What opens and closes reasoning in the chat templates of DeepSeek, Qwen, Seed, Magistral, Kimi
and gpt-oss, and what models write on their own."""


_ROLES = (
    *("<|im_start|>assistant", "<|start_header_id|>assistant<|end_header_id|>", "<|assistant|>"),
    *("<|start|>assistant", "<start_of_turn>model", "<\uff5cAssistant\uff5c>", "[/INST]"),
)
"""What the chat templates of Qwen, Llama, Phi, gpt-oss, Gemma, DeepSeek and Mistral have in front
of an answer, where a server takes it for text."""

_BLANK_LINES = re.compile(rf"\A(?:[ \t]{{0,{LINE_LIMIT}}}\n)+")


class BeforeAnswer(FilterStage):
    """The first non-blank characters of the response, which may be an opening tag."""

    def __init__(self, target: CodeTarget, *, may_think: bool = True, closing: str = "") -> None:
        self._target = target
        self._may_think = may_think
        self._closing = closing
        """What closes the tag around the answer, if one was opened."""
        self._held = ""

    @property
    def held_back(self) -> int:
        """Characters of what may become a tag, with the blanks before it."""
        return len(self._held)

    def feed(self, segment: str) -> FilterStep:
        """Wait until the tag is there or can no longer come."""
        self._held = _BLANK_LINES.sub("", self._held + segment, count=1)
        word = self._held.lstrip(BLANK)
        if len(self._held) - len(word) > LINE_LIMIT:
            return self.finish()
        for tag in (*_ROLES, *THINKING, FINAL_CHANNEL) if self._may_think else _ROLES:
            if word.startswith(tag):
                closing = THINKING.get(tag)
                may_think = self._may_think and tag != FINAL_CHANNEL
                following = (
                    BeforeAnswer(self._target, may_think=may_think, closing=self._closing)
                    if closing is None
                    else Reasoning(self._target, closing)
                )
                dropped = Dropped("wrapper" if tag in _ROLES else "think tag", tag)
                return FilterStep(pieces=[dropped], following=following, rest=word[len(tag) :])
            if tag.startswith(word):
                return FilterStep()
        line = word.removesuffix("\n")
        if line == word and len(line) < LINE_LIMIT and may_become_wrapper(line):
            return FilterStep()
        wrapper = wrapper_of(line, self._target) if line != word else None
        if wrapper is None:
            return self.finish()
        closing = wrapper.closing or self._closing
        inside = BeforeAnswer(self._target, may_think=self._may_think, closing=closing)
        return FilterStep(
            pieces=[Dropped("wrapper", wrapper.text)],
            following=inside,
            rest=word[len(wrapper.text) :],
        )

    def finish(self) -> FilterStep:
        """Leave it to the answer: there is no opening tag."""
        answer = Opening(self._target, may_end_reasoning=self._may_think, closing=self._closing)
        return FilterStep(following=answer, rest=self._held)


class Reasoning(FilterStage):
    """Between the tags."""

    def __init__(self, target: CodeTarget, closing: str) -> None:
        self._target = target
        self._closing = closing
        self._held = ""

    @property
    def held_back(self) -> int:
        """Characters of what may become the closing tag."""
        return len(self._held)

    def feed(self, segment: str) -> FilterStep:
        """Pass on everything up to the closing tag."""
        text, tag, rest = (self._held + segment).partition(self._closing)
        if tag:
            return FilterStep(
                pieces=[*_pieces("reasoning", text), Dropped("think tag", tag)],
                following=BeforeAnswer(self._target, may_think=False),
                rest=rest,
            )
        # "…so </thi" may go on as the tag: its beginning is held back.
        kept = len(text)
        start = text.find(self._closing[0], max(0, len(text) - len(self._closing)))
        while start >= 0:
            if self._closing.startswith(text[start:]):
                kept = start
                break
            start = text.find(self._closing[0], start + 1)
        self._held = text[kept:]
        return FilterStep(pieces=_pieces("reasoning", text[:kept]))

    def finish(self) -> FilterStep:
        """Pass on the beginning of a tag that never came."""
        text, self._held = self._held, ""
        return FilterStep(pieces=_pieces("reasoning", text))


LEAD_LIMIT = 16_384
"""Most characters of prose held back at the beginning of an answer, until it is known whether they
are reasoning, an introduction to the code, or all there is. Some four thousand tokens: enough for
most reasoning without an opening tag. Code is never held back for this."""

_QUOTES = "`'\""
_ONE_LINE_BLOCK = re.compile(r"([ \t]*(`+))([^`]+)(\2[ \t]*)")
_EXPRESSION = re.compile(r"=>|\?[.?]|&&|\|\||[=!]==|^new \w|\w\(.*\)$|\w\[.*\]$")
"""What text in backticks has that is an expression rather than a string."""
_LIST = re.compile(r"\s*(?:[-*\u2022]|\d+[.)])\s")
_ROW = re.compile(r"[ \t]*\|.*\|[ \t]*")
_WITH_TABLES = {"cucumber", "feature", "gherkin", "robotframework", "testql", ""}
"""Languages in which the row of a table is code."""
_ONE_SPAN = re.compile(
    r"((?![^`]*(?:\b(?:not|never|cannot|avoid)\b|n['\u2019]t\b))"
    r"[^`]*(?::|\b(?i:use|try|write|add|insert|be|is))\s*)`([^`\n]+)(`[.,;:]?\s*)([^`]*)"
)
"""A sentence with the code in backticks, and what explains it."""
_STATEMENT = re.compile(r".*(?:;|\w\(.+\))|[\w.]+ :?= .+")
_BUTTONS = {"Copy code", "copy code", "Copy", "copy", "Edit"}
"""What stands on the buttons of a web page, above the code that was copied there."""
_NO_LANGUAGE = {"plaintext", "text"}
"""What a document is called whose language its editor does not know: a fence around an answer to it
is no part of the answer. In Markdown a block of another language is."""
_WITHOUT_FENCES = {"latex", "tex", "plaintex", "bibtex", "restructuredtext", "asciidoc", "org"}
"""Languages of text in which a fence means nothing."""
_TEXT_TAGS = {"", "md", "markdown", "mdx", "gfm", "text", "txt", "plaintext"}


class Opening(FilterStage):
    """Reads one character at a time, so that the first sign decides however the text was cut."""

    def __init__(
        self,
        target: CodeTarget,
        *,
        may_end_reasoning: bool,
        closing: str = "",
    ) -> None:
        self._target = target
        self._closing = closing
        """What closes the tag around the answer, if one was opened."""
        self._may_end_reasoning = may_end_reasoning
        self._held: list[str] = []
        self._line = ""
        """The current line, up to one character more than `LINE_LIMIT`."""
        self._line_start = 0
        """Where the current line begins in what is held."""
        self._prose: bool | None = None
        """Whether the first line reads like prose; None before its end."""
        self._above = ""
        """The line above the current one, without white space at its ends."""
        self._said = ""
        """The last line above that is not blank."""
        self._doubted: tuple[Fence, str, int] | None = None
        """A fence that opens a block or closes what stands above it, its line, where it ends."""

    @property
    def held_back(self) -> int:
        """Characters read so far: none has been handed on."""
        return len(self._held)

    def feed(self, segment: str) -> FilterStep:
        """Read up to the character that decides."""
        for index, char in enumerate(segment):
            step = self._read(char)
            if step is not None:
                step.rest += segment[index + 1 :]
                return step
        return FilterStep()

    def finish(self) -> FilterStep:
        """Decide on what there is."""
        return self._at_line_end() or self._span() or self._without_fence()

    def _read(self, char: str) -> FilterStep | None:
        self._held.append(char)
        if char == "\n":
            step = self._at_line_end()
            self._above = self._line.strip()
            self._said = self._above or self._said
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
        #     Here is it:⏎⏎x = 1⏎| prose is held, then a line of code: explanation, BareCode
        #     total⏎|              neither, so the whole line is judged: code
        #     so b is 2.</think>|  reasoning without an opening tag: what follows opens the answer
        if char == ">" and self._is_end_of_reasoning():
            text = "".join(self._held).removesuffix(CLOSING_TAG)
            pieces: list[FilteredText | Dropped] = [*_pieces("reasoning", text)]
            pieces.append(Dropped("think tag", CLOSING_TAG))
            answer = self._again()
            return FilterStep(pieces=pieces, following=answer)
        if self._doubted is not None:
            return None
        if self._prose:
            return None
        if self._prose is not None:
            return None if self._may_be_special() else self._without_fence()
        if self._target.is_prose:
            may_be_lead = (
                self._target.language_id in _WITHOUT_FENCES
                or leads_to_text(self._line)
                or self._may_be_special()
                or self._may_be_quoted_text()
            )
            return None if may_be_lead and len(self._line) <= LINE_LIMIT else self._without_fence()
        if starts_like_code(self._line, self._target.language_id):
            self._prose = False
        elif len(self._line) > LINE_LIMIT:
            self._prose = reads_like_prose(self._line, self._target.language_id)
        return self._without_fence() if self._prose is False else None

    def _at_line_end(self) -> FilterStep | None:  # noqa: PLR0911, C901 - one for each kind of line
        line = self._line
        if self._doubted is not None:
            return self._below_doubted(*self._doubted) if line.strip(BLANK) else None
        fence = opening_fence(line) if len(line) <= LINE_LIMIT else None
        if (
            fence is not None
            and self._target.is_prose
            and self._target.language_id in (_TEXT_TAGS | _WITHOUT_FENCES) - _NO_LANGUAGE
            and fence.tag not in {*_TEXT_TAGS, self._target.language_id}
            and not self._may_be_quoted_text()
        ):
            return self._without_fence()
        if fence is not None and not fence.info:
            lead = "".join(self._held[: self._line_start]).strip()
            is_one_line = "\n" not in lead
            # A bare fence behind a line of code only ends it, rather than open a block below a
            # name; it may do so behind one that only sounds like a sentence.
            if (
                is_one_line
                and self._prose is False
                and is_line_of_code(lead, self._target.language_id)
            ):
                return self._without_fence()
            is_known = bool(self._target.language_id) and not self._target.is_prose
            if is_one_line and is_known and lead == self._above and lead[-1:] not in {"", ":"}:
                self._doubted = fence, line, len(self._held)
                return None
        if fence is not None:
            return self._into_block("".join(self._held[: self._line_start]), fence, line)
        if self._target.is_prose:
            return self._at_line_end_of_text(line)
        behind = fence_behind(line) if self._prose is not False else None
        if behind is not None and len(line) <= LINE_LIMIT:
            text, fence = behind
            if self._prose or reads_like_prose(text) or text.endswith(":"):
                lead = "".join(self._held[: self._line_start]) + text
                is_ours = is_of_language(fence.tag, self._target.language_id)
                return self._into_block(lead, fence, line[len(text) :]) if is_ours else None
        if self._prose is None:
            return self._at_first_line_end(line)
        opens_reasoning = self._may_end_reasoning and line.rstrip(BLANK) in OPENING_TAGS
        opens_tag = line.startswith("<") and wrapper_of(line, self._target) is not None
        if self._prose and (opens_reasoning or opens_tag):
            return self._from_this_line(BeforeAnswer(self._target, closing=self._closing))
        if self._prose and line.strip(BLANK) and self._is_code_below_prose(line):
            return self._from_this_line(self._bare())
        return None if self._prose or not line.strip(BLANK) else self._without_fence()

    def _below_doubted(self, fence: Fence, line: str, end: int) -> FilterStep:
        #     print "found" if $file    sounds like a sentence
        #     ```                       opens a block, or closes one that was never opened
        #     This code prints          prose: it closes; else it opens
        if reads_like_prose(self._line):
            return FilterStep(
                following=BareCode(self._target, closing=self._closing), rest="".join(self._held)
            )
        lead = "".join(self._held[:end]).removesuffix("\n").removesuffix(line)
        step = self._into_block(lead, fence, line)
        step.rest += "".join(self._held[end:])
        return step

    def _into_block(self, lead: str, fence: Fence, line: str) -> FilterStep:
        # "The error is:" and a block without a tag: the code may be in one that has the tag.
        offers_several = OFFERS_SEVERAL.search(lead) is not None
        shows_other = not fence.info and SHOWS_OTHER.search(lead.rstrip().rpartition("\n")[2])
        step = (
            FilterStep(following=ForeignBlocks(fence, self._target), rest=line + "\n")
            if shows_other and self._target.language_id and not self._target.is_prose
            else enter(fence, line, self._target, Written(is_one_of_several=offers_several))
        )
        step.pieces = [*_pieces("explanation", lead), *step.pieces]
        return step

    def _at_first_line_end(self, line: str) -> FilterStep | None:
        block = _ONE_LINE_BLOCK.fullmatch(line)
        if block is not None and self._is_quoted_code(block[2], block[3]):
            return self._unquoted(block)
        quotes = fence_of_quotes(line)
        if quotes is not None and names_language(quotes.tag, self._target.language_id):
            return enter(quotes, line, self._target)
        is_tag_above = is_tag(line, self._target) and not self._target.text_before.strip()
        if is_tag_above or line.strip(BLANK) in _BUTTONS:
            return FilterStep(pieces=[Dropped("fence", line)], following=self._again())
        if line.strip(BLANK):
            is_table = _ROW.fullmatch(line) and self._target.language_id not in _WITH_TABLES
            is_prose = reads_like_prose(line, self._target.language_id)
            self._prose = bool(is_table) or is_prose
        else:
            self._held.clear()
        return None

    def _unquoted(self, block: re.Match[str]) -> FilterStep:
        # ```x = 1``` or `x = 1` on one line: some models answer short requests so.
        pieces: list[FilteredText | Dropped] = [
            Dropped("fence", block[1]),
            FilteredText(part="code", text=block[3].strip(BLANK)),
            Dropped("fence", block[4]),
        ]
        after = AfterCode(self._target, Written().with_block(block[3]))
        return FilterStep(pieces=pieces, following=after)

    def _may_be_quoted_text(self) -> bool:
        """Whether the line may be the rest of a string, in backticks that the string has not."""
        return (
            self._line.startswith("`")
            and bool(self._target.text_before.strip())
            and self._target.language_id not in {*_TEXT_TAGS, *_WITHOUT_FENCES}
        )

    def _is_quoted_code(self, ticks: str, text: str) -> bool:
        if len(ticks) > 1 or self._target.language_id not in QUOTED_BY_BACKTICKS:
            return bool(text.strip())
        if not self._target.text_before.strip():
            # Where a statement is wanted, a string alone is none; a command to be run may be.
            is_run = self._target.language_id in {"ruby", "perl"} and is_command(text)
            return bool(text.strip()) and not is_run
        is_statement = starts_like_code(text) or text.endswith(";")
        is_again = text.startswith(self._target.text_before.strip())
        is_code = is_statement or is_again or _EXPRESSION.search(text) is not None
        return is_code and "${" not in text

    def _is_code_below_prose(self, line: str) -> bool:
        # Only a sentence that leads to it, or a blank line, has code below it: the line may be
        # part of a list of explanations otherwise.
        below = not self._above or self._above.endswith(":")
        # Code that is indented as a block of Markdown stands behind a blank line.
        is_block = not self._above and starts_like_code(line)
        if is_block and self._said.endswith(":") and line.startswith(("    ", "\t")):
            return not reads_like_prose(line.strip(BLANK)) and _LIST.match(line) is None
        text = line.strip(BLANK) if is_block else line
        language_id = self._target.language_id
        leads = language_id and self._said.endswith(":") and not SHOWS_OTHER.search(self._said)
        is_code = (is_code_below_lead if leads else is_line_of_code)(text, language_id)
        return below and len(line) <= LINE_LIMIT and is_code

    def _from_this_line(self, following: FilterStage) -> FilterStep:
        lead, text = self._held[: self._line_start], self._held[self._line_start :]
        return FilterStep(
            pieces=_pieces("explanation", "".join(lead)),
            following=following,
            rest="".join(text),
        )

    def _bare(self) -> FilterStage:
        if self._target.is_prose or not self._target.language_id:
            return BareText(self._target, closing=self._closing, has_greeted=bool(self._line_start))
        is_indented_block = self._line.startswith(("    ", "\t"))
        return BareCode(self._target, closing=self._closing, is_indented_block=is_indented_block)

    def _span(self) -> FilterStep | None:
        # "To count them, use: `len(xs)`" is all that some models say; behind "n = ", too, without
        # a colon. "Use `free(p);` to release it" has a statement, whatever follows it.
        span = _ONE_SPAN.fullmatch("".join(self._held)) if self._prose else None
        if span is None or self._target.is_prose:
            return None
        leads = span[1].rstrip().endswith(":") or self._target.text_before.strip()
        is_at_end = not span[4] or "." in span[3]
        if not (leads and is_at_end) and not _STATEMENT.fullmatch(span[2]):
            return None
        return FilterStep(
            pieces=[
                *_pieces("explanation", span[1]),
                Dropped("fence", "`"),
                FilteredText(part="code", text=span[2]),
                Dropped("fence", span[3]),
                *_pieces("explanation", span[4]),
            ],
            following=AfterCode(self._target, Written().with_block(span[2])),
        )

    def _again(self) -> "Opening":
        return Opening(self._target, may_end_reasoning=False, closing=self._closing)

    def _at_line_end_of_text(self, line: str) -> FilterStep | None:
        # In Markdown, where text is what is wanted:
        #
        #     Sure! Here it is:     a greeting: held back
        #     ```markdown           a fence around text: the greeting is explanation
        #     # Usage               else: the text begins here, and the greeting is none of it
        #     make all              a first line that is no greeting is part of the text
        if not line.strip(BLANK):
            return None
        block = _ONE_LINE_BLOCK.fullmatch(line)
        if self._prose is None and block is not None and self._may_be_quoted_text():
            return self._unquoted(block)
        leads = leads_to_text(line) or (
            self._target.language_id in _WITHOUT_FENCES and line.rstrip().endswith(":")
        )
        if self._prose is None and leads:
            self._prose = True
            return None
        #     Here is the list:     no greeting, but no such text has a line of TeX below it
        #     \begin{itemize}
        is_tex = self._target.language_id in _WITHOUT_FENCES and line.lstrip().startswith("\\")
        # So, too, where the place is in a list, or a table, which goes on below it.
        above = next((each for each in self._target.surroundings.above[-1:] if each.strip()), "")
        goes_on = above.lstrip()[:2] in {"- ", "* ", "+ ", "| "} and line[:2] == above.lstrip()[:2]
        greets = is_greeting("".join(self._held[: self._line_start]))
        if self._prose and (is_tex or goes_on or greets):
            return self._from_this_line(self._bare())
        return self._without_fence()

    def _may_be_special(self) -> bool:
        """Whether the line behind a first line of code may still be a fence or the tag."""
        if len(self._line) > LINE_LIMIT:
            return False
        may_be_tag = self._may_end_reasoning and CLOSING_TAG.startswith(self._line.strip(BLANK))
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
        following: FilterStage
        if self._target.is_prose or (not self._target.language_id and not self._prose):
            following = BareText(self._target, closing=self._closing)
        elif self._prose:
            following = LeadIn(self._target)
        else:
            following = BareCode(self._target, closing=self._closing)
        held = "".join(self._held)
        tag, _, code = held.partition("\n")
        # Behind "x = ", the name of the language would be a value, if nothing came below it.
        if self._target.text_before.strip() and code.strip() and is_tag(tag, self._target):
            return FilterStep(pieces=[Dropped("fence", tag)], following=following, rest=code)
        return FilterStep(following=following, rest=held)


def _pieces(part: Part, text: str) -> list[FilteredText | Dropped]:
    return [FilteredText(part=part, text=text)] if text else []
