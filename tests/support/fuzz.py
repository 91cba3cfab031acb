"""Whatever a machine says and whatever a file holds: an error of one line at worst.

Each check is a property (``CHECKS``) that hypothesis tries with drawn data for its share of the
time, with a new seed in each round; the same seed tries the same. The tests try a few of each,
``python -m benchmarks.fuzz`` as many as its minutes allow.

    talk      from its first moves on, a machine says something else now and then
    greet     the same from the moment when its port is opened
    checked   the same in GRBL's check mode, and where a firmware has none
    resume    the same while a drawing goes on that was cut off
    parse     one line of a machine, by each dialect
    limits    what machines tell of themselves, against a profile
    file      a file of bytes, then what is left of it on the virtual machines, to its end
    journal   a journal with bytes turned over

A check fails by any exception but the errors that are meant for users, by an error of more than one
line, and by a wait beyond its bound.
"""

from __future__ import annotations

import dataclasses
import functools
import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from firmware_bridge.checks import preflight
from firmware_bridge.checks.controller_settings import findings, requirements
from firmware_bridge.dialects import dialect_of
from firmware_bridge.dialects.base import Facts
from firmware_bridge.errors import BridgeError, PortError, StrokebotError
from firmware_bridge.gcode.reader import ToolpathReader
from firmware_bridge.gcode.sanitize import MAX_LINE_CHARS, read_gcode, validate_lines
from firmware_bridge.gcode.words import parse_lines
from firmware_bridge.job.device import Device
from firmware_bridge.job.resume import resume_program
from firmware_bridge.journal import Journal, ProgressPoint, begin_job, read_journal
from firmware_bridge.simulator.faults import Fault
from firmware_bridge.simulator.wire import Piece
from firmware_bridge.stream.link import Link
from firmware_bridge.transports.faulty import FaultyTransport
from tests.support.fault_trials import BOUND_S, clean, drawing, profile

# What machines say, as a whole and in parts, so that noise is near to sense.
SAID = st.sampled_from(
    [
        *(b"ok", b"error:9", b"error:999", b"ALARM:1", b"ALARM:99", b"Resend: 7", b"rs N3", b"busy: x"),
        *(b"wait", b"start", b"@1", b"@6 N0 V1", b"\n", b"\r\n", b"ok\n", b"$3 ok", b"$4 E22", b"E23"),
        *(b"<Idle|MPos:1,2,3|FS:0,0>", b"<Hold:0|WPos:1,2,3>", b"<Alarm|MPos:0,0,0>", b"<Door:1|WPos:1,2,3>"),
        *(b"<Check|MPos:0.000,0.000,0.000|Bf:15,128>", b"<Run|MPos:9e9,2,3>", b"<Idle|MPos:1,2,3|WCO:1,2>"),
        *(b"Grbl 1.1h ['$' for help]", b"GrblHAL 1.1f ['$' or '$HELP' for help]", b"Grbl 3.9 [FluidNC v3.9]"),
        *(b"Error:checksum mismatch, Last Line: 9", b"Error:Printer halted. kill() called!", b"!! stopped"),
        *(
            b"X:1.00 Y:2.00 Z:3.00 E:0.00",
            b"X:1 Y:2 Z:3 Count X:1 Y:2 Z:-",
            b"ok N-1 P15 B3",
            b"ok T:21.0 /0.0",
        ),
        *(b"[OPT:V,15,128]", b"[OPT:V,0,0]", b"[OPT:PHS]", b"[VER:1.1f.2023:]", b"[FIRMWARE:grblHAL]", b"[]"),
        *(b"$110=5", b"$110=-0", b"$20=1", b"$130=200.000", b"$/axes/x/soft_limits=true", b"$32=1"),
        *(b"[G54:0.000,0.000,0.000]", b"[G92:1.000,2.000]", b"[GC:G0 G54 G17 G21]", b"[MSG:Disabled]"),
        *(
            b"FIRMWARE_NAME:Marlin 2.1 SOURCE_CODE_URL:x",
            b"Cap:ARCS:1",
            b"echo:  M203 X1 Y1 Z1",
            b"  M211 S1 ; ON",
        ),
        *(b"Soft endstops: ON Min: X0 Y0 Z0 Max: X1 Y1 Z1", b"ok X1.0 Y2.0 Z3.0", b"ok V0", b"ok V4.2.0"),
    ]
)
NOISE = st.lists(st.one_of(SAID, st.binary(max_size=20)), max_size=6).map(b"".join)
TALK = st.lists(NOISE, min_size=1, max_size=30)

