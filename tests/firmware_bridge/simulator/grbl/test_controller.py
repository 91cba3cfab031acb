from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.dialects.base import Status
from firmware_bridge.dialects.grbl import Grbl
from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator.grbl.controller import VirtualGrbl


class Bench:
    """A controller with the wire in hand."""

    def __init__(self, machine: MachineProfile) -> None:
        self.grbl = VirtualGrbl(machine, (0.0, 0.0, 0.0))
        self.greeting = self.heard()

    def heard(self) -> list[str]:
        return [line for line in self.grbl.take_output().decode().split("\r\n") if line]

    def send(self, text: str | bytes) -> list[str]:
        """Sends, runs until nothing more happens, and returns what was said."""
        self.grbl.receive(text if isinstance(text, bytes) else text.encode())
        return self.rest()

    def rest(self) -> list[str]:
        while not self.grbl.idle():
            self.grbl.advance(self.grbl.next_event_s())
        return self.heard()

    def status(self) -> Status:
        self.grbl.receive(b"?")
        reply = Grbl().parse(self.heard()[-1])
        assert isinstance(reply, Status)
        return reply


@pytest.fixture
def bench(machine: MachineProfile) -> Bench:
    return Bench(machine)


def test_it_greets_and_reports(bench: Bench) -> None:
    assert bench.greeting == ["Grbl 1.1h ['$' for help]"]
    bench.grbl.receive(b"?")
    assert bench.heard() == ["<Idle|MPos:0.000,0.000,0.000|Bf:15,128|FS:0,0|WCO:0.000,0.000,0.000>"]
    assert bench.status().offset_mm is None


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("", "ok"),
        ("   ", "ok"),
        ("(comment) ; more", "ok"),
        ("g0 x1 (mid) y2", "ok"),
        ("G1X1F100", "ok"),
        ("1X", "error:1"),
        ("G", "error:2"),
        ("GX", "error:2"),
        ("G0X1.2.3", "error:1"),
        ("G1 F-1 X1", "error:4"),
        ("$H", "error:5"),
        ("$20=1", "error:10"),
        ("$0=2", "error:6"),
        ("$110=-5", "error:4"),
        ("$999=1", "error:3"),
        ("$Q", "error:3"),
        ("G0X" + "1" * 77, "error:11"),
        ("$J=X1", "error:22"),
        ("$J=F100", "error:26"),
        ("$J=G0X1F100", "error:16"),
        ("$J=", "error:16"),
        ("G5", "error:20"),
        ("M6", "error:20"),
        ("A1", "error:20"),
        ("G0G1X1", "error:21"),
        ("G90G91", "error:21"),
        ("G1X1", "error:22"),
        ("G93G1X1", "error:22"),
        ("G1.5X1", "error:20"),
        ("G1.55X1", "error:23"),
        ("M3.5", "error:23"),
        ("G0G92X1", "error:24"),
        ("G0X1X2", "error:25"),
        ("G92", "error:26"),
        ("G2F100", "error:26"),
        ("N99999999G0X1", "error:27"),
        ("G4", "error:28"),
        ("G10L2X1", "error:28"),
        ("G59.1", "error:29"),
        ("G53G2X1I1F10", "error:30"),
        ("G80X1", "error:31"),
        ("G2Z1I1F100", "error:32"),
        ("G2X1Y1I5F100", "error:33"),
        ("G2X10R1F100", "error:34"),
        ("G2X1Y1F100", "error:35"),
        ("G0X1P1", "error:36"),
        ("T999", "error:38"),
    ],
)
def test_each_line_gets_its_answer(bench: Bench, line: str, answer: str) -> None:
    assert bench.send(line + "\n") == [answer]


def test_a_refused_line_changes_nothing(bench: Bench) -> None:
    before = bench.send("$G\n")
    bench.send("G91 G20 G1 X1 F100 P1\n")
    assert bench.send("$G\n") == before


def test_cr_and_lf_each_end_a_line(bench: Bench) -> None:
    assert bench.send("G0X1\r\n") == ["ok", "ok"]


