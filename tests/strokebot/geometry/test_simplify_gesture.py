"""What is left out lies within the tolerance: place, width and ink alike, lifts untouched."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strokebot.errors import GestureError
from strokebot.geometry.polyline import simplify_gesture, simplify_runs
from strokebot.gesture import Gesture, chain


def random_piece(rng: np.random.Generator, low_ink: float = 0.0) -> np.ndarray:
    n = int(rng.integers(2, 60))
    ink = low_ink + (1.0 - low_ink) * rng.random(n)
    return np.column_stack([np.cumsum(rng.normal(size=(n, 2)), axis=0), rng.random(n) * 4, ink])


def away(point: np.ndarray, line: np.ndarray) -> float:
    """Slow oracle: distance of a point (x, y, half width, ink) from the nearest place of a line (K, 4)."""
    best = math.inf
    for a, b in itertools.pairwise(line):
        chord = b - a
        length = float(chord @ chord)
        t = np.clip((point - a) @ chord / length, 0, 1) if length > 0 else 0.0
        best = min(best, float(np.linalg.norm(a + t * chord - point)))
    return best


@settings(max_examples=30)
@given(seed=st.integers(0, 100_000), tolerance=st.floats(0.05, 3.0))
def test_simplifying_stays_within_the_tolerance(seed: int, tolerance: float) -> None:
    piece = random_piece(np.random.default_rng(seed))
    runs = np.sort(np.random.default_rng(seed).integers(0, 3, len(piece)))
    kept = simplify_runs(piece, runs, tolerance)
    for number in np.unique(runs):
        own = np.flatnonzero(runs == number)
        assert {own[0], own[-1]} <= set(kept.tolist())
        scale = np.array([1.0, 1.0, 0.5, piece[own, 2].mean() / 2])
        line = piece[np.repeat(kept[runs[kept] == number], 2)] * scale
        assert all(away(point, line) <= tolerance + 1e-9 for point in piece[own] * scale)


@settings(max_examples=25)
@given(seed=st.integers(0, 100_000), tolerance=st.floats(0.0, 2.0), count=st.integers(1, 4))
def test_a_gesture_keeps_its_lifts_ends_and_line(seed: int, tolerance: float, count: int) -> None:
    rng = np.random.default_rng(seed)
    pieces = [random_piece(rng, low_ink=0.55) for _ in range(count)]
    gesture = chain(pieces)
    simple = simplify_gesture(gesture, tolerance)
    assert simple.lifts == gesture.lifts == count - 1
    assert len(simple) <= len(gesture)
    table = np.column_stack([simple.positions, simple.size, simple.intensity])
    at = 0
    for piece in pieces:
        rows = piece[:, :2]
        assert table[at, :2] == pytest.approx(rows[0], abs=1e-9)
        down = at
        while down < len(table) and table[down, 3] > 0.0:
            down += 1
        run = table[at:down]
        assert run[-1, :2] == pytest.approx(rows[-1], abs=1e-9)
        scale = np.array([1.0, 1.0, 0.5, piece[:, 2].mean() / 2])
        assert all(away(point, run * scale) <= tolerance + 1e-6 for point in piece * scale)
        at = down + 2  # the lift and the landing


def test_a_straight_run_needs_two_points() -> None:
    x = np.linspace(0, 1, 50)
    line = Gesture.from_positions(np.column_stack([x, 0.5 * x]), np.full(50, 0.02), np.ones(50))
    assert len(simplify_gesture(line, 1e-6)) == 2
    taper = Gesture.from_positions(line.positions, 0.02 + 0.05 * x**2, np.ones(50))
    assert len(simplify_gesture(taper, 1e-3)) > 2
    fading = Gesture.from_positions(line.positions, line.size, 1.0 - 0.4 * x**2)
    assert len(simplify_gesture(fading, 1e-4)) > 2
    assert len(simplify_gesture(fading, 1e-1)) == 2


@pytest.mark.parametrize("tolerance", [-1e-3, math.nan, math.inf])
def test_a_tolerance_is_a_number(tolerance: float) -> None:
    gesture = Gesture.from_positions(np.zeros((2, 2)), np.ones(2), np.ones(2))
    with pytest.raises(GestureError, match="tolerance"):
        simplify_gesture(gesture, tolerance)
