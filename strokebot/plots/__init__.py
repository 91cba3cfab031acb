"""Figures: the dry run, the simulation of a G-code file, and the comparison for the front page.

matplotlib is loaded with the first of them that is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from strokebot.plots.figures import compare_figure, dry_run_figure, simulation_figure
    from strokebot.plots.reach import reach_figure
    from strokebot.plots.style import png_bytes

_ROOMS = {
    "compare_figure": "figures",
    "dry_run_figure": "figures",
    "simulation_figure": "figures",
    "reach_figure": "reach",
    "png_bytes": "style",
}

__all__ = ["compare_figure", "dry_run_figure", "png_bytes", "reach_figure", "simulation_figure"]


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    found = getattr(importlib.import_module(f"{__name__}.{_ROOMS[name]}"), name)
    globals()[name] = found
    return found