def test_frames_units_and_distance_modes(bench: Bench) -> None:
    bench.send("G10 L20 P1 X100 Y50\nG0 X110 Y50\n")
    assert bench.grbl.position_mm()[:2] == (10.0, 0.0)
    assert bench.status().offset_mm == (-100.0, -50.0, 0.0)
    bench.send("G91 G0 X5\nG90\nG20 G1 X4 F10\n")
    assert bench.grbl.position_mm()[0] == pytest.approx(101.6 - 100.0, abs=0.007)
    bench.send("G21 G92 X0\nG0 X7\n")
    assert bench.grbl.position_mm()[0] == pytest.approx(8.6, abs=0.007)
    bench.send("G53 G0 X3\n")
    assert bench.grbl.position_mm()[0] == 3.0
    bench.send(b"\x18")
    bench.send("G0 X110\n")  # the reset forgot G92, not G54
    assert bench.grbl.position_mm()[0] == 10.0
    assert "[G54:-100.000,-50.000,0.000]" in bench.send("$#\n")


def test_inverse_time_takes_the_time_it_says(bench: Bench) -> None:
    start = bench.grbl.now_s
    bench.send("G93 G1 X10 F2\n")  # half a minute
    assert bench.grbl.now_s - start == pytest.approx(30.0, abs=0.1)


def test_an_arc_stays_on_its_circle(bench: Bench) -> None:
    bench.send("G0 X20 Y0\nG3 X0 Y20 I-20 J0 F3000\nG2 X20 Y0 R20\n")
    recording = bench.grbl.recording()
    radius = (recording.xy_mm[recording.t_s > 0.5] ** 2).sum(axis=1) ** 0.5
    assert abs(radius - 20.0).max() < 0.02
    assert recording.xy_mm[:, 1].max() == pytest.approx(20.0, abs=0.01)
    assert bench.grbl.position_mm()[:2] == (20.0, 0.0)


def test_ok_is_withheld_while_the_planner_is_full_and_then_the_buffer_fills(bench: Bench) -> None:
    lines = [f"G1X{i}F60\n" for i in range(1, 30)]  # 1 mm/s: a second each
    for line in lines[:16]:
        bench.grbl.receive(line.encode())
        bench.grbl.advance(bench.grbl.now_s + 0.006)
    assert bench.heard().count("ok") == 15
    status = bench.status()
    assert (status.state, status.buffers) == ("Run", (0, 128))  # the 16th line is in the parser
    for line in lines[16:]:
        bench.grbl.receive(line.encode())
    assert bench.status().buffers == (0, 128 - sum(len(line) for line in lines[16:]))
    assert bench.grbl.rx.overruns == 0
    assert bench.rest().count("ok") == 14
    assert bench.grbl.position_mm()[0] == 29.0


def test_bytes_beyond_the_buffer_are_dropped_and_counted(bench: Bench) -> None:
    bench.grbl.receive(b"G4P1\n")
    bench.grbl.receive(b"G0X1 " * 40)
    assert bench.grbl.rx.overruns == 200 - 128


def test_hold_slows_down_waits_and_goes_on_to_the_same_end(bench: Bench) -> None:
    grbl = bench.grbl
    grbl.receive(b"G1 X100 F6000\n")
    grbl.advance(0.5)
    grbl.receive(b"!")
    assert bench.status().label == "Hold:1"
    grbl.advance(grbl.now_s + 0.05)
    moving = bench.status()
    assert 0 < (moving.feed_mm_s or 0) < 100
    grbl.advance(grbl.now_s + 1.0)
    assert bench.status().label == "Hold:0"
    where = grbl.position_mm()
    grbl.receive(b"G1 X0\n")
    grbl.advance(grbl.now_s + 5.0)
    assert grbl.position_mm() == where
    assert "ok" not in bench.heard()  # nothing is read in a hold
    bench.send(b"~")
    assert grbl.position_mm() == (0.0, 0.0, 0.0)
    assert grbl.state == "Idle"


