"""The output filter: runs a response through the stages and collects their output."""

import itertools

from streaming_code_generator.core.extract.layout import Layout
from streaming_code_generator.core.extract.opening import LEAD_LIMIT, BeforeAnswer
from streaming_code_generator.core.extract.overlap import OVERLAP_LIMIT
from streaming_code_generator.core.extract.parts import (
    CodeTarget,
    Extraction,
    FilteredText,
    FilterStage,
    FilterStep,
    Part,
)
from streaming_code_generator.core.extract.response_lines import (
    BLANK,
    LINE_LIMIT,
    LineEndings,
    segments,
)

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


HELD_BACK_LIMIT = max(LEAD_LIMIT, 2 * LINE_LIMIT) + 2 * OVERLAP_LIMIT + 2 * TRIM_LIMIT
"""Most characters the filter keeps to itself at any moment, in the worst case: an answer without a
fence whose first line reads like prose. Of code it is a line at most, and mostly a few characters.
"""

_ANYWHERE = CodeTarget()


class OutputFilter:
    r"""Takes a response apart while it arrives: code, explanation and reasoning.

    Each of the three streams is the same for every way to cut the response into chunks. Explanation
    and reasoning come trimmed, with `\n` for line endings; code comes as it is to be inserted.
    """

    def __init__(self, target: CodeTarget = _ANYWHERE) -> None:
        # The stages of a response, each of which hands over to one that may follow it:
        #
        #     BeforeAnswer --"<think>"--> Reasoning --"</think>"--.
        #          |                                              v
        #          '----------------------------------------> Opening
        #     Opening --a fence--> FencedCode --its end--> Remainder
        #     Opening --code-----> BareCode --a stray fence, then prose--> Remainder
        #     Opening --prose, if explanation was asked for--> LeadIn --a fence--> FencedCode
        #
        # "Here is it:", a fence, "def f():", a fence, "Done." runs through Opening, FencedCode and
        # Remainder; in the document stands "def f():" and nothing else.
        self._stage: FilterStage = BeforeAnswer(bare_code=target.bare_code)
        self._layout = Layout(target)
        self._explanation = Trimmed()
        self._reasoning = Trimmed()
        self._content_lines = LineEndings()
        self._reasoning_lines = LineEndings()
        self._pieces: list[tuple[Part, str]] = []
        self._finished = False

    @property
    def held_back(self) -> int:
        """Characters read that may still be given out; at most `HELD_BACK_LIMIT`."""
        holders = (self._stage, self._layout, self._explanation, self._reasoning)
        return sum(holder.held_back for holder in holders)

    def feed(self, text: str) -> list[FilteredText]:
        """Read the next chunk of the answer.

        Raises:
            RuntimeError: The response was finished already.
        """
        self._refuse_when_finished()
        self._run(self._content_lines.feed(text))
        return self._collected()

    def feed_reasoning(self, text: str) -> list[FilteredText]:
        """Read the next chunk of what the provider itself marks as reasoning.

        Raises:
            RuntimeError: The response was finished already.
        """
        self._refuse_when_finished()
        self._give("reasoning", self._reasoning_lines.feed(text))
        return self._collected()

    def finish(self) -> list[FilteredText]:
        """Return what was held back; a second time there is nothing left."""
        if self._finished:
            return []
        self._finished = True
        # The last stage may hand over what it held back to another one, which has to finish, too:
        # "Sure" without a line end is Opening's until now, and then BareCode's or LeadIn's.
        following: FilterStage | None = self._stage
        while following is not None:
            step = self._stage.finish()
            self._apply(step)
            following = step.following
        self._put("code", self._layout.finish())
        return self._collected()

    def _refuse_when_finished(self) -> None:
        if self._finished:
            raise RuntimeError("The filter is finished: make a new one for each response.")

    def _run(self, text: str) -> None:
        for segment in segments(text):
            self._apply(self._stage.feed(segment))

    def _apply(self, step: FilterStep) -> None:
        for piece in step.pieces:
            self._give(piece.part, piece.text)
        if step.following is not None:
            self._stage = step.following
            self._run(step.rest)

    def _give(self, part: Part, text: str) -> None:
        if part == "code":
            # Explanation before and behind the code is two paragraphs: "Here is it:", "Done."
            self._explanation.end_section()
            for segment in segments(text):
                self._put("code", self._layout.feed(segment))
        elif part == "explanation":
            self._put(part, self._explanation.feed(text))
        else:
            self._put(part, self._reasoning.feed(text))

    def _put(self, part: Part, text: str) -> None:
        if text:
            self._pieces.append((part, text))

    def _collected(self) -> list[FilteredText]:
        """Return what has come together, neighbours of one part joined."""
        collected, self._pieces = self._pieces, []
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
    return Extraction(**parts)
