"""The output filter: runs a response through the stages and collects their output."""

import itertools
import re
from collections.abc import Callable

from streaming_code_generator.core.extract.code_path import CodePath
from streaming_code_generator.core.extract.diffs import PLACEHOLDER_LIMIT
from streaming_code_generator.core.extract.dress import DIFF_LIMIT
from streaming_code_generator.core.extract.marks import (
    END_TOKENS_LIMIT,
    MARKS_LIMIT,
    EndTokens,
    Marks,
    Quotation,
)
from streaming_code_generator.core.extract.opening import LEAD_LIMIT, BeforeAnswer
from streaming_code_generator.core.extract.parts import (
    LOOKED_AT,
    CodeTarget,
    Extraction,
    FilteredText,
    FilterStage,
    FilterStep,
    Part,
    Rule,
    Tally,
    weight,
)
from streaming_code_generator.core.extract.repetition import OVERLAP_LIMIT, REPETITION_LIMIT
from streaming_code_generator.core.extract.response_lines import (
    BLANK,
    LINE_LIMIT,
    LineEndings,
    segments,
)

_LOOKED_AT = 8_192
"""So much of the text's end is looked at."""
_EVERY = 512
"""How often, in characters: at the same places however the text was cut."""
_LONGEST_PERIOD = 1_000
_PROBE = 24
_SHORT = 100
_LEAST = 1_000
_LEAST_LINES = 60
_LEAST_ENTRIES = 120
_ENTRY = re.compile(r"[ \t]*(?:[-*|] ?.*|.*[,|])", re.MULTILINE)
"""A line of a table or a list, which may well have the same entry many times."""
_CONSTANT = re.compile(
    r"\b(?:0x[\da-f]+|null|none|nil|true|false|nan)\b|\d(?:e[-+]?\d+|f)\b", re.IGNORECASE
)


class LoopDetector:
    """Reads a stream and says where it has begun to go round in circles."""

    def __init__(self) -> None:
        self._tail = ""
        self._pending: list[str] = []
        self.room = _EVERY
        """After so many characters more there may be a loop."""

    def feed(self, text: str) -> int | None:
        """Read on; return how much of `text` came up to the end of the loop, or None."""
        if len(text) < self.room:
            self._pending.append(text)
            self.room -= len(text)
            return None
        start = 0
        while len(text) - start >= self.room:
            end = start + self.room
            self._tail += "".join(self._pending) + text[start:end]
            self._tail = self._tail[-_LOOKED_AT:]
            self._pending, self.room, start = [], _EVERY, end
            if is_loop(self._tail):
                return end
        self._pending.append(text[start:])
        self.room -= len(text) - start
        return None


def is_loop(text: str) -> bool:
    """Whether a text ends in so many repetitions of one stretch that it will not stop.

    Sixty short ones, or three of hundreds of characters; of a list's entries twice as many. What
    has no words is none: tables of numbers and rules of dashes repeat themselves for good reason.
    """
    # "return x\n" a hundred times, and "re": the probe "…n x\nre" is found once more 9 characters
    # before the end, so the period is 9, and everything equals what stands 9 characters before it.
    probe = text[-_PROBE:]
    found = text.rfind(probe, 0, len(text) - 1)
    period = len(text) - len(probe) - found
    if found < 0 or period > _LONGEST_PERIOD:
        return False
    stretch = text[-period:]
    # The stretch may begin anywhere in a line: twice, it has each line whole.
    lines = (stretch * 2).split("\n")[1 : stretch.count("\n") + 1]
    if not any(map(str.isalpha, _CONSTANT.sub("", stretch))):
        return False
    are_entries = bool(lines) and all(map(_ENTRY.fullmatch, lines))
    often = (_LEAST_ENTRIES if are_entries else _LEAST_LINES) * period
    least = max(_LEAST, min(often, _LOOKED_AT - period) if period < _SHORT else 3 * period)
    return len(text) >= least + period and text[-least:] == text[-least - period : -period]


TRIM_LIMIT = 256
"""Most white space held back at the end of what has come so far."""

_WHITE_SPACE = BLANK + "\n"


