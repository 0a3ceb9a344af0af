"""Token counts of a generation: the provider's own first, else counted here."""

import asyncio
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

from streaming_code_generator.core.messages import Delta, Message, Usage
from streaming_code_generator.core.results import TokenSource
from streaming_code_generator.core.tokens_encodings import CountTokens, encoding_of, load_counter

logger = logging.getLogger(__name__)

_SETTLED = re.compile(r".*[A-Za-z0-9](?=[\x00-&(-/:-@\[-`{-\x7f])", re.DOTALL)
"""Everything before the last place where no later text can join two tokens.

An ASCII letter or digit ends its piece when an ASCII character follows that is neither one itself
nor an apostrophe (`don't` is split before the apostrophe). Source: the patterns of o200k_base and
cl100k_base, by which text is cut before its bytes are merged; merges never cross those cuts.
"""

LONG_TAIL = 2_000
"""Characters without such a place after which the tail is counted at growing intervals only."""


class LiveTokenCount:
    """Counts a whole text's tokens while it arrives in any pieces.

    Only the tail since the last settled place is counted again. In a tail longer than `LONG_TAIL`
    (base64, say) the newest eighth is estimated until more has come, so that the cost of a piece
    stays bounded; `exact` settles that.
    """

    def __init__(self, count: CountTokens) -> None:
        self._count = count
        self._settled_tokens = 0
        self._tail = ""
        self._tail_tokens = 0
        self._counted_chars = 0

    @property
    def tokens(self) -> int:
        """Tokens of everything fed so far."""
        unseen_chars = len(self._tail) - self._counted_chars
        counted = self._settled_tokens + self._tail_tokens
        return counted + estimated_tokens(unseen_chars) if unseen_chars else counted

    def feed(self, text: str) -> None:
        """Add a piece."""
        # Fed "retur", "n a" and " +", the whole is never counted again:
        #
        #     "retur"       no settled place: counted as the tail
        #     "return a"    settled up to "return", as a blank follows a letter; the tail is " a"
        #     " a +"        settled up to " a"; the tail is " +"
        searched_from = max(len(self._tail) - 1, 0)
        self._tail += text
        settled = _SETTLED.match(self._tail, searched_from)
        if settled is not None:
            self._settled_tokens += self._count(self._tail[: settled.end()])
            self._tail = self._tail[settled.end() :]
        elif len(self._tail) > LONG_TAIL and len(self._tail) < self._counted_chars * 9 // 8:
            return
        self._count_tail()

    def exact(self) -> int:
        """Return the exact count, whatever the tail's length."""
        self._count_tail()
        return self.tokens

    def _count_tail(self) -> None:
        self._tail_tokens = self._count(self._tail)
        self._counted_chars = len(self._tail)


CHARS_PER_TOKEN = 4
"""Rule of thumb for English and code where no tokenizer is at hand."""


def estimated_tokens(chars: int) -> int:
    """Return a rough count for so many characters, rounded up."""
    return -(-chars // CHARS_PER_TOKEN)


TOKENS_PER_MESSAGE = 4
"""A message's frame and role. Source: the OpenAI cookbook's `num_tokens_from_messages`."""

TOKENS_TO_BEGIN_ANSWER = 3
"""What the answer is begun with. Source: the same."""

FINAL_COUNT_WAIT_S = 2.0
"""Longest wait for the tokenizer at the end of a generation that was faster than its loading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalCount:
    """What is needed to count a generation's tokens without the provider."""

    prompt_tokens: int
    count: CountTokens | None
    """None where no tokenizer could be loaded: then characters are divided by four."""
    source: TokenSource
    """`tiktoken` when the model's own encoding is known, else `estimate`."""


class Tokenizers:
    """Loads tokenizers off the event loop, once; any number of generations use them."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tokenizer")

    async def warm_up(self, model: str) -> None:
        """Load what counting for `model` needs. Never fails; cancelling leaves it to finish."""
        await self.prepare(model, ())

    def prepare(self, model: str, messages: tuple[Message, ...]) -> asyncio.Future[LocalCount]:
        """Begin to load `model`'s tokenizer and to count the prompt with it, in a thread."""
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._executor, _count_prompt, model, messages)

    def close(self) -> None:
        """Let the thread end."""
        self._executor.shutdown(wait=False)


