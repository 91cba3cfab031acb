"""``strokebot styles`` and ``animate`` on the command line."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from strokebot import cli

GCODE = "G21 G90\nG0 Z3\nG0 X20 Y20\nG1 Z-0.5 F600\nG1 X60 Y30 F1800\nG0 Z3\n"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return lambda *arguments: CliRunner().invoke(cli.app, [str(a) for a in arguments])


def test_styles_makes_one_sheet_with_time_and_ink_of_each(run):
    ink = np.full((40, 60), 255, np.uint8)
    ink[18:20, 10:50] = 0
    Image.fromarray(ink).save("line.png")
    done = run("styles", "line.png", "--fit", "30x20")
    assert done.exit_code == 0, done.output
    rows = re.findall(
        r"^(--\S.*?)  +([\d.]+ (?:s|min).*), (.*) of ink, (\d+) lifts?$", done.stdout, re.MULTILINE
    )
    assert len(rows) >= 3
    assert Path("strokebot-out/line/styles.png").read_bytes().startswith(b"\x89PNG")
    assert run("styles", "none.png").exit_code == 1


def test_animate_shows_a_file_or_a_folder_of_a_drawing(run):
    Path("a.gcode").write_text(GCODE)
    done = run("animate", "a.gcode", "--seconds", "1", "--width", "120")
    assert done.exit_code == 0, done.output
    with Image.open("strokebot-out/a/replay.gif") as image:
        assert image.width == 120
        assert image.n_frames > 5
    Path("d").mkdir()
    Path("d/drawing.gcode").write_text(GCODE)
    assert run("animate", "d", "--seconds", "1", "-q").exit_code == 0
    assert Path("d/replay.gif").is_file()
    assert run("animate", "none.gcode").exit_code == 1
    assert run("animate", "a.gcode", "--seconds", "0").exit_code == 2