def test_reset_in_a_completed_hold_keeps_the_position_and_raises_no_alarm(bench: Bench) -> None:
    bench.grbl.receive(b"G1 X100 F6000\n")
    bench.grbl.advance(0.5)
    bench.grbl.receive(b"!")
    bench.grbl.advance(2.0)
    where = bench.grbl.position_mm()
    bench.heard()
    assert bench.send(b"\x18") == ["Grbl 1.1h ['$' for help]"]
    assert bench.grbl.state == "Idle"
    assert bench.grbl.position_mm() == pytest.approx(where, abs=0.007)


def test_reset_in_motion_is_alarm_3_until_unlocked(bench: Bench) -> None:
    bench.grbl.receive(b"G1 X100 F6000\n")
    bench.grbl.advance(0.5)
    bench.heard()
    said = bench.send(b"\x18")
    assert said == ["ALARM:3", "Grbl 1.1h ['$' for help]", "[MSG:'$H'|'$X' to unlock]"]
    assert bench.send("G0X1\n") == ["error:9"]
    assert bench.send("$X\n") == ["[MSG:Caution: Unlocked]", "ok"]
    assert bench.send("G0X1\n") == ["ok"]


def test_a_soft_limit_is_alarm_2_and_only_a_reset_is_heard(bench: Bench) -> None:
    bench.send("$22=1\n$20=1\n")
    assert bench.send("G0X1\n") == ["ALARM:2", "[MSG:Reset to continue]"]
    assert bench.send("?$X\n") == []
    assert bench.send(b"\x18")[-1] == "[MSG:'$H'|'$X' to unlock]"
    assert bench.send("$X\nG0X-1\n")[-1] == "ok"
    assert bench.send("$J=G91X5F100\n") == ["error:15"]


def test_jog_moves_and_can_be_cancelled(bench: Bench) -> None:
    assert bench.send("$J=G91X5F600\n") == ["ok"]
    assert bench.grbl.position_mm()[0] == 5.0
    bench.grbl.receive(b"$J=G91X100F600\n")
    bench.grbl.advance(bench.grbl.now_s + 1.0)
    assert bench.status().state == "Jog"
    bench.heard()
    assert bench.send("G0X0\n") == ["error:9"]
    assert bench.grbl.position_mm()[0] == 105.0
    bench.grbl.receive(b"$J=G91X-100F600\n")
    bench.grbl.advance(bench.grbl.now_s + 1.0)
    bench.grbl.receive(b"\x85")
    bench.rest()
    assert bench.grbl.state == "Idle"
    assert 90 < bench.grbl.position_mm()[0] < 100
    assert bench.send("$G\n")[0].startswith("[GC:G0 ")  # a jog leaves the modal state alone


def test_homing_finds_the_switches_and_the_record_has_no_jump(machine: MachineProfile) -> None:
    bench = Bench(machine)
    assert bench.send("$22=1\n$23=3\n$H\n") == ["ok", "ok", "ok"]
    assert bench.grbl.position_mm() == (-214.0, -301.0, -1.0)
    recording = bench.grbl.recording()
    box = machine.envelope
    assert recording.xy_mm[-1] == pytest.approx([box.x_min_mm, box.y_min_mm], abs=0.01)
    assert recording.pen[-1] == pytest.approx(box.pen_max, abs=0.01)
    bench.send("G91 G0 X10\n")
    assert bench.grbl.recording().xy_mm[-1, 0] == pytest.approx(box.x_min_mm + 10.0, abs=0.02)


def test_check_mode_reads_lines_and_moves_nothing(bench: Bench) -> None:
    assert bench.send("$C\n") == ["[MSG:Enabled]", "ok"]
    assert bench.send("G1X10F100\nG1Y\n") == ["ok", "error:2"]
    assert bench.grbl.position_mm() == (0.0, 0.0, 0.0)
    assert bench.send("$C\n")[:2] == ["[MSG:Disabled]", "ok"]
    assert bench.grbl.state == "Idle"


