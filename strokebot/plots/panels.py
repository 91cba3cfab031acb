"""The single panels that figures are put together from.

Panels over the paper are in mm with y up; the input is in pixels with y down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.profile import Profile
from strokebot import raster
from strokebot.plots import style
from strokebot.plots.figure import Area, Entry, Figure, Line, Marks, Panel, Picture, Place, TimedLine, Words
from strokebot.plots.shown import ShownLimits
from strokebot.trace import Trace
from strokebot.trajectory.compile.compile import approach_time_s
from strokebot.trajectory.timing.time_budget import StageTimes
from strokebot.trajectory.timing.trajectory import Trajectory
from strokebot.wording import count_text, duration_text

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
_BAR_KEY_COLUMNS = 3
# Points: the path, curves, limits, start and end.
_PATH_PT, _CURVE_PT, _LIMIT_PT, _START_PT, _END_PT, _CROSS_PT = 1.3, 0.9, 1.0, 7.5, 5.5, 1.2
# How much of the colour of a band, and of the acceleration, covers the paper.
_BAND_SHARE, _ACCELERATION_SHARE = 0.2, 0.45


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
    return PathMarks(lifts, 7.0 if lifts <= _LARGE_CROSSES else 4.0, 0.8 if lifts <= _LARGE_CROSSES else 0.6)


def show_picture(panel: Panel, pixels: NDArray[np.uint8], shape: tuple[int, ...], title: str) -> None:
    """A picture (h, w, 3) in colours; pixels of its own ``shape`` (height, width)."""
    height, width = shape
    panel.spanned(0, width, height, 0)
    panel.show(Picture(pixels, (0, width, height, 0)))
    panel.label(title, "px", "px")


def show_ink(panel: Panel, drawn: NDArray[np.float32], box: Box, title: str) -> None:
    """Drawn ink on paper; paper mm."""
    _on_paper(panel, style.grey(drawn), box, title)


def show_overlay(
    panel: Panel, ink: NDArray[np.float32], drawn: NDArray[np.float32], box: Box, title: str
) -> None:
    """The drawn ink at the pen's real width over the input; paper mm.

    ``drawn`` may be finer than ``ink``; both span the same box. Grey from half of full ink on is ink, as in
    the report's fidelity: one pen has one ink, and a pencil line that it drew is no mistake.
    """
    rows = np.minimum((np.arange(drawn.shape[0]) + 0.5) * ink.shape[0] / drawn.shape[0], ink.shape[0] - 1)
    columns = np.minimum((np.arange(drawn.shape[1]) + 0.5) * ink.shape[1] / drawn.shape[1], ink.shape[1] - 1)
    fine = ink[rows.astype(int)][:, columns.astype(int)]
    meant = np.where(fine >= raster.INK_THRESHOLD, np.maximum(fine, drawn), fine)
    _on_paper(panel, style.overlay(meant, drawn), box, title)


def _on_paper(panel: Panel, pixels: NDArray[np.uint8], box: Box, title: str) -> None:
    panel.spanned(*box)
    panel.show(Picture(pixels, box))
    panel.label(title, "x, mm", "y, mm")


def overlay_key(tone: bool = False) -> list[Entry]:
    """What the colours of ``show_overlay`` mean; a drawing of tone has its own ink alone."""
    key = [(style.DRAWN, "ink, drawn")]
    if not tone:
        key += [(style.INPUT, "ink, not drawn"), (style.ASTRAY, "drawn beside the ink")]
    return [Entry(Area(np.zeros((0, 2)), colour), label) for colour, label in key]


def show_path(panel: Panel, trace: Trace, box: Box, title: str, marks: PathMarks) -> None:
    """The path coloured by time, with start, end, lifts and travel; paper mm."""
    down = trace.pen_down
    scale = raster.THIN_PX / (_PATH_SHARE * max(box[1] - box[0], box[3] - box[2]))
    keep = raster.thin(trace.xy_mm * scale, np.zeros(len(trace)), down)
    xy, time, drawn = trace.xy_mm[keep], trace.t_s[keep] - trace.t_s[0], down[keep]
    panel.spanned(*box)
    panel.label(title, "x, mm", "y, mm")
    inside = np.flatnonzero(drawn[1:])
    if not len(inside):
        return
    first, last = int(inside[0]), int(inside[-1]) + 1
    travels = _travels(drawn, first, last)
    parted = [np.concatenate([xy[start : stop + 1], [[np.nan, np.nan]]]) for start, stop in travels]
    if travels:
        panel.show(Line(np.concatenate(parted), style.TRAVEL, marks.travel_pt, dashed=True))
    panel.show(TimedLine(xy, drawn, time, max(trace.duration_s, 1e-9), _PATH_PT))
    if travels and marks.cross_pt:
        ends = xy[np.array(travels).ravel()]
        panel.show(Marks(ends, "cross", marks.cross_pt, style.ASTRAY, width_pt=_CROSS_PT))
    panel.show(_start(xy[first : first + 1]), _end(xy[last : last + 1]))


def _start(xy: NDArray[np.float64]) -> Marks:
    return Marks(xy, "circle", _START_PT, style.DRAWN, "#FFFFFF")


def _end(xy: NDArray[np.float64]) -> Marks:
    return Marks(xy, "square", _END_PT, style.DRAWN, style.DRAWN)


def add_time_bar(figure: Figure, panel: Panel, last: float, label: str = "time, s") -> None:
    """The colours of time up to the last, in a bar of fixed thickness right beside a panel."""
    left, top, width, height = panel.place
    bar = figure.panel(left + width + _TIME_BAR_INCH, top, _TIME_BAR_INCH, height)
    bar.right = True
    bar.spanned(0.0, 1.0, 0.0, max(last, 1e-9))
    bar.x.ticks = ()
    bar.label("", "", label)
    bar.show(Picture(style.time_colours()[::-1, None], (0.0, 1.0, 0.0, bar.y.high)))


def _travels(drawn: NDArray[np.bool_], first: int, last: int) -> list[tuple[int, int]]:
    """Runs of segments that are not drawn between two points, as (first point, last point)."""
    up = np.concatenate([[False], ~drawn[first + 1 : last + 1], [False]]).astype(np.int8)
    change = np.diff(up)
    starts, stops = np.flatnonzero(change == 1), np.flatnonzero(change == -1)
    return [(first + int(a), first + int(b)) for a, b in zip(starts, stops, strict=True)]


def path_key(marks: PathMarks) -> list[Entry]:
    """What the marks of ``show_path`` mean."""
    nowhere = np.zeros((0, 2))
    key = [Entry(_start(nowhere), "start"), Entry(_end(nowhere), "end")]
    if marks.lifts:
        label = "travel, pen up" if marks.cross_pt else f"travel, pen up ({count_text(marks.lifts, 'lift')})"
        key.append(Entry(Line(nowhere, style.TRAVEL, marks.travel_pt, dashed=True), label))
    if marks.lifts and marks.cross_pt:
        cross = Marks(nowhere, "cross", marks.cross_pt, style.ASTRAY, width_pt=_CROSS_PT)
        key.append(Entry(cross, "lift, lower"))
    return key


def _level(value: float, last: float) -> Line:
    """A dashed line across a time curve."""
    return Line(np.array([[0.0, value], [last, value]]), style.LIMIT, _LIMIT_PT, dashed=True)


def show_speed(panel: Panel, trace: Trace, limits: ShownLimits, title: str) -> None:
    """Speed along the path over time, drawn and travel apart, with the limits."""
    time, speed = trace.speed_mm_s(_TIME_SLICES)
    time = time - trace.t_s[0]
    index = np.clip(np.searchsorted(trace.t_s - trace.t_s[0], time), 0, len(trace) - 1)
    drawing = trace.pen_down[index]
    last = max(trace.duration_s, 1e-9)
    low, high = min(limits.axis_speed_mm_s), float(np.hypot(*limits.axis_speed_mm_s))
    marks = [(limits.draw_speed_mm_s, f"pen limit {limits.draw_speed_mm_s:g}")]
    if speed.max(initial=0.0) > 0.6 * low:
        # One axis alone may move at `low`, both together on a diagonal at `high`.
        panel.show(_rectangle(0.0, low, last, high, style.pale(style.LIMIT, _BAND_SHARE)))
        marks.append(((low + high) / 2, f"axis limits {low:g} to {high:.0f}"))
    for shown, colour in ((drawing, style.DRAWN), (~drawing, style.TRAVEL)):
        panel.show(Line(np.column_stack([time, np.where(shown, speed, np.nan)]), colour, _CURVE_PT))
    panel.show(_level(limits.draw_speed_mm_s, last))
    top = max(speed.max(initial=0.0), *(value for value, _ in marks))
    panel.spanned(0.0, last, 0.0, top * (1 + _HEADROOM))
    panel.label(title, "", "speed, mm/s")
    panel.x.numbered = False
    panel.notes += [(value, text, style.LIMIT) for value, text in marks]


def show_acceleration(panel: Panel, trajectory: Trajectory, profile: Profile, duration_s: float) -> None:
    """Planned acceleration of the axis that is nearest to its limit, as a share of it, over time."""
    time, use = acceleration_use(trajectory, profile, _TIME_SLICES)
    time = time + approach_time_s(trajectory, profile)
    last = max(duration_s, 1e-9)
    # Every slice is a step, half a slice to either side of its middle.
    half = (time[1] - time[0]) / 2
    steps = np.column_stack([np.repeat(time, 2) + np.tile([-half, half], len(time)), np.repeat(use, 2)])
    outline = np.concatenate([[[steps[0, 0], 0.0]], steps, [[steps[-1, 0], 0.0]]])
    panel.show(Area(outline, style.pale(style.TRAVEL, _ACCELERATION_SHARE)), _level(1.0, last))
    panel.spanned(0.0, last, 0.0, max(1.0, float(use.max(initial=0.0))) * (1 + _HEADROOM))
    panel.label("", "", "planned acc.\nover limit")
    panel.y.ticks = (0.0, 0.5, 1.0)
    panel.x.numbered = False
    panel.notes.append((1.0, "axis limit", style.LIMIT))


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
    panel: Panel, stages: StageTimes, approach_s: float, duration_s: float, title: str
) -> list[Entry]:
    """One bar of the whole time, parted by what it is spent on, with its seconds and share.

    Args:
        panel: an empty one.
        stages: of the trajectory.
        approach_s: planned time before it begins.
        duration_s: of the rehearsal, at which the axis ends; what it takes beyond the plan is a part too.
        title: above it.

    Returns:
        The key of the parts, ``_BAR_KEY_COLUMNS`` columns of it.
    """
    planned_s = approach_s + stages.total_s
    parts = [
        ("to the first line", approach_s, style.APPROACH, "#000000"),
        ("drawing at the pen's speed", stages.steady_s, style.DRAWN, "#FFFFFF"),
        ("slower: bends, corners", stages.bends_s, style.BENDS, "#000000"),
        ("travel", stages.travel_s, style.TRAVEL, "#FFFFFF"),
        ("pen up and down", stages.pen_s, style.PEN, "#FFFFFF"),
        ("beyond the plan", duration_s - planned_s, style.INPUT, "#000000"),
    ]
    total = max(planned_s, duration_s, 1e-9)
    left, key = 0.0, []
    for label, seconds, colour, text_colour in parts:
        if seconds > _LEAST_SHARE * total:
            part = _rectangle(left, 0.0, left + seconds, 1.0, colour)
            panel.show(part)
            key.append(Entry(part, f"{label}: {duration_text(seconds)}, {seconds / total:.0%}"))
            if seconds > _LABELLED_SHARE * total:
                panel.show(Words(left + seconds / 2, 0.5, duration_text(seconds), text_colour))
        left += max(seconds, 0.0)
    panel.spanned(0.0, total, 0.0, 1.0)
    panel.label(title, "time, s", "")
    panel.y.ticks = ()
    return key


def bar_columns(key: list[Entry]) -> int:
    """Columns of the key of the stages."""
    return min(_BAR_KEY_COLUMNS, max(1, len(key)))


def _rectangle(left: float, bottom: float, right: float, top: float, colour: str) -> Area:
    return Area(np.array([[left, bottom], [right, bottom], [right, top], [left, top]]), colour)


def add_sheet(
    figure: Figure, place: Place, paper_mm: tuple[float, float], box: Box, trace: Trace, title: str
) -> None:
    """The sheet, the picture's box on it and the drawn path, all to one scale, at the top of a place."""
    width, height = paper_mm
    room = 0.02 * max(paper_mm)
    left, top, wide, high = place
    inch = min(wide / (width + 2 * room), high / (height + 2 * room))
    wide_inch, high_inch = inch * (width + 2 * room), inch * (height + 2 * room)
    panel = figure.panel(left + (wide - wide_inch) / 2, top, wide_inch, high_inch)
    panel.spanned(-room, width + room, -room, height + room)
    scale = raster.THIN_PX / (_SHEET_SHARE * max(paper_mm))
    keep = raster.thin(trace.xy_mm * scale, np.zeros(len(trace)), trace.pen_down)
    xy = np.where(trace.pen_down[keep, None], trace.xy_mm[keep], np.nan)
    panel.show(
        outline(0.0, width, 0.0, height, style.DRAWN, 1.0),
        outline(*box, style.LIMIT, 0.8, dashed=True),
        Line(xy, style.DRAWN, 0.5),
    )
    panel.label(title, f"{width:g} x {height:g} mm", "")
    panel.x.ticks = panel.y.ticks = ()
    panel.frame = False


def outline(
    left: float, right: float, bottom: float, top: float, colour: str, width_pt: float, dashed: bool = False
) -> Line:
    """A rectangle as a line."""
    corners = [[left, bottom], [right, bottom], [right, top], [left, top], [left, bottom]]
    return Line(np.array(corners, dtype=np.float64), colour, width_pt, dashed)


def show_pen(panel: Panel, trace: Trace, limits: ShownLimits) -> None:
    """Value of the pen axis over time, with up, touch and full."""
    last = max(trace.duration_s, 1e-9)
    panel.show(Line(np.column_stack([trace.t_s - trace.t_s[0], trace.pen]), style.DRAWN, _CURVE_PT))
    marks = [(limits.pen_up, "up"), (limits.pen_touch, "touch"), (limits.pen_full, "full")]
    panel.show(*(_level(value, last) for value, _ in marks))
    values = np.concatenate([trace.pen, [value for value, _ in marks]])
    room = _HEADROOM * (values.max() - values.min())
    panel.spanned(0.0, last, float(values.min() - room), float(values.max() + room))
    panel.label("", "time, s", limits.pen_label)
    panel.notes += [(value, text, style.LIMIT) for value, text in marks]
