"""Where the marks of a test chart lie.

Nouns:
    box       the part of the sheet that the chart takes, all of it in reach of the machine
    ring      the edge of the box, with the fiducials and the rulers
    row       a strip of the inner box; rows are filled from the top
    pressure  p = (pen value - touch) / (full - touch), 0 at touch, 1 at full; below 0 the pen is clear

The pen chart shows, in the order of drawing: a first line; the pressure wedge up, down and
in mixed order with repeats; the speed wedge at three pressures; lines that land and leave
slowly (touch); ramps both ways (lag); directions (does the pen lean?); solid hatch
(greatest darkness); dots with a rest (blot); the first line again (drift).

The geometry chart shows crosses. Each is two strokes of the shape of an L whose corners
meet: one comes to its corner in the positive directions of the axes, the other in the
negative ones, so that play in the axes pulls the two corners apart.

A chart as a program for the machine.

Each mark: travel above the paper to its first point (over ``via_mm`` if it has one), lower
the pen there, rest if asked, draw, lift. Pen values along a mark are those of the chart, not
widths: the chart is there to find out which widths they give.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from calibration.chart.box import MARGIN_MM, Box, place_box
from calibration.chart.fiducial import CODES, MODULES, QUIET_MODULES, dark_runs
from calibration.chart.spec import Chart, Fiducial, Mark, MarkKind
from calibration.errors import ChartError
from calibration.profile import Profile
from firmware_bridge.program import Move, MoveKind, Program

# A pen chart is never larger than this (A5 inside its margin): more says no more.
_BOX_MM = (132.0, 194.0)
# A module of a drawn fiducial is this many of the pen's widest lines, and at least so large.
_MODULE_LINES = 1.25
_LEAST_MODULE_MM = 1.5
# Lines that fill an area lie this share of the pen's width apart, so that none shows between them.
_HATCH_SHARE = 0.7
# A filled rectangle keeps this share of the pen's width inside its edges: a little less than half,
# so that neighbours close up though the pen may draw thinner than its profile says.
_INSET_SHARE = 0.35
# Pressure at which fiducials, rulers and other helping lines are drawn.
_HELPING_PRESSURE = 0.5
LEVELS = 11
_REPEATS = 3
_COLUMNS = 4
_COLUMN_GAP_MM = 4.0
_LEAST_LINE_MM = 16.0
# Rows: twice the widest line and some paper, so that the light between two lines can be measured.
_ROW_LINES = 2.0
_ROW_PAPER_MM = 1.6
# Speed of all lines but those of the speed wedge; most pens draw evenly there.
_FEED_MM_S = 20.0
SPEEDS_MM_S = (5.0, 10.0, 20.0, 40.0, 80.0)
SPEED_PRESSURES = (0.25, 0.5, 1.0)
# Pressures at the ends of a landing: the touch point of a profile may be off by as much.
LANDING_PRESSURES = (-0.4, 0.4)
_LANDING_FEED_MM_S = 10.0
RAMP_FEED_MM_S = 40.0
_RAMP_POINTS = 60
DWELLS_S = (0.0, 0.1, 0.2, 0.4, 0.7, 1.0)
_DOT_PITCH_MM = 8.0
_FIGURE_MM = 12.0
_FIGURE_GAP_MM = 3.0
_RULER_MM = 40.0
# Crosses of the geometry chart: pitch and length of an arm.
_CROSS_PITCH_MM = 24.0
_CROSS_ARM_MM = 4.0
# The pen comes from this far away, so that play in the axes is taken up.
_VIA_MM = 3.0


class _Pen:
    """Makes marks at pressures of one pen."""

    def __init__(self, profile: Profile) -> None:
        self.touch, self.full = profile.pen.touch, profile.pen.full
        box = profile.machine.envelope
        self.low, self.high = box.pen_min, box.pen_max
        self.widest_mm = profile.pen.max_width_mm
        self.helping_mm = float(profile.pen.drawn_width_mm(np.array([self.value(_HELPING_PRESSURE)]))[0])

    def value(self, pressure: float) -> float:
        """Pen value of a pressure, inside the machine's pen axis."""
        return min(max(self.touch + pressure * (self.full - self.touch), self.low), self.high)

    def mark(
        self,
        name: str,
        kind: MarkKind,
        points: Iterable[tuple[float, float]] | NDArray[np.float64],
        pressure: float | NDArray[np.float64] = _HELPING_PRESSURE,
        feed_mm_s: float = _FEED_MM_S,
        dwell_s: float = 0.0,
        via_mm: tuple[float, float] | None = None,
    ) -> Mark:
        xy = np.array(list(points), dtype=np.float64)
        pen = np.array([self.value(p) for p in np.broadcast_to(pressure, len(xy)).tolist()])
        return Mark(name, kind, xy, pen, feed_mm_s, dwell_s, via_mm)

    def filled(self, x0: float, y0: float, x1: float, y1: float) -> list[tuple[float, float]]:
        """One zigzag that fills a rectangle."""
        inset = min(_INSET_SHARE * self.helping_mm, (x1 - x0) / 2, (y1 - y0) / 2)
        left, right, low, high = x0 + inset, x1 - inset, y0 + inset, y1 - inset
        lines = max(2, math.ceil((high - low) / (_HATCH_SHARE * self.helping_mm)) + 1)
        points = []
        for k, y in enumerate(np.linspace(low, high, lines).tolist()):
            points += [(left, y), (right, y)] if k % 2 == 0 else [(right, y), (left, y)]
        return points


