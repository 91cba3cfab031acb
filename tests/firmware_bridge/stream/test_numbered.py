"""Numbered lines over a wire that damages, loses and doubles them: everything is drawn exactly once."""

from __future__ import annotations

import dataclasses
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.control.marlin import MarlinControl
from firmware_bridge.control.marlin import _learn_resend as learn_resend
from firmware_bridge.dialects.base import ONE_LINE, Facts, WindowSize
from firmware_bridge.dialects.marlin import Marlin
from firmware_bridge.errors import ProtocolError, ResponseTimeout
from firmware_bridge.events import Event, Notice
from firmware_bridge.gcode.words import parse_lines
from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator.marlin.controller import MarlinOptions, VirtualMarlin
from firmware_bridge.stream.link import Link
from firmware_bridge.stream.streamer import Streamer
from firmware_bridge.transports.simulated import SimulatedTransport


class RoughTransport(SimulatedTransport):
    """A wire that treats lines and answers as ``fate`` says; drawn anew for each."""

    def __init__(self, machine: MachineProfile, options: MarlinOptions, seed: int, share: float) -> None:
        super().__init__("marlin", machine)
        self.controller = VirtualMarlin(machine, None, options)
        self.controller.take_output()
        self.random = random.Random(seed)
        self.share = share
        self.faults = 0
        self.moves: list[str] = []

    def write(self, data: bytes) -> None:
        if self.share and self.random.random() < self.share:
            self.faults += 1
            kind = self.random.randrange(4)
            if kind == 0:  # a flipped bit
                at = self.random.randrange(len(data) - 1)
                data = data[:at] + bytes([data[at] ^ 1 << self.random.randrange(7)]) + data[at + 1 :]
            elif kind == 1:
                at = self.random.randrange(len(data))
                data = data[:at] + data[at + 1 :]
            elif kind == 2:
                data = b""
            else:
                data = data + data
        super().write(data)

    def read_line(self, timeout_s: float) -> str:
        line = super().read_line(timeout_s)
        if line == "ok" and self.share and self.random.random() < self.share:
            self.faults += 1
            if self.random.random() < 0.5:
                return "k"  # an answer that is damaged is none
            self._cutter.feed(b"ok\r\n")
        return line


@pytest.fixture(scope="session")
def marlin(machine: MachineProfile) -> MachineProfile:
    return dataclasses.replace(machine, dialect="marlin", url="sim://marlin")


def stairs(count: int) -> list[str]:
    """Moves of which none can be missing or doubled unseen: each end point is another."""
    return ["G91"] + [f"G1 {'XY'[i % 2]}{1 + 0.1 * (i % 7):.1f} F3000" for i in range(count)] + ["G90"]


def end_of(lines: list[str]) -> tuple[float, float]:
    ways = {"X": 0.0, "Y": 0.0}
    for line in lines:
        if line.startswith("G1"):
            ways[line[3]] += float(line.split()[1][1:])
    return ways["X"], ways["Y"]


def rough(
    machine: MachineProfile, options: MarlinOptions, seed: int, share: float
) -> tuple[Link, RoughTransport]:
    transport = RoughTransport(machine, options, seed, share)
    link = Link(transport, Marlin(), machine)
    link.learn(Facts("Marlin", keepalive=True, ok_after_resend=options.resend_ok))
    return link, transport


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    share=st.sampled_from([0.0, 0.02, 0.1, 0.25]),
    window=st.sampled_from(
        [ONE_LINE, WindowSize(lines=4, bytes=127), WindowSize(bytes=127), WindowSize(lines=2)]
    ),
    resend_ok=st.booleans(),
    advanced=st.booleans(),
)
def test_every_line_is_drawn_exactly_once(
    marlin: MachineProfile, seed: int, share: float, window: WindowSize, resend_ok: bool, advanced: bool
) -> None:
    link, transport = rough(marlin, MarlinOptions(resend_ok, advanced and not share), seed, share)
    lines = stairs(40)
    streamer = Streamer(link, window)
    try:
        streamer.stream(parse_lines([*lines, "M400"]))
    except ProtocolError:
        assert share == 0.25  # a wire that spoils a quarter of all lines may spoil one ten times
        return
    transport.share = 0.0
    MarlinControl().wait_idle(link)
    controller = transport.controller
    assert controller.position_mm()[:2] == pytest.approx(end_of(lines), abs=0.01)
    assert streamer.send_window.peak_bytes <= (window.bytes or 10**6)
    if not share:
        assert (streamer.resends, link.surplus) == (0, 0)
        assert controller.acknowledged == len(lines) + 3  # and three of the waits


