"""True ways of pens through pictures, and what a pen on or near them should do next.

Nouns:
    way        a stroke of the true pen, sampled every ``SPACING_PX`` of its drawn length
    sample     a point of a way; samples of all ways of all pictures are numbered through
    undrawn    a sample whose nearest ridge pixel is undrawn

Symbols, work px:
    p, h, s    the pen, its heading, the line width there
    w_j, t_j   place of sample j, and direction of the way there
    e_j        last sample of the way of j
    m          samples in a step of the pen: round(PEN_POINTS STEP s / SPACING_PX)

Labels of a pen that follows a way at sample j:
    points     w_{min(j + round(k STEP s / SPACING_PX), e)},  k = 1 .. PEN_POINTS, with e = e_j
    lift       e <= j + m: the way ends within the step

A pen that drives itself leaves the way that was written. Its sample is the one of least
    |w_j - p| / s + ``_TURN`` (1 - cos(t_j - h)) + ``_BLIND`` [nothing undrawn ahead]
    - ``_KEEP`` [j goes on from the sample before]
among those within ``_NEAR`` s, each way also backwards (+ ``_BACK``): what a person would do who
took over the pen. "Ahead" reaches ``AHEAD`` s along the way; what the last step has covered counts as
undrawn still, or the pen would stop short of every end. At a cusp the samples that lead into
it win by their direction, so the label is the way in and out again. If nothing is undrawn beyond
this step, the label is: lift, after the last undrawn sample of the step.

Source of learning from one's own drives: S. Ross, G. Gordon, D. Bagnell, "A reduction of imitation
learning and structured prediction to no-regret online learning", AISTATS 2011 (DAgger).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from strokebot.hand.policy import PEN_POINTS, STEP
from strokebot.hand.retina import Canvases, Floats, Indices, WorkPicture

Bools = NDArray[np.bool_]

SPACING_PX = 0.5
# How far a pen that drives itself looks ahead along a way, line widths.
AHEAD = 16.0
_NEAR = 1.5
_TURN = 0.7
_BLIND = 2.0
_KEEP = 0.3
_BACK = 0.6
# "Goes on" means: within so many line widths of where the last step led.
_KEPT = 2.0
# An undrawn run is a place to go on at if it is so long, px, or a whole way.
_LEAST_RUN_PX = 2.0
# Where a way ends this soon after its last undrawn sample, line widths, it is drawn to its end.
_TO_END = 1.0


class PenLabels(NamedTuple):
    """What n pens should do.

    Attributes:
        points: (n, 2, 2) the next points, work px.
        lift: (n,) whether the stroke ends within the step.
        moves: (n,) whether there is a step at all; without it direction and points say nothing.
        sample: (n,) the sample that the step leads to; -1 where the way is followed backwards.
    """

    points: Floats
    lift: Bools
    moves: Bools
    sample: Indices


def resampled(stroke: Floats, spacing: float = SPACING_PX) -> Floats:
    """Points (K, 2) of a polyline (M, 2) at equal steps of about ``spacing`` along it, both ends kept."""
    length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(stroke, axis=0).T))])
    if length[-1] == 0:
        return np.asarray(stroke[:1], np.float64)
    at = np.linspace(0.0, length[-1], max(2, round(length[-1] / spacing) + 1))
    keep = np.concatenate([[True], np.diff(length) > 0])
    return np.stack([np.interp(at, length[keep], stroke[keep, axis]) for axis in (0, 1)], axis=1)


class Paths:
    """The true ways of B pictures.

    Args:
        ways: the strokes of each picture in their order, (M, 2) each, work px.
        pictures: the work pictures.
        canvases: the canvases of these pictures, in the same order.
    """

    def __init__(
        self, ways: Sequence[Sequence[Floats]], pictures: Sequence[WorkPicture], canvases: Canvases
    ) -> None:
        runs = [[resampled(stroke) for stroke in strokes] for strokes in ways]
        flat = [run for strokes in runs for run in strokes]
        lengths = np.array([len(run) for run in flat], np.int64)
        last = np.cumsum(lengths) - 1
        self.xy: Floats = np.concatenate(flat)
        # First and last sample of the way of each sample, and of each picture.
        self.first: Indices = np.repeat(last - lengths + 1, lengths)
        self.end: Indices = np.repeat(last, lengths)
        self.start: Indices = np.cumsum([0, *(sum(map(len, strokes)) for strokes in runs)]).astype(np.int64)
        after = np.minimum(np.arange(len(self.xy)) + 1, self.end)
        before = np.maximum(np.arange(len(self.xy)) - 1, self.first)
        way = self.xy[after] - self.xy[before]
        self.tangent: Floats = np.arctan2(way[:, 1], way[:, 0])
        self._canvases = canvases
        cells = []
        for b, picture in enumerate(pictures):
            place = self.xy[self.start[b] : self.start[b + 1]]
            row = np.clip(place[:, 1], 0, picture.ridge.shape[0] - 1).astype(np.int64)
            column = np.clip(place[:, 0], 0, picture.ridge.shape[1] - 1).astype(np.int64)
            near = distance_transform_edt(~picture.ridge, return_distances=False, return_indices=True)
            cells.append(canvases.cell_of(b, near[1][row, column], near[0][row, column]))
        self._cell = np.concatenate(cells)

    def undrawn(self, picture: int) -> Bools:
        """Which samples of a picture are undrawn."""
        return self._canvases.is_undrawn(self._cell[self.start[picture] : self.start[picture + 1]])

    def next_start(self, picture: int, after: int, scale: float) -> int:
        """The sample where the true pen would go on: the earliest undrawn run; -1 if there is none.

        Args:
            picture: which.
            after: samples before this one are left out.
            scale: line width, work px; a run that begins this near after its way's start begins there.
        """
        first = int(self.start[picture])
        left = self.undrawn(picture)
        left[: max(after - first, 0)] = False
        at = np.flatnonzero(left)
        if not len(at):
            return -1
        # Runs: where neighbours in number are undrawn on the same way.
        way = self.end[first + at]
        begins = np.concatenate([[True], (np.diff(at) > 1) | (np.diff(way) > 0)])
        number = np.cumsum(begins) - 1
        size = np.bincount(number)
        head = at[begins] + first
        whole = size >= self.end[head] - self.first[head] + 1
        good = np.flatnonzero((size * SPACING_PX >= _LEAST_RUN_PX) | whole)
        if not len(good):
            return -1
        start = int(head[good[0]])
        near = (start - self.first[start]) * SPACING_PX <= scale
        return int(self.first[start]) if near else start

    def follow(self, sample: Indices, scale: Floats) -> PenLabels:
        """Labels of pens that follow their ways at samples (n,) with line widths (n,)."""
        step = np.rint(np.arange(1, PEN_POINTS + 1) * STEP * scale[:, None] / SPACING_PX).astype(np.int64)
        end = self.end[sample]
        at = np.minimum(sample[:, None] + np.maximum(step, 1), end[:, None])
        return PenLabels(
            self.xy[at],
            np.asarray(end - sample <= step[:, -1]),
            np.ones(len(sample), bool),
            at[:, -1],
        )

    def take_over(
        self,
        picture: int,
        xy: Floats,
        heading: float,
        scale: float,
        left: Bools,
        *,
        kept: int = -1,
        ahead: float = AHEAD,
    ) -> PenLabels:
        """Label of one pen that drives itself; see the top of the file.

        Args:
            picture: which.
            xy: (2,) the pen, work px.
            heading: radians.
            scale: line width, work px.
            left: which samples of the picture were undrawn before the pen's last step.
            kept: the sample that its last label led to; -1 for none.
            ahead: how far along the ways it looks, line widths.

        Returns:
            Labels of one row.
        """
        first, past = int(self.start[picture]), int(self.start[picture + 1])
        away = np.hypot(self.xy[first:past, 0] - xy[0], self.xy[first:past, 1] - xy[1])
        near = np.flatnonzero(away <= _NEAR * scale)
        if not len(near):
            near = away.argmin(keepdims=True)
        seen = np.concatenate([[0], np.cumsum(left)])
        reach = round(ahead * scale / SPACING_PX)
        low, high = self.first[first + near] - first, self.end[first + near] - first
        step = max(1, round(PEN_POINTS * STEP * scale / SPACING_PX))
        onward = np.minimum(near + reach, high)
        backward = np.maximum(near - reach, low)
        cost = away[near] / scale
        turn = np.cos(self.tangent[first + near] - heading)
        keeps = (np.abs(near - (kept - first)) * SPACING_PX <= _KEPT * scale) if kept >= 0 else False
        forth = cost + _TURN * (1 - turn) + _BLIND * (seen[onward + 1] <= seen[near + 1]) - _KEEP * keeps
        back = cost + _TURN * (1 + turn) + _BLIND * (seen[near] <= seen[backward]) + _BACK
        k, sign = (int(forth.argmin()), 1) if forth.min() <= back.min() else (int(back.argmin()), -1)
        j = int(near[k])
        if sign > 0:
            limit, beyond = int(high[k]), min(j + step, int(high[k]))
            more = seen[onward[k] + 1] > seen[beyond + 1]
            mine = np.flatnonzero(left[j : beyond + 1])
        else:
            limit, beyond = int(low[k]), max(j - step, int(low[k]))
            more = seen[beyond] > seen[backward[k]]
            mine = np.flatnonzero(left[beyond : j + 1][::-1])
        if not more:
            last = j + sign * int(mine[-1]) if len(mine) else j
            if len(mine) and abs(limit - last) * SPACING_PX <= _TO_END * scale:
                last = limit
            limit = last
        steps = np.rint(np.arange(1, PEN_POINTS + 1) * STEP * scale / SPACING_PX).astype(np.int64)
        at = j + sign * np.minimum(np.maximum(steps, 1), abs(limit - j))
        return PenLabels(
            self.xy[first + at][None],
            np.array([not more]),
            np.array([more or len(mine) > 0]),
            np.array([first + at[-1] if sign > 0 else -1]),
        )
