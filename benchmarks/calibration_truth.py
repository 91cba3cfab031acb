"""Hidden pens and machines, and what a drawing looks like when they draw it.

Used by ``benchmarks.calibration``. The sheet lies where the profile of the first drawing says; a
corrected profile is judged in that frame, not in its own.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from calibration.chart.layout import chart_program
from calibration.chart.spec import Chart
from calibration.fit.arms import parameters_of
from calibration.profile import Profile
from calibration.scan.picture import Picture
from calibration.virtual.machine import TrueMachine
from calibration.virtual.pen import TruePen
from firmware_bridge.dialects import dialect_of
from firmware_bridge.joint_moves import tool_mm
from firmware_bridge.kinematics import Kinematics, Mechanism
from firmware_bridge.program import Program
from firmware_bridge.simulator import Recording, simulate_lines
from strokebot.pipeline import Plan
from strokebot.trace import Trace

Floats = NDArray[np.float64]

TODAY = date(2026, 1, 1)
# Even sampling of a recording, s.
_SAMPLE_S = 0.002
# Slower than this the pen rests.
_REST_MM_S = 0.05
# The tip is thought to be a line's middle if a planned place is so near, mm.
_NEAR_MM = 0.5
# Rows of the table of a profile that knows the truth.
_TABLE_ROWS = 16
# How far a wrong arm is off at the corners of its sheet, mm.
_OFF_MM = 2.0
_SCALINGS = 3


def hidden_pen(profile: Profile, rng: np.random.Generator) -> TruePen:
    """A pen that differs from the profile's as pens do, with noise, play, lag, bleed and blot."""
    stroke = profile.pen.full - profile.pen.touch
    touch = profile.pen.touch + rng.uniform(-0.15, 0.15) * stroke
    servo = profile.pen.actuator == "servo"
    return TruePen(
        touch=touch,
        full=touch + rng.uniform(0.85, 1.15) * stroke,
        thinnest_mm=rng.uniform(0.2, 0.35),
        widest_mm=rng.uniform(0.9, 1.5),
        exponent=rng.uniform(0.6, 1.2),
        bleed_mm2_mm_s=rng.uniform(0.0, 0.08),
        ink_speed=rng.choice([0.0, rng.uniform(0.3, 0.7)]),
        blot_mm2_s=rng.uniform(0.0, 0.3),
        play=0.0 if servo else abs(stroke) * rng.uniform(0.0, 0.07),
        lag_s=0.0 if servo else rng.uniform(0.0, 0.04),
        noise=rng.uniform(0.01, 0.02),
        line_noise=0.005,
    )


def crooked_frame(profile: Profile, rng: np.random.Generator) -> TrueMachine:
    """Straight axes that are off by about 2 mm over the sheet, with play and tilted paper."""
    middle = profile.to_machine(np.array([profile.paper.size_mm]) / 2)[0]
    matrix = np.eye(2) + rng.uniform(-0.008, 0.008, (2, 2))
    offset = middle - matrix @ middle + rng.uniform(-1.4, 1.4, 2)
    return TrueMachine(
        ((matrix[0, 0], matrix[0, 1]), (matrix[1, 0], matrix[1, 1])),
        (float(offset[0]), float(offset[1])),
        play_mm=(rng.uniform(0, 0.08), rng.uniform(0, 0.08)),
        tilt=(rng.uniform(-6e-4, 6e-4), rng.uniform(-6e-4, 6e-4)),
        level_at_mm=(float(middle[0]), float(middle[1])),
    )