def test_faults_do_happen_and_are_counted(marlin: MachineProfile) -> None:
    link, transport = rough(marlin, MarlinOptions(), 7, 0.1)
    report = Streamer(link, WindowSize(lines=4, bytes=127)).stream(parse_lines(stairs(200)))
    assert transport.faults > 20
    assert report.resends > 10
    assert report.acknowledged == 202
    assert report.bytes > sum(len(line) + 8 for line in stairs(200))


class Script:
    """A machine that answers each line that it hears with the next of its replies."""

    name = "script"
    boot_s = 0.0

    def __init__(self, replies: list[list[str]]) -> None:
        self.replies = replies
        self.heard: list[str] = []
        self.said: list[str] = []
        self.clock_s = 0.0

    def write(self, data: bytes) -> None:
        for line in data.decode().splitlines():
            self.heard.append(line)
            self.said += self.replies.pop(0) if self.replies else []

    def read_line(self, timeout_s: float) -> str:
        if not self.said:
            self.clock_s += timeout_s
            raise ResponseTimeout("silence")
        self.clock_s += 0.001
        return self.said.pop(0)

    def now_s(self) -> float:
        return self.clock_s

    def close(self) -> None:
        return


def scripted(machine: MachineProfile, replies: list[list[str]], **facts: bool) -> tuple[Link, Script]:
    transport = Script(replies)
    link = Link(transport, Marlin(), machine)
    link.learn(Facts("Marlin", **facts))  # type: ignore[arg-type]
    return link, transport


@pytest.mark.parametrize("words", ["Resend: 2", "Resend:2", "rs 2", "rs N2", "Resend: N2"])
@pytest.mark.parametrize("ok", [True, False])
def test_every_form_of_a_resend(marlin: MachineProfile, words: str, ok: bool) -> None:
    reply = ["Error: expected line 2 got 3", words] + (["ok"] if ok else [])
    link, transport = scripted(marlin, [["ok"], reply, ["ok"], ["ok"], ["Resend: 4"]], ok_after_resend=ok)
    report = Streamer(link, ONE_LINE).stream(parse_lines(["G21", "G90", "M114"]))
    assert [line.split("*")[0] for line in transport.heard] == [
        "N1 G21",
        "N2 G90",
        "N2 G90",
        "N3 M114",
        "N1004 M114",
    ]
    assert (report.acknowledged, report.resends) == (3, 1)


def test_requests_for_lines_that_were_under_way_count_once(marlin: MachineProfile) -> None:
    again = ["Error:checksum mismatch, Last Line: 0", "Resend: 1", "ok"]
    link, transport = scripted(
        marlin, [again, again, again, ["ok"], ["ok"], ["ok"], ["Resend: 4", "ok"]], ok_after_resend=True
    )
    report = Streamer(link, WindowSize(lines=3)).stream(parse_lines(["G21", "G90", "M400"]))
    numbers = [line.split()[0] for line in transport.heard]
    assert numbers == ["N1", "N2", "N3", "N1", "N2", "N3", "N1004"]
    assert (report.acknowledged, report.resends) == (3, 1)


def test_a_resend_that_ignores_the_next_line(marlin: MachineProfile) -> None:
    """It asks again, and then says nothing to the repetition."""
    link, transport = scripted(
        marlin, [["Resend: 1", "ok"], [], ["Resend: 1", "ok"], ["ok"], ["ok"], ["Resend: 3", "ok"]],
        keepalive=True, ok_after_resend=True,
    )  # fmt: skip
    report = Streamer(link, ONE_LINE).stream(parse_lines(["G21", "G90"]))
    heard = [line.split("*")[0] for line in transport.heard]
    assert heard == ["N1 G21", "N1 G21", "N1003 M114", "N1 G21", "N2 G90", "N1003 M114"]
    assert report.acknowledged == 2


def test_a_machine_that_does_not_count_lines(marlin: MachineProfile) -> None:
    """It takes the probe for what it says, and answers that."""
    link, _ = scripted(
        marlin, [["ok"], ["ok"], ["X:0.00 Y:0.00 Z:0.00 E:0.00 Count X:0 Y:0 Z:0", "ok"]], keepalive=True
    )
    report = Streamer(link, ONE_LINE).stream(parse_lines(["G21", "G90"]))
    assert (report.acknowledged, link.surplus) == (2, 0)


