import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.ndimage import gaussian_filter

from calibration.chart.layout import geometry_chart, pen_chart
from calibration.chart.spec import MarkKind
from calibration.errors import MeasureError
from calibration.profile import Paper
from calibration.scan.find import find_fiducials
from calibration.scan.lines import fit_bars
from calibration.scan.measure import measure
from calibration.scan.picture import Picture, load_picture
from calibration.scan.view import fit_view
from calibration.virtual.camera import photo, scan
from calibration.virtual.machine import TrueMachine
from calibration.virtual.sheet import draw_sheet

from .conftest import PEN, PX_PER_MM, as_picture, recorded

LINES = (
    MarkKind.PRESSURE_UP, MarkKind.PRESSURE_DOWN, MarkKind.PRESSURE_RANDOM, MarkKind.SPEED, MarkKind.DRIFT
)  # fmt: skip


def truth(mark):
    value = float(mark.pen[0])
    return float(PEN.width_mm(value, mark.feed_mm_s)), float(PEN.darkness(value, mark.feed_mm_s))


def errors(reading, chart):
    """Width and darkness errors of all lines that the pen draws."""
    rows = []
    for mark in chart.of_kind(*LINES):
        width, darkness = truth(mark)
        line = reading.measurements.line(mark.name)
        if width == 0:
            assert line.width_mm == 0, mark.name
        else:
            rows.append((line.width_mm - width, line.darkness * reading.hatch_darkness - 0.957 * darkness))
    return np.array(rows)


@pytest.fixture(scope="module")
def reading(scanned, chart):
    return measure(scanned, chart)


def test_a_scan_gives_widths_and_darkness_of_every_line(reading, chart):
    assert reading.measurements.source == "scan"
    assert reading.measurements.chart == chart.checksum
    wrong = errors(reading, chart)
    assert len(wrong) > 60
    assert np.abs(wrong[:, 0]).max() < 0.02
    assert np.abs(wrong[:, 1]).max() < 0.04


def test_a_photo_gives_the_same_as_a_scan(sheet, chart, reading):
    seen = measure(as_picture(photo(sheet, PX_PER_MM, 200.0)), chart)
    assert seen.measurements.source == "photo"
    wrong = errors(seen, chart)
    assert np.median(np.abs(wrong[:, 0])) < 0.01
    assert np.abs(wrong[:, 0]).max() < 0.04
    for line in reading.measurements.lines:
        if chart.mark(line.name).kind in LINES:
            other = seen.measurements.line(line.name)
            assert other.width_mm == pytest.approx(line.width_mm, abs=0.04)
            assert other.darkness == pytest.approx(line.darkness, abs=0.06)


@pytest.mark.parametrize(("turn", "dpi"), [(-3.0, 300.0), (181.0, 250.0), (92.0, 200.0)])
def test_turning_and_resolution_do_not_matter(sheet, chart, reading, turn, dpi):
    other = measure(as_picture(scan(sheet, PX_PER_MM, dpi, rotation_deg=turn), dpi), chart)
    for line in reading.measurements.lines:
        if chart.mark(line.name).kind in LINES:
            assert other.measurements.line(line.name).width_mm == pytest.approx(line.width_mm, abs=0.02)


def test_landings_and_ramps_keep_what_lies_along_them(reading, chart):
    for name, sign in (("landing-down-0", 1), ("landing-up-0", -1)):
        line, mark = reading.measurements.line(name), chart.mark(name)
        inked = [s.s_mm for s in line.samples if s.width_mm > 0]
        edge = (min if sign > 0 else max)(inked)
        share = edge / mark.length_mm
        value = mark.pen[0] + share * (mark.pen[1] - mark.pen[0])
        assert value == pytest.approx(PEN.touch, abs=0.03)
    ramp = reading.measurements.line("ramp-0").samples
    widest = max(ramp, key=lambda s: s.width_mm)
    assert widest.s_mm == pytest.approx(chart.mark("ramp-0").length_mm / 2, abs=3.0)


def test_blots_grow_with_the_rest(reading):
    dots = [reading.measurements.line(f"dwell-{k}").width_mm for k in range(6)]
    assert dots == sorted(dots)
    assert dots[-1] ** 2 - dots[0] ** 2 == pytest.approx(4 * PEN.blot_mm2_s * 1.0, rel=0.35)


# -- pictures that must be refused ------------------------------------------------------------------


