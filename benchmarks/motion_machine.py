"""Drawings on the emulated controllers against their plans: time, path, pen value, and G-code.

The pen value is compared by place, at the same length of the same stroke, which is what the paper
shows; and by the clock, at the same time from the beginning of the stroke. The clock of a controller
and that of the plan drift apart by parts of a per cent within a long stroke: x, y and the pen axis are one
move, so they are late together.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from calibration.profile import Profile
from firmware_bridge.dialects import dialect_of
from firmware_bridge.job.device import open_device
from firmware_bridge.simulator import Recording
from firmware_bridge.transports.simulated import SimulatedTransport
from strokebot.geometry.polyline import arc_length
from strokebot.trajectory.compile.compile import approach_time_s, compile_program
from strokebot.trajectory.path.path import Path
from strokebot.trajectory.path.smooth import smooth
from strokebot.trajectory.timing.parametrise import parametrise
from strokebot.trajectory.timing.trajectory import Trajectory
from tests.support import motion_shapes

Array = NDArray[np.float64]

_PROFILES = {"grbl": "grbl-z", "marlin": "marlin-printer"}
# A line is parted into steps of this length, and the steps beside so many vertices are compared.
_PART_MM = 0.1
_NEIGHBOURS = 6
_WORD = re.compile(r"([GXYZF])(-?[0-9.]+)")
_SECONDS_PER_MINUTE = 60.0
_LEAST = 1e-12
# Moments of the planned curve that are compared: between two samples it bends on.
_FINE_S = 1e-3
# A way shorter than this is rounding.
_SAME_MM = 1e-6


class PenError(NamedTuple):
    """The pen axis on one machine.

    Attributes:
        by_place: greatest difference of the pen value at its place, over the pen's range.
        by_clock: the same at its time from the beginning of its stroke.
        drift_s: greatest difference between the times at which a place of a stroke is passed.
    """

    by_place: float
    by_clock: float
    drift_s: float


class Outcome(NamedTuple):
    """One drawing on one machine.

    Attributes:
        time_over_plan: duration over the planned one.
        stalls: how often the controller's queue ran dry.
        path_error_mm: greatest distance between the drawn and the planned lines, either way.
        pen: greatest differences of the pen value, and of the clock.
        gcode_error_mm: greatest distance of the planned line from the moves in the file.
    """

    time_over_plan: float
    stalls: int
    path_error_mm: float
    pen: PenError
    gcode_error_mm: float


def machines(quick: bool) -> dict[str, float]:
    """Runs all drawings on all emulated controllers; prints and returns the worst of each measure."""
    drawings = {
        "handwriting": motion_shapes.handwriting(3000, 3, 12),
        "spiral": motion_shapes.spiral(2000, 6.0, (60.0, 60.0), 20.0),
        "cusps": motion_shapes.star(1500),
        "random lines": motion_shapes.random_line(np.random.default_rng(5), 16),
    }
    if quick:
        drawings = {name: drawings[name] for name in ("cusps", "random lines")}
    title = "on the emulated machine"
    print(
        f"{title:32} {'time/plan':>9} {'stalls':>6} {'path mm':>8} {'pen':>7} {'by clock':>8} {'drift s':>7} "
        f"{'G-code mm':>9}"
    )
    flat: dict[str, float] = {}
    every: list[Outcome] = []
    for dialect, name in _PROFILES.items():
        profile = Profile.load(name)
        ratios = []
        for drawing, path in drawings.items():
            outcome = run(smooth(path), profile)
            every.append(outcome)
            ratios.append(outcome.time_over_plan)
            print(
                f"{dialect + ', ' + drawing:32} {outcome.time_over_plan:9.4f} {outcome.stalls:6d} "
                f"{outcome.path_error_mm:8.4f} {outcome.pen.by_place:7.4f} {outcome.pen.by_clock:8.4f} "
                f"{outcome.pen.drift_s:7.4f} {outcome.gcode_error_mm:9.4f}"
            )
        flat[f"{dialect}_time_over_plan"] = max(ratios, key=lambda ratio: abs(ratio - 1.0))
    return flat | {
        "path_error_mm": max(o.path_error_mm for o in every),
        "pen_error_fraction": max(o.pen.by_place for o in every),
        "pen_clock_error_fraction": max(o.pen.by_clock for o in every),
        "clock_drift_s": max(o.pen.drift_s for o in every),
        "gcode_error_mm": max(o.gcode_error_mm for o in every),
        "stalls": float(sum(o.stalls for o in every)),
    }


def run(path: Path, profile: Profile) -> Outcome:
    """Times, compiles and draws a path on the emulated controller of a profile."""
    machine = profile.machine
    trajectory = parametrise(path, profile)
    program = compile_program(trajectory, profile)
    with open_device(machine, f"sim://{machine.dialect}") as device:
        stream = device.run(program)
        transport = device.transport
        assert isinstance(transport, SimulatedTransport)
        recording = transport.recording()
    fine_s = np.union1d(trajectory.t_s, np.arange(trajectory.t_s[0], trajectory.t_s[-1], _FINE_S))
    planned = profile.to_machine(trajectory.at(fine_s))
    touching = profile.drawn_width_mm(recording.pen) > 0
    moved = np.flatnonzero(np.diff(np.column_stack([recording.xy_mm, recording.pen]), axis=0).any(axis=1))
    done_s = float(recording.t_s[moved[-1] + 1] - recording.t_s[moved[0]])
    start = (float(recording.xy_mm[0, 0]), float(recording.xy_mm[0, 1]))
    planned_s = trajectory.duration_s + approach_time_s(trajectory, profile, start)
    drawn = planned[trajectory.pen_down[np.searchsorted(trajectory.t_s, fine_s)]]
    apart = max(
        distance_to_line(recording.xy_mm[touching][::3], planned),
        distance_to_line(drawn[::3], recording.xy_mm[touching]),
    )
    lines = dialect_of(machine.dialect).encode(program, machine)
    file_error = distance_to_line(drawn[::3], np.array([move[:2] for move in parsed(lines)]))
    return Outcome(
        done_s / planned_s, stream.stalls, apart, pen_error(recording, trajectory, profile), file_error
    )


def pen_error(recording: Recording, trajectory: Trajectory, profile: Profile) -> PenError:
    """The greatest differences between drawn and planned pen value."""
    pen = profile.pen
    wanted = profile.pen_value(
        trajectory.width_mm, trajectory.intensity, np.ones(len(trajectory), dtype=bool)
    )
    moving = np.concatenate([[0.0], np.linalg.norm(np.diff(recording.xy_mm, axis=0), axis=1)]) > _SAME_MM
    plans = _stretches(trajectory.pen_down)
    done = _stretches((profile.drawn_width_mm(recording.pen) > 0) & moving)
    if len(plans) != len(done):
        raise AssertionError(f"{len(plans)} strokes were planned, {len(done)} were drawn.")
    worst = [0.0, 0.0, 0.0]
    full = abs(pen.full - pen.touch)
    for (a, b), (c, d) in zip(plans, done, strict=True):
        planned_s = arc_length(trajectory.xy_mm[a - 1 : b])
        drawn_s = arc_length(recording.xy_mm[c - 1 : d])
        # Chords and rounded steps make the one line a little longer than the other.
        drawn_s *= planned_s[-1] / drawn_s[-1]
        planned_t, drawn_t = trajectory.t_s[a - 1 : b], recording.t_s[c - 1 : d]
        planned_t, drawn_t = planned_t - planned_t[0], drawn_t - drawn_t[0]
        pressed = recording.pen[c - 1 : d]
        errors = (
            np.abs(np.interp(drawn_s, planned_s, wanted[a - 1 : b]) - pressed).max() / full,
            np.abs(np.interp(drawn_t, planned_t, wanted[a - 1 : b]) - pressed).max() / full,
            np.abs(np.interp(drawn_s, planned_s, planned_t) - drawn_t).max(),
        )
        worst = [max(old, float(new)) for old, new in zip(worst, errors, strict=True)]
    return PenError(*worst)


def _stretches(flag: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Longest runs of True as (first, one after the last)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flag.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def parsed(lines: list[str]) -> list[tuple[float, float, float, float]]:
    """The moves of G-code: x, y, z and feed in mm/s after each line that moves; the obvious reader."""
    now = {"X": np.nan, "Y": np.nan, "Z": np.nan, "F": np.nan}
    moves = []
    for line in lines:
        text = line.split(";")[0].split("*")[0]
        words = {letter: float(value) for letter, value in _WORD.findall(text)}
        if not words.keys() & {"X", "Y", "Z"} or words.get("G", 1.0) not in (0.0, 1.0):
            continue
        now |= {key: value for key, value in words.items() if key != "G"}
        moves.append((now["X"], now["Y"], now["Z"], now["F"] / _SECONDS_PER_MINUTE))
    return [move for move in moves if np.isfinite(move[:2]).all()]


def distance_to_line(points: Array, line: Array) -> float:
    """Greatest distance of points (K, 2) from a polyline (M, 2), never less than the true one.

    Each point is compared with the steps beside the nearest vertices of the line, whose long steps
    are parted before.
    """
    line = line[np.append(True, np.linalg.norm(np.diff(line, axis=0), axis=1) > _LEAST)]
    s = arc_length(line)
    at = np.union1d(s, np.arange(0.0, s[-1], _PART_MM))
    line = np.column_stack([np.interp(at, s, column) for column in line.T])
    count = min(_NEIGHBOURS, len(line) - 1)
    _, vertex = cKDTree(line).query(points, k=count)
    vertex = vertex.reshape(len(points), count)
    best = np.full(len(points), np.inf)
    for step in (np.clip(vertex, 0, len(line) - 2), np.clip(vertex - 1, 0, len(line) - 2)):
        start, along = line[step], line[step + 1] - line[step]
        offset = points[:, None] - start
        square = np.maximum((along**2).sum(axis=2), _LEAST)
        share = np.clip((offset * along).sum(axis=2) / square, 0.0, 1.0)
        away = np.linalg.norm(offset - share[..., None] * along, axis=2)
        best = np.minimum(best, away.min(axis=1))
    return float(best.max())
