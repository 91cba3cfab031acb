"""Paper that is not blank and light that is not right: measured truly, or refused with the cure."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from calibration.chart.spec import MarkKind
from calibration.errors import MeasureError
from calibration.fit.pen import fit_pen
from calibration.light import encoded
from calibration.scan.measure import measure
from calibration.scan.picture import Picture, load_picture
from calibration.virtual.camera import photo, scan

from .conftest import PEN, PX_PER_MM

STEADY = (
    MarkKind.PRESSURE_UP, MarkKind.PRESSURE_DOWN, MarkKind.PRESSURE_RANDOM, MarkKind.SPEED, MarkKind.DRIFT
)  # fmt: skip
SCAN_DPI, PHOTO_DPI = 200.0, 180.0


def scanned_of(sheet, **how):
    return Picture.of_pixels(scan(sheet, PX_PER_MM, SCAN_DPI, rotation_deg=1.0, **how), SCAN_DPI)


def photo_of(sheet, **how):
    return photo(sheet, PX_PER_MM, PHOTO_DPI, **how)


def rules(shape, pitch_mm, wide_mm, darkness, kind="squares", turn_deg=0.0):
    """The darkness (H, W) of paper that has lines or dots of its own."""
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32) / PX_PER_MM
    turn = np.deg2rad(turn_deg)
    u, v = np.cos(turn) * x + np.sin(turn) * y + 1.3, np.cos(turn) * y - np.sin(turn) * x + 2.1
    across, along = (np.abs((w + pitch_mm / 2) % pitch_mm - pitch_mm / 2) for w in (u, v))
    away = {"squares": np.minimum(across, along), "rules": along, "dots": np.hypot(across, along)}[kind]
    return darkness * (away < wide_mm / 2).astype(np.float32)


def shaded(values, depth, soft_px, across, along):
    """A photo (h, w, 3) with the shadow of something straight on it."""
    light = Picture.of_pixels(values).grey
    y, x = np.mgrid[0 : light.shape[0], 0 : light.shape[1]]
    edge = across * (x / light.shape[1] - 0.45) + along * (y / light.shape[0] - 0.45)
    share = 1.0 / (1.0 + np.exp(-np.clip(edge * max(light.shape) / soft_px, -50, 50)))
    return encoded(light * (1.0 - depth * share))


def jpeg(values, quality):
    file = io.BytesIO()
    Image.fromarray(values).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def require_true(picture, chart, profile, width_mm=0.03, touch=0.02):
    """Every width and the touch point come out as they are on the sheet."""
    measured = measure(picture, chart).measurements
    wrong = []
    for mark in chart.of_kind(*STEADY):
        true = float(PEN.width_mm(float(mark.pen[0]), mark.feed_mm_s))
        line = measured.line(mark.name)
        wrong.append((line.width_mm if line.coverage > 0.5 else 0.0) - true)
    assert len(wrong) > 60
    assert np.abs(wrong).max() < width_mm
    assert abs(np.median(wrong)) < 0.005
    assert fit_pen(chart, measured, profile).touch == pytest.approx(PEN.touch, abs=touch)


# -- paper ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "paper",
    [
        (5.0, 0.2, 0.3, "squares", 17.0),
        (5.0, 0.2, 0.08, "squares"),
        (8.0, 0.3, 0.3, "rules"),  # which lie on every other row of the chart
        (5.0, 0.5, 0.3, "dots"),
    ],
)
def test_paper_with_lines_of_its_own_is_refused(sheet, chart, paper):
    with pytest.raises(MeasureError, match=r"paper is not blank.*plain white paper") as caught:
        measure(scanned_of(np.maximum(sheet, rules(sheet.shape, *paper))), chart)
    assert "\n" not in str(caught.value)


def test_a_grid_too_faint_to_be_found_does_no_harm(sheet, chart, profile):
    paper = rules(sheet.shape, 5.0, 0.2, 0.02)
    require_true(Picture.of_pixels(photo_of(np.maximum(sheet, paper))), chart, profile)


def test_specks_beside_the_lines_are_not_measured(sheet, chart, profile):
    """Dust and hairs on the glass: a few windows count for nothing."""
    rng = np.random.default_rng(3)
    dirty = sheet.copy()
    y, x = np.mgrid[-8:9, -8:9]
    for row, column in zip(*(rng.integers(20, side - 20, 150) for side in sheet.shape), strict=True):
        spot = dirty[row - 8 : row + 9, column - 8 : column + 9]
        np.maximum(spot, 0.7 * (np.hypot(y, x) < rng.uniform(2, 6)), out=spot)
    require_true(scanned_of(dirty), chart, profile)


# -- light ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [scanned_of, lambda *a, **k: Picture.of_pixels(photo_of(*a, **k))])
def test_an_overexposed_picture_is_refused(sheet, chart, make):
    with pytest.raises(MeasureError, match=r"overexposed.*less exposure"):
        measure(make(sheet, exposure=1.4), chart)


def test_a_white_that_just_fits_is_measured_truly(sheet, chart, profile):
    require_true(scanned_of(sheet, exposure=1.05), chart, profile)


def test_a_dark_photo_is_measured_truly(sheet, chart, profile):
    require_true(Picture.of_pixels(photo_of(sheet, exposure=0.15)), chart, profile)


def test_a_photo_nearly_black_is_refused(sheet, chart):
    with pytest.raises(MeasureError, match=r"underexposed.*more light"):
        measure(Picture.of_pixels(photo_of(sheet, exposure=0.03)), chart)


def test_a_shadow_across_is_measured_truly(sheet, chart, profile):
    values = shaded(photo_of(sheet), 0.5, 3.0, across=0.8, along=0.6)
    require_true(Picture.of_pixels(values), chart, profile)


def test_a_photo_of_few_bytes_is_measured_truly(sheet, chart, profile):
    require_true(Picture.of_pixels(jpeg(photo_of(sheet), 20)), chart, profile, width_mm=0.04)


def test_the_edge_of_a_shadow_along_the_lines_does_no_harm(sheet, chart, profile):
    values = shaded(photo_of(sheet, rotation_deg=0.0, tilt_deg=(0.0, 0.0)), 0.5, 3.0, across=0.0, along=1.0)
    require_true(Picture.of_pixels(values), chart, profile)


# -- files ------------------------------------------------------------------------------------------


def test_light_is_the_inverse_of_what_a_file_holds():
    values = np.arange(256, dtype=np.uint8)
    light = Picture.of_pixels(values[None]).grey[0]
    np.testing.assert_array_equal(encoded(light), values)
    assert light[0] == 0.0
    assert light[255] == pytest.approx(1.0)
    assert light[188] == pytest.approx(0.5, abs=0.005)  # half the light, as the standard has it
    colours = np.stack([values, values, values], axis=-1)[None]
    np.testing.assert_allclose(Picture.of_pixels(colours).grey[0], light, atol=1e-6)


def test_white_is_what_most_of_the_light_is_cut_in():
    pixels = np.array([[[255, 255, 180], [255, 200, 200], [254, 254, 254], [250, 250, 250]]], dtype=np.uint8)
    assert Picture.of_pixels(pixels).white.tolist() == [[True, False, True, False]]


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("photo.heic", b"\0\0\0\x24ftypheic\0\0\0\0mif1heic", "HEIC picture; save it as JPEG or PNG"),
        ("scan.pdf", b"%PDF-1.7\n%\xe2\xe3", "PDF, not a picture; scan to PNG"),
        ("scan.png", b"nothing of that kind", "none of a known kind; save it as PNG or JPEG"),
    ],
)  # fmt: skip
def test_files_of_other_kinds_are_refused_with_the_cure(tmp_path, name, data, words):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(MeasureError, match=words) as caught:
        load_picture(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_a_file_that_ends_too_early_is_refused_with_the_cure(tmp_path, kind, share):
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (320, 400), dtype=np.uint8)
    Image.fromarray(noise).save(file, kind)
    whole = file.getvalue()
    path = tmp_path / f"scan.{kind.lower()}"
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(MeasureError, match=r"copy it again|save it again|save it as PNG") as caught:
        load_picture(path)
    assert "\n" not in str(caught.value)


def test_a_picture_keeps_what_its_file_says(scanned):
    assert scanned.dpi == 250.0
    assert not replace(scanned, white=None).virtual
