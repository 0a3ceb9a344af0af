"""Bars of medians, with lines from the least to the most, as SVG."""

import statistics
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

WIDTH, NAMES_WIDTH, VALUES_WIDTH, ROW, HEAD = 860, 400, 70, 26, 34
BAR = 'stroke="#4c78a8" stroke-width="18"'


def plot(title: str, figures: Mapping[str, Sequence[float]]) -> str:
    """Return a plot of figures that have one unit; the title names it."""
    most = max(max(values) for values in figures.values())
    scale = (WIDTH - NAMES_WIDTH - VALUES_WIDTH) / most
    parts = [f'<text x="8" y="22" font-weight="bold">{escape(title)}</text>']
    for row, (name, values) in enumerate(figures.items()):
        top = HEAD + row * ROW
        median, middle = statistics.median(values), top + ROW / 2
        left, right = (NAMES_WIDTH + value * scale for value in (min(values), max(values)))
        parts += [
            f'<text x="{NAMES_WIDTH - 8}" y="{middle + 4}" text-anchor="end">{escape(name)}</text>',
            f'<path d="M{NAMES_WIDTH} {middle}h{median * scale:.1f}" {BAR}/>',
            f'<path d="M{left:.1f} {middle}H{right:.1f}" stroke="#e45756" stroke-width="3"/>',
            f'<text x="{right + 8:.1f}" y="{middle + 4}">{median:,.1f}</text>',
        ]
    height = HEAD + len(figures) * ROW + 8
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="13">'
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>{"".join(parts)}</svg>\n'
    )
