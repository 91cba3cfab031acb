"""Whatever a file or a machine says: an error of one line at most, in bounded time and memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks.fault_trials import BOUND_S, DIALECTS, clean, drawing, profile
from firmware_bridge.device import Device
from firmware_bridge.dialects import dialect_of
from firmware_bridge.errors import BridgeError, ProgramError
from firmware_bridge.gcode import MAX_LINE_CHARS, MAX_RAW_CHARS, ReadyLines, read_gcode, validate_lines
from firmware_bridge.link import Link
from firmware_bridge.simulator.faults import Fault, FaultyTransport
from firmware_bridge.simulator.wire import Piece
from firmware_bridge.transports.base import LONGEST_LINE_BYTES, LineCutter

# What machines say, as a whole and in parts, so that noise is near to sense.
SAID = st.sampled_from(
    [
        *(b"ok", b"error:9", b"ALARM:1", b"Resend: 7", b"rs N3", b"busy: x", b"wait", b"start", b"@1", b"\n"),
        *(
            b"<Idle|MPos:1,2,3|FS:0,0>",
            b"<Hold:0|WPos:1,2,3>",
            b"$3 ok",
            b"$4 E22",
            b"Grbl 1.1h ['$' for help]",
        ),
        *(
            b"Error:checksum mismatch, Last Line: 9",
            b"X:1.00 Y:2.00 Z:3.00 E:0.00",
            b"[OPT:V,15,128]",
            b"$110=5",
        ),
    ]
)
NOISE = st.lists(st.one_of(SAID, st.binary(max_size=20)), max_size=6).map(b"".join)
WORDS = st.text(alphabet="GMXYZFSIJRPN0123456789.-+ ;()$!?~%/\r\n\t\x18\x85é*#", max_size=200)


class Talk(Fault):
    """From the first moves on, the machine says something else now and then."""

    def __init__(self, said: list[bytes]) -> None:
        super().__init__(len(said))
        self.said = said

    def _to_host(self, line: bytes) -> list[Piece]:
        if not self.said or not self._due():
            return [(0.0, line)]
        self.struck += 1
        return (
            [(0.0, self.said.pop())] if self.random.random() < 0.5 else [(0.0, self.said.pop()), (0.0, line)]
        )


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(max_examples=40)
@given(said=st.lists(NOISE, min_size=1, max_size=30))
def test_a_machine_that_talks_nonsense_ends_in_an_error_at_worst(dialect: str, said: list[bytes]) -> None:
    machine = profile(dialect)
    span_s, _ = clean(dialect)
    transport = FaultyTransport(machine)
    device = Device(machine, Link(transport, dialect_of(dialect), machine))
    begin_s = transport.now_s()
    transport.arm(Talk(said), span_s)
    said_last = ""
    try:
        device.run(drawing(machine))
    except BridgeError as error:
        said_last = str(error)
    assert "\n" not in said_last
    assert transport.now_s() - begin_s < span_s + BOUND_S


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(max_examples=300)
@given(line=st.one_of(NOISE, st.binary(max_size=80)))
def test_any_line_can_be_parsed(dialect: str, line: bytes) -> None:
    dialect_of(dialect).parse(line.decode("latin-1"))


@settings(max_examples=200)
@given(pieces=st.lists(st.binary(max_size=3000), max_size=6))
def test_bytes_without_a_line_end_do_not_pile_up(pieces: list[bytes]) -> None:
    cutter = LineCutter()
    for piece in pieces:
        cutter.feed(piece)
        assert len(cutter._rest) <= LONGEST_LINE_BYTES


@settings(max_examples=300)
@given(text=WORDS)
@example(text="G1 X1 (a comment with ! ? ~ \x18) F600")
@example(text="\r\r\n;!\n")
def test_a_file_becomes_clean_lines_or_an_error(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.gcode"
    path.write_bytes(text.encode("latin-1"))
    split = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    try:
        lines = read_gcode(path)
    except ProgramError:
        with pytest.raises(ProgramError) as caught:
            validate_lines(split)
        assert "\n" not in str(caught.value)
        return
    assert list(lines) == validate_lines(split)
    for line in lines:
        assert line
        assert line.isascii()
        assert len(line) <= MAX_LINE_CHARS
        assert not set(line) & set("!?~$;()\x18\r\n\t%")


@settings(max_examples=50)
@given(count=st.integers(0, 1100), slices=st.slices(1100))
def test_lines_on_disk_are_the_lines(count: int, slices: slice) -> None:
    lines = [f"X{i}" for i in range(count)]
    stored = ReadyLines(lines)
    assert stored == lines
    assert len(stored) == count
    assert stored[slices] == lines[slices]
    assert list(reversed(stored)) == lines[::-1]
    assert stored != [*lines, "X"]
    with pytest.raises(IndexError):
        stored[count]


def test_a_large_file_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "big.gcode"
    path.write_text("".join(f"G1 X{i % 977}.125 Y{i % 331}.5 F1800 ; point\n" for i in range(60_000)))
    tracemalloc.start()
    try:
        lines = read_gcode(path)
        total = sum(len(line) for line in lines)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert total > 1_000_000
    assert peak < 2_500_000  # of which one million is what small files may take


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_line_without_end_is_refused(tmp_path: Path, end: bytes) -> None:
    path = tmp_path / "long.gcode"
    path.write_bytes(b"G0 X1\n" + b"(" + b"x" * 300_000 + b")" + end)
    with pytest.raises(ProgramError, match=f"line 2: has more than {MAX_RAW_CHARS} characters"):
        read_gcode(path)


@pytest.mark.parametrize("split", range(65530, 65540))
def test_a_line_end_between_two_pieces_is_one(tmp_path: Path, split: int) -> None:
    path = tmp_path / "crlf.gcode"
    path.write_bytes(b";" + b"x" * 80 + b"\r\n" + (b";" + b"y" * 98 + b"\r") * ((split - 83) // 100))
    size = path.stat().st_size
    path.write_bytes(path.read_bytes() + b";" + b"z" * max(split - size - 1, 0) + b"\r\nG0 X1\r\n$X\r\n")
    with pytest.raises(ProgramError) as caught:
        read_gcode(path)
    number = int(str(caught.value).split("line ")[1].split(":")[0])
    assert number == 1 + (split - 83) // 100 + 3
