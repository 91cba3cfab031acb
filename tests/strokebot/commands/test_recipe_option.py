"""``--recipe`` repeats a drawing byte for byte, and other options win over it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from strokebot import recipe
from strokebot.cli import app
from strokebot.options import DrawOptions
from strokebot.report import GCODE_FILE, RECIPE_FILE

ROOT = Path(__file__).resolve().parents[3]
PICTURE = str(ROOT / "examples" / "flourish.png")


def draw(folder: Path, *words: str):
    return CliRunner().invoke(app, ["draw", PICTURE, "--out-dir", str(folder), *words])


def test_a_recipe_repeats_a_drawing_byte_for_byte(tmp_path):
    wanted = ["--fit", "40x30", "--at", "31.25,40", "--method", "tour", "--speed", "fast", "--no-polish"]
    first = draw(tmp_path / "first", *wanted)
    assert first.exit_code == 0, first.output
    file = tmp_path / "first" / RECIPE_FILE
    again = draw(tmp_path / "again", "--recipe", str(file))
    assert again.exit_code == 0, again.output
    one, other = ((tmp_path / name / GCODE_FILE).read_bytes() for name in ("first", "again"))
    assert one == other
    assert (tmp_path / "again" / RECIPE_FILE).read_bytes() == file.read_bytes()


def test_what_is_given_beside_a_recipe_wins(tmp_path):
    file = tmp_path / "recipe.txt"
    file.write_text(recipe.to_text(DrawOptions(method="tour", fit_mm=(40.0, 30.0), polish=False)))
    # Also where it is the default.
    drawn = draw(tmp_path / "drawn", "--recipe", str(file), "--fit", "20x20", "--polish")
    assert drawn.exit_code == 0, drawn.output
    said = recipe.load(tmp_path / "drawn" / RECIPE_FILE)
    assert said == DrawOptions(method="tour", fit_mm=(20.0, 20.0), polish=True)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"nothing", "no recipe"),
        (b"recipe=1&style=oil", "--style"),
        (b"\xff\xfe", "no text"),
        (None, "Cannot read"),
    ],
)
def test_a_wrong_recipe_ends_with_one_line(tmp_path, data, said):
    file = tmp_path / "recipe.txt"
    if data is not None:
        file.write_bytes(data)
    done = draw(tmp_path / "drawn", "--recipe", str(file))
    assert done.exit_code == 1
    assert said in done.output
    assert not (tmp_path / "drawn").exists()
