"""Joint moves: as straight, as fast and as long as the moves in mm that they stand for."""

from __future__ import annotations

import dataclasses
import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.dialects import dialect_of
from firmware_bridge.errors import PreflightError, ReachError
from firmware_bridge.events import Position
from firmware_bridge.job.device import open_device
from firmware_bridge.joint_moves import (
    CHORD_ERROR_MM,
    controller_words,
    for_controller,
    joint_step,
    to_joint_moves,
    tool_mm,
)
from firmware_bridge.kinematics import FiveBar, Polargraph, Scara
from firmware_bridge.machine import kinematics_of
from firmware_bridge.program import Envelope, Move, MoveKind, Program
from firmware_bridge.simulator import simulate_lines
from tests.support.trajectory_shapes import distance_to_polyline

DRAW, TRAVEL, LIFT, LOWER = MoveKind.DRAW, MoveKind.TRAVEL, MoveKind.LIFT, MoveKind.LOWER

# Each with a square of 100 mm that lies in its reach.
ARMS = {
    "scara": (Scara((150.0, 120.0), (0.0, 0.0), (0.0, 90.0), "right", (-80, -75), (160, 75)), (-50.0, 120.0)),
    "left": (Scara((150.0, 120.0), (0.0, 0.0), (150.0, -90.0), "left", (-120, -75), (120, 75)), (-50, 120)),
    "fivebar": (
        FiveBar((-25.0, 0.0), (25.0, 0.0), (80.0, 80.0), (110.0, 110.0), (150.0, 30.0),
                ("left", "right"), (-90.0, -90.0), (90.0, 90.0)),
        (-50.0, 55.0),
    ),
    "polargraph": (
        Polargraph((0.0, 700.0), (600.0, 700.0), (424.0, 424.0), (-300.0, -300.0), (300.0, 300.0)),
        (250.0, 300.0),
    ),
}  # fmt: skip


def raw(machine, name, actuator="z"):
    """A machine of this mechanism with a raw controller, and the corner of its square."""
    mechanism, corner = ARMS[name]
    box = Envelope(-400.0, 1000.0, 0.0, 690.0, *((-3.0, 10.0) if actuator == "z" else (0.0, 1000.0)))
    return (
        dataclasses.replace(
            machine, kinematics=mechanism, raw_joints=True, envelope=box, pen_actuator=actuator,
            joint_max_speed=(150.0, 150.0), joint_max_acceleration=(600.0, 600.0),
            steps_per_mm=(2000.0, 2000.0, 2000.0), line_rate_per_s=2000.0,
        ),
        np.array(corner),
    )  # fmt: skip


def stroke(points, feed=20.0, pens=(0.0,)):
    first, last = points[0], points[-1]
    drawn = [Move(*p, pens[k % len(pens)], feed, DRAW) for k, p in enumerate(points[1:], 1)]
    return Program.of(
        [
            Move(*first, 5.0, 90.0, TRAVEL),
            Move(*first, pens[0], 15.0, LOWER),
            *drawn,
            Move(*last, 5.0, 15.0, LIFT, 0.25),
        ],
        ["a header"],
    )


def distance_to_line(points, start, end):
    way = end - start
    return np.abs(way[0] * (points[:, 1] - start[1]) - way[1] * (points[:, 0] - start[0])) / np.hypot(*way)


