"""What ``strokebot draw`` says: size and place, what is long, which profile; and the head of the G-code."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from strokebot import cli, plots
from strokebot.commands.draw import long_drawing
from strokebot.trajectory.timing.outlook import Outlook


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(plots, "png_bytes", lambda figure: b"")
    ink = np.full((60, 90), 255, np.uint8)
    ink[25:29, 15:75] = 0
    Image.fromarray(ink).save(tmp_path / "line.png")

    def invoke(*arguments):
        done = CliRunner().invoke(cli.app, ["draw", "line.png", "--method", "tour", "-o", "out", *arguments])
        assert done.exit_code == 0, done.output
        return done

    return invoke


def drawn_mm():
    """Extent of the drawn moves of the G-code, machine mm: x0, y0, x1, y1."""
    text = Path("out/drawing.gcode").read_text()
    x = [float(v) for v in re.findall(r"X(-?[\d.]+)", text)]
    y = [float(v) for v in re.findall(r"Y(-?[\d.]+)", text)]
    return min(x), min(y), max(x), max(y)


def test_size_place_profile_and_lines_are_told(run):
    said = run("--fit", "90x60", "--at", "20,30").stdout
    assert "profile grbl-z (shipped), pen not calibrated" in said
    assert "90 x 60 mm at 20, 30 on a sheet of 210 x 297 mm" in said
    lines = len(Path("out/drawing.gcode").read_text().splitlines())
    assert f"{lines} lines of G-code" in said
    assert "IoU" in said


def test_the_head_of_the_gcode_tells_bounds_length_and_time(run):
    run("--fit", "90x60", "--at", "20,30")
    head = [row for row in Path("out/drawing.gcode").read_text().splitlines() if row.startswith(";")]
    x0, y0, x1, y1 = drawn_mm()
    bounds = next(row for row in head if "bounds" in row)
    assert (
        bounds
        == f"; bounds x {x0:.1f} to {x1:.1f} mm, y {y0:.1f} to {y1:.1f} mm, pen " + bounds.split("pen ")[1]
    )
    assert re.search(r"^; line \d+ mm$", "\n".join(head), re.MULTILINE)
    assert re.search(r"^; time \d+\.\d s$", "\n".join(head), re.MULTILINE)
    before = Path("out/drawing.gcode").read_bytes()
    run("--fit", "90x60", "--at", "20,30")
    assert Path("out/drawing.gcode").read_bytes() == before  # no date in it


def test_a_quarter_turn_turns_the_drawing(run):
    run("--fit", "60x60")
    x0, y0, x1, y1 = drawn_mm()
    run("--fit", "60x60", "--rotate", "90")
    u0, v0, u1, v1 = drawn_mm()
    assert x1 - x0 == pytest.approx(v1 - v0, abs=0.3)
    assert y1 - y0 == pytest.approx(u1 - u0, abs=0.3)


def test_a_margin_and_a_letter_sheet(run):
    said = run("--paper", "letter", "--margin", "50", "--style", "tone").stdout
    assert "on a sheet of 215.9 x 279.4 mm" in said
    assert "116 x 77 mm at 50, 101" in said
    assert "IoU" not in said  # means nothing for a tone
    assert "correlation with the photo" in said


@pytest.mark.parametrize(
    ("outlook", "says"),
    [
        (Outlook(9_000.0, 500.0, None), ""),
        (Outlook(9_000.0, 500.0, 0.2), ""),
        (
            Outlook(16_400.0, 2014.0, None),
            "about 16.4 m of line and 33 min 34 s on the machine: a smaller --fit",
        ),
        (Outlook(500.0, 700.0, None), "about 500 mm of line and 11 min 40 s"),
        (Outlook(9_000.0, 500.0, 0.3), "8 min 20 s on the machine, 30% of a pen:"),
    ],
)
def test_what_is_long_is_told_before_it_is_planned(outlook, says):
    assert (says in long_drawing(outlook)) if says else long_drawing(outlook) == ""
