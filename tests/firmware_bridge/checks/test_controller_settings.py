"""What the machine says of itself, compared with its profile, before ink."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.checks.controller_settings import findings, requirements
from firmware_bridge.checks.findings import Finding, Severity
from firmware_bridge.dialects import dialect_of
from firmware_bridge.dialects.base import Facts
from firmware_bridge.dialects.limits import as_told
from firmware_bridge.errors import PreflightError
from firmware_bridge.gcode.words import parse_lines
from firmware_bridge.job.device import Device
from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator import VirtualGrbl, simulate_lines
from firmware_bridge.simulator.marlin import VirtualMarlin
from firmware_bridge.simulator.marlin.controller import MarlinOptions
from firmware_bridge.simulator.uarm import VirtualUarm
from firmware_bridge.simulator.virtual import VirtualController
from firmware_bridge.stream.link import Link
from firmware_bridge.transports.simulated import SimulatedTransport
from tests.support.ink_cases import lines_of, plotter, program_of

SQUARE = [[(20.0, 20.0), (80.0, 20.0), (80.0, 60.0), (20.0, 60.0), (20.0, 20.0)]]


@contextmanager
def device_of(machine: MachineProfile, controller: VirtualController | None = None) -> Iterator[Device]:
    transport = SimulatedTransport(machine.dialect, machine)
    if controller is not None:
        transport.controller = controller
    with Device(machine, Link(transport, dialect_of(machine.dialect), machine)) as device:
        yield device


def told(machine: MachineProfile, controller: VirtualController | None = None) -> list[Finding]:
    """The findings for a square on a machine."""
    program = program_of(SQUARE, 90.0, machine.pen_actuator)
    with device_of(machine, controller) as device:
        return device.judge(lines_of(program, machine))


def grbl(machine: MachineProfile, **numbers: float) -> VirtualGrbl:
    """A virtual GRBL with other settings, given as ``s110=500``."""
    controller = VirtualGrbl(machine)
    for name, value in numbers.items():
        controller.settings.write(int(name[1:]), value)
    return controller


@pytest.mark.parametrize("kind", [("grbl", "z"), ("grbl", "servo"), ("marlin", "z"), ("marlin", "servo")])
def test_a_machine_like_its_profile_gives_no_findings(kind: tuple[str, str]) -> None:
    assert told(plotter(*kind)) == []


def test_the_shipped_profiles_agree_with_their_virtual_machines() -> None:
    from calibration.profile import Profile

    for name in ("grbl-z", "grbl-servo", "marlin-printer", "uarm", "scara", "fivebar", "polargraph"):
        machine = Profile.load(name).machine
        with device_of(machine) as device:
            assert device.judge([]) == [], name


def test_a_slow_axis_is_told_with_the_time_that_it_costs() -> None:
    machine = plotter("grbl")
    controller = grbl(machine, s110=500)
    (finding,) = told(machine, controller)
    assert finding.severity is Severity.WARNING
    assert "x 8.33333 mm/s by $110, profile 100" in finding.message
    lines = lines_of(program_of(SQUARE, 90.0), machine)
    before = simulate_lines(lines, machine).duration_s
    real = as_told(machine, dialect_of("grbl").limits(machine, Facts(settings={"$110": 500.0})))
    assert real is not None
    after = simulate_lines(lines, real).duration_s
    assert after > 3.0 * before
    assert f"about {after / before:.1f} times as long" in finding.message


def test_the_told_time_is_the_time_that_the_machine_takes() -> None:
    """The figure is compared with a drawing on that machine itself, not with the same model."""
    machine = plotter("grbl")
    program = program_of(SQUARE, 90.0)
    seconds = {}
    for rate in (6000.0, 500.0):
        with device_of(machine, grbl(machine, s110=rate, s111=rate)) as device:
            seconds[rate] = device.run(program).duration_s
    times = float(told(machine, grbl(machine, s110=500, s111=500))[0].message.split("about ")[1].split()[0])
    assert times == pytest.approx(seconds[500.0] / seconds[6000.0], rel=0.1)


def test_marlin_has_two_limits_of_acceleration() -> None:
    machine = plotter("marlin")
    controller = VirtualMarlin(machine)
    controller.settings.write(201, {"X": 500.0})
    controller.settings.write(203, {"Y": 20.0})
    (finding,) = told(machine, controller)
    assert "y 20 mm/s by M203 Y, profile 100" in finding.message
    assert "x 500 mm/s^2 by M201 X and M204 T, profile 1000" in finding.message
    controller = VirtualMarlin(machine)
    controller.settings.write(204, {"T": 100.0})
    assert "y 100 mm/s^2" in told(machine, controller)[0].message


@pytest.mark.parametrize("homed_mm", [(0.0, 0.0, 0.0), (-200.0, -150.0, -9.0)])
def test_soft_limits_are_judged_in_the_frame_of_the_switches(homed_mm: tuple[float, float, float]) -> None:
    machine = plotter("grbl")
    controller = grbl(machine, s22=1, s20=1, s130=200, s131=150, s132=9)
    controller.unlock()
    controller.interpreter.frames[0] = homed_mm
    if homed_mm[0]:
        assert told(machine, controller) == []  # 20 to 80 of 0 to 200, 20 to 60 of 0 to 150
        return
    with pytest.raises(PreflightError, match=r"soft limits let x go from -200 to 0 mm .*goes to 80.00 mm"):
        told(machine, controller)


def test_a_forced_origin_turns_the_travel_round() -> None:
    machine = plotter("grbl")
    facts = Facts(settings={"$20": 1.0, "$23": 1.0, "$130": 200.0, "$131": 150.0}, options="VZ")
    limits = dialect_of("grbl").limits(machine, facts)
    assert limits.reach == ((0.0, 200.0), (-150.0, 0.0), None)


@pytest.mark.parametrize("old", [False, True])
def test_marlins_soft_endstops_would_flatten_the_edge(old: bool) -> None:
    machine = plotter("marlin")
    controller = VirtualMarlin(machine, options=MarlinOptions(old_endstops=old))
    controller.settings.box = ((0.0, 70.0), (0.0, 220.0), (-5.0, 100.0))
    assert [f.message for f in told(machine, controller)] == []  # off, and long enough
    controller.settings.endstops = True
    with pytest.raises(PreflightError, match=r"let x go from 0 to 70 mm \(M211\).*goes to 80.00.*flatten"):
        told(machine, controller)
    # The virtual board does what the message says.
    for line in lines_of(program_of(SQUARE, 90.0), machine):
        controller.receive(line.encode() + b"\n")
        controller.advance(controller.now_s + 5.0)
    assert controller.recording().xy_mm[:, 0].max() == 70.0


def test_a_drawing_longer_than_the_axes_is_told() -> None:
    machine = plotter("grbl")
    (finding,) = told(machine, grbl(machine, s131=30))
    assert "needs 40.0 mm of y, the machine says that it has 30 mm ($131)" in finding.message
    (finding,) = told(machine, grbl(machine, s132=2))
    assert "of pen, the machine says that it has 2 mm ($132)" in finding.message


@pytest.mark.parametrize("travel_mm", [1, 10, 200])
def test_values_of_a_servo_are_no_millimetres_of_z(travel_mm: float) -> None:
    """S170 is no 170 mm of an axis that the board has, and does not use."""
    machine = plotter("grbl", "servo")
    assert told(machine, grbl(machine, s132=travel_mm)) == []


def test_a_clamped_servo_is_refused() -> None:
    machine = plotter("grbl", "servo")
    with pytest.raises(PreflightError, match=r"turned to S170, and the machine clamps S at \$30=150"):
        told(machine, grbl(machine, s30=150))
    (finding,) = told(machine, grbl(machine, s31=120))
    assert "turned to S100, and the machine raises that to $31=120" in finding.message


def test_a_servo_in_a_file_and_laser_mode() -> None:
    machine = plotter("grbl", "servo")
    rapid = ["G21 G90", "M3 S170", "G0 X10 Y10"]
    turning = ["G21 G90", "M3 S100", "G1 X10 F600", "G1 X20 S120", "G1 X30 S140"]
    for laser, lines, words in (
        (1, rapid, ""),  # S0 is up: as a laser's file wants it
        (0, turning, "turns 2 times within strokes"),
        (1, turning, ""),
    ):
        with device_of(machine, grbl(machine, s32=laser)) as device:
            found = [f.message for f in device.judge(parse_lines(lines))]
        assert len(found) == bool(words)
        assert all(words in text for text in found)
    with device_of(machine, grbl(machine, s32=0)) as device, pytest.raises(PreflightError, match="a laser"):
        device.judge(parse_lines(rapid))
    inverted = dataclasses.replace(machine, pen_safe=900.0)
    with device_of(inverted, grbl(inverted, s32=1)) as device, pytest.raises(PreflightError, match="G0"):
        device.judge(parse_lines(rapid))


@pytest.mark.parametrize(
    ("laser", "up", "down", "rapid", "cure"),
    [
        (0, 0, 170, 170, "set $32=1, or let the file lift"),  # S0 is up: as a laser's file wants it
        (0, 900, 300, 300, "let the file lift the pen (M3 S900)"),  # by $32=1 each G0 would press it
        (1, 900, 300, 900, "set $32=0, or write G1 moves"),  # lifted by the file, so it stays up
        (1, 900, 300, 300, "write G1 moves, and let the file lift"),  # by $32=0 it would stay down
    ],
)
def test_the_cure_for_a_servo_that_draws_its_travels_is_no_other_fault(
    laser: int, up: int, down: int, rapid: int, cure: str
) -> None:
    machine = plotter("grbl", "servo")
    box = dataclasses.replace(machine.envelope, pen_min=0.0, pen_max=1000.0)
    machine = dataclasses.replace(machine, pen_safe=float(up), envelope=box)
    lines = [f"G21 G90 M3 S{up}", "G1 X5 F900", f"S{down}", "G1 X10", f"M3 S{rapid}", "G0 X20", f"M3 S{up}"]
    controller = grbl(machine, s32=laser, s30=1000)
    with device_of(machine, controller) as device, pytest.raises(PreflightError) as caught:
        device.judge(parse_lines(lines))
    assert cure in str(caught.value)


@pytest.mark.parametrize(
    ("number", "value", "words"),
    [
        ("s100", 250, "250 steps per mm of x ($100), the profile says 80"),
        ("s11", 0.001, "brakes harder for corners"),
        ("s11", 0.1, "runs faster through corners"),
        ("s1", 25, "let go 25 ms after each stop ($1)"),
        ("s120", 5000, "accelerates x by 5000 mm/s^2 ($120), the profile plans 1000"),
    ],
)
def test_settings_that_spoil_drawings(number: str, value: float, words: str) -> None:
    machine = plotter("grbl")
    (finding,) = told(machine, grbl(machine, **{number: value}))
    assert words in finding.message
    assert finding.cure


def test_what_cannot_be_true_is_noted_and_not_used() -> None:
    machine = plotter("grbl")
    limits = dialect_of("grbl").limits(machine, Facts(settings={"$110": 0.0, "$120": 1e9, "$111": 60.0}))
    assert limits.speed == (None, 1.0, None)
    assert limits.acceleration == (None, None, None)
    assert limits.notes == (
        "The machine says $110=0, which cannot be true",
        "The machine says $120=1e+09, which cannot be true",
    )


def test_a_firmware_that_tells_nothing_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = plotter("grbl")
    from firmware_bridge.gcode.grbl_grammar import GcodeError
    from firmware_bridge.simulator.grbl import controller as grbl_controller

    run_system_line = grbl_controller.run_system_line

    def dumb(controller: VirtualGrbl, line: str) -> object:
        if line in ("$$", "$I"):
            raise GcodeError(3)
        return run_system_line(controller, line)

    monkeypatch.setattr(grbl_controller, "run_system_line", dumb)
    found = [str(f) for f in told(machine)]
    assert found == [
        "The machine does not answer $I: the profile's values are used.",
        "The machine does not answer $$: the profile's values are used.",
    ]


def test_an_arm_is_asked_what_it_reaches(monkeypatch: pytest.MonkeyPatch) -> None:
    from firmware_bridge.simulator.uarm import controller as arm

    machine = dataclasses.replace(plotter("uarm"), max_speed_mm_s=(90.0, 90.0))
    lines = ["G1X200Y0Z20F50", "G1X200Y0Z0F50", "G1X240Y30Z0F50", "G1X240Y30Z20F50"]
    asked: list[tuple[float, float, float]] = []

    def short(x: float, y: float, z: float) -> bool:
        asked.append((x, y, z))
        return x < 220.0

    with device_of(machine, VirtualUarm(machine)) as device:
        assert device.judge(parse_lines(lines)) == []
        monkeypatch.setattr(arm, "reachable", short)
        with pytest.raises(PreflightError, match=r"cannot reach \(240.00, 30.00, 0.00\) mm"):
            device.judge(parse_lines(lines))
    assert 1 < len(asked) <= 10


def test_arcs_are_refused_where_the_board_says_that_it_has_none() -> None:
    machine = plotter("marlin")
    with device_of(machine) as device:
        assert device.facts.capabilities == {"EEPROM": False, "EMERGENCY_PARSER": False, "ARCS": False}
        with pytest.raises(PreflightError, match="knows none: write lines"):
            device.judge(parse_lines(["G90", "G1 X10 Y10 F600", "G2 X20 Y10 I5 J0"]))


SETTINGS = st.dictionaries(
    st.one_of(
        st.sampled_from(["$1", "$11", "$13", "$20", "$22", "$23", "$30", "$31", "$32"]),
        st.integers(0, 140).map(lambda n: f"${n}"),
        st.sampled_from(["M203 X", "M201 Y", "M204 T", "M211 S", "M211 x", "M211 X", "M92 Z"]),
        st.sampled_from([f"/axes/{a}/{i}" for a in "xyz" for i in ("max_travel_mm", "homing/mpos_mm")]),
    ),
    st.floats(allow_nan=True, allow_infinity=True),
    max_size=12,
)


@pytest.mark.parametrize("dialect", ["grbl", "marlin", "uarm"])
@settings(max_examples=150, deadline=None)
@given(stored=SETTINGS, options=st.text("VZ*", max_size=3))
def test_any_settings_give_findings_and_no_crash(
    dialect: str, stored: dict[str, float], options: str
) -> None:
    machine = plotter(dialect)
    limits = dialect_of(dialect).limits(machine, Facts(settings=stored, options=options))
    lines = ["G1X200Y0Z0F50"] if dialect == "uarm" else ["G21", "G90", "G1 X20 Y20 F600", "G1 X30"]
    for finding in findings(
        machine, limits, requirements(parse_lines(lines), machine), lines, (0.0, 0.0, 0.0)
    ):
        assert "\n" not in str(finding)
        assert "nan" not in str(finding) or "cannot be true" in str(finding)
