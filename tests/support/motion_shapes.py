"""Curves for the benchmark of motion: formulas with exact derivatives, and paths made of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from calibration.profile import Profile
from strokebot.trajectory.path.path import Path
from tests.support.motion_rivals import Curve

Array = NDArray[np.float64]


class Formula(NamedTuple):
    """x, y and the pen value at parameters (n,), with first and second derivatives: each (n, 3)."""

    position: Array
    first: Array
    second: Array

    def curve(self, parameter: Array) -> Curve:
        """The same as a curve by the length of its line in x and y."""
        rate = np.hypot(*self.first[:, :2].T)
        s = np.concatenate([[0.0], np.cumsum(0.5 * (rate[1:] + rate[:-1]) * np.diff(parameter))])
        first = self.first / rate[:, None]
        bend = (first[:, :2] * self.second[:, :2]).sum(axis=1)
        return Curve(s, self.position, first, (self.second - first * bend[:, None]) / rate[:, None] ** 2)


def ellipses(t: Array, profile: Profile, waves: float = 0.0) -> Formula:
    """A line of loops as a hand writes them; the pen value waves between touch and full.

    Args:
        t: (n,) parameters, 2 pi a loop.
        profile: gives the pen's range.
        waves: waves of the pressure a loop; 0 for a steady one.
    """
    zero = np.zeros(len(t))
    x = (2.2 * t + 4.0 * np.cos(t), 2.2 - 4.0 * np.sin(t), -4.0 * np.cos(t))
    y = (5.0 * np.sin(t), 5.0 * np.cos(t), -5.0 * np.sin(t))
    pen = profile.pen
    middle, depth = 0.5 * (pen.touch + pen.full), 0.35 * (pen.full - pen.touch)
    if waves:
        p = (
            middle + depth * np.sin(waves * t),
            depth * waves * np.cos(waves * t),
            -depth * waves**2 * np.sin(waves * t),
        )
    else:
        p = (zero + middle, zero, zero)
    shift = (np.array([20.0, 40.0, 0.0]), 0.0, 0.0)
    return Formula(*(np.column_stack([x[k], y[k], p[k]]) + shift[k] for k in range(3)))


def path_of(formula: Formula, profile: Profile) -> Path:
    """A drawn path through the points of a formula, whose positions are machine mm."""
    n = len(formula.position)
    width = profile.drawn_width_mm(formula.position[:, 2])
    xy = profile.from_machine(formula.position[:, :2])
    return Path(xy, width, np.ones(n), np.ones(n, dtype=bool))


def handwriting(points: int, lines: int, loops: int, size_mm: float = 3.0) -> Path:
    """A page of loops with changing pressure and a lift after each line, paper mm."""
    each = points // lines
    t = np.linspace(0.0, 2 * np.pi * loops, each)
    row = np.column_stack(
        [size_mm * (0.35 * t + np.cos(t)), size_mm * np.sin(t) * (1 + 0.3 * np.sin(0.4 * t))]
    )
    xy = np.concatenate([row + np.array([10.0, 20.0 + 4.6 * size_mm * k]) for k in range(lines)])
    down = np.tile(np.arange(each) > 0, lines)
    width = 0.7 + 0.3 * np.sin(0.02 * np.arange(len(xy)))
    return Path(xy, width, np.ones(len(xy)), down)


def spiral(points: int, turns: float, centre_mm: tuple[float, float], radius_mm: float) -> Path:
    """A spiral from 3 mm outwards with pressure in waves, paper mm."""
    share = np.linspace(0.0, 1.0, points)
    r, angle = 3.0 + (radius_mm - 3.0) * share, 2 * np.pi * turns * share
    xy = np.column_stack([r * np.cos(angle), r * np.sin(angle)]) + centre_mm
    width = 0.7 + 0.3 * np.sin(9.0 * angle)
    return Path(xy, width, np.ones(points), np.ones(points, dtype=bool))


def star(points: int, spikes: int = 7) -> Path:
    """A closed line of cusps: a hypocycloid, paper mm."""
    t = np.linspace(0.0, 2 * np.pi, points)
    k = spikes - 1
    xy = 6.0 * np.column_stack([k * np.cos(t) + np.cos(k * t), k * np.sin(t) - np.sin(k * t)]) / spikes * 2
    return Path(xy + 60.0, np.full(points, 0.6), np.ones(points), np.ones(points, dtype=bool))


def random_line(rng: np.random.Generator, points: int, size_mm: float = 30.0) -> Path:
    """A polyline through random places with random pressure and a lift now and then, paper mm."""
    down = rng.uniform(size=points) < 0.8
    down[-1] = True
    return Path(
        rng.uniform(5.0, 5.0 + size_mm, (points, 2)),
        rng.uniform(0.2, 1.4, points),
        rng.uniform(0.3, 1.0, points),
        down,
    )
