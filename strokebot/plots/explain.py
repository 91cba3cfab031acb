"""How the hand came to its drawing: what the networks drew, how sure they were, and what the tour would do.

Four panels over the picture, px: the gesture over its way; the networks' own strokes with the places
where they were unsure; the tour by itself; and the lines of the gesture that the tour would draw
the other way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from strokebot.geometry.polyline import arc_length
from strokebot.gesture import Gesture
from strokebot.hand.draw import HandDrawing
from strokebot.plots import style
from strokebot.plots.figure import Entry, Figure, Line, Marks, Panel, Picture, TimedLine
from strokebot.plots.page import Grid, Page
from strokebot.plots.panels import add_time_bar
from strokebot.tour.follow import Track

Floats = NDArray[np.float64]

# Under this probability of the direction that was taken the networks were unsure.
UNSURE = 0.6
# The picture under the lines is this pale.
_PALE = 0.25
_LINE_PT, _THIN_PT, _MARK_PT, _START_PT = 1.6, 0.6, 5.0, 5.0
# Lines are compared in pieces of this many line widths.
_PIECE_WIDTHS = 4.0
_NOWHERE = np.zeros((0, 2))


def hand_figure(
    ink: NDArray[np.float32], hand: HandDrawing, gesture: Gesture, plain: Gesture | None, name: str
) -> Figure:
    """The figure.

    Args:
        ink: (H, W) the picture's ink.
        hand: what the networks drew.
        gesture: what is drawn.
        plain: what the tour would draw; None where that is the same.
        name: of the picture.
    """
    height, width = ink.shape
    grid = Grid.of(2, width / height, bars=True)
    grid = replace(grid, rows=4 if grid.columns == 1 else 2)
    key = [
        Entry(Marks(_NOWHERE, "circle", _START_PT, style.DRAWN, "#FFFFFF"), "start of a stroke"),
        Entry(Marks(_NOWHERE, "circle", _MARK_PT, style.ASTRAY), f"unsure: under {UNSURE:.0%}"),
        Entry(Line(_NOWHERE, style.ASTRAY, _LINE_PT), "the tour goes the other way"),
        Entry(Line(_NOWHERE, style.TRAVEL, _THIN_PT, dashed=True), "travel, pen up"),
    ]
    page = Page(grid, 4, key=key)
    a, b, c, d = page.pictures
    side = max(ink.shape)
    own = _strokes(gesture, side)
    other = own if plain is None else _strokes(plain, side)
    for panel, title, strokes in (
        (a, "(a) drawn", own),
        (b, "(b) as the networks drew it", [stroke[:, :2] for stroke in hand.strokes]),
        (c, "(c) by the tour alone", other),
    ):
        _background(panel, ink, title)
        last = _timed(panel, strokes, height)
        add_time_bar(page.figure, panel, last, "line drawn, px")
    unsure = [
        stroke[confidence < UNSURE, :2]
        for stroke, confidence in zip(hand.strokes, hand.confidence, strict=True)
    ]
    places = np.concatenate(unsure) if unsure else _NOWHERE
    b.show(Marks(_up(places, height), "circle", _MARK_PT, style.ASTRAY))
    _background(d, ink, "(d) where they differ")
    width_px = (
        float(np.median(np.concatenate([stroke[:, 2] for stroke in hand.strokes]))) if hand.strokes else 1.0
    )
    same, opposite = _compared(own, other, width_px)
    for lines, colour in ((same, style.TRAVEL), (opposite, style.ASTRAY)):
        if lines:
            parted = np.concatenate([np.vstack([_up(line, height), [[np.nan, np.nan]]]) for line in lines])
            d.show(Line(parted, colour, _LINE_PT))
    unlike = sum(float(arc_length(line)[-1]) for line in opposite)
    whole = unlike + sum(float(arc_length(line)[-1]) for line in same)
    points = sum(len(confidence) for confidence in hand.confidence)
    page.figure.title = style.title(
        name,
        [
            f"{len(own)} strokes (networks {len(hand.strokes)}, tour {len(other)})",
            f"unsure at {len(places) / max(points, 1):.0%} of the steps",
            f"{unlike / max(whole, 1e-9):.0%} of the line the other way than the tour",
        ],
    )
    return page.figure


def _strokes(gesture: Gesture, side: int) -> list[Floats]:
    """Runs on the paper, px."""
    down = gesture.pen_down
    points = gesture.positions * side
    change = np.flatnonzero(np.diff(down.astype(np.int8))) + 1
    return [
        run for run, inked in zip(np.split(points, change), np.split(down, change), strict=True) if inked[0]
    ]


def _up(points: Floats, height: int) -> Floats:
    return np.column_stack([points[:, 0], height - points[:, 1]])


def _background(panel: Panel, ink: NDArray[np.float32], title: str) -> None:
    height, width = ink.shape
    panel.spanned(0.0, width, 0.0, height)
    panel.show(Picture(style.grey(np.asarray(_PALE * ink, np.float32)), (0.0, width, 0.0, height)))
    panel.label(title, "px", "px")


def _timed(panel: Panel, strokes: Sequence[Floats], height: int) -> float:
    """Strokes coloured by the length drawn before; that length in all."""
    rows = [stroke for stroke in strokes if len(stroke) > 0]
    if not rows:
        return 0.0
    ways = [
        np.vstack([_up(one[-1:], height), _up(two[:1], height), [[np.nan] * 2]])
        for one, two in pairwise(rows)
    ]
    if ways:
        panel.show(Line(np.concatenate(ways), style.TRAVEL, _THIN_PT, dashed=True))
    drawn = np.concatenate([np.arange(len(row)) > 0 for row in rows])
    along, last = list[Floats](), 0.0
    for row in rows:
        along.append(last + arc_length(row))
        last = float(along[-1][-1])
    xy = _up(np.concatenate(rows), height)
    panel.show(TimedLine(xy, drawn, np.concatenate(along), max(last, 1e-9), _LINE_PT))
    starts = _up(np.array([row[0] for row in rows]), height)
    panel.show(Marks(starts, "circle", _START_PT, style.DRAWN, "#FFFFFF"))
    return last


def _compared(
    own: Sequence[Floats], other: Sequence[Floats], width_px: float
) -> tuple[list[Floats], list[Floats]]:
    """The pieces of one drawing, those apart that the other drawing first goes along the other way."""
    mine, theirs = Track(own, width_px), Track(other, width_px)
    pieces: dict[int, Floats] = {}
    for stroke in own:
        along = arc_length(stroke)
        if along[-1] <= 0:
            continue
        count = max(1, int(along[-1] / (_PIECE_WIDTHS * width_px)))
        for low, high in pairwise(np.linspace(0.0, along[-1], count + 1)):
            at = np.concatenate([[low], along[(along > low) & (along < high)], [high]])
            pieces[len(pieces)] = np.column_stack([np.interp(at, along, column) for column in stroke.T])
    # A line that is drawn twice counts as it is drawn first, by both.
    first, second = mine.votes(pieces), theirs.votes(pieces)
    unlike = {number for number in pieces if first[number].forward * second[number].forward < 0}
    same = [piece for number, piece in pieces.items() if number not in unlike]
    return same, [pieces[number] for number in sorted(unlike)]
