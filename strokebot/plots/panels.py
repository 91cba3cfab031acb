"""The single panels that figures are put together from.

Panels over the paper are in mm with y up; the input is in pixels with y down. Every
panel takes the size it will have, in inches, so that ticks can be counted for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from calibration.profile import Profile
from strokebot import raster
from strokebot.plots import style
from strokebot.plots.shown import ShownLimits
from strokebot.trace import Trace
from strokebot.trajectory.compile.compile import approach_time_s
from strokebot.trajectory.timing.time_budget import StageTimes
from strokebot.trajectory.timing.trajectory import Trajectory
from strokebot.wording import count_text, duration_text

Size = tuple[float, float]
Box = tuple[float, float, float, float]  # left, right, bottom, top, mm

# Slices of time in the speed curve: more than the pixels of a printed panel show nothing new.
_TIME_SLICES = 1000
# The drawn path in a panel stays within this of the whole one, as a share of the longer side: a
# fifth of a printed pixel at most.
_PATH_SHARE = 1.0 / 6000.0
# Room above the highest value of a time curve, as a share of the range.
_HEADROOM = 0.12
# The bar of the colours of time, inch.
_TIME_BAR_INCH = 0.12
# Large crosses mark so many lifts at most, small ones so many; more would hide the path.
_LARGE_CROSSES, _MOST_CROSSES = 20, 60
# The drawn path on the small sheet stays within this of the whole one, as a share of the sheet.
_SHEET_SHARE = 1.0 / 400.0
# Parts of the stages' bar under this share of the whole are not seen.
_LEAST_SHARE = 0.005
# A part of the stages' bar is labelled inside if it is at least this share of the whole.
_LABELLED_SHARE = 0.06


@dataclass(frozen=True)
class PathMarks:
    """What marks a path panel shows, by the number of lifts.

    Attributes:
        lifts: how many there are.
        cross_pt: size of the crosses where the pen is lifted and lowered, points; 0 for none.
        travel_pt: width of the travel lines, points.
    """

    lifts: int
    cross_pt: float
    travel_pt: float


def path_marks(lifts: int) -> PathMarks:
    """Smaller marks for more lifts, so that the path stays visible."""
    if lifts > _MOST_CROSSES:
        return PathMarks(lifts, 0.0, 0.5)
    return PathMarks(lifts, 4.5 if lifts <= _LARGE_CROSSES else 2.5, 0.8 if lifts <= _LARGE_CROSSES else 0.6)


def show_input(axes: Axes, ink: NDArray[np.float32], shape: tuple[int, ...], size: Size) -> None:
    """The picture that was asked for, as ink on paper; pixels of its own ``shape`` (height, width)."""
    height, width = shape
    axes.imshow(
        1 - ink, cmap="gray", vmin=0, vmax=1, extent=(0, width, height, 0), interpolation="antialiased",
        aspect="auto",
    )  # fmt: skip
    style.dress(axes, "(a) input", "px", "px", size)


def show_seen(axes: Axes, seen: NDArray[np.uint8], shape: tuple[int, ...], size: Size) -> None:
    """What was told apart in the picture, in colours; pixels of its own ``shape`` (height, width)."""
    height, width = shape
    axes.imshow(seen, extent=(0, width, height, 0), interpolation="antialiased", aspect="auto")
    style.dress(axes, "(a) what is seen as ink, area, rule", "px", "px", size)


def show_ink(axes: Axes, drawn: NDArray[np.float32], box: Box, size: Size, title: str) -> None:
    """Drawn ink on paper; paper mm."""
    axes.imshow(1 - drawn, cmap="gray", vmin=0, vmax=1, extent=box, aspect="auto")
    style.dress(axes, title, "x, mm", "y, mm", size)


def show_overlay(
    axes: Axes, ink: NDArray[np.float32], drawn: NDArray[np.float32], box: Box, size: Size, title: str
) -> None:
    """The drawn ink at the pen's real width over the input; paper mm.

    ``drawn`` may be finer than ``ink``; both span the same box. Grey from half of full ink on is ink, as in
    the report's fidelity: one pen has one ink, and a pencil line that it drew is no mistake.
    """
    rows = np.minimum((np.arange(drawn.shape[0]) + 0.5) * ink.shape[0] / drawn.shape[0], ink.shape[0] - 1)
    columns = np.minimum((np.arange(drawn.shape[1]) + 0.5) * ink.shape[1] / drawn.shape[1], ink.shape[1] - 1)
    fine = ink[rows.astype(int)][:, columns.astype(int)]
    meant = np.where(fine >= raster.INK_THRESHOLD, np.maximum(fine, drawn), fine)
    axes.imshow(style.overlay(meant, drawn), extent=box, interpolation="antialiased", aspect="auto")
    style.dress(axes, title, "x, mm", "y, mm", size)


def overlay_key(tone: bool = False) -> list[Patch]:
    """What the colours of ``show_overlay`` mean; a drawing of tone has its own ink alone."""
    key = [Patch(color=style.DRAWN, label="ink, drawn")]
    if not tone:
        key += [
            Patch(color=style.INPUT, label="ink, not drawn"),
            Patch(color=style.ASTRAY, label="drawn beside the ink"),
        ]
    return key


def show_path(axes: Axes, trace: Trace, box: Box, size: Size, title: str, marks: PathMarks) -> LineCollection:
    """The path coloured by time, with start, end, lifts and travel; paper mm."""
    down = trace.pen_down
    scale = raster.THIN_PX / (_PATH_SHARE * max(box[1] - box[0], box[3] - box[2]))
    keep = raster.thin(trace.xy_mm * scale, np.zeros(len(trace)), down)
    xy, time, drawn = trace.xy_mm[keep], trace.t_s[keep] - trace.t_s[0], down[keep]
    pieces = np.stack([xy[:-1], xy[1:]], axis=1)
    inked = list(pieces[drawn[1:]])
    lines = LineCollection(inked, cmap=style.time_colours(), linewidths=1.3, capstyle="round")
    lines.set_array(time[1:][drawn[1:]])
    lines.set_clim(0.0, max(trace.duration_s, 1e-9))
    axes.add_collection(lines, autolim=False)

    inside = np.flatnonzero(drawn[1:])
    if len(inside):
        first, last = int(inside[0]), int(inside[-1]) + 1
        travels = _travels(drawn, first, last)
        if travels:
            ways = LineCollection(
                [xy[start : stop + 1] for start, stop in travels], colors=style.TRAVEL,
                linewidths=marks.travel_pt, linestyles=[(0, (3, 2))], zorder=1,
            )  # fmt: skip
            axes.add_collection(ways, autolim=False)
        if travels and marks.cross_pt:
            ends = xy[np.array(travels).ravel()]
            axes.plot(
                *ends.T, "x", color=style.ASTRAY, markersize=marks.cross_pt, markeredgewidth=1.2, zorder=4
            )
        marker: dict[str, Any] = {
            "markeredgecolor": "black",
            "markersize": 7,
            "zorder": 5,
            "linestyle": "none",
        }
        axes.plot(*xy[first], marker="o", markerfacecolor="white", **marker)
        axes.plot(*xy[last], marker="s", markerfacecolor="black", **{**marker, "markersize": 5})
    axes.set_xlim(box[0], box[1])
    axes.set_ylim(box[2], box[3])
    style.dress(axes, title, "x, mm", "y, mm", size)
    return lines


def time_bar(axes: Axes, lines: LineCollection, panel: Size, label: str = "time, s") -> None:
    """The colours of time, in a bar of fixed thickness right beside a panel."""
    bar = axes.inset_axes((1 + _TIME_BAR_INCH / panel[0], 0.0, _TIME_BAR_INCH / panel[0], 1.0))
    bar.set_label("<colorbar>")
    low, high = lines.get_clim()
    bar.imshow(
        np.linspace(0.0, 1.0, 256)[:, None], cmap=lines.get_cmap(), aspect="auto", origin="lower",
        extent=(0.0, 1.0, low, high),
    )  # fmt: skip
    style.dress(bar, "", "", label, (_TIME_BAR_INCH, panel[1]))
    bar.set_xticks([])
    bar.yaxis.tick_right()
    bar.yaxis.set_label_position("right")


def _travels(drawn: NDArray[np.bool_], first: int, last: int) -> list[tuple[int, int]]:
    """Runs of segments that are not drawn between two points, as (first point, last point)."""
    up = np.concatenate([[False], ~drawn[first + 1 : last + 1], [False]]).astype(np.int8)
    change = np.diff(up)
    starts, stops = np.flatnonzero(change == 1), np.flatnonzero(change == -1)
    return [(first + int(a), first + int(b)) for a, b in zip(starts, stops, strict=True)]


def path_key(marks: PathMarks) -> list[Line2D]:
    """What the marks of ``show_path`` mean."""
    marker: dict[str, Any] = {"color": "black", "linestyle": "none", "markeredgecolor": "black"}
    key = [
        Line2D([], [], marker="o", markerfacecolor="white", markersize=7, label="start", **marker),
        Line2D([], [], marker="s", markersize=5, label="end", **marker),
    ]
    if marks.lifts:
        label = "travel, pen up" if marks.cross_pt else f"travel, pen up ({count_text(marks.lifts, 'lift')})"
        dashes: dict[str, Any] = {"linestyle": (0, (3, 2)), "linewidth": marks.travel_pt}
        key.append(Line2D([], [], color=style.TRAVEL, label=label, **dashes))
    if marks.lifts and marks.cross_pt:
        cross: dict[str, Any] = {"marker": "x", "linestyle": "none", "markersize": marks.cross_pt}
        key.append(Line2D([], [], color=style.ASTRAY, label="lift, lower", **cross))
    return key


def show_speed(axes: Axes, trace: Trace, limits: ShownLimits, size: Size, title: str) -> None:
    """Speed along the path over time, drawn and travel apart, with the limits."""
    time, speed = trace.speed_mm_s(_TIME_SLICES)
    time = time - trace.t_s[0]
    index = np.clip(np.searchsorted(trace.t_s - trace.t_s[0], time), 0, len(trace) - 1)
    drawing = trace.pen_down[index]
    axes.plot(time, np.where(drawing, speed, np.nan), color=style.DRAWN, linewidth=0.9)
    axes.plot(time, np.where(drawing, np.nan, speed), color=style.TRAVEL, linewidth=0.9)
    low, high = min(limits.axis_speed_mm_s), float(np.hypot(*limits.axis_speed_mm_s))
    axes.axhline(limits.draw_speed_mm_s, color=style.LIMIT, linewidth=1.0, linestyle="--")
    marks = [(limits.draw_speed_mm_s, f"pen limit {limits.draw_speed_mm_s:g}")]
    if speed.max(initial=0.0) > 0.6 * low:
        # One axis alone may move at `low`, both together on a diagonal at `high`.
        axes.axhspan(low, high, color=style.LIMIT, alpha=0.2, linewidth=0)
        marks.append(((low + high) / 2, f"axis limits {low:g} to {high:.0f}"))
    top = max(speed.max(initial=0.0), *(value for value, _ in marks))
    axes.set_ylim(0.0, top * (1 + _HEADROOM))
    axes.set_xlim(0.0, max(trace.duration_s, 1e-9))
    style.dress(axes, title, "", "speed, mm/s", size)
    axes.tick_params(labelbottom=False)
    style.right_labels(axes, marks, style.LIMIT)


def show_acceleration(
    axes: Axes, trajectory: Trajectory, profile: Profile, duration_s: float, size: Size
) -> None:
    """Planned acceleration of the axis that is nearest to its limit, as a share of it, over time."""
    time, use = acceleration_use(trajectory, profile, _TIME_SLICES)
    time = time + approach_time_s(trajectory, profile)
    axes.fill_between(time, 0.0, use, color=style.TRAVEL, alpha=0.45, linewidth=0, step="mid")
    axes.axhline(1.0, color=style.LIMIT, linewidth=1.0, linestyle="--")
    axes.set_ylim(0.0, max(1.0, float(use.max(initial=0.0))) * (1 + _HEADROOM))
    axes.set_xlim(0.0, max(duration_s, 1e-9))
    style.dress(axes, "", "", "planned acc.\nover limit", size)
    axes.set_yticks([0.0, 0.5, 1.0])
    axes.tick_params(labelbottom=False)
    style.right_labels(axes, [(1.0, "axis limit")], style.LIMIT)


def acceleration_use(
    trajectory: Trajectory, profile: Profile, slices: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The greatest share of the acceleration limit of x or y in each slice of time.

    Returns:
        Middles of the slices, s from the trajectory's start, and shares, both (slices,).
    """
    begin = float(trajectory.t_s[0])
    edges = np.linspace(begin, float(trajectory.t_s[-1]), slices + 1)
    turn = profile.to_machine(np.eye(2)) - profile.to_machine(np.zeros((2, 2)))
    when = np.union1d(edges, 0.5 * (trajectory.t_s[1:] + trajectory.t_s[:-1]))
    use = np.abs(trajectory.at(when, 2) @ turn) / profile.machine.max_acceleration_mm_s2
    starts = np.searchsorted(when, edges[:-1])
    return 0.5 * (edges[1:] + edges[:-1]) - begin, np.maximum.reduceat(use.max(axis=1), starts)


