from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from firmware_bridge.machine import MachineProfile
from firmware_bridge.program import Envelope
from firmware_bridge.simulator.uarm import VirtualUarm
from firmware_bridge.simulator.uarm.controller import reachable


@pytest.fixture
def arm(machine: MachineProfile) -> VirtualUarm:
    profile = dataclasses.replace(
        machine, dialect="uarm", envelope=Envelope(130.0, 350.0, -80.0, 80.0, -2.0, 25.0), pen_safe=20.0
    )
    virtual = VirtualUarm(profile, (200.0, 0.0, 20.0))
    assert heard(virtual) == ["@1"]
    return virtual


def heard(arm: VirtualUarm) -> list[str]:
    return [line for line in arm.take_output().decode().split("\r\n") if line]


def send(arm: VirtualUarm, text: str) -> list[str]:
    arm.receive(text.encode())
    while not arm.idle():
        arm.advance(arm.next_event_s())
    return heard(arm)


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("#1 P2203", ["$1 ok V4.2.0"]),
        ("P2220", ["ok X200.0000 Y0.0000 Z20.0000"]),
        ("#2 P2240", ["$2 ok"]),  # a stub answers without a value
        ("#3 M2211", ["$3 ok"]),
        ("#4 M2222 X200 Y0 Z0 P0", ["$4 ok V1"]),
        ("#5 M2222 X500 Y0 Z0 P0", ["$5 ok V0"]),
        ("#6 M9999", ["$6 E20"]),
        ("#7 G1 X210", ["$7 E21"]),
        ("#8 G1 X500 Y0 Z0 F50", ["$8 E22"]),
        ("#9 G4 P0.5", ["$9 ok"]),
        ("#10 G1 X210 Y5 Z3 F50", ["$10 ok"]),
        ("hello", []),
        ("", []),
        ("#11 G1 X210.000000 Y5.0000000 Z3.000000 F50.00000000000000000000", ["$11 E20"]),
    ],
)
def test_answers(arm: VirtualUarm, line: str, answer: list[str]) -> None:
    assert send(arm, line + "\n") == answer


def test_an_order_is_answered_when_the_arm_stands_and_a_query_at_once(arm: VirtualUarm) -> None:
    arm.receive(b"#1 G1 X230 Y0 Z20 F10\n")  # 3 s, whose 90 blocks do not fit in the planner
    arm.advance(2.9)
    arm.receive(b"#2 P2220\n")
    arm.advance(2.95)
    said = heard(arm)
    assert len(said) == 1
    assert said[0].startswith("$2 ok X22")
    assert send(arm, "") == ["$1 ok"]
    assert arm.now_s == pytest.approx(3.0, abs=0.1)


def test_the_oldest_of_too_many_answers_are_lost(arm: VirtualUarm) -> None:
    """Sent slowly enough for the receive buffer, 30 orders that never let the arm rest."""
    for i in range(30):
        arm.receive(f"#{i} G0 X{201 + i} Y0 Z20 F10\n".encode())
        arm.advance(arm.now_s + 0.06)
    said = send(arm, "")
    assert arm.lost_answers == 10
    assert said == [f"${i} ok" for i in range(10, 30)]


def test_bytes_wait_while_the_planner_is_full(arm: VirtualUarm) -> None:
    for i in range(8):
        arm.receive(f"#{i} G1 X{210 + i} Y0 Z20 F50\n".encode())
    assert arm.rx.overruns > 0


def test_a_straight_line_is_cut_and_clipped(arm: VirtualUarm) -> None:
    send(arm, "G1 X300 Y50 Z0 F900\n")
    recording = arm.recording()
    way = np.diff(np.column_stack([recording.xy_mm, recording.pen]), axis=0)
    speed = np.linalg.norm(way, axis=1) / np.diff(recording.t_s)
    assert speed.max() <= 100.0 * 1.001
    share = (recording.xy_mm[:, 0] - 200.0) / 100.0
    assert np.abs(recording.xy_mm[:, 1] - 50.0 * share).max() < 0.05


def test_the_ring_at_the_paper() -> None:
    reach = [r for r in range(0, 500) if reachable(float(r), 0.0, 0.0)]
    assert (reach[0], reach[-1]) == pytest.approx((126, 366), abs=1)
    assert len(reach) == reach[-1] - reach[0] + 1
    assert not reachable(-200.0, 0.0, 0.0)
    assert reachable(0.0, 200.0, 0.0)
