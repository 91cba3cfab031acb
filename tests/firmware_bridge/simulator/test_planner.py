from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator.grbl.controller import VirtualGrbl
from firmware_bridge.simulator.grbl.settings import Settings
from firmware_bridge.simulator.motion import MotionExecutor
from firmware_bridge.simulator.planner import Planner, limit_along
from firmware_bridge.simulator.recording import Recorder

ORIGIN = (0.0, 0.0, 0.0)
POINT = st.tuples(
    st.floats(0.0, 30.0, allow_nan=False),
    st.floats(0.0, 30.0, allow_nan=False),
    st.floats(0.0, 3.0, allow_nan=False),
)
# Short steps in nearly one direction exercise the look-ahead; far points exercise the cruise.
NEAR = st.lists(
    st.tuples(st.floats(0.02, 1.0), st.floats(-1.0, 1.0), st.sampled_from([0.0, 0.0, 0.1])),
    min_size=1,
    max_size=14,
).map(lambda steps: [tuple(p) for p in np.cumsum(steps, axis=0).tolist()])
WAYS = st.one_of(NEAR, st.lists(POINT, min_size=1, max_size=14))
FEEDS = st.lists(st.floats(1.0, 150.0), min_size=14, max_size=14)


def filled_planner(
    machine: MachineProfile, way: list[tuple[float, float, float]], feeds: list[float]
) -> Planner:
    planner = Planner(Settings(machine), 15, ORIGIN)
    for point, feed in zip(way, feeds, strict=False):
        planner.add(point, feed, False)
    return planner


def slow_entry_speeds_sqr(
    machine: MachineProfile, points: NDArray[np.float64], feeds: list[float]
) -> list[float]:
    """The greatest speeds at the points that obey every constraint, by relaxation until nothing changes."""
    limits_v = np.array([*machine.max_speed_mm_s, machine.pen_max_speed])
    limits_a = np.array([*machine.max_acceleration_mm_s2, machine.pen_max_acceleration])
    legs = np.diff(points, axis=0)
    lengths = np.linalg.norm(legs, axis=1)
    units = legs / lengths[:, None]
    with np.errstate(divide="ignore"):
        accelerations = (limits_a / np.abs(units)).min(axis=1)
        rapids = (limits_v / np.abs(units)).min(axis=1)
    nominal = np.minimum(feeds[: len(legs)], rapids)
    best = [0.0] + [math.inf] * (len(legs) - 1) + [0.0]
    for i in range(1, len(legs)):
        before, after = units[i - 1], units[i]
        turn = math.acos(float(np.clip(before @ after, -1.0, 1.0)))
        half_sin = math.sin((math.pi - turn) / 2.0)
        best[i] = min(nominal[i - 1], nominal[i]) ** 2
        if math.cos(turn) < -0.999999:
            best[i] = 0.0
        elif math.cos(turn) <= 0.999999:
            bend = (after - before) / np.linalg.norm(after - before)
            with np.errstate(divide="ignore"):
                a = float((limits_a / np.abs(bend)).min())
            best[i] = min(best[i], a * machine.junction_deviation_mm * half_sin / (1.0 - half_sin))
    changed = True
    while changed:
        changed = False
        for i in range(len(legs)):
            reach = 2.0 * accelerations[i] * lengths[i]
            for this, other in ((i, i + 1), (i + 1, i)):
                if best[this] > best[other] + reach + 1e-12:
                    best[this] = best[other] + reach
                    changed = True
    return best[:-1]


@settings(deadline=None, max_examples=150)
@given(way=WAYS, feeds=FEEDS)
def test_look_ahead_equals_the_slow_oracle(
    machine: MachineProfile, way: list[tuple[float, float, float]], feeds: list[float]
) -> None:
    planner = Planner(Settings(machine), 15, ORIGIN)
    kept = [f for p, f in zip(way, feeds, strict=False) if planner.add(p, f, False)]
    if not kept:
        return
    planner.recalculate()
    points = np.array([planner.blocks[0].start_mm] + [b.end_mm for b in planner.blocks])
    slow = slow_entry_speeds_sqr(machine, points, kept)
    fast = [b.entry_sqr for b in planner.blocks]
    # Around an exactly straight line the corner formula divides nothing by nothing.
    np.testing.assert_allclose(fast, slow, rtol=1e-4, atol=1e-6)


def slow_duration_s(planner: Planner) -> float:
    """Time of all blocks by summing ds / v over a fine grid, v from the two ends and the nominal speed."""
    total = 0.0
    ends = [*(b.entry_sqr for b in planner.blocks[1:]), 0.0][: len(planner.blocks)]
    for block, exit_sqr in zip(planner.blocks, ends, strict=True):
        # Points crowd at both ends, where the speed may be zero.
        s = block.length_mm * 0.5 * (1.0 - np.cos(np.linspace(0.0, math.pi, 4001)))
        mid, ds = 0.5 * (s[1:] + s[:-1]), np.diff(s)
        a = 2.0 * block.acceleration
        v_sqr = np.minimum(block.entry_sqr + a * mid, exit_sqr + a * (block.length_mm - mid))
        total += float((ds / np.sqrt(np.minimum(v_sqr, block.nominal**2))).sum())
    return total


