"""The rasteriser that works on rows of all capsules at once, against one capsule and sample at a time."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from calibration import raster

SHAPE = (15, 11)


def slow_ink(xy, width, ink, down, shape, subsamples):
    """The equations of the header, for every sample and every segment."""
    height, columns = (side * subsamples for side in shape)
    canvas = np.zeros((height, columns))
    for k in range(1, len(xy)):
        if not down[k]:
            continue
        (ax, ay), (bx, by) = xy[k - 1] * subsamples, xy[k] * subsamples
        ra, rb = width[k - 1] / 2 * subsamples, width[k] / 2 * subsamples
        length = math.hypot(bx - ax, by - ay)
        for row in range(height):
            for column in range(columns):
                px, py = column + 0.5 - ax, row + 0.5 - ay
                if abs(rb - ra) >= length:
                    t = 1.0 if rb > ra else 0.0
                else:
                    slope = (rb - ra) / length
                    along = (px * (bx - ax) + py * (by - ay)) / length
                    away = abs(px * (by - ay) - py * (bx - ax)) / length
                    t = min(max((along + away * slope / math.sqrt(1 - slope**2)) / length, 0.0), 1.0)
                d = math.hypot(px - t * (bx - ax), py - t * (by - ay))
                r = ra + t * (rb - ra)
                covered = min(max(min(d + 0.5, r) - max(d - 0.5, -r), 0.0), 1.0)
                value = covered * (ink[k - 1] + t * (ink[k] - ink[k - 1]))
                canvas[row, column] = max(canvas[row, column], value)
    return canvas.reshape(shape[0], subsamples, shape[1], subsamples).mean(axis=(1, 3))


polylines = st.integers(2, 5).flatmap(
    lambda n: st.tuples(
        # Quarters too, so that lines are level, upright, of no length and on the grid's own lines.
        hnp.arrays(float, (n, 2), elements=st.floats(-6, 20) | st.integers(-8, 60).map(lambda v: v / 4)),
        hnp.arrays(float, n, elements=st.floats(0, 7) | st.just(0.0)),
        hnp.arrays(float, n, elements=st.floats(0, 1) | st.just(1.0)),
        hnp.arrays(bool, n),
    )
)


@given(polylines, st.integers(1, 3))
def test_ink_is_that_of_one_sample_at_a_time(line, subsamples):
    found = raster.lay_ink(*line, SHAPE, subsamples)
    assert np.abs(found - slow_ink(*line, SHAPE, subsamples)).max() < 1e-5


def test_bands_chunks_and_long_rows_change_nothing(monkeypatch):
    rng = np.random.default_rng(3)
    shape = (70, 90)
    line = (
        rng.uniform(-20, 100, (60, 2)),
        rng.uniform(0, 9, 60),
        rng.uniform(0, 1, 60),
        rng.random(60) < 0.8,
    )
    whole = raster.lay_ink(*line, shape)
    monkeypatch.setattr(raster, "_BAND_ROWS", 16)
    monkeypatch.setattr(raster, "_CHUNK_SAMPLES", 100)
    monkeypatch.setattr(raster, "_CHUNK_SEGMENTS", 7)
    monkeypatch.setattr(raster, "_ROW_STEP", 64)
    assert np.abs(raster.lay_ink(*line, shape) - whole).max() < 1e-6
    assert whole.max() > 0.5


def test_what_lies_outside_leaves_no_ink():
    line = (np.full((3, 2), -50.0), np.ones(3), np.ones(3), np.ones(3, dtype=bool))
    assert not raster.lay_ink(*line, SHAPE).any()
    assert not raster.lay_ink(*(v[:0] for v in line), SHAPE).any()
