from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.dialects.base import ONE_LINE, Ok, Rejected, WindowSize
from firmware_bridge.dialects.grbl import Grbl
from firmware_bridge.errors import (
    DeviceAlarm,
    DeviceRejected,
    DeviceReset,
    ProgramError,
    ProtocolError,
    ResponseTimeout,
)
from firmware_bridge.events import Event, Notice, Progress
from firmware_bridge.gcode.words import parse, parse_lines
from firmware_bridge.machine import MachineProfile
from firmware_bridge.stream.link import Link
from firmware_bridge.stream.streamer import Streamer
from firmware_bridge.transports.simulated import SimulatedTransport


class ScriptedTransport:
    """A machine that answers the n-th line with ``answers[n]``, and status requests as told.

    It keeps its own count of the bytes that it has not answered.
    """

    name = "script"
    boot_s = 0.0

    def __init__(self, answers: list[list[str]], state: str | None = "Run", lag: int = 1) -> None:
        self.answers = deque(answers)
        self.state = state
        self.lag = lag  # how many lines it keeps before it answers the oldest
        self.lines: deque[str] = deque()
        self.said: deque[str] = deque()
        self.clock_s = 0.0
        self.polls = 0
        self.peak_bytes = 0
        self.rest = ""

    def write(self, data: bytes) -> None:
        if data == b"?":
            self.polls += 1
            if self.state is not None:
                self.said.append(f"<{self.state}|MPos:{self.polls}.000,0.000,0.000|FS:0,0>")
            return
        *lines, self.rest = (self.rest + data.decode()).split("\n")
        self.lines += lines
        self.peak_bytes = max(self.peak_bytes, sum(len(line) + 1 for line in self.lines))
        if len(self.lines) >= self.lag:
            self.answer()

    def answer(self) -> None:
        if self.lines and self.answers:
            self.lines.popleft()
            self.said += self.answers.popleft()

    def read_line(self, timeout_s: float) -> str:
        if not self.said:
            self.clock_s += timeout_s
            self.answer()
            raise ResponseTimeout("silence")
        return self.said.popleft()

    def now_s(self) -> float:
        self.clock_s += 1e-6
        return self.clock_s

    def close(self) -> None:
        return


def linked(machine: MachineProfile, transport: ScriptedTransport | SimulatedTransport) -> Link:
    return Link(transport, Grbl(), machine)


def simulated(machine: MachineProfile) -> SimulatedTransport:
    """A virtual machine that has been greeted."""
    transport = SimulatedTransport("grbl", machine)
    transport.controller.take_output()
    return transport


LINES = parse_lines(["G0 X1", "G0 X2", "G0 X3"])


def test_every_line_is_answered_and_counted(machine: MachineProfile) -> None:
    transport = ScriptedTransport([["ok"]] * 3)
    link = linked(machine, transport)
    heard: list[Event] = []
    with link.listening(heard.append):
        report = Streamer(link, ONE_LINE).stream(LINES)
    assert (report.lines, report.bytes, report.acknowledged, report.errors) == (3, 18, 3, 0)
    assert transport.peak_bytes == 6
    progress = [e for e in heard if isinstance(e, Progress)]
    assert (progress[0].lines_done, progress[-1].lines_done, progress[-1].lines_total) == (0, 3, 3)


@settings(deadline=None, max_examples=100)
@given(
    sizes=st.lists(st.integers(0, 40), max_size=40),
    window=st.integers(41, 130),
    lag=st.integers(1, 6),
)
def test_bytes_under_way_never_exceed_the_window(
    machine: MachineProfile, sizes: list[int], window: int, lag: int
) -> None:
    transport = ScriptedTransport([["ok"]] * len(sizes), lag=lag)
    streamer = Streamer(linked(machine, transport), WindowSize(bytes=window))
    report = streamer.stream(parse_lines(["X" * size for size in sizes]))
    assert transport.peak_bytes <= window
    assert streamer.send_window.peak_bytes <= window
    assert report.acknowledged == len(sizes)
    if sum(sizes[:2]) + 2 <= window:  # the window is used: two lines that fit are both sent
        assert streamer.send_window.peak_bytes >= sum(size + 1 for size in sizes[:2])


NOISE = st.lists(st.text(alphabet="okerA:0129 [M]<>$=", min_size=1, max_size=8), max_size=5)


@settings(deadline=None, max_examples=100)
@given(noise=st.lists(NOISE, min_size=3, max_size=3))
def test_noise_is_never_counted_as_an_answer(machine: MachineProfile, noise: list[list[str]]) -> None:
    grbl = Grbl()
    clean = [
        [t for t in texts if type(grbl.parse(t)).__name__ in ("Unknown", "Message", "Setting")]
        for texts in noise
    ]
    transport = ScriptedTransport([[*texts, "ok"] for texts in clean])
    report = Streamer(linked(machine, transport), ONE_LINE).stream(LINES)
    assert report.acknowledged == 3
    assert not transport.said


