"""A sheet photographed at an angle comes out straight, and nothing else does."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strokebot.picture.image import load_ink_image
from strokebot.picture.parts import find_parts
from strokebot.picture.perspective import Perspective, aspect_of, is_oblique, perspective_of
from strokebot.picture.see import SeeOptions
from tests.support.oblique_scenes import judge, make_oblique, shape_error, straight
from tests.support.scenes import make_scene
from tests.support.truth_f1 import truth_f1

Floats = np.ndarray


def seen_by_camera(aspect: float, focal: float, tilt: float, axis: float) -> Floats:
    """Corners of a sheet in a photo of 1200 x 900 px, the focal length a share of 1200."""
    w, h = (500.0, 500.0 / aspect) if aspect >= 1 else (500.0 * aspect, 500.0)
    c, s, ca, sa = np.cos(tilt), np.sin(tilt), np.cos(axis), np.sin(axis)
    turn = np.array([[ca, -sa, 0], [sa, ca, 0], [0, 0, 1]])
    spin = turn @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) @ turn.T
    box = np.array([[-w, -h, 0], [w, -h, 0], [w, h, 0], [-w, h, 0]]) / 2 @ spin.T
    depth = box[:, 2:] + 1.3 * focal * 1200 * 500 / 700
    return np.asarray(box[:, :2] * focal * 1200 / depth + [600, 450])


@settings(max_examples=60)
@given(
    aspect=st.sampled_from([2**0.5, 2**-0.5, 11 / 8.5, 1.0, 1.8]),
    focal=st.floats(0.65, 1.1),
    tilt=st.floats(0.25, 0.7),
    axis=st.floats(0, np.pi),
)
def test_the_corners_tell_the_sides_ratio(aspect: float, focal: float, tilt: float, axis: float) -> None:
    corners = seen_by_camera(aspect, focal, tilt, axis)
    # Where the tilt is about one side alone the focal length is guessed.
    assert aspect_of(corners, (900, 1200)) == pytest.approx(aspect, rel=0.1)
    both = abs(np.sin(2 * axis)) > 0.5 and tilt > 0.5
    if both and 0.7 < focal < 0.95:
        assert aspect_of(corners, (900, 1200)) == pytest.approx(aspect, rel=0.02)


@settings(max_examples=30)
@given(aspect=st.sampled_from([2**0.5, 2**-0.5]), tilt=st.floats(0.35, 0.6), axis=st.floats(0.6, 0.9))
def test_a_sheet_of_a_paper_size_gets_its_ratio(aspect: float, tilt: float, axis: float) -> None:
    view = perspective_of(seen_by_camera(aspect, 0.8, tilt, axis), (900, 1200))
    assert view is not None
    assert view.paper == "A4"
    assert view.aspect == pytest.approx(aspect, rel=0.01)


@settings(max_examples=30)
@given(st.integers(0, 10**6))
def test_straight_fields_are_those_of_the_slow_way(seed: int) -> None:
    rng = np.random.default_rng(seed)
    corners = np.array([[8, 9], [70, 6], [74, 50], [5, 52]]) + rng.uniform(-4, 4, (4, 2))
    view = Perspective(corners, (40, 30), None)
    x, y = np.meshgrid(np.arange(80) + 0.5, np.arange(60) + 0.5)
    ramp = ((x + 2 * y) / 200).astype(np.float32)  # each value says where in the photo it comes from
    found = view.straightened(ramp)
    assert found.shape == (30, 40)
    rows, columns = np.mgrid[0:30, 0:40].reshape(2, -1) + 0.5
    box = np.array([[0.0, 0.0], [40, 0], [40, 30], [0, 30]])
    # The slow way: each pixel's place by solving the projective map from four points, one pixel at a time.
    places = straight(np.column_stack([columns, rows]), box, (1, 1))
    matrix = _map_of_square(corners)
    there = np.column_stack([places, np.ones(len(places))]) @ matrix.T
    there = there[:, :2] / there[:, 2:]
    off = found.reshape(-1) - (there[:, 0] + 2 * there[:, 1]) / 200
    # Half a pixel is 0.0075, a level of eight bits 0.004; Pillow cuts off what is less.
    assert np.abs(off).max() < 0.01
    assert abs(off.mean()) < 0.003


def _map_of_square(corners: Floats) -> Floats:
    """The homography of the unit square onto corners, by the null space of its linear equations."""
    rows = []
    for (x, y), (u, v) in zip(((0, 0), (1, 0), (1, 1), (0, 1)), corners, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y, -u], [0, 0, 0, x, y, 1, -v * x, -v * y, -v]]
    return np.linalg.svd(np.array(rows))[2][-1].reshape(3, 3)


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_a_true_square_comes_out_square_and_the_ink_is_kept(seed: int, tmp_path: Path) -> None:
    scene = make_oblique(seed)
    assert max(shape_error(scene.square)[0] / 8, shape_error(scene.square)[1] / 0.03) > 0.25
    found = judge(scene, tmp_path)
    assert found["square_degrees"] < 1.0
    assert found["square_aspect"] < 0.03
    assert found["f1_straight"] > 0.98


def test_a_photo_is_kept_as_it_is_when_asked(tmp_path: Path) -> None:
    file = make_oblique(0).save(tmp_path / "photo.png")
    kept = load_ink_image(file, options=SeeOptions(keep_perspective=True))
    assert kept.sight is not None
    assert kept.sight.sheet is not None
    assert kept.sight.sheet.perspective is None
    assert kept.sight.notes[0] == "a sheet on a table, seen at an angle"
    image = load_ink_image(file)
    assert image.sight is not None
    assert "straightened" in image.sight.notes[0]
    assert image.ink.shape == image.tone.shape == image.sight.sheet.mask.shape
    assert image.turned(90).sight.sheet.mask.shape == image.ink.shape[::-1]


def test_a_sheet_that_lies_hardly_askew_stays(tmp_path: Path) -> None:
    scene = make_scene("sheet", 100)
    sight = load_ink_image(scene.save(tmp_path)).sight
    assert sight is not None
    assert sight.ink.shape == scene.truth.shape
    assert sight.notes[0] == "a sheet on a table"


def test_corners_beyond_the_photo_or_of_no_rectangle_are_left() -> None:
    shape = (900, 1200)
    slanted = np.array([[200.0, 200], [1000, 100], [1100, 800], [100, 700]])
    assert perspective_of(slanted, shape) is not None
    assert perspective_of(slanted - [99, 0], shape) is None
    square = np.array([[200.0, 200], [800, 205], [798, 700], [202, 695]])
    assert not is_oblique(square)
    assert perspective_of(square, shape) is None
    sliver = np.array([[500.0, 200], [560, 200], [1100, 800], [100, 800]])
    assert perspective_of(sliver, shape) is None


def test_hue_tells_a_sheet_whose_edge_a_shadow_hides(tmp_path: Path) -> None:
    scene = make_scene("phone", 102)
    image = load_ink_image(scene.save(tmp_path))
    assert image.sight is not None
    assert image.sight.notes[0] == "a sheet on a table"
    assert truth_f1(find_parts(image.ink).labels > 0, scene.truth, scene.areas) > 0.98
