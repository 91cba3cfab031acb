"""Figures: the dry run, the simulation of a G-code file, the reach, and the comparison for the front page.

A figure is put together as data (``figure.py``) and painted with Pillow (``paint.py``).
"""

from __future__ import annotations

from strokebot.plots.explain import hand_figure
from strokebot.plots.figures import compare_figure, dry_run_figure, simulation_figure
from strokebot.plots.paint import png_bytes
from strokebot.plots.reach import reach_figure

__all__ = [
    "compare_figure",
    "dry_run_figure",
    "hand_figure",
    "png_bytes",
    "reach_figure",
    "simulation_figure",
]