def test_what_is_not_understood_is_told(machine: MachineProfile) -> None:
    heard: list[Event] = []
    link = linked(machine, ScriptedTransport([["okok", "ok"]]))
    with link.listening(heard.append):
        Streamer(link, ONE_LINE).stream(LINES[:1])
    assert any(isinstance(e, Notice) and "'okok'" in e.message for e in heard)


def test_an_error_stops_the_stream_and_names_line_and_cure(machine: MachineProfile) -> None:
    transport = ScriptedTransport([["ok"], ["error:22"], ["ok"]])
    streamer = Streamer(linked(machine, transport), ONE_LINE)
    with pytest.raises(DeviceRejected, match=r"Line 2 'G0 X2': error 22, no feed is set: give an F word"):
        streamer.stream(LINES)
    report = streamer.report()
    assert (report.lines, report.acknowledged, report.errors) == (2, 1, 1)


def test_an_alarm_is_raised_and_is_not_an_answer(machine: MachineProfile) -> None:
    streamer = Streamer(linked(machine, ScriptedTransport([["ok"], ["ALARM:1"]])), ONE_LINE)
    with pytest.raises(DeviceAlarm, match="Alarm 1: a limit switch"):
        streamer.stream(LINES)
    assert streamer.report().acknowledged == 1


def test_an_alarm_state_is_noticed_though_the_alarm_line_was_lost(machine: MachineProfile) -> None:
    with pytest.raises(DeviceAlarm):
        Streamer(linked(machine, ScriptedTransport([["ok"]], state="Alarm")), ONE_LINE).stream(LINES)


def test_a_restart_is_noticed(machine: MachineProfile) -> None:
    transport = ScriptedTransport([["ok"], ["", "Grbl 1.1h ['$' for help]"]])
    with pytest.raises(DeviceReset, match="restarted"):
        Streamer(linked(machine, transport), ONE_LINE).stream(LINES)


def test_an_answer_to_no_line_is_an_error(machine: MachineProfile) -> None:
    streamer = Streamer(linked(machine, ScriptedTransport([])), ONE_LINE)
    with pytest.raises(ProtocolError, match="not sent"):
        streamer._take(Ok())
    with pytest.raises(ProtocolError, match="not sent"):
        streamer._take(Rejected(1, "", ""))


@pytest.mark.parametrize(
    ("state", "match"),
    [
        (None, "silent for"),
        ("Idle", "never answered"),
    ],
)
def test_a_lost_answer_ends_the_wait(machine: MachineProfile, state: str | None, match: str) -> None:
    class Still(ScriptedTransport):
        def write(self, data: bytes) -> None:
            super().write(data)
            self.polls = 0  # the position does not change

    transport = Still([["ok"], []], state=state)
    with pytest.raises(ResponseTimeout, match=match):
        Streamer(linked(machine, transport), ONE_LINE).stream(LINES)
    assert transport.clock_s < 20.0


def test_a_long_dwell_is_not_taken_for_a_lost_answer(machine: MachineProfile) -> None:
    transport = simulated(machine)
    report = Streamer(linked(machine, transport), ONE_LINE).stream(parse_lines(["G0 X1", "G4 P60", "G0 X2"]))
    assert report.acknowledged == 3
    assert report.stalls == 0
    assert report.duration_s > 60.0


def test_a_line_longer_than_the_window_is_refused_before_anything_is_sent(machine: MachineProfile) -> None:
    transport = ScriptedTransport([["ok"]] * 2)
    with pytest.raises(ProgramError, match="Line 2"):
        Streamer(linked(machine, transport), WindowSize(bytes=10)).stream(parse_lines(["G0", "G0 X1.234567"]))
    assert not transport.lines
    assert transport.answers


@settings(deadline=None, max_examples=25)
@given(
    steps=st.lists(st.tuples(st.floats(0.01, 2.0), st.floats(-1.0, 1.0)), min_size=1, max_size=60),
    window=st.sampled_from([None, 64, 128]),
)
def test_a_virtual_machine_takes_any_window_without_an_overrun(
    machine: MachineProfile, steps: list[tuple[float, float]], window: int | None
) -> None:
    transport = simulated(machine)
    lines, x, y = ["G1 F3000"], 0.0, 0.0
    for dx, dy in steps:
        x, y = x + dx, y + dy
        lines.append(f"X{x:.3f}Y{y:.3f}")
    streamer = Streamer(linked(machine, transport), WindowSize(bytes=window) if window else ONE_LINE)
    streamer.stream(parse_lines(lines))
    assert transport.controller.rx.overruns == 0
    assert streamer.send_window.peak_bytes <= (window or 80)
    assert transport.controller.acknowledged == len(lines)


def test_a_refused_line_is_named_by_its_number_in_the_file(machine: MachineProfile) -> None:
    lines = [parse("G0 X1", 12), parse("G0 X2", 40)]
    with pytest.raises(DeviceRejected, match="Line 40 'G0 X2': error 20"):
        Streamer(linked(machine, ScriptedTransport([["ok"], ["error:20"]])), ONE_LINE).stream(lines)