@settings(deadline=None, max_examples=40)
@given(way=WAYS, feeds=FEEDS)
def test_ramps_take_as_long_as_the_slow_oracle(
    machine: MachineProfile, way: list[tuple[float, float, float]], feeds: list[float]
) -> None:
    planner = filled_planner(machine, way, feeds)
    recorder = Recorder(ORIGIN, None, 1.0)
    motion = MotionExecutor(planner, recorder, lambda at, value: None)
    planner.recalculate()
    expected = slow_duration_s(planner)
    end = planner.position_mm
    motion.start()
    while motion.running:
        motion.advance(math.inf)
    assert motion.now_s == pytest.approx(expected, rel=2e-3, abs=1e-9)
    assert motion.state() == (end, 0.0)


def check_limits(machine: MachineProfile, ramps: NDArray[np.float64]) -> None:
    """Speed and acceleration of each axis in every ramp, and no jump of speed between ramps."""
    limits_v = np.array([*machine.max_speed_mm_s, machine.pen_max_speed])
    limits_a = np.array([*machine.max_acceleration_mm_s2, machine.pen_max_acceleration])
    t, dt, units, v0, a = ramps[:, 0], ramps[:, 1], np.abs(ramps[:, 5:8]), ramps[:, 8], ramps[:, 9]
    v1 = v0 + a * dt
    top = np.maximum(v0, v1)
    assert (v1 > -1e-6).all()
    assert (units * top[:, None] <= limits_v * (1 + 1e-9) + 1e-9).all()
    assert (units * np.abs(a)[:, None] <= limits_a * (1 + 1e-9)).all()
    follows = np.abs(t[1:] - (t[:-1] + dt[:-1])) < 1e-9
    np.testing.assert_allclose(v0[1:][follows], v1[:-1][follows], atol=1e-4)
    rests = ~follows
    np.testing.assert_allclose(v1[:-1][rests], 0.0, atol=1e-4)
    np.testing.assert_allclose(v0[1:][rests], 0.0, atol=1e-4)
    ends = ramps[:, 2:5] + ramps[:, 5:8] * (v0 * dt + 0.5 * a * dt * dt)[:, None]
    np.testing.assert_allclose(ramps[1:, 2:5], ends[:-1], atol=1e-6)


@settings(deadline=None, max_examples=60)
@given(
    way=st.one_of(NEAR, st.lists(POINT, min_size=2, max_size=25)),
    feeds=st.lists(st.floats(1.0, 150.0), min_size=25, max_size=25),
    orders=st.lists(
        st.tuples(st.integers(0, 24), st.sampled_from([b"!", b"~", b"\x91", b"\x92", b"\x90", b"?"]))
    ),
    rate=st.sampled_from([50.0, 200.0, 5000.0]),
)
def test_no_limit_is_ever_exceeded_while_lines_trickle_in_and_orders_interfere(
    machine: MachineProfile,
    way: list[tuple[float, float, float]],
    feeds: list[float],
    orders: list[tuple[int, bytes]],
    rate: float,
) -> None:
    quick = dataclasses.replace(machine, line_rate_per_s=rate, planner_blocks=6, rx_buffer_bytes=4096)
    grbl = VirtualGrbl(quick, ORIGIN)
    for i, (point, feed) in enumerate(zip(way, feeds, strict=False)):
        x, y, z = point
        grbl.receive(f"G1X{x:.3f}Y{y:.3f}Z{z:.3f}F{feed * 60:.0f}\n".encode())
        for at, order in orders:
            if at == i:
                grbl.advance(grbl.now_s + 0.01)
                grbl.receive(order)
        grbl.advance(grbl.now_s + 0.02)
    grbl.advance(grbl.now_s + 5.0)
    for _ in range(100):
        grbl.receive(b"~")
        grbl.advance(grbl.now_s + 5.0)
        if grbl.idle() and grbl.state == "Idle":
            break
    assert grbl.state == "Idle"
    assert grbl.rx.overruns == 0
    if len(grbl.recorder.ramps()):
        check_limits(machine, grbl.recorder.ramps())
    last = way[: len(feeds)][-1]
    assert grbl.position_mm() == pytest.approx(last, abs=0.0076)


def test_the_limit_check_can_fail(machine: MachineProfile) -> None:
    ramp = np.array([[0.0, 0.1, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1001.0]])
    with pytest.raises(AssertionError):
        check_limits(machine, ramp)
    fast = np.array([[0.0, 0.1, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 101.0, 0.0]])
    with pytest.raises(AssertionError):
        check_limits(machine, fast)


def test_a_right_angle_is_taken_at_the_published_speed(machine: MachineProfile) -> None:
    planner = filled_planner(machine, [(50.0, 0.0, 0.0), (50.0, 50.0, 0.0)], [100.0, 100.0])
    planner.recalculate()
    # sin(45 deg) / (1 - sin(45 deg)) = 2.41421; along the bisector both axes give sqrt(2) * 1000.
    assert planner.blocks[1].entry_sqr == pytest.approx(math.sqrt(2) * 1000 * 0.01 * 2.4142136, rel=1e-6)


def test_limit_along_an_axis_and_a_diagonal() -> None:
    assert limit_along((100.0, 50.0), (1.0, 0.0)) == 100.0
    assert limit_along((100.0, 50.0), (math.sqrt(0.5), math.sqrt(0.5))) == pytest.approx(50 * math.sqrt(2))