def pen_chart(profile: Profile, seed: int = 0, printed: bool = False) -> Chart:
    """The chart that tells what a pen does.

    Args:
        profile: machine, pen and paper; its touch and full values set the range.
        seed: of the mixed order.
        printed: whether the fiducials are printed on the sheet beforehand.

    Raises:
        ChartError: if the sheet, or the part of it in the machine's reach, is too small.
    """
    pen = _Pen(profile)
    box = place_box(profile, _BOX_MM)
    module = max(_LEAST_MODULE_MM, _MODULE_LINES * pen.widest_mm)
    fiducials, drawn = _fiducials(pen, box, module, printed, _identity("pen", profile, seed))
    inner = box.inset(module * (MODULES + 2 * QUIET_MODULES))
    for repeats in range(_REPEATS, 0, -1):
        marks = _fill_rows(pen, inner, profile, repeats, seed)
        if marks is not None:
            break
    else:
        raise ChartError(
            f"A pen chart does not fit into {box.width:.0f} x {box.height:.0f} mm: take larger paper, "
            "or move it into the machine's reach."
        )
    rulers = _rulers(pen, box, module)
    return Chart(
        "pen chart", profile.machine.name, profile.paper.size_mm, _range(profile),
        (*drawn, *rulers, *marks), fiducials, printed, seed,
    )  # fmt: skip


def geometry_chart(profile: Profile, printed: bool = False) -> Chart:
    """The chart that tells where the machine draws.

    Args:
        profile: machine, pen and paper.
        printed: whether the fiducials are printed on the sheet beforehand.

    Raises:
        ChartError: if the sheet, or the part of it in the machine's reach, is too small.
    """
    pen = _Pen(profile)
    box = place_box(
        profile, (profile.paper.size_mm[0] - 2 * MARGIN_MM, profile.paper.size_mm[1] - 2 * MARGIN_MM)
    )
    module = max(_LEAST_MODULE_MM, _MODULE_LINES * pen.widest_mm)
    fiducials, drawn = _fiducials(pen, box, module, printed, _identity("geometry", profile, 0))
    inner = box.inset(module * (MODULES + 2 * QUIET_MODULES) + _CROSS_ARM_MM)
    columns, rows = (max(2, round(side / _CROSS_PITCH_MM) + 1) for side in (inner.width, inner.height))
    if min(inner.width / (columns - 1), inner.height / (rows - 1)) < 3 * _CROSS_ARM_MM:
        raise ChartError(
            f"A geometry chart does not fit into {box.width:.0f} x {box.height:.0f} mm: take larger paper."
        )
    marks = []
    for j, y in enumerate(np.linspace(inner.y1, inner.y0, rows).tolist()):
        for i, x in enumerate(np.linspace(inner.x0, inner.x1, columns).tolist()):
            # Every other cross has its arms the other way round: play of either axis shows.
            across = (i + j) % 2 == 0
            for sign, letter in ((1.0, "a"), (-1.0, "b")):
                arm = sign * _CROSS_ARM_MM
                points = (
                    [(x - arm, y), (x, y), (x, y + arm)] if across else [(x, y - arm), (x, y), (x + arm, y)]
                )
                via = (points[0][0] - sign * _VIA_MM, points[0][1] - sign * _VIA_MM)
                marks.append(pen.mark(f"cross-{i}-{j}-{letter}", MarkKind.GRID, points, via_mm=via))
    return Chart(
        "geometry chart", profile.machine.name, profile.paper.size_mm, _range(profile),
        (*drawn, *marks), fiducials, printed,
    )  # fmt: skip


def _identity(title: str, profile: Profile, seed: int) -> int:
    """A number that differs between charts whose marks differ."""
    what = (title, profile.paper.size_mm, _range(profile), profile.pen.max_width_mm, seed)
    return zlib.crc32(repr(what).encode())


def _range(profile: Profile) -> tuple[float, float, float]:
    return profile.pen.up, profile.pen.touch, profile.pen.full