def _count_prompt(model: str, messages: tuple[Message, ...]) -> LocalCount:
    try:
        name, is_models_own = encoding_of(model)
        count = load_counter(name)
        contents = sum(count(message.content) for message in messages)
    except Exception:  # counting must never fail a generation
        logger.warning("No tokenizer: tokens are estimated from characters.", exc_info=True)
        return LocalCount(
            prompt_tokens=estimated_prompt_tokens(messages), count=None, source="estimate"
        )
    return LocalCount(
        prompt_tokens=contents + _framing(messages),
        count=count,
        source="tiktoken" if is_models_own else "estimate",
    )


def estimated_prompt_tokens(messages: tuple[Message, ...]) -> int:
    """Return a rough count of a prompt's tokens, from its characters."""
    contents = sum(estimated_tokens(len(message.content)) for message in messages)
    return contents + _framing(messages)


def _framing(messages: tuple[Message, ...]) -> int:
    return TOKENS_PER_MESSAGE * len(messages) + TOKENS_TO_BEGIN_ANSWER


class TokenFigures(NamedTuple):
    """A generation's tokens at one moment."""

    prompt: int
    completion: int
    """Of the response so far, reasoning included."""
    total: int
    """Prompt and completion, or what the provider calls its total."""
    source: TokenSource
    """Who counted the completion."""


class TokenAccount:
    """The tokens of one generation, as well as they are known at any moment.

    A usage report of zeros says nothing. One that is older than the newest text still holds for
    the prompt, but only as a lower bound for the completion.
    """

    def __init__(self, local: asyncio.Future[LocalCount], messages: tuple[Message, ...]) -> None:
        self._local = local
        self._source: TokenSource = "estimate"
        self._local_prompt_tokens = estimated_prompt_tokens(messages)
        self._counts: tuple[LiveTokenCount, LiveTokenCount] | None = None
        self._waiting: list[Delta] = []
        self._waiting_chars = 0
        self._usage: Usage | None = None
        self._usage_is_newest = False

    def add(self, delta: Delta) -> None:
        """Take one chunk's text and usage into account."""
        if not delta.is_empty:
            self._usage_is_newest = False
            if self._counts is None:
                self._take_over_local_count()
            if self._counts is None:
                self._waiting.append(delta)
                self._waiting_chars += len(delta.text) + len(delta.reasoning)
            else:
                self._feed(delta, self._counts)
        # Some servers send usage with every chunk, counted before that chunk's text, or as zeros
        # until the end; the newest usage stands until text comes that it cannot know of.
        usage = delta.usage
        if usage is not None and (usage.completion_tokens or usage.prompt_tokens):
            self._usage = usage
            self._usage_is_newest = usage.completion_tokens > 0 or not self._local_completion

    def figures(self) -> TokenFigures:
        """Return the counts as they are now."""
        usage, prompt, completion = self._usage, self._local_prompt_tokens, self._local_completion
        if usage is None:
            return TokenFigures(prompt, completion, prompt + completion, self._source)
        prompt = usage.prompt_tokens or prompt
        if self._usage_is_newest:
            completion = usage.completion_tokens
            total = usage.total_tokens or prompt + completion
            return TokenFigures(prompt, completion, total, "provider")
        completion = max(usage.completion_tokens, completion)
        return TokenFigures(prompt, completion, prompt + completion, self._source)

    @property
    def usage(self) -> Usage | None:
        """What the provider reported last, if anything."""
        return self._usage

    async def settle(self) -> None:
        """Make the count final: waits for a tokenizer that is still needed, but not for long."""
        if self._usage_is_newest:
            return
        # A response of a few tokens may be complete before the tokenizer is loaded.
        await asyncio.wait({self._local}, timeout=FINAL_COUNT_WAIT_S)
        self._take_over_local_count()
        for count in self._counts or ():
            count.exact()

    def close(self) -> None:
        """Give up waiting for the tokenizer, if that is still so."""
        self._local.cancel()

    @property
    def _local_completion(self) -> int:
        if self._counts is None:
            return estimated_tokens(self._waiting_chars)
        content, reasoning = self._counts
        return content.tokens + reasoning.tokens

    def _take_over_local_count(self) -> None:
        if self._counts is not None or not self._local.done() or self._local.cancelled():
            return
        local = self._local.result()
        self._local_prompt_tokens, self._source = local.prompt_tokens, local.source
        if local.count is None:
            return
        self._counts = (LiveTokenCount(local.count), LiveTokenCount(local.count))
        for delta in self._waiting:
            self._feed(delta, self._counts)
        self._waiting, self._waiting_chars = [], 0

    def _feed(self, delta: Delta, counts: tuple[LiveTokenCount, LiveTokenCount]) -> None:
        content, reasoning = counts
        if delta.text:
            content.feed(delta.text)
        if delta.reasoning:
            reasoning.feed(delta.reasoning)
