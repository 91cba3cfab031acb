"""Pictures drawn by the hand's two networks: many pens in lock step, one call of a network a step.

    picture -> work picture -> [ eye: saccades, landing -> pen: steps until it lifts ] ... -> strokes

Nouns (``retina`` and ``policy`` have those of looks and answers):
    pen          draws a picture; the same one may be drawn several times, and several pens may draw it
                 together, from different places, each seeing what the others have drawn
    rollout      how one pen decides: style, readiness to lift, and how much chance
    strokes      what a pen drew between landing and lifting, in order
    confidence   probability that the pen's network gave the direction that was taken and its neighbours

Symbols: s line width at the pen; t the temperature of a rollout; g Gumbel noise.

    class    argmax (logits / t + g), which draws from softmax(logits / t); t = 0: argmax (logits)
    lift     where  logit of the lift > ``Rollout.lift_logit``

Rules round the networks, which no network has to learn:
    - the eye lands at a second look, from the place that the first one named: where a stroke begins, and
      which way, is best seen from there;
    - the eye looks at and lands on undrawn ridge alone, and a picture is done when none is left;
    - crumbs (fewer than ``_CRUMB`` widths squared of undrawn ridge beside drawn ridge) are no stroke;
    - a stroke ends after ``_NOTHING_NEW`` widths without new ridge, and where it would leave the ink;
    - a straight end of a stroke runs on to half a width before the end of the ink.

Every pen does one thing a tick: a look of its eye or a step of its pen. All arrays are over the pens
that do the same thing; nothing is done point by point.

Source of drawing from a softmax by argmax: E. J. Gumbel, "Statistical theory of extreme values", 1954.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strokebot.hand.policy import (
    LAND,
    MOST_LOOKS,
    PAST_POINTS,
    PEN_POINTS,
    STEP,
    Policy,
    StrokeHistory,
    cell_place,
    eye_extras,
    first_gaze,
    heading_after,
    on_paper,
    pen_extras,
)
from strokebot.hand.retina import ANGLES, PEN_RINGS, RINGS, WORK_PX, Canvases, WorkPicture

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Bools = NDArray[np.bool_]

# A stroke ends after so many line widths without new ridge: a hand's longest retraces are shorter.
_NOTHING_NEW = 10.0
# Undrawn ridge beside drawn ridge is a crumb under this many line widths squared, and within this radius.
_CRUMB, _BESIDE = 0.35, 1.0
# A step that ends where there is less ink than this has left the line.
_OFF_INK = 0.2
# Steps of a pen, at most, for each step that its ridge is long; a hand needs 1.2.
_MOST_STEPS = 6.0
# An end of a stroke runs on over at most this many line widths, looked at in steps of so many.
_RUN_ON, _RUN_STEP = 2.0, 0.1
# The direction of an end is that of its last line width.
_END = 1.0
_INK = 0.5
# Looks that a second look from the place of landing counts as, at most.
_NEAR_LOOKS = 3
_ALL = slice(None)
# Class directions, radians.
_CLASS = 2 * np.pi / ANGLES


@dataclass(frozen=True)
class Rollout:
    """How one pen decides.

    Attributes:
        style: 0 = as people write and draw, 1 = one line, see ``policy``.
        lift_logit: the pen lifts where the network's logit is above this.
        temperature: 0 always takes the likeliest; 1 draws from what the networks answer.
    """

    style: float = 0.0
    lift_logit: float = 0.0
    temperature: float = 0.0


@dataclass(frozen=True, eq=False)
class HandDrawing:
    """What one pen drew, px of the picture.

    Attributes:
        strokes: runs on the paper in order, (K, 3) each: x, y, full line width.
        confidence: (K,) of each stroke; 1 at its first point.
        undrawn: share of the ridge that no stroke passed.
    """

    strokes: tuple[Floats, ...]
    confidence: tuple[Floats, ...]
    undrawn: float


def draw_pictures(
    pictures: Sequence[WorkPicture],
    policy: Policy,
    rollouts: Sequence[Rollout],
    seed: int = 0,
    pens: Sequence[int] | None = None,
) -> list[HandDrawing]:
    """Draws each picture by its rollout, all in lock step.

    Args:
        pictures: the pictures.
        policy: the networks.
        rollouts: one for each picture.
        seed: of the chance in rollouts with a temperature.
        pens: how many pens draw each picture at once; None for one each.

    Returns:
        One drawing for each picture; the same for the same input.
    """
    if not pictures:
        return []
    counts = np.array([1] * len(pictures) if pens is None else pens, np.int64)
    run = _Run(pictures, policy, rollouts, seed, counts)
    while run.tick():
        pass
    return run.drawings()


class _Run:
    """The state of all pens; rows of its arrays are pens."""

    def __init__(
        self,
        pictures: Sequence[WorkPicture],
        policy: Policy,
        rollouts: Sequence[Rollout],
        seed: int,
        pens: Indices,
    ) -> None:
        n = int(pens.sum())
        self._policy = policy
        self._canvas = Canvases(pictures)
        # Which picture each pen draws.
        self._which = np.arange(len(pictures)).repeat(pens)
        self._unit = np.array([picture.unit for picture in pictures])
        self._style = np.array([rollout.style for rollout in rollouts])[self._which]
        self._lift_logit = np.array([rollout.lift_logit for rollout in rollouts])[self._which]
        self._temperature = np.array([rollout.temperature for rollout in rollouts])[self._which]
        self._chance = np.random.default_rng(seed) if self._temperature.any() else None
        self._history = StrokeHistory.empty(n)
        self._xy = np.concatenate([_gazes(picture, k) for picture, k in zip(pictures, pens, strict=True)])
        # Line width at the pen.
        self._scale = np.full(n, WORK_PX)
        self._heading = np.zeros(n)
        self._looks = np.zeros(n, np.int64)
        # Whether the eye has named a place to land, and looks from there.
        self._near = np.zeros(n, np.bool_)
        self._down = np.zeros(n, np.bool_)
        self._done = self._canvas.undrawn[self._which] == 0
        # Ridge is about one and a half px wide, and a step ``PEN_POINTS`` pieces long.
        steps = self._canvas.ridge[self._which] / (PEN_POINTS * STEP * WORK_PX)
        self._left = (_MOST_STEPS * steps).astype(np.int64) + 50
        self._past = np.full((n, PAST_POINTS, 2), np.nan)
        self._begun = np.zeros((n, 2))
        self._drawn_px = np.zeros(n)
        self._nothing_px = np.zeros(n)
        # What was drawn: pens and places of landings, and of steps with what the network answered.
        self._landings: list[tuple[int, Indices, Floats]] = []
        self._steps: list[tuple[int, Indices, Floats, NDArray[np.float32], Indices]] = []
        self._now = 0

    def tick(self) -> bool:
        """Every pen that is not done looks or steps once; False when all are done."""
        self._now += 1
        # Others may have drawn what was left.
        self._done |= self._undrawn(_ALL) == 0
        going = ~self._done
        pens = np.flatnonzero(self._down & going)
        eyes = np.flatnonzero(~self._down & going)
        if len(pens):
            self._step(pens)
        if len(eyes):
            self._look(eyes)
        return bool(len(pens) or len(eyes))

    # -- the eye --------------------------------------------------------------------------------

    def _look(self, rows: Indices) -> None:
        gaze, which = self._xy[rows], self._which[rows]
        flat = np.zeros(len(rows))
        look = self._canvas.look(which, gaze, flat, flat + WORK_PX, RINGS)
        extras = eye_extras(
            gaze, _of(self._history, rows), heading=self._heading[rows], looks=self._looks[rows],
            left=self._canvas.undrawn[which] / np.maximum(self._canvas.ridge[which], 1),
            style=self._style[rows],
        )  # fmt: skip
        answer = self._policy.eye(look, extras)
        undrawn = look[:, 1].reshape(len(rows), -1) > 0
        logits = answer.jump.astype(np.float64)
        logits[:, :LAND][~undrawn] = -np.inf
        cell = self._chosen(logits, rows)
        named = cell == LAND
        again = named & ~self._near[rows]
        lands = (named & ~again) | (~named & (self._looks[rows] + 1 >= MOST_LOOKS))
        moved = cell_place(gaze, cell)
        # A gaze that has to land where it is has not been told where exactly.
        place = np.where(named[:, None], gaze + answer.offset * WORK_PX, moved)
        self._xy[rows] = place
        self._near[rows] = (self._near[rows] | again) & ~lands
        # Gazes of the training that are so near have come in few jumps.
        self._looks[rows] = np.where(again, np.minimum(self._looks[rows], _NEAR_LOOKS), self._looks[rows] + 1)
        if lands.any():
            self._land(rows[lands], place[lands], answer.direction[lands].astype(np.float64))

    def _land(self, rows: Indices, place: Floats, direction: Floats) -> None:
        which = self._which[rows]
        start, distance = self._canvas.nearest_undrawn(which, place)
        # Where pens draw one picture together, one may have drawn the last of it in this tick.
        if np.isinf(distance).any():
            there = np.isfinite(distance)
            rows, which, start, direction = rows[there], which[there], start[there], direction[there]
        scale = self._canvas.scale_at(which, start)
        crumb = self._canvas.undrawn_near(which, start, _BESIDE * WORK_PX) < _CRUMB * WORK_PX**2
        if crumb.any():
            crumb[crumb] = self._beside_drawn(rows[crumb], start[crumb])
        if crumb.any():
            # Marked as drawn without a stroke; the eye looks again from here.
            self._canvas.mark(
                which[crumb], start[crumb], start[crumb], np.full(int(crumb.sum()), _BESIDE * WORK_PX)
            )
            self._xy[rows[crumb]] = start[crumb]
            self._looks[rows[crumb]] = 0
            self._finish(rows[crumb])
        rows = rows[~crumb]
        start, scale, direction = start[~crumb], scale[~crumb], direction[~crumb]
        if len(rows) == 0:
            return
        self._xy[rows] = self._begun[rows] = start
        self._scale[rows] = scale
        self._heading[rows] = self._chosen(direction, rows) * _CLASS
        self._down[rows] = True
        self._looks[rows] = 0
        self._past[rows] = np.nan
        self._drawn_px[rows] = self._nothing_px[rows] = 0.0
        self._canvas.mark(self._which[rows], start, start, scale / 2)
        self._landings.append((self._now, rows, start))

    def _beside_drawn(self, rows: Indices, place: Floats) -> Bools:
        """Whether there is drawn ridge within a line width of places."""
        flat = np.zeros(len(rows))
        look = self._canvas.look(self._which[rows], place, flat, flat + WORK_PX, 2)
        return np.asarray((look[:, 2] > 0).any(axis=(1, 2)))

    # -- the pen --------------------------------------------------------------------------------

    def _step(self, rows: Indices) -> None:
        xy, heading, scale = self._xy[rows], self._heading[rows], self._scale[rows]
        which = self._which[rows]
        look = self._canvas.look(which, xy, heading, scale, PEN_RINGS)
        first = self._looks[rows] == 0
        extras = pen_extras(
            xy, heading, scale, past=self._past[rows], drawn_px=self._drawn_px[rows],
            looks=self._looks[rows], style=self._style[rows],
        )  # fmt: skip
        answer = self._policy.pen(look, extras)
        chosen = self._chosen(answer.direction, rows)
        places = on_paper(xy, heading, scale, answer.points[np.arange(len(rows)), chosen])
        # A step that leaves the ink is not made, unless it is the first one: a dot has nothing else.
        ink, after = self._canvas.under(which, places[:, -1])
        on_ink = ink >= _OFF_INK
        lifts = (answer.lift > self._lift_logit[rows]) | ~on_ink
        goes = on_ink | first
        if goes.all():
            self._steps.append((self._now, rows, places, answer.direction, chosen))
            self._draw(rows, xy, heading, scale, places, after)
        elif goes.any():
            own = rows[goes]
            self._steps.append((self._now, own, places[goes], answer.direction[goes], chosen[goes]))
            self._draw(own, xy[goes], heading[goes], scale[goes], places[goes], after[goes])
        self._left[rows] -= 1
        self._looks[rows] += 1
        lifts |= (self._nothing_px[rows] > _NOTHING_NEW * scale) | (self._undrawn(rows) == 0)
        self._done[rows[self._left[rows] <= 0]] = True
        if lifts.any():
            self._lift(rows[lifts])

    def _draw(
        self, rows: Indices, xy: Floats, heading: Floats, scale: Floats, places: Floats, after: Floats
    ) -> None:
        n, k = len(rows), places.shape[1]
        way = np.concatenate([xy[:, None], places], axis=1)
        starts, ends = way[:, :-1].reshape(-1, 2), way[:, 1:].reshape(-1, 2)
        fresh = self._canvas.mark(self._which[rows].repeat(k), starts, ends, (scale / 2).repeat(k))
        x, y = (ends - starts).T
        length = np.sqrt(x * x + y * y).reshape(n, k).sum(axis=1)
        new = fresh.reshape(n, k).any(axis=1)
        self._drawn_px[rows] += length
        self._nothing_px[rows] = np.where(new, 0.0, self._nothing_px[rows] + length)
        self._heading[rows] = heading_after(xy, heading, scale, places)
        self._past[rows] = np.concatenate([way[:, -2::-1], self._past[rows]], axis=1)[:, :PAST_POINTS]
        self._xy[rows] = places[:, -1]
        self._scale[rows] = after

    def _lift(self, rows: Indices) -> None:
        self._down[rows] = False
        self._looks[rows] = 0
        self._history = self._history.added(rows, self._begun[rows], self._xy[rows], self._drawn_px[rows])
        self._finish(rows)

    def _finish(self, rows: Indices) -> None:
        self._done[rows] |= self._undrawn(rows) == 0

    def _undrawn(self, rows: Indices | slice) -> Indices:
        """Undrawn ridge pixels of the pens' pictures."""
        return self._canvas.undrawn[self._which[rows]]

    def _chosen(self, logits: NDArray[np.floating], rows: Indices) -> Indices:
        """The class of each row, by its rollout's temperature."""
        if self._chance is None:
            return np.asarray(logits.argmax(axis=1))
        heat = self._temperature[rows]
        # Drawn for all pens, so that what one of them gets does not depend on which others are left.
        noise = self._chance.gumbel(size=(len(self._done), logits.shape[1]))[rows]
        return np.asarray((logits + heat[:, None] * noise).argmax(axis=1))

    # -- what came of it ------------------------------------------------------------------------

    def drawings(self) -> list[HandDrawing]:
        """What each pen drew."""
        n = len(self._canvas)
        share = self._canvas.undrawn / np.maximum(self._canvas.ridge, 1)
        if not self._landings:
            return [HandDrawing((), (), float(share[k])) for k in range(n)]
        pens, place, confidence, begins = self._log()
        rows = self._which[pens]
        # Widths are those under the points: a step knew that of its start.
        width = self._canvas.scale_at(rows, place)
        first = np.flatnonzero(begins)
        last = np.append(first[1:], len(rows)) - 1
        place = self._run_on(rows, place, width, first, last)
        found: list[tuple[list[Floats], list[Floats]]] = [([], []) for _ in range(n)]
        for low, high in zip(first, last + 1, strict=True):
            k = rows[low]
            found[k][0].append(np.column_stack([place[low:high], width[low:high]]) / self._unit[k])
            found[k][1].append(confidence[low:high])
        return [HandDrawing(tuple(s), tuple(c), float(share[k])) for k, (s, c) in enumerate(found)]

    def _log(self) -> tuple[Indices, Floats, Floats, Bools]:
        """Pens, places, confidences, and whether a stroke begins there: pen by pen, in order."""
        ticks = [np.full(len(rows), now) for now, rows, _ in self._landings]
        pens = [rows for _, rows, _ in self._landings]
        places = [place for _, _, place in self._landings]
        landings = sum(len(rows) for rows in pens)
        sure = [np.ones(landings)]
        for now, rows, points, _, _ in self._steps:
            ticks.append(np.full(len(rows) * PEN_POINTS, now))
            pens.append(rows.repeat(PEN_POINTS))
            places.append(points.reshape(-1, 2))
        if self._steps:
            logits = np.concatenate([direction for *_, direction, _ in self._steps]).astype(np.float64)
            chosen = np.concatenate([taken for *_, taken in self._steps])
            share = np.exp(logits - logits.max(axis=1, keepdims=True))
            beside = (chosen[:, None] + np.array([-1, 0, 1])) % ANGLES
            confidence = np.take_along_axis(share, beside, axis=1).sum(axis=1) / share.sum(axis=1)
            sure.append(confidence.repeat(PEN_POINTS))
        tick, rows, place, confidence = (np.concatenate(column) for column in (ticks, pens, places, sure))
        order = np.lexsort((tick, rows))
        return rows[order], place[order], confidence[order], order < landings

    def _run_on(self, rows: Indices, place: Floats, width: Floats, first: Indices, last: Indices) -> Floats:
        """The places, with both ends of every stroke moved to half a width before the end of the ink."""
        place = place.copy()
        t = np.arange(0.0, _RUN_ON + _RUN_STEP, _RUN_STEP)
        for at, back in ((last, -1), (first, 1)):
            long = last > first
            end, own = at[long], rows[at[long]]
            other = np.where(
                back < 0, np.maximum(end - PEN_POINTS, first[long]), np.minimum(end + PEN_POINTS, last[long])
            )
            way = place[end] - place[other]
            length = np.hypot(*way.T)
            sure = length > _END * width[end] / 2
            end, own, way = end[sure], own[sure], way[sure] / length[sure, None]
            if len(end) == 0:
                continue
            there = place[end][:, None] + (t * width[end][:, None])[..., None] * way[:, None]
            ink = self._canvas.ink_at(np.repeat(own, len(t)), there.reshape(-1, 2)).reshape(len(end), -1)
            inside = np.cumprod(ink >= _INK, axis=1).sum(axis=1) * _RUN_STEP
            # No end is drawn back, and ink that goes on is another stroke's.
            on = np.where((inside < _RUN_ON) & (inside > 0), np.maximum(inside - 0.5, 0.0), 0.0)
            place[end] += (on * width[end])[:, None] * way
        return place


def _gazes(picture: WorkPicture, pens: int) -> Floats:
    """Where the eyes of some pens of one picture begin (pens, 2): spread along its longer side, work px."""
    gazes = first_gaze(picture.box)[None].repeat(pens, axis=0)
    if pens > 1:
        ridge = np.argwhere(picture.ridge)[:, ::-1]
        along = ridge[:, int(np.ptp(ridge[:, 1]) > np.ptp(ridge[:, 0]))]
        ranked = np.argsort(along, kind="stable")
        gazes[1:] = ridge[ranked[len(ranked) * np.arange(1, pens) // pens]] + 0.5
    return gazes


def _of(history: StrokeHistory, rows: Indices) -> StrokeHistory:
    return StrokeHistory(history.ends[rows], history.length[rows], history.count[rows])
