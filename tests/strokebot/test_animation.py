"""A replay: ink only grows, the last frame is the whole drawing, and the pen is where the trace has it."""

from __future__ import annotations

import io
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from strokebot.animation import _RED, replay_frames, replay_gif
from strokebot.raster import draw_ink
from strokebot.trace import Trace


def two_strokes() -> Trace:
    """Right for 2 s, up in the air for 1 s, left for 2 s; a line of 1 mm."""
    xy = np.array([[0, 0], [20, 0], [20, 10], [0, 10]], float)
    steps = [np.linspace(a, b, 41) for a, b in pairwise(xy)]
    t = [np.linspace(a, b, 41) for a, b in ((0, 2), (2, 3), (3, 5))]
    width = [np.ones(41), np.r_[1.0, np.zeros(39), 1.0], np.ones(41)]
    place, time, wide = np.concatenate(steps), np.concatenate(t), np.concatenate(width)
    return Trace(time, place, np.zeros(len(time)), wide, np.where(wide > 0, 1.0, 0.0), "simulated")


def ink_of(frame: Image.Image) -> np.ndarray:
    """Dark pixels that are not the pen."""
    rgb = np.asarray(frame).astype(int)
    grey = np.ptp(rgb, axis=2) < 8
    return (rgb[..., 0] < 128) & grey


def test_ink_grows_and_ends_as_the_whole_drawing() -> None:
    trace = two_strokes()
    frames = list(replay_frames(trace, 26, 300))
    areas = [int(ink_of(frame).sum()) for frame in frames]
    assert areas[0] < 0.03 * areas[-1]
    assert all(b >= 0.9 * a for a, b in pairwise(areas))  # the pen hides a little
    # half of the line is there at half of the time, and nothing is drawn in the air
    assert areas[12] == pytest.approx(areas[-1] / 2, rel=0.1)
    assert areas[5] == pytest.approx(areas[-1] / 4, rel=0.15)  # a straight stroke grows, it does not appear
    # against the program's own rasteriser, on the same page
    room = 0.06 * 20 + 1 + 1
    px = 300 / (20 + 2 * room)
    height = frames[-1].height
    xy = (trace.xy_mm + room) * px * [1, -1] + [0, height]
    whole = draw_ink(xy, trace.width_mm * px, trace.darkness, trace.pen_down, (height, 300)) > 0.5
    both = ink_of(frames[-1])
    assert (whole & both).sum() / (whole | both).sum() > 0.9


def test_the_pen_is_red_and_moves_with_the_time() -> None:
    frames = list(replay_frames(two_strokes(), 51, 300))

    def pen(frame: Image.Image) -> tuple[float, float]:
        where = np.argwhere((np.asarray(frame).astype(int) - _RED == 0).all(axis=2))
        return tuple(where.mean(axis=0)[::-1])

    first, later = pen(frames[5]), pen(frames[15])
    assert later[0] > first[0]
    assert later[1] == pytest.approx(first[1], abs=1.5)
    assert pen(frames[40])[1] < first[1]  # the second stroke lies higher on the paper
    assert not (np.asarray(frames[-1]).astype(int) - _RED == 0).all(axis=2).any()


def test_the_gif_runs_as_long_as_asked_and_is_the_same_each_time() -> None:
    data = replay_gif(two_strokes(), 2.0, 200)
    assert data == replay_gif(two_strokes(), 2.0, 200)
    with Image.open(io.BytesIO(data)) as image:
        assert image.size[0] == 200
        lasts_ms = 0
        for k in range(image.n_frames):
            image.seek(k)
            lasts_ms += image.info["duration"]
    assert lasts_ms == pytest.approx(2000 + 1500, abs=300)
