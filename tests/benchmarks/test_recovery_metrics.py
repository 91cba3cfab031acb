"""AIoU forgives the width of the pen and nothing else; LDTW is what a plain double loop finds."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.recovery_metrics import adaptive_iou, aiou, ldtw, warped_distance
from strokebot.gesture import Gesture, chain
from strokebot.picture.image import InkImage
from strokebot.raster import draw_ink


def plain_warped(one: np.ndarray, other: np.ndarray) -> float:
    """Every cell by its three neighbours; the number of pairs is carried along."""
    best: dict[tuple[int, int], tuple[float, int]] = {}
    for i in range(len(one)):
        for j in range(len(other)):
            ways = [best[c] for c in ((i - 1, j), (i, j - 1), (i - 1, j - 1)) if c in best]
            cost, pairs = min(ways) if ways else (0.0, 0)
            best[i, j] = (cost + float(np.hypot(*(one[i] - other[j]))), pairs + 1)
    cost, pairs = best[len(one) - 1, len(other) - 1]
    return cost / pairs


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**16))
@settings(max_examples=40)
def test_the_warped_distance_is_that_of_the_plain_loop(n: int, m: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.normal(size=(n, 2)), rng.normal(size=(m, 2))
    assert np.isclose(warped_distance(one, other), plain_warped(one, other))


def picture(width_px: float) -> tuple[InkImage, Gesture]:
    points = np.array([[10.0, 10.0], [50.0, 12.0], [30.0, 50.0]])
    ink = draw_ink(points, np.full(3, width_px), np.ones(3), np.ones(3, bool), (60, 60))
    table = np.column_stack([points / 60, np.full(3, 1 / 60), np.ones(3)])
    return InkImage(ink), chain([table])


def test_aiou_does_not_ask_for_the_width_of_the_pen() -> None:
    for width in (3.0, 5.0, 7.0):
        image, gesture = picture(width)
        assert aiou(gesture, image) > 0.85


def test_aiou_falls_with_what_is_missing() -> None:
    image, gesture = picture(3.0)
    half = Gesture.from_positions(gesture.positions[:2], gesture.size[:2], gesture.intensity[:2])
    assert aiou(half, image) < aiou(gesture, image) - 0.3


def test_aiou_of_empty_pictures() -> None:
    nothing, all_of_it = np.zeros((4, 4), bool), np.ones((4, 4), bool)
    assert adaptive_iou(nothing, nothing) == 1.0
    assert adaptive_iou(nothing, all_of_it) == 0.0


def test_ldtw_knows_order_and_direction() -> None:
    strokes = [np.array([[5.0, 5.0], [5.0, 55.0]]), np.array([[50.0, 5.0], [50.0, 55.0]])]
    image = InkImage(np.zeros((60, 60), np.float32))

    def drawn(runs: list[np.ndarray]) -> float:
        rows = [np.column_stack([run / 60, np.full(len(run), 0.05), np.ones(len(run))]) for run in runs]
        return ldtw(chain(rows), image, strokes)

    assert drawn(strokes) < 1e-9
    assert drawn(strokes[::-1]) > 10.0
    assert drawn([stroke[::-1] for stroke in strokes]) > 10.0
