"""Ink that is wider than the pen is covered, without a lift and without ink outside."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.morphology import skeletonize

from strokebot.fill import FILL_MODES, FillMode
from strokebot.fill.field import blocks, find_areas
from strokebot.fill.filling import Filling, fill_areas
from strokebot.fill.links import link_passes
from strokebot.fill.passes import SPACING, rings
from strokebot.geometry.distance import depth
from strokebot.gesture import Gesture
from strokebot.picture.image import InkImage
from strokebot.picture.parts import find_parts
from strokebot.raster import draw_ink, fidelity, segments_down
from strokebot.tour import tour_gesture

SHAPE = (120, 150)
PEN = (1.5, 5.0)
SOLID: tuple[FillMode, ...] = ("spiral", "hatch")


def grid() -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[0 : SHAPE[0], 0 : SHAPE[1]] + 0.5
    return x, y


def disc(cx: float, cy: float, r: float) -> np.ndarray:
    x, y = grid()
    return np.clip(r + 0.5 - np.hypot(x - cx, y - cy), 0.0, 1.0)


def bar(x0: float, x1: float, y0: float, y1: float) -> np.ndarray:
    x, y = grid()
    return np.clip(np.minimum.reduce([x - x0, x1 - x, y - y0, y1 - y]) + 0.5, 0.0, 1.0)


def picture(name: str) -> np.ndarray:
    x, y = grid()
    shapes = {
        "disc": lambda: disc(75, 60, 45),
        "annulus": lambda: np.minimum(disc(75, 60, 55), 1 - disc(68, 60, 30)),
        "holes": lambda: np.minimum.reduce(
            [disc(75, 60, 55), *(1 - disc(75 + 30 * np.cos(a), 60 + 30 * np.sin(a), 8) for a in range(6))]
        ),
        "corner": lambda: disc(0, 0, 60),
        "triangle": lambda: np.clip(np.minimum.reduce([y - 10, 110 - y, 0.4 * y + 8 - np.abs(x - 75)]), 0, 1),
        "wheel": lambda: np.maximum.reduce(
            [
                np.minimum(disc(75, 60, 55), 1 - disc(75, 60, 42)),
                disc(75, 60, 15),
                bar(25, 125, 58.5, 61.5),
                bar(73.5, 76.5, 10, 110),
            ]
        ),
        "beads": lambda: np.maximum.reduce([*(disc(x, 60, 19) for x in (30, 75, 120)), bar(30, 120, 59, 62)]),
        "dots": lambda: np.maximum(disc(30, 40, 18), disc(110, 70, 25)),
        "all": lambda: np.ones(SHAPE),
    }  # fmt: skip
    return np.asarray(shapes[name](), dtype=np.float32)


def draw(gesture: Gesture, ink: InkImage, pen: tuple[float, float] = PEN) -> np.ndarray:
    side = ink.longer_side
    width = np.clip(gesture.size * side * gesture.intensity, *pen)
    shown = segments_down(gesture.pen_down)
    return draw_ink(gesture.positions * side, width, gesture.pen_down * 1.0, shown, ink.ink.shape)


def length(gesture: Gesture) -> float:
    return float(np.hypot(*gesture.velocity.T)[segments_down(gesture.pen_down)[1:]].sum())


def filling(ink: np.ndarray, mode: FillMode = "spiral", widest: float = PEN[1]) -> Filling:
    (found,) = fill_areas(ink, depth(ink >= 0.5), np.asarray(skeletonize(ink >= 0.5)), widest, 1.0, mode)
    return found


NAMES = ("disc", "annulus", "holes", "corner", "triangle", "wheel", "beads", "dots", "all")


@pytest.mark.parametrize("mode", SOLID)
@pytest.mark.parametrize("name", NAMES)
def test_areas_are_covered_in_one_go(name: str, mode: FillMode) -> None:
    ink = InkImage(picture(name))
    gesture = tour_gesture(ink, pen_px=PEN, fill=mode)
    drawn = draw(gesture, ink)
    assert gesture.lifts == len(find_parts(ink.ink)) - 1
    assert fidelity(ink.ink, drawn)["iou"] >= 0.96
    # No hole inside, no ink outside but for the edge itself.
    deep = ndimage.binary_erosion(ink.ink >= 0.5, iterations=4)
    assert (drawn[deep] < 0.5).mean() < 0.006
    outside = np.asarray(ndimage.distance_transform_edt(ink.ink < 0.3))
    assert drawn[outside > 1.5].max(initial=0.0) < 0.5
    # Little is drawn twice.
    area = float(ink.ink.sum())
    assert length(gesture) * ink.longer_side * PEN[1] < 1.75 * area


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), widest=st.floats(2.5, 9.0), mode=st.sampled_from(SOLID))
def test_any_blobs_are_covered(seed: int, widest: float, mode: FillMode) -> None:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(70, 90)), 6.0)
    ink = InkImage(np.clip(noise / noise.std() * 4 + 0.5, 0.0, 1.0).astype(np.float32))
    pen = (widest / 4, widest)
    gesture = tour_gesture(ink, pen_px=pen, fill=mode)
    drawn = draw(gesture, ink, pen)
    assert gesture.lifts == len(find_parts(ink.ink)) - 1
    assert gesture.size.max() * ink.longer_side <= widest + 1e-9
    assert fidelity(ink.ink, drawn)["iou"] >= 0.9
    again = tour_gesture(ink, pen_px=pen, fill=mode)
    assert again.to_json() == gesture.to_json()


@pytest.mark.parametrize("name", ["disc", "annulus", "wheel"])
def test_an_outline_leaves_the_inside_white(name: str) -> None:
    ink = InkImage(picture(name))
    gesture = tour_gesture(ink, pen_px=(1.5, 3.0), fill="outline")
    drawn = draw(gesture, ink, (1.5, 3.0))
    depth = np.asarray(ndimage.distance_transform_edt(np.pad(ink.ink >= 0.5, 1)))[1:-1, 1:-1]
    assert drawn[(depth > 1.0) & (depth < 2.5)].min() > 0.4
    # What is no deeper than a line of the pen and half of one more may be drawn.
    assert drawn[depth > 5.0].max() < 0.1


def test_without_a_pen_or_a_fill_there_is_one_line() -> None:
    ink = InkImage(picture("annulus"))
    wide, narrow = tour_gesture(ink), tour_gesture(ink, pen_px=PEN, fill="none")
    assert wide.positions == pytest.approx(narrow.positions)
    assert wide.size.max() * ink.longer_side > 3 * PEN[1]
    assert narrow.size.max() * ink.longer_side == pytest.approx(PEN[1])


@pytest.mark.parametrize("mode", FILL_MODES)
def test_lines_in_reach_of_the_pen_stay_as_they_are(mode: FillMode) -> None:
    """Crossings and thick places of a line are no areas."""
    x, y = grid()
    wave = np.clip(2.5 - np.abs(y - 60 - 30 * np.sin(x / 20)), 0, 1) * (x > 15) * (x < 135)
    ink = InkImage(
        np.maximum.reduce([wave, bar(20, 130, 58, 62.5), bar(60, 64.5, 10, 110)]).astype(np.float32)
    )
    plain = tour_gesture(ink, pen_px=(1.0, 9.0), fill="none")
    assert tour_gesture(ink, pen_px=(1.0, 5.2), fill=mode).positions == pytest.approx(plain.positions)


@settings(max_examples=20)
@given(radius=st.floats(15.0, 50.0), widest=st.floats(3.0, 8.0))
def test_rings_lie_at_their_depths(radius: float, widest: float) -> None:
    found = filling(disc(75, 60, radius).astype(np.float32), "spiral", widest)
    closed = [line.points / found.field.zoom for line in found.passes if line.closed]
    for k, points in enumerate(closed):
        away = np.hypot(*(points - [75, 60]).T)
        expected = radius - widest / 2 * (1 + 2 * SPACING * k)
        # Half a pixel of grid, and the smoothing of small rings.
        assert away == pytest.approx(expected, abs=0.6)
    assert len(closed) >= np.floor((radius / widest - 0.5) / SPACING)


@pytest.mark.parametrize("name", NAMES)
def test_links_and_detours_hold_all_passes_together(name: str) -> None:
    found = filling(picture(name))
    roots = [k for k, line in enumerate(found.passes) if line.is_root]
    leader = {k: k for k in roots}

    def lead(k: int) -> int:
        return k if leader[k] == k else lead(leader[k])

    for link in found.links:
        assert link.points[0] == pytest.approx(found.passes[link.a].points[link.u])
        assert link.points[-1] == pytest.approx(found.passes[link.b].points[link.v])
        leader[lead(link.a)] = lead(link.b)
    for area in range(found.field.count):
        assert len({lead(k) for k in roots if found.passes[k].area == area}) == 1
    # Every other pass is on exactly one detour, drawn once if it is a ring.
    visited = np.concatenate([np.zeros((0, 2)), *(detour.points for detour in found.detours)])
    for line in found.passes:
        if not line.is_root:
            times = [(visited == point).all(axis=1).sum() for point in line.points]
            # A vertex where another pass is visited is met again on the way back.
            assert min(times) >= 1
            assert np.median(times) == (1 if line.closed else 2) or len(line.points) < 4
    for detour in found.detours:
        assert (detour.points[0] == detour.points[-1]).all()
        assert detour.points[0] == pytest.approx(found.passes[detour.a].points[detour.u])


def test_a_ring_without_neighbours_needs_no_link() -> None:
    ink = picture("disc")
    field = find_areas(ink, ink >= 0.5, np.asarray(skeletonize(ink >= 0.5)), 5.0, 1.0)
    assert field is not None
    assert link_passes(field, rings(field, 1)) == ([], [])


@pytest.mark.parametrize("mode", FILL_MODES)
@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_tiny_areas_under_a_fine_pen(size: int, mode: FillMode) -> None:
    ink = InkImage(np.pad(np.ones((size, size), dtype=np.float32), 4))
    gesture = tour_gesture(ink, pen_px=(0.1, 0.4), fill=mode)
    assert gesture.lifts == 0
    if mode in SOLID:
        assert fidelity(ink.ink, draw(gesture, ink, (0.1, 0.4)))["iou"] > 0.95


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), widest=st.floats(3.0, 8.0))
def test_rectangles_hold_every_area_as_the_whole_picture_does(seed: int, widest: float) -> None:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:400, 0:500] + 0.5
    ink = np.zeros(y.shape, dtype=np.float32)
    for cx, cy, r in np.column_stack([rng.uniform(0, 500, 4), rng.uniform(0, 400, 4), rng.uniform(1, 30, 4)]):
        ink = np.maximum(ink, np.clip(r + 0.5 - np.hypot(x - cx, y - cy), 0, 1)).astype(np.float32)
    ink[200:203] = 1.0
    is_ink = ink >= 0.5
    skeleton = np.asarray(skeletonize(is_ink))
    found = blocks(depth(is_ink), widest)
    seen = np.zeros(is_ink.shape, dtype=int)
    mask = np.zeros(is_ink.shape, dtype=bool)
    for block in found:
        seen[block] += 1
        field = find_areas(ink[block], is_ink[block], skeleton[block], widest, 1.0)
        if field is not None:
            mask[block] = field.mask()
    assert seen.max() <= 1
    whole = find_areas(ink, is_ink, skeleton, widest, 1.0)
    assert np.array_equal(mask, np.zeros_like(mask) if whole is None else whole.mask())
