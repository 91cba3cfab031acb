from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from strokebot.errors import DataError
from strokebot.training import cluster_features
from strokebot.training.cluster_features import MAPS, direction_maps, features

Array = NDArray[np.float32]


def gestures(count: int, seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 0.1, (count, 6, 4)).astype(np.float32)
    steps[..., 2:] = np.abs(steps[..., 2:])
    return rng.random((count, 2)).astype(np.float32), steps


def polyline(
    points: list[list[float]] | NDArray[np.float64], down: list[int] | None = None
) -> tuple[Array, Array]:
    """One gesture through points, pen down at all of them unless told."""
    p = np.asarray(points, np.float32)
    steps = np.zeros((1, len(p), 4), np.float32)
    steps[0, :-1, :2] = np.diff(p, axis=0)
    steps[0, :, 2] = 0.1
    steps[0, :, 3] = 1 if down is None else down
    return p[:1], steps


@st.composite
def drawings(draw: st.DrawFn) -> NDArray[np.float64]:
    """Five points that are not all at one place."""
    seed = draw(st.integers(0, 2**32 - 1))
    return np.random.default_rng(seed).random((5, 2))


def test_features_leave_out_the_velocity_that_moves_nothing() -> None:
    start, steps = gestures(5)
    article = features(start, steps, ("velocity", "intensity"))
    assert article.shape == (5, 5 * 2 + 6)
    steps[:, -1, :2] = 99
    assert np.array_equal(features(start, steps, ("velocity", "intensity")), article)


def test_path_does_not_depend_on_the_steps_of_the_pen() -> None:
    # The same L in even and in uneven steps.
    start = np.full((2, 2), 0.1, np.float32)
    steps = np.zeros((2, 5, 4), np.float32)
    steps[0, :4, :2] = [[0.2, 0], [0.2, 0], [0, 0.2], [0, 0.2]]
    steps[1, :4, :2] = [[0.35, 0], [0.05, 0], [0, 0.01], [0, 0.39]]
    steps[..., 3] = 1
    path = features(start, steps, ("path",))
    assert path.shape == (2, 64)
    assert np.allclose(path[0], path[1], atol=1e-6)
    assert not np.allclose(*features(start, steps, ("velocity",)))


@pytest.mark.parametrize("parts", [("colour",), ("map",), ()])
def test_an_unknown_part(parts: tuple[str, ...]) -> None:
    with pytest.raises(DataError, match="velocity"):
        features(*gestures(2), parts)