def test_bad_pictures_are_refused_with_the_reason(scanned, sheet, chart, profile):
    grey = scanned.grey
    blank = np.full_like(grey, 0.9)
    other = pen_chart(replace(profile, paper=Paper((210.0, 297.0), (5.0, 5.0))))
    wrong = geometry_chart(profile)
    cases = [
        (Picture(grey[:, ::-1].copy()), chart, "mirrored"),
        (Picture(grey[: len(grey) // 3]), chart, "in sight"),
        (Picture(gaussian_filter(grey, 3.0)), chart, "blurred"),
        (Picture(blank), chart, "No fiducial"),
        (as_picture(scan(sheet, PX_PER_MM, 110.0)), chart, "dpi"),
        (scanned, other, "another chart"),
        (scanned, wrong, "another chart|in sight"),
    ]
    for picture, against, words in cases:
        with pytest.raises(MeasureError, match=words) as caught:
            measure(picture, against)
        assert "\n" not in str(caught.value)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_random_pictures_are_refused(seed):
    rng = np.random.default_rng(seed)
    noise = gaussian_filter(rng.random((400, 300)).astype(np.float32), rng.uniform(0, 6))
    noise = (noise - noise.min()) / np.ptp(noise)
    picture = Picture(np.where(rng.random() < 0.5, noise, (noise > 0.5).astype(np.float32)))
    assert find_fiducials(picture.grey) == []


def test_files_that_are_no_pictures_are_refused(tmp_path):
    text = tmp_path / "notes.png"
    text.write_text("no picture")
    with pytest.raises(MeasureError, match="Cannot read"):
        load_picture(text)
    with pytest.raises(MeasureError, match="Cannot read"):
        load_picture(tmp_path / "missing.png")
    small = tmp_path / "small.png"
    Image.new("L", (80, 60)).save(small)
    with pytest.raises(MeasureError, match="only 80 x 60"):
        load_picture(small)


def test_a_picture_far_too_large_is_refused_before_it_is_unpacked(tmp_path):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    size = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(bytes(1000)))
    (tmp_path / "bomb.png").write_bytes(data + chunk(b"IEND", b""))
    with pytest.raises(MeasureError, match=r"bomb\.png is too large for a scan of a chart: scan at 600 dpi"):
        load_picture(tmp_path / "bomb.png")


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P", "1", "I;16", "CMYK"])
def test_any_mode_of_picture_is_read(tmp_path, mode):
    values = np.zeros((320, 400), dtype=np.uint8)
    values[:, 200:] = 255
    grey = Image.fromarray(values)
    image = Image.fromarray(values.astype(np.uint16) * 257) if mode == "I;16" else grey.convert(mode)
    path = tmp_path / ("a.tiff" if mode in ("CMYK", "I;16") else "a.png")
    image.save(path, dpi=(300, 300))
    picture = load_picture(path)
    assert picture.dpi == pytest.approx(300, rel=0.01)
    np.testing.assert_allclose(picture.grey, values / 255, atol=0.02)


# -- the parts --------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.floats(0.2, 1.5), st.floats(-0.3, 0.3), st.floats(0.3, 0.95), st.floats(0.02, 0.08))
def test_a_blurred_bar_is_found_again(width, centre, darkness, sigma):
    t = np.arange(-2.5, 2.5, 0.01)
    bar = darkness * (np.abs(t - centre) < width / 2)
    profile = gaussian_filter(bar, sigma / 0.01)[None]
    found = fit_bars(np.zeros(1), t[::3], profile[:, ::3], sigma)
    assert found.width_mm[0] == pytest.approx(width, abs=0.012)
    assert found.centre_mm[0] == pytest.approx(centre, abs=0.006)
    assert found.darkness[0] == pytest.approx(darkness, abs=0.02)


def test_paper_alone_has_no_line():
    noise = 0.01 * np.random.default_rng(0).standard_normal((20, 300))
    assert (fit_bars(np.zeros(20), np.linspace(-2, 2, 300), noise, 0.05).width_mm == 0).all()


def test_the_view_takes_paper_to_picture_and_back(sheet, chart):
    grey = as_picture(photo(sheet, PX_PER_MM, 200.0, lens=0.02)).grey
    view = fit_view(find_fiducials(grey), chart, grey.shape)
    points = np.random.default_rng(0).uniform([10, 10], [138, 200], (50, 2))
    np.testing.assert_allclose(view.to_paper(view.to_picture(points)), points, atol=1e-6)
    assert view.residual_mm < 0.08


def test_crosses_show_where_the_machine_is_off(profile):
    chart = geometry_chart(replace(profile, paper=Paper((105.0, 148.0), (5.0, 5.0))), printed=True)
    from calibration.virtual.sheet import print_fiducials

    paper = replace(profile, paper=Paper((105.0, 148.0), (5.0, 5.0)))
    machine = TrueMachine(((1.004, 0.003), (-0.002, 0.997)), (0.6, -0.4), play_mm=(0.2, 0.1))
    sheet = draw_sheet(recorded(chart, paper), paper, PEN, machine, PX_PER_MM)
    sheet = print_fiducials(sheet, chart, PX_PER_MM)
    reading = measure(as_picture(scan(sheet, PX_PER_MM, 300.0, rotation_deg=1.0), 300.0), chart)
    assert len(reading.measurements.points) == len(chart.of_kind(MarkKind.GRID))
    for point in reading.measurements.points:
        true = paper.from_machine(
            TrueMachine(machine.matrix, machine.offset_mm).position_mm(
                paper.to_machine(np.array([point.planned_mm]))
            )
        )[0]
        # The play shifts a corner by half of it, in the direction that it was reached from.
        assert np.abs(np.array(point.measured_mm) - true).max() < 0.13


@settings(max_examples=8)
@given(st.tuples(st.floats(-2.2, 2.2), st.floats(-2.2, 2.2)), st.floats(0.3, 1.0))
def test_crosses_beside_their_places_are_found(offset, width):
    from calibration.raster import lay_ink
    from calibration.scan.crosses import cross_offsets
    from calibration.scan.view import View

    px, size = 8.0, 60.0
    planned = np.array([[15.0, 15.0], [45.0, 15.0], [15.0, 45.0], [45.0, 45.0]])
    ends = np.array([[-4, 0], [4, 0], [0, -4], [0, 4]])
    places = ((planned + offset)[:, None] + ends).reshape(-1, 2)
    at = places * [px, -px] + [0.0, size * px]
    down = np.tile([False, True], len(at) // 2)
    sheet = lay_ink(at, np.full(len(at), width * px), np.ones(len(at)), down, (480, 480), 2)
    flat = np.array([[px, 0, -0.5], [0, -px, size * px - 0.5], [0, 0, 1]])
    view = View(flat, 0.0, np.array([240.0, 240.0]), 240.0, px, 0.0, 0.0)
    found = cross_offsets((0.95 - 0.85 * sheet).astype(np.float32), view, planned)
    np.testing.assert_allclose(found, np.tile(offset, (4, 1)), atol=0.3)
    assert cross_offsets(sheet, view, np.zeros((0, 2))).shape == (0, 2)
