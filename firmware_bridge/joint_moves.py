"""Programs for controllers that know no mechanism: straight moves of the joints.

Nouns:
    piece      one straight joint move; a move of the program becomes one or more of them
    bow        how far the tool leaves the straight line while the joints move straight

A straight joint move from q0 to q1 takes the tool along a bow. Its height, for a short
piece of length L, is the way of the middle

    | F((q0 + q1) / 2) - (p0 + p1) / 2 |   across the line,   F = forward

and falls as 1 / n^2 when a move is cut into n pieces. So n follows from the height in
closed form, and is checked at the quarters of every piece, since a long bow may cross its
line. The pieces of a move are of equal length in mm and are given equal times, so that the
tool keeps the speed that was planned:

    feed of a piece = |(dq1, dq2, dz)| n / T,   T = length / feed of the move in mm

which is how GRBL reads a feed: over the length of the move in all its axes, here joint
units and, for a pen on a z axis, mm. The joints keep to one assembly all along
(``kinematics_of``), so no stroke can flip an elbow.

The first move has no known beginning: it is one joint move, at a feed that every joint can
follow. Sources: R. H. Taylor, "Planning and execution of straight line manipulator
trajectories", IBM J. Res. Dev. 23 (1979), on joint moves of bounded deviation; GRBL 1.1 on feeds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.errors import ReachError
from firmware_bridge.kinematics.base import Array
from firmware_bridge.machine import MachineProfile, kinematics_of
from firmware_bridge.program import Move, Program

# As the chords of a curve: a fifth of a hundredth of a millimetre cannot be seen.
CHORD_ERROR_MM = 0.005
_QUARTERS = (0.25, 0.5, 0.75)
# A bow that is cut this often and still too high belongs to a move that no pieces can make.
_MOST_PIECES = 100_000
_CUTS = 24
# The height falls a little slower than 1 / n^2 at first: some room saves a second cut.
_ROOM = 0.9
_LEAST_LENGTH = 1e-12
# Joint units per s: a piece shorter than a motor step has no speed of its own.
_LEAST_FEED = 1e-3


def for_controller(program: Program, machine: MachineProfile) -> Program:
    """The program as the machine's controller takes it: in mm, or in joint values.

    Raises:
        ReachError: if a raw controller would have to go where the mechanism cannot.
    """
    return to_joint_moves(program, machine) if machine.raw_joints else program


def tool_mm(words: Array, machine: MachineProfile) -> Array:
    """Where the tool stands for x and y words (N, 2) of the machine's controller; machine mm.

    Raises:
        ReachError: for joint values that no pose has.
    """
    xy = np.asarray(words, dtype=np.float64).reshape(-1, 2)
    return kinematics_of(machine).forward(xy) if machine.raw_joints else xy


def tool_of_words(words: tuple[float, float], machine: MachineProfile) -> tuple[float, float]:
    """Where the tool stands for the x and y words of one status report; nan where no pose has them."""
    if not machine.raw_joints:
        return words
    return _pair(kinematics_of(machine).mechanism.forward(np.array([words]))[0])


def controller_words(xy_mm: Array, machine: MachineProfile) -> Array:
    """The x and y words (N, 2) of the machine's controller for machine mm (N, 2).

    Raises:
        ReachError: for a point that the mechanism cannot reach.
    """
    xy = np.asarray(xy_mm, dtype=np.float64).reshape(-1, 2)
    return kinematics_of(machine).inverse(xy) if machine.raw_joints else xy


def joint_step(
    here_mm: tuple[float, float], step_mm: tuple[float, float], feed_mm_s: float, machine: MachineProfile
) -> tuple[float, float, float]:
    """A small step by hand as a step of both joints, with the feed that takes as long.

    Args:
        here_mm: where the tool stands, machine mm.
        step_mm: the step in x and y.
        feed_mm_s: its speed.
        machine: a machine that takes joint values.

    Raises:
        ReachError: if the mechanism cannot stand at either end.
    """
    ends = np.array([here_mm, (here_mm[0] + step_mm[0], here_mm[1] + step_mm[1])])
    way = np.diff(kinematics_of(machine).inverse(ends), axis=0)[0]
    speed = feed_mm_s * float(np.hypot(*way)) / max(float(np.hypot(*step_mm)), _LEAST_LENGTH)
    return (*_pair(way), max(speed, _LEAST_FEED))


def to_joint_moves(
    program: Program, machine: MachineProfile, chord_error_mm: float = CHORD_ERROR_MM
) -> Program:
    """Turns moves in machine mm into moves of the joints that take as long and stay as straight.

    Args:
        program: moves in machine mm.
        machine: its mechanism, joint limits and kind of pen.
        chord_error_mm: greatest distance of the tool from the straight moves.

    Returns:
        A program whose ``x_mm`` and ``y_mm`` are joint values and whose feeds are joint units per s.

    Raises:
        ReachError: if a move leads where the mechanism cannot go; names the point.
    """
    if not program.moves:
        return program
    xy = program.xy_mm()
    count = piece_counts(xy, machine, chord_error_mm)
    owner = np.repeat(np.arange(len(count)), count)
    share = _shares(count)
    joints = kinematics_of(machine).inverse(np.concatenate([xy[:1], _between(xy, owner, share)]))
    pen = np.array([move.pen for move in program.moves])
    heights = np.concatenate([pen[:1], pen[owner] + share * np.diff(pen)[owner]])
    feeds = np.array([move.feed_mm_s for move in program.moves[1:]])

    has_z = machine.pen_actuator == "z"
    ways = np.diff(xy, axis=0)
    length = np.sqrt((ways**2).sum(axis=1) + (np.diff(pen) ** 2 if has_z else 0.0))
    steps = np.column_stack([np.diff(joints, axis=0), np.diff(heights) if has_z else np.zeros(len(owner))])
    joint_length = np.linalg.norm(steps, axis=1)
    piece_s = (length / feeds / count)[owner]
    still = (joint_length < _LEAST_LENGTH) | (piece_s <= 0)
    speed = np.where(still, feeds[owner], joint_length / np.where(still, 1.0, piece_s))

    first = program.moves[0]
    limits = machine.joint_max_speed or machine.max_speed_mm_s
    moves = [Move(*_pair(joints[0]), first.pen, min(limits), first.kind, first.dwell_s)]
    lasts = np.cumsum(count) - 1
    dwell = np.zeros(len(owner))
    dwell[lasts] = [move.dwell_s for move in program.moves[1:]]
    kinds = [program.moves[k + 1].kind for k in owner.tolist()]
    rows = zip(
        joints[1:].tolist(), heights[1:].tolist(), np.maximum(speed, _LEAST_FEED).tolist(), kinds,
        dwell.tolist(), strict=True,
    )  # fmt: skip
    moves += [Move(q[0], q[1], z, feed, kind, rest) for q, z, feed, kind, rest in rows]
    return Program(tuple(moves), program.header)


def piece_counts(xy_mm: Array, machine: MachineProfile, chord_error_mm: float) -> NDArray[np.int64]:
    """Into how many pieces (K-1,) each straight line between K points is cut.

    Raises:
        ReachError: if a line leads where the mechanism cannot go.
    """
    count = np.ones(len(xy_mm) - 1, dtype=np.int64)
    open_lines = np.flatnonzero((np.diff(xy_mm, axis=0) != 0).any(axis=1))
    for _ in range(_CUTS):
        if not len(open_lines):
            return count
        heights = _bows(xy_mm, open_lines, count[open_lines], machine)
        high = heights > chord_error_mm
        open_lines, heights = open_lines[high], heights[high]
        pieces = count[open_lines]
        more = np.sqrt(heights / (_ROOM * chord_error_mm))
        wanted = np.ceil(pieces * np.where(np.isfinite(more), more, 4.0)).astype(np.int64)
        count[open_lines] = np.clip(wanted, pieces + 1, np.maximum(pieces + 1, _MOST_PIECES))
        if (pieces >= _MOST_PIECES).any():
            break
    x, y = xy_mm[int(open_lines[0]) + 1]
    raise ReachError(
        f"The move to ({x:.2f}, {y:.2f}) mm of the machine cannot be made of joint moves: it runs along "
        "the edge of the reach. Move or shrink the drawing."
    )


def _bows(xy: Array, lines: NDArray[np.intp], count: NDArray[np.int64], machine: MachineProfile) -> Array:
    """The height (n,) of the highest bow along each of some lines, inf where a pose is missing."""
    kinematics = kinematics_of(machine)
    # Both ends of every piece: those of one line follow each other.
    corners = count + 1
    which = np.repeat(np.arange(len(lines)), corners)
    number = np.arange(len(which)) - np.repeat(np.cumsum(corners) - corners, corners)
    ends = _between(xy, lines[which], number / count[which])
    joints = kinematics.inverse(ends)
    inner = np.flatnonzero(number < count[which])
    unit = (xy[lines + 1] - xy[lines])[which[inner]]
    unit = unit / np.hypot(unit[:, 0], unit[:, 1])[:, None]
    worst = np.zeros(len(inner))
    for part in _QUARTERS:
        at = (1.0 - part) * joints[inner] + part * joints[inner + 1]
        off = kinematics.mechanism.forward(at) - ends[inner]
        height = np.abs(unit[:, 0] * off[:, 1] - unit[:, 1] * off[:, 0])
        worst = np.maximum(worst, np.where(np.isfinite(height), height, np.inf))
    return np.asarray(np.maximum.reduceat(worst, np.cumsum(count) - count))


def _between(xy: Array, line: NDArray[np.intp], share: Array) -> Array:
    """Points at a share of the way along lines between consecutive points; exact at their ends."""
    part = share[:, None]
    return np.asarray(np.where(part == 1.0, xy[line + 1], xy[line] + part * (xy[line + 1] - xy[line])))


def _shares(count: NDArray[np.int64]) -> Array:
    """Where the pieces end, 1/n to 1 for each line."""
    number = np.arange(1, count.sum() + 1) - np.repeat(np.cumsum(count) - count, count)
    return np.asarray(number / np.repeat(count, count))


def _pair(values: Array) -> tuple[float, float]:
    return float(values[0]), float(values[1])