def show_stages(
    axes: Axes, stages: StageTimes, approach_s: float, duration_s: float, size: Size, title: str
) -> None:
    """One bar of the whole time, parted by what it is spent on, with its seconds and share.

    Args:
        axes: an empty one.
        stages: of the trajectory.
        approach_s: planned time before it begins.
        duration_s: of the rehearsal, at which the axis ends; what it takes beyond the plan is a part too.
        size: what the axes measure, inch.
        title: above them.
    """
    planned_s = approach_s + stages.total_s
    parts = [
        ("to the first line", approach_s, style.APPROACH, "black"),
        ("drawing at the pen's speed", stages.steady_s, style.DRAWN, "white"),
        ("slower: bends, corners", stages.bends_s, style.BENDS, "black"),
        ("travel", stages.travel_s, style.TRAVEL, "white"),
        ("pen up and down", stages.pen_s, style.PEN, "white"),
        ("beyond the plan", duration_s - planned_s, style.INPUT, "black"),
    ]
    total = max(planned_s, duration_s, 1e-9)
    left = 0.0
    for label, seconds, colour, text_colour in parts:
        if seconds <= _LEAST_SHARE * total:
            left += max(seconds, 0.0)
            continue
        text = f"{label}: {duration_text(seconds)}, {seconds / total:.0%}"
        axes.barh(0.0, seconds, left=left, color=colour, label=text)
        if seconds > _LABELLED_SHARE * total:
            axes.text(
                left + seconds / 2, 0.0, duration_text(seconds), ha="center", va="center",
                fontsize=style.SMALL_PT, color=text_colour,
            )  # fmt: skip
        left += seconds
    axes.set_xlim(0.0, total)
    style.dress(axes, title, "time, s", "", size)
    axes.set_yticks([])
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.5, -1.2), ncols=3, fontsize=style.SMALL_PT, frameon=False,
        handlelength=1.0, columnspacing=1.6, borderpad=0.0,
    )  # fmt: skip