@settings(max_examples=40)
@given(
    name=st.sampled_from(sorted(ARMS)),
    shares=st.lists(st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)), min_size=2, max_size=5),
    tolerance=st.sampled_from([CHORD_ERROR_MM, 0.1]),
)
def test_the_tool_stays_on_the_lines_and_the_moves_take_as_long(machine, name, shares, tolerance):
    arm, corner = raw(machine, name)
    points = np.round(corner + 100.0 * np.array(shares), 3)
    points = points[np.append(True, np.hypot(*np.diff(points, axis=0).T) > 0.1)]
    program = stroke(points.tolist(), pens=(0.0, -0.5, -1.0))
    moves = to_joint_moves(program, arm, tolerance)
    forward = kinematics_of(arm).forward

    assert moves.header == program.header
    assert [m.kind for m in moves][:2] == [TRAVEL, LOWER]
    assert [m.dwell_s for m in moves] == [0.0] * (len(moves) - 1) + [0.25]
    assert moves.moves[-1].feed_mm_s == pytest.approx(15.0)

    piece = 1
    for before, after in zip(program.moves, program.moves[1:], strict=False):
        start, end = np.array([before.x_mm, before.y_mm]), np.array([after.x_mm, after.y_mm])
        time_s, here = 0.0, np.array([*moves.xy_mm()[piece - 1], moves.moves[piece - 1].pen])
        while True:
            move = moves.moves[piece]
            there = np.array([move.x_mm, move.y_mm, move.pen])
            time_s += float(np.linalg.norm(there - here)) / move.feed_mm_s
            if (start != end).any():
                between = here[:2] + np.linspace(0, 1, 41)[:, None] * (there - here)[:2]
                assert distance_to_line(forward(between), start, end).max() <= tolerance * 1.01
            here, piece = there, piece + 1
            np.testing.assert_array_less(np.abs(there[:2]), 400.0)
            if np.abs(forward(there[None, :2])[0] - end).max() < 1e-9 and move.pen == after.pen:
                break
        length = float(np.linalg.norm([*(end - start), after.pen - before.pen]))
        assert time_s == pytest.approx(length / after.feed_mm_s, rel=0.02)
    assert piece == len(moves)


def test_a_line_is_cut_into_few_pieces(machine):
    arm, corner = raw(machine, "scara")
    short = to_joint_moves(stroke([corner, corner + np.array([0.5, 0.0])]), arm)
    assert len(short) == 4  # half a millimetre is straight enough for the joints
    long = to_joint_moves(stroke([corner, corner + np.array([100.0, 0.0])]), arm)
    # 100 mm at about 150 mm from the base bow by about L^2 / 8R = 8 mm: sqrt(8 / 0.005) = 40.
    assert 20 < len(long) < 90


@pytest.mark.parametrize("actuator", ["z", "servo"])
@pytest.mark.parametrize("name", sorted(ARMS))
def test_the_virtual_controller_draws_the_lines_in_the_time_planned(machine, name, actuator):
    arm, corner = raw(machine, name, actuator)
    square = corner + np.array([[10, 10], [90, 10], [90, 90], [10, 90], [10, 10]])
    program = stroke(square.tolist(), feed=10.0, pens=(0.0,))
    lines = dialect_of("grbl").encode(program, arm)
    assert lines == dialect_of("grbl").encode(program, arm)
    recording = simulate_lines(lines, arm)
    xy = tool_mm(recording.xy_mm, arm)
    np.testing.assert_allclose(xy[0], arm.start_mm, atol=1e-6)
    at = [int(np.hypot(*(xy - p).T).argmin()) for p in square[:4]]
    at.append(at[3] + int(np.hypot(*(xy[at[3] :] - square[4]).T).argmin()))
    for k, (start, end) in enumerate(pairwise(square)):
        side = xy[at[k] : at[k + 1] + 1]
        assert distance_to_line(side, start, end).max() < 0.02
        if k:  # at the first corner the pen comes down before it leaves
            assert recording.t_s[at[k + 1]] - recording.t_s[at[k]] == pytest.approx(8.0, rel=0.02)


def test_a_marlin_board_may_take_joints_too(machine):
    arm, corner = raw(dataclasses.replace(machine, dialect="marlin"), "scara")
    end = corner + np.array([40.0, 30.0])
    lines = dialect_of("marlin").encode(stroke([corner, end]), arm)
    last = [re.findall(r"[XY](-?[0-9.]+)", line) for line in lines if "X" in line and "Y" in line][-1]
    np.testing.assert_allclose(tool_mm(np.array([last], dtype=float), arm)[0], end, atol=0.01)