def slow_maps(points: NDArray[np.float64], ways: float) -> NDArray[np.float64]:
    """The equations at the top of the file, one point at a time, for a path without lifts."""
    lengths = np.hypot(*np.diff(points, axis=0).T)
    ends = np.concatenate([[0], np.cumsum(lengths)])
    sample, direction = [], []
    for i in range(64):
        at = ends[-1] * (i + 0.5) / 64
        k = int(np.searchsorted(ends, at, side="right")) - 1
        u = (points[k + 1] - points[k]) / lengths[k]
        sample.append(points[k] + u * (at - ends[k]))
        direction.append(u)
    p = np.array(sample) - np.mean(sample, axis=0)
    slant = np.clip((p[:, 0] * p[:, 1]).sum() / (p[:, 1] ** 2).sum(), -1, 1)
    p[:, 0] -= slant * p[:, 1]
    p /= np.sqrt(((p**2).sum(axis=1) / 2).mean())
    maps = np.zeros((36, 8))
    cells = np.linspace(-1.8, 1.8, 6)
    for (x, y), u in zip(p, direction, strict=True):
        angle = np.arctan2(u[1], u[0] - slant * u[1])
        for c in range(36):
            near = np.exp(-((x - cells[c // 6]) ** 2 + (y - cells[c % 6]) ** 2) / (2 * 0.4**2))
            for d in range(8):
                off = abs(np.angle(np.exp(1j * (angle - d * np.pi / 4))))
                maps[c, d] += near * max(0.0, 1 - off / (np.pi / 4)) / 64
    lines = np.sqrt(maps[:, :4] + maps[:, 4:])
    way = np.sqrt(maps[:, :4]) - np.sqrt(maps[:, 4:])
    return np.concatenate([lines.ravel(), ways * way.ravel()])


@given(drawings(), st.floats(0, 1))
@settings(deadline=None, max_examples=10)
def test_maps_against_one_point_at_a_time(points: NDArray[np.float64], ways: float) -> None:
    start, steps = polyline(points)
    exact = np.cumsum(np.concatenate([start, steps[0, :-1, :2]]).astype(np.float64), axis=0)
    assert np.allclose(direction_maps(start, steps, ways)[0], slow_maps(exact, ways), atol=1e-5)


@given(drawings(), st.floats(0.1, 5), st.floats(-3, 3), st.floats(-3, 3))
@settings(deadline=None, max_examples=20)
def test_maps_do_not_depend_on_place_and_size(
    points: NDArray[np.float64], size: float, x: float, y: float
) -> None:
    moved = direction_maps(*polyline(size * points + [x, y]))
    assert np.allclose(moved, direction_maps(*polyline(points)), atol=2e-3)


@given(drawings())
@settings(deadline=None, max_examples=20)
def test_the_other_way_round_changes_the_ways_alone(points: NDArray[np.float64]) -> None:
    forth, back = direction_maps(*polyline(points))[0], direction_maps(*polyline(points[::-1]))[0]
    half = len(forth) // 2
    assert np.allclose(forth[:half], back[:half], atol=2e-3)
    assert np.allclose(forth[half:], -back[half:], atol=2e-3)
    # Far from rounding; lines to and fro cancel each other for the most part.
    assert np.abs(forth[half:]).max() > 0.01


@given(drawings(), st.floats(-0.6, 0.6))
@settings(deadline=None, max_examples=20)
def test_a_slant_changes_little(points: NDArray[np.float64], lean: float) -> None:
    tall = points * [0.4, 1.0]
    tall[:, 0] *= np.sign(lean or 1)
    leaning = tall + [lean, 0] * tall[:, 1:]
    upright = [direction_maps(*polyline(p))[0] for p in (tall, leaning)]
    # Equal arc length is taken before the shear, so the two are near and not equal.
    assert np.linalg.norm(upright[0] - upright[1]) < 0.5 * np.linalg.norm(upright[0])


def test_a_slash_stands_up_only_if_asked() -> None:
    slash, stroke = (
        polyline([[0.3, 0.1], [0.25, 0.5], [0.2, 0.9]]),
        polyline([[0.5, 0.1], [0.5, 0.5], [0.5, 0.9]]),
    )
    assert np.allclose(direction_maps(*slash), direction_maps(*stroke), atol=1e-3)
    slanted = [direction_maps(*each, upright=False) for each in (slash, stroke)]
    assert np.abs(slanted[0] - slanted[1]).max() > 0.05
    # A lying stroke is not stood up.
    lying = polyline([[0.1, 0.5], [0.9, 0.55]])
    assert np.abs(direction_maps(*lying) - direction_maps(*stroke)).max() > 0.2


def test_travel_in_the_air_is_not_on_the_map() -> None:
    bars = [[0.1, 0.2], [0.5, 0.2], [0.9, 0.2]], [[0.1, 0.8], [0.5, 0.8], [0.9, 0.8]]
    lifted = direction_maps(*polyline([*bars[0], [0.9, 0.5], [0.1, 0.5], *bars[1]], [1, 1, 1, 0, 0, 1, 1, 1]))
    maps = lifted[0, :144].reshape(36, 4)
    # Only direction 0, to the right.
    assert maps[:, 0].max() > 0.3
    assert np.abs(maps[:, 1:]).max() < 1e-6


def test_a_dot_has_no_direction() -> None:
    for down in (1, 0):
        start, steps = polyline([[0.5, 0.5]] * 3, [down] * 3)
        assert not direction_maps(start, steps).any()


def test_the_rows_of_the_ablation_are_what_they_say() -> None:
    start, steps = gestures(4)
    steps[..., 3] = 1
    full, slanted, lines, equal = (features(start, steps, (part,)) for part in MAPS)
    half = full.shape[1] // 2
    assert not lines[:, half:].any()
    assert np.allclose(lines[:, :half], full[:, :half])
    assert np.allclose(equal[:, half:] * cluster_features._WAYS, full[:, half:])
    assert np.array_equal(slanted, direction_maps(start, steps, upright=False))
    assert not np.allclose(slanted, full)