_NUMBER = st.one_of(
    st.floats(-400, 400).map(lambda v: f"{v:.3f}"),
    st.sampled_from(["", "0", "-0", ".", "-.5", "1e9", "99999999999", "0.0000001", "1.2.3", "+3", "inf"]),
)
_WORD = st.builds(lambda letter, number: letter + number, st.sampled_from(list("XYZFSPIJRNMGT")), _NUMBER)
_CODE = st.sampled_from(
    [
        *("G0", "G1", "G2", "G3", "G4 P0.1", "G20", "G21", "G90", "G91", "G92", "G53", "G54", "G55", "G93"),
        *("G17", "G18", "G38.2", "G80", "M0", "M3", "M5", "M30", "M280 P0", "M400", "G28", "$X", "!"),
        *("(a", ";b", "%"),
    ]
)
_LINE = st.lists(st.one_of(_CODE, _WORD), max_size=5).map(" ".join)
_PLAIN = st.text(alphabet="GMXYZFSIJRPN0123456789.-+ ;()$!?~%/\r\n\t\x18\x85\xe9*#", max_size=120)
GCODE = st.one_of(st.lists(_LINE, max_size=25).map("\n".join), _PLAIN)

_KEYS = [f"${n}" for n in (*range(0, 33), *range(100, 133))] + [
    *("M92 X", "M201 X", "M201 Y", "M203 X", "M203 Z", "M204 T", "M205 J", "M211 S", "M211 x", "M211 X"),
    *(f"/axes/{a}/{i}" for a in "xz" for i in ("max_travel_mm", "soft_limits", "homing/mpos_mm")),
    *("/axes/x/homing/positive_direction", "/axes/y/max_rate_mm_per_min"),
]
LIMITS = st.tuples(
    st.dictionaries(st.sampled_from(_KEYS), st.one_of(st.floats(), st.floats(-10, 10000)), max_size=20),
    st.text("VZHCNM*", max_size=4),
    st.tuples(*[st.floats(-300, 300)] * 3),
)


class Talk(Fault):
    """A machine says something else now and then."""

    def __init__(self, said: list[bytes], at_once: bool = False) -> None:
        super().__init__(len(said))
        self.said = list(said)
        self._at_once = at_once

    def _to_host(self, line: bytes) -> list[Piece]:
        if not self.said or not (self._at_once or self._due()):
            return [(0.0, line)]
        self.struck += 1
        said = [(0.0, self.said.pop())]
        return said if self.random.random() < 0.5 else [*said, (0.0, line)]


def _check_text(text: object) -> None:
    """An error or a finding is one line."""
    assert "\n" not in str(text), f"more than one line: {text}"


def _bounded(act: Callable[[FaultyTransport], object], transport: FaultyTransport, bound_s: float) -> None:
    """Lets something happen that may end in an error of one line, within a time."""
    begin_s = transport.now_s()
    try:
        act(transport)
    except StrokebotError as error:
        _check_text(error)
    took_s = transport.now_s() - begin_s
    assert took_s < bound_s, f"took {took_s:.0f} s of {bound_s:.0f}"


def _met(dialect: str, transport: FaultyTransport) -> Device:
    machine = profile(dialect)
    return Device(machine, Link(transport, dialect_of(dialect), machine))


def talk(dialect: str, said: list[bytes]) -> None:
    """See above."""
    span_s, _ = clean(dialect)
    transport = FaultyTransport(profile(dialect))
    device = _met(dialect, transport)
    transport.arm(Talk(said), span_s)
    _bounded(lambda _: device.run(drawing(device.machine)), transport, span_s + BOUND_S)


def greet(dialect: str, said: list[bytes]) -> None:
    """See above."""
    span_s, _ = clean(dialect)
    transport = FaultyTransport(profile(dialect))
    transport.arm(Talk(said, at_once=True), span_s)
    # Each of the questions of a greeting may be waited for.
    bound_s = span_s + 2.0 * BOUND_S
    _bounded(lambda t: _met(dialect, t).run(drawing(profile(dialect))), transport, bound_s)


def checked(dialect: str, said: list[bytes]) -> None:
    """See above."""
    transport = FaultyTransport(profile(dialect))
    device = _met(dialect, transport)
    transport.arm(Talk(said, at_once=True), 1.0)
    _bounded(lambda _: device.check(drawing(device.machine)), transport, 2.0 * BOUND_S)


