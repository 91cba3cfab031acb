"""Puts panels together: the dry run, the simulation of a file, and the comparison of a front page.

``page.py`` says where the panels go.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from calibration.profile import Profile
from strokebot.gesture import Gesture
from strokebot.plots import panels, style
from strokebot.plots.figure import Figure, Key
from strokebot.plots.page import Grid, Page, Size
from strokebot.plots.paint import PRINT_DPI
from strokebot.plots.panels import Box
from strokebot.plots.shown import ShownLimits
from strokebot.trace import Trace
from strokebot.trajectory.compile.compile import approach_time_s
from strokebot.trajectory.path.place import Placement
from strokebot.trajectory.timing.time_budget import stage_times
from strokebot.trajectory.timing.trajectory import Trajectory

# Pixels of the longer side of the drawn ink in a panel: so many for a printed one, and at most so many.
_OVERLAY_FINENESS = 1.5
_OVERLAY_PX = 1400


def dry_run_figure(
    ink: NDArray[np.float32],
    placement: Placement,
    trace: Trace,
    limits: ShownLimits,
    name: str,
    facts: list[str],
    planned: tuple[Trajectory, Profile] | None = None,
    tone: bool = False,
    seen: NDArray[np.uint8] | None = None,
) -> Figure:
    """The dry run: what is seen, drawn ink over it, path over time; motion; stages; place on the sheet.

    Args:
        ink: (H, W) the picture's ink.
        placement: where the picture lies on the paper.
        trace: what the pen did.
        limits: of the machine and the pen, and the sheet.
        name: of the picture, for the title.
        facts: what else the title says.
        planned: the timed path and its profile, for acceleration and stages; None leaves both out.
        tone: the drawing shows tone, so that no line of it can lie beside the ink.
        seen: (h, w, 3) what was told apart in the picture, in colours; None to show the ink alone.

    Returns:
        A figure of ``page.PAGE_WIDTH_INCH``; its height follows the picture.
    """
    height, width = ink.shape
    box = _box(placement, ink.shape)
    grid = Grid.of(3, width / height, square=True)
    marks = panels.path_marks(trace.lifts)
    key = [*panels.overlay_key(tone), *panels.path_key(marks)]
    page = Page(grid, 3, 2, key=key) if planned is None else Page(grid, 3, 3, bar=True, key=key)
    a, b, c = page.pictures
    shown = _shown(ink)
    if seen is None:
        panels.show_picture(a, style.grey(shown), ink.shape, "(a) input")
    else:
        panels.show_picture(a, seen, ink.shape, "(a) what is seen as ink, area, rule")
    drawn = trace.ink(placement, _fine(ink.shape, grid.panel))
    if tone:
        panels.show_ink(b, drawn, box, "(b) drawn ink")
    else:
        panels.show_overlay(b, shown, drawn, box, "(b) drawn ink over the input")
    panels.show_path(c, trace, box, "(c) path over time", marks)
    panels.add_time_bar(page.figure, c, trace.duration_s)
    panels.show_speed(page.curves[0], trace, limits, f"(d) {trace.source} motion")
    panels.show_pen(page.curves[-1], trace, limits)
    if planned is not None:
        trajectory, profile = planned
        panels.show_acceleration(page.curves[1], trajectory, profile, trace.duration_s)
        stages = panels.show_stages(
            page.bar, stage_times(*planned), approach_time_s(trajectory, profile), trace.duration_s,
            "(e) where the planned time goes",
        )  # fmt: skip
        page.figure.keys.append(Key(page.bar_key, stages, panels.bar_columns(stages)))
        panels.add_sheet(page.figure, page.small, limits.paper_mm, box, trace, "(f) on the sheet")
    page.figure.title = style.title(name, facts)
    return page.figure


def simulation_figure(
    trace: Trace, paper_mm: tuple[float, float], limits: ShownLimits, name: str, facts: list[str]
) -> Figure:
    """What a G-code file draws: the ink, the path over time, speed and pen over time.

    Args:
        trace: what the pen did, paper mm.
        paper_mm: width and height of the paper.
        limits: of the machine and the pen.
        name: of the file, for the title.
        facts: what else the title says.
    """
    box = _ink_box(trace, paper_mm)
    placement = Placement(max(box[1] - box[0], box[3] - box[2]), box[0], box[3])
    aspect = (box[1] - box[0]) / (box[3] - box[2])
    grid = Grid.of(2, aspect)
    longer = (1000, max(1, round(1000 * aspect))) if aspect < 1 else (round(1000 / aspect), 1000)
    shape = _fine(longer, grid.panel)
    marks = panels.path_marks(trace.lifts)
    page = Page(grid, 2, 2, key=panels.path_key(marks))
    a, b = page.pictures
    panels.show_ink(a, trace.ink(placement, shape), box, "(a) ink on the paper")
    panels.show_path(b, trace, box, "(b) path over time", marks)
    panels.add_time_bar(page.figure, b, trace.duration_s)
    panels.show_speed(page.curves[0], trace, limits, f"(c) {trace.source} motion")
    panels.show_pen(page.curves[1], trace, limits)
    page.figure.title = style.title(name, facts)
    return page.figure


def compare_figure(
    photo: NDArray[np.uint8], gesture: Gesture, ink: NDArray[np.float32], placement: Placement, trace: Trace
) -> Figure:
    """Picture, gesture and drawn ink side by side, for a front page.

    Args:
        photo: (H, W, 3) the picture as it is.
        gesture: the gesture found in it.
        ink: (H, W) the picture's ink.
        placement: where the picture lies on the paper.
        trace: what the pen did.
    """
    height, width = ink.shape
    grid = Grid.of(3, width / height, bars=True)
    page = Page(grid, 3)
    a, b, c = page.pictures
    panels.show_picture(a, photo, ink.shape, "picture")
    steps = Trace(
        np.arange(len(gesture), dtype=np.float64),
        gesture.positions * (1, -1) * placement.scale_mm + (placement.x0_mm, placement.y0_mm),
        gesture.intensity,
        gesture.size * placement.scale_mm * gesture.pen_down,
        gesture.intensity,
        "planned",
    )
    box = _box(placement, ink.shape)
    panels.show_path(b, steps, box, "one gesture", panels.path_marks(steps.lifts))
    panels.add_time_bar(page.figure, b, steps.duration_s, "step")
    drawn = trace.ink(placement, _fine(ink.shape, grid.panel))
    panels.show_ink(c, drawn, box, "drawn by the simulated machine")
    return page.figure


def _box(placement: Placement, shape: tuple[int, ...]) -> Box:
    """Edges of the picture on the paper, mm."""
    size = np.array(shape) * placement.scale_mm / max(shape)
    return (
        placement.x0_mm,
        placement.x0_mm + float(size[1]),
        placement.y0_mm - float(size[0]),
        placement.y0_mm,
    )


def _ink_box(trace: Trace, paper_mm: tuple[float, float]) -> Box:
    """Edges of what was drawn, with some paper around it; the whole paper if nothing was."""
    touching = trace.width_mm > 0
    if not touching.any():
        return (0.0, paper_mm[0], 0.0, paper_mm[1])
    low, high = trace.xy_mm[touching].min(axis=0), trace.xy_mm[touching].max(axis=0)
    room = 0.05 * float((high - low).max()) + float(trace.width_mm.max())
    return (float(low[0] - room), float(high[0] + room), float(low[1] - room), float(high[1] + room))


def _fine(shape: tuple[int, ...], panel: Size) -> tuple[int, int]:
    """The shape of the drawn ink in a panel: the picture's, a little finer than the panel is printed."""
    longer_px = min(_OVERLAY_PX, round(_OVERLAY_FINENESS * max(panel) * PRINT_DPI))
    factor = longer_px / max(shape)
    return max(1, round(shape[0] * factor)), max(1, round(shape[1] * factor))


def _shown(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """A picture no finer than print can show: larger ones would take gigabytes to draw."""
    step = max(ink.shape) // _OVERLAY_PX
    if step < 2:
        return ink
    height, width = (max(1, side // step) for side in ink.shape)
    reduced = Image.fromarray(ink).resize((width, height), Image.Resampling.BOX)
    return np.asarray(reduced, dtype=np.float32)