def wrong_arm(profile: Profile, rng: np.random.Generator) -> TrueMachine:
    """An arm whose links, bases and zeros are off, so that it draws up to ``_OFF_MM`` beside the place."""
    mechanism = profile.machine.kinematics
    keys = parameters_of(mechanism)
    way = np.array(
        [rng.uniform(-1.2, 1.2) if key.endswith("_mm") else rng.uniform(-0.7, 0.7) for key, _ in keys]
    )
    width, height = profile.paper.size_mm
    told = profile.to_machine(np.array([[0.1, 0.1], [0.9, 0.1], [0.1, 0.9], [0.9, 0.9]]) * [width, height])
    joints, _ = mechanism.joints_at(told)
    for _ in range(_SCALINGS):  # nearly linear: a few rounds make it exact enough
        true = _changed(mechanism, keys, way)
        way = way * _OFF_MM / float(np.hypot(*(true.forward(joints) - told).T).max())
    true = _changed(mechanism, keys, way)
    box = profile.machine.envelope
    return TrueMachine(profile_links=Kinematics(mechanism, box), true_links=Kinematics(true, box))


def _changed(mechanism: Mechanism, keys: list[tuple[str, int]], way: Floats) -> Mechanism:
    changed: dict[str, list[float]] = {}
    for (key, k), more in zip(keys, way.tolist(), strict=True):
        changed.setdefault(key, list(getattr(mechanism, key)))[k] += more
    return replace(mechanism, **{key: tuple(values) for key, values in changed.items()})  # type: ignore[type-var]


def recorded(program: Program, profile: Profile) -> Recording:
    """What the virtual machine does with a program."""
    lines = dialect_of(profile.machine.dialect).encode(program, profile.machine)
    return simulate_lines(lines, profile.machine)


def drawn_chart(chart: Chart, profile: Profile) -> Recording:
    """What the virtual machine does with a chart."""
    return recorded(chart_program(chart, profile), profile)


def as_picture(image: NDArray[np.uint8], dpi: float | None = None) -> Picture:
    """A scan or a photo as the measuring takes it."""
    return Picture.of_pixels(image, dpi)


def surface(frame: Profile, machine: TrueMachine, xy_mm: Floats) -> Floats:
    """Height of the paper at places on it, pen units."""
    if frame.pen.actuator != "z":
        return np.zeros(len(xy_mm))
    return machine.height_mm(frame.to_machine(xy_mm))


def curve_errors(
    fitted: Profile, frame: Profile, pen: TruePen, machine: TrueMachine, places: Floats
) -> tuple[Floats, Floats]:
    """Errors of the width over the pen's range and the sheet, and of the touch point over the sheet, mm."""
    off = fitted.height(places) - surface(frame, machine, places)
    value = np.linspace(fitted.pen.touch, fitted.pen.full, 100)
    tip = value[:, None] + off
    on = pen.pressure(tip) > 0.01
    width = (fitted.pen.drawn_width_mm(value)[:, None] - pen.width_mm(tip))[on]
    return width, fitted.pen.touch + off - pen.touch


def darkness_error(fitted: Profile, pen: TruePen, hatch_value: float, off: float) -> float:
    """Mean error of the darkness, against the solid hatch, over the pen's range and five speeds."""
    hatch = float(pen.darkness(hatch_value))
    blackest = float(fitted.pen.drawn_darkness([hatch_value])[0])
    value = np.linspace(fitted.pen.touch, fitted.pen.full, 40)
    on = pen.pressure(value + off) > 0.01
    errors = [
        fitted.pen.darkness_at(fitted.pen.drawn_darkness(value), v) / blackest
        - pen.darkness(value + off, v) / hatch
        for v in (5.0, 10.0, 20.0, 40.0, 80.0)
    ]
    return float(np.abs(np.array(errors)[:, on]).mean())


def true_trace(plan: Plan, frame: Profile, pen: TruePen, machine: TrueMachine) -> Trace:
    """What the hidden pen leaves on the sheet when the hidden machine draws a plan."""
    recording = recorded(plan.program, plan.profile)
    t = np.arange(recording.t_s[0], recording.t_s[-1] + _SAMPLE_S, _SAMPLE_S)
    words = np.column_stack([np.interp(t, recording.t_s, recording.xy_mm[:, k]) for k in (0, 1)])
    true = machine.position_mm(tool_mm(words, plan.profile.machine))
    tip = pen.follow(t, np.interp(t, recording.t_s, recording.pen))
    if frame.pen.actuator == "z":
        tip = tip - machine.height_mm(true)
    xy = frame.from_machine(true)
    speed = np.hypot(*np.gradient(xy, _SAMPLE_S, axis=0).T)
    darkness = pen.darkness(tip, speed) / float(pen.darkness(pen.full))
    width = pen.width_mm(tip, speed)
    return Trace(
        t - t[0], xy, tip, width, np.clip(darkness, 0.0, 1.0), "simulated", _blots(pen, t, tip, speed)
    )


