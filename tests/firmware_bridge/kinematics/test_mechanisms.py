"""Every mechanism against slow twins: trigonometry point by point, and finite differences."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.errors import ProgramError, ReachError
from firmware_bridge.kinematics import (
    Cartesian,
    CoreXY,
    FiveBar,
    Kinematics,
    Polargraph,
    Scara,
    read_mechanism,
    write_mechanism,
)
from firmware_bridge.program import Envelope

BOX = Envelope(-2000.0, 2000.0, -2000.0, 2000.0, 0.0, 5.0)
RIGHT = Scara((150.0, 120.0), (10.0, -5.0), (30.0, 60.0))
LEFT = Scara((150.0, 120.0), (10.0, -5.0), (30.0, -60.0), "left", (-170.0, -120.0), (170.0, 60.0))
FIVE = FiveBar((-25.0, 3.0), (25.0, -3.0), (80.0, 84.0), (110.0, 105.0), (150.0, 30.0))
CABLES = Polargraph((0.0, 700.0), (800.0, 720.0), (500.0, 480.0), (-500.0, -500.0), (600.0, 600.0))
ALL = [Cartesian(), CoreXY(), RIGHT, LEFT, FIVE, CABLES]


def reachable_points(mechanism, seed, count=400):
    """Points in reach, found by trying."""
    tried = np.random.default_rng(seed).uniform(-900, 900, (200 * count, 2))
    if not isinstance(mechanism, Polargraph):
        tried /= 3
    return tried[Kinematics(mechanism, BOX).reachable(tried)][:count]


def slow_forward(mechanism, joints):
    """One pose, by trigonometry that anyone can follow."""
    a, b = joints
    if isinstance(mechanism, Cartesian):
        return a, b
    if isinstance(mechanism, CoreXY):
        return (a + b) / 2, (a - b) / 2
    if isinstance(mechanism, Scara):
        upper = math.radians(a + mechanism.zero_deg[0])
        fore = upper + math.radians(b + mechanism.zero_deg[1])
        x = (
            mechanism.base_mm[0]
            + mechanism.link_mm[0] * math.cos(upper)
            + mechanism.link_mm[1] * math.cos(fore)
        )
        y = (
            mechanism.base_mm[1]
            + mechanism.link_mm[0] * math.sin(upper)
            + mechanism.link_mm[1] * math.sin(fore)
        )
        return x, y
    if isinstance(mechanism, FiveBar):
        elbows = []
        for k, motor in enumerate((mechanism.left_motor_mm, mechanism.right_motor_mm)):
            angle = math.radians((a, b)[k] + mechanism.zero_deg[k])
            elbows.append(
                complex(*motor) + mechanism.driven_mm[k] * complex(math.cos(angle), math.sin(angle))
            )
        return meet(elbows[0], elbows[1], *mechanism.forearm_mm, 1)
    cables = (a + mechanism.zero_mm[0], b + mechanism.zero_mm[1])
    return meet(complex(*mechanism.left_anchor_mm), complex(*mechanism.right_anchor_mm), *cables, -1)


def on_circle(radius, angle):
    return radius * complex(math.cos(angle), math.sin(angle))


def meet(first, second, r1, r2, side):
    """The corner of a triangle over the base first-second, by the law of cosines."""
    base = second - first
    cosine = (r1**2 + abs(base) ** 2 - r2**2) / (2 * r1 * abs(base))
    corner = first + r1 * base / abs(base) * complex(cosine, side * math.sqrt(1 - cosine**2))
    return corner.real, corner.imag


@pytest.mark.parametrize("mechanism", ALL, ids=lambda m: m.type)
def test_inverse_and_forward_undo_each_other_and_agree_with_trigonometry(mechanism):
    kinematics = Kinematics(mechanism, BOX)
    xy = reachable_points(mechanism, 1)
    assert len(xy) == 400
    joints = kinematics.inverse(xy)
    np.testing.assert_allclose(kinematics.forward(joints), xy, atol=1e-9)
    slow = [slow_forward(mechanism, q) for q in joints[:60].tolist()]
    np.testing.assert_allclose(slow, xy[:60], atol=1e-9)
    assert (joints >= mechanism.joint_min).all()
    assert (joints <= mechanism.joint_max).all()


@pytest.mark.parametrize("mechanism", ALL, ids=lambda m: m.type)
def test_the_jacobian_is_the_slope_of_the_inverse(mechanism):
    kinematics, step = Kinematics(mechanism, BOX), 1e-4
    xy = reachable_points(mechanism, 2)
    moved = [mechanism.joints_at(xy + d)[0] - mechanism.joints_at(xy - d)[0] for d in np.eye(2) * step]
    slope = np.stack(moved, axis=2) / (2 * step)
    jacobian = kinematics.jacobian(xy)
    np.testing.assert_allclose(jacobian, slope, atol=1e-6 * np.abs(jacobian).max())


@settings(max_examples=60)
@given(
    kind=st.sampled_from([RIGHT, LEFT]),
    links=st.tuples(st.floats(20.0, 400.0), st.floats(20.0, 400.0)),
    base=st.tuples(st.floats(-500.0, 500.0), st.floats(-500.0, 500.0)),
    zero=st.tuples(st.floats(-180.0, 180.0), st.floats(-180.0, 180.0)),
    angle=st.floats(-math.pi, math.pi),
    part=st.floats(0.0, 1.0),
)
def test_any_scara_reaches_its_ring_and_nothing_else(kind, links, base, zero, angle, part):
    limits = {"joint_min": (-175.0, -175.0), "joint_max": (175.0, 175.0)}
    arm = dataclasses.replace(kind, link_mm=links, base_mm=base, zero_deg=zero, **limits)
    kinematics = Kinematics(arm, BOX)
    near, far = (
        math.sqrt(links[0] ** 2 + links[1] ** 2 + 2 * links[0] * links[1] * math.cos(math.radians(bend)))
        for bend in (170.0, 10.0)
    )
    way = np.array([[math.cos(angle), math.sin(angle)]])
    inside = np.array([base]) + (near + 1e-6 + part * (far - near - 2e-6)) * way
    joints = arm.joints_at(inside)[0]
    if (np.abs(joints) <= 175.0).all():
        np.testing.assert_allclose(kinematics.forward(kinematics.inverse(inside)), inside, atol=1e-9)
    else:
        assert not kinematics.reachable(inside).any()
    for wrong in (near - 1e-3, far + 1e-3):
        assert not kinematics.reachable(np.array([base]) + wrong * way).any()


@settings(max_examples=40)
@given(mechanism=st.sampled_from([RIGHT, LEFT, FIVE, CABLES]), seed=st.integers(0, 10**6))
def test_a_path_within_reach_never_flips_the_arm(mechanism, seed):
    kinematics = Kinematics(mechanism, BOX)
    ends = reachable_points(mechanism, seed, 2)
    path = ends[0] + np.linspace(0, 1, 2001)[:, None] * (ends[1] - ends[0])
    inside = path[kinematics.reachable(path)]
    joints = kinematics.inverse(inside)
    neighbours = np.hypot(*np.diff(inside, axis=0).T) < 1.5 * np.hypot(*(path[1] - path[0]))
    slope = np.abs(kinematics.jacobian(inside)).sum(axis=2).max(axis=1)
    allowed = 1.5 * np.maximum(slope[1:], slope[:-1]) * np.hypot(*(path[1] - path[0])) + 1e-9
    assert (np.abs(np.diff(joints, axis=0)).max(axis=1) <= allowed)[neighbours].all()


def elbow_side(arm, joints):
    """+1 where the elbow lies on the left of the way from the base to the tool, -1 on the right."""
    tool = np.array(slow_forward(arm, joints)) - arm.base_mm
    angle = math.radians(joints[0] + arm.zero_deg[0])
    return math.copysign(1.0, tool[0] * math.sin(angle) - tool[1] * math.cos(angle))


@pytest.mark.parametrize(("arm", "side"), [(RIGHT, -1.0), (LEFT, 1.0)])
def test_the_elbow_is_on_the_side_that_the_profile_names(arm, side):
    joints = Kinematics(arm, BOX).inverse(reachable_points(arm, 3, 50))
    assert {elbow_side(arm, q) for q in joints.tolist()} == {side}


def test_the_pen_of_a_five_bar_is_beyond_its_elbows_and_of_a_polargraph_below_its_anchors():
    xy = reachable_points(FIVE, 4)
    angle = np.radians(Kinematics(FIVE, BOX).inverse(xy) + FIVE.zero_deg)
    first = FIVE.left_motor_mm + FIVE.driven_mm[0] * np.column_stack(
        [np.cos(angle[:, 0]), np.sin(angle[:, 0])]
    )
    second = FIVE.right_motor_mm + FIVE.driven_mm[1] * np.column_stack(
        [np.cos(angle[:, 1]), np.sin(angle[:, 1])]
    )
    base, way = second - first, xy - first
    assert (base[:, 0] * way[:, 1] - base[:, 1] * way[:, 0] > 0).all()
    assert (reachable_points(CABLES, 5)[:, 1] < 720).all()


def test_a_polargraph_refuses_loose_and_tight_cables():
    level = dataclasses.replace(CABLES, right_anchor_mm=(800.0, 700.0))
    kinematics = Kinematics(level, BOX)
    for x, y in reachable_points(level, 6, 100).tolist():
        up = np.array([[-x, 700.0 - y], [800.0 - x, 700.0 - y]])
        up /= np.linalg.norm(up, axis=1)[:, None]
        tension = np.linalg.solve(up.T, [0.0, 1.0])
        assert (tension >= 0.2).all()
        assert (tension <= 1.5).all()
    for x, y, why in (
        (400.0, 690.0, "too near"),
        (20.0, 100.0, "right cable .* loose"),
        (400.0, 705.0, "too near"),
    ):
        with pytest.raises(ReachError, match=rf"\({x:.2f}, {y:.2f}\) mm .* out of reach: .*{why}"):
            kinematics.inverse(np.array([[400.0, 300.0], [x, y]]))


def test_an_unreachable_point_is_named_once_and_with_its_reason():
    points = np.array([[100.0, 100.0], [300.0, 50.0], [400.0, 0.0]])
    for ask in (Kinematics(RIGHT, BOX).inverse, Kinematics(RIGHT, BOX).jacobian):
        with pytest.raises(ReachError, match=r"\(300\.00, 50\.00\) mm .* straight or folded"):
            ask(points)
    limited = dataclasses.replace(RIGHT, joint_min=(-10.0, -90.0), joint_max=(20.0, 90.0))
    with pytest.raises(ReachError, match=r"joint 1 would stand at 56\.2.*, beyond its -10 to 20"):
        Kinematics(limited, BOX).inverse(np.array([[-100.0, 150.0]]))
    with pytest.raises(ReachError, match=r"No pose has the joint values 90\.00 and -90\.00 deg"):
        Kinematics(dataclasses.replace(FIVE, zero_deg=(90.0, 90.0), forearm_mm=(90.0, 90.0)), BOX).forward(
            np.array([[90.0, -90.0]])
        )
    with pytest.raises(ReachError, match="nan"):
        Kinematics(RIGHT, BOX).inverse(np.array([[math.nan, 0.0]]))


@pytest.mark.parametrize("mechanism", ALL, ids=lambda m: m.type)
def test_no_points_give_no_joints(mechanism):
    kinematics, none = Kinematics(mechanism, BOX), np.zeros((0, 2))
    assert kinematics.inverse(none).shape == kinematics.forward(none).shape == (0, 2)
    assert kinematics.jacobian(none).shape == (0, 2, 2)
    assert kinematics.reachable(none).shape == (0,)


@pytest.mark.parametrize("mechanism", ALL, ids=lambda m: m.type)
def test_a_mechanism_is_written_and_read_back(mechanism):
    assert read_mechanism(write_mechanism(mechanism)) == mechanism


SCARA = {"type": "scara", "link_mm": [150, 120]}


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("delta", "kinematics is 'delta': choose one of cartesian, corexy, fivebar"),
        (3, "kinematics is 3"),
        ({}, "kinematics is None"),
        ({"type": ["scara"]}, "kinematics is"),
        ({"type": "scara"}, r"kinematics\.link_mm is missing"),
        ({**SCARA, "arm": 3}, r"kinematics\.arm \(scara\) is not a known key"),
        ({**SCARA, "link_mm": [150]}, r"kinematics\.link_mm is \[150\]"),
        ({**SCARA, "link_mm": [150, 0.1]}, r"kinematics\.link_mm is 0\.1: for scara"),
        ({**SCARA, "link_mm": [150, "a"]}, r"kinematics\.link_mm is 'a'"),
        ({**SCARA, "link_mm": [150, True]}, r"kinematics\.link_mm is True"),
        ({**SCARA, "base_mm": [math.nan, 0]}, r"kinematics\.base_mm is nan"),
        ({**SCARA, "zero_deg": 3}, r"kinematics\.zero_deg is 3"),
        ({**SCARA, "elbow": "up"}, r"kinematics\.elbow is 'up': choose left or right"),
        ({**SCARA, "elbow": ["left"]}, r"kinematics\.elbow"),
        ({**SCARA, "joint_min": [90, 0], "joint_max": [-90, 90]}, r"kinematics\.joint_max of joint 1"),
        ({**SCARA, "joint_min": [-300, 0], "joint_max": [90, 90]}, "at most 350 wide"),
        ({**write_mechanism(FIVE), "elbows": ["left"]}, r"kinematics\.elbows"),
        ({**write_mechanism(FIVE), "elbows": "left"}, r"kinematics\.elbows"),
        ({**write_mechanism(CABLES), "right_anchor_mm": [-1, 700]}, r"kinematics\.right_anchor_mm lies left"),
        ({**write_mechanism(CABLES), "zero_mm": [-1, 700]}, r"kinematics\.zero_mm is -1"),
    ],
)
def test_a_wrong_parameter_is_refused_and_its_key_named(table, words):
    with pytest.raises(ProgramError, match=words):
        read_mechanism(table)