class Trimmed:
    """Passes text on without white space at its ends; sections are a blank line apart."""

    def __init__(self) -> None:
        self._held = ""
        self._section_started = False
        self._separator = ""

    @property
    def held_back(self) -> int:
        """Characters of white space that may turn out to be the last."""
        return len(self._held)

    def feed(self, text: str) -> str:
        """Return what can be shown."""
        if not self._section_started:
            text = text.lstrip(_WHITE_SPACE)
            if not text:
                return ""
            self._section_started = True
            text, self._separator = self._separator + text, "\n\n"
        text = self._held + text
        kept = len(text.rstrip(_WHITE_SPACE))
        kept = max(kept, len(text) - TRIM_LIMIT)
        self._held = text[kept:]
        return text[:kept]

    def end_section(self) -> None:
        """End the section: code or the other part comes before what follows."""
        self._held = ""
        self._section_started = False


HELD_BACK_LIMIT = max(LEAD_LIMIT, DIFF_LIMIT, REPETITION_LIMIT, PLACEHOLDER_LIMIT) + 2 * (
    LINE_LIMIT + OVERLAP_LIMIT + TRIM_LIMIT + END_TOKENS_LIMIT + MARKS_LIMIT
)
"""Most characters the filter keeps to itself of an answer, in the worst case: a diff, a file that
is repeated, or what stands behind a placeholder. Of ordinary code it is a line at most, and mostly
a few characters.
"""

REPEATS_ITSELF = (
    "incomplete: the model wrote the same over and over, and was stopped; ask again, or otherwise"
)

CHANGES_MORE = (
    "the answer also changes lines around the place, which stay as they are, from `{}` on; "
    "select them to have them changed, too"
)

CORRECTS_A_PART = (
    "the answer corrects its code, but only a part of it: what stands is as it was before"
)

_ANYWHERE = CodeTarget()


