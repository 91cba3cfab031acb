"""Figures: the dry run, the simulation of a G-code file, and the comparison for the front page."""

from strokebot.plots.figures import compare_figure, dry_run_figure, simulation_figure
from strokebot.plots.reach import reach_figure
from strokebot.plots.style import png_bytes

__all__ = ["compare_figure", "dry_run_figure", "png_bytes", "reach_figure", "simulation_figure"]
