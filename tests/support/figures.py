"""What every figure must be: words that do not run into each other, into panels or off the page."""

from __future__ import annotations

import itertools

from strokebot.plots.figure import Figure
from strokebot.plots.paint import PRINT_DPI, edges, texts


def assert_nothing_overlaps(figure: Figure) -> None:
    """Compares all texts with each other, with the panels and with the page."""
    placed = texts(figure)
    width, height = figure.width * PRINT_DPI, figure.height * PRINT_DPI
    for text in placed:
        left, top, right, bottom = text.box
        assert min(left, top, width - right, height - bottom) >= 0, f"{text} leaves the page"
    for a, b in itertools.combinations(placed, 2):
        # The box of a line has room above and below its letters.
        assert _overlap(a.box, b.box) <= 3.0, f"{a} and {b} overlap"
    panels = [edges(panel, PRINT_DPI) for panel in figure.panels]
    for a, b in itertools.combinations(panels, 2):
        assert _overlap(a, b) <= 0, "panels overlap"
    for text in placed:
        for box in panels if text.role != "words" else []:
            assert _overlap(text.box, box) <= 1.0, f"{text} lies in a panel"


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    return min(min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1]))
