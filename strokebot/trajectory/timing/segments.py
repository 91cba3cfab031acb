"""How a curve is cut into the straight moves that a controller takes, and what that allows.

Nouns:
    segment      one straight move of x, y and the pen axis
    look-ahead   the moves that the controller plans together
    line rate    motion lines that it can take in a second

Symbols: L = length of a segment in mm, r = line rate, N = moves of the look-ahead,
a = acceleration in mm/s^2.

A curve is cut so that its chords stay within ``CHORD_ERROR_MM``: less than the junction
deviation, since GRBL takes a junction at v^2 = a R (deviation / error), so that it is
the plan and not the firmware that limits the speed. Segments are as long as that
allows, since short ones starve the controller: it must read them in time, v <= r L,
and be able to stop within those it knows, v <= sqrt(2 a (N - 1) L). Where that
conflicts with the plan, the plan goes slower, and knows it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calibration.profile import Profile
from strokebot.geometry.polyline import arc_length, simplify

CHORD_ERROR_MM = 0.005
# Longest drawn segment: within it the feed is one number, so the speed should be too.
MAX_SEGMENT_MM = 1.0
# The same over the chord error, for machines on which that is large.
_LONGEST_OVER_ERROR = 100.0
# Pen axis error of a segment, as a share of its stroke from touch to full: a hundredth is
# about a hundredth of a millimetre of line width.
_PEN_ERROR_SHARE = 0.01
# Share of the line rate that the plan uses; the rest is for replies and retries.
_LINE_RATE_SHARE = 0.9
# A segment whose least planned speed is under this share of its greatest is halved, where the
# controller can follow: it would pass the slow place at the greatest speed.
_EVEN_SPEED_SHARE = 0.8
# Segments over which the line rate is averaged: a third of the shortest look-ahead, which
# hides one short segment among longer ones.
_RATE_WINDOW = 5


def segment_ends(
    points: NDArray[np.float64],
    profile: Profile,
    keep: NDArray[np.bool_],
    chord_error_mm: float = CHORD_ERROR_MM,
) -> NDArray[np.intp]:
    """Indices at which a drawn curve is cut into segments.

    Args:
        points: (K, 3) dense points of the curve: x, y in mm, pen value.
        profile: gives the scale of the pen axis.
        keep: (K,) points that must be ends of segments, such as corners.
        chord_error_mm: greatest distance of the curve from its chords; the machine's own, if that is more.
    """
    chord_error_mm = max(chord_error_mm, profile.machine.chord_error_mm or 0.0)
    longest_mm = max(MAX_SEGMENT_MM, _LONGEST_OVER_ERROR * chord_error_mm)
    ends = simplify(with_pen_in_mm(points, profile, chord_error_mm), chord_error_mm, keep)
    s = arc_length(points[:, :2])
    pieces = np.maximum(1, np.ceil(np.diff(s[ends]) / longest_mm)).astype(np.int64)
    if (pieces == 1).all():
        return ends
    # Long chords are cut at the points nearest to equal parts.
    within = np.concatenate([np.arange(1, n) / n for n in pieces if n > 1])
    which = np.repeat(np.arange(len(pieces)), pieces - 1)
    wanted = s[ends[which]] + within * (s[ends[which + 1]] - s[ends[which]])
    return np.unique(np.concatenate([ends, np.searchsorted(s, wanted)]))


def with_pen_in_mm(
    points: NDArray[np.float64], profile: Profile, chord_error_mm: float
) -> NDArray[np.float64]:
    """Points (K, 3) whose pen values count so many mm that their error is worth as much as the line's."""
    pen = profile.pen
    return np.asarray(
        points * np.array([1.0, 1.0, chord_error_mm / (_PEN_ERROR_SHARE * abs(pen.full - pen.touch))])
    )


def shortest_for_rate_mm(speed_mm_s: NDArray[np.float64], profile: Profile) -> NDArray[np.float64]:
    """The shortest segments that the controller can follow at these speeds."""
    machine = profile.machine
    stop_mm = 2 * min(machine.max_acceleration_mm_s2) * (machine.planner_blocks - 1)
    return np.maximum(speed_mm_s / (_LINE_RATE_SHARE * machine.line_rate_per_s), speed_mm_s**2 / stop_mm)


def even_segments(
    points: NDArray[np.float64],
    speed_mm_s: NDArray[np.float64],
    ends: NDArray[np.intp],
    profile: Profile,
) -> NDArray[np.intp]:
    """Halves segments within which the planned speed changes much, as far as the controller can follow.

    Args:
        points: (K, 2) or (K, 3) dense points of the curve.
        speed_mm_s: (K-1,) planned speeds between them.
        ends: indices of the points at which the curve is cut so far.
        profile: line rate and look-ahead.
    """
    s = arc_length(points[:, :2])
    while True:
        peak = np.maximum.reduceat(speed_mm_s, ends[:-1])
        least = np.minimum.reduceat(speed_mm_s, ends[:-1])
        shortest = shortest_for_rate_mm(peak, profile)
        uneven = (least < _EVEN_SPEED_SHARE * peak) & (np.diff(s[ends]) >= 2 * shortest)
        middle = 0.5 * (s[ends[:-1]] + s[ends[1:]])[uneven]
        more = np.union1d(ends, np.searchsorted(s, middle))
        if len(more) == len(ends):
            return ends
        ends = more


def stream_speed_mm_s(length_mm: NDArray[np.float64], profile: Profile) -> NDArray[np.float64]:
    """Greatest speed in each of the segments of these lengths (K,) that the controller can follow."""
    machine = profile.machine
    rate = _LINE_RATE_SHARE * machine.line_rate_per_s
    acceleration = min(machine.max_acceleration_mm_s2)
    ahead = min(machine.planner_blocks - 1, len(length_mm))
    total = np.concatenate([[0.0], np.cumsum(length_mm)])

    def mean(window: int) -> NDArray[np.float64]:
        index = np.arange(len(length_mm))
        low = np.clip(index - window // 2, 0, max(0, len(length_mm) - window))
        high = np.minimum(low + window, len(length_mm))
        return np.asarray((total[high] - total[low]) / (high - low))

    by_rate = rate * mean(_RATE_WINDOW)
    by_look_ahead = np.sqrt(2 * acceleration * (machine.planner_blocks - 1) * mean(ahead))
    return np.asarray(np.minimum(by_rate, by_look_ahead))