def _fiducials(
    pen: _Pen, box: Box, module_mm: float, printed: bool, identity: int
) -> tuple[tuple[Fiducial, ...], tuple[Mark, ...]]:
    """Figures at the corners and the middles of the sides, and the strokes that draw them.

    Which figure stands where follows from the chart's identity, so that a scan of another chart
    does not fit.
    """
    size = MODULES * module_mm
    half = size / 2
    xs = (box.x0 + half, (box.x0 + box.x1) / 2, box.x1 - half)
    ys = (box.y0 + half, (box.y0 + box.y1) / 2, box.y1 - half)
    centres = [(x, y) for y in ys for x in xs if (x, y) != (xs[1], ys[1])]
    numbers = np.random.default_rng(identity).permutation(len(CODES)).tolist()
    fiducials = tuple(Fiducial(k, centre, size) for k, centre in zip(numbers, centres, strict=False))
    if printed:
        return fiducials, ()
    marks = []
    for figure in fiducials:
        x, y = figure.centre_mm[0] - half, figure.centre_mm[1] - half
        for k, (x0, y0, x1, y1) in enumerate(dark_runs(figure.number)):
            points = pen.filled(
                x + x0 * module_mm, y + y0 * module_mm, x + x1 * module_mm, y + y1 * module_mm
            )
            marks.append(pen.mark(f"fiducial-{figure.number}-{k}", MarkKind.FIDUCIAL, points))
    return fiducials, tuple(marks)


def _rulers(pen: _Pen, box: Box, module_mm: float) -> tuple[Mark, ...]:
    """Bars of known length in the ring, between the lower left fiducial and its neighbours."""
    beyond = (MODULES + 2 * QUIET_MODULES) * module_mm
    inset = MODULES * module_mm / 2
    long = min(_RULER_MM, box.width / 2 - 2 * beyond, box.height / 2 - 2 * beyond)
    if long <= 0:
        return ()
    x, y = box.x0 + inset, box.y0 + inset
    along_x = [(box.x0 + beyond, y), (box.x0 + beyond + long, y)]
    along_y = [(x, box.y0 + beyond), (x, box.y0 + beyond + long)]
    return (
        pen.mark("ruler-x", MarkKind.RULER, along_x),
        pen.mark("ruler-y", MarkKind.RULER, along_y),
    )


def _fill_rows(pen: _Pen, inner: Box, profile: Profile, repeats: int, seed: int) -> list[Mark] | None:
    """All marks inside the ring, in the order of drawing; None if they do not fit."""
    line_mm = (inner.width - (_COLUMNS - 1) * _COLUMN_GAP_MM) / _COLUMNS
    if line_mm < _LEAST_LINE_MM:
        return None
    pitch = _ROW_LINES * pen.widest_mm + _ROW_PAPER_MM
    levels = np.linspace(0.0, 1.0, LEVELS).tolist()
    fastest = min(profile.machine.max_speed_mm_s)
    speeds = [v for v in SPEEDS_MM_S if v <= fastest] or [fastest]
    mixed = [(level, k) for k in range(repeats) for level in range(LEVELS)]
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(mixed)).tolist()

    cells = _cells(inner, line_mm, pitch)
    marks: list[Mark] = []

    def line(
        name: str,
        kind: MarkKind,
        pressure: float,
        feed_mm_s: float = _FEED_MM_S,
        at_mm: tuple[float, float] | None = None,
    ) -> None:
        x, y = next(cells) if at_mm is None else at_mm
        marks.append(pen.mark(name, kind, [(x, y), (x + line_mm, y)], pressure, feed_mm_s))

    line("drift-0", MarkKind.DRIFT, _HELPING_PRESSURE)
    for k, level in enumerate(levels):
        line(f"pressure-up-{k}", MarkKind.PRESSURE_UP, level)
    x, y = next(cells)
    last = pen.mark("drift-1", MarkKind.DRIFT, [(x, y), (x + line_mm, y)])
    for k in reversed(range(LEVELS)):
        line(f"pressure-down-{k}", MarkKind.PRESSURE_DOWN, levels[k])
    # Places in mixed order too: else the time of drawing would grow with the way down the sheet, and
    # drift could not be told from tilt.
    places = [next(cells) for _ in mixed]
    for at, place in zip(order, rng.permutation(len(mixed)).tolist(), strict=True):
        k, repeat = mixed[at]
        line(f"pressure-random-{k}-{repeat}", MarkKind.PRESSURE_RANDOM, levels[k], at_mm=places[place])
    for j, pressure in enumerate(SPEED_PRESSURES):
        for k, speed in enumerate(speeds):
            line(f"speed-{j}-{k}", MarkKind.SPEED, pressure, speed)
    y = marks[-1].xy_mm[0, 1] - pitch
    y = _landings(pen, inner, y, pitch, marks)
    y = _ramps(pen, inner, y, pitch, marks)
    y = _figures(pen, inner, y, marks)
    for k, dwell in enumerate(DWELLS_S):
        dot = (inner.x0 + (k + 0.5) * _DOT_PITCH_MM, y - pitch)
        marks.append(pen.mark(f"dwell-{k}", MarkKind.DWELL, [dot], _HELPING_PRESSURE, _FEED_MM_S, dwell))
    return [*marks, last] if y - 1.5 * pitch >= inner.y0 - 1e-6 else None


