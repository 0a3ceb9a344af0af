"""What may stand in front of the answer: reasoning between tags, and a tag around all of it."""

import re
from functools import partial

from streaming_code_generator.core.extract.parts import (
    CodeTarget,
    Dropped,
    FilteredText,
    FilterStep,
)
from streaming_code_generator.core.extract.response_lines import BLANK, LINE_LIMIT
from streaming_code_generator.core.extract.stages.opening import CLOSING_TAG, Opening
from streaming_code_generator.core.extract.stages.wrappers import may_become_wrapper, wrapper_of

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


_BLANK_LINES = re.compile(rf"\A(?:[ \t]{{0,{LINE_LIMIT}}}\n)+")


class BeforeAnswer:
    """The first non-blank characters of the response, which may be an opening tag."""

    may_be_over = False

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
        for tag in (*THINKING, FINAL_CHANNEL) if self._may_think else ():
            if word.startswith(tag):
                return self._behind(tag, word.removeprefix(tag))
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
        answer = Opening(
            self._target,
            begin_anew=partial(BeforeAnswer, self._target, closing=self._closing),
            may_end_reasoning=self._may_think,
            closing=self._closing,
        )
        return FilterStep(following=answer, rest=self._held)

    def _behind(self, tag: str, rest: str) -> FilterStep:
        closing = THINKING.get(tag)
        following = (
            BeforeAnswer(self._target, may_think=False, closing=self._closing)
            if closing is None
            else Reasoning(self._target, closing)
        )
        return FilterStep(pieces=[Dropped("think tag", tag)], following=following, rest=rest)


class Reasoning:
    """Between the tags."""

    may_be_over = False

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
                pieces=[*_reasoning(text), Dropped("think tag", tag)],
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
        return FilterStep(pieces=_reasoning(text[:kept]))

    def finish(self) -> FilterStep:
        """Pass on the beginning of a tag that never came."""
        text, self._held = self._held, ""
        return FilterStep(pieces=_reasoning(text))


def _reasoning(text: str) -> list[FilteredText | Dropped]:
    return [FilteredText(part="reasoning", text=text)] if text else []
