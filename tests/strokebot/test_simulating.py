"""A file is drawn by the words that move its pen, whatever the profile's pen hangs on."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from calibration.profile import Profile
from firmware_bridge.errors import ProgramError
from firmware_bridge.gcode.pen_words import PenWords
from strokebot import cli
from strokebot.simulating import simulate_file

DOWN, UP, TRIANGLE = "<down>", "<up>", ["G1 X50 Y70 F1200", "G1 X50 Y40", "G1 X10 Y70"]
# A triangle of 40, 30 and 50 mm, and a line of 20 mm.
SHAPE = [
    "G21",
    "G90",
    UP,
    "G0 X10 Y70 F3000",
    DOWN,
    *TRIANGLE,
    UP,
    "G0 X80 Y70",
    DOWN,
    "G1 X80 Y50 F1200",
    UP,
]
DRAWN_MM = 140.0
PENS = {
    "z": {"<up>": ["G0 Z3"], "<down>": ["G1 Z-0.5 F600"]},
    "upside down": {"<up>": ["G1 Z3 F6000"], "<down>": ["G1 Z6 F6000"]},
    "laser": {"<up>": ["M5"], "<down>": ["M3 S255"]},
    "servo": {"<up>": ["M3 S200", "G4 P0.15"], "<down>": ["M3 S800", "G4 P0.15"]},
    "backwards": {"<up>": ["M3 S900", "G4 P0.3"], "<down>": ["M3 S300", "G4 P0.3"]},
    "m280": {"<up>": ["M280 P0 S90 T50"], "<down>": ["M280 P0 S25 T150"]},
    "m300": {"<up>": ["M300 S50.00 (pen up)"], "<down>": ["M300 S30.00 (pen down)"]},
}
KINDS = {
    "z": PenWords.Z,
    "upside down": PenWords.Z,
    "laser": PenWords.SPINDLE,
    "servo": PenWords.SPINDLE,
    "backwards": PenWords.SPINDLE,
    "m280": PenWords.M280,
    "m300": PenWords.M300,
}


def written(folder: Path, pen: str) -> Path:
    path = folder / "shape.gcode"
    lines = [text for line in SHAPE for text in PENS[pen].get(line, [line])]
    path.write_text("\n".join(["(made by hand)", *lines, "M2"]))
    return path


@pytest.mark.parametrize("pen", PENS)
@pytest.mark.parametrize("profile", ["grbl-z", "grbl-servo", "marlin-printer"])
def test_each_pen_draws_the_same_with_its_own_words(tmp_path: Path, profile: str, pen: str) -> None:
    loaded = Profile.load(profile)
    trace, _ = simulate_file(written(tmp_path, pen), loaded, KINDS[pen])
    # A z pen that comes down within a travel's end, and a servo's turn, leave a little more or less.
    assert trace.drawn_mm == pytest.approx(DRAWN_MM, abs=1.5)
    assert trace.lifts == 1


@pytest.mark.parametrize(
    ("profile", "pen", "words"),
    [
        ("grbl-z", "z", ""),
        ("grbl-servo", "servo", ""),
        ("grbl-z", "laser", r"moved by S0 \(up\) and S255 \(down\), and that of the profile by z: "
         "use --pen-words spindle or a profile such as grbl-servo"),
        ("grbl-z", "m300", r"M300 S50 \(up\) and M300 S30 \(down\).*use --pen-words m300"),
        ("grbl-servo", "z", "use --pen-words z or a profile such as grbl-z"),
        ("grbl-z", "upside down", r"Z3 \(up\) and Z6 \(down\), and that of the profile draws nothing there: "
         "--pen-words z"),
        ("grbl-servo", "backwards", "--pen-words spindle"),
        ("marlin-printer", "m280", "use --pen-words m280"),
    ],
)  # fmt: skip
def test_what_moves_the_pen_is_told(tmp_path: Path, profile: str, pen: str, words: str) -> None:
    trace, notes = simulate_file(written(tmp_path, pen), Profile.load(profile))
    told = [text for text in notes if "pen is moved" in text]
    assert bool(told) == bool(words)
    if words:
        assert pytest.approx(0.0, abs=1e-9) == trace.drawn_mm or "draws" in told[0]
        with pytest.raises(AssertionError, match=words):
            raise AssertionError(told[0])


def test_words_that_move_no_pen_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "laser")
    with pytest.raises(ProgramError, match=r"No pen is moved by m280 in this file: .* are: spindle"):
        simulate_file(path, Profile.load("grbl-z"), PenWords.M280)
    with pytest.raises(ProgramError, match="its own height"):
        simulate_file(path, Profile.load("uarm"), PenWords.SPINDLE)


def test_simulate_tells_the_notes_and_draws(tmp_path: Path) -> None:
    path = tmp_path / "a.nc"
    path.write_text("%\n(a)\nT1 M6\nG21 G90\nM3 S0\nG0 X10 Y10\nM3 S300\nG1 X60 F900\nM5\nM30\n%\n")
    done = CliRunner().invoke(
        cli.app, ["simulate", str(path), "--out-dir", str(tmp_path), "--pen-words", "spindle"]
    )
    assert done.exit_code == 0, done.output
    assert "a.nc, line 3: M6 left out: waits for another tool" in done.output
    assert "50 mm drawn" in done.output
    assert (tmp_path / "simulation.png").stat().st_size > 10_000
    wrong = CliRunner().invoke(cli.app, ["simulate", str(path), "--pen-words", "m3"])
    assert wrong.exit_code == 2


# A pen that is down in travels: written for a laser, which is dark in a G0.
LASER = ["G21 G90", "M4 S0", "G0 X10 Y10", "G1 X60 S800 F900", "G0 Y60", "G1 X10 S800", "M5", "M2"]


@pytest.mark.parametrize(("laser_mode", "drawn_mm"), [(False, 150.0), (True, 100.0)])
def test_a_laser_file_is_drawn_as_the_board_follows_s(
    tmp_path: Path, laser_mode: bool, drawn_mm: float
) -> None:
    path = tmp_path / "laser.gcode"
    path.write_text("\n".join(LASER))
    trace, notes = simulate_file(path, Profile.load("grbl-servo"), laser_mode=laser_mode)
    assert trace.drawn_mm == pytest.approx(drawn_mm, abs=3.0)
    (told,) = (text for text in notes if "$32=" in text)
    assert f"$32={int(laser_mode)} {trace.drawn_mm:.0f} mm are drawn" in told
    assert ("without --laser-mode" in told) == laser_mode


def test_a_pen_file_is_drawn_alike_by_both(tmp_path: Path) -> None:
    found = [
        simulate_file(written(tmp_path, "laser"), Profile.load("grbl-servo"), laser_mode=mode)
        for mode in (False, True)
    ]
    assert found[0][0].drawn_mm == pytest.approx(found[1][0].drawn_mm, abs=1.0)
    assert not any("$32=" in text for _, notes in found for text in notes)