def _cells(inner: Box, line_mm: float, pitch: float) -> Iterator[tuple[float, float]]:
    """Left ends of the lines, row by row from the top, without end."""
    row = 0
    while True:
        for column in range(_COLUMNS):
            yield inner.x0 + column * (line_mm + _COLUMN_GAP_MM), inner.y1 - (row + 0.5) * pitch
        row += 1


def _landings(pen: _Pen, inner: Box, y: float, pitch: float, marks: list[Mark]) -> float:
    """Lines that come down and lines that go up slowly, two in a row; returns the next row's y."""
    half = (inner.width - _COLUMN_GAP_MM) / 2
    for k in range(2):
        for name, pressures, x in (
            ("down", LANDING_PRESSURES, inner.x0),
            ("up", LANDING_PRESSURES[::-1], inner.x0 + half + _COLUMN_GAP_MM),
        ):
            marks.append(
                pen.mark(
                    f"landing-{name}-{k}", MarkKind.LANDING, [(x, y), (x + half, y)],
                    np.array(pressures), _LANDING_FEED_MM_S,
                )
            )  # fmt: skip
        y -= pitch
    return y


def _ramps(pen: _Pen, inner: Box, y: float, pitch: float, marks: list[Mark]) -> float:
    """Lines whose pressure rises and falls, drawn both ways; returns the next row's y."""
    share = np.linspace(0.0, 1.0, _RAMP_POINTS + 1)
    pressure = 1.0 - np.abs(2.0 * share - 1.0)
    x = inner.x0 + share * inner.width
    for k, order in enumerate((slice(None), slice(None, None, -1))):
        points = np.column_stack([x[order], np.full(len(x), y)])
        marks.append(pen.mark(f"ramp-{k}", MarkKind.RAMP, points, pressure, RAMP_FEED_MM_S))
        y -= pitch
    return y


def _figures(pen: _Pen, inner: Box, y: float, marks: list[Mark]) -> float:
    """Directions and the solid hatch in one row; returns the y under it."""
    half = _FIGURE_MM / 2
    middle = y - half
    x = inner.x0 + half
    step = _FIGURE_MM + _FIGURE_GAP_MM
    for degrees in (0, 45, 90, 135):
        reach = half * np.array([math.cos(math.radians(degrees)), math.sin(math.radians(degrees))])
        ends = np.array([x, middle]) + np.array([-reach, reach])
        marks.append(pen.mark(f"direction-{degrees}", MarkKind.DIRECTION, ends))
        x += step
    marks.append(
        pen.mark("hatch", MarkKind.HATCH, pen.filled(x - half, middle - half, x + half, middle + half), 1.0)
    )
    return y - _FIGURE_MM


def chart_program(chart: Chart, profile: Profile) -> Program:
    """The moves that draw a chart, in the machine's frame.

    Args:
        chart: made for this profile.
        profile: machine, pen and paper.
    """
    moves: list[Move] = []
    for mark in chart.marks:
        moves += _moves(mark, profile)
    return Program(tuple(moves), (f"strokebot {chart.title}", f"chart {chart.checksum[:16]}"))


def _moves(mark: Mark, profile: Profile) -> list[Move]:
    machine, up = profile.machine, profile.pen.up
    travel_mm_s = min(machine.max_speed_mm_s)
    xy = profile.to_machine(mark.xy_mm).tolist()
    moves = []
    if mark.via_mm is not None:
        x, y = profile.to_machine(np.array([mark.via_mm]))[0].tolist()
        moves.append(Move(x, y, up, travel_mm_s, MoveKind.TRAVEL))
    (x, y), pen = xy[0], float(mark.pen[0])
    moves.append(Move(x, y, up, travel_mm_s, MoveKind.TRAVEL))
    moves.append(Move(x, y, pen, machine.pen_max_speed, MoveKind.LOWER, mark.dwell_s))
    for (x, y), pen in zip(xy[1:], mark.pen[1:].tolist(), strict=True):
        moves.append(Move(x, y, pen, mark.feed_mm_s, MoveKind.DRAW))
    x, y = xy[-1]
    moves.append(Move(x, y, up, machine.pen_max_speed, MoveKind.LIFT))
    return moves
