"""The fault matrix: each drawing with a fault is drawn once, or stopped with a word and the pen up.

A few seeds of each kind run always; all fifty, with ``-m slow``.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from firmware_bridge.control import control_of
from firmware_bridge.control.base import rise_mm
from firmware_bridge.dialects import dialect_of
from firmware_bridge.errors import DeviceReset, ProtocolError, ResponseTimeout
from firmware_bridge.job.device import Device
from firmware_bridge.simulator.faults import KINDS, Fault, fault
from firmware_bridge.simulator.grbl.controller import VirtualGrbl
from firmware_bridge.simulator.grbl.states import HOLD
from firmware_bridge.simulator.wire import Piece, Wire
from firmware_bridge.stream.link import BUSY_LIMIT_S, Link
from firmware_bridge.transports.faulty import FaultyTransport
from tests.support.fault_trials import (
    BOUND_S,
    DIALECTS,
    End,
    clean,
    drawing,
    ink,
    is_beginning,
    profile,
    same,
    trial,
)
from tests.support.kill_trials import kill

# Kinds after which a drawing may go on unharmed on every dialect.
HARMLESS = ("split answers", "odd line ends", "storm of messages", "busy storm", "slow reader", "open door")
# Marlin counts its lines, so it is never harmed by what happens to single lines and answers.
HARMLESS_TO_MARLIN = (
    "dropped answer",
    "merged answers",
    "doubled answer",
    "damaged answer",
    "lost bytes to the host",
    "lost bytes to the machine",
    "lost line",
    "doubled line",
)
# These begin with a damaged line: two flips of one bit cancel in Marlin's checksum, an exclusive or.
RARELY_MISSED_BY_MARLIN = ("resend without ok", "ignored resend")
MOST_MISSED = 1
FEW, MANY = 4, 50


def check(kind: str, dialect: str, seeds: range) -> None:
    span_s, _ = clean(dialect)
    struck = missed = 0
    for seed in seeds:
        found = trial(kind, dialect, seed)
        struck += bool(found.struck)
        assert found.end not in (End.LOST, End.HUNG), (kind, dialect, seed, found)
        assert found.seconds <= span_s + BOUND_S
        if kind in HARMLESS or (dialect == "marlin" and kind in HARMLESS_TO_MARLIN):
            assert found.end is End.DRAWN, (kind, dialect, seed, found)
        if dialect == "marlin" and kind in RARELY_MISSED_BY_MARLIN:
            missed += found.end is not End.DRAWN
    assert missed <= MOST_MISSED
    assert struck >= 0.7 * len(seeds)


def test_there_are_more_than_twenty_kinds() -> None:
    assert len(KINDS) >= 20


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("kind", list(KINDS))
def test_a_drawing_with_a_fault_is_drawn_once_or_stopped(kind: str, dialect: str) -> None:
    check(kind, dialect, range(FEW))


@pytest.mark.slow
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("kind", list(KINDS))
def test_all_seeds_of_a_drawing_with_a_fault(kind: str, dialect: str) -> None:
    check(kind, dialect, range(FEW, MANY))


@pytest.mark.slow
def test_a_drawing_cut_off_two_hundred_times_is_complete() -> None:
    assert all(kill(seed).complete for seed in range(200))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_trial_is_the_same_every_time(dialect: str) -> None:
    assert trial("damaged line", dialect, 7) == trial("damaged line", dialect, 7)


def test_the_judge_sees_missing_doubled_and_moved_ink() -> None:
    _, whole = clean("grbl")
    first, second = whole
    moved = [first, second + np.where(np.arange(len(second))[:, None] == 9, 0.2, 0.0)]
    assert same(whole, whole)
    assert not same([first], whole)
    assert not same([first, first], whole)
    assert not same(moved, whole)
    assert is_beginning([first[:7]], whole)
    assert is_beginning([first, np.concatenate([second[:4], 0.5 * second[3:4] + 0.5 * second[4:5]])], whole)
    assert not is_beginning([first[:7] + 0.2], whole)
    assert not is_beginning([second], whole)


def met(dialect: str = "grbl") -> tuple[FaultyTransport, Device]:
    machine = profile(dialect)
    transport = FaultyTransport(machine)
    return transport, Device(machine, Link(transport, dialect_of(dialect), machine))


def test_a_detour_is_seen_while_it_is_drawn() -> None:
    class Detour(Fault):
        def _to_machine(self, data: bytes) -> list[Piece]:
            if self._due() and not self.struck and data.startswith(b"X"):
                self.struck += 1
                return [(0.0, b"X9" + data[2:])]
            return [(0.0, data)]

    transport, device = met()
    span_s, wanted = clean("grbl")
    begin_s = transport.now_s()
    chosen = Detour(1)
    transport.arm(chosen, span_s)
    with pytest.raises(ProtocolError, match="where no line led it"):
        device.run(drawing(device.machine))
    assert chosen.struck == 1
    assert transport.recording().pen[-1] > 4.0
    assert len(ink(transport.recording(), begin_s)) <= len(wanted)


def test_one_damaged_report_of_place_stops_nothing() -> None:
    class Elsewhere(Fault):
        def _to_host(self, line: bytes) -> list[Piece]:
            if self._due() and not self.struck and line.startswith(b"<Run|MPos:"):
                self.struck += 1
                return [(0.0, b"<Run|MPos:150.000,150.000,0.000|FS:0,0>\r\n")]
            return [(0.0, line)]

    transport, device = met()
    span_s, wanted = clean("grbl")
    begin_s = transport.now_s()
    chosen = Elsewhere(1)
    transport.arm(chosen, span_s)
    device.run(drawing(device.machine))
    assert chosen.struck == 1
    assert same(ink(transport.recording(), begin_s), wanted)


def test_a_hold_that_nobody_asked_for_ends_after_its_bound() -> None:
    transport, device = met()
    controller = transport.controller
    transport.wire.at(transport.now_s() + 2.0, lambda: controller.receive(bytes([HOLD])))
    begin_s = transport.now_s()
    with pytest.raises(ResponseTimeout, match=r"held for 600 s .* by itself"):
        device.run(drawing(device.machine))
    assert transport.now_s() - begin_s < BUSY_LIMIT_S + 60.0
    assert transport.recording().pen[-1] > 4.0


@pytest.mark.parametrize("dialect", ["grbl", "marlin"])
def test_a_restart_that_loses_the_place_lifts_by_a_distance(dialect: str) -> None:
    transport, device = met(dialect)
    wire = transport.wire
    wire.at(transport.now_s() + 2.5, wire.controller.power_cycle)
    with pytest.raises(DeviceReset):
        device.run(drawing(device.machine))
    before = transport.recording()
    assert before.pen.min() < 0.1  # it was drawing
    assert before.pen[-1] == pytest.approx(5.0, abs=0.05)


def test_the_lift_by_a_distance_stays_on_its_axis() -> None:
    machine = dataclasses.replace(profile("grbl"), pen_safe=None)
    transport = FaultyTransport(machine)
    link = Link(transport, dialect_of("grbl"), machine)
    control_of("grbl").greet(link)
    link.poll()
    for pen, rise in ((9.0, 1.0), (0.0, 5.0), (900.0, 5.0)):  # the axis ends at 10; a damaged report
        transport.controller.say(f"<Idle|MPos:0.000,0.000,{pen:.3f}|FS:0,0|WCO:0.000,0.000,0.000>")
        transport.controller.say("Grbl 1.1h ['$' for help]")  # it restarts, and what it tells then is none
        link.quiet()
        assert rise_mm(link, 5.0, 0.0) == pytest.approx(rise)


def test_a_machine_that_answers_late_is_asked_again_to_lift() -> None:
    found = [trial("long pause", "grbl", seed) for seed in range(12)]
    assert any(f.end is End.STOPPED and f.seconds > 10.0 for f in found)
    assert all(f.end is not End.LOST for f in found)


def test_the_wire_takes_its_time() -> None:
    controller = VirtualGrbl(profile("grbl"))
    controller.take_output()
    wire = Wire(controller, 9600.0, 0.01)
    wire.receive(b"\n")
    wire.advance(1.0, stop_at_output=True)
    assert wire.take_output() == b"ok\r\n"
    assert wire.now_s == pytest.approx(5 * 10 / 9600 + 0.02, abs=1e-6)


def test_unknown_kinds_are_refused() -> None:
    with pytest.raises(KeyError):
        fault("gremlins", 1)