def _blots(pen: TruePen, t_s: Floats, tip: Floats, speed_mm_s: Floats) -> Floats:
    """Diameters (M,) of the dots where the hidden pen rests on the paper, in the middle of each rest."""
    still = (speed_mm_s < _REST_MM_S) & (pen.pressure(tip) >= 0)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], still, [False]]).astype(np.int8)))
    dots = np.zeros(len(t_s))
    for first, last in edges.reshape(-1, 2).tolist():
        at = (first + last - 1) // 2
        radius2 = (float(pen.width_mm(tip[at])) / 2) ** 2 + pen.blot_mm2_s * (last - first) * _SAMPLE_S
        dots[at] = 2 * np.sqrt(radius2)
    return dots


def width_error(plan: Plan, trace: Trace, pen: TruePen) -> float:
    """Median share by which drawn widths differ from those asked for, where the pen can draw them."""
    asked = plan.profile.pen.effective_width_mm(plan.trajectory.width_mm, plan.trajectory.intensity)
    able = (asked > float(pen.width_mm(pen.touch))) & (asked < float(pen.width_mm(pen.full)))
    drawn = trace.width_mm > 0
    if not able.any() or not drawn.any():
        return 1.0
    distance, at = cKDTree(plan.trajectory.xy_mm).query(trace.xy_mm[drawn])
    use = (distance < plan_reach(plan)) & able[at] & plan.trajectory.pen_down[at]
    return float(np.median(np.abs(trace.width_mm[drawn][use] / asked[at][use] - 1)))


def plan_reach(plan: Plan) -> float:
    """How near a drawn place must be to a planned one to be held against it, mm."""
    return max(_NEAR_MM, 3 * float(np.abs(np.diff(plan.trajectory.xy_mm, axis=0)).max()))


def perfect(profile: Profile, pen: TruePen, machine: TrueMachine, fitted: Profile) -> Profile:
    """The profile that knows the hidden truth: the table, play, lag, height, and the exact frame."""
    top = pen.touch + min(pen.saturation, 1.0) * (pen.full - pen.touch)
    low, high = profile.machine.envelope.pen_min, profile.machine.envelope.pen_max
    top = min(max(top, low + pen.play), high - pen.play)
    values = np.linspace(pen.touch, top, _TABLE_ROWS)
    darkness = pen.darkness(values) / float(pen.darkness(top)) * 0.95
    known = replace(
        fitted.pen,
        touch=float(values[0]),
        full=float(values[-1]),
        values=tuple(values.tolist()),
        widths_mm=tuple(pen.width_mm(values).tolist()),
        darkness=tuple(darkness.tolist()),
        play=pen.play,
        lag_s=pen.lag_s,
        darkness_speed_exponent=fitted.pen.darkness_speed_exponent,
    )
    # x = A q + b in machine mm, so q = A^-1 (R p + origin - b) = C R' p + origin'.
    matrix = np.array(machine.matrix)
    angle = np.radians(profile.paper.rotation_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    inverse = np.linalg.inv(matrix)
    origin = inverse @ (np.array(profile.paper.origin_mm) - machine.offset_mm)
    slope = np.array(machine.tilt) @ turn
    level = float((np.array(profile.paper.origin_mm) - machine.level_at_mm) @ machine.tilt)
    paper = replace(
        profile.paper,
        origin_mm=(float(origin[0]), float(origin[1])),
        correction=tuple(inverse.ravel().tolist()),
        height=(level, float(slope[0]), float(slope[1])),
    )
    return replace(profile, pen=known, paper=paper)
