"""The refinement mends gestures, never makes one worse, and does the same every time."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strokebot import raster
from strokebot.errors import GestureError
from strokebot.gesture import Gesture
from strokebot.model.predictor import load_predictor
from strokebot.picture.image import InkImage
from strokebot.polish import refine, refine_gesture, score
from tests.support.refine_cases import Floats, curve

SIDE = 80


def picture(gesture: Gesture, side: int = SIDE) -> InkImage:
    return InkImage(
        raster.draw_ink(
            gesture.positions * side,
            gesture.size * side,
            gesture.intensity,
            raster.segments_down(gesture.pen_down),
            (side, side),
        )
    )


def shaken(gesture: Gesture, seed: int, spread_px: float, side: int = SIDE) -> Gesture:
    rng = np.random.default_rng(seed)
    n = len(gesture)
    return Gesture.from_positions(
        gesture.positions + rng.normal(0, spread_px / side, (n, 2)),
        gesture.size * np.exp(rng.normal(0, 0.3, n)),
        gesture.intensity,
    )


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 10_000),
    spread_px=st.sampled_from([0.0, 0.3, 2.0, 20.0]),
    width_px=st.sampled_from([0.5, 1.0, 3.0, 12.0]),
    ink=st.sampled_from([1.0, 0.7, 0.55]),
    limits=st.sampled_from([(None, None), (2.0, None), (None, 2.5), (1.5, 1.5)]),
)
def test_no_drawing_gets_worse(
    seed: int, spread_px: float, width_px: float, ink: float, limits: tuple[float | None, float | None]
) -> None:
    truth = curve(SIDE, width_px)
    rng = np.random.default_rng(seed)
    intensity = np.where(rng.random(40) < 0.1, 0.0, ink)
    intensity[:2] = ink
    target = picture(Gesture(truth.start, truth.velocity, truth.size, np.full(40, ink)))
    start = shaken(Gesture(truth.start, truth.velocity, truth.size, intensity), seed, spread_px)
    done = refine_gesture(start, target, min_width_px=limits[0], max_width_px=limits[1])
    assert done.iou_after >= done.iou_before
    assert done.error_after <= done.error_before
    assert done.gesture.lifts <= start.lifts
    if done.share > 0:
        assert (done.iou_after, done.error_after) == score(done.gesture, target)
    if limits == (None, None):
        assert (done.iou_before, done.error_before) == score(start, target)


@pytest.mark.parametrize("blank", [False, True])
def test_the_score_is_that_of_the_independent_judge(blank: bool) -> None:
    truth = curve(SIDE, 3.0)
    lifted = Gesture(truth.start, truth.velocity, truth.size, np.zeros(40))
    target = picture(lifted if blank else truth)
    for gesture in (shaken(truth, 1, 1.0), lifted):
        judged = raster.fidelity(target.ink, picture(gesture).ink)
        assert score(gesture, target) == pytest.approx((judged["iou"], judged["mse"]), rel=1e-4)


@pytest.mark.parametrize(("width_px", "least"), [(1.0, 0.9), (2.0, 0.95), (3.0, 0.97), (9.0, 0.98)])
def test_a_shaken_line_is_mended(width_px: float, least: float) -> None:
    truth = curve(160, width_px)
    done = refine_gesture(shaken(truth, 1, 0.5, 160), picture(truth, 160))
    assert done.iou_after > least > done.iou_before
    assert done.error_after < 0.1 * done.error_before


def test_the_line_gets_smoother_too() -> None:
    truth = curve(160, 4.0)
    start = shaken(truth, 1, 0.5, 160)

    def turning(gesture: Gesture) -> float:
        step = np.diff(gesture.positions, axis=0)
        angle = np.unwrap(np.arctan2(step[:, 1], step[:, 0]))
        return float(np.abs(np.diff(angle)).sum())

    assert turning(refine_gesture(start, picture(truth, 160)).gesture) < 0.5 * turning(start)


def test_the_same_twice_and_whatever_came_before() -> None:
    truth = curve(SIDE, 3.0)
    start, target = shaken(truth, 2, 0.5), picture(truth)
    first = refine_gesture(start, target).gesture
    refine_gesture(shaken(truth, 3, 1.0), target)
    assert refine_gesture(start, target).gesture.to_json() == first.to_json()


def test_steps_come_from_the_work_and_not_from_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = curve(SIDE, 3.0)
    start, target = shaken(truth, 2, 2.0), picture(truth)
    steps = [refine_gesture(start, target, seconds=s).steps for s in (0.0, 0.001, 0.002, 0.004, 60.0)]
    assert steps == sorted(steps)
    assert steps[0] == 0
    assert 0 < steps[1] < steps[3]
    assert steps[-1] <= refine.MOST_STEPS
    clock = itertools.count(0, 0.01)
    monkeypatch.setattr(refine.time, "monotonic", lambda: next(clock))
    assert refine_gesture(start, target, seconds=60.0).steps == steps[-1]


def test_the_emergency_stop_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = curve(SIDE, 3.0)
    clock = itertools.count(0, 1000.0)
    monkeypatch.setattr(refine.time, "monotonic", lambda: next(clock))
    done = refine_gesture(shaken(truth, 2, 2.0), picture(truth))
    assert done.stopped
    assert done.steps == 1


def test_no_time_returns_the_start() -> None:
    truth = curve(SIDE, 3.0)
    start = shaken(truth, 2, 0.5)
    done = refine_gesture(start, picture(truth), seconds=0.0)
    assert done.gesture is start
    assert (done.share, done.steps) == (0.0, 0)


def test_what_ends_worse_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = curve(SIDE, 3.0)

    def away(run: refine._Run, strokes: refine.Strokes) -> refine.Strokes:
        run.steps = 1
        return strokes.moved(strokes.points + 2.0, strokes.radius)

    monkeypatch.setattr(refine._Run, "strokes", away)
    done = refine_gesture(truth, picture(truth))
    assert done.gesture is truth
    assert done.share == 0


def test_half_the_way_is_taken_where_the_whole_is_too_far(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = curve(SIDE, 3.0)
    start = Gesture.from_positions(truth.positions - 1.0 / SIDE, truth.size, truth.intensity)

    def too_far(run: refine._Run, strokes: refine.Strokes) -> refine.Strokes:
        run.steps = 1
        return strokes.moved(strokes.points + 2.2, strokes.radius)

    monkeypatch.setattr(refine._Run, "strokes", too_far)
    assert refine_gesture(start, picture(truth)).share == 0.5


@pytest.mark.parametrize(("low", "high"), [(4.0, None), (None, 2.0), (2.5, 2.5)])
def test_widths_stay_within_the_pen(low: float | None, high: float | None) -> None:
    truth = curve(SIDE, 3.0)
    done = refine_gesture(shaken(truth, 4, 1.0), picture(truth), min_width_px=low, max_width_px=high)
    assert done.share > 0
    drawn = (done.gesture.size * done.gesture.intensity * SIDE)[done.gesture.pen_down]
    assert drawn.min() >= (low or 0.0) - 1e-9
    assert drawn.max() <= (high or np.inf) + 1e-9


def test_grey_lines_are_fitted_where_ink_begins() -> None:
    wide, grey = curve(160, 6.0), np.full(40, 0.7)
    truth = Gesture(wide.start, wide.velocity, wide.size, grey)
    start = shaken(truth, 1, 0.5, 160)
    done = refine_gesture(start, picture(truth, 160))
    assert done.iou_after > 0.95
    assert done.error_after < 0.3 * done.error_before


def test_many_strokes_at_once() -> None:
    rng = np.random.default_rng(1)
    parts: list[Floats] = []
    for k in range(9):
        x, y = 0.2 + 0.3 * (k % 3), 0.2 + 0.3 * (k // 3)
        angle = np.linspace(0, 5, 20)
        ring = np.column_stack([x + 0.08 * np.cos(angle), y + 0.08 * np.sin(angle)])
        part = np.column_stack([ring, np.full(20, 0.02), np.ones(20)])
        parts += [part[:1] * [1, 1, 1, 0], part, part[-1:] * [1, 1, 1, 0]]
    table = np.concatenate(parts)
    truth = Gesture.from_positions(table[:, :2], table[:, 2], table[:, 3])
    table[:, :2] += rng.normal(0, 0.003, (len(table), 2))
    start = Gesture.from_positions(table[:, :2], table[:, 2], table[:, 3])
    done = refine_gesture(start, picture(truth, 200))
    assert done.iou_after > 0.95 > done.iou_before
    assert done.gesture.lifts == truth.lifts == 8


@pytest.mark.parametrize(
    "rows",
    [
        [(0.5, 0.5, 0.1, 1.0)],
        [(0.5, 0.5, 0.1, 1.0)] * 2,
        [(0.5, 0.5, 0.0, 1.0), (0.6, 0.5, 0.0, 1.0)],
        [(0.5, 0.5, 0.1, 0.0), (0.6, 0.5, 0.1, 0.4)],
        [(1e4, -1e4, 0.1, 1.0), (0.5, 0.5, 50.0, 1.0)],
    ],
    ids=["point", "dot", "no width", "no ink", "huge"],
)
@pytest.mark.parametrize("shape", [(1, 1), (3, 40), (30, 30)])
def test_odd_gestures_and_pictures(rows: list[tuple[float, ...]], shape: tuple[int, int]) -> None:
    table = np.array(rows)
    gesture = Gesture.from_positions(table[:, :2], table[:, 2], table[:, 3])
    for ink in (np.zeros(shape), np.ones(shape)):
        done = refine_gesture(gesture, InkImage(ink))
        assert done.iou_after >= done.iou_before
        assert done.error_after <= done.error_before


def test_progress_is_told() -> None:
    truth = curve(SIDE, 3.0)
    told: list[tuple[int, int]] = []
    done = refine_gesture(shaken(truth, 1, 1.0), picture(truth), progress=lambda *at: told.append(at))
    assert [step for step, _ in told] == list(range(1, done.steps + 1))
    assert len({most for _, most in told}) == 1


@pytest.mark.parametrize(
    "wrong",
    [{"seconds": -1.0}, {"seconds": float("nan")}, {"min_width_px": 3.0, "max_width_px": 2.0}],
    ids=["time", "nan", "widths"],
)
def test_senseless_options_are_refused(wrong: dict[str, float]) -> None:
    truth = curve(SIDE, 3.0)
    with pytest.raises(GestureError):
        refine_gesture(truth, picture(truth), **wrong)  # type: ignore[arg-type]


def test_torch_is_not_imported_for_it() -> None:
    code = "import sys, strokebot.polish as p; p.refine_gesture; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


# --- characters of few pixels -------------------------------------------------------------------


def test_digits_of_the_network_get_better_and_none_worse() -> None:
    with np.load(Path(__file__).parents[2] / "data" / "mnist_20.npz") as file:
        images = file["images"].astype(np.float32) / 255
    inks = [InkImage(image) for image in images]
    done = [refine_gesture(g, i) for g, i in zip(load_predictor().gestures(images), inks, strict=True)]
    for result, ink in zip(done, inks, strict=True):
        assert score(result.gesture, ink) == pytest.approx((result.iou_after, result.error_after))
        assert result.iou_after >= result.iou_before
        assert result.error_after <= result.error_before
    before, after = (np.mean([r[k] for r in map(vars, done)]) for k in ("error_before", "error_after"))
    assert after < 0.7 * before
    assert np.mean([r.iou_after for r in done]) > np.mean([r.iou_before for r in done]) + 0.005


def test_waves_are_the_shape_of_a_character_and_the_grid_of_a_page() -> None:
    """The same wavy line: followed where it is a character, ironed out on a page."""

    def follows(side: int) -> float:
        x = np.linspace(6.0, 22.0, 33)
        wave = np.column_stack([x, 14.0 + 0.6 * np.sin(2.5 * x)]) / side
        truth = Gesture.from_positions(wave, np.full(33, 2.4 / side), np.ones(33))
        start = Gesture.from_positions(wave * [1, 0] + [0, 14.0 / side], np.full(33, 2.4 / side), np.ones(33))
        result = refine_gesture(start, picture(truth, side))
        return result.error_after / result.error_before

    assert follows(28) < 0.5
    assert follows(28) < follows(100)
