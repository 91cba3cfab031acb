"""The ink that a recorded motion leaves on a sheet.

The recording is sampled evenly in time; where the tip is beyond the paper's surface there is
a line of the true pen's width and darkness; where it rests there is a blot that grows. Lines
over lines do not darken (a fibre pen on paper that is full there).

Frame: the sheet is an array with row 0 at the top edge of the paper; paper point (x, y) mm lies at
column x px_per_mm and row (height_mm - y) px_per_mm.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from calibration.chart.fiducial import MODULES, modules
from calibration.chart.spec import Chart
from calibration.profile import Profile
from calibration.raster import lay_ink
from calibration.virtual.machine import TrueMachine
from calibration.virtual.pen import TruePen
from firmware_bridge.joint_moves import tool_mm
from firmware_bridge.simulator import Recording

# Even sampling of the recording: at 100 mm/s a fifth of a millimetre.
_SAMPLE_S = 0.002
# Points of a line closer than this are one, unless the tip moved up or down meanwhile.
_STEP_MM = 0.05
# Slower than this the pen rests.
_REST_MM_S = 0.05
# Length over which the width of a line wavers, mm.
_WAVER_MM = 0.3
# Samples a pixel side; a sheet is far finer than what is made of it.
_SUBSAMPLES = 2


def draw_sheet(
    recording: Recording,
    profile: Profile,
    pen: TruePen,
    machine: TrueMachine | None = None,
    px_per_mm: float = 30.0,
    seed: int = 0,
) -> NDArray[np.float32]:
    """Draws a recording on a white sheet.

    Args:
        recording: of the simulator, as its controller counts: machine mm, or joint values.
        profile: says where the paper lies, and whose links the joints were told for.
        pen: the pen in the holder.
        machine: how the machine differs from its profile; None for not at all.
        px_per_mm: resolution of the sheet.
        seed: of the waver of the lines.

    Returns:
        (H, W) darkness in [0, 1].
    """
    machine = machine or TrueMachine()
    rng = np.random.default_rng(seed)
    width_mm, height_mm = profile.paper.size_mm
    shape = (round(height_mm * px_per_mm), round(width_mm * px_per_mm))
    sheet = np.zeros(shape, dtype=np.float32)
    t = np.arange(recording.t_s[0], recording.t_s[-1] + _SAMPLE_S, _SAMPLE_S)
    words = np.column_stack([np.interp(t, recording.t_s, recording.xy_mm[:, k]) for k in (0, 1)])
    true = machine.position_mm(tool_mm(words, profile.machine))
    xy = profile.from_machine(true)
    tip = pen.follow(t, np.interp(t, recording.t_s, recording.pen))
    if profile.pen.actuator == "z":
        tip = tip - machine.height_mm(true)
    speed = np.hypot(*np.gradient(xy, _SAMPLE_S, axis=0).T)
    down = pen.pressure(tip) >= 0
    edges = np.flatnonzero(np.diff(np.concatenate([[False], down, [False]]).astype(np.int8)))
    drawn_m = 0.0
    points, widths, inks, joined = [], [], [], []
    for first, last in edges.reshape(-1, 2):
        part = slice(first, last)
        step = np.hypot(*np.diff(xy[part], axis=0).T)
        keep = _kept(step, tip[part], abs(pen.full - pen.touch))
        at = np.arange(first, last)[keep]
        width = pen.width_mm(tip[at], speed[at]) + pen.wear_mm_per_m * drawn_m
        if pen.noise > 0 or pen.line_noise > 0:
            waver = gaussian_filter1d(rng.standard_normal(len(at) + 60), _WAVER_MM / _STEP_MM)[30:-30]
            waver *= np.sqrt(2 * np.sqrt(np.pi) * _WAVER_MM / _STEP_MM)
            width = width * (1 + pen.noise * waver + pen.line_noise * rng.standard_normal())
        ink = pen.darkness(tip[at], speed[at])
        for rest_s, k in _rests(speed[part], first):
            blot = 2 * np.sqrt((pen.width_mm(tip[k]) / 2) ** 2 + pen.blot_mm2_s * rest_s)
            points.append(np.repeat(xy[k : k + 1], 2, axis=0))
            widths.append(np.repeat(blot, 2))
            inks.append(np.repeat(pen.darkness(tip[k]), 2))
            joined.append(np.array([False, True]))
        if len(at) == 1:
            at = np.repeat(at, 2)
            width, ink = np.repeat(width, 2), np.repeat(ink, 2)
        points.append(xy[at])
        widths.append(np.maximum(width, 0.0))
        inks.append(ink)
        joined.append(np.arange(len(at)) > 0)
        drawn_m += float(step.sum()) / 1000
    if points:
        place = np.concatenate(points) * [px_per_mm, -px_per_mm] + [0.0, shape[0]]
        sheet = lay_ink(
            place,
            np.concatenate(widths) * px_per_mm,
            np.clip(np.concatenate(inks), 0.0, 1.0),
            np.concatenate(joined),
            shape,
            _SUBSAMPLES,
        )
    return sheet


def print_fiducials(sheet: NDArray[np.float32], chart: Chart, px_per_mm: float) -> NDArray[np.float32]:
    """A sheet (H, W) with the chart's fiducials printed on it, black."""
    out = sheet.copy()
    rows, columns = out.shape
    for figure in chart.fiducials:
        half = figure.size_mm / 2
        x0, y1 = figure.centre_mm[0] - half, figure.centre_mm[1] + half
        r = (np.arange(rows) + 0.5 - (rows - y1 * px_per_mm)) / (figure.size_mm * px_per_mm) * MODULES
        c = (np.arange(columns) + 0.5 - x0 * px_per_mm) / (figure.size_mm * px_per_mm) * MODULES
        inside_r, inside_c = (
            np.flatnonzero((r >= 0) & (r < MODULES)),
            np.flatnonzero((c >= 0) & (c < MODULES)),
        )
        dark = modules(figure.number)[r[inside_r].astype(int)][:, c[inside_c].astype(int)]
        area = out[np.ix_(inside_r, inside_c)]
        out[np.ix_(inside_r, inside_c)] = np.maximum(area, dark.astype(np.float32))
    return out


def _kept(step: NDArray[np.float64], tip: NDArray[np.float64], stroke: float) -> NDArray[np.bool_]:
    """Samples of a line that are kept: every ``_STEP_MM``, and where the tip moves by a hundredth."""
    way = np.concatenate([[0.0], np.cumsum(step / _STEP_MM)])
    rise = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(tip)) / (0.01 * stroke))])
    number = np.floor(way + rise)
    keep = np.concatenate([[True], np.diff(number) > 0])
    keep[-1] = True
    return keep


def _rests(speed: NDArray[np.float64], first: int) -> list[tuple[float, int]]:
    """Times and samples at which the pen rests on the paper."""
    still = np.concatenate([[False], speed < _REST_MM_S, [False]])
    edges = np.flatnonzero(np.diff(still.astype(np.int8))).reshape(-1, 2)
    return [((b - a) * _SAMPLE_S, first + (a + b - 1) // 2) for a, b in edges.tolist()]