def resume(dialect: str, said: list[bytes]) -> None:
    """See above."""
    machine, (span_s, _) = profile(dialect), clean(dialect)
    transport = FaultyTransport(machine)
    with tempfile.TemporaryDirectory() as folder:
        journals: list[Journal] = []

        def keep(lines: object) -> Journal:
            journals.append(begin_job(lines, machine, machine.url, "job", Path(folder)))  # type: ignore[arg-type]
            return journals[-1]

        half = _Cut(len(said))
        transport.arm(half, span_s)
        try:
            _met(dialect, transport).run(drawing(machine), None, keep)
        except PortError:
            assert journals
        if not journals or not half.dead:
            return
        state = read_journal(next(Path(folder).iterdir()))
        transport.wire.broken = False
        again = FaultyTransport(machine, transport.wire)
        again.arm(Talk(said, at_once=True), span_s)
        with Journal.reopen(state) as journal:
            _bounded(
                lambda t: _met(dialect, t).run_rest(state, journal, None, "here"),
                again,
                span_s + 3.0 * BOUND_S,
            )


class _Cut(Fault):
    """The cable is pulled."""

    def _write(self, data: bytes) -> int:
        if self._due() and not self.dead:
            self.dead = True
            self.wire.broken = True
        return len(data)


def parse(dialect: str, line: bytes) -> None:
    """See above."""
    dialect_of(dialect).parse(line.decode("latin-1"))


def limits(dialect: str, drawn: tuple[dict[str, float], str, tuple[float, float, float]]) -> None:
    """See above."""
    stored, options, offset = drawn
    machine = profile(dialect)
    told = dialect_of(dialect).limits(machine, Facts(settings=stored, options=options))
    lines = ["G1X200Y0Z0F50"] if dialect == "uarm" else ["G21", "G90", "G1 X20 Y20 F600", "G2 X30 R9"]
    for finding in findings(machine, told, requirements(parse_lines(lines), machine), lines, offset):
        _check_text(finding)


def file(dialect: str, text: str) -> None:
    """See above."""
    machine = profile(dialect)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fuzz.gcode"
        path.write_bytes(text.encode("latin-1"))
        try:
            lines = read_gcode(path)
        except StrokebotError as error:
            _check_text(error)
            return
    assert list(lines) == validate_lines(lines)
    for line in lines:
        assert line, "an empty line"
        assert len(line) <= MAX_LINE_CHARS, f"too long: {line}"
        assert not set(line) & set("!?~$;()\x18\r\n\t%"), f"not clean: {line}"
    for act in (
        lambda: preflight.check_lines(lines, machine),
        lambda: requirements(lines, machine),
        lambda: resume_program(lines, machine, ProgressPoint(len(lines) // 2)),
        lambda: [ToolpathReader(machine).take(line) for line in lines],
    ):
        try:
            act()
        except BridgeError as error:
            _check_text(error)


def journal(dialect: str, drawn: tuple[int, list[tuple[float, int]], float]) -> None:
    """See above."""
    cut, flips, keep_share = drawn
    data = bytearray(_journal(dialect))
    data = data[: int(len(data) * keep_share) + cut]
    for share, bits in flips:
        if data:
            data[min(int(share * len(data)), len(data) - 1)] ^= bits
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "1-job.sbj"
        path.write_bytes(bytes(data))
        try:
            state = read_journal(path)
        except StrokebotError as error:
            _check_text(error)
            return
        assert 0 <= state.bound.line <= len(state.lines)


@functools.cache
def _journal(dialect: str) -> bytes:
    machine = dataclasses.replace(profile(dialect))
    lines = [line for line in dialect_of(dialect).encode(drawing(machine), machine) if line[0] != ";"]
    with tempfile.TemporaryDirectory() as folder:
        with begin_job(lines, machine, machine.url, "job", Path(folder)) as kept:
            kept.may_send(5, len(lines))
            kept.event("stopped", 1.0, 3, ProgressPoint(2, 0.5), (1.0, 2.0, 3.0), reason="x")
        return next(Path(folder).iterdir()).read_bytes()


# name: what is drawn, what is tried with it, how many examples a round has
CHECKS: dict[str, tuple[st.SearchStrategy, Callable[..., None], int]] = {
    "talk": (TALK, talk, 20),
    "greet": (TALK, greet, 20),
    "checked": (TALK, checked, 20),
    "resume": (TALK, resume, 15),
    "parse": (st.one_of(NOISE, st.binary(max_size=80)), parse, 500),
    "limits": (LIMITS, limits, 60),
    "file": (GCODE, file, 60),
    "journal": (
        st.tuples(
            st.integers(0, 3),
            st.lists(st.tuples(st.floats(0, 1), st.integers(1, 255)), max_size=4),
            st.sampled_from([1.0, 1.0, 0.5, 0.9, 0.999]),
        ),
        journal,
        60,
    ),
}


def try_check(name: str, dialect: str, number: int) -> int:
    """Tries one round of a check with a seed; returns how many examples it has tried."""
    strategy, check, examples = CHECKS[name]
    tried = 0

    @seed(number)
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def once(drawn: object) -> None:
        nonlocal tried
        tried += 1
        check(dialect, drawn)

    once()
    return tried
