"""One gesture of any size refined on its picture, at the picture's own resolution.

Steps:
    1. The gesture's strokes, points spread along them (``strokes.py``).
    2. Some steps of ``solver.py``: pairs of segments and pixels are found every ``_FIND_EVERY``
       steps (``pairs.py``), no edge moves farther than ``_SLACK_PX`` a step, and widths stay
       within what the pen can draw. Steps end when the points have stopped.
    3. Points that the line does not need are left out.
    4. The independent rasteriser compares the result with the start, as the pen would draw both.
       If overlap or squared error is worse, half of the way is tried, then a quarter, then the
       start is returned: a drawing never gets worse.

How many steps the seconds allow is computed from the work of one step and the rates below,
never from the clock: the same call gives the same gesture on every machine. The clock only
stops work that takes ``_EMERGENCY`` times as long as planned, and the result says so.

The picture of a grey line (a pencil's) is compared with stretched contrast: what counts as
ink begins at half of full ink, and where the line itself is grey the squared error alone
would put its edge elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strokebot import raster
from strokebot.errors import GestureError
from strokebot.gesture import Gesture
from strokebot.modes import POLISH_SECONDS
from strokebot.picture.image import InkImage
from strokebot.polish import capsules, pairs, solver
from strokebot.polish.strokes import CHARACTER, PAGE, Detail, Strokes, gesture_of, strokes_of

# Softness of the edge, px: with it the model's edge comes nearest to the box of a pixel.
SOFTNESS_PX = 0.2
# Farthest that a point or an edge moves in one step, px, and how often pairs are found.
_SLACK_PX = 0.75
_FIND_EVERY = 3
# More steps change little: median IoU after 3, 6, 10 and 20 is 0.978, 0.983, 0.986 and 0.989 on clip
# art (0.961 before), 0.989, 0.993, 0.993 and 0.994 on handwritten words (0.975 before).
MOST_STEPS = 12
# The points have stopped when they move by less than this on average, px.
_STILL_PX = 0.01
# Pictures up to this size are of one character, px.
_CHARACTER_PX = 64
# Thinnest line and thinnest pen, px.
_LEAST_RADIUS_PX = 0.1
# Mean ink along the strokes under which a picture counts as grey, and how its contrast is stretched.
_GREY_INK = 0.93
_GREY_CONTRAST = 3.0
# Shares of the way from the start that are tried in turn.
_SHARES = (1.0, 0.5, 0.25)
# Nominal seconds of one x86 core under load, from 28 pictures of 28 to 936 px and a made one of 4,000:
# for each pair of a step, each pair looked at, each point solved for.
PAIR_S = 1.0e-7
LOOK_S = 5.0e-8
POINT_S = 1.0e-6
# The rasteriser's: for each point, each pixel, each pair looked at.
_JUDGE_S = (5.0e-5, 3.0e-8, 1.5e-7)
# The clock stops work that takes so many times its plan.
_EMERGENCY = 5.0
_LEAST_GUARD_S = 30.0

# Called with steps done and steps planned.
ProgressCallback = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Refined:
    """A refined gesture and how it came about.

    Attributes:
        gesture: the result, or the start itself where nothing better was found.
        iou_before: overlap of the start with the picture, by the independent rasteriser.
        iou_after: the same of the result.
        error_before: mean squared error of the start, by the independent rasteriser.
        error_after: the same of the result.
        steps: steps done.
        planned_s: seconds of one core that this takes by nominal rates, judging included.
        share: how far the result went from the start, 0 where the start was returned.
        stopped: whether the clock's emergency stop ended the steps.
    """

    gesture: Gesture
    iou_before: float
    iou_after: float
    error_before: float
    error_after: float
    steps: int
    planned_s: float
    share: float
    stopped: bool


def score(gesture: Gesture, ink: InkImage) -> tuple[float, float]:
    """Overlap (IoU) and mean squared error of a gesture, drawn by the independent rasteriser.

    Args:
        gesture: canvas units of the picture.
        ink: the picture.
    """
    side = ink.longer_side
    drawn = raster.draw_ink(
        gesture.positions * side,
        gesture.size * side,
        gesture.intensity,
        raster.segments_down(gesture.pen_down),
        ink.ink.shape,
    )
    # As ``raster.fidelity`` has them, without its distances, which take most of its time and memory.
    want_ink, have_ink = ink.ink >= raster.INK_THRESHOLD, drawn >= raster.INK_THRESHOLD
    either = np.count_nonzero(want_ink | have_ink)
    drawn -= ink.ink
    error = float(np.square(drawn, out=drawn).sum(dtype=np.float64)) / drawn.size
    return (np.count_nonzero(want_ink & have_ink) / either if either else 1.0), error


def refine_gesture(
    gesture: Gesture,
    ink: InkImage,
    *,
    seconds: float = POLISH_SECONDS,
    min_width_px: float | None = None,
    max_width_px: float | None = None,
    progress: ProgressCallback | None = None,
) -> Refined:
    """Moves the points and widths of a gesture so that what it draws comes nearest to the picture.

    Args:
        gesture: canvas units of the picture; strokes drawn where its intensity is at least the lift
            threshold. Their number, order and direction stay, hence the lifts.
        ink: the picture.
        seconds: nominal time for the steps, which sets their number; see the header. Judging start
            and result comes on top of it.
        min_width_px: thinnest line that the pen draws; compared and drawn are widths within its
            range, where width means width times intensity, as the pen takes it.
        max_width_px: widest line that the pen draws.
        progress: called after every step.

    Returns:
        The result: by the independent rasteriser no worse than the start, widths held within the
        pen's range in both.

    Raises:
        GestureError: for a time or a width range that makes no sense.
    """
    low, high = _width_range(min_width_px, max_width_px)
    if not (np.isfinite(seconds) and seconds >= 0):
        raise GestureError(f"{seconds:g} s is no time to polish for: give 0 or more seconds.")
    side = ink.longer_side
    detail = CHARACTER if side <= _CHARACTER_PX else PAGE
    start = strokes_of(gesture, side, detail)
    before = score(_held(gesture, low / side, high / side), ink)
    if len(start) == 0:
        return _result(gesture, before, before, 0.0, [])
    start = start.moved(start.points, _bounded(start.radius, start.ink, low, high))
    segments = start.segments
    grey = float(np.average(start.ink[segments], weights=start.lengths + 1.0)) < _GREY_INK
    runs: list[_Run] = []
    for contrast in (_GREY_CONTRAST, 1.0) if grey else (1.0,):
        left_s = max(0.0, seconds - sum(run.steps_s for run in runs))
        run = _Run(ink, detail, (low, high), contrast, left_s, progress)
        runs.append(run)
        end = run.strokes(start)
        for share in _SHARES if run.steps else ():
            found = gesture_of(_between(start, end, share), side, detail.kept_px)
            after = score(found, ink)
            if after[0] >= before[0] and after[1] <= before[1] and found.lifts <= gesture.lifts:
                return _result(found, before, after, share, runs)
    return _result(gesture, before, before, 0.0, runs)


class _Run:
    """The steps from one start."""

    def __init__(
        self,
        ink: InkImage,
        detail: Detail,
        width_px: tuple[float, float],
        contrast: float,
        seconds: float,
        progress: ProgressCallback | None,
    ) -> None:
        self.shape = ink.ink.shape
        self.target = capsules.float32(ink.ink.ravel())
        self.detail, (self.low, self.high), self.contrast = detail, width_px, contrast
        self.seconds, self.progress = seconds, progress
        self.steps, self.stopped = 0, False
        self.planned_s, self.steps_s = 0.0, 0.0

    def strokes(self, strokes: Strokes) -> Strokes:
        """Does the steps that the time allows."""
        begin, most = time.monotonic(), 1
        while self.steps < most:
            segments = capsules.segments_of(strokes.points, strokes.radius, strokes.ink, strokes.segments)
            if self.steps % _FIND_EVERY == 0:
                found = pairs.find_pairs(segments, self.target, self.shape, SOFTNESS_PX, _SLACK_PX)
            if self.steps == 0:
                most = self._plan(len(strokes.points), found)
                if most == 0:
                    return strokes
            normal = pairs.evaluate(segments, found, SOFTNESS_PX, self.contrast)
            strokes, moved = self._step(strokes, normal)
            self.steps += 1
            if self.progress is not None:
                self.progress(self.steps, most)
            if moved < _STILL_PX:
                break
            if time.monotonic() - begin > max(_EMERGENCY * self.steps_s, _LEAST_GUARD_S):
                self.stopped = True
                break
        return strokes

    def _plan(self, points: int, found: pairs.Pairs) -> int:
        """How many steps fit into the time, by nominal rates."""
        step_s = found.count * PAIR_S + found.looked_at * LOOK_S / _FIND_EVERY + points * POINT_S
        judge_s = float(np.dot(_JUDGE_S, (points, self.shape[0] * self.shape[1], found.looked_at)))
        steps = int(np.clip(self.seconds / step_s, 0, MOST_STEPS))
        self.planned_s, self.steps_s = 2 * judge_s + steps * step_s, steps * step_s
        return steps

    def _step(self, strokes: Strokes, normal: pairs.Normal) -> tuple[Strokes, float]:
        """One step, and how far the points moved on average, px."""
        change = solver.step(strokes, normal, self.detail)
        size = np.maximum(np.hypot(change[:, 0], change[:, 1]), np.abs(change[:, 2]))
        change *= np.minimum(1.0, _SLACK_PX / np.maximum(size, _STILL_PX))[:, None]
        radius = _bounded(strokes.radius + change[:, 2], strokes.ink, self.low, self.high)
        moved = np.minimum(size, _SLACK_PX).mean()
        return strokes.moved(strokes.points + change[:, :2], radius), float(moved)


def _result(
    gesture: Gesture,
    before: tuple[float, float],
    after: tuple[float, float],
    share: float,
    runs: list[_Run],
) -> Refined:
    return Refined(
        gesture,
        iou_before=before[0],
        iou_after=after[0],
        error_before=before[1],
        error_after=after[1],
        steps=sum(run.steps for run in runs),
        planned_s=sum(run.planned_s for run in runs),
        share=share,
        stopped=any(run.stopped for run in runs),
    )


def _width_range(low: float | None, high: float | None) -> tuple[float, float]:
    low, high = 0.0 if low is None else low, np.inf if high is None else high
    if not (0.0 <= low <= high and high > 0.0):
        raise GestureError(f"A pen from {low:g} to {high:g} px cannot draw: give 0 <= least <= most.")
    return low, high


def _bounded(
    radius: NDArray[np.float64], ink: NDArray[np.float64], low_px: float, high_px: float
) -> NDArray[np.float64]:
    """Half widths whose lines the pen can draw; it takes width times intensity."""
    least = np.maximum(low_px / (2.0 * ink), _LEAST_RADIUS_PX)
    return np.clip(radius, least, np.maximum(high_px / (2.0 * ink), least))


def _held(gesture: Gesture, low: float, high: float) -> Gesture:
    """The gesture as a pen of this range of widths (canvas units) draws it."""
    ink = np.maximum(gesture.intensity, np.finfo(np.float64).tiny)
    size = np.where(gesture.pen_down, np.clip(gesture.size, low / ink, high / ink), gesture.size)
    return Gesture(gesture.start, gesture.velocity, size, gesture.intensity)


def _between(start: Strokes, end: Strokes, share: float) -> Strokes:
    """A share of the way from start to end."""
    points = start.points + share * (end.points - start.points)
    return start.moved(points, start.radius + share * (end.radius - start.radius))
