"""Where a curve is cut for a firmware that looks at each pair of moves for the radius of an arc.

Nouns:
    wanted length    how long a segment at a place may be
    apex             a place of sharpest bend, where a segment has to end

Symbols: s = length along the curve, R(s) = its radius, e = chord error, L(s) = wanted length,
v(s) = planned speed, theta = turn between two segments.

Marlin takes two short moves for a piece of an arc and passes between them at
v^2 <= L a / theta. With even segments, theta = L / R and that is a R, the speed of the plan. With
uneven ones, theta is that of the longer of the two and L may be the shorter one: the firmware then
slows down where the plan does not. So the lengths change slowly from one segment to the next:

    L(s) = min( sqrt(8 e R(s)), _EVEN v / |dv/ds|, MAX_SEGMENT_MM )     at least the firmware's shortest
    |dL/ds| <= _GROWTH
    n(s) = integral of ds / L(s)

and the curve is cut where n, stretched to a whole number, is whole. Where the bend is so sharp that the
shortest segment would cut it off, its apex is an end of segments, so that the line keeps its corner.

Marlin draws no move of fewer than 6 motor steps, but begins the next one from where it stands; the
shortest segment is a little longer, since both ends are rounded to steps.

Source of the firmware's rules: marlinfw.org, configuration (JUNCTION_DEVIATION, MIN_STEPS_PER_SEGMENT);
see ``firmware_bridge/simulator/marlin/planner.py``.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray

from calibration.profile import Profile
from strokebot.geometry.polyline import arc_length, turning_angles
from strokebot.trajectory.timing.segments import MAX_SEGMENT_MM, shortest_for_rate_mm, with_pen_in_mm

Floats = NDArray[np.float64]

# The fewest motor steps of a move that Marlin surely draws: MIN_STEPS_PER_SEGMENT, one that the rounding
# of both ends to steps may take, and a tenth for that to three decimals.
SURE_STEPS = 6 + 1.1
# Greatest change of the speed within a segment, as a share of it.
_EVEN = 0.3
# Greatest change of the length of segments along the curve.
_GROWTH = 0.25
# A segment this much longer than wanted needs no further cut.
_SLACK = 0.05
_TINY = 1e-12


def cut_times(t_s: Floats, points: Floats, profile: Profile, chord_error_mm: float) -> Floats:
    """Times (N,) at which a stroke is cut, from its first to its last moment.

    Args:
        t_s: (K,) times of the stroke's samples, K at least 2; each lies elsewhere than the one before.
        points: (K, 3) their machine x, y and pen value.
        profile: steps of the motors, and the scale of the pen axis.
        chord_error_mm: e.
    """
    s = arc_length(points[:, :2])
    if len(s) == 2:
        parts = max(1, math.ceil(s[-1] / MAX_SEGMENT_MM))
        return np.linspace(t_s[0], t_s[-1], parts + 1)
    scaled = with_pen_in_mm(points, profile, chord_error_mm)
    turn = np.concatenate([[0.0], turning_angles(scaled), [0.0]])
    shortest = _shortest_mm(points, profile)
    by_bend = _by_bend(turn, scaled, chord_error_mm)
    wanted = np.clip(np.minimum(by_bend, _by_speed(t_s, s, profile)), shortest, MAX_SEGMENT_MM)
    wanted = _growing_slowly(wanted, s)
    count, most = (_integral(1.0 / length, s) for length in (wanted, shortest))
    ends = [0.0, *_apexes(s, turn, by_bend < shortest, shortest), float(s[-1])]
    cuts = [np.zeros(1)]
    for first, last in itertools.pairwise(ends):
        n0, n1 = np.interp([first, last], s, count)
        m0, m1 = np.interp([first, last], s, most)
        parts = max(1, min(math.ceil(n1 - n0 - _SLACK), math.floor(m1 - m0)))
        inner = np.interp(n0 + (n1 - n0) * np.arange(1, parts) / parts, count, s)
        cuts.append(np.append(inner, last))
    return np.interp(np.concatenate(cuts), s, t_s)


def _shortest_mm(points: Floats, profile: Profile) -> Floats:
    """Length (K,) of a move in the direction at each sample that Marlin surely draws."""
    step = np.abs(np.diff(points[:, :2], axis=0))
    steps = (step * np.asarray(profile.machine.steps_per_mm[:2])).max(axis=1)
    length = np.hypot(*step.T) * SURE_STEPS / np.maximum(steps, _TINY)
    return np.asarray(np.maximum(np.append(length, length[-1]), np.append(length[0], length)))


def _by_bend(turn: Floats, scaled: Floats, chord_error_mm: float) -> Floats:
    """sqrt(8 e R) at the samples (K,), infinite where the line is straight."""
    step = np.linalg.norm(np.diff(scaled, axis=0), axis=1)
    half = 0.5 * (np.append(step, step[-1]) + np.append(step[0], step))
    return np.asarray(np.sqrt(8 * chord_error_mm * half / np.maximum(turn, _TINY)))


def _by_speed(t_s: Floats, s: Floats, profile: Profile) -> Floats:
    """_EVEN v / |dv/ds| at the samples (K,), but no less than the controller can follow."""
    step = np.diff(s)
    speed = step / np.diff(t_s)
    slope = np.abs(np.diff(speed)) / (0.5 * (step[1:] + step[:-1]))
    slope = np.concatenate([slope[:1], slope, slope[-1:]])
    slowest = np.minimum(np.append(speed, 0.0), np.append(0.0, speed))
    fastest = np.maximum(np.append(speed, 0.0), np.append(0.0, speed))
    even = _EVEN * slowest / np.maximum(slope, _TINY)
    return np.asarray(np.maximum(even, shortest_for_rate_mm(fastest, profile)))


def _growing_slowly(length: Floats, s: Floats) -> Floats:
    """The greatest lengths (K,) under these whose slope along ``s`` is at most ``_GROWTH`` either way."""
    forth = np.minimum.accumulate(length - _GROWTH * s) + _GROWTH * s
    back = np.minimum.accumulate((length + _GROWTH * s)[::-1])[::-1] - _GROWTH * s
    return np.asarray(np.minimum(forth, back))


def _integral(density: Floats, s: Floats) -> Floats:
    return np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(s))])


def _apexes(s: Floats, turn: Floats, sharp: NDArray[np.bool_], shortest: Floats) -> list[float]:
    """Places of the sharpest bends: the middle, by turn, of each short run of ``sharp`` samples."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], sharp.astype(np.int8), [0]])))
    kept: list[float] = []
    last = 0.0
    for first, stop in edges.reshape(-1, 2).tolist():
        if s[stop - 1] - s[first] > 2 * shortest[first]:
            continue
        at = float(np.average(s[first:stop], weights=turn[first:stop]))
        if min(at - last, s[-1] - at) >= shortest[first]:
            kept.append(at)
            last = at
    return kept


def without_short(points: NDArray[np.float64], ends: NDArray[np.intp], profile: Profile) -> NDArray[np.intp]:
    """The ends without those of segments too short for the firmware; the first and the last stay.

    Of the two ends of a short segment the one goes whose loss moves the line less.
    """
    if len(ends) < 3:
        return ends
    steps = points * np.asarray(profile.machine.steps_per_mm)
    kept = ends.tolist()

    def loss(k: int) -> float:
        if k in (0, len(kept) - 1):
            return math.inf
        a, b, c = (points[kept[k + shift], :2] for shift in (-1, 0, 1))
        chord = c - a
        # From the chord, not from its line: a tip at which the line turns back lies beyond its ends.
        share = float(np.clip((b - a) @ chord / max(float(chord @ chord), _TINY), 0.0, 1.0))
        return float(np.hypot(*(b - a - share * chord)))

    k = 0
    while k < len(kept) - 1:
        if np.abs(steps[kept[k + 1]] - steps[kept[k]]).max() >= SURE_STEPS or len(kept) == 2:
            k += 1
            continue
        del kept[k if loss(k) < loss(k + 1) else k + 1 if k + 1 < len(kept) - 1 else k]
        k = max(k - 1, 0)
    return np.array(kept)