class OutputFilter:
    r"""Takes a response apart while it arrives: code, explanation and reasoning.

    Each of the three streams is the same for every way to cut the response into chunks. Explanation
    and reasoning come trimmed, with `\n` for line endings; code comes as it is to be inserted.
    """

    def __init__(self, target: CodeTarget = _ANYWHERE) -> None:
        # The stages of a response, each of which hands over to one that may follow it:
        #
        #     BeforeAnswer --"<think>"--> Reasoning --"</think>"--> BeforeAnswer
        #     BeforeAnswer --"<code>", a tag around the answer--> BeforeAnswer
        #     BeforeAnswer --anything else--> Opening
        #     Opening --a fence--> FencedCode --its end--> AfterCode --another part--> FencedCode
        #     Opening --a fence of another language--> ForeignBlocks --the right one--> FencedCode
        #     Opening --code--> BareCode --a stray fence, or a note--> AfterCode
        #     Opening --text, where that is wanted--> BareText
        #     Opening --nothing but prose for long--> LeadIn --a fence--> FencedCode
        #
        # "Here is it:", a fence, "def f():", a fence, "Done." runs through Opening, FencedCode and
        # AfterCode; in the document stands "def f():" and nothing else.
        #
        # What they take for code goes on to the `CodePath`: a diff it may be, what
        # it repeats of the document, its layout.
        self._target = target
        self._tally = Tally()
        self._stage: FilterStage = BeforeAnswer(target)
        self._code = CodePath(target, self._tally)
        self._corrects: Callable[[str], bool] | None = None
        """Whether a correction has all of the code that it is to take the place of."""
        self._correction: list[str] | None = None
        """That correction; it goes into the document at the end, as a whole."""
        self._corrected: str | None = None
        """What has taken the place of all code given out."""
        self._corrects_a_part = False
        self._explanation = Trimmed()
        self._reasoning = Trimmed()
        self._content_lines = LineEndings()
        self._marks = Marks(target, self._tally)
        self._quotation = Quotation(target, self._tally)
        self._end_tokens = EndTokens()
        self._reasoning_lines = LineEndings()
        self._content_loop = LoopDetector()
        self._reasoning_loop = LoopDetector()
        self._pieces: list[tuple[Part, str]] = []
        self._has_code = False
        self._has_text = False
        self._finished = False
        self._has_ended = False
        self.is_loop = False
        """Whether the answer was given up because it repeats itself."""
        self.is_over = False
        """Whether nothing that comes is wanted any more."""
        self.may_be_over = False
        """Whether the code is whole, unless another part of it follows soon."""
        self._looks_at = re.compile(f"[{re.escape(LOOKED_AT + self._code.looks_at)}]")
        self._ahead = ""
        """What was given out of the current line before any stage has read it."""
        self._room_ahead = 0
        """Fewer characters than these may be."""

    @property
    def held_back(self) -> int:
        """Characters read that may still be given out; at most `HELD_BACK_LIMIT`."""
        holders = (
            self._marks,
            self._quotation,
            self._end_tokens,
            self._stage,
            self._code,
            self._explanation,
            self._reasoning,
        )
        return sum(holder.held_back for holder in holders)

    @property
    def dropped(self) -> dict[Rule, int]:
        """Characters, white space aside, that are in none of the streams, by the rule."""
        return dict(self._tally.dropped)

    @property
    def added(self) -> int:
        """Characters of the code, white space aside, that came from the document."""
        return self._tally.added

    @property
    def refusal(self) -> str | None:
        """Why the code, as far as it was given out, must not stay; final once it is finished."""
        return self._tally.refusal

    def settled(self, code: str) -> tuple[str, dict[Rule, int]]:
        """Return what of the code given out may stay, at the end, and all that was dropped."""
        dropped = self.dropped
        if self._corrected is not None:
            dropped["corrected"] = dropped.get("corrected", 0) + weight(code)
            code = self._corrected
        if self._tally.refusal is None:
            return code, dropped
        if refused := dropped.get("refused", 0) + weight(code):
            dropped["refused"] = refused
        return "", dropped

    @property
    def problem(self) -> str | None:
        """What is wrong with the code of a finished response: there is none, or not all of it."""
        if self._tally.refusal is not None:
            return f"no code: {self._tally.refusal}"
        if not self._has_code and self._has_text:
            return "no code: the answer has nothing but text"
        if not self._has_code and self._tally.dropped:
            return "no code: the answer brings nothing that is not there already"
        if self.is_loop:
            return REPEATS_ITSELF
        if self._corrects_a_part:
            return CORRECTS_A_PART
        left_out = self._tally.left_out
        return None if left_out is None else CHANGES_MORE.format(left_out)

    def feed(self, text: str) -> list[FilteredText]:
        """Read the next chunk of the answer.

        Raises:
            RuntimeError: The response was finished already.
        """
        # In "value = compute(1)\n", once "value" has come out as code, each stage has said that it
        # passes the rest of the line. So " = " and "compute" are given out at once, and the stages
        # read " = compute(1)\n" together, of which only "(1)" and what follows is new.
        if len(text) < self._room_ahead and self._looks_at.search(text) is None:
            self._ahead += text
            self._room_ahead -= len(text)
            return [FilteredText(part="code", text=text)] if text else []
        return self.feed_stages(text)

    def feed_stages(self, text: str) -> list[FilteredText]:
        """Read the next chunk, as `feed` does, through every stage whatever is in it."""
        if self._has_ended:
            return self._nothing_more()
        ahead, self._ahead = self._ahead, ""
        text = self._content_lines.feed(ahead + text)
        text = self._end_tokens.feed(self._quotation.feed(self._marks.feed(text)))
        end = self._content_loop.feed(text)
        if end is None:
            self._run(text)
        else:
            self._run(text[:end])
            self._end_loop()
        self._look_ahead()
        if ahead:
            part, text = self._pieces[0]
            self._pieces[:1] = [(part, text[len(ahead) :])] if len(text) > len(ahead) else []
        return self._collected()

    def _look_ahead(self) -> None:
        """See whether what comes next can be given out at once."""
        self.is_over = self._has_ended or self._marks.is_over
        self.may_be_over = self._stage.may_be_over
        passes_line = not (
            self.is_over or self._marks.held or self._quotation.held or self._end_tokens.held
        ) and (self._has_code and self._stage.passes_line and self._code.passes_line)
        passes_line = passes_line and self._correction is None
        self._room_ahead = self._content_loop.room if passes_line else 0

    def feed_reasoning(self, text: str) -> list[FilteredText]:
        """Read the next chunk of what the provider itself marks as reasoning.

        Raises:
            RuntimeError: The response was finished already.
        """
        if self._ahead:
            self.feed_stages("")
        if self._has_ended:
            return self._nothing_more()
        text = self._reasoning_lines.feed(text)
        end = self._reasoning_loop.feed(text)
        self._give("reasoning", text if end is None else text[:end])
        if end is not None:
            self._end_loop()
        return self._collected()

    def finish(self) -> list[FilteredText]:
        """Return what was held back; a second time there is nothing left."""
        if self._finished:
            return []
        self.feed_stages("")
        self._finished = True
        text = self._quotation.feed(self._marks.finish()) + self._quotation.finish()
        text = self._end_tokens.feed(text)
        end, tokens = self._end_tokens.finish()
        self._run(text + end)
        if not self._has_ended:
            self._tally.drop("end token", tokens)
        # The last stage may hand over what it held back to another one, which has to finish, too:
        # "Sure" without a line end is Opening's until now, and then BareCode's or LeadIn's.
        following: FilterStage | None = self._stage
        while following is not None and not self._has_ended:
            step = self._stage.finish()
            self._apply(step)
            following = step.following
        self._put("code", self._code.finish())
        self._end_correction()
        self._look_ahead()
        self._room_ahead = 0
        self._has_ended = True
        return self._collected()

    def _nothing_more(self) -> list[FilteredText]:
        if self._finished:
            raise RuntimeError("The filter is finished: make a new one for each response.")
        return []

    def _end_loop(self) -> None:
        if not self._has_ended:
            self.is_loop = self.is_over = self._has_ended = True
            self._room_ahead = 0

    def _run(self, text: str) -> None:
        if text.find("\n", 0, -1) < 0:  # within one line, as most chunks are
            if text and not self._has_ended:
                self._apply(self._stage.feed(text))
            return
        for segment in segments(text):
            if self._has_ended:
                return
            self._apply(self._stage.feed(segment))

    def _apply(self, step: FilterStep) -> None:
        for piece in step.pieces:
            if isinstance(piece, FilteredText):
                self._give(piece.part, piece.text)
            else:
                self._tally.drop(piece.rule, piece.text)
        if step.is_end:
            self._has_ended = True
            return
        if step.following is not None:
            self._stage = step.following
            if step.corrects is not None:
                self._end_correction()
                self._corrects, self._correction = step.corrects, []
            if step.is_diff:
                self._code.expect_diff()
            self._run(step.rest)

    def _end_correction(self) -> None:
        #     "def f(): …", "def g(): …"    the code; then "I made a mistake:"
        #     "def f(): …", "def g(): …"    takes its place
        #     "def f(): …"                  would lose g: is explained, and a warning says so
        text, self._correction = "".join(self._correction or ()), None
        if self._corrects is None or not text.strip():
            return
        if not self._corrects(text):
            self._corrects_a_part = True
            self._give("explanation", text)
            return
        self._tally.refusal = None
        self._tally.drop("corrected", self._corrected or "")
        path = CodePath(self._target, self._tally)
        self._corrected = "".join(map(path.feed, segments(text))) + path.finish()
        self._has_code = bool(self._corrected)

    def _give(self, part: Part, text: str) -> None:
        if part == "code" and self._correction is not None:
            self._correction.append(text)
        elif part == "code":
            # Explanation before and behind the code is two paragraphs: "Here is it:", "Done."
            self._explanation.end_section()
            if text.find("\n", 0, -1) < 0:
                self._put("code", self._code.feed(text))
                return
            for segment in segments(text):
                self._put("code", self._code.feed(segment))
        elif part == "explanation":
            self._put(part, self._explanation.feed(text))
        else:
            self._put(part, self._reasoning.feed(text))

    def _put(self, part: Part, text: str) -> None:
        if not text:
            return
        self._pieces.append((part, text))
        if part == "code":
            if not self._has_code:
                self._has_code = not text.isspace()
        else:
            self._has_text = True

    def _collected(self) -> list[FilteredText]:
        """Return what has come together, neighbours of one part joined."""
        collected, self._pieces = self._pieces, []
        if len(collected) <= 1:
            return [FilteredText(part=part, text=text) for part, text in collected]
        runs = itertools.groupby(collected, key=lambda piece: piece[0])
        return [
            FilteredText(part=part, text="".join(text for _, text in run)) for part, run in runs
        ]


def extract(text: str, target: CodeTarget = _ANYWHERE) -> Extraction:
    """Take a whole response apart."""
    machine = OutputFilter(target)
    pieces = [*machine.feed(text), *machine.finish()]
    parts: dict[Part, str] = {"code": "", "explanation": "", "reasoning": ""}
    for piece in pieces:
        parts[piece.part] += piece.text
    code, dropped = machine.settled(parts["code"])
    parts["code"] = code
    return Extraction(**parts, dropped=dropped, added=machine.added, problem=machine.problem)