def test_settings_are_those_of_the_profile_and_can_be_written(bench: Bench) -> None:
    said = bench.send("$$\n")
    assert "$110=6000.000" in said
    assert "$122=300.000" in said
    assert "$11=0.010" in said
    assert "$20=0" in said
    bench.send("$110=3000\n")
    start = bench.grbl.now_s
    bench.send("G0X100\n")
    assert bench.grbl.now_s - start == pytest.approx(100 / 50 + 50 / 1000 + 0.005, rel=1e-6)
    assert bench.send("$I\n") == ["[VER:1.1h.20190830:]", "[OPT:V,15,128]", "ok"]


def test_settings_cannot_be_read_while_it_moves(bench: Bench) -> None:
    bench.grbl.receive(b"G1 X100 F600\n")
    bench.grbl.advance(1.0)
    bench.heard()
    bench.grbl.receive(b"$$\n")
    assert bench.heard() == ["error:8"]


def test_overrides_change_the_speed_at_once(bench: Bench) -> None:
    bench.grbl.receive(b"G1 X100 F600\n")
    bench.grbl.advance(1.0)
    bench.grbl.receive(b"\x91" * 5)
    bench.grbl.advance(2.0)
    assert bench.status().feed_mm_s == pytest.approx(15.0)
    bench.grbl.receive(b"\x92" * 20)
    bench.grbl.advance(3.0)
    assert bench.status().feed_mm_s == pytest.approx(1.0)


def test_program_pause_waits_for_resume_and_end_resets_the_modes(bench: Bench) -> None:
    assert bench.send("G91 G0 X1\nM0\n") == ["ok"]
    assert bench.status().label == "Hold:0"
    assert bench.send(b"~") == ["ok"]
    assert bench.send("M30\n") == ["[MSG:Pgm End]", "ok"]
    assert " G90 " in bench.send("$G\n")[0]


def test_dwell_waits_for_the_motion_and_then_its_time(bench: Bench) -> None:
    assert bench.send("G0 X100\nG4 P2.5\n") == ["ok", "ok"]
    assert bench.grbl.now_s == pytest.approx(1.1 + 0.005 + 2.5, abs=0.011)


def test_sleep_ends_with_a_reset_and_a_lock(bench: Bench) -> None:
    bench.send("$SLP\n")
    assert bench.status().state == "Sleep"
    assert bench.send(b"\x18")[-1] == "[MSG:'$H'|'$X' to unlock]"


def test_starvation_shows_when_lines_are_shorter_than_their_cost(machine: MachineProfile) -> None:
    """200 lines of 0.1 mm a second cannot run at 50 mm/s: the line rate binds."""
    times = []
    for rate in (200.0, 5000.0):
        bench = Bench(dataclasses.replace(machine, line_rate_per_s=rate))
        for i in range(200):
            bench.grbl.receive(f"G1X{0.1 * (i + 1):.1f}F3000\n".encode())
            while not bench.grbl.has_output():
                bench.grbl.advance(bench.grbl.next_event_s(), stop_at_output=True)
            bench.heard()
        bench.rest()
        times.append(bench.grbl.now_s)
    assert times[0] == pytest.approx(200 / 200, rel=0.05)
    assert times[1] == pytest.approx(20 / 50 + 50 / 1000, rel=0.05)


@settings(deadline=None, max_examples=150)
@given(
    data=st.binary(max_size=120)
    | st.text(alphabet="GMXYZFS$0123459.-=\n!~?JHCX", max_size=80).map(str.encode)
)
def test_no_bytes_can_break_it(machine: MachineProfile, data: bytes) -> None:
    bench = Bench(machine)
    bench.grbl.receive(data + b"\n")
    bench.grbl.advance(10.0)
    said = bench.heard()
    assert all(line.isascii() for line in said)
    bench.grbl.receive(b"\x18")
    bench.grbl.advance(11.0)
    assert any(line.startswith("Grbl 1.1h") for line in bench.heard())
    assert bench.grbl.recording().duration_s >= 0