def test_hand_moves_and_positions_are_in_mm(machine):
    arm, _ = raw(machine, "scara")
    seen = []
    with open_device(arm) as device:
        x, y = arm.start_mm
        device.jog(dx_mm=-10.0, dy_mm=5.0)
        device.jog(dpen=-1.0)
        device.run(stroke([(0.0, 150.0), (20.0, 150.0)], feed=10.0), seen.append)
        recording = device.transport.recording()
    tool = tool_mm(recording.xy_mm, arm)
    assert np.hypot(*(tool - (x - 10.0, y + 5.0)).T).min() < 0.01
    places = np.array([(event.x_mm, event.y_mm) for event in seen if isinstance(event, Position)])
    assert len(places) > 3
    # The travel is fast: samples 2 ms apart are up to 1 mm from each other.
    assert distance_to_polyline(places, tool) < 0.01
    with open_device(arm) as device, pytest.raises(PreflightError, match="y to -"):
        device.jog(dy_mm=-130.0)
    with open_device(arm) as device, pytest.raises(ReachError, match="straight or folded"):
        device.jog(dy_mm=150.0)


def test_a_machine_that_takes_mm_gets_its_program_unchanged(machine):
    program = stroke([(0.0, 0.0), (10.0, 5.0)])
    assert for_controller(program, machine) is program
    words = np.array([[1.0, 2.0]])
    np.testing.assert_array_equal(tool_mm(words, machine), words)
    np.testing.assert_array_equal(controller_words(words, machine), words)
    assert machine.as_controller() is machine
    assert machine.start_mm == (0.0, 0.0)


def test_a_raw_controller_knows_joints_alone(machine):
    arm, _ = raw(machine, "scara")
    seen = arm.as_controller()
    assert (seen.envelope.x_min_mm, seen.envelope.y_max_mm) == (-80.0, 75.0)
    assert seen.max_speed_mm_s == arm.joint_max_speed
    assert seen.max_acceleration_mm_s2 == arm.joint_max_acceleration
    assert not seen.raw_joints
    assert seen.as_controller() is seen
    np.testing.assert_allclose(arm.start_mm, (150.0, 120.0), atol=1e-9)


def test_words_and_mm_undo_each_other(machine):
    arm, corner = raw(machine, "fivebar")
    xy = corner + np.array([[0.0, 0.0], [30.0, 40.0]])
    np.testing.assert_allclose(tool_mm(controller_words(xy, arm), arm), xy, atol=1e-9)


def test_a_step_by_hand_leads_where_it_says(machine):
    arm, corner = raw(machine, "scara")
    here = corner + np.array([20.0, 20.0])
    a, b, feed = joint_step(tuple(here), (3.0, -4.0), 10.0, arm)
    joints = controller_words(here[None], arm) + np.array([a, b])
    np.testing.assert_allclose(tool_mm(joints, arm)[0], here + np.array([3.0, -4.0]), atol=1e-9)
    assert np.hypot(a, b) / feed == pytest.approx(0.5)
    assert joint_step(tuple(here), (0.0, 0.0), 10.0, arm)[:2] == (0.0, 0.0)


def test_moves_out_of_reach_are_named(machine):
    arm, _ = raw(machine, "scara")
    with pytest.raises(ReachError, match=r"\(300\.00, 100\.00\) mm"):
        to_joint_moves(stroke([(0.0, 150.0), (300.0, 100.0)]), arm)
    limits = {"joint_min": (-175.0, -80.0), "joint_max": (175.0, 80.0)}
    ring = dataclasses.replace(arm.kinematics, link_mm=(150.0, 60.0), **limits)
    free = dataclasses.replace(arm, kinematics=ring)
    with pytest.raises(ReachError, match="straight or folded"):
        to_joint_moves(stroke([(-130.0, 60.0), (130.0, 60.0)]), free)  # across the hole of the ring


def test_an_empty_program_and_a_single_point(machine):
    arm, corner = raw(machine, "polargraph")
    assert len(to_joint_moves(Program(()), arm)) == 0
    dot = to_joint_moves(stroke([corner, corner]), arm)
    assert [m.kind for m in dot] == [TRAVEL, LOWER, DRAW, LIFT]
