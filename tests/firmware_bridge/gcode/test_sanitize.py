from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firmware_bridge.errors import ProgramError
from firmware_bridge.gcode.sanitize import read_gcode, validate_lines


def test_comments_spaces_and_the_end_mark_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "a.gcode"
    path.write_bytes(
        b"%\r\n; a drawing! \xe9\r\ng21 g90 (mm, why?)\r\rG0X1.5Y-.5 ; go\n\n  g1 x2 f600\nM5\nM30\n%\n"
    )
    assert read_gcode(path) == ["G21 G90", "G0 X1.5 Y-.5", "G1 X2 F600", "M5"]


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("$110=500", r"\$110=500"),
        ("$RST=*", r"\$RST"),
        ("$X", "system"),
        ("$J=G91 X1 F100", "system"),
        ("G10 L2 P1 X0", "G10 writes"),
        ("G010L20P1X0", "G10 writes"),
        ("G28.1", "G28.1 writes"),
        ("G0 X1 G30", "G30 goes"),
        ("G38.2 Z-1 F10", "G38.2 probes"),
        ("M500", "M500 writes"),
        ("M112", "M112 stops"),
        ("M999", "M999 restarts"),
        ("G1 X1!", "'!'"),
        ("?", r"'\?'"),
        ("G1 X1 \x18", "plain text"),
        ("G1 Xé", "plain text"),
        ("G1 X", "'X' is not"),
        ("G1 X1.2.3", "not G-code"),
        ("G1 X--1", "not G-code"),
        ("hello", "not G-code"),
        ("G1 X1 (open", "closing bracket"),
        ("#1=2", "not G-code"),
        ("G1 X" + "1" * 100, "characters"),
    ],
)
def test_a_line_that_does_not_belong_is_refused_with_its_number(line: str, word: str) -> None:
    with pytest.raises(ProgramError, match=word) as caught:
        validate_lines(["G21", line, "G1 X1"], "a.gcode")
    assert "a.gcode, line 2: " in str(caught.value)


def test_an_end_in_the_middle_is_refused() -> None:
    with pytest.raises(ProgramError, match="line 2: the program ends before line 3"):
        validate_lines(["G0 X1", "M30", "G0 X2"])


def test_a_long_line_loses_its_spaces_before_it_is_refused() -> None:
    words = [f"{a}1" for a in "XYZIJKRSTPLNF"] * 3  # 39 words of two characters
    assert validate_lines([" ".join(words)]) == ["".join(words)]


def test_a_file_that_is_missing_or_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match="Cannot read"):
        read_gcode(tmp_path / "none.gcode")
    path = tmp_path / "big.gcode"
    path.write_text("G0 X1\n" * 10)
    assert len(read_gcode(path, max_bytes=60)) == 10
    with pytest.raises(ProgramError, match="larger than 59 bytes"):
        read_gcode(path, max_bytes=59)


@settings(deadline=None, max_examples=200)
@given(
    text=st.text(alphabet="GMXYZF0123456789.-+ ();$!?~%\t\x18\x85é#=", max_size=30),
)
@example(text="G1 X1 F100")
@example(text="(a)(b)G0X1;c")
def test_what_passes_is_safe_to_send_and_passes_again_unchanged(text: str) -> None:
    try:
        lines = validate_lines([text])
    except ProgramError as error:
        message = str(error)
    else:
        message = ""
        assert validate_lines(lines) == lines
        for line in lines:
            assert len(line) <= 79
            assert set(line) <= set("GMXYZF0123456789.-+ ")
    assert "\n" not in message


@settings(deadline=None, max_examples=50)
@given(data=st.binary(max_size=200))
def test_random_bytes_never_raise_anything_else(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("g") / "f.gcode"
    path.write_bytes(data)
    try:
        lines = read_gcode(path)
    except ProgramError:
        return
    assert all(line.isascii() for line in lines)


def test_numbers_checksums_and_a_byte_order_mark_of_a_file_stay_there(tmp_path: Path) -> None:
    path = tmp_path / "a.gcode"
    path.write_bytes(b"\xef\xbb\xbf(head)\nN10 G21*43\n\nn20g0x1;a\n/N30 G1 X2 F600\n")
    lines = read_gcode(path)
    assert list(lines) == ["G21", "G0 X1", "G1 X2 F600"]
    assert [line.file_line for line in lines] == [2, 4, 5]
    with pytest.raises(ProgramError, match=r"line 1: its checksum \*9 does not fit: the file is damaged"):
        validate_lines(["N10 G21*9"])
    path.write_bytes("G21\n".encode("utf-16"))
    with pytest.raises(ProgramError, match=r"a.gcode is UTF-16 text, as its byte order mark says"):
        read_gcode(path)
