"""Whatever a file or a machine says: an error of one line at most, in bounded time and memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firmware_bridge.errors import ProgramError
from firmware_bridge.gcode.sanitize import (
    MAX_LINE_CHARS,
    MAX_RAW_CHARS,
    ReadyLines,
    read_gcode,
    validate_lines,
)
from firmware_bridge.gcode.words import parse
from firmware_bridge.transports.base import LONGEST_LINE_BYTES, LineCutter
from tests.support.fault_trials import DIALECTS
from tests.support.fuzz import CHECKS, try_check

WORDS = st.text(alphabet="GMXYZFSIJRPN0123456789.-+ ;()$!?~%/\r\n\t\x18\x85é*#", max_size=200)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", CHECKS)
def test_one_round_of_each_check(name: str, dialect: str) -> None:
    """``python -m benchmarks.fuzz`` tries more of them."""
    assert try_check(name, dialect, 0) > 0


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
    lines = [parse(f"X{i}", 2 * i + 1) for i in range(count)]
    stored = ReadyLines(lines)
    assert stored == lines
    assert len(stored) == count
    assert stored[slices] == lines[slices]
    assert list(reversed(stored)) == lines[::-1]
    assert [line.file_line for line in stored] == [line.file_line for line in lines]
    assert [line.words for line in stored] == [line.words for line in lines]
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
