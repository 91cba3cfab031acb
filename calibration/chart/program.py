"""A chart as a program for the machine.

Each mark: travel above the paper to its first point (over ``via_mm`` if it has one), lower
the pen there, rest if asked, draw, lift. Pen values along a mark are those of the chart, not
widths: the chart is there to find out which widths they give.
"""

from __future__ import annotations

import numpy as np

from calibration.chart.spec import Chart, Mark
from calibration.profile import Profile
from firmware_bridge.program import Move, MoveKind, Program


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
