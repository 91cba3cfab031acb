"""Speed and pen are changed while a machine draws: what it then does, and what a journal makes of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.dialects import dialect_of
from firmware_bridge.errors import Cancelled
from firmware_bridge.events import Adjusted, Event, Notice, Progress
from firmware_bridge.gcode.words import parse_lines
from firmware_bridge.job.device import Device, open_device
from firmware_bridge.job.pen_trim import PenTrim
from firmware_bridge.journal import Journal, begin_job, find_job
from firmware_bridge.simulator.grbl.controller import VirtualGrbl
from firmware_bridge.simulator.grbl.interpreter import Need, Wait
from firmware_bridge.simulator.marlin.controller import Commands
from firmware_bridge.simulator.marlin.serial_input import Command
from firmware_bridge.simulator.recording import Recording
from firmware_bridge.stream.link import Link
from firmware_bridge.transports.simulated import SimulatedTransport
from tests.support.cut_wire import CutWire, Killed, device_on
from tests.support.ink_cases import UP, dense, farthest_mm, ink, lines_of, plotter, program_of

LINE = [[(160.0 + 0.5 * i, 10.0 * np.sin(i / 10)) for i in range(160)]]


def sim(device: Device) -> SimulatedTransport:
    assert isinstance(device.transport, SimulatedTransport)
    return device.transport


def once_at(device: Device, line: int, do: Callable[[], None], heard: list[Event]) -> Callable[[Event], None]:
    """Does something once so many lines were taken."""
    pending = [do]

    def on_event(event: Event) -> None:
        heard.append(event)
        if pending and isinstance(event, Progress) and event.lines_done >= line:
            pending.pop()()

    return on_event


def draw_seconds(dialect: str, percent: int) -> float:
    heard: list[Event] = []
    with open_device(plotter(dialect), f"sim://{dialect}") as device:
        report = device.run(
            program_of(LINE, 20.0), once_at(device, 5, lambda: device.set_speed(percent), heard)
        )
        assert farthest_mm(dense(LINE), ink(sim(device).recording())) < 0.1
        controller = sim(device).controller
        if isinstance(controller, VirtualGrbl):  # for whoever comes next
            assert controller.planner.feed_override == controller.planner.rapid_override == 1.0
    told = [e for e in heard if isinstance(e, Adjusted)]
    assert [e.percent for e in told] == [percent]
    assert (told[0].lines_away == 0) == (dialect == "grbl")
    return report.duration_s


@pytest.mark.parametrize("dialect", ["grbl", "marlin"])
def test_the_speed_is_changed_while_it_draws(dialect: str) -> None:
    normal, slow, fast = (draw_seconds(dialect, percent) for percent in (100, 50, 200))
    assert 1.6 < slow / normal < 2.1  # Marlin draws first what it has taken
    assert 0.5 < fast / normal < 0.75


def test_an_arm_is_slowed_down_by_its_lines() -> None:
    # It rests after each handful of lines, so its own speed is only a part of the time.
    assert draw_seconds("uarm", 30) > 1.3 * draw_seconds("uarm", 100)


def test_a_speed_outlives_a_pause() -> None:
    machine = plotter("grbl")
    with open_device(machine, "sim://grbl") as device:
        seen: list[float] = []
        steps = iter(["fast", "pause", "on"])
        count = 0

        def on_event(event: Event) -> None:
            nonlocal count
            count += isinstance(event, Progress)
            if count % 25 == 0 and isinstance(event, Progress):
                match next(steps, ""):
                    case "fast":
                        device.set_speed(150)
                    case "pause":
                        device.pause()
                    case "on":
                        device.go_on()
            controller = sim(device).controller
            assert isinstance(controller, VirtualGrbl)
            seen.append(controller.planner.feed_override)

        device.run(program_of(LINE, 10.0), on_event)
    rounded = [round(v, 2) for v in seen]
    assert max(rounded) == 1.5
    last = len(rounded) - rounded[::-1].index(1.5)
    assert 1.0 in rounded[rounded.index(1.5) : last]  # the reset of the pause took it away, and it came back


def depths(recording: Recording) -> np.ndarray:
    """Pen heights under which anything was drawn."""
    return np.round(recording.pen[recording.pen < 1.0], 3)


@pytest.mark.parametrize("dialect", ["grbl", "marlin", "uarm"])
def test_the_pen_is_trimmed_from_the_lines_on_that_are_not_sent(dialect: str) -> None:
    heard: list[Event] = []
    with open_device(plotter(dialect), f"sim://{dialect}") as device:
        report = device.run(
            program_of(LINE + LINE, 20.0), once_at(device, 40, lambda: device.trim_pen(-3), heard)
        )
        recording = sim(device).recording()
    assert report.trim == pytest.approx(-0.15)
    told = next(e for e in heard if isinstance(e, Adjusted))
    assert 0 < told.lines_away < 60
    low = np.flatnonzero(recording.pen < -0.14)
    assert len(low)
    first_x = recording.xy_mm[low[0], 0]
    assert 160.0 + 0.5 * 35 < first_x < 160.0 + 0.5 * (40 + 70)
    # Once it is there it stays there: in the second stroke all the way, and travels keep their height.
    after = depths(recording)[-5:]
    assert recording.pen.max() == pytest.approx(40.0 if dialect == "uarm" else UP, abs=40.0)
    assert after.min() >= -0.151
    assert farthest_mm(dense(LINE), ink(recording)) < 0.1


def test_a_servo_pen_on_grbl_is_trimmed_within_the_stroke() -> None:
    heard: list[Event] = []
    with open_device(plotter("grbl", "servo"), "sim://grbl") as device:
        report = device.run(
            program_of(LINE, 20.0, "servo"), once_at(device, 40, lambda: device.trim_pen(2), heard)
        )
        recording = sim(device).recording()
    assert report.trim == -2.0  # up is a smaller S here, and a step is a fiftieth of 70
    assert 168.0 in np.round(recording.pen, 3)
    assert recording.pen.max() == pytest.approx(170.0)


def test_the_pen_is_not_trimmed_beyond_its_range() -> None:
    heard: list[Event] = []
    with open_device(plotter("grbl"), "sim://grbl") as device:
        report = device.run(
            program_of(LINE, 20.0), once_at(device, 10, lambda: [device.trim_pen(500)] * 2, heard)
        )
    assert report.trim == pytest.approx(2.0)  # half of the way up
    with open_device(plotter("grbl"), "sim://grbl") as device:

        def twice() -> None:
            device.trim_pen(-500)
            device.trim_pen(-1)

        report = device.run(program_of(LINE, 20.0), once_at(device, 10, twice, heard))
        assert sim(device).recording().pen.min() >= -3.0
    assert report.trim == pytest.approx(-2.0)
    assert any(isinstance(e, Notice) and "as far as its range" in e.message for e in heard)


def test_a_file_that_counts_in_steps_is_not_trimmed() -> None:
    lines = ["G21", "G90", "G0 Z4", "G0 X20 Y20", "G1 Z0 F900", "G91", *["G1 X0.5 F900"] * 60, "G90", "G0 Z4"]
    heard: list[Event] = []
    with open_device(plotter("grbl"), "sim://grbl") as device:
        report = device.run_gcode(lines, once_at(device, 10, lambda: device.trim_pen(1), heard))
    assert report.trim == 0.0
    assert any(isinstance(e, Notice) and "cannot be trimmed" in e.message for e in heard)


@pytest.mark.parametrize("dialect", ["grbl", "marlin", "uarm"])
def test_a_trim_is_kept_by_the_journal_and_the_resumed_drawing(dialect: str, tmp_path: Path) -> None:
    machine = plotter(dialect)
    journals: list[Journal] = []

    def keep(lines: list[str]) -> Journal:
        journals.append(begin_job(lines, machine, "sim://", "line", tmp_path))
        return journals[-1]

    with open_device(machine, f"sim://{dialect}") as device:
        heard: list[Event] = []
        trim = once_at(device, 30, lambda: device.trim_pen(-2), heard)
        stop = once_at(device, 120, device.cancel, heard)

        def on_event(event: Event) -> None:
            trim(event)
            stop(event)

        with pytest.raises(Cancelled):
            device.run(program_of(LINE, 20.0), on_event, keep)
        state = find_job(None, tmp_path)
        assert [t for _, t in state.trims] == [pytest.approx(-0.1)]
        assert state.last_event == "stopped"
        before_s = device.transport.now_s()
        report = device.run_rest(state, Journal.reopen(state))
        recording = sim(device).recording()
    assert report.trim == pytest.approx(-0.1)
    later = recording.pen[recording.t_s > before_s]
    assert later.min() == pytest.approx(-0.1, abs=0.006)
    assert farthest_mm(dense(LINE), ink(recording)) < 0.1


def test_a_trim_in_a_pause_holds_from_where_it_goes_on() -> None:
    with open_device(plotter("grbl"), "sim://grbl") as device:
        count = 0
        went_on_s: list[float] = []

        def on_event(event: Event) -> None:
            nonlocal count
            if isinstance(event, Progress):
                count += 1
                if count == 30:
                    device.pause()
                elif count == 60:
                    device.trim_pen(-4)
                    device.go_on()
                    went_on_s.append(device.transport.now_s())

        device.run(program_of(LINE, 20.0), on_event)
        recording = sim(device).recording()
    pen = recording.pen[recording.t_s > went_on_s[0]]
    down = np.flatnonzero(pen < 0.05)
    assert np.count_nonzero(pen[down] < -0.19) > 0.8 * len(down)


@settings(max_examples=60, deadline=None)
@given(
    heights=st.lists(st.sampled_from([4.0, 0.0, -0.5, 0.3, 1.0]), min_size=2, max_size=30),
    at=st.integers(0, 30),
    trim=st.integers(-40, 40).map(lambda n: n * 0.05),
)
def test_a_shape_changes_nothing_but_heights_on_the_paper(heights: list[float], at: int, trim: float) -> None:
    machine = plotter("grbl")
    lines = [f"G1 X{i} Y2 Z{z:g} F900" if i % 3 else f"X{i} Y2" for i, z in enumerate([4.0, *heights])]
    shaper = PenTrim(parse_lines(lines), machine, lambda: 4.0)
    shaper.change(min(at, len(lines)), trim)
    for i, line in enumerate(lines):
        words, shaped = line.split(), shaper.shape(i).split()
        assert [w for w in shaped if w[0] != "Z"] == [w for w in words if w[0] != "Z"]
        if i < at:
            assert shaped == words
        for before, after in zip(
            (float(w[1:]) for w in words if w[0] == "Z"),
            (float(w[1:]) for w in shaped if w[0] == "Z"),
            strict=False,
        ):
            assert (after == 4.0) == (before == 4.0)
            assert -3.0 <= after <= 4.0
            assert (
                i < at
                or before == 4.0
                or after == pytest.approx(min(max(before + trim, -3.0), (before + 4.0) / 2))
            )


def test_overrides_go_out_one_byte_at_a_time() -> None:
    sent: list[tuple[float, bytes]] = []

    class Noting(SimulatedTransport):
        def write(self, data: bytes) -> None:
            if data[0] >= 0x90:
                sent.append((self.now_s(), data))
            super().write(data)

    machine = plotter("grbl")
    transport = Noting("grbl", machine)
    device = Device(machine, Link(transport, dialect_of("grbl"), machine))
    device.run(program_of(LINE, 20.0), once_at(device, 10, lambda: device.set_speed(143), []))
    assert [d for _, d in sent] == [b"\x91"] * 4 + [b"\x93"] * 3 + [b"\x90", b"\x95"]
    assert all(b - a > 0.04 for (a, _), (b, _) in pairwise(sent[:7]))


def test_the_time_left_follows_the_planned_time_and_the_speed() -> None:
    # Ten long lines and four hundred short ones that take as long as one of them.
    slow = [(160.0 + (60.0 if i % 2 else 0.0), 0.1 * i) for i in range(11)]
    short = [(160.0 + 0.15 * i, 5.0) for i in range(400)]
    program = program_of([slow, short], 20.0)
    guesses: list[tuple[float, float]] = []
    with open_device(plotter("grbl"), "sim://grbl") as device:

        def on_event(event: Event) -> None:
            if isinstance(event, Progress) and event.eta_s is not None:
                guesses.append((device.transport.now_s(), event.eta_s))

        device.run(program, on_event)
        end_s = device.transport.now_s()
    first_s = guesses[0][0]
    for at_s, left_s in guesses:
        if at_s < first_s + 0.9 * (end_s - first_s):
            assert left_s == pytest.approx(end_s - at_s, abs=0.1 * (end_s - first_s) + 0.5)
    assert len(lines_of(program, plotter("grbl"))) > 400


@pytest.mark.parametrize("how", ["host killed", "power cut"])
@pytest.mark.parametrize("dialect", ["grbl", "marlin", "uarm"])
def test_a_trimmed_drawing_that_is_killed_goes_on_at_its_height(
    dialect: str, how: str, tmp_path: Path
) -> None:
    machine, checked = plotter(dialect), 0
    for seed in range(4):
        rng = random.Random(f"{dialect} {how} {seed}")
        folder = tmp_path / str(seed)
        controller = SimulatedTransport(dialect, machine).controller
        journals: list[Journal] = []

        def keep(lines: list[str], folder: Path = folder, journals: list[Journal] = journals) -> Journal:
            journals.append(begin_job(lines, machine, "sim://", "line", folder))
            return journals[-1]

        wire = CutWire(machine, controller, 900 + rng.randrange(2500), False)
        device = device_on(wire, machine)
        steps = {rng.randrange(5, 120): rng.choice([-3, -2, 2]) for _ in range(4)}

        def on_event(event: Event, device: Device = device, steps: dict[int, int] = steps) -> None:
            if isinstance(event, Progress):
                for line in [n for n in steps if n <= event.lines_done]:
                    device.trim_pen(steps.pop(line))
                    device.change_speed(1)

        try:
            device.run(program_of(LINE, 30.0), on_event, keep)
            continue
        except Killed:
            journals[-1].close()
        if how == "power cut":
            where = controller.physical_mm()
            controller.power_cycle()
            controller._believe(where)
            if dialect == "marlin":
                controller.commands.sync()
        else:
            controller.advance(controller.now_s + 0.3)
            controller.take_output()
        state = find_job("1", folder)
        before_s = controller.now_s
        again = device_on(CutWire(machine, controller, 10**9, False), machine)
        report = again.run_rest(state, Journal.reopen(state), None, "here")
        recording = controller.recording()
        trim = state.trims[-1][1] if state.trims else 0.0
        assert report.trim == pytest.approx(trim)
        end = (recording.t_s > before_s) & (recording.xy_mm[:, 0] > 234.0) & (recording.pen < 0.45)
        if end.sum() > 20:  # else it had been drawn before
            assert np.median(recording.pen[end]) == pytest.approx(trim, abs=0.01)
            checked += 1
        touching = [recording.xy_mm[recording.pen < 0.45]]
        assert farthest_mm(dense(LINE, 0.3), touching) < 0.1
    assert checked >= 2


def test_a_board_that_rests_for_each_question_is_asked_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    carry_out = Commands.carry_out

    def resting(self: Commands, command: Command) -> Iterator[Wait]:
        if command.line.startswith("M114") or " M114" in command.line:
            yield Need.STILL
        yield from carry_out(self, command)

    def questions() -> int:
        count = 0

        class Counting(SimulatedTransport):
            def write(self, data: bytes) -> None:
                nonlocal count
                count += b"M114" in data
                super().write(data)

        machine = plotter("marlin")
        device = device_on(Counting("marlin", machine), machine)
        count = 0
        device.run(program_of(LINE, 30.0))
        return count

    many = questions()
    monkeypatch.setattr(Commands, "carry_out", resting)
    assert questions() < 12 < many
