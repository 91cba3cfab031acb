"""Drawings of strokes, and what a recording left of them on the paper."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from firmware_bridge.dialects import dialect_of
from firmware_bridge.gcode.words import Line, parse_lines
from firmware_bridge.machine import MachineProfile
from firmware_bridge.program import Envelope, Move, MoveKind, Program
from firmware_bridge.simulator.recording import Recording

UP = 4.0
STEP_MM = 0.0125
Points = list[tuple[float, float]]


def plotter(dialect: str, pen: str = "z") -> MachineProfile:
    """A machine of a dialect that can draw on 10 to 150 mm."""
    arm = dialect == "uarm"
    servo = pen == "servo"
    low, high = (0.0, 1000.0 if dialect == "grbl" else 180.0) if servo else (-3.0, 150.0 if arm else 10.0)
    return MachineProfile(
        name="test plotter",
        dialect=dialect,
        envelope=Envelope(-50.0, 260.0, -150.0, 210.0, low, high),
        max_speed_mm_s=(100.0, 100.0),
        max_acceleration_mm_s2=(1000.0, 1000.0),
        pen_max_speed=4000.0 if servo else 25.0,
        pen_max_acceleration=300.0,
        pen_actuator=pen,
        pen_safe=None if servo else UP,
    )


def program_of(strokes: list[Points], feed: float, pen: str = "z", up: float = UP) -> Program:
    """Strokes with travels between them."""
    top, down = (100.0, 170.0) if pen == "servo" else (up, 0.0)
    moves = []
    for stroke in strokes:
        moves.append(Move(*stroke[0], top, 90.0, MoveKind.TRAVEL))
        moves.append(Move(*stroke[0], down, 15.0, MoveKind.LOWER))
        moves += [Move(*p, down, feed, MoveKind.DRAW) for p in stroke[1:]]
        moves.append(Move(*stroke[-1], top, 15.0, MoveKind.LIFT))
    return Program.of(moves)


def lines_of(program: Program, machine: MachineProfile) -> list[Line]:
    """The program as lines."""
    return parse_lines(dialect_of(machine.dialect).encode(program, machine))


def ink(recording: Recording, pen: str = "z") -> list[NDArray[np.float64]]:
    """The pieces of the way with the pen on the paper, each (n, 2)."""
    down = recording.pen > 135.0 if pen == "servo" else recording.pen < 0.05
    edges = np.flatnonzero(np.diff(np.concatenate([[False], down, [False]]).astype(int)))
    return [_corners(recording.xy_mm[a:b]) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _corners(way: NDArray[np.float64]) -> NDArray[np.float64]:
    """The way without the samples inside its straight lines."""
    way = way[np.append(True, np.hypot(*np.diff(way, axis=0).T) > 1e-9)]
    if len(way) < 3:
        return way
    d = np.diff(way, axis=0)
    d /= np.hypot(*d.T)[:, None]
    turn = np.hypot(*np.diff(d, axis=0).T) > 1e-6
    return way[np.concatenate([[True], turn, [True]])]


def ink_mm(pieces: list[NDArray[np.float64]]) -> float:
    """Length of the ink, what is drawn twice counted twice."""
    return float(sum(np.hypot(*np.diff(p, axis=0).T).sum() for p in pieces))


def drawn_mm(strokes: list[Points]) -> float:
    """Length of the strokes."""
    return ink_mm([np.array(s) for s in strokes])


def dense(strokes: list[Points], every_mm: float = 0.7) -> NDArray[np.float64]:
    """Points along the strokes."""
    found = [np.array(s[:1], dtype=float) for s in strokes]
    for stroke in strokes:
        for a, b in pairwise(stroke):
            n = max(int(np.hypot(b[0] - a[0], b[1] - a[1]) / every_mm), 1)
            t = np.linspace(0.0, 1.0, n + 1)[:, None]
            found.append(np.array([a]) * (1 - t) + np.array([b]) * t)
    return np.concatenate(found)


def farthest_mm(points: NDArray[np.float64], pieces: list[NDArray[np.float64]]) -> float:
    """How far the point farthest from the ink is from it."""
    best = np.full(len(points), np.inf)
    ends = [(p[:-1], p[1:]) if len(p) > 1 else (p, p) for p in pieces if len(p)]
    if ends:
        a, b = (np.concatenate(e) for e in zip(*ends, strict=True))
        way = b - a
        square = np.maximum((way**2).sum(axis=1), 1e-30)
        for i in range(0, len(points), 256):
            p = points[i : i + 256, None]
            t = np.clip(((p - a) * way).sum(axis=2) / square, 0.0, 1.0)
            d = np.hypot(*np.moveaxis(p - (a + t[..., None] * way), 2, 0))
            best[i : i + 256] = np.minimum(best[i : i + 256], d.min(axis=1))
    return float(best.max())


@st.composite
def drawings(draw: st.DrawFn) -> list[Points]:
    """One to three strokes that cross, turn back and stand close to each other."""
    number = st.integers(100, 250).map(lambda n: n * 0.5)
    strokes = []
    for _ in range(draw(st.integers(1, 3))):
        points = [(draw(number), draw(number) - 50.0)]
        for _ in range(draw(st.integers(1, 8))):
            kind = draw(st.sampled_from(["far", "near", "back"]))
            x, y = points[-1]
            if kind == "near":
                goal = (x + draw(st.integers(-4, 4)) * 0.25, y + draw(st.integers(-4, 4)) * 0.25)
            elif kind == "back" and len(points) > 1:
                goal = points[-2]
            else:
                goal = (draw(number), draw(number) - 50.0)
            if goal != points[-1]:
                points.append(goal)
        strokes.append(points if len(points) > 1 else [*points, (points[0][0] + 1.0, points[0][1])])
    return strokes


def with_pen(machine: MachineProfile, **more: object) -> MachineProfile:
    """The same machine with other values."""
    return dataclasses.replace(machine, **more)
