"""Draws what a terminal showed as an animated SVG: text stays text, and no program is needed."""

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

CHARACTER_WIDTH, LINE_HEIGHT, FONT_SIZE, MARGIN = 8.4, 18, 14, 12
FOREGROUND, BACKGROUND, CURSOR = "#e0e2ea", "#14161b", "#9b9ea4"
_ESCAPE = re.compile(r"\x1b\[([\d;]*)m")
_BASIC = ("#000000", "#ffc0b9", "#b3f6c0", "#fce094", "#a6dbff", "#ffcaff", "#8cf8f7", "#eef1f8")
_CUBE_STEPS = (0, 95, 135, 175, 215, 255)


@dataclass(frozen=True, slots=True)
class Frame:
    """What the terminal showed from a time on."""

    begin_s: float
    screen: str
    """With its escape sequences, one line a row."""
    cursor: tuple[int, int]
    """Column and row."""


@dataclass(frozen=True, slots=True)
class _Style:
    foreground: str | None = None
    background: str | None = None
    bold: bool = False
    italic: bool = False
    reverse: bool = False


def animated_svg(frames: Sequence[Frame], *, columns: int, rows: int, end_s: float) -> str:
    """Return an SVG that plays the frames and begins again after `end_s` seconds."""
    width, height = columns * CHARACTER_WIDTH + 2 * MARGIN, rows * LINE_HEIGHT + 2 * MARGIN
    symbols: dict[str, str] = {}
    groups = [_group(frame, index, width, symbols) for index, frame in enumerate(frames)]
    steps = "".join(
        f"{100 * frame.begin_s / end_s:.3f}%{{transform:translateX({-index * width:.1f}px)}}"
        for index, frame in enumerate(frames)
    )
    definitions = "".join(f'<g id="{name}">{row}</g>' for row, name in symbols.items())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" font-size="{FONT_SIZE}" '
        'font-family="ui-monospace,Menlo,Consolas,DejaVu Sans Mono,monospace">'
        f"<style>text{{white-space:pre}}@keyframes play{{{steps}}}"
        f"#frames{{animation:play {end_s:g}s steps(1,end) infinite}}</style>"
        f"<defs>{definitions}</defs>"
        f'<rect width="100%" height="100%" rx="6" fill="{BACKGROUND}"/>'
        f'<g id="frames">{"".join(groups)}</g></svg>\n'
    )


def _group(frame: Frame, index: int, width: float, symbols: dict[str, str]) -> str:
    column, row = frame.cursor
    parts = [
        (
            f'<rect x="{column * CHARACTER_WIDTH:g}" y="{row * LINE_HEIGHT}" '
            f'width="{CHARACTER_WIDTH}" height="{LINE_HEIGHT}" fill="{CURSOR}"/>'
        )
    ]
    style = _Style()
    for number, line in enumerate(frame.screen.split("\n")):
        runs = list(_runs(line, style))
        style = runs[-1][0]
        drawn = _row(runs)
        if drawn:
            name = symbols.setdefault(drawn, f"r{len(symbols)}")
            parts.append(f'<use href="#{name}" y="{number * LINE_HEIGHT}"/>')
    return f'<g transform="translate({index * width + MARGIN:.1f},{MARGIN})">{"".join(parts)}</g>'


def _row(runs: Iterable[tuple[_Style, str]]) -> str:
    """Return the shapes of one row, backgrounds below texts."""
    shapes, texts, column = [], [], 0
    for style, text in runs:
        foreground, background = style.foreground or FOREGROUND, style.background
        if style.reverse:
            foreground, background = background or BACKGROUND, foreground
        x, length = column * CHARACTER_WIDTH, len(text) * CHARACTER_WIDTH
        if background:
            shapes.append(
                f'<rect x="{x:.1f}" width="{length:.1f}" height="{LINE_HEIGHT}" '
                f'fill="{background}"/>'
            )
        if text.strip():
            texts.append(
                f'<text x="{x:.1f}" y="{FONT_SIZE}" textLength="{length:.1f}" '
                f'fill="{foreground}"{_font(style)}>{html.escape(text)}</text>'
            )
        column += len(text)
    return "".join([*shapes, *texts])


def _font(style: _Style) -> str:
    bold = ' font-weight="bold"' if style.bold else ""
    return bold + (' font-style="italic"' if style.italic else "")


def _runs(line: str, style: _Style) -> Iterator[tuple[_Style, str]]:
    """Yield texts and their styles, the last one perhaps empty; a style goes on to the next row."""
    position = 0
    for escape in _ESCAPE.finditer(line):
        if escape.start() > position:
            yield style, line[position : escape.start()]
        style = _styled(style, [int(code or 0) for code in escape[1].split(";")])
        position = escape.end()
    yield style, line[position:]


def _styled(style: _Style, codes: list[int]) -> _Style:
    """Return the style after an escape sequence (ECMA-48, SGR)."""
    while codes:
        code = codes.pop(0)
        match code:
            case 0:
                style = _Style()
            case 1 | 22:
                style = replace(style, bold=code == 1)
            case 3 | 23:
                style = replace(style, italic=code == 3)  # noqa: PLR2004 - the code itself
            case 7 | 27:
                style = replace(style, reverse=code == 7)  # noqa: PLR2004 - the code itself
            case 38 | 39:
                style = replace(style, foreground=_colour(codes) if code == 38 else None)  # noqa: PLR2004
            case 48 | 49:
                style = replace(style, background=_colour(codes) if code == 48 else None)  # noqa: PLR2004
            case _ if code % 10 < len(_BASIC) and code // 10 in {3, 9}:
                style = replace(style, foreground=_BASIC[code % 10])
            case _ if code % 10 < len(_BASIC) and code // 10 in {4, 10}:
                style = replace(style, background=_BASIC[code % 10])
    return style


def _colour(codes: list[int]) -> str:
    """Take the rest of an extended colour: `2;r;g;b` or `5;n`."""
    if codes.pop(0) == 2:  # noqa: PLR2004 - the code itself
        return "#{:02x}{:02x}{:02x}".format(*(codes.pop(0) for _ in range(3)))
    return _of_palette(codes.pop(0))


def _of_palette(number: int) -> str:
    if number < 16:  # noqa: PLR2004 - the first two rows
        return _BASIC[number % 8]
    if number >= 232:  # noqa: PLR2004 - the greys
        return "#" + f"{8 + 10 * (number - 232):02x}" * 3
    number -= 16
    steps = (_CUBE_STEPS[number // 36], _CUBE_STEPS[number // 6 % 6], _CUBE_STEPS[number % 6])
    return "#{:02x}{:02x}{:02x}".format(*steps)
