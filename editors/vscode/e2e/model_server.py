"""A scripted model on this machine: prints its base URL, then serves until its input ends.

Each line of its input releases what `[held]` holds back: the rest then comes quickly.

What a prompt's words choose:

- `[slow]`, `[fast]`: how quickly the pieces come.
- `[late]`: the first piece comes after two seconds.
- `[busy]`: the first such request is refused, to be repeated after three seconds.
- `[cost=N]`: what the endpoint says it cost, in US dollars.
- `[held]`: the last line comes only once it is released.
- `[lines=N]`: how many lines of code come.
- `[javascript]`: the block of code says that it is JavaScript instead of Python.
- `[name=X]`: what the names in the code begin with.
- a circle and a rectangle: a program that is good to look at, for pictures.

What is asked for at a cursor (`/infill`) is chosen by the cursor's line: see `GHOSTS`.

Each prompt is also appended to the file that is named on the command line, as a line of JSON.
"""

import asyncio
import json
import re
import sys
from pathlib import Path

from streaming_code_generator.testing.openai_replies import (
    DONE,
    Hold,
    Reply,
    chunk,
    finish,
    usage,
)
from streaming_code_generator.testing.openai_replies import event as event_of
from streaming_code_generator.testing.openai_server import OpenAIServer, RecordedRequest

PAUSES_S = {"[slow]": 0.12, "[fast]": 0.01}
NORMAL_PAUSE_S = 0.04
LATE_S = 2.0


DEMO = '''\
@dataclass(frozen=True)
class Circle:
    """A circle, by its radius."""

    radius: float

    def area(self) -> float:
        return math.pi * self.radius**2


@dataclass(frozen=True)
class Rectangle:
    """A rectangle, by its sides."""

    width: float
    height: float

    def area(self) -> float:
        return self.width * self.height
'''


GHOSTS = {
    "total = ": "sum(values, start=0)\n",
    "    def area(self": ") -> float:\n        return self.width * self.height\n",
}
"""What comes behind the beginning of a line."""


def infill(line: str) -> Reply:
    """Answer a request for what comes behind a cursor's line."""
    matching = (begun for begun in GHOSTS if line.endswith(begun))
    text = GHOSTS.get(next(matching, ""), "")
    return Reply(
        steps=(
            event_of({"content": text, "stop": False}),
            event_of({"content": "", "stop": True, "stop_type": "eos"}),
        )
    )


def code_for(prompt: str) -> str:
    """Return the code that a prompt asks for; its instruction is told by its marks."""
    if "circle and a rectangle" in prompt:
        return DEMO
    name = re.search(r"\[name=(\w+)\]", prompt)
    lines = re.search(r"\[lines=(\d+)\]", prompt)
    stem = name[1] if name else "value"
    body = [f"{stem}_{number} = {number}" for number in range(1, int(lines[1] if lines else 6) + 1)]
    return "\n".join(body) + "\n"


def pieces_of(code: str) -> list[str]:
    """Split as a tokenizer would: words with the space before them, and line ends."""
    return re.findall(r"\n| *[^ \n]+| +", code)


def usage_of(prompt: str, completion_tokens: int) -> bytes:
    """Return the report of tokens, and of what they cost where the prompt says so."""
    cost = re.search(r"\[cost=([\d.]+)\]", prompt)
    if not cost:
        return usage(27, completion_tokens)
    counts = {"prompt_tokens": 27, "completion_tokens": completion_tokens, "cost": float(cost[1])}
    return event_of({"choices": [], "usage": {**counts, "total_tokens": 27 + completion_tokens}})


class Script:
    """Answers each request by its prompt, with pauses that are timers of this loop."""

    def __init__(self, prompts: Path) -> None:
        self._prompts = prompts
        self._held: list[list[asyncio.Event]] = []
        self._refused: set[str] = set()

    def release(self) -> None:
        """Let all that is held back come quickly, and what would come before it."""
        loop = asyncio.get_running_loop()
        for events in self._held:
            left = (event for event in events if not event.is_set())
            for number, event in enumerate(left):
                loop.call_later(number * PAUSES_S["[fast]"], event.set)
        self._held.clear()

    def reply_to(self, request: RecordedRequest) -> Reply:
        """Return the reply and start its clock."""
        with self._prompts.open("a", encoding="utf-8") as file:
            told = {
                "prompt": request.prompt,
                "authorization": request.headers.get("authorization"),
                "model": request.body.get("model"),
                "system": request.body.get("messages", [{"content": None}])[0]["content"],
            }
            file.write(json.dumps(told) + "\n")
        if request.path == "/infill":
            return infill(request.prompt)
        if "[busy]" in request.prompt and request.prompt not in self._refused:
            self._refused.add(request.prompt)
            return Reply.error(503, "busy", headers={"Retry-After": "3"})
        pieces = pieces_of(code_for(request.prompt))
        pause_s = next(
            (s for mark, s in PAUSES_S.items() if mark in request.prompt), NORMAL_PAUSE_S
        )
        late_s = LATE_S if "[late]" in request.prompt else 0.0
        events = [asyncio.Event() for _ in pieces]
        is_held = "[held]" in request.prompt
        fence = "javascript" if "[javascript]" in request.prompt else "python"
        last_line = len(pieces_of(code_for(request.prompt).splitlines()[-1] + "\n"))
        if is_held:
            self._held.append(events)
        loop = asyncio.get_running_loop()
        for number, event in enumerate(events[: -last_line if is_held else None], start=1):
            loop.call_later(late_s + number * pause_s, event.set)
        steps = [
            step
            for event, piece in zip(events, pieces, strict=True)
            for step in (Hold(event), chunk(piece))
        ]
        return Reply(
            steps=(
                chunk(role="assistant", content=f"```{fence}\n"),
                *steps,
                chunk("```\n"),
                finish(),
                usage_of(request.prompt, len(pieces)),
                DONE,
            )
        )


async def main() -> None:
    """Serve until standard input ends."""
    script = Script(Path(sys.argv[1]))
    async with OpenAIServer(reply_to=script.reply_to) as server:
        sys.stdout.write(server.base_url + "\n")
        sys.stdout.flush()
        while await asyncio.to_thread(sys.stdin.readline):
            script.release()


if __name__ == "__main__":
    asyncio.run(main())
