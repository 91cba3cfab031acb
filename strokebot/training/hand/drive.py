"""Draws pictures in lock step with the truth or a network at the wheel, and writes down what was seen.

Nouns:
    row        a picture of the batch
    driver     who moves the pen of a row: the truth (with a hand that shakes), or the networks
    sample     a look, what the network was told besides, and what it should have answered

Every row is drawn from the first stroke to the last, as in use: the eye looks until it lands, the
pen looks until it lifts. What the canvases show is therefore what they show in use, retraces and
all. A shaking hand: the pen is beside the true way by a random walk that is drawn back,
    o' = 0.7 o + N(0, ``_SHAKE`` s),
so that answers lead back to the way. Networks choose their way by their own answers, with a random
threshold of lifting a row; the labels are those of ``Paths.take_over``.

Rows that are swept draw every stroke of the truth in one go, without looks of the pen: pictures for
the eye alone, of which it needs many.

The eye's looks: one from where the pen was lifted, then one from every place that it jumps to: the
centre of the labelled cell and a random part of the way, or the cell that the network chooses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from strokebot.hand.policy import (
    EYE_EXTRAS,
    LAND,
    MOST_LOOKS,
    PAST_POINTS,
    PEN_EXTRAS,
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
from strokebot.hand.retina import (
    ANGLES,
    CHANNELS,
    PEN_RINGS,
    RADII,
    RINGS,
    WORK_PX,
    Canvases,
    Floats,
    Indices,
)
from strokebot.training.hand.corpus import ONE_LINE, Drawing
from strokebot.training.hand.paths import AHEAD, SPACING_PX, Paths

Bytes = NDArray[np.uint8]
Singles = NDArray[np.float32]

# Looks are stored in 255ths.
LOOK_UNITS = 255.0
# Shaking of the pen, line widths; error of its first heading, radians; error of its landing, line widths.
_SHAKE = 0.09
_DRAWN_BACK = 0.7
_HEADING_ERROR = 0.15
_LANDING_ERROR = 0.2
# A start nearer than this is landed on, line widths.
LANDING = 1.25
# A gaze that jumps lands within this share of the jump.
_GAZE_ERROR = 0.2
# A stroke of a network may go on for so many looks without new ink: in hand style, in one line.
_IDLE_LOOKS = (8, 80)
# A row ends after so many looks for each that the truth needs, and these.
_MOST_LOOKS_SHARE, _MOST_LOOKS_MORE = 2.0, 60
_LIFT_LOGITS = (-1.0, 2.0)
# Samples a piece of line that is swept.
_SWEEP = 4


class PenSamples(NamedTuple):
    """What the pen saw and should have answered; n looks.

    Attributes:
        look: (n, 3, 9, 24) uint8.
        extras: (n, 12) float32.
        direction: (n,) float32, the way to the next points, radians from the heading, in [0, 2 pi);
            NaN where there is no step.
        points: (n, 2, 2) float32, in the frame of the heading, line widths.
        lift: (n,) uint8.
    """

    look: Bytes
    extras: Singles
    direction: Singles
    points: Singles
    lift: Bytes


class EyeSamples(NamedTuple):
    """What the eye saw and should have answered; n looks.

    Attributes:
        look: (n, 3, 14, 24) uint8.
        extras: (n, 36) float32.
        target: (n, 2) float32, from the gaze to the start of the stroke, line widths.
        direction: (n,) float32, first direction of the stroke, radians in [0, 2 pi).
    """

    look: Bytes
    extras: Singles
    target: Singles
    direction: Singles


class Driven(NamedTuple):
    """A batch of pictures, drawn.

    Attributes:
        pen: samples of the pen.
        eye: samples of the eye.
        strokes: for each row what was drawn: points (K, 2), work px, a stroke each.
        left: share of each row's ridge that is undrawn, (B,).
    """

    pen: PenSamples
    eye: EyeSamples
    strokes: list[list[Floats]]
    left: Floats


_NO_PEN = PenSamples(
    np.zeros((0, CHANNELS, PEN_RINGS, ANGLES), np.uint8),
    np.zeros((0, PEN_EXTRAS), np.float32),
    np.zeros(0, np.float32),
    np.zeros((0, PEN_POINTS, 2), np.float32),
    np.zeros(0, np.uint8),
)
_NO_EYE = EyeSamples(
    np.zeros((0, CHANNELS, RINGS, ANGLES), np.uint8),
    np.zeros((0, EYE_EXTRAS), np.float32),
    np.zeros((0, 2), np.float32),
    np.zeros(0, np.float32),
)


def cell_of(target: NDArray[np.floating]) -> Indices:
    """The eye's cells (n,) nearest to targets (n, 2), line widths from the gaze; ``LAND`` if near."""
    away = np.hypot(target[:, 0], target[:, 1])
    ring = np.rint(np.log(np.maximum(away, RADII[0]) / RADII[0]) / np.log(RADII[1] / RADII[0]))
    ring = np.clip(ring, 0, RINGS - 1).astype(np.int64)
    angle = np.rint(np.arctan2(target[:, 1], target[:, 0]) * ANGLES / (2 * np.pi)).astype(np.int64) % ANGLES
    return np.where(away < LANDING, LAND, ring * ANGLES + angle)