def test_a_loss_that_a_doubled_answer_hides_is_found_at_the_end(marlin: MachineProfile) -> None:
    link, transport = scripted(marlin, [["ok", "ok"], [], ["Resend: 2", "ok"], ["ok"], ["Resend: 3", "ok"]])
    report = Streamer(link, WindowSize(lines=2)).stream(parse_lines(["G21", "G90"]))
    heard = [line.split("*")[0] for line in transport.heard]
    assert heard == ["N1 G21", "N2 G90", "N1003 M114", "N2 G90", "N1003 M114"]
    assert (report.acknowledged, report.resends) == (2, 1)


def test_a_lost_answer_is_found_by_a_probe(marlin: MachineProfile) -> None:
    warnings: list[Event] = []
    link, transport = scripted(marlin, [[], ["Resend: 2", "ok"], ["ok"], ["Resend: 3", "ok"]], keepalive=True)
    with link.listening(warnings.append):
        report = Streamer(link, ONE_LINE).stream(parse_lines(["G21", "G90"]))
    assert report.acknowledged == 2
    assert transport.clock_s < 6.0
    assert any(isinstance(e, Notice) and "An answer is missing" in e.message for e in warnings)


@pytest.mark.parametrize(("keepalive", "bound_s"), [(True, 22.0), (False, 82.0)])
def test_silence_is_bounded(marlin: MachineProfile, keepalive: bool, bound_s: float) -> None:
    link, transport = scripted(marlin, [], keepalive=keepalive)
    with pytest.raises(ResponseTimeout, match="was silent"):
        Streamer(link, ONE_LINE).stream(parse_lines(["G21"]))
    assert transport.clock_s < bound_s


def test_a_machine_that_waits_is_asked_though_it_keeps_talking(marlin: MachineProfile) -> None:
    """OctoPrint's virtual printer ignores a line after some resends and then says ``wait`` for ever."""
    link, transport = scripted(marlin, [[], ["Resend: 1", "ok"], ["ok"], ["Resend: 2", "ok"]])
    read = transport.read_line

    def talk(timeout_s: float) -> str:
        if not transport.said and int(transport.clock_s) > len(ticks):
            ticks.append(1)
            return "wait"
        return read(timeout_s)

    ticks: list[int] = []
    transport.read_line = talk  # type: ignore[method-assign]
    assert Streamer(link, ONE_LINE).stream(parse_lines(["G21"])).acknowledged == 1
    assert 5.0 < transport.clock_s < 8.0


def test_being_busy_is_believed_but_not_for_ever(marlin: MachineProfile) -> None:
    link, transport = scripted(marlin, [], keepalive=True)
    read = transport.read_line

    def busy(timeout_s: float) -> str:
        if int(transport.clock_s / 2.0) > len(ticks):
            ticks.append(1)
            return "echo:busy: processing"
        return read(timeout_s)

    ticks: list[int] = []
    transport.read_line = busy  # type: ignore[method-assign]
    with pytest.raises(ResponseTimeout, match="Line 1 was never answered"):
        Streamer(link, ONE_LINE).stream(parse_lines(["G28 X Y"]))
    assert 500.0 < transport.clock_s < 620.0


def test_a_line_that_never_arrives_whole_ends_the_stream(marlin: MachineProfile) -> None:
    link, transport = scripted(marlin, [["Resend: 1", "ok"]] * 100)
    with pytest.raises(ProtocolError, match="Line 1 arrives damaged each time"):
        Streamer(link, ONE_LINE).stream(parse_lines(["G21"]))
    assert len(transport.heard) == 11
    link, transport = scripted(marlin, [["Resend: 77", "ok"]])
    with pytest.raises(ProtocolError, match="asks for line number 77"):
        Streamer(link, ONE_LINE).stream(parse_lines(["G21"]))
    link, transport = scripted(marlin, [["Resend: 1", "ok"]] * 100)
    with pytest.raises(ProtocolError, match="arrives damaged each time"):
        link.command("M400")


def test_a_command_after_lost_counts_renumbers(marlin: MachineProfile) -> None:
    link, transport = scripted(marlin, [["Resend: 3", "ok"], ["ok"], ["echo:done", "ok"]])
    link.count_from(9)
    link.command("M400")
    assert [line.split("*")[0] for line in transport.heard] == ["N9 M400", "N8 M110 N8", "N9 M400"]


def test_a_board_that_says_nothing_to_a_wrong_number_is_numbered_anew(marlin: MachineProfile) -> None:
    """OctoPrint's virtual printer was once found asleep there, and the greeting broke."""
    link, transport = scripted(marlin, [[], [], ["ok"]])
    link.count_from(1)
    assert not learn_resend(link)
    heard = [line.split("*")[0] for line in transport.heard]
    assert (heard[0], heard[-1]) == ("N2 M114", "N0 M110 N0")
    assert link.next_number == 1
