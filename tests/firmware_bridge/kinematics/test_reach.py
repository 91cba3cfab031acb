"""What preflight says about arms: points, lines and the first swing out of reach, and a cure that works."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.checks import preflight
from firmware_bridge.checks.preflight import Severity
from firmware_bridge.errors import PreflightError
from firmware_bridge.kinematics import FiveBar, Scara
from firmware_bridge.kinematics.reach import lost_on_lines, lost_points, shift_into_reach, whereabouts
from firmware_bridge.machine import kinematics_of
from firmware_bridge.program import Envelope, Move, MoveKind, Program

ARM = Scara((150.0, 120.0), (0.0, 0.0), (0.0, 90.0), "right", (-80.0, -75.0), (160.0, 75.0))


@pytest.fixture(scope="module")
def arm(machine):
    return dataclasses.replace(
        machine, kinematics=ARM, raw_joints=True, envelope=Envelope(-300.0, 300.0, 0.0, 300.0, -3.0, 10.0),
        joint_max_speed=(150.0, 150.0), joint_max_acceleration=(600.0, 600.0),
    )  # fmt: skip


def stroke(*points, feed=50.0):
    moves = [Move(*points[0], 5.0, 90.0, MoveKind.TRAVEL), Move(*points[0], 0.0, 15.0, MoveKind.LOWER)]
    moves += [Move(*p, 0.0, feed, MoveKind.DRAW) for p in points[1:]]
    return Program.of([*moves, Move(*points[-1], 5.0, 15.0, MoveKind.LIFT)])


def test_a_drawing_in_reach_has_no_findings(arm):
    assert preflight.require(stroke((0.0, 150.0), (50.0, 180.0)), arm) == []


@pytest.mark.parametrize("raw", [True, False])
def test_a_point_out_of_reach_is_named_with_its_place_its_reason_and_a_cure(arm, raw):
    machine = dataclasses.replace(arm, raw_joints=raw)
    points = ((0.0, 150.0), (-120.0, 290.0), (-100.0, 290.0))
    with pytest.raises(PreflightError) as caught:
        preflight.require(stroke(*points), machine)
    words = str(caught.value)
    assert (
        "The arm cannot reach the point (-120.00, 290.00) mm and 2 more, at the upper left of the drawing"
        in words
    )
    assert "the arm would be straight or folded" in words
    shift = re.search(r"move the drawing by ([-+0-9]+), ([-+0-9]+) mm", words)
    moved = np.array(points) + np.array(shift.groups(), dtype=float)
    assert preflight.require(stroke(*moved.tolist()), machine) == []


def test_a_drawing_that_is_too_large_is_to_be_shrunk(arm):
    with pytest.raises(PreflightError, match="shrink the drawing, or lay the paper elsewhere"):
        preflight.require(stroke((-290.0, 20.0), (290.0, 290.0)), arm)


def test_joint_limits_count(arm):
    narrow = dataclasses.replace(ARM, joint_min=(-80.0, -20.0), joint_max=(160.0, 20.0))
    machine = dataclasses.replace(arm, kinematics=narrow)
    with pytest.raises(PreflightError, match=r"joint 2 would stand at -45\.3, beyond its -20 to 20 deg"):
        preflight.require(stroke((0.0, 180.0), (0.0, 250.0)), machine)


def test_a_line_between_points_in_reach_may_leave_it(arm):
    free = dataclasses.replace(ARM, link_mm=(150.0, 60.0), joint_min=(-175.0, -80.0), joint_max=(175.0, 80.0))
    machine = dataclasses.replace(arm, kinematics=free)
    with pytest.raises(PreflightError, match=r"A move passes \(-.*, 60\.00\) mm, which is out of the arm"):
        preflight.require(stroke((-130.0, 60.0), (130.0, 60.0)), machine)


def test_a_first_swing_that_leaves_the_envelope_is_a_warning(arm):
    box = dataclasses.replace(arm.envelope, x_max_mm=160.0, y_max_mm=160.0)
    machine = dataclasses.replace(arm, envelope=box)
    findings = preflight.check(stroke((-100.0, 150.0), (-80.0, 150.0)), machine)
    assert [f.severity for f in findings] == [Severity.WARNING]
    assert "swing to the first point" in findings[0].message


def test_speeds_of_the_joints_are_judged(arm):
    near = stroke((0.0, 70.0), (0.0, 72.0), feed=2000.0)
    findings = preflight.check(near, dataclasses.replace(arm, max_speed_mm_s=(2000.0, 2000.0)))
    assert any("times the speed limit" in f.message for f in findings)
    slow = stroke((0.0, 70.0), (0.0, 72.0), feed=10.0)
    assert preflight.check(slow, arm) == []


def test_raw_gcode_is_judged_by_where_the_tool_goes(arm):
    assert preflight.check_lines(["G21 G90", "G0 Z5", "G1 X10 Y-10 F600", "G0 Z10"], arm) == []
    with pytest.raises(PreflightError, match=r"joint 1 would stand at 160\.., beyond"):
        preflight.require_lines(["G21 G90", "G0 Z5", "G1 X170 Y-10 F6000"], dataclasses.replace(
            arm, envelope=Envelope(-300.0, 300.0, -300.0, 300.0, -3.0, 10.0)))  # fmt: skip
    five = FiveBar((-25.0, 0.0), (25.0, 0.0), (80.0, 80.0), (90.0, 90.0), (120.0, 60.0),
                   ("left", "right"), (-90.0, -90.0), (90.0, 90.0))  # fmt: skip
    with pytest.raises(PreflightError, match="No pose has the joint values"):
        preflight.require_lines(["G21 G90", "G1 X80 Y-80 F600"], dataclasses.replace(arm, kinematics=five))


@settings(max_examples=30)
@given(
    corner=st.tuples(st.floats(-280.0, 200.0), st.floats(5.0, 250.0)),
    size=st.tuples(st.floats(1.0, 80.0), st.floats(1.0, 45.0)),
)
def test_a_shift_brings_all_points_into_reach_and_is_the_shortest(arm, corner, size):
    kinematics = kinematics_of(arm)
    share = np.stack(np.meshgrid(np.linspace(0, 1, 9), np.linspace(0, 1, 7)), -1).reshape(-1, 2)
    points = np.array(corner) + share * size
    shift = shift_into_reach(points, kinematics)
    grid = np.stack(np.meshgrid(np.arange(-300, 301, 5), np.arange(-300, 301, 5)), -1).reshape(-1, 2)
    slow = [g for g in grid.astype(float) if np.hypot(*g) <= np.hypot(*(shift or (300.0, 0.0))) + 1e-9]
    fits = [np.hypot(*g) for g in slow if kinematics.reachable(points + g).all()]
    if shift is None:
        assert not fits
    else:
        assert kinematics.reachable(points + shift).all()
        assert min(fits) == pytest.approx(np.hypot(*shift))


def test_gantries_lose_nothing_but_what_lies_outside(machine):
    kinematics = kinematics_of(machine)
    xy = np.array([[0.0, 0.0], [100.0, 100.0], [500.0, 100.0]])
    np.testing.assert_array_equal(lost_points(xy, kinematics), xy[2:])
    assert len(lost_on_lines(xy[:2], kinematics)) == 0
    assert len(lost_on_lines(xy[:1], kinematics)) == 0
    np.testing.assert_array_less(205.0, lost_on_lines(xy, kinematics)[:, 0])


@pytest.mark.parametrize(
    ("point", "words"),
    [((0, 0), "at the lower left"), ((10, 9), "at the upper right"), ((5, 5), "at the middle"),
     ((5, 0), "at the bottom"), ((5, 10), "at the top"), ((9, 5), "at the right")],
)  # fmt: skip
def test_places_in_words(point, words):
    assert whereabouts(np.array(point), np.array([[0.0, 0.0], [10.0, 10.0]])) == words
