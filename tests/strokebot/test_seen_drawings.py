"""From what is seen to what is drawn: sizes, areas, and what is said about them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from strokebot import pipeline
from strokebot.advice import advice_on
from strokebot.errors import PlacementError
from strokebot.fill.drawable import too_thin_share
from strokebot.fill.hatch import hatched
from strokebot.options import DrawOptions, read_crop, read_scale
from strokebot.report import build_report

QUICK = DrawOptions(method="tour", polish=False)


def saved(picture: Image.Image, folder: Path, **more: object) -> Path:
    picture.save(folder / "picture.png", **more)
    return folder / "picture.png"


def sign() -> Image.Image:
    """A black box with words left white, a line of print and a thin ring."""
    picture = Image.new("L", (360, 200), 255)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((15, 15, 345, 75), fill=0)
    pen.text((30, 20), "SALE 50%", fill=255, font=ImageFont.load_default(40))
    pen.text((20, 100), "till 3 July only", fill=0, font=ImageFont.load_default(32))
    pen.ellipse((280, 95, 340, 155), outline=0, width=2)
    return picture


def marker() -> Image.Image:
    picture = Image.new("L", (300, 300), 255)
    ImageDraw.Draw(picture).ellipse((40, 40, 260, 260), outline=0, width=24)
    return picture


def test_thick_letters_do_not_decide_how_large_small_ones_are(tmp_path: Path) -> None:
    plan = pipeline.plan(saved(sign(), tmp_path), QUICK)
    assert plan.size_mm[0] > 110


def test_a_bold_marker_is_as_large_as_fits_and_filled(tmp_path: Path) -> None:
    plan = pipeline.plan(saved(marker(), tmp_path), QUICK)
    assert plan.size_mm[0] == pytest.approx(190.0)
    assert plan.sketch.area_share > 0.9


def test_the_true_size_is_that_of_the_file(tmp_path: Path) -> None:
    file = saved(marker(), tmp_path, dpi=(150, 150))
    true = 300 / 150 * 25.4
    assert pipeline.plan(file, QUICK).size_mm[0] == pytest.approx(190.0)
    options = DrawOptions(method="tour", polish=False, scale=read_scale("1:1"))
    assert pipeline.plan(file, options).size_mm[0] == pytest.approx(true, rel=1e-3)
    half = DrawOptions(method="tour", polish=False, scale=read_scale("1:2"))
    assert pipeline.plan(file, half).size_mm[0] == pytest.approx(true / 2, rel=1e-3)
    both = DrawOptions(scale=1.0, fit_mm=(20.0, 20.0))
    with pytest.raises(PlacementError, match="one of them"):
        pipeline.plan(file, both)
    with pytest.raises(PlacementError, match="state its resolution"):
        pipeline.plan(saved(marker(), tmp_path), options)


@pytest.mark.parametrize("text", ["1", "0:1", "a:b", "1:-2", "inf:1"])
def test_scales_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"above 0|form"):
        read_scale(text)


@pytest.mark.parametrize("text", ["1,2,3", "0,0,0,5", "-1,0,5,5", "a,b,c,d"])
def test_crops_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="X"):
        read_crop(text)


def test_the_share_that_is_thinner_than_the_pen_is_told(tmp_path: Path) -> None:
    ink = np.zeros((80, 120), np.float32)
    ink[20, 10:110] = 1.0
    ink[50:57, 10:110] = 1.0
    assert too_thin_share(ink, 4.0) == pytest.approx(0.5, abs=0.05)
    assert too_thin_share(ink, 1.0) == 0.0
    picture = Image.fromarray((255 * (1 - ink)).astype(np.uint8))
    plan = pipeline.plan(saved(picture, tmp_path), DrawOptions(method="tour", polish=False, fit_mm=(9, 9)))
    assert plan.too_thin > 0.3
    assert any("thinner than the pen" in advice.text for advice in advice_on(plan))


@pytest.mark.parametrize("darkness", [0.15, 0.3, 0.45, 0.6])
def test_hatching_is_even_and_as_dark_as_the_area(darkness: float) -> None:
    y, x = np.mgrid[0:160, 0:200]
    area = np.where(np.hypot(x - 100, y - 80) < 60, np.float32(darkness), np.float32(0))
    ink = hatched(area, np.zeros_like(area), (0.8, 4.0))
    inside = ndimage.binary_erosion(area > 0, iterations=8)
    assert ink[inside].mean() == pytest.approx(darkness, abs=0.06)
    assert ink[area == 0].max() < 0.05
    quarters = [ink[inside & (x < 100) & (y < 80)].mean(), ink[inside & (x >= 100) & (y >= 80)].mean()]
    assert quarters[0] == pytest.approx(quarters[1], abs=0.05)


@pytest.mark.parametrize("mode", ["tone", "outline", "none"])
def test_flat_areas_are_drawn_as_asked(tmp_path: Path, mode: str) -> None:
    picture = Image.new("L", (160, 140), 255)
    pen = ImageDraw.Draw(picture)
    pen.ellipse((30, 20, 130, 120), fill=170, outline=0, width=4)
    pen.line((60, 70, 100, 70), fill=0, width=4)
    options = DrawOptions(method="tour", polish=False, area_mode=mode)  # type: ignore[arg-type]
    result = pipeline.draw(saved(picture, tmp_path), options)
    inside = np.hypot(*(np.mgrid[0:140, 0:160] - np.array([70, 80])[:, None, None])) < 38
    inside[60:80, 52:108] = False
    drawn = float(result.drawn[inside].mean())
    assert drawn == pytest.approx(1 / 3 if mode == "tone" else 0.0, abs=0.1 if mode == "tone" else 0.02)
    report = build_report(result)
    assert report["seen"]["areas"]["mode"] == mode
    assert report["seen"]["areas"]["darkness"] == pytest.approx(1 / 3, abs=0.01)
    assert report["fidelity"]["ink_recall"] > 0.99
    assert any("flat area" in advice.text for advice in advice_on(result.plan))
