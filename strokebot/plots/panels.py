"""The single panels that figures are put together from.

Panels over the paper are in mm with y up; the input is in pixels with y down. Every
panel takes the size it will have, in inches, so that ticks can be counted for it.
"""

from __future__ import annotations

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
from strokebot.plots.reach import ShownLimits
from strokebot.trace import Trace
from strokebot.trajectory.compile.compile import approach_time_s
from strokebot.trajectory.timing.time_budget import StageTimes
from strokebot.trajectory.timing.trajectory import Trajectory

Size = tuple[float, float]
Box = tuple[float, float, float, float]  # left, right, bottom, top, mm

# Slices of time in the speed curve: more than the pixels of a printed panel show nothing new.
_TIME_SLICES = 1500
# The drawn path in a panel stays within this of the whole one, as a share of the longer side: a
# fifth of a printed pixel at most.
_PATH_SHARE = 1.0 / 6000.0
# Room above the highest value of a time curve, as a share of the range.
_HEADROOM = 0.12
# A part of the stages' bar is labelled inside if it is at least this share of the whole.
_LABELLED_SHARE = 0.06


def show_input(axes: Axes, ink: NDArray[np.float32], shape: tuple[int, ...], size: Size) -> None:
    """The picture that was asked for, as ink on paper; pixels of its own ``shape`` (height, width)."""
    height, width = shape
    axes.imshow(1 - ink, cmap="gray", vmin=0, vmax=1, extent=(0, width, height, 0), interpolation="nearest")
    style.dress(axes, "(a) input", "px", "px", size)


def show_overlay(
    axes: Axes, ink: NDArray[np.float32], drawn: NDArray[np.float32], box: Box, size: Size
) -> None:
    """The drawn ink at the pen's real width over the input; paper mm.

    ``drawn`` may be finer than ``ink``; both span the same box.
    """
    rows = np.minimum((np.arange(drawn.shape[0]) + 0.5) * ink.shape[0] / drawn.shape[0], ink.shape[0] - 1)
    columns = np.minimum((np.arange(drawn.shape[1]) + 0.5) * ink.shape[1] / drawn.shape[1], ink.shape[1] - 1)
    fine = ink[rows.astype(int)][:, columns.astype(int)]
    axes.imshow(style.overlay(fine, drawn), extent=box, interpolation="antialiased")
    style.dress(axes, "(b) drawn ink over the input", "x, mm", "y, mm", size)


def overlay_key() -> list[Patch]:
    """What the colours of ``show_overlay`` mean."""
    return [
        Patch(color=style.DRAWN, label="ink, drawn"),
        Patch(color=style.INPUT, label="ink, not drawn"),
        Patch(color=style.ASTRAY, label="drawn beside the ink"),
    ]


def show_path(axes: Axes, trace: Trace, box: Box, size: Size, title: str) -> LineCollection:
    """The path coloured by time, with start, end, lifts and travel; paper mm."""
    down = trace.pen_down
    scale = raster.THIN_PX / (_PATH_SHARE * max(box[1] - box[0], box[3] - box[2]))
    keep = raster.thin(trace.xy_mm * scale, np.zeros(len(trace)), down)
    xy, time, drawn = trace.xy_mm[keep], trace.t_s[keep] - trace.t_s[0], down[keep]
    pieces = np.stack([xy[:-1], xy[1:]], axis=1)
    lines = LineCollection(
        list(pieces[drawn[1:]]), cmap=style.time_colours(), linewidths=1.3, capstyle="round"
    )
    lines.set_array(time[1:][drawn[1:]])
    lines.set_clim(0.0, max(trace.duration_s, 1e-9))
    axes.add_collection(lines)

    inside = np.flatnonzero(drawn[1:])
    if len(inside):
        first, last = int(inside[0]), int(inside[-1]) + 1
        for start, stop in _travels(drawn, first, last):
            axes.plot(
                *xy[start : stop + 1].T, color=style.TRAVEL, linewidth=0.8, linestyle=(0, (3, 2)), zorder=1
            )
            ends = xy[[start, stop]]
            axes.plot(*ends.T, "x", color=style.ASTRAY, markersize=4.5, markeredgewidth=1.2, zorder=4)
        marker: dict[str, Any] = {
            "markeredgecolor": "black",
            "markersize": 7,
            "zorder": 5,
            "linestyle": "none",
        }
        axes.plot(*xy[first], marker="o", markerfacecolor="white", **marker)
        axes.plot(*xy[last], marker="s", markerfacecolor="black", **{**marker, "markersize": 5})
    axes.set_aspect("equal")
    axes.set_xlim(box[0], box[1])
    axes.set_ylim(box[2], box[3])
    style.dress(axes, title, "x, mm", "y, mm", size)
    return lines


def _travels(drawn: NDArray[np.bool_], first: int, last: int) -> list[tuple[int, int]]:
    """Runs of segments that are not drawn between two points, as (first point, last point)."""
    up = np.concatenate([[False], ~drawn[first + 1 : last + 1], [False]]).astype(np.int8)
    change = np.diff(up)
    starts, stops = np.flatnonzero(change == 1), np.flatnonzero(change == -1)
    return [(first + int(a), first + int(b)) for a, b in zip(starts, stops, strict=True)]


def path_key(lifts: int) -> list[Line2D]:
    """What the marks of ``show_path`` mean."""
    marker: dict[str, Any] = {"color": "black", "linestyle": "none", "markeredgecolor": "black"}
    key = [
        Line2D([], [], marker="o", markerfacecolor="white", markersize=7, label="start", **marker),
        Line2D([], [], marker="s", markersize=5, label="end", **marker),
    ]
    if lifts:
        key += [
            Line2D([], [], color=style.TRAVEL, linestyle=(0, (3, 2)), linewidth=0.8, label="travel, pen up"),
            Line2D(
                [], [], marker="x", color=style.ASTRAY, linestyle="none", markersize=4.5, label="lift, lower"
            ),
        ]
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


def show_stages(axes: Axes, stages: StageTimes, size: Size, title: str) -> None:
    """One bar of the whole time, parted by what it is spent on, with its seconds and share."""
    parts = [
        ("drawing at the pen's speed", stages.steady_s, style.DRAWN, "white"),
        ("drawing slower: bends, corners", stages.bends_s, style.BENDS, "black"),
        ("travel, pen up", stages.travel_s, style.TRAVEL, "white"),
        ("pen up and down", stages.pen_s, style.PEN, "white"),
    ]
    total = max(stages.total_s, 1e-9)
    left = 0.0
    for label, seconds, colour, text_colour in parts:
        if seconds <= 0:
            continue
        axes.barh(
            0.0, seconds, left=left, color=colour, label=f"{label}: {seconds:.1f} s, {seconds / total:.0%}"
        )
        if seconds > _LABELLED_SHARE * total:
            axes.text(
                left + seconds / 2, 0.0, f"{seconds:.1f} s", ha="center", va="center",
                fontsize=style.SMALL_PT, color=text_colour,
            )  # fmt: skip
        left += seconds
    axes.set_xlim(0.0, total)
    style.dress(axes, title, "planned time, s", "", size)
    axes.set_yticks([])
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.75), ncols=4, fontsize=style.SMALL_PT, frameon=False,
        handlelength=1.0, columnspacing=1.2,
    )  # fmt: skip


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