def show_sheet(
    axes: Axes, paper_mm: tuple[float, float], box: Box, trace: Trace, size: Size, title: str
) -> None:
    """The sheet, the picture's box on it and the drawn path, all to one scale."""
    width, height = paper_mm
    axes.plot([0, width, width, 0, 0], [0, 0, height, height, 0], color=style.DRAWN, linewidth=1.0)
    left, right, bottom, top = box
    axes.plot(
        [left, right, right, left, left], [bottom, bottom, top, top, bottom], color=style.LIMIT,
        linewidth=0.8, linestyle="--",
    )  # fmt: skip
    scale = raster.THIN_PX / (_SHEET_SHARE * max(paper_mm))
    keep = raster.thin(trace.xy_mm * scale, np.zeros(len(trace)), trace.pen_down)
    xy = np.where(trace.pen_down[keep, None], trace.xy_mm[keep], np.nan)
    axes.plot(*xy.T, color=style.DRAWN, linewidth=0.5)
    axes.set_aspect("equal", anchor="N")
    room = 0.02 * max(paper_mm)
    axes.set_xlim(-room, width + room)
    axes.set_ylim(-room, height + room)
    style.dress(axes, title, f"{width:g} x {height:g} mm", "", size)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_frame_on(False)


def show_pen(axes: Axes, trace: Trace, limits: ShownLimits, size: Size) -> None:
    """Value of the pen axis over time, with up, touch and full."""
    axes.plot(trace.t_s - trace.t_s[0], trace.pen, color=style.DRAWN, linewidth=0.9)
    marks = [(limits.pen_up, "up"), (limits.pen_touch, "touch"), (limits.pen_full, "full")]
    for value, _ in marks:
        axes.axhline(value, color=style.LIMIT, linewidth=1.0, linestyle="--")
    values = np.concatenate([trace.pen, [value for value, _ in marks]])
    room = _HEADROOM * (values.max() - values.min())
    axes.set_ylim(values.min() - room, values.max() + room)
    axes.set_xlim(0.0, max(trace.duration_s, 1e-9))
    style.dress(axes, "", "time, s", limits.pen_label, size)
    style.right_labels(axes, marks, style.LIMIT)
