"""Where the line of a tone drawing runs: over the whole picture, evenly spaced.

Two courses, in any unit, y down, over a rectangle of W x H:

    scan     rows along the longer side, to and fro, joined by half ellipses
    spiral   r = s a / 2 pi about the middle, a = angle, from the middle outwards. Beyond the
             nearest edge only arcs of it lie inside. They are walked to and fro, each from the
             end that is nearest to where the pen is, along the edge from one to the next, so
             that the pen is lifted only on its way from one side of the picture to another.
             Last comes one line around the picture, along its edge.

A course is a list of pieces, each drawn without a lift: arrays (K, 3) of x, y and
room, the share of a full swing that the line has to its sides there (0 in turns).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Piece = NDArray[np.float64]

# The pen goes on from one arc to the next along the edge for so many spacings at the most; else it lifts.
_LONGEST_LINK = 12.0
# Distance of the outermost lines from the edge, in spacings. Half a spacing would be even, but the white
# rim would be what one sees first; so it is less. Turns bulge as far: half ellipses, since half
# circles leave the corners between them light.
_RIM = 0.3
# The spiral keeps this far from the edge, in spacings: the strip of the line around the picture, without
# which the ends of the arcs would leave a ragged light rim.
_FRAME = _RIM + 0.5
# Turns and links are drawn in so many steps at least.
_TURN_STEPS = 8


def scan(width: float, height: float, spacing: float, step: float) -> list[Piece]:
    """A meandering course over a rectangle.

    Args:
        width: W.
        height: H.
        spacing: distance of the rows; made to fit a whole number of them.
        step: distance of the points along a row.
    """
    if height > width:
        return [piece[:, [1, 0, 2]] for piece in scan(height, width, spacing, step)]
    rows = max(1, round((height - 2 * _RIM * spacing) / spacing) + 1)
    first = _RIM * spacing if rows > 1 else height / 2
    pitch = (height - 2 * first) / max(rows - 1, 1)
    radius = pitch / 2
    inset = min(_RIM * spacing, width / 4)
    count = max(2, int(np.ceil((width - 2 * inset) / step)) + 1)
    x = np.linspace(inset, width - inset, count)
    turn = np.linspace(-np.pi / 2, np.pi / 2, max(_TURN_STEPS, int(np.ceil(np.pi * radius / step))) + 1)[1:-1]
    parts = []
    for row in range(rows):
        y = first + row * pitch
        forward = row % 2 == 0
        parts.append(np.column_stack([x if forward else x[::-1], np.full(count, y), np.ones(count)]))
        if row + 1 < rows:
            bulge = inset * np.cos(turn)
            side = width - inset + bulge if forward else inset - bulge
            parts.append(np.column_stack([side, y + radius + radius * np.sin(turn), np.zeros(len(turn))]))
    return [np.concatenate(parts)]


def spiral(width: float, height: float, spacing: float, step: float) -> list[Piece]:
    """A round course over a rectangle; see ``scan`` for the arguments."""
    half = np.array([width / 2, height / 2])
    limit = np.maximum(half - _FRAME * spacing, spacing / 4)
    last = 2 * np.pi * float(np.hypot(*limit)) / spacing
    # Equal steps along the spiral: its length up to angle a is about s a^2 / 4 pi.
    count = max(16, int(np.ceil(spacing * last**2 / (4 * np.pi * step))))
    angle = last * np.sqrt(np.arange(count + 1) / count)
    radius = spacing * angle / (2 * np.pi)
    xy = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    inside = (np.abs(xy) <= limit).all(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(np.int8)))
    table = np.column_stack([xy + half, np.clip(radius / spacing - 0.5, 0.0, 1.0)])
    runs = [table[first:end] for first, end in edges.reshape(-1, 2) if end - first > 1]
    course = to_and_fro(runs, _LONGEST_LINK * spacing, step)
    return [*course, _frame(half, course[-1][-1, :2], spacing, step)]


def _frame(half: NDArray[np.float64], start: NDArray[np.float64], spacing: float, step: float) -> Piece:
    """One line around the picture along its edge, from the corner nearest to ``start``."""
    inset = np.minimum(_RIM * spacing, half / 2)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (half - inset) + half
    first = int(np.argmin(np.hypot(*(corners - start).T)))
    sides = []
    for k in range(4):
        a, b = corners[(first + k) % 4], corners[(first + k + 1) % 4]
        count = max(2, int(np.ceil(np.hypot(*(b - a)) / step)))
        sides.append(a + np.arange(count)[:, None] / count * (b - a))
    xy = np.concatenate([*sides, corners[first][None]])
    to_corner = np.min([np.hypot(*(xy - corner).T) for corner in corners], axis=0)
    return np.column_stack([xy, np.clip(to_corner / spacing - 0.5, 0.0, 1.0)])


def to_and_fro(runs: list[Piece], longest_link: float, step: float) -> list[Piece]:
    """Joins runs, from the first one on, always going on at the nearest end that is left.

    Args:
        runs: pieces (K, 3), one at least.
        longest_link: ways between runs that are longer are not drawn.
        step: distance of the points of those that are.
    """
    ends = np.stack([[run[0, :2], run[-1, :2]] for run in runs])
    left = np.ones(len(runs), dtype=bool)
    left[0] = False
    pieces, current = [], [runs[0]]
    while left.any():
        here = current[-1][-1, :2]
        away = np.where(left[:, None], np.hypot(*np.moveaxis(ends - here, 2, 0)), np.inf)
        number, end = divmod(int(np.argmin(away)), 2)
        left[number] = False
        run = runs[number] if end == 0 else runs[number][::-1]
        if away[number, end] <= longest_link:
            count = max(2, int(np.ceil(away[number, end] / step)))
            link = here + np.arange(1, count)[:, None] / count * (run[0, :2] - here)
            current += [np.column_stack([link, np.zeros(len(link))]), run]
        else:
            pieces.append(np.concatenate(current))
            current = [run]
    return [*pieces, np.concatenate(current)]
