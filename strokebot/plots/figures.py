"""Puts panels together: sizes are worked out in inches from the shape of the picture.

A wide picture gets its panels below each other, a lying one two in a row, any other
all side by side. In each case the panels are as large as the page allows, and nothing
overlaps, whatever the shape. No pyplot: figures are plain objects, safe in threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure, FigureBase
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import NDArray
from PIL import Image

from calibration.profile import Profile
from strokebot.gesture import Gesture
from strokebot.plots import panels, style
from strokebot.plots.panels import Box, Size
from strokebot.plots.reach import ShownLimits
from strokebot.trace import Trace
from strokebot.trajectory.path.place import Placement
from strokebot.trajectory.timing.time_budget import stage_times
from strokebot.trajectory.timing.trajectory import Trajectory

PAGE_WIDTH_INCH = 11.0
# Room beside and around the panels for labels, colour bar and gaps, inch.
_SIDE_INCH = 1.6
_PANEL_GAP_INCH = 0.7
_BAR_INCH = 0.12
_KEY_INCH = 0.4
_TITLE_INCH = 0.35
_TIME_HEIGHT_INCH = 1.1
_TIME_FRAME_INCH = 0.9
_STAGES_INCH = 0.75
_MAX_PANEL_INCH = 6.5
_MIN_PANEL_INCH = 0.55
# From these widths over heights on: two panels a row with the key in the fourth cell; one a row.
_SQUARE_ASPECT = 1.7
_STACK_ASPECT = 4.5
# Pixels of the longer side of the drawn ink in a panel: so many for a printed one, and at most so many.
_OVERLAY_FINENESS = 1.5
_OVERLAY_PX = 1400


@dataclass(frozen=True)
class _Grid:
    """Where the picture panels go and how large they are, inch."""

    rows: int
    columns: int
    panel: Size

    @classmethod
    def of(cls, count: int, aspect: float, square: bool = False) -> _Grid:
        """The arrangement for some panels of one aspect, width over height.

        Args:
            count: how many panels.
            aspect: of each.
            square: whether three panels may go into two rows of two.
        """
        width = PAGE_WIDTH_INCH - _SIDE_INCH
        if aspect >= _STACK_ASPECT:
            return cls(count, 1, (width, max(width / aspect, _MIN_PANEL_INCH)))
        columns = 2 if square and aspect >= _SQUARE_ASPECT else count
        each = width / columns - _PANEL_GAP_INCH / 2  # y labels of the panels after the first
        height = min(each / aspect, _MAX_PANEL_INCH)
        return cls(-(-count // columns), columns, (height * aspect, height))

    def figure(self, count: int, curves: int, bars: int = 0) -> _Page:
        """A figure with axes for ``count`` pictures and, below them, for time curves and flat bars.

        Pictures and curves are laid out apart, so that long labels of the one take no
        room from the other.
        """
        pictures = self.rows * (self.panel[1] + _PANEL_GAP_INCH) + (_KEY_INCH if curves else 0.0)
        heights = [_TIME_HEIGHT_INCH] * curves + [_STAGES_INCH] * bars
        times = sum(heights) + (_TIME_FRAME_INCH + _TITLE_INCH if curves else 0.0)
        layout = ConstrainedLayoutEngine(h_pad=0.06, w_pad=0.08, hspace=0.02, wspace=0.02)
        figure = Figure(figsize=(PAGE_WIDTH_INCH, pictures + times), layout=layout)
        above: FigureBase = figure
        below: list[Axes] = []
        if curves:
            parts: Any = figure.subfigures(2, 1, height_ratios=[pictures, times - _TITLE_INCH])
            above = parts[0]
            below = list(parts[1].subplots(curves + bars, 1, gridspec_kw={"height_ratios": heights}))
        cells = np.ravel(np.asarray(above.subplots(self.rows, self.columns), dtype=object)).tolist()
        for spare in cells[count:]:
            spare.set_axis_off()
        return _Page(figure, above, cells[:count], below, cells[count] if len(cells) > count else None)


@dataclass(frozen=True)
class _Page:
    """A figure in the making: its part with the pictures, its axes, and a free cell if there is one."""

    figure: Figure
    above: FigureBase
    pictures: list[Axes]
    times: list[Axes]
    spare: Axes | None

    def key(self, handles: Sequence[Artist]) -> None:
        """Says what colours and marks mean: in the free cell, or in a line below the pictures."""
        if self.spare is not None:
            self.spare.legend(handles=list(handles), loc="center", fontsize=style.LABEL_PT, frameon=False)
            return
        self.above.legend(
            handles=list(handles),
            loc="outside lower center",
            ncols=len(handles),
            fontsize=style.SMALL_PT,
            frameon=False,
            borderpad=0.1,
        )


def dry_run_figure(
    ink: NDArray[np.float32],
    placement: Placement,
    trace: Trace,
    limits: ShownLimits,
    name: str,
    facts: list[str],
    planned: tuple[Trajectory, Profile] | None = None,
    tone: bool = False,
) -> Figure:
    """The dry run: input, drawn ink over it, path over time; speed, acceleration and pen; where time goes.

    Args:
        ink: (H, W) the picture's ink.
        placement: where the picture lies on the paper.
        trace: what the pen did.
        limits: of the machine and the pen.
        name: of the picture, for the title.
        facts: what else the title says.
        planned: the timed path and its profile, for acceleration and stages; None leaves both out.
        tone: the drawing shows tone, so that no line of it can lie beside the ink.

    Returns:
        A figure of ``PAGE_WIDTH_INCH``; its height follows the picture.
    """
    height, width = ink.shape
    box = _box(placement, ink.shape)
    grid = _Grid.of(3, width / height, square=True)
    page = grid.figure(3, 2) if planned is None else grid.figure(3, 3, bars=1)
    a, b, c = page.pictures
    shown = _shown(ink)
    panels.show_input(a, shown, ink.shape, grid.panel)
    drawn = trace.ink(placement, _fine(ink.shape, grid.panel))
    panels.show_overlay(b, drawn if tone else shown, drawn, box, grid.panel)
    lines = panels.show_path(c, trace, box, grid.panel, "(c) path over time")
    _time_bar(c, lines, grid.panel)
    if planned is None:
        _time_panels(page.times, trace, limits, f"(d) {trace.source} motion")
    else:
        _motion_panels(page.times, trace, limits, *planned)
    page.key([*panels.overlay_key(), *panels.path_key(trace.lifts)])
    style.set_title(page.figure, name, facts)
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
    grid = _Grid.of(2, aspect)
    longer = (1000, max(1, round(1000 * aspect))) if aspect < 1 else (round(1000 / aspect), 1000)
    shape = _fine(longer, grid.panel)
    page = grid.figure(2, 2)
    a, b = page.pictures
    drawn = trace.ink(placement, shape)
    a.imshow(1 - drawn, cmap="gray", vmin=0, vmax=1, extent=box)
    style.dress(a, "(a) ink on the paper", "x, mm", "y, mm", grid.panel)
    lines = panels.show_path(b, trace, box, grid.panel, "(b) path over time")
    _time_bar(b, lines, grid.panel)
    _time_panels(page.times, trace, limits, f"(c) {trace.source} motion")
    page.key(panels.path_key(trace.lifts))
    style.set_title(page.figure, name, facts)
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
    grid = _Grid.of(3, width / height)
    page = grid.figure(3, 0)
    a, b, c = page.pictures
    a.imshow(photo, extent=(0, width, height, 0))
    style.dress(a, "picture", "px", "px", grid.panel)
    steps = Trace(
        np.arange(len(gesture), dtype=np.float64),
        gesture.positions * (1, -1) * placement.scale_mm + (placement.x0_mm, placement.y0_mm),
        gesture.intensity,
        gesture.size * placement.scale_mm * gesture.pen_down,
        gesture.intensity,
        "planned",
    )
    box = _box(placement, ink.shape)
    lines = panels.show_path(b, steps, box, grid.panel, "one gesture")
    _time_bar(b, lines, grid.panel, "step")
    c.imshow(1 - trace.ink(placement, _fine(ink.shape, grid.panel)), cmap="gray", vmin=0, vmax=1, extent=box)
    style.dress(c, "drawn by the simulated machine", "x, mm", "y, mm", grid.panel)
    return page.figure


def _time_bar(axes: Axes, lines: LineCollection, panel: Size, label: str = "time, s") -> None:
    """A colour bar of fixed thickness right beside a panel, whatever the panel's size."""
    bar_axes = axes.inset_axes((1 + _BAR_INCH / panel[0], 0.0, _BAR_INCH / panel[0], 1.0))
    bar = axes.figure.colorbar(lines, cax=bar_axes)
    bar.set_label(label, fontsize=style.SMALL_PT)
    bar_axes.tick_params(labelsize=style.SMALL_PT, length=3)


def _time_panels(axes: list[Axes], trace: Trace, limits: ShownLimits, title: str) -> None:
    size = (PAGE_WIDTH_INCH - _SIDE_INCH, _TIME_HEIGHT_INCH)
    panels.show_speed(axes[0], trace, limits, size, title)
    panels.show_pen(axes[1], trace, limits, size)


def _motion_panels(
    axes: list[Axes], trace: Trace, limits: ShownLimits, trajectory: Trajectory, profile: Profile
) -> None:
    """Speed, acceleration and pen value over time, and the bar of the stages below them."""
    size = (PAGE_WIDTH_INCH - _SIDE_INCH, _TIME_HEIGHT_INCH)
    panels.show_speed(axes[0], trace, limits, size, f"(d) {trace.source} motion")
    panels.show_acceleration(axes[1], trajectory, profile, trace.duration_s, size)
    panels.show_pen(axes[2], trace, limits, size)
    panels.show_stages(axes[3], stage_times(trajectory, profile), size, "(e) where the planned time goes")


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
    longer_px = min(_OVERLAY_PX, round(_OVERLAY_FINENESS * max(panel) * style.PRINT_DPI))
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