def bytes_of(look: Singles) -> Bytes:
    """Looks in [0, 1] as they are stored."""
    return np.asarray(np.rint(look * LOOK_UNITS), dtype=np.uint8)


class _Rows:
    """The state of B rows in lock step, as arrays."""

    def __init__(
        self, drawings: Sequence[Drawing], rng: np.random.Generator, own: float, swept: float
    ) -> None:
        n = len(drawings)
        self.canvases = Canvases([d.picture for d in drawings])
        self.paths = Paths([d.ways for d in drawings], [d.picture for d in drawings], self.canvases)
        self.style: Floats = np.array([d.style for d in drawings], np.float64)
        # Which rows the networks drive, and in which of these the eye chooses too.
        self.own = rng.random(n) < own
        self.own_eye = self.own & (rng.random(n) < 0.6)
        self.swept = ~self.own & (rng.random(n) < swept)
        self.lift_logit: Floats = rng.uniform(*_LIFT_LOGITS, n)
        self.xy: Floats = np.array([first_gaze(d.picture.box) for d in drawings]).reshape(n, 2)
        self.gaze: Floats = self.xy.copy()
        self.heading: Floats = np.zeros(n)
        self.shake: Floats = np.zeros((n, 2))
        self.past: Floats = np.full((n, PAST_POINTS, 2), np.nan)
        self.begun: Floats = np.zeros((n, 2))
        self.drawn_px: Floats = np.zeros(n)
        self.looks: Indices = np.zeros(n, np.int64)
        self.gazes: Indices = np.zeros(n, np.int64)
        self.idle: Indices = np.zeros(n, np.int64)
        # The sample that a row is at (truth) or that its last label led to (networks).
        self.sample: Indices = np.full(n, -1, np.int64)
        # Samples before this one are behind the truth.
        self.behind: Indices = self.paths.start[:-1].copy()
        self.target: Indices = np.full(n, -1, np.int64)
        self.history = StrokeHistory.empty(n)
        self.on_paper = np.zeros(n, bool)
        self.done = np.zeros(n, bool)
        length = np.diff(self.paths.start) * SPACING_PX / (PEN_POINTS * STEP * WORK_PX)
        self.allowance: Floats = _MOST_LOOKS_SHARE * length + _MOST_LOOKS_MORE
        self.before = [self.paths.undrawn(k) for k in range(n)]
        self.strokes: list[list[list[Floats]]] = [[] for _ in range(n)]


def drive(
    drawings: Sequence[Drawing],
    rng: np.random.Generator,
    policy: Policy | None = None,
    own: float = 0.0,
    swept: float = 0.0,
) -> Driven:
    """Draws pictures and writes samples down.

    Args:
        drawings: the pictures with their true ways.
        rng: chance.
        policy: the networks; None if the truth drives everywhere.
        own: share of the rows that the networks drive.
        swept: share of the other rows whose strokes are drawn in one go.
    """
    rows = _Rows(drawings, rng, own if policy is not None else 0.0, swept)
    pen, eye = [_NO_PEN], [_NO_EYE]
    _begin(rows, np.arange(len(drawings)))
    while not rows.done.all():
        looking = np.flatnonzero(~rows.done & ~rows.on_paper)
        if len(looking):
            eye.append(_gaze(rows, looking, rng, policy))
        drawing = np.flatnonzero(~rows.done & rows.on_paper)
        if len(drawing):
            pen.append(_step(rows, drawing, rng, policy))
        rows.allowance -= 1
        rows.done |= rows.allowance < 0
    left = rows.canvases.undrawn / np.maximum(rows.canvases.ridge, 1)
    strokes = [[np.array(s) for s in own] for own in rows.strokes]
    return Driven(join_pen(pen), join_eye(eye), strokes, left)


