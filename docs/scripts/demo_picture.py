"""Draws `docs/images/demo.svg`: a real run of the demo as an animated picture.

python docs/scripts/demo_picture.py
"""

import asyncio
import io
import re
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, Group
from rich.panel import Panel
from rich.syntax import Syntax
from rich.text import Text

from streaming_code_generator.cli.demo import show_demo

PICTURE = Path(__file__).parents[1] / "images" / "demo.svg"
COLUMNS, ROWS = 92, 20
FRAMES_PER_SECOND = 8
REST_S = 4.0
"""How long the finished document stands before the picture begins again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What the screen showed from a moment on."""

    at_s: float
    text: str
    progress: str


class Recorder:
    """A screen that remembers what it was shown."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self._start_s = time.monotonic()
        self._text = self._progress = ""

    def say(self, line: str) -> None:
        """Take a step as the first thing to be shown."""
        self._progress = line
        self._add()

    def show_text(self, text: str) -> None:
        """Take the document."""
        self._text = text
        self._add()

    def show_progress(self, message: str) -> None:
        """Take the progress message."""
        self._progress = message
        self._add()

    def finish(self, text: str, report: Sequence[str], provider: str) -> None:  # noqa: ARG002
        """Take the end."""
        self._text, self._progress = text, report[-1]
        self._add()

    def _add(self) -> None:
        at_s = time.monotonic() - self._start_s
        if len(self.frames) > 1 and at_s - self.frames[-2].at_s < 1 / FRAMES_PER_SECOND:
            self.frames.pop()
        self.frames.append(Frame(at_s=at_s, text=self._text, progress=self._progress))


def drawn(frame: Frame, number: int) -> str:
    """Return a frame as an SVG of its own."""
    console = Console(width=COLUMNS, record=True, file=io.StringIO(), force_terminal=True)
    code = Syntax(frame.text, "python", background_color="default")
    panel = Panel(code, title="numbers.py", title_align="left", border_style="cyan", height=ROWS)
    progress = Text(frame.progress, style="cyan", no_wrap=True, overflow="ellipsis")
    console.print(Group(panel, progress))
    svg = console.export_svg(title="streaming-code-generator demo", unique_id=f"f{number}")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    # Each line is clipped to the height it has in rich's own font; in others underscores go lost.
    return re.sub(r' clip-path="url\(#f\d+-line-\d+\)"', "", svg)


def animated(frames: Sequence[Frame]) -> str:
    """Return all frames as one SVG, each visible for its own time."""
    total_s = frames[-1].at_s + REST_S
    pictures = [drawn(frame, number) for number, frame in enumerate(frames)]
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', pictures[0])
    if box is None:
        raise ValueError("rich draws its pictures in another way now")
    parts = []
    for number, (frame, picture) in enumerate(zip(frames, pictures, strict=True)):
        until_s = frames[number + 1].at_s if number + 1 < len(frames) else total_s
        begin, end = frame.at_s / total_s * 100, until_s / total_s * 100
        keyframes = (
            f"@keyframes k{number}{{0%{{visibility:hidden}}{begin:.2f}%{{visibility:visible}}"
            f"{end:.2f}%{{visibility:hidden}}}}"
        )
        style = f"visibility:hidden;animation:k{number} {total_s:.2f}s step-end infinite"
        parts.append(f'<style>{keyframes}</style><g style="{style}">{picture}</g>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {box[1]} {box[2]}">'
        + "".join(parts)
        + "</svg>\n"
    )


def main() -> None:
    """Run the demo and draw it."""
    recorder = Recorder()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(show_demo(Path(folder).resolve(), None, recorder))
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(animated(recorder.frames), encoding="utf-8")


if __name__ == "__main__":
    main()
