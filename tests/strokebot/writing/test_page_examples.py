"""The pictures in examples/ take the way that the documentation says, and can be made again."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from strokebot.picture.image import load_ink_image
from strokebot.raster import draw_ink, segments_down
from strokebot.tour import tour_gesture
from strokebot.writing.method import choose_method
from strokebot.writing.page import find_glyphs

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "examples"


@pytest.mark.parametrize(
    ("name", "method", "glyphs", "polarity", "least_iou"),
    [
        ("hello.png", "model", 5, "dark-on-light", 0.96),
        ("scan.jpg", "model", 5, "dark-on-light", 0.95),
        ("digits.png", "model", 7, "light-on-dark", 0.88),
        ("flourish.png", "tour", 1, "dark-on-light", 0.95),
        ("drawing.png", "tour", 1, "dark-on-light", 0.95),
    ],
)
def test_examples(name: str, method: str, glyphs: int, polarity: str, least_iou: float) -> None:
    image = load_ink_image(EXAMPLES / name)
    found = find_glyphs(image)
    assert image.polarity == polarity
    assert len(found) == glyphs
    assert choose_method(image, found).method == method
    gesture = tour_gesture(image)
    assert gesture.lifts == found.parts - 1
    side = image.longer_side
    ink = draw_ink(
        gesture.positions * side, gesture.size * side, gesture.intensity,
        segments_down(gesture.pen_down), image.ink.shape,
    )  # fmt: skip
    want, have = image.ink > 0.5, ink > 0.5
    assert (want & have).sum() / (want | have).sum() >= least_iou


def test_digits_are_cells_of_mnist() -> None:
    image = load_ink_image(EXAMPLES / "digits.png")
    found = find_glyphs(image)
    assert np.all(found.scale_px == 1.0)
    values = np.asarray(Image.open(EXAMPLES / "digits.png"), dtype=np.float32) / 255
    for k in range(7):
        assert np.allclose(found.images[k], values[:, 28 * k : 28 * (k + 1)], atol=1e-6)


@pytest.mark.slow
def test_the_script_makes_the_same_pictures(tmp_path: Path) -> None:
    script = ROOT / "scripts" / "make_examples.py"
    subprocess.run([sys.executable, str(script), "--out-dir", str(tmp_path)], check=True, capture_output=True)
    for name in ("flourish.png", "drawing.png", "scan.jpg"):
        made = np.asarray(Image.open(tmp_path / name), dtype=np.float64)
        kept = np.asarray(Image.open(EXAMPLES / name), dtype=np.float64)
        assert made.shape == kept.shape
        assert np.abs(made - kept).mean() < 0.5