def join_pen(parts: Sequence[PenSamples]) -> PenSamples:
    """Samples of several drives, at least one, as one."""
    return PenSamples(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def join_eye(parts: Sequence[EyeSamples]) -> EyeSamples:
    """Samples of several drives, at least one, as one."""
    return EyeSamples(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _begin(rows: _Rows, which: Indices) -> None:
    """The pen of some rows is up: where does the truth go on?"""
    rows.gaze[which], rows.gazes[which] = rows.xy[which], 0
    for k in which:
        after = int(rows.paths.start[k]) if rows.own[k] else int(rows.behind[k])
        target = rows.paths.next_start(int(k), after, WORK_PX)
        rows.target[k] = target
        rows.done[k] = target < 0


def _gaze(rows: _Rows, which: Indices, rng: np.random.Generator, policy: Policy | None) -> EyeSamples:
    """One look of the eye in some rows."""
    n, canvases = len(which), rows.canvases
    gaze = rows.gaze[which]
    scale = np.full(n, WORK_PX)
    look = canvases.look(which, gaze, np.zeros(n), scale, RINGS)
    history = StrokeHistory(rows.history.ends[which], rows.history.length[which], rows.history.count[which])
    left = canvases.undrawn[which] / np.maximum(canvases.ridge[which], 1)
    extras = eye_extras(
        gaze,
        history,
        heading=rows.heading[which],
        looks=rows.gazes[which],
        left=left,
        style=rows.style[which],
    )
    sample = rows.target[which]
    place = rows.paths.xy[sample]
    target = (place - gaze) / WORK_PX
    direction = rows.paths.tangent[sample]
    kept = EyeSamples(
        bytes_of(look), extras, target.astype(np.float32), np.mod(direction, 2 * np.pi).astype(np.float32)
    )
    cell = cell_of(target)
    jump = cell_place(gaze, cell)
    jump = jump + rng.normal(0.0, _GAZE_ERROR / 2, (n, 2)) * np.hypot(*(jump - gaze).T)[:, None]
    landing = place + rng.normal(0.0, _LANDING_ERROR, (n, 2)) * WORK_PX
    heading = direction + rng.normal(0.0, _HEADING_ERROR, n)
    lands = cell == LAND
    own = rows.own_eye[which]
    if policy is not None and own.any():
        answer = policy.eye(look[own], extras[own])
        chosen = answer.jump.argmax(axis=1).astype(np.int64)
        lands[own] = chosen == LAND
        jump[own] = cell_place(gaze[own], chosen)
        landing[own] = gaze[own] + answer.offset * WORK_PX
        heading[own] = answer.direction.argmax(axis=1) * (2 * np.pi / ANGLES)
    rows.gazes[which] += 1
    forced = ~lands & (rows.gazes[which] >= MOST_LOOKS)
    landing[forced] = np.where(own[forced, None], gaze[forced], landing[forced])
    lands |= forced
    rows.gaze[which] = np.where(lands[:, None], landing, jump)
    landed, where = which[lands], landing[lands]
    # The eye's own landings must be undrawn ink, as in use.
    chose = own[lands]
    where[chose] = canvases.nearest_undrawn(landed[chose], where[chose])[0]
    rows.xy[landed], rows.heading[landed] = where, heading[lands]
    rows.begun[landed], rows.drawn_px[landed], rows.looks[landed] = where, 0.0, 0
    rows.past[landed], rows.idle[landed], rows.on_paper[landed] = np.nan, 0, True
    rows.sample[landed] = rows.target[landed]
    rows.shake[landed] = where - rows.paths.xy[rows.target[landed]]
    for k, xy in zip(landed, where, strict=True):
        rows.strokes[k].append([xy])
        if rows.own[k]:
            rows.before[k] = rows.paths.undrawn(int(k))
    for k in landed[rows.swept[landed]]:
        _sweep(rows, int(k))
    _lift(rows, landed[rows.swept[landed]])
    return kept


def _sweep(rows: _Rows, row: int) -> None:
    """Draws the rest of a row's stroke in one go, from where the pen has landed."""
    first, last = int(rows.sample[row]), int(rows.paths.end[rows.sample[row]])
    at = np.unique(np.append(np.arange(first, last, _SWEEP), last))
    way = np.concatenate([rows.xy[row][None], rows.paths.xy[at]])
    which = np.full(len(way) - 1, row)
    radius = rows.canvases.scale_at(which, way[1:]) / 2
    rows.canvases.mark(which, way[:-1], way[1:], radius)
    rows.xy[row], rows.heading[row] = way[-1], rows.paths.tangent[last]
    rows.drawn_px[row] = np.hypot(*np.diff(way, axis=0).T).sum()
    rows.strokes[row][-1] += list(way[1:])


def _step(rows: _Rows, which: Indices, rng: np.random.Generator, policy: Policy | None) -> PenSamples:
    """One look and one step of the pen in some rows."""
    canvases, paths = rows.canvases, rows.paths
    xy, heading = rows.xy[which], rows.heading[which]
    scale = canvases.scale_at(which, xy)
    look = canvases.look(which, xy, heading, scale, PEN_RINGS)
    extras = pen_extras(
        xy,
        heading,
        scale,
        past=rows.past[which],
        drawn_px=rows.drawn_px[which],
        looks=rows.looks[which],
        style=rows.style[which],
    )
    own = rows.own[which]
    labels = paths.follow(np.maximum(rows.sample[which], 0), scale)
    points, lift, moves, sample = labels
    for k in np.flatnonzero(own):
        row = int(which[k])
        ahead = 1e6 if rows.style[row] == ONE_LINE else AHEAD
        found = paths.take_over(
            row, xy[k], heading[k], scale[k], rows.before[row], kept=int(rows.sample[row]), ahead=ahead
        )
        points[k], lift[k] = found.points[0], found.lift[0]
        moves[k], sample[k] = found.moves[0], found.sample[0]
        rows.before[row] = paths.undrawn(row)
    away = (points - xy[:, None]) / scale[:, None, None]
    cos, sin = np.cos(heading)[:, None], np.sin(heading)[:, None]
    turned = np.stack(
        [away[..., 0] * cos + away[..., 1] * sin, away[..., 1] * cos - away[..., 0] * sin], axis=-1
    )
    total = turned.sum(axis=1)
    way = np.where(np.hypot(total[:, 0], total[:, 1])[:, None] > 0.2, total, turned[:, 0])
    direction = np.mod(np.arctan2(way[:, 1], way[:, 0]), 2 * np.pi)
    still = ~moves | (np.hypot(way[:, 0], way[:, 1]) < 0.05)
    kept = PenSamples(
        bytes_of(look),
        extras,
        np.where(still, np.nan, direction).astype(np.float32),
        turned.astype(np.float32),
        lift.astype(np.uint8),
    )
    shake = _DRAWN_BACK * rows.shake[which] + rng.normal(0.0, _SHAKE, (len(which), 2)) * scale[:, None]
    places = points + shake[:, None]
    lifts = lift.copy()
    if policy is not None and own.any():
        answer = policy.pen(look[own], extras[own])
        chosen = answer.direction.argmax(axis=1)
        told = answer.points[np.arange(len(chosen)), chosen].astype(np.float64)
        places[own] = on_paper(xy[own], heading[own], scale[own], told)
        lifts[own] = answer.lift > rows.lift_logit[which[own]]
    _move(rows, which, places, scale)
    rows.shake[which], rows.sample[which] = shake, sample
    tired = own & (rows.idle[which] > np.where(rows.style[which] == ONE_LINE, *_IDLE_LOOKS[::-1]))
    _lift(rows, which[lifts | tired])
    return kept


def _move(rows: _Rows, which: Indices, places: Floats, scale: Floats) -> None:
    """Moves pens through places (n, 2, 2) and marks what they draw."""
    xy = rows.xy[which]
    way = np.concatenate([xy[:, None], places], axis=1)
    start, end = way[:, :-1].reshape(-1, 2), way[:, 1:].reshape(-1, 2)
    marked = rows.canvases.mark(np.repeat(which, PEN_POINTS), start, end, np.repeat(scale / 2, PEN_POINTS))
    fresh = marked.reshape(-1, PEN_POINTS).sum(axis=1)
    rows.heading[which] = heading_after(xy, rows.heading[which], scale, places)
    rows.drawn_px[which] += np.hypot(*np.diff(way, axis=1).transpose(2, 0, 1)).sum(axis=1)
    older = rows.past[which][:, : PAST_POINTS - PEN_POINTS]
    rows.past[which] = np.concatenate([way[:, -2::-1], older], axis=1)
    rows.xy[which] = places[:, -1]
    rows.looks[which] += 1
    rows.idle[which] = np.where(fresh > 0, 0, rows.idle[which] + 1)
    for k, row in enumerate(which):
        rows.strokes[row][-1] += list(places[k])


def _lift(rows: _Rows, which: Indices) -> None:
    """Lifts pens, and turns to the next strokes."""
    if len(which) == 0:
        return
    rows.on_paper[which] = False
    rows.history = rows.history.added(which, rows.begun[which], rows.xy[which], rows.drawn_px[which])
    rows.behind[which] = np.where(
        rows.own[which], rows.behind[which], rows.paths.end[np.maximum(rows.sample[which], 0)] + 1
    )
    _begin(rows, which)
